"""Measurements made ready: the impossible left out and noted, sensors sorted, pressure found."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from soilco2.analysis.flux.errors import FluxError, UnitQuestionError
from soilco2.analysis.flux.inputs import checks
from soilco2.analysis.flux.physics import gas
from soilco2.analysis.flux.physics.environment import ONE_DEPTH_M, carry
from soilco2.analysis.flux.records import Profile
from soilco2.analysis.flux.refusals import Reason, ReasonArray, mark, no_reasons
from soilco2.station_config.message import Message
from soilco2.station_config.tables.flux import FluxTable

Array = NDArray[np.float64]


def ask(p: Profile) -> None:
    """Ask about whole columns that look like another unit, naming the profile."""
    try:
        checks.ask_depth(p.co2_depth_m, "CO2")
        checks.ask_depth(p.water_depth_m, Message("water"))
        checks.ask_depth(p.temperature_depth_m, Message("temperature"))
        checks.ask_co2(p.co2_ppm)
        checks.ask_water(p.water)
        checks.ask_temperature(p.temperature_degc)
        if p.pressure_hpa is not None:
            checks.ask_pressure(p.pressure_hpa)
    except UnitQuestionError as question:
        raise UnitQuestionError(
            Message("profile {profile!r}: {question}", profile=p.name, question=question)
            if p.name
            else Message.of(question)
        ) from None


@dataclass
class Clean:
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


def clean(p: Profile, s: FluxTable) -> Clean:
    n = len(p.time_us)
    notes, refused = no_reasons((n,)), no_reasons((n,))
    depth = np.asarray(p.co2_depth_m, dtype=float) + p.surface_shift_m
    air = np.asarray(p.co2_depth_m, dtype=float) <= 0.0
    bared = ~air & (depth <= ONE_DEPTH_M)
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
    if np.any(np.diff(soil_depth) < ONE_DEPTH_M):
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
                Message(
                    'profile {profile!r}: [flux] surface = "measured" but no CO2 probe stands at or above the'
                    ' surface; give it a depth_m of 0 or less, or take "ambient" or "none"',
                    profile=p.name,
                )
            )
        nearest = np.flatnonzero(air)[np.argmax(p.co2_depth_m[air])]
        surface = co2[:, nearest]
        surface_sd = float(
            np.hypot(s.co2_noise_sd_ppm, np.hypot(s.co2_bias_sd_ppm, s.co2_bias_sd_fraction * 420))
        )
    if s.co2_probes == "uncompensated" or s.wet_to_dry:
        x = _corrected(x, soil_depth, temperature, temperature_depth, pressure, s)
    return Clean(
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
    above = z < -ONE_DEPTH_M
    if above.any():
        mark(notes, np.any(np.isfinite(values[:, above]), axis=1), Reason.ABOVE_SURFACE)
    order = np.argsort(z, kind="stable")
    kept = order[~above[order]]
    good = checks.within(values[:, kept], limits)
    mark(
        notes,
        np.any(np.isfinite(values[:, kept]) & ~np.isfinite(good), axis=1),
        Reason.ENVIRONMENT_IMPOSSIBLE,
    )
    return good, z[kept], kept


def _pressure(p: Profile, s: FluxTable) -> tuple[Array, Array, NDArray[np.bool_]]:
    n = len(p.time_us)
    pressure = (
        np.full(n, np.nan)
        if p.pressure_hpa is None
        else checks.within(p.pressure_hpa, checks.PRESSURE_LIMITS_HPA)
    )
    missing = ~np.isfinite(pressure)
    sd = np.full(n, s.pressure_sd_hpa)
    if p.altitude_m is None:
        return pressure, sd, np.zeros(n, dtype=bool)
    sd[missing] = gas.STANDARD_PRESSURE_SD_HPA
    return np.where(missing, gas.standard_pressure_hpa(p.altitude_m), pressure), sd, missing
