"""Exact bounded least squares for thousands of small problems at once.

``minimise 1/2 u'Hu - g'u  subject to  lower <= u <= upper`` with H symmetric positive definite. Problems lie
along the LAST axis (H is (n, n, batch)): each arithmetic step then runs over all problems in one sweep.

The method is block principal pivoting: guess which unknowns sit at a bound, solve for the others, move every
unknown that violates a bound or an optimality condition, repeat. When the number of violations stops
falling, only the last violating unknown is moved (Murty's rule), which cannot cycle for a positive definite
H: Judice & Pires 1994, doi:10.1016/0305-0548(94)90106-6; Portugal, Judice & Vicente 1994,
doi:10.1090/S0025-5718-1994-1250776-4. The result satisfies the Karush-Kuhn-Tucker conditions, which for a
convex problem prove it to be the optimum; `kkt_residual` measures them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

TOLERANCE = 1e-11
"""Violations below this, in scaled unknowns, count as none."""

EPSILON = float(np.finfo(float).eps)

BLOCK_TRIES = 3
"""Block moves without progress before single moves begin."""


@dataclass(frozen=True)
class Solution:
    """Solutions of a batch.

    Parameters
    ----------
    u : ndarray (n, batch)
    at_bound : ndarray of int8 (n, batch)
        -1 at the lower bound, 1 at the upper, 0 free.
    rounds : int
        Pivoting rounds the slowest problem took.
    solved : ndarray of bool (batch,)
    """

    u: Array
    at_bound: NDArray[np.int8]
    rounds: int
    solved: NDArray[np.bool_]


def cholesky(h: Array) -> Array:
    """Lower Cholesky factors of (n, n, batch), row by row over the whole batch; NaN where not definite.

    A pivot below the rounding of its diagonal tells nothing: there H counts as not definite.
    """
    n = h.shape[0]
    factor = np.zeros_like(h)
    with np.errstate(invalid="ignore", divide="ignore"):
        for i in range(n):
            for j in range(i):
                value = h[i, j].copy()
                for k in range(j):
                    value -= factor[i, k] * factor[j, k]
                factor[i, j] = value / factor[j, j]
            value = h[i, i].copy()
            for k in range(i):
                value -= factor[i, k] * factor[i, k]
            factor[i, i] = np.sqrt(np.where(value > EPSILON * h[i, i], value, np.nan))
    return factor


def cholesky_solve(factor: Array, right: Array) -> Array:
    """Solve ``L L' u = right`` for right of shape (n, batch)."""
    n = factor.shape[0]
    u = right.copy()
    for i in range(n):
        for k in range(i):
            u[i] -= factor[i, k] * u[k]
        u[i] /= factor[i, i]
    for i in reversed(range(n)):
        for k in range(i + 1, n):
            u[i] -= factor[k, i] * u[k]
        u[i] /= factor[i, i]
    return u


def inverse(h: Array) -> Array:
    """Inverses of symmetric positive definite (n, n, batch)."""
    n, _, batch = h.shape
    scale = 1.0 / np.sqrt(np.einsum("iib->ib", h))
    factor = cholesky(h * scale[:, None] * scale[None])
    out = np.empty_like(h)
    for column in range(n):
        unit = np.zeros((n, batch))
        unit[column] = 1.0
        out[:, column] = cholesky_solve(factor, unit)
    return np.asarray(out * scale[:, None] * scale[None])


def _product(h: Array, u: Array) -> Array:
    return np.asarray(np.einsum("ijb,jb->ib", h, u))


def solve(h: Array, g: Array, lower: Array, upper: Array) -> Solution:
    """Solve a batch of bounded problems exactly.

    Parameters
    ----------
    h : ndarray (n, n, batch)
        Symmetric positive definite.
    g : ndarray (n, batch)
    lower, upper : ndarray (n, batch) or broadcastable
        Bounds; infinite where there is none, equal where an unknown is fixed.

    Returns
    -------
    Solution
        ``u`` is NaN where H is not definite or holds NaN.
    """
    n, batch = g.shape
    diagonal = np.einsum("iib->ib", h)
    scale, hs, gs, lo, hi = _scaled(h, g, lower, upper)
    size = np.maximum(np.abs(gs).max(axis=0, initial=0.0), 1e-300)
    fixed = lo == hi
    state = np.where(fixed, -1, 0).astype(np.int8)
    out = np.full((n, batch), np.nan)
    final = state.copy()
    solved = np.zeros(batch, dtype=bool)
    active = np.flatnonzero(np.all(np.isfinite(gs), axis=0) & np.all(np.isfinite(diagonal), axis=0))
    best = np.full(batch, n + 1)
    tries = np.full(batch, BLOCK_TRIES)
    rounds = 0
    limit = 10 * n + 3 * 2**n + 20
    while active.size and rounds < limit:
        rounds += 1
        if active.size == batch:
            ha, ga, la, ua, sa, fa, za = hs, gs, lo, hi, state, fixed, size
        else:
            ha, ga, la, ua = hs[..., active], gs[:, active], lo[:, active], hi[:, active]
            sa, fa, za = state[:, active], fixed[:, active], size[active]
        u = _solve_free(ha, ga, la, ua, sa)
        low, high, leave = _violations(u, _product(ha, u) - ga, la, ua, sa, fa, TOLERANCE * za)
        wrong = low | high | leave
        count = wrong.sum(axis=0)
        bad: NDArray[np.bool_] = np.any(~np.isfinite(u), axis=0)
        done = (count == 0) | bad
        finished = active[done]
        out[:, finished] = np.clip(u[:, done], la[:, done], ua[:, done])
        final[:, finished] = sa[:, done]
        solved[finished] = ~bad[done]
        going = ~done
        if not going.any():
            active = active[:0]
            break
        rest = active[going]
        low, high, leave, wrong = (some[:, going] for some in (low, high, leave, wrong))
        count = count[going]
        better = count < best[rest]
        best[rest] = np.where(better, count, best[rest])
        tries[rest] = np.where(better, BLOCK_TRIES, tries[rest] - 1)
        single = tries[rest] < 0
        if single.any():
            last = n - 1 - np.argmax(wrong[::-1], axis=0)
            only = np.arange(n)[:, None] == last
            keep = only | ~single
            low, high, leave = low & keep, high & keep, leave & keep
        new = state[:, rest]
        new[low] = -1
        new[high] = 1
        new[leave] = 0
        state[:, rest] = new
        active = rest
    polished = _refined(hs, gs, out, final)
    within = (polished >= lo) & (polished <= hi)
    out = np.where(within, polished, out)
    return Solution(out * scale, final, rounds, solved)


def _scaled(h: Array, g: Array, lower: Array, upper: Array) -> tuple[Array, Array, Array, Array, Array]:
    """Scales that give H a unit diagonal, and H, g and the bounds in unknowns so scaled."""
    diagonal = np.einsum("iib->ib", h)
    with np.errstate(invalid="ignore", divide="ignore"):
        scale = np.where(diagonal > 0.0, 1.0 / np.sqrt(diagonal), np.nan)
    lo = np.broadcast_to(lower, g.shape) / scale
    hi = np.broadcast_to(upper, g.shape) / scale
    return scale, h * scale[:, None] * scale[None], g * scale, lo, hi


def _violations(
    u: Array, gradient: Array, lower: Array, upper: Array, state: NDArray[np.int8], fixed: NDArray[np.bool_],
    room: Array,
) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_]]:  # fmt: skip
    """Unknowns below their lower bound, above their upper, and held by a bound that they want to leave."""
    free = state == 0
    low = free & (u < lower - room)
    high = free & (u > upper + room)
    leave = ~fixed & (((state < 0) & (gradient < -room)) | ((state > 0) & (gradient > room)))
    return low, high, leave


def _solve_free(h: Array, g: Array, lower: Array, upper: Array, state: NDArray[np.int8]) -> Array:
    """Solve for the free unknowns with the others at their bounds."""
    free = state == 0
    if free.all():
        return cholesky_solve(cholesky(h), g)
    held = np.where(free, 0.0, np.where(state < 0, lower, upper))
    loose = free.astype(float)
    masked = h * (loose[:, None] * loose[None])
    for i in range(g.shape[0]):
        masked[i, i] += 1.0 - loose[i]
    right = (g - _product(h, held)) * loose
    u = cholesky_solve(cholesky(masked), right)
    return np.where(free, u, held)


def _refined(h: Array, g: Array, u: Array, state: NDArray[np.int8]) -> Array:
    """One step of iterative refinement of the free unknowns."""
    free = state == 0
    step = _solve_free(h, g - _product(h, u), np.zeros_like(u), np.zeros_like(u), state)
    return np.where(free, u + step, u)


def kkt_residual(h: Array, g: Array, lower: Array, upper: Array, u: Array) -> Array:
    """How far a point is from optimal, dimensionless; 0 only at the optimum.

    In unknowns scaled so that H has a unit diagonal: the largest of the bound violations and of the gradient
    components that are not held by a bound, relative to the largest component of g. Found from `u` alone,
    without what the solver believed about its bounds.

    Returns
    -------
    ndarray (batch,)
    """
    scale = 1.0 / np.sqrt(np.einsum("iib->ib", h))
    us, lo, hi = u / scale, np.broadcast_to(lower, u.shape) / scale, np.broadcast_to(upper, u.shape) / scale
    gradient = (_product(h, u) - g) * scale
    size = np.maximum(np.abs(g * scale).max(axis=0), 1e-300)
    step = np.clip(us - gradient, lo, hi) - us
    outside = np.maximum(np.maximum(lo - us, us - hi), 0.0)
    return np.asarray(np.maximum(np.abs(step).max(axis=0), outside.max(axis=0)) / size)
