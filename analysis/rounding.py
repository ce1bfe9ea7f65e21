"""Comparisons that rounding does not decide: numbers that are equal on paper are equal here.

Sums in another order, another BLAS kernel or a fused multiply-add move the last digits of a computed number. What
is refused, and why, must not hang on them; so ties are ties within a tolerance, and this is the place for it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

ROUNDING = 1e-9
"""Part of their scale by which computed numbers may differ and still be equal.

Double precision (2e-16) times the longest sums (1e6 values) or the worst condition of what is compared stays below;
no sensor resolves 1e-6 of its range, so nothing measured lies within it."""


def above(value: ArrayLike, limit: ArrayLike, scale: ArrayLike = 0.0) -> NDArray[np.bool_]:
    """Whether values exceed a limit by more than rounding; False for NaN.

    Parameters
    ----------
    value, limit : array_like
        [any unit]
    scale : array_like
        Size of what the two were computed from, where that is more than the limit itself [same unit].
    """
    edge = np.asarray(limit, dtype=float)
    with np.errstate(invalid="ignore"):
        return np.asarray(value, dtype=float) > edge + ROUNDING * np.maximum(np.abs(edge), scale)


def below(value: ArrayLike, limit: ArrayLike, scale: ArrayLike = 0.0) -> NDArray[np.bool_]:
    """Whether values fall short of a limit by more than rounding (see :func:`above`)."""
    return above(-np.asarray(value, dtype=float), -np.asarray(limit, dtype=float), scale)


def within(value: ArrayLike, low: ArrayLike, high: ArrayLike) -> NDArray[np.bool_]:
    """Whether values lie between two limits, the limits included; False for NaN."""
    return np.isfinite(value) & ~below(value, low) & ~above(value, high)


def first_largest(values: ArrayLike) -> int:
    """Index of the first of the largest values; NaN is passed over."""
    v = np.asarray(values, dtype=float)
    return int(np.argmax(v >= np.nanmax(v) - ROUNDING * np.nanmax(np.abs(v))))


def tied(values: ArrayLike) -> NDArray[np.intp]:
    """Number of each value in the order of size, from 0; equal values share one."""
    v = np.asarray(values, dtype=float)
    order = np.argsort(v, kind="stable")
    number = np.empty(v.size, dtype=np.intp)
    steps = above(np.diff(v[order]), 0.0, np.abs(v).max(initial=0.0))
    number[order] = np.concatenate([[0], np.cumsum(steps)])[: v.size]
    return number
