"""A published message, and a place where the stream was cut."""

from __future__ import annotations

Published = tuple[int, bytes, bytes, int]
"""Number on this connection (0: no acknowledgement is due), topic, payload, retained."""


class Cut(bytes):
    """The beginning of a message that was too long; `whole` is how long it was [bytes]."""

    whole: int
