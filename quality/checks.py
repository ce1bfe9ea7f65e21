"""The tests a sample goes through: their names, their flags, and the three that remember something.

A test that failed is a bit in a mask; the bits stand in the order of severity. `verdict` turns a mask into a
flag and a list of names: the worst flag wins, always.

Names that are not fixed come beside the mask as (flag, name): a flag set by hand, the status bits of a probe,
the reason why a value is missing.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from soilco2.quality.records import Flag
from soilco2.station_config.catalogue.load import StatusBits

MINUTE_US = 60_000_000
HOUR_US = 3_600_000_000


class Check(NamedTuple):
    """A test by name, and the flag it gives when it fails."""

    name: str
    flag: Flag


CHECKS = (
    Check("withdrawn", Flag.MISSING),
    Check("missing", Flag.MISSING),
    Check("sentinel", Flag.MISSING),
    Check("frozen", Flag.MISSING),
    Check("ec_without_temperature", Flag.MISSING),
    Check("physical_range", Flag.BAD),
    Check("instrument_range", Flag.BAD),
    Check("site_range", Flag.BAD),
    Check("conflict", Flag.SUSPECT),
    Check("undecodable", Flag.SUSPECT),
    Check("warm_up", Flag.SUSPECT),
    Check("saturation", Flag.SUSPECT),
    Check("flat_line", Flag.SUSPECT),
    Check("rate_of_change", Flag.SUSPECT),
    Check("site_suspect", Flag.SUSPECT),
    Check("co2_without_temperature", Flag.SUSPECT),
    Check("suspect_companion", Flag.SUSPECT),
    Check("standard_pressure", Flag.NOT_EVALUATED),
    Check("compensation_unknown", Flag.NOT_EVALUATED),
    Check("ec_coefficient_unknown", Flag.NOT_EVALUATED),
    Check("calibration_overdue", Flag.NOT_EVALUATED),
)
"""Every test with a fixed name, the most severe first."""

(
    WITHDRAWN,
    MISSING,
    SENTINEL,
    FROZEN,
    EC_WITHOUT_TEMPERATURE,
    PHYSICAL_RANGE,
    INSTRUMENT_RANGE,
    SITE_RANGE,
    CONFLICT,
    UNDECODABLE,
    WARM_UP,
    SATURATION,
    FLAT_LINE,
    RATE_OF_CHANGE,
    SITE_SUSPECT,
    CO2_WITHOUT_TEMPERATURE,
    SUSPECT_COMPANION,
    STANDARD_PRESSURE,
    COMPENSATION_UNKNOWN,
    EC_COEFFICIENT_UNKNOWN,
    CALIBRATION_OVERDUE,
) = (1 << bit for bit in range(len(CHECKS)))

MANUAL = "manual"
"""Name of a flag set by hand."""

DEVICE = "device"
"""First part of the name where the probe says something that its catalogue file does not explain."""

Extra = tuple[tuple[Flag, str], ...]
"""Tests whose names are not fixed."""

_SEVERITY = {Flag.GOOD: 0, Flag.NOT_EVALUATED: 1, Flag.SUSPECT: 2, Flag.BAD: 3, Flag.MISSING: 4}


@lru_cache(maxsize=1024)
def verdict(mask: int, extra: Extra = ()) -> tuple[Flag, str]:
    """The worst flag of the tests that failed, and their names joined by commas, the most severe first.

    Among equals the probe's own words come first, then the fixed names, then a flag set by hand.
    """
    found = [(check.flag, 1, check.name) for bit, check in enumerate(CHECKS) if mask >> bit & 1]
    found += [(flag, 2 if name == MANUAL else 0, name) for flag, name in extra]
    if not found:
        return Flag.GOOD, ""
    found.sort(key=lambda row: (-_SEVERITY[row[0]], row[1]))
    return found[0][0], ",".join(dict.fromkeys(name for _, _, name in found))


def reach_us(period_s: float | None) -> int:
    """How long a reading speaks for its channel [µs]: two periods, one hour at least."""
    return HOUR_US if period_s is None else max(HOUR_US, round(2e6 * period_s))


class Remembers:
    """A test that looks back; `lookback_us` says how far [µs]."""

    __slots__ = ("bit", "lookback_us")

    def __init__(self, bit: int, lookback_us: int) -> None:
        self.bit = bit
        self.lookback_us = lookback_us

    def fails(self, time_us: int, reading: float) -> bool:
        """Judge the next reading; times only grow."""
        raise NotImplementedError


class RateOfChange(Remembers):
    """Faster than `limit` [unit/min] against each of the two readings before it.

    Two, because the first reading after a spike is innocent: it agrees with the one before the spike.
    Readings older than `reach_us` say nothing.
    """

    __slots__ = ("_last", "_limit_per_us", "_previous")

    def __init__(self, limit: float, reach_us: int) -> None:
        super().__init__(RATE_OF_CHANGE, reach_us)
        self._limit_per_us = limit / MINUTE_US
        self._last: tuple[int, float] | None = None
        self._previous: tuple[int, float] | None = None

    def fails(self, time_us: int, reading: float) -> bool:
        failed = self._last is not None and self._too_fast(self._last, time_us, reading)
        if failed and self._previous is not None and time_us - self._previous[0] <= self.lookback_us:
            failed = self._too_fast(self._previous, time_us, reading)
        self._previous, self._last = self._last, (time_us, reading)
        return failed

    def _too_fast(self, before: tuple[int, float], time_us: int, reading: float) -> bool:
        elapsed = time_us - before[0]
        return elapsed <= self.lookback_us and abs(reading - before[1]) > self._limit_per_us * elapsed


class FlatLine(Remembers):
    """Readings that stay within `tolerance` [unit] for `flat_us` of time, however many they are.

    A gap of half of `flat_us` or longer ends the claim: nobody looked. The extremes of the run are kept in
    two queues (Lemire, 2006, arXiv:cs/0610046): a reading costs the same however long the run is.
    """

    __slots__ = ("_flat_us", "_highs", "_last_us", "_lows", "_start_us", "_tolerance")

    def __init__(self, flat_us: int, tolerance: float) -> None:
        super().__init__(FLAT_LINE, flat_us + flat_us // 2)
        self._flat_us = flat_us
        self._tolerance = tolerance
        self._start_us = 0
        self._last_us: int | None = None
        # [reading, its time, time of the reading after it]; one entry lies in both queues
        self._lows: deque[list[float]] = deque()
        self._highs: deque[list[float]] = deque()

    def fails(self, time_us: int, reading: float) -> bool:
        lows, highs = self._lows, self._highs
        if self._last_us is None or 2 * (time_us - self._last_us) >= self._flat_us:
            lows.clear()
            highs.clear()
            self._start_us = time_us
        elif highs:
            highs[-1][2] = time_us
        self._last_us = time_us
        entry = [reading, time_us, time_us]
        while highs and highs[-1][0] <= reading:
            highs.pop()
        highs.append(entry)
        while lows and lows[-1][0] >= reading:
            lows.pop()
        lows.append(entry)
        # readings are multiples of a resolution, rounded in binary: allow for the last digits
        allowed = self._tolerance + 1e-9 * max(1.0, abs(reading))
        while highs[0][0] - lows[0][0] > allowed:
            older = highs if highs[0][1] < lows[0][1] else lows
            self._start_us = int(older.popleft()[2])
        return time_us - self._start_us >= self._flat_us


class WarmUp(Remembers):
    """For `warm_us` after the probe's first number, or its first after a silence longer than `pause_us`.

    A probe that was silent for so long has very likely been without power.
    """

    __slots__ = ("_last_us", "_pause_us", "_start_us", "_warm_us")

    def __init__(self, warm_us: int, pause_us: int) -> None:
        super().__init__(WARM_UP, warm_us + pause_us)
        self._warm_us = warm_us
        self._pause_us = pause_us
        self._start_us = 0
        self._last_us: int | None = None

    def fails(self, time_us: int, reading: float) -> bool:
        if self._last_us is None or time_us - self._last_us > self._pause_us:
            self._start_us = time_us
        self._last_us = time_us
        return time_us - self._start_us < self._warm_us


_WORD = re.compile(r"(\S+)=0x([0-9a-fA-F]+)")


class Said(NamedTuple):
    """What a status says: bits of `CHECKS`, tests named by the catalogue, and words nobody explains."""

    mask: int
    extra: Extra
    words: str


def read_status(status: str, judging: Sequence[StatusBits]) -> Said:
    """Take a sample's status apart.

    Parameters
    ----------
    status : str
        Such as ``"nan status=0x100"`` or ``"warm-up"``.
    judging : sequence of StatusBits
        The catalogue's status words that judge the channel.
    """
    known = {row.id: row for row in judging}
    mask = 0
    extra: list[tuple[Flag, str]] = []
    words = []
    for word in status.split():
        match = _WORD.fullmatch(word)
        if match and match[1] in known:
            value = left = int(match[2], 16)
            for bit in known[match[1]].bits:
                if value & bit.mask:
                    extra.append((Flag(bit.flag), bit.name))
                    left &= ~bit.mask
            if left:
                words.append(f"{match[1]}=0x{left:x}")
        elif word == "warm-up":
            mask |= WARM_UP
        else:
            words.append(word.replace(",", ";"))
    return Said(mask, tuple(extra), " ".join(words))
