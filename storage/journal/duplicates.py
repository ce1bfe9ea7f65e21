"""What counts as a duplicate: the same from the same kind of source, for the same channel and time."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from math import isclose, isfinite, ulp
from typing import Any

from soilco2.quality.records import Sample
from soilco2.quality.rivals import FILE, TABLE


def kind_of(source: str) -> str:
    """Sources of one kind deliver the same sample; those of different kinds differ in rank."""
    return next((kind for kind in (FILE, TABLE) if source.startswith(kind)), "")


def already_there(db: sqlite3.Connection, row: Sequence[Any], sample: Sample) -> tuple[int | None, int]:
    """The number of the sample that says the same at its channel and time; else None, and its place among them.

    Parameters
    ----------
    db : sqlite3.Connection
    row : sequence
        The sample in its canonical form (`soilco2.storage.journal.samples`).
    sample : Sample
    """
    raw = row[3] if isfinite(row[3]) else None
    kind = kind_of(sample.source)
    nth = 0
    for seq, there, status, said, source, place in db.execute(
        "SELECT seq, raw, status, said, source, nth FROM sample WHERE channel = ? AND time_us = ? ORDER BY nth",
        (row[1], row[4]),
    ).fetchall():
        if said is None and sample.said is None:
            alike = status == row[2] and _alike(there, raw)
        else:
            alike = (there, status) == (raw, row[2]) or said == sample.said
        if alike and (source == row[9] or _kind(db, source) == kind):
            return seq, 0
        nth = place + 1
    return None, nth


def _alike(one: float | None, other: float | None) -> bool:
    """Whether two numbers are one, but for the rounding of a unit's conversion by a float multiplication.

    Two factors' worth of it make two units in the last place; where 273.15 was taken off, it is that of the kelvins.
    """
    if one is None or other is None or one == other:
        return one == other
    apart = abs(one - other)
    return apart <= 2 * ulp(max(abs(one), abs(other))) or (
        apart <= ulp(273.15) and isclose(one, other, rel_tol=1e-9)
    )


def _kind(db: sqlite3.Connection, number: int) -> str:
    """The kind of the source of a number."""
    (text,) = db.execute("SELECT text FROM word WHERE id = ?", (number,)).fetchone()
    return kind_of(text)
