"""Readings that came with a time of their own while the station's clock was not trusted, looked at once it is."""

from __future__ import annotations

from soilco2.quality.records import Flag, SeriesKey
from soilco2.station_config.message import Message
from soilco2.station_config.times import iso
from soilco2.storage.journal.judging import Judging
from soilco2.storage.journal.session import Session

WHO = "clock"
"""Who flags them."""
_FIND = (
    "SELECT time_us FROM sample WHERE channel = :channel AND time_us > :offset + :tolerance AND device_us IS NOT NULL"
    " AND (time_us > :now + :tolerance OR (boot = :boot AND device_us > mono_us + :offset + :tolerance))"
)


def flag_ahead(session: Session, judging: Judging, boot_id: str, offset_us: int) -> int:
    """Flag as bad what was measured, by its own time, after it came.

    Parameters
    ----------
    session : Session
    judging : Judging
    boot_id : str
        The boot whose clock is trusted now.
    offset_us : int
        From its monotonic clock to UTC [µs].

    Returns
    -------
    int
        Readings that were flagged, each by a manual flag that can be taken back.
    """
    tolerance_us = round(session.station.file.quality.future_tolerance * 1e6)
    boot, now_us = session.words.get(boot_id, -1), session.now_us()
    asked = {"offset": offset_us, "tolerance": tolerance_us, "now": now_us, "boot": boot}
    found: dict[tuple[SeriesKey, int], None] = {}
    for (serial, channel), number in session.channels.items():
        for (time_us,) in session.db.execute(_FIND, {**asked, "channel": number}):
            series = session.station.deployments.series_at(serial, channel, time_us)
            if series is not None and SeriesKey(*series) in session.series:
                found[SeriesKey(*series), time_us] = None
    flagged = 0
    for series, time_us in found:
        row = session.db.execute(
            "SELECT flag FROM observation WHERE series = ? AND time_us = ?", (session.series[series], time_us)
        ).fetchone()
        if row is not None and row[0] != Flag.BAD:
            why = Message("{time} lay ahead of the station's clock when it came", time=iso(time_us))
            judging.flag(series, time_us, time_us + 1, Flag.BAD, WHO, why)
            flagged += 1
    return flagged
