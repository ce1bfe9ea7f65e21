"""How many hours CO2 comes after its driver: phase of the daily wave, cross-correlation, and the loop they draw.

Cross-correlation
    r(L) = corr(CO2(t), driver(t - L)) of the values less their centred 24 h mean, L from -12 to 12 h, gaps left
    empty. Its p takes the largest |r| over all L in every day shift too
    (:mod:`soilco2.analysis.statistics.surrogates`), so that looking at 49 lags costs what it should.

Loop
    Mean day of driver (x) and CO2 (y), level and trend of each day taken out, smoothed to waves of 24, 12, 8 and
    6 h, each axis scaled 0 to 1; signed area A = 1/2 closed integral of (x dy - y dx), positive anticlockwise. For
    two sines A = (pi/4) sin(2 pi L/24).

The sign of both is that of :mod:`soilco2.analysis.definitions`: positive when CO2 comes after the driver.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import fft

from soilco2.analysis import rounding
from soilco2.analysis.definitions import BLOCKS, DAY_COVERAGE, MIN_AMPLITUDE_STEPS, MIN_DAYS, MIN_HARMONIC_R2
from soilco2.analysis.frames.scales import as_days
from soilco2.analysis.refusals import Refusal
from soilco2.analysis.statistics.diel import (
    SPARSE_COVERAGE,
    Moments,
    Wave,
    covered_days,
    moments,
    phase_hours,
    phasors,
    wave,
    wrap,
)
from soilco2.analysis.statistics.intervals import jackknife_se, t_quantile

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

WAVES: Final = 4
"""Waves kept in a loop: 24, 12, 8 and 6 h."""
_FINE = 240


class CrossCorrelation(NamedTuple):
    """Correlation against lag.

    Parameters
    ----------
    lag_h : ndarray, shape (m,)
        Hours by which y comes after x, -12 to 12 [h].
    r : ndarray, shape (m,)
        [1]; NaN where too few pairs.
    peak_h, peak : float
        Where |r| is largest, by a parabola through three lags, and r there.
    r_zero : float
        r at the lag nearest to zero.
    max_h, r_max, min_h, r_min : float
        Largest and smallest r and their lags.
    p : float
        Share of day shifts whose largest |r| over all lags is at least as large.
    shifts : int
    n : int
        Pairs at the lag nearest to zero.
    """

    lag_h: Array
    r: Array
    peak_h: float
    peak: float
    r_zero: float
    max_h: float
    r_max: float
    min_h: float
    r_min: float
    p: float
    shifts: int
    n: int


def rolled_correlations(x: ArrayLike, y: ArrayLike) -> tuple[Array, Array]:
    """r of x(t) with y(t + k), y rolled round by every k from 0 to n - 1, gaps left empty; and pairs of each.

    By FFT, one transform for each sum, all k at once; shape (n,).
    """
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    n = x.size
    mx, my = np.isfinite(x), np.isfinite(y)
    zx = np.where(mx, x - (x[mx].mean() if mx.any() else 0.0), 0.0)
    zy = np.where(my, y - (y[my].mean() if my.any() else 0.0), 0.0)
    f = [fft.rfft(v) for v in (mx.astype(float), zx, zx * zx, my.astype(float), zy, zy * zy)]

    def rolled(a: int, b: int) -> Array:
        return np.asarray(fft.irfft(f[a].conj() * f[b], n))

    count = np.maximum(np.rint(rolled(0, 3)), 0.0)
    m = np.maximum(count, 1.0)
    sx, sy = rolled(1, 3), rolled(0, 4)
    vx, vy = rolled(2, 3) - sx * sx / m, rolled(0, 5) - sy * sy / m
    floor = 1e-10 * max(float((zx * zx).sum()), 1e-300), 1e-10 * max(float((zy * zy).sum()), 1e-300)
    good = (vx > floor[0]) & (vy > floor[1])
    norm = np.sqrt(np.where(good, vx, 1.0)) * np.sqrt(np.where(good, vy, 1.0))
    return np.where(good, np.clip((rolled(1, 4) - sx * sy / m) / norm, -1, 1), np.nan), count


def cross_correlation(x: ArrayLike, y: ArrayLike, slots: int, offset_h: float = 0.0) -> CrossCorrelation:
    """Correlation of y with an earlier or later x, and its surrogate test.

    Parameters
    ----------
    x, y : array_like, shape (days * slots,)
        Driver and CO2 less their centred 24 h mean (:func:`soilco2.analysis.frames.scales.within_day`), NaN
        where missing.
    slots : int
        Values a day.
    offset_h : float
        By how much a value of y stands for a later moment of its slot than one of x [h].

    Returns
    -------
    CrossCorrelation
        NaN throughout when fewer than a day of pairs is there.
    """
    empty = np.full(slots, np.nan)
    r, count = rolled_correlations(
        np.r_[as_days(x, slots).ravel(), empty], np.r_[as_days(y, slots).ravel(), empty]
    )
    r = np.where(count >= slots, r, np.nan)
    half = slots // 2
    steps = np.arange(-half, half + 1)
    shifts = np.arange(0, r.size, slots)
    table = r[(shifts[:, None] + steps) % r.size]
    lag_h = steps * 24.0 / slots + offset_h
    curve = table[0]
    nan = float("nan")
    if not np.isfinite(curve).any():
        return CrossCorrelation(lag_h, curve, nan, nan, nan, nan, nan, nan, nan, nan, 0, int(count[0]))
    known = np.isfinite(table).any(1)
    size = np.nanmax(np.abs(table[known]), axis=1)
    top, bottom = _turning(lag_h, curve), _turning(lag_h, -curve)
    peak = (bottom[0], -bottom[1]) if rounding.below(top[1], bottom[1]) else top
    return CrossCorrelation(
        lag_h, curve, *peak, float(curve[half]), *top, bottom[0], -bottom[1],
        float((~rounding.below(size, size[0], 1.0)).mean()), int(size.size), int(count[0]),
    )  # fmt: skip


def _turning(lag_h: Array, r: Array) -> tuple[float, float]:
    """Lag and value of the largest r, by a parabola through it and its neighbours."""
    best = rounding.first_largest(r)
    near = r[max(best - 1, 0) : best + 2]
    if near.size < 3 or not np.isfinite(near).all():
        return float(lag_h[best]), float(r[best])
    bend = near[0] - 2 * near[1] + near[2]
    if not rounding.below(bend, 0.0, 1.0):
        return float(lag_h[best]), float(r[best])
    part = 0.5 * (near[0] - near[2]) / bend
    step = float(lag_h[1] - lag_h[0])
    return float(lag_h[best] + part * step), float(min(near[1] - 0.25 * (near[0] - near[2]) * part, 1.0))


class Loop(NamedTuple):
    """The loop of a mean day.

    Parameters
    ----------
    area : float
        Signed area of the curve scaled 0 to 1 [1]; NaN when withheld.
    lower, upper : float
        95 % interval [1].
    crossings : int
        Times the loop crosses itself; 1 is a figure of eight.
    x, y : ndarray, shape (slots,)
        Mean day of driver and CO2, mean level added [their units].
    days : int
    refusal : Refusal or None
    """

    area: float
    lower: float
    upper: float
    crossings: int
    x: Array
    y: Array
    days: int
    refusal: Refusal | None


def loop(
    x: ArrayLike,
    y: ArrayLike,
    slots: int,
    *,
    keep: Mask | None = None,
    min_days: int = MIN_DAYS,
) -> Loop:
    """Signed loop area of the mean day.

    Parameters
    ----------
    x, y : array_like, shape (days * slots,)
        Driver and CO2: regular series, NaN where missing [any unit].
    slots : int
        Values a day.
    keep : ndarray of bool, shape (days,), optional
        Days that may be used.
    min_days : int

    Returns
    -------
    Loop
        Refused below `min_days` days and where an hour of the day was never measured. That both waves are there
        at all is for :func:`soilco2.analysis.statistics.lag.lag` to say.
    """
    nan = float("nan")
    least = max(min_days, BLOCKS)
    use = covered_days(DAY_COVERAGE, slots, x, y)
    if (use if keep is None else use & keep).sum() < least:
        use = covered_days(SPARSE_COVERAGE, slots, x, y)
    chosen = np.ones(int(use.sum()), bool) if keep is None else keep[use]
    days = int(chosen.sum())
    none = Loop(nan, nan, nan, 0, np.full(slots, nan), np.full(slots, nan), days, None)
    if days < least:
        return none._replace(refusal=Refusal("days", {"days": days, "least": least}))
    whole = [moments(v, slots, use).only(chosen) for v in (x, y)]
    courses = [_course_sums(v, slots, m) for v, m in zip((x, y), whole, strict=True)]
    total = [s[0] for s in courses]
    never = int((total[0][0] * total[1][0] < 1).sum())
    if never:
        return none._replace(refusal=Refusal("hours", {"n": round(24 / slots * never, 1)}))
    means = [s / c for c, s in total]
    levels = [float(m.level.mean()) for m in whole]
    if min(float(np.ptp(v)) for v in means) <= 1e-9 * max(1.0, *(abs(v) for v in levels)):
        name = (
            "CO2" if rounding.above(np.ptp(means[0]), np.ptp(means[1]), max(map(abs, levels))) else "driver"
        )
        return none._replace(refusal=Refusal("constant", {"name": name}))
    area = loop_area(*means)
    without = []
    for k in range(BLOCKS):
        part = [s[1 + k] for s in courses]
        if min(float(count.min()) for count, _ in part) >= 1:
            without.append(loop_area(*(s / c for c, s in part)))
    reach = t_quantile(BLOCKS - 1) * float(jackknife_se(np.array(without))) if len(without) == BLOCKS else nan
    return none._replace(
        area=area, lower=area - reach, upper=area + reach, crossings=crossings(*means),
        x=means[0] + levels[0], y=means[1] + levels[1],
    )  # fmt: skip


def _course_sums(x: ArrayLike, slots: int, m: Moments) -> list[tuple[Array, Array]]:
    """Counts and sums by slot of what is left of each day less its level and trend: whole, without each block."""
    noon = (np.arange(slots) + 0.5) / slots - 0.5
    table = as_days(x, slots)[m.days] - m.level[:, None] - m.trend[:, None] * noon
    count = np.isfinite(table).astype(float)
    total = np.where(count > 0, table, 0.0)
    edges = np.linspace(0, m.days.size, BLOCKS + 1).astype(int)[:-1]
    parts = np.add.reduceat(count, edges, axis=0), np.add.reduceat(total, edges, axis=0)
    whole = parts[0].sum(0), parts[1].sum(0)
    return [whole, *((whole[0] - c, whole[1] - s) for c, s in zip(*parts, strict=True))]


def loop_area(x: ArrayLike, y: ArrayLike) -> float:
    """Signed area of the smoothed closed curve through the points of a mean day, each axis scaled 0 to 1.

    Parameters
    ----------
    x, y : array_like, shape (slots,)
        Driver and CO2 at equal steps through the day [any unit].
    """
    p = scaled_curve(x, y)
    f, g = fft.fft(p.real) / p.size, fft.fft(p.imag) / p.size
    k = fft.fftfreq(p.size, 1 / p.size)
    # Closed integral of x dy, exact for a curve of few waves.
    return float(2 * np.pi * (k * (f * g.conj()).imag).sum())


def scaled_curve(x: ArrayLike, y: ArrayLike) -> NDArray[np.complex128]:
    """The loop as x + iy at 240 points, smoothed to waves of 24, 12, 8 and 6 h, each axis scaled 0 to 1."""
    parts = []
    for v in (np.asarray(x, dtype=float), np.asarray(y, dtype=float)):
        f = fft.rfft(v)
        f[0] = 0.0
        f[WAVES + 1 :] = 0.0
        if v.size <= 2 * WAVES:
            f[-1] *= 0.5
        smooth = fft.irfft(f, _FINE)
        parts.append((smooth - smooth.min()) / (np.ptp(smooth) or 1.0))
    return np.asarray(parts[0] + 1j * parts[1])


def crossings(x: ArrayLike, y: ArrayLike) -> int:
    """How often the smoothed closed curve crosses itself."""
    p = scaled_curve(x, y)
    q = np.roll(p, -1)

    def side(a: NDArray[np.complex128], b: NDArray[np.complex128], c: NDArray[np.complex128]) -> Array:
        return np.where(((b - a) * np.conj(c - a)).imag > 1e-9, 1.0, -1.0)

    P, Q = p[:, None], q[:, None]
    apart = (side(P, Q, p) * side(P, Q, q) < 0) & (side(p, q, P) * side(p, q, Q) < 0)
    step = np.abs(np.subtract.outer(np.arange(_FINE), np.arange(_FINE)))
    return int(np.triu(apart & (step > 1) & (step < _FINE - 1)).sum())


def lag(
    x: ArrayLike,
    y: ArrayLike,
    slots: int,
    *,
    offsets_h: tuple[float, float] = (0.0, 0.0),
    steps: tuple[float, float] = (0.0, 0.0),
    names: tuple[str, str] = ("x", "y"),
    keep: Mask | None = None,
    min_days: int = MIN_DAYS,
) -> Lag:
    """Hours by which the daily wave of y comes after that of x.

    Parameters
    ----------
    x, y : array_like, shape (days * slots,)
        Driver and CO2: regular series, NaN where missing [any unit].
    slots : int
        Values a day.
    offsets_h : tuple of float
        Middle of what a value stands for, after the start of its slot, of x and y [h].
    steps : tuple of float
        Resolution of x and y [their units].
    names : tuple of str
        What x and y are, for the reasons.
    keep : ndarray of bool, shape (days,), optional
        Days that may be used.
    min_days : int

    Returns
    -------
    Lag
        Refused below `min_days` days, where a 24 h wave explains less than 0.3 of the variance within days or
        is smaller than three steps of the resolution, in either series, and where the interval would be wider than
        6 h either way.
    """
    nan = float("nan")
    least = max(min_days, BLOCKS)
    coverage = DAY_COVERAGE
    use = covered_days(coverage, slots, x, y)
    if (use if keep is None else use & keep).sum() < least:
        coverage = SPARSE_COVERAGE
        use = covered_days(coverage, slots, x, y)
    chosen = np.ones(int(use.sum()), bool) if keep is None else keep[use]
    days = int(chosen.sum())
    none = Lag(nan, nan, nan, nan, None, None, days, coverage, None)
    if days < least:
        return none._replace(refusal=Refusal("days", {"days": days, "least": least}))
    pair = [moments(v, slots, use, o).only(chosen) for v, o in zip((x, y), offsets_h, strict=True)]
    waves = [wave(m) for m in pair]
    none = none._replace(x=waves[0], y=waves[1])
    for found, step, name in zip(waves, steps, names, strict=True):
        if not rounding.above(found.amplitude, MIN_AMPLITUDE_STEPS * step, abs(found.level)):
            return none._replace(refusal=Refusal("amplitude", {"name": name, "amplitude": found.amplitude}))
        if found.r2 < MIN_HARMONIC_R2:
            return none._replace(refusal=Refusal("harmonic", {"name": name, "r2": found.r2}))
    turned = phasors(pair[1]) * np.conj(phasors(pair[0]))
    hours = float(wrap(np.angle(turned[0]) * 12 / np.pi))
    se = float(jackknife_se(phase_hours(turned[1:], turned[0])))
    reach = t_quantile(BLOCKS - 1) * se
    if not reach <= WIDEST_LAG_H:
        return none._replace(refusal=Refusal("phase_open", {"reach": min(reach, 99.0)}))
    return none._replace(hours=hours, lower=hours - reach, upper=hours + reach, se=se)


WIDEST_LAG_H: Final = 6.0
"""Half width of an interval beyond which the phase is not determined [h]."""


class Lag(NamedTuple):
    """How many hours y comes after x.

    Parameters
    ----------
    hours : float
        -12 to 12 [h]; NaN when withheld.
    lower, upper : float
        95 % interval [h]; may reach beyond 12 on either side, which is the same hour a day on.
    se : float
        Standard error [h].
    x, y : Wave or None
    days : int
        Days used, the same for both.
    coverage : float
        Share of a day that was asked for [1].
    refusal : Refusal or None
    """

    hours: float
    lower: float
    upper: float
    se: float
    x: Wave | None
    y: Wave | None
    days: int
    coverage: float
    refusal: Refusal | None
