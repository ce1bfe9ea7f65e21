"""Water response and joint models: each CO2 depth, on daily means, and what water hides of temperature.

Slope, optimum and threshold in water at a given temperature; Q10 at a given water content; thirteen models of water
and temperature compared on stretches of days left out; quartiles by water content; and, of the values as measured,
the Q10 of all rows together against that within water classes (Simpson's paradox).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from soilco2.analysis.definitions import AS_MEASURED, MAX_R_TW, SEASONAL, T_REF
from soilco2.analysis.frames.frame import Column, Frame
from soilco2.analysis.frames.scales import daily_mean
from soilco2.analysis.frames.targets import Target
from soilco2.analysis.jobs.base import Options, Outcome, chosen, each, row, span
from soilco2.analysis.jobs.correlation import unfrozen
from soilco2.analysis.jobs.response import KINDS, MODEL_METHOD, WHAT, called, model_details
from soilco2.analysis.refusals import Refusal, warn
from soilco2.analysis.soil_response.water import (
    Days,
    Estimate,
    barred,
    binned,
    complete,
    optimum,
    q10_at,
    q10_change,
    q10_given_water,
    slope,
    threshold,
)
from soilco2.analysis.soil_response.water_classes import CLASS_NAMES, confounding
from soilco2.analysis.statistics.correlation import correlation, variance_inflation
from soilco2.analysis.statistics.regression import compare, water_models
from soilco2.station_config.variables import VARIABLES

Array = NDArray[np.float64]
JACKKNIFE: Final = "block jackknife, 6 blocks, t"
PROFILE: Final = "profile of the sum of squares, F with n_eff, within the 5 to 95 % of the data"
JOINT: Final = "R = (c1 + c2 W + c3 W^2) exp(b (T - 20)), least squares of daily means"
BY_WATER: Final = (
    "R = (c1 + c2 W + c3 W^2) exp((b0 + b1 W)(T - 20)), least squares of daily means; " + JACKKNIFE
)
METHODS: Final = {
    "water_slope": f"c2 of R = (c1 + c2 W) exp(b (T - 20)), least squares of daily means; {JACKKNIFE}",
    "water_optimum": f"-c2/(2 c3) of {JOINT}; {PROFILE}",
    "water_threshold": "W* of R = (c1 + c2 W + c3 max(W - W*, 0)) exp(b (T - 20)), least squares of daily means; "
    f"{PROFILE}",
    "q10_given_water": f"exp(10 b) of {JOINT}; {JACKKNIFE}",
    "q10_at_water": f"exp(10 (b0 + b1 W)) of {BY_WATER}",
    "q10_change_with_water": f"exp(10 b1 (W90 - W10)) of {BY_WATER}",
}
CLASS_METHOD: Final = (
    "R = a_class Q10^((T - 20)/10), a level for each water tercile, against R = a Q10^((T - 20)/10)"
)
CURVE_POINTS: Final = 41


def run(frame: Frame, options: Options) -> Outcome:
    """Water response of every CO2 depth of a frame.

    Parameters
    ----------
    frame : Frame
    options : Options

    Returns
    -------
    Outcome
        Tables ``bins`` (quartiles by water content) and ``curves`` (each model at 20 degC).
    """
    out = Outcome()
    bins: dict[str, list[object]] = {}
    curves: dict[str, list[object]] = {}
    for target in each(chosen(frame, options)):
        absent = [
            name
            for name, column in (("soil_temperature", target.temperature), ("soil_water", target.water))
            if column is None
        ]
        if absent or target.temperature is None or target.water is None:
            refusal = Refusal("missing_driver", {"name": VARIABLES[absent[0]].name_en})
            out.rows += [
                row(what, target.co2, scale=SEASONAL, method=method, refusal=refusal)
                for what, method in METHODS.items()
            ]
            continue
        _target(frame, target, target.temperature, target.water, out, bins, curves)
    out.tables = {
        name: dict[str, Sequence[object]](t) for name, t in (("bins", bins), ("curves", curves)) if t
    }
    return out


def _target(
    frame: Frame, target: Target, temperature: Column, water: Column, out: Outcome,
    bins: dict[str, list[object]], curves: dict[str, list[object]],
) -> None:  # fmt: skip
    keep = unfrozen(target)
    mask = "all" if keep.all() else "soil above 0.5 degC"
    rows = keep & np.isfinite(target.co2.values) & np.isfinite(temperature.values) & np.isfinite(water.values)
    R, T, W = (np.where(rows, c.values, np.nan) for c in (target.co2, temperature, water))
    days = complete(*(daily_mean(v, frame.slots) for v in (R, T, W)))
    used = np.zeros(frame.days, bool)
    used[days.day] = True
    common: dict[str, Any] = {"scale": SEASONAL, "mask": mask, "when": span(frame, used)}
    together = together_details(days)
    out.rows += _numbers(target, temperature, water, days, common, together)
    out.rows += _models(target, water, days, common, curves)
    out.rows += _hidden(frame, target, temperature, R, T, W, mask, water)
    if days.R.size:
        found = binned(days)
        _extend(
            bins, target=[str(target.co2.key)] * found.n.size, driver=[str(water.key)] * found.n.size,
            water_from=found.low.tolist(), water_to=found.high.tolist(), days=found.n.tolist(),
            lower_quartile=found.lower_quartile.tolist(), median=found.median.tolist(),
            upper_quartile=found.upper_quartile.tolist(),
        )  # fmt: skip


def _extend(table: dict[str, list[object]], **columns: Sequence[object]) -> None:
    for name, cells in columns.items():
        table.setdefault(name, []).extend(cells)


def together_details(days: Days) -> dict[str, float | int | str | None]:
    """How temperature and water go together, with a warning where the data cannot separate them."""
    if days.R.size < 3:
        return {}
    r = float(correlation(days.T, days.W))
    out: dict[str, float | int | str | None] = {
        "r_temperature_water": r,
        "variance_inflation": variance_inflation(days.T, days.W),
    }
    if abs(r) > MAX_R_TW:
        out |= warn("t_w_tied")
    return out


def _numbers(
    target: Target, temperature: Column, water: Column, days: Days, common: Mapping[str, Any],
    together: Mapping[str, float | int | str | None],
) -> list[Any]:  # fmt: skip
    unit = VARIABLES[target.co2.variable].unit
    low, high = (days.low, days.high) if days.R.size else (np.nan, np.nan)
    dry, wet = np.quantile(days.W, (0.1, 0.9)).tolist() if days.R.size else (np.nan, np.nan)
    per_water = f"{unit} per m3/m3"
    found: list[tuple[str, Estimate, Column, str, dict[str, Any]]] = [
        ("water_slope", slope(days), water, per_water, {"at_degc": T_REF}),
        ("water_optimum", optimum(days), water, "m3/m3", {}),
        ("water_threshold", threshold(days), water, "m3/m3", _hinge_sides(days)),
        ("q10_given_water", q10_given_water(days), temperature, "1", {}),
        ("q10_at_water", q10_at(days, dry), temperature, "1", {"water": dry, "where": "10 % of the days are drier"}),
        ("q10_at_water", q10_at(days, wet), temperature, "1", {"water": wet, "where": "10 % of the days are wetter"}),
        ("q10_change_with_water", q10_change(days, dry, wet), temperature, "1", {"water_from": dry, "water_to": wet}),
    ]  # fmt: skip
    return [
        row(what, target.co2, driver, value=e.value, lower=e.lower, upper=e.upper, n=e.n, n_eff=e.n_eff, unit=u,
            given=(str((temperature if driver is water else water).key),), method=METHODS[what], refusal=e.refusal,
            details={"water_low": low, "water_high": high, **extra, **together}
            | ({"open_below": int(e.open_below), "open_above": int(e.open_above)} if u == "m3/m3" else {})
            | ({"called": called(target)} if what.startswith("q10") else {}), **common)
        for what, e, driver, u, extra in found
    ]  # fmt: skip


def _hinge_sides(days: Days) -> dict[str, float]:
    """Slopes below and above the threshold, at 20 degC."""
    from soilco2.analysis.soil_response.water import model
    from soilco2.analysis.statistics.regression import fit

    if barred(days) is not None:
        return {}
    whole = fit(model(days, "hinge, exponential"), days.R, days.T, days.W)
    _, below, change = whole.coefficients.tolist()
    return {"slope_below": below, "slope_above": below + change}


def _models(
    target: Target, water: Column, days: Days, common: Mapping[str, Any], curves: dict[str, list[object]]
) -> list[Any]:
    if (refusal := barred(days)) is not None:
        return [
            row(
                "water_model",
                target.co2,
                water,
                n=days.R.size,
                method=MODEL_METHOD,
                refusal=refusal,
                **common,
            )
        ]
    found = compare(water_models(days.low, days.high), days.R, days.T, days.W, days.day)
    at = np.linspace(days.low, days.high, CURVE_POINTS)
    warm = np.full(CURVE_POINTS, T_REF)
    rows = []
    for index, score in enumerate(found.scores):
        fitted = score.model.predict(score.fit, warm, at)
        _extend(
            curves, target=[str(target.co2.key)] * CURVE_POINTS, model=[score.model.name] * CURVE_POINTS,
            water=at.tolist(), fitted_at_20_degc=fitted.tolist(), skill=[score.skill] * CURVE_POINTS,
            chosen=[index == found.choice] * CURVE_POINTS,
        )  # fmt: skip
        rows.append(
            row("water_model", target.co2, water, value=score.skill, n=found.n, method=MODEL_METHOD,
                details=model_details(found, index, score), **common)
        )  # fmt: skip
    return rows


def _hidden(
    frame: Frame, target: Target, temperature: Column, R: Array, T: Array, W: Array, mask: str, water: Column
) -> list[Any]:
    """Q10 pooled, within water classes, and one over the other, by both fits."""
    out = []
    used = np.isfinite(R)
    for kind in KINDS:
        found = confounding(R, T, W, frame.slots, kind=kind)
        method = f"{CLASS_METHOD}; {WHAT[kind]}; {JACKKNIFE}"
        details = {
            "fit": WHAT[kind], "called": called(target), "dropped": found.dropped, "pooled": found.pooled,
            "reversed": int(found.reversed),
            **{f"level_{name}": level for name, level in zip(CLASS_NAMES, found.levels, strict=False)},
        }  # fmt: skip
        common: dict[str, Any] = {
            "n": found.n, "n_eff": found.n_eff, "scale": AS_MEASURED, "mask": mask, "when": span(frame, used),
            "given": (str(water.key),), "refusal": found.refusal, "details": details,
        }  # fmt: skip
        out += [
            row("q10_within_classes", target.co2, temperature, value=found.within, lower=found.lower,
                upper=found.upper, method=method, **common),
            row("q10_within_over_pooled", target.co2, temperature, value=found.ratio, lower=found.ratio_lower,
                upper=found.ratio_upper, method=f"{method} of the difference", **common),
        ]  # fmt: skip
    return out
