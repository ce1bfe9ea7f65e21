"""The first look at a record: what is there, what is stuck, clipped, frozen, swapped or impossible.

Pure functions on arrays; the checks of clocks are in :mod:`soilco2.analysis.soil_response.clock_check`, those of
depths in :mod:`soilco2.analysis.soil_response.damping`.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from soilco2.analysis import rounding
from soilco2.analysis.frames.scales import as_days

Array = NDArray[np.float64]

RANGES_PPM: Final = (
    1000.0,
    2000.0,
    3000.0,
    5000.0,
    10_000.0,
    20_000.0,
    30_000.0,
    50_000.0,
    100_000.0,
    200_000.0,
)
"""Ends of range that CO2 probes are sold with [ppm]."""
NEAR_RANGE: Final = 0.02
"""How near to such an end a flat top must lie [1]."""
LOWEST_SOIL_PPM: Final = 350.0
"""Soil air below this is poorer in CO2 than the air above: a probe's drift, not a soil [ppm]."""
MOST_WATER: Final = 0.6
"""Water content no mineral soil holds [m3/m3]."""
JUMP_TIMES: Final = 12.0
"""A spike stands out from its neighbours by more than this many times their usual difference."""


class Gaps(NamedTuple):
    """What is missing between the first and the last value.

    Parameters
    ----------
    first, last : int
        Slot of the first and last value; -1 without any.
    present : int
    coverage : float
        Share of slots present between them [1]; 0 without any.
    number : int
        Gaps.
    longest : int
        Slots of the longest.
    """

    first: int
    last: int
    present: int
    coverage: float
    number: int
    longest: int


def gaps(x: ArrayLike) -> Gaps:
    """Coverage and gaps of a regular series, NaN where missing."""
    there = np.flatnonzero(np.isfinite(np.asarray(x, dtype=float)))
    if not there.size:
        return Gaps(-1, -1, 0, 0.0, 0, 0)
    missing = np.diff(there) - 1
    first, last = int(there[0]), int(there[-1])
    return Gaps(
        first, last, int(there.size), there.size / (last - first + 1), int((missing > 0).sum()),
        int(missing.max(initial=0)),
    )  # fmt: skip


def hourly_coverage(x: ArrayLike, slots: int) -> Array:
    """Share of days with a value, by slot of the day, between the first and the last day with one; shape (slots,)."""
    there = np.isfinite(as_days(x, slots))
    days = np.flatnonzero(there.any(1))
    if not days.size:
        return np.zeros(slots)
    out: Array = there[days[0] : days[-1] + 1].mean(0)
    return out


def longest_run(x: ArrayLike) -> int:
    """Most slots in a row with one and the same value; a gap ends a run."""
    v = np.asarray(x, dtype=float)
    if not np.isfinite(v).any():
        return 0
    step = np.diff(v)
    new = np.r_[True, np.isnan(step) | rounding.above(np.abs(step), 0.0, np.nanmax(np.abs(v)))]
    starts = np.flatnonzero(new & np.isfinite(v))
    ends = np.r_[np.flatnonzero(new)[1:], v.size]
    following = ends[np.searchsorted(ends, starts, side="right")]
    return int((following - starts).max())


def at_limit(co2: ArrayLike) -> tuple[int, float]:
    """How many values lie on a flat top at an end of range, and that end [ppm]; (0, NaN) without one.

    A flat top is the largest value, held by at least three, within 2 % of an end of range of :data:`RANGES_PPM`.
    """
    c = np.asarray(co2, dtype=float)
    c = c[np.isfinite(c)]
    if c.size < 3 or not rounding.above(np.ptp(c), 0.0, np.abs(c).max()):
        return 0, float("nan")
    top = float(c.max())
    ends = np.array(RANGES_PPM)
    end = float(ends[np.argmin(np.abs(ends - top))])
    flat = int((c >= top - 1e-6 * top).sum())
    if flat < 3 or rounding.above(abs(top - end), NEAR_RANGE * end, end):
        return 0, float("nan")
    return flat, end


def spikes(x: ArrayLike) -> int:
    """Single values that jump away from both neighbours and back.

    Both differences must exceed twelve times the usual one (the 90 % quantile of differences between neighbours) and
    have opposite signs.
    """
    v = np.asarray(x, dtype=float)
    step = np.diff(v)
    known = np.abs(step[np.isfinite(step)])
    if known.size < 20:
        return 0
    usual = float(np.quantile(known, 0.9))
    scale = float(np.nanmax(np.abs(v)))
    if not rounding.above(usual, 0.0, scale):
        return 0
    far = np.nan_to_num(step)
    jumps = rounding.above(np.abs(far), JUMP_TIMES * usual, scale)
    return int((jumps[:-1] & jumps[1:] & (far[:-1] * far[1:] < 0)).sum())


def spread(x: ArrayLike) -> tuple[float, float]:
    """5 and 95 % of the values present; NaN without any."""
    v = np.asarray(x, dtype=float)
    v = v[np.isfinite(v)]
    if not v.size:
        return float("nan"), float("nan")
    low, high = np.quantile(v, (0.05, 0.95))
    return float(low), float(high)
