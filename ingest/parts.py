"""The parts that a collector watches over."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic
from typing import Protocol

log = logging.getLogger(__name__)

_STOP_S = 20.0


class Part(Protocol):
    """A thread that the collector watches over."""

    failure: BaseException | None

    def start(self) -> None:
        """Begin."""
        ...

    def stop(self) -> None:
        """Ask it to end."""
        ...

    def join(self, timeout: float | None = None) -> None:
        """Wait for its end."""
        ...

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        ...


@dataclass
class Kept:
    """A part, how it is made, and how often it failed."""

    make: Callable[[], Part]
    key: object
    """What it was made from; another key is another part."""
    patience_s: float | None = None
    """Without a sign of life for longer than this it hangs [s]."""
    part: Part | None = None
    started: float = field(default_factory=monotonic)
    failures: int = 0
    again_at: float = 0.0
    beat: float = field(default_factory=monotonic)


def state(kept: Kept) -> str:
    """How a part is doing, in words."""
    if kept.part is None:
        return f"failed {kept.failures} times, starts again"
    return "running" if kept.part.alive else "ended"


def join(name: str, kept: Kept) -> None:
    """Wait for a part's end, and say when it does not come."""
    if kept.part is None:
        return
    kept.part.join(_STOP_S)
    if kept.part.alive:
        log.warning("%s did not stop within %.0f s", name, _STOP_S)
