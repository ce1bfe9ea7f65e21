"""Times in the cells of a table, in the spellings that they come in."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, tzinfo

from soilco2.station_config.message import Message
from soilco2.station_config.times import TIME_MAX_US, TIME_MIN_US
from soilco2.storage.errors import UnfitError

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


_MICROSECOND = timedelta(microseconds=1)


_YEAR_FIRST = re.compile(
    r"(\d{4})/(\d{1,2})/(\d{1,2})(?:[ T](\d{1,2}):(\d{2})(?::([0-5]\d(?:\.\d{1,6})?))?)?"
)


def parse_time(text: str, zone: tzinfo | None) -> int:
    """Microseconds UTC [µs] of a time with its zone, or of a local time when `zone` is given.

    Raises
    ------
    ValueError
        When it is no time, has no zone, or does not exist or exists twice in `zone`.
    """
    bare = text.strip()
    try:
        moment = datetime.fromisoformat(bare)
    except ValueError:
        moment = _year_first(bare)
    if len(bare) <= 8:
        raise UnfitError(Message("time {time!r} is no date with a time of day", time=bare[:40]))
    if moment.tzinfo is None:
        if zone is None:
            raise UnfitError(
                Message(
                    "time {time!r} has no zone; write it as 2026-03-01T08:00:00+08:00 ('soilco2 import' also "
                    "takes --timezone)",
                    time=bare[:40],
                )
            )
        moment = _local(moment, zone, bare)
    time_us = (moment - _EPOCH) // _MICROSECOND
    if not TIME_MIN_US <= time_us <= TIME_MAX_US:
        raise UnfitError(Message("time {time!r} is beyond what can be stored", time=bare[:40]))
    return time_us


def _year_first(bare: str) -> datetime:
    match = _YEAR_FIRST.fullmatch(bare)
    try:
        if match:
            year, month, day, hour, minute = (int(part or 0) for part in match.groups()[:5])
            seconds = timedelta(seconds=float(match[6] or 0))
            return datetime(year, month, day, hour, minute) + seconds
    except ValueError:
        pass
    if re.fullmatch(r"\d{5}(\.\d+)?", bare):
        raise UnfitError(
            Message(
                "time {time!r} is a spreadsheet's day number; format the column as 2026-03-01T00:00:00Z",
                time=bare,
            )
        )
    raise UnfitError(
        Message("time {time!r} is no time; expected such as 2026-03-01T00:00:00Z", time=bare[:40])
    ) from None


def _local(moment: datetime, zone: tzinfo, bare: str) -> datetime:
    first, second = moment.replace(tzinfo=zone, fold=0), moment.replace(tzinfo=zone, fold=1)
    if first.utcoffset() != second.utcoffset():
        back = first.astimezone(UTC).astimezone(zone).replace(tzinfo=None)
        raise UnfitError(
            Message(
                "time {time!r} comes twice in {zone}, where the clock is changed; write it in UTC",
                time=bare[:40],
                zone=zone,
            )
            if back == moment
            else Message(
                "time {time!r} does not exist in {zone}, where the clock is changed; write it in UTC",
                time=bare[:40],
                zone=zone,
            )
        )
    return first
