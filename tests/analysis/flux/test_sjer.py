"""SJER June 2022, all plots: plausible, inverted half hours refused, gaps answered from what is left."""

from __future__ import annotations

import functools

import numpy as np
import pytest

from soilco2.analysis.flux.methods.solve import Fluxes, solve
from soilco2.analysis.flux.refusals import Reason
from soilco2.analysis.flux.results import summary
from soilco2.station_config.tables.flux import FluxTable
from tests.analysis.flux.sjer import PLOTS, horizons, profile


@functools.cache
def found(plot: str, neon: bool = False) -> Fluxes:
    return solve(profile(plot, neon), horizons(), FluxTable())


@pytest.mark.parametrize("plot", ["002", "003", "004", "005"])
def test_plausible_and_enclosed(plot: str) -> None:
    f = found(plot)
    good = f.refused == 0
    assert good.sum() > 800
    assert np.all(np.isfinite(f.lower[good] + f.upper[good]))
    assert np.all((f.lower[good] <= f.efflux[good]) & (f.efflux[good] <= f.upper[good]))
    # dry oak savanna in June: tenths to some umol m-2 s-1 (Mu Us crusts 0.7 to 0.9, plot 003's hot litter
    # layer up to 11)
    assert 0.2 < np.nanmedian(f.efflux) < 12
    assert np.nanmedian(f.lower) > -0.5
    assert np.all(np.isnan(f.efflux[~good]))


def test_plot_001_has_no_water_and_says_so() -> None:
    f = found("001")
    assert np.isfinite(f.efflux).sum() <= 1
    assert np.count_nonzero(f.refused & Reason.NO_WATER) > 1350


def test_inverted_half_hours_are_refused_not_published() -> None:
    f = found("003")
    p = profile("003")
    x = p.co2_ppm
    clearly = (x[:, 1] < x[:, 0] - 60) & np.isfinite(x).all(axis=1)
    assert clearly.sum() > 50
    assert np.all(f.refused[clearly] != 0)
    inverted = (f.refused & Reason.INVERTED_GRADIENT) != 0
    assert 100 < inverted.sum() < 342
    assert np.all(np.isnan(f.efflux[inverted]))


def test_plot_002_without_its_middle_probe_is_answered_more_widely() -> None:
    f2 = found("002")
    assert set(f2.levels[f2.refused == 0].tolist()) == {3}
    full = profile("004")
    without = full.co2_ppm.copy()
    without[:, 1] = np.nan
    from dataclasses import replace

    gap = solve(replace(full, co2_ppm=without), horizons(), FluxTable())
    both = np.isfinite(gap.efflux) & np.isfinite(found("004").efflux)
    assert both.sum() > 1000
    assert np.all(gap.levels[both] == 3)


def test_neons_own_water_uncertainty_is_sampled_and_mostly_refused() -> None:
    f = found("004", True)
    assert f.sampled.sum() > 1000
    assert np.count_nonzero(f.refused & Reason.DS_UNCERTAIN) > 1000


def test_lasting_errors_do_not_average_out() -> None:
    f = found("004")
    day = summary.means(f, 86_400_000_000)
    good = np.isfinite(day.value)
    assert good.sum() > 20
    single = np.nanmedian(f.upper - f.lower)
    assert np.nanmedian((day.upper - day.lower)[good]) > 0.7 * single
    assert np.all(day.random_sd[good] < 0.1 * day.lasting_sd[good])


def test_noise_averages_out() -> None:
    f = found("004")
    month = summary.means(f, 40 * 86_400_000_000, least_share=0.0)
    n = int(np.isfinite(f.efflux).sum())
    expected = np.sqrt(np.nanmean(f.random_sd**2) / n)
    assert month.random_sd.max() == pytest.approx(expected, rel=0.5)


def test_all_plots_answer_in_one_shape() -> None:
    for plot in PLOTS:
        f = found(plot)
        assert f.efflux.shape == f.refused.shape == (1440,)
        assert f.layer_flux.shape[1] == len(f.layer_edges_m) - 1
