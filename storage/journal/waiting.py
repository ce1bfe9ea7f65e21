"""Readings that wait for judgement: stretches of channels, marked in the transaction that keeps the readings."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator
from operator import itemgetter
from typing import NamedTuple

from soilco2.storage.journal.session import Session

NEAR_US = 3_600_000_000
"""Two stretches of a channel that are no further apart are one [µs]: they would be judged together anyhow."""


_BY_START = itemgetter(1)


class Mark(NamedTuple):
    """Times of a channel whose readings wait for judgement, `until_us` exclusive [µs UTC]."""

    channel: int
    from_us: int
    until_us: int


class Waiting:
    """The marks of a journal, in its table and in memory.

    Parameters
    ----------
    session : Session
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        session.follow(self._load)

    def _load(self) -> None:
        self._of: dict[int, list[tuple[int, int]]] = {}
        for channel, *span in self._session.db.execute(
            "SELECT channel, from_us, until_us FROM waiting ORDER BY channel, from_us"
        ):
            self._of.setdefault(channel, []).append((span[0], span[1]))

    def __bool__(self) -> bool:
        return bool(self._of)

    def add(self, marks: Iterable[Mark]) -> None:
        """Write marks, within a transaction; those of a channel that lie near each other become one."""
        gone: set[Mark] = set()
        come: set[Mark] = set()
        for channel, from_us, until_us in sorted(marks):
            rows = self._of.setdefault(channel, [])
            first = bisect_right(rows, (from_us, until_us))
            if first and rows[first - 1][1] + NEAR_US >= from_us:
                first -= 1
            last = first
            low, high = from_us, until_us
            while last < len(rows) and rows[last][0] <= high + NEAR_US:
                low, high = min(low, rows[last][0]), max(high, rows[last][1])
                last += 1
            if rows[first:last] == [(low, high)]:
                continue
            for row in rows[first:last]:
                _replace(Mark(channel, *row), come, gone)
            rows[first:last] = [(low, high)]
            _replace(Mark(channel, low, high), gone, come)
        self._write(gone, come)

    def settle(self, channels: Collection[int], from_us: int, until_us: int) -> None:
        """Take marks back within a transaction: of these channels, as far as they lie in a window [µs UTC]."""
        gone: set[Mark] = set()
        come: set[Mark] = set()
        for channel in channels:
            left = []
            for low, high in self._of.get(channel, ()):
                if high <= from_us or low >= until_us:
                    left.append((low, high))
                    continue
                gone.add(Mark(channel, low, high))
                rest = [(a, b) for a, b in ((low, from_us), (until_us, high)) if a < b]
                come.update(Mark(channel, *span) for span in rest)
                left += rest
            if left:
                self._of[channel] = left
            else:
                self._of.pop(channel, None)
        self._write(gone, come)

    @property
    def channels(self) -> list[int]:
        """Those of which something waits."""
        return list(self._of)

    def clusters(self, channels: Iterable[int], reach_us: int) -> Iterator[list[Mark]]:
        """Marks of some channels that are best judged together, the oldest first: none starts further than `reach_us`
        behind the end of those before it.
        """
        some: list[Mark] = []
        end = 0
        every = (Mark(channel, *row) for channel in channels for row in self._of.get(channel, ()))
        for mark in sorted(every, key=_BY_START):
            if some and mark.from_us > end + reach_us:
                yield some
                some = []
            end = max(end, mark.until_us) if some else mark.until_us
            some.append(mark)
        if some:
            yield some

    def of(self, channels: Iterable[int]) -> bool:
        """Whether something of these channels waits."""
        return any(channel in self._of for channel in channels)

    def _write(self, gone: set[Mark], come: set[Mark]) -> None:
        db = self._session.db
        if gone:
            db.executemany("DELETE FROM waiting WHERE channel = ? AND from_us = ?", [row[:2] for row in gone])
        if come:
            db.executemany("INSERT INTO waiting VALUES (?, ?, ?)", list(come))


def _replace(mark: Mark, out_of: set[Mark], into: set[Mark]) -> None:
    """A mark changes sides; one that came and went in the same transaction was never written."""
    if mark in out_of:
        out_of.remove(mark)
    else:
        into.add(mark)
