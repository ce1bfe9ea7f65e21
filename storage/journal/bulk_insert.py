"""Many rows in few statements: each call into SQLite gives the interpreter's lock away and takes it back."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from itertools import count
from typing import Any

COUNTED = "?1+n"
"""What stands for a column that counts up from row to row, from the first of the values that they share."""
_SIZES = (256, 64, 8, 1)
"""Rows in one statement: the longest first, then what is left; SQLite takes so many parameters since 3.32."""


class Insertion:
    """An INSERT of rows that all look alike.

    Parameters
    ----------
    into : str
        ``INSERT INTO table (columns)``.
    row : sequence of str
        What stands for each column of a row: one ``?`` in each, ``?1``, ``?2`` … for what all rows share, or `COUNTED`
        for what all rows share plus the number of the row, from 0.
    conflict : str
        What follows the values.
    shared : int, optional
        How many values all rows share.
    """

    def __init__(self, into: str, row: Sequence[str], conflict: str, shared: int = 0) -> None:
        own = self._own = sum(map(_has_own, row))
        self._counts = COUNTED in row
        self._steps = [
            (size * own, f"{into} VALUES {_rows(row, size, shared)} {conflict}") for size in _SIZES
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
        own = self._own
        done = 0
        for step, statement in self._steps:
            if end := (len(values) - done) // step * step + done:
                starts = range(done, end, step)
                if self._counts:
                    first, *rest = shared
                    rows = [[first + i // own, *rest, *values[i : i + step]] for i in starts]
                else:
                    rows = [[*shared, *values[i : i + step]] for i in starts]
                db.executemany(statement, rows)
                done = end
        return db.total_changes - before


def _has_own(cell: str) -> bool:
    """Whether a column has a value of its own in each row."""
    return cell != COUNTED and not cell[1:].isdigit()


def _rows(row: Sequence[str], size: int, shared: int) -> str:
    """So many rows; each ``?`` in them gets a number of its own behind the shared ones."""
    numbers = count(shared + 1)

    def cell(of: str, number: int) -> str:
        if of == COUNTED:
            return f"?1+{number}"
        return of.replace("?", f"?{next(numbers)}") if _has_own(of) else of

    return ",".join(f"({','.join(cell(of, number) for of in row)})" for number in range(size))
