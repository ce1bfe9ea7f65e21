"""Water and temperature carried from the depths of their probes to the depths where they are needed.

Linear between probes, constant beyond the last one, never further than a reach; the error grows with the
square root of the distance (Eq. E1 to E3). This is the best linear prediction of a quantity that wanders with
depth like Brownian motion (kriging with a linear variogram), so value and error belong together.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analysis.flux.errors import FluxError

Array = NDArray[np.float64]


def patterns(valid: NDArray[np.bool_]) -> Iterator[tuple[NDArray[np.bool_], NDArray[np.intp]]]:
    """Split rows by which of their columns are valid.

    Parameters
    ----------
    valid : ndarray of bool (n, k)

    Yields
    ------
    (columns, rows)
        ``columns`` bool (k,), ``rows`` the indices of all rows with exactly these columns valid.
    """
    if valid.shape[0] == 0:
        return
    packed = np.packbits(valid, axis=1)
    _, first, inverse = np.unique(packed, axis=0, return_index=True, return_inverse=True)
    order = np.argsort(inverse, kind="stable")
    stops = np.cumsum(np.bincount(inverse.ravel(), minlength=len(first)))
    start = 0
    for which, stop in zip(first, stops, strict=True):
        yield valid[which], order[start:stop]
        start = stop


def linear_weights(source_m: ArrayLike, target_m: ArrayLike, reach_m: float) -> tuple[Array, Array]:
    """Weights and distance term of the carrying, Eq. E1 and E2.

    Parameters
    ----------
    source_m : array_like (k,)
        Depths of the probes [m], in any order, no two alike.
    target_m : array_like (j,)
        Depths wanted [m].
    reach_m : float
        How far beyond the outermost probe a value may be carried [m].

    Returns
    -------
    weights : ndarray (j, k)
        Rows add up to 1; NaN for a target out of reach.
    distance_m : ndarray (j,)
        Eq. E2: ``(z - a)(b - z)/(b - a)`` between probes at a and b, the distance to the last probe beyond
        [m]; times the squared growth per metre it is the variance of the carried value.
    """
    source = np.asarray(source_m, dtype=float)
    target = np.asarray(target_m, dtype=float)
    order = np.argsort(source, kind="stable")
    z = source[order]
    k = len(z)
    upper = np.clip(np.searchsorted(z, target, side="right"), 1, max(k - 1, 1))
    weights = np.zeros((len(target), k))
    rows = np.arange(len(target))
    if k > 1:
        a, b = z[upper - 1], z[upper]
        if np.any(np.diff(z) <= 0.0):
            raise FluxError("two probes of one quantity stand at one depth; average them first")
        share = np.clip((target - a) / (b - a), 0.0, 1.0)
        weights[rows, order[upper - 1]] = 1.0 - share
        weights[rows, order[upper]] += share
        inside = np.clip((target - a) * (b - target) / (b - a), 0.0, None)
    else:
        weights[:, 0] = 1.0
        inside = np.zeros(len(target))
    beyond = np.maximum(np.maximum(z[0] - target, target - z[-1]), 0.0)
    weights[beyond > reach_m + 1e-12] = np.nan
    return weights, np.where(beyond > 0.0, beyond, inside)


@dataclass(frozen=True)
class Carried:
    """Values at the wanted depths and where they come from.

    Parameters
    ----------
    value : ndarray (n, j)
        NaN where no probe is within reach.
    distance_sd : ndarray (n, j)
        Error of the carrying alone, one standard deviation, Eq. E3.
    weights : ndarray (p, j, k)
        Weights of the probes for each pattern of working probes.
    pattern : ndarray of int (n,)
        Row of `weights` that belongs to each time.
    extrapolated : ndarray of bool (n, j)
        Whether the value lies beyond the outermost working probe.
    """

    value: Array
    distance_sd: Array
    weights: Array
    pattern: NDArray[np.intp]
    extrapolated: NDArray[np.bool_]

    def at(self, rows: NDArray[np.bool_]) -> Carried:
        """The same for some of the times."""
        return Carried(
            self.value[rows], self.distance_sd[rows], self.weights, self.pattern[rows], self.extrapolated[rows]
        )

    def of_probe(self, probe: int) -> Array:
        """Weight of one probe in each value, shape (n, j)."""
        return np.asarray(self.weights[:, :, probe][self.pattern])


def carry(
    values: NDArray[np.float64],
    source_m: ArrayLike,
    target_m: ArrayLike,
    reach_m: float,
    growth_per_sqrt_m: float,
) -> Carried:
    """Carry measurements to other depths.

    Parameters
    ----------
    values : ndarray (n, k)
        Measurements; NaN where a probe gave none. The others then carry on, from further away.
    source_m : array_like (k,)
        Depths of the probes [m].
    target_m : array_like (j,)
        Depths wanted [m].
    reach_m : float
        Reach beyond the outermost working probe [m].
    growth_per_sqrt_m : float
        Standard deviation of the difference between two points one metre apart [unit of the values]; the
        error of a value carried by d grows as its product with sqrt(d), Eq. E3.

    Raises
    ------
    FluxError
        When two probes stand at one depth.
    """
    n, k = values.shape
    target = np.asarray(target_m, dtype=float)
    source = np.asarray(source_m, dtype=float)
    valid = np.isfinite(values)
    out = np.full((n, len(target)), np.nan)
    spread = np.full((n, len(target)), np.nan)
    beyond = np.zeros((n, len(target)), dtype=bool)
    index = np.zeros(n, dtype=np.intp)
    tables: list[Array] = []
    for columns, rows in patterns(valid):
        full = np.full((len(target), k), 0.0)
        index[rows] = len(tables)
        tables.append(full)
        if not columns.any():
            continue
        weights, distance = linear_weights(source[columns], target, reach_m)
        full[:, columns] = np.nan_to_num(weights)
        out[rows] = np.einsum("nk,jk->nj", values[np.ix_(rows, np.flatnonzero(columns))], weights)
        spread[rows] = np.where(np.isnan(weights[:, 0]), np.nan, growth_per_sqrt_m * np.sqrt(distance))
        beyond[rows] = (target < source[columns].min()) | (target > source[columns].max())
    return Carried(out, spread, np.stack(tables) if tables else np.zeros((0, len(target), k)), index, beyond)
