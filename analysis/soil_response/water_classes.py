"""Temperature response by water class, and what leaving water out of account does to it.

Dry soil is hot soil: over a dryland year temperature and water fall and rise against each other, and a Q10 of all
rows together can lie below one while it is above one in the dry and in the wet soil (Simpson's paradox).
"""

from __future__ import annotations

import itertools
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from soilco2.analysis import rounding
from soilco2.analysis.definitions import (
    MIN_CLASS_DAYS,
    MIN_CLASS_PAIRS,
    MIN_CLASS_STEP,
    MIN_N_EFF,
    MIN_W_RANGE,
    T_REF,
)
from soilco2.analysis.refusals import Refusal
from soilco2.analysis.soil_response.temperature import Q10, SPREAD_POWER, Kind, fit_rate, q10
from soilco2.analysis.statistics.effective_sample_size import number_behind_fit
from soilco2.analysis.statistics.intervals import block_df, jackknife_se, memory_factor, t_quantile

Array = NDArray[np.float64]
CLASS_NAMES: Final = ("dry", "middling", "wet")


def water_limits(water: ArrayLike) -> Array:
    """Limits between dry, middling and wet: the terciles of the values present [m3/m3], shape (2,)."""
    water = np.asarray(water, dtype=float)
    present = water[np.isfinite(water)]
    if not present.size:
        return np.full(2, np.nan)
    return np.quantile(present, (1 / 3, 2 / 3))


def water_class(water: ArrayLike, limits: ArrayLike) -> NDArray[np.int64]:
    """Class of each value: 0 below the first limit, 1 up to the next and so on; -1 where missing."""
    water = np.asarray(water, dtype=float)
    edges = np.asarray(limits, dtype=float) * (1.0 - rounding.ROUNDING)
    index = np.searchsorted(edges, np.nan_to_num(water), side="right")
    return np.where(np.isfinite(water), index, -1)


def indistinct(water: ArrayLike, limits: ArrayLike) -> Refusal | None:
    """Why there are no classes: water spans (5 to 95 %) too little, or neighbouring classes are the same.

    The range is the one below which no water model is given (:data:`soilco2.analysis.definitions.MIN_W_RANGE`);
    medians of neighbours lie at least :data:`soilco2.analysis.definitions.MIN_CLASS_STEP` apart.
    """
    given = np.asarray(water, dtype=float)
    W = given[np.isfinite(given)]
    if not W.size:
        return None
    low, high = np.quantile(W, (0.05, 0.95)).tolist()
    if rounding.below(high - low, MIN_W_RANGE):
        return Refusal("w_range", {"range": round(high - low, 4)})
    index = water_class(W, limits)
    middle = [float(np.median(W[index == k])) for k in np.unique(index)]
    for one, other in itertools.pairwise(middle):
        if rounding.below(other - one, MIN_CLASS_STEP):
            return Refusal("class_close", {"one": round(one, 4), "other": round(other, 4)})
    return None


def q10_by_water(
    response: ArrayLike,
    temperature: ArrayLike,
    water: ArrayLike,
    slots: int,
    *,
    kind: Kind = "values",
    limits: ArrayLike | None = None,
) -> list[Q10]:
    """Q10 of each water class, driest first (:func:`q10`).

    Parameters
    ----------
    water : array_like, shape (n,)
        Volumetric water content [m3/m3], NaN where missing.
    limits : array_like, optional
        Limits between classes [m3/m3]; terciles of the complete rows by default.

    Notes
    -----
    A class below 5 days or 100 pairs (24 where values are daily) is refused; all are where water does not make
    three classes (:func:`indistinct`).
    """
    R, T, W = (np.asarray(v, dtype=float) for v in (response, temperature, water))
    whole = np.isfinite(R) & np.isfinite(T) & np.isfinite(W)
    limits = water_limits(np.where(whole, W, np.nan)) if limits is None else np.asarray(limits, dtype=float)
    index = np.where(whole, water_class(W, limits), -1)
    narrow = indistinct(W[whole], limits)
    out = []
    for k in range(np.size(limits) + 1):
        kept = index == k
        days = int(np.unique(np.flatnonzero(kept) // slots).size)
        found = q10(np.where(kept, R, np.nan), T, slots, kind=kind, min_days=MIN_CLASS_DAYS)
        small = slots > 1 and (days < MIN_CLASS_DAYS or kept.sum() < MIN_CLASS_PAIRS)
        refusal = Refusal("class_small", {"days": days, "n": int(kept.sum())}) if small else narrow
        if refusal is not None:
            nan = float("nan")
            found = found._replace(q10=nan, lower=nan, upper=nan, refusal=refusal)
        out.append(found)
    return out


def ratio_of(first: Q10, second: Q10) -> tuple[float, float, float]:
    """Q10 of the second over the first, with its 95 % interval; NaN where either has none.

    Notes
    -----
    The two come from other times, so variances of ln Q10 add; degrees of freedom after Welch (1947),
    https://doi.org/10.1093/biomet/34.1-2.28.
    """
    if first.refusal is not None or second.refusal is not None:
        return (float("nan"),) * 3
    centre = float(np.log(second.q10 / first.q10))
    a, b = first.se**2, second.se**2
    df = (a + b) ** 2 / (a * a / first.df + b * b / second.df) if a + b > 0 else 1.0
    reach = t_quantile(df) * np.sqrt(a + b)
    return float(np.exp(centre)), float(np.exp(centre - reach)), float(np.exp(centre + reach))


def opposite(one: tuple[float, float], other: tuple[float, float]) -> bool:
    """Whether two intervals leave 1 out on opposite sides; never where one is not known."""
    known = bool(np.isfinite([*one, *other]).all())
    return known and bool((one[1] < 1 < other[0]) or (other[1] < 1 < one[0]))


class Confounding(NamedTuple):
    """Temperature response of all rows together against that within the water classes.

    Parameters
    ----------
    pooled : float
        Q10 of all rows, water left out of account [1].
    within : float
        One Q10 for all classes, each with a level of its own [1].
    lower, upper : float
        95 % interval of `within` [1].
    ratio, ratio_lower, ratio_upper : float
        within / pooled with its 95 % interval [1]: what water hides.
    reversed : bool
        True when the interval of the one lies below 1 and that of the other above: Simpson's paradox.
    levels : tuple of float
        R at 20 degC in each class, driest first [unit of R].
    n, dropped : int
        Rows used; rows the logarithm could not use.
    n_eff : float
        Effective number of temperature within classes and residual.
    refusal : Refusal or None
    """

    pooled: float
    within: float
    lower: float
    upper: float
    ratio: float
    ratio_lower: float
    ratio_upper: float
    reversed: bool
    levels: tuple[float, ...]
    n: int
    dropped: int
    n_eff: float
    refusal: Refusal | None


def confounding(
    response: ArrayLike,
    temperature: ArrayLike,
    water: ArrayLike,
    slots: int,
    *,
    kind: Kind = "values",
    limits: ArrayLike | None = None,
) -> Confounding:
    """Q10 of all rows together, and within water classes, on the same rows.

    Parameters
    ----------
    response, temperature : array_like, shape (n,)
        As in :func:`q10`.
    water : array_like, shape (n,)
        Volumetric water content [m3/m3], NaN where missing.
    slots : int
        Values a day.
    kind : {"values", "log"}
    limits : array_like, optional
        Limits between classes [m3/m3]; terciles of the complete rows by default.

    Notes
    -----
    R = a_class Q10^((T - Tref)/10) against R = a Q10^((T - Tref)/10), both by the same least squares; the ratio's
    interval by the block jackknife of the difference of the two rates. Reversal of an association by a third
    variable: Simpson (1951), https://doi.org/10.1111/j.2517-6161.1951.tb00088.x.
    """
    R, T, W = (np.asarray(v, dtype=float) for v in (response, temperature, water))
    rows = np.isfinite(R) & np.isfinite(T) & np.isfinite(W)
    limits = water_limits(np.where(rows, W, np.nan)) if limits is None else np.asarray(limits, dtype=float)
    whole = q10(np.where(rows, R, np.nan), T, slots, kind=kind)
    nan = float("nan")
    none = Confounding(*(nan,) * 7, False, (), whole.n, whole.dropped, nan, whole.refusal)
    if whole.refusal is not None:
        return none._replace(pooled=whole.q10)
    if (narrow := indistinct(W[rows], limits)) is not None:
        return none._replace(pooled=whole.q10, refusal=narrow)
    if kind == "log":
        rows &= ~(R <= 0)
    where = np.flatnonzero(rows)
    _, group = np.unique(water_class(W[where], limits), return_inverse=True)
    x, y = T[where] - T_REF, R[where] if kind == "values" else np.log(R[where])
    rate, level = fit_rate(x, y, group, kind)
    pooled = np.log(whole.q10) / 10
    together, _ = fit_rate(x, y, np.zeros_like(group), kind)
    if not np.isfinite([rate, together]).all():
        return none._replace(pooled=whole.q10, refusal=Refusal("no_fit"))
    if kind == "log":
        fitted, weight = level[0, group] + rate[0] * x, np.ones_like(x)
    else:
        fitted = weight = level[0, group] * np.exp(rate[0] * x)
    mean = np.bincount(group, weight**2 * x) / np.maximum(np.bincount(group, weight**2), 1e-300)
    pulls = np.full((2, R.size), nan)
    pull = weight * (x - mean[group])
    pulls[0, where], pulls[1, where] = pull, y - fitted
    n_eff = number_behind_fit(*pulls)
    reach = (
        t_quantile(block_df(pull * weight**SPREAD_POWER)) * memory_factor(n_eff) * np.array([-1.0, 0.0, 1.0])
    )
    within = np.exp(10 * (rate[0] + reach * float(jackknife_se(rate[1:]))))
    change = np.exp(10 * (rate[0] - pooled + reach * float(jackknife_se(rate[1:] - together[1:]))))
    answer = none._replace(
        pooled=whole.q10, within=float(within[1]), n=where.size, n_eff=n_eff, ratio=float(change[1]),
        levels=tuple(float(v) for v in (np.exp(level[0]) if kind == "log" else level[0])),
    )  # fmt: skip
    if n_eff < MIN_N_EFF:
        return answer._replace(refusal=Refusal("n_eff", {"n_eff": round(n_eff, 1)}))
    return answer._replace(
        reversed=opposite((whole.lower, whole.upper), (float(within[0]), float(within[2]))),
        lower=float(within[0]), upper=float(within[2]),
        ratio_lower=float(change[0]), ratio_upper=float(change[2]),
    )  # fmt: skip
