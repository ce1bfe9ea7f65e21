"""What a journal knows of a table's rows already, and what an import of them would do to it; it only reads."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from soilco2.quality.epochs import Epochs
from soilco2.quality.plans import StationPlan
from soilco2.quality.records import Sample
from soilco2.quality.rivals import Rank, outcome
from soilco2.quality.tracks import Track
from soilco2.station_config.loader import Station
from soilco2.station_config.message import Message
from soilco2.storage.journal.connection import has_table, storage_error
from soilco2.storage.journal.duplicates import kind_of
from soilco2.storage.journal.excluded import Layers
from soilco2.storage.journal.import_outcome import SHOWN, Brought, told
from soilco2.storage.journal.read_only import open_read_only
from soilco2.storage.journal.reader import JournalReader
from soilco2.storage.tidy.rows import TidyFault


class ParkedRows:
    """The rows of one source that are parked: one of them that comes again is a duplicate.

    It remembers a hash of each, whether it waits or was settled; what is parked is bounded by the journal's limit.

    Parameters
    ----------
    journal : Path
        The journal's file, which need not be there.
    source : str
    """

    def __init__(self, journal: Path, source: str) -> None:
        self._rows: set[int] = set()
        self._by: dict[int, int] = {}
        if not journal.is_file():
            return
        db = open_read_only(journal)
        try:
            number = "import" if has_table(db, "import") else "NULL"  # not in a journal of an earlier version
            for reason, payload, by in db.execute(
                f"SELECT reason, payload, {number} FROM parked WHERE source = ? AND kind = 'message'",  # noqa: S608
                (source,),
            ):
                mark = _mark(reason, payload)
                self._rows.add(mark)
                if by is not None:
                    self._by[mark] = by
        finally:
            db.close()

    def parked_by(self, number: int, faults: Sequence[TidyFault]) -> int:
        """How many of these an import parked before it was cut short and goes on; each row once."""
        found = 0
        for fault in faults if number in self._by.values() else ():
            mark = _mark(parked_reason(fault), fault.text.encode("utf-8", "surrogateescape"))
            if self._by.get(mark) == number:
                del self._by[mark]
                found += 1
        return found

    def sort_out(self, faults: list[TidyFault]) -> list[TidyFault]:
        """The faults that are not parked."""
        fresh = []
        for fault in faults:
            reason, payload = parked_reason(fault), fault.text.encode("utf-8", "surrogateescape")
            marks = {_mark(reason, payload), _mark(reason, b"")}  # of one that was dropped the text is gone
            if not marks & self._rows:
                fresh.append(fault)
                self._rows.add(_mark(reason, payload))
        return fresh


def parked_reason(fault: TidyFault, file: str = "") -> str:
    """The reason a row is parked with; with its file where the source is not the file."""
    if file:
        return Message("{file}, line {line}: {reason}", file=file, line=fault.line, reason=fault.reason)
    return Message("line {line}: {reason}", line=fault.line, reason=fault.reason)


def _mark(reason: str, payload: bytes) -> int:
    """A row by its text and why it cannot be used; the line counts where the text was not kept."""
    return hash((reason.partition(": ")[2], payload) if payload else reason)


class Rehearsal:
    """What would become of samples, without a writer and without a change; a context manager.

    Parameters
    ----------
    station : Station
        Its journal need not be there.
    """

    rows_at_once = 5000
    """How many rows are best judged at once."""

    def __init__(self, station: Station) -> None:
        path = station.journal_path
        self._journal = JournalReader(path) if path.is_file() else None
        self._layers = self._journal.layers() if self._journal is not None else Layers()
        self._path = path
        plan = StationPlan(station.deployments, station.hash)
        self._epochs = Epochs(plan)
        self._ranks = plan.ranks
        self._beside: dict[str, list[tuple[str, str]]] = {}
        for serial, channel in self._journal.channels() if self._journal is not None else ():
            known = station.deployments.channel(serial, channel)
            if known is not None:
                self._beside.setdefault(known.variable, []).append((serial, channel))
        self._seen = sqlite3.connect("")  # a file of its own that SQLite takes away: bounded memory
        self._seen.execute(
            "CREATE TABLE seen (serial TEXT, channel TEXT, time_us INTEGER, raw REAL, status TEXT, source TEXT)"
        )
        self._seen.execute("CREATE INDEX place ON seen (serial, channel, time_us)")

    def __enter__(self) -> Rehearsal:
        return self

    def __exit__(self, *_: object) -> None:
        self._seen.close()
        if self._journal is not None:
            self._journal.close()

    def judge(self, samples: Sequence[Sample]) -> Brought:
        """What would become of each; how many would be judged bad is not known.

        Raises
        ------
        StorageError
            When the journal cannot be read, or there is no room for a temporary file.
        """
        found = Counter[str]()
        named: list[tuple[int, str]] = []
        try:
            for at, sample in enumerate(samples):
                before, outvoted = self._before(sample)
                track = self._track(sample)
                reading, rank = (
                    track.reading(sample) if track is not None else sample.raw,
                    self._ranks.of(sample),
                )
                mine = sample.raw, sample.status, kind_of(sample.source), sample.serial, sample.channel
                if any(
                    mine == (b.raw, b.status, kind_of(b.source), b.serial, b.channel)
                    for b in (*(row[0] for row in before), *outvoted)
                ):
                    result = "duplicate"
                else:
                    result = outcome(reading, rank, [row[1:] for row in before])
                    self._seen.execute(
                        "INSERT INTO seen VALUES (?, ?, ?, ?, ?, ?)",
                        (
                            sample.serial,
                            sample.channel,
                            sample.time_us,
                            sample.raw,
                            sample.status,
                            sample.source,
                        ),
                    )
                found[result] += 1
                if result == "conflict" and len(named) < SHOWN and track is not None:
                    named.append((at, told(track.series, sample.time_us or 0, reading, rank, before)))
        except sqlite3.Error as error:
            raise storage_error(self._path, error) from error
        return Brought(found["stored"], found["duplicate"], found["conflict"], 0, named)

    def _track(self, sample: Sample) -> Track | None:
        """What judges a sample where it is installed."""
        steps = self._epochs.channels.get(sample[:2]) or self._epochs.add(sample.serial, sample.channel)
        epoch = None if sample.time_us is None else steps.at(sample.time_us)
        return None if epoch is None else epoch.track

    def _before(self, sample: Sample) -> tuple[list[tuple[Sample, float | None, Rank]], list[Sample]]:
        """What stands at a sample's series and time, in the journal or earlier in this import; what was outvoted."""
        track = self._track(sample)
        found: list[Sample] = []
        outvoted: list[Sample] = []
        if self._journal is not None:
            places = {(sample.serial, sample.channel), *self._beside.get(sample.channel, ())}
            for serial, channel in places:
                for seq, raw, status, source in self._journal.samples_at(
                    serial, channel, sample.time_us or 0
                ):
                    other = sample._replace(
                        serial=serial, channel=channel, raw=raw, status=status, source=source, said=None
                    )
                    counts = self._layers.over(seq, other)
                    if counts is None:
                        outvoted.append(other)
                    elif counts is other and (
                        (there := self._track(other)) is None or track is None or there.series == track.series
                    ):
                        found.append(other)
        for raw, status, source in self._seen.execute(
            "SELECT raw, status, source FROM seen WHERE serial = ? AND channel = ? AND time_us = ?",
            (sample.serial, sample.channel, sample.time_us),
        ).fetchall():
            found.append(sample._replace(raw=raw, status=status, source=source))
        return [(other, self._reading(other), self._ranks.of(other)) for other in found], outvoted

    def _reading(self, sample: Sample) -> float | None:
        track = self._track(sample)
        return sample.raw if track is None else track.reading(sample)
