"""The one thing that changes a journal: samples in, observations made, cursors moved, flags set."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from math import isfinite
from pathlib import Path
from typing import Any, NamedTuple

from quality.pipeline import ManualFlag, Pipeline, Stretch, recompute
from quality.records import Flag, Observation, Sample, SeriesKey
from station_config.loader import Station
from storage.errors import JournalBusyError, StorageError
from storage.journal import JournalLock, crc, open_for_writing, storage_error
from storage.journal_reader import JournalReader
from storage.journal_schema import EventKind

_INSERT_SAMPLE = (
    "INSERT INTO sample (seq, channel, time_us, raw, status, device_us, arrival_us, mono_us, boot, source)"
    " VALUES (?,?,?,?,?,?,?,?,?,?) ON CONFLICT (channel, time_us) DO NOTHING"
)
_UPSERT = (
    "INSERT INTO observation VALUES (?,?,?,?,?,?,?,?,?) ON CONFLICT (series, time_us) DO UPDATE SET"
    " value = excluded.value, raw = excluded.raw, flag = excluded.flag, tests = excluded.tests,"
    " corrections = excluded.corrections, config = excluded.config, rev = excluded.rev"
    " WHERE value IS NOT excluded.value OR raw IS NOT excluded.raw OR flag <> excluded.flag"
    " OR tests <> excluded.tests OR corrections <> excluded.corrections"
)


class Parked(NamedTuple):
    """Something to be kept although it cannot be used.

    Parameters
    ----------
    kind : {"message", "conflict", "point", "stretch"}
    source : str
        Connection, file or sink.
    reason : str
        One sentence.
    payload : bytes
    time_us : int or None
        Its time [µs UTC] where it has one.
    arrival_us : int
        [µs UTC]
    """

    kind: str
    source: str
    reason: str
    payload: bytes
    time_us: int | None
    arrival_us: int


class NewEvent(NamedTuple):
    """An event to be written."""

    kind: EventKind
    subject: str
    text: str
    data: dict[str, Any] = {}  # noqa: RUF012 - never changed
    time_us: int | None = None


class CommitResult(NamedTuple):
    """What became of a commit."""

    stored: int
    duplicate: int
    conflict: int
    observations: int
    last_seq: int
    last_rev: int


class Writer:
    """The writing side of a station's journal; one at a time, by a lock.

    Make it with `Writer.open`. It is used from one thread at a time.
    """

    def __init__(self, station: Station, lock: JournalLock, now_us: Callable[[], int]) -> None:
        self.path: Path = station.journal_path
        self._lock = lock
        self._now_us = now_us
        self._pipeline: Pipeline | None = None
        self._db, damage = open_for_writing(self.path)
        self._load()
        self.station = station
        if damage:
            with self._transaction():
                self._event(NewEvent(EventKind.DAMAGE, "journal", damage))
        self.install_config(station)

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

    def _load(self) -> None:
        db = self._db
        self._channels = {(r[1], r[2]): r[0] for r in db.execute("SELECT id, serial, channel FROM channel")}
        self._words = {r[1]: r[0] for r in db.execute("SELECT id, text FROM word")}
        self._series = {
            SeriesKey(*r[1:]): r[0]
            for r in db.execute("SELECT id, station, profile, position, variable FROM series")
        }
        self._seq: int = db.execute("SELECT coalesce(max(seq), 0) FROM sample").fetchone()[0]
        self._batch: int = db.execute("SELECT coalesce(max(id), 0) FROM batch").fetchone()[0]
        self._rev = int(self._meta("rev") or 0)

    def _meta(self, key: str, value: str | None = None) -> str:
        if value is not None:
            self._db.execute(
                "INSERT INTO meta VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                (key, value),
            )
            return value
        row = self._db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return "" if row is None else str(row[0])

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """One synced transaction; when it fails, nothing of it is left, in memory neither."""
        try:
            self._db.execute("BEGIN IMMEDIATE")
            yield
            self._meta("rev", str(self._rev))
            self._db.execute("COMMIT")
        except BaseException as error:
            self._pipeline = None
            try:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                self._load()
            except sqlite3.Error as second:
                raise storage_error(self.path, second) from error
            if isinstance(error, sqlite3.Error | OSError):
                raise storage_error(self.path, error) from error
            raise

    def _word(self, text: str) -> int:
        number = self._words.get(text)
        if number is None:
            number = self._words[text] = (
                self._db.execute("INSERT INTO word (text) VALUES (?)", (text,)).lastrowid or 0
            )
        return number

    def _channel(self, serial: str, channel: str) -> int:
        number = self._channels.get((serial, channel))
        if number is None:
            done = self._db.execute("INSERT INTO channel (serial, channel) VALUES (?, ?)", (serial, channel))
            number = self._channels[serial, channel] = done.lastrowid or 0
        return number

    def _series_id(self, key: SeriesKey) -> int:
        number = self._series.get(key)
        if number is None:
            done = self._db.execute(
                "INSERT INTO series (station, profile, position, variable) VALUES (?,?,?,?)", tuple(key)
            )
            number = self._series[SeriesKey(*key)] = done.lastrowid or 0
        return number

    # samples

    def commit(
        self,
        samples: Sequence[Sample] = (),
        *,
        parked: Sequence[Parked] = (),
        events: Sequence[NewEvent] = (),
        counts: Iterable[tuple[str, str, int]] = (),
    ) -> CommitResult:
        """Keep samples and what came with them, in one transaction that is on disk when this returns.

        A sample of the same channel and time with the same number is a duplicate; with another number it is parked as
        a conflict. In = stored + duplicate + rejected is counted by source.

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
        with self._transaction():
            kept, duplicate, conflicts = self._keep(samples, totals)
            made = self._observe(kept) if kept else 0
            for entry in (*parked, *conflicts):
                self._park(entry)
            for event in events:
                self._event(event)
            for source, name, amount in counts:
                totals[source, name] = totals.get((source, name), 0) + amount
            self._count(totals)
        return CommitResult(len(kept), duplicate, len(conflicts), made, self._seq, self._rev)

    def _count(self, totals: dict[tuple[str, str], int]) -> None:
        self._db.executemany(
            "INSERT INTO counter VALUES (?, ?, ?) ON CONFLICT (source, name) DO UPDATE SET value = value + excluded.value",
            [(source, name, amount) for (source, name), amount in totals.items() if amount],
        )

    def _rows(self, samples: Sequence[Sample]) -> list[tuple[Any, ...]]:
        words, channels, rows, seq = self._words, self._channels, [], self._seq
        for serial, channel, time_us, raw, status, device_us, arrival_us, mono_us, boot, source in samples:
            seq += 1
            if raw is not None and not isfinite(raw):
                status = f"{status} raw={raw}".strip()
                raw = None
            number = channels.get((serial, channel)) or self._channel(serial, channel)
            s = words.get(status)
            b = words.get(boot)
            f = words.get(source)
            rows.append((
                seq, number, time_us, raw, self._word(status) if s is None else s, device_us, arrival_us, mono_us,
                self._word(boot) if b is None else b, self._word(source) if f is None else f,
            ))  # fmt: skip
        return rows

    def _keep(
        self, samples: Sequence[Sample], totals: dict[tuple[str, str], int]
    ) -> tuple[list[Sample], int, list[Parked]]:
        if not samples:
            return [], 0, []
        rows = self._rows(samples)
        kept = list(samples)
        duplicate = 0
        conflicts: list[Parked] = []
        self._db.execute("SAVEPOINT keep")
        before = self._db.total_changes
        self._db.executemany(_INSERT_SAMPLE, rows)
        if self._db.total_changes - before != len(rows):
            self._db.execute("ROLLBACK TO keep")
            rows, kept, duplicate, conflicts = self._sort_out(rows, samples, totals)
        self._db.execute("RELEASE keep")
        for sample in samples:
            totals[sample.source, "in"] = totals.get((sample.source, "in"), 0) + 1
        for sample in kept:
            totals[sample.source, "stored"] = totals.get((sample.source, "stored"), 0) + 1
        if rows:
            self._batch += 1
            self._db.execute(
                "INSERT INTO batch VALUES (?, ?, ?, ?, ?)",
                (self._batch, rows[0][0], rows[-1][0], crc(rows), self._now_us()),
            )
            self._seq = rows[-1][0]
        return kept, duplicate, conflicts

    def _sort_out(
        self, rows: list[tuple[Any, ...]], samples: Sequence[Sample], totals: dict[tuple[str, str], int]
    ) -> tuple[list[tuple[Any, ...]], list[Sample], int, list[Parked]]:
        """Row by row, because something is there already."""
        good: list[tuple[Any, ...]] = []
        kept: list[Sample] = []
        duplicate = 0
        conflicts: list[Parked] = []
        seq = self._seq
        for row, sample in zip(rows, samples, strict=True):
            row = (seq + 1, *row[1:])
            if self._db.execute(_INSERT_SAMPLE, row).rowcount == 1:
                seq += 1
                good.append(row)
                kept.append(sample)
                continue
            there = self._db.execute(
                "SELECT raw, status FROM sample WHERE channel = ? AND time_us = ?", (row[1], row[2])
            ).fetchone()
            if there == (row[3], row[4]) or (there[0] == row[3] and row[3] is not None):
                duplicate += 1
                name = "duplicate"
            else:
                name = "rejected"
                reason = (
                    f"{sample.serial}/{sample.channel} has {there[0]} at that time already, not {sample.raw}"
                )
                conflicts.append(
                    Parked(
                        "conflict",
                        sample.source,
                        reason,
                        json.dumps(list(sample)).encode(),
                        sample.time_us,
                        sample.arrival_us,
                    )
                )
            totals[sample.source, name] = totals.get((sample.source, name), 0) + 1
        return good, kept, duplicate, conflicts

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

    def _ready(self, upto_us: int | None) -> Pipeline:
        """The pipeline, primed with what came before the oldest of the new samples."""
        if self._pipeline is None or self._pipeline.stale:
            pipeline = Pipeline(self.station.directory, self.station.hash, self._manual())
            newest = self._newest_us(upto_us)
            if newest is not None:
                since = newest - pipeline.lookback_us
                pipeline.prime(self._samples(since, newest + 1), since)
            self._pipeline = pipeline
        return self._pipeline

    def _newest_us(self, before_us: int | None) -> int | None:
        row = self._db.execute(
            "SELECT max((SELECT time_us FROM sample WHERE channel = channel.id AND time_us < ?1 AND seq <= ?2"
            " ORDER BY time_us DESC LIMIT 1)) FROM channel",
            (2**62 if before_us is None else before_us, self._observed()),
        ).fetchone()
        return None if row[0] is None else int(row[0])

    def _observed(self) -> int:
        return int(self._meta("observed") or 0)

    def _samples(self, start_us: int, end_us: int) -> Iterator[Sample]:
        return _InTransaction(self._db).samples(start_us, end_us)

    def _observe(self, kept: Sequence[Sample]) -> int:
        """Make observations of new samples; a fault in quality never costs a sample."""
        self._db.execute("SAVEPOINT observe")
        rev = self._rev
        try:
            timed = [s.time_us for s in kept if s.time_us is not None]
            if not timed:
                self._meta("observed", str(self._seq))
                made = 0
            else:
                given, stretches = self._ready(min(timed)).feed(kept)
                made = self._put(given)
                made += self._remake(stretches)
                self._meta("observed", str(self._seq))
        except sqlite3.Error:
            raise
        except Exception as error:  # noqa: BLE001 - a fault in judging must not cost a sample
            self._db.execute("ROLLBACK TO observe")
            self._rev = rev
            self._pipeline = None
            made = 0
            self._event(
                NewEvent(EventKind.QUALITY_FAILED, "quality",
                         f"{len(kept)} samples are stored but not judged ({type(error).__name__}: {error}); 'soilco2 reprocess' judges them")
            )  # fmt: skip
        self._db.execute("RELEASE observe")
        return made

    def _put(self, observations: Iterable[Observation]) -> int:
        words, series, rows, rev = self._words, self._series, [], self._rev
        for key, time_us, value, raw, flag, tests, corrections, config in observations:
            rev += 1
            s = series.get(key)
            t, c, f = words.get(tests), words.get(corrections), words.get(config)
            rows.append((
                self._series_id(key) if s is None else s, time_us, value, raw, int(flag),
                self._word(tests) if t is None else t, self._word(corrections) if c is None else c,
                self._word(config) if f is None else f, rev,
            ))  # fmt: skip
        before = self._db.total_changes
        self._db.executemany(_UPSERT, rows)
        changed = self._db.total_changes - before
        if changed:
            self._rev = rev
        return changed

    def _remake(self, stretches: Sequence[Stretch]) -> int:
        """Make every observation of some stretches again; only what differs gets a new revision."""
        changed = 0
        manual = self._manual() if stretches else []
        lookback = self._pipeline.lookback_us if self._pipeline else 0
        if not lookback and stretches:
            lookback = Pipeline(self.station.directory, self.station.hash, manual).lookback_us
        for start, end in stretches:
            samples = self._samples(start - lookback, end)
            made = {
                (o.series, o.time_us): o
                for o in recompute(self.station.directory, self.station.hash, manual, samples, start, end)
            }
            changed += self._put(made.values())
            changed += self._put(self._orphans(start, end, made))
        return changed

    def _orphans(
        self, start: int, end: int, made: dict[tuple[SeriesKey, int], Observation]
    ) -> list[Observation]:
        """Observations that no sample leads to any more: they are overwritten as missing."""
        gone = []
        for key, number in list(self._series.items()):
            for (time_us,) in self._db.execute(
                "SELECT time_us FROM observation WHERE series = ? AND time_us >= ? AND time_us < ?",
                (number, start, end),
            ):
                if (key, time_us) not in made:
                    gone.append(
                        Observation(key, time_us, None, None, Flag.MISSING, "moved", "", self.station.hash)
                    )
        return gone

    def reprocess(self, from_us: int, to_us: int) -> int:
        """Judge every sample of a window again with the configuration in force.

        Returns
        -------
        int
            Observations that changed.
        """
        day = 86_400_000_000
        changed = 0
        start = from_us
        bounds = self._db.execute("SELECT min(time_us), max(time_us) FROM sample").fetchone()
        if bounds[0] is None:
            return 0
        start, stop = max(start, bounds[0]), min(to_us, bounds[1] + 1)
        while start < stop:
            end = min(start + 7 * day, stop)
            with self._transaction():
                changed += self._remake([Stretch(start, end)])
            start = end
        with self._transaction():
            self._pipeline = None
            self._meta("observed", str(self._seq))
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

    def _event(self, event: NewEvent) -> int:
        done = self._db.execute(
            "INSERT INTO event (time_us, kind, subject, text, data) VALUES (?, ?, ?, ?, ?)",
            (self._now_us() if event.time_us is None else event.time_us, EventKind(event.kind).value, event.subject, event.text,
             json.dumps(event.data, ensure_ascii=False)),
        )  # fmt: skip
        return done.lastrowid or 0

    def _park(self, entry: Parked) -> None:
        self._db.execute(
            "INSERT INTO parked (kind, source, reason, payload, time_us, arrival_us) VALUES (?,?,?,?,?,?)",
            tuple(entry),
        )

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
            raise StorageError(f"{key}: the journal has no such series; 'soilco2 status' lists them")
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
            self._remake([Stretch(from_us, until_us)])
        return number

    def revoke(self, event: int, who: str, why: str) -> int:
        """Take a manual flag back.

        Returns
        -------
        int
            Observations that changed.
        """
        row = self._db.execute("SELECT data FROM event WHERE id = ? AND kind = 'flag'", (event,)).fetchone()
        if row is None:
            raise StorageError(f"event {event} is no manual flag; 'soilco2 status --json' lists them")
        f = json.loads(row[0])
        with self._transaction():
            self._event(NewEvent(EventKind.FLAG_REVOKED, who, why, {"event": event}))
            self._pipeline = None
            return self._remake([Stretch(f["from_us"], f["until_us"])])

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
            ready = self._ready(None)
            self._remake([Stretch(span[0], span[1] + ready.lookback_us + 1)])
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

    def rewind(self, sink: str, from_us: int, to_us: int) -> int:
        """Have a window sent again: its observations get new revisions.

        Returns
        -------
        int
            Observations that will be sent again, to every database.
        """
        with self._transaction():
            rows = [
                (number, time_us)
                for number in self._series.values()
                for (time_us,) in self._db.execute(
                    "SELECT time_us FROM observation WHERE series = ? AND time_us >= ? AND time_us < ?",
                    (number, from_us, to_us),
                )
            ]
            self._db.executemany(
                "UPDATE observation SET rev = ? WHERE series = ? AND time_us = ?",
                [(self._rev + i, *row) for i, row in enumerate(rows, 1)],
            )
            self._rev += len(rows)
            self._event(
                NewEvent(
                    EventKind.REPLAYED,
                    sink or "all",
                    f"{len(rows)} observations",
                    {"from_us": from_us, "to_us": to_us},
                )
            )
        return len(rows)

    def append_derived(
        self, rows: Sequence[tuple[Sequence[str], int, float | None, float | None, float | None, str]]
    ) -> int:
        """Keep results in time: (series, time_us, value, lower, upper, method); only what differs gets a new revision."""
        with self._transaction():
            before = self._db.total_changes
            values = []
            for key, time_us, value, lower, upper, method in rows:
                self._rev += 1
                values.append(
                    (
                        self._series_id(SeriesKey(*key)),
                        self._word(method),
                        time_us,
                        value,
                        lower,
                        upper,
                        self._rev,
                    )
                )
            before = self._db.total_changes
            self._db.executemany(
                "INSERT INTO derived VALUES (?,?,?,?,?,?,?) ON CONFLICT (series, method, time_us) DO UPDATE SET value = excluded.value,"
                " lower = excluded.lower, upper = excluded.upper, rev = excluded.rev WHERE value IS NOT excluded.value"
                " OR lower IS NOT excluded.lower OR upper IS NOT excluded.upper",
                values,
            )
            return self._db.total_changes - before

    def parked_settle(self, number: int, state: str, why: str) -> None:
        """Mark a parked entry as retried or dropped, with the reason."""
        kind = EventKind.PARKED_RETRIED if state == "retried" else EventKind.PARKED_DROPPED
        with self._transaction():
            done = self._db.execute(
                "UPDATE parked SET state = ?, why = ? WHERE id = ? AND state = 'waiting'",
                (state, why, number),
            )
            if done.rowcount == 0:
                raise StorageError(
                    f"parked entry {number} does not wait; 'soilco2 parked list' shows those that do"
                )
            self._event(NewEvent(kind, str(number), why))


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


__all__ = ["CommitResult", "JournalBusyError", "NewEvent", "Parked", "Writer"]
