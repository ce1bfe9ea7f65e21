"""What rain does to CO2: events, rise, hours to the peak, excess, decay.

Event
    Wet records less than 24 h apart, 1 mm or more in all; without a gauge, a step of water content above
    0.01 m3/m3 within 2 h. It begins with its first wet record.
Base
    Mean of the 48 h before: two whole days, so that the course of the day drops out.
Rise
    Highest value within 72 h, or up to the next event, less the base. A percentage of a base near zero means
    nothing, so it stands in the details only.
Chance
    The highest of three days always lies above the mean of two. So the same number is taken at every time that had
    no rain from 48 h before to 72 h after, and a rise counts as an answer when fewer than 5 % of these reach it.
Decay
    C - base = A exp(-t/tau) from the peak on, least squares, up to the next event or ten days.

Birch (1958), https://doi.org/10.1007/BF01343734; Lopez-Ballesteros et al. (2016),
https://doi.org/10.1002/2015JG003091; Vargas et al. (2018), https://doi.org/10.3390/soilsystems2030047.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from soilco2.analysis import rounding
from soilco2.analysis.definitions import DAY_COVERAGE, LEVEL

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

DRY_SPELL_H: Final = 24
WET_MM: Final = 0.1
"""Rain of a slot that counts as wet [mm]."""
LEAST_MM: Final = 1.0
STEP_M3: Final = 0.01
"""Rise of water content that counts as rain where there is no gauge [m3/m3]."""
STEP_H: Final = 2
BASE_H: Final = 48
PEAK_H: Final = 72
DECAY_H: Final = 240
MIN_DECAY_R2: Final = 0.5
LEAST_COVERAGE: Final = 0.5


class Event(NamedTuple):
    """One rain event.

    Parameters
    ----------
    start, end : int
        First and last wet slot.
    mm : float
        Rain [mm]; NaN where no gauge saw it.
    """

    start: int
    end: int
    mm: float


class Answer(NamedTuple):
    """What CO2 did after one event; NaN where it cannot be said.

    Parameters
    ----------
    event : Event
    base : float
        [unit of CO2]
    peak, rise : float
        [unit of CO2]
    hours_to_peak : float
        From the first wet slot [h].
    excess : float
        Sum of what is above (and below) the base over the hours up to 72 h or the next event [unit of CO2 times h].
    tau : float
        Decay time [h].
    decay_r2 : float
    chance : float
        Share of rainless times whose rise is at least as large [1].
    """

    event: Event
    base: float
    peak: float
    rise: float
    hours_to_peak: float
    excess: float
    tau: float
    decay_r2: float
    chance: float


def rain_events(rain: ArrayLike, slots: int, least_mm: float = LEAST_MM) -> list[Event]:
    """Events of a gauge.

    Parameters
    ----------
    rain : array_like, shape (n,)
        Rain of each slot [mm], NaN where missing.
    slots : int
        Values a day.
    least_mm : float
        [mm]
    """
    fallen: Array = np.nan_to_num(np.asarray(rain, dtype=float))
    found = _grouped(np.flatnonzero(~rounding.below(fallen, WET_MM)), slots)
    total = np.r_[0.0, np.cumsum(fallen)]
    events = (Event(a, b, float(total[b + 1] - total[a])) for a, b in found)
    return [e for e in events if not rounding.below(e.mm, least_mm, total[-1])]


def wetting_events(water: ArrayLike, slots: int) -> list[Event]:
    """Events from steps of water content, where there is no gauge.

    Parameters
    ----------
    water : array_like, shape (n,)
        [m3/m3], NaN where missing.
    slots : int
        Values a day.
    """
    w: Array = np.asarray(water, dtype=float)
    reach = max(round(STEP_H * slots / 24), 1)
    if w.size <= reach:
        return []
    rise = w[reach:] - w[:-reach]
    wet = np.flatnonzero(rounding.above(rise, STEP_M3, 1.0)) + 1  # the slot after the one from which it rose
    step = np.nan_to_num(np.r_[0.0, np.diff(w)])
    return [
        Event(a + rounding.first_largest(step[a : a + reach]), b + reach - 1, float("nan"))
        for a, b in _grouped(wet, slots)
    ]


def _grouped(wet: NDArray[np.int64], slots: int) -> list[tuple[int, int]]:
    if not wet.size:
        return []
    cut = np.flatnonzero(np.diff(wet) >= DRY_SPELL_H * slots / 24) + 1
    starts, ends = wet[np.r_[0, cut]], wet[np.r_[cut - 1, wet.size - 1]]
    return list(zip(starts.tolist(), ends.tolist(), strict=True))


def after_rain(n: int, events: list[Event], slots: int, hours: float = PEAK_H) -> Mask:
    """Slots from the start of an event to `hours` after its end; shape (n,)."""
    edge = np.zeros(n + 1)
    for event in events:
        edge[event.start] += 1
        edge[min(event.end + round(hours * slots / 24) + 1, n)] -= 1
    return np.cumsum(edge[:n]) > 0


def rises(co2: ArrayLike, slots: int) -> Array:
    """Rise at every slot: highest of the 72 h from it on, less the mean of the 48 h before it; shape (n,).

    NaN where less than half of either is present.
    """
    c = np.asarray(co2, dtype=float)
    before, after = round(BASE_H * slots / 24), round(PEAK_H * slots / 24)
    out = np.full(c.size, np.nan)
    if c.size < before + after:
        return out
    present = np.isfinite(c)
    count = np.r_[0, np.cumsum(present)]
    total = np.r_[0.0, np.cumsum(np.where(present, c, 0.0))]
    at = np.arange(before, c.size - after + 1)
    n_before = count[at] - count[at - before]
    n_after = count[at + after] - count[at]
    base = (total[at] - total[at - before]) / np.maximum(n_before, 1)
    filled = np.where(present, c, -np.inf)
    top = np.lib.stride_tricks.sliding_window_view(filled, after).max(-1)[before:]
    enough = ~rounding.below(n_before, LEAST_COVERAGE * before) & ~rounding.below(
        n_after, LEAST_COVERAGE * after
    )
    out[at[enough]] = (top - base)[enough]
    return out


def chance_rises(co2: ArrayLike, slots: int, events: list[Event]) -> Array:
    """Rises at all times without rain from 48 h before to 72 h after, sorted; shape (m,)."""
    c = np.asarray(co2, dtype=float)
    rise = rises(c, slots)
    wet = np.zeros(c.size)
    for event in events:
        wet[event.start : event.end + 1] = 1
    total = np.r_[0, np.cumsum(wet)]
    before, after = round(BASE_H * slots / 24), round(PEAK_H * slots / 24)
    at = np.arange(c.size)
    # The days after an event are its answer, not chance: they are left out by 72 h before the base too.
    low, high = np.maximum(at - before - after, 0), np.minimum(at + after, c.size)
    dry = total[high] == total[low]
    return np.sort(rise[dry & np.isfinite(rise)])


def answers(co2: ArrayLike, slots: int, events: list[Event]) -> list[Answer]:
    """What CO2 did after each event.

    Parameters
    ----------
    co2 : array_like, shape (n,)
        Flux or concentration, NaN where missing [any unit].
    slots : int
        Values a day.
    events : list of Event
        In order of time.
    """
    c = np.asarray(co2, dtype=float)
    chance = chance_rises(c, slots, events)
    hour = 24.0 / slots
    out = []
    for k, event in enumerate(events):
        stop = events[k + 1].start if k + 1 < len(events) else c.size
        out.append(_answer(c, event, stop, hour, chance))
    return out


def _answer(c: Array, event: Event, stop: int, hour: float, chance: Array) -> Answer:
    nan = float("nan")
    none = Answer(event, nan, nan, nan, nan, nan, nan, nan, nan)
    before = c[max(event.start - round(BASE_H / hour), 0) : event.start]
    end = min(event.start + round(PEAK_H / hour), stop)
    window = c[event.start : end]
    wanted = LEAST_COVERAGE * BASE_H / hour, LEAST_COVERAGE * window.size
    if np.isfinite(before).sum() < wanted[0] or np.isfinite(window).sum() < max(wanted[1], 1):
        return none
    base = float(np.nanmean(before))
    top = rounding.first_largest(window)
    rise = float(window[top]) - base
    share = (
        (1 + int((~rounding.below(chance, rise, abs(base))).sum())) / (1 + chance.size)
        if chance.size
        else nan
    )
    tau, r2 = nan, nan
    if rounding.above(rise, 0.0, abs(base)):
        first = event.start + top
        tail = c[first : min(first + round(DECAY_H / hour), stop)] - base
        tau, r2 = decay_time(np.arange(tail.size) * hour, tail)
    there = np.flatnonzero(np.isfinite(window))
    # Straight lines between the values present; half a slot more at either end.
    above = window[there] - base
    excess = float(np.trapezoid(above, there) + 0.5 * (above[0] + above[-1])) * hour
    return Answer(event, base, base + rise, rise, top * hour, excess, tau, r2, share)


def decay_time(t: ArrayLike, y: ArrayLike) -> tuple[float, float]:
    """tau and R2 of y = A exp(-t/tau) by least squares; NaN where none fits.

    Parameters
    ----------
    t : array_like, shape (n,)
        [h]
    y : array_like, shape (n,)
        Above the base, NaN where missing [any unit].

    Notes
    -----
    For a given tau the best A is a ratio of sums, so only tau is searched. Withheld below 24 values, where the best tau
    lies at the edge of what the record can tell (half a step to its whole length), and where R2 < 0.5.
    """
    from scipy.optimize import minimize_scalar

    nan = float("nan")
    good = np.isfinite(np.asarray(y, dtype=float))
    if good.sum() < 24:
        return nan, nan
    at: Array = np.asarray(t, dtype=float)[good]
    above: Array = np.asarray(y, dtype=float)[good]
    total = float((above**2).sum())
    spread = float(((above - above.mean()) ** 2).sum())
    low, high = np.log(max(0.5 * float(np.diff(at).min()), 1e-3)), np.log(float(at[-1]))
    if total <= 0 or spread <= 1e-12 * total or high <= low:
        return nan, nan

    def lost(log_tau: float) -> float:
        e = np.exp(-at / np.exp(log_tau))
        fit = float(e @ above)
        return 1 - fit**2 / float(e @ e) / total if fit > 0 else 1.0

    grid = np.linspace(low, high, 33)
    best = rounding.first_largest([-lost(g) for g in grid])
    if best in (0, grid.size - 1):
        return nan, nan
    found = minimize_scalar(
        lost, bounds=(grid[best - 1], grid[best + 1]), method="bounded", options={"xatol": 1e-7}
    )
    r2 = 1 - float(found.fun) * total / spread
    return (float(np.exp(found.x)), r2) if r2 >= MIN_DECAY_R2 else (nan, r2)


def median_interval(values: ArrayLike, level: float = LEVEL) -> tuple[float, float, float]:
    """Median of independent values with an interval from order statistics; NaN where six are not there.

    The interval between the k-th smallest and k-th largest holds the median with probability
    1 - 2 P(B < k), B binomial (n, 1/2) (Conover 1999, *Practical Nonparametric Statistics*, section 3.2); the largest k
    with at least `level` is taken.
    """
    from scipy.special import bdtr

    x = np.sort(np.asarray(values, dtype=float))
    x = x[np.isfinite(x)]
    nan = float("nan")
    if not x.size:
        return nan, nan, nan
    middle = float(np.median(x))
    k = np.arange(1, x.size // 2 + 1)
    holds = 1 - 2 * bdtr(k - 1, x.size, 0.5) >= level
    if not holds.any():
        return middle, nan, nan
    last = int(k[holds][-1])
    return middle, float(x[last - 1]), float(x[x.size - last])


def mean_response(
    co2: ArrayLike, slots: int, found: list[Answer], from_h: float = -48.0, to_h: float = 120.0
) -> tuple[Array, Array]:
    """CO2 less its base around events, what comes after the next event left out.

    Returns
    -------
    hours : ndarray, shape (m,)
        Since the first wet slot [h].
    values : ndarray, shape (events, m)
        NaN where missing [unit of CO2].
    """
    c = np.asarray(co2, dtype=float)
    steps = np.arange(round(from_h * slots / 24), round(to_h * slots / 24) + 1)
    starts = np.array([a.event.start for a in found], dtype=np.int64)
    if not starts.size:
        return steps * 24.0 / slots, np.empty((0, steps.size))
    at = starts[:, None] + steps
    inside = (at >= 0) & (at < c.size)
    following = np.r_[starts[1:], c.size][:, None]
    values = np.where(inside & (at < following), c[np.clip(at, 0, c.size - 1)], np.nan)
    return steps * 24.0 / slots, values - np.array([a.base for a in found])[:, None]


def dry_season(water: ArrayLike, slots: int) -> Mask:
    """Slots whose centred 31-day mean of water lies below the median of that mean; shape (n,)."""
    from soilco2.analysis.frames.scales import daily_mean, running_mean

    mean = running_mean(daily_mean(water, slots, DAY_COVERAGE), np.ones(31), 0.5)
    known = np.isfinite(mean)
    if not known.any():
        return np.zeros(np.size(water), bool)
    dry = known & rounding.below(mean, np.median(mean[known]))
    return np.repeat(dry, slots)
