"""From the errors of the inputs to the interval of a flux: linear-Gaussian, or sampled where that is wrong.

An error is a *term*: one independent cause, one standard normal number u, and the displacement of the inputs
that one standard deviation of it brings. Equations P1 to P6 of ``docs/methods/flux/equations.md``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri
from scipy.stats import qmc

Array = NDArray[np.float64]
Target = Literal["co2", "depth", "water", "porosity", "temperature", "pressure", "ln_d"]

Z95 = 1.959963984540054
"""Two-sided 95 % point of the standard normal distribution."""

CURVATURE_LIMIT = 0.15
"""Sampling begins where the second differences reach this part of the linear standard deviation."""

WATER_SHARE_LIMIT = 0.03
"""... or where water nearer than 2.5 sd to 0 or to the porosity carries more than this part of the variance."""


@dataclass(frozen=True)
class Term:
    """One cause of error.

    Parameters
    ----------
    name : str
        Such as ``"water probe 0.06 m"``.
    target : str
        Which input it moves.
    displacement : ndarray
        What one standard deviation does to it, broadcastable to (batch, nodes or sublayers).
    persistent : ndarray (batch,) or float
        Part of the standard deviation that stays the same over time (calibration, porosity); the rest is noise
        that averages out.
    """

    name: str
    target: Target
    displacement: Array
    persistent: Array | float = 1.0


@dataclass(frozen=True)
class Inputs:
    """What a batch of profiles is computed from.

    Parameters
    ----------
    co2_ppm : ndarray (batch, n)
        At the nodes.
    depth_m : ndarray (n,) or (batch, n)
        Of the nodes.
    water, porosity, temperature_degc : ndarray (batch, s) or (s,)
        At the sublayers.
    pressure_hpa : ndarray (batch, 1)
    ln_d : ndarray broadcastable to (batch, s)
        Logarithm of a factor on the diffusivity.
    """

    co2_ppm: Array
    depth_m: Array
    water: Array
    porosity: Array
    temperature_degc: Array
    pressure_hpa: Array
    ln_d: Array


Conductivity = Callable[[Array, Array, Array, Array, Array], Array]
"""(water, porosity, temperature_degc, pressure_hpa, ln_d) -> conductivity of the sublayers."""

Outputs = Callable[[Array, Array, Array], Array]
"""(co2_ppm (..., n), depth_m (..., n), conductivity (..., s)) -> (..., q)."""


@dataclass(frozen=True)
class Linear:
    """Linear propagation of a batch.

    Parameters
    ----------
    value : ndarray (batch, q)
    parts : ndarray (terms, batch, q)
        Signed effect of one standard deviation of each term, Eq. P1.
    curvature : ndarray (batch, q)
        Sum of absolute second differences, Eq. P2.
    """

    value: Array
    parts: Array
    curvature: Array

    @property
    def sd(self) -> Array:
        """Standard deviation (batch, q), Eq. P3."""
        return np.asarray(np.sqrt(np.einsum("tbq,tbq->bq", self.parts, self.parts)))


def linear(inputs: Inputs, terms: Sequence[Term], conductivity: Conductivity, outputs: Outputs) -> Linear:
    """Propagate by one step of one standard deviation up and down for each term, Eq. P1 to P3."""
    base = conductivity(
        inputs.water, inputs.porosity, inputs.temperature_degc, inputs.pressure_hpa, inputs.ln_d
    )
    value = outputs(inputs.co2_ppm, inputs.depth_m, base)
    parts = np.empty((len(terms), *value.shape))
    curvature = np.zeros_like(value)
    for number, term in enumerate(terms):
        sides = [_displaced(inputs, term, sign, base, conductivity, outputs) for sign in (1.0, -1.0)]
        parts[number] = (sides[0] - sides[1]) / 2.0
        curvature += np.abs(sides[0] + sides[1] - 2.0 * value) / 2.0
    return Linear(value, parts, curvature)


def _displaced(
    i: Inputs, term: Term, sign: float, base: Array, conductivity: Conductivity, outputs: Outputs
) -> Array:
    step = sign * term.displacement
    if term.target == "co2":
        return outputs(i.co2_ppm + step, i.depth_m, base)
    if term.target == "depth":
        return outputs(i.co2_ppm, i.depth_m + step, base)
    if term.target == "ln_d":
        return outputs(i.co2_ppm, i.depth_m, base * np.exp(step))
    water, porosity, temperature, pressure = i.water, i.porosity, i.temperature_degc, i.pressure_hpa
    if term.target == "water":
        water = np.minimum(water + step, porosity * 0.999)
    elif term.target == "porosity":
        porosity = np.maximum(porosity + step, water * 1.001)
    elif term.target == "temperature":
        temperature = temperature + step
    else:
        pressure = pressure + step
    return outputs(i.co2_ppm, i.depth_m, conductivity(water, porosity, temperature, pressure, i.ln_d))


def needs_sampling(
    result: Linear, terms: Sequence[Term], water: Array, porosity: Array, column: int = 0
) -> NDArray[np.bool_]:
    """Rows where the linear interval of output `column` would be wrong (batch,): see the two limits above."""
    sd = result.sd[:, column]
    with np.errstate(invalid="ignore"):
        curved = result.curvature[:, column] > CURVATURE_LIMIT * sd
    moist = [t for t, term in enumerate(terms) if term.target == "water"]
    if not moist:
        return np.asarray(curved)
    part = np.sum(result.parts[moist, :, column] ** 2, axis=0)
    spread = np.sqrt(sum(np.broadcast_to(terms[t].displacement, water.shape) ** 2 for t in moist))
    near = np.any((water < 2.5 * spread) | (water > porosity - 2.5 * spread), axis=-1)
    return np.asarray(curved | (near & (part > WATER_SHARE_LIMIT * sd * sd)))


@lru_cache(maxsize=8)
def draws(count: int, dimensions: int, seed: int) -> Array:
    """Standard normal draws (count, dimensions): scrambled Sobol points, so that few of them go a long way."""
    points = qmc.Sobol(dimensions, scramble=True, rng=np.random.default_rng(seed)).random_base2(
        int(np.ceil(np.log2(count)))
    )
    normal = ndtri(np.clip(points, 1e-7, 1 - 1e-7))
    normal = (normal - normal.mean(axis=0)) / normal.std(axis=0)
    normal.setflags(write=False)
    return np.asarray(normal)


_TABLE_SIZE = 8192
_TABLE = ndtri(np.clip(np.linspace(0.0, 1.0, _TABLE_SIZE + 1), 0.25 / _TABLE_SIZE, 1 - 0.25 / _TABLE_SIZE))


def _quantile(probability: Array) -> Array:
    """Normal quantile from a table: 1e-4 sd between the 0.1 % and 99.9 % points, which is plenty for a draw."""
    place = probability * _TABLE_SIZE
    index = np.minimum(place.astype(np.int32), _TABLE_SIZE - 1)
    left = _TABLE[index]
    return np.asarray(left + (_TABLE[index + 1] - left) * (place - index))


@dataclass(frozen=True)
class Sampled:
    """Quantiles of a sampled batch, each (batch, q)."""

    median: Array
    lower: Array
    upper: Array


def sampled(
    inputs: Inputs,
    terms: Sequence[Term],
    conductivity: Conductivity,
    relative: Callable[[Array, Array], Array],
    outputs: Outputs,
    count: int = 256,
    seed: int = 1,
    extra_sd: Array | None = None,
    piece: int = 64,
) -> Sampled:
    """Propagate by sampling, with the water content held between 0 and the porosity, Eq. P4 to P6.

    The water of a sublayer is a normal number truncated to (0, porosity): what the probe says, given that
    nothing else can be. Temperature and pressure act on the logarithm of the conductivity, linearly.

    Parameters
    ----------
    relative : callable
        ``relative(eps, phi)`` -> Ds/D0.
    count, seed : int
        Number of draws (rounded up to a power of 2) and their seed; the same draws serve every profile.
    extra_sd : ndarray (batch, q), optional
        A further normal error of each output (the method's own), added to the draws.
    piece : int
        Profiles at a time; bounds the memory.
    """
    u = draws(count, len(terms) + 1, seed)
    batch = inputs.co2_ppm.shape[0]
    base = conductivity(
        inputs.water, inputs.porosity, inputs.temperature_degc, inputs.pressure_hpa, inputs.ln_d
    )
    still = base / relative(
        np.broadcast_to(inputs.porosity - inputs.water, base.shape),
        np.broadcast_to(inputs.porosity, base.shape),
    )
    slopes = {}
    for number, term in enumerate(terms):
        if term.target in ("temperature", "pressure"):
            side = [inputs.temperature_degc, inputs.pressure_hpa]
            side[term.target == "pressure"] = side[term.target == "pressure"] + term.displacement
            moved = conductivity(inputs.water, inputs.porosity, side[0], side[1], inputs.ln_d)
            slopes[number] = np.log(moved / base)
        elif term.target == "ln_d":
            slopes[number] = np.broadcast_to(term.displacement, base.shape)
    quantiles: list[Array] = []
    for start in range(0, batch, piece):
        rows = slice(start, min(start + piece, batch))
        quantiles.append(_sample_piece(inputs, terms, slopes, still, relative, outputs, u, rows, extra_sd))
    joined = np.concatenate(quantiles, axis=1)
    return Sampled(joined[1], joined[0], joined[2])


def _rows(array: Array, rows: slice, batch: int) -> Array:
    """The rows of an array that may lack the batch axis, ready to stand beside a draws axis."""
    return array[rows] if array.ndim == 2 and array.shape[0] == batch and batch > 1 else array


def _sample_piece(
    inputs: Inputs,
    terms: Sequence[Term],
    slopes: dict[int, Array],
    still: Array,
    relative: Callable[[Array, Array], Array],
    outputs: Outputs,
    u: Array,
    rows: slice,
    extra_sd: Array | None,
) -> Array:
    batch = inputs.co2_ppm.shape[0]

    def shifted(start: Array, target: Target) -> Array:
        out: Array = np.asarray(start)[None]
        for number, term in enumerate(terms):
            if term.target == target:
                out = out + u[:, number, None, None] * _rows(np.atleast_2d(term.displacement), rows, batch)
        return out

    co2 = shifted(_rows(inputs.co2_ppm, rows, batch), "co2")
    depth = shifted(_rows(np.atleast_2d(inputs.depth_m), rows, batch), "depth")
    phi = shifted(_rows(np.atleast_2d(inputs.porosity), rows, batch), "porosity")
    water0 = _rows(inputs.water, rows, batch)
    drift = shifted(np.zeros((1, 1)), "water")
    if drift.shape[-1] > 1 or drift.shape[0] > 1:
        variance = np.zeros((1, 1))
        for term in terms:
            if term.target == "water":
                variance = variance + _rows(np.atleast_2d(term.displacement), rows, batch) ** 2
        spread = np.sqrt(np.maximum(variance, 1e-18))
        nominal = _rows(np.atleast_2d(inputs.porosity), rows, batch)
        low = ndtr(-water0 / spread)
        high = ndtr((nominal - water0) / spread)
        share = ndtr(drift / spread)
        water = water0 + spread * _quantile(low + (high - low) * share)
        water = np.clip(water, 0.0, nominal)
    else:
        water = water0[None]
    eps = np.maximum(phi - water, 1e-6)
    log_factor: Array | float = 0.0
    for number, slope in slopes.items():
        log_factor = log_factor + u[:, number, None, None] * slope[rows]
    k = still[rows] * relative(eps, phi)
    if not isinstance(log_factor, float):
        k = k * np.exp(log_factor)
    out = outputs(co2, depth, k)
    if extra_sd is not None:
        out = out + u[:, -1, None, None] * extra_sd[rows]
    count = out.shape[0]
    place = np.array([0.025, 0.5, 0.975]) * (count - 1)
    below = np.floor(place).astype(int)
    kth = np.unique(np.concatenate([below, below + 1]))
    ordered = np.partition(out, kth, axis=0)
    weight = (place - below)[:, None, None]
    return np.asarray(ordered[below] * (1.0 - weight) + ordered[below + 1] * weight)
