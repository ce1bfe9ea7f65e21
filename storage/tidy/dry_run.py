"""What a journal knows of a table's rows already, and what an import of them would do to it; it only reads."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Sequence
from pathlib import Path

from soilco2.quality.records import Sample
from soilco2.station_config.message import Message
from soilco2.storage.journal.connection import storage_error
from soilco2.storage.journal.read_only import open_read_only
from soilco2.storage.journal.samples import same_reading
from soilco2.storage.tidy.rows import TidyFault

_CONFLICT = re.compile(r"(.+) has .+ at that time already, not (.+)", re.DOTALL)
"""What `soilco2.storage.journal.samples` says of a conflict: the channel and the number that came."""


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
        self._conflicts: set[tuple[int, str, str]] = set()
        if not journal.is_file():
            return
        db = open_read_only(journal)
        try:
            for kind, reason, payload, time_us in db.execute(
                "SELECT kind, reason, payload, time_us FROM parked WHERE source = ?", (source,)
            ):
                found = _CONFLICT.fullmatch(reason) if kind == "conflict" else None
                if found:
                    self._conflicts.add((time_us, found[1], found[2]))
                else:
                    self._rows.add(_mark(reason, payload))
        finally:
            db.close()

    def sort_out(
        self, samples: list[Sample], faults: list[TidyFault]
    ) -> tuple[list[Sample], list[TidyFault], int]:
        """The samples and faults that are not parked, and how many are."""
        fresh = []
        for fault in faults:
            reason, payload = parked_reason(fault), fault.text.encode("utf-8", "surrogateescape")
            marks = {_mark(reason, payload), _mark(reason, b"")}  # of one that was dropped the text is gone
            if not marks & self._rows:
                fresh.append(fault)
                self._rows.add(_mark(reason, payload))
        kept = samples
        if self._conflicts:
            kept = [
                s
                for s in samples
                if (s.time_us, f"{s.serial}/{s.channel}", str(s.raw)) not in self._conflicts
            ]
        return kept, fresh, len(samples) - len(kept) + len(faults) - len(fresh)


def parked_reason(fault: TidyFault) -> Message:
    """The reason a row is parked with."""
    return Message("line {line}: {reason}", line=fault.line, reason=fault.reason)


def _mark(reason: str, payload: bytes) -> int:
    """A row by its text and why it cannot be used; the line counts where the text was not kept."""
    return hash((reason.partition(": ")[2], payload) if payload else reason)


class Rehearsal:
    """What would become of samples, without a writer and without a change; a context manager.

    Parameters
    ----------
    journal : Path
        The journal's file, which need not be there.
    """

    def __init__(self, journal: Path) -> None:
        self._journal = open_read_only(journal) if journal.is_file() else None
        self._path = journal
        self._seen = sqlite3.connect("")  # a file of its own that SQLite takes away: bounded memory
        self._seen.execute(
            "CREATE TABLE seen (serial TEXT, channel TEXT, time_us INTEGER, raw REAL, status TEXT,"
            " PRIMARY KEY (serial, channel, time_us)) WITHOUT ROWID"
        )

    def __enter__(self) -> Rehearsal:
        return self

    def __exit__(self, *_: object) -> None:
        self._seen.close()
        if self._journal is not None:
            self._journal.close()

    def judge(self, samples: Sequence[Sample]) -> dict[str, int]:
        """How many would be stored, are there already, or differ from what is there.

        Raises
        ------
        StorageError
            When the journal cannot be read, or there is no room for a temporary file.
        """
        found = {"stored": 0, "duplicate": 0, "conflict": 0}
        try:
            for sample in samples:
                there = self._there(sample)
                if there is None:
                    found["stored"] += 1
                else:
                    found[
                        "duplicate" if same_reading(there, (sample.raw, sample.status)) else "conflict"
                    ] += 1
        except sqlite3.Error as error:
            raise storage_error(self._path, error) from error
        return found

    def _there(self, sample: Sample) -> tuple[float | None, str] | None:
        """What stands at a sample's channel and time: in the journal, or earlier in this import."""
        place = sample.serial, sample.channel, sample.time_us
        if self._journal is not None:
            there: tuple[float | None, str] | None = self._journal.execute(
                "SELECT s.raw, w.text FROM channel c JOIN sample s ON s.channel = c.id JOIN word w ON w.id = s.status"
                " WHERE c.serial = ? AND c.channel = ? AND s.time_us = ?",
                place,
            ).fetchone()
            if there is not None:
                return there
        new = self._seen.execute(
            "INSERT OR IGNORE INTO seen VALUES (?, ?, ?, ?, ?)", (*place, sample.raw, sample.status)
        )
        if new.rowcount:
            return None
        seen: tuple[float | None, str] | None = self._seen.execute(
            "SELECT raw, status FROM seen WHERE serial = ? AND channel = ? AND time_us = ?", place
        ).fetchone()
        return seen
