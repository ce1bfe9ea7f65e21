"""Several samples of one series and time: which of them speaks, whatever the order in which they came.

The rule, told in docs/concepts/what_becomes_data.en.md: a number goes before a missing value; of numbers the source
with the better rank speaks; of equal rank and different numbers the smallest, and the observation is in conflict.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import IntEnum
from typing import Literal, NamedTuple, Protocol

from soilco2.quality.records import WITHDRAWN, Sample, SeriesKey


class Reads(Protocol):
    """What a channel makes of its samples while it gives one series."""

    series: SeriesKey

    def reading(self, sample: Sample) -> float | None:
        """The number in the canonical unit, or None."""
        ...


FILE, TABLE = "file:", "import:"
"""How the source of a sample begins that came from a device's own file, and from a table."""

_ALLOWED = 1e-9
"""Relative difference of numbers that are the same: the same number in another unit misses by its last digits."""


class Rank(IntEnum):
    """How far a source goes before others; the smaller one speaks."""

    FILE = 0
    LIVE = 1
    TABLE = 2


class Ranks:
    """The rank of every source of a station.

    Parameters
    ----------
    by_connection : dict of str to Rank
    tables : str
        How serial numbers of imported tables begin.
    files : frozenset of str, optional
        Connections that bring files into them.
    """

    def __init__(
        self, by_connection: Mapping[str, Rank], tables: str, files: frozenset[str] = frozenset()
    ) -> None:
        self._by_connection, self._tables, self._files = by_connection, tables, files

    def of(self, sample: Sample) -> Rank:
        """The rank of what brought a sample."""
        if sample.source.startswith(FILE):
            return Rank.FILE
        if sample.serial.startswith(self._tables) and sample.source not in self._files:
            return Rank.TABLE
        return self._by_connection.get(sample.source, Rank.LIVE)


class Rivals(NamedTuple):
    """What stands at one series and time, and what speaks there.

    Parameters
    ----------
    series : SeriesKey
    time_us : int
        [µs UTC]
    samples : tuple of (Sample, float or None, Rank)
        Each with its number in the canonical unit and its rank.
    taken : Sample
        The one that speaks.
    conflict : bool
        Whether numbers of the best rank differ, so that a person must decide.
    """

    series: SeriesKey
    time_us: int
    samples: tuple[tuple[Sample, float | None, Rank], ...]
    taken: Sample
    conflict: bool


def same(first: float, second: float) -> bool:
    """Whether two readings in the canonical unit are one number."""
    return abs(first - second) <= _ALLOWED * max(1.0, abs(first), abs(second))


def outcome(
    reading: float | None, rank: Rank, before: Sequence[tuple[float | None, Rank]]
) -> Literal["stored", "duplicate", "conflict"]:
    """What becomes of a row that comes to a place where samples are already.

    Parameters
    ----------
    reading : float or None
        In the canonical unit.
    rank : Rank
    before : sequence of (float or None, Rank)
        What is there.

    Returns
    -------
    str
        ``stored``: it is data now. ``duplicate``: it says nothing new. ``conflict``: its number is not taken, since
        one of a better rank stands, or one of the same until somebody decides.
    """
    if reading is None:
        return "duplicate" if before else "stored"
    numbers = [(number, its) for number, its in before if number is not None]
    if any(same(number, reading) for number, _ in numbers):
        return "duplicate"
    return "stored" if all(rank < its for _, its in numbers) else "conflict"


def choose(time_us: int, those: Sequence[tuple[Sample, Reads]], ranks: Ranks) -> tuple[int, Rivals]:
    """Which of the samples of one series and time speaks.

    Parameters
    ----------
    time_us : int
        [µs UTC]
    those : sequence of (Sample, Reads)
        At least two.
    ranks : Ranks

    Returns
    -------
    index : int
        Of the sample that speaks, among `those`.
    rivals : Rivals
    """
    rows = [
        (sample, reads.reading(sample), ranks.of(sample), index)
        for index, (sample, reads) in enumerate(those)
    ]
    numbers = [row for row in rows if row[1] is not None]
    best = min((rank for _, _, rank, _ in numbers), default=None)
    top = [row for row in numbers if row[2] is best] or rows
    readings = [reading for _, reading, _, _ in top if reading is not None]
    taken = min(top, key=_order)
    conflict = bool(readings) and not same(min(readings), max(readings))
    standing = tuple((s, reading, rank) for s, reading, rank, _ in rows if s.status != WITHDRAWN)
    return taken[3], Rivals(those[0][1].series, time_us, standing, taken[0], conflict)


def _order(row: tuple[Sample, float | None, Rank, int]) -> tuple[object, ...]:
    """An order that looks at what a sample says, not at when it came; who says more goes first."""
    sample, reading, rank, _ = row
    return (
        reading is None,
        0.0 if reading is None else reading,
        sample.status == WITHDRAWN,
        rank,
        not sample.status,
        sample.status,
        sample.serial,
        sample.channel,
        sample.said or b"",
        sample.raw is None,
        sample.raw or 0.0,
    )
