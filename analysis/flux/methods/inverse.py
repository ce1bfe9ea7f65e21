"""Production by layer from a profile of mole fractions: exact bounded least squares, in batches.

Unknowns are the mole fraction at the surface, the flux from below and the production of each layer. The
modelled mole fraction is linear in them (Eq. I1 to I3), so the fit with bounds and a smoothness prior
(I4, I5) is a convex quadratic problem with one solution, which `bounded.solve` finds and proves.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from soilco2.analysis.flux.errors import FluxError
from soilco2.analysis.flux.methods import bounded
from soilco2.analysis.flux.physics.column import split
from soilco2.station_config.message import Message

Array = NDArray[np.float64]

SURFACE, BOTTOM = 0, 1
"""Rows of the unknowns: surface mole fraction [ppm], flux from below [umol m-2 s-1]; then the layers
[umol m-3 s-1]."""


def steps(edges_m: ArrayLike, observed_m: ArrayLike) -> Array:
    """Depths where anything changes, from 0 downward [m]: layer edges and observations."""
    z = np.unique(np.concatenate([[0.0], np.asarray(edges_m, float), np.asarray(observed_m, float)]))
    return z[z >= 0.0]


def design(
    step_edges_m: Array,
    conductivity: Array,
    layer_edges_m: Array,
    observed_m: Array,
    thickness_m: Array | None = None,
) -> Array:
    """Modelled mole fraction per unit of each unknown, Eq. I1 to I3.

    Parameters
    ----------
    step_edges_m : ndarray (s + 1,)
        From 0 to the bottom [m]; every layer edge and every observed depth is among them.
    conductivity : ndarray (s, batch)
        ``c_air Ds`` of each step [mol m-1 s-1].
    layer_edges_m : ndarray (m + 1,)
        Production layers [m], from 0 to the bottom; constant production in each.
    observed_m : ndarray (o,)
        Depths of the observations [m].
    thickness_m : ndarray (s, batch), optional
        Thickness of each step where it is not what the edges say (displaced sensors) [m].

    Returns
    -------
    ndarray (o, m + 2, batch)
        [ppm per unit of the unknown].

    Raises
    ------
    FluxError
        When an observation is no edge, or the layers do not reach from the surface to the bottom.
    """
    thickness = np.diff(step_edges_m)[:, None] if thickness_m is None else thickness_m
    resistance = thickness / conductivity
    s, batch = resistance.shape
    m = len(layer_edges_m) - 1
    middle = (step_edges_m[1:] + step_edges_m[:-1]) / 2.0
    layer = np.searchsorted(layer_edges_m, middle, side="right") - 1
    if layer.min() < 0 or layer.max() >= m:
        raise FluxError(Message("production layers must reach from the surface to the lowest observation"))
    at = np.argmin(np.abs(step_edges_m[:, None] - observed_m), axis=0)
    if np.any(np.abs(step_edges_m[at] - observed_m) > 1e-8):
        raise FluxError(Message("every observed depth must be the edge of a step"))
    out = np.zeros((len(observed_m), m + 2, batch))
    out[:, SURFACE] = 1.0
    below = np.zeros((m, s + 1, batch))
    for i in reversed(range(s)):
        below[:, i] = below[:, i + 1]
        below[layer[i], i] = below[layer[i], i] + thickness[i]
    running = np.zeros((m + 1, batch))
    for i in range(s):
        running[0] += resistance[i]
        running[1:] += below[:, i + 1] * resistance[i]
        running[1 + layer[i]] += 0.5 * thickness[i] * resistance[i]
        for o in np.flatnonzero(at == i + 1):
            out[o, 1:] = running
    return out


LEAST_OBSERVED = {"free": 3, "zero": 2}
"""Observations that determine what the prior leaves free: the surface, the mean production and a free flux from below.
With fewer the system is singular, whatever rounding makes of its pivots."""

UNIT_STEP = 1.0 / 50.0
"""Variance of the change of production over an e-fold of depth, in (smoothness S)^2, Eq. I4. Set so that 95 %
intervals of production cover 95 % on simulated stations (``benchmarks/calibrate_flux.py``, with other seeds)."""

SMALLEST_FLUX = 0.01
"""Flux below which the prior does not shrink further [umol m-2 s-1]."""

PIECE = 2000
"""Profiles solved at once: the working arrays then stay in the processor's cache."""


@dataclass(frozen=True)
class Inverse:
    """Result of the inverse model for a batch of profiles.

    Parameters
    ----------
    surface_ppm : ndarray (batch,)
        Fitted mole fraction at the surface [ppm].
    bottom_flux : ndarray (batch,)
        Flux entering from below [umol m-2 s-1].
    production : ndarray (batch, m)
        Production of each layer [umol m-3 s-1], net of storage change.
    efflux : ndarray (batch,)
        Flux at the surface [umol m-2 s-1].
    fitted_ppm : ndarray (batch, o)
    kkt : ndarray (batch,)
        Optimality residual; NaN unless asked for.
    covariance : ndarray (batch, m + 2, m + 2) or None
        Posterior covariance without the bounds, Eq. I6.
    free_estimate : ndarray (batch, m + 2) or None
        Posterior mean without the bounds.
    smoothing_sd, noise_sd : ndarray (batch,) or None
        The two parts of the efflux error: what the prior filled in, and what the data brought, Eq. I7.
    production_smoothing_sd : ndarray (batch, m) or None
        What the prior filled in of the production of each layer, Eq. I7.
    at_bound : ndarray of int8 (batch, m + 2)
    """

    surface_ppm: Array
    bottom_flux: Array
    production: Array
    efflux: Array
    fitted_ppm: Array
    kkt: Array
    solved: NDArray[np.bool_]
    at_bound: NDArray[np.int8]
    covariance: Array | None = None
    free_estimate: Array | None = None
    smoothing_sd: Array | None = None
    noise_sd: Array | None = None
    production_smoothing_sd: Array | None = None


def prior_scale(layer_flux: ArrayLike, depth_m: float) -> Array:
    """Size of production to which the smoothness refers, Eq. I4 [umol m-3 s-1], shape (batch,).

    ``2 max|F_i| / depth``: a production that fades linearly from the surface to nothing at the lowest level
    and makes the largest flux seen in any layer starts with it.

    Parameters
    ----------
    layer_flux : array_like (batch, layers)
        Fluxes between the levels [umol m-2 s-1].
    depth_m : float
        Depth of the lowest level [m].
    """
    largest = np.abs(np.asarray(layer_flux, dtype=float)).max(axis=-1)
    return np.asarray(2.0 * np.maximum(largest, SMALLEST_FLUX) / depth_m)


def production_layers(levels_m: ArrayLike, finest_m: float = 0.06) -> Array:
    """Edges of production layers [m]: the levels; layers thicker than ``max(finest, top)`` are split."""
    return split(np.unique(np.concatenate([[0.0], np.asarray(levels_m, dtype=float)])), finest_m)


def _add_prior(h: Array, layers: Array, spread: Array) -> None:
    """Add to H that neighbouring layers are alike, Eq. I4; `spread` is the smoothness times S [umol m-3 s-1]."""
    middles = (layers[1:] + layers[:-1]) / 2.0
    share = UNIT_STEP * np.diff(np.log(middles))
    precision = 1.0 / spread**2 + np.zeros(h.shape[2])
    for j in range(h.shape[0] - 3):
        a, b = 2 + j, 3 + j
        p = precision / share[j]
        h[a, a] += p
        h[b, b] += p
        h[a, b] -= p
        h[b, a] -= p


SMOOTHNESS = np.geomspace(0.25, 64.0, 9)
"""Values of the smoothness that the data choose among."""

SMOOTHNESS_SD_LN = 1.0
"""Spread of ln(smoothness) about 0 before the data were seen: few levels say little about it, and it stays near 1."""


def evident_smoothness(
    co2_ppm: ArrayLike, observed_m: ArrayLike, step_edges_m: ArrayLike, conductivity: ArrayLike,
    layer_edges_m: ArrayLike, sd_ppm: ArrayLike, scale_umol_m3_s: ArrayLike, bottom: str = "free",
) -> Array:  # fmt: skip
    """Smoothness that each profile itself speaks for, Eq. I8, shape (batch,); arguments as in `invert`.

    The mean of ln s over its posterior, from the restricted likelihood of s (Patterson & Thompson 1971,
    doi:10.1093/biomet/58.3.545; as for splines in Wahba 1985, doi:10.1214/aos/1176349743) without the bounds.
    """
    x = np.asarray(co2_ppm, dtype=float).T
    layers = np.asarray(layer_edges_m, dtype=float)
    g_matrix = design(
        np.asarray(step_edges_m, float),
        np.asarray(conductivity, float).T,
        layers,
        np.asarray(observed_m, float),
    )
    count, n, batch = g_matrix.shape
    inverse_sd = 1.0 / np.broadcast_to(np.asarray(sd_ppm, dtype=float), (batch, count)).T
    weighted = g_matrix * inverse_sd[:, None]
    x = (x - x.mean(axis=0)) * inverse_sd  # a shift of all is the surface's, and costs digits
    keep = np.array([i for i in range(n) if not (bottom == "zero" and i == BOTTOM)])
    weighted = weighted[:, keep]
    data, right = _gram(weighted), np.einsum("oib,ob->ib", weighted, x)
    log = np.empty((len(SMOOTHNESS), batch))
    scale = np.asarray(scale_umol_m3_s, dtype=float)
    for which, s in enumerate(SMOOTHNESS):
        whole = np.zeros((n, n, batch))
        _add_prior(whole, layers, s * scale)
        h = data + whole[np.ix_(keep, keep)]
        unit = 1.0 / np.sqrt(np.einsum("iib->ib", h))
        factor = bounded.cholesky(h * unit[:, None] * unit[None])
        u = bounded.cholesky_solve(factor, right * unit) * unit
        half_determinant = np.sum(np.log(np.einsum("iib->ib", factor)) - np.log(unit), axis=0)
        fit = np.einsum("ib,ib->b", right, u)
        log[which] = 0.5 * fit - half_determinant - (n - 3) * np.log(s)
    log -= 0.5 * (np.log(SMOOTHNESS)[:, None] / SMOOTHNESS_SD_LN) ** 2
    weight = np.exp(log - log.max(axis=0))
    return np.asarray(np.exp(np.log(SMOOTHNESS) @ weight / weight.sum(axis=0)))


def _bounds(unknowns: int, bottom: str, lowest_production: float) -> tuple[Array, Array]:
    """Lower and upper bounds of the unknowns, one column each."""
    lower = np.full((unknowns, 1), lowest_production)
    upper = np.full((unknowns, 1), np.inf)
    lower[SURFACE] = -np.inf
    lower[BOTTOM] = 0.0
    if bottom == "zero":
        upper[BOTTOM] = 0.0
    return lower, upper


def invert(
    co2_ppm: ArrayLike,
    observed_m: ArrayLike,
    step_edges_m: ArrayLike,
    conductivity: ArrayLike,
    layer_edges_m: ArrayLike,
    sd_ppm: ArrayLike,
    scale_umol_m3_s: ArrayLike,
    smoothness: ArrayLike = 1.0,
    bottom: str = "free",
    lowest_production: float = 0.0,
    posterior: bool = False,
    check: bool = False,
    thickness_m: ArrayLike | None = None,
) -> Inverse:
    """Fit production by layer to profiles, Eq. I5.

    Parameters
    ----------
    co2_ppm : array_like (batch, o)
        Observed mole fractions, the surface (depth 0) among them where known [ppm].
    observed_m : array_like (o,)
        Their depths [m].
    step_edges_m : array_like (s + 1,)
        Steps of constant conductivity [m], see `steps`.
    conductivity : array_like (batch, s)
        ``c_air Ds`` [mol m-1 s-1].
    layer_edges_m : array_like (m + 1,)
        Production layers [m].
    sd_ppm : array_like (batch, o) or broadcastable
        One standard deviation of each observation [ppm].
    scale_umol_m3_s : array_like (batch,)
        Size of production (`prior_scale`).
    smoothness : array_like (batch,) or float
        Prior: neighbouring layers differ by N(0, (smoothness scale)^2 ln(z2 / z1) / 50), z1 and z2 their middles.
        Larger is looser; there is no prior on the mean.
    bottom : {"free", "zero"}
        Flux from below: free but not negative, or zero.
    lowest_production : float
        Lower bound of production [umol m-3 s-1]; ``-inf`` for none.
    posterior : bool
        Whether to return the posterior.
    check : bool
        Whether to return the KKT residual.
    thickness_m : array_like (batch, s), optional
        Thickness of each step in each profile where sensors are displaced [m].

    Raises
    ------
    FluxError
        When bounds or layers make no sense.
    """
    batch = np.shape(co2_ppm)[0]
    if batch > PIECE:
        options = {
            "bottom": bottom,
            "lowest_production": lowest_production,
            "posterior": posterior,
            "check": check,
        }
        return _by_pieces(
            batch, co2_ppm, observed_m, step_edges_m, conductivity, layer_edges_m, sd_ppm,
            np.asarray(smoothness, dtype=float) * np.asarray(scale_umol_m3_s, dtype=float), thickness_m, options,
        )  # fmt: skip
    if bottom not in ("free", "zero"):
        raise FluxError(Message("bottom flux {bottom!r}: 'free' or 'zero' is expected", bottom=bottom))
    x = np.ascontiguousarray(np.asarray(co2_ppm, dtype=float).T)
    depths = np.asarray(observed_m, dtype=float)
    layers = np.asarray(layer_edges_m, dtype=float)
    edges = np.asarray(step_edges_m, dtype=float)
    thickness = None if thickness_m is None else np.asarray(thickness_m, dtype=float).T
    g_matrix = design(edges, np.asarray(conductivity, float).T, layers, depths, thickness)
    count, n, batch = g_matrix.shape
    if count < LEAST_OBSERVED[bottom]:
        x = np.full_like(x, np.nan)
    inverse_sd = 1.0 / np.broadcast_to(np.asarray(sd_ppm, dtype=float), (batch, count)).T
    weighted = g_matrix * inverse_sd[:, None]
    right = np.einsum("oib,ob->ib", weighted, x * inverse_sd)
    data = _gram(weighted)
    h = data.copy()
    _add_prior(h, layers, np.asarray(smoothness, dtype=float) * np.asarray(scale_umol_m3_s, dtype=float))
    lower, upper = _bounds(n, bottom, lowest_production)
    solution, u = _without_surface(h, right, lower, upper)
    to_efflux = _to_efflux(edges, layers, thickness)
    extra: dict[str, Array] = {}
    if posterior:
        extra = _posterior(h, data, right, to_efflux, bottom)
    residual = bounded.kkt_residual(h, right, lower, upper, u) if check else np.full(batch, np.nan)
    return Inverse(
        u[SURFACE], u[BOTTOM], u[2:].T, np.sum(to_efflux * u, axis=0), np.einsum("oib,ib->bo", g_matrix, u),
        residual, solution.solved, np.pad(solution.at_bound.T, ((0, 0), (1, 0))), **extra,
    )  # fmt: skip


def _without_surface(h: Array, right: Array, lower: Array, upper: Array) -> tuple[bounded.Solution, Array]:
    """Solve with the mole fraction at the surface, which has no bounds, eliminated (Schur complement)."""
    rest = slice(1, None)
    ratio = h[rest, SURFACE] / h[SURFACE, SURFACE]
    reduced = h[rest, rest] - ratio[:, None] * h[SURFACE, None, rest]
    solution = bounded.solve(reduced, right[rest] - ratio * right[SURFACE], lower[rest], upper[rest])
    x0 = (right[SURFACE] - np.einsum("ib,ib->b", h[SURFACE, rest], solution.u)) / h[SURFACE, SURFACE]
    return solution, np.concatenate([x0[None], solution.u])


def _by_pieces(
    batch: int, x: ArrayLike, z: ArrayLike, edges: ArrayLike, k: ArrayLike, layers: ArrayLike, sd: ArrayLike,
    scale: ArrayLike, thickness: ArrayLike | None, options: dict[str, Any],
) -> Inverse:  # fmt: skip
    xs, ks = np.asarray(x, dtype=float), np.asarray(k, dtype=float)
    sds = np.broadcast_to(np.asarray(sd, dtype=float), xs.shape)
    scales = np.broadcast_to(np.asarray(scale, dtype=float), (batch,))
    parts = []
    for start in range(0, batch, PIECE):
        p = slice(start, start + PIECE)
        own = None if thickness is None else np.asarray(thickness)[p]
        parts.append(invert(xs[p], z, edges, ks[p], layers, sds[p], scales[p], thickness_m=own, **options))
    joined: dict[str, Any] = {}
    for item in fields(Inverse):
        values = [getattr(part, item.name) for part in parts]
        joined[item.name] = None if values[0] is None else np.concatenate(values)
    return Inverse(**joined)


def _to_efflux(edges: Array, layers: Array, thickness: Array | None) -> Array:
    """What each unknown gives to the efflux, (n, 1) or (n, batch): flux from below, production times thickness."""
    if thickness is None:
        thickness = np.diff(edges)[:, None]
    of_step = np.searchsorted(layers, (edges[1:] + edges[:-1]) / 2.0, side="right") - 1
    out = np.zeros((len(layers) + 1, thickness.shape[1]))
    out[BOTTOM] = 1.0
    for step, layer in enumerate(of_step):
        out[2 + layer] += thickness[step]
    return out


def _gram(a: Array) -> Array:
    n = a.shape[1]
    out = np.empty((n, n, a.shape[2]))
    for i in range(n):
        for j in range(i + 1):
            out[i, j] = out[j, i] = np.einsum("ob,ob->b", a[:, i], a[:, j])
    return out


def _posterior(h: Array, data: Array, right: Array, to_efflux: Array, bottom: str) -> dict[str, Array]:
    n, _, batch = h.shape
    keep = np.array([i for i in range(n) if not (bottom == "zero" and i == BOTTOM)])
    small = bounded.inverse(h[np.ix_(keep, keep)])
    covariance = np.zeros((batch, n, n))
    covariance[np.ix_(np.arange(batch), keep, keep)] = small.transpose(2, 0, 1)
    mean = np.zeros((batch, n))
    mean[:, keep] = np.einsum("ijb,jb->bi", small, right[keep])
    weights = np.broadcast_to(to_efflux, (n, batch))[keep]
    row = np.einsum("ijb,jb->ib", small, weights)
    kept_data = data[np.ix_(keep, keep)]
    noise = np.einsum("ib,ijb,jb->b", row, kept_data, row)
    total = np.einsum("ib,ib->b", weights, row)
    layers = small[-(n - 2) :]
    of_layers = np.einsum("jjb->bj", layers[:, -(n - 2) :]) - np.einsum(
        "pib,ijb,pjb->bp", layers, kept_data, layers
    )
    return {
        "covariance": covariance,
        "free_estimate": mean,
        "noise_sd": np.sqrt(np.maximum(noise, 0.0)),
        "smoothing_sd": np.sqrt(np.maximum(total - noise, 0.0)),
        "production_smoothing_sd": np.sqrt(np.maximum(of_layers, 0.0)),
    }
