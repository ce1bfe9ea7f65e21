"""What CO2 does after rain: the median course around events, and the rise of each event."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from matplotlib.colors import Normalize

from soilco2.analysis import vocabulary
from soilco2.analysis.figures.style import CLASS_COLOUR, GREY, INK, colour_bar, common_legend, figure, rows_of
from soilco2.analysis.frames.frame import Frame
from soilco2.analysis.jobs.base import Outcome
from soilco2.station_config.variables import VARIABLES

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_SERIES: Final = 6
COLOUR: Final = {"all": INK, "dry before": CLASS_COLOUR["dry"], "wet before": CLASS_COLOUR["wet"]}
LINE: Final = {"all": ":", "dry before": "-", "wet before": "-."}

TEXT: Final[dict[str, dict[str, str]]] = {
    "en": {
        "hour": "hours since the rain began [h]",
        "less": "{what} less base [{unit}]",
        "mm": "rain of the event [mm]",
        "rise": "rise of {what} [{unit}]",
        "water": "water before [m³/m³]",
        "caption": (
            "Left: CO₂ less the mean of the 48 h before, around rain events: median and quartiles. Right: "
            "highest value "
            "within 72 h less that mean, by rain, coloured by the water content of the day before; hollow: "
            "no larger than what 5 % of "
            "rainless times show. Events: {n}."
        ),
        "more": " The first {shown} of {all} series are shown.",
        "semicolon": "; ",
    },
    "zh": {
        "hour": "降雨开始后的时间 [h]",
        "less": "{what} 减去基线 [{unit}]",
        "mm": "次降雨量 [mm]",
        "rise": "{what} 升幅 [{unit}]",
        "water": "雨前含水率 [m³/m³]",
        "caption": (
            "左：降雨事件前后 CO₂ 减去雨前 48 小时均值，中位数与四分位数。右：72 小时内最高值减去该均值，"
            "随次降雨量变化，"
            "颜色为前一日含水率；空心：不大于 5% 无雨时段的变化。事件数：{n}。"
        ),
        "more": "仅显示 {all} 个序列中的前 {shown} 个。",
        "semicolon": "；",
    },
}


def draw(frame: Frame, outcome: Outcome, lang: str) -> list[tuple[str, Figure, str]]:
    """Course and rises; nothing without events."""
    events: Mapping[str, Sequence[Any]] = outcome.tables.get("events", {})
    response: Mapping[str, Sequence[Any]] = outcome.tables.get("response", {})
    every = [
        (series, depth)
        for series, depth in dict.fromkeys(zip(events.get("co2", ()), events.get("depth_m", ()), strict=True))
        if np.isfinite(np.asarray(rows_of(events, co2=series)["rise"], dtype=float)).any()
    ]
    if not every:
        return []
    shown = every[:MOST_SERIES]
    text, names = TEXT[lang], vocabulary.Labels(outcome.rows, lang)
    drawn = figure(7.4, 2.2 * len(shown) + 0.6)
    axes = drawn.subplots(len(shown), 2, squeeze=False, width_ratios=(1.2, 1))
    water = np.asarray(events["water_before"], dtype=float)
    known = water[np.isfinite(water)]
    norm = Normalize(float(known.min()), float(known.max())) if known.size else Normalize(0, 1)
    points: Any = None
    counted = []
    for (left, right), (series, depth) in zip(axes, shown, strict=True):
        row = VARIABLES[series.rsplit("/", 1)[-1]]
        mine = rows_of(events, co2=series)
        _course(left, rows_of(response, co2=series), lang)
        points = _rises(right, mine, norm)
        left.set_title(names.of(series, depth), fontsize=9, loc="left")
        left.set_ylabel(text["less"].format(what=row.symbol, unit=row.unit_text), fontsize=8)
        right.set_ylabel(text["rise"].format(what=row.symbol, unit=row.unit_text), fontsize=8)
        n = int(np.isfinite(np.asarray(mine["rise"], dtype=float)).sum())
        counted.append(f"{names.of(series, depth)} {n}")
    axes[-1][0].set_xlabel(text["hour"])
    axes[-1][1].set_xlabel(text["mm"])
    common_legend(drawn, axes[:, 0])
    if known.size:
        colour_bar(drawn, points, axes.flat, text["water"])
    caption = text["caption"].format(n=text["semicolon"].join(counted))
    if len(every) > len(shown):
        caption += text["more"].format(shown=len(shown), all=len(every))
    return [("response", drawn, caption)]


def _course(ax: Axes, table: Mapping[str, Sequence[Any]], lang: str) -> None:
    masks = list(dict.fromkeys(table.get("mask", ())))
    for mask in masks:
        if mask == "all" and len(masks) > 1:
            continue
        part = rows_of(table, mask=mask)
        hour, low, middle, high = (
            np.asarray(part[name], dtype=float)
            for name in ("hour", "lower_quartile", "median", "upper_quartile")
        )
        colour = COLOUR.get(mask, INK)
        ax.fill_between(hour, low, high, color=colour, alpha=0.18, lw=0)
        label = vocabulary.named(vocabulary.MASKS, mask, lang)
        ax.plot(hour, middle, LINE.get(mask, "-"), color=colour, lw=1.4, label=label)
    ax.axvline(0, color=GREY, lw=0.8)
    ax.axhline(0, color=GREY, lw=0.8)


def _rises(ax: Axes, mine: Mapping[str, Sequence[Any]], norm: Normalize) -> Any:
    mm, rise, chance, water = (
        np.asarray(mine[name], dtype=float) for name in ("mm", "rise", "chance", "water_before")
    )
    good = np.isfinite(mm) & np.isfinite(rise)
    sure = good & (chance < 0.05)
    water = np.where(np.isfinite(water), water, norm.vmin or 0.0)
    ax.scatter(mm[good & ~sure], rise[good & ~sure], s=16, facecolor="none", edgecolor=GREY, linewidth=0.8)
    points = ax.scatter(mm[sure], rise[sure], c=water[sure], norm=norm, cmap="cividis_r", s=20, edgecolor=INK,
                        linewidth=0.4)  # fmt: skip
    if good.any():
        ax.set_xscale("log")
        ax.xaxis.set_major_formatter(lambda v, _: f"{v:g}")
        ax.xaxis.set_minor_formatter(lambda v, _: f"{v:g}" if f"{v:.0e}"[0] in "25" else "")
        ax.tick_params(axis="x", which="both", labelsize=7)
    ax.axhline(0, color=GREY, lw=0.8)
    return points
