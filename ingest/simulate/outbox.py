"""A node's memory on disk: what was measured and is not yet known to be kept.

A message is in here before it is sent, so a node that is killed loses nothing; at worst a message is sent twice. A
broker may forget what it has acknowledged: the acknowledged message stays here until the journal has it, and is sent
again. Where no journal can be asked, the newest ones are kept, for the next connection.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterable
from pathlib import Path

from soilco2.ingest.errors import SimulationError, cause
from soilco2.station_config.message import Message

LIMIT = 100_000
"""Messages kept at most; the oldest give way."""
TAIL = 100
"""Acknowledged messages that are sent again at once, at most; as many are kept where no journal can be asked."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS message (sequence INTEGER PRIMARY KEY, payload BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS acknowledged (sequence INTEGER PRIMARY KEY, payload BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS state (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT;
"""


class Outbox:
    """The outbox of one node.

    Parameters
    ----------
    path : Path
        SQLite file; made when missing.

    Raises
    ------
    SimulationError
        When the file cannot be used.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.dropped = 0
        """Messages that gave way to newer ones because the outbox was full."""
        self._mutex = threading.Lock()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=FULL")
            self._db.executescript(_SCHEMA)
        except (OSError, sqlite3.Error) as error:
            raise SimulationError(
                Message(
                    "{path}: the node's outbox cannot be used: {why}",
                    path=path,
                    why=cause(error),
                )
            ) from error

    def _state(self, name: str, default: int) -> int:
        row = self._db.execute("SELECT value FROM state WHERE name = ?", (name,)).fetchone()
        return default if row is None else int(row[0])

    def _set(self, name: str, value: int) -> None:
        self._db.execute("INSERT OR REPLACE INTO state VALUES (?, ?)", (name, value))

    @property
    def last_slot_us(self) -> int | None:
        """Slot of the newest message ever put in [µs UTC]; None when there was none."""
        with self._mutex:
            found = self._state("last_slot_us", -1)
        return None if found < 0 else found

    def put(self, slot_us: int, make: Callable[[int], bytes]) -> int:
        """Keep the message of a slot and remember the slot, in one transaction.

        Parameters
        ----------
        slot_us : int
            [µs UTC]
        make : callable
            From the message's sequence number to its bytes.

        Returns
        -------
        int
            The sequence number.

        Raises
        ------
        SimulationError
            When it cannot be kept, such as on a full disk.
        """
        with self._mutex:
            try:
                return self._put(slot_us, make)
            except sqlite3.Error as error:
                raise SimulationError(
                    Message("{path}: the message could not be kept: {why}", path=self.path, why=error)
                ) from error

    def _put(self, slot_us: int, make: Callable[[int], bytes]) -> int:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            sequence = self._state("next_sequence", 0)
            self._db.execute("INSERT INTO message VALUES (?, ?)", (sequence, make(sequence)))
            cut = self._db.execute("DELETE FROM message WHERE sequence <= ?", (sequence - LIMIT,))
            self.dropped += cut.rowcount
            self._set("next_sequence", sequence + 1)
            self._set("last_slot_us", slot_us)
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise
        return sequence

    def waiting(self, after: int = -1, limit: int = 20) -> list[tuple[int, bytes]]:
        """The oldest messages with a sequence number above `after`."""
        with self._mutex:
            return self._db.execute(
                "SELECT sequence, payload FROM message WHERE sequence > ? ORDER BY sequence LIMIT ?",
                (after, limit),
            ).fetchall()

    def acknowledged(self, sequence: int, keep: int) -> None:
        """The broker has a message: from now on it is one of `keep` that wait to be confirmed."""
        with self._mutex, self._db:
            self._db.execute("BEGIN IMMEDIATE")
            self._db.execute(
                "INSERT OR REPLACE INTO acknowledged SELECT * FROM message WHERE sequence = ?", (sequence,)
            )
            self._db.execute("DELETE FROM message WHERE sequence = ?", (sequence,))
            self._db.execute("DELETE FROM acknowledged WHERE sequence <= ?", (sequence - keep,))

    def unconfirmed(self) -> list[tuple[int, bytes]]:
        """The oldest messages that the broker acknowledged and nobody has confirmed, `TAIL` at most."""
        with self._mutex:
            return self._db.execute(
                "SELECT sequence, payload FROM acknowledged ORDER BY sequence LIMIT ?", (TAIL,)
            ).fetchall()

    def confirmed(self, sequences: Iterable[int]) -> None:
        """These are kept elsewhere: forget them."""
        with self._mutex, self._db:
            self._db.execute("BEGIN IMMEDIATE")
            for sequence in sequences:
                self._db.execute("DELETE FROM acknowledged WHERE sequence = ?", (sequence,))
                self._db.execute("DELETE FROM message WHERE sequence = ?", (sequence,))

    def again(self, sequences: Iterable[int]) -> None:
        """Put acknowledged messages back among those that wait to be sent."""
        with self._mutex, self._db:
            self._db.execute("BEGIN IMMEDIATE")
            for sequence in sequences:
                self._db.execute(
                    "INSERT OR IGNORE INTO message SELECT * FROM acknowledged WHERE sequence = ?", (sequence,)
                )
                self._db.execute("DELETE FROM acknowledged WHERE sequence = ?", (sequence,))

    def __len__(self) -> int:
        with self._mutex:
            return int(self._db.execute("SELECT count(*) FROM message").fetchone()[0])

    def close(self) -> None:
        """Let go of the file."""
        with self._mutex:
            self._db.close()
