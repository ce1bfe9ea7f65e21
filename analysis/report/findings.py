"""The few sentences a reader takes away from each job, and the remarks that go with them, made from the rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from analysis.definitions import DAY_TO_DAY, MAX_R_TW, SEASONAL, WITHIN_DAY, WITHIN_DAY_REST
from analysis.jobs.base import Outcome
from analysis.report import words
from storage.results import Result

MOST: Final = 8
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
    """Codes of the remarks that these results need (:data:`analysis.report.words.NOTES`)."""
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


def sentence(row: Result, names: words.Labels, lang: str) -> str:
    """One result as a sentence."""
    who = words.pair(names.of(row.target, row.target_depth_m), names.of(row.driver, row.driver_depth_m), lang)
    unit = words.unit(row.unit)
    value = words.digits(row.value) + (f" {unit}" if unit else "")
    inside = [f"95 %: {words.interval(row)}"] if row.lower is not None else []
    inside.append(f"N {row.n}" + ("" if row.n_eff is None else f", N_eff {words.digits(row.n_eff, 2)}"))
    p = row.p if row.p_adjusted is None else row.p_adjusted
    if p is not None:
        inside.append(f"p {words.p_text(p)}" if p < 0.001 else f"p = {words.p_text(p)}")
    where = [words.named(words.SCALES, row.scale, lang), words.part(row, lang)]
    what = words.named(words.WHAT, row.what, lang)
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
    names = words.Labels(outcome.rows, lang)
    return [sentence(r, names, lang) for r in outcome.rows if r.value is not None and not r.refused]


def _correlation(outcome: Outcome, lang: str) -> list[str]:
    """By scale the strongest pair that stands after adjustment, then how many stand of how many."""
    tested = [r for r in outcome.rows if r.what in ("pearson_r", "partial_r") and r.p_adjusted is not None]
    standing = [r for r in tested if stands(r)]
    names = words.Labels(outcome.rows, lang)
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


_TELL: Final[dict[str, Callable[[Outcome, str], list[str]]]] = {"correlation": _correlation}
