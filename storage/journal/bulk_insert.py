"""Many rows in few statements: each call into SQLite gives the interpreter's lock away and takes it back."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from itertools import count
from typing import Any

SHARED = "shared"
"""Stands for a column that all rows share."""
COUNTED = "counted"
"""Stands for a column that counts up from row to row, from the first of the values that they share."""
_SIZES = (256, 64, 8, 1)
"""Rows in one statement: the longest first, then what is left; SQLite takes so many parameters since 3.32."""


class Insertion:
    """An INSERT of rows that all look alike.

    Parameters
    ----------
    into : str
        ``INSERT INTO table (columns)``.
    row : sequence of str
        What stands for each column of a row: an expression with one ``?``, or `SHARED` for what all rows share, or
        once `COUNTED`.
    conflict : str
        What follows the values.
    """

    def __init__(self, into: str, row: Sequence[str], conflict: str) -> None:
        own = self._own = sum(cell not in (SHARED, COUNTED) for cell in row)
        self._counts = COUNTED in row
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
                starts = range(done, end, step)
                if self._counts:
                    first, *rest = shared
                    rows = [[first + i // self._own, *rest, *values[i : i + step]] for i in starts]
                else:
                    rows = [[*shared, *values[i : i + step]] for i in starts]
                db.executemany(statement, rows)
                done = end
        return db.total_changes - before


def _rows(row: Sequence[str], size: int) -> str:
    """So many rows; where one counts up stands its number, from 0."""
    rows = (",".join(str(n) if cell == COUNTED else cell for cell in row) for n in range(size))
    return "VALUES " + ",".join(f"({cells})" for cells in rows)


def _joined(row: Sequence[str], size: int) -> str:
    """So many rows, each with what all share, which is given once, before them."""
    own = [cell for cell in row if cell != SHARED]
    first = int(COUNTED in row)
    ours, theirs = count(1), count(1 + first)
    columns = [f"s.column{next(theirs)}" if cell == SHARED else f"r.column{next(ours)}" for cell in row]
    if first:
        at = row.index(COUNTED)
        columns[at] = f"s.column1 + {columns[at]}"
    shared = ",".join("?" * (len(row) - len(own) + first))
    return " ".join(
        (
            "SELECT",
            ",".join(columns),
            f"FROM (VALUES ({shared})) s CROSS JOIN ({_rows(own, size)}) r WHERE true",
        )
    )
