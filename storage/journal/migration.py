"""A journal of a version before brought to the tables of this one: once, when it is opened for writing.

First a copy of it is kept beside it, whole and on disk; then one transaction changes the tables and the version. Killed
at any step it is a journal of one version or the other, and the next start goes on.
"""

from __future__ import annotations

import errno
import itertools
import json
import logging
import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from contextvars import ContextVar
from pathlib import Path

from soilco2.station_config.message import Message, system, to_text
from soilco2.storage.errors import StorageError
from soilco2.storage.files import sync
from soilco2.storage.journal.failpoint import failpoint
from soilco2.storage.journal.schema import INDEXES, SCHEMA_VERSION, TABLES, EventKind

log = logging.getLogger(__name__)
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_PAGES = 2048
"""Copied between two signs of life."""
_INSTRUCTIONS = 10_000_000
"""Of SQLite's machine between two signs of life."""

at_work: ContextVar[Callable[[], None]] = ContextVar("at_work", default=lambda: None)
"""Called again and again while a journal is migrated, for whoever would take a long start for a hung one."""

_STEPS: dict[int, tuple[str, ...]] = {
    1: ("ALTER TABLE sample ADD COLUMN said BLOB",),
    2: (
        "ALTER TABLE sample ADD COLUMN nth INTEGER NOT NULL DEFAULT 0",
        "DROP INDEX sample_time",
        INDEXES["sample_time"],
        *(TABLES[name] for name in ("import", "delivery", "heard", "waiting")),
        "ALTER TABLE parked ADD COLUMN import INTEGER",
        INDEXES["parked_conflict"],
        *(
            f"ALTER TABLE {table} ADD COLUMN message TEXT NOT NULL DEFAULT ''"
            for table in ("event", "cursor", "parked")
        ),
    ),
}
"""From each version to the next. 2: samples keep what a probe's registers held. 3: everything that comes for one
channel and time is kept, what an import delivered, what waits for judgement, and what a sentence is made of."""


def migrate(connection: sqlite3.Connection, path: Path, now_us: Callable[[], int], version: int) -> None:
    """Bring a journal of an earlier version to this one.

    Parameters
    ----------
    connection : sqlite3.Connection
        The one that writes, with no transaction open.
    path : Path
        The journal's file.
    now_us : callable
        The station's clock [µs UTC].
    version : int
        Of its tables.

    Raises
    ------
    StorageError
        When the copy cannot be made; then the journal is as it was.
    """
    copy = _keep_copy(connection, path, version)
    text = Message(
        "the journal was brought from version {old} to {new}; as it was it is kept in {copy}",
        old=version,
        new=SCHEMA_VERSION,
        copy=copy.name,
    )
    connection.execute("BEGIN IMMEDIATE")
    connection.set_progress_handler(at_work.get(), _INSTRUCTIONS)
    try:
        for number in range(version, SCHEMA_VERSION):
            for statement in _STEPS[number]:
                connection.execute(statement)
        connection.execute("UPDATE meta SET value = ? WHERE key = 'schema'", (str(SCHEMA_VERSION),))
        connection.execute(
            "INSERT INTO event (time_us, kind, subject, text, data, message) VALUES (?, ?, 'journal', ?, ?, ?)",
            (now_us(), EventKind.OTHER.value, text, json.dumps({"what": "migrated"}), to_text(text)),
        )
        failpoint("migrating")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    finally:
        connection.set_progress_handler(None, 0)
    failpoint("migrated")


def _keep_copy(connection: sqlite3.Connection, path: Path, version: int) -> Path:
    """A copy of the journal beside it; that of a start which was cut short serves, any other file is left alone."""
    state = _state(connection)
    name = f"{path.name}.v{version}"
    for number in itertools.count(1):
        copy = path.with_name(name if number == 1 else f"{name}-{number}")
        if not copy.exists():
            break
        if _state_of(copy) == state:
            return copy
    part = path.with_name(f"{name}.part")
    size = _bytes(connection)
    try:
        part.unlink(missing_ok=True)
        _require_room(path.parent, size)
        log.info("%s: a copy of %.0f MiB is made before the tables are changed", path, size / 2**20)
        with closing(sqlite3.connect(part)) as target:
            target.execute("PRAGMA journal_mode=OFF")
            target.execute("PRAGMA synchronous=OFF")  # synced as a whole before it counts
            connection.backup(target, pages=_PAGES, progress=lambda *_: at_work.get()())
        sync(part)
        failpoint("copy-written")
        part.rename(copy)
        sync(path.parent)
    except (sqlite3.Error, OSError) as error:
        part.unlink(missing_ok=True)
        if getattr(error, "sqlite_errorcode", None) in _DAMAGED:
            raise
        why = system(error) if isinstance(error, OSError) else error
        raise StorageError(
            Message(
                "{path}: this version of soilco2 changes the journal's tables and keeps a copy of it first, "
                "and that cannot be made ({why}); nothing was changed: make room for {size:.0f} MiB beside it",
                path=path,
                why=why,
                size=size / 2**20,
            )
        ) from error
    failpoint("copy-named")
    return copy


def _require_room(folder: Path, size: int) -> None:
    """Before a disk is filled up to the last byte."""
    if shutil.disk_usage(folder).free < size:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _bytes(connection: sqlite3.Connection) -> int:
    pages, size = (connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "page_size"))
    return int(pages * size)


def _state(connection: sqlite3.Connection) -> tuple[object, ...]:
    """What tells a journal from any other, and from itself at another time."""
    row: tuple[object, ...] = connection.execute(
        "SELECT (SELECT value FROM meta WHERE key = 'journal'), (SELECT value FROM meta WHERE key = 'rev'),"
        " (SELECT max(seq) FROM sample), (SELECT max(id) FROM batch), (SELECT max(id) FROM event),"
        " (SELECT total(moved_us) FROM cursor), (SELECT max(id) FROM parked)"
    ).fetchone()
    return row


def _state_of(copy: Path) -> tuple[object, ...] | None:
    try:
        with closing(sqlite3.connect(f"{copy.resolve().as_uri()}?mode=ro&immutable=1", uri=True)) as kept:
            return _state(kept)
    except sqlite3.Error:
        return None
