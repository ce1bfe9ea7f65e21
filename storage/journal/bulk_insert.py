"""Many rows in few statements: each call into SQLite gives the interpreter's lock away and takes it back."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from itertools import count
from typing import Any

SHARED = "shared"
"""Stands for a column that all rows share."""
_SIZES = (256, 64, 8, 1)
"""Rows in one statement: the longest first, then what is left; SQLite takes so many parameters since 3.32."""


class Insertion:
    """An INSERT of rows that all look alike.

    Parameters
    ----------
    into : str
        ``INSERT INTO table (columns)``.
    row : sequence of str
        What stands for each column of a row: an expression with one ``?``, or ``shared`` for what all rows share.
    conflict : str
        What follows the values.
    """

    def __init__(self, into: str, row: Sequence[str], conflict: str) -> None:
        own = sum(cell != SHARED for cell in row)
        rows = _rows if own == len(row) else _joined
        self._steps = [(size * own, f"{into} {rows(row, size)} {conflict}") for size in _SIZES]

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


def _rows(row: Sequence[str], size: int) -> str:
    """So many rows."""
    return "VALUES " + ",".join([f"({','.join(row)})"] * size)


def _joined(row: Sequence[str], size: int) -> str:
    """So many rows, each with what all share, which is given once, before them."""
    own = [cell for cell in row if cell != SHARED]
    numbers = {False: count(1), True: count(1)}
    columns = [f"{'s' if cell == SHARED else 'r'}.column{next(numbers[cell == SHARED])}" for cell in row]
    shared = ",".join("?" * (len(row) - len(own)))
    return " ".join(
        (
            "SELECT",
            ",".join(columns),
            f"FROM (VALUES ({shared})) s CROSS JOIN ({_rows(own, size)}) r WHERE true",
        )
    )
