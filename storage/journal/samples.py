"""Samples, words, counters, events and parked entries in the journal, one synced transaction at a time."""

from __future__ import annotations

import json
import logging
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from math import isfinite
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple

from soilco2.quality.records import Sample, SeriesKey
from soilco2.storage.errors import JournalDamagedError, JournalGoneError, StorageError
from soilco2.storage.journal import names_backup
from soilco2.storage.journal.bulk_insert import Insertion
from soilco2.storage.journal.connection import (
    NO_NUMBER,
    NO_TIME,
    SAMPLE_WIDTH,
    checksum,
    crc,
    mark_damaged,
    open_for_writing,
    storage_error,
)
from soilco2.storage.journal.schema import EventKind

_INSERT_SAMPLES = Insertion(
    "INSERT INTO sample (seq, channel, status, raw, time_us, device_us, arrival_us, mono_us, boot, source)",
    ("?", "?", "?", "?", f"nullif(?, {NO_TIME})", f"nullif(?, {NO_TIME})", "?", "?", "?", "?"),
    "ON CONFLICT (channel, time_us) DO NOTHING",
)
"""`NO_NUMBER` is NULL to SQLite by itself. Where no sample of a commit has `said`, its column costs nothing."""
_INSERT_TOLD = Insertion(
    "INSERT INTO sample (seq, channel, status, raw, time_us, device_us, arrival_us, mono_us, boot, source, said)",
    ("?", "?", "?", "?", f"nullif(?, {NO_TIME})", f"nullif(?, {NO_TIME})", "?", "?", "?", "?", "?"),
    "ON CONFLICT (channel, time_us) DO NOTHING",
)
log = logging.getLogger(__name__)

REFUSED = ("message", "conflict")
"""Kinds of parked entries that a device or a node can cause."""
_SOURCE = itemgetter(Sample._fields.index("source"))


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


def same_reading(there: tuple[float | None, object], came: tuple[float | None, object]) -> bool:
    """Whether two readings of one channel and time, (raw, status), are one: a number speaks for itself."""
    return there == came or (there[0] == came[0] and came[0] is not None)


def _beside(values: Sequence[Any], told: Sequence[tuple[int, bytes]]) -> list[Any]:
    """Samples in their canonical form, each with what its probe said behind it."""
    said = dict(told)
    rows: list[Any] = []
    for i in range(0, len(values), SAMPLE_WIDTH):
        rows += values[i : i + SAMPLE_WIDTH]
        rows.append(said.get(values[i]))
    return rows


class CommitResult(NamedTuple):
    """What became of a commit."""

    stored: int
    duplicate: int
    conflict: int
    observations: int
    last_seq: int
    last_rev: int


class Samples:
    """What every change of a journal is made of; `soilco2.storage.journal.writer.Writer` is the one that is used.

    Parameters
    ----------
    path : Path
        The journal's file; its lock is held by the caller.
    now_us : callable
        The station's clock [µs UTC].
    """

    def __init__(self, path: Path, now_us: Callable[[], int]) -> None:
        self.path = path
        self._now_us = now_us
        self._db, damage = open_for_writing(path, now_us)
        self._load()
        self._file = path.stat().st_ino
        self._named = -1
        self._keep_names()
        if damage:
            log.warning("%s: %s", path, damage)
            with self._transaction():
                self._event(NewEvent(EventKind.DAMAGE, "journal", damage))

    def _forget(self) -> None:
        """Drop what is remembered of a transaction that failed."""

    def _load(self) -> None:
        db = self._db
        self._channels = {(r[1], r[2]): r[0] for r in db.execute("SELECT id, serial, channel FROM channel")}
        self._words = {r[1]: r[0] for r in db.execute("SELECT id, text FROM word")}
        self._series = {
            SeriesKey(*r[1:]): r[0]
            for r in db.execute("SELECT id, station, profile, position, variable FROM series")
        }
        self._seq: int = db.execute(
            "SELECT max(coalesce((SELECT max(seq) FROM sample), 0),"
            " coalesce((SELECT last_seq FROM batch ORDER BY id DESC LIMIT 1), 0))"
        ).fetchone()[0]
        self._parked_bytes = self._count_parked()
        self._told_full = False
        self._unmeasured = 1 << 30  # the first commit measures
        self._batch: int = db.execute("SELECT coalesce(max(id), 0) FROM batch").fetchone()[0]
        self._rev = self._rev_kept = int(self._meta("rev") or 0)
        behind = self._meta("judged")
        self._behind = behind != ""
        self._judged: int = int(behind) if behind else self._seq

    def _count_parked(self) -> int:
        """Bytes of what was refused on its way in."""
        rows = self._db.execute(
            "SELECT coalesce(sum(length(payload)), 0) FROM parked WHERE kind IN (?, ?)", REFUSED
        )
        return int(rows.fetchone()[0])

    def _judge(self, done: bool) -> None:
        """Remember how far quality has come; it is only written while it lags behind."""
        if done:
            self._judged = self._seq
            if self._behind:
                self._db.execute("DELETE FROM meta WHERE key = 'judged'")
        elif not self._behind:
            self._meta("judged", str(self._judged))
        self._behind = not done

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
            self._there()
            if self._rev != self._rev_kept:
                self._meta("rev", str(self._rev))
            self._db.execute("COMMIT")
            self._rev_kept = self._rev
            self._keep_names()
        except BaseException as error:
            self._forget()
            try:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                self._load()
            except sqlite3.Error as second:
                raise self._storage_error(second) from error
            if isinstance(error, sqlite3.Error | OSError):
                raise self._storage_error(error) from error
            raise

    def _there(self) -> None:
        """Whether the file is still the one that was opened; one that was removed takes writes and keeps nothing."""
        try:
            same = self.path.stat().st_ino == self._file
        except OSError:
            same = False
        if not same:
            raise JournalGoneError(
                f"{self.path}: the journal was removed or replaced while it was open; nothing more is taken in. Put it "
                "back where it was, or start again with a new one"
            )

    def _keep_names(self) -> None:
        """Keep a second copy of the names when there are new ones."""
        count = len(self._channels) + len(self._words) + len(self._series)
        if count == self._named:
            return
        self._named = count  # one try for each new name: a folder that cannot be written is told once
        try:
            names_backup.write(
                self.path,
                {
                    "channel": {number: list(name) for name, number in self._channels.items()},
                    "word": {number: [text] for text, number in self._words.items()},
                    "series": {number: list(key) for key, number in self._series.items()},
                },
            )
        except OSError as error:
            log.warning("%s: the names cannot be kept a second time: %s", self.path, error.strerror or error)

    def _storage_error(self, error: sqlite3.Error | OSError) -> StorageError:
        """The sentence for a fault; a damaged file is set aside when it is opened next."""
        said = storage_error(self.path, error)
        if isinstance(said, JournalDamagedError):
            mark_damaged(self.path, str(error))
        return said

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

    def _count(self, totals: dict[tuple[str, str], int]) -> None:
        self._db.executemany(
            "INSERT INTO counter VALUES (?, ?, ?)"
            " ON CONFLICT (source, name) DO UPDATE SET value = value + excluded.value",
            [(source, name, amount) for (source, name), amount in totals.items() if amount],
        )

    def _values(self, samples: Sequence[Sample]) -> tuple[list[Any], list[tuple[int, bytes]]]:
        """Samples in their canonical form, one after the other, and what probes said, by seq."""
        words, channels, seq = self._words, self._channels, self._seq
        values: list[Any] = []
        told: list[tuple[int, bytes]] = []
        status_text = boot_text = source_text = None
        s = b = f = 0
        for (
            serial,
            channel,
            time_us,
            raw,
            status,
            device_us,
            arrival_us,
            mono_us,
            boot,
            source,
            said,
        ) in samples:
            seq += 1
            if said is not None:
                told.append((seq, said))
            if raw is None:
                raw = NO_NUMBER
            elif not isfinite(raw):
                status = f"{status} raw={raw}".strip()
                raw = NO_NUMBER
            number = channels.get((serial, channel)) or self._channel(serial, channel)
            if status is not status_text or boot is not boot_text or source is not source_text:
                status_text, boot_text, source_text = status, boot, source
                s, b, f = (words[w] if w in words else self._word(w) for w in (status, boot, source))
            values += (
                seq, number, s, raw, NO_TIME if time_us is None else time_us,
                NO_TIME if device_us is None else device_us, arrival_us, mono_us, b, f,
            )  # fmt: skip
        return values, told

    def _keep(
        self, samples: Sequence[Sample], totals: dict[tuple[str, str], int]
    ) -> tuple[Sequence[Sample], int, list[Parked]]:
        if not samples:
            return [], 0, []
        values, told = self._values(samples)
        kept = samples
        duplicate = 0
        conflicts: list[Parked] = []
        first, last = self._seq + 1, self._seq + len(samples)
        inserted = (
            _INSERT_TOLD(self._db, _beside(values, told)) if told else _INSERT_SAMPLES(self._db, values)
        )
        if inserted == len(samples):
            found = checksum(values, told)
        else:
            rows = self._db.execute(
                "SELECT * FROM sample WHERE seq BETWEEN ? AND ? ORDER BY seq", (first, last)
            ).fetchall()
            found = crc(rows)
            kept, duplicate, conflicts = self._sort_out({row[0] for row in rows}, values, samples, totals)
            first, last = (rows[0][0], rows[-1][0]) if rows else (0, 0)
        came = Counter(map(_SOURCE, samples))
        for name, those in (
            ("in", came),
            ("stored", came if kept is samples else Counter(map(_SOURCE, kept))),
        ):
            for source, amount in those.items():
                totals[source, name] = totals.get((source, name), 0) + amount
        if kept:
            self._batch += 1
            self._db.execute(
                "INSERT INTO batch VALUES (?, ?, ?, ?, ?)", (self._batch, first, last, found, self._now_us())
            )
            self._seq = last
        return kept, duplicate, conflicts

    def _sort_out(
        self,
        came_in: set[int],
        values: Sequence[Any],
        samples: Sequence[Sample],
        totals: dict[tuple[str, str], int],
    ) -> tuple[list[Sample], int, list[Parked]]:
        """Which samples came in, and what the others are: the table had something of that channel and time already."""
        kept: list[Sample] = []
        duplicate = 0
        conflicts: list[Parked] = []
        for sample, i in zip(samples, range(0, len(values), SAMPLE_WIDTH), strict=True):
            seq, channel, status, raw, time_us = values[i : i + 5]
            if seq in came_in:
                kept.append(sample)
                continue
            *there, said = self._db.execute(
                "SELECT raw, status, said FROM sample WHERE channel = ? AND time_us = ?", (channel, time_us)
            ).fetchone()
            came = (raw if isfinite(raw) else None, status)
            if (said is not None and said == sample.said) or same_reading((there[0], there[1]), came):
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
                        json.dumps(list(sample), default=bytes.hex).encode(),
                        sample.time_us,
                        sample.arrival_us,
                    )
                )
            totals[sample.source, name] = totals.get((sample.source, name), 0) + 1
        return kept, duplicate, conflicts

    def _event(self, event: NewEvent) -> int:
        done = self._db.execute(
            "INSERT INTO event (time_us, kind, subject, text, data) VALUES (?, ?, ?, ?, ?)",
            (self._now_us() if event.time_us is None else event.time_us, EventKind(event.kind).value,
             event.subject, event.text, json.dumps(event.data, ensure_ascii=False)),
        )  # fmt: skip
        return done.lastrowid or 0

    def _park(self, entry: Parked) -> None:
        self._db.execute(
            "INSERT INTO parked (kind, source, reason, payload, time_us, arrival_us) VALUES (?,?,?,?,?,?)",
            tuple(entry),
        )
        if entry.kind in REFUSED:
            self._parked_bytes += len(entry.payload)
