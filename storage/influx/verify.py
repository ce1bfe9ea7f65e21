"""Does the database hold what the journal holds? Series by series, value by value, every gap by name."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from soilco2.quality.records import SeriesKey
from soilco2.station_config.times import DAY_US, iso
from soilco2.storage.reader import PIECE, Piece, Reader, SeriesInfo


@dataclass(frozen=True, slots=True)
class Gap:
    """A run of the journal's values that the database lacks, or holds with another value or flag.

    Parameters
    ----------
    kind : str
        ``"missing"`` or ``"different"``.
    first_us, last_us : int
        Times of the first and last value of the run [µs UTC], both part of it.
    count : int
        Values in it.
    """

    kind: str
    first_us: int
    last_us: int
    count: int


@dataclass(slots=True)
class Compared:
    """What was found for one series.

    Parameters
    ----------
    key : SeriesKey
    journal, database : int
        Values in each.
    missing : int
        In the journal and not in the database, without those that wait.
    waiting : int
        Missing because the forwarder has not come to them yet.
    different : int
        In both, with another value or flag.
    extra : int
        In the database only.
    gaps : list of Gap
        Oldest first.
    """

    key: SeriesKey
    journal: int = 0
    database: int = 0
    missing: int = 0
    waiting: int = 0
    different: int = 0
    extra: int = 0
    gaps: list[Gap] = field(default_factory=list)

    @property
    def equal(self) -> bool:
        """Whether the database holds everything that it should by now, as it should."""
        return not (self.missing or self.different)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "series": str(self.key),
            "journal": self.journal,
            "database": self.database,
            "missing": self.missing,
            "waiting": self.waiting,
            "different": self.different,
            "extra": self.extra,
            "gaps": [
                {"kind": gap.kind, "first": iso(gap.first_us), "last": iso(gap.last_us), "count": gap.count}
                for gap in self.gaps
            ],
        }


Waiting = Callable[[SeriesKey, int, int], Collection[int]]
"""Times of a series between two times that are still on their way."""


def compare(
    journal: Reader,
    database: Reader,
    infos: Sequence[SeriesInfo],
    start_us: int | None = None,
    end_us: int | None = None,
    waiting: Waiting | None = None,
) -> Iterator[Compared]:
    """Compare series between two times, in windows that bound memory and the size of a query.

    Parameters
    ----------
    journal, database : Reader
    infos : sequence of SeriesInfo
        Series to compare, as the journal describes them.
    start_us, end_us : int, optional
        From (inclusive) and to (exclusive) [µs UTC]; the journal's ends when left out.
    waiting : callable, optional
        What the forwarder has still to send; asked only where something is missing.
    """
    for info in infos:
        found = Compared(info.key)
        runs = _Runs(found.gaps)
        low = start_us if start_us is not None else info.first_us
        high = end_us if end_us is not None else None if info.last_us is None else info.last_us + 1
        if low is not None and high is not None:
            step = max(DAY_US, round((info.period_s or 1.0) * 1e6) * PIECE // 2)
            for begin in range(low, high, step):
                _window(journal, database, found, runs, begin, min(begin + step, high), waiting)
        runs.end()
        yield found


class _Runs:
    """Joins neighbours of one kind into gaps."""

    def __init__(self, gaps: list[Gap]) -> None:
        self._gaps = gaps
        self._open: tuple[str, int, int, int] | None = None

    def add(self, kind: str, time_us: int) -> None:
        if self._open is not None and self._open[0] == kind:
            self._open = (kind, self._open[1], time_us, self._open[3] + 1)
        else:
            self.end()
            self._open = (kind, time_us, time_us, 1)

    def end(self) -> None:
        if self._open is not None:
            self._gaps.append(Gap(*self._open))
            self._open = None


def _window(
    journal: Reader,
    database: Reader,
    found: Compared,
    runs: _Runs,
    begin: int,
    end: int,
    waiting: Waiting | None,
) -> None:
    times, values, flags = _whole(journal.read([found.key], begin, end))
    theirs, their_values, their_flags = _whole(database.read([found.key], begin, end))
    found.journal += len(times)
    found.database += len(theirs)
    same = times == theirs and flags == their_flags and values.tobytes() == their_values.tobytes()
    if same:
        if times:
            runs.end()
        return
    held = {
        time_us: (value, flag) for time_us, value, flag in zip(theirs, their_values, their_flags, strict=True)
    }
    absent = [time_us for time_us in times if time_us not in held]
    late = set(waiting(found.key, begin, end)) if waiting is not None and absent else set()
    for time_us, value, flag in zip(times, values, flags, strict=True):
        other = held.pop(time_us, None)
        if other is None:
            if time_us in late:
                found.waiting += 1
                runs.end()
            else:
                found.missing += 1
                runs.add("missing", time_us)
        elif other[1] != flag or not (other[0] == value or (other[0] != other[0] and value != value)):
            found.different += 1
            runs.add("different", time_us)
        else:
            runs.end()
    found.extra += len(held)


def _whole(pieces: Iterator[Piece]) -> tuple[array[int], array[float], array[int]]:
    times, values, flags = array("q"), array("d"), array("b")
    for piece in pieces:
        times.extend(piece.times)
        values.extend(piece.values)
        flags.extend(piece.flags)
    return times, values, flags
