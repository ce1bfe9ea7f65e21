"""The account of an import: what became of every row of a table, in a journal or in a rehearsal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import tzinfo
from itertools import chain, islice

from soilco2.ingest.drivers.driver import Arrival, FileDriver, Rows
from soilco2.ingest.files.doubts import doubts
from soilco2.station_config.loader import Station
from soilco2.station_config.message import Message
from soilco2.storage.journal.control import Submitter
from soilco2.storage.tidy.dry_run import ParkedRows, Rehearsal, parked_reason
from soilco2.storage.tidy.rows import TidyFault
from soilco2.storage.tidy.samples import Moment, source_name
from soilco2.storage.tidy.text import Layout

LOOKED_AT = 10
"""Stretches of rows whose units are looked at before the first of them is kept."""
SHOWN = 5
"""Faults of a file that are kept for people to read."""


@dataclass(slots=True)
class Account:
    """What became of a file's rows: each is stored, a duplicate, a conflict, or at fault.

    Parameters
    ----------
    stored : int
    duplicate : int
        Known to the journal, those that an earlier import parked among them.
    conflict : int
        Another number stands at their channel and time.
    faults : int
        Rows that cannot be used.
    parked_before : int
        Duplicates that an earlier import parked.
    shown : list of TidyFault
        The first `SHOWN` of the faults.
    declined : bool
        Nothing was taken: a unit looked wrong, and nobody said that it is right.
    """

    stored: int = 0
    duplicate: int = 0
    conflict: int = 0
    faults: int = 0
    parked_before: int = 0
    shown: list[TidyFault] = field(default_factory=list)
    declined: bool = False

    @property
    def rejected(self) -> int:
        """Rows that are not data: conflicts and faults."""
        return self.conflict + self.faults

    @property
    def rows(self) -> int:
        """Rows in all."""
        return self.stored + self.duplicate + self.rejected


def import_table(
    station: Station,
    layout: Layout,
    driver: FileDriver,
    zone: tzinfo | None,
    moment: Moment,
    target: Submitter | Rehearsal,
    on_progress: Callable[[str], object] = lambda _where: None,
    sure: Callable[[list[Message]], bool] = lambda _doubted: True,
) -> Account:
    """Bring a tidy table into the journal, or say what would become of it.

    Parameters
    ----------
    station : Station
    layout : Layout
        Of the table, with its path.
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
    sure : callable, optional
        Told what looks wrong in the units of the first rows; says whether to go on.

    Raises
    ------
    TidyFileError
        When the file as a whole cannot be used.
    StorageError
        When the journal cannot be read or written.
    """
    source = source_name(layout.path)
    account = Account()
    parked = ParkedRows(station.journal_path, source)
    arrival = Arrival(moment.now_us, moment.mono_us, moment.boot_id, source)
    stretches = driver.rows(station, layout, zone, arrival)
    first = list(islice(stretches, LOOKED_AT))
    doubted = doubts(station, (sample for stretch in first for sample in stretch.samples))
    if doubted and not sure(doubted):
        account.declined = True
        return account
    for stretch in chain(first, stretches):
        samples, faults, again = parked.sort_out(stretch.samples, stretch.faults)
        account.parked_before += again
        account.faults += len(faults)
        account.shown += faults[: max(0, SHOWN - len(account.shown))]
        if isinstance(target, Rehearsal):
            done = target.judge(samples)
        else:
            done = _keep(target, source, stretch._replace(samples=samples, faults=faults), again, moment)
        account.stored += done["stored"]
        account.duplicate += done["duplicate"] + again
        account.conflict += done["conflict"]
        on_progress(Message("line {line}", line=stretch.line))
    if isinstance(target, Submitter):
        text = Message(
            "{stored} stored, {duplicate} duplicate, {rejected} rejected",
            stored=account.stored,
            duplicate=account.duplicate,
            rejected=account.rejected,
        )
        target.submit("event", event=["imported", source, text])
    return account


def _keep(target: Submitter, source: str, rows: Rows, again: int, moment: Moment) -> dict[str, int]:
    """Have a stretch of rows kept, and counted."""
    if not rows.samples and not rows.faults and not again:
        return {"stored": 0, "duplicate": 0, "conflict": 0}
    done: dict[str, int] = target.submit(
        "import",
        samples=rows.samples,
        parked=[("message", source, parked_reason(f), f.text, None, moment.now_us) for f in rows.faults],
        counts=[
            (source, "in", len(rows.faults) + again),
            (source, "rejected", len(rows.faults)),
            (source, "duplicate", again),
        ],
    )
    return done
