"""The soil column between the levels of a profile: where diffusivity is needed, and how it adds up."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from soilco2.analysis.flux.physics import gas
from soilco2.analysis.flux.physics.diffusivity import relative_diffusivity
from soilco2.analysis.flux.physics.soil import Horizons

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Column:
    """Geometry of a profile: nodes, layers between them, sublayers of even soil inside each layer.

    Parameters
    ----------
    nodes_m : ndarray (n,)
        The surface (0) and the CO2 sensors, downward [m].
    edges_m : ndarray (s + 1,)
        Limits of the sublayers [m]: nodes, horizon limits, and cuts of thick layers.
    layer : ndarray of int (s,)
        Layer of each sublayer; layer i lies between nodes i and i + 1.
    share : ndarray (s,)
        Part of its layer's thickness.
    starts : ndarray of int (n - 1,)
        First sublayer of each layer.
    horizon : ndarray of int (s,)
        Horizon of each sublayer, -1 where there is none.
    """

    nodes_m: Array
    edges_m: Array
    layer: NDArray[np.intp]
    share: Array
    starts: NDArray[np.intp]
    horizon: NDArray[np.intp]

    @property
    def middle_m(self) -> Array:
        """Middle of each sublayer [m]."""
        return np.asarray((self.edges_m[1:] + self.edges_m[:-1]) / 2.0)

    def layer_conductivity(self, conductivity: Array) -> Array:
        """Thickness-weighted harmonic mean in each layer, Eq. G1; (..., s) to (..., layers)."""
        if len(self.starts) == len(self.share):
            return conductivity
        stops = [*self.starts[1:], len(self.share)]
        layers = []
        for start, stop in zip(self.starts, stops, strict=True):
            resistance = self.share[start] / conductivity[..., start]
            for sub in range(start + 1, stop):
                resistance = resistance + self.share[sub] / conductivity[..., sub]
            layers.append(1.0 / resistance)
        return np.moveaxis(np.stack(layers), 0, -1)


def build(
    sensors_m: Array,
    horizons: Horizons,
    surface_shift_m: float = 0.0,
    finest_m: float = 0.10,
    cuts_m: Array | None = None,
) -> Column:
    """Column from the surface to the lowest sensor.

    Parameters
    ----------
    sensors_m : ndarray
        Depths of the CO2 sensors below the present surface [m], increasing, all greater than 0.
    horizons : Horizons
        By depth below the surface at installation.
    surface_shift_m : float
        Soil added (positive) or blown away since then [m]; what was added counts as the top horizon.
    finest_m : float
        Sublayers are not thicker than this, or than their own depth where that is more [m].
    cuts_m : ndarray, optional
        Further limits that sublayers must respect [m].
    """
    nodes = np.concatenate([[0.0], sensors_m])
    cuts = horizons.edges() + surface_shift_m
    if cuts_m is not None:
        cuts = np.concatenate([cuts, cuts_m])
    cuts = cuts[(cuts > 1e-9) & (cuts < nodes[-1] - 1e-9)]
    limits = split(np.unique(np.round(np.concatenate([nodes, cuts]), 9)), finest_m)
    middle = (limits[1:] + limits[:-1]) / 2.0
    layer = np.searchsorted(nodes, middle) - 1
    share = np.diff(limits) / np.diff(nodes)[layer]
    starts = np.searchsorted(layer, np.arange(len(nodes) - 1))
    return Column(nodes, limits, layer, share, starts, horizon_at(horizons, middle, surface_shift_m))


def horizon_at(horizons: Horizons, depth_m: Array, surface_shift_m: float) -> NDArray[np.intp]:
    """Horizon at depths below the present surface, -1 in a gap."""
    original = depth_m - surface_shift_m
    return horizons.index(np.maximum(original, 0.0) if surface_shift_m > 0 else original)


def split(levels_m: Array, finest_m: float) -> Array:
    """Levels [m] with every layer cut that is thicker than ``max(finest, its top)``."""
    edges = [float(levels_m[0])]
    for a, b in itertools.pairwise(levels_m.tolist()):
        pieces = max(1, int(np.ceil((b - a) / max(finest_m, a) - 1e-9)))
        edges.extend(a + (b - a) * (i + 1) / pieces for i in range(pieces))
    return np.array(edges)


def soil_parameters(horizons: Horizons, index: NDArray[np.intp]) -> dict[str, Array]:
    """Parameters of diffusivity models at sublayers, only those that every one of these horizons gives."""
    safe = np.maximum(index, 0)
    found = {name: values[safe] for name, values in horizons.parameters.items()}
    return {name: values for name, values in found.items() if np.all(np.isfinite(values))}


def conductivity_mol_m_s(
    water: Array,
    porosity: Array,
    temperature_degc: Array,
    pressure_hpa: Array,
    model: str,
    free_air: str,
    parameters: Mapping[str, Array] | None = None,
) -> Array:
    """Air density times soil diffusivity, ``c_air D0 (Ds/D0)``, Eq. G5 [mol m-1 s-1].

    Parameters
    ----------
    water, porosity : ndarray (..., s)
        [m3 m-3]
    temperature_degc : ndarray (..., s)
        [degC]
    pressure_hpa : ndarray (..., 1) or (..., s)
        [hPa]
    """
    return free_conductivity(temperature_degc, pressure_hpa, free_air) * relative_diffusivity(
        porosity - water, porosity, model, parameters
    )


def free_conductivity(temperature_degc: Array, pressure_hpa: Array, free_air: str) -> Array:
    """Air density times diffusivity in free air [mol m-1 s-1]; pressure cancels, as Eq. F7 and F8 have it."""
    density = gas.air_density_mol_m3(temperature_degc, pressure_hpa)
    return np.asarray(density * gas.free_air(free_air)(temperature_degc, pressure_hpa))
