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
        self._runs: dict[str, int] = {}
        for mark in self._known:
            name, _, rest = mark.partition(" run ")
            if rest:
                self._runs[name] = max(int(rest.split()[0]), self._runs.get(name, 0))
        self.fresh: list[str] = []

    def message_again(self, source: str, node: str, sequence: int, readings: list[Any]) -> bool:
        """Whether a node's message was heard before: by its number and the readings in it that have no time."""
        said = json.dumps(readings, sort_keys=True, separators=(",", ":")).encode()
        name = f"{source} {node}"
        return self._again(f"{name} run {self._runs.get(name, 0)} {sequence} {zlib.crc32(said):08x}")

    def retained_again(self, source: str, payload: bytes | bytearray) -> bool:
        """Whether the broker handed over this retained message before."""
        return self._again(f"{source} retained {len(payload)} {zlib.crc32(payload):08x}")

    def begin_again(self, source: str, node: str) -> None:
        """A node lost its memory: its numbers mean other messages from now on."""
        name = f"{source} {node}"
        self._runs[name] = self._runs.get(name, 0) + 1

    def _again(self, mark: str) -> bool:
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
