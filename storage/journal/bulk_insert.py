"""Many rows in few statements: each call into SQLite gives the interpreter's lock away and takes it back."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from itertools import count
from typing import Any

_SIZES = (256, 64, 8, 1)
"""Rows in one statement: the longest first, then what is left; SQLite takes so many parameters since 3.32."""


class Insertion:
    """An INSERT of rows that all look alike.

    Parameters
    ----------
    into : str
        ``INSERT INTO table (columns)``.
    row : sequence of str
        What stands for each column of a row: one ``?`` in each, or ``?1``, ``?2`` … for what all rows share.
    conflict : str
        What follows the values.
    shared : int, optional
        How many values all rows share.
    """

    def __init__(self, into: str, row: Sequence[str], conflict: str, shared: int = 0) -> None:
        own = [cell for cell in row if not cell[1:].isdigit()]
        self._steps = [
            (size * len(own), f"{into} VALUES {_rows(row, size, shared)} {conflict}") for size in _SIZES
        ]

    def __call__(self, db: sqlite3.Connection, values: Sequence[Any], shared: Sequence[Any] = ()) -> int:
        """Insert rows in their order; a transaction is open.

        Parameters
        ----------
        db : sqlite3.Connection
        values : sequence
            All columns of one row after the other.
        shared : sequence, optional
            What all rows share.

        Returns
        -------
        int
            Rows inserted or changed.
        """
        before = db.total_changes
        done = 0
        for step, statement in self._steps:
            if end := (len(values) - done) // step * step + done:
                db.executemany(statement, [[*shared, *values[i : i + step]] for i in range(done, end, step)])
                done = end
        return db.total_changes - before


def _rows(row: Sequence[str], size: int, shared: int) -> str:
    """So many rows; each ``?`` in them gets a number of its own behind the shared ones."""
    numbers = count(shared + 1)

    def cell(of: str) -> str:
        return of if of[1:].isdigit() else of.replace("?", f"?{next(numbers)}")

    return ",".join(f"({','.join(map(cell, row))})" for _ in range(size))
