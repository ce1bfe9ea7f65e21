"""Lag and loop: does CO2 come before or after temperature, by how many hours, in dry and in wet soil?

For each CO2 depth, with the nearest temperature, over all days and by class of the day's water: lag of the daily
waves with interval, cross-correlation with a test that counts all lags, area of the loop with interval; the
change of lag from dry to wet days; and the lag against every temperature depth of the profile.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from soilco2.analysis import rounding
from soilco2.analysis.definitions import ANTI_PHASE_H, BLOCKS, MIN_N_EFF, MIN_W_RANGE, WITHIN_DAY
from soilco2.analysis.frames.frame import Column, Frame
from soilco2.analysis.frames.scales import daily_mean, within_day
from soilco2.analysis.frames.targets import Target
from soilco2.analysis.jobs.base import Options, Outcome, adjusted, chosen, each, row, span
from soilco2.analysis.refusals import Refusal, warn
from soilco2.analysis.soil_response.clock_check import failed
from soilco2.analysis.soil_response.damping import (
    HOURS_PER_DAMPING_DEPTH,
    LEAST_SHARE,
    USUAL_D,
    Damping,
    Layer,
    damping,
    layers,
    smallest_step,
)
from soilco2.analysis.soil_response.water_classes import CLASS_NAMES, water_class, water_limits
from soilco2.analysis.statistics.correlation import correlation
from soilco2.analysis.statistics.diel import Wave, wrap
from soilco2.analysis.statistics.effective_sample_size import pair_and_each
from soilco2.analysis.statistics.intervals import t_quantile
from soilco2.analysis.statistics.lag import (
    CrossCorrelation,
    Lag,
    Loop,
    cross_correlation,
    lag,
    loop,
    scaled_curve,
)
from soilco2.station_config.variables import VARIABLES
from soilco2.storage.results.results import Result

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

MIN_SHIFTS: Final = 20
"""Day shifts below which their p could not reach 0.05."""
METHOD = (
    "difference of 24 h phases, level and trend of each day taken out; block jackknife over days, 6 blocks"
)
CROSS_METHOD = (
    "largest |r| of -12 to 12 h; day shifts, the largest of each shift; no interval, for it was chosen"
)
LOOP_METHOD = (
    "signed area of the mean day scaled 0 to 1, waves of 24 to 6 h; block jackknife over days, 6 blocks"
)
CHANGE_METHOD = "lag on wet days less lag on dry days; the two standard errors added in quadrature, Welch's t"


@dataclass(frozen=True, slots=True)
class _Heat:
    """What the temperatures of a profile say about clocks and heat."""

    barred: Refusal | None
    damping: Damping | None
    layers: list[Layer]


def _heat(frame: Frame, profile: str, options: Options) -> _Heat:
    columns = frame.find("soil_temperature", profile)
    barred = None if options.trust_clock else failed(frame, profile)
    return _Heat(barred, damping(columns, frame.slots), layers(columns, frame.slots))


def run(frame: Frame, options: Options) -> Outcome:
    """Lag and loop rows of every CO2 depth of a frame.

    Parameters
    ----------
    frame : Frame
    options : Options

    Returns
    -------
    Outcome
        Tables ``cross_correlation``, ``loop`` and ``lag_matrix``.
    """
    out = Outcome()
    tables: dict[str, dict[str, list[object]]] = {}
    checked: dict[str, _Heat] = {}
    for target in each(chosen(frame, options)):
        profile = target.co2.key.profile
        if profile not in checked:
            checked[profile] = _heat(frame, profile, options)
        out.rows += _target(frame, target, checked[profile], tables)
    out.rows = adjusted(out.rows)
    out.tables = {name: dict(columns) for name, columns in tables.items()}
    return out


def water_days(frame: Frame, target: Target) -> tuple[list[tuple[str, Mask]], Refusal | None]:
    """Days by tercile of their mean water: (class, days), driest first; or why there are none.

    Returns
    -------
    list of (str, ndarray of bool, shape (days,))
    Refusal or None
    """
    if target.water is None:
        return [], Refusal("missing_driver", {"name": VARIABLES["soil_water"].name_en})
    mean = daily_mean(target.water.values, frame.slots)
    known = mean[np.isfinite(mean)]
    if known.size < len(CLASS_NAMES):
        return [], Refusal("days", {"days": int(known.size), "least": 5})
    low, high = np.quantile(known, (0.05, 0.95))
    if rounding.below(high - low, MIN_W_RANGE):
        return [], Refusal("w_range", {"range": round(float(high - low), 4)})
    index = water_class(mean, water_limits(mean))
    return [(name, index == k) for k, name in enumerate(CLASS_NAMES)], None


def _target(
    frame: Frame, target: Target, heat: _Heat, tables: dict[str, dict[str, list[object]]]
) -> list[Result]:
    driver = target.temperature
    if driver is None:
        why = Refusal("missing_driver", {"name": VARIABLES["soil_temperature"].name_en})
        return [row("lag", target.co2, unit="h", scale=WITHIN_DAY, method=METHOD, refusal=why)]
    barred = heat.barred or _damped(heat, driver)
    rows: list[Result] = []
    classes, why_not = water_days(frame, target)
    found: dict[str, Lag] = {}
    within = within_day(driver.values, frame.slots), within_day(target.co2.values, frame.slots)
    measured = np.isfinite(daily_mean(target.co2.values, frame.slots, 0.5))
    matrix = _matrix(frame, target, heat, within[1], tables)
    for name, days in [("all", np.ones(frame.days, bool)), *classes]:
        answer = _lag(frame, driver, target.co2, days)
        found[name] = answer
        refusal = barred or answer.refusal
        used = span(frame, days & measured)
        common: dict[str, Any] = {"scale": WITHIN_DAY, "mask": name, "when": used}
        details = _details(frame, target, driver, answer, heat.damping) | (matrix if name == "all" else {})
        rows.append(
            row("lag", target.co2, driver, value=None if refusal else answer.hours,
                lower=None if refusal else answer.lower, upper=None if refusal else answer.upper, unit="h",
                n=answer.days, method=METHOD, refusal=refusal, details=details, **common)
        )  # fmt: skip
        rows.append(_cross(frame, target, driver, within, days, refusal, common, tables))
        rows.append(_loop(frame, target, driver, days, answer, refusal, common, tables))
    if why_not is not None:
        rows += [
            row(
                "lag",
                target.co2,
                driver,
                unit="h",
                scale=WITHIN_DAY,
                mask=name,
                method=METHOD,
                refusal=why_not,
            )
            for name in CLASS_NAMES
        ]
    else:
        rows.append(_change(target, driver, found, barred))
    return rows


def _damped(heat: _Heat, driver: Column) -> Refusal | None:
    """Whether what is left of the daily wave at this depth is only the electronics."""
    largest = max((layer.amplitude for layer in heat.layers), default=0.0)
    for layer in heat.layers:
        if layer.column is driver and layer.amplitude < LEAST_SHARE * largest:
            share = round(layer.amplitude / largest, 4)
            return Refusal("damped", {"name": VARIABLES[driver.variable].name_en, "share": share})
    return None


def _lag(frame: Frame, driver: Column, co2: Column, days: Mask) -> Lag:
    return lag(
        driver.values,
        co2.values,
        frame.slots,
        offsets_h=(driver.offset_h, co2.offset_h),
        steps=(smallest_step(driver), smallest_step(co2)),
        names=(VARIABLES[driver.variable].name_en, VARIABLES[co2.variable].name_en),
        keep=days,
    )


def _details(
    frame: Frame, target: Target, driver: Column, answer: Lag, heat: Damping | None
) -> dict[str, object]:
    details: dict[str, object] = {"day_coverage": answer.coverage}
    for name, wave in (("driver", answer.x), ("co2", answer.y)):
        if isinstance(wave, Wave):
            utc = frame.utc_hour(wave.hour)
            details[f"{name}_hour_utc"] = round(utc, 2)
            if frame.site.longitude is not None:
                details[f"{name}_hour_solar"] = round(frame.solar_hour(utc), 2)
            details |= {
                f"{name}_amplitude": wave.amplitude,
                f"{name}_r2": wave.r2,
                f"{name}_amplitude_12h": wave.amplitude_12h,
            }
    if math.isfinite(answer.hours):
        if rounding.above(abs(answer.hours), ANTI_PHASE_H):
            details["phase"] = "anti-phase"
        details["r_left_at_zero_lag"] = math.cos(2 * math.pi * answer.hours / 24)
    deeper = (target.co2.depth_m or 0.0) - (driver.depth_m or 0.0)
    d = heat.by_phase[0] if heat is not None else math.nan
    if math.isfinite(d):
        late = deeper / d * HOURS_PER_DAMPING_DEPTH
        details |= {"damping_depth_m": d, "heat_lag_h": late}
        if math.isfinite(answer.hours):
            details["lag_to_heat_at_co2_depth_h"] = float(wrap(answer.hours - late))
    else:
        ends = sorted(deeper / d * HOURS_PER_DAMPING_DEPTH for d in USUAL_D)
        details |= {"heat_lag_least_h": ends[0], "heat_lag_most_h": ends[1]}
    return details


def _cross(
    frame: Frame, target: Target, driver: Column, within: tuple[Array, Array], days: Mask,
    refusal: Refusal | None, common: dict[str, Any], tables: dict[str, dict[str, list[object]]],
) -> Result:  # fmt: skip
    slots = np.repeat(days, frame.slots)
    x, y = (np.where(slots, v, np.nan) for v in within)
    found: CrossCorrelation = cross_correlation(x, y, frame.slots, target.co2.offset_h - driver.offset_h)
    n_eff = pair_and_each(x, y)[1] if np.isfinite(found.peak) else math.nan
    why = refusal
    if why is None and not np.isfinite(found.peak):
        why = Refusal("few_pairs", {"n": found.n, "least": frame.slots})
    if why is None and found.shifts < MIN_SHIFTS:
        why = Refusal(
            "no_null",
            {"days": found.shifts, "shifts": found.shifts, "floor": round(1 / max(found.shifts, 1), 3)},
        )
    if why is None and n_eff < MIN_N_EFF:
        why = Refusal("n_eff", {"n_eff": round(n_eff, 1)})
    hide = refusal is not None
    details = {
        "at_lag_h": found.peak_h, "r_at_zero": found.r_zero, "r_max": found.r_max, "r_max_at_h": found.max_h,
        "r_min": found.r_min, "r_min_at_h": found.min_h, "day_shifts": found.shifts,
    }  # fmt: skip
    if not hide:
        _add(
            tables, "cross_correlation", found.lag_h.size,
            co2=str(target.co2.key), depth_m=target.co2.depth_m, driver_depth_m=driver.depth_m,
            mask=common["mask"], lag_h=found.lag_h.tolist(), r=found.r.tolist(),
        )  # fmt: skip
    return row(
        "cross_correlation_peak", target.co2, driver, value=None if hide else found.peak,
        p=None if why is not None else found.p, n=found.n, n_eff=n_eff, method=CROSS_METHOD, refusal=why,
        details={} if hide else details, **common,
    )  # fmt: skip


def _loop(
    frame: Frame, target: Target, driver: Column, days: Mask, answer: Lag, refusal: Refusal | None,
    common: dict[str, Any], tables: dict[str, dict[str, list[object]]],
) -> Result:  # fmt: skip
    found: Loop = loop(driver.values, target.co2.values, frame.slots, keep=days)
    why = refusal or found.refusal
    details: dict[str, object] = {}
    if why is None:
        curve = scaled_curve(found.x, found.y)
        hours = (np.arange(frame.slots) * 24 / frame.slots + target.co2.offset_h).tolist()
        _add(
            tables, "loop", frame.slots, co2=str(target.co2.key), depth_m=target.co2.depth_m,
            driver_depth_m=driver.depth_m, mask=common["mask"],
            hour_utc=[round(frame.utc_hour(h), 3) for h in hours],
            driver=found.x.tolist(), value=found.y.tolist(),
            driver_scaled=_at(curve.real, frame.slots), value_scaled=_at(curve.imag, frame.slots),
        )  # fmt: skip
        sure = found.lower > 0 or found.upper < 0
        details = {
            "direction": "not sure" if not sure else "anticlockwise" if found.area > 0 else "clockwise",
            "crossings": found.crossings,
            "area_of_two_sines": math.pi / 4 * math.sin(2 * math.pi * answer.hours / 24),
        }
    return row(
        "loop_area", target.co2, driver, value=None if why else found.area, lower=None if why else found.lower,
        upper=None if why else found.upper, n=found.days, method=LOOP_METHOD, refusal=why, details=details, **common,
    )  # fmt: skip


def _change(target: Target, driver: Column, found: dict[str, Lag], barred: Refusal | None) -> Result:
    dry, wet = found["dry"], found["wet"]
    why = barred or dry.refusal or wet.refusal
    value = lower = upper = None
    if why is None:
        value = float(wrap(wet.hours - dry.hours))
        a, b = dry.se**2, wet.se**2
        df = (a + b) ** 2 / (a * a + b * b) * (BLOCKS - 1) if a + b > 0 else 1.0
        reach = t_quantile(df) * math.sqrt(a + b)
        lower, upper = value - reach, value + reach
    return row(
        "lag_change", target.co2, driver, value=value, lower=lower, upper=upper, unit="h", scale=WITHIN_DAY,
        mask="wet less dry", n=dry.days + wet.days, method=CHANGE_METHOD, refusal=why,
    )  # fmt: skip


def _matrix(
    frame: Frame, target: Target, heat: _Heat, y: Array, tables: dict[str, dict[str, list[object]]]
) -> dict[str, object]:
    """Lag against every temperature depth of the profile; which depth fits best, and whether it cancels the lag."""
    everything = np.ones(frame.days, bool)
    lags: list[tuple[float, Column, Lag]] = []
    for driver in frame.find("soil_temperature", target.co2.key.profile):
        if not driver.present:
            continue
        answer = _lag(frame, driver, target.co2, everything)
        if answer.refusal is None and (why := _damped(heat, driver)) is not None:
            answer = answer._replace(hours=math.nan, lower=math.nan, upper=math.nan, refusal=why)
        x = within_day(driver.values, frame.slots)
        r = float(correlation(x, y))
        lags.append((r, driver, answer))
        _add(
            tables, "lag_matrix", 1, co2=str(target.co2.key), depth_m=target.co2.depth_m,
            driver_depth_m=driver.depth_m, lag_h=answer.hours, lower_h=answer.lower, upper_h=answer.upper,
            r_at_zero=r, days=answer.days, withheld=answer.refusal.message if answer.refusal else "",
        )  # fmt: skip
    known = [(r, d, a) for r, d, a in lags if a.refusal is None and math.isfinite(r)]
    if len(known) < 2:
        return {}
    best = max(known, key=lambda k: abs(k[0]))
    # The lag that matters for r is the distance from phase or anti-phase.
    least = min(known, key=lambda k: abs(math.sin(2 * math.pi * k[2].hours / 24)))
    depth = best[1].depth_m
    if best[1] is least[1] and best[1] is not target.temperature:
        return dict(warn("cancels_lag", best_driver_depth_m=depth))
    return {"best_driver_depth_m": depth}


def _at(curve: Array, slots: int) -> list[float]:
    """Points of the smooth curve at the slots."""
    where = np.arange(slots) * curve.size / slots
    return np.interp(where, np.arange(curve.size + 1), np.r_[curve, curve[0]]).tolist()


def _add(tables: dict[str, dict[str, list[object]]], name: str, n: int, **columns: object) -> None:
    """Append n rows to a table; a single value stands in all of them."""
    table = tables.setdefault(name, {key: [] for key in columns})
    for key, value in columns.items():
        many: Sequence[object] = value if isinstance(value, list) else [value] * n
        table[key] += many


__all__ = ["run", "water_days"]
