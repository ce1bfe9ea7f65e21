"""Correlation matrix: each CO2 series against its drivers at every scale, with effective numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import matplotlib as mpl
from matplotlib.colors import Normalize
from matplotlib.patches import Rectangle

from soilco2.analysis import vocabulary
from soilco2.analysis.definitions import AS_MEASURED, DAY_TO_DAY, SEASONAL, WITHIN_DAY, WITHIN_DAY_REST
from soilco2.analysis.figures.style import INK, colour_bar, figure
from soilco2.analysis.frames.frame import Frame
from soilco2.analysis.jobs.base import Outcome
from soilco2.storage.results.results import Result

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SCALES: Final = (WITHIN_DAY, WITHIN_DAY_REST, DAY_TO_DAY, SEASONAL)
MOST_ROWS: Final = 24
"""CO2 series in one figure."""
_COLOURS = "PuOr_r"

TEXT: Final[dict[str, dict[str, str]]] = {
    "en": {
        "r": "correlation with CO₂, r [1]",
        "given": "{one},\n{others}\nheld fixed",
        "caption": (
            "Correlation of CO₂ (rows) with its nearest temperature, water and salinity (columns), alone and "
            "with the others "
            "held fixed, at {scales} time scales. In each cell r, and below it N_eff, the effective number of "
            "independent pairs "
            "(of N = {low} to {high} pairs). Bold: adjusted p < 0.05 and an interval without zero. "
            "In brackets: no interval or p can be "
            "given. Hatched: withheld."
        ),
        "more": " The first {shown} of {all} series are shown.",
    },
    "zh": {
        "r": "与 CO₂ 的相关系数 r [1]",
        "given": "{one}\n（固定{others}）",
        "caption": (
            "CO₂（行）与最近的温度、含水率和盐分（列）在 {scales} 个时间尺度上的相关，以及固定其他变量后的偏相关。"
            "格内为 r，其下为有效样本量 N_eff（样本量 N 为 {low} 至 {high}）。粗体：校正后 p < 0.05 且区间不含零。"
            "括号：无法给出区间和 p 值。斜线：不予给出。"
        ),
        "more": "仅显示 {all} 个序列中的前 {shown} 个。",
    },
}


def draw(frame: Frame, outcome: Outcome, lang: str) -> list[tuple[str, Figure, str]]:
    """The matrix; nothing when there is no pair at all."""
    pairs = [
        r
        for r in outcome.rows
        if r.what in ("pearson_r", "partial_r") and r.driver and r.scale != AS_MEASURED
    ]
    if not pairs:
        return []
    text, names = TEXT[lang], vocabulary.Labels(pairs, lang)
    every = list(dict.fromkeys((r.target, r.target_depth_m) for r in pairs))
    targets = every[:MOST_ROWS]
    columns = list(dict.fromkeys(_column(r) for r in pairs))
    scales = [s for s in SCALES if any(r.scale == s for r in pairs)]
    cells = {(r.target, r.scale, _column(r)): r for r in pairs}
    width = 1.7 + 0.62 * len(columns) * len(scales)
    drawn = figure(max(width, 6.0), 1.6 + 0.42 * len(targets))
    axes = drawn.subplots(1, len(scales), sharey=True, squeeze=False)[0]
    norm, cmap = Normalize(-1, 1), mpl.colormaps[_COLOURS]
    for ax, scale in zip(axes, scales, strict=True):
        for y, (target, _) in enumerate(targets):
            for x, column in enumerate(columns):
                _cell(ax, x, y, cells.get((target, scale, column)), cmap, norm)
        ax.set(xlim=(0, len(columns)), ylim=(len(targets), 0))
        ax.set_title(_wrapped(vocabulary.named(vocabulary.SCALES, scale, lang)), fontsize=9)
        ax.set_xticks([x + 0.5 for x in range(len(columns))], [_head(c, text, lang) for c in columns], fontsize=7,
                      rotation=90)  # fmt: skip
        ax.tick_params(length=0)
        ax.spines[:].set_visible(False)
    axes[0].set_yticks([y + 0.5 for y in range(len(targets))], [names.of(*t) for t in targets], fontsize=8)
    colour_bar(drawn, mpl.cm.ScalarMappable(norm, cmap), axes.flat, text["r"])
    counts = [r.n for r in pairs if r.value is not None] or [0]
    caption = text["caption"].format(scales=len(scales), low=min(counts), high=max(counts))
    if len(every) > len(targets):
        caption += text["more"].format(shown=len(targets), all=len(every))
    return [("matrix", drawn, caption)]


def _column(row: Result) -> tuple[str, tuple[str, ...]]:
    return row.driver.rsplit("/", 1)[-1], tuple(g.rsplit("/", 1)[-1] for g in row.given)


def _head(column: tuple[str, tuple[str, ...]], text: dict[str, str], lang: str) -> str:
    one = vocabulary.variable(column[0], lang)
    if not column[1]:
        return one
    others = ("、" if lang == "zh" else ", ").join(vocabulary.variable(v, lang) for v in column[1])
    return text["given"].format(one=one, others=others)


def _wrapped(title: str) -> str:
    return title.replace(", ", ",\n").replace("（", "\n（")


def _cell(ax: Axes, x: int, y: int, row: Result | None, cmap: mpl.colors.Colormap, norm: Normalize) -> None:
    if row is None:
        return
    if row.value is None:
        ax.add_patch(Rectangle((x + 0.02, y + 0.02), 0.96, 0.96, facecolor="#f0f0f0", edgecolor="#b0b0b0",
                               hatch="////", linewidth=0))  # fmt: skip
        return
    colour = cmap(norm(row.value))
    ax.add_patch(Rectangle((x + 0.02, y + 0.02), 0.96, 0.96, facecolor=colour, linewidth=0))
    ink = "white" if sum(w * c for w, c in zip((0.3, 0.59, 0.11), colour, strict=False)) < 0.45 else INK
    small = row.p_adjusted is not None and row.p_adjusted < 0.05
    sure = small and row.lower is not None and row.upper is not None and row.lower * row.upper > 0
    r = f"{row.value:.2f}".replace("-", "\u2212")
    ax.text(x + 0.5, y + 0.36, f"({r})" if row.refused else r, ha="center", va="center", fontsize=7.5, color=ink,
            fontweight="bold" if sure else "normal")  # fmt: skip
    if row.n_eff is not None:
        ax.text(x + 0.5, y + 0.74, f"{row.n_eff:.0f}", ha="center", va="center", fontsize=6, color=ink)
