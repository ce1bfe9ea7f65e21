"""Samples that came at once and say nothing but their numbers, on their way into the table."""

from __future__ import annotations

import sqlite3
import sys
import zlib
from array import array
from collections.abc import Sequence
from itertools import chain

from soilco2.quality.runs import Columns
from soilco2.storage.journal.bulk_insert import COUNTED, SHARED, Insertion
from soilco2.storage.journal.connection import NO_NUMBER, NO_TIME, SAMPLE_WIDTH
from soilco2.storage.journal.session import Session

_INSERT = Insertion(
    "INSERT INTO sample (seq, channel, raw, time_us, status, device_us, arrival_us, mono_us, boot, source)",
    (COUNTED, "?", "?", "?") + (SHARED,) * 6,
    "ON CONFLICT (channel, time_us, nth) DO NOTHING",
)


class PlainSamples:
    """Such samples as the table holds them.

    Parameters
    ----------
    session : Session
    columns : Columns
    first : int
        Number of the first of them.
    """

    def __init__(self, session: Session, columns: Columns, first: int) -> None:
        number = {name: session.channel(*name) for name in dict.fromkeys(columns.names)}.__getitem__
        self._seqs = range(first, first + len(columns))
        self._channels = list(map(number, columns.names))
        self._raws = [
            NO_NUMBER if raw is None else raw + 0.0 for raw in columns.raws
        ]  # -0.0 comes back as 0.0
        self._times = columns.times
        device_us, arrival_us, mono_us, boot, source = columns.rest
        self._shared = (
            session.word(""),
            device_us,
            arrival_us,
            mono_us,
            session.word(boot),
            session.word(source),
        )

    def insert(self, db: sqlite3.Connection) -> int:
        """Insert them; how many came in."""
        rows = zip(self._channels, self._raws, self._times, strict=True)
        return _INSERT(db, list(chain.from_iterable(rows)), (self._seqs.start, *self._shared))

    def checksum(self) -> int:
        """As `soilco2.storage.journal.connection.checksum`."""
        status, device_us, arrival_us, mono_us, boot, source = self._shared
        raws = array("q", array("d", self._raws).tobytes())
        columns: tuple[int | Sequence[int], ...] = (
            self._seqs, self._channels, status, raws, self._times,
            NO_TIME if device_us is None else device_us, arrival_us, mono_us, boot, source,
        )  # fmt: skip
        count = len(self._seqs)
        packed = array("q", bytes(8 * SAMPLE_WIDTH * count))
        for index, column in enumerate(columns):
            cells = array("q", [column]) * count if isinstance(column, int) else array("q", column)
            packed[index::SAMPLE_WIDTH] = cells
        if sys.byteorder == "big":
            packed.byteswap()
        return zlib.crc32(packed)
