"""An open journal while it is changed: the connection, its transactions, and the names that numbers stand for."""

from __future__ import annotations

import json
import logging
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from soilco2.quality.records import SeriesKey
from soilco2.station_config.loader import Station
from soilco2.station_config.message import Message, to_text
from soilco2.storage.errors import JournalDamagedError, JournalGoneError, StorageError
from soilco2.storage.journal import names_backup
from soilco2.storage.journal.connection import (
    JournalLock,
    mark_damaged,
    meta,
    open_for_writing,
    storage_error,
)
from soilco2.storage.journal.rows import NewEvent
from soilco2.storage.journal.schema import EventKind
from soilco2.storage.journal.watch import LogGoneError, OverwrittenError, Watch

log = logging.getLogger(__name__)

STATUSES = 1000
"""Different status texts that one source can bring into the journal."""
OTHER_STATUS = "other status"
"""What stands for further ones."""


class Session:
    """What every part of a writer shares.

    Parameters
    ----------
    station : Station
    lock : JournalLock
        Of its journal.
    now_us : callable
        The station's clock [µs UTC].

    Attributes
    ----------
    station : Station
        By the configuration in force.
    db : sqlite3.Connection
    words, channels, series : dict
        Numbers by name.
    rev : int
        The newest revision, kept when the transaction ends.
    abandoned : bool
        Whether it was closed, because the file that is there now is another one.
    """

    def __init__(self, station: Station, lock: JournalLock, now_us: Callable[[], int]) -> None:
        self.station = station
        self.path = station.journal_path
        self.now_us = now_us
        self._loads: list[Callable[[], None]] = []
        self._forgets: list[Callable[[], None]] = []
        self.db, damage = open_for_writing(self.path, now_us)
        self._load()
        self.db.execute("PRAGMA wal_checkpoint(PASSIVE)")  # so that the file alone says whose it is
        self._watch = Watch(self.path, lock)
        self.abandoned = False
        self._named = -1
        self._highest: dict[str, int] = {}
        self._keep_names()
        if damage is not None:
            log.warning("%s: %s", self.path, damage)
            with self.transaction():
                self.event(NewEvent(EventKind.DAMAGE, "journal", damage))

    def follow(self, load: Callable[[], None], forget: Callable[[], None] | None = None) -> None:
        """Have a part read what it remembers of the journal: now, and whenever a transaction has failed.

        Parameters
        ----------
        load : callable
            Reads it, after the transaction was taken back.
        forget : callable, optional
            Drops what cannot be read again, before that.
        """
        load()
        self._loads.append(load)
        if forget is not None:
            self._forgets.append(forget)

    def _load(self) -> None:
        db = self.db
        self.channels = {(r[1], r[2]): r[0] for r in db.execute("SELECT id, serial, channel FROM channel")}
        self.words = {r[1]: r[0] for r in db.execute("SELECT id, text FROM word")}
        self.series = {
            SeriesKey(*r[1:]): r[0]
            for r in db.execute("SELECT id, station, profile, position, variable FROM series")
        }
        self.rev = self._rev_kept = int(self.meta("rev") or 0)
        self._statuses: dict[str, int] = {}
        for load in self._loads:
            load()

    def meta(self, key: str, value: str | None = None) -> str:
        """What the table `meta` says of a key; with a value, what it says from now on."""
        if value is not None:
            self.db.execute(
                "INSERT INTO meta VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                (key, value),
            )
            return value
        return meta(self.db, key)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """One synced transaction; when it fails, nothing of it is left, in memory neither."""
        committing = False
        try:
            self._watch.check()
            self.db.execute("BEGIN IMMEDIATE")
            yield
            self._watch.check()
            if self.rev != self._rev_kept:
                self.meta("rev", str(self.rev))
            committing = True
            self.db.execute("COMMIT")
            self._watch.remember()
            self._watch.there()
            self._rev_kept = self.rev
            self._keep_names()
        except BaseException as error:
            for forget in self._forgets:
                forget()
            try:
                if self.db.in_transaction:
                    self.db.execute("ROLLBACK")
                if isinstance(error, LogGoneError):
                    self.checkpoint()
                elif isinstance(error, OverwrittenError):
                    self._abandon_for(error)
                else:
                    self._load()
                    if committing:
                        self._watch.remember()  # a checkpoint that was cut short has written too
            except (sqlite3.Error, OSError) as second:
                raise self._storage_error(second) from error
            if isinstance(error, sqlite3.Error | OSError):
                raise self._storage_error(error) from error
            raise

    def checkpoint(self) -> None:
        """Bring what stands in the write-ahead log into the journal's file."""
        self.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._watch.remember()

    def close(self) -> None:
        """Checkpoint and close.

        Raises
        ------
        JournalGoneError
            When something was written over the file.
        """
        try:
            self._watch.check()
        except OverwrittenError as error:
            self._abandon_for(error)
            raise
        except JournalGoneError as error:
            log.warning("%s", error)
        self.checkpoint()
        self.db.close()

    def _abandon_for(self, error: OverwrittenError) -> None:
        mark_damaged(self.path, str(error))
        self.abandon()

    def abandon(self) -> None:
        """Close without a checkpoint: its pages do not belong into the file that is there now.

        SQLite makes none when the file it closes is not where it was opened.
        """
        self.abandoned = True
        elsewhere = self.path.with_name(self.path.name + ".moved")
        self.path.rename(elsewhere)
        try:
            self.db.close()
        finally:
            elsewhere.rename(self.path)

    def _keep_names(self) -> None:
        """Keep a second copy of new names: all of them when the journal is opened, then those that are added."""
        count = len(self.channels) + len(self.words) + len(self.series)
        if count == self._named:
            return
        self._named = count  # one try for each new name: a folder that cannot be written is told once
        names = {
            "channel": {number: list(name) for name, number in self.channels.items()},
            "word": {number: [text] for text, number in self.words.items()},
            "series": {number: list(key) for key, number in self.series.items()},
        }
        try:
            if self._highest:
                new = {t: {n: of[n] for n in of if n > self._highest[t]} for t, of in names.items()}
                names_backup.append(self.path, {table: of for table, of in new.items() if of})
            else:
                names_backup.write(self.path, names)
        except OSError as error:
            self._highest = {}  # the next try writes all of them
            log.warning("%s: the names cannot be kept a second time: %s", self.path, error.strerror or error)
        else:
            self._highest = {table: max(of, default=0) for table, of in names.items()}

    def _storage_error(self, error: sqlite3.Error | OSError) -> StorageError:
        """The sentence for a fault; a damaged file is set aside when it is opened next."""
        said = storage_error(self.path, error)
        if isinstance(said, JournalDamagedError):
            mark_damaged(self.path, str(error))
        return said

    def word(self, text: str) -> int:
        """The number of a word; a new one gets one."""
        number = self.words.get(text)
        if number is None:
            number = self.words[text] = (
                self.db.execute("INSERT INTO word (text) VALUES (?)", (text,)).lastrowid or 0
            )
        return number

    def status(self, text: str, source: str, totals: dict[tuple[str, str], int]) -> int:
        """The number of a status text that is new: each source has its share of them, further ones are counted."""
        key = f"statuses:{source}"
        if source not in self._statuses:
            self._statuses[source] = int(self.meta(key) or 0)
        if self._statuses[source] >= STATUSES:
            totals[source, "status_not_kept"] = totals.get((source, "status_not_kept"), 0) + 1
            return self.word(OTHER_STATUS)
        self._statuses[source] += 1
        self.meta(key, str(self._statuses[source]))
        if self._statuses[source] == STATUSES:
            said = Message(
                "{source} has sent {most} different status texts; further ones are kept as {word!r} and counted",
                source=source, most=STATUSES, word=OTHER_STATUS,
            )  # fmt: skip
            self.event(NewEvent(EventKind.LIMIT, source, said))
        return self.word(text)

    def channel(self, serial: str, channel: str) -> int:
        """The number of a channel; a new one gets one."""
        number = self.channels.get((serial, channel))
        if number is None:
            done = self.db.execute("INSERT INTO channel (serial, channel) VALUES (?, ?)", (serial, channel))
            number = self.channels[serial, channel] = done.lastrowid or 0
        return number

    def series_id(self, key: SeriesKey) -> int:
        """The number of a series; a new one gets one."""
        number = self.series.get(key)
        if number is None:
            done = self.db.execute(
                "INSERT INTO series (station, profile, position, variable) VALUES (?,?,?,?)", tuple(key)
            )
            number = self.series[SeriesKey(*key)] = done.lastrowid or 0
        return number

    def count(self, totals: dict[tuple[str, str], int]) -> None:
        """Add to counters, by source and name."""
        self.db.executemany(
            "INSERT INTO counter VALUES (?, ?, ?)"
            " ON CONFLICT (source, name) DO UPDATE SET value = value + excluded.value",
            [(source, name, amount) for (source, name), amount in totals.items() if amount],
        )

    def event(self, event: NewEvent) -> int:
        """Write an event, within a transaction; its number."""
        done = self.db.execute(
            "INSERT INTO event (time_us, kind, subject, text, data, message) VALUES (?, ?, ?, ?, ?, ?)",
            (self.now_us() if event.time_us is None else event.time_us, EventKind(event.kind).value,
             event.subject, event.text, json.dumps(event.data, ensure_ascii=False), to_text(event.text)),
        )  # fmt: skip
        return done.lastrowid or 0
