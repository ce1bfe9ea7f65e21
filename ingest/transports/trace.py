"""Who may listen to a line."""

from __future__ import annotations

from collections.abc import Callable

Trace = Callable[[str, bytes], None]
"""Called with ``"out"`` or ``"in"`` and the bytes, as they go over the line."""


def untraced(_direction: str, _data: bytes) -> None:
    """Nobody listens."""
