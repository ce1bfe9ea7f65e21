"""Whose turn a line is: its thread's in a round, or that of a command between two rounds."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Turn:
    """One at a time; who borrows comes before the next round of the owner."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._taken = False
        self._borrowers = 0

    @contextmanager
    def own(self) -> Iterator[None]:
        """The owner's turn, after all that wait to borrow."""
        with self._changed:
            self._changed.wait_for(lambda: not self._taken and not self._borrowers)
            self._taken = True
        try:
            yield
        finally:
            self._give_back()

    @contextmanager
    def borrow(self) -> Iterator[None]:
        """A borrower's turn, after the round at work."""
        with self._changed:
            self._borrowers += 1
            self._changed.wait_for(lambda: not self._taken)
            self._borrowers -= 1
            self._taken = True
        try:
            yield
        finally:
            self._give_back()

    def _give_back(self) -> None:
        with self._changed:
            self._taken = False
            self._changed.notify_all()
