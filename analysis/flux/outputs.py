"""The function that is propagated: mole fractions, depths and conductivities to fluxes and production."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.flux import efflux, gradient, inverse
from analysis.flux.column import Column
from analysis.flux.propagate import Z95, Inputs
from station_config.flux import FluxTable

Array = NDArray[np.float64]


LAYERED = ("layer_regression", "linear_spline")
"""Methods on the layers of the settings instead of those between neighbouring levels."""


def layer_limits(layers_m: tuple[float, ...], levels_m: Array) -> Array:
    """Limits of the layers of the settings between the first and the last level [m]."""
    inner = np.asarray(layers_m, dtype=float)
    inner = inner[(inner > levels_m[0] + 1e-9) & (inner < levels_m[-1] - 1e-9)]
    return np.concatenate([levels_m[:1], inner, levels_m[-1:]])


class Outputs:
    """(co2, depth, conductivity) to [efflux, layer fluxes, ln k of the top layer, production]."""

    def __init__(self, column: Column, s: FluxTable, surface: bool, sd_ppm: Array) -> None:
        self.column, self.s, self.surface, self.sd_ppm = column, s, surface, sd_ppm
        self.sublayers = len(column.share)
        layers = len(column.nodes_m) - (1 if surface else 2)
        self.fluxes = slice(1, 1 + layers)
        self.ln_k = 1 + layers
        self.production = slice(2 + layers, None)
        self.layers_used = 2 if s.method in ("two_layers", "de_jong_schappert_1972") else layers
        if s.method == "top":
            self.layers_used = 1
        self.layer_edges = inverse.production_layers(column.nodes_m) if s.method == "inverse" else None

    def layer_k(self, k: Array) -> Array:
        whole = self.column.layer_conductivity(k[..., : self.sublayers])
        return whole if self.surface else whole[..., 1:]

    def __call__(self, x: Array, z: Array, k: Array) -> Array:
        layer_k = self.layer_k(k)
        z = np.asarray(z)
        fluxes = efflux.layer_fluxes(x, z, layer_k)
        surface_flux, production = self._efflux(x, z, k, layer_k, fluxes)
        if production is None:
            middle = efflux.middle_m(z)
            above = np.concatenate([surface_flux[..., None], fluxes], axis=-1)
            edges = np.concatenate([np.zeros_like(middle[..., :1]), middle], axis=-1)
            production = -np.diff(above) / np.diff(edges)
        parts: list[Any] = [
            surface_flux[..., None],
            fluxes,
            np.log(layer_k[..., :1]) + 0 * fluxes[..., :1],
            production,
        ]
        return np.concatenate(parts, axis=-1)

    def _efflux(
        self, x: Array, z: Array, k: Array, layer_k: Array, fluxes: Array
    ) -> tuple[Array, Array | None]:
        method = self.s.method
        if method == "two_layers" or (method in LAYERED and not self.s.layers_m):
            return efflux.two_layers(fluxes, z), None
        if method == "top":
            return efflux.top(fluxes), None
        if method == "line":
            return efflux.line(fluxes, z), None
        if method in LAYERED:
            return self._by_layers(x, z, k), None
        if method in ("power_law", "saturating"):
            fit: Callable[..., Array] = (
                gradient.power_law_ppm_m if method == "power_law" else gradient.saturating_ppm_m
            )
            return layer_k[..., 0] * fit(x, z, [0.0])[..., 0], None
        if method == "inverse":
            found = self._invert(x, z, k, fluxes, posterior=False)
            shape = fluxes.shape[:-1]
            return found.efflux.reshape(shape), found.production.reshape(*shape, -1)
        at_sensors = k[..., self.sublayers :]
        first = 1 if self.surface else 0
        arguments = x[..., first:], z[..., first:], at_sensors
        above = x[..., 0] if self.surface else None
        if method == "de_jong_schappert_1972":
            return efflux.de_jong_schappert_1972(*arguments, above), None
        if method == "hirano_2003":
            return efflux.hirano_2003(*arguments, above), None
        return (efflux.tang_2003 if method == "tang_2003" else efflux.tang_2005)(*arguments), None

    def _by_layers(self, x: Array, z: Array, k: Array) -> Array:
        """Slopes of the layers that the settings name, then a line through the two uppermost fluxes, Eq. U2."""
        levels = self.column.nodes_m if self.surface else self.column.nodes_m[1:]
        edges = layer_limits(self.s.layers_m, levels)
        inside = [
            (levels >= top - 1e-9) & (levels <= bottom + 1e-9) for top, bottom in itertools.pairwise(edges)
        ]
        if self.s.method == "linear_spline":
            slopes = gradient.spline_at_ppm_m(x, z, edges)
        else:
            z_all = np.broadcast_to(z, np.broadcast_shapes(np.shape(x), np.shape(z)))
            slopes = np.stack(
                [
                    gradient.regression(x[..., which], z_all[..., which])[0]
                    if which.sum() > 1
                    else np.full(z_all.shape[:-1], np.nan)
                    for which in inside
                ],
                axis=-1,
            )
        below = self.column.edges_m
        middle = (below[1:] + below[:-1]) / 2.0
        own = [
            np.flatnonzero((middle > top) & (middle < bottom)) for top, bottom in itertools.pairwise(edges)
        ]
        layer_k = np.stack(
            [gradient.harmonic_mean(k[..., which], np.diff(below)[which]) for which in own], axis=-1
        )
        return efflux.two_layers(layer_k * slopes, edges)

    def _invert(self, x: Array, z: Array, k: Array, fluxes: Array, posterior: bool) -> inverse.Inverse:
        assert self.layer_edges is not None
        shape = fluxes.shape[:-1]
        n = x.shape[-1]
        flat_x = np.broadcast_to(x, (*shape, n)).reshape(-1, n)
        flat_k = np.broadcast_to(k[..., : self.sublayers], (*shape, self.sublayers)).reshape(
            -1, self.sublayers
        )
        observed = self.column.nodes_m if self.surface else self.column.nodes_m[1:]
        nodes = z if self.surface else np.concatenate([np.zeros_like(z[..., :1]), z], axis=-1)
        thickness = self.column.share * np.diff(nodes)[..., self.column.layer]
        flat_h = np.broadcast_to(thickness, (*shape, self.sublayers)).reshape(-1, self.sublayers)
        scale = inverse.prior_scale(fluxes.reshape(-1, fluxes.shape[-1]), float(self.column.nodes_m[-1]))
        return inverse.invert(
            flat_x, observed, self.column.edges_m, flat_k, self.layer_edges, self.sd_ppm, scale,
            self.s.smoothness,
            self.s.bottom_flux, posterior=posterior, thickness_m=flat_h,
        )  # fmt: skip

    def own_error(self, i: Inputs, k: Array, excess_sd: Array) -> tuple[Array, Array, Array]:
        """Error of the method itself: one sd, and the least and largest alternative efflux (batch,), Eq. U5 and I7.

        Parameters
        ----------
        excess_sd : ndarray (batch,)
            What the errors of the inputs make of `efflux.excess`.
        """
        x, z = i.co2_ppm, i.depth_m
        fluxes = efflux.layer_fluxes(x, z, self.layer_k(k))
        if self.surface:
            own, largest = efflux.method_sd(fluxes, z), efflux.alternative(fluxes, z, excess_sd)
        else:
            air = self.s.ambient_ppm - Z95 * self.s.ambient_sd_ppm
            first = (
                self.column.layer_conductivity(k[..., : self.sublayers])[..., 0] * (x[..., 0] - air) / z[0]
            )
            own, largest = efflux.unseen_sd(fluxes, z), efflux.unseen_alternative(fluxes, z, first)
        least = np.full_like(largest, np.nan)
        if self.s.method != "two_layers":
            line = efflux.two_layers(fluxes, z)
            least, largest = line - Z95 * own, np.fmax(largest, line + Z95 * own)
        if self.s.method == "inverse":
            smoothing = self._invert(x, z, k, fluxes, posterior=True).smoothing_sd
            assert smoothing is not None
            own = (
                np.where(np.isfinite(own), smoothing, np.nan) if self.surface else np.maximum(smoothing, own)
            )
        return own, least, largest

    def excess_weights(self, z: Array) -> Array | None:
        """Weights of the layer fluxes in `efflux.excess`; None without the surface or with fewer layers than needed."""
        layers = self.fluxes.stop - self.fluxes.start
        return efflux.excess(np.eye(layers), z) if layers > 2 and self.surface else None
