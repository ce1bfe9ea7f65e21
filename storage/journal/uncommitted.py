"""The journal read through the connection that writes it."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from soilco2.storage.journal.reader import JournalReader


class InTransaction(JournalReader):
    """Reads through the writer's own connection, so that it sees what is not yet committed."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._read_through(connection)
        self.path = Path()
        self.journal_id = ""
