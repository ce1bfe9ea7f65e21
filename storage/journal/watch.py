"""Whether the files of an open journal are still those that were opened: what is written into others keeps nothing."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from pathlib import Path

from soilco2.station_config.message import Message
from soilco2.storage.errors import JournalBusyError, JournalGoneError
from soilco2.storage.journal.connection import JournalLock, meta


class OverwrittenError(JournalGoneError):
    """The journal's file holds something else than what this process left in it."""


class LogGoneError(JournalGoneError):
    """The write-ahead log was removed; what it holds can still be brought into the journal."""


class Watch:
    """Looks at the journal, its write-ahead log and its lock before each commit, and after it.

    The journal's file changes when what stands in the log is brought into it, which another program may do as well; but
    then it is this journal and its newest commit is no older than before.

    Parameters
    ----------
    path : Path
        Of a journal that is open in WAL mode.
    lock : JournalLock
    """

    def __init__(self, path: Path, lock: JournalLock) -> None:
        self._path, self._log, self._lock = path, path.with_name(path.name + "-wal"), lock
        self._names = str(path), str(self._log)  # asked often, and a string is asked faster than a path
        self._file, self._log_file = map(_inode, map(_stat, self._names))
        self._looks: tuple[int, int] | None = None
        self._holds: tuple[str, int] | None = None
        self.remember()

    def remember(self) -> None:
        """What the journal's file is after this process may have written into it."""
        looks = _looks(_stat(self._names[0]))
        if looks != self._looks:
            self._looks, self._holds = looks, self._read()

    def check(self) -> None:
        """Before a commit.

        Raises
        ------
        JournalGoneError
            When a file was removed, replaced or overwritten, or the lock's file was removed and another process has
            taken the lock.
        """
        if _looks(self._there()) != self._looks and not self._went_on():
            raise OverwrittenError(
                Message(
                    "{path}: another program has written over the journal while it was open; nothing more is taken "
                    "in. At the next start it is set aside, and what can be read of it is taken over",
                    path=self._path,
                )
            )
        try:
            self._lock.hold()
        except JournalBusyError as error:
            raise JournalGoneError(
                Message("the lock's file was removed; nothing more is taken in: {why}", why=error)
            ) from error

    def there(self) -> None:
        """After a commit: whether the files it went into are still the journal's.

        Raises
        ------
        JournalGoneError
        """
        self._there()

    def _there(self) -> os.stat_result | None:
        file, log_file = map(_stat, self._names)
        if _inode(file) != self._file:
            raise JournalGoneError(
                Message(
                    "{path}: the journal was removed or replaced while it was open; nothing more is taken in. "
                    "Put it back where it was, or start again with a new one",
                    path=self._path,
                )
            )
        if _inode(log_file) != self._log_file:
            raise LogGoneError(
                Message(
                    "{path}: the journal's write-ahead log was removed or replaced while it was open; what it held "
                    "was brought into the journal and nothing more is taken in. Start again",
                    path=self._log,
                )
            )
        return file

    def _went_on(self) -> bool:
        """Whether a file that has changed is still this journal, no older than it was."""
        before, found = self._holds, self._read()
        if before is None or found is None or found[0] != before[0] or found[1] < before[1]:
            return False
        self.remember()
        return True

    def _read(self) -> tuple[str, int] | None:
        """Id and newest commit by the file alone, without the log; None where it does not say."""
        with (
            contextlib.suppress(sqlite3.DatabaseError, OSError),
            contextlib.closing(
                sqlite3.connect(f"{self._path.resolve().as_uri()}?mode=ro&immutable=1", uri=True)
            ) as alone,
        ):
            return meta(alone, "journal"), alone.execute("SELECT coalesce(max(id), 0) FROM batch").fetchone()[
                0
            ]
        return None


def _stat(name: str) -> os.stat_result | None:
    try:
        return os.stat(name)  # noqa: PTH116 - a path would cost three times as much
    except OSError:
        return None


def _inode(found: os.stat_result | None) -> int | None:
    return None if found is None else found.st_ino


def _looks(found: os.stat_result | None) -> tuple[int, int] | None:
    return None if found is None else (found.st_mtime_ns, found.st_size)
