"""Times in the cells of a table, in the spellings that they come in."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from operator import add

from soilco2.station_config.message import Message
from soilco2.station_config.times import TIME_MAX_US, TIME_MIN_US
from soilco2.storage.errors import UnfitError

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


_MICROSECOND = timedelta(microseconds=1)


_YEAR_FIRST = re.compile(
    r"(\d{4})/(\d{1,2})/(\d{1,2})(?:[ T](\d{1,2}):(\d{2})(?::([0-5]\d(?:\.\d{1,6})?))?)?"
)


_ZONED = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)")
_REMEMBERED = 100_000
"""Days, and times of day, that are remembered: each second of a day."""


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


class TimeParser:
    """`parse_time` for many times: day and time of day are remembered apart, where the zone is written behind them.

    Parameters
    ----------
    zone : tzinfo or None
        Zone of times that name none.
    """

    def __init__(self, zone: tzinfo | None) -> None:
        self._zone = zone
        self._days: dict[str, int] = {}
        self._clocks: dict[str, int] = {}

    def __call__(self, text: str) -> int:
        """Microseconds UTC [µs]; see `parse_time`."""
        try:
            time_us = self._days[text[:10]] + self._clocks[text[10:]]
        except KeyError:
            return self._parse(text)
        return time_us if TIME_MIN_US <= time_us <= TIME_MAX_US else parse_time(text, self._zone)

    def at_once(self, texts: Sequence[str]) -> list[int] | None:
        """Microseconds UTC [µs] of many times; None where one of them needs a look of its own."""
        days, clocks = [text[:10] for text in texts], [text[10:] for text in texts]
        for known, parts in ((self._days, days), (self._clocks, clocks)):
            if new := set(parts).difference(known):
                for part, text in dict(zip(parts, texts, strict=True)).items():
                    if part in new and not _ZONED.fullmatch(text):
                        return None
                    if part in new:
                        self._parse(text)
        try:
            found = list(map(add, map(self._days.__getitem__, days), map(self._clocks.__getitem__, clocks)))
        except KeyError:
            return None
        return found if min(found) >= TIME_MIN_US and max(found) <= TIME_MAX_US else None

    def _parse(self, text: str) -> int:
        time_us = parse_time(text, self._zone)
        if _ZONED.fullmatch(text):
            for known in (self._days, self._clocks):
                if len(known) >= _REMEMBERED:
                    known.clear()
            day_us = self._days[text[:10]] = parse_time(f"{text[:10]}T00:00Z", None)
            self._clocks[text[10:]] = time_us - day_us
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
