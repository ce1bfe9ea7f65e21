"""Messages that were heard, so that a repeat is known where no time tells it: they are kept in the journal too."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable
from typing import Any

MOST = 10_000
"""Messages remembered; the journal keeps as many."""


class Heard:
    """Messages by their marks.

    Parameters
    ----------
    known : iterable of str
        Marks, the oldest first.

    Attributes
    ----------
    fresh : list of str
        Marks that the journal does not have yet.
    """

    def __init__(self, known: Iterable[str] = ()) -> None:
        self._known = dict.fromkeys(known)
        self.fresh: list[str] = []

    def again(self, mark: str) -> bool:
        """Whether a message was heard before; from now on it was."""
        if mark in self._known:
            return True
        self._known[mark] = None
        self.fresh.append(mark)
        if len(self._known) > MOST:
            del self._known[next(iter(self._known))]
        return False

    def take_fresh(self) -> list[str]:
        """The marks to be kept with the next commit."""
        fresh, self.fresh = self.fresh, []
        return fresh


def message_mark(source: str, node: str, sequence: int, readings: list[Any]) -> str:
    """A message by its node, its sequence and the readings in it that have no time of their own."""
    said = json.dumps(readings, sort_keys=True, separators=(",", ":")).encode()
    return f"{source} {node} {sequence} {zlib.crc32(said):08x}"


def retained_mark(source: str, payload: bytes | bytearray) -> str:
    """A retained message by its bytes."""
    return f"{source} retained {len(payload)} {zlib.crc32(payload):08x}"
