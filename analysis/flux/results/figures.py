"""Figures: the profile with its fluxes, the efflux over time with its band, production by depth and time."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from soilco2.analysis.figures.style import date_axis, dates, fonts_present
from soilco2.analysis.flux.outcome import Outcome, joined, merge
from soilco2.analysis.flux.records import Fluxes
from soilco2.analysis.flux.results.summary import means
from soilco2.station_config.times import DAY_US

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK, BAND, GREY, RED = "#1b4965", "#8fb8d0", "#8a8a8a", "#b23a48"

TEXT: dict[str, dict[str, str]] = {
    "en": {
        "efflux": "CO₂ efflux [µmol m⁻² s⁻¹]",
        "flux": "CO₂ flux, upward [µmol m⁻² s⁻¹]",
        "depth": "depth [m]",
        "production": "CO₂ production [µmol m⁻³ s⁻¹]",
        "interval": "95 % interval of each value",
        "day": "daily mean, 95 %",
        "refused": "refused",
        "surface": "efflux",
        "layer": "layer, median and 95 %",
        "title": "profile {name}: {answered} of {asked} times answered",
        "none": "no flux: {why}",
    },
    "zh": {
        "efflux": "CO₂ 地表通量 [µmol m⁻² s⁻¹]",
        "flux": "CO₂ 通量（向上为正）[µmol m⁻² s⁻¹]",
        "depth": "深度 [m]",
        "production": "CO₂ 产生速率 [µmol m⁻³ s⁻¹]",
        "interval": "各值的 95 % 区间",
        "day": "日均值，95 %",
        "refused": "拒绝",
        "surface": "地表通量",
        "layer": "各层，中位数及 95 %",
        "title": "剖面 {name}：{asked} 个时刻中 {answered} 个有结果",
        "none": "无通量：{why}",
    },
}


def efflux_over_time(ax: Axes, f: Fluxes, lang: str = "en") -> None:
    """Efflux with the band of its intervals, daily means with theirs, refused times as ticks below."""
    text = TEXT[lang]
    t = dates(f.time_us)
    ax.fill_between(t, f.lower, f.upper, color=BAND, alpha=0.45, lw=0, label=text["interval"])
    ax.plot(t, f.efflux, color=INK, lw=0.8)
    answered = np.pad(np.isfinite(f.efflux), 1)
    alone = answered[1:-1] & ~answered[:-2] & ~answered[2:]  # neither a line nor a band would show them
    ax.vlines(t[alone], f.lower[alone], f.upper[alone], color=BAND, alpha=0.45, lw=1)
    ax.plot(t[alone], f.efflux[alone], ".", color=INK, ms=2)
    if len(t) > 48:
        day = means(f, DAY_US)
        middle = dates(day.start_us + DAY_US // 2)
        ax.errorbar(
            middle, day.value, yerr=np.vstack([day.value - day.lower, day.upper - day.value]), fmt="o",
            ms=3.5,
            color=RED, lw=1, label=text["day"],
        )  # fmt: skip
    refused = ~np.isfinite(f.efflux)
    if refused.any():
        ax.plot(
            t[refused], np.full(refused.sum(), 0.015), "|", color=GREY, ms=5, alpha=0.4,
            label=text["refused"],
            transform=ax.get_xaxis_transform(),
        )  # fmt: skip
    ax.axhline(0, color="black", lw=0.6)
    ax.set_ylabel(text["efflux"])
    if np.isfinite(f.efflux).any():
        low, high = np.nanquantile(f.lower, 0.02), np.nanquantile(f.upper, 0.98)
        ax.set_ylim(min(low, 0) - 0.1 * (high - min(low, 0)), high + 0.1 * (high - min(low, 0)))
    date_axis(ax)
    ax.legend(
        frameon=False, fontsize=8, loc="lower left", bbox_to_anchor=(0, 1.0), ncols=3, borderaxespad=0.2
    )


def profile_view(ax: Axes, f: Fluxes, lang: str = "en") -> None:
    """Fluxes of the layers as bars between their depths, the efflux on top, medians of the record."""
    text = TEXT[lang]
    for layer in range(f.layer_flux.shape[1]):
        top, bottom = f.layer_edges_m[layer], f.layer_edges_m[layer + 1]
        if not np.isfinite(f.layer_flux[:, layer]).any():
            continue
        middle, low, high = (np.nanmedian(a[:, layer]) for a in (f.layer_flux, f.layer_lower, f.layer_upper))
        ax.barh(
            (top + bottom) / 2, middle, height=(bottom - top) * 0.94, color=BAND, edgecolor=INK,
            label=text["layer"] if layer == 0 else None,
        )  # fmt: skip
        ax.plot([low, high], [(top + bottom) / 2] * 2, color=INK, lw=1.2)
    if np.isfinite(f.efflux).any():
        ax.errorbar(
            np.nanmedian(f.efflux), 0.0,
            xerr=[[np.nanmedian(f.efflux - f.lower)], [np.nanmedian(f.upper - f.efflux)]],
            fmt="o", color=RED, ms=5, capsize=3, label=text["surface"], clip_on=False, zorder=5,
        )  # fmt: skip
    ax.axvline(0, color="black", lw=0.6)
    ax.set_ylim(f.layer_edges_m[-1] * 1.02, -0.02 * f.layer_edges_m[-1])
    ax.set_xlabel(text["flux"])
    ax.set_ylabel(text["depth"])
    ax.legend(
        frameon=False, fontsize=8, loc="lower left", bbox_to_anchor=(0, 1.0), ncols=2, borderaxespad=0.2
    )


def production_map(ax: Axes, f: Fluxes, lang: str = "en") -> None:
    """Production by depth and time, colours centred on zero."""
    text = TEXT[lang]
    value = f.production.T
    finite = np.abs(value[np.isfinite(value)])
    limit = float(np.quantile(finite, 0.95)) if finite.size else 1.0
    step = int(np.median(np.diff(f.time_us))) if len(f.time_us) > 1 else DAY_US
    edges = np.append(f.time_us, f.time_us[-1] + step)
    mesh = ax.pcolormesh(
        dates(edges), f.production_edges_m, np.ma.masked_invalid(value), cmap="BrBG_r", vmin=-limit,
        vmax=limit,
        rasterized=True,
    )  # fmt: skip
    ax.invert_yaxis()
    ax.set_facecolor("#dddddd")
    ax.set_ylabel(text["depth"])
    date_axis(ax)
    figure = ax.get_figure()
    assert figure is not None
    figure.colorbar(mesh, ax=ax, label=text["production"], extend="both", pad=0.02)


def write_figures(folder: Path, outcome: Outcome, lang: str = "en") -> list[Path]:
    """One picture per profile with the three views; returns the files."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    from soilco2.analysis.flux import refusals

    paths = []
    folder.mkdir(parents=True, exist_ok=True)
    with mpl.rc_context({"font.family": fonts_present(), "axes.unicode_minus": False}):
        for (_, name), windows in joined(outcome).items():
            f = merge(windows)
            figure = Figure(figsize=(10, 7.5), layout="constrained")
            grid = figure.add_gridspec(2, 3)
            good = int(np.isfinite(f.efflux).sum())
            text = TEXT[lang]
            if good:
                title = text["title"].format(name=name, answered=good, asked=len(f.time_us))
            else:
                why = refusals.names(int(np.bitwise_or.reduce(f.refused)))
                title = text["title"].format(name=name, answered=0, asked=len(f.time_us))
                title += " — " + text["none"].format(why=why)
            figure.suptitle(title, fontsize=11)
            efflux_over_time(figure.add_subplot(grid[0, :]), f, lang)
            profile_view(figure.add_subplot(grid[1, 0]), f, lang)
            production_map(figure.add_subplot(grid[1, 1:]), f, lang)
            safe = re.sub(r"[^A-Za-z0-9_.-]", "_", name) or "profile"
            path = folder / f"flux.{safe}.png"
            figure.savefig(path, dpi=110)
            paths.append(path)
    return paths
