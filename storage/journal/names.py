"""What numbers in a journal's tables stand for."""

from __future__ import annotations

import sqlite3

from soilco2.quality.records import SeriesKey
from soilco2.storage.journal.connection import meta


class Names:
    """Names by number, read when they are asked for.

    Parameters
    ----------
    db : sqlite3.Connection
    """

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._words: dict[int, str] = {}
        self._channels: dict[int, tuple[str, str]] = {}
        self._keys: dict[int, SeriesKey] = {}

    def _meta(self, key: str) -> str:
        return meta(self._db, key)

    def _word(self, number: int) -> str:
        if number not in self._words:
            self._words = dict(self._db.execute("SELECT id, text FROM word"))
        return self._words[number]

    def _key(self, number: int) -> SeriesKey:
        if number not in self._keys:
            self._load_keys()
        return self._keys[number]

    def _load_keys(self) -> None:
        rows = self._db.execute("SELECT id, station, profile, position, variable FROM series")
        self._keys = {row[0]: SeriesKey(*row[1:]) for row in rows}

    def _id(self, key: SeriesKey) -> int | None:
        row = self._db.execute(
            "SELECT id FROM series WHERE station = ? AND profile = ? AND position = ? AND variable = ?",
            tuple(key),
        ).fetchone()
        return None if row is None else int(row[0])
