"""Correlation, rank correlation and partial correlation of gappy, autocorrelated records.

Pearson's r, Spearman's rho (r of the ranks) and the partial r (r of what is left of both after regression on
the others), each with the effective number of pairs and a p-value from it:

    t = r sqrt((n_eff - 2 - k)/(1 - r^2)),

Student's t with n_eff - 2 - k degrees of freedom, k the number of variables held fixed.

The interval is the block jackknife of arctanh r (:mod:`soilco2.analysis.statistics.intervals`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtr
from scipy.stats import false_discovery_control, rankdata

from soilco2.analysis import rounding
from soilco2.analysis.definitions import BLOCKS, MIN_N_EFF
from soilco2.analysis.refusals import Refusal
from soilco2.analysis.statistics.effective_sample_size import effective_number, pair_and_each
from soilco2.analysis.statistics.intervals import block_sums, jackknife

Array = NDArray[np.float64]
MIN_PAIRS = 4 * BLOCKS


class Association(NamedTuple):
    """One correlation.

    Parameters
    ----------
    r : float
        Pearson's r, or the partial r [1]; NaN when it does not exist.
    lower, upper : float
        95 % interval [1]; NaN when withheld.
    rank : float
        Spearman's rho, or partial rho [1].
    n : int
        Pairs.
    n_eff : float
        Effective number: the least of that of the pair and that of either series alone, sum form.
    n_eff_pair : float
        That of the pair, which the p-value rests on.
    n_eff_lag1 : float
        Effective number, lag-1 form (for comparison).
    p, p_rank : float
        Two-sided p-values from the effective number of the values, of the ranks; NaN when withheld.
    p_naive : float
        p of the textbook, as if every pair were independent: for comparison only.
    refusal : Refusal or None
        Why p and interval are withheld; None when they are given.
    """

    r: float
    lower: float
    upper: float
    rank: float
    n: int
    n_eff: float
    n_eff_pair: float
    n_eff_lag1: float
    p: float
    p_rank: float
    p_naive: float
    refusal: Refusal | None


def p_value(r: ArrayLike, n_eff: ArrayLike, held: int = 0) -> Array:
    """Two-sided p of r from an effective number.

    Parameters
    ----------
    r : array_like
        Correlation [1].
    n_eff : array_like
        Effective number of pairs [1].
    held : int
        Number of variables held fixed.

    Returns
    -------
    ndarray
        NaN where n_eff - 2 - held < 1.
    """
    r, n_eff = np.broadcast_arrays(np.asarray(r, dtype=float), np.asarray(n_eff, dtype=float))
    df = n_eff - 2 - held
    good = np.isfinite(r) & (df >= 1)
    out = np.full(r.shape, np.nan)
    rest = np.maximum(1 - r[good] ** 2, 1e-300)
    out[good] = 2 * stdtr(df[good], -np.abs(r[good]) * np.sqrt(df[good] / rest))
    return out


def correlation(x: ArrayLike, y: ArrayLike) -> Array:
    """Pearson's r along the last axis over the pairs present; NaN where either is constant."""
    x, y = np.broadcast_arrays(np.asarray(x, dtype=float), np.asarray(y, dtype=float))
    both = np.isfinite(x) & np.isfinite(y)
    count = np.maximum(both.sum(-1, keepdims=True), 1)
    a = np.where(both, x, 0.0)
    b = np.where(both, y, 0.0)
    a = np.where(both, a - a.sum(-1, keepdims=True) / count, 0.0)
    b = np.where(both, b - b.sum(-1, keepdims=True) / count, 0.0)
    saa, sbb = (a * a).sum(-1), (b * b).sum(-1)
    size_a = np.abs(np.where(both, x, 0.0)).max(-1, initial=0.0) ** 2 * count[..., 0]
    size_b = np.abs(np.where(both, y, 0.0)).max(-1, initial=0.0) ** 2 * count[..., 0]
    good = (saa > rounding.ROUNDING**2 * size_a) & (sbb > rounding.ROUNDING**2 * size_b)
    norm = np.sqrt(np.where(good, saa, 1.0)) * np.sqrt(np.where(good, sbb, 1.0))
    r: Array = np.where(good, np.clip((a * b).sum(-1) / norm, -1, 1), np.nan)
    return r


def residuals(y: ArrayLike, given: Sequence[ArrayLike]) -> Array:
    """What is left of y after linear regression on `given`; NaN where anything is missing. Shape (n,)."""
    y = np.asarray(y, dtype=float)
    columns = [np.asarray(z, dtype=float) for z in given]
    good = np.isfinite(y) & np.logical_and.reduce([np.isfinite(z) for z in columns])
    out = np.full(y.shape, np.nan)
    if not good.any():
        return out
    scaled = [np.ones(good.sum())]
    for z in columns:
        part = z[good] - z[good].mean()
        spread = part.std()
        scaled.append(part / spread if rounding.above(spread, 0.0, np.abs(z[good]).max()) else 0.0 * part)
    design = np.column_stack(scaled)
    centred = y[good] - y[good].mean()
    solution, *_ = np.linalg.lstsq(design, centred, rcond=1e-10)
    rest = centred - design @ solution
    if not rounding.above(np.abs(rest).max(), 0.0, np.abs(y[good]).max()):
        rest[:] = 0.0  # nothing is left but rounding
    out[good] = rest
    return out


def ranks(x: ArrayLike) -> Array:
    """Ranks of the values present, ties at their mean, NaN elsewhere."""
    x = np.asarray(x, dtype=float)
    present = np.isfinite(x)
    out = np.full(x.shape, np.nan)
    out[present] = rankdata(rounding.tied(x[present]))
    return out


def partial_from_moments(totals: Array) -> Array:
    """Partial r of the first two variables given the rest, from sums of outer products.

    Parameters
    ----------
    totals : ndarray, shape (..., m * m)
        Sums of the outer product of (1, x, y, z1, ...), flattened.

    Returns
    -------
    ndarray, shape (...)
    """
    m = round(totals.shape[-1] ** 0.5)
    S = totals.reshape(*totals.shape[:-1], m, m)
    n = S[..., :1, :1]
    cov = S[..., 1:, 1:] / n - (S[..., 1:, :1] / n) * (S[..., :1, 1:] / n)
    if m == 3:
        a, b, c = cov[..., 0, 0], cov[..., 1, 1], cov[..., 0, 1]
        return np.clip(c / np.sqrt(np.maximum(a, 0) * np.maximum(b, 0)), -1, 1)
    z = cov[..., 2:, 2:]
    xy = cov[..., :2, 2:]
    rest = cov[..., :2, :2] - xy @ np.linalg.pinv(z, hermitian=True) @ np.swapaxes(xy, -1, -2)
    return np.clip(rest[..., 0, 1] / np.sqrt(rest[..., 0, 0] * rest[..., 1, 1]), -1, 1)


def associate(
    x: ArrayLike, y: ArrayLike, given: Sequence[ArrayLike] = (), names: tuple[str, str] = ("x", "y")
) -> Association:
    """Correlation of two regular series, others held fixed if wished, with effective number, p and interval.

    Parameters
    ----------
    x, y : array_like, shape (n,)
        Regular series, NaN where missing [any unit]. Shared daily or yearly cycles are the caller's business
        (:mod:`soilco2.analysis.frames.scales`).
    given : sequence of array_like, shape (n,)
        Variables held fixed, linearly (in ranks for the rank correlation).
    names : tuple of str
        What x and y are, for the reason when nothing can be said.

    Returns
    -------
    Association

    Notes
    -----
    p and interval are withheld below an effective number of 10, taken as the smallest of that of the pair
    and that of either series alone: a correlation is no better known than the spread of its series.
    """
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    others = [np.asarray(z, dtype=float) for z in given]
    good = np.isfinite(x) & np.isfinite(y)
    for z in others:
        good &= np.isfinite(z)
    n = int(good.sum())
    nan = float("nan")
    nothing = Association(nan, nan, nan, nan, n, nan, nan, nan, nan, nan, nan, None)
    if n < MIN_PAIRS:
        return nothing._replace(refusal=Refusal("few_pairs", {"n": n, "least": MIN_PAIRS}))
    for name, values in zip((*names, *("what is held fixed",) * len(others)), (x, y, *others), strict=True):
        if constant(values[good]):
            return nothing._replace(refusal=Refusal("constant", {"name": name}))
    xg, yg = np.where(good, x, nan), np.where(good, y, nan)
    held = [np.where(good, z, nan) for z in others]
    ex, ey = (residuals(xg, held), residuals(yg, held)) if held else (xg, yg)
    r = float(correlation(ex, ey))
    rank_x, rank_y = ranks(xg), ranks(yg)
    if held:
        rank_z = [ranks(z) for z in held]
        rank_x, rank_y = residuals(rank_x, rank_z), residuals(rank_y, rank_z)
    rank = float(correlation(rank_x, rank_y))
    if not np.isfinite(r) or not np.isfinite(rank):
        return nothing._replace(refusal=Refusal("constant", {"name": f"{names[0]} or {names[1]}"}))
    size, enough = pair_and_each(ex, ey)
    size_rank = effective_number(rank_x, rank_y)
    answer = nothing._replace(
        r=r, rank=rank, n_eff=enough, n_eff_pair=size.n_eff, n_eff_lag1=size.n_eff_lag1,
        p_naive=float(p_value(r, n, len(held))),
    )  # fmt: skip
    if enough < MIN_N_EFF:
        return answer._replace(refusal=Refusal("n_eff", {"n_eff": round(enough, 1)}))
    columns = np.stack([np.ones(n), *(_standard(v[good]) for v in (x, y, *others))], axis=-1)
    outer = (columns[:, :, None] * columns[:, None, :]).reshape(n, -1)
    interval = jackknife(
        block_sums(outer), partial_from_moments, forward=_arctanh, back=np.tanh, n_eff=enough
    )
    return answer._replace(
        lower=interval.lower, upper=interval.upper,
        p=float(p_value(r, size.n_eff, len(held))),
        p_rank=float(p_value(rank, size_rank.n_eff, len(held))),
    )  # fmt: skip


def variance_inflation(x: ArrayLike, y: ArrayLike) -> float:
    """Variance inflation factor of two drivers, 1/(1 - r^2) [1]."""
    r = float(correlation(x, y))
    return 1.0 / max(1.0 - r * r, 1e-12) if np.isfinite(r) else float("nan")


def benjamini_hochberg(p: ArrayLike) -> Array:
    """p-values adjusted for their number so that the false discovery rate holds.

    Benjamini & Hochberg (1995), https://doi.org/10.1111/j.2517-6161.1995.tb02031.x. NaN stay NaN and do not
    count.
    """
    p = np.asarray(p, dtype=float)
    out = np.full(p.shape, np.nan)
    good = np.isfinite(p)
    out[good] = false_discovery_control(p[good])
    return out


def constant(x: Array) -> bool:
    """True when the values do not differ by more than rounding."""
    return x.size == 0 or not rounding.above(np.ptp(x), 0.0, np.abs(x).max())


def _standard(x: Array) -> Array:
    return (x - x.mean()) / (x.std() or 1.0)


def _arctanh(r: Array) -> Array:
    z: Array = np.arctanh(np.clip(r, -1 + 1e-12, 1 - 1e-12))
    return z
