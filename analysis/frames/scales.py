"""The three time scales: within the day, from day to day, through the season (:mod:`soilco2.analysis.definitions`).

All functions take a regular series whose length is a whole number of days, `slots` values a day, NaN where
missing, and never fill a gap.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from soilco2.analysis import rounding
from soilco2.analysis.definitions import DAY_COVERAGE, SYNOPTIC_DAYS
from soilco2.analysis.errors import DataError
from soilco2.station_config.message import Message

Array = NDArray[np.float64]


def as_days(x: ArrayLike, slots: int) -> Array:
    """The series as a table of days, shape (days, slots).

    Raises
    ------
    DataError
        When the length is not a whole number of days.
    """
    x = np.asarray(x, dtype=float)
    if slots < 1 or x.ndim != 1 or x.size % slots:
        raise DataError(
            Message(
                "a series of {count} values is not a whole number of days of {slots}: pad it with NaN",
                count=x.size,
                slots=slots,
            )
        )
    return x.reshape(-1, slots)


def running_mean(x: ArrayLike, weights: ArrayLike, coverage: float) -> Array:
    """Centred weighted mean of the values present, NaN where less than `coverage` of the weight is present.

    Parameters
    ----------
    x : array_like, shape (n,)
        [any unit]
    weights : array_like, shape (2 h + 1,)
        Symmetric weights [1].
    coverage : float
        Share of the weight that must be present [1].
    """
    x = np.asarray(x, dtype=float)
    w = np.asarray(weights, dtype=float)
    present = np.isfinite(x)
    if not present.any():
        return np.full(x.shape, np.nan)
    centre = x[present].mean()  # keeps the sums small
    half = w.size // 2
    from scipy.signal import fftconvolve

    total = fftconvolve(np.where(present, x - centre, 0.0), w)[half : half + x.size]
    weight = fftconvolve(present.astype(float), w)[half : half + x.size]
    enough = ~rounding.below(weight, coverage * w.sum())
    mean: Array = np.divide(total, weight, out=np.full(x.shape, np.nan), where=enough & (weight > 1e-9))
    return mean + centre


def day_window(slots: int) -> Array:
    """Weights of the centred 24 h mean; with an even number of slots the two ends count half."""
    if slots % 2:
        return np.ones(slots)
    w = np.ones(slots + 1)
    w[[0, -1]] = 0.5
    return w


def within_day(x: ArrayLike, slots: int) -> Array:
    """Value minus the centred 24 h mean, where 75 % of those 24 h are present; shape of `x`."""
    x = np.asarray(x, dtype=float)
    return x - running_mean(x, day_window(slots), DAY_COVERAGE)


def mean_day(x: ArrayLike, slots: int) -> Array:
    """Mean course of the day, shape (slots,); NaN at hours never measured."""
    days = as_days(x, slots)
    present = np.isfinite(days)
    count = present.sum(0)
    total = np.where(present, days, 0.0).sum(0)
    course: Array = np.divide(total, count, out=np.full(slots, np.nan), where=count > 0)
    return course


def without_mean_day(x: ArrayLike, slots: int) -> Array:
    """The series minus its mean course of the day; shape of `x`."""
    days = as_days(x, slots)
    rest: Array = (days - mean_day(x, slots)).reshape(-1)
    return rest


def daily_mean(x: ArrayLike, slots: int, coverage: float = DAY_COVERAGE) -> Array:
    """Daily means, shape (days,), NaN where less than `coverage` of the day is present.

    A day with missing hours would be biased by the hours it lacks, so the mean is taken of the departures
    from the mean course of the day; without gaps this is the plain mean.
    """
    days = as_days(x, slots)
    course = mean_day(x, slots)
    level = np.nanmean(course) if np.isfinite(course).any() else np.nan
    rest = days - course
    present = np.isfinite(rest)
    count = present.sum(1)
    total = np.where(present, rest, 0.0).sum(1)
    enough = ~rounding.below(count, max(coverage * slots, 1))
    mean: Array = np.divide(total, count, out=np.full(count.shape, np.nan), where=enough)
    return mean + level


def day_to_day(x: ArrayLike, slots: int, window: int = SYNOPTIC_DAYS) -> Array:
    """Daily mean minus the centred `window`-day mean of daily means, shape (days,); half must be present."""
    mean = daily_mean(x, slots)
    return mean - running_mean(mean, np.ones(window | 1), 0.5)
