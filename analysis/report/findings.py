"""The few sentences a reader takes away from each job, and the remarks that go with them, made from the rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from soilco2.analysis import vocabulary
from soilco2.analysis.definitions import (
    AS_MEASURED,
    DAY_TO_DAY,
    MAX_R_TW,
    SEASONAL,
    WITHIN_DAY,
    WITHIN_DAY_REST,
)
from soilco2.analysis.jobs.base import Outcome
from soilco2.analysis.soil_response.water_classes import opposite
from soilco2.storage.results.results import Result

MOST: Final = 16
"""Sentences of a job."""


def findings(job: str, outcome: Outcome, lang: str) -> list[str]:
    """Sentences on what a job found, the surest first; at least one, even if it is that nothing could be said."""
    told = _TELL.get(job, _plain)(outcome, lang)
    if told:
        return told[:MOST]
    none = (
        "数据不足以给出任何结果，原因见下。",
        "Nothing can be said from these data; the reasons are below.",
    )
    return [none[0] if lang == "zh" else none[1]]


def caveats(outcomes: Sequence[Outcome]) -> list[str]:
    """Codes of the remarks that these results need (:data:`soilco2.analysis.vocabulary.NOTES`)."""
    rows = [row for outcome in outcomes for row in outcome.rows]
    variables = {row.target.rsplit("/", 1)[-1] for row in rows}
    codes = []
    if "co2" in variables:
        codes.append("concentration")
    if "co2_flux" in variables:
        codes.append("flux")
    if any(abs(float(row.details.get("r_temperature_water") or 0)) > MAX_R_TW for row in rows):
        codes.append("t_and_w")
    return [*codes, "no_cause"]


def sentence(row: Result, names: vocabulary.Labels, lang: str) -> str:
    """One result as a sentence."""
    who = vocabulary.pair(
        names.of(row.target, row.target_depth_m), names.of(row.driver, row.driver_depth_m), lang
    )
    value = vocabulary.value(row)
    inside = [f"95 %: {vocabulary.interval(row, lang)}"] if row.lower is not None else []
    inside.append(f"N {row.n}" + ("" if row.n_eff is None else f", N_eff {vocabulary.digits(row.n_eff, 2)}"))
    p = row.p if row.p_adjusted is None else row.p_adjusted
    if p is not None:
        inside.append(f"p {vocabulary.p_text(p)}" if p < 0.001 else f"p = {vocabulary.p_text(p)}")
    where = [vocabulary.named(vocabulary.SCALES, row.scale, lang), vocabulary.part(row, lang)]
    what = vocabulary.named(vocabulary.WHAT, row.what, lang)
    if lang == "zh":
        place = "，".join(w for w in where if w)
        return f"{who}{f'（{place}）' if place else ''}：{what} = {value}（{'；'.join(inside)}）。"
    place = ", ".join(w for w in where if w)
    return f"{who}{f', {place}' if place else ''}: {what} = {value} ({'; '.join(inside)})."


def stands(row: Result) -> bool:
    """Whether a correlation holds by both measures: adjusted p below 0.05, and an interval without zero."""
    small = row.p_adjusted is not None and row.p_adjusted < 0.05
    return small and row.lower is not None and row.upper is not None and row.lower * row.upper > 0


def _plain(outcome: Outcome, lang: str) -> list[str]:
    names = vocabulary.Labels(outcome.rows, lang)
    return [sentence(r, names, lang) for r in outcome.rows if r.value is not None and not r.refused]


def _correlation(outcome: Outcome, lang: str) -> list[str]:
    """By scale the strongest pair that stands after adjustment, then how many stand of how many."""
    tested = [r for r in outcome.rows if r.what in ("pearson_r", "partial_r") and r.p_adjusted is not None]
    standing = [r for r in tested if stands(r)]
    names = vocabulary.Labels(outcome.rows, lang)
    zh = lang == "zh"
    told = []
    if not tested:
        return []
    count = (
        f"共检验 {len(tested)} 个相关（含偏相关），校正后 p < 0.05 且区间不含零的有 {len(standing)} 个。"
        if zh
        else f"{len(tested)} correlations and partial correlations were tested; "
        f"{len(standing)} stand, with p < 0.05 after "
        "adjustment for their number and an interval without zero."
    )
    naive = [r for r in tested if (r.details.get("p_as_if_independent") or 0) is not None]
    sure = [r for r in naive if float(r.details.get("p_as_if_independent") or 1.0) < 0.05]
    if sure and len(sure) > len(standing):
        count += (
            f"若把每个数值当作独立，会有 {len(sure)} 个“显著”。"
            if zh
            else f" Taken as if every value were independent, {len(sure)} would have seemed significant."
        )
    told.append(count)
    for scale in (WITHIN_DAY, WITHIN_DAY_REST, DAY_TO_DAY, SEASONAL):
        for driver in dict.fromkeys(r.driver.rsplit("/", 1)[-1] for r in standing):
            mine = [r for r in standing if r.scale == scale and r.driver.endswith(driver)]
            whole = [r for r in mine if r.what == "pearson_r"] or mine
            if whole:
                best = max(whole, key=lambda r: abs(r.value or 0.0))
                told.append(sentence(best, names, lang))
    return told


def _by_target(rows: Sequence[Result]) -> list[list[Result]]:
    groups: dict[str, list[Result]] = {}
    for row in rows:
        groups.setdefault(row.target, []).append(row)
    return list(groups.values())


def _number(row: Result, lang: str) -> str:
    """Value with its interval and unit."""
    inside = f" (95 %: {vocabulary.interval(row, lang)})" if row.lower is not None else ""
    return vocabulary.value(row) + inside


def _response(outcome: Outcome, lang: str) -> list[str]:
    """By series: Q10 of the water classes, of the whole, and whether pooling turns the sign."""
    zh = lang == "zh"
    names = vocabulary.Labels(outcome.rows, lang)
    told = []
    for rows in _by_target(outcome.rows):
        who = names.of(rows[0].target, rows[0].target_depth_m)
        fits = {
            r.mask: r for r in rows if r.what == "q10_nls" and r.scale == AS_MEASURED and r.value is not None
        }
        whole = fits.get("all") or fits.get("soil above 0.5 degC")
        classes = [(m, fits[m]) for m in ("dry", "middling", "wet") if m in fits]
        if whole is None and not classes:
            continue
        called = (
            "" if "flux" in str(rows[0].details.get("called") or "flux") else ("表观 " if zh else "apparent ")
        )
        parts = [f"{vocabulary.named(vocabulary.MASKS, m, lang)} {_number(r, lang)}" for m, r in classes]
        if whole is not None:
            parts.append(("不分含水率 " if zh else "without regard to water ") + _number(whole, lang))
        told.append(
            f"{who}：{called}Q10 为 {'；'.join(parts)}。" if zh else f"{who}: {called}Q10 {'; '.join(parts)}."
        )
        if whole is not None and _turned(whole, [r for _, r in classes]):
            told[-1] += (
                "合并值与每一类方向相反：干土即热土（辛普森悖论），不应引用合并值。"
                if zh
                else " The pooled value runs against that of every class, because dry soil is hot soil (Simpson's "
                "paradox): do not quote it."
            )
    return told


def _turned(whole: Result, classes: Sequence[Result]) -> bool:
    """Whether the pooled interval and those of all three classes leave 1 out on opposite sides."""
    rows = [whole, *classes]
    if len(classes) != 3 or any(r.lower is None or r.upper is None for r in rows):
        return False
    ends = [(float(r.lower or 0), float(r.upper or 0)) for r in rows]
    return all(opposite(ends[0], other) for other in ends[1:])


def _lag(outcome: Outcome, lang: str) -> list[str]:
    """By series: hours after or before temperature, over all days and by class; what changes from dry to wet."""
    zh = lang == "zh"
    names = vocabulary.Labels(outcome.rows, lang)
    told = []
    for rows in _by_target(outcome.rows):
        who = vocabulary.pair(
            names.of(rows[0].target, rows[0].target_depth_m),
            names.of(rows[0].driver, rows[0].driver_depth_m),
            lang,
        )
        lags = [r for r in rows if r.what == "lag" and r.value is not None and not r.refused]
        if not lags:
            continue
        parts = []
        for r in lags:
            hours = r.value or 0.0
            anti = r.details.get("phase") == "anti-phase"
            if anti:
                way = "反相" if zh else "anti-phase"
            elif r.lower is not None and r.upper is not None and r.lower <= 0 <= r.upper:
                way = "先后不能确定" if zh else "before or after not sure"
            else:
                way = (
                    ("CO₂ 在后" if hours > 0 else "CO₂ 在前")
                    if zh
                    else ("CO₂ after" if hours > 0 else "CO₂ before")
                )
            kind = vocabulary.mask(r, lang)
            parts.append(f"{kind + ' ' if kind else ''}{_number(r, lang)}{'，' if zh else ', '}{way}")
        told.append(f"{who}：时滞 {'；'.join(parts)}。" if zh else f"{who}: lag {'; '.join(parts)}.")
        told += [
            sentence(r, names, lang)
            for r in rows
            if r.what == "lag_change" and not r.refused and r.lower is not None and r.upper is not None
            and r.lower * r.upper > 0
        ]  # fmt: skip
    return told


def _water(outcome: Outcome, lang: str) -> list[str]:
    """By series: slope, optimum, threshold; Q10 with water held fixed; the model chosen; what water hides."""
    zh = lang == "zh"
    names = vocabulary.Labels(outcome.rows, lang)
    told = []
    for rows in _by_target(outcome.rows):
        for r in rows:
            if r.value is None or r.refused:
                continue
            plain = r.what in ("water_slope", "water_optimum", "water_threshold", "q10_given_water")
            if plain and any(vocabulary.is_open(r)):
                told.append(_open(r, names, lang))
            elif plain:
                told.append(sentence(r, names, lang))
            elif r.what == "water_model" and r.details.get("chosen"):
                who, share = names.of(r.target, r.target_depth_m), vocabulary.digits(r.value)
                model = vocabulary.model(str(r.details.get("model")), lang)
                told.append(
                    f"{who}：选用模型 {model}，能预测留出日子方差的 {share}（N {r.n} 天）。"
                    if zh
                    else f"{who}: of the models compared, {model} is chosen; it predicts {share} of the variance of "
                    f"days left out (N {r.n} days)."
                )
            elif r.what == "q10_within_classes" and r.details.get("fit") == "q10_nls":
                pooled = vocabulary.digits(float(r.details.get("pooled") or 0.0))
                turned = bool(r.details.get("reversed"))
                if zh:
                    end = f"合并值 {pooled}" + ("，两个区间分居 1 的两侧（辛普森悖论）" if turned else "")
                    told.append(f"{sentence(r, names, lang).rstrip('。')}；{end}。")
                else:
                    end = f"pooled {pooled}" + (
                        ", on the other side of 1 by both intervals (Simpson's paradox)" if turned else ""
                    )
                    told.append(f"{sentence(r, names, lang).rstrip('.')}; {end}.")
    return told


def _open(row: Result, names: vocabulary.Labels, lang: str) -> str:
    """A turning point that the data do not close: no number, only the side that is closed."""
    who = names.of(row.target, row.target_depth_m)
    what = vocabulary.named(vocabulary.WHAT, row.what, lang)
    low, high = (vocabulary.digits(end) for end in (row.lower, row.upper))
    below, above = vocabulary.is_open(row)
    if below and above:
        said = (
            "两端皆不闭合，数据不能确定" if lang == "zh" else "open on both sides: these data do not tell it"
        )
    elif below:
        said = (
            f"低于 {high} m³/m³，下端不闭合" if lang == "zh" else f"below {high} m³/m³, open towards dry soil"
        )
    else:
        said = (
            f"高于 {low} m³/m³，上端不闭合" if lang == "zh" else f"above {low} m³/m³, open towards wet soil"
        )
    return f"{who}：{what}{said}。" if lang == "zh" else f"{who}: {what} {said}."


def _rain(outcome: Outcome, lang: str) -> list[str]:
    """By series: how many events were answered, then rise, time to peak, decay and share."""
    zh = lang == "zh"
    names = vocabulary.Labels(outcome.rows, lang)
    told = []
    counts = [r.value for r in outcome.rows if r.what == "rain_events"]
    if counts and not any(counts):
        return ["记录期间没有降雨事件。" if zh else "There was no rain event in the record."]
    for rows in _by_target(outcome.rows):
        who = names.of(rows[0].target, rows[0].target_depth_m)
        for r in rows:
            if r.what == "rain_events" and r.value is not None:
                events, answered = int(r.value), r.details.get("answered")
                told.append(
                    f"{who}：共 {events} 次降雨，其中 {answered} 次有响应。"
                    if zh
                    else f"{who}: {events} rain events, {answered} of them answered."
                )
                continue
            shown = ("rain_rise", "rain_hours_to_peak", "rain_decay_time", "rain_carbon_share")
            if r.what not in shown or r.value is None or r.refused:
                continue
            if r.mask != "all" and r.what != "rain_carbon_share":
                continue
            told.append(sentence(r, names, lang))
            if (time := r.details.get("share_of_time")) is not None:
                share = vocabulary.digits(float(time))
                told[-1] += f"时间份额为 {share}。" if zh else f" Share of time: {share}."
    return told


def _profile(outcome: Outcome, lang: str) -> list[str]:
    """Means by depth, then what stands of the rest; pressure only where it stands."""
    names = vocabulary.Labels(outcome.rows, lang)
    zh = lang == "zh"
    told = []
    means: dict[str, list[Result]] = {}
    for r in outcome.rows:
        if r.what == "profile_mean" and r.value is not None:
            means.setdefault(r.target.split("/")[1], []).append(r)
    for profile, rows in means.items():
        parts = [f"{r.target_depth_m:.2f} m {_number(r, lang)}" for r in rows if r.target_depth_m is not None]
        told.append(
            f"{profile}：CO₂ 平均 {'；'.join(parts)}。" if zh else f"{profile}: mean CO₂ {'; '.join(parts)}."
        )
    told += [
        sentence(r, names, lang)
        for r in outcome.rows
        if not r.refused and r.value is not None and r.details.get("warning_code") != "not_uniform"
        and (r.what in ("gradient_reversed", "mean_r_of_profiles", "damping_depth") or stands(r))
    ]  # fmt: skip
    apart = [r for r in outcome.rows if r.details.get("warning_code") == "not_uniform"]
    colon = "：" if zh else ": "
    told += dict.fromkeys(
        f"{r.target.split('/')[1]}{colon}{vocabulary.warning(r, lang)}{'。' if zh else '.'}" for r in apart
    )
    return told


def _audit(outcome: Outcome, lang: str) -> list[str]:
    """What a reader must know of the data: failed clocks first, then every warning."""
    zh = lang == "zh"
    names = vocabulary.Labels(outcome.rows, lang)
    colon = "：" if zh else ": "
    told = []
    for row in outcome.rows:
        who = names.of(row.target, row.target_depth_m)
        if row.why_code.startswith("clock_"):
            told.append(f"{who}{colon}{vocabulary.reason(row, lang)}")
    warned: dict[str, list[tuple[Result, str]]] = {}
    for row in outcome.rows:
        if said := vocabulary.warning(row, lang):
            warned.setdefault(str(row.details.get("warning_code")), []).append((row, said))
    for group in warned.values():
        worst, said = max(group, key=lambda pair: float(pair[0].details.get("percent") or 0.0))
        others = len({row.target for row, _ in group} - {worst.target})
        more = (
            (f"；另有 {others} 个序列类似" if zh else f"; and {others} more series alike") if others else ""
        )
        told.append(f"{names.of(worst.target, worst.target_depth_m)}{colon}{said}{more}")
    checks = len(outcome.rows)
    series = len({row.target for row in outcome.rows})
    count = (
        f"对 {series} 个序列做了 {checks} 项检查{'；需要注意：' if told else '，均无异常。'}"
        if zh
        else f"{checks} checks of {series} series{'; to be told of:' if told else ', nothing to be told of.'}"
    )
    return [count, *dict.fromkeys(told)]


_TELL: Final[dict[str, Callable[[Outcome, str], list[str]]]] = {
    "audit": _audit,
    "correlation": _correlation,
    "response": _response,
    "lag": _lag,
    "water": _water,
    "rain": _rain,
    "profile": _profile,
}
