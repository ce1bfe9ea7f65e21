"""The profile: C by depth, gradients that turn, daily waves against depth, pressure, salinity, several profiles.

Could transport, pressure, salt or the instrument explain the pattern? Each block of rows answers one of these.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from soilco2.analysis import rounding
from soilco2.analysis.definitions import (
    AS_MEASURED,
    BLOCKS,
    DAY_TO_DAY,
    MAX_R_SW,
    MIN_AMPLITUDE_STEPS,
    MIN_DAYS,
    MIN_HARMONIC_R2,
    MIN_PORE_WATER,
    SEASONAL,
    WITHIN_DAY,
    WITHIN_DAY_REST,
)
from soilco2.analysis.frames.frame import Column, Frame
from soilco2.analysis.frames.scales import without_mean_day
from soilco2.analysis.frames.targets import Target, derived
from soilco2.analysis.jobs.base import Options, Outcome, adjusted, chosen, each, row, span
from soilco2.analysis.jobs.correlation import AT_25, at_scale
from soilco2.analysis.refusals import Refusal, warn
from soilco2.analysis.salinity import pore_ec
from soilco2.analysis.soil_response.damping import (
    HOURS_PER_DAMPING_DEPTH,
    OMEGA,
    damping,
    layers,
    smallest_step,
)
from soilco2.analysis.soil_response.profile import (
    DS_DRY,
    DS_WET,
    Level,
    diffusion_hours,
    mean_level,
    rate_of_change,
    reversals,
    share_of_time,
)
from soilco2.analysis.statistics.coherence import coherences
from soilco2.analysis.statistics.correlation import Association, associate, correlation
from soilco2.analysis.statistics.diel import Wave, fit_wave
from soilco2.analysis.statistics.intervals import t_quantile
from soilco2.analysis.statistics.lag import lag
from soilco2.analysis.statistics.random_effects import combine
from soilco2.station_config.variables import VARIABLES
from soilco2.storage.results.results import Result

Array = NDArray[np.float64]

LEAST_PROFILES: Final = 3
SAME_DEPTH_M: Final = 0.02
"""Depths of different profiles that differ by no more than this count as one [m]."""
JACKKNIFE = "block jackknife, 6 blocks"
PLAIN = "Pearson r; n_eff sum form, K = n/4; t test; block jackknife, 6 blocks"
COHERENCE = (
    "squared coherence, mean day removed, segments of 4 days without a gap, half overlapping, Hann (Welch 1967); "
    "p (1 - C)^(K - 1); block jackknife, 6 blocks"
)
SEVERAL = (
    "random effects over profiles of arctanh r (DerSimonian & Laird 1986); Hartung & Knapp 2001 interval"
)


def run(frame: Frame, options: Options) -> Outcome:
    """Profile rows of a frame.

    Parameters
    ----------
    frame : Frame
    options : Options

    Returns
    -------
    Outcome
        Tables ``by_depth`` (means and daily waves of CO2, temperature and water) and ``daily`` (daily means of CO2).
    """
    out = Outcome()
    targets = chosen(frame, options)
    concentrations = [t for t in targets if not t.is_flux]
    profiles: dict[str, list[Column]] = {}
    for target in concentrations:
        if target.co2.depth_m is not None and target.co2.present:
            profiles.setdefault(target.co2.key.profile, []).append(target.co2)
    for columns in profiles.values():
        out.rows += _levels(frame, columns)
        out.rows += _steps(frame, columns)
    for profile in sorted({t.co2.key.profile for t in targets}):
        out.rows += _heat(frame, profile)
    for target in each(targets):
        out.rows += _pressure(frame, target)
        out.rows += _salinity(frame, target)
    out.rows += _several(frame, targets)
    out.rows = adjusted(out.rows)
    out.tables = {
        "by_depth": dict(_by_depth(frame, sorted({t.co2.key.profile for t in targets}))),
        "daily": dict(_daily(frame, [c for columns in profiles.values() for c in columns])),
    }
    return out


def _why(level: Level) -> Refusal | None:
    """Why a level has no interval."""
    if math.isfinite(level.lower):
        return None
    if level.n < 12:
        return Refusal("few_pairs", {"n": level.n, "least": 12})
    if math.isfinite(level.n_eff):
        return Refusal("n_eff", {"n_eff": round(level.n_eff, 1)})
    return Refusal("never_varies")


def _levels(frame: Frame, columns: Sequence[Column]) -> list[Result]:
    """Mean of each depth, and the share of the time a gradient points down."""
    rows = []
    for column in columns:
        found = mean_level(column.values)
        rows.append(
            row("profile_mean", column, value=found.value, lower=found.lower, upper=found.upper, unit="ppm",
                n=found.n, n_eff=found.n_eff, scale=AS_MEASURED, when=span(frame, np.isfinite(column.values)),
                method=f"mean of the values present; {JACKKNIFE}", refusal=_why(found))
        )  # fmt: skip
    for upper, lower in itertools.pairwise(columns):
        turned = reversals(upper.values, lower.values)
        share = share_of_time(turned)
        slope = (lower.values - upper.values) / max((lower.depth_m or 0.0) - (upper.depth_m or 0.0), 1e-3)
        known = slope[np.isfinite(slope)]
        rows.append(
            row("gradient_reversed", lower, upper, value=share.value, lower=share.lower, upper=share.upper,
                n=share.n, n_eff=share.n_eff, scale=AS_MEASURED, when=span(frame, np.isfinite(turned)),
                method=f"share of times the lower probe reads less than the upper; logit; {JACKKNIFE}",
                refusal=_why(share),
                details={"median_gradient_ppm_per_m": float(np.median(known)) if known.size else None})
        )  # fmt: skip
    return rows


def _steps(frame: Frame, columns: Sequence[Column]) -> list[Result]:
    """By how much the wave of CO2 comes later from one depth to the next, beside the time diffusion needs."""
    rows = []
    for upper, lower in itertools.pairwise(columns):
        found = lag(
            upper.values, lower.values, frame.slots, offsets_h=(upper.offset_h, lower.offset_h),
            steps=(smallest_step(upper), smallest_step(lower)),
            names=tuple(f"CO₂ at {c.depth_m:g} m" for c in (upper, lower)),  # type: ignore[arg-type]
        )  # fmt: skip
        distance = (lower.depth_m or 0.0) - (upper.depth_m or 0.0)
        quick, slow = diffusion_hours(distance, DS_DRY), diffusion_hours(distance, DS_WET)
        details: dict[str, Any] = {"distance_m": distance, "diffusion_dry_h": quick, "diffusion_wet_h": slow}
        if found.refusal is None:
            if found.x is not None and found.y is not None:
                details["amplitude_ratio"] = found.y.amplitude / found.x.amplitude
            if found.lower > slow or found.upper < 0:
                details = dict(warn("not_diffusion", hours=found.hours, **details))
        rows.append(
            row("co2_depth_lag", lower, upper, value=None if found.refusal else found.hours, lower=found.lower,
                upper=found.upper, unit="h", n=found.days, scale=WITHIN_DAY,
                method="difference of 24 h phases, lower less upper; block jackknife over days, 6 blocks",
                refusal=found.refusal, details=details)
        )  # fmt: skip
    return rows


def _heat(frame: Frame, profile: str) -> list[Result]:
    """Damping depth from amplitudes and from phases."""
    columns = frame.find("soil_temperature", profile)
    if not columns:
        return []
    found = damping(columns, frame.slots)
    usable = [layer.column for layer in layers(columns, frame.slots) if layer.usable]
    if found is None:
        why = Refusal("few_depths", {"n": len(usable), "least": 2})
        return [row("damping_depth", columns[0], unit="m", scale=WITHIN_DAY, refusal=why)]
    rows = []
    apart = found.by_amplitude[1] > found.by_phase[2] or found.by_amplitude[2] < found.by_phase[1]
    for name, (value, lower, upper) in (("amplitude", found.by_amplitude), ("phase", found.by_phase)):
        details: dict[str, Any] = {
            "depths": found.depths,
            "thermal_diffusivity_m2_s": value**2 * OMEGA / 2,
            "surface_amplitude_k": found.surface_amplitude,
            "hours_per_10_cm": 0.1 / value * HOURS_PER_DAMPING_DEPTH,
        }
        if apart:
            details |= warn("not_uniform", by_amplitude=found.by_amplitude[0], by_phase=found.by_phase[0])
        why_not = None
        if not math.isfinite(value):
            why_not = Refusal("no_fit")
        elif not math.isfinite(lower):
            why_not = Refusal("phase_open", {"reach": 99.0})
        rows.append(
            row("damping_depth", usable[0], usable[-1], value=value, lower=lower, upper=upper, unit="m", n=found.days,
                scale=WITHIN_DAY, mask=f"from {name}", refusal=why_not,
                method=f"straight line of {'ln amplitude' if name == 'amplitude' else 'phase'} in depth; block "
                "jackknife over days, 6 blocks", details=details if why_not is None else {})
        )  # fmt: skip
    return rows


def _associated(
    frame: Frame, what: str, target: Column, driver: Column, answer: Association, used: Array, scale: str,
    given: Sequence[str] = (), refusal: Refusal | None = None, details: dict[str, Any] | None = None,
    more: str = "",
) -> Result:  # fmt: skip
    hide = refusal is not None
    return row(
        what, target, driver, value=None if hide else answer.r, lower=None if hide else answer.lower,
        upper=None if hide else answer.upper, p=None if hide else answer.p, n=answer.n, n_eff=answer.n_eff,
        scale=scale, given=given, when=span(frame, np.isfinite(used)), method=PLAIN + more,
        refusal=refusal or answer.refusal, details=details,
    )  # fmt: skip


def _pressure(frame: Frame, target: Target) -> list[Result]:
    """r with air pressure and with its change, temperature with the change held fixed, and the 12 h waves."""
    pressure = target.pressure
    if pressure is None or not pressure.present:
        return []
    change = replace(
        pressure,
        key=pressure.key._replace(position="change"),
        values=rate_of_change(pressure.values, frame.step_s / 3600),
    )
    rows = []
    names = ("air pressure", "CO₂")
    for scale in (WITHIN_DAY, WITHIN_DAY_REST, DAY_TO_DAY):
        y = at_scale(target.co2.values, frame.slots, scale)
        for what, driver in (("pearson_r", pressure), ("pressure_change_r", change)):
            if driver is change and scale == DAY_TO_DAY:
                continue
            x = at_scale(driver.values, frame.slots, scale)
            rows.append(
                _associated(frame, what, target.co2, driver, associate(x, y, names=names), x + y, scale)
            )
    y, dp = (at_scale(v, frame.slots, WITHIN_DAY) for v in (target.co2.values, change.values))
    if target.temperature is not None:
        t = at_scale(target.temperature.values, frame.slots, WITHIN_DAY)
        answer = associate(t, y, [dp], names=("soil temperature", "CO₂"))
        plain = float(correlation(np.where(np.isfinite(dp), t, np.nan), y))
        rows.append(
            _associated(frame, "partial_r", target.co2, target.temperature, answer, t + y + dp, WITHIN_DAY,
                        given=(str(change.key),), details={"r_without_pressure": plain})
        )  # fmt: skip
    rows += _half_day(frame, target.co2, pressure)
    rows += _coherent(frame, target.co2, pressure)
    return rows


def _coherent(frame: Frame, co2: Column, pressure: Column) -> list[Result]:
    """Coherence of CO2 and pressure, both less their mean day: which periods of the air's weather does CO2 follow?"""
    x, y = (without_mean_day(c.values, frame.slots) for c in (pressure, co2))
    found = coherences(x, y, frame.slots)
    common: dict[str, Any] = {
        "scale": AS_MEASURED,
        "n": found[0].segments,
        "when": span(frame, np.isfinite(x + y)),
        "method": COHERENCE,
    }
    if len({f.refusal.code if f.refusal else "" for f in found}) == 1 and found[0].refusal:
        return [row("pressure_coherence", co2, pressure, refusal=found[0].refusal, **common)]
    return [
        row("pressure_coherence", co2, pressure, value=f.value, lower=f.lower, upper=f.upper, p=f.p, mask=f.band,
            refusal=f.refusal, details={"chance_level": f.level, "after_pressure_h": f.hours}, **common)
        for f in found
    ]  # fmt: skip


def _half_day(frame: Frame, co2: Column, pressure: Column) -> list[Result]:
    """The 12 h wave of CO2 beside that of pressure: the solar tide of the air leaks into daily courses."""
    mine, theirs = (fit_wave(c.values, frame.slots, c.offset_h) for c in (co2, pressure))
    why = None
    if mine.days < MIN_DAYS or theirs.days < MIN_DAYS:
        why = Refusal("days", {"days": min(mine.days, theirs.days), "least": MIN_DAYS})
    details: dict[str, Any] = {}
    if why is None:
        later = (mine.hour_12h - theirs.hour_12h + 6) % 12 - 6
        ratio = mine.amplitude_12h / mine.amplitude if mine.amplitude else None
        details = {
            "r2": mine.r2_12h, "pressure_amplitude_hpa": theirs.amplitude_12h, "pressure_r2": theirs.r2_12h,
            "after_pressure_h": later, "over_24_h_wave": ratio,
        }  # fmt: skip
    return [
        row("half_day_amplitude", co2, pressure, value=None if why else mine.amplitude_12h,
            unit=VARIABLES[co2.variable].unit, n=mine.days, scale=WITHIN_DAY, refusal=why,
            method="12 h wave beside one of 24 h; no interval: it describes the mean day", details=details)
    ]  # fmt: skip


def _salinity(frame: Frame, target: Target) -> list[Result]:
    """CO2 and salinity with temperature and water held fixed, conductivity brought to 25 degC and to the pore water."""
    salt, bulk, t, w = target.salinity, target.bulk_ec, target.temperature, target.water
    if salt is None:
        return []
    if salt.variable == "bulk_ec":
        why = Refusal("salinity_raw")
        return [row("partial_r", target.co2, salt, scale=DAY_TO_DAY, refusal=why, method=PLAIN)]
    series: list[tuple[Column, Refusal | None]] = [(salt, _too_dry(salt, w))]
    if bulk is not None and t is not None and w is not None:
        pore = derived(bulk, "pore_ec", pore_ec(bulk.values, t.values, w.values))
        series.append((pore, _too_dry(pore, w)))
    made = f"; {AT_25}" if bulk is not None else ""
    rows = []
    held = [c for c in (t, w) if c is not None]
    for column, barred in series:
        for scale in (WITHIN_DAY_REST, DAY_TO_DAY):
            x, y = (at_scale(c.values, frame.slots, scale) for c in (column, target.co2))
            given = [at_scale(c.values, frame.slots, scale) for c in held]
            refusal = barred
            details: dict[str, Any] = {"r_without_them": float(correlation(x, y))} if barred is None else {}
            if refusal is None and w is not None:
                r = float(correlation(x, at_scale(w.values, frame.slots, scale)))
                details["r_salinity_water"] = r
                if abs(r) > MAX_R_SW:
                    refusal = Refusal("salinity_water", {"r": round(r, 2)})
            answer = associate(x, y, given, names=(VARIABLES[column.variable].name_en, "CO₂"))
            rows.append(
                _associated(frame, "partial_r", target.co2, column, answer, x + y, scale,
                            given=[str(c.key) for c in held], refusal=refusal, details=details, more=made)
            )  # fmt: skip
    return rows


def _too_dry(column: Column, water: Column | None) -> Refusal | None:
    """Pore-water conductivity means nothing in soil that is drier than 0.10 m3/m3 more than half of the time."""
    if water is None or column.variable != "pore_ec":
        return None
    both = np.isfinite(column.values) & np.isfinite(water.values)
    dry = not both.any() or bool(rounding.below(np.median(water.values[both]), MIN_PORE_WATER))
    return Refusal("pore_dry") if dry else None


def _several(frame: Frame, targets: Sequence[Target]) -> list[Result]:
    """r with temperature and water, one mean over the profiles that have CO2 at about the same depth."""
    if len({t.co2.key.profile for t in targets if t.co2.present}) < 2:
        return []
    rows = []
    for group in _same_depth(targets):
        for name in ("temperature", "water"):
            for scale in (WITHIN_DAY, DAY_TO_DAY):
                if name == "water" and scale == WITHIN_DAY:
                    continue  # that is the sensors' own temperature response more often than not
                answers = []
                for target in group:
                    driver = getattr(target, name)
                    if driver is None:
                        continue
                    x, y = (at_scale(c.values, frame.slots, scale) for c in (driver, target.co2))
                    answer = associate(x, y)
                    if math.isfinite(answer.r):
                        answers.append((target, driver, answer))
                rows += _combined(answers, scale) if answers else []
    return rows


def _combined(answers: Sequence[tuple[Target, Column, Association]], scale: str) -> list[Result]:
    first, driver, _ = answers[0]
    z = np.arctanh(np.clip([a.r for _, _, a in answers], -1 + 1e-12, 1 - 1e-12))
    upper = np.array([a.upper for _, _, a in answers])
    se = (np.arctanh(np.clip(upper, -1 + 1e-12, 1 - 1e-12)) - z) / t_quantile(BLOCKS - 1)
    found = combine(z, se)
    why = (
        Refusal("one_profile", {"n": found.profiles, "least": LEAST_PROFILES})
        if found.profiles < LEAST_PROFILES else None
    )  # fmt: skip
    return [
        row("mean_r_of_profiles", first.co2, driver, value=None if why else math.tanh(found.mean),
            lower=None if why else math.tanh(found.lower), upper=None if why else math.tanh(found.upper),
            n=found.profiles, scale=scale, mask="several profiles", method=SEVERAL, refusal=why,
            details={
                "profiles": ", ".join(t.co2.key.profile for t, _, _ in answers),
                "least_r": min(a.r for _, _, a in answers), "most_r": max(a.r for _, _, a in answers),
                "between_sd_arctanh": found.between, "within_se_arctanh": found.within,
                "weights": "by their errors" if math.isfinite(found.within) else "equal",
            })
    ]  # fmt: skip


def _same_depth(targets: Sequence[Target]) -> list[list[Target]]:
    """Targets of different profiles at about the same depth; of two in one profile the nearer to the group's first."""
    ordered = sorted((t for t in targets if t.co2.present), key=lambda t: (t.is_flux, t.co2.depth_m or 0.0))
    groups: list[list[Target]] = []
    for target in ordered:
        depth = target.co2.depth_m or 0.0
        if groups:
            last = groups[-1]
            apart = rounding.above(depth - (last[0].co2.depth_m or 0.0), SAME_DEPTH_M, 1.0)
            near = not apart and last[0].is_flux == target.is_flux
            if near and target.co2.key.profile not in {t.co2.key.profile for t in last}:
                last.append(target)
                continue
        groups.append([target])
    return [g for g in groups if len(g) > 1]


def _by_depth(frame: Frame, profiles: Sequence[str]) -> dict[str, list[object]]:
    """Mean and daily wave of each CO2, temperature and water series of the profiles."""
    keys = (
        "profile",
        "variable",
        "depth_m",
        "mean",
        "p05",
        "p95",
        "amplitude",
        "hour_utc",
        "r2",
        "days",
        "withheld",
    )
    table: dict[str, list[object]] = {key: [] for key in keys}
    for name, profile in itertools.product(("co2", "co2_flux", "soil_temperature", "soil_water"), profiles):
        for column in frame.find(name, profile):
            v = column.values[np.isfinite(column.values)]
            if not v.size:
                continue
            wave = fit_wave(column.values, frame.slots, column.offset_h)
            why = _no_wave(wave, column)
            low, high = np.quantile(v, (0.05, 0.95))
            cells = (
                profile, name, column.depth_m, float(v.mean()), float(low), float(high),
                None if why else wave.amplitude, None if why else frame.utc_hour(wave.hour), wave.r2, wave.days,
                why.message if why else "",
            )  # fmt: skip
            for key, cell in zip(keys, cells, strict=True):
                table[key].append(cell)
    return table


def _no_wave(wave: Wave, column: Column) -> Refusal | None:
    name = VARIABLES[column.variable].name_en
    if wave.days < MIN_DAYS:
        return Refusal("days", {"days": wave.days, "least": MIN_DAYS})
    if not wave.amplitude >= MIN_AMPLITUDE_STEPS * smallest_step(column):
        return Refusal("amplitude", {"name": name, "amplitude": wave.amplitude})
    if wave.r2 < MIN_HARMONIC_R2:
        return Refusal("harmonic", {"name": name, "r2": wave.r2})
    return None


def _daily(frame: Frame, columns: Sequence[Column]) -> dict[str, list[object]]:
    """Daily means of CO2 by depth."""
    table: dict[str, list[object]] = {"profile": [], "depth_m": [], "day_utc": [], "co2_ppm": []}
    start = np.datetime64(frame.start_us, "us") + np.arange(frame.days) * np.timedelta64(1, "D")
    for column in columns:
        mean = at_scale(column.values, frame.slots, SEASONAL)
        for k in np.flatnonzero(np.isfinite(mean)).tolist():
            table["profile"].append(column.key.profile)
            table["depth_m"].append(column.depth_m)
            table["day_utc"].append(f"{start[k].astype('datetime64[s]')}Z")
            table["co2_ppm"].append(float(mean[k]))
    return table
