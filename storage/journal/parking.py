"""Parked: what could not be used or sent, kept with its reason."""

from __future__ import annotations

from soilco2.station_config.message import Message, to_text
from soilco2.storage.errors import StorageError
from soilco2.storage.journal.rows import NewEvent, Parked
from soilco2.storage.journal.schema import EventKind
from soilco2.storage.journal.session import Session

REFUSED = ("message", "conflict")
"""Kinds of parked entries that a device or a node can cause."""

_TO_DECIDE = "state = 'waiting' AND kind = 'conflict' AND substr(payload, 1, 1) = x'7b'"
"""Conflicts that a person must decide, as a condition; one of an earlier version holds a sample, no numbers."""


class Parking:
    """Parks what cannot be used.

    Parameters
    ----------
    session : Session

    Attributes
    ----------
    refused_bytes : int
        Of what was refused on its way in.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        session.follow(self.count)

    def count(self) -> None:
        """Measure what was refused on its way in."""
        rows = self._session.db.execute(
            "SELECT coalesce(sum(length(payload)), 0) FROM parked WHERE kind IN (?, ?)", REFUSED
        )
        self.refused_bytes = int(rows.fetchone()[0])

    def park(self, entry: Parked) -> None:
        """Park an entry, within a transaction."""
        self._session.db.execute(
            "INSERT INTO parked (kind, source, reason, payload, time_us, arrival_us, import, message)"
            " VALUES (?,?,?,?,?,?,?,?)",
            (*entry, to_text(entry.reason)),
        )
        if entry.kind in REFUSED:
            self.refused_bytes += len(entry.payload)

    def settle(self, number: int, state: str, why: str) -> None:
        """Mark a waiting entry as retried or dropped, with the reason."""
        with self._session.transaction():
            db = self._session.db
            if (
                state == "dropped"
                and db.execute(f"SELECT 1 FROM parked WHERE id = ? AND {_TO_DECIDE}", (number,)).fetchone()  # noqa: S608
            ):
                raise StorageError(
                    Message(
                        "parked entry {number} is a conflict, which is not dropped: 'soilco2 parked decide' says "
                        "which of its numbers holds",
                        number=number,
                    )
                )
            done = db.execute(
                "UPDATE parked SET state = ?, why = ?, payload = CASE ? WHEN 'dropped' THEN x'' ELSE payload END"
                " WHERE id = ? AND state = 'waiting'",
                (state, why, state, number),
            )
            if done.rowcount == 0:
                raise StorageError(
                    Message(
                        "parked entry {number} does not wait; 'soilco2 parked list' shows those that do",
                        number=number,
                    )
                )
            kind = EventKind.PARKED_RETRIED if state == "retried" else EventKind.PARKED_DROPPED
            self._session.event(NewEvent(kind, str(number), why))
        self.count()

    def drop(self, why: str, wanted: dict[str, int | str | None]) -> tuple[int, int]:
        """Drop the waiting entries of an import, with a reason, before a time [µs UTC], each None for any.

        Returns
        -------
        dropped, conflicts : int
            Entries that are settled, and conflicts that meet the conditions and wait on.
        """
        where = (
            "state = 'waiting' AND (:import IS NULL OR import = :import) AND (:reason IS NULL OR"
            " instr(reason, :reason) > 0) AND (:before_us IS NULL OR arrival_us < :before_us)"
        )
        with self._session.transaction():
            db = self._session.db
            dropped = db.execute(
                f"UPDATE parked SET state = 'dropped', why = :why, payload = x'' WHERE {where} AND NOT ({_TO_DECIDE})",  # noqa: S608
                {**wanted, "why": why},
            ).rowcount
            left = db.execute(f"SELECT count(*) FROM parked WHERE {where} AND {_TO_DECIDE}", wanted)  # noqa: S608
            conflicts = int(left.fetchone()[0])
            if dropped:
                data = {**wanted, "entries": dropped}
                self._session.event(NewEvent(EventKind.PARKED_DROPPED, f"{dropped} entries", why, data))
        self.count()
        return dropped, conflicts
