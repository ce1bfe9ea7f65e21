"""Samples list by list, for passes over much of a journal: a list holds all of its time, channel by channel."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator, Sequence
from typing import Any

from soilco2.quality.records import Sample
from soilco2.storage.journal.connection import sample_columns, sample_of
from soilco2.storage.journal.excluded import Layers

AT_ONCE = 4000
"""Samples in one list, about."""
_new = tuple.__new__


class SampleLists:
    """Reads through a connection; what is not yet committed there is seen.

    Parameters
    ----------
    db : sqlite3.Connection
    """

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._columns = sample_columns(db)
        self._words: dict[int, str] = {}
        self._channels: dict[int, tuple[str, str]] = {}

    def read(
        self,
        start_us: int,
        end_us: int,
        channels: Collection[tuple[str, str]] | None = None,
        layers: Layers | None = None,
    ) -> Iterator[tuple[list[Sample], int]]:
        """Samples of some channels, or all, as they count by the layers; with each list the moment where it ends."""
        numbers = [
            row[0]
            for row in self._db.execute("SELECT id, serial, channel FROM channel")
            if channels is None or row[1:] in channels
        ]
        most = max(200, AT_ONCE // max(1, len(numbers)))
        text = (
            f"SELECT {self._columns} FROM sample WHERE channel = ? AND time_us >= ? AND time_us < ?"  # noqa: S608
            " ORDER BY time_us LIMIT ?"
        )
        while start_us < end_us:
            upto_us = end_us
            rows: list[Sequence[Any]] = []
            for number in numbers:
                some = self._db.execute(text, (number, start_us, upto_us, most)).fetchall()
                if len(some) == most and some[0][2] < some[-1][2]:
                    upto_us = some[-1][2]  # of that moment there may be more
                rows += some
            if upto_us < end_us:
                rows = [row for row in rows if row[2] < upto_us]
            samples = self._made_of(rows)
            if layers:
                over = (layers.over(row[0], sample) for row, sample in zip(rows, samples, strict=True))
                samples = [sample for sample in over if sample is not None]
            yield samples, upto_us
            start_us = upto_us

    def _made_of(self, rows: Sequence[Sequence[Any]]) -> list[Sample]:
        """Samples from their rows; what numbers mean is read again when one is new."""
        for _ in range(2):
            words, channels = self._words, self._channels
            if any(row[10] is not None and type(row[10]) is not bytes for row in rows):
                break
            try:
                return [
                    _new(
                        Sample,
                        (*channels[c], at, raw, words[s], device, came, mono, words[b], words[f], said),
                    )
                    for _, c, at, raw, s, device, came, mono, b, f, said, _ in rows
                ]
            except KeyError:
                self._words = dict(self._db.execute("SELECT id, text FROM word"))
                known = self._db.execute("SELECT id, serial, channel FROM channel")
                self._channels = {row[0]: (row[1], row[2]) for row in known}
        return [sample_of(row, self._channels, self._words) for row in rows]
