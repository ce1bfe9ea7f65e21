"""Parked: what could not be used or sent, kept with its reason."""

from __future__ import annotations

from soilco2.station_config.message import to_text
from soilco2.storage.journal.rows import Parked
from soilco2.storage.journal.session import Session

REFUSED = ("message", "conflict")
"""Kinds of parked entries that a device or a node can cause."""


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
