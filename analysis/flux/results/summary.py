"""Means over time with intervals that know what averages out and what does not. Equation P7."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from soilco2.analysis import rounding
from soilco2.analysis.flux.methods.propagate import Z95
from soilco2.analysis.flux.records import Fluxes

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Means:
    """Mean efflux of each period.

    Parameters
    ----------
    start_us : ndarray of int64 (p,)
        Start of the period [µs UTC].
    value, lower, upper : ndarray (p,)
        Mean of the answered times and its 95 % interval [umol m-2 s-1]; NaN where too few were answered.
    answered, asked : ndarray of int (p,)
    lasting_sd, random_sd : ndarray (p,)
        The two parts of the error: what stays (calibration, porosity, model) and what averages out.
    """

    start_us: NDArray[np.int64]
    value: Array
    lower: Array
    upper: Array
    answered: NDArray[np.intp]
    asked: NDArray[np.intp]
    lasting_sd: Array
    random_sd: Array


def means(fluxes: Fluxes, period_us: int, least_share: float = 0.5, offset_us: int = 0) -> Means:
    """Means over periods, Eq. P7.

    A lasting error moves all times of a period together: its signed effects are averaged before they are
    squared. Noise is independent from time to time: its variance is divided by the number of times. Both are counted on
    either side with that side's own size, so a mean's limits never lie further out than the mean of the limits.

    Parameters
    ----------
    fluxes : Fluxes
    period_us : int
        Length of a period [µs], such as a day.
    least_share : float
        A period answered for less than this share of its times gets no mean.
    offset_us : int
        Start of the periods after 1970-01-01T00:00Z [µs], such as minus the offset of the local time.
    """
    slot = (fluxes.time_us - offset_us) // period_us
    periods, index = np.unique(slot, return_inverse=True)
    good = np.isfinite(fluxes.efflux)
    n = np.bincount(index[good], minlength=len(periods))
    asked = np.bincount(index, minlength=len(periods))

    def mean(values: Array) -> Array:
        total = np.bincount(index[good], values[good], len(periods))
        return np.asarray(np.divide(total, n, out=np.full(len(periods), np.nan), where=n > 0))

    value = mean(fluxes.efflux)
    sides = []
    for skew, own in (
        (fluxes.skew_below, fluxes.method_below),
        (fluxes.skew_above, fluxes.method_above),
    ):
        lasting = np.nan_to_num(mean(own)) ** 2
        for effect in fluxes.persistent.values():
            lasting += np.nan_to_num(mean(effect * skew)) ** 2
        sides.append((lasting, mean((fluxes.random_sd * skew) ** 2) / np.maximum(n, 1)))
    below, above = (Z95 * np.sqrt(lasting + random) for lasting, random in sides)
    enough = ~rounding.below(n, np.maximum(1, least_share * asked))
    value = np.where(enough, value, np.nan)
    return Means(
        periods * period_us + offset_us,
        value,
        value - below,
        value + above,
        n,
        asked,
        np.sqrt((sides[0][0] + sides[1][0]) / 2.0),
        np.sqrt((sides[0][1] + sides[1][1]) / 2.0),
    )
