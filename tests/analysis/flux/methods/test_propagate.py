"""Intervals: linear against brute force, sampled where linear is wrong, coverage of a known truth."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import truncnorm

from soilco2.analysis.flux.methods import propagate
from soilco2.analysis.flux.methods.efflux import layer_fluxes, two_layers
from soilco2.analysis.flux.methods.propagate import Inputs, Term
from soilco2.analysis.flux.methods.solve import Profile, solve
from soilco2.analysis.flux.physics import soil
from soilco2.analysis.flux.physics.column import conductivity_mol_m_s
from soilco2.analysis.flux.physics.diffusivity import SPREAD_MODELS, relative_diffusivity
from soilco2.station_config.tables.flux import FluxTable

MODEL, AIR = "millington_quirk_1961", "massman_1998"
Z = np.array([0.0, 0.02, 0.08, 0.2])


def conductivity(w: np.ndarray, f: np.ndarray, t: np.ndarray, p: np.ndarray, _: np.ndarray) -> np.ndarray:
    return conductivity_mol_m_s(w, f, t, p, MODEL, AIR)


def relative(e: np.ndarray, f: np.ndarray) -> np.ndarray:
    return relative_diffusivity(e, f, MODEL)


def outputs(x: np.ndarray, z: np.ndarray, k: np.ndarray) -> np.ndarray:
    fluxes = layer_fluxes(x, z, k)
    return np.concatenate([two_layers(fluxes, z)[..., None], fluxes], axis=-1)


def case(water: float, water_sd: float) -> tuple[Inputs, list[Term]]:
    theta = np.full((1, 3), water)
    inputs = Inputs(
        np.array([[420.0, 700.0, 1400.0, 2300.0]]), Z, theta, np.full(3, 0.45), np.full((1, 3), 20.0),
        np.array([[950.0]]), np.zeros((1, 1)),
    )  # fmt: skip
    terms = [Term(f"x{i}", "co2", 12.0 * np.eye(4)[i]) for i in range(4)]
    terms += [Term(f"z{i}", "depth", 0.001 * np.eye(4)[i]) for i in range(1, 4)]
    terms += [Term(f"w{i}", "water", water_sd * np.eye(3)[i]) for i in range(3)]
    terms += [Term("phi", "porosity", np.full((1, 3), 0.01)), Term("t", "temperature", np.full((1, 3), 0.5))]
    terms += [Term("model", "ln_d", np.full((1, 1), 0.05))]
    return inputs, terms


def brute_force(inputs: Inputs, terms: list[Term], n: int = 40_000, seed: int = 3) -> np.ndarray:
    """Independent sampling: plain pseudo-random numbers, scipy's truncated normal, one formula after the
    other.
    """
    rng = np.random.default_rng(seed)
    u = {t.name: rng.normal(size=(n, 1)) for t in terms}

    def moved(start: np.ndarray, target: str) -> np.ndarray:
        return start + sum(u[t.name] * t.displacement for t in terms if t.target == target)

    sd = np.sqrt(sum(t.displacement**2 for t in terms if t.target == "water"))
    theta, phi0 = inputs.water, inputs.porosity
    water = truncnorm.rvs(
        -theta / sd, (phi0 - theta) / sd, loc=theta, scale=sd, size=(n, 3), random_state=rng
    )
    phi = moved(phi0, "porosity")
    k = conductivity(water, np.maximum(phi, water + 1e-6), moved(inputs.temperature_degc, "temperature"),
                     inputs.pressure_hpa, inputs.ln_d) * np.exp(moved(np.zeros((1, 1)), "ln_d"))  # fmt: skip
    out = outputs(moved(inputs.co2_ppm, "co2"), moved(inputs.depth_m, "depth"), k)
    return np.quantile(out, [0.025, 0.5, 0.975], axis=0)


def test_linear_interval_against_brute_force_in_moist_soil() -> None:
    inputs, terms = case(0.15, 0.01)
    result = propagate.linear(inputs, terms, conductivity, outputs, skewed=4)
    assert not propagate.needs_sampling(result, terms, inputs.water, inputs.porosity)[0]
    for z, theirs in zip((-1.96, 0.0, 1.96), brute_force(inputs, terms), strict=True):
        assert np.all(np.abs(result.point(z)[0] - theirs) < 0.08 * result.sd[0])


def test_dry_soil_with_moderate_water_error_by_truncated_moments() -> None:
    inputs, terms = case(0.006, 0.006)
    held, held_terms = propagate.hold_water(inputs, terms)
    result = propagate.linear(held, held_terms, conductivity, outputs, skewed=4)
    assert not propagate.needs_sampling(result, terms, inputs.water, inputs.porosity)[0]
    for z, theirs in zip((-1.96, 0.0, 1.96), brute_force(inputs, terms), strict=True):
        assert np.all(np.abs(result.point(z)[0] - theirs) < 0.15 * result.sd[0])


@pytest.mark.parametrize(("water", "sd"), [(0.005, 0.107), (0.02, 0.06), (0.35, 0.08)])
def test_sampling_where_the_linear_interval_is_wrong(water: float, sd: float) -> None:
    inputs, terms = case(water, sd)
    held, held_terms = propagate.hold_water(inputs, terms)
    result = propagate.linear(held, held_terms, conductivity, outputs)
    assert propagate.needs_sampling(result, terms, inputs.water, inputs.porosity)[0]
    found = propagate.sampled(inputs, terms, conductivity, relative, lambda _: outputs, count=2048)
    low, _, high = brute_force(inputs, terms)
    width = high - low
    for ours, theirs in ((found.lower[0], low), (found.upper[0], high)):
        assert np.all(np.abs(ours - theirs) < 0.04 * width)
    few = propagate.sampled(inputs, terms, conductivity, relative, lambda _: outputs, count=256)
    assert np.all(np.abs(few.lower[0] - low) < 0.1 * width)
    assert np.all(np.abs(few.upper[0] - high) < 0.1 * width)
    plain = propagate.linear(inputs, terms, conductivity, outputs)
    worst = np.abs(
        np.stack([plain.value[0] - 1.96 * plain.sd[0] - low, plain.value[0] + 1.96 * plain.sd[0] - high])
    )
    assert (worst / width).max() > 0.1  # the untruncated linear interval misses


def test_truncated_moments_are_scipys() -> None:
    mean, sd, upper = np.array([0.005, 0.1, 0.44]), np.array([0.1, 0.03, 0.05]), np.array([0.45, 0.45, 0.45])
    ours = propagate.truncated_moments(mean, sd, upper)
    scipys = truncnorm.stats(-mean / sd, (upper - mean) / sd, loc=mean, scale=sd)
    np.testing.assert_allclose(ours[0], scipys[0], rtol=1e-9)
    np.testing.assert_allclose(ours[1] ** 2, scipys[1], rtol=1e-9)


def test_draws_are_reproducible_and_standard() -> None:
    u = propagate.draws(256, 20, 1)
    assert u is propagate.draws(256, 20, 1)
    np.testing.assert_allclose(u.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(u.std(axis=0), 1, rtol=1e-12)
    assert not np.allclose(u, propagate.draws(256, 20, 2))


SETTINGS = FluxTable(
    co2_noise_sd_ppm=3.0, co2_bias_sd_ppm=2.5, co2_bias_sd_fraction=0.01, water_sd=0.02, depth_sd_m=0.002,
    ambient_sd_ppm=15.0, temperature_sd=0.2, water_sd_at_10cm=0.0, temperature_sd_at_10cm=0.0,
)  # fmt: skip


def replicates(n: int, pressure_hpa: float, seed: int = 21) -> tuple[Profile, np.ndarray, soil.Horizons]:
    """Stations that differ in everything that is uncertain, each seen once, and their true efflux."""
    rng = np.random.default_rng(seed)
    phi, theta = 0.45, 0.12
    length = np.exp(rng.normal(np.log(0.15), 0.3, (n, 1)))
    f0 = np.exp(rng.normal(np.log(2.5), 0.4, (n, 1)))
    true_phi = phi + rng.normal(0, 0.02, (n, 1))
    spread = np.hypot(
        np.std(np.log([relative_diffusivity(np.array(phi - theta), np.array(phi), m) for m in (
            "millington_quirk_1961", "marshall_1959", "moldrup_1999", "moldrup_2000_wlr", "penman_1940",
        )]), ddof=1),
        0.03,
    )  # fmt: skip
    k = conductivity_mol_m_s(
        np.full((n, 1), theta), true_phi, np.full((n, 1), 20.0), np.full((n, 1), pressure_hpa), MODEL, AIR
    ) * np.exp(spread * rng.normal(size=(n, 1)))
    nominal = np.array([0.02, 0.08, 0.20])
    z = nominal + rng.normal(0, 0.002, (n, 3))
    surface = 420 + rng.normal(0, 15, (n, 1))
    x = surface + f0 * length / k * -np.expm1(-z / length)
    x = x + rng.normal(0, 3, (n, 3)) + rng.normal(size=(n, 3)) * np.hypot(2.5, 0.01 * x)
    water = theta + rng.normal(0, 0.02, (n, 3))
    profile = Profile(
        np.arange(n, dtype=np.int64) * 1_800_000_000, x, nominal, np.full((n, 3), 20.0), nominal,
        water, nominal,
        np.full(n, pressure_hpa),
    )  # fmt: skip
    return profile, f0[:, 0], soil.uniform(phi, 0.02)


@pytest.mark.parametrize("pressure_hpa", [1013.0, 800.0])
@pytest.mark.parametrize("method", ["two_layers", "inverse"])
def test_95_percent_intervals_cover_the_truth(method: str, pressure_hpa: float) -> None:
    profile, truth, horizons = replicates(3000, pressure_hpa)
    settings = SETTINGS.model_copy(update={"method": method})
    found = solve(profile, horizons, settings)
    good = found.refused == 0
    assert good.mean() > 0.98
    covered = ((found.lower <= truth) & (truth <= found.upper))[good].mean()
    assert 0.93 <= covered <= 0.97


def test_wrong_pressure_is_not_covered() -> None:
    # what a peer does: 80 kPa with the factor inverted makes every flux 38 % low
    profile, truth, horizons = replicates(500, 800.0)
    found = solve(profile, horizons, SETTINGS.model_copy(update={"model_spread": False, "water_sd": 0.002}))
    ratio = np.nanmedian(found.efflux / truth)
    assert ratio == pytest.approx(1.0, abs=0.05)
    assert np.nanmedian(found.efflux * (80.0 / 101.325) ** 2 / truth) == pytest.approx(0.62, abs=0.04)


@pytest.mark.parametrize("method", ["two_layers", "inverse"])
def test_intervals_without_the_surface_cover_the_truth(method: str) -> None:
    profile, truth, horizons = replicates(3000, 900.0)
    found = solve(profile, horizons, SETTINGS.model_copy(update={"method": method, "surface": "none"}))
    good = found.refused == 0
    assert good.mean() > 0.98
    covered = ((found.lower <= truth) & (truth <= found.upper))[good].mean()
    # what lies between the least and the largest efflux is held more often than either end
    assert 0.93 <= covered <= 0.975


@pytest.mark.parametrize("method", ["two_layers", "inverse"])
@pytest.mark.parametrize(("wettest", "water_sd"), [(0.05, 0.01), (0.06, 0.02), (0.10, 0.04)])
def test_95_percent_intervals_cover_the_truth_in_dry_soil(
    method: str, wettest: float, water_sd: float
) -> None:
    # true water anywhere between 0 and `wettest`; a probe that reads below 0 is taken as 0
    rng = np.random.default_rng(5)
    n, phi = 2000, 0.45
    theta = rng.uniform(0.0, wettest, (n, 1))
    length = np.exp(rng.normal(np.log(0.15), 0.3, (n, 1)))
    f0 = np.exp(rng.normal(np.log(2.5), 0.4, (n, 1)))
    eps = phi - theta
    logs = np.log([relative_diffusivity(eps, np.full_like(eps, phi), m) for m in SPREAD_MODELS])
    k = conductivity_mol_m_s(
        theta, phi + rng.normal(0, 0.02, (n, 1)), np.full((n, 1), 20.0), np.full((n, 1), 900.0), MODEL, AIR
    ) * np.exp(np.hypot(logs.std(axis=0, ddof=1), 0.03) * rng.normal(size=(n, 1)))
    nominal = np.array([0.02, 0.08, 0.20])
    z = nominal + rng.normal(0, 0.002, (n, 3))
    x = 420 + rng.normal(0, 15, (n, 1)) + f0 * length / k * -np.expm1(-z / length)
    x = x + rng.normal(0, 3, (n, 3)) + rng.normal(size=(n, 3)) * np.hypot(2.5, 0.01 * x)
    water = np.maximum(theta + rng.normal(0, water_sd, (n, 3)), 0.0)
    profile = Profile(
        np.arange(n, dtype=np.int64) * 1_800_000_000, x, nominal, np.full((n, 3), 20.0), nominal, water, nominal,
        np.full(n, 900.0),
    )  # fmt: skip
    settings = SETTINGS.model_copy(update={"method": method, "water_sd": water_sd})
    found = solve(profile, soil.uniform(phi, 0.02), settings)
    good = found.refused == 0
    assert good.mean() > 0.98
    covered = ((found.lower <= f0[:, 0]) & (f0[:, 0] <= found.upper))[good].mean()
    # a truth spread over 0.1 is narrower than what a probe of 0.04 leaves open: such intervals cover a little more
    assert 0.93 <= covered <= (0.97 if water_sd < 0.04 else 0.98)
