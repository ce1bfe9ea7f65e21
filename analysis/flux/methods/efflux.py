"""The flux at the soil surface from fluxes or gradients below it: the classic methods and ours.

Arrays are shaped (..., depth); fluxes in umol m-2 s-1, positive upward. Equations U1 ... of
``docs/methods/flux/equations.md``. `conductivity` is ``c_air Ds`` [mol m-1 s-1].
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from soilco2.analysis.flux.methods.gradient import flux_umol_m2_s, pairwise_ppm_m, regression

Array = NDArray[np.float64]


def layer_fluxes(co2_ppm: ArrayLike, depth_m: ArrayLike, layer_conductivity: ArrayLike) -> Array:
    """Flux in each layer between two levels, Eq. G2 with G5 [umol m-2 s-1], shape (..., depth - 1)."""
    return flux_umol_m2_s(pairwise_ppm_m(co2_ppm, depth_m), layer_conductivity)


def middle_m(depth_m: ArrayLike) -> Array:
    """Middle of each layer between two levels [m]."""
    z = np.asarray(depth_m, dtype=float)
    return np.asarray((z[..., 1:] + z[..., :-1]) / 2.0)


def top(fluxes: ArrayLike) -> Array:
    """Flux of the uppermost layer, Eq. U1: low by all that is produced above the layer's middle."""
    return np.asarray(np.asarray(fluxes, dtype=float)[..., 0])


def two_layers(fluxes: ArrayLike, depth_m: ArrayLike) -> Array:
    """Line through the fluxes of the two uppermost layers, at depth 0, Eq. U2; one layer: its flux."""
    f = np.asarray(fluxes, dtype=float)
    if f.shape[-1] == 1:
        return f[..., 0]
    m = middle_m(depth_m)
    slope = (f[..., 1] - f[..., 0]) / (m[..., 1] - m[..., 0])
    return np.asarray(f[..., 0] - slope * m[..., 0])


def three_layers(fluxes: ArrayLike, depth_m: ArrayLike) -> Array:
    """Parabola through the fluxes of the three uppermost layers, at depth 0, Eq. U3 (Newton's form)."""
    f = np.asarray(fluxes, dtype=float)
    m = middle_m(depth_m)
    first = (f[..., 1] - f[..., 0]) / (m[..., 1] - m[..., 0])
    second = (f[..., 2] - f[..., 1]) / (m[..., 2] - m[..., 1])
    bend = (second - first) / (m[..., 2] - m[..., 0])
    return np.asarray(f[..., 0] - first * m[..., 0] + bend * m[..., 0] * m[..., 1])


def line(fluxes: ArrayLike, depth_m: ArrayLike) -> Array:
    """Least-squares line of all layer fluxes on their middles, at depth 0, Eq. U4."""
    f = np.asarray(fluxes, dtype=float)
    return top(f) if f.shape[-1] == 1 else regression(f, middle_m(depth_m))[1]


NO_FLUX = 1e-6
"""Flux that counts as none [umol m-2 s-1]: no chamber resolves a thousand times more, and what rounding makes of equal
mole fractions is less than 1e-7 (conductivity 1e-4 mol m-1 s-1, 3e5 ppm, 1e-2 m, 1e-12 of the mole fraction: 3e-9)."""

SINGLE_LAYER_SD = 0.25
"""Relative error (1 sd) of a surface flux known from one layer only, where nothing tells how production is
spread: half of the difference between none and half of it above the layer's middle. A convention."""


def exponential(fluxes: ArrayLike, depth_m: ArrayLike) -> Array:
    """Exponential through the fluxes of the two uppermost layers, at depth 0, Eq. U3b; NaN unless both
    are positive.
    """
    f = np.asarray(fluxes, dtype=float)
    m = middle_m(depth_m)
    with np.errstate(invalid="ignore", divide="ignore"):
        power = m[..., 0] / (m[..., 1] - m[..., 0])
        value = f[..., 0] * (f[..., 0] / f[..., 1]) ** power
    return np.asarray(np.where((f[..., 0] > NO_FLUX) & (f[..., 1] > NO_FLUX), value, np.nan))


SHORTEST = 0.25
"""Shortest length over which production may fade, as a part of the depth of the first sensor (`fading`)."""

_STEPS = 3
"""Newton steps of `fading` after the first: enough for 1e-10 with a layer four times as thick as the other, 0.2 % with
fifty times."""


def _ln_ratio(s: Array, first: Array, second: Array) -> tuple[Array, Array]:
    """ln of the mean of exp(-s z) in the second layer by that in the first, of these thicknesses, and its slope."""
    value, slope = -s * (first + second) / 2.0, -(first + second) / 2.0
    for thickness, sign in ((second, 1.0), (first, -1.0)):
        half = np.maximum(s * thickness / 2.0, 1e-6)
        shrunk = np.expm1(-2.0 * half)
        value = value + sign * (half + np.log(-shrunk / (2.0 * half)))
        slope = slope + sign * thickness / 2.0 * (-(2.0 + shrunk) / shrunk - 1.0 / half)
    return value, slope


def fading(fluxes: ArrayLike, depth_m: ArrayLike) -> Array:
    """Efflux of the exponential whose means over the two uppermost layers are their fluxes, Eq. U3c.

    A production ``p0 exp(-z/L)`` makes a flux ``p0 L exp(-z/L)``, so this is its efflux without any error, whatever
    L; L is held above a quarter of the depth of the first sensor. The upper flux itself where the lower is not
    smaller, NaN where it is not positive.

    Parameters
    ----------
    fluxes : array_like (..., layers)
    depth_m : array_like (layers + 1,) or (..., layers + 1)
        Levels [m]; the first one is the surface.
    """
    f, z = np.asarray(fluxes, dtype=float), np.asarray(depth_m, dtype=float)
    first = z[..., 1] - z[..., 0]
    with np.errstate(invalid="ignore", divide="ignore"):
        wanted = np.where(f[..., 1] > 0.0, np.log(f[..., 1] / f[..., 0]), -np.inf)
        steep = np.maximum(_fade_rate(wanted, z, 1.0 / (SHORTEST * first), _STEPS) * first, 1e-12)
        efflux = f[..., 0] * steep / -np.expm1(-steep)
    return np.asarray(np.where(f[..., 0] > NO_FLUX, efflux, np.nan))


def _fade_rate(wanted: Array, z: Array, fastest: Array, steps: int) -> Array:
    """1/L [m-1] at which the mean of exp(-z/L) over the second layer by that over the first has this logarithm."""
    first, second = z[..., 1] - z[..., 0], z[..., 2] - z[..., 1]
    s = np.clip(-2.0 * wanted / (first + second), 0.0, fastest)  # Newton's step from 0
    for _ in range(steps):  # the slope keeps its sign and changes little: they converge
        value, slope = _ln_ratio(s, first, second)
        s = np.clip(s - (value - wanted) / slope, 0.0, fastest)
    return np.asarray(s)


_EXACT_STEPS = 12
"""Newton steps of `exponential_production`: 1e-9 with a layer fifty times as thick as the other."""


def exponential_production(fluxes: ArrayLike, depth_m: ArrayLike) -> Array:
    """Efflux of a production that fades exponentially, from the two uppermost layers, Eq. U3d [umol m-2 s-1].

    ``p = p0 exp(-z/L)`` makes the flux ``F0 exp(-z/L)``; L and F0 are those whose means over the two layers are their
    fluxes: exact whatever L and the spacing, with or without the surface as the first level. The form of the flux is
    that of the steady state of Davidson et al. 2006, doi:10.1111/j.1365-2486.2005.01142.x. Where the lower flux is not
    smaller, the upper one itself; NaN where one of the two is not positive.
    """
    f, z = np.asarray(fluxes, dtype=float), np.asarray(depth_m, dtype=float)
    if f.shape[-1] < 2:
        return np.full(f.shape[:-1], np.nan)
    upper, lower = f[..., 0], f[..., 1]
    known = (upper > NO_FLUX) & (lower > NO_FLUX)
    with np.errstate(invalid="ignore", divide="ignore"):
        wanted = np.where(known, np.log(np.where(known, lower / upper, 1.0)), 0.0)
        s = _fade_rate(wanted, z, np.full_like(wanted, np.inf), _EXACT_STEPS)
        steep = np.maximum(s * (z[..., 1] - z[..., 0]), 1e-12)
        efflux = upper * steep / -np.expm1(-steep) * np.exp(s * z[..., 0])
    return np.asarray(np.where(known, efflux, np.nan))


def excess(fluxes: ArrayLike, depth_m: ArrayLike) -> Array:
    """How much the flux of the top layer exceeds the line through the two below it, Eq. U5c; linear in the fluxes."""
    f, m = np.asarray(fluxes, dtype=float), middle_m(depth_m)
    slope = (f[..., 1] - f[..., 2]) / (m[..., 2] - m[..., 1])
    return np.asarray(f[..., 0] - f[..., 1] - slope * (m[..., 1] - m[..., 0]))


def method_sd(fluxes: ArrayLike, depth_m: ArrayLike) -> Array:
    """Error of `two_layers` from the unknown shape of a smooth profile, one sd, Eq. U5 [umol m-2 s-1].

    The step to the next order. Three layers or more: the parabola minus the line, or the exponential minus the line
    where that is larger (it is held to the size of the step that the line itself made). Two layers: the line minus
    the top layer, or the exponential minus the line up to twice that. One: a quarter of the flux. Every missing
    sensor makes it larger.
    """
    f = np.asarray(fluxes, dtype=float)
    if f.shape[-1] == 1:
        return np.asarray(SINGLE_LAYER_SD * np.abs(f[..., 0]))
    straight = two_layers(f, depth_m)
    step = np.abs(straight - top(f))
    curved = np.nan_to_num(np.abs(exponential(f, depth_m) - straight), nan=0.0)
    if f.shape[-1] == 2:
        return np.asarray(np.maximum(step, np.minimum(curved, 2.0 * step)))
    bent = np.abs(three_layers(f, depth_m) - straight)
    return np.asarray(np.maximum(bent, np.minimum(curved, step)))


def alternative(fluxes: ArrayLike, depth_m: ArrayLike, excess_sd: ArrayLike = 0.0) -> Array:
    """Largest efflux that these fluxes allow besides a smooth profile's, Eq. U5c [umol m-2 s-1].

    That of a production that fades exponentially (`fading`), or of one that lies evenly between the surface and the
    first sensor, above a line through the fluxes below, ``G(0) + 2 excess``. Sources thinner than the depth of the
    first sensor are beyond what any such profile can tell.

    Parameters
    ----------
    fluxes : array_like (..., layers)
    depth_m : array_like (layers + 1,)
        The surface and the sensors [m].
    excess_sd : array_like (...)
        What noise alone makes of `excess`, one sd: only what is beyond it counts.

    Returns
    -------
    ndarray (...)
        NaN with one layer.
    """
    f = np.asarray(fluxes, dtype=float)
    if f.shape[-1] == 1:
        return np.full(f.shape[:-1], np.nan)
    largest = fading(f, depth_m)
    if f.shape[-1] > 2:
        more, m = excess(f, depth_m), middle_m(depth_m)
        at_surface = f[..., 0] - more + (f[..., 1] - f[..., 2]) / (m[..., 2] - m[..., 1]) * m[..., 0]
        largest = np.fmax(largest, at_surface + 2.0 * np.maximum(more - np.asarray(excess_sd), 0.0))
    return np.asarray(largest)


def tells(fluxes: ArrayLike) -> NDArray[np.bool_]:
    """Whether the fluxes between sensors tell anything about the efflux, Eq. U5b: two layers, the upper two positive.

    Where nothing comes up to the sensors, or one flux alone, nothing is known of what is made above them.
    """
    f = np.asarray(fluxes, dtype=float)
    return np.asarray(np.all(f[..., :2] > NO_FLUX, axis=-1) & (f.shape[-1] > 1))


def surface_mole_fraction_ppm(co2_ppm: ArrayLike, depth_m: ArrayLike) -> Array:
    """Mole fraction at depth 0 from a line through the sensors, Eq. G3: the classic guess where none is
    measured.
    """
    return regression(co2_ppm, depth_m)[1]


def de_jong_schappert_1972(
    co2_ppm: ArrayLike, depth_m: ArrayLike, conductivity: ArrayLike, surface_ppm: ArrayLike | None = None
) -> Array:
    """Top gradient with the diffusivity at the first sensor, Eq. U6 (doi:10.1097/00010694-197205000-00006).

    Parameters
    ----------
    co2_ppm, conductivity : array_like (..., depth)
        At the sensors, without the surface.
    surface_ppm : array_like (...), optional
        Mole fraction at the surface; without it the intercept of a line through the sensors.
    """
    x, k, z = (np.asarray(v, dtype=float) for v in (co2_ppm, conductivity, depth_m))
    x0 = surface_mole_fraction_ppm(x, z) if surface_ppm is None else np.asarray(surface_ppm, dtype=float)
    return np.asarray(k[..., 0] * (x[..., 0] - x0) / z[..., 0])


def _to_surface(upper: Array, at_upper: Array, lower: Array, at_lower: Array) -> Array:
    return np.asarray(upper - (lower - upper) / (at_lower - at_upper) * at_upper)


def hirano_2003(
    co2_ppm: ArrayLike, depth_m: ArrayLike, conductivity: ArrayLike, surface_ppm: ArrayLike | None = None
) -> Array:
    """Top flux and the flux between the two lowest sensors, carried to the surface by a line, Eq. U7.

    Hirano, Kim & Tanaka 2003, doi:10.1029/2003JD003766. Needs two sensors or more.
    """
    x, k, z = (np.asarray(v, dtype=float) for v in (co2_ppm, conductivity, depth_m))
    upper = de_jong_schappert_1972(x, z, k, surface_ppm)
    lower = k[..., -1] * (x[..., -1] - x[..., -2]) / (z[..., -1] - z[..., -2])
    return _to_surface(upper, z[..., 0] / 2.0, lower, (z[..., -1] + z[..., -2]) / 2.0)


def tang_2003(co2_ppm: ArrayLike, depth_m: ArrayLike, conductivity: ArrayLike) -> Array:
    """Slope of a line through all sensors times the diffusivity carried to depth 0 by a line, Eq. U8.

    Tang et al. 2003, doi:10.1016/S0168-1923(03)00112-6.
    """
    return np.asarray(regression(co2_ppm, depth_m)[0] * regression(conductivity, depth_m)[1])


def tang_2005(co2_ppm: ArrayLike, depth_m: ArrayLike, conductivity: ArrayLike) -> Array:
    """Two layers with thickness-weighted harmonic diffusivities, carried to the surface by a line, Eq. U9.

    Tang et al. 2005, doi:10.1016/j.agrformet.2005.08.006; three uppermost sensors, thicknesses
    ``(z1, z2 - z1, z3 - z2)``.
    """
    x, k, z = (np.asarray(v, dtype=float) for v in (co2_ppm, conductivity, depth_m))
    t1, t2, t3 = z[..., 0], z[..., 1] - z[..., 0], z[..., 2] - z[..., 1]
    k12 = (t1 + t2) / (t1 / k[..., 0] + t2 / k[..., 1])
    k23 = (t2 + t3) / (t2 / k[..., 1] + t3 / k[..., 2])
    upper = k12 * (x[..., 1] - x[..., 0]) / t2
    lower = k23 * (x[..., 2] - x[..., 1]) / t3
    return _to_surface(upper, (z[..., 0] + z[..., 1]) / 2.0, lower, (z[..., 1] + z[..., 2]) / 2.0)


def between(co2_ppm: ArrayLike, depth_m: ArrayLike, conductivity: ArrayLike, upper: int, lower: int) -> Array:
    """Flux between two sensors with the diffusivity at the lower one, Eq. U10 (the form of neonSoilFlux)."""
    x, k, z = (np.asarray(v, dtype=float) for v in (co2_ppm, conductivity, depth_m))
    return np.asarray(k[..., lower] * (x[..., lower] - x[..., upper]) / (z[..., lower] - z[..., upper]))
