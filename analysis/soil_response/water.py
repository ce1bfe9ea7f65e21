"""Water response, alone and together with temperature: slope, optimum, threshold, Q10 at a given water content.

All on daily means, by least squares of the models of :mod:`soilco2.analysis.statistics.regression`:

Slope
    c2 of R = (c1 + c2 W) exp(b (T - Tref)): change of R at 20 degC per unit of water content.
Optimum
    -c2/(2 c3) of R = (c1 + c2 W + c3 W^2) exp(b (T - Tref)), c3 < 0; given only inside the 5 to 95 % of the data.
Threshold
    W* of R = (c1 + c2 W + c3 max(W - W*, 0)) exp(b (T - Tref)): where the slope changes.
Q10 at a given water content
    exp(10 (b0 + b1 W)) of R = (c1 + c2 W + c3 W^2) exp((b0 + b1 W) (T - Tref)).

Intervals by the block jackknife (:mod:`soilco2.analysis.statistics.intervals`): the model is fitted again without
each of six blocks of days. Optimum and threshold have a profile instead, because a quotient and a kink do not
spread normally: all those between the 5 and 95 % of the data whose sum of squares stays below RSS (1 + F/(n_eff -
k)), F the 95 % quantile with 1 and n_eff - k degrees of freedom (Seber & Wild 1989,
https://doi.org/10.1002/0471725315, chapter 5).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from soilco2.analysis import rounding
from soilco2.analysis.definitions import BLOCKS, LEVEL, MIN_DAYS, MIN_N_EFF, MIN_T_RANGE, MIN_W_RANGE, T_REF
from soilco2.analysis.refusals import Refusal
from soilco2.analysis.statistics.correlation import constant
from soilco2.analysis.statistics.effective_sample_size import number_behind_fit
from soilco2.analysis.statistics.intervals import jackknife_se, memory_factor, t_quantile
from soilco2.analysis.statistics.regression import Fit, Model, fit, water_models

Array = NDArray[np.float64]
MIN_ROWS: Final = 4 * BLOCKS
BINS: Final = 10
PROFILE: Final = 61
"""Turning points tried for an interval."""


class Estimate(NamedTuple):
    """A number from a fitted model.

    Parameters
    ----------
    value : float
        NaN when withheld.
    lower, upper : float
        95 % interval; NaN when withheld.
    n : int
        Days.
    n_eff : float
        Effective number of what it rests on and of the residual.
    refusal : Refusal or None
    open_below, open_above : bool
        True where the interval reaches the 5 or 95 % of the data and ends there only because they do.
    """

    value: float
    lower: float
    upper: float
    n: int
    n_eff: float
    refusal: Refusal | None
    open_below: bool = False
    open_above: bool = False


class Days(NamedTuple):
    """Complete days: response, temperature, water, and which day each is; shape (n,)."""

    R: Array
    T: Array
    W: Array
    day: NDArray[np.int64]

    @property
    def low(self) -> float:
        """5 % of the water contents [m3/m3]."""
        return float(np.quantile(self.W, 0.05))

    @property
    def high(self) -> float:
        """95 % of the water contents [m3/m3]."""
        return float(np.quantile(self.W, 0.95))


def complete(response: ArrayLike, temperature: ArrayLike, water: ArrayLike) -> Days:
    """The days on which all three are there, from daily series with NaN."""
    R, T, W = (np.asarray(v, dtype=float) for v in (response, temperature, water))
    where = np.flatnonzero(np.isfinite(R) & np.isfinite(T) & np.isfinite(W))
    return Days(R[where], T[where], W[where], where)


def barred(days: Days) -> Refusal | None:
    """Why no water model is given: too few days, CO2 that does not change, too narrow a range of water."""
    if days.R.size < max(MIN_DAYS, MIN_ROWS):
        return Refusal("days", {"days": int(days.R.size), "least": max(MIN_DAYS, MIN_ROWS)})
    if constant(days.R):
        return Refusal("constant", {"name": "CO2"})
    if rounding.below(wide := days.high - days.low, MIN_W_RANGE):
        return Refusal("w_range", {"range": round(wide, 3)})
    return None


def model(days: Days, name: str) -> Model:
    """A model of :func:`soilco2.analysis.statistics.regression.water_models` by its name."""
    return next(m for m in water_models(days.low, days.high) if m.name == name)


def estimate(
    days: Days,
    name: str,
    quantity: Callable[[Model, Fit], float],
    driver: Array,
    back: Callable[[float], float] = float,
) -> Estimate:
    """A number from a model, with its block-jackknife interval.

    Parameters
    ----------
    days : Days
    name : str
        Of the model.
    quantity : callable
        From the fit to the number, on the scale on which it is nearly normal.
    driver : ndarray, shape (n,)
        What pulls at it: temperature or water; sets the effective number together with the residual.
    back : callable
        From that scale to the number told.
    """
    nan = float("nan")
    n = int(days.R.size)
    if (refusal := barred(days)) is not None:
        return Estimate(nan, nan, nan, n, nan, refusal)
    wanted = model(days, name)
    whole = fit(wanted, days.R, days.T, days.W)
    rest = days.R - wanted.predict(whole, days.T, days.W)
    n_eff = _n_eff(days, driver, rest)
    centre = quantity(wanted, whole)
    if whole.at_limit or not math.isfinite(centre):
        return Estimate(nan, nan, nan, n, n_eff, Refusal("no_fit"))
    answer = Estimate(back(centre), nan, nan, n, n_eff, None)
    if n_eff < MIN_N_EFF:
        return answer._replace(refusal=Refusal("n_eff", {"n_eff": round(n_eff, 1)}))
    edges = np.linspace(0, n, BLOCKS + 1).astype(int)
    without = []
    for first, last in itertools.pairwise(edges):
        kept = np.r_[0:first, last:n]
        part = fit(wanted, days.R[kept], days.T[kept], days.W[kept], whole.theta)
        without.append(quantity(wanted, part))
    if not np.isfinite(without).all():
        return answer._replace(refusal=Refusal("no_fit"))
    reach = t_quantile(BLOCKS - 1) * float(jackknife_se(without)) * memory_factor(n_eff)
    ends = sorted((back(centre - reach), back(centre + reach)))
    return answer._replace(lower=ends[0], upper=ends[1])


def _n_eff(days: Days, driver: Array, rest: Array) -> float:
    on_grid = np.full((2, int(days.day[-1]) + 1), np.nan)
    on_grid[:, days.day] = driver, rest
    return number_behind_fit(*on_grid)


def slope(days: Days) -> Estimate:
    """Change of R at 20 degC per unit of water content [unit of R per m3/m3]."""
    return estimate(days, "linear, exponential", lambda m, f: float(f.coefficients[1]), days.W)


def optimum(days: Days) -> Estimate:
    """Water content at which R is greatest at a given temperature [m3/m3], with its profile interval."""

    def top(f: Fit) -> float:
        _, c2, c3 = f.coefficients.tolist()
        return -c2 / (2 * c3) if c3 < 0 else math.inf

    def around(w: float, whole: Model) -> Model:
        return _fixed(
            whole,
            lambda p, T, W: (
                np.stack([np.ones_like(W), (W - w) ** 2], -1) * np.exp(p[0] * (T - T_REF))[:, None]
            ),
        )

    return _turning(days, "quadratic, exponential", top, around)


def threshold(days: Days) -> Estimate:
    """Water content at which the slope of R changes [m3/m3], with its profile interval."""

    def around(w: float, whole: Model) -> Model:
        return _fixed(whole, lambda p, T, W: whole.columns(np.r_[w, p], T, W))

    return _turning(days, "hinge, exponential", lambda f: float(f.theta[0]), around)


def _fixed(whole: Model, columns: Callable[[Array, Array, Array], Array]) -> Model:
    """The model with its turning point held, only the temperature's rate left to search."""
    return Model("", columns, whole.coefficients, ("b",), (whole.grids[-1],))


def _turning(
    days: Days, name: str, turn: Callable[[Fit], float], around: Callable[[float, Model], Model]
) -> Estimate:
    """A turning point and all others that the data do not tell from it."""
    from scipy.special import fdtri

    nan = float("nan")
    n = int(days.R.size)
    if (refusal := barred(days)) is not None:
        return Estimate(nan, nan, nan, n, nan, refusal)
    wanted = model(days, name)
    whole = fit(wanted, days.R, days.T, days.W)
    n_eff = _n_eff(days, days.W, days.R - wanted.predict(whole, days.T, days.W))
    value = turn(whole)
    if whole.at_limit or not days.low <= value <= days.high:
        return Estimate(nan, nan, nan, n, n_eff, Refusal("optimum_outside"))
    answer = Estimate(value, nan, nan, n, n_eff, None)
    df = n_eff - wanted.parameters
    if n_eff < MIN_N_EFF or df < 1:
        return answer._replace(refusal=Refusal("n_eff", {"n_eff": round(n_eff, 1)}))
    at = np.linspace(days.low, days.high, PROFILE)
    limit = whole.rss * (1 + float(fdtri(1, df, LEVEL)) / df)
    rate = whole.theta[-1:]
    rss = np.array([fit(around(w, wanted), days.R, days.T, days.W, rate).rss for w in at.tolist()])
    inside = np.r_[value, at[rss <= limit]]
    return answer._replace(
        lower=float(inside.min()), upper=float(inside.max()),
        open_below=bool(rss[0] <= limit), open_above=bool(rss[-1] <= limit),
    )  # fmt: skip


def q10_given_water(days: Days) -> Estimate:
    """Q10 at fixed water content, the same at every water content [1]."""
    if (refusal := _t_range(days)) is not None:
        return Estimate(math.nan, math.nan, math.nan, int(days.R.size), math.nan, refusal)
    return estimate(
        days, "quadratic, exponential", lambda m, f: 10 * float(f.theta[-1]), days.T, lambda v: math.exp(v)
    )


def q10_at(days: Days, water: float) -> Estimate:
    """Q10 at one water content, when it may change with water [1]."""
    if (refusal := _t_range(days)) is not None:
        return Estimate(math.nan, math.nan, math.nan, int(days.R.size), math.nan, refusal)
    return estimate(
        days, "quadratic, exponential by water",
        lambda m, f: 10 * float(f.theta[0] + f.theta[1] * water), days.T, lambda v: math.exp(v),
    )  # fmt: skip


def q10_change(days: Days, dry: float, wet: float) -> Estimate:
    """Q10 at one water content over that at another [1]."""
    if (refusal := _t_range(days)) is not None:
        return Estimate(math.nan, math.nan, math.nan, int(days.R.size), math.nan, refusal)
    return estimate(
        days, "quadratic, exponential by water",
        lambda m, f: 10 * float(f.theta[1]) * (wet - dry), days.T * days.W, lambda v: math.exp(v),
    )  # fmt: skip


def _t_range(days: Days) -> Refusal | None:
    if not days.R.size:
        return Refusal("days", {"days": 0, "least": max(MIN_DAYS, MIN_ROWS)})
    low, high = np.quantile(days.T, (0.05, 0.95))
    return (
        Refusal("t_range", {"range": round(float(high - low), 1)})
        if rounding.below(high - low, MIN_T_RANGE)
        else None
    )


class Bins(NamedTuple):
    """Quartiles of R in bins of equally many days; shape (bins,)."""

    low: Array
    high: Array
    n: NDArray[np.int64]
    lower_quartile: Array
    median: Array
    upper_quartile: Array


def binned(days: Days, bins: int = BINS) -> Bins:
    """Quartiles of R by water content."""
    order = np.argsort(days.W, kind="stable")
    parts = [p for p in np.array_split(order, bins) if p.size]
    quartiles = np.array([np.quantile(days.R[p], (0.25, 0.5, 0.75)) for p in parts]).reshape(-1, 3)
    return Bins(
        np.array([days.W[p].min() for p in parts]), np.array([days.W[p].max() for p in parts]),
        np.array([p.size for p in parts], np.int64), *quartiles.T,
    )  # fmt: skip
