"""Many rows in few statements: each call into SQLite gives the interpreter's lock away and takes it back."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from itertools import chain
from typing import Any

_SIZES = (64, 8)
"""Rows in one statement; what is left goes in one by one."""


class Insertion:
    """An INSERT of rows that all look alike.

    Parameters
    ----------
    into : str
        ``INSERT INTO table (columns)``.
    width : int
        Columns of a row.
    conflict : str
        What follows the values.
    """

    def __init__(self, into: str, width: int, conflict: str) -> None:
        row = f"({','.join('?' * width)})"
        self._width = width
        self._single = f"{into} VALUES {row} {conflict}"
        self._several = [(size, f"{into} VALUES {','.join([row] * size)} {conflict}") for size in _SIZES]

    def __call__(self, db: sqlite3.Connection, rows: Sequence[Sequence[Any]]) -> int:
        """Insert rows in their order; a transaction is open.

        Returns
        -------
        int
            Rows inserted or changed.
        """
        before = db.total_changes
        done = 0
        for size, statement in self._several:
            if end := (len(rows) - done) // size * size:
                flat = tuple(chain.from_iterable(rows[done : done + end]))
                step = size * self._width
                db.executemany(statement, [flat[i : i + step] for i in range(0, len(flat), step)])
                done += end
        if done < len(rows):
            db.executemany(self._single, rows[done:])
        return db.total_changes - before
