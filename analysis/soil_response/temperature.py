"""Temperature response: Q10 by the log fit and by least squares on the values, by water class, in moving windows.

    R = Rref Q10^((T - Tref)/10),   Tref = 20 degC,

van 't Hoff's law as discussed by Lloyd & Taylor (1994), https://doi.org/10.2307/2389824.

Log fit
    Ordinary least squares of ln R on T. It drops zero and negative values, so it is withheld when that is more
    than 20 %: in dry records it can turn the sign.
Fit of values
    Least squares of R itself (nonlinear in b = ln(Q10)/10), zero and negative values included. Large values,
    after rain for instance, weigh most.

Both give a spread and an interval by the block jackknife of b (:mod:`soilco2.analysis.statistics.intervals`). The
Q10 of a concentration is *apparent*: it holds production and transport together.
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from soilco2.analysis import rounding
from soilco2.analysis.definitions import BLOCKS, MAX_DROPPED, MIN_DAYS, MIN_N_EFF, MIN_T_RANGE, T_REF
from soilco2.analysis.errors import DataError
from soilco2.analysis.refusals import Refusal
from soilco2.analysis.statistics.correlation import constant
from soilco2.analysis.statistics.effective_sample_size import number_behind_fit
from soilco2.analysis.statistics.intervals import block_df, jackknife_se, memory_factor, t_quantile
from soilco2.station_config.message import Message

Array = NDArray[np.float64]
Kind = Literal["log", "values"]

STEEPEST: Final = 0.35
"""Largest |b| a fit may have [1/K]: Q10 of 33, or of 1/33."""
MIN_PAIRS: Final = 4 * BLOCKS
SPREAD_POWER: Final = 0.25
"""Power of the fitted value with which residuals of R are taken to grow when blocks are weighed for the degrees of
freedom: between equal residuals (0: intervals a little too narrow where few warm spells carry the fit) and residuals in
proportion (1: too wide), by calibration."""
_GRID = np.linspace(-STEEPEST, STEEPEST, 29)


class Q10(NamedTuple):
    """A temperature response.

    Parameters
    ----------
    q10 : float
        Factor per 10 K [1]; NaN when withheld.
    lower, upper : float
        95 % interval [1]; NaN when withheld.
    r_ref : float
        R at 20 degC [unit of R].
    r2 : float
        1 - RSS/TSS of R (log fit: of ln R) [1].
    rmse : float
        Root mean square residual of R [unit of R] (log fit: of ln R [1]).
    n : int
        Pairs used.
    days : int
        Days with a pair.
    n_eff : float
        Effective number of temperature and residual (:mod:`soilco2.analysis.statistics.effective_sample_size`).
    dropped : int
        Pairs the logarithm could not use.
    t_low, t_high : float
        5 and 95 % of the temperatures used [degC].
    se, df : float
        Standard error of ln Q10 [1] and its degrees of freedom.
    refusal : Refusal or None
        Why the number, or its interval, is withheld.
    """

    q10: float
    lower: float
    upper: float
    r_ref: float
    r2: float
    rmse: float
    n: int
    days: int
    n_eff: float
    dropped: int
    t_low: float
    t_high: float
    se: float
    df: float
    refusal: Refusal | None


def q10(
    response: ArrayLike,
    temperature: ArrayLike,
    slots: int,
    *,
    kind: Kind = "values",
    min_days: int = MIN_DAYS,
    min_pairs: int = MIN_PAIRS,
) -> Q10:
    """Q10 of a regular record with gaps.

    Parameters
    ----------
    response : array_like, shape (n,)
        Flux or concentration, NaN where missing or not to be used [any unit].
    temperature : array_like, shape (n,)
        [degC], NaN where missing.
    slots : int
        Values a day; 1 for daily means.
    kind : {"values", "log"}
        Least squares of the values, or of their logarithm.
    min_days, min_pairs : int
        Fewer are refused.

    Returns
    -------
    Q10
        With its refusal when temperature spans less than 8 K (5 to 95 %), the logarithm drops more than 20 %, days
        or pairs are too few, or no such curve fits; without an interval when the effective number is below 10.
    """
    R, T = np.asarray(response, dtype=float), np.asarray(temperature, dtype=float)
    _require_one_shape(R, T)
    good = np.isfinite(R) & np.isfinite(T)
    pairs = int(good.sum())
    dropped = int((R[good] <= 0).sum()) if kind == "log" else 0
    if kind == "log":
        good &= ~(R <= 0)
    where = np.flatnonzero(good)
    days = int(np.unique(where // slots).size)
    nan = float("nan")
    low, high = np.quantile(T[where], (0.05, 0.95)) if where.size else (nan, nan)
    none = Q10(
        nan, nan, nan, nan, nan, nan, where.size, days, nan, dropped, float(low), float(high), nan, nan, None
    )
    refusal = _unfit(none, pairs, R[where], min_days, min_pairs)
    if refusal is not None:
        return none._replace(refusal=refusal)
    x, y = T[where] - T_REF, R[where]
    y = np.log(y) if kind == "log" else y
    rate, level = fit_rate(x, y, np.zeros(x.size, np.int64), kind)
    if kind == "log":
        fitted, r_ref = level[0, 0] + rate[0] * x, float(np.exp(level[0, 0]))
    else:
        fitted, r_ref = level[0, 0] * np.exp(rate[0] * x), float(level[0, 0])
    if not np.isfinite(rate[0]) or r_ref <= 0:
        return none._replace(refusal=Refusal("no_fit"))
    rest = y - fitted
    total = float(((y - y.mean()) ** 2).sum())
    se = float(jackknife_se(rate[1:])) if np.isfinite(rate[1:]).all() else nan
    # What pulls at the rate is temperature times residual; the weight of a pair is its part in the slope.
    weight = np.ones_like(x) if kind == "log" else fitted
    pull = weight * (x - (weight**2 @ x) / (weight @ weight))
    on_grid = np.full((2, R.size), nan)
    on_grid[0, where], on_grid[1, where] = pull, rest
    n_eff = number_behind_fit(*on_grid)
    se *= memory_factor(n_eff)
    answer = none._replace(
        q10=float(np.exp(10 * rate[0])), r_ref=r_ref, n_eff=n_eff, se=10 * se,
        df=block_df(pull * weight**SPREAD_POWER),
        r2=1 - float((rest**2).sum()) / total if total > 0 else nan, rmse=float(np.sqrt((rest**2).mean())),
    )  # fmt: skip
    if n_eff < MIN_N_EFF:
        return answer._replace(refusal=Refusal("n_eff", {"n_eff": round(n_eff, 1)}))
    if not np.isfinite(se):
        return answer._replace(refusal=Refusal("no_fit"))
    reach = t_quantile(answer.df) * se
    lower, upper = np.exp(10 * (rate[0] - reach)), np.exp(10 * (rate[0] + reach))
    return answer._replace(lower=float(lower), upper=float(upper))


def _require_one_shape(response: Array, temperature: Array) -> None:
    if response.shape != temperature.shape or response.ndim != 1:
        raise DataError(
            Message(
                "response and temperature must have one shape, not {response} and {temperature}",
                response=response.shape,
                temperature=temperature.shape,
            )
        )


def _unfit(found: Q10, pairs: int, response: Array, min_days: int, min_pairs: int) -> Refusal | None:
    """Why no curve is tried, by what is known before one is; `pairs` counts those that were dropped too."""
    if rounding.above(found.dropped, MAX_DROPPED * pairs):
        return Refusal("dropped", {"percent": round(100 * found.dropped / pairs, 1)})
    if found.n < min_pairs:
        return Refusal("few_pairs", {"n": found.n, "least": min_pairs})
    if found.days < min_days:
        return Refusal("days", {"days": found.days, "least": min_days})
    if constant(response):
        return Refusal("constant", {"name": "CO2"})
    span = found.t_high - found.t_low
    if rounding.below(span, MIN_T_RANGE):
        return Refusal("t_range", {"range": round(span, 1)})
    return None


def fit_rate(x: Array, y: Array, group: NDArray[np.int64], kind: Kind) -> tuple[Array, Array]:
    """One rate for all and a level for each group: whole, then without each block.

    Returns
    -------
    rate : ndarray, shape (1 + blocks,)
        NaN where no fit exists [1/K].
    level : ndarray, shape (1 + blocks, groups)
        At x = 0.
    """
    return _lines(x, y, group) if kind == "log" else _exponentials(x, y, group)


def _blocks(n: int) -> NDArray[np.int64]:
    return np.repeat(np.arange(BLOCKS), np.diff(np.linspace(0, n, BLOCKS + 1).astype(int)))


def _lines(x: Array, y: Array, group: NDArray[np.int64]) -> tuple[Array, Array]:
    """Least squares of y = level + rate x."""
    centre, groups = x.mean(), int(group.max()) + 1
    z = x - centre
    cell = _blocks(x.size) * groups + group
    terms = (np.ones_like(z), z, y, z * z, z * y)
    sums = np.stack([np.bincount(cell, v, BLOCKS * groups).reshape(BLOCKS, groups) for v in terms])
    one, sx, sy, sxx, sxy = np.concatenate([sums.sum(1)[:, None], sums.sum(1)[:, None] - sums], axis=1)
    one = np.maximum(one, 1e-9)
    spread = (sxx - sx * sx / one).sum(-1)
    slope = np.full(spread.shape, np.nan)
    np.divide((sxy - sx * sy / one).sum(-1), spread, out=slope, where=spread > 1e-9 * x.size)
    return slope, (sy - slope[:, None] * sx) / one - slope[:, None] * centre


def _exponentials(x: Array, y: Array, group: NDArray[np.int64]) -> tuple[Array, Array]:
    """Least squares of y = level exp(rate x), levels not below zero.

    For a given rate the best level is a ratio of sums, so the best rate of a grid is found from block sums for
    all replicates at once, then refined by Gauss-Newton.
    """
    groups = int(group.max()) + 1
    order = np.argsort(group, kind="stable")
    block = _blocks(x.size)[order]
    x, y, group = x[order], y[order], group[order]
    cell = group * BLOCKS + block
    starts = np.flatnonzero(np.r_[True, np.diff(cell) > 0])
    e, ratio = np.exp(_GRID[0] * x), np.exp((_GRID[1] - _GRID[0]) * x)
    gain = np.empty((BLOCKS + 1, _GRID.size))
    sums = np.zeros((2, groups * BLOCKS))
    for column in range(_GRID.size):
        sums[:, cell[starts]] = np.add.reduceat(np.stack([y * e, e * e]), starts, axis=1)
        parts = sums.reshape(2, groups, BLOCKS)
        whole = parts.sum(-1, keepdims=True)
        ey, ee = np.concatenate([whole, whole - parts], axis=-1)
        gain[:, column] = (np.maximum(ey, 0) ** 2 / np.maximum(ee, 1e-300)).sum(0)
        e *= ratio
    best = gain.argmax(-1)
    lost = (best == 0) | (best == _GRID.size - 1) | (gain.max(-1) <= 0)
    rate = _GRID[best].copy()
    kept = np.arange(-1, BLOCKS)[:, None] != block  # the whole, then without each block
    slices = [slice(*np.searchsorted(group, (k, k + 1))) for k in range(groups)]
    step = np.zeros(rate.size)
    for _ in range(60):
        # Gauss-Newton with the levels at their best: y - a e against a (x - weighted mean of x) e.
        pull, spread = np.zeros(rate.size), np.zeros(rate.size)
        for k in slices:
            e = np.where(kept[:, k], np.exp(rate[:, None] * x[k]), 0.0)
            xe = x[k] * e
            ey, xey = e @ y[k], xe @ y[k]
            ee, xee, xxee = (np.einsum("ij,ij->i", u, v) for u, v in ((e, e), (xe, e), (xe, xe)))
            ee = np.maximum(ee, 1e-300)
            level = np.maximum(ey, 0) / ee
            pull += level * (xey - xee / ee * ey)
            spread += level**2 * (xxee - xee * xee / ee)
        step = np.divide(pull, spread, out=np.zeros_like(rate), where=spread > 0)
        rate = np.clip(rate + np.clip(step, -0.02, 0.02), -STEEPEST, STEEPEST)
        if np.abs(step).max() < 1e-10:
            break
    levels = np.empty((rate.size, groups))
    for index, k in enumerate(slices):
        e = np.where(kept[:, k], np.exp(rate[:, None] * x[k]), 0.0)
        levels[:, index] = np.maximum(e @ y[k], 0) / np.maximum(np.einsum("ij,ij->i", e, e), 1e-300)
    lost |= (np.abs(rate) >= STEEPEST) | (np.abs(step) > 1e-6)
    return np.where(lost, np.nan, rate), np.where(lost[:, None], np.nan, levels)


def q10_curve(
    response: ArrayLike, temperature: ArrayLike, slots: int, at: ArrayLike, *, kind: Kind = "values"
) -> Array:
    """The fitted curve with its 95 % band, shape (3, m): fitted, lower, upper [unit of R].

    Parameters
    ----------
    response, temperature : array_like, shape (n,)
        As in :func:`q10`.
    slots : int
        Values a day.
    at : array_like, shape (m,)
        Temperatures [degC].
    kind : {"values", "log"}

    Notes
    -----
    NaN where :func:`q10` withholds the value; the band is NaN where it withholds the interval. The band is the
    block jackknife of ln R at each temperature.
    """
    at = np.asarray(at, dtype=float)
    out = np.full((3, at.size), np.nan)
    answer = q10(response, temperature, slots, kind=kind, min_days=1)
    if not np.isfinite(answer.q10):
        return out
    out[0] = answer.r_ref * answer.q10 ** ((at - T_REF) / 10)
    if answer.refusal is not None:
        return out
    R, T = np.asarray(response, dtype=float), np.asarray(temperature, dtype=float)
    good = np.isfinite(R) & np.isfinite(T)
    if kind == "log":
        good &= ~(R <= 0)
    y = np.log(R[good]) if kind == "log" else R[good]
    rate, level = fit_rate(T[good] - T_REF, y, np.zeros(y.size, np.int64), kind)
    with np.errstate(divide="ignore", invalid="ignore"):
        base = level[1:, 0] if kind == "log" else np.log(level[1:, 0])
    se = jackknife_se((base[:, None] + rate[1:, None] * (at - T_REF)).T) * memory_factor(answer.n_eff)
    reach = t_quantile(answer.df) * se
    out[1:] = out[0] * np.exp(np.array([-1.0, 1.0])[:, None] * reach)
    return out


class Window(NamedTuple):
    """Q10 in one window, with its middle and the water it saw."""

    middle_day: float
    temperature: float
    water: float
    answer: Q10


def moving_q10(
    response: ArrayLike,
    temperature: ArrayLike,
    slots: int,
    *,
    water: ArrayLike | None = None,
    window_days: int = 15,
    step_days: int = 5,
    kind: Kind = "values",
) -> list[Window]:
    """Q10 in windows of days; windows overlap, so no interval over them.

    Parameters
    ----------
    window_days, step_days : int
        [d]

    Returns
    -------
    list of Window
        One for every window, refused ones with their reason.
    """
    R, T = np.asarray(response, dtype=float), np.asarray(temperature, dtype=float)
    W = np.full(R.shape, np.nan) if water is None else np.asarray(water, dtype=float)
    out = []
    for first in range(0, max(R.size // slots - window_days, 0) + 1, step_days):
        part = slice(first * slots, (first + window_days) * slots)
        both = np.isfinite(R[part]) & np.isfinite(T[part])
        wet = W[part][both & np.isfinite(W[part])]
        out.append(
            Window(
                first + window_days / 2,
                float(T[part][both].mean()) if both.any() else float("nan"),
                float(wet.mean()) if wet.size else float("nan"),
                q10(R[part], T[part], slots, kind=kind, min_days=min(MIN_DAYS, window_days)),
            )
        )
    return out
