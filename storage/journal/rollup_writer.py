"""Keeping the rollups: what changed is counted again, a little at a time, and some of what is there as a check."""

from __future__ import annotations

import logging
import sqlite3
from array import array
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from math import isclose
from time import monotonic

from soilco2.quality.records import SeriesKey
from soilco2.station_config.message import Message
from soilco2.storage.journal.archive import Archive, WholeJournal, among, archives_of, folder_of
from soilco2.storage.journal.reader import JournalReader
from soilco2.storage.journal.rollups import (
    COLUMNS,
    HOUR_US,
    LEVELS,
    MOST_BEHIND,
    TEN_US,
    Bucket,
    Kinds,
    Rolled,
    buckets_of,
    dense,
    fold,
    runs,
)
from soilco2.storage.journal.rows import NewEvent
from soilco2.storage.journal.schema import TABLES, EventKind
from soilco2.storage.journal.session import Session
from soilco2.storage.reader import Piece

log = logging.getLogger(__name__)

PAUSE_S = 300.0
"""Between two looks at what changed, unless much did [s]: each writes a page a series."""
_AFTER_FAULT_S = 600.0
_ROWS = 10_000
_HOURS = 500
_AT_ONCE = 2000
"""Observations held at once: more is no faster, and counts in the memory of a station that catches up."""
_CHANGED = "SELECT rev, series, time_us FROM observation WHERE rev > ? ORDER BY rev LIMIT ?"
_CLOSING_S = 0.5
_NAN = float("nan")
DAY_US = LEVELS[0]


class RollupWriter:
    """Rollups that follow a journal's revisions.

    Parameters
    ----------
    session : Session
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._roll_at = self._rest_until = 0.0
        self._audited = (-1, 0)
        session.follow(self._load)

    def _load(self) -> None:
        self._rolled: int | None = int(text) if (text := self._session.meta("rolled")) else None

    def keep(self) -> None:
        """Go on with the rollups for a moment, if it is time; a fault is logged and tried again later."""
        behind = self._rolled is None or self._session.rev - self._rolled > _ROWS
        if monotonic() >= (self._roll_at if behind else max(self._roll_at, self._rest_until)):
            self._go_on()

    def _go_on(self) -> bool:
        """One step; True when more is to be done at once."""
        began = monotonic()
        try:
            more = self.roll()
            if not more:
                self.audit()
        except Exception as error:  # noqa: BLE001 - a fault in what can be made again must not cost a sample
            log.warning("the rollups cannot be brought up to date (%s: %s)", type(error).__name__, error)
            self._roll_at = monotonic() + _AFTER_FAULT_S
            return False
        took = monotonic() - began
        self._roll_at = monotonic() + (5 if more else 20) * took
        self._rest_until = 0.0 if more else monotonic() + PAUSE_S
        return more

    def finish(self) -> None:
        """Bring them up to date before the journal is closed, but not for long: the next writer goes on.

        Where they lag so far behind that no reader uses them, a moment would not help.
        """
        if self._session.rev - (self._rolled or 0) > MOST_BEHIND:
            return
        end = monotonic() + _CLOSING_S
        while self._session.rev != self._rolled and monotonic() < end and self._go_on():
            pass

    def roll(self) -> bool:
        """Count again what some of the newest revisions changed.

        Returns
        -------
        bool
            Whether something is left to be done.

        Raises
        ------
        StorageError
            When it could not be kept; then nothing of it is.
        """
        if self._rolled is None or not self._table_is_ours():
            self.forget()
        done = self._rolled or 0
        hours: dict[int, set[int]] = {}
        rows, count, upto = 0, 0, done
        with closing(self._session.db.execute(_CHANGED, (done, _ROWS))) as changed:
            for rev, series, time_us in changed:
                if (hour := time_us // HOUR_US) not in hours.get(series, ()):
                    if (count := count + 1) > _HOURS:
                        break
                    hours.setdefault(series, set()).add(hour)
                rows, upto = rows + 1, rev
            else:
                if rows < _ROWS:
                    upto = max(upto, self._session.rev)
        if not hours:
            self._rolled = upto
            return False
        with self._session.transaction():
            for number, some in hours.items():
                self._roll_hours(number, sorted(hour * HOUR_US for hour in some))
            self._session.meta("rolled", str(upto))
        self._rolled = upto
        return upto < self._session.rev

    def forget(self) -> None:
        """Begin them anew."""
        with self._session.transaction():
            self._session.db.execute("DROP TABLE IF EXISTS rollup")
            self._session.db.execute(TABLES["rollup"])
            self._session.meta("rolled", "0")
        self._rolled = 0
        self._roll_at = self._rest_until = 0.0

    def _table_is_ours(self) -> bool:
        found = self._session.db.execute("SELECT sql FROM sqlite_master WHERE name = 'rollup'").fetchone()
        return bool(found == (TABLES["rollup"],))

    def _roll_hours(self, number: int, starts: Sequence[int]) -> None:
        """Make the rollups of these hours, and the wider ones they are part of."""
        archives = among(self._all_archives(), starts[0], starts[-1] + HOUR_US)
        for begin, end in runs(starts, HOUR_US):
            tens = buckets_of(self._pieces(number, begin, end, archives), range(begin, end + 1, TEN_US))
            self._store(number, TEN_US, begin, end, dense(tens))
            self._store(number, HOUR_US, begin, end, tens)
        finer = HOUR_US
        for level in LEVELS[-3::-1]:
            for begin, end in runs(sorted({start // level * level for start in starts}), level):
                self._store(number, level, begin, end, stored(self._session.db, number, finer, begin, end))
            finer = level

    def _store(self, number: int, level: int, begin: int, end: int, made: Kinds) -> None:
        period_s = level // 1_000_000
        self._session.db.execute(
            "DELETE FROM rollup WHERE series = ? AND period_s = ? AND kind IN (0, 1, 2)"
            " AND start_us >= ? AND start_us < ?",
            (number, period_s, begin, end),
        )
        rows = [
            (number, period_s, kind, *bucket)
            for kind, some in enumerate(made)
            for bucket in (fold(some, level) if some else ())
        ]
        if rows:
            self._session.db.executemany("INSERT INTO rollup VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)", rows)

    def _all_archives(self) -> list[Archive]:
        return archives_of(folder_of(self._session.station))

    def _pieces(self, number: int, begin: int, end: int, archives: Sequence[Archive]) -> Iterator[Piece]:
        """Observations of a series, those that stand in an archive too."""
        key = next(key for key, known in self._session.series.items() if known == number)
        if not archives:
            return pieces_of(self._session.db, number, key, begin, end)
        with WholeJournal(self._session.path, archives) as whole:
            return iter(list(whole.read([key], begin, end)))

    def audit(self) -> None:
        """Count one day of one series again, the next one each time, and mend what differs."""
        series, since = self._audited
        row = self._session.db.execute(
            "SELECT series, time_us FROM observation WHERE (series, time_us) >= (?, ?)"
            " ORDER BY series, time_us LIMIT 1",
            (series, since),
        ).fetchone()
        if row is None:
            self._audited = (-1, 0)
            return
        number, day = row[0], row[1] // DAY_US * DAY_US
        self._audited = (number, day + DAY_US)
        if day < int(self._session.meta("rolled_from") or -(2**62)):
            return
        pieces = list(self._pieces(number, day, day + DAY_US, among(self._all_archives(), day, day + DAY_US)))
        if not differences(self._session.db, number, pieces, day, day + DAY_US):
            return
        with self._session.transaction():
            self._roll_hours(number, list(range(day, day + DAY_US, HOUR_US)))
            text = Message("rollups of a day differed from a recount; they were made again")
            data = {"series": number, "from_us": day, "to_us": day + DAY_US}
            self._session.event(NewEvent(EventKind.DAMAGE, "rollup", text, data))


def pieces_of(db: sqlite3.Connection, number: int, key: SeriesKey, begin: int, end: int) -> Iterator[Piece]:
    """A series' observations."""
    while rows := db.execute(
        "SELECT time_us, value, flag FROM observation WHERE series = ? AND time_us >= ? AND time_us < ?"
        " ORDER BY time_us LIMIT ?",
        (number, begin, end, _AT_ONCE),
    ).fetchall():
        times, values, flags = zip(*rows, strict=True)
        yield Piece(
            key,
            array("q", times),
            array("d", [_NAN if v is None else v for v in values] if None in values else values),
            array("b", flags),
        )
        begin = times[-1] + 1


def stored(db: sqlite3.Connection, number: int, level: int, begin: int, end: int) -> Kinds:
    """Rollups as they stand in the table."""
    good, flagged, empty = (
        [
            Bucket(*row)
            for row in db.execute(
                f"SELECT {COLUMNS} FROM rollup WHERE series = ? AND period_s = ? AND kind = ?"  # noqa: S608 - our own words
                " AND start_us >= ? AND start_us < ? ORDER BY start_us",
                (number, level // 1_000_000, kind, begin, end),
            )
        ]
        for kind in range(3)
    )
    return good, flagged, empty


def differences(
    db: sqlite3.Connection, number: int, pieces: Iterable[Piece], begin: int, end: int
) -> list[tuple[int, int]]:
    """Where rollups differ from a recount of the observations: (level, start), whole days."""
    pieces = list(pieces)
    found = []
    for level in LEVELS:
        made = buckets_of(pieces, range(begin, end + 1, level))
        made = dense(made) if level == TEN_US else made
        for ours, theirs in zip(made, stored(db, number, level, begin, end), strict=True):
            there = {bucket.start_us: bucket for bucket in theirs}
            counted = {bucket.start_us: bucket for bucket in fold(ours, level)}
            found += [
                (level, start)
                for start in sorted(there.keys() | counted.keys())
                if not _same(counted.get(start), there.get(start))
            ]
    return found


def _same(one: Bucket | None, other: Bucket | None) -> bool:
    if one is None or other is None:
        return one is other
    if one.mean is None or other.mean is None:
        return one == other
    close = isclose(one.mean, other.mean, rel_tol=1e-9, abs_tol=1e-12)
    return close and one._replace(mean=None) == other._replace(mean=None)


def check_rollups(reader: JournalReader) -> Iterator[Message]:
    """Count every observation again and name the rollups that differ, one sentence a series.

    What changed since they were made is left out: no answer takes it from them.
    """
    with Rolled(reader) as rolled:
        if not rolled.usable:
            return
        for info in reader.series():
            number = rolled.number(info.key)
            span = None if number is None else rolled.span(number)
            if number is None or span is None:
                continue
            wrong: list[tuple[int, int]] = []
            for day in range(*span, 30 * DAY_US):
                end = min(day + 30 * DAY_US, span[1])
                pieces = list(reader.read([info.key], day, end))
                wrong += [
                    (level, start)
                    for level, start in differences(reader._db, number, pieces, day, end)
                    if not rolled.changed(number, level, start)
                ]
            if wrong:
                yield Message(
                    "rollups of {series}: {count} differ from a recount; 'soilco2 reprocess STATION --rollups' makes "
                    "them again",
                    series="/".join(info.key[1:]),
                    count=len(wrong),
                )
