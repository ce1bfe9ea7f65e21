"""Temperature response: each CO2 depth, both fits, whole, by water class, without rain, in windows, by depth.

Q10 from least squares of the values (``q10_nls``, the default to quote) and of their logarithm (``q10_log``) of
the values as measured and of daily means; how much the wet soil answers more than the dry; temperature curves
compared on days left out; windows of 15 days every 5; every other temperature depth of the profile beside the
nearest one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from soilco2.analysis import rounding
from soilco2.analysis.definitions import AS_MEASURED, MIN_DAYS, SEASONAL
from soilco2.analysis.frames.frame import Column, Frame
from soilco2.analysis.frames.scales import daily_mean, mean_day, within_day
from soilco2.analysis.frames.targets import Target
from soilco2.analysis.jobs.base import Options, Outcome, chosen, each, row, span
from soilco2.analysis.jobs.correlation import unfrozen
from soilco2.analysis.refusals import Refusal
from soilco2.analysis.soil_response.temperature import MIN_PAIRS, Q10, Kind, moving_q10, q10, q10_curve
from soilco2.analysis.soil_response.water_classes import (
    CLASS_NAMES,
    q10_by_water,
    ratio_of,
    water_class,
    water_limits,
)
from soilco2.analysis.statistics.regression import Comparison, Score, compare, temperature_models
from soilco2.station_config.times import DAY_US
from soilco2.station_config.variables import VARIABLES

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

KINDS: Final[tuple[Kind, ...]] = ("values", "log")
WHAT: Final[dict[Kind, str]] = {"values": "q10_nls", "log": "q10_log"}
METHOD: Final[dict[Kind, str]] = {
    "values": "R = Rref Q10^((T - 20)/10), least squares of R; block jackknife of ln Q10, 6 blocks, t",
    "log": "ln R = ln Rref + ln Q10 (T - 20)/10, least squares of ln R; block jackknife of ln Q10, 6 blocks, t",
}
RATIO_METHOD: Final = (
    "Q10 of the wet class over Q10 of the dry class; variances of ln Q10 add, t after Welch (1947)"
)
MODEL_METHOD: Final = (
    "least squares of daily means; skill on stretches of days left out, against the mean of the days fitted; "
    "AICc"
)
WINDOW_METHOD: Final = (
    "median of least-squares Q10 in windows of 15 days every 5; windows overlap, so no interval"
)
WINDOW_DAYS, STEP_DAYS = 15, 5
AFTER_RAIN_H: Final = 72
CURVE_POINTS: Final = 41


def run(frame: Frame, options: Options) -> Outcome:
    """Temperature response of every CO2 depth of a frame.

    Parameters
    ----------
    frame : Frame
    options : Options

    Returns
    -------
    Outcome
        Tables ``curves`` (fitted curves with their bands), ``windows`` and ``depths``.
    """
    out = Outcome()
    curves, windows, depths = _Table(), _Table(), _Table()
    for target in each(chosen(frame, options)):
        if target.temperature is None:
            refusal = Refusal("missing_driver", {"name": VARIABLES["soil_temperature"].name_en})
            out.rows += [
                row(WHAT[k], target.co2, scale=AS_MEASURED, unit="1", method=METHOD[k], refusal=refusal,
                    details={"called": called(target)}) for k in KINDS
            ]  # fmt: skip
            continue
        _Job(frame, target, target.temperature, out, curves, windows, depths).run()
    out.tables = {
        name: table.columns
        for name, table in (("curves", curves), ("windows", windows), ("depths", depths))
        if table.columns
    }
    return out


def called(target: Target) -> str:
    """What a Q10 of this series may be called."""
    return "Q10 of the flux" if target.is_flux else "apparent Q10 of the concentration"


def after_rain(rain: Array, slots: int, hours: int = AFTER_RAIN_H) -> Mask:
    """Slots with rain in them or in the hours before; shape of `rain`. A missing reading counts as dry."""
    wet = np.cumsum(np.nan_to_num(rain) > 0)
    back = max(round(hours * slots / 24), 1)
    out: Mask = wet > np.r_[np.zeros(min(back, wet.size), wet.dtype), wet[:-back]]
    return out


class _Table:
    """Rows gathered as columns."""

    def __init__(self) -> None:
        self.columns: dict[str, Sequence[object]] = {}

    def add(self, **cells: object) -> None:
        for name, cell in cells.items():
            column = self.columns.setdefault(name, [])
            assert isinstance(column, list)
            column.append(cell)


class _Job:
    """One target."""

    def __init__(
        self, frame: Frame, target: Target, temperature: Column, out: Outcome,
        curves: _Table, windows: _Table, depths: _Table,
    ) -> None:  # fmt: skip
        self.frame, self.target, self.driver, self.out = frame, target, temperature, out
        self.curves, self.windows, self.depths = curves, windows, depths
        self.slots = frame.slots
        keep = unfrozen(target)
        self.mask = "all" if keep.all() else "soil above 0.5 degC"
        self.R = np.where(keep, target.co2.values, np.nan)
        self.T = temperature.values
        self.W = target.water.values if target.water is not None else None

    def run(self) -> None:
        """All rows and tables of the target."""
        R, T = self.R, self.T
        both = np.isfinite(R) & np.isfinite(T)
        for kind in KINDS:
            self._row(kind, q10(R, T, self.slots, kind=kind), AS_MEASURED, self.mask, both)
            self._curve(kind, self.mask, both)
        means = (
            daily_mean(np.where(both, R, np.nan), self.slots),
            daily_mean(np.where(both, T, np.nan), self.slots),
        )
        for kind in KINDS:
            found = q10(*means, 1, kind=kind)
            self._row(kind, found, SEASONAL, self.mask, np.isfinite(means[0]) & np.isfinite(means[1]))
        self._by_water(both)
        self._without_rain(both)
        self._models(*means)
        self._moving()
        self._other_depths()

    def _row(
        self, kind: Kind, found: Q10, scale: str, mask: str, used: Mask, extra: Mapping[str, Any] | None = None,
        driver: Column | None = None,
    ) -> None:  # fmt: skip
        pairs = found.n + found.dropped
        self.out.rows.append(
            row(
                WHAT[kind], self.target.co2, driver or self.driver, value=found.q10, lower=found.lower,
                upper=found.upper, n=found.n, n_eff=found.n_eff, scale=scale, mask=mask, method=METHOD[kind],
                when=span(self.frame, used), refusal=found.refusal,
                details={
                    "called": called(self.target), "r_ref": found.r_ref, "r2": found.r2, "rmse": found.rmse,
                    "unit_of_r": VARIABLES[self.target.co2.variable].unit, "days": found.days,
                    "t_low": found.t_low, "t_high": found.t_high, "dropped": found.dropped,
                    "dropped_percent": 100 * found.dropped / pairs if pairs else None, **(extra or {}),
                },
            )
        )  # fmt: skip

    def _curve(self, kind: Kind, mask: str, rows: Mask) -> None:
        if not rows.any():
            return
        first, last = np.quantile(self.T[rows], (0.01, 0.99)).tolist()
        at = np.linspace(first, last, CURVE_POINTS)
        fitted, lower, upper = q10_curve(np.where(rows, self.R, np.nan), self.T, self.slots, at, kind=kind)
        if not np.isfinite(fitted).all():
            return
        for t, r, low, high in zip(at.tolist(), fitted.tolist(), lower.tolist(), upper.tolist(), strict=True):
            self.curves.add(target=str(self.target.co2.key), driver=str(self.driver.key), mask=mask, fit=WHAT[kind],
                            temperature_degc=t, fitted=r, lower=low, upper=high)  # fmt: skip

    def _by_water(self, both: Mask) -> None:
        if self.W is None:
            refusal = Refusal("missing_driver", {"name": VARIABLES["soil_water"].name_en})
            for name in CLASS_NAMES:
                self.out.rows.append(
                    row("q10_nls", self.target.co2, self.driver, scale=AS_MEASURED, mask=name,
                        method=METHOD["values"], refusal=refusal, details={"called": called(self.target)})
                )  # fmt: skip
            return
        rows = both & np.isfinite(self.W)
        limits = water_limits(np.where(rows, self.W, np.nan))
        index = np.where(rows, water_class(self.W, limits), -1)
        ends = (None, *limits.tolist(), None)
        for kind in KINDS:
            found = q10_by_water(self.R, self.T, self.W, self.slots, kind=kind, limits=limits)
            for k, (name, answer) in enumerate(zip(CLASS_NAMES, found, strict=True)):
                self._row(
                    kind,
                    answer,
                    AS_MEASURED,
                    name,
                    index == k,
                    {"water_from": ends[k], "water_to": ends[k + 1]},
                )
                if answer.refusal is None or np.isfinite(answer.q10):
                    self._curve(kind, name, index == k)
            dry, wet = found[0], found[-1]
            ratio, lower, upper = ratio_of(dry, wet)
            self.out.rows.append(
                row("q10_wet_over_dry", self.target.co2, self.driver, value=ratio, lower=lower, upper=upper,
                    n=dry.n + wet.n, n_eff=np.nansum([dry.n_eff, wet.n_eff]) or None, scale=AS_MEASURED,
                    mask="wet against dry", method=f"{RATIO_METHOD}; {WHAT[kind]}", refusal=dry.refusal or wet.refusal,
                    when=span(self.frame, (index == 0) | (index == 2)), details={"fit": WHAT[kind]})
            )  # fmt: skip

    def _without_rain(self, both: Mask) -> None:
        rain = self.target.rain
        if rain is None or not rain.present:
            return
        dry = both & ~after_rain(rain.values, self.slots)
        for kind in KINDS:
            found = q10(np.where(dry, self.R, np.nan), self.T, self.slots, kind=kind)
            self._row(kind, found, AS_MEASURED, f"{AFTER_RAIN_H} h after rain left out", dry)

    def _models(self, R: Array, T: Array) -> None:
        where = np.flatnonzero(np.isfinite(R) & np.isfinite(T))
        least = max(MIN_DAYS, MIN_PAIRS)
        if where.size < least:
            self._no_models(Refusal("days", {"days": int(where.size), "least": least}), where.size)
            return
        whole = q10(R, T, 1)
        if whole.refusal is not None and whole.refusal.code in ("t_range", "constant"):
            self._no_models(whole.refusal, where.size)
            return
        found = compare(temperature_models(), R[where], T[where], np.zeros(where.size), where)
        middle = float(np.median(T[where]))
        used = np.isin(np.arange(R.size), where)
        for index, score in enumerate(found.scores):
            around = np.array([middle - 5, middle + 5])
            low, high = score.model.predict(score.fit, around, np.zeros(2)).tolist()
            self.out.rows.append(
                row("temperature_model", self.target.co2, self.driver, value=score.skill, n=found.n, scale=SEASONAL,
                    mask=self.mask, method=MODEL_METHOD, when=span(self.frame, used),
                    details=model_details(found, index, score)
                    | {"q10_around": high / low if low > 0 < high else None, "around_degc": middle})
            )  # fmt: skip

    def _no_models(self, refusal: Refusal, n: int) -> None:
        self.out.rows.append(
            row("temperature_model", self.target.co2, self.driver, n=n, scale=SEASONAL, mask=self.mask,
                method=MODEL_METHOD, refusal=refusal)
        )  # fmt: skip

    def _moving(self) -> None:
        found = moving_q10(
            self.R, self.T, self.slots, water=self.W, window_days=WINDOW_DAYS, step_days=STEP_DAYS
        )
        for w in found:
            self.windows.add(
                target=str(self.target.co2.key), driver=str(self.driver.key),
                middle_utc=np.datetime64(int(self.frame.start_us + w.middle_day * DAY_US), "us").astype(str)[:19] + "Z",
                q10=w.answer.q10, lower=w.answer.lower, upper=w.answer.upper, r2=w.answer.r2, n=w.answer.n,
                n_eff=w.answer.n_eff, temperature_degc=w.temperature, water_m3_m3=w.water,
                withheld=w.answer.refusal.code if w.answer.refusal else "",
            )  # fmt: skip
        values = np.array([w.answer.q10 for w in found])
        good = np.isfinite(values)
        refusal = None if good.sum() >= 3 else Refusal("no_windows", {"n": int(good.sum()), "least": 3})
        low, middle, high = np.quantile(values[good], (0.1, 0.5, 0.9)) if refusal is None else (None,) * 3
        self.out.rows.append(
            row("q10_window_median", self.target.co2, self.driver, value=middle, n=int(good.sum()), scale=AS_MEASURED,
                mask=self.mask, method=WINDOW_METHOD, refusal=refusal,
                when=span(self.frame, np.isfinite(self.R) & np.isfinite(self.T)),
                details={"windows": len(found), "withheld": int((~good).sum()), "q10_10_percent": low,
                         "q10_90_percent": high, "window_days": WINDOW_DAYS, "step_days": STEP_DAYS,
                         "called": called(self.target)})
        )  # fmt: skip

    def _other_depths(self) -> None:
        """The whole matrix of CO2 depth by temperature depth; a depth that only cancels the lag is named."""
        sensors = [c for c in self.frame.find("soil_temperature", self.target.co2.key.profile) if c.present]
        if len(sensors) < 2:
            return
        found = [q10(self.R, c.values, self.slots) for c in sensors]
        lags = [diel_lag(c.values, self.R, self.slots, c.offset_h, self.target.co2.offset_h) for c in sensors]
        fits = np.array([f.r2 for f in found])
        best = rounding.first_largest(fits) if np.isfinite(fits).any() else -1
        here = sensors.index(self.driver)
        for k, (sensor, answer, hours) in enumerate(zip(sensors, found, lags, strict=True)):
            note = ""
            if k == best != here and abs(hours) < abs(lags[here]):
                note = "fits best because its daily wave lies nearer to that of CO2: not a sign of where CO2 is made"
            self.depths.add(
                target=str(self.target.co2.key), target_depth_m=self.target.co2.depth_m, driver=str(sensor.key),
                driver_depth_m=sensor.depth_m, q10_nls=answer.q10, lower=answer.lower, upper=answer.upper,
                r2=answer.r2, n=answer.n, n_eff=answer.n_eff, lag_h=hours,
                withheld=answer.refusal.code if answer.refusal else "", nearest=k == here, note=note,
            )  # fmt: skip


def diel_lag(x: Array, y: Array, slots: int, x_offset_h: float = 0.0, y_offset_h: float = 0.0) -> float:
    """Hours by which the 24 h wave of the mean day of y comes after that of x; NaN where a wave is missing."""
    if slots < 4:
        return float("nan")
    turn = np.exp(-2j * np.pi * np.arange(slots) / slots)
    phases = []
    for values, offset in ((x, x_offset_h), (y, y_offset_h)):
        course = mean_day(within_day(values, slots), slots)
        phases.append(-np.angle((course * turn).sum()) * 12 / np.pi + offset)
    return float(12 - (12 - (phases[1] - phases[0])) % 24)


def model_details(found: Comparison, index: int, score: Score) -> dict[str, Any]:
    """What a row tells of a model in a comparison: form, parameters, AICc, ties, which is best and which chosen."""
    values = [*score.fit.theta.tolist(), *score.fit.coefficients.tolist()]
    names = [*score.model.theta, *score.model.coefficients]
    return {
        "model": score.model.name, "parameters": score.model.parameters, "r2": score.r2,
        "aicc_behind": score.behind_aicc,
        "rmse_left_out": score.rmse, "best": int(index == found.best), "ties_with_best": int(score.tie),
        "chosen": int(index == found.choice), "stretches": found.blocks, "stretch_days": found.block_days,
        "at_limit": int(score.fit.at_limit), **dict(zip(names, values, strict=True)),
    }  # fmt: skip
