"""Surrogates: what correlation would chance give two series with just this memory and this daily cycle?

Day shifts
    One series is rolled round by whole days against the other, by every number of days from 0 to N - 1, and
    p is the share of shifts (the true position included) whose statistic is at least as large. Both memories
    and the daily cycle they share are kept, so only what is tied to the very day counts. All shifts are used:
    leaving the near ones out, as is often advised, leaves shifts that resemble each other more than the
    true position resembles them, and rejects too often. p cannot fall below 1/N. A record that
    must keep 10 days between has 11 shifts in a month, and could not give p below 0.08.

Phases
    Ebisuzaki (1997), https://doi.org/10.1175/1520-0442(1997)010<2147:AMTETS>2.0.CO;2: a gap-free series keeps
    the size of its Fourier terms and gets random phases.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import fft

from soilco2.analysis import rounding
from soilco2.analysis.errors import DataError
from soilco2.analysis.frames.scales import as_days
from soilco2.analysis.statistics.correlation import correlation
from soilco2.station_config.message import Message

Array = NDArray[np.float64]


class Surrogate(NamedTuple):
    """A surrogate test: the statistic, its p, and how many surrogates stand behind it."""

    r: float
    p: float
    shifts: int


def shifted_correlations(x: ArrayLike, y: ArrayLike, slots: int) -> Array:
    """r of x with y rolled round by 0 to N - 1 whole days, gaps left empty; shape (days,).

    By FFT over the days, one transform for each sum, all shifts at once.
    """
    X, Y = as_days(x, slots), as_days(y, slots)
    mx, my = np.isfinite(X), np.isfinite(Y)
    X = np.where(mx, X - (X[mx].mean() if mx.any() else 0.0), 0.0)
    Y = np.where(my, Y - (Y[my].mean() if my.any() else 0.0), 0.0)
    a, b = mx.astype(float), my.astype(float)

    def rolled(f: Array, g: Array) -> Array:
        spectrum = (fft.rfft(f, axis=0) * fft.rfft(g, axis=0).conj()).sum(1)
        return np.asarray(fft.irfft(spectrum, X.shape[0]))

    n = np.maximum(np.rint(rolled(a, b)), 0.0)
    m = np.maximum(n, 1.0)
    sx, sy = rolled(X, b), rolled(a, Y)
    vx = rolled(X * X, b) - sx * sx / m
    vy = rolled(a, Y * Y) - sy * sy / m
    floor = 1e-12 * max(float((X * X).sum()), 1e-300), 1e-12 * max(float((Y * Y).sum()), 1e-300)
    good = (n >= slots) & (vx > floor[0]) & (vy > floor[1])
    norm = np.sqrt(np.where(good, vx, 1.0)) * np.sqrt(np.where(good, vy, 1.0))
    return np.where(good, np.clip((rolled(X, Y) - sx * sy / m) / norm, -1, 1), np.nan)


def day_shift_test(x: ArrayLike, y: ArrayLike, slots: int) -> Surrogate:
    """Day-shift surrogate test of r.

    Parameters
    ----------
    x, y : array_like, shape (days * slots,)
        Regular series, NaN where missing, free of the season [any unit].
    slots : int
        Values a day; 1 for daily values.

    Returns
    -------
    Surrogate
        p is NaN when the statistic itself cannot be had.
    """
    r = shifted_correlations(x, y, slots)
    present = r[np.isfinite(r)]
    if not np.isfinite(r[0]):
        return Surrogate(float("nan"), float("nan"), int(present.size))
    p = float((~rounding.below(np.abs(present), abs(r[0]), 1.0)).mean())
    return Surrogate(float(r[0]), p, int(present.size))


def phase_test(x: ArrayLike, y: ArrayLike, draws: int, rng: np.random.Generator) -> Surrogate:
    """Phase-randomised surrogate test of r for series without gaps.

    Parameters
    ----------
    x, y : array_like, shape (n,)
        [any unit]
    draws : int
    rng : numpy.random.Generator

    Raises
    ------
    DataError
        When a value is missing.
    """
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise DataError(
            Message("phase surrogates need series without gaps: use day shifts, or a stretch without gaps")
        )
    r = float(correlation(x, y))
    n = x.size
    fx, fy = fft.rfft(x - x.mean()), fft.rfft(y - y.mean())
    cross = np.abs(fx * fy)
    weight = np.full(cross.size, 2.0)
    weight[0] = 0.0
    if n % 2 == 0:
        weight[-1] = 1.0
    norm = np.sqrt((weight * np.abs(fx) ** 2).sum() * (weight * np.abs(fy) ** 2).sum())
    if norm == 0 or not np.isfinite(r):
        return Surrogate(float("nan"), float("nan"), 0)
    exceed = 0
    for first in range(0, draws, 128):
        size = min(128, draws - first)
        phase = rng.uniform(0, 2 * np.pi, (size, cross.size))
        exceed += int((~rounding.below(np.abs(np.cos(phase) @ (weight * cross)) / norm, abs(r), 1.0)).sum())
    return Surrogate(r, (1 + exceed) / (1 + draws), draws)
