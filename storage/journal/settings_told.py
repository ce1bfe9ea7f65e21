"""What instruments told of their settings: events of the journal, a layer over the samples as flags set by hand are."""

from __future__ import annotations

import json
import sqlite3

from soilco2.quality.plans import ToldSettings

WHAT = "settings"
"""What the data of such an event say it is."""


def settings_told(db: sqlite3.Connection) -> list[ToldSettings]:
    """Everything that was told, in the order of time."""
    rows = db.execute(
        "SELECT time_us, subject, data FROM event WHERE kind = 'other' AND data LIKE ? ORDER BY time_us, id",
        (f'%"what": "{WHAT}"%',),
    )
    told = ((time_us, subject, json.loads(data)) for time_us, subject, data in rows)
    return [
        ToldSettings(subject, time_us, data["values"])
        for time_us, subject, data in told
        if data.get("what") == WHAT and data.get("values")
    ]
