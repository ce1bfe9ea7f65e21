"""The profile as a whole: mean course with depth, gradients that turn, and how fast diffusion could carry a signal.

A signal needs about z^2/(2 Ds) to diffuse over a distance z (Crank 1975, *The Mathematics of Diffusion*, section 2.1;
mean square displacement 2 Ds t). Ds of soil air is near 3e-6 m2/s in dry sand and ten times smaller in wet; a lag far
beyond the slower of the two is not diffusion.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from soilco2.analysis.definitions import MIN_N_EFF
from soilco2.analysis.statistics.effective_sample_size import effective_number
from soilco2.analysis.statistics.intervals import Interval, block_sums, jackknife

Array = NDArray[np.float64]

DS_DRY: Final = 3e-6
DS_WET: Final = 3e-7
"""Diffusivity of CO2 in the air of dry and of wet sand [m2/s]."""


class Level(NamedTuple):
    """A mean, or a share of the time, of an autocorrelated record.

    Parameters
    ----------
    value, lower, upper : float
        With 95 % interval; the interval is NaN below an effective number of 10 and where nothing varies.
    n : int
    n_eff : float
    """

    value: float
    lower: float
    upper: float
    n: int
    n_eff: float


def diffusion_hours(distance_m: float, diffusivity: float) -> float:
    """Hours a signal needs to diffuse over a distance [m] with Ds [m2/s]; 0.46 h for 10 cm and 3e-6 m2/s."""
    return distance_m**2 / (2 * diffusivity) / 3600


def mean_level(x: ArrayLike) -> Level:
    """Mean of a regular record with gaps, with a block-jackknife interval.

    Parameters
    ----------
    x : array_like, shape (n,)
        NaN where missing [any unit].
    """
    v = np.asarray(x, dtype=float)
    good = v[np.isfinite(v)]
    nan = math.nan
    if good.size < 12:
        return Level(float(good.mean()) if good.size else nan, nan, nan, good.size, nan)
    n_eff = effective_number(v).n_eff if np.ptp(good) > 0 else nan
    centre = float(good.mean())
    sums = block_sums(np.stack([np.ones_like(good), good - centre], axis=-1))
    found = jackknife(
        sums, lambda t: t[..., 1] / t[..., 0], n_eff=n_eff if math.isfinite(n_eff) else math.inf
    )
    return _level(
        Interval(centre + found.value, centre + found.lower, centre + found.upper, found.se), good.size, n_eff
    )


def share_of_time(holds: ArrayLike) -> Level:
    """Share of the times at which something holds, on the logit scale.

    Parameters
    ----------
    holds : array_like, shape (n,)
        1 where it holds, 0 where not, NaN where not known.
    """
    v = np.asarray(holds, dtype=float)
    good = v[np.isfinite(v)]
    nan = math.nan
    share = float(good.mean()) if good.size else nan
    if good.size < 12 or share in (0.0, 1.0):
        return Level(share, nan, nan, good.size, nan)
    n_eff = effective_number(v).n_eff
    sums = block_sums(np.stack([np.ones_like(good), good], axis=-1))

    def logit(p: Array) -> Array:
        return np.asarray(np.log(p / (1 - p)))

    def part(t: Array) -> Array:
        # Half a case on either side keeps a block that never or always holds from an infinite logit.
        return np.asarray((t[..., 1] + 0.5) / (t[..., 0] + 1.0))

    found = jackknife(sums, part, forward=logit, back=lambda z: 1 / (1 + np.exp(-z)), n_eff=n_eff)
    return _level(found._replace(value=share), good.size, n_eff)


def _level(found: Interval, n: int, n_eff: float) -> Level:
    if not n_eff >= MIN_N_EFF:
        return Level(found.value, math.nan, math.nan, n, n_eff)
    return Level(found.value, found.lower, found.upper, n, n_eff)


def reversals(upper: ArrayLike, lower: ArrayLike) -> Array:
    """1 where the lower probe reads less than the upper one, 0 where more, NaN where either is missing."""
    a, b = np.asarray(upper, dtype=float), np.asarray(lower, dtype=float)
    both = np.isfinite(a) & np.isfinite(b)
    return np.where(both, (b < a).astype(float), np.nan)


def rate_of_change(x: ArrayLike, step_h: float) -> Array:
    """Centred rate of change [unit per h], NaN where a neighbour is missing; shape of `x`."""
    v = np.asarray(x, dtype=float)
    out = np.full(v.shape, np.nan)
    if v.size > 2:
        out[1:-1] = (v[2:] - v[:-2]) / (2 * step_h)
    return out
