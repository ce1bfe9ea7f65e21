"""The one thing that changes a journal: samples in, observations made, cursors moved, flags set."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from soilco2.quality.records import Sample, SeriesKey
from soilco2.station_config.loader import Station
from soilco2.station_config.message import Message, to_text
from soilco2.storage.journal.ahead import flag_ahead
from soilco2.storage.journal.bulk_insert import Insertion
from soilco2.storage.journal.conflicts import Conflicts
from soilco2.storage.journal.connection import JournalLock, closed_on_failure, storage_error
from soilco2.storage.journal.failpoint import failpoint
from soilco2.storage.journal.import_outcome import Brought, brought
from soilco2.storage.journal.imports import Imports
from soilco2.storage.journal.judging import Judging
from soilco2.storage.journal.own_variables import check_units
from soilco2.storage.journal.parking import Parking
from soilco2.storage.journal.retention import Retention
from soilco2.storage.journal.rollup_writer import RollupWriter
from soilco2.storage.journal.rows import PLACE, NewEvent, Parked
from soilco2.storage.journal.samples import Samples
from soilco2.storage.journal.schema import EventKind
from soilco2.storage.journal.session import Session

_UPSERT_DERIVED = Insertion(
    "INSERT INTO derived",
    "?" * 8,
    "ON CONFLICT (series, method, time_us) DO UPDATE SET value = excluded.value, lower = excluded.lower,"
    " upper = excluded.upper, rev = excluded.rev, reason = excluded.reason"
    " WHERE value IS NOT excluded.value OR lower IS NOT excluded.lower OR upper IS NOT excluded.upper"
    " OR reason <> excluded.reason",
)


_GIVEN_UP_S = 30.0
"""After so long without a word of the command that took an import back, the writer judges on by itself [s]."""


class CommitResult(NamedTuple):
    """What became of a commit."""

    stored: int
    """Samples that are kept from now on."""
    duplicate: int
    observations: int
    last_seq: int
    last_rev: int


class Writer:
    """The writing side of a station's journal; one at a time, by a lock.

    Make it with `Writer.open`. It is used from one thread at a time.

    Attributes
    ----------
    session : Session
    samples : Samples
    parking : Parking
    retention : Retention
    rollups : RollupWriter
    imports : Imports
    conflicts : Conflicts
    judging : Judging
    """

    def __init__(self, station: Station, lock: JournalLock, now_us: Callable[[], int]) -> None:
        self._lock = lock
        self.session = Session(station, lock, now_us)
        with closed_on_failure(self.session.db):
            self._make_parts(station)

    def _make_parts(self, station: Station) -> None:
        self.samples = Samples(self.session)
        self.parking = Parking(self.session)
        self.retention = Retention(self.session, self.samples, self.parking)
        self.rollups = RollupWriter(self.session)
        self.imports = Imports(self.session)
        self.conflicts = Conflicts(self.session, self.parking)
        self.judging = Judging(self.session, self.samples, self.imports, self.conflicts)
        self._judged_at = 0.0
        self.install_config(station)
        while self.imports.waits:  # a command that was cut short
            self.judge_import()

    @property
    def path(self) -> Path:
        """The journal's file."""
        return self.session.path

    @property
    def station(self) -> Station:
        """The station by the configuration in force."""
        return self.session.station

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
            if not self.session.abandoned:
                self.judging.finish()
                self.rollups.finish()
                self.session.close()
        except sqlite3.Error as error:
            raise storage_error(self.session.path, error) from error
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
        heard: Sequence[str] = (),
        number: int | None = None,
        place: tuple[str, str] | None = None,
    ) -> CommitResult:
        """Keep samples and what came with them, in one transaction that is on disk when this returns.

        A sample of the same channel and time that says the same is a duplicate; whatever else comes is kept beside it,
        and the observation follows the rule of `soilco2.quality.rivals`. In = stored + duplicate + rejected is counted
        by source.

        Parameters
        ----------
        samples : sequence of Sample
        parked : sequence of Parked
            Messages that could not be understood.
        events : sequence of NewEvent
        counts : iterable of (source, name, amount)
            Further counters, such as what was rejected before it became a sample.
        heard : sequence of str
            Messages whose repeat is to be known, see `soilco2.ingest.protocols.heard`.
        number : int, optional
            Of the import that delivers the samples.
        place : (str, str), optional
            How far a source has been read, by the source's own key.

        Raises
        ------
        StorageError
            When it could not be kept; then nothing of it is.
        """
        totals: dict[tuple[str, str], int] = {}
        if samples:
            self.retention.keep_within_limit(len(samples))
        with self.session.transaction():
            kept = self.samples.keep(samples, totals)
            back = [] if number is None else self.imports.deliver(number, kept)
            made = self.judging.observe([*kept.samples, *back] if back else kept.samples) if samples else 0
            for entry in parked:
                self.parking.park(entry)
            self.retention.bound_parked(totals)
            if heard:
                self.samples.hear(heard)
            if place is not None:
                self.session.meta(PLACE + place[0], place[1])
            for event in events:
                self.session.event(event)
            self.judging.hear_settings(events)
            for source, name, amount in counts:
                totals[source, name] = totals.get((source, name), 0) + amount
            self.session.count(totals)
        self._kept, self._back = kept, back
        return CommitResult(
            len(kept.samples),
            len(kept.again),
            made,
            self.samples.seq,
            self.session.rev,
        )

    def bring(
        self,
        number: int,
        samples: Sequence[Sample],
        parked: Sequence[Parked] = (),
        counts: Iterable[tuple[str, str, int]] = (),
        place: tuple[str, str] | None = None,
    ) -> Brought:
        """Keep a stretch of an import's rows and how far its file has been read; say what became of each."""
        rev, observed = self.session.rev, self.judging.observed
        observed.bad = False
        self.conflicts.watch(samples, number)
        try:
            self.commit(samples, parked=parked, counts=counts, number=number, place=place)
            self.judging.catch_up(samples)
            mine = self.imports.claim(number, self._kept.again)
            bad = [*observed.bad_after(rev), *observed.bad_among(mine)]
            return brought(samples, self._kept, [*self._back, *mine], self.conflicts.met, bad)
        finally:
            self.conflicts.watch(())

    def begin_import(self, file: str, sha256: str, source: str) -> int:
        """An import's number: a new one, or that of the same file where it was cut short, which goes on."""
        with self.session.transaction():
            return self.imports.begin(file, sha256, source)

    def end_import(self, number: int, source: str, counts: dict[str, int], quiet: bool = False) -> None:
        """An import is through, so far; what became of its rows, and, unless `quiet`, a word of it in the log."""
        told = Message(
            "{stored} stored, {duplicate} duplicate, {conflict} conflict, {rejected} rejected",
            **{name: counts.get(name, 0) for name in ("stored", "duplicate", "conflict", "rejected")},
        )
        with self.session.transaction():
            self.imports.end(number, counts)
            if quiet:
                return
            self.session.event(NewEvent(EventKind.IMPORTED, source, told, {"import": number, **counts}))

    def switch_import(self, number: int, undo: bool, who: str, why: str = "") -> int:
        """Take an import back, or give it again; the days that wait to be judged, by `judge_import`."""
        with self.session.transaction():
            self.imports.switch(number, undo, who, why)
            failpoint("import-switching")
        self._judged_at = time.monotonic()
        failpoint("import-switched")
        return len(self.imports.waits)

    def judge_import(self) -> tuple[int, int]:
        """Judge a day again that waits since an import was taken back or given again.

        Returns
        -------
        changed, left : int
            Observations that changed, and days that wait; call it again while these are not 0, so that others get
            their turn.
        """
        changed = 0
        self._judged_at = time.monotonic()
        if self.imports.waits:
            with self.session.transaction():
                changed = self.judging.make_again(*self.imports.next())
            failpoint("import-judged")
        return changed, len(self.imports.waits)

    def decide(self, number: int, take: str, who: str, why: str = "") -> int:
        """Of the numbers in conflict one holds, or, with no `take`, none for now; the observations that changed."""
        with self.session.transaction():
            if take:
                at = self.conflicts.decide(number, take, who, why, self.judging.samples_at)
            else:
                at = self.conflicts.take_back(number, who, why)
            self.imports.load()
            return self.judging.make_again(at, at + 1)

    def drop_parked(
        self, why: str, import_: int | None = None, reason: str | None = None, before_us: int | None = None
    ) -> tuple[int, int]:
        """Settle every waiting entry that meets all conditions given as not wanted, conflicts excepted.

        Returns
        -------
        dropped, conflicts : int
            Entries that are settled, and conflicts that meet the conditions and wait on.
        """
        return self.parking.drop(why, {"import": import_, "reason": reason, "before_us": before_us})

    # what else changes

    def install_config(self, station: Station) -> None:
        """Put a configuration in force and keep its text.

        Raises
        ------
        UnitChangedError
            When it gives a variable another unit than its kept values have.
        """
        check_units(self.session.db, station.variables)
        with self.session.transaction():
            if self.session.meta("config") != station.hash:
                self.session.db.execute(
                    "INSERT OR IGNORE INTO config (hash, text, since_us) VALUES (?, ?, ?)",
                    (station.hash, station.text, self.session.now_us()),
                )
                self.session.meta("config", station.hash)
                self.session.event(
                    NewEvent(
                        EventKind.CONFIG,
                        "station",
                        Message("configuration {hash} in force", hash=station.hash),
                        {"hash": station.hash},
                    )
                )
            for table in station.file.sinks:
                self.session.db.execute(
                    "INSERT OR IGNORE INTO cursor VALUES (?, 0, ?, '', '')", (table.id, self.session.now_us())
                )
        self.session.station = station
        self.judging.forget()

    def event(self, event: NewEvent) -> int:
        """Write one event."""
        with self.session.transaction():
            return self.session.event(event)

    def note(self, who: str, text: str, time_us: int | None = None) -> int:
        """Write a person's note into the log."""
        return self.event(NewEvent(EventKind.NOTE, who, text, {}, time_us))

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
        with self.session.transaction():
            self.session.db.execute(
                "INSERT INTO cursor VALUES (?, ?, ?, ?, ?)"
                " ON CONFLICT (sink) DO UPDATE SET rev = max(rev, excluded.rev), moved_us = excluded.moved_us,"
                " error = excluded.error, message = excluded.message",
                (sink, rev, self.session.now_us(), error, to_text(error)),
            )
            for entry in parked:
                self.parking.park(entry)
            for event in events:
                self.session.event(event)
            self.session.count({(sink, "sent"): sent, (sink, "parked"): len(parked)})

    def resend(self, sink: str, from_us: int, to_us: int, why: str = "") -> None:
        """Have a window sent to one database again; its forwarder works it off beside what is new."""
        with self.session.transaction():
            waiting = json.loads(self.session.meta(f"resend:{sink}") or "[]")
            if [from_us, to_us] not in waiting:
                waiting.append([from_us, to_us])
            self.session.meta(f"resend:{sink}", json.dumps(waiting))
            data = {"from_us": from_us, "to_us": to_us}
            self.session.event(NewEvent(EventKind.REPLAYED, sink, why or Message("asked for"), data))

    def resent(self, sink: str, from_us: int, to_us: int, *, parked: Sequence[Parked] = ()) -> None:
        """A window was sent again; what the database refused is parked in the same transaction."""
        with self.session.transaction():
            waiting = json.loads(self.session.meta(f"resend:{sink}") or "[]")
            left = [window for window in waiting if window != [from_us, to_us]]
            self.session.meta(f"resend:{sink}", json.dumps(left))
            for entry in parked:
                self.parking.park(entry)
            self.session.count({(sink, "parked"): len(parked)})

    def append_derived(
        self, rows: Sequence[tuple[Sequence[str], int, float | None, float | None, float | None, str, str]]
    ) -> int:
        """Keep results in time: (series, time_us, value, lower, upper, method, reason).

        One that was withheld has no value and a reason. Only what differs gets a new revision.
        """
        session = self.session
        with session.transaction():
            values: list[object] = []
            for key, time_us, value, lower, upper, method, reason in rows:
                session.rev += 1
                values += (
                    session.series_id(SeriesKey(*key)), session.word(method), time_us, value, lower, upper,
                    session.rev, session.word(reason),
                )  # fmt: skip
            return _UPSERT_DERIVED(session.db, values)

    def parked_settle(self, number: int, state: str, why: str) -> None:
        """Mark a parked entry as retried or dropped, with the reason; a conflict is decided instead."""
        self.parking.settle(number, state, why)

    # what its parts do

    def flag(self, series: Sequence[str], from_us: int, until_us: int, flag: int, who: str, why: str) -> int:
        """Flag a stretch of a series by hand; the number of the event takes it back."""
        return self.judging.flag(series, from_us, until_us, flag, who, why)

    def revoke(self, event: int, who: str, why: str) -> int:
        """Take a manual flag back; the observations that changed."""
        return self.judging.revoke(event, who, why)

    def reprocess(self, from_us: int, to_us: int) -> int:
        """Judge every sample of a window again with the configuration in force; the observations that changed."""
        return self.judging.reprocess(from_us, to_us)

    def set_time(self, boot_id: str, offset_us: int, why: str) -> int:
        """Give the samples held back since a boot their time: monotonic clock plus offset.

        Returns
        -------
        int
            Samples that got a time.
        """
        with self.session.transaction():
            given = self.samples.give_time(boot_id, offset_us)
            if given is None:
                return 0
            count, first_us, last_us = given
            data = {"offset_us": offset_us, "samples": count}
            self.session.event(NewEvent(EventKind.CLOCK_SET, boot_id, why, data))
            self.judging.make_again(first_us, last_us + 1)
        return count

    def flag_ahead(self, boot_id: str, offset_us: int) -> int:
        """Flag as bad what came with a time ahead of the clock while that was not trusted; the readings."""
        return flag_ahead(self.session, self.judging, boot_id, offset_us)

    def bytes_in_use(self) -> int:
        """Room the journal takes [bytes]."""
        return self.retention.bytes_in_use()

    def archived(
        self, path: str, start_us: int, end_us: int, samples: int, observations: int, sha256: str
    ) -> None:
        """Write into the log that a stretch stands in an archive."""
        self.retention.archived(path, start_us, end_us, samples, observations, sha256)

    def prune(self, path: str) -> int:
        """Take out some of what stands in an archive; the rows, 0 when nothing is left to take out."""
        return self.retention.prune(path)

    def keep_up(self) -> float | None:
        """Go on for a moment with what need not be done at once: late readings, abandoned imports, rollups.

        Returns
        -------
        float or None
            In how many seconds late readings want to be judged; None when none waits.
        """
        wanted = self.judging.keep()
        self.keep_rollups()
        return wanted

    def catch_up(self, samples: Sequence[Sample]) -> int:
        """Judge on until nothing of the channels of these samples waits; the conflicts that were parked meanwhile."""
        self.conflicts.parked = 0
        self.judging.catch_up(samples)
        return self.conflicts.parked

    def judge(self) -> bool:
        """Judge some of the readings that wait; whether more wait."""
        return self.judging.go_on()

    def keep_rollups(self) -> None:
        """Go on with the rollups for a moment, if it is time; and with an import that nobody judges on."""
        if self.imports.waits and time.monotonic() - self._judged_at > _GIVEN_UP_S:
            self.judge_import()
        self.rollups.keep()

    def roll(self) -> bool:
        """Count again what some of the newest revisions changed; whether something is left to be done."""
        return self.rollups.roll()

    def forget_rollups(self) -> None:
        """Begin the rollups anew."""
        self.rollups.forget()
