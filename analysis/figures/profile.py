"""CO2 by depth and time: one panel for each profile."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
from matplotlib.colors import LogNorm, Normalize
from numpy.typing import NDArray

from soilco2.analysis.figures.style import colour_bar, date_axis, dates, figure
from soilco2.analysis.frames.frame import Column, Frame
from soilco2.analysis.jobs.base import Outcome

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_STEPS: Final = 240
"""Cells along time; longer records are shown by medians."""
MOST_PROFILES: Final = 6
WIDE: Final = 8.0
"""Ratio of the 98 to the 2 % quantile above which colours are logarithmic."""

TEXT: Final[dict[str, dict[str, str]]] = {
    "en": {
        "depth": "depth [m]",
        "co2": "CO₂ [ppm]",
        "caption": (
            "CO₂ by depth and time, medians of {hours:g} h, profile by profile; each band reaches half way to "
            "the next probe, "
            "dots mark the probes. Grey: no value. Values: {n}."
        ),
        "more": " The first {shown} of {all} profiles are shown.",
    },
    "zh": {
        "depth": "深度 [m]",
        "co2": "CO₂ [ppm]",
        "caption": (
            "各剖面 CO₂ 随深度和时间的变化（{hours:g} 小时中位数）；每个色带延伸至相邻探头的中点，圆点为探头位置。"
            "灰色：缺测。数值个数：{n}。"
        ),
        "more": "仅显示 {all} 个剖面中的前 {shown} 个。",
    },
}


def draw(frame: Frame, outcome: Outcome, lang: str) -> list[tuple[str, Figure, str]]:
    """Depth by time of every profile with CO2 at two depths or more."""
    profiles: dict[str, list[Column]] = {}
    for column in frame.find("co2"):
        if column.depth_m is not None and column.present:
            profiles.setdefault(column.key.profile, []).append(column)
    profiles = {name: _distinct(columns) for name, columns in profiles.items()}
    profiles = {name: columns for name, columns in profiles.items() if len(columns) > 1}
    if not profiles:
        return []
    text = TEXT[lang]
    shown = dict(list(profiles.items())[:MOST_PROFILES])
    per = max(1, -(-frame.n // MOST_STEPS))
    grids = {name: np.array([_medians(c.values, per) for c in columns]) for name, columns in shown.items()}
    every = np.concatenate([g[np.isfinite(g)] for g in grids.values()])
    low, high = np.quantile(every, (0.02, 0.98))
    norm: Normalize = LogNorm(low, high) if low > 0 and high > WIDE * low else Normalize(low, high)
    drawn = figure(7.2, 1.5 * len(shown) + 0.6)
    axes = drawn.subplots(len(shown), 1, sharex=True, squeeze=False)[:, 0]
    edges = (
        frame.start_us + np.arange(next(iter(grids.values())).shape[1] + 1) * per * frame.step_s * 1_000_000
    )
    mesh: Any = None
    for ax, (name, columns) in zip(axes, shown.items(), strict=True):
        z = np.array([c.depth_m for c in columns], dtype=float)
        middle = (z[1:] + z[:-1]) / 2
        limits = np.r_[max(0.0, z[0] - (middle[0] - z[0])), middle, z[-1] + (z[-1] - middle[-1])]
        mesh = ax.pcolormesh(dates(edges), limits, np.ma.masked_invalid(grids[name]), norm=norm, cmap="cividis",
                             edgecolors="face", linewidth=0.6)  # fmt: skip
        ax.plot(np.full(z.size, dates(edges[:1])[0]), z, "o", color="black", ms=3, clip_on=False)
        ax.invert_yaxis()
        ax.set_facecolor("#dddddd")
        ax.set_title(name, fontsize=9, loc="left")
        date_axis(ax)
    drawn.supylabel(text["depth"], fontsize=9)
    colour_bar(drawn, mesh, axes.flat, text["co2"], extend="both")
    values = sum(c.present for columns in shown.values() for c in columns)
    caption = text["caption"].format(hours=per * frame.step_s / 3600, n=values)
    if len(profiles) > len(shown):
        caption += text["more"].format(shown=len(shown), all=len(profiles))
    return [("depth_time", drawn, caption)]


def _distinct(columns: list[Column]) -> list[Column]:
    """One column a depth: of two probes at one depth the one with more values."""
    best: dict[float, Column] = {}
    for c in columns:
        z = round(c.depth_m or 0.0, 4)
        if z not in best or c.present > best[z].present:
            best[z] = c
    return [best[z] for z in sorted(best)]


def _medians(values: NDArray[np.float64], per: int) -> NDArray[np.float64]:
    """Medians of `per` slots, NaN where there is none."""
    padded = np.full(-(-values.size // per) * per, np.nan)
    padded[: values.size] = values
    blocks = padded.reshape(-1, per)
    out = np.full(blocks.shape[0], np.nan)
    some = np.isfinite(blocks).any(1)
    out[some] = np.nanmedian(blocks[some], axis=1)
    return out
