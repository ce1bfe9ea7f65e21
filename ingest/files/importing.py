"""The account of an import: what became of every row of a file, in a journal or in a rehearsal."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import tzinfo
from itertools import chain, islice
from operator import le
from pathlib import Path
from typing import cast

from soilco2.ingest.drivers.file_driver import FileDriver, FileLayout, Rows
from soilco2.ingest.drivers.sample import Arrival
from soilco2.ingest.files.doubts import doubts
from soilco2.quality.records import Sample
from soilco2.quality.rivals import FILE, TABLE
from soilco2.quality.runs import Bulk, joined
from soilco2.station_config.loader import Station
from soilco2.station_config.message import Message
from soilco2.storage.errors import TidyFileError
from soilco2.storage.files import sha256
from soilco2.storage.journal.control import Submitter
from soilco2.storage.journal.import_outcome import Brought
from soilco2.storage.tidy.dry_run import ParkedRows, Rehearsal, parked_reason
from soilco2.storage.tidy.rows import TidyFault
from soilco2.storage.tidy.samples import Moment, source_name

LOOKED_AT = 10
"""Stretches of rows whose units are looked at before the first of them is kept."""
SHOWN = 5
"""Faults, and conflicts, of a file that are kept for people to read."""
KINDS = {"file": FILE, "table": TABLE}
"""Ranks that an imported file may have, with how the source of its samples begins."""


@dataclass(slots=True)
class Account:
    """What became of a file's rows: each is stored, a duplicate, a conflict, or rejected.

    Parameters
    ----------
    stored : int
        Those that became data.
    duplicate : int
        Those that say nothing new, those that an earlier import parked among them.
    conflict : int
        Their number is not taken: one of a better rank stands, or one of the same until somebody decides.
    rejected : int
        Rows that cannot be used.
    bad : int
        Values that became data and were judged bad.
    back : int
        Rows of a series that lie before the row above them in time.
    back_line : int
        The first of these; 0 when there is none.
    parked_before : int
        Duplicates that an earlier import parked.
    number : int
        Of the import in the journal; 0 in a rehearsal.
    told : list of Message
        What is worth saying about the file.
    shown : list of TidyFault
        The first `SHOWN` of the rejected rows.
    named : list of (int, str)
        The first `SHOWN` conflicts: line and a sentence.
    declined : bool
        Nothing was taken: a unit looked wrong, and nobody said that it is right.
    """

    stored: int = 0
    duplicate: int = 0
    conflict: int = 0
    rejected: int = 0
    bad: int = 0
    back: int = 0
    back_line: int = 0
    parked_before: int = 0
    number: int = 0
    told: list[Message] = field(default_factory=list)
    shown: list[TidyFault] = field(default_factory=list)
    named: list[tuple[int, str]] = field(default_factory=list)
    declined: bool = False

    @property
    def rows(self) -> int:
        """Rows in all."""
        return self.stored + self.duplicate + self.conflict + self.rejected

    def counts(self) -> dict[str, int]:
        """As the journal keeps it with the import."""
        names = ("rows", "stored", "duplicate", "conflict", "rejected", "bad")
        return {name: getattr(self, name) for name in names}

    def add(self, done: Brought, lines: Sequence[int]) -> None:
        """Count a stretch of samples, with the line of each."""
        self.stored += done.stored
        self.duplicate += done.duplicate
        self.conflict += done.conflict
        self.bad += done.bad
        for at, sentence in done.named[: SHOWN - len(self.named)]:
            self.named.append((lines[at] if at < len(lines) else 0, sentence))


def import_table(
    station: Station,
    layout: FileLayout,
    driver: FileDriver,
    zone: tzinfo | None,
    moment: Moment,
    target: Submitter | Rehearsal,
    on_progress: Callable[[str], object] = lambda _where: None,
    rank: str = "table",
    sure: Callable[[list[Message]], bool] = lambda _doubted: True,
) -> Account:
    """Bring a file into the journal, or say what would become of it.

    Parameters
    ----------
    station : Station
    layout : FileLayout
        As its driver found it.
    driver : FileDriver
        Which recognised it.
    zone : tzinfo or None
        Zone of times that name none.
    moment : Moment
        When this happens.
    target : Submitter or Rehearsal
        Keeps the rows, or only judges them.
    on_progress : callable, optional
        Told after each stretch of rows where it is.
    rank : {"table", "file"}
        How far its numbers go before others.
    sure : callable, optional
        Told what looks wrong in the units of the first rows; says whether to go on.

    Raises
    ------
    TidyFileError
        When the file as a whole cannot be used.
    StorageError
        When the journal cannot be read or written.
    """
    source = source_name(layout.path, KINDS[rank])
    account = Account()
    parked = ParkedRows(station.journal_path, source)
    arrival = Arrival(moment.now_us, moment.mono_us, moment.boot_id, source)
    stretches = driver.rows(station, layout, zone, arrival)
    first = deque(islice(stretches, LOOKED_AT))
    doubted = doubts(station, first)
    if doubted and not sure(doubted):
        account.declined = True
        return account
    if isinstance(target, Submitter):
        account.number = target.submit(
            "begin_import", file=layout.path.name, sha256=seal_of(layout.path), source=source
        )
    newest: dict[tuple[str, str], int] = {}
    for stretch in _gathered(chain(_emptied(first), stretches), target.rows_at_once):
        account.told += [one for one in stretch.told if one not in account.told]
        mine = parked.parked_by(account.number, stretch.faults)
        faults = parked.sort_out(stretch.faults)
        again = len(stretch.faults) - len(faults)
        account.parked_before += again - mine
        account.duplicate += again - mine
        account.rejected += len(faults) + mine
        account.shown += faults[: max(0, SHOWN - len(account.shown))]
        _run_back(stretch.samples, stretch.lines, newest, account)
        if isinstance(target, Rehearsal):
            done = target.judge(stretch.samples)
        else:
            done = _keep(target, source, stretch._replace(faults=faults), again, moment, account.number)
        account.add(done, stretch.lines)
        on_progress(Message("line {line}", line=stretch.line))
    if isinstance(target, Submitter):
        target.submit("end_import", number=account.number, source=source, counts=account.counts())
    return account


def _emptied(some: deque[Rows]) -> Iterator[Rows]:
    while some:
        yield some.popleft()


def _gathered(stretches: Iterator[Rows], most: int) -> Iterator[Rows]:
    """Stretches put together to some of at most so many rows: each is kept in one synced commit."""
    some: list[Rows] = []
    count = 0
    for stretch in stretches:
        rows = len(stretch.samples) + len(stretch.faults)
        if some and count + rows > most:
            yield _together(some)
            some, count = [], 0
        some.append(stretch)
        count += rows
    if some:
        yield _together(some)


def _together(some: Sequence[Rows]) -> Rows:
    return Rows(
        joined([one.samples for one in some]),
        [fault for one in some for fault in one.faults],
        some[-1].line,
        [line for one in some for line in one.lines],
        told=[told for one in some for told in one.told],
    )


def seal_of(path: Path) -> str:
    """SHA-256 of a file that is imported."""
    try:
        return sha256(path)
    except OSError as error:
        raise TidyFileError(
            str(path), Message("cannot be opened: {why}", why=error.strerror or error)
        ) from error


def _run_back(
    samples: Sequence[Sample], lines: Sequence[int], newest: dict[tuple[str, str], int], account: Account
) -> None:
    """Where time runs back in a series."""
    if isinstance(samples, Bulk):
        runs = [(run[:2], cast(Sequence[int], run.times)) for run in samples.runs()]
        if all(
            newest.get(key, times[0]) <= times[0] and all(map(le, times, times[1:])) for key, times in runs
        ):
            newest.update((key, times[-1]) for key, times in runs)
            return
    for at, sample in enumerate(samples):
        key, time_us = (sample.serial, sample.channel), sample.time_us or 0
        if time_us < newest.get(key, time_us):
            account.back += 1
            account.back_line = account.back_line or (lines[at] if at < len(lines) else 0)
        newest[key] = time_us


def _keep(target: Submitter, source: str, rows: Rows, again: int, moment: Moment, number: int) -> Brought:
    """Have a stretch of rows kept, and counted."""
    if not rows.samples and not rows.faults and not again:
        return Brought(0, 0, 0, 0, [])
    done = target.submit(
        "import",
        samples=rows.samples,
        parked=[("message", source, parked_reason(f), f.text, None, moment.now_us) for f in rows.faults],
        counts=[
            (source, "in", len(rows.faults) + again),
            (source, "rejected", len(rows.faults)),
            (source, "duplicate", again),
        ],
        number=number,
    )
    return Brought(**done)
