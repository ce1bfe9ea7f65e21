"""The lesson on a trainee's own data: every truth is computed from the folder's ``data/own.csv``."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from soilco2.station_config.message import translate
from soilco2.teaching.case.marking import Context, Task, Words, Wrong, number, signs

if TYPE_CHECKING:
    import pandas as pd

    from soilco2.analysis.frames.frame import Frame
    from soilco2.analysis.frames.targets import Target

NONE: Words = ("文件夹里没有自己的数据。", "there are no data of your own in the folder.")
NO_CO2: Words = ("没有带深度的 CO₂。", "there is no CO₂ with a depth.")
ONE_DEPTH: Words = ("只有一个深度的 CO₂。", "there is CO₂ at one depth only.")
NO_TEMPERATURE: Words = (
    "没有与 CO₂ 同一剖面的土壤温度。",
    "there is no soil temperature in the profile of the CO₂.",
)
NO_WATER: Words = ("没有与 CO₂ 同一剖面的含水率。", "there is no water content in the profile of the CO₂.")
TOO_FEW: Words = (
    "数据太少，这个尺度上算不出相关。",
    "there are too few data for a correlation at this scale.",
)


NO_SOIL: Words = (
    "没有土壤资料：土层的容重或孔隙度（data/own_soil.csv 或 own_soil.toml）。",
    "there is no soil: bulk density or porosity by horizon (data/own_soil.csv or own_soil.toml).",
)
EVERY_S = 3600.0
"""Step at which a flux of own data is computed [s]; the lesson's command says the same."""


class _Away(NamedTuple):
    """A truth that own data do not hold, and why."""

    why: Words


def table(context: Context) -> pd.DataFrame | None:
    """Own values that were not judged suspect or bad; None when there are none."""
    import pandas as pd

    from soilco2.teaching.case.own_data_store import OWN

    path = None if context.folder is None else context.folder / "data" / OWN
    if path is None or not path.is_file():
        return None
    found = pd.read_csv(path, dtype={"profile": str})
    if "flag" in found:
        found = found[found["flag"].fillna(1).astype(int) < 3]
    found["time_utc"] = pd.to_datetime(found["time_utc"], utc=True, format="ISO8601")
    return found.dropna(subset=["value"])


def _co2(context: Context) -> pd.DataFrame | _Away:
    """CO₂ of the profile with most depths."""
    whole = context.fact("own", table)
    if whole is None:
        return _Away(NONE)
    part = whole[(whole["variable"] == "co2") & (whole["depth_m"] > 0)]
    if not len(part):
        return _Away(NO_CO2)
    best = part.groupby(part["profile"].fillna(""))["depth_m"].nunique().idxmax()
    return part[part["profile"].fillna("") == best]  # type: ignore[no-any-return]


def _ratio(context: Context) -> float | _Away:
    part = _co2(context)
    if isinstance(part, _Away):
        return part
    medians = part.groupby("depth_m")["value"].median()
    return float(medians.iloc[-1] / medians.iloc[0]) if len(medians) > 1 else _Away(ONE_DEPTH)


def _complete(context: Context) -> float | _Away:
    part = _co2(context)
    if isinstance(part, _Away):
        return part
    times = part[part["depth_m"] == part["depth_m"].min()]["time_utc"].drop_duplicates().sort_values()
    steps = times.diff().dropna()
    if not len(steps):
        return _Away(TOO_FEW)
    return float(100 * len(times) / (round((times.iloc[-1] - times.iloc[0]) / steps.median()) + 1))


def _target(context: Context) -> tuple[Frame, Target] | _Away:
    """The shallowest CO₂ with a temperature, on its grid."""
    from soilco2.analysis.frames.build import from_table
    from soilco2.analysis.frames.frame import Site
    from soilco2.analysis.frames.targets import targets

    part = _co2(context)
    if isinstance(part, _Away):
        return part
    whole = context.fact("own", table)
    name = part["profile"].iloc[0]
    mine = whole["profile"].isna() if name != name else whole["profile"] == name
    rest = ~whole["variable"].isin(["co2", "soil_temperature", "soil_water"])
    frame = from_table(whole[mine | rest], site=Site())[0]
    found = [t for t in targets(frame) if t.temperature is not None]
    return (frame, min(found, key=lambda t: t.co2.depth_m or 0.0)) if found else _Away(NO_TEMPERATURE)


def _associated(context: Context, scale: str, driver: str) -> Any:
    """The association of CO₂ with its nearest driver at a scale."""
    import numpy as np

    from soilco2.analysis.jobs.correlation import at_scale
    from soilco2.analysis.statistics.correlation import associate

    found = context.fact("own target", _target)
    if isinstance(found, _Away):
        return found
    frame, target = found
    column = target.water if driver == "soil_water" else target.temperature
    if column is None:
        return _Away(NO_WATER)
    x, y = (at_scale(c.values, frame.slots, scale) for c in (column, target.co2))
    if (np.isfinite(x) & np.isfinite(y)).sum() < 3:
        return _Away(TOO_FEW)
    got = associate(x, y)
    return got if np.isfinite(got.r) and np.isfinite(got.n_eff) else _Away(TOO_FEW)


def _r(context: Context, scale: str, driver: str) -> float | _Away:
    got = context.fact(f"own {scale} {driver}", lambda c: _associated(c, scale, driver))
    return got if isinstance(got, _Away) else float(got.r)


def _n(context: Context, what: str) -> float | _Away:
    got = context.fact("own within-day t", lambda c: _associated(c, "within-day", "soil_temperature"))
    return got if isinstance(got, _Away) else float(getattr(got, what))


def _lag(context: Context) -> float | _Away:
    from soilco2.analysis.statistics.lag import lag

    found = context.fact("own target", _target)
    if isinstance(found, _Away):
        return found
    frame, target = found
    got = lag(target.temperature.values, target.co2.values, frame.slots)
    if got.refusal is not None:
        return _Away((translate(got.refusal.message, "zh"), got.refusal.message))
    return float(got.hours)


def _flux(context: Context) -> float | _Away:
    return context.fact("own flux", _mean_flux)  # type: ignore[no-any-return]


def _mean_flux(context: Context) -> float | _Away:
    """Mean efflux of the profile with most depths, by the program [µmol m⁻² s⁻¹]."""
    from soilco2.analysis.errors import AnalysisError
    from soilco2.analysis.flux import job, settings
    from soilco2.analysis.flux.inputs import assemble
    from soilco2.analysis.flux.refusals import SENTENCES, Reason
    from soilco2.station_config.errors import StationConfigError
    from soilco2.storage.open import open_reader
    from soilco2.teaching.case.own_data_store import OWN, soil_of

    part = _co2(context)
    if isinstance(part, _Away):
        return part
    if part["depth_m"].nunique() < 2:
        return _Away(ONE_DEPTH)
    name = part["profile"].fillna("").iloc[0]
    whole = context.fact("own", table)
    there = set(whole[whole["profile"].fillna("") == name]["variable"])
    for variable, why in (("soil_temperature", NO_TEMPERATURE), ("soil_water", NO_WATER)):
        if variable not in there:
            return _Away(why)
    assert context.folder is not None
    soil = soil_of(context.folder)
    if soil is None:
        return _Away(NO_SOIL)
    reader = open_reader([context.folder / "data" / OWN])
    try:
        chosen = settings.read(soil)
        wanted = assemble.Wanted(
            every_s=EVERY_S, altitude_m=chosen.altitude_m, profiles=[name] if name else None
        )
        outcome = job.run(reader, chosen, wanted)
    except (AnalysisError, StationConfigError) as error:
        return _Away((translate(str(error), "zh"), str(error)))
    finally:
        reader.close()
    (row,) = job.results(outcome, chosen, "", {}).rows
    if row.value is not None:
        return float(row.value)
    zh = translate(SENTENCES[Reason[row.why_code.upper()]] if row.why_code else row.why, "zh")
    return _Away((f"通量被拒绝：{zh}。", f"the flux is refused: {row.why}."))


def _truth(make: Callable[[Context], float | _Away]) -> Callable[[Context], float]:
    def truth(context: Context) -> float:
        found = make(context)
        return float("nan") if isinstance(found, _Away) else found

    return truth


def _may_fall(one: Task, make: Callable[[Context], float | _Away]) -> Task:
    """A task that falls away where own data do not hold its answer."""

    def away(context: Context) -> Words | None:
        found = make(context)
        if not isinstance(found, _Away):
            return None
        return (f"本题不作：{found.why[0]}", f"This task falls away: {found.why[1]}")

    return dataclasses.replace(one, away=away)


def _sign_task(name: str, make: Callable[[Context], float | _Away], where: Words) -> Task:
    truth = _truth(make)
    return _may_fall(
        signs(
            name, lambda c: [1 if truth(c) > 0 else -1], ('["+"]', '["+"]'),
            [Wrong("turned", lambda c: [-1 if truth(c) > 0 else 1], (f"符号反了；{where[0]}", f"The sign is turned; {where[1]}"))],
            where, ("符号对；写进报告时带上深度、尺度、n 与有效样本量。", "the sign is right; in a report give depth, scale, n and effective sample size with it."),
        ),
        make,
    )  # fmt: skip


_RATIO, _COMPLETE, _LAG, _FLUX = (_truth(make) for make in (_ratio, _complete, _lag, _flux))
_PAIRS, _NEFF = (_truth(lambda c, what=what: _n(c, what)) for what in ("n", "n_eff"))  # type: ignore[misc]

TASKS: tuple[Task, ...] = (
    _may_fall(
        number(
            "own-ratio", _RATIO, "1", ('"1.5"', '"1.5"'),
            [Wrong("upside-down", lambda c: 1 / _RATIO(c), ("分子分母颠倒了：最深比最浅。", "Upside down: deepest over shallowest."))],
            ("用最深处的中位数除以最浅处的中位数。", "Divide the median of the deepest by that of the shallowest."),
        ),
        _ratio,
    ),
    _may_fall(
        number(
            "own-complete", _COMPLETE, "%", ('"87 %"', '"87 %"'),
            [Wrong("factor", lambda c: f"{_COMPLETE(c) / 100:.6f} %", ("写成百分数要乘 100。", "As a percentage it is 100 times that."))],
            ("有的读数除以应有的读数（首尾之间的间隔数加一）。", "Readings there are over readings there should be (intervals from first to last, and one)."),
            relative=0.0, absolute=0.6,
        ),
        _complete,
    ),
    _sign_task("own-sign", lambda c: _r(c, "within-day", "soil_temperature"), ("看日内的 r。", "see r within the day.")),
    _may_fall(
        number(
            "own-neff", _NEFF, "1", ('"12"', '"12"'),
            [Wrong("pairs", _PAIRS, ("这是成对数 n；相邻的读数不是独立的。", "That is the number of pairs n; neighbouring readings are not independent."))],
            ("有效样本量是 associate(T, C).n_eff。", "The effective sample size is associate(T, C).n_eff."),
            relative=0.06,
        ),
        lambda c: _n(c, "n_eff"),
    ),
    _may_fall(
        number(
            "own-lag", _LAG, "h", ('"3.5 h"', '"3.5 h"'),
            [Wrong("sign", lambda c: f"{-_LAG(c):.3f} h", ("符号反了：CO₂ 在后为正，在前为负。", "The sign is turned: positive when CO₂ comes after, negative when before."))],
            ("lag(温度, CO₂, 每天格数).hours。", "lag(temperature, CO₂, slots a day).hours."),
            relative=0.0, absolute=0.3,
        ),
        _lag,
    ),
    _sign_task("own-water", lambda c: _r(c, "day-to-day", "soil_water"), ("看日际的 r。", "see r day to day.")),
    _may_fall(
        number(
            "own-flux", _FLUX, "umol m-2 s-1", ('"1.2 µmol m⁻² s⁻¹"', '"1.2 µmol m⁻² s⁻¹"'),
            [Wrong("sign", lambda c: f"{-_FLUX(c):.4f} umol m-2 s-1", ("符号反了：向上（离开土壤）为正。", "The sign is turned: upward, out of the soil, is positive.")),
             Wrong("carbon", lambda c: f"{_FLUX(c) * 12.011 / 44.009:.4f} umol m-2 s-1", ("摩尔数不随换算成碳而变；12/44 只用于质量。", "Moles do not change when counted as carbon; 12/44 is for masses."))],
            ("soilco2 analyse flux 打印的平均值，带上区间。", "The mean that soilco2 analyse flux prints; give its interval with it."),
        ),
        _flux,
    ),
)  # fmt: skip
