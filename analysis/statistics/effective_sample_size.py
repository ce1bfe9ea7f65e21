"""How much independent information a record holds: autocorrelation and effective number, gaps allowed.

The variance of a correlation between two series that are each autocorrelated but unrelated is not 1/n but

    var(r) = 1/n_eff,   n_eff = m / (1 + 2 sum_{k=1..K} (c_k/m) rho_x(k) rho_y(k)),

m the number of pairs and c_k the number of pairs of pairs k slots apart (without gaps c_k/m = 1 - k/m):
Bartlett's formula in the sum form of Pyper & Peterman (1998), https://doi.org/10.1139/f98-104, eq. 1, and
Bretherton et al. (1999), https://doi.org/10.1175/1520-0442(1999)012<1990:TENOSD>2.0.CO;2, eq. 30.

The sum runs to K = a quarter of the record. A shorter one misses the long memory of nearly random walks (7 %
of rejections at 5 % for phi = 0.99), the whole record overstates it (2 %): ``make calibrate``.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import fft

Array = NDArray[np.float64]


class Effective(NamedTuple):
    """Effective number of pairs.

    Parameters
    ----------
    n : int
        Pairs.
    n_eff : float
        Sum form.
    n_eff_lag1 : float
        Lag-1 form, n (1 - a)/(1 + a) with a = rho_x(1) rho_y(1); too generous for memories of days.
    max_lag : int
        K, the last lag of the sum [slots].
    """

    n: int
    n_eff: float
    n_eff_lag1: float
    max_lag: int


def autocorrelation(x: ArrayLike, max_lag: int | None = None) -> Array:
    """Autocorrelation of a regular series with gaps, from the pairs present.

    Parameters
    ----------
    x : array_like, shape (..., n)
        Values, NaN where missing [any unit].
    max_lag : int, optional
        Last lag [slots]; a quarter of n by default.

    Returns
    -------
    ndarray, shape (..., max_lag + 1)
        rho(k) for k = 0 to `max_lag`, within -1 to 1; 0 where no pair is present or x is constant [1].

    Notes
    -----
    rho(k) = sum x_t x_{t+k} / sqrt(sum x_t^2 sum x_{t+k}^2), sums over the pairs present, x less its mean.
    Dividing by the variance of the very pairs keeps it within -1 to 1 whatever the gaps. By FFT.
    """
    x = np.asarray(x, dtype=float)
    n = x.shape[-1]
    last = _last_lag(n, max_lag)
    present = np.isfinite(x)
    mask = present.astype(float)
    count = np.maximum(mask.sum(-1, keepdims=True), 1.0)
    centre = np.where(present, x, 0.0).sum(-1, keepdims=True) / count
    z = np.where(present, x - centre, 0.0)
    size = fft.next_fast_len(n + last + 1, real=True)
    fz = fft.rfft(z, size)
    cross = fft.irfft(fz * fz.conj(), size)[..., : last + 1]
    if present.all():
        # Sums of squares of the leading and the trailing part, without another transform.
        square = np.cumsum(z * z, axis=-1)
        total = square[..., -1:]
        head = square[..., n - 1 - np.arange(last + 1)]
        tail = total - np.concatenate([np.zeros_like(total), square[..., :last]], axis=-1)
    else:
        fm = fft.rfft(mask, size)
        fs = fft.rfft(z * z, size)
        tail = fft.irfft(fs * fm.conj(), size)[..., : last + 1]
        head = fft.irfft(fm * fs.conj(), size)[..., : last + 1]
        scale = (z * z).sum(-1, keepdims=True) * 1e-12
        head, tail = np.where(head > scale, head, 0.0), np.where(tail > scale, tail, 0.0)
    norm = np.sqrt(np.maximum(head, 0.0) * np.maximum(tail, 0.0))
    rho = np.divide(cross, norm, out=np.zeros_like(cross), where=norm > 0)
    return np.clip(rho, -1.0, 1.0)


def pair_counts(present: NDArray[np.bool_], max_lag: int) -> Array:
    """Number of slots t with both t and t + k present, for k = 0 to `max_lag`; shape (..., max_lag + 1)."""
    n = present.shape[-1]
    if present.all():
        return np.broadcast_to(n - np.arange(max_lag + 1.0), (*present.shape[:-1], max_lag + 1)).copy()
    size = fft.next_fast_len(n + max_lag + 1, real=True)
    fm = fft.rfft(present.astype(float), size)
    return np.rint(fft.irfft(fm * fm.conj(), size)[..., : max_lag + 1])


def effective_numbers(x: ArrayLike, y: ArrayLike, max_lag: int | None = None) -> tuple[Array, Array, Array]:
    """Pairs, sum-form and lag-1-form effective numbers of many pairs of series at once.

    Parameters
    ----------
    x, y : array_like, shape (..., n)
        Regular series, NaN where missing [any unit].
    max_lag : int, optional
        K of the sum [slots]; a quarter of n by default.

    Returns
    -------
    n, n_eff, n_eff_lag1 : ndarray, shape (...)
        Each effective number lies between 2 and n (or equals n when n < 2).
    """
    alone = x is y
    x, y = np.broadcast_arrays(np.asarray(x, dtype=float), np.asarray(y, dtype=float))
    last = _last_lag(x.shape[-1], max_lag)
    both = np.isfinite(x) & np.isfinite(y)
    rho = autocorrelation(np.where(both, x, np.nan), last)
    return _numbers(rho * (rho if alone else autocorrelation(np.where(both, y, np.nan), last)), both)


def _numbers(product: Array, both: NDArray[np.bool_]) -> tuple[Array, Array, Array]:
    """Pairs and effective numbers from the product of two autocorrelations."""
    last = product.shape[-1] - 1
    pairs = pair_counts(both, last)
    n = pairs[..., 0]
    m = np.maximum(n, 1.0)
    total = 1.0 + 2.0 * (pairs[..., 1:] * product[..., 1:]).sum(-1) / m
    floor = np.minimum(2.0, n)
    n_eff = np.clip(m / np.maximum(total, 1e-12), floor, np.maximum(n, floor))
    a = product[..., 1] if last >= 1 else np.zeros_like(n)
    lag1 = np.clip(m * (1 - a) / np.maximum(1 + a, 1e-12), floor, np.maximum(n, floor))
    return n, n_eff, lag1


def number_behind_fit(pull: ArrayLike, rest: ArrayLike) -> float:
    """Effective number behind a fitted rate: the least of that of the pair and that of the residual alone.

    Parameters
    ----------
    pull, rest : array_like, shape (n,)
        What pulls at the rate, and the residual: regular series, NaN where missing [any unit].

    Notes
    -----
    Memories of opposite phase cancel in the sum over the pair, which then takes every half hour for a value of
    its own; no fit is better known than its residual. What pulls is held fixed in a fit, so its own
    memory does not count: the intervals cover without it (``make calibrate``).
    """
    pull, rest = np.asarray(pull, dtype=float), np.asarray(rest, dtype=float)
    last = _last_lag(pull.size, None)
    both = np.isfinite(pull) & np.isfinite(rest)
    rho = autocorrelation(np.where(both, np.stack([pull, rest]), np.nan), last)
    return float(_numbers(np.stack([rho[0] * rho[1], rho[1] ** 2]), np.stack([both] * 2))[1].min())


def pair_and_each(x: ArrayLike, y: ArrayLike) -> tuple[Effective, float]:
    """Effective number of a pair, and the smallest of it and those of either series alone, over the pairs present.

    Parameters
    ----------
    x, y : array_like, shape (n,)
        Regular series, NaN where missing [any unit].
    """
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    last = _last_lag(x.size, None)
    both = np.isfinite(x) & np.isfinite(y)
    rho = autocorrelation(np.where(both, np.stack([x, y]), np.nan), last)
    n, n_eff, lag1 = _numbers(np.stack([rho[0] * rho[1], *(rho * rho)]), np.stack([both] * 3))
    return Effective(int(n[0]), float(n_eff[0]), float(lag1[0]), last), float(n_eff.min())


def effective_number(x: ArrayLike, y: ArrayLike | None = None, max_lag: int | None = None) -> Effective:
    """Effective number of one pair of series (or of one series with itself).

    Parameters
    ----------
    x, y : array_like, shape (n,)
        Regular series, NaN where missing [any unit].
    max_lag : int, optional
        K of the sum [slots]; a quarter of n by default.

    Returns
    -------
    Effective
    """
    first = np.asarray(x, dtype=float)
    n, n_eff, lag1 = effective_numbers(first, first if y is None else y, max_lag)
    return Effective(int(n), float(n_eff), float(lag1), _last_lag(first.shape[-1], max_lag))


def _last_lag(n: int, max_lag: int | None) -> int:
    return max(min(n // 4 if max_lag is None else max_lag, n - 1), 0)
