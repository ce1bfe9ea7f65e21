"""What the header of a logger's file says: its columns, their units, its time, its codes for no value."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo

from soilco2.station_config.message import Message
from soilco2.station_config.times import TIME_MAX_US, TIME_MIN_US
from soilco2.storage.errors import TidyFileError, UnfitError
from soilco2.storage.tidy.times import parse_time

_EPOCH = datetime(1970, 1, 1)
_MICROSECOND = timedelta(microseconds=1)

Clock = Callable[[str], datetime]
"""From the text of a time to the time, in the logger's zone unless it says another; `ValueError` when it is none."""


class LoggerFileError(TidyFileError):
    """A logger's file as a whole cannot be used."""


@dataclass(frozen=True, slots=True)
class Head:
    """The header of a file of readings, and what follows from it for the rows below.

    Parameters
    ----------
    format : str
        Its name.
    names, units : tuple of str
        Of the columns; an empty unit where the header says none.
    lines : int
        Lines that the header takes.
    time : tuple of int
        Columns of the time, put together with a space.
    delimiter : str
    clock : callable, optional
        Takes a time apart; ISO 8601 and its kin when left out.
    zone : tzinfo, optional
        Zone of the times, where the file says it.
    missing : frozenset of str
        Texts that mean that there is no value, in lower case; ``nan`` and nothing always do.
    codes : tuple of float
        Numbers that mean it, where they are none that the variable can have.
    period_s : float, optional
        Time between rows, where means are meant [s].
    stamp : str
        What a time marks; empty where the file does not say.
    kinds : tuple of str
        What each column is (``Avg``, ``Smp``, ``FP2``), where the header says it.
    decimal : str
    events : frozenset of int
        Columns of events: a row that says something there and has no value is no reading.
    """

    format: str
    names: tuple[str, ...]
    units: tuple[str, ...]
    lines: int
    time: tuple[int, ...] = (0,)
    delimiter: str = ","
    clock: Clock | None = None
    zone: tzinfo | None = None
    missing: frozenset[str] = frozenset()
    codes: tuple[float, ...] = ()
    period_s: float | None = None
    stamp: str = ""
    kinds: tuple[str, ...] = ()
    decimal: str = "."
    events: frozenset[int] = frozenset()

    def unit(self, index: int) -> str:
        """The unit of a column; empty where the header says none."""
        return self.units[index] if index < len(self.units) else ""


def column_of(head: Head, wanted: str | int) -> int | None:
    """The index of a column by its name, or by its number from 1; None when there is none.

    A name is compared as it is, then without regard to capitals and spaces; it must fit one column only.
    """
    if isinstance(wanted, int):
        return wanted - 1 if wanted <= len(head.names) else None
    for same in (str.strip, _plain):
        found = [n for n, name in enumerate(head.names) if same(name) == same(wanted)]
        if len(found) == 1:
            return found[0]
        if found:
            return None
    return None


def _plain(name: str) -> str:
    return "".join(name.lower().split())


class Times:
    """Takes the times of a file apart, remembering what depends on the zone alone.

    Parameters
    ----------
    zone : tzinfo or None
        Zone of times that name none.
    clock : callable, optional
    """

    def __init__(self, zone: tzinfo | None, clock: Clock | None = None) -> None:
        self._zone, self._clock = zone, clock
        fixed = zone is not None and (zone is UTC or isinstance(zone, timezone))
        self._behind = zone.utcoffset(None) if fixed and zone is not None else None

    def of(self, text: str) -> int:
        """Microseconds UTC [µs].

        Raises
        ------
        UnfitError
            When it is no time, or has no zone and the mapping says none.
        """
        if self._clock is None:
            if self._behind is None:
                return parse_time(_midnight(text), self._zone)
            try:
                moment = datetime.fromisoformat(text)
            except ValueError:
                return parse_time(_midnight(text), self._zone)
            if len(text) <= 8:
                return parse_time(text, self._zone)  # which says why
        else:
            try:
                moment = self._clock(text)
            except ValueError as error:
                if isinstance(error, UnfitError):
                    raise
                raise UnfitError(Message("time {time!r} is no time of this format", time=text[:40])) from None
        if moment.tzinfo is not None or self._behind is None:
            return parse_time(moment.isoformat(" "), self._zone)
        time_us = (moment - self._behind - _EPOCH) // _MICROSECOND
        if not TIME_MIN_US <= time_us <= TIME_MAX_US:
            raise UnfitError(Message("time {time!r} is beyond what can be stored", time=text[:40]))
        return time_us


def _midnight(text: str) -> str:
    """The hour 24 of a day as the hour 0 of the next, as some loggers count."""
    bare = text.strip()
    day, between, hour = bare[:10], bare[10:11], bare[11:]
    if not hour.startswith("24:00") or hour.strip("24:0."):
        return bare
    try:
        return (datetime.fromisoformat(day) + timedelta(days=1)).isoformat(between)
    except ValueError:
        return bare


def clock_of(*patterns: str) -> Clock:
    """A clock for the patterns of `datetime.strptime`, the first that fits."""

    def clock(text: str) -> datetime:
        for pattern in patterns:
            try:
                return datetime.strptime(text.strip(), pattern)
            except ValueError:
                continue
        raise ValueError(text)

    return clock


def named(names: Sequence[str], *wanted: str) -> int | None:
    """The first column with one of some names, capitals aside."""
    lower = [name.strip().lower() for name in names]
    return next((lower.index(one) for one in wanted if one in lower), None)
