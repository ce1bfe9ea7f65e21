"""The figures of docs/howto/flux_on_sjer.md, from the measured month.

Run: ``python benchmarks/flux_figures.py`` from the checkout; writes into docs/howto/flux_on_sjer/.
"""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(HERE))

import numpy as np  # noqa: E402
from matplotlib.figure import Figure  # noqa: E402

from soilco2.analysis.flux.methods import efflux, gradient  # noqa: E402
from soilco2.analysis.flux.methods.solve import solve  # noqa: E402
from soilco2.analysis.flux.physics import gas  # noqa: E402
from soilco2.analysis.flux.results.figures import (  # noqa: E402
    BAND,
    GREY,
    INK,
    RED,
    efflux_over_time,
    production_map,
    profile_view,
)
from soilco2.station_config.tables.flux import FluxTable  # noqa: E402
from tests.analysis.flux.sjer import PLOTS, horizons, profile  # noqa: E402

OUT = HERE / "docs" / "howto" / "flux_on_sjer"


def plot_004() -> None:
    found = solve(profile("004"), horizons(), FluxTable())
    figure = Figure(figsize=(10, 7), layout="constrained")
    grid = figure.add_gridspec(2, 3)
    efflux_over_time(figure.add_subplot(grid[0, :]), found)
    profile_view(figure.add_subplot(grid[1, 0]), found)
    production_map(figure.add_subplot(grid[1, 1:]), found)
    figure.savefig(OUT / "plot_004.png", dpi=90)


def all_plots() -> None:
    figure = Figure(figsize=(8, 4), layout="constrained")
    ax = figure.subplots()
    ways = (("two_layers", "ambient"), ("inverse", "ambient"), ("top", "ambient"), ("two_layers", "none"))
    for number, (method, surface) in enumerate(ways):
        for place, plot in enumerate(PLOTS[1:]):
            found = solve(profile(plot), horizons(), FluxTable(method=method, surface=surface))  # type: ignore[arg-type]
            if not np.isfinite(found.efflux).any():
                continue
            low, middle, high = (np.nanmedian(v) for v in (found.lower, found.efflux, found.upper))
            at = place + 0.18 * (number - 1.5)
            ax.errorbar(
                at, middle, yerr=[[middle - low], [high - middle]], fmt="o", ms=4, capsize=2,
                color=(INK, RED, "#5b8c5a", GREY)[number],
                label=f"{method}, surface {surface}" if place == 1 else None,
            )  # fmt: skip
    ax.axhline(0, color="black", lw=0.6)
    ax.set_xticks(range(4), [f"plot {plot}" for plot in PLOTS[1:]])
    ax.set_ylabel("CO₂ efflux, median of the month\nand of its 95 % limits [µmol m⁻² s⁻¹]")
    ax.legend(frameon=False, fontsize=8)
    figure.savefig(OUT / "all_plots.png", dpi=90)


def wrong_pressure() -> None:
    altitude = np.linspace(0, 4000, 200)
    pressure = gas.standard_pressure_hpa(altitude)
    share = pressure / 1013.25
    figure = Figure(figsize=(8, 4), layout="constrained")
    ax = figure.subplots()
    ax.plot(altitude, 100 * (share**2 - 1), color=RED, label="P/101.3 instead of 101.3/P in D₀: all fluxes")
    ax.plot(
        altitude,
        100 * (share - 1),
        color=INK,
        label="probe without pressure compensation: all mole fractions",
    )
    ax.plot(altitude, 100 * (share**3 - 1), color=GREY, ls="--", label="both")
    for name, h in (("SJER", 374), ("Yulin", 1150)):
        ax.axvline(h, color=BAND, lw=1)
        ax.text(h + 30, -79, name, fontsize=9)
    ax.set_xlabel("altitude [m]")
    ax.set_ylabel("error of the flux [%]")
    ax.set_ylim(-82, 3)
    ax.legend(frameon=False, fontsize=8, loc="upper right")
    figure.savefig(OUT / "wrong_pressure.png", dpi=90)


def closed_form() -> None:
    lengths = np.geomspace(0.04, 1.0, 60)
    z = np.array([0.0, 0.02, 0.08, 0.2])
    k = 1.2e-4
    names = {
        "two_layers with surface": (INK, "-"), "saturating with surface": ("#5b8c5a", "-"),
        "top layer with surface": (BAND, "-"), "sensors 1 and 2 only": (RED, "--"),
        "regression of the sensors (Tang 2003)": (GREY, "--"),
        "de Jong, surface guessed by a line": ("#c98b2b", "--"),
    }  # fmt: skip
    curves: dict[str, list[float]] = {name: [] for name in names}
    for length in lengths:
        x = 420 + 3.0 * length / k * -np.expm1(-z / length)
        f = efflux.layer_fluxes(x, z, np.full(3, k))
        own = np.full(3, k)
        values = (
            efflux.two_layers(f, z), gradient.saturating_ppm_m(x, z, [0.0])[0] * k, efflux.top(f),
            efflux.between(x[1:], z[1:], own, 0, 1), efflux.tang_2003(x[1:], z[1:], own),
            efflux.de_jong_schappert_1972(x[1:], z[1:], own),
        )  # fmt: skip
        for name, value in zip(names, values, strict=True):
            curves[name].append(100 * (float(value) / 3.0 - 1))
    figure = Figure(figsize=(8, 4), layout="constrained")
    ax = figure.subplots()
    for name, (colour, style) in names.items():
        ax.semilogx(100 * lengths, curves[name], color=colour, ls=style, label=name)
    ax.axhspan(-5, 5, color="#eeeeee", zorder=0)
    ax.set_xticks([4, 6, 10, 20, 40, 60, 100], ["4", "6", "10", "20", "40", "60", "100"])
    ax.tick_params(axis="x", which="minor", bottom=False)
    ax.set_xlabel("e-folding depth of production [cm]")
    ax.set_ylabel("error of the surface efflux [%]")
    ax.legend(frameon=False, fontsize=8, loc="lower right")
    figure.savefig(OUT / "closed_form.png", dpi=90)


if __name__ == "__main__":
    OUT.mkdir(parents=True, exist_ok=True)
    plot_004()
    all_plots()
    wrong_pressure()
    closed_form()
