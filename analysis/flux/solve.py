"""From the measurements of one profile over time to fluxes with intervals, or reasons why not.

No loop runs over times: profiles that lack the same sensors are computed together, and there are few ways to
lack sensors.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.flux import checks, efflux, gas, gradient, inverse, propagate
from analysis.flux.column import Column, build, conductivity_mol_m_s, horizon_at, soil_parameters
from analysis.flux.diffusivity import model_spread_ln, relative_diffusivity
from analysis.flux.environment import Carried, carry, patterns
from analysis.flux.errors import FluxError
from analysis.flux.propagate import Inputs, Term
from analysis.flux.reasons import Reason, ReasonArray, mark, no_reasons
from analysis.flux.soil import Horizons
from analysis.flux.storage_term import storage_change_umol_m3_s
from station_config.flux import FluxTable

Array = NDArray[np.float64]

LEAST_AIR = 0.03
"""Air-filled porosity below which pores count as saturated [m3 m-3]: gas then moves through blocked pores."""

CLASSIC = ("de_jong_schappert_1972", "hirano_2003", "tang_2003", "tang_2005")
LEAST_SENSORS = {"hirano_2003": 2, "tang_2003": 2, "tang_2005": 3}
LEAST_LEVELS = {"power_law": 3, "saturating": 3}


@dataclass(frozen=True)
class Profile:
    """Measurements of one profile on common times.

    Parameters
    ----------
    time_us : ndarray of int64 (n,)
        [µs UTC], increasing.
    co2_ppm : ndarray (n, c), co2_depth_m : ndarray (c,)
        NaN where missing or flagged; depth [m] positive downward, in any order. A probe at or above the surface
        is air and serves as the boundary when the settings say that it is measured.
    temperature_degc : ndarray (n, t), temperature_depth_m : ndarray (t,)
    water : ndarray (n, w), water_depth_m : ndarray (w,)
        [m3 m-3]
    pressure_hpa : ndarray (n,) or None
        Station pressure; None without barometer.
    altitude_m : float or None
        Serves for the standard pressure where `pressure_hpa` is missing.
    co2_sd_ppm, water_sd, temperature_sd : ndarray or None
        One standard deviation (calibration) of each value, shapes of the values; None: from the settings.
    surface_shift_m : float
        Soil added since installation (negative: blown away) [m].
    name : str
    """

    time_us: NDArray[np.int64]
    co2_ppm: Array
    co2_depth_m: Array
    temperature_degc: Array
    temperature_depth_m: Array
    water: Array
    water_depth_m: Array
    pressure_hpa: Array | None = None
    altitude_m: float | None = None
    co2_sd_ppm: Array | None = None
    water_sd: Array | None = None
    temperature_sd: Array | None = None
    surface_shift_m: float = 0.0
    name: str = ""


@dataclass
class Fluxes:
    """What was found for one profile, by time.

    Parameters
    ----------
    efflux, lower, upper, sd : ndarray (n,)
        At the surface [umol m-2 s-1], positive upward; 95 % interval; NaN where refused.
    refused : ndarray of uint32 (n,)
        Bits of `Reason`; 0 where there is an efflux.
    notes : ndarray of uint32 (n,)
        Bits of `Reason` for values that were left out although the profile could be answered.
    sampled : ndarray of bool (n,)
        Whether the interval was sampled (else linear-Gaussian).
    extrapolated : ndarray of bool (n,)
        Whether water or temperature was carried beyond the outermost probe.
    levels : ndarray of int (n,)
        CO2 levels used, the surface among them.
    layer_edges_m : ndarray (l + 1,)
        Nodes of the full profile: surface and sensors.
    layer_flux, layer_lower, layer_upper : ndarray (n, l)
    layer_ds_m2_s : ndarray (n, l)
        Soil diffusivity of each layer [m2 s-1].
    production_edges_m : ndarray (m + 1,)
    production, production_lower, production_upper : ndarray (n, m)
        [umol m-3 s-1]; only where all sensors worked.
    persistent : dict of str to ndarray (n,)
        Signed effect of one standard deviation of each lasting error on the efflux.
    random_sd : ndarray (n,)
        Noise part of the efflux error, independent between times.
    model_spread_ln : ndarray (n,)
        Disagreement of the diffusivity models in the top layer, sd of ln Ds.
    pressure_assumed : ndarray of bool (n,)
        Whether the standard pressure of the altitude stood in.
    """

    name: str
    time_us: NDArray[np.int64]
    layer_edges_m: Array
    production_edges_m: Array
    efflux: Array = field(init=False)
    lower: Array = field(init=False)
    upper: Array = field(init=False)
    sd: Array = field(init=False)
    random_sd: Array = field(init=False)
    model_spread_ln: Array = field(init=False)
    refused: ReasonArray = field(init=False)
    notes: ReasonArray = field(init=False)
    sampled: NDArray[np.bool_] = field(init=False)
    extrapolated: NDArray[np.bool_] = field(init=False)
    pressure_assumed: NDArray[np.bool_] = field(init=False)
    levels: NDArray[np.intp] = field(init=False)
    layer_flux: Array = field(init=False)
    layer_lower: Array = field(init=False)
    layer_upper: Array = field(init=False)
    layer_ds_m2_s: Array = field(init=False)
    production: Array = field(init=False)
    production_lower: Array = field(init=False)
    production_upper: Array = field(init=False)
    persistent: dict[str, Array] = field(default_factory=dict)

    def __post_init__(self) -> None:
        n, layers, parts = len(self.time_us), len(self.layer_edges_m) - 1, len(self.production_edges_m) - 1
        for name in ("efflux", "lower", "upper", "sd", "random_sd", "model_spread_ln"):
            setattr(self, name, np.full(n, np.nan))
        for name in ("layer_flux", "layer_lower", "layer_upper", "layer_ds_m2_s"):
            setattr(self, name, np.full((n, layers), np.nan))
        for name in ("production", "production_lower", "production_upper"):
            setattr(self, name, np.full((n, parts), np.nan))
        self.refused, self.notes = no_reasons((n,)), no_reasons((n,))
        self.sampled, self.extrapolated, self.pressure_assumed = (np.zeros(n, dtype=bool) for _ in range(3))
        self.levels = np.zeros(n, dtype=np.intp)


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
    _ask(profile)
    clean = _clean(profile, settings)
    nodes = np.concatenate([[0.0], clean.depth_m])
    production_edges = _production_edges(nodes, settings)
    out = Fluxes(profile.name, profile.time_us, nodes, production_edges)
    out.notes |= clean.notes
    out.refused |= clean.refused
    out.pressure_assumed |= clean.pressure_assumed
    work = _Work(profile, horizons, settings, clean, out)
    usable = np.flatnonzero(out.refused == 0)
    for columns, rows in patterns(np.isfinite(clean.co2[usable])):
        work.group(columns, usable[rows])
    bad = out.refused != 0
    for name in ("efflux", "lower", "upper", "sd", "random_sd"):
        getattr(out, name)[bad] = np.nan
    mark(out.refused, ~bad & ~np.isfinite(out.efflux), Reason.NO_CURVE)
    return out


def _ask(p: Profile) -> None:
    checks.ask_depth(p.co2_depth_m, "CO2")
    checks.ask_depth(p.water_depth_m, "water")
    checks.ask_depth(p.temperature_depth_m, "temperature")
    checks.ask_co2(p.co2_ppm)
    checks.ask_water(p.water)
    checks.ask_temperature(p.temperature_degc)
    if p.pressure_hpa is not None:
        checks.ask_pressure(p.pressure_hpa)


@dataclass
class _Clean:
    """Measurements after the impossible was left out, sensors sorted downward."""

    co2: Array
    depth_m: Array
    sd_bias: Array
    surface: Array | None
    surface_sd: float
    temperature: Array
    temperature_depth: Array
    water: Array
    water_depth: Array
    kept_water: NDArray[np.intp]
    pressure: Array
    pressure_sd: Array
    pressure_assumed: NDArray[np.bool_]
    notes: ReasonArray
    refused: ReasonArray


def _clean(p: Profile, s: FluxTable) -> _Clean:
    n = len(p.time_us)
    notes, refused = no_reasons((n,)), no_reasons((n,))
    depth = np.asarray(p.co2_depth_m, dtype=float) + p.surface_shift_m
    air = np.asarray(p.co2_depth_m, dtype=float) <= 0.0
    bared = ~air & (depth <= 1e-6)
    co2 = checks.within(p.co2_ppm, checks.CO2_LIMITS_PPM)
    mark(notes, np.any(np.isfinite(p.co2_ppm) & ~np.isfinite(co2), axis=1), Reason.CO2_IMPOSSIBLE)
    if bared.any():
        mark(notes, np.ones(n, dtype=bool), Reason.ABOVE_SURFACE)
    pressure, pressure_sd, assumed = _pressure(p, s)
    mark(refused, ~np.isfinite(pressure), Reason.NO_PRESSURE)
    temperature, temperature_depth, _ = _below(
        p.temperature_degc, p.temperature_depth_m, p.surface_shift_m, checks.TEMPERATURE_LIMITS_DEGC, notes
    )
    water, water_depth, kept_w = _below(p.water, p.water_depth_m, p.surface_shift_m, (0.0, 1.0), notes)
    order = np.argsort(np.where(air | bared, np.inf, depth), kind="stable")[: int(np.sum(~(air | bared)))]
    soil_depth = depth[order]
    if np.any(np.diff(soil_depth) < 1e-6):
        mark(refused, np.ones(n, dtype=bool), Reason.DUPLICATE_DEPTH)
    x = co2[:, order]
    if p.co2_sd_ppm is not None:
        bias = np.where(np.isfinite(p.co2_sd_ppm), p.co2_sd_ppm, s.co2_bias_sd_ppm)[:, order]
    else:
        bias = np.hypot(s.co2_bias_sd_ppm, s.co2_bias_sd_fraction * np.nan_to_num(x))
    surface: Array | None = None
    surface_sd = s.ambient_sd_ppm
    if s.surface == "ambient":
        surface = np.full(n, s.ambient_ppm)
    elif s.surface == "measured":
        if not air.any():
            raise FluxError(
                f'profile {p.name!r}: [flux] surface = "measured" but no CO2 probe stands at or above the surface;'
                ' give it a depth_m of 0 or less, or take "ambient" or "none"'
            )
        nearest = np.flatnonzero(air)[np.argmax(p.co2_depth_m[air])]
        surface = co2[:, nearest]
        surface_sd = float(np.hypot(s.co2_noise_sd_ppm, np.hypot(s.co2_bias_sd_ppm, s.co2_bias_sd_fraction * 420)))
    if s.co2_probes == "uncompensated" or s.wet_to_dry:
        x = _corrected(x, soil_depth, temperature, temperature_depth, pressure, s)
    return _Clean(
        x, soil_depth, bias, surface, surface_sd, temperature, temperature_depth, water, water_depth, kept_w,
        pressure, pressure_sd, assumed, notes, refused,
    )  # fmt: skip


def _corrected(x: Array, depth: Array, t: Array, t_depth: Array, pressure: Array, s: FluxTable) -> Array:
    at = carry(t, t_depth, depth, s.temperature_reach_m, 0.0).value
    if s.co2_probes == "uncompensated":
        x = gas.compensate_probe_ppm(x, at, pressure[:, None])
    return gas.dry_mole_fraction_ppm(x, at, pressure[:, None]) if s.wet_to_dry else x


def _below(
    values: Array, depth_m: Array, shift: float, limits: tuple[float, float], notes: ReasonArray
) -> tuple[Array, Array, NDArray[np.intp]]:
    z = np.asarray(depth_m, dtype=float) + shift
    above = z < 0.0
    if above.any():
        mark(notes, np.isfinite(values[:, above]).any(axis=1), Reason.ABOVE_SURFACE)
    order = np.argsort(z, kind="stable")
    kept = order[~above[order]]
    good = checks.within(values[:, kept], limits)
    mark(notes, np.any(np.isfinite(values[:, kept]) & ~np.isfinite(good), axis=1), Reason.ENVIRONMENT_IMPOSSIBLE)
    return good, z[kept], kept


def _pressure(p: Profile, s: FluxTable) -> tuple[Array, Array, NDArray[np.bool_]]:
    n = len(p.time_us)
    pressure = np.full(n, np.nan) if p.pressure_hpa is None else checks.within(p.pressure_hpa, checks.PRESSURE_LIMITS_HPA)
    missing = ~np.isfinite(pressure)
    sd = np.full(n, s.pressure_sd_hpa)
    if p.altitude_m is None:
        return pressure, sd, np.zeros(n, dtype=bool)
    sd[missing] = gas.STANDARD_PRESSURE_SD_HPA
    return np.where(missing, gas.standard_pressure_hpa(p.altitude_m), pressure), sd, missing


def _production_edges(nodes: Array, s: FluxTable) -> Array:
    if s.method == "inverse":
        return inverse.production_layers(nodes)
    levels = nodes if s.surface != "none" else nodes[1:]
    return np.concatenate([[0.0], efflux.middle_m(levels)]) if len(levels) > 1 else np.zeros(1)


class _Work:
    """One profile's calculation; `group` does all times at which the same sensors answered."""

    def __init__(self, p: Profile, horizons: Horizons, s: FluxTable, clean: _Clean, out: Fluxes) -> None:
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
        if levels < max(2, LEAST_LEVELS.get(s.method, 2)) or len(sensors) < max(1, LEAST_SENSORS.get(s.method, 1)):
            out.refused[rows] |= np.uint32(Reason.TOO_FEW_LEVELS)
            return
        cuts = inverse.production_layers(sensors) if s.method == "inverse" else None
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
        outputs = _Outputs(column, s, surface, np.array(self._weights(terms, inputs)))
        self._answer(inputs, terms, outputs, parameters, rows, columns)

    def _environment(
        self, rows: NDArray[np.intp], points: Array, horizon: NDArray[np.intp]
    ) -> tuple[NDArray[np.intp], Carried, Carried, Array] | None:
        s, out, clean = self.s, self.out, self.clean
        growth = 1.0 / np.sqrt(0.1)
        phi = self.horizons.porosity[horizon]
        water = carry(clean.water[rows], clean.water_depth, points, s.water_reach_m, s.water_sd_at_10cm * growth)
        temperature = carry(
            clean.temperature[rows], clean.temperature_depth, points, s.temperature_reach_m,
            s.temperature_sd_at_10cm * growth,
        )  # fmt: skip
        with np.errstate(invalid="ignore"):
            for where, reason in (
                (~np.isfinite(water.value), Reason.NO_WATER),
                (~np.isfinite(temperature.value), Reason.NO_TEMPERATURE),
                (temperature.value <= 0.0, Reason.FROZEN),
                (water.value > phi, Reason.WATER_ABOVE_POROSITY),
                ((water.value <= phi) & (phi - water.value < LEAST_AIR), Reason.PORES_SATURATED),
            ):
                out.refused[rows] |= np.where(where.any(axis=1), np.uint32(reason), np.uint32(0))
        keep = out.refused[rows] == 0
        rows, water, temperature = rows[keep], water.at(keep), temperature.at(keep)
        if rows.size == 0:
            return None
        out.extrapolated[rows] = water.extrapolated.any(axis=1) | temperature.extrapolated.any(axis=1)
        return rows, water, temperature, phi

    def _weights(self, terms: list[Term], inputs: Inputs) -> list[float]:
        """Standard deviation of each node for the fit [ppm], typical of the group."""
        out = []
        for node in range(inputs.co2_ppm.shape[1]):
            variance = sum(
                float(np.median(np.broadcast_to(t.displacement, inputs.co2_ppm.shape)[:, node] ** 2))
                for t in terms
                if t.target == "co2"
            )
            out.append(max(np.sqrt(variance), 0.1))
        return out

    def _terms(
        self, i: Inputs, rows: NDArray[np.intp], columns: NDArray[np.bool_], horizon: NDArray[np.intp],
        water: Carried, temperature: Carried, parameters: Mapping[str, Array],
    ) -> list[Term]:  # fmt: skip
        s, clean, p = self.s, self.clean, self.p
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
                sd = min(s.depth_sd_m, 0.45 * float(np.diff(np.concatenate([[0.0], clean.depth_m[columns]])).min()))
                terms.append(Term(f"depth {depth:g} m", "depth", at(node, sd)))
        if s.co2_probes == "uncompensated":
            ratio = -(clean.pressure_sd[rows] / clean.pressure[rows])[:, None] * i.co2_ppm
            if offset:
                ratio[:, 0] = 0.0
            terms.append(Term("pressure", "co2", ratio))
        kept = clean.kept_water
        for probe, depth in enumerate(clean.water_depth):
            weight = water.of_probe(probe)
            if not weight.any():
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
        warm = np.hypot(temperature.distance_sd, s.temperature_sd)
        if np.any(warm > 0):
            terms.append(Term("temperature", "temperature", warm))
        for h in np.unique(horizon):
            if self.horizons.porosity_sd[h] > 0:
                terms.append(
                    Term(f"porosity {self.horizons.top_m[h]:g} m", "porosity",
                         self.horizons.porosity_sd[h] * (horizon == h)[None])
                )  # fmt: skip
        spread = np.zeros((1, 1))
        if s.model_spread:
            spread = model_spread_ln(i.porosity - i.water, i.porosity, parameters)
            self.out.model_spread_ln[rows] = spread[:, 0]
        terms.append(Term("diffusivity model", "ln_d", np.hypot(spread, gas.FREE_AIR_SD_LN)))
        return terms

    def _answer(
        self, i: Inputs, terms: list[Term], outputs: _Outputs, parameters: Mapping[str, Array],
        rows: NDArray[np.intp], columns: NDArray[np.bool_],
    ) -> None:  # fmt: skip
        s, out = self.s, self.out

        def conductivity(water: Array, phi: Array, t: Array, pressure: Array, ln_d: Array) -> Array:
            return conductivity_mol_m_s(water, phi, t, pressure, s.diffusivity, s.free_air, parameters)

        def relative(eps: Array, phi: Array) -> Array:
            return relative_diffusivity(eps, phi, s.diffusivity, parameters)

        held, held_terms = propagate.hold_water(i, terms)
        result = propagate.linear(held, held_terms, conductivity, outputs, skewed=outputs.ln_k)
        own = outputs.own_sd(i, conductivity(held.water, i.porosity, i.temperature_degc, i.pressure_hpa, i.ln_d))
        sd = np.hypot(result.sd, own)
        value, lower, upper = (result.point(z, sd) for z in (0.0, -propagate.Z95, propagate.Z95))
        wild = propagate.needs_sampling(result, terms, i.water, i.porosity)
        if wild.any():
            pick = np.flatnonzero(wild)
            some = propagate.sampled(
                _take(i, pick), [_take_term(t, pick, len(rows)) for t in terms], conductivity, relative, outputs,
                s.draws, s.seed, own[pick],
            )  # fmt: skip
            value[pick], lower[pick], upper[pick] = some.median, some.lower, some.upper
            sd[pick] = (some.upper - some.lower) / (2.0 * propagate.Z95)
        self._refuse(i, terms, outputs, lower, upper, rows)
        stretch = sd[:, 0] / np.maximum(np.hypot(result.sd[:, 0], own[:, 0]), 1e-30)
        random = np.zeros(len(rows))
        for number, term in enumerate(terms):
            effect = result.parts[number, :, 0] * stretch
            lasting = np.broadcast_to(np.asarray(term.persistent, dtype=float), effect.shape)
            random += effect * effect * (1.0 - lasting * lasting)
            out.persistent.setdefault(term.name, np.zeros(len(out.time_us)))[rows] = effect * lasting
        out.persistent.setdefault("method", np.zeros(len(out.time_us)))[rows] = own[:, 0] * stretch
        out.random_sd[rows] = np.sqrt(random)
        out.efflux[rows], out.lower[rows], out.upper[rows], out.sd[rows] = (
            value[:, 0], lower[:, 0], upper[:, 0], sd[:, 0],
        )  # fmt: skip
        out.sampled[rows] = wild
        self._keep_layers(outputs, i, value, lower, upper, rows, columns)

    def _refuse(
        self, i: Inputs, terms: list[Term], outputs: _Outputs, lower: Array, upper: Array, rows: NDArray[np.intp]
    ) -> None:
        variance = sum(
            np.broadcast_to(t.displacement, i.co2_ppm.shape) ** 2 for t in terms if t.target == "co2"
        )
        step = np.diff(i.co2_ppm)
        error = np.sqrt(variance[:, 1:] + variance[:, :-1])
        used = slice(0, outputs.layers_used)
        inverted = np.any(step[:, used] < -propagate.Z95 * error[:, used], axis=1)
        mark(self.out.refused, _only(rows, inverted, self.out), Reason.INVERTED_GRADIENT)
        column = outputs.ln_k
        factor = np.exp((upper[:, column] - lower[:, column]) / 2.0)
        with np.errstate(invalid="ignore"):
            mark(self.out.refused, _only(rows, ~(factor <= self.s.ds_factor_max), self.out), Reason.DS_UNCERTAIN)
        mark(self.out.refused, _only(rows, ~np.isfinite(lower[:, 0] + upper[:, 0]), self.out), Reason.NO_CURVE)

    def _keep_layers(
        self, outputs: _Outputs, i: Inputs, value: Array, lower: Array, upper: Array, rows: NDArray[np.intp],
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
            for array, source in ((out.layer_flux, value), (out.layer_lower, lower), (out.layer_upper, upper)):
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
        phi = self.horizons.porosity[np.maximum(horizon_at(self.horizons, clean.depth_m, self.p.surface_shift_m), 0)]
        water = carry(clean.water, clean.water_depth, clean.depth_m, s.water_reach_m, 0.0).value
        warm = carry(clean.temperature, clean.temperature_depth, clean.depth_m, s.temperature_reach_m, 0.0).value
        rate = storage_change_umol_m3_s(
            clean.co2, phi - water, gas.air_density_mol_m3(warm, clean.pressure[:, None]), self.p.time_us / 1e6
        )
        edges = self.out.production_edges_m
        return carry(rate, clean.depth_m, (edges[1:] + edges[:-1]) / 2.0, np.inf, 0.0).value


def _only(rows: NDArray[np.intp], where: NDArray[np.bool_], out: Fluxes) -> NDArray[np.bool_]:
    full = np.zeros(len(out.time_us), dtype=bool)
    full[rows] = where
    return full


def _take(i: Inputs, pick: NDArray[np.intp]) -> Inputs:
    return Inputs(
        i.co2_ppm[pick], i.depth_m, i.water[pick], i.porosity, i.temperature_degc[pick], i.pressure_hpa[pick], i.ln_d
    )


def _take_term(t: Term, pick: NDArray[np.intp], batch: int) -> Term:
    d = np.atleast_2d(t.displacement)
    return Term(t.name, t.target, d[pick] if d.shape[0] == batch and batch > 1 else d)


class _Outputs:
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
        parts: list[Any] = [surface_flux[..., None], fluxes, np.log(layer_k[..., :1]) + 0 * fluxes[..., :1], production]
        return np.concatenate(parts, axis=-1)

    def _efflux(self, x: Array, z: Array, k: Array, layer_k: Array, fluxes: Array) -> tuple[Array, Array | None]:
        method = self.s.method
        if method == "two_layers":
            return efflux.two_layers(fluxes, z), None
        if method == "top":
            return efflux.top(fluxes), None
        if method == "line":
            return efflux.line(fluxes, z), None
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

    def _invert(self, x: Array, z: Array, k: Array, fluxes: Array, posterior: bool) -> inverse.Inverse:
        assert self.layer_edges is not None
        shape = fluxes.shape[:-1]
        n = x.shape[-1]
        flat_x = np.broadcast_to(x, (*shape, n)).reshape(-1, n)
        flat_k = np.broadcast_to(k[..., : self.sublayers], (*shape, self.sublayers)).reshape(-1, self.sublayers)
        observed = self.column.nodes_m if self.surface else self.column.nodes_m[1:]
        nodes = z if self.surface else np.concatenate([np.zeros_like(z[..., :1]), z], axis=-1)
        thickness = self.column.share * np.diff(nodes)[..., self.column.layer]
        flat_h = np.broadcast_to(thickness, (*shape, self.sublayers)).reshape(-1, self.sublayers)
        scale = inverse.prior_scale(fluxes.reshape(-1, fluxes.shape[-1]), float(self.column.nodes_m[-1]))
        return inverse.invert(
            flat_x, observed, self.column.edges_m, flat_k, self.layer_edges, self.sd_ppm, scale, self.s.smoothness,
            self.s.bottom_flux, posterior=posterior, thickness_m=flat_h,
        )  # fmt: skip

    def own_sd(self, i: Inputs, k: Array) -> Array:
        """Error of the method itself, one sd of each output (batch, q), Eq. U5 and I7."""
        fluxes = efflux.layer_fluxes(i.co2_ppm, i.depth_m, self.layer_k(k))
        batch = fluxes.shape[0]
        own = np.zeros((batch, self(i.co2_ppm[:1], i.depth_m, k[:1]).shape[-1]))
        if self.s.method == "inverse":
            found = self._invert(i.co2_ppm, i.depth_m, k, fluxes, posterior=True)
            assert found.smoothing_sd is not None
            own[:, 0] = found.smoothing_sd
            return own
        own[:, 0] = efflux.method_sd(fluxes, i.depth_m)
        if self.s.method != "two_layers":
            value, _ = self._efflux(i.co2_ppm, i.depth_m, k, self.layer_k(k), fluxes)
            own[:, 0] = np.hypot(own[:, 0], value - efflux.two_layers(fluxes, i.depth_m))
        return own
