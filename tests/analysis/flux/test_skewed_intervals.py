"""The value is the formula at the measured inputs; its interval may be skewed, and a mean keeps that."""

from __future__ import annotations

import numpy as np
import pytest

from soilco2.analysis.flux.methods.solve import Fluxes, Profile, solve
from soilco2.analysis.flux.physics import soil
from soilco2.analysis.flux.physics.column import conductivity_mol_m_s
from soilco2.analysis.flux.results.summary import means
from soilco2.station_config.tables.flux import FluxTable

PHI, DAY_US = 0.45, 86_400_000_000
Z = np.array([0.02, 0.08, 0.20])


def plain(theta: float, efflux: float = 3.0, n: int = 1) -> Profile:
    """What exact probes read above a production that lies evenly from the surface to half a metre."""
    one = np.ones(1)
    k = conductivity_mol_m_s(
        theta * one, PHI * one, 20.0 * one, 950.0 * one, "millington_quirk_1961", "massman_1998"
    )[0]
    x = 420.0 + efflux / k * (Z - Z**2)
    return Profile(
        np.arange(n, dtype=np.int64) * 1_800_000_000, np.tile(x, (n, 1)), Z, np.full((n, 3), 20.0), Z,
        np.full((n, 3), theta), Z, np.full(n, 950.0),
    )  # fmt: skip


def answer(p: Profile, **settings: object) -> Fluxes:
    """With given settings, in soil of a porosity known to 0.02."""
    return solve(p, soil.uniform(PHI, 0.02), FluxTable(ds_factor_max=1000.0, surface="ambient", **settings))


@pytest.mark.parametrize("method", ["two_layers", "line"])
@pytest.mark.parametrize("theta", [0.006, 0.05, 0.15, 0.2])
def test_value_hangs_on_no_error_and_on_no_seed(theta: float, method: str) -> None:
    # even production makes a flux that is a line in depth, so the line through two layers is exact: 3.0
    found = [
        answer(plain(theta), method=method, water_sd=sd, seed=seed, water_sd_at_10cm=0.0, ambient_ppm=420.0)
        for sd in (0.0, 0.002, 0.02, 0.05, 0.1)
        for seed in (1, 2, 3)
    ]
    assert any(f.sampled.any() for f in found)
    np.testing.assert_allclose([f.efflux[0] for f in found], 3.0, rtol=1e-9)
    assert all(f.lower[0] <= f.efflux[0] <= f.upper[0] for f in found)


def test_dry_soil_has_a_skewed_interval() -> None:
    # water cannot be less than 0: at 0.006 nearly all of its error makes the flux smaller
    found = answer(plain(0.006), water_sd=0.05, model_spread=False, depth_sd_m=0.0, ambient_ppm=420.0)
    assert found.efflux[0] - found.lower[0] > 2.0 * (found.upper[0] - found.efflux[0])


@pytest.mark.parametrize(("theta", "water_sd"), [(0.22, 0.05), (0.15, 0.02), (0.006, 0.05)])
def test_a_mean_of_equal_times_is_no_wider_than_one(theta: float, water_sd: float) -> None:
    found = answer(plain(theta, n=96), water_sd=water_sd)
    one = float(found.efflux[0]), float(found.lower[0]), float(found.upper[0])
    assert 0.0 < one[1] < one[0] < one[2]
    mean = means(found, 2 * DAY_US)
    assert mean.value[0] == pytest.approx(one[0])
    assert one[1] <= mean.lower[0] <= one[0] <= mean.upper[0] <= one[2] * (1 + 1e-12)
    # nearly all of it is shared, so it is hardly narrower either
    assert mean.upper[0] - mean.lower[0] > 0.9 * (one[2] - one[1])


def test_limits_of_a_mean_lie_within_the_mean_of_the_limits() -> None:
    rng = np.random.default_rng(3)
    p = plain(0.2, n=96)
    p.water[:] = rng.uniform(0.0, 0.33, (96, 1))
    p.co2_ppm[:] += rng.normal(0, 40, (96, 3))
    for water_sd in (0.01, 0.05):
        found = answer(p, water_sd=water_sd)
        good = np.isfinite(found.efflux)
        assert good.sum() > 40
        day = means(found, 2 * DAY_US, 0.1)
        assert day.lower[0] >= found.lower[good].mean() - 1e-9
        assert day.upper[0] <= found.upper[good].mean() + 1e-9
        assert day.lower[0] < day.value[0] < day.upper[0]
