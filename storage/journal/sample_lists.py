"""Samples list by list, for passes over much of a journal: a list holds all of its time, channel by channel."""

from __future__ import annotations

import sqlite3
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Any

from soilco2.quality.records import Sample
from soilco2.quality.runs import Run, Runs, run_of
from soilco2.storage.journal.connection import sample_columns, sample_of
from soilco2.storage.journal.excluded import Layers

AT_ONCE = 4000
"""Samples in one list, about."""
_FEW = "time_us, raw, status, said"
_TIME = itemgetter(0)
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
        self._asked: set[int] = set()  # channels of which records were wanted: they will be again
        self._words: dict[int, str] = {}
        self._channels: dict[int, tuple[str, str]] = {}

    def read(
        self,
        start_us: int,
        end_us: int,
        channels: Mapping[tuple[str, str], int],
        layers: Layers | None = None,
    ) -> Iterator[tuple[Sequence[Sample], int]]:
        """Samples of some channels as they count by the layers; with each list the moment where it ends.

        Parameters
        ----------
        start_us, end_us : int
            [µs UTC]
        channels : mapping of (serial, channel) to int
            With the number of each.
        layers : Layers, optional
        """
        names = {number: name for name, number in sorted(channels.items(), key=itemgetter(1))}
        most = max(200, AT_ONCE // max(1, len(names)))
        while start_us < end_us:
            upto_us = end_us
            parts: dict[int, list[Sequence[Any]]] = {}
            for number in names:
                some = self._rows(number, start_us, upto_us, most, bool(layers))
                if len(some) == most and some[0][0] < some[-1][0]:
                    upto_us = some[-1][0]  # of that moment there may be more
                parts[number] = some
            if upto_us < end_us:
                parts = {
                    number: some[: bisect_left(some, upto_us, key=_TIME)] for number, some in parts.items()
                }
            if layers:
                yield self._over(layers, parts), upto_us
            else:
                runs = [self._run(number, names[number], some) for number, some in parts.items() if some]
                yield Runs(runs), upto_us
            start_us = upto_us

    def _rows(self, number: int, start_us: int, end_us: int, most: int, whole: bool) -> list[Sequence[Any]]:
        """Rows of a channel, with their time in front: whole ones where records of it are wanted."""
        columns = _FEW if not whole and number not in self._asked else f"time_us, {self._columns}"
        return self._db.execute(
            f"SELECT {columns} FROM sample WHERE channel = ? AND time_us >= ? AND time_us < ?"  # noqa: S608
            " ORDER BY time_us LIMIT ?",
            (number, start_us, end_us, most),
        ).fetchall()

    def _run(self, number: int, name: tuple[str, str], rows: Sequence[Sequence[Any]]) -> Run:
        """Rows of a channel by column."""
        if number in self._asked:
            return run_of(*name, self._made_of([row[1:] for row in rows]))
        times, raws, statuses, said = zip(*rows, strict=True)
        plain = all(self._word(status) == "" for status in set(statuses)) and said.count(None) == len(said)

        def records() -> list[Sample]:
            self._asked.add(number)
            whole = self._rows(number, times[0], times[-1] + 1, len(rows), True)
            return self._made_of([row[1:] for row in whole])

        return Run(*name, times, raws, plain, records)

    def _over(self, layers: Layers, parts: Mapping[int, Sequence[Sequence[Any]]]) -> list[Sample]:
        """Samples as they count by the layers."""
        rows = [row[1:] for some in parts.values() for row in some]
        over = (layers.over(row[0], sample) for row, sample in zip(rows, self._made_of(rows), strict=True))
        return [sample for sample in over if sample is not None]

    def _word(self, number: int) -> str | None:
        if number not in self._words:
            self._words = dict(self._db.execute("SELECT id, text FROM word"))
        return self._words.get(number)

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
