"""A connection that only reads, and whose faults are sentences: a card wears out, and a file on it is damaged."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from soilco2.storage.journal.connection import closed_on_failure, storage_error

_T = TypeVar("_T")


class _Cursor(sqlite3.Cursor):
    """Every step may meet a page that is none."""

    connection: ReadOnly

    def _translated(self, step: Callable[..., _T], *arguments: Any) -> _T:
        try:
            return step(*arguments)
        except sqlite3.Error as error:
            raise storage_error(self.connection.path, error) from error

    def execute(self, *arguments: Any) -> _Cursor:
        return self._translated(super().execute, *arguments)

    def fetchone(self) -> Any:
        return self._translated(super().fetchone)

    def fetchall(self) -> list[Any]:
        return self._translated(super().fetchall)

    def __next__(self) -> Any:
        return self._translated(super().__next__)


class ReadOnly(sqlite3.Connection):
    """The connection; `path` is the file its faults name."""

    path = Path()

    def execute(self, *arguments: Any) -> Any:
        """A statement on a cursor of its own."""
        return self.cursor().execute(*arguments)

    def cursor(self, factory: Any = _Cursor) -> Any:
        """A cursor that tells its faults as `soilco2.storage.errors.StorageError`."""
        return super().cursor(factory)


def open_read_only(path: Path) -> ReadOnly:
    """Open a file that is there, for reading alone; several threads may take turns.

    Raises
    ------
    StorageError
        When it cannot be opened or is no database.
    """
    try:
        uri = f"{path.resolve().as_uri()}?mode=ro"
        connection = sqlite3.connect(
            uri, uri=True, isolation_level=None, check_same_thread=False, factory=ReadOnly
        )
    except sqlite3.Error as error:
        raise storage_error(path, error) from error
    connection.path = path
    with closed_on_failure(connection):
        connection.execute("PRAGMA query_only=1")
        connection.execute("PRAGMA busy_timeout=10000")
        connection.execute("PRAGMA schema_version").fetchone()  # the first look into the file
    return connection
