"""The tests a sample goes through: their names, their flags, and those that remember something.

A test that failed is a bit in a mask; the bits stand in the order of severity. `verdict` turns a mask into a
flag and a list of names: the worst flag wins, always.

Names that are not fixed come beside the mask as (flag, name): a flag set by hand, the status bits of a probe,
the reason why a value is missing.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Sequence
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
    Check("soil_too_dry", Flag.MISSING),
    Check("ec_too_small", Flag.MISSING),
    Check("physical_range", Flag.BAD),
    Check("instrument_range", Flag.BAD),
    Check("site_range", Flag.BAD),
    Check("conflict", Flag.SUSPECT),
    Check("undecodable", Flag.SUSPECT),
    Check("zero_frame", Flag.SUSPECT),
    Check("warm_up", Flag.SUSPECT),
    Check("saturation", Flag.SUSPECT),
    Check("flat_line", Flag.SUSPECT),
    Check("rate_of_change", Flag.SUSPECT),
    Check("spike", Flag.SUSPECT),
    Check("site_suspect", Flag.SUSPECT),
    Check("compensation_mismatch", Flag.SUSPECT),
    Check("co2_without_temperature", Flag.SUSPECT),
    Check("suspect_companion", Flag.SUSPECT),
    Check("no_reference", Flag.NOT_EVALUATED),
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
    SOIL_TOO_DRY,
    EC_TOO_SMALL,
    PHYSICAL_RANGE,
    INSTRUMENT_RANGE,
    SITE_RANGE,
    CONFLICT,
    UNDECODABLE,
    ZERO_FRAME,
    WARM_UP,
    SATURATION,
    FLAT_LINE,
    RATE_OF_CHANGE,
    SPIKE,
    SITE_SUSPECT,
    COMPENSATION_MISMATCH,
    CO2_WITHOUT_TEMPERATURE,
    SUSPECT_COMPANION,
    NO_REFERENCE,
    STANDARD_PRESSURE,
    COMPENSATION_UNKNOWN,
    EC_COEFFICIENT_UNKNOWN,
    CALIBRATION_OVERDUE,
) = (1 << bit for bit in range(len(CHECKS)))

SUSPECT_OR_WORSE = sum(
    1 << bit for bit, check in enumerate(CHECKS) if check.flag in (Flag.SUSPECT, Flag.BAD, Flag.MISSING)
)
"""Bits of the tests after which a reading is no witness for others."""

MANUAL = "manual"
"""Name of a flag set by hand."""

DEVICE = "device"
"""First part of the name where the probe says something that its catalogue file does not explain."""

Extra = tuple[tuple[Flag, str], ...]
"""Tests whose names are not fixed."""


def reach_us(period_s: float | None) -> int:
    """How long a reading speaks for its channel [µs]: two periods, one hour at least."""
    return HOUR_US if period_s is None else max(HOUR_US, round(2e6 * period_s))


class LooksBack:
    """A test that looks back; `lookback_us` says how far [µs]."""

    __slots__ = ("bit", "lookback_us")

    def __init__(self, bit: int, lookback_us: int) -> None:
        self.bit = bit
        self.lookback_us = lookback_us


class Remembers(LooksBack):
    """One that judges a reading by itself and those before it."""

    __slots__ = ()

    def fails(self, time_us: int, reading: float) -> bool:
        """Judge the next reading; times only grow."""
        raise NotImplementedError


MEMORY = 8
"""How many reaches the level of a channel is remembered without three readings that fit one another."""


class Jumps(LooksBack):
    """Readings that do not fit the last one that was in line, their witness.

    A reading out of line is no witness for the next, so what comes back after it is innocent and what stays away is
    not. Three in a row that fit one another are the level, whatever was before. Two out of line that fit each other
    may be a step or a spike of two: the next reading tells, and `blamed` then names those that were a spike after all.
    After a silence longer than `reach_us` nothing is known until two readings fit each other; after one of more than
    `MEMORY` reaches the record begins anew, with a first reading that is believed.

    A witness speaks as long as readings follow one another. Where the level was not settled for `MEMORY` reaches
    nobody knows which readings are right, and each is held against the one before it.

    Parameters
    ----------
    reach_us : int
        How long a reading speaks for its channel [µs].

    Attributes
    ----------
    bit : int
        Of those out of line that `blamed` names.
    jump : int
        Bit of a reading that fits neither its witness nor the reading before it, known at once; 0: none.
    lookahead_us : int
        How much later a reading can be blamed [µs].
    blamed : tuple of int
        Times of earlier readings that the last one showed to be a spike [µs UTC].
    """

    __slots__ = (
        "_agreed",
        "_last",
        "_memory_us",
        "_reach_us",
        "_run",
        "_settled_us",
        "_witness",
        "blamed",
        "lookahead_us",
    )

    jump = 0

    def __init__(self, bit: int, reach_us: int) -> None:
        self._reach_us = reach_us
        self._memory_us = MEMORY * reach_us
        super().__init__(bit, 2 * self._memory_us)
        self.lookahead_us = 2 * reach_us
        self.blamed: tuple[int, ...] = ()
        self._last: tuple[int, float] | None = None
        self._witness: tuple[int, float] | None = None
        self._settled_us = 0  # the level, or that there is none, was last known from the readings around
        self._agreed = False  # the last two fitted each other
        self._run: tuple[int, ...] = ()  # the last two when out of line: time, 0 where it has failed already

    def fits(self, before: tuple[int, float], time_us: int, reading: float) -> bool:
        """Whether two readings can both be true."""
        raise NotImplementedError

    def judge(self, time_us: int, reading: float, sound: bool = True) -> int:
        """Bits that the next reading fails; times only grow.

        Parameters
        ----------
        sound : bool
            Whether no other test speaks against it; else it is judged but is no witness.
        """
        self.blamed = ()
        last = self._last
        near = last is not None and time_us - last[0] <= self._reach_us
        if not sound:
            return self._beside(time_us, reading) if near else 0
        self._last = (time_us, reading)
        if last is None or not near:
            first = last is None or time_us - last[0] > self._memory_us
            self._settled_us, self._agreed, self._run = time_us, False, ()
            self._witness = self._last if first else None
            return 0 if first else NO_REFERENCE
        fits = self.fits(last, time_us, reading)
        if fits and self._agreed:
            self._settled_us, self._witness, self._run = time_us, self._last, ()
            return 0
        self._agreed = fits
        return self._unsettled(time_us, reading, fits)

    def _beside(self, time_us: int, reading: float) -> int:
        """A reading that says nothing of others, against its witness."""
        witness = self._witness
        if witness is None or time_us - self._settled_us > self._memory_us:
            return 0
        return 0 if self.fits(witness, time_us, reading) else self.jump

    def _unsettled(self, time_us: int, reading: float, fits: bool) -> int:
        """A reading that does not settle the level; `fits`: it fits the one before it."""
        if time_us - self._settled_us > self._memory_us:
            self._witness, self._run = None, ()
            return 0 if fits else self.jump or NO_REFERENCE
        witness = self._witness
        if witness is None:
            if fits:
                self._witness = self._last
            return 0 if fits else NO_REFERENCE
        if self.fits(witness, time_us, reading):
            self.blamed = tuple(at for at in self._run if at)
            self._witness, self._run = self._last, ()
            return 0
        failed = 0 if fits else self.jump
        self._run = (*self._run[-1:], 0 if failed else time_us)
        return failed


class RateOfChange(Jumps):
    """Faster than `limit` [unit/min] against its witness."""

    __slots__ = ("_limit_per_us",)

    jump = RATE_OF_CHANGE

    def __init__(self, limit: float, reach_us: int) -> None:
        super().__init__(RATE_OF_CHANGE, reach_us)
        self._limit_per_us = limit / MINUTE_US

    def fits(self, before: tuple[int, float], time_us: int, reading: float) -> bool:
        return abs(reading - before[1]) <= self._limit_per_us * (time_us - before[0])


class Spike(Jumps):
    """One or two readings further than `height` [unit] from those before and after them, whatever the time between."""

    __slots__ = ("_height",)

    def __init__(self, height: float, reach_us: int) -> None:
        super().__init__(SPIKE, reach_us)
        self._height = height + 1e-9 * max(1.0, height)

    def fits(self, before: tuple[int, float], time_us: int, reading: float) -> bool:
        return abs(reading - before[1]) <= self._height


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


NOTES = frozenset(("clock=device", "clock=gateway", "clock=gps", "clock=server", "decoded=server"))
"""Words of a status that judge nothing: whose clock gave the time, and who decoded the number."""


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
        elif word not in NOTES:
            words.append(word.replace(",", ";"))
    return Said(mask, tuple(extra), " ".join(words))
