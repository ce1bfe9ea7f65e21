"""The journal's file: opening it, whatever state it is in, and the one connection that writes."""

from __future__ import annotations

import collections
import contextlib
import errno
import fcntl
import os
import sqlite3
import struct
import time
import uuid
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from soilco2.quality.records import Sample
from soilco2.station_config.message import Message, system
from soilco2.storage.errors import DiskFullError, JournalBusyError, JournalDamagedError, StorageError
from soilco2.storage.journal import names_backup
from soilco2.storage.journal.migration import migrate
from soilco2.storage.journal.schema import INDEXES, SCHEMA_VERSION, TABLES

_SAMPLE = "qqqdqqqqqq"
_COLUMNS = "seq, channel, time_us, raw, status, device_us, arrival_us, mono_us, boot, source"
SAMPLE_WIDTH = len(_SAMPLE)
_AT_ONCE = 64 * SAMPLE_WIDTH
NO_TIME = -(2**63)
NO_NUMBER = float("nan")
_NEEDED = ("meta", "channel", "word", "series", "cursor", "counter")
"""Small tables without which a journal cannot be gone on with."""
_ADDED = (("derived", "reason", "INTEGER NOT NULL DEFAULT 0"),)
"""Columns that journals made before they were thought of get when they are opened."""
_NUMBERED = {
    "sample": "seq",
    "batch": "id",
    "event": "id",
    "parked": "id",
    "config": "id",
    "word": "id",
    "channel": "id",
    "import": "id",
    "delivery": "import",
    "heard": "id",
}
"""Tables that can be read from any number on."""
_TRIES = 20_000
"""Attempts at the pieces of one damaged table, at most."""
_MOST = 2**40
"""No journal has so many rows."""
_LOG_BYTES = 16 * 2**20
"""A write-ahead log that one commit made larger is cut to this when it begins anew; its usual size is half of it."""
_ROOM = 64 * 1024
"""What a commit may need at once [bytes]."""


def meta(connection: sqlite3.Connection, key: str) -> str:
    """What the table `meta` says of a key; empty when nothing."""
    row = connection.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
    return "" if row is None else str(row[0])


def _columns(connection: sqlite3.Connection, table: str, database: str = "main") -> set[str]:
    return {row[1] for row in connection.execute(f"PRAGMA {database}.table_info({table})")}


def keeps_said(connection: sqlite3.Connection, database: str = "main") -> bool:
    """Whether a file's samples have the column `said`; those of version 1 have not."""
    return "said" in _columns(connection, "sample", database)


def has_table(connection: sqlite3.Connection, name: str) -> bool:
    """Whether a file has a table; those of an earlier version lack some."""
    return connection.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (name,)).fetchone() is not None


def message_column(connection: sqlite3.Connection, table: str) -> str:
    """What keeps what a table's sentences are made of, in a file of any version; those before 3 do not keep it."""
    return "message" if "message" in _columns(connection, table) else "''"


def sample_columns(connection: sqlite3.Connection) -> str:
    """Columns of a sample's row in a file of any version."""
    there = _columns(connection, "sample")
    return f"{_COLUMNS}, {'said' if 'said' in there else 'NULL'}, {'nth' if 'nth' in there else '0'}"


def checksum(
    values: Sequence[Any], said: Iterable[tuple[int, bytes]] = (), further: Iterable[tuple[int, int]] = ()
) -> int:
    """CRC-32 of samples in their canonical form, then of what probes said (seq, length, bytes), then of `nth`.

    Samples without `said` and those with `nth` 0 add nothing to these parts, so commits from before there were any have
    the CRC they had.

    Parameters
    ----------
    values : sequence
        (seq, channel, status, raw, time_us, device_us, arrival_us, mono_us, boot, source) of one sample after the
        other, `NO_NUMBER` and `NO_TIME` where there is none.
    said : iterable of (seq, bytes)
        Of those that have it, in their order.
    further : iterable of (seq, nth)
        Of those that are not the first of their channel and time.
    """
    found = 0
    for i in range(0, len(values), _AT_ONCE):
        some = values[i : i + _AT_ONCE]
        found = zlib.crc32(struct.pack(f"<{_SAMPLE * (len(some) // SAMPLE_WIDTH)}", *some), found)
    for seq, registers in said:
        found = zlib.crc32(struct.pack("<qq", seq, len(registers)) + registers, found)
    for one in further:
        found = zlib.crc32(struct.pack("<qq", *one), found)
    return found


def crc(rows: Iterable[Sequence[Any]]) -> int:
    """CRC-32 of samples as they stand in the table."""
    values: list[Any] = []
    told: list[tuple[int, bytes]] = []
    further: list[tuple[int, int]] = []
    for seq, channel, time_us, raw, status, device_us, arrival_us, mono_us, boot, source, said, nth in rows:
        values += (
            seq, channel, status, NO_NUMBER if raw is None else raw, NO_TIME if time_us is None else time_us,
            NO_TIME if device_us is None else device_us, arrival_us, mono_us, boot, source,
        )  # fmt: skip
        if said is not None:
            told.append((seq, said))
        if nth:
            further.append((seq, nth))
    return checksum(values, told, further)


def storage_error(path: Path, error: BaseException) -> StorageError:
    """The sentence for what SQLite or the system said."""
    text = str(error)
    full = isinstance(error, OSError) and error.errno in (errno.EFBIG, errno.ENOSPC, errno.EDQUOT)
    if full or "disk is full" in text or ("disk I/O error" in text and _no_room(path)):
        return DiskFullError(
            Message(
                "{path}: the disk is full; nothing was lost, but nothing new can be kept: make room",
                path=path,
            )
        )
    if isinstance(error, sqlite3.DatabaseError) and ("malformed" in text or "not a database" in text):
        return JournalDamagedError(
            Message(
                "{path}: the file is damaged ({why}); 'soilco2 verify STATION --journal' names what, and a "
                "collector that cannot go on with it sets it aside and keeps what can be read",
                path=path,
                why=text,
            ),
            Message("{path}: the file is damaged ({why})", path=path, why=text),
        )
    why = Message.of(error)
    if isinstance(error, OSError) and not error.filename:
        why = Message("[Errno {number}] {why}", number=error.errno, why=system(error))
    return StorageError(Message("{path}: the journal cannot be used: {why}", path=path, why=why))


def _no_room(path: Path) -> bool:
    """Whether a file beside the journal could not grow: SQLite calls some of these an I/O error."""
    import resource

    most = resource.getrlimit(resource.RLIMIT_FSIZE)[0]
    try:
        disk = os.statvfs(path.parent)
        files = [path, path.with_name(path.name + "-wal")]
        sizes = [file.stat().st_size for file in files if file.exists()]
    except OSError:
        return False
    return disk.f_bavail * disk.f_frsize < _ROOM or (
        most != resource.RLIM_INFINITY and max(sizes, default=0) > most - _ROOM
    )


class JournalLock:
    """Exactly one process writes: an advisory lock beside the journal that names its holder."""

    def __init__(self, journal: Path) -> None:
        self._journal = journal
        self.path = journal.with_name(journal.name + ".lock")
        self._name = str(self.path)
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._handle = self._take()
        except OSError as error:
            raise StorageError(
                Message(
                    "{path}: the journal's folder cannot be written: {why}",
                    path=self.path,
                    why=system(error),
                )
            ) from error

    def _take(self) -> int:
        """The lock's file, opened, locked and with the name of this process in it."""
        handle = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.read(handle, 32).decode(errors="replace").strip() or "unknown"
            os.close(handle)
            raise JournalBusyError(
                Message(
                    "{journal}: another process (pid {holder}) writes this journal; stop it first",
                    journal=self._journal,
                    holder=holder,
                ),
                holder,
            ) from None
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
        return handle

    def hold(self) -> None:
        """Take the lock again where its file was removed: a file that nobody finds keeps nobody out.

        Raises
        ------
        JournalBusyError
            When another process has it by now.
        OSError
            When it cannot be made again.
        """
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.stat(self._name), os.fstat(self._handle)):  # noqa: PTH116 - asked at each commit
                return
        old, self._handle = self._handle, self._take()
        os.close(old)

    def release(self) -> None:
        """Let the next process write."""
        os.close(self._handle)


@contextlib.contextmanager
def closed_on_failure(connection: sqlite3.Connection) -> Iterator[None]:
    """A block behind which a connection is open, unless it raises."""
    try:
        yield
    except BaseException:
        connection.close()
        raise


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=256)
    with closed_on_failure(connection):
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA wal_autocheckpoint=2000")
        connection.execute(f"PRAGMA journal_size_limit={_LOG_BYTES}")
        connection.execute("PRAGMA cache_size=-4096")
        connection.execute("PRAGMA temp_store=MEMORY")
        connection.execute("PRAGMA secure_delete=OFF")
        connection.execute("PRAGMA busy_timeout=10000")
    return connection


def _system_us() -> int:
    return time.time_ns() // 1000


def open_for_writing(
    path: Path, now_us: Callable[[], int] = _system_us
) -> tuple[sqlite3.Connection, Message | None]:
    """Open the journal, make it when there is none, migrate an older one, set it aside when it cannot be read.

    Parameters
    ----------
    path : Path
        The journal's file; its lock is held by the caller.
    now_us : callable
        The station's clock [µs UTC].

    Returns
    -------
    connection : sqlite3.Connection
        WAL, synchronous FULL.
    damage : Message or None
        What was found wrong, one sentence; None when all is well.

    Raises
    ------
    StorageError
        When the folder cannot be written, the file is of a newer version, or there is no room for a copy of an older
        one.
    """
    damage = None
    try:
        _heed_mark(path)
        connection = _connect(path)
        with closed_on_failure(connection):
            version = _made_present(connection, path, now_us)
    except (sqlite3.DatabaseError, ValueError) as error:
        if (
            isinstance(error, sqlite3.OperationalError)
            and getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) != sqlite3.SQLITE_ERROR
        ):
            raise storage_error(path, error) from error  # the system's fault, not the file's
        aside = _set_aside(path)
        damage = Message(
            "the journal could not be read ({why}); it was set aside as {aside} and a new one begun",
            why=error,
            aside=aside.name,
        )
        _mark(path).unlink(missing_ok=True)
        connection = _connect(path)
        version = None
    if version is None:
        _make(connection)
        if damage:
            _salvage(connection, aside, path)
    elif version != SCHEMA_VERSION:
        connection.close()
        raise StorageError(
            Message(
                "{path}: the journal has schema version {version}, this program knows {known}; use "
                "the version of soilco2 that wrote it, or a newer one",
                path=path,
                version=version,
                known=SCHEMA_VERSION,
            )
        )
    return connection, damage


def _made_present(connection: sqlite3.Connection, path: Path, now_us: Callable[[], int]) -> int | None:
    """Its version, once what must be readable was read and an older one was migrated; None when it is empty."""
    version = _version(connection)
    if version is None or not 1 <= version <= SCHEMA_VERSION:
        return version
    for table in _NEEDED:
        collections.deque(connection.execute(f"SELECT * FROM {table}"), maxlen=0)  # noqa: S608
    connection.execute("SELECT max(seq), (SELECT max(id) FROM batch) FROM sample").fetchone()
    if version < SCHEMA_VERSION:
        try:
            migrate(connection, path, now_us, version)
        except StorageError:
            connection.close()
            raise
    for table, column, kind in _ADDED:
        if column not in _columns(connection, table):
            connection.execute(f"ALTER TABLE {table} ADD COLUMN {column} {kind}")
    return SCHEMA_VERSION


def mark_damaged(path: Path, why: str) -> None:
    """Have a journal that opens but cannot be written set aside when it is opened next."""
    _mark(path).write_text(why.replace("\n", " "), encoding="utf-8")


def _heed_mark(path: Path) -> None:
    if _mark(path).exists():
        raise sqlite3.DatabaseError(_mark(path).read_text(encoding="utf-8").strip())


def _mark(path: Path) -> Path:
    return path.with_name(path.name + ".damaged")


def _version(connection: sqlite3.Connection) -> int | None:
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if not tables:
        if connection.execute("PRAGMA page_count").fetchone()[0] > 1:
            raise sqlite3.DatabaseError(Message("its table of contents is empty"))
        return None
    if "meta" not in tables:
        raise sqlite3.DatabaseError(Message("it is not a journal of this program"))
    row = connection.execute("SELECT value FROM meta WHERE key = 'schema'").fetchone()
    if row is None:
        raise sqlite3.DatabaseError(Message("it does not say its version"))
    return int(row[0])


def _make(connection: sqlite3.Connection) -> None:
    connection.execute("BEGIN IMMEDIATE")
    for statement in (*TABLES.values(), *INDEXES.values()):
        connection.execute(statement)
    connection.executemany(
        "INSERT INTO meta VALUES (?, ?)",
        [("schema", str(SCHEMA_VERSION)), ("journal", uuid.uuid4().hex[:12])],
    )
    connection.execute("INSERT INTO word VALUES (0, '')")
    connection.execute("COMMIT")


def _set_aside(path: Path) -> Path:
    aside = path.with_name(
        f"{path.stem}.damaged-{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}{path.suffix}"
    )
    path.rename(aside)
    for end in ("-wal", "-shm"):
        with contextlib.suppress(FileNotFoundError):
            path.with_name(path.name + end).rename(aside.with_name(aside.name + end))
    return aside


def _salvage(connection: sqlite3.Connection, aside: Path, path: Path) -> None:
    """Copy what can still be read of a damaged journal, table by table, past every page that cannot.

    It is read with its write-ahead log and then without: a log does not fit a file that something was written over.
    """
    views = [f"{aside.resolve().as_uri()}?mode=ro{only}" for only in ("", "&immutable=1")]
    connection.execute("BEGIN IMMEDIATE")
    for view in views:
        with (
            contextlib.suppress(sqlite3.DatabaseError),
            contextlib.closing(sqlite3.connect(view, uri=True)) as old,
        ):
            for table in TABLES:
                if table != "meta":
                    _copy_rows(old, connection, table)
    names_backup.give_back(path, connection)
    connection.execute(  # revisions go on where they were: what follows them has come that far
        "INSERT OR REPLACE INTO meta SELECT 'rev', max(coalesce((SELECT max(rev) FROM observation), 0),"
        " coalesce((SELECT max(rev) FROM derived), 0), coalesce((SELECT max(rev) FROM cursor), 0))"
    )
    connection.execute("COMMIT")


def _copy_rows(old: sqlite3.Connection, new: sqlite3.Connection, table: str) -> None:
    """Rows in the order of the table; where that breaks off, those behind it by their keys."""
    put = f"INSERT OR IGNORE INTO {table} ({{}}) VALUES ({{}})"  # noqa: S608 - names of our own tables

    def take(condition: str = "", *key: int) -> bool:
        """Whether every row that meets a condition could be read."""
        try:
            rows = old.execute(f"SELECT * FROM {table} {condition}", key)  # noqa: S608
            names = ",".join(column[0] for column in rows.description)  # an older journal has fewer columns
            for row in rows:
                new.execute(put.format(names, ",".join("?" * len(row))), row)
        except (sqlite3.DatabaseError, ValueError):  # ValueError: a text that is none
            return False
        return True

    def halves(column: str, low: int, high: int, *key: int) -> None:
        """Rows with a key from `low` to `high`, the damaged ones narrowed down to the pages they stand on."""
        where = f"WHERE {'series = ? AND ' if key else ''}{column} BETWEEN ? AND ?"
        waiting = [(low, high)]
        for _ in range(_TRIES):
            if not waiting:
                return
            first, last = waiting.pop()
            if not take(where, *key, first, last) and first < last:
                middle = (first + last) // 2
                waiting += [(middle + 1, last), (first, middle)]

    if take():
        return
    if table in ("observation", "derived"):
        times = new.execute("SELECT min(time_us), max(time_us) FROM sample").fetchone()
        for (series,) in new.execute("SELECT id FROM series").fetchall() if times[0] is not None else ():
            halves("time_us", *times, series)
    elif table in _NUMBERED:
        try:
            last = old.execute(f"SELECT max({_NUMBERED[table]}) FROM {table}").fetchone()[0]  # noqa: S608
        except sqlite3.DatabaseError:
            last = _MOST
        halves(_NUMBERED[table], 0, last or 0)


def sample_of(row: Sequence[Any], channels: dict[int, tuple[str, str]], words: dict[int, str]) -> Sample:
    """A sample from its row, with the columns of `soilco2.storage.journal.schema.TABLES` in their order."""
    try:
        serial, channel = channels[row[1]]
        status, boot, source = words[row[4]], words[row[8]], words[row[9]]
    except KeyError as error:
        raise JournalDamagedError(
            Message(
                "sample {number}: the journal is damaged: it names {name}, which is not there",
                number=row[0],
                name=error,
            )
        ) from None
    said = row[10]
    if said is not None and type(said) is not bytes:
        raise JournalDamagedError(
            Message(
                "sample {number}: the journal is damaged: what the probe said is {said!r}",
                number=row[0],
                said=said,
            )
        )
    return Sample(serial, channel, row[2], row[3], status, row[5], row[6], row[7], boot, source, said)
