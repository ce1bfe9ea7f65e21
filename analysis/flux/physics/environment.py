"""Water and temperature carried from the depths of their probes to the depths where they are needed.

Linear between probes, constant beyond the last one, never further than a reach; the error grows with the
square root of the distance (Eq. E1 to E3). This is the best linear prediction of a quantity that wanders with
depth like Brownian motion (kriging with a linear variogram), so value and error belong together.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import ArrayLike, NDArray

from soilco2.analysis.flux.errors import FluxError
from soilco2.station_config.message import Message

Array = NDArray[np.float64]

ONE_DEPTH_M = 1e-6
"""Depths nearer to each other than this are one depth [m]: far below what anyone can measure."""


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


@dataclass(frozen=True)
class Carried:
    """Values at the wanted depths and where they come from.

    Parameters
    ----------
    value : ndarray (n, j)
        NaN where no probe is within reach.
    distance_sd : ndarray (n, j)
        Error of the carrying alone, one standard deviation, Eq. E3.
    above, below : ndarray of int (n, j)
        The two probes that each value comes from, numbered as they were given; the same one beyond the last.
    share : ndarray (n, j)
        Weight of `below`, Eq. E1.
    extrapolated : ndarray of bool (n, j)
        Whether the value lies beyond the outermost working probe.
    """

    value: Array
    distance_sd: Array
    above: NDArray[np.intp]
    below: NDArray[np.intp]
    share: Array
    extrapolated: NDArray[np.bool_]

    def at(self, rows: NDArray[np.bool_]) -> Carried:
        """The same for some of the times."""
        return Carried(*(getattr(self, item.name)[rows] for item in fields(self)))

    def of_probe(self, probe: int) -> Array:
        """Weight of one probe in each value, shape (n, j)."""
        return np.asarray((self.above == probe) * (1.0 - self.share) + (self.below == probe) * self.share)


def carry(
    values: NDArray[np.float64],
    source_m: ArrayLike,
    target_m: ArrayLike,
    reach_m: float,
    growth_per_sqrt_m: float,
) -> Carried:
    """Carry measurements to other depths.

    Between working probes at a and b: the straight line, Eq. E1, with variance ``g^2 (z - a)(b - z)/(b -
    a)``;
    beyond the outermost one: its value, with variance ``g^2`` times the distance, Eq. E2 and E3.

    Parameters
    ----------
    values : ndarray (n, k)
        Measurements; NaN where a probe gave none. The others then carry on, from further away.
    source_m : array_like (k,)
        Depths of the probes [m], in any order.
    target_m : array_like (j,)
        Depths wanted [m].
    reach_m : float
        How far beyond the outermost working probe a value may be carried [m].
    growth_per_sqrt_m : float
        Standard deviation g of the difference between two points one metre apart [unit of the values].

    Raises
    ------
    FluxError
        When two probes stand at one depth.
    """
    n, k = values.shape
    target = np.asarray(target_m, dtype=float)
    source = np.asarray(source_m, dtype=float)
    order = np.argsort(source, kind="stable")
    z = source[order]
    if np.any(np.diff(z) < ONE_DEPTH_M):
        raise FluxError(Message("two probes of one quantity stand at one depth; average them first"))
    shape = (n, len(target))
    if k == 0:
        nothing = np.full(shape, np.nan)
        zero = np.zeros(shape, dtype=np.intp)
        return Carried(nothing, nothing, zero, zero, np.zeros(shape), np.zeros(shape, dtype=bool))
    nearest = z[np.argmin(np.abs(target[:, None] - z), axis=1)]
    target = np.where(np.abs(target - nearest) < ONE_DEPTH_M, nearest, target)
    valid = np.isfinite(values[:, order])
    places = np.arange(k)
    last = np.maximum.accumulate(np.where(valid, places, -1), axis=1)
    following = np.minimum.accumulate(np.where(valid, places, k)[:, ::-1], axis=1)[:, ::-1]
    first_below = np.searchsorted(z, target, side="left")
    padded = np.column_stack([np.full(n, -1), last])
    at_or_above = np.searchsorted(z, target, side="right")
    above = padded[:, at_or_above]
    below = np.column_stack([following, np.full(n, k)])[:, first_below]
    no_above, no_below = above < 0, below >= k
    beyond = no_above ^ no_below
    above, below = np.where(no_above, below, above), np.where(no_below, above, below)
    absent = no_above & no_below
    above, below = np.where(absent, 0, above), np.where(absent, 0, below)
    a, b = z[above], z[below]
    gap = b - a
    share = np.divide(target - a, gap, out=np.zeros(shape), where=gap > 0.0)
    distance = np.where(beyond, np.abs(target - a), share * (b - target))
    rows = np.arange(n)[:, None]
    above, below = order[above], order[below]
    value = (1.0 - share) * values[rows, above] + share * values[rows, below]
    value[(distance > reach_m + ONE_DEPTH_M) & beyond | absent] = np.nan
    spread = np.where(np.isfinite(value), growth_per_sqrt_m * np.sqrt(np.maximum(distance, 0.0)), np.nan)
    return Carried(value, spread, above, below, share, beyond)
