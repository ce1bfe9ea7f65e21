"""The first look: are these data fit for the questions that follow?

Each series: what is there, left out, repeated, clipped, frozen, impossible. Each profile: clocks against the sun,
order of depths. Each CO2 depth: ranges of temperature and water, whether the two can be told apart, coverage in
dry and wet soil. A number that carries a warning has it in its details (``warning_code``, ``warning``).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from soilco2.analysis import rounding
from soilco2.analysis.definitions import (
    ANTI_PHASE_H,
    AS_MEASURED,
    BLOCKS,
    DAY_TO_DAY,
    FROZEN_BELOW,
    MAX_CLIPPED,
    MAX_DROPPED,
    MAX_R_TW,
    MIN_AMPLITUDE_STEPS,
    MIN_T_RANGE,
    MIN_W_RANGE,
    SEASONAL,
    WITHIN_DAY,
)
from soilco2.analysis.frames.frame import Column, Frame
from soilco2.analysis.frames.targets import Target, place
from soilco2.analysis.jobs.base import Options, Outcome, chosen, each, row, span
from soilco2.analysis.jobs.correlation import at_scale
from soilco2.analysis.jobs.lag import water_days
from soilco2.analysis.refusals import Refusal, warn
from soilco2.analysis.soil_response.audit import (
    LOWEST_SOIL_PPM,
    MOST_WATER,
    at_limit,
    gaps,
    hourly_coverage,
    spikes,
    spread,
)
from soilco2.analysis.soil_response.clock_check import clocks, jump
from soilco2.analysis.soil_response.damping import layers, misplaced, smallest_step
from soilco2.analysis.statistics.correlation import MIN_PAIRS, constant, correlation, variance_inflation
from soilco2.analysis.statistics.diel import fit_wave, wrap
from soilco2.analysis.statistics.intervals import t_quantile
from soilco2.analysis.statistics.lag import lag
from soilco2.station_config.times import DAY_S
from soilco2.station_config.variables import VARIABLES
from soilco2.storage.results.results import Result

Array = NDArray[np.float64]

TIDE_H: Final = (8.2, 11.2)
"""Solar hours between which the 12 h tide of pressure is highest; 9.7 h on average (Chapman & Lindzen 1970)."""
TIDE_R2: Final = 0.05
MOST_LEFT_OUT: Final = 0.05
LEAST_COVERAGE: Final = 0.75
UNEVEN: Final = 0.2
LONG_GAP_DAYS: Final = 14
"""From which length on a gap is told whatever the coverage [d]."""
COUNTED = "counted between the first and the last value"


def run(frame: Frame, options: Options) -> Outcome:
    """Audit rows of every series of a frame.

    Parameters
    ----------
    frame : Frame
    options : Options

    Returns
    -------
    Outcome
        Table ``coverage_by_hour``; note ``clock_failed`` when lags will be withheld.
    """
    out = Outcome()
    targets = chosen(frame, options)
    hours: dict[str, list[object]] = {"series": [], "depth_m": [], "hour_utc": [], "coverage": []}
    for column in frame.columns:
        out.rows += _series(frame, column)
        for slot, share in enumerate(hourly_coverage(column.values, frame.slots).tolist()):
            hours["series"].append(str(column.key))
            hours["depth_m"].append(column.depth_m)
            hours["hour_utc"].append(round(frame.utc_hour((slot + 0.5) * 24 / frame.slots), 3))
            hours["coverage"].append(share)
    out.tables["coverage_by_hour"] = {name: list(values) for name, values in hours.items()}
    out.rows += _same_values(frame) + _replicates(frame)
    for profile in sorted({t.co2.key.profile for t in targets}):
        rows = _clocks(frame, profile)
        out.rows += rows
        if any(r.why_code.startswith("clock_") for r in rows):
            out.notes.append("clock_failed")
    for target in each(targets):
        out.rows += _target(frame, target)
    return out


def _series(frame: Frame, column: Column) -> list[Result]:
    found = gaps(column.values)
    name = frame.variables[column.variable]
    hour = frame.step_s / 3600
    details: dict[str, Any] = {
        "rows": column.rows, "resolution": column.resolution, "gaps": found.number,
        "longest_gap_h": found.longest * hour, "step_s": frame.step_s,
    }  # fmt: skip
    details |= {
        f"left_out_{reason.replace(' ', '_').replace(',', '')}": n for reason, n in column.left_out.items()
    }
    common: dict[str, Any] = {
        "scale": AS_MEASURED,
        "n": found.present,
        "when": span(frame, np.isfinite(column.values)),
    }
    if not found.present:
        why = Refusal("empty", {"name": name.name_en})
        if column.other_unit:
            why = Refusal(
                "other_unit", {"name": name.name_en, "unit": column.other_unit, "expected": name.unit}
            )
        return [row("coverage", column, method=COUNTED, refusal=why, details=details, **common)]
    by_hour = hourly_coverage(column.values, frame.slots)
    if found.coverage < LEAST_COVERAGE:
        details |= warn("gappy", percent=100 * found.coverage, longest_gap_h=found.longest * hour)
    elif found.longest >= LONG_GAP_DAYS * frame.slots:
        details |= warn("hole", days=found.longest / frame.slots)
    elif rounding.above(np.ptp(by_hour), UNEVEN):
        details |= warn("uneven_hours", least=float(by_hour.min()), most=float(by_hour.max()))
    v = column.values[np.isfinite(column.values)]
    lost = sum(column.left_out.values())
    rows = []
    for check in _checks(column, v, lost, sums=name.sums):
        if not check.failing:
            details[check.what] = 0
            continue
        part = check.failing / max(check.of, 1)
        carried = (
            warn(check.code, percent=100 * part, count=check.failing, **check.more)
            if part > check.most
            else {}
        )
        rows.append(row(check.what, column, value=part, method=check.method, details=carried, **common))
    if v.size > 1 and constant(v):
        rows.append(
            row(
                "constant",
                column,
                method=COUNTED,
                refusal=Refusal("constant", {"name": name.name_en}),
                **common,
            )
        )
    if column.variable == "air_pressure":
        rows += _tide(frame, column, common)
    return [row("coverage", column, value=found.coverage, method=COUNTED, details=details, **common), *rows]


class _Check(NamedTuple):
    """How many values fail a check, of how many (1 for a plain number), and from which share on a warning is due."""

    what: str
    failing: int
    of: int
    code: str
    most: float
    method: str
    more: dict[str, float]


def _checks(column: Column, v: Array, lost: int, *, sums: bool) -> Iterator[_Check]:
    """Checks of one series.

    Parameters
    ----------
    column : Column
    v : ndarray, shape (m,)
        Its values present.
    lost : int
        Rows left out.
    sums : bool
        Whether values add up over time.
    """
    coded = column.left_out.get("sentinel", 0)
    if coded:
        yield _Check("sentinels", coded, column.rows, "sentinel", 0.0, "of the rows handed in", {})
    yield _Check("left_out", lost, column.rows, "left_out", MOST_LEFT_OUT, "of the rows handed in", {})
    if not sums:
        coarse = _coarse(column, v)
        more = {"step": column.resolution} if coarse else {}
        yield _Check("repeated", column.stuck, column.rows - lost, "coarse" if coarse else "stuck", 0.0,
                     "values in runs of one number longer than a day", more)  # fmt: skip
    if column.variable == "co2":
        flat, limit = at_limit(v)
        yield _Check("at_range_limit", flat, v.size, "clipped", MAX_CLIPPED,
                     "values on a flat top at an end of range", {"limit": limit})  # fmt: skip
        low = int(rounding.below(v, LOWEST_SOIL_PPM).sum())
        yield _Check("below_air", low, v.size, "below_air", 0.01, "values below 350 ppm", {})
    elif column.variable == "co2_flux":
        low = int((v <= 0).sum())
        yield _Check(
            "negative_flux", low, v.size, "negative_flux", MAX_DROPPED, "values of zero or below", {}
        )
    elif column.variable == "soil_temperature":
        low = int(rounding.below(v, FROZEN_BELOW).sum())
        yield _Check("frozen", low, v.size, "frozen", 0.0, "values below 0.5 degC", {})
    elif column.variable == "soil_water":
        high = int(rounding.above(v, MOST_WATER).sum())
        yield _Check("too_wet", high, v.size, "too_wet", 0.01, "values above 0.6 m3/m3", {})
    if column.variable in ("co2", "soil_temperature", "soil_water", "air_pressure"):
        yield _Check("spikes", spikes(column.values), 1, "spiky", 0.0,
                     "number of single values that jump away and back", {})  # fmt: skip


def _coarse(column: Column, v: Array) -> bool:
    """Whether a series moves mostly by single steps of its resolution, so that equal values are no fault."""
    steps = np.abs(np.diff(v))
    moved = steps[rounding.above(steps, 0.0, np.abs(v).max())]
    return moved.size >= 3 and not rounding.above(float(np.median(moved)), 1.5 * column.resolution)


def _replicates(frame: Frame) -> list[Result]:
    """Probes of one variable at one depth of a profile, told by name."""
    rows = []
    for name in ("co2", "soil_temperature", "soil_water"):
        places: dict[tuple[str, float], list[Column]] = {}
        for column in frame.find(name):
            if column.depth_m is not None:
                places.setdefault((column.key.profile, round(column.depth_m, 3)), []).append(column)
        for (_, depth), columns in places.items():
            rows += [
                row("replicates", column, columns[0], value=len(columns), n=column.present, scale=AS_MEASURED,
                    when=span(frame, np.isfinite(column.values)), method="probes of one variable at one depth",
                    details=warn("replicates", count=len(columns), depth=depth))
                for column in columns[1:]
            ]  # fmt: skip
    return rows


def _tide(frame: Frame, column: Column, common: dict[str, Any]) -> list[Result]:
    """The 12 h tide of pressure is a clock: it is highest near 9.7 h solar time everywhere."""
    wave = fit_wave(column.values, frame.slots, column.offset_h)
    method = "hour of the maximum of the 12 h wave; Chapman & Lindzen 1970, doi:10.1007/978-94-010-3399-2"
    if frame.site.longitude is None or not wave.days:
        return []
    if (
        wave.r2_12h < TIDE_R2
        or wave.amplitude_12h < MIN_AMPLITUDE_STEPS * column.resolution
        or wave.days < 10
    ):
        return []
    solar = frame.solar_hour(frame.utc_hour(wave.hour_12h)) % 12
    wrong = not TIDE_H[0] <= solar <= TIDE_H[1]
    details: dict[str, Any] = {"amplitude_hpa": wave.amplitude_12h, "r2": wave.r2_12h, "days": wave.days}
    if wrong:
        details |= warn("pressure_tide", hour=solar)
    return [
        row("pressure_tide_hour", column, value=solar, unit="h", method=method, details=details, **common)
    ]


def _same_values(frame: Frame) -> list[Result]:
    """Two series of one variable that hold the same numbers."""
    rows = []
    for name in sorted({c.variable for c in frame.columns} - {"rain"}):
        for one, two in itertools.combinations(frame.find(name), 2):
            both = np.isfinite(one.values) & np.isfinite(two.values)
            n = int(both.sum())
            if (
                n >= frame.slots
                and not constant(one.values[both])
                and not rounding.above(
                    np.abs(one.values[both] - two.values[both]), 0.0, np.abs(one.values[both]).max()
                ).any()
            ):
                rows.append(
                    row("same_values", two, one, value=1.0, n=n, scale=AS_MEASURED, when=span(frame, both),
                        method="share of equal values", details=warn("same_values", other=place(one)))
                )  # fmt: skip
    return rows


def _clocks(frame: Frame, profile: str) -> list[Result]:
    rows = []
    found = clocks(frame, profile)
    for k, clock in enumerate(found):
        layer = clock.layer
        if not (clock.checked or (k == 0 and layer.usable)):
            continue
        why = clock.wrong
        if why is None and clock.solar_hour is None:
            why = Refusal("no_longitude")
        hide = clock.solar_hour is None
        reach = t_quantile(BLOCKS - 1) * layer.hour_se
        value = clock.utc_hour if hide else clock.solar_hour
        assert value is not None
        rows.append(
            row("hour_of_maximum", layer.column, value=value, lower=None if why else value - reach,
                upper=None if why else value + reach, unit="h", n=layer.days, scale=WITHIN_DAY,
                method=f"24 h wave, {'UTC' if hide else 'mean solar time'}; block jackknife over days, 6 blocks",
                refusal=why, details={"amplitude_k": layer.amplitude, "r2": layer.r2,
                                      "time": "UTC" if hide else "solar"})
        )  # fmt: skip
    for layer in layers(frame.find("soil_temperature", profile), frame.slots)[:3]:
        moved = jump(layer.column, frame.slots)
        if moved is not None:
            values: dict[str, float | int | str] = {
                "day": _day(frame, moved[0]),
                "depth": layer.column.depth_m or 0.0,
                "hours": round(moved[1], 2),
            }
            rows.append(
                row("clock_jump", layer.column, unit="h", n=layer.days, scale=WITHIN_DAY,
                    method="24 h wave of stretches of ten days", refusal=Refusal("clock_jump", values))
            )  # fmt: skip
    rows += [
        row("depth_order", pair.lower.column, pair.upper.column, value=pair.ratio, n=pair.lower.days,
            scale=WITHIN_DAY, method="ratio of daily amplitudes, lower over upper",
            details=warn("swapped", lower_m=pair.lower.column.depth_m or 0.0,
                         upper_m=pair.upper.column.depth_m or 0.0, ratio=pair.ratio, earlier_h=-pair.later_h))
        for pair in misplaced(layers(frame.find("soil_temperature", profile), frame.slots))
    ]  # fmt: skip
    return rows


def _day(frame: Frame, index: int) -> str:
    return str(np.datetime64(frame.start_us + index * DAY_S * 1_000_000, "us").astype("datetime64[D]"))


def _target(frame: Frame, target: Target) -> list[Result]:
    rows = []
    for driver, what, limit, code, unit in (
        (target.temperature, "temperature_range", MIN_T_RANGE, "t_range", "K"),
        (target.water, "water_range", MIN_W_RANGE, "w_range", "m3/m3"),
    ):
        if driver is None:
            name = "soil_temperature" if code == "t_range" else "soil_water"
            why = Refusal("missing_driver", {"name": VARIABLES[name].name_en})
            rows.append(row(what, target.co2, unit=unit, scale=AS_MEASURED, refusal=why))
            continue
        both = np.isfinite(driver.values) & np.isfinite(target.co2.values)
        low, high = spread(driver.values[both])
        n = int(both.sum())
        if n:
            narrow = (
                Refusal(code, {"range": round(high - low, 4)}) if rounding.below(high - low, limit) else None
            )
        else:
            narrow = Refusal("few_pairs", {"n": 0, "least": 1})
        rows.append(
            row(what, target.co2, driver, value=high - low, unit=unit, n=n, scale=AS_MEASURED, when=span(frame, both),
                method="5 to 95 % of the values that have CO2 beside them", refusal=narrow,
                details={"p05": low, "p95": high})
        )  # fmt: skip
    rows += _tied(frame, target)
    rows += _by_water(frame, target)
    rows += _co2_clock(frame, target)
    return rows


def _tied(frame: Frame, target: Target) -> list[Result]:
    """How far temperature and water go together, by scale."""
    if target.temperature is None or target.water is None:
        return []
    rows = []
    for scale in (WITHIN_DAY, DAY_TO_DAY, SEASONAL):
        x, y = (at_scale(c.values, frame.slots, scale) for c in (target.temperature, target.water))
        both = np.isfinite(x) & np.isfinite(y)
        r = float(correlation(x, y)) if both.sum() >= MIN_PAIRS else math.nan
        if not math.isfinite(r):
            continue
        details: dict[str, Any] = {"variance_inflation": variance_inflation(x, y)}
        if abs(r) > MAX_R_TW:
            details |= warn("t_w_tied")
        rows.append(
            row("r_temperature_water", target.water, target.temperature, value=r, n=int(both.sum()), scale=scale,
                when=span(frame, both), method="Pearson r, for the choice of models; no test is meant", details=details)
        )  # fmt: skip
    return rows


def _by_water(frame: Frame, target: Target) -> list[Result]:
    """Share of the slots of dry, middling and wet days that have CO2: gaps are not random."""
    classes, _ = water_days(frame, target)
    rows = []
    for name, days in classes:
        part = np.isfinite(target.co2.values) & np.repeat(days, frame.slots)
        total = int(days.sum()) * frame.slots
        if total:
            rows.append(
                row("coverage_by_water", target.co2, target.water, value=part.sum() / total, n=int(part.sum()),
                    scale=AS_MEASURED, mask=name, when=span(frame, part),
                    method="of the slots of days in a tercile of their mean water")
            )  # fmt: skip
    return rows


def _co2_clock(frame: Frame, target: Target) -> list[Result]:
    """What CO2's own wave can say of its clock: hours from temperature, and a jump that temperature has not."""
    if target.temperature is None:
        return []
    driver = target.temperature
    found = lag(
        driver.values, target.co2.values, frame.slots, offsets_h=(driver.offset_h, target.co2.offset_h),
        steps=(smallest_step(driver), smallest_step(target.co2)),
    )  # fmt: skip
    rows = []
    if found.refusal is None and abs(found.hours) > ANTI_PHASE_H:
        rows.append(
            row("co2_clock", target.co2, driver, value=found.hours, lower=found.lower, upper=found.upper, unit="h",
                n=found.days, scale=WITHIN_DAY, method="difference of 24 h phases; block jackknife over days, 6 blocks",
                details=warn("co2_apart", hours=float(wrap(found.hours))))
        )  # fmt: skip
    moved = jump(target.co2, frame.slots)
    if moved is not None and jump(driver, frame.slots) is None:
        rows.append(
            row("co2_clock", target.co2, driver, value=moved[1], unit="h", n=found.days, scale=WITHIN_DAY,
                mask="before and after", method="24 h wave of stretches of ten days",
                details=warn("co2_jump", day=_day(frame, moved[0]), hours=moved[1]))
        )  # fmt: skip
    return rows
