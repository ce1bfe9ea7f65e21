"""Imports: what each delivered, so that it can be taken back and given again. No sample is deleted or changed by it."""

from __future__ import annotations

import json
from collections.abc import Sequence

from soilco2.quality.records import Sample
from soilco2.station_config.times import DAY_US
from soilco2.storage.journal.accounting import IMPORTS_WAIT, Accounting
from soilco2.storage.journal.archive import archives_of, folder_of, opened
from soilco2.storage.journal.excluded import Layers, Span, joined, layers_of, minus, spans_of
from soilco2.storage.journal.rows import NewEvent, imported
from soilco2.storage.journal.samples import Kept
from soilco2.storage.journal.schema import EventKind
from soilco2.storage.journal.session import Session
from soilco2.storage.journal.uncommitted import InTransaction

Window = tuple[int, int]
"""From a time until another [µs UTC]."""


class Imports:
    """Keeps the entries of imports and the layers over the samples.

    Parameters
    ----------
    session : Session

    Attributes
    ----------
    layers : Layers
        In force now.
    waits : list of Window
        Days that are to be judged again since an import was taken back or given again.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._unclaimed: dict[int, list[Span]] = {}
        session.follow(self.load)

    def load(self) -> None:
        """Read the layers in force, and what waits."""
        self.layers: Layers = layers_of(self._session.db)
        waits = json.loads(self._session.meta(IMPORTS_WAIT) or "[]")
        self.waits: list[Window] = [(first, end) for first, end in waits]

    def begin(self, file: str, sha256: str, source: str) -> int:
        """Within a transaction: an import's number: that of one of the same file that was cut short, or a new one."""
        there = self._session.db.execute(
            "SELECT min(id) FROM import WHERE state = 'running' AND file = ? AND sha256 = ? AND source = ?",
            (file, sha256, source),
        ).fetchone()[0]
        if there is not None:
            self._unclaimed[there] = joined(
                self._session.db.execute(
                    "SELECT first_seq, last_seq FROM delivery WHERE import = ? AND again = 0", (there,)
                ).fetchall()
            )
            return int(there)
        done = self._session.db.execute(
            "INSERT INTO import (file, sha256, source, time_us, state) VALUES (?, ?, ?, ?, 'running')",
            (file, sha256, source, self._session.now_us()),
        )
        return done.lastrowid or 0

    def deliver(self, number: int, kept: Kept) -> list[Sample]:
        """Within a transaction: an import delivered these; the withdrawn ones among them, which count again."""
        again = spans_of([seq for seq, _ in kept.again])
        self._session.db.executemany(
            "INSERT OR IGNORE INTO delivery VALUES (?, ?, ?, ?)",
            [
                *((number, *span, 0) for span in spans_of(kept.seqs)),
                *((number, *span, 1) for span in again),
            ],
        )
        if not self.layers.withdrawn:
            return []
        before = self.layers
        self.load()
        return [
            sample for seq, sample in kept.again if before.takes_back(seq) and not self.layers.takes_back(seq)
        ]

    def claim(self, number: int, again: Sequence[tuple[int, Sample]]) -> list[Sample]:
        """Of samples that came again those that this import had brought before it was cut short, each once."""
        spans = self._unclaimed.get(number)
        if not spans or not again:
            return []
        mine = Layers(spans)
        found = {seq: sample for seq, sample in reversed(again) if mine.takes_back(seq)}
        self._unclaimed[number] = minus(spans, spans_of(sorted(found)))
        return list(found.values())

    def end(self, number: int, counts: dict[str, int]) -> None:
        """Within a transaction: an import is through."""
        self._unclaimed.pop(number, None)
        self._session.db.execute(
            "UPDATE import SET state = CASE state WHEN 'running' THEN 'done' ELSE state END, counts = ? WHERE id = ?",
            (json.dumps(counts), number),
        )

    def switch(self, number: int, undo: bool, who: str, why: str) -> None:
        """Within a transaction: take an import back or give it again; what is to be judged anew waits from now on."""
        before = self.layers.withdrawn
        imported(Accounting(self._session.db).imports(), number, undo)
        self._session.db.execute(
            "UPDATE import SET state = ? WHERE id = ?", ("undone" if undo else "done", number)
        )
        kind = EventKind.IMPORT_UNDONE if undo else EventKind.IMPORT_REDONE
        self._session.event(NewEvent(kind, who, why, {"import": number}))
        self.load()
        after = self.layers.withdrawn
        self._wait([*self.waits, *self._days(joined([*minus(before, after), *minus(after, before)]))])

    def next(self) -> Window:
        """Within a transaction: the next day that waits; it does not wait any more."""
        first = self.waits[0]
        self._wait(self.waits[1:])
        return first

    def _wait(self, days: list[Window]) -> None:
        self.waits = days
        self._session.meta(IMPORTS_WAIT, json.dumps(days))

    def _days(self, spans: Sequence[Span]) -> list[Window]:
        """Where the samples of some spans lie in time, day by day, archives included."""
        found = InTransaction(self._session.db).days_of(spans)
        with opened(archives_of(folder_of(self._session.station))) as readers:
            for reader in readers:
                found += reader.days_of(spans)
        days: dict[int, Window] = {}
        for first, last in found:
            day = first // DAY_US
            start_us, end_us = days.get(day, (first, last + 1))
            days[day] = min(start_us, first), max(end_us, last + 1)
        return [days[day] for day in sorted(days)]
