"""Loops of the day in dry and wet soil, and the lag of CO2 after temperature by depth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from soilco2.analysis import vocabulary
from soilco2.analysis.definitions import ANTI_PHASE_H
from soilco2.analysis.figures.style import (
    CLASS_COLOUR,
    CLASS_LINE,
    CLASS_MARKER,
    GREY,
    common_legend,
    panels,
    rows_of,
)
from soilco2.analysis.frames.frame import Frame
from soilco2.analysis.jobs.base import Outcome
from soilco2.storage.results.results import Result

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

CLASSES: Final = ("dry", "middling", "wet", "all")
MOST_PANELS: Final = 9

TEXT: Final[dict[str, dict[str, str]]] = {
    "en": {
        "t": "temperature, scaled 0 to 1 [1]",
        "c": "CO₂, scaled 0 to 1 [1]",
        "lag": "lag of CO₂ after temperature [h]",
        "depth": "depth of CO₂ [m]",
        "none": "withheld",
        "loop": (
            "Mean day as a curve of CO₂ against temperature, by class of the day's water; the dot is midnight, "
            "the arrow "
            "the way the day goes. Anticlockwise: CO₂ comes after temperature. Days: {n}."
        ),
        "depths": (
            "Lag of the daily wave of CO₂ after that of temperature, with 95 % interval, by depth and class of "
            "the day's "
            "water. Positive: CO₂ after temperature; grey: anti-phase, where before and after cannot be told "
            "apart. Days: {low} to {high}. Not drawn: withheld, see the list."
        ),
        "more": " The first {shown} of {all} series are shown.",
    },
    "zh": {
        "t": "温度（缩放至 0–1）[1]",
        "c": "CO₂（缩放至 0–1）[1]",
        "lag": "CO₂ 晚于温度的时滞 [h]",
        "depth": "CO₂ 深度 [m]",
        "none": "未给出",
        "loop": (
            "平均日变化：CO₂ 对温度，按当日含水率分类；圆点为一天的开始（已知经度时为太阳时午夜，否则为 UTC "
            "0 时），箭头为时间方向。逆时针表示 CO₂ 晚于温度。天数：{n}。"
        ),
        "depths": (
            "CO₂ 日波相对温度日波的时滞及 95% 区间，按深度和当日含水率分类。正值表示 CO₂ 晚于温度；"
            "灰色区为反相，无法区分先后。"
            "天数：{low} 至 {high}。未画出者不予给出，见下表。"
        ),
        "more": "仅显示 {all} 个序列中的前 {shown} 个。",
    },
}


def draw(frame: Frame, outcome: Outcome, lang: str) -> list[tuple[str, Figure, str]]:
    """Loops and lags; each only where there is something to draw."""
    return [*_loops(outcome, lang), *_lags(outcome, lang)]


def _loops(outcome: Outcome, lang: str) -> list[tuple[str, Figure, str]]:
    table: Mapping[str, Sequence[Any]] = outcome.tables.get("loop", {})
    if not table or not table["co2"]:
        return []
    text, names = TEXT[lang], vocabulary.Labels(outcome.rows, lang)
    every = list(dict.fromkeys(zip(table["co2"], table["depth_m"], strict=True)))
    shown = every[:MOST_PANELS]
    drawn, axes = panels(len(shown), 2.5, 2.5, share=True)
    counts = {(r.target, r.mask): r.n for r in outcome.rows if r.what == "loop_area"}
    told: list[str] = []
    for ax, (series, depth) in zip(axes, shown, strict=True):
        here = rows_of(table, co2=series)
        for mask in CLASSES:
            part = rows_of(here, mask=mask)
            if not part or (mask in ("all", "middling") and {"dry", "wet"} & set(here["mask"])):
                continue
            _loop(ax, part, mask, lang)
            kind = vocabulary.named(vocabulary.MASKS, mask, lang)
            told.append(f"{names.of(series, depth)} {kind} {counts.get((series, mask), 0)}")
        ax.set_title(names.of(series, depth), fontsize=9)
        ax.set(xlim=(-0.05, 1.05), ylim=(-0.05, 1.05), aspect="equal")
    drawn.supxlabel(text["t"], fontsize=9)
    drawn.supylabel(text["c"], fontsize=9)
    common_legend(drawn, axes)
    caption = text["loop"].format(n=("；" if lang == "zh" else "; ").join(told))
    if len(every) > len(shown):
        caption += text["more"].format(shown=len(shown), all=len(every))
    return [("loop", drawn, caption)]


def _loop(ax: Axes, part: Mapping[str, Sequence[Any]], mask: str, lang: str) -> None:
    x = np.asarray(part["driver_scaled"], dtype=float)
    y = np.asarray(part["value_scaled"], dtype=float)
    colour = CLASS_COLOUR[mask]
    closed_x, closed_y = np.r_[x, x[0]], np.r_[y, y[0]]
    ax.plot(
        closed_x,
        closed_y,
        CLASS_LINE[mask],
        color=colour,
        lw=1.4,
        label=vocabulary.named(vocabulary.MASKS, mask, lang),
    )
    ax.plot(x[:1], y[:1], CLASS_MARKER[mask], color=colour, ms=5)
    for share in (0.25, 0.6):
        k = int(share * x.size)
        ax.annotate(
            "", (closed_x[k + 1], closed_y[k + 1]), (closed_x[k], closed_y[k]),
            arrowprops={"arrowstyle": "-|>", "color": colour, "lw": 1.2},
        )  # fmt: skip


def _lags(outcome: Outcome, lang: str) -> list[tuple[str, Figure, str]]:
    rows = [r for r in outcome.rows if r.what == "lag" and r.value is not None]
    if not rows:
        return []
    text = TEXT[lang]
    profiles = list(dict.fromkeys(_profile(r) for r in rows))[:MOST_PANELS]
    drawn, axes = panels(len(profiles), 2.6, 2.3, share=True)
    deepest = max(r.target_depth_m or 0.0 for r in rows)
    for ax, profile in zip(axes, profiles, strict=True):
        mine = [r for r in rows if _profile(r) == profile]
        for k, mask in enumerate(CLASSES):
            part = [r for r in mine if r.mask == mask]
            if part:
                _points(ax, part, (k - 1.5) * (0.03 * deepest or 0.1), mask, lang)
        ax.axvspan(-14, -ANTI_PHASE_H, color="#eeeeee", lw=0)
        ax.axvspan(ANTI_PHASE_H, 14, color="#eeeeee", lw=0)
        ax.axvline(0, color=GREY, lw=0.8)
        ax.set_title(profile, fontsize=9)
        ax.set(xlim=(-14, 14), xticks=range(-12, 13, 6))
        ax.set_ylim(1.12 * deepest or 0.5, -0.12 * deepest or -0.5)
        if not deepest:
            ax.set_yticks([0.0])
    drawn.supxlabel(text["lag"], fontsize=9)
    drawn.supylabel(text["depth"], fontsize=9)
    common_legend(drawn, axes)
    counts = [r.n for r in rows]
    return [("lag_by_depth", drawn, text["depths"].format(low=min(counts), high=max(counts)))]


def _profile(row: Result) -> str:
    return row.target.split("/")[1]


def _points(ax: Axes, part: Sequence[Result], shift: float, mask: str, lang: str) -> None:
    y = [(r.target_depth_m or 0.0) + shift for r in part]
    x = [r.value or 0.0 for r in part]
    low = [max(0.0, (r.value or 0.0) - r.lower) if r.lower is not None else 0.0 for r in part]
    high = [max(0.0, r.upper - (r.value or 0.0)) if r.upper is not None else 0.0 for r in part]
    ax.errorbar(x, y, xerr=[low, high], fmt=CLASS_MARKER[mask] if mask != "all" else "D", ms=4, lw=1.2,
                color=CLASS_COLOUR[mask], label=vocabulary.named(vocabulary.MASKS, mask, lang))  # fmt: skip
