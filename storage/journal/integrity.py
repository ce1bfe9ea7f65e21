"""Whether a journal's file holds what was written into it."""

from __future__ import annotations

import sqlite3
import struct

from soilco2.station_config.message import Message
from soilco2.storage.errors import JournalDamagedError, StorageError
from soilco2.storage.journal.connection import crc, sample_columns


class Integrity:
    """Looks for damage: in the file's structure, and in the samples of each commit.

    Parameters
    ----------
    db : sqlite3.Connection
        Of the journal.
    """

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def structure(self) -> list[Message]:
        """What SQLite finds wrong with the file's own structure; empty when nothing."""
        try:
            found = [Message.of(row[0]) for row in self._db.execute("PRAGMA integrity_check(20)")]
        except (StorageError, sqlite3.DatabaseError) as error:
            return [damage(error)]
        return [] if found == ["ok"] else found

    def verify_batches(self) -> list[Message]:
        """Name every commit whose samples do not match its CRC."""
        wrong = []
        try:
            batches = self._db.execute("SELECT id, first_seq, last_seq, crc FROM batch").fetchall()
        except StorageError as error:
            return [Message("the list of commits cannot be read: {why}", why=damage(error))]
        columns = sample_columns(self._db)
        for number, first, last, value in batches:
            text = f"SELECT {columns} FROM sample WHERE seq BETWEEN ? AND ? ORDER BY seq"  # noqa: S608
            rows = self._db.execute(text, (first, last))
            try:
                right = crc(rows) == value
            except (struct.error, TypeError, StorageError):  # a column of another kind, a page that is none
                right = False
            if not right:
                wrong.append(
                    Message(
                        "batch {number}: samples {first} to {last} do not match their CRC",
                        number=number, first=first, last=last,
                    )
                )  # fmt: skip
        return wrong


def damage(error: Exception) -> Message:
    """What an error says is wrong, without the advice to look for what is."""
    return error.damage if isinstance(error, JournalDamagedError) else Message.of(error)
