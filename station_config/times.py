"""Times are microseconds since 1970 in UTC; here is their text, their range and the length of a day."""

from __future__ import annotations

import re
import time
from datetime import date, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

TIME_MIN_US = -9_223_372_036_854_775
TIME_MAX_US = 9_223_372_036_854_775
"""What InfluxDB can hold: nanoseconds in 64 bits, without the two lowest and the highest."""


DAY_S = 86_400
DAY_US = DAY_S * 1_000_000
"""Length of a day."""


_EPOCH_DAY = date(1970, 1, 1).toordinal()


def iso(time_us: int, _days: dict[int, str] = {}) -> str:  # noqa: B006 - remembers the days it wrote
    """A time [µs UTC] as ISO 8601 with Z, as short as it is exact."""
    day, rest = divmod(time_us, DAY_US)
    text = _days.get(day)
    if text is None:
        if len(_days) > 10_000:
            _days.clear()
        text = _days[day] = date.fromordinal(_EPOCH_DAY + day).isoformat()
    seconds, micro = divmod(rest, 1_000_000)
    minutes, second = divmod(seconds, 60)
    if micro:
        return f"{text}T{minutes // 60:02d}:{minutes % 60:02d}:{second:02d}.{micro:06d}Z"
    return f"{text}T{minutes // 60:02d}:{minutes % 60:02d}:{second:02d}Z"


_OFFSET = re.compile(r"(?:UTC|GMT)? ?([+\N{MINUS SIGN}-])(\d{1,2})(?::?([0-5]\d))?", re.IGNORECASE)


def zone_of(name: str) -> tzinfo:
    """A zone by its name, such as Asia/Shanghai, or by its distance from UTC as people and files write it.

    ``GMT-07:00``, ``UTC-7``, ``-0700`` and ``-07:00`` are seven hours behind UTC.

    Raises
    ------
    ValueError
        When there is no such zone.
    """
    found = _OFFSET.fullmatch(name.strip())
    if found:
        ahead = timedelta(hours=int(found[2]), minutes=int(found[3] or 0))
        if ahead > timedelta(hours=14):
            raise ValueError(name)
        return timezone(ahead if found[1] == "+" else -ahead)
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, OSError) as error:
        raise ValueError(name) from error


def now_iso() -> str:
    """What is now, as ISO 8601 with Z, to the second."""
    return iso(int(time.time()) * 1_000_000)
