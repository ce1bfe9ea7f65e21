"""From the errors of the inputs to the interval of a flux: linear-Gaussian, or sampled where that is wrong.

An error is a *term*: one independent cause, one standard normal number u, and the displacement of the inputs
that one standard deviation of it brings. Equations P1 to P6 of ``docs/methods/flux/equations.md``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from soilco2.analysis.rounding import ROUNDING, above, below

Array = NDArray[np.float64]
Target = Literal["co2", "depth", "water", "porosity", "temperature", "pressure", "ln_d"]

Z95 = 1.959963984540054
"""Two-sided 95 % point of the standard normal distribution."""

ONE_SIDED = 1.6448536269514722
"""One-sided 95 % point, for what lies on one side only."""

SKEWNESS_LIMIT = 0.9
"""Sampling begins where the skewness is larger: the first-order correction for it then no longer serves."""

WATER_SHARE_LIMIT = 0.35
"""... or where water nearer than 2.5 sd to 0 or to the porosity carries more than this part of the variance.
Below it the skewness that a half-normal part leaves in the sum moves a 95 % limit by less than 0.1 sd."""


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
        Part of the standard deviation that stays the same over time (calibration, porosity); the rest is
        noise
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
    """Propagation by differences, of a batch.

    Parameters
    ----------
    value : ndarray (batch, q)
        At the inputs as they are.
    parts : ndarray (terms, batch, q)
        Signed effect of one standard deviation of each term, Eq. P1.
    curvature : ndarray (batch, q)
        Sum of the second differences, Eq. P2: what the mean is higher than the value.
    skewness : ndarray (batch, q)
        Eq. P3. Both are 0 for the outputs for which they were not asked.
    """

    value: Array
    parts: Array
    curvature: Array
    skewness: Array

    @property
    def sd(self) -> Array:
        """Standard deviation (batch, q)."""
        return np.asarray(np.sqrt(np.einsum("tbq,tbq->bq", self.parts, self.parts)))

    def point(self, z: float, sd: Array | None = None) -> Array:
        """Quantile at the normal quantile z, with the skewness to first order (Cornish & Fisher 1938), Eq.
        P3.

        Parameters
        ----------
        sd : ndarray (batch, q), optional
            Total standard deviation where further, normal errors were added; they dilute the skewness.
        """
        total = self.sd if sd is None else sd
        with np.errstate(invalid="ignore", divide="ignore"):
            skew = self.skewness * np.where(total > 0, self.sd / total, 0.0) ** 3
        return np.asarray(self.value + self.curvature + total * (z + skew / 6.0 * (z * z - 1.0)))


def linear(
    inputs: Inputs, terms: Sequence[Term], conductivity: Conductivity, outputs: Outputs, skewed: int = 0
) -> Linear:
    """Propagate by one step of one standard deviation up and down for each term, Eq. P1 to P3.

    Parameters
    ----------
    skewed : int
        For how many of the outputs, from the first, the skewness is wanted. It takes one more step up and
        down each, along the direction in which that output changes most.
    """
    base = conductivity(
        inputs.water, inputs.porosity, inputs.temperature_degc, inputs.pressure_hpa, inputs.ln_d
    )
    value = outputs(inputs.co2_ppm, inputs.depth_m, base)
    parts = np.empty((len(terms), *value.shape))
    curvature = np.zeros_like(value)
    for number, term in enumerate(terms):
        sides = [_displaced(inputs, term, sign, base, conductivity, outputs) for sign in (1.0, -1.0)]
        parts[number] = (sides[0] - sides[1]) / 2.0
        curvature += (sides[0] + sides[1] - 2.0 * value) / 2.0
    skewness = np.zeros_like(value)
    for q in range(skewed):
        sd = np.sqrt(np.sum(parts[..., q] ** 2, axis=0))
        known = sd > ROUNDING * np.abs(value[..., q])  # the direction of rounding is none
        with np.errstate(invalid="ignore", divide="ignore"):
            direction = np.where(known, parts[..., q] / sd, 0.0)
        ends = [along(inputs, terms, sign * direction, conductivity, outputs)[..., q] for sign in (1.0, -1.0)]
        bend = (ends[0] + ends[1] - 2.0 * value[..., q]) / 2.0
        with np.errstate(invalid="ignore", divide="ignore"):
            skewness[..., q] = np.where(known, 6.0 * bend / sd, 0.0)
    curvature[..., skewed:] = 0.0
    return Linear(value, parts, curvature, skewness)


def along(
    i: Inputs, terms: Sequence[Term], direction: Array, conductivity: Conductivity, outputs: Outputs
) -> Array:
    """Outputs with all inputs displaced at once, term t by ``direction[t]`` (batch,) standard deviations."""
    shift: dict[str, Array | float] = {}
    for size, term in zip(direction, terms, strict=True):
        shift[term.target] = shift.get(term.target, 0.0) + size[:, None] * np.atleast_2d(term.displacement)
    porosity = np.maximum(i.porosity + shift.get("porosity", 0.0), 0.01)
    water = np.minimum(i.water + shift.get("water", 0.0), porosity * 0.999)
    k = conductivity(
        water, porosity, i.temperature_degc + shift.get("temperature", 0.0),
        i.pressure_hpa + shift.get("pressure", 0.0), i.ln_d,
    ) * np.exp(shift.get("ln_d", 0.0))  # fmt: skip
    return outputs(i.co2_ppm + shift.get("co2", 0.0), i.depth_m + shift.get("depth", 0.0), k)


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
        curved = ~(np.abs(result.skewness[:, column]) <= SKEWNESS_LIMIT)
    moist = [t for t, term in enumerate(terms) if term.target == "water"]
    if not moist:
        return np.asarray(curved)
    part = np.sum(result.parts[moist, :, column] ** 2, axis=0)
    spread = np.sqrt(sum(np.broadcast_to(terms[t].displacement, water.shape) ** 2 for t in moist))
    near = np.any(below(water, 2.5 * spread) | above(water, porosity - 2.5 * spread), axis=-1)
    return np.asarray(curved | (near & (part > WATER_SHARE_LIMIT * sd * sd)))


def truncated_moments(mean: Array, sd: Array, upper: Array) -> tuple[Array, Array]:
    """Mean and standard deviation of a normal number known to lie between 0 and `upper`, Eq. P4.

    ``m = mu + s (f(a) - f(b)) / Z``, ``v = s^2 (1 + (a f(a) - b f(b)) / Z - ((f(a) - f(b)) / Z)^2)`` with
    a, b the scaled limits, f the normal density, Z the probability between them (Johnson, Kotz & Balakrishnan
    1994, Continuous Univariate Distributions 1, section 13.10.1).
    """
    safe = np.maximum(sd, 1e-12)
    a, b = -mean / safe, (upper - mean) / safe
    fa, fb = (np.exp(-0.5 * np.minimum(v * v, 1400.0)) / np.sqrt(2.0 * np.pi) for v in (a, b))
    inside = np.maximum(ndtr(b) - ndtr(a), 1e-12)
    shift = (fa - fb) / inside
    variance = 1.0 + (a * fa - b * fb) / inside - shift * shift
    return mean + safe * shift, np.asarray(np.where(sd > 0, safe * np.sqrt(np.maximum(variance, 1e-6)), 0.0))


def hold_water(inputs: Inputs, terms: Sequence[Term]) -> tuple[Inputs, list[Term]]:
    """Inputs and terms for the linear propagation, water moved to its truncated moments, Eq. P4."""
    moist = [term for term in terms if term.target == "water"]
    if not moist:
        return inputs, list(terms)
    spread = depth_first(
        np.sqrt(sum(np.broadcast_to(t.displacement, inputs.water.shape) ** 2 for t in moist))
    )
    near = below(inputs.water, 5.0 * spread) | below(inputs.porosity - inputs.water, 5.0 * spread)
    if not near.any():
        return inputs, list(terms)
    mean, sd = truncated_moments(inputs.water, spread, inputs.porosity)
    ratio = sd / np.maximum(spread, 1e-12)
    held = [replace(t, displacement=t.displacement * ratio) if t.target == "water" else t for t in terms]
    return replace(inputs, water=mean), held


def at_inputs(
    inputs: Inputs, held: Inputs, result: Linear, conductivity: Conductivity, outputs: Outputs
) -> Array:
    """Outputs at the inputs as they were measured (batch, q), Eq. P6b: what is reported.

    Parameters
    ----------
    held : Inputs
        Of `hold_water`; `result` was found there, and is the answer where no water was moved.
    """
    if held is inputs:
        return result.value
    i = inputs
    k = conductivity(i.water, i.porosity, i.temperature_degc, i.pressure_hpa, i.ln_d)
    return np.asarray(outputs(i.co2_ppm, i.depth_m, k))


@lru_cache(maxsize=8)
def draws(count: int, dimensions: int, seed: int) -> Array:
    """Standard normal draws (count, dimensions): scrambled Sobol points, so that few of them go a long
    way.
    """
    from scipy.stats import qmc  # takes seconds to import, and is needed only here

    points = qmc.Sobol(dimensions, scramble=True, rng=np.random.default_rng(seed)).random_base2(
        int(np.ceil(np.log2(count)))
    )
    normal = ndtri(np.clip(points, 1e-7, 1 - 1e-7))
    normal = (normal - normal.mean(axis=0)) / normal.std(axis=0)
    normal.setflags(write=False)
    return np.asarray(normal)


_TABLE_SIZE = 2048
_TABLE = ndtri(np.clip(np.linspace(0.0, 1.0, _TABLE_SIZE + 1), 0.25 / _TABLE_SIZE, 1 - 0.25 / _TABLE_SIZE))

_SLOPES = np.append(np.diff(_TABLE), 0.0)


def _quantile(probability: Array) -> Array:
    """Normal quantile from a table: within 0.002 sd from the 0.5 % to the 99.5 % point, enough for a draw."""
    place = probability * _TABLE_SIZE
    index = place.astype(np.intp)
    place -= index
    place *= _SLOPES.take(index, mode="clip")
    place += _TABLE.take(index, mode="clip")
    return place


@dataclass(frozen=True)
class Sampled:
    """Limits of a sampled batch, each (batch, q)."""

    lower: Array
    upper: Array


def sampled(
    inputs: Inputs,
    terms: Sequence[Term],
    conductivity: Conductivity,
    relative: Callable[[Array, Array], Array],
    outputs: Callable[[slice], Outputs],
    count: int = 256,
    seed: int = 1,
    extra_sd: Array | None = None,
    piece: int = 32,
) -> Sampled:
    """Propagate by sampling, with the water content held between 0 and the porosity, Eq. P4 to P6.

    The water of a sublayer is a normal number truncated to (0, porosity): what the probe says, given that
    nothing else can be. Temperature and pressure act on the logarithm of the conductivity, linearly.

    Parameters
    ----------
    relative : callable
        ``relative(eps, phi)`` -> Ds/D0.
    outputs : callable
        The outputs of some of the profiles.
    count, seed : int
        Number of draws (rounded up to a power of 2) and their seed; the same draws serve every profile.
    extra_sd : ndarray (batch,), optional
        A further error of the first output (the method's own), one standard deviation, added to the draws.
    piece : int
        Profiles at a time; bounds the memory.
    """
    u = np.ascontiguousarray(draws(count, len(terms) + 1, seed).T)
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
        quantiles.append(
            _sample_piece(inputs, terms, slopes, still, relative, outputs(rows), u, rows, extra_sd)
        )
    joined = np.concatenate(quantiles, axis=1)
    return Sampled(joined[0], joined[1])


def depth_first(array: Array) -> Array:
    """The same array (batch, depth) with its depths one after the other in memory.

    Few depths and many profiles: arithmetic then runs along the profiles, which is several times faster.
    """
    return np.asfortranarray(array)


def _moved(start: Array, terms: Sequence[Term], target: Target, u: Array, rows: slice, batch: int) -> Array:
    """Inputs with their draws, shape (depth, rows or 1, draws): the draws lie next to each other in memory.

    Parameters
    ----------
    u : ndarray (terms, draws)
    """
    first = _own(start, rows, batch)
    numbers = [n for n, term in enumerate(terms) if term.target == target]
    if not numbers:
        return np.ascontiguousarray(first.T)[:, :, None]
    steps = [_steps(terms[n].displacement, rows, batch) for n in numbers]
    depth = max([first.shape[-1], *(s.shape[-1] for s in steps)])
    height = max([first.shape[0], *(s.shape[0] for s in steps)])
    out = np.empty((depth, height, u.shape[1]))
    for d in range(depth):
        np.copyto(out[d], first[:, min(d, first.shape[-1] - 1), None])
        for number, step in zip(numbers, steps, strict=True):
            size = step[:, min(d, step.shape[-1] - 1), None]
            if size.any():
                out[d] += size * u[number]
    return out


def _own(array: Array, rows: slice, batch: int) -> Array:
    """These rows of an array (batch or 1, depth)."""
    whole = np.atleast_2d(array)
    return whole[rows] if whole.shape[0] == batch and batch > 1 else whole


def _steps(displacement: Array, rows: slice, batch: int) -> Array:
    """Displacements of these rows, one row where all are alike."""
    d = np.atleast_2d(displacement)
    if d.shape[0] == batch and batch > 1:
        d = d[rows]
    return d[:1] if d.shape[0] > 1 and np.all(d == d[:1]) else d


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
    co2 = _moved(inputs.co2_ppm, terms, "co2", u, rows, batch)
    depth = _moved(inputs.depth_m, terms, "depth", u, rows, batch)
    phi = _moved(inputs.porosity, terms, "porosity", u, rows, batch)
    eps = np.maximum(phi - _water(inputs, terms, u, rows, batch), 1e-6)
    k = relative(eps.T, phi.T)
    if slopes:
        logs = [Term("", "ln_d", slope) for slope in slopes.values()]
        factor = np.exp(_moved(np.zeros((1, 1)), logs, "ln_d", u[list(slopes)], rows, batch))
        k = k * factor.T
    k = k * np.ascontiguousarray(still[rows].T)[:, :, None].T
    out = outputs(co2.T, depth.T, k)
    if extra_sd is not None:
        out[..., 0] += u[-1, :, None] * extra_sd[rows]
    lanes = np.sort(np.ascontiguousarray(out.T), axis=-1)
    place = np.array([0.025, 0.975]) * (lanes.shape[-1] - 1)
    below = np.floor(place).astype(int)
    weight = place - below
    found = lanes[..., below] * (1.0 - weight) + lanes[..., below + 1] * weight
    return np.asarray(found.T)


def _water(inputs: Inputs, terms: Sequence[Term], u: Array, rows: slice, batch: int) -> Array:
    """Water content drawn from normals truncated to (0, porosity), Eq. P5, shape (depth, rows, draws)."""

    def column(array: Array) -> Array:
        return np.ascontiguousarray(np.broadcast_to(array, water.shape).T)[:, :, None]

    water = _own(inputs.water, rows, batch)
    moist = [_steps(term.displacement, rows, batch) for term in terms if term.target == "water"]
    if not moist:
        return column(water)
    phi = _own(inputs.porosity, rows, batch)
    spread = np.sqrt(np.maximum(sum(step**2 for step in moist), 1e-18))
    drift = _moved(np.zeros((1, water.shape[-1])), terms, "water", u, rows, batch)
    share = ndtr(drift / np.ascontiguousarray(spread.T)[:, :, None])
    low = ndtr(-water / spread)
    high = ndtr((phi - water) / spread)
    drawn = share * column(high - low)
    drawn += column(low)
    drawn = _quantile(drawn)
    drawn *= column(spread)
    drawn += column(water)
    return np.clip(drawn, 0.0, column(phi), out=drawn)
