"""From the measurements of one profile over time to fluxes with intervals, or reasons why not.

No loop runs over times: profiles that lack the same sensors are computed together, and there are few ways to
lack sensors.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from soilco2.analysis.flux.inputs.clean import Clean, ask, clean
from soilco2.analysis.flux.methods import efflux, inverse, neighbour_bounds, propagate
from soilco2.analysis.flux.methods.outputs import LAYERED, Outputs
from soilco2.analysis.flux.methods.propagate import Inputs, Term
from soilco2.analysis.flux.methods.storage_term import storage_change_umol_m3_s
from soilco2.analysis.flux.physics import gas
from soilco2.analysis.flux.physics.column import build, free_conductivity, horizon_at, soil_parameters
from soilco2.analysis.flux.physics.diffusivity import model_spread_ln, relative_diffusivity
from soilco2.analysis.flux.physics.environment import Carried, carry, patterns
from soilco2.analysis.flux.physics.soil import Horizons
from soilco2.analysis.flux.records import Fluxes, Profile
from soilco2.analysis.flux.refusals import Reason, mark
from soilco2.analysis.rounding import ROUNDING, above, below
from soilco2.station_config.tables.flux import FluxTable

__all__ = ["Fluxes", "Profile", "solve"]

Array = NDArray[np.float64]

LEAST_AIR = 0.03
"""Air-filled porosity below which pores count as saturated [m3 m-3]: gas then moves through blocked pores."""

CLASSIC = ("de_jong_schappert_1972", "hirano_2003", "tang_2003", "tang_2005")
LEAST_SENSORS = {"hirano_2003": 2, "tang_2003": 2, "tang_2005": 3}
LEAST_LEVELS = {"exponential": 3, "power_law": 3, "saturating": 3}


def solve(profile: Profile, horizons: Horizons, settings: FluxTable | None = None) -> Fluxes:
    """Fluxes of one profile over time.

    Raises
    ------
    UnitQuestionError
        When a whole column looks like another unit.
    FluxError
        When depths are missing or two probes of water or temperature stand at one depth.
    """
    settings = settings or FluxTable()
    ask(profile)
    made = clean(profile, settings)
    nodes = np.concatenate([[0.0], made.depth_m])
    production_edges = _production_edges(nodes, settings)
    out = Fluxes(profile.name, profile.time_us, nodes, production_edges)
    out.notes |= made.notes
    out.refused |= made.refused
    out.pressure_assumed |= made.pressure_assumed
    work = _Work(profile, horizons, settings, made, out)
    usable = np.flatnonzero(out.refused == 0)
    for columns, rows in patterns(np.isfinite(made.co2[usable])):
        work.group(columns, usable[rows])
    bad = out.refused != 0
    for name in ("efflux", "lower", "upper", "sd", "random_sd"):
        getattr(out, name)[bad] = np.nan
    mark(out.refused, ~bad & ~np.isfinite(out.efflux), Reason.NO_CURVE)
    return out


def _production_edges(nodes: Array, s: FluxTable) -> Array:
    if s.method == "inverse":
        return inverse.production_layers(nodes)
    levels = nodes if s.surface != "none" else nodes[1:]
    return np.concatenate([[0.0], efflux.middle_m(levels)]) if len(levels) > 1 else np.zeros(1)


class _Work:
    """One profile's calculation; `group` does all times at which the same sensors answered."""

    def __init__(self, p: Profile, horizons: Horizons, s: FluxTable, clean: Clean, out: Fluxes) -> None:
        self.p, self.horizons, self.s, self.clean, self.out = p, horizons, s, clean, out
        self.storage = self._storage() if s.storage_term else None

    def group(self, columns: NDArray[np.bool_], rows: NDArray[np.intp]) -> None:
        s, out, clean = self.s, self.out, self.clean
        surface = clean.surface is not None
        sensors = clean.depth_m[columns]
        if clean.surface is not None:
            mark(out.refused, _only(rows, ~np.isfinite(clean.surface[rows]), out), Reason.TOO_FEW_LEVELS)
            rows = rows[out.refused[rows] == 0]
        levels = len(sensors) + surface
        out.levels[rows] = levels
        if levels < max(2, LEAST_LEVELS.get(s.method, 2)) or len(sensors) < max(
            1, LEAST_SENSORS.get(s.method, 1)
        ):
            out.refused[rows] |= np.uint32(Reason.TOO_FEW_LEVELS)
            return
        if s.method == "saturating" and not surface:  # above the first level such a curve goes anywhere
            out.refused[rows] |= np.uint32(Reason.SURFACE_UNSEEN)
            return
        cuts = inverse.production_layers(sensors) if s.method == "inverse" else None
        if s.method in LAYERED:
            cuts = np.asarray(s.layers_m, dtype=float)
        column = build(sensors, self.horizons, self.p.surface_shift_m, cuts_m=cuts)
        points, horizon = column.middle_m, column.horizon
        if s.method in CLASSIC:
            points = np.concatenate([points, sensors])
            horizon = np.concatenate([horizon, horizon_at(self.horizons, sensors, self.p.surface_shift_m)])
        if np.any(horizon < 0):
            out.refused[rows] |= np.uint32(Reason.HORIZON_GAP)
            return
        ready = self._environment(rows, points, horizon)
        if ready is None:
            return
        rows, water, temperature, phi = ready
        parameters = soil_parameters(self.horizons, horizon)
        x = clean.co2[np.ix_(rows, np.flatnonzero(columns))]
        z = sensors
        if clean.surface is not None:
            x = np.column_stack([clean.surface[rows], x])
            z = column.nodes_m
        column_first = propagate.depth_first
        inputs = Inputs(
            column_first(x), z, column_first(water.value), phi, column_first(temperature.value),
            clean.pressure[rows, None], np.zeros((1, 1)),
        )  # fmt: skip
        terms = self._terms(inputs, rows, columns, horizon, water, temperature, parameters)
        outputs = Outputs(column, s, surface, self._weights(terms, inputs))
        self._answer(inputs, terms, outputs, parameters, rows, columns)

    def _environment(
        self, rows: NDArray[np.intp], points: Array, horizon: NDArray[np.intp]
    ) -> tuple[NDArray[np.intp], Carried, Carried, Array] | None:
        s, out, clean = self.s, self.out, self.clean
        growth = 1.0 / np.sqrt(0.1)
        phi = self.horizons.porosity[horizon]
        water = carry(
            clean.water[rows], clean.water_depth, points, s.water_reach_m, s.water_sd_at_10cm * growth
        )
        temperature = carry(
            clean.temperature[rows], clean.temperature_depth, points, s.temperature_reach_m,
            s.temperature_sd_at_10cm * growth,
        )  # fmt: skip
        drowned = above(water.value, phi)
        for where, reason in (
            (~np.isfinite(water.value), Reason.NO_WATER),
            (~np.isfinite(temperature.value), Reason.NO_TEMPERATURE),
            (np.isfinite(temperature.value) & ~above(temperature.value, 0.0, 1.0), Reason.FROZEN),
            (drowned, Reason.WATER_ABOVE_POROSITY),
            (~drowned & below(phi - water.value, LEAST_AIR, phi), Reason.PORES_SATURATED),
        ):
            out.refused[rows] |= np.where(where.any(axis=1), np.uint32(reason), np.uint32(0))
        keep = out.refused[rows] == 0
        rows, water, temperature = rows[keep], water.at(keep), temperature.at(keep)
        if rows.size == 0:
            return None
        out.extrapolated[rows] = water.extrapolated.any(axis=1) | temperature.extrapolated.any(axis=1)
        return rows, water, temperature, phi

    def _weights(self, terms: list[Term], inputs: Inputs) -> Array:
        """Standard deviation of each node for the fit (n,), typical of the group [ppm].

        Without the sensors' depths: their errors grow with the flux, and a fit that trusts the steeper profile less is
        drawn to an even production.
        """
        variance = np.zeros(inputs.co2_ppm.shape)
        for t in terms:
            if t.target == "co2":
                variance += t.displacement**2
        return np.maximum(np.sqrt(np.median(variance, axis=0)), 0.1)

    def _terms(
        self, i: Inputs, rows: NDArray[np.intp], columns: NDArray[np.bool_], horizon: NDArray[np.intp],
        water: Carried, temperature: Carried, parameters: Mapping[str, Array],
    ) -> list[Term]:  # fmt: skip
        s = self.s
        terms = self._co2_terms(i, rows, columns) + self._water_terms(rows, water)
        warm = np.hypot(temperature.distance_sd, s.temperature_sd)
        if np.any(warm > 0):
            terms.append(Term("temperature", "temperature", warm))
        loose = [h for h in np.unique(horizon) if self.horizons.porosity_sd[h] > 0]
        terms += [
            Term(
                f"porosity {self.horizons.top_m[h]:g} m",
                "porosity",
                self.horizons.porosity_sd[h] * (horizon == h)[None],
            )
            for h in loose
        ]
        spread = np.zeros((1, 1))
        if s.model_spread:
            spread = model_spread_ln(i.porosity - i.water, i.porosity, parameters)
            self.out.model_spread_ln[rows] = spread[:, 0]
        terms.append(Term("diffusivity model", "ln_d", np.hypot(spread, gas.FREE_AIR_SD_LN)))
        return terms

    def _co2_terms(self, i: Inputs, rows: NDArray[np.intp], columns: NDArray[np.bool_]) -> list[Term]:
        """Errors of the mole fractions and of the depths they belong to."""
        s, clean = self.s, self.clean
        terms: list[Term] = []
        offset = 1 if clean.surface is not None else 0
        nodes = i.co2_ppm.shape[1]

        def at(node: int, value: Array | float) -> Array:
            unit = np.zeros(nodes)
            unit[node] = 1.0
            return np.asarray(np.asarray(value, dtype=float)[..., None] * unit)

        if clean.surface is not None:
            terms.append(Term("surface CO2", "co2", at(0, clean.surface_sd)))
        for node, column in enumerate(np.flatnonzero(columns), start=offset):
            depth = clean.depth_m[column]
            bias = clean.sd_bias[rows, column]
            total = np.hypot(bias, s.co2_noise_sd_ppm)
            terms.append(Term(f"CO2 {depth:g} m", "co2", at(node, total), bias / total))
            if s.depth_sd_m > 0:
                sd = min(
                    s.depth_sd_m, 0.45 * float(np.diff(np.concatenate([[0.0], clean.depth_m[columns]])).min())
                )
                terms.append(Term(f"depth {depth:g} m", "depth", at(node, sd)))
        if s.co2_probes == "uncompensated":
            ratio = -(clean.pressure_sd[rows] / clean.pressure[rows])[:, None] * i.co2_ppm
            if offset:
                ratio[:, 0] = 0.0
            terms.append(Term("pressure", "co2", ratio))
        return terms

    def _water_terms(self, rows: NDArray[np.intp], water: Carried) -> list[Term]:
        """Errors of each probe's water content, and of the water between probes."""
        s, clean, p = self.s, self.clean, self.p
        terms: list[Term] = []
        kept = clean.kept_water
        for probe, depth in enumerate(clean.water_depth):
            weight = water.of_probe(probe)
            if not above(weight, 0.0, 1.0).any():
                continue
            if p.water_sd is not None:
                given = p.water_sd[rows, kept[probe]]
                sd_w = np.where(np.isfinite(given), given, s.water_sd)[:, None]
            else:
                sd_w = np.full((1, 1), s.water_sd)
            if np.any(sd_w > 0):
                terms.append(Term(f"water {depth:g} m", "water", weight * sd_w))
        if np.any(water.distance_sd > 0):
            terms.append(Term("water between probes", "water", water.distance_sd))
        return terms

    def _answer(
        self, i: Inputs, terms: list[Term], outputs: Outputs, parameters: Mapping[str, Array],
        rows: NDArray[np.intp], columns: NDArray[np.bool_],
    ) -> None:  # fmt: skip
        s, out = self.s, self.out

        free = free_conductivity(i.temperature_degc, i.pressure_hpa, s.free_air)

        def conductivity(water: Array, phi: Array, t: Array, pressure: Array, ln_d: Array) -> Array:
            same = t is i.temperature_degc and pressure is i.pressure_hpa
            in_air = free if same else free_conductivity(t, pressure, s.free_air)
            return in_air * relative(phi - water, phi)

        def relative(eps: Array, phi: Array) -> Array:
            return relative_diffusivity(eps, phi, s.diffusivity, parameters)

        outputs.choose_smoothness(
            i, conductivity(i.water, i.porosity, i.temperature_degc, i.pressure_hpa, i.ln_d)
        )
        held, held_terms = propagate.hold_water(i, terms)
        result = propagate.linear(held, held_terms, conductivity, outputs, skewed=outputs.ln_k)
        k = conductivity(held.water, i.porosity, i.temperature_degc, i.pressure_hpa, i.ln_d)
        own, of_production = outputs.own_error(held, k, result.value)
        if not outputs.surface:
            known = np.isfinite(result.value[:, outputs.whole]).all(axis=1)
            unseen = known & ~np.isfinite(own)  # first: no curve through the levels could mend it
            mark(out.refused, _only(rows, unseen, out), Reason.SURFACE_UNSEEN)
        value, total = propagate.at_inputs(i, held, result, conductivity, outputs), result.sd
        total[:, 0] = np.hypot(total[:, 0], own)
        made = outputs.production
        total[:, made] = np.hypot(total[:, made], of_production)
        lower, upper = (result.point(z, total) for z in (-propagate.Z95, propagate.Z95))
        noise = total[:, 0].copy()
        wild = propagate.needs_sampling(result, terms, i.water, i.porosity)
        if wild.any():
            pick = np.flatnonzero(wild)
            some = propagate.sampled(
                _take(i, pick), [_take_term(t, pick, len(rows)) for t in terms],
                conductivity, relative, lambda some: outputs.of(pick[some]), s.draws, s.seed, own[pick],
            )  # fmt: skip
            lower[pick], upper[pick] = some.lower, some.upper
        lower, upper = np.fmin(lower, value), np.fmax(upper, value)
        sides = np.abs(np.stack([lower, upper]) - value)[..., 0] / propagate.Z95
        least, largest = neighbour_bounds.edges(held, held_terms, conductivity, outputs, result, k)
        lower[:, 0], upper[:, 0] = np.fmin(lower[:, 0], least), np.fmax(upper[:, 0], largest)
        self._refuse(i, terms, outputs, value, lower, upper, rows)
        self._keep_sides(value[:, 0], lower[:, 0], upper[:, 0], sides, noise, own, rows)
        random = np.zeros(len(rows))
        for number, term in enumerate(terms):
            effect = result.parts[number, :, 0]
            lasting = np.broadcast_to(np.asarray(term.persistent, dtype=float), effect.shape)
            random += effect * effect * (1.0 - lasting * lasting)
            out.persistent.setdefault(term.name, np.zeros(len(out.time_us)))[rows] = effect * lasting
        out.random_sd[rows] = np.sqrt(random)
        out.efflux[rows], out.lower[rows], out.upper[rows], out.sd[rows] = (
            value[:, 0], lower[:, 0], upper[:, 0], (upper - lower)[:, 0] / (2.0 * propagate.Z95),
        )  # fmt: skip
        out.sampled[rows] = wild
        self._keep_layers(outputs, i, value, lower, upper, rows, columns)

    def _keep_sides(
        self, value: Array, lower: Array, upper: Array, sides: Array, noise: Array, own: Array,
        rows: NDArray[np.intp],
    ) -> None:  # fmt: skip
        """What of either side of the interval comes from the inputs and what from the method, Eq. P7.

        Parameters
        ----------
        sides : ndarray (2, batch)
            Distances of the limits before other shapes widened them, as standard deviations.
        noise : ndarray (batch,)
            Linear standard deviation of all errors; `own` is the part of the method in it.
        """
        factor = np.divide(sides, noise, out=np.ones_like(sides), where=noise > 0.0)
        out = self.out
        for side, limit, skew, kept in (
            (factor[0], lower, out.skew_below, out.method_below),
            (factor[1], upper, out.skew_above, out.method_above),
        ):
            skew[rows] = side
            whole, inputs = (value - limit) / propagate.Z95, side**2 * np.maximum(noise**2 - own**2, 0.0)
            kept[rows] = np.sqrt(np.maximum(whole**2 - inputs, 0.0))

    def _refuse(
        self,
        i: Inputs,
        terms: list[Term],
        outputs: Outputs,
        value: Array,
        lower: Array,
        upper: Array,
        rows: NDArray[np.intp],
    ) -> None:
        variance = np.zeros(i.co2_ppm.shape)
        for term in terms:
            if term.target == "co2":
                variance += term.displacement**2
        step = np.diff(i.co2_ppm)
        error = np.sqrt(variance[:, 1:] + variance[:, :-1])
        used = slice(0, outputs.layers_used)
        rounded = np.abs(i.co2_ppm).max(axis=1, keepdims=True)
        falls = below(step, -propagate.Z95 * error, rounded)
        mark(
            self.out.refused, _only(rows, np.any(falls[:, used], axis=1), self.out), Reason.INVERTED_GRADIENT
        )
        unused = np.any(falls[:, outputs.layers_used :], axis=1)
        mark(self.out.notes, _only(rows, unused, self.out), Reason.FALLS_BELOW)
        upward = np.all(above(value[:, outputs.fluxes][:, used], 0.0, 1.0), axis=1)
        against = upward & below(value[:, 0], 0.0, 1.0)
        mark(self.out.notes, _only(rows, against, self.out), Reason.AGAINST_LAYERS)
        column = outputs.ln_k
        factor = np.exp((upper[:, column] - lower[:, column]) / 2.0)
        with np.errstate(invalid="ignore"):
            mark(
                self.out.refused,
                _only(rows, ~(factor <= self.s.ds_factor_max * (1.0 + ROUNDING)), self.out),
                Reason.DS_UNCERTAIN,
            )
        unknown = ~np.isfinite(lower[:, 0] + upper[:, 0])
        unknown &= (self.out.refused[rows] & np.uint32(Reason.SURFACE_UNSEEN)) == 0
        mark(self.out.refused, _only(rows, unknown, self.out), Reason.NO_CURVE)

    def _keep_layers(
        self, outputs: Outputs, i: Inputs, value: Array, lower: Array, upper: Array, rows: NDArray[np.intp],
        columns: NDArray[np.bool_],
    ) -> None:  # fmt: skip
        out = self.out
        good = out.refused[rows] == 0
        target = rows[good]
        nodes = np.flatnonzero(columns) + 1
        tops = np.concatenate([[0], nodes[:-1]]) if outputs.surface else nodes[:-1]
        bottoms = nodes if outputs.surface else nodes[1:]
        fluxes = outputs.fluxes
        density = gas.air_density_mol_m3(i.temperature_degc, i.pressure_hpa)[:, : outputs.sublayers]
        mean_density = density.mean(axis=1)
        for which, (top, bottom) in enumerate(zip(tops, bottoms, strict=True)):
            if bottom != top + 1:
                continue
            q = fluxes.start + which
            for array, source in (
                (out.layer_flux, value),
                (out.layer_lower, lower),
                (out.layer_upper, upper),
            ):
                array[target, top] = source[good, q]
            rise = np.diff(i.co2_ppm)[good, which] / np.diff(i.depth_m)[which]
            with np.errstate(divide="ignore", invalid="ignore"):
                out.layer_ds_m2_s[target, top] = value[good, q] / rise / mean_density[good]
        if columns.all():
            p = outputs.production
            storage = 0.0 if self.storage is None else np.nan_to_num(self.storage[target])
            out.production[target] = value[good, p] + storage
            out.production_lower[target] = lower[good, p] + storage
            out.production_upper[target] = upper[good, p] + storage

    def _storage(self) -> Array:
        """Storage change at the middle of each production layer, carried linearly between the sensors."""
        clean, s = self.clean, self.s
        phi = self.horizons.porosity[
            np.maximum(horizon_at(self.horizons, clean.depth_m, self.p.surface_shift_m), 0)
        ]
        water = carry(clean.water, clean.water_depth, clean.depth_m, s.water_reach_m, 0.0).value
        warm = carry(
            clean.temperature, clean.temperature_depth, clean.depth_m, s.temperature_reach_m, 0.0
        ).value
        rate = storage_change_umol_m3_s(
            clean.co2,
            phi - water,
            gas.air_density_mol_m3(warm, clean.pressure[:, None]),
            self.p.time_us / 1e6,
        )
        edges = self.out.production_edges_m
        return carry(rate, clean.depth_m, (edges[1:] + edges[:-1]) / 2.0, np.inf, 0.0).value


def _only(rows: NDArray[np.intp], where: NDArray[np.bool_], out: Fluxes) -> NDArray[np.bool_]:
    full = np.zeros(len(out.time_us), dtype=bool)
    full[rows] = where
    return full


def _take(i: Inputs, pick: NDArray[np.intp]) -> Inputs:
    return Inputs(
        i.co2_ppm[pick],
        i.depth_m,
        i.water[pick],
        i.porosity,
        i.temperature_degc[pick],
        i.pressure_hpa[pick],
        i.ln_d,
    )


def _take_term(t: Term, pick: NDArray[np.intp], batch: int) -> Term:
    d = np.atleast_2d(t.displacement)
    return Term(t.name, t.target, d[pick] if d.shape[0] == batch and batch > 1 else d)
