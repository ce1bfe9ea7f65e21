"""Rollups: counts, extremes and means of each series by ten minutes, hour, six hours and day: a year in no time.

They follow `rev` and are never trusted further than they reach: what changed since they were made, what a window cuts,
and what they do not cover is read from the observations themselves. `soilco2.storage.journal.rollup_writer`
makes and checks them.
"""

from __future__ import annotations

import json
from array import array
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import chain
from math import fsum, isfinite
from operator import itemgetter
from typing import Any, NamedTuple

from soilco2.quality.records import SeriesKey
from soilco2.storage.errors import StorageError
from soilco2.storage.journal.reader import JournalReader
from soilco2.storage.journal.schema import TABLES
from soilco2.storage.reader import Piece

HOUR_US = 3_600_000_000
TEN_US = HOUR_US // 6
LEVELS = (24 * HOUR_US, 6 * HOUR_US, HOUR_US, TEN_US)
"""Widths of the rollups, the widest first [µs]; each a multiple of the next."""
FEW = 24
"""An hour of so many observations has no rollups of ten minutes: its observations are read as fast."""
GOOD, FLAGGED, EMPTY = 0, 1, 2
"""Kinds of observations: flag 1 or 2; another flag with a value; no value."""
MOST_BEHIND = 50_000
"""Observations that the rollups may lag behind; further back they are left aside."""
COLUMNS = "start_us, n, low, low_us, low_flag, high, high_us, high_flag, mean, worst"


class Bucket(NamedTuple):
    """Observations of one kind and series in one stretch of time.

    Parameters
    ----------
    start_us : int
        [µs UTC]
    n : int
        How many.
    low, low_us, low_flag : float, int, int
        The smallest value, when it was first met, its flag; None without values.
    high, high_us, high_flag : float, int, int
    mean : float
    worst : int
        The greatest flag.
    """

    start_us: int
    n: int
    low: float | None
    low_us: int | None
    low_flag: int | None
    high: float | None
    high_us: int | None
    high_flag: int | None
    mean: float | None
    worst: int


class Stretches(NamedTuple):
    """A span cut into stretches that rollups can fill.

    Parameters
    ----------
    level_us : int
        Width of the rollups used; 0 when the span is too short for any and is cut evenly [µs].
    edges : list of int
        Where the stretches begin, and the end of the last [µs UTC].
    """

    level_us: int
    edges: list[int]


def stretches(start_us: int, end_us: int, count: int) -> Stretches:
    """Cut a span into `count` stretches, whole multiples of a rollup's width where it is long enough for that."""
    for level in LEVELS:
        first, number = start_us // level, (end_us - 1) // level - start_us // level + 1
        if number >= count:
            return Stretches(level, [(first + -(-k * number // count)) * level for k in range(count + 1)])
    step = max(1, -(-(end_us - start_us) // count))
    return Stretches(0, [start_us + k * step for k in range(count + 1)])


Point = tuple[int, float, int]
"""A value that stays: time [µs UTC], value, flag."""
Kinds = tuple[list[Bucket], list[Bucket], list[Bucket]]
"""Buckets by kind, oldest first."""


def buckets_of(pieces: Iterable[Piece], edges: Sequence[int]) -> Kinds:
    """Buckets of one series between edges; a stretch that two pieces share gives two."""
    found: Kinds = ([], [], [])
    for piece in pieces:
        k = j = 0
        times = piece.times
        while j < len(times):
            k = bisect_left(edges, times[j] + 1, k) - 1
            if k + 1 >= len(edges):
                break
            i, j = j, bisect_left(times, edges[k + 1], j)
            if k >= 0:
                _split(found, edges[k], times[i:j], piece.values[i:j], piece.flags[i:j])
            k = max(k, 0)
    return found


def _split(found: Kinds, start: int, times: array[int], values: array[float], flags: array[int]) -> None:
    if max(flags) <= 2 and isfinite(sum(values)):
        found[GOOD].append(_bucket(start, times, values, flags))
        return
    rows = list(zip(times, values, flags, strict=True))
    good = [row for row in rows if row[2] <= 2 and isfinite(row[1])]
    flagged = [row for row in rows if row[2] > 2 and isfinite(row[1])]
    for kind, some in ((GOOD, good), (FLAGGED, flagged)):
        if some:
            found[kind].append(_bucket(start, *zip(*some, strict=True)))
    if empty := [row[2] for row in rows if not isfinite(row[1])]:
        found[EMPTY].append(Bucket(start, len(empty), None, None, None, None, None, None, None, max(empty)))


def _bucket(start: int, times: Sequence[int], values: Sequence[float], flags: Sequence[int]) -> Bucket:
    low, high = min(values), max(values)
    i, j = values.index(low), values.index(high)
    mean = fsum(values) / len(values)
    return Bucket(start, len(values), low, times[i], flags[i], high, times[j], flags[j], mean, max(flags))


def fold(buckets: Iterable[Bucket], level_us: int) -> list[Bucket]:
    """Buckets, oldest first, put together to wider ones."""
    groups: dict[int, list[Bucket]] = {}
    for bucket in buckets:
        groups.setdefault(bucket.start_us // level_us * level_us, []).append(bucket)
    found = []
    for start, some in groups.items():
        n, worst = sum(b.n for b in some), max(b.worst for b in some)
        if some[0].low is None:
            found.append(Bucket(start, n, None, None, None, None, None, None, None, worst))
            continue
        low = min(some, key=lambda b: b.low)  # type: ignore[arg-type, return-value]
        high = max(some, key=lambda b: b.high)  # type: ignore[arg-type, return-value]
        mean = fsum(b.mean * b.n for b in some if b.mean is not None) / n
        found.append(Bucket(start, n, *low[2:5], *high[5:8], mean, worst))
    return found


def dense(tens: Kinds) -> Kinds:
    """Of buckets of ten minutes, or parts of them, those in hours of more than `FEW` observations."""
    counts: Counter[int] = Counter()
    for bucket in chain(*tens):
        counts[bucket.start_us // HOUR_US] += bucket.n
    good, flagged, empty = ([b for b in kind if counts[b.start_us // HOUR_US] > FEW] for kind in tens)
    return good, flagged, empty


class Rolled:
    """The rollups of a journal as one moment shows them; a context manager around one answer.

    Parameters
    ----------
    reader : JournalReader
        Of the journal, with its archives or without.
    """

    def __init__(self, reader: JournalReader) -> None:
        self._reader, self._db = reader, reader._db
        self.usable = False
        """Whether there are rollups that can be used at all."""

    def __enter__(self) -> Rolled:
        self._db.execute("BEGIN")
        self._changed: dict[int, set[int]] = {}
        try:
            self.usable = self._look()
        except StorageError:  # what is wrong with them is the writer's; the observations are read
            self.usable = False
        return self

    def __exit__(self, *_: object) -> None:
        if self._db.in_transaction:
            with suppress(StorageError):  # nothing was written; a damaged page met before is told again here
                self._db.execute("ROLLBACK")

    def _look(self) -> bool:
        made = self._db.execute("SELECT sql FROM sqlite_master WHERE name = 'rollup'").fetchone()
        rolled = self._reader._meta("rolled")
        if made != (TABLES["rollup"],) or not rolled:
            return False
        self._from = int(self._reader._meta("rolled_from") or -(2**62))
        rows = self._db.execute(
            "SELECT series, time_us FROM observation WHERE rev > ? LIMIT ?", (int(rolled), MOST_BEHIND + 1)
        ).fetchall()
        for series, time_us in rows:
            self._changed.setdefault(series, set()).add(time_us // HOUR_US)
        return len(rows) <= MOST_BEHIND

    def number(self, key: SeriesKey) -> int | None:
        """The series' number when rollups can answer for it: a derived series has none."""
        number = self._reader._id(key) if self.usable else None
        if (
            number is None
            or self._db.execute("SELECT 1 FROM derived WHERE series = ? LIMIT 1", (number,)).fetchone()
        ):
            return None
        return number

    def changed(self, number: int, level: int, start_us: int) -> bool:
        """Whether a bucket changed since its rollup was made, or lies before where they begin."""
        hours = self._changed.get(number, set())
        return start_us < self._from or any(
            start_us // HOUR_US <= hour <= (start_us + level - 1) // HOUR_US for hour in hours
        )

    def span(self, number: int) -> tuple[int, int] | None:
        """The days of a series that there are rollups or observations of."""
        found = self._db.execute(
            "SELECT min(low), max(high) FROM (SELECT min(time_us) AS low, max(time_us) AS high FROM observation"
            " WHERE series = ? UNION ALL SELECT min(start_us), max(start_us) FROM rollup WHERE series = ?)",
            (number, number),
        ).fetchone()
        if found[0] is None:
            return None
        day = LEVELS[0]
        return found[0] // day * day, (found[1] // day + 1) * day

    def _loose(self, number: int, level: int, start_us: int, end_us: int) -> tuple[int, list[int]]:
        """From where on there are rollups, and the buckets from there on that are made anew."""
        first, last = start_us // level * level, end_us // level * level
        since = max(first, min(-(-self._from // level) * level, end_us))
        hours = {hour * HOUR_US for hour in self._changed.get(number, ())}
        if level < HOUR_US:
            hours |= {start for start, n in self._hours(number, start_us, end_us) if n <= FEW}
        starts = {(hour + part) // level * level for hour in hours for part in range(0, HOUR_US, level)}
        starts |= {first} if first < start_us else set()
        starts |= {last} if last < end_us else set()
        return since, sorted(at for at in starts if since <= at < end_us)

    def _hours(self, number: int, start_us: int, end_us: int) -> list[tuple[int, int]]:
        """Hours that rollups hold, and how many observations each has."""
        return self._db.execute(
            "SELECT start_us, sum(n) FROM rollup WHERE series = ? AND period_s = 3600 AND kind IN (0, 1, 2)"
            " AND start_us >= ? AND start_us < ? GROUP BY start_us",
            (number, start_us // HOUR_US * HOUR_US, end_us),
        ).fetchall()

    def _plain(self, number: int, level: int, start_us: int, end_us: int) -> bool:
        """Whether a span holds so little that rollups of ten minutes would save nothing."""
        hours = self._hours(number, start_us, end_us) if level < HOUR_US else []
        return level < HOUR_US and sum(n for _, n in hours) <= FEW * len(hours)

    def _made(
        self, key: SeriesKey, since: int, loose: Sequence[int], level: int, start_us: int, end_us: int
    ) -> Kinds:
        """Buckets made from the observations."""
        found: Kinds = ([], [], [])
        before = [(start_us // level * level, since)] if start_us < since else []
        for begin, end in (*before, *runs(loose, level)):
            pieces = self._reader.read([key], max(begin, start_us), min(end, end_us))
            for kind, some in zip(found, buckets_of(pieces, range(begin, end + 1, level)), strict=True):
                kind.extend(some)
        return found

    def extremes(
        self, key: SeriesKey, cut: Stretches, start_us: int, end_us: int
    ) -> tuple[int, list[Point]] | None:
        """How many observations a span holds, and the smallest and largest of each stretch, oldest first.

        Parameters
        ----------
        key : SeriesKey
        cut : Stretches
            With a level.
        start_us, end_us : int
            The span [µs UTC].

        Returns
        -------
        tuple or None
            None when the rollups cannot answer: read the observations.
        """
        try:
            return self._extremes(key, cut, start_us, end_us)
        except StorageError:  # a damaged page of theirs costs time, no answer
            self.usable = False
            return None

    def _extremes(
        self, key: SeriesKey, cut: Stretches, start_us: int, end_us: int
    ) -> tuple[int, list[Point]] | None:
        number = self.number(key)
        if number is None or not cut.level_us:
            return None
        level, last = cut.level_us, cut.edges[-1]
        if self._plain(number, level, start_us, end_us):
            return None
        since, loose = self._loose(number, level, start_us, end_us)
        made = self._made(key, since, loose, level, start_us, end_us)
        anew = set(loose)
        total = sum(bucket.n for kind in made for bucket in kind)
        points: list[Point] = []
        for kind in (GOOD, FLAGGED):
            # at most six buckets a stretch: sorting them out here costs less than the sort of a GROUP BY for each end
            rows = self._db.execute(
                "SELECT start_us, n, low, low_us, low_flag, high, high_us, high_flag FROM rollup WHERE series = ?"
                " AND period_s = ? AND kind = ? AND start_us >= ? AND start_us < ? ORDER BY start_us",
                (number, level // 1_000_000, kind, since, last),
            ).fetchall()
            if anew:
                rows = [row for row in rows if row[0] not in anew]
            total += sum(row[1] for row in rows)
            if made[kind]:
                rows = sorted([*rows, *(bucket[:8] for bucket in made[kind])], key=itemgetter(0))
            points += _ends(rows, cut.edges)
        total += self._db.execute(
            "SELECT coalesce(sum(n), 0) FROM rollup WHERE series = ? AND period_s = ? AND kind = ? AND start_us >= ?"
            " AND start_us < ? AND start_us NOT IN (SELECT value FROM json_each(?))",
            (number, level // 1_000_000, EMPTY, since, last, json.dumps(loose)),
        ).fetchone()[0]
        points.sort()
        return total, list(dict.fromkeys(points))

    def means(
        self, key: SeriesKey, first_us: int, step_us: int, end_us: int
    ) -> tuple[list[tuple[int, float, int, int]], list[tuple[int, float, int, int]]] | None:
        """Sums of good and of flagged values in columns: (column, sum, number, worst flag).

        Parameters
        ----------
        key : SeriesKey
        first_us : int
            Where the first column begins [µs UTC].
        step_us : int
            Width of a column, a whole number of some rollup's [µs].
        end_us : int
            [µs UTC]

        Returns
        -------
        tuple or None
            None when the rollups cannot answer: read the observations.
        """
        try:
            return self._means(key, first_us, step_us, end_us)
        except StorageError:
            self.usable = False
            return None

    def _means(
        self, key: SeriesKey, first_us: int, step_us: int, end_us: int
    ) -> tuple[list[tuple[int, float, int, int]], list[tuple[int, float, int, int]]] | None:
        number = self.number(key)
        level = next((one for one in LEVELS if step_us % one == first_us % one == 0), 0)
        if number is None or not level or self._plain(number, level, first_us, end_us):
            return None
        since, loose = self._loose(number, level, first_us, end_us)
        out = []
        for kind, some in enumerate(self._made(key, since, loose, level, first_us, end_us)[:2]):
            rows = self._db.execute(
                "SELECT (start_us - ?) / ?, sum(mean * n), sum(n), max(worst) FROM rollup WHERE series = ?"
                " AND period_s = ? AND kind = ? AND start_us >= ? AND start_us < ?"
                " AND start_us NOT IN (SELECT value FROM json_each(?)) GROUP BY 1",
                (first_us, step_us, number, level // 1_000_000, kind, since, end_us, json.dumps(loose)),
            ).fetchall()
            rows += [((b.start_us - first_us) // step_us, (b.mean or 0.0) * b.n, b.n, b.worst) for b in some]
            out.append(rows)
        return out[0], out[1]


def _ends(rows: Iterable[Any], edges: Sequence[int]) -> list[Point]:
    """The smallest and the largest value of each stretch, the first of equal ones; of buckets, oldest first."""
    points: list[Point] = []
    end = edges[0]
    least = most = 0.0
    low = high = (0, 0.0, 0)
    for start, _, low_v, low_us, low_flag, high_v, high_us, high_flag in rows:
        if start >= end:
            points += (low, high)
            end = edges[bisect_right(edges, start)]
            least, low = low_v, (low_us, low_v, low_flag)
            most, high = high_v, (high_us, high_v, high_flag)
            continue
        if low_v < least:
            least, low = low_v, (low_us, low_v, low_flag)
        if high_v > most:
            most, high = high_v, (high_us, high_v, high_flag)
    return [*points[2:], low, high] if points else []


def runs(starts: Sequence[int], level: int) -> Iterator[tuple[int, int]]:
    """Neighbours put together: (begin, end)."""
    begin = end = None
    for at in starts:
        if at != end:
            if begin is not None and end is not None:
                yield begin, end
            begin = at
        end = at + level
    if begin is not None and end is not None:
        yield begin, end
