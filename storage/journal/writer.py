"""The one thing that changes a journal: samples in, observations made, cursors moved, flags set."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from soilco2.quality.pipeline import ManualFlag, Outcome, Pipeline, Stretch, recompute
from soilco2.quality.records import Flag, Observation, Sample, SeriesKey
from soilco2.station_config.loader import Station
from soilco2.station_config.times import DAY_US
from soilco2.storage.errors import StorageError
from soilco2.storage.journal.archive import (
    Archive,
    among,
    archived_observations,
    archives_of,
    folder_of,
    with_archived,
)
from soilco2.storage.journal.bulk_insert import Insertion
from soilco2.storage.journal.connection import JournalLock, crc, storage_error
from soilco2.storage.journal.reader import JournalReader
from soilco2.storage.journal.rollup_writer import Rolling
from soilco2.storage.journal.samples import CommitResult, NewEvent, Parked
from soilco2.storage.journal.schema import EventKind
from soilco2.storage.reader import nearest

_UPSERT = Insertion(
    "INSERT INTO observation",
    "?" * 9,
    "ON CONFLICT (series, time_us) DO UPDATE SET value = excluded.value, raw = excluded.raw,"
    " flag = excluded.flag, tests = excluded.tests, corrections = excluded.corrections,"
    " config = excluded.config, rev = excluded.rev"
    " WHERE value IS NOT excluded.value OR raw IS NOT excluded.raw OR flag <> excluded.flag"
    " OR tests <> excluded.tests OR corrections <> excluded.corrections",
)
_UPSERT_DERIVED = Insertion(
    "INSERT INTO derived",
    "?" * 8,
    "ON CONFLICT (series, method, time_us) DO UPDATE SET value = excluded.value, lower = excluded.lower,"
    " upper = excluded.upper, rev = excluded.rev, reason = excluded.reason"
    " WHERE value IS NOT excluded.value OR lower IS NOT excluded.lower OR upper IS NOT excluded.upper"
    " OR reason <> excluded.reason",
)


class Writer(Rolling):
    """The writing side of a station's journal; one at a time, by a lock.

    Make it with `Writer.open`. It is used from one thread at a time.
    """

    def __init__(self, station: Station, lock: JournalLock, now_us: Callable[[], int]) -> None:
        self._lock = lock
        self._pipeline: Pipeline | None = None
        super().__init__(station.journal_path, now_us)
        self.station = station
        self.install_config(station)

    def _forget(self) -> None:
        self._pipeline = None

    @classmethod
    def open(cls, station: Station, *, now_us: Callable[[], int] | None = None) -> Writer:
        """Take the lock and open the journal, making it when there is none.

        Parameters
        ----------
        station : Station
        now_us : callable, optional
            The station's clock [µs UTC]; the system's by default.

        Raises
        ------
        JournalBusyError
            When another process writes; it names the process.
        StorageError
            When the folder cannot be written.
        """
        lock = JournalLock(station.journal_path)
        try:
            return cls(station, lock, now_us or (lambda: time.time_ns() // 1000))
        except BaseException:
            lock.release()
            raise

    def close(self) -> None:
        """Checkpoint and let the next writer in."""
        try:
            self._finish_rollups()
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            self._db.close()
        except sqlite3.Error as error:
            raise storage_error(self.path, error) from error
        finally:
            self._lock.release()

    def __enter__(self) -> Writer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def commit(
        self,
        samples: Sequence[Sample] = (),
        *,
        parked: Sequence[Parked] = (),
        events: Sequence[NewEvent] = (),
        counts: Iterable[tuple[str, str, int]] = (),
    ) -> CommitResult:
        """Keep samples and what came with them, in one transaction that is on disk when this returns.

        A sample of the same channel and time with the same number or the same registers is a duplicate; with another
        number it is parked as a conflict. In = stored + duplicate + rejected is counted by source.

        Parameters
        ----------
        samples : sequence of Sample
        parked : sequence of Parked
            Messages that could not be understood.
        events : sequence of NewEvent
        counts : iterable of (source, name, amount)
            Further counters, such as what was rejected before it became a sample.

        Raises
        ------
        StorageError
            When it could not be kept; then nothing of it is.
        """
        totals: dict[tuple[str, str], int] = {}
        if samples:
            self._keep_within_limit(len(samples))
        with self._transaction():
            kept, duplicate, conflicts = self._keep(samples, totals)
            made = self._observe(kept) if kept else 0
            for entry in (*parked, *conflicts):
                self._park(entry)
            if parked or conflicts:
                self._bound_parked(totals)
            for event in events:
                self._event(event)
            for source, name, amount in counts:
                totals[source, name] = totals.get((source, name), 0) + amount
            self._count(totals)
        return CommitResult(len(kept), duplicate, len(conflicts), made, self._seq, self._rev)

    # observations

    def _manual(self) -> list[ManualFlag]:
        revoked = {
            json.loads(row[0])["event"]
            for row in self._db.execute("SELECT data FROM event WHERE kind = 'flag_revoked'")
        }
        flags = []
        for number, data in self._db.execute("SELECT id, data FROM event WHERE kind = 'flag'"):
            if number not in revoked:
                f = json.loads(data)
                flags.append(
                    ManualFlag(
                        SeriesKey(*f["series"]),
                        f["from_us"],
                        f["until_us"],
                        Flag(f["flag"]),
                        f["who"],
                        f["why"],
                        number,
                    )
                )
        return flags

    def _ready(self) -> Pipeline:
        """The pipeline, primed with what was judged before; what is being kept just now is not among it."""
        if self._pipeline is None or self._pipeline.stale:
            pipeline = Pipeline(self.station.deployments, self.station.hash, self._manual())
            newest = self._newest_us()
            if newest is not None:
                since = newest - pipeline.lookback_us
                pipeline.prime(self._samples(since, newest + 1, self._judged), since)
            self._pipeline = pipeline
        return self._pipeline

    def _newest_us(self) -> int | None:
        """The newest time that was judged; a stamp from the future does not count."""
        limit = self._now_us() + int(self.station.file.quality.future_tolerance * 1e6)
        row = self._db.execute(
            "SELECT max((SELECT time_us FROM sample WHERE channel = channel.id AND time_us <= ?1 AND seq <= ?2"
            " ORDER BY time_us DESC LIMIT 1)) FROM channel",
            (limit, self._judged),
        ).fetchone()
        return None if row[0] is None else int(row[0])

    def _samples(self, start_us: int, end_us: int, upto_seq: int = 2**62) -> Iterator[Sample]:
        live = _InTransaction(self._db).samples(start_us, end_us, upto_seq)
        archives = self._archives(start_us, end_us)
        return with_archived(live, archives, start_us, end_us) if archives else live

    def _archives(self, start_us: int, end_us: int) -> list[Archive]:
        return among(archives_of(folder_of(self.station)), start_us, end_us)

    def _observe(self, kept: Sequence[Sample]) -> int:
        """Make observations of new samples; a fault in quality never costs a sample."""
        try:
            timed = any(s.time_us is not None for s in kept)
            given, stretches = self._ready().feed(kept) if timed else Outcome([], [])
            made = self._put_and_remake(given, stretches) if stretches else self._put(given)
        except sqlite3.Error:
            raise
        except Exception as error:  # noqa: BLE001 - a fault in judging must not cost a sample
            self._pipeline = None
            self._judge(False)
            self._event(
                NewEvent(EventKind.QUALITY_FAILED, "quality",
                         f"{len(kept)} samples are stored but not judged ({type(error).__name__}: {error}); "
                         "'soilco2 reprocess' judges them")
            )  # fmt: skip
            return 0
        self._judge(True)
        return made

    def _put_and_remake(self, given: Sequence[Observation], stretches: Sequence[Stretch]) -> int:
        """Both or, when a recomputation fails, neither."""
        self._db.execute("SAVEPOINT remake")
        rev = self._rev
        try:
            return self._put(given) + self._remake(stretches)
        except Exception:
            self._db.execute("ROLLBACK TO remake")
            self._rev = rev
            raise
        finally:
            self._db.execute("RELEASE remake")

    def _put(self, observations: Iterable[Observation]) -> int:
        words, series, rev = self._words, self._series, self._rev
        values: list[object] = []
        for key, time_us, value, raw, flag, tests, corrections, config in observations:
            rev += 1
            s = series.get(key)
            t, c, f = words.get(tests), words.get(corrections), words.get(config)
            values += (
                self._series_id(key) if s is None else s, time_us, value, raw, int(flag),
                self._word(tests) if t is None else t, self._word(corrections) if c is None else c,
                self._word(config) if f is None else f, rev,
            )  # fmt: skip
        changed = _UPSERT(self._db, values)
        if changed:
            self._rev = rev
        return changed

    def _touched(self, from_us: int, until_us: int) -> Stretch:
        """What may change with a window: itself, and what looks back on it."""
        pipeline = Pipeline(self.station.deployments, self.station.hash)
        return Stretch(from_us, until_us + pipeline.lookback_us)

    def _remake(self, stretches: Sequence[Stretch]) -> int:
        """Make every observation of some stretches again; only what differs gets a new revision."""
        changed = 0
        manual = self._manual() if stretches else []
        lookback = self._pipeline.lookback_us if self._pipeline else 0
        if not lookback and stretches:
            lookback = Pipeline(self.station.deployments, self.station.hash, manual).lookback_us
        for start, end in stretches:
            samples = self._samples(start - lookback, end)
            made = {
                (o.series, o.time_us): o
                for o in recompute(self.station.deployments, self.station.hash, manual, samples, start, end)
            }
            archived = archived_observations(self._archives(start, end), start, end)
            live = self._times(start, end)
            gone = self._orphans({*archived, *live}, made)
            changed += self._put(
                o
                for place, o in (*made.items(), *gone.items())
                if place in live or place not in archived or o[2:7] != archived[place][2:7]
            )
        return changed

    def _times(self, start: int, end: int) -> set[tuple[SeriesKey, int]]:
        """Series and times of the journal's own observations in a window."""
        return {
            (key, time_us)
            for key, number in self._series.items()
            for (time_us,) in self._db.execute(
                "SELECT time_us FROM observation WHERE series = ? AND time_us >= ? AND time_us < ?",
                (number, start, end),
            )
        }

    def _orphans(
        self, known: set[tuple[SeriesKey, int]], made: dict[tuple[SeriesKey, int], Observation]
    ) -> dict[tuple[SeriesKey, int], Observation]:
        """Observations that no sample leads to any more: they are overwritten as missing."""
        config = self.station.hash
        return {
            (key, at): Observation(key, at, None, None, Flag.MISSING, "moved", "", config)
            for key, at in known - made.keys()
        }

    def reprocess(self, from_us: int, to_us: int) -> int:
        """Judge every sample of a window again with the configuration in force.

        Returns
        -------
        int
            Observations that changed.
        """
        changed = 0
        start = from_us
        with_archives = archives_of(folder_of(self.station))
        reader = _InTransaction(self._db)
        first, last = reader.first_sample_us(), reader.last_sample_us()
        firsts = [t for t in (first, *(a.start_us for a in with_archives)) if t is not None]
        lasts = [t for t in (last, *(a.end_us for a in with_archives)) if t is not None]
        if not firsts:
            return 0
        start, stop = max(start, min(firsts)), min(to_us, max(lasts) + 1)
        while start < stop:
            end = min(start + 7 * DAY_US, stop)
            with self._transaction():
                changed += self._remake([Stretch(start, end)])
            start = end
        with self._transaction():
            self._pipeline = None
            self._judge(True)
            self._event(
                NewEvent(
                    EventKind.REPROCESSED,
                    "quality",
                    f"{changed} observations changed",
                    {"from_us": from_us, "to_us": to_us, "changed": changed},
                )
            )
        return changed

    # what else changes

    def install_config(self, station: Station) -> None:
        """Put a configuration in force and keep its text."""
        with self._transaction():
            if self._meta("config") != station.hash:
                self._db.execute(
                    "INSERT OR IGNORE INTO config (hash, text, since_us) VALUES (?, ?, ?)",
                    (station.hash, station.text, self._now_us()),
                )
                self._meta("config", station.hash)
                self._event(
                    NewEvent(
                        EventKind.CONFIG,
                        "station",
                        f"configuration {station.hash} in force",
                        {"hash": station.hash},
                    )
                )
            for table in station.file.influxdb:
                self._db.execute(
                    "INSERT OR IGNORE INTO cursor VALUES (?, 0, ?, '')", (table.id, self._now_us())
                )
        self.station = station
        self._pipeline = None

    def event(self, event: NewEvent) -> int:
        """Write one event."""
        with self._transaction():
            return self._event(event)

    def note(self, who: str, text: str, time_us: int | None = None) -> int:
        """Write a person's note into the log."""
        return self.event(NewEvent(EventKind.NOTE, who, text, {}, time_us))

    def flag(self, series: Sequence[str], from_us: int, until_us: int, flag: int, who: str, why: str) -> int:
        """Flag a stretch of a series by hand; the number of the event takes it back."""
        key = SeriesKey(*series)
        if key not in self._series:
            asked = "/".join(key[1:])
            raise StorageError(f"{asked}: the journal has no such series; {nearest(key, self._series)}")
        data = {
            "series": list(key),
            "from_us": from_us,
            "until_us": until_us,
            "flag": int(Flag(flag)),
            "who": who,
            "why": why,
        }
        with self._transaction():
            number = self._event(NewEvent(EventKind.FLAG, who, why, data))
            self._pipeline = None
            self._remake([self._touched(from_us, until_us)])
        return number

    def revoke(self, event: int, who: str, why: str) -> int:
        """Take a manual flag back.

        Returns
        -------
        int
            Observations that changed.
        """
        row = self._db.execute("SELECT data FROM event WHERE id = ? AND kind = 'flag'", (event,)).fetchone()
        force = [f.event_id for f in self._manual()]
        if row is None or event not in force:
            what = "is no manual flag" if row is None else "was taken back already"
            raise StorageError(
                f"event {event} {what}; flags in force: {', '.join(map(str, force)) or 'none'}"
            )
        f = json.loads(row[0])
        with self._transaction():
            self._event(NewEvent(EventKind.FLAG_REVOKED, who, why, {"event": event}))
            self._pipeline = None
            return self._remake([self._touched(f["from_us"], f["until_us"])])

    def set_time(self, boot_id: str, offset_us: int, why: str) -> int:
        """Give the samples held back since a boot their time: monotonic clock plus offset.

        Returns
        -------
        int
            Samples that got a time.
        """
        with self._transaction():
            boot = self._words.get(boot_id, -1)
            held = self._db.execute(
                "SELECT seq FROM sample WHERE time_us IS NULL AND boot = ?", (boot,)
            ).fetchall()
            if not held:
                return 0
            self._db.execute(
                "UPDATE OR IGNORE sample SET time_us = mono_us + ? WHERE time_us IS NULL AND boot = ?",
                (offset_us, boot),
            )
            self._event(
                NewEvent(EventKind.CLOCK_SET, boot_id, why, {"offset_us": offset_us, "samples": len(held)})
            )
            low, high = held[0][0], held[-1][0]
            for number, first, last in self._db.execute(
                "SELECT id, first_seq, last_seq FROM batch WHERE last_seq >= ? AND first_seq <= ?",
                (low, high),
            ).fetchall():
                rows = self._db.execute(
                    "SELECT * FROM sample WHERE seq BETWEEN ? AND ? ORDER BY seq", (first, last)
                )
                self._db.execute("UPDATE batch SET crc = ? WHERE id = ?", (crc(rows), number))
            span = self._db.execute(
                "SELECT min(time_us), max(time_us) FROM sample WHERE seq BETWEEN ? AND ? AND boot = ?",
                (low, high, boot),
            ).fetchone()
            self._pipeline = None
            self._remake([self._touched(span[0], span[1] + 1)])
            self._pipeline = None
        return len(held)

    def move_cursor(
        self,
        sink: str,
        rev: int,
        *,
        parked: Sequence[Parked] = (),
        events: Sequence[NewEvent] = (),
        error: str = "",
        sent: int = 0,
    ) -> None:
        """Move a database's cursor and park what it refused, in one transaction."""
        with self._transaction():
            self._db.execute(
                "INSERT INTO cursor VALUES (?1, ?2, ?3, ?4) ON CONFLICT (sink) DO UPDATE SET"
                " rev = max(rev, excluded.rev), moved_us = excluded.moved_us, error = excluded.error",
                (sink, rev, self._now_us(), error),
            )
            for entry in parked:
                self._park(entry)
            for event in events:
                self._event(event)
            self._count({(sink, "sent"): sent, (sink, "parked"): len(parked)})

    def resend(self, sink: str, from_us: int, to_us: int, why: str = "") -> None:
        """Have a window sent to one database again; its forwarder works it off beside what is new."""
        with self._transaction():
            waiting = json.loads(self._meta(f"resend:{sink}") or "[]")
            if [from_us, to_us] not in waiting:
                waiting.append([from_us, to_us])
            self._meta(f"resend:{sink}", json.dumps(waiting))
            data = {"from_us": from_us, "to_us": to_us}
            self._event(NewEvent(EventKind.REPLAYED, sink, why or "asked for", data))

    def resent(self, sink: str, from_us: int, to_us: int, *, parked: Sequence[Parked] = ()) -> None:
        """A window was sent again; what the database refused is parked in the same transaction."""
        with self._transaction():
            waiting = json.loads(self._meta(f"resend:{sink}") or "[]")
            left = [window for window in waiting if window != [from_us, to_us]]
            self._meta(f"resend:{sink}", json.dumps(left))
            for entry in parked:
                self._park(entry)
            self._count({(sink, "parked"): len(parked)})

    def append_derived(
        self, rows: Sequence[tuple[Sequence[str], int, float | None, float | None, float | None, str, str]]
    ) -> int:
        """Keep results in time: (series, time_us, value, lower, upper, method, reason).

        One that was withheld has no value and a reason. Only what differs gets a new revision.
        """
        with self._transaction():
            values: list[object] = []
            for key, time_us, value, lower, upper, method, reason in rows:
                self._rev += 1
                values += (
                    self._series_id(SeriesKey(*key)), self._word(method), time_us, value, lower, upper, self._rev,
                    self._word(reason),
                )  # fmt: skip
            return _UPSERT_DERIVED(self._db, values)

    def parked_settle(self, number: int, state: str, why: str) -> None:
        """Mark a parked entry as retried or dropped, with the reason."""
        kind = EventKind.PARKED_RETRIED if state == "retried" else EventKind.PARKED_DROPPED
        with self._transaction():
            done = self._db.execute(
                "UPDATE parked SET state = ?1, why = ?2, payload = CASE ?1 WHEN 'dropped' THEN x'' ELSE payload END"
                " WHERE id = ?3 AND state = 'waiting'",
                (state, why, number),
            )
            if done.rowcount == 0:
                raise StorageError(
                    f"parked entry {number} does not wait; 'soilco2 parked list' shows those that do"
                )
            self._event(NewEvent(kind, str(number), why))
        self._parked_bytes = self._count_parked()


class _InTransaction(JournalReader):
    """Reads through the writer's own connection, so that it sees what is not yet committed."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection
        self._words = {}
        self._channels = {}
        self._keys = {}
        self._station = ("", None)
        self.path = Path()
        self.journal_id = ""


__all__ = ["CommitResult", "NewEvent", "Parked", "Writer"]
