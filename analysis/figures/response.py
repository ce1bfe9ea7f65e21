"""CO2 against temperature by water class with its fits, and Q10 in moving windows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from matplotlib.colors import Normalize
from matplotlib.ticker import MaxNLocator, NullLocator
from numpy.typing import NDArray

from soilco2.analysis import vocabulary
from soilco2.analysis.figures.style import (
    CLASS_COLOUR,
    CLASS_LINE,
    CLASS_MARKER,
    GREY,
    INK,
    colour_bar,
    common_legend,
    date_axis,
    figure,
    panels,
    rows_of,
)
from soilco2.analysis.frames.frame import Column, Frame
from soilco2.analysis.jobs.base import Outcome
from soilco2.station_config.variables import VARIABLES
from soilco2.storage.results.results import Result

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Array = NDArray[np.float64]
CLASSES: Final = ("dry", "middling", "wet")
FIT: Final = "q10_nls"
MOST_PANELS: Final = 6
MOST_POINTS: Final = 500
"""Points of a class that are drawn; of more, every so-and-so-many-th."""

TEXT: Final[dict[str, dict[str, str]]] = {
    "en": {
        "t": "soil temperature [°C]",
        "all": "whole record",
        "windows": "Q10 [1]",
        "w": "water [m³/m³]",
        "scatter": (
            "CO₂ against soil temperature by class of water content (terciles), with the fit R = Rref "
            "Q10^((T − 20)/10) by "
            "least squares and its 95 % band; black: the whole record without regard to water. {q10} "
            "{thin}Values: {n}."
        ),
        "thin": "At most {most} points of a class are drawn, evenly in time. ",
        "moving": (
            "Q10 in windows of 15 days every 5, with 95 % interval, coloured by the mean water content of "
            "the window. Windows "
            "overlap. Drawn {n}, withheld {held}. Line: Q10 = 1, no answer to temperature."
        ),
        "more": " The first {shown} of {all} series are shown.",
        "none": "withheld",
        "dot": ".",
        "semicolon": "; ",
    },
    "zh": {
        "t": "土壤温度 [℃]",
        "all": "全部数据",
        "windows": "Q10 [1]",
        "w": "含水率 [m³/m³]",
        "scatter": (
            "按含水率三分位分类的 CO₂ 与土壤温度，及最小二乘拟合 R = Rref Q10^((T − 20)/10) 与 95% 区间；"
            "黑色：不分含水率的全部数据。{q10}{thin}数值个数：{n}。"
        ),
        "thin": "每类最多画出 {most} 点，在时间上均匀抽取。",
        "moving": (
            "15 天窗口、每 5 天一个的 Q10 及 95% 区间，颜色为窗口平均含水率。窗口相互重叠。画出 {n} 个，"
            "未给出 {held} 个。"
            "横线：Q10 = 1，即不随温度变化。"
        ),
        "more": "仅显示 {all} 个序列中的前 {shown} 个。",
        "none": "未给出",
        "dot": "。",
        "semicolon": "；",
    },
}


def draw(frame: Frame, outcome: Outcome, lang: str) -> list[tuple[str, Figure, str]]:
    """Scatter with fits, and moving windows; each only where there is something to draw."""
    return [*_scatter(frame, outcome, lang), *_windows(outcome, lang)]


def _scatter(frame: Frame, outcome: Outcome, lang: str) -> list[tuple[str, Figure, str]]:
    rows = [r for r in outcome.rows if r.what == FIT and r.scale == "as measured" and r.driver]
    every = list(dict.fromkeys((r.target, r.target_depth_m) for r in rows))
    shown = every[:MOST_PANELS]
    if not shown:
        return []
    text, names = TEXT[lang], vocabulary.Labels(outcome.rows, lang)
    drawn, axes = panels(len(shown), 2.7, 2.5)
    told, counted, thinned = [], [], False
    for ax, (series, depth) in zip(axes, shown, strict=True):
        mine = {r.mask: r for r in rows if r.target == series}
        some = next(iter(mine.values()))
        co2, t = _column(frame, series), _column(frame, some.driver)
        assert co2 is not None
        assert t is not None
        n, thin = _points(ax, frame, co2, t, mine, lang)
        thinned |= thin
        for mask, table in _curves(outcome, series):
            _curve(ax, table, mask, text, lang)
        counted.append(f"{names.of(series, depth)} {n}")
        told.append(f"{names.of(series, depth)}: {_q10s(mine, text, lang)}")
        ax.set_title(names.of(series, depth), fontsize=9)
        unit = VARIABLES[co2.variable].unit_text
        ax.set_ylabel(f"{VARIABLES[co2.variable].symbol} [{unit}]")
    drawn.supxlabel(text["t"], fontsize=9)
    common_legend(drawn, axes)
    join = text["semicolon"].join
    caption = text["scatter"].format(
        q10=f"Q10 {join(told)}{text['dot']}", thin=text["thin"].format(most=MOST_POINTS) if thinned else "",
        n=join(counted),
    )  # fmt: skip
    if len(every) > len(shown):
        caption += text["more"].format(shown=len(shown), all=len(every))
    return [("scatter", drawn, caption)]


def _column(frame: Frame, series: str) -> Column | None:
    return next((c for c in frame.columns if str(c.key) == series), None)


def _points(
    ax: Axes, frame: Frame, co2: Column, t: Column, mine: Mapping[str, Result], lang: str
) -> tuple[int, bool]:
    """Draw the values by class; how many there are, and whether not all were drawn."""
    both = np.isfinite(co2.values) & np.isfinite(t.values)
    water = next((c for c in _waters(frame, co2) if _limits(mine) is not None), None)
    groups = [("all", both)]
    if water is not None and (limits := _limits(mine)) is not None:
        known = both & np.isfinite(water.values)
        index = np.searchsorted(limits, np.nan_to_num(water.values), side="right")
        groups = [("all", both & ~known), *((name, known & (index == k)) for k, name in enumerate(CLASSES))]
    thin = False
    for name, used in groups:
        where = np.flatnonzero(used)
        step = max(1, -(-where.size // MOST_POINTS))
        thin |= step > 1
        where = where[::step]
        ax.plot(t.values[where], co2.values[where], CLASS_MARKER[name], color=CLASS_COLOUR[name], ms=2.2, alpha=0.35,
                mew=0, rasterized=False)  # fmt: skip
    seen = co2.values[both]
    if seen.size:
        low, high = np.quantile(seen, (0.002, 0.998))
        room = 0.05 * (high - low) or 1.0
        ax.set_ylim(low - room, high + room)
    return int(both.sum()), thin


def _waters(frame: Frame, co2: Column) -> list[Column]:
    """Water of the profile, nearest in depth first."""
    found = [c for c in frame.find("soil_water", co2.key.profile) if c.present]
    return sorted(found, key=lambda c: abs((c.depth_m or 0.0) - (co2.depth_m or 0.0)))


def _limits(mine: Mapping[str, Result]) -> Array | None:
    """Limits between the classes, from the rows of the classes [m3/m3]."""
    if "middling" not in mine:
        return None
    ends = [mine["middling"].details.get(name) for name in ("water_from", "water_to")]
    return None if None in ends else np.array(ends, dtype=float)


def _curves(outcome: Outcome, series: str) -> list[tuple[str, dict[str, list[Any]]]]:
    table = rows_of(outcome.tables.get("curves", {}), target=series, fit=FIT)
    return [(mask, rows_of(table, mask=mask)) for mask in dict.fromkeys(table.get("mask", ()))]


def _curve(
    ax: Axes, table: Mapping[str, Sequence[Any]], mask: str, text: Mapping[str, str], lang: str
) -> None:
    kind = mask if mask in CLASSES else "all"
    label = text["all"] if kind == "all" else vocabulary.named(vocabulary.MASKS, mask, lang)
    x = np.asarray(table["temperature_degc"], dtype=float)
    low, high = (np.asarray(table[name], dtype=float) for name in ("lower", "upper"))
    if kind != "all":
        ax.fill_between(x, low, high, color=CLASS_COLOUR[kind], alpha=0.2, lw=0)
    line = ":" if kind == "all" else CLASS_LINE[kind]
    ax.plot(x, np.asarray(table["fitted"], dtype=float), line, color=CLASS_COLOUR[kind], lw=1.6, label=label)


def _q10s(mine: Mapping[str, Result], text: Mapping[str, str], lang: str) -> str:
    told = []
    for mask in (*CLASSES, "all", "soil above 0.5 degC"):
        r = mine.get(mask)
        if r is None:
            continue
        name = text["all"] if mask not in CLASSES else vocabulary.named(vocabulary.MASKS, mask, lang)
        value = text["none"] if r.value is None else vocabulary.digits(r.value)
        told.append(
            f"{name} {value}"
            + (f" ({vocabulary.interval(r, lang)})" if r.lower is not None and r.value is not None else "")
        )
    return ", ".join(told)


def _windows(outcome: Outcome, lang: str) -> list[tuple[str, Figure, str]]:
    table = outcome.tables.get("windows", {})
    series = [str(name) for name in dict.fromkeys(table.get("target", ()))]
    groups = {name: rows_of(table, target=name) for name in series}
    groups = {
        name: g for name, g in groups.items() if np.isfinite(np.asarray(g["q10"], dtype=float)).sum() >= 3
    }
    if not groups:
        return []
    text, names = TEXT[lang], vocabulary.Labels(outcome.rows, lang)
    depth = {r.target: r.target_depth_m for r in outcome.rows}
    shown = dict(list(groups.items())[:MOST_PANELS])
    water = np.concatenate([np.asarray(g["water_m3_m3"], dtype=float) for g in shown.values()])
    known = water[np.isfinite(water)]
    norm = Normalize(float(known.min()), float(known.max())) if known.size else Normalize(0, 1)
    drawn = figure(7.2, 1.7 * len(shown) + 0.5)
    axes = drawn.subplots(len(shown), 1, sharex=True, squeeze=False)[:, 0]
    points: Any = None
    n = held = 0
    for ax, (name, group) in zip(axes, shown.items(), strict=True):
        q, low, high, w = (
            np.asarray(group[k], dtype=float) for k in ("q10", "lower", "upper", "water_m3_m3")
        )
        good = np.isfinite(q)
        n, held = n + int(good.sum()), held + int((~good).sum())
        when = np.array([str(t).rstrip("Z") for t in group["middle_utc"]], dtype="datetime64[us]")
        bars = good & np.isfinite(low) & np.isfinite(high)
        ax.vlines(when[bars], low[bars], high[bars], color=GREY, lw=1)
        points = ax.scatter(when[good], q[good], c=np.where(np.isfinite(w), w, norm.vmin or 0.0)[good], norm=norm,
                            cmap="cividis_r", s=18, edgecolor=INK, linewidth=0.4, zorder=3)  # fmt: skip
        ax.axhline(1, color=INK, lw=0.7)
        ax.set_yscale("log")
        inside = q[good]
        bottom, top = max(0.05, 0.7 * min(inside.min(), 1.0)), min(30.0, 1.4 * max(inside.max(), 1.0))
        ax.set_ylim(bottom, top)
        if top < 5 * bottom:
            ax.yaxis.set_major_locator(MaxNLocator(4))
            ax.yaxis.set_minor_locator(NullLocator())
        ax.yaxis.set_major_formatter(lambda v, _: f"{v:g}")
        ax.yaxis.set_minor_formatter(lambda v, _: f"{v:g}" if f"{v:.0e}"[0] in "25" else "")
        ax.tick_params(axis="y", which="both", labelsize=7)
        ax.set_title(names.of(name, depth.get(name)), fontsize=9, loc="left")
        date_axis(ax)
    drawn.supylabel(text["windows"], fontsize=9)
    if known.size:
        colour_bar(drawn, points, axes.flat, text["w"])
    caption = text["moving"].format(n=n, held=held)
    if len(groups) > len(shown):
        caption += text["more"].format(shown=len(shown), all=len(groups))
    return [("windows", drawn, caption)]
