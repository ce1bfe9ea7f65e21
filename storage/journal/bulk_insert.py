"""Many rows in few statements: each call into SQLite gives the interpreter's lock away and takes it back."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
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
        What stands for each column of a row, with one ``?`` in each.
    conflict : str
        What follows the values.
    """

    def __init__(self, into: str, row: Sequence[str], conflict: str) -> None:
        one = f"({','.join(row)})"
        self._steps = [
            (size * len(row), f"{into} VALUES {','.join([one] * size)} {conflict}") for size in _SIZES
        ]

    def __call__(self, db: sqlite3.Connection, values: Sequence[Any]) -> int:
        """Insert rows in their order; a transaction is open.

        Parameters
        ----------
        db : sqlite3.Connection
        values : sequence
            All columns of one row after the other.

        Returns
        -------
        int
            Rows inserted or changed.
        """
        before = db.total_changes
        done = 0
        for step, statement in self._steps:
            if end := (len(values) - done) // step * step + done:
                db.executemany(statement, [values[i : i + step] for i in range(done, end, step)])
                done = end
        return db.total_changes - before
