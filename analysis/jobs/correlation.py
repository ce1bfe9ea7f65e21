"""Correlation table: each CO2 depth with its nearest temperature, water and salinity, at every scale.

r, rank r, partial both ways, effective number, p from it, block-jackknife interval, day-shift surrogates, and
Benjamini-Hochberg over all p of the table.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from soilco2.analysis import rounding
from soilco2.analysis.definitions import (
    AS_MEASURED,
    DAY_TO_DAY,
    FROZEN_BELOW,
    MAX_DIEL_R_TW,
    MAX_R_SW,
    MAX_R_TW,
    MIN_DIEL_W,
    MIN_PORE_WATER,
    SEASONAL,
    WITHIN_DAY,
    WITHIN_DAY_REST,
)
from soilco2.analysis.frames.frame import Column, Frame
from soilco2.analysis.frames.scales import daily_mean, day_to_day, mean_day, within_day, without_mean_day
from soilco2.analysis.frames.targets import Target
from soilco2.analysis.jobs.base import Options, Outcome, adjusted, chosen, doubted, each, row, span
from soilco2.analysis.refusals import Refusal, warn
from soilco2.analysis.statistics.correlation import Association, associate, correlation, variance_inflation
from soilco2.analysis.statistics.surrogates import Surrogate, day_shift_test
from soilco2.station_config.variables import VARIABLES
from soilco2.storage.results.results import Result

Array = NDArray[np.float64]
SCALES = (WITHIN_DAY, WITHIN_DAY_REST, DAY_TO_DAY, SEASONAL, AS_MEASURED)
"""The last, the whole record with all scales mixed, is for comparison with papers: it is not among the tests."""
METHOD = "Pearson r; n_eff sum form, K = n/4 (Pyper & Peterman 1998); t test; block jackknife, 6 blocks"
RANK_METHOD = "Spearman rho; n_eff sum form of the ranks; t test"
AT_25 = "EC at 25 degC = bulk EC/(1 + 0.0191 (T - 25)) (Hayashi 2004)"


def run(frame: Frame, options: Options) -> Outcome:
    """Correlation rows of every CO2 depth of a frame.

    Parameters
    ----------
    frame : Frame
    options : Options

    Returns
    -------
    Outcome
    """
    out = Outcome()
    for target in each(chosen(frame, options)):
        out.rows += _target(frame, target)
    mixed = [r for r in out.rows if r.scale == AS_MEASURED]
    out.rows = [*adjusted([r for r in out.rows if r.scale != AS_MEASURED]), *doubted(mixed)]
    return out


def at_scale(values: Array, slots: int, scale: str) -> Array:
    """A series at one scale: slots at the within-day scales, days at the others."""
    if scale == WITHIN_DAY:
        return within_day(values, slots)
    if scale == WITHIN_DAY_REST:
        return without_mean_day(within_day(values, slots), slots)
    if scale == DAY_TO_DAY:
        return day_to_day(values, slots)
    return values if scale == AS_MEASURED else daily_mean(values, slots)


def unfrozen(target: Target) -> NDArray[np.bool_]:
    """Slots in which the soil at the temperature sensor is not frozen (True where it is not known)."""
    if target.temperature is None:
        return np.ones(target.co2.values.size, bool)
    return ~rounding.below(target.temperature.values, FROZEN_BELOW)


def _target(frame: Frame, target: Target) -> list[Result]:
    keep = unfrozen(target)
    mask = "all" if keep.all() else "soil above 0.5 degC"
    drivers = [c for c in (target.temperature, target.water, target.salinity) if c is not None]
    absent = [
        name
        for name, c in (("soil_temperature", target.temperature), ("soil_water", target.water))
        if c is None
    ]
    rows: list[Result] = []
    for scale in SCALES:
        co2 = at_scale(np.where(keep, target.co2.values, np.nan), frame.slots, scale)
        scaled = {c.variable: at_scale(np.where(keep, c.values, np.nan), frame.slots, scale) for c in drivers}
        for name in absent:
            refusal = Refusal("missing_driver", {"name": VARIABLES[name].name_en})
            rows.append(row("pearson_r", target.co2, scale=scale, mask=mask, given=(), refusal=refusal,
                            method=METHOD, details={"driver_variable": name}))  # fmt: skip
        for driver in drivers:
            x = scaled[driver.variable]
            barred = _barred(frame, target, driver, scale, scaled)
            others = [c for c in drivers if c is not driver and c.variable != _salinity(target)]
            held_sets: list[list[Column]] = [[]]
            if others:
                held_sets.append(others)
            for held in held_sets:
                rows += _pair(frame, target, driver, held, co2, x, scaled, scale, mask, barred)
    return rows


def _salinity(target: Target) -> str:
    return target.salinity.variable if target.salinity is not None else ""


def _pair(
    frame: Frame, target: Target, driver: Column, held: list[Column], co2: Array, x: Array,
    scaled: dict[str, Array], scale: str, mask: str, barred: Refusal | None,
) -> list[Result]:  # fmt: skip
    given = [scaled[c.variable] for c in held]
    names = tuple(str(c.key) for c in held)
    answer = associate(x, co2, given, names=(driver.variable, target.co2.variable))
    used = np.isfinite(x) & np.isfinite(co2)
    for z in given:
        used &= np.isfinite(z)
    refusal = barred or answer.refusal
    shift = Surrogate(np.nan, np.nan, 0)
    if scale in (WITHIN_DAY, WITHIN_DAY_REST, DAY_TO_DAY) and not held and np.isfinite(answer.r):
        shift = day_shift_test(x, co2, frame.slots if x.size == frame.n else 1)
    details: dict[str, object] = {
        "n_eff_pair": answer.n_eff_pair,
        "n_eff_lag1": answer.n_eff_lag1,
        "p_as_if_independent": answer.p_naive,
        "p_day_shifts": shift.p,
        "day_shifts": shift.shifts or None,
    }
    if driver.variable == "soil_temperature" and target.water is not None and not held:
        w = scaled[target.water.variable]
        details |= {
            "r_temperature_water": float(correlation(x, w)),
            "variance_inflation": variance_inflation(x, w),
        }
        r_tw = abs(float(correlation(x, w)))
        if r_tw > MAX_R_TW:
            details |= warn("t_w_tied")
    hide = barred is not None
    made = f"; {AT_25}" if driver is target.salinity and target.bulk_ec is not None else ""
    when = span(frame, used)
    what, rank_what = ("partial_r", "partial_rank_r") if held else ("pearson_r", "rank_r")
    common: dict[str, Any] = {
        "n": answer.n,
        "scale": scale,
        "mask": mask,
        "given": names,
        "when": when,
        "refusal": refusal,
    }
    if refusal is not None:
        details = {k: v for k, v in details.items() if k.startswith(("warning", "r_", "var", "n_eff"))}
    return [
        row(what, target.co2, driver, value=None if hide else answer.r,
            lower=None if hide else answer.lower, upper=None if hide else answer.upper,
            p=None if hide else answer.p, n_eff=answer.n_eff, method=METHOD + made, details=details, **common),
        row(rank_what, target.co2, driver, value=None if hide else answer.rank,
            p=None if hide else answer.p_rank, n_eff=answer.n_eff, method=RANK_METHOD + made, **common),
    ]  # fmt: skip


def _barred(
    frame: Frame, target: Target, driver: Column, scale: str, scaled: dict[str, Array]
) -> Refusal | None:
    """Reasons that stand before any number: water that follows temperature, salinity that is water."""
    diel = scale in (WITHIN_DAY, WITHIN_DAY_REST)
    if driver.variable == "soil_water" and diel:
        return water_within_day(frame, target)
    if driver is target.salinity:
        water = scaled.get("soil_water")
        if driver.variable == "bulk_ec":
            return Refusal("salinity_raw")
        if driver.variable == "pore_ec" and target.water is not None:
            both = np.isfinite(driver.values) & np.isfinite(target.water.values)
            if not both.any() or rounding.below(np.median(target.water.values[both]), MIN_PORE_WATER):
                return Refusal("pore_dry")
        if water is not None:
            r = float(correlation(scaled[driver.variable], water))
            if abs(r) > MAX_R_SW:
                return Refusal("salinity_water", {"r": round(r, 2)})
    return None


def water_within_day(frame: Frame, target: Target) -> Refusal | None:
    """Whether the water reading within the day is the sensor's own temperature response (P10)."""
    if target.water is None:
        return None
    w = within_day(target.water.values, frame.slots)
    course = mean_day(w, frame.slots)
    amplitude = float(np.ptp(course[np.isfinite(course)])) / 2 if np.isfinite(course).any() else 0.0
    r = 0.0
    if target.temperature is not None:
        found = float(correlation(w, within_day(target.temperature.values, frame.slots)))
        r = found if np.isfinite(found) else 0.0
    if amplitude < MIN_DIEL_W or abs(r) > MAX_DIEL_R_TW:
        return Refusal("water_follows_t", {"r": round(r, 2), "amplitude": round(amplitude, 4)})
    return None


__all__ = ["Association", "at_scale", "run", "unfrozen", "water_within_day"]
