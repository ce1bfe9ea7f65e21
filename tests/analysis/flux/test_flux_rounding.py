"""Why a flux is refused does not hang on the last digits of what it was computed from."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest

from soilco2.analysis.flux import refusals
from soilco2.analysis.flux.errors import UnitQuestionError
from soilco2.analysis.flux.inputs import checks
from soilco2.analysis.flux.methods import bounded, efflux, gradient, inverse
from soilco2.analysis.flux.methods.solve import Profile, solve
from soilco2.analysis.flux.physics import soil
from soilco2.analysis.flux.physics.environment import carry
from soilco2.station_config.tables.flux import FluxTable
from tests.analysis.flux.methods.test_solve import (
    EXACT,
    HORIZONS,
    METHODS,
    PHI,
    SENSORS,
    changed,
    exponential,
)

SHIFT = 1e-12
"""Relative; a thousand times what rounding makes of a number, a millionth of what a probe resolves."""


def shifted(values: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return values * (1.0 + SHIFT * rng.choice([-1.0, 1.0], values.shape))


def moved(thing: Any, rng: np.random.Generator) -> Any:
    """A profile or horizons with every number of every array up or down by one part in 1e12."""
    new = {
        f.name: shifted(value, rng)
        for f in fields(thing)
        if isinstance(value := getattr(thing, f.name), np.ndarray) and value.dtype.kind == "f"
    }
    return replace(thing, **new)


def outcome(profile: Profile, settings: FluxTable, horizons: soil.Horizons) -> tuple[Any, ...]:
    found = solve(profile, horizons, settings)
    return (
        [refusals.names(int(bits)) for bits in found.refused],
        [refusals.names(int(bits)) for bits in found.notes],
        found.levels.tolist(), found.extrapolated.tolist(), found.sampled.tolist(),
        np.isfinite(found.efflux).tolist(), np.isfinite(found.layer_flux).tolist(),
    )  # fmt: skip


TWO = exponential([0.05, 0.20])
ONE = exponential([0.05])
FLAT = changed("co2_ppm", [2000.0, 2300.0, 2300.0])
EVEN = changed("co2_ppm", [2300.0, 2300.0, 2300.0])
STEP = changed("co2_ppm", [420.0, 2000.0, 2000.0])
AIR = changed("co2_ppm", [420.0, 420.0, 420.0])
GAP = soil.Horizons(np.array([0.0, 0.1]), np.array([0.05, 0.5]), np.full(2, PHI), np.zeros(2))
TWO_SOILS = soil.Horizons(np.array([0.0, 0.08]), np.array([0.08, 0.5]), np.array([PHI, 0.40]), np.zeros(2))
PROFILES = {
    "two buried": TWO,
    "one": ONE,
    "flat below": FLAT,
    "even": EVEN,
    "a step": STEP,
    "like the air": AIR,
    "inverted": changed("co2_ppm", [2000.0, 900.0, 3000.0]),
    "answered": exponential(SENSORS),
}


@pytest.mark.parametrize("surface", ["ambient", "none"])
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", PROFILES)
def test_the_reason_of_every_method_stays(name: str, method: str, surface: str) -> None:
    settings = EXACT.model_copy(update={"method": method, "surface": surface})
    stays(PROFILES[name], settings, HORIZONS, 12)


def stays(profile: Profile, settings: FluxTable, horizons: soil.Horizons, times: int = 40) -> None:
    plain = outcome(profile, settings, horizons)
    for seed in range(times):
        rng = np.random.default_rng(seed)
        assert outcome(moved(profile, rng), settings, moved(horizons, rng)) == plain, seed


CASES: dict[str, tuple[Profile, dict[str, Any], soil.Horizons]] = {
    "frozen": (changed("temperature_degc", -1.0), {}, HORIZONS),
    "at 0 degC": (changed("temperature_degc", 0.0), {}, HORIZONS),
    "0 degC between two probes": (changed("temperature_degc", [-0.8, 0.8, 0.8]), {}, HORIZONS),
    "no temperature": (changed("temperature_degc", np.nan), {}, HORIZONS),
    "no water": (changed("water", np.nan), {}, HORIZONS),
    "water above porosity": (changed("water", 0.46), {}, HORIZONS),
    "water at porosity": (changed("water", PHI), {}, HORIZONS),
    "pores saturated": (changed("water", 0.44), {}, HORIZONS),
    "the least air": (changed("water", 0.42), {}, HORIZONS),
    "no pressure": (changed("pressure_hpa", np.nan), {}, HORIZONS),
    "no CO2": (changed("co2_ppm", np.nan), {}, HORIZONS),
    "impossible CO2": (changed("co2_ppm", [-5.0, 300_000.0, 3000.0]), {}, HORIZONS),
    "uncertain diffusivity": (
        replace(exponential(SENSORS), water=np.full((3, 3), 0.40)),
        {"water_sd": 0.05, "ds_factor_max": 3.0}, HORIZONS,
    ),
    "horizon gap": (exponential(SENSORS), {}, GAP),
    "sensor at a horizon's edge": (exponential(SENSORS), {"method": "tang_2003"}, TWO_SOILS),
    "two at one depth": (exponential([0.02, 0.08, 0.08]), {}, HORIZONS),
    "water probe at the bared surface": (
        replace(
            exponential([0.05, 0.11, 0.23]), surface_shift_m=-0.03,
            water_depth_m=np.array([0.03, 0.1, 0.3]), temperature_depth_m=np.array([0.03, 0.1, 0.3]),
        ), {}, HORIZONS,
    ),
    "one water probe at the lowest sensor": (
        replace(
            exponential([0.02, 0.08, 0.15]), water=np.full((3, 1), 0.12), water_depth_m=np.array([0.15])
        ), {"method": "tang_2003"}, HORIZONS,
    ),
    "at the end of the water's reach": (
        replace(exponential(SENSORS), water=np.full((3, 1), 0.12), water_depth_m=np.array([0.05])),
        {"method": "tang_2003", "water_reach_m": 0.15}, HORIZONS,
    ),
    "water two and a half sd from 0": (
        replace(exponential(SENSORS), water=np.full((3, 3), 0.05)), {"water_sd": 0.02}, HORIZONS,
    ),
    "layers without levels": (
        exponential(SENSORS),
        {"method": "layer_regression", "layers_m": (0.0, 0.005, 0.01, 0.02, 0.20)}, HORIZONS,
    ),
    "slopes without levels": (
        exponential(SENSORS),
        {"method": "linear_spline", "layers_m": (0.0, 0.005, 0.01, 0.02, 0.20)}, HORIZONS,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_the_reason_of_every_refusal_stays(name: str) -> None:
    profile, update, horizons = CASES[name]
    stays(profile, EXACT.model_copy(update=update), horizons)
    stays(profile, FluxTable(**{**update, "surface": "none"}), horizons, 10)


@pytest.mark.parametrize("bottom", ["free", "zero"])
@pytest.mark.parametrize("surface", ["ambient", "none"])
def test_an_inverse_with_fewer_levels_than_free_numbers_is_never_answered(surface: str, bottom: str) -> None:
    """Free are the surface, the mean production and a free flux from below: three, or two without the last."""
    settings = EXACT.model_copy(update={"method": "inverse", "surface": surface, "bottom_flux": bottom})
    for profile, levels in ((TWO, 2), (ONE, 1)):
        known = levels + (surface == "ambient")
        for seed in range(40):
            found = solve(moved(profile, np.random.default_rng(seed)), HORIZONS, settings)
            assert np.isfinite(found.efflux).all() == (
                surface == "ambient" and known >= (3 if bottom == "free" else 2)
            )


def test_a_singular_system_has_no_inverse_however_it_is_rounded() -> None:
    """Of two observations nothing determines three numbers: every pivot after the second is rounding."""
    edges = np.array([0.0, 0.05, 0.1])
    for seed in range(200):
        rng = np.random.default_rng(seed)
        found = inverse.invert(
            shifted(np.array([[420.0, 2000.0]]), rng), [0.0, 0.1], edges, shifted(np.full((1, 2), 1e-4), rng),
            edges, 1.0, np.array([50.0]), posterior=True,
        )  # fmt: skip
        assert np.isnan(found.efflux).all()
    one = np.ones((2, 2, 1))
    for nudge in (0.0, 1e-16, 2e-16):
        matrix = one.copy()
        matrix[1, 1] += nudge
        assert np.isnan(bounded.cholesky(matrix)[1, 1, 0])


def test_equal_mole_fractions_drive_no_flux_that_tells() -> None:
    """2300 ppm at two depths, one part in 1e12 apart, at the largest conductivity a dry soil has."""
    flux = 1e-4 * 2300 * 2e-12 / 0.01
    assert not efflux.tells([2.0, flux])
    assert np.isnan(efflux.exponential([2.0, flux], [0.0, 0.02, 0.08]))
    assert efflux.tells([2.0, 0.01])


def test_a_probe_is_at_its_own_depth_however_it_is_rounded() -> None:
    depth = 0.1 * (1 + SHIFT)
    found = carry(np.array([[0.12, 0.30]]), [0.1, 0.3], [depth, 0.3 * (1 + SHIFT)], 0.05, 1.0)
    assert found.value.tolist() == [[0.12, 0.30]]
    assert not found.distance_sd.any()
    assert not found.extrapolated.any()


def test_slopes_that_the_levels_cannot_tell_are_not_told() -> None:
    """Levels at 0, 0.1 and 0.2 m cannot tell three slopes above 0.1 m, wherever rounding puts the second."""
    for depth in (0.1, 0.1 * (1 - SHIFT), 0.1 * (1 + SHIFT)):
        found = gradient.spline_at_ppm_m([420.0, 900.0, 1000.0], [0.0, depth, 0.2], [0.0, 0.05, 0.1, 0.2])
        assert np.isnan(found).all()


@pytest.mark.parametrize("by", [1.0, 1 - SHIFT, 1 + SHIFT])
def test_a_column_at_a_limit_is_asked_about_or_not_however_it_is_rounded(by: float) -> None:
    """The limits of `checks`: 500 hPa and a water content of 1 still pass, 110 is still kPa, 2 m already cm."""
    checks.ask_pressure([500.0 * by])
    checks.ask_water([1.0 * by])
    checks.ask_co2([30.0 * by])
    with pytest.raises(UnitQuestionError, match="kPa"):
        checks.ask_pressure([110.0 * by])
    with pytest.raises(UnitQuestionError, match="cm"):
        checks.ask_depth([1.0, 2.0 * by, 3.0], "CO2")
