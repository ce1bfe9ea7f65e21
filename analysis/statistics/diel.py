"""The wave of the day: amplitude, hour of the maximum, and how many hours one series comes after another.

    x(t) = level of the day + trend (t - noon) + a cos wt + b sin wt + a2 cos 2wt + b2 sin 2wt,   w = 2 pi/24 h,

least squares over all days used, one level for each day, its trend from the levels of the days before and
after (so that a drift is not taken for a wave). Each day counts by what it has; nothing is filled in.

The lag is the difference of the two phases, wrapped to -12 to 12 h; its sign is that of
:mod:`soilco2.analysis.definitions`. Intervals are the block jackknife of the phase over days, taken on the circle
(Fisher 1993, *Statistical Analysis of Circular Data*, https://doi.org/10.1017/CBO9780511564345, section 2.3).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from soilco2.analysis import rounding
from soilco2.analysis.definitions import BLOCKS, DAY_COVERAGE, MIN_DAYS
from soilco2.analysis.frames.scales import as_days
from soilco2.analysis.statistics.intervals import jackknife_se

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

SPARSE_COVERAGE: Final = 0.5
"""Share of a day that must be present when too few days have 75 %."""
NEAR_DAYS: Final = 3
"""How far away the days may be from which the trend of a day is taken [d]."""
_ROUNDS = 6


@dataclass(frozen=True, slots=True)
class Moments:
    """Sums over each day of products of the wave's terms and the values, both less their mean of the day.

    Parameters
    ----------
    days : ndarray of int, shape (d,)
        Index of the days used.
    normal : ndarray, shape (d, 4, 4)
        Of cos, sin, cos 2, sin 2.
    right : ndarray, shape (d, 4)
        Of these with the values, trend taken out [unit of x].
    square : ndarray, shape (d,)
        Of the values with themselves [unit of x squared].
    count : ndarray, shape (d,)
        Values.
    level, trend : ndarray, shape (d,)
        Of the day at noon [unit of x], and its change [unit of x per day].
    """

    days: NDArray[np.int64]
    normal: Array
    right: Array
    square: Array
    count: Array
    level: Array
    trend: Array

    def only(self, keep: Mask) -> Moments:
        """Those of the days kept; `keep` has shape (d,)."""
        return Moments(
            self.days[keep], self.normal[keep], self.right[keep], self.square[keep],
            self.count[keep], self.level[keep], self.trend[keep],
        )  # fmt: skip


class Wave(NamedTuple):
    """The wave of 24 h of a series.

    Parameters
    ----------
    amplitude : float
        Half of the way from lowest to highest [unit of x].
    hour : float
        Hour of the maximum after the start of the grid's day, 0 to 24 [h].
    r2 : float
        Share of the variance within days that the 24 h wave explains [1].
    amplitude_12h, hour_12h : float
        The same of the 12 h wave, hour 0 to 12.
    r2_12h : float
        Share that the 12 h wave explains beside it [1].
    days : int
    n : int
        Values.
    amplitude_se, hour_se : float
        Standard errors by the block jackknife; NaN below six days.
    level : float
        Mean of the days' levels [unit of x].
    """

    amplitude: float
    hour: float
    r2: float
    amplitude_12h: float
    hour_12h: float
    r2_12h: float
    days: int
    n: int
    amplitude_se: float
    hour_se: float
    level: float


def wrap(hours: ArrayLike, period: float = 24.0) -> Array:
    """Hours wrapped to -period/2 (left out) to period/2 (included)."""
    h = np.asarray(hours, dtype=float)
    out: Array = period / 2 - (period / 2 - h) % period
    return out


def circular_mean(hours: ArrayLike, period: float = 24.0) -> float:
    """Mean of hours on the circle, 0 to `period`: the mean of 23 and 1 is 0, not 12."""
    angle = 2 * np.pi * np.asarray(hours, dtype=float) / period
    return float(np.angle(np.exp(1j * angle).mean()) / (2 * np.pi) * period % period)


def covered_days(coverage: float, slots: int, *series: ArrayLike, keep: Mask | None = None) -> Mask:
    """Days on which every series has at least `coverage` of its slots; shape (days,)."""
    out: Mask | None = keep
    for x in series:
        enough = ~rounding.below(np.isfinite(as_days(x, slots)).sum(1), max(coverage * slots, 1))
        out = enough if out is None else out & enough
    assert out is not None
    return out


def moments(x: ArrayLike, slots: int, use: Mask, offset_h: float = 0.0) -> Moments:
    """Moments of the days used, the trend between days taken out.

    Parameters
    ----------
    x : array_like, shape (days * slots,)
        Regular series, NaN where missing [any unit].
    slots : int
        Values a day; at least 6 for a wave of 12 h beside one of 24 h.
    use : ndarray of bool, shape (days,)
    offset_h : float
        Middle of what a value stands for, after the start of its slot [h].
    """
    days = np.flatnonzero(use)
    table = as_days(x, slots)[days]
    present = np.isfinite(table)
    mask = present.astype(float)
    count = np.maximum(mask.sum(1), 1.0)
    phase = 2 * np.pi * ((np.arange(slots) + 0.0) / slots + offset_h / 24.0)
    noon = (np.arange(slots) + 0.5) / slots - 0.5
    terms = np.stack([np.cos(phase), np.sin(phase), np.cos(2 * phase), np.sin(2 * phase), noon], axis=-1)
    filled = np.where(present, table, 0.0)
    level = filled.sum(1) / count
    filled = np.where(present, table - level[:, None], 0.0)
    mid = mask @ terms / count[:, None]
    width = terms.shape[1]
    products = (terms[:, :, None] * terms[:, None, :]).reshape(slots, -1)
    normal = (mask @ products).reshape(-1, width, width)
    normal -= count[:, None, None] * mid[:, :, None] * mid[:, None, :]
    right = filled @ terms
    square = (filled * filled).sum(1)
    trend, flat = np.zeros(days.size), level
    for _ in range(_ROUNDS):
        found = _solve(normal[:, :4, :4].sum(0), (right[:, :4] - trend[:, None] * normal[:, :4, 4]).sum(0))
        flat = level - mid[:, :4] @ found - mid[:, 4] * trend
        trend = _slopes(days, flat)
    return Moments(
        days,
        normal[:, :4, :4],
        right[:, :4] - trend[:, None] * normal[:, :4, 4],
        square - 2 * trend * right[:, 4] + trend**2 * normal[:, 4, 4],
        mask.sum(1),
        flat,
        trend,
    )


def _slopes(days: NDArray[np.int64], level: Array) -> Array:
    """Trend of each day [unit/d] between the used days before and after it, at most 3 days away."""
    if days.size < 2:
        return np.zeros(days.size)
    index = np.arange(days.size)
    before, after = np.maximum(index - 1, 0), np.minimum(index + 1, days.size - 1)
    before = np.where(days - days[before] <= NEAR_DAYS, before, index)
    after = np.where(days[after] - days <= NEAR_DAYS, after, index)
    apart = days[after] - days[before]
    return np.divide(level[after] - level[before], apart, out=np.zeros(days.size), where=apart > 0)


def _solve(normal: Array, right: Array) -> Array:
    """Coefficients of the wave; zero where the terms cannot be told apart."""
    size = np.trace(normal, axis1=-2, axis2=-1)[..., None, None]
    steady = normal + (1e-13 * size + 1e-300) * np.eye(normal.shape[-1])
    out: Array = np.linalg.solve(steady, right[..., None])[..., 0]
    return out


def _blocks(m: Moments) -> tuple[Array, Array]:
    """Normal equations of the whole, then without each of the blocks; (1 + q, 4, 4) and (1 + q, 4)."""
    edges = np.linspace(0, m.days.size, BLOCKS + 1).astype(int)[:-1]
    if m.days.size < BLOCKS:
        return m.normal.sum(0)[None], m.right.sum(0)[None]
    parts = np.add.reduceat(m.normal, edges, axis=0), np.add.reduceat(m.right, edges, axis=0)
    whole = parts[0].sum(0), parts[1].sum(0)
    return (
        np.concatenate([whole[0][None], whole[0] - parts[0]]),
        np.concatenate([whole[1][None], whole[1] - parts[1]]),
    )


def phasors(m: Moments) -> Array:
    """Complex amplitude of 24 h, whole and without each block; its angle is the phase of the maximum."""
    solved = _solve(*_blocks(m))
    return solved[:, 0] + 1j * solved[:, 1]


def wave(m: Moments) -> Wave:
    """The wave of moments; NaN where no day is used."""
    nan = float("nan")
    if not m.days.size:
        return Wave(nan, nan, nan, nan, nan, nan, 0, 0, nan, nan, nan)
    z = phasors(m)
    half = _solve(m.normal.sum(0), m.right.sum(0))
    second = complex(half[2], half[3])
    total = float(m.square.sum())

    def explained(k: int) -> float:
        part = m.right.sum(0)[:k]
        return float(part @ _solve(m.normal.sum(0)[:k, :k], part)) / total if total > 0 else 0.0

    first = min(max(explained(2), 0.0), 1.0)
    several = z.size > 1
    return Wave(
        amplitude=float(abs(z[0])),
        hour=float(np.angle(z[0]) * 12 / np.pi % 24),
        r2=first,
        amplitude_12h=abs(second),
        hour_12h=float(np.angle(second) * 6 / np.pi % 12),
        r2_12h=min(max(explained(4) - first, 0.0), 1.0),
        days=int(m.days.size),
        n=int(m.count.sum()),
        amplitude_se=float(jackknife_se(np.abs(z[1:]))) if several else nan,
        hour_se=float(jackknife_se(phase_hours(z[1:], z[0]))) if several else nan,
        level=float(m.level.mean()),
    )


def fit_wave(x: ArrayLike, slots: int, offset_h: float = 0.0, keep: Mask | None = None) -> Wave:
    """Wave of one series; days with 75 % of their slots, or 50 % when too few have 75 %.

    Parameters
    ----------
    x : array_like, shape (days * slots,)
        Regular series, NaN where missing [any unit].
    slots : int
    offset_h : float
        Middle of what a value stands for, after the start of its slot [h].
    keep : ndarray of bool, shape (days,), optional
        Days that may be used.
    """
    use = covered_days(DAY_COVERAGE, slots, x, keep=keep)
    if use.sum() < MIN_DAYS:
        use = covered_days(SPARSE_COVERAGE, slots, x, keep=keep)
    return wave(moments(x, slots, use, offset_h))


def phase_hours(z: Array, centre: complex) -> Array:
    """Phase of z after that of `centre` [h]."""
    out: Array = np.angle(z * np.conj(centre)) * 12 / np.pi
    return out
