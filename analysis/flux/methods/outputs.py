"""The function that is propagated: mole fractions, depths and conductivities to fluxes and production."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from soilco2.analysis.flux.methods import efflux, gradient, inverse
from soilco2.analysis.flux.methods.propagate import Z95, Inputs
from soilco2.analysis.flux.physics.column import Column
from soilco2.station_config.tables.flux import FluxTable

Array = NDArray[np.float64]


LAYERED = ("layer_regression", "linear_spline")
"""Methods on the layers of the settings instead of those between neighbouring levels."""


TWO_LAYERS = ("two_layers", "exponential", "de_jong_schappert_1972")
"""Methods that use the two uppermost layers and no other."""


def layer_limits(layers_m: tuple[float, ...], levels_m: Array) -> Array:
    """Limits of the layers of the settings between the first and the last level [m]."""
    inner = np.asarray(layers_m, dtype=float)
    inner = inner[(inner > levels_m[0] + 1e-9) & (inner < levels_m[-1] - 1e-9)]
    return np.concatenate([levels_m[:1], inner, levels_m[-1:]])


class Outputs:
    """(co2, depth, conductivity) to [efflux, layer fluxes, ln k of the top layer, production].

    Where the surface is not a level the layer fluxes begin, all the same, with that of the layer above the first
    sensor, were the mole fraction at the surface the air's: it bounds what no sensor sees (Eq. U5d) and serves for
    nothing else.
    """

    def __init__(self, column: Column, s: FluxTable, surface: bool, sd_ppm: Array) -> None:
        self.column, self.s, self.surface, self.sd_ppm = column, s, surface, sd_ppm
        self.smoothness = np.array(1.0 if s.smoothness is None else s.smoothness)
        self.sublayers = len(column.share)
        layers = len(column.nodes_m) - (1 if surface else 2)
        self.ln_k = len(column.nodes_m)
        self.whole = slice(1, self.ln_k)
        self.fluxes = slice(self.ln_k - layers, self.ln_k)
        self.production = slice(self.ln_k + 1, None)
        self.layers_used = 2 if s.method in TWO_LAYERS else layers
        if s.method == "top":
            self.layers_used = 1
        self.layer_edges = inverse.production_layers(column.nodes_m) if s.method == "inverse" else None

    def __call__(self, x: Array, z: Array, k: Array) -> Array:
        whole_k = self.column.layer_conductivity(k[..., : self.sublayers])
        layer_k = whole_k if self.surface else whole_k[..., 1:]
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
            *([] if self.surface else [whole_k[..., :1] * (x[..., :1] - self.s.ambient_ppm) / z[..., :1]]),
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
        if method == "exponential":
            return efflux.exponential_production(fluxes, z), None
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

    def choose_smoothness(self, i: Inputs, k: Array) -> None:
        """Let each profile choose the smoothness of the inverse once, Eq. I8; errors do not choose it anew."""
        if self.s.method != "inverse" or self.s.smoothness is not None:
            return
        assert self.layer_edges is not None
        levels = self.column.nodes_m if self.surface else self.column.nodes_m[1:]
        whole_k = self.column.layer_conductivity(k[..., : self.sublayers])
        fluxes = efflux.layer_fluxes(i.co2_ppm, i.depth_m, whole_k if self.surface else whole_k[..., 1:])
        self.smoothness = inverse.evident_smoothness(
            i.co2_ppm, levels, self.column.edges_m, k[..., : self.sublayers], self.layer_edges, self.sd_ppm,
            inverse.prior_scale(fluxes, float(self.column.nodes_m[-1])), self.s.bottom_flux,
        )  # fmt: skip

    def of(self, rows: NDArray[np.intp] | slice) -> Outputs:
        """The same for some of the profiles."""
        if self.smoothness.ndim == 0:
            return self
        some = copy.copy(self)
        some.smoothness = self.smoothness[rows]
        return some

    def _invert(self, x: Array, z: Array, k: Array, fluxes: Array, posterior: bool) -> inverse.Inverse:
        """The inverse at sensors where they are: steps between them stretch, Eq. I3."""
        assert self.layer_edges is not None
        shape = fluxes.shape[:-1]
        n = x.shape[-1]
        flat_x = np.broadcast_to(x, (*shape, n)).reshape(-1, n)
        flat_k = np.broadcast_to(k[..., : self.sublayers], (*shape, self.sublayers)).reshape(
            -1, self.sublayers
        )
        observed = self.column.nodes_m if self.surface else self.column.nodes_m[1:]
        thickness = self.column.share * np.diff(self._levels(z))[..., self.column.layer]
        flat_h = np.broadcast_to(thickness, (*shape, self.sublayers)).reshape(-1, self.sublayers)
        scale = inverse.prior_scale(fluxes.reshape(-1, fluxes.shape[-1]), float(self.column.nodes_m[-1]))
        return inverse.invert(
            flat_x, observed, self.column.edges_m, flat_k, self.layer_edges, self.sd_ppm, scale,
            np.broadcast_to(self.smoothness, shape).reshape(-1),
            self.s.bottom_flux, posterior=posterior, thickness_m=flat_h,
        )  # fmt: skip

    def own_error(self, i: Inputs, k: Array, value: Array) -> tuple[Array, Array | float]:
        """Error of the method for a smooth profile, one sd, of efflux (batch,) and production, Eq. U5 and I7.

        Without the surface that of the efflux is 0, as the limits of Eq. U5d hold all that is possible there, and NaN
        where the fluxes tell nothing about the efflux, Eq. U5b. That of a production is known of the inverse only.

        Parameters
        ----------
        value : ndarray (batch, q)
            What the call returns.
        """
        whole = value[:, self.whole]
        production: Array | float = 0.0
        if self.s.method == "inverse":
            found = self._invert(i.co2_ppm, i.depth_m, k, value[:, self.fluxes], posterior=True)
            assert found.smoothing_sd is not None
            assert found.production_smoothing_sd is not None
            own, production = found.smoothing_sd, found.production_smoothing_sd
        elif self.surface:
            own = efflux.method_sd(whole, i.depth_m)
        if not self.surface:
            own = np.where(efflux.tells(whole[..., 1:]), 0.0, np.nan)
        return own, production

    def alternatives(self, whole: Array, z: Array, excess_sd: Array) -> tuple[Array, Array]:
        """Least and largest efflux that these fluxes allow besides the method's own (...,), Eq. U5c to U5e.

        Parameters
        ----------
        whole : ndarray (..., layers)
            Fluxes of all layers from the surface down.
        z : ndarray (..., n)
            Depths of the measurements [m].
        excess_sd : ndarray (...)
            Of `excess_sd`.
        """
        levels = self._levels(z)
        largest = efflux.alternative(whole, levels, excess_sd)
        if not self.surface:
            return efflux.top(whole[..., 1:]), largest
        if self.s.method == "two_layers":
            return np.full_like(largest, np.nan), largest
        line, own = efflux.two_layers(whole, levels), Z95 * efflux.method_sd(whole, levels)
        return line - own, np.fmax(largest, line + own)

    def excess_sd(self, parts: Array, z: Array) -> Array:
        """What errors of the fluxes of all layers (terms, batch, layers) make of `efflux.excess` (batch,)."""
        layers = parts.shape[-1]
        if layers < 3:
            return np.zeros(parts.shape[1])
        return np.asarray(
            np.sqrt(np.sum((parts @ efflux.excess(np.eye(layers), self._levels(z))) ** 2, axis=0))
        )

    def air_part(self, k: Array, z: Array) -> Array:
        """What one sd of the air's mole fraction makes of the fluxes (batch, layers), Eq. U5d: only of the first."""
        part = np.zeros((len(k), self.whole.stop - self.whole.start))
        if not self.surface:
            top = self.column.layer_conductivity(k[..., : self.sublayers])[..., 0]
            part[:, 0] = -top * self.s.ambient_sd_ppm / z[0]
        return part

    def _levels(self, z: Array) -> Array:
        return z if self.surface else np.concatenate([np.zeros_like(z[..., :1]), z], axis=-1)
