"""Gradients of the CO2 mole fraction with depth, and the flux they drive.

Arrays are shaped (..., depth), levels from the top downward, depth in m positive downward; the surface, where
it is known, is simply the first level at depth 0. A positive gradient (CO2 rises with depth) drives a flux
upward. Equations G1 ... of ``docs/methods/flux/equations.md``.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from soilco2.analysis.flux.errors import FluxError
from soilco2.analysis.rounding import ROUNDING, below
from soilco2.station_config.message import Message

Array = NDArray[np.float64]


def sort_by_depth(depth_m: ArrayLike, *values: ArrayLike) -> tuple[Array, ...]:
    """Depths and arrays shaped (..., depth) in the order of increasing depth."""
    z = np.asarray(depth_m, dtype=float)
    order = np.argsort(z, kind="stable")
    return (z[order], *(np.asarray(value, dtype=float)[..., order] for value in values))


def harmonic_mean(values: ArrayLike, thickness_m: ArrayLike) -> Array:
    """Thickness-weighted harmonic mean along the last axis, Eq. G1: ``sum h / sum(h / k)``.

    Layers in series resist one after the other, so their conductances combine harmonically.
    """
    h = np.asarray(thickness_m, dtype=float)
    return np.asarray(np.sum(h + 0.0 * np.asarray(values), axis=-1) / np.sum(h / np.asarray(values), axis=-1))


def pairwise_ppm_m(co2_ppm: ArrayLike, depth_m: ArrayLike) -> Array:
    """Gradient between neighbouring levels, Eq. G2 [ppm m-1], shape (..., depth - 1)."""
    return np.asarray(np.diff(np.asarray(co2_ppm, dtype=float)) / np.diff(np.asarray(depth_m, dtype=float)))


def regression(values: ArrayLike, depth_m: ArrayLike) -> tuple[Array, Array]:
    """Least-squares line of values on depth, Eq. G3.

    Returns
    -------
    slope, intercept : ndarray (...)
        Slope [unit m-1] and value at depth 0 [unit].
    """
    y = np.asarray(values, dtype=float)
    z = np.asarray(depth_m, dtype=float)
    centred = z - z.mean(axis=-1, keepdims=True)
    slope = np.sum(centred * y, axis=-1) / np.sum(centred * centred, axis=-1)
    return np.asarray(slope), np.asarray(y.mean(axis=-1) - slope * z.mean(axis=-1))


def layer_regression_ppm_m(co2_ppm: ArrayLike, depth_m: ArrayLike, edges_m: ArrayLike) -> Array:
    """Slope of a regression on the levels inside each layer, edges included, Eq. G3 [ppm m-1].

    Returns
    -------
    ndarray (..., layers)
        NaN for a layer with fewer than two levels; the other layers are still answered.
    """
    x = np.asarray(co2_ppm, dtype=float)
    z = np.asarray(depth_m, dtype=float)
    edges = np.asarray(edges_m, dtype=float)
    out = np.full((*x.shape[:-1], len(edges) - 1), np.nan)
    for layer, (top, bottom) in enumerate(itertools.pairwise(edges)):
        inside = (z >= top - 1e-9) & (z <= bottom + 1e-9)
        if inside.sum() >= 2:
            out[..., layer] = regression(x[..., inside], z[inside])[0]
    return out


def spline_ppm_m(co2_ppm: ArrayLike, depth_m: ArrayLike, knots_m: ArrayLike) -> Array:
    """Slopes of a continuous broken line fitted by least squares, Eq. G4 [ppm m-1].

    Parameters
    ----------
    knots_m : array_like (l - 1,)
        Depths where the line may bend [m], between the first and the last level.

    Returns
    -------
    ndarray (..., l)
        Slope in each of the l layers between first level, knots and last level.

    Raises
    ------
    FluxError
        When there are more slopes than the levels can tell.
    """
    x = np.asarray(co2_ppm, dtype=float)
    z = np.asarray(depth_m, dtype=float)
    knots = np.concatenate([[z[0]], np.asarray(knots_m, dtype=float), [z[-1]]])
    basis = np.clip((z[:, None] - knots[:-1]) / np.diff(knots), 0.0, 1.0) * np.diff(knots)
    design = np.column_stack([np.ones(len(z)), basis])
    if np.linalg.matrix_rank(design, rtol=ROUNDING) < design.shape[1]:
        raise FluxError(
            Message(
                "{levels} levels cannot tell {slopes} slopes; give fewer knots",
                levels=len(z),
                slopes=len(knots) - 1,
            )
        )
    return np.asarray(x @ np.linalg.pinv(design)[1:].T)


def spline_at_ppm_m(co2_ppm: ArrayLike, depth_m: ArrayLike, edges_m: ArrayLike) -> Array:
    """The slopes of `spline_ppm_m` where every profile has its own depths, Eq. G4 [ppm m-1], shape (..., l).

    Parameters
    ----------
    co2_ppm, depth_m : array_like (..., depth)
    edges_m : array_like (l + 1,)
        First level, knots, last level [m]; a level displaced beyond an end keeps the slope there.

    Returns
    -------
    ndarray (..., l)
        NaN where there are more slopes than the levels can tell.
    """
    x, z, edges = (np.asarray(value, dtype=float) for value in (co2_ppm, depth_m, edges_m))
    low, high = edges[:-1].copy(), edges[1:].copy()
    low[0], high[-1] = -np.inf, np.inf
    basis = np.clip(z[..., None], low, high) - edges[:-1]
    design = np.concatenate([np.ones((*basis.shape[:-1], 1)), basis], axis=-1)
    if np.linalg.matrix_rank(design, rtol=ROUNDING).min() < design.shape[-1]:
        return np.full((*np.broadcast_shapes(x.shape, z.shape)[:-1], len(edges) - 1), np.nan)
    return np.asarray((np.linalg.pinv(design) @ x[..., None])[..., 1:, 0])


def flux_umol_m2_s(gradient_ppm_m: ArrayLike, conductivity_mol_m_s: ArrayLike) -> Array:
    """Fick's first law for mole fractions, Eq. G5: ``F = c_air Ds dx/dz`` [umol m-2 s-1], positive upward.

    Parameters
    ----------
    gradient_ppm_m : array_like
        Rise of the mole fraction with depth [ppm m-1].
    conductivity_mol_m_s : array_like
        Air density times soil diffusivity, ``c_air Ds`` [mol m-1 s-1]. The air density stands outside the
        derivative: temperature alone drives no diffusion.
    """
    return np.asarray(np.asarray(gradient_ppm_m, dtype=float) * np.asarray(conductivity_mol_m_s, dtype=float))


_EXACT = 1e-11
"""Residual of a curve through the values, as a part of them, that is rounding: 1e5 times double precision."""


def _minimise(
    curve: Callable[[Array, Array], Array], x: Array, y: Array, grid: Array, weight_first: float | None
) -> tuple[Array, NDArray[np.bool_]]:
    """Least squares of ``y = A + B curve(x, shape)`` over a positive shape: a grid, then a search on its logarithm.

    Returns the shape for each of the batch, and whether it lies inside the grid. Of shapes that fit y equally well the
    smallest is taken: a sum of squares that rounding alone may leave counts as none.
    """
    from scipy.optimize.elementwise import find_minimum  # a tenth of a second to import, for two methods only

    batch, levels = y.shape[:-1], y.shape[-1]
    x, y = np.broadcast_to(x, y.shape).reshape(-1, levels), y.reshape(-1, levels)
    floor = np.sum((_EXACT * y) ** 2, axis=-1)

    def cost(log: Array, row: NDArray[np.intp]) -> Array:
        squares = _line_through(curve(x[row], np.exp(log)[..., None]), y[row], weight_first)[2]
        return np.maximum(squares, floor[row])

    logs, rows = np.log(grid), np.arange(len(y))
    costs = np.stack([cost(value, rows) for value in logs])
    costs = np.where(np.isfinite(costs), costs, np.inf)
    best = np.argmin(costs, axis=0)
    middle = np.clip(best, 1, len(grid) - 2)
    found = find_minimum(cost, (logs[middle - 1], logs[middle], logs[middle + 1]), args=(rows,))
    inside = (best > 0) & (best < len(grid) - 1)
    return np.where(inside, np.exp(found.x), grid[best]).reshape(batch), inside.reshape(batch)


def _line_through(basis: Array, y: Array, weight_first: float | None) -> tuple[Array, Array, Array]:
    """Least squares ``y = A + B basis``; with `weight_first` None, A is the first value of y. Returns A,
    B, cost.
    """
    if weight_first is None:
        a = y[..., 0]
        b = np.sum(basis * (y - a[..., None]), axis=-1) / np.sum(basis * basis, axis=-1)
    else:
        mean_b, mean_y = basis.mean(axis=-1, keepdims=True), y.mean(axis=-1, keepdims=True)
        db = basis - mean_b
        b = np.sum(db * (y - mean_y), axis=-1) / np.sum(db * db, axis=-1)
        a = mean_y[..., 0] - b * mean_b[..., 0]
    rest = y - a[..., None] - b[..., None] * basis
    return a, b, np.sum(rest * rest, axis=-1)


def power_law_ppm_m(co2_ppm: ArrayLike, depth_m: ArrayLike, at_m: ArrayLike) -> Array:
    """Gradient of a power law, Eq. G6 and G7 [ppm m-1], shape (..., at).

    ``x = A + B h^C`` with h the height above the lowest level; its derivative with depth is
    ``-C B h^(C - 1)`` with the same fitted B. NaN where the levels cannot determine the exponent.

    Parameters
    ----------
    co2_ppm : array_like (..., depth)
    depth_m : array_like (depth,)
        At least three levels [m].
    at_m : array_like (at,)
        Depths where the gradient is wanted [m], above the lowest level.
    """
    y = np.asarray(co2_ppm, dtype=float)
    z = np.asarray(depth_m, dtype=float)
    h = z[..., -1:] - z
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        exponent, inside = _minimise(np.power, h, y, np.geomspace(0.02, 50, 60), 1.0)
        _, b, _ = _line_through(h ** exponent[..., None], y, 1.0)
        height = z[..., -1:] - np.asarray(at_m, dtype=float)
        slope = -exponent[..., None] * b[..., None] * height ** (exponent[..., None] - 1.0)
    return np.asarray(np.where(inside[..., None], slope, np.nan))


def saturating_ppm_m(co2_ppm: ArrayLike, depth_m: ArrayLike, at_m: ArrayLike) -> Array:
    """Gradient of a saturating exponential, Eq. G8 and G9 [ppm m-1], shape (..., at).

    ``x = x_1 + B (1 - exp(-k (z - z_1)))`` (Davidson et al. 2006, doi:10.1111/j.1365-2486.2005.01142.x) with
    x_1 the value at the first level; its derivative is ``k B exp(-k (z - z_1))`` with the same fitted B. The
    curve is the steady state of a production that fades exponentially with depth in a soil of constant
    diffusivity. A straight profile is its limit for small k; NaN where CO2 rises ever faster with depth.
    """
    y = np.asarray(co2_ppm, dtype=float)
    z = np.asarray(depth_m, dtype=float)
    d = z - z[..., :1]
    span = d[..., -1:]
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        k, _ = _minimise(lambda x, k: -np.expm1(-k * x), d / span, y, np.geomspace(1e-4, 2e3, 80), None)
        _, b, _ = _line_through(-np.expm1(-k[..., None] * d / span), y, None)
        below = np.asarray(at_m, dtype=float) - z[..., :1]
        slope = (k * b)[..., None] / span * np.exp(-k[..., None] * below / span)
    determined = (k < 1.5e3) & _not_convex(y, z)
    return np.asarray(np.where(determined[..., None], slope, np.nan))


def _not_convex(y: Array, z: Array) -> NDArray[np.bool_]:
    """Whether the mean slope of the upper half is at least 98 % of the lower half's (a rising, bending
    curve).
    """
    slopes = np.diff(y) / np.diff(z)
    level = np.abs(y).max(axis=-1) / np.diff(z).min(axis=-1)
    return ~below(np.abs(slopes[..., 0]), 0.98 * np.abs(slopes[..., -1]), level)
