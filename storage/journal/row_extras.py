"""What imported rows said of their values besides (`soilco2.storage.row_extras`), read with the values."""

from __future__ import annotations

import sqlite3
from array import array
from collections.abc import Iterator, Sequence
from itertools import groupby

from soilco2.quality.records import SeriesKey
from soilco2.station_config.deployments import import_channel
from soilco2.storage.journal.connection import keeps_said
from soilco2.storage.reader import Piece
from soilco2.storage.row_extras import Beside
from soilco2.storage.row_extras import read as read_beside

_NAN = float("nan")


def _import_channel(db: sqlite3.Connection, key: SeriesKey) -> int | None:
    """The channel of what was imported into a series."""
    row = db.execute(
        "SELECT id FROM channel WHERE serial = ? AND channel = ?",
        import_channel(key),
    ).fetchone()
    return None if row is None else int(row[0])


def beside_at(db: sqlite3.Connection, key: SeriesKey, order: str) -> Beside:
    """What the newest or oldest imported row of a series says of its value besides."""
    channel = _import_channel(db, key)
    if channel is None or not keeps_said(db):
        return Beside()
    row = db.execute(
        "SELECT said FROM sample WHERE channel = ? AND time_us IS NOT NULL"  # noqa: S608 - our own words
        f" ORDER BY time_us {order} LIMIT 1",
        (channel,),
    ).fetchone()
    return Beside() if row is None or row[0] is None else read_beside(row[0])


def with_beside(db: sqlite3.Connection, piece: Piece, raws: Sequence[float | None]) -> Iterator[Piece]:
    """A stretch with what imported rows say besides; cut where they say another method, period or stamp."""
    channel = _import_channel(db, piece.key)
    if channel is None or not keeps_said(db):
        yield piece
        return
    rows = db.execute(
        "SELECT time_us, raw, said FROM sample WHERE channel = ? AND time_us BETWEEN ? AND ? AND said IS NOT NULL",
        (channel, piece.times[0], piece.times[-1]),
    )
    told = {(time_us, raw): said for time_us, raw, said in rows}
    if not told:
        yield piece
        return
    nothing = Beside()
    beside = [read_beside(told[at]) if at in told else nothing for at in zip(piece.times, raws, strict=True)]
    begin = 0
    for _, same in groupby(beside, key=lambda row: row[2:]):
        those = list(same)
        cut = slice(begin, begin + len(those))
        begin += len(those)
        bounds = any(row.lower is not None or row.upper is not None for row in those)
        lower = array("d", [_NAN if row.lower is None else row.lower for row in those] if bounds else [])
        upper = array("d", [_NAN if row.upper is None else row.upper for row in those] if bounds else [])
        yield Piece(
            piece.key, piece.times[cut], piece.values[cut], piece.flags[cut], lower, upper, *those[0][2:]
        )
