"""Profiles to fluxes: closed form through the whole path, refusals with reasons, bad input."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, get_args

import numpy as np
import pytest

from soilco2.analysis.flux import refusals
from soilco2.analysis.flux.errors import FluxError, UnitQuestionError
from soilco2.analysis.flux.methods.solve import Profile, solve
from soilco2.analysis.flux.physics import soil
from soilco2.analysis.flux.physics.column import conductivity_mol_m_s
from soilco2.analysis.flux.refusals import Reason
from soilco2.cli.commands.analyse import flux
from soilco2.station_config.tables.flux import EffluxMethod, FluxTable

PHI, THETA, WARM = 0.45, 0.12, 20.0
HORIZONS = soil.uniform(PHI, 0.0)
EXACT = FluxTable(
    co2_noise_sd_ppm=0.01, co2_bias_sd_ppm=0.0, co2_bias_sd_fraction=0.0, ambient_sd_ppm=0.01, water_sd=0.0,
    temperature_sd=0.0, depth_sd_m=0.0, water_sd_at_10cm=0.0, temperature_sd_at_10cm=0.0, model_spread=False,
)  # fmt: skip


def k_of(pressure_hpa: float) -> float:
    one = np.ones(1)
    return float(
        conductivity_mol_m_s(
            THETA * one, PHI * one, WARM * one, pressure_hpa * one, "millington_quirk_1961", "massman_1998"
        )[0]
    )


def exponential(
    sensors: list[float], length: float = 0.15, efflux: float = 3.0, pressure_hpa: float = 1013.25, n: int = 3
) -> Profile:
    z = np.array(sensors)
    x = 420 + efflux * length / k_of(pressure_hpa) * -np.expm1(-z / length)
    probes = np.array([0.02, 0.1, 0.3])
    return Profile(
        np.arange(n, dtype=np.int64) * 1_800_000_000, np.tile(x, (n, 1)), z, np.full((n, 3), WARM), probes,
        np.full((n, 3), THETA), probes, np.full(n, pressure_hpa),
    )  # fmt: skip


SENSORS = [0.02, 0.08, 0.20]


@pytest.mark.parametrize("pressure_hpa", [1013.25, 800.0])
@pytest.mark.parametrize("method", ["two_layers", "inverse", "saturating", "hirano_2003"])
@pytest.mark.parametrize("sensors", [SENSORS, [0.03, 0.10, 0.20]])
def test_closed_form_through_the_whole_path(method: str, sensors: list[float], pressure_hpa: float) -> None:
    found = solve(
        exponential(sensors, pressure_hpa=pressure_hpa), HORIZONS, EXACT.model_copy(update={"method": method})
    )
    assert np.all(found.refused == 0)
    np.testing.assert_allclose(found.efflux, 3.0, rtol=0.05)
    assert np.all((found.lower <= 3.0) & (found.upper >= 3.0))


@pytest.mark.parametrize("length", [0.05, 0.1, 0.15, 0.3, 1.0])
@pytest.mark.parametrize(
    "method",
    [
        "two_layers",
        "top",
        "line",
        "power_law",
        "saturating",
        "inverse",
        "de_jong_schappert_1972",
        "hirano_2003",
        "tang_2003",
        "tang_2005",
    ],
)
def test_noise_free_truth_lies_in_the_interval_of_every_method(method: str, length: float) -> None:
    found = solve(exponential(SENSORS, length), HORIZONS, EXACT.model_copy(update={"method": method}))
    assert np.all(found.refused == 0), refusals.names(int(found.refused[0]))
    assert np.all((found.lower <= 3.0) & (found.upper >= 3.0))


def test_layer_fluxes_and_production_are_those_of_the_profile() -> None:
    found = solve(exponential(SENSORS), HORIZONS, EXACT)
    nodes = np.array([0.0, *SENSORS])
    mean_flux = 3.0 * 0.15 * -np.diff(np.exp(-nodes / 0.15)) / np.diff(nodes)
    np.testing.assert_allclose(found.layer_flux[0], mean_flux, rtol=1e-5)  # the median, not the plug-in value
    np.testing.assert_allclose(
        found.layer_ds_m2_s[0], k_of(1013.25) / (101325 / 8.314462618 / 293.15), rtol=1e-5
    )
    assert found.production.shape == (3, 3)
    # between the middles of two layers, production is the difference of their fluxes over the distance
    p = (mean_flux[0] - mean_flux[1]) / (0.05 - 0.01)
    np.testing.assert_allclose(found.production[:, 1], p, rtol=1e-9)


def test_one_missing_probe_is_answered_with_a_wider_interval() -> None:
    profile = exponential(SENSORS)
    profile.co2_ppm[1, 1] = np.nan
    found = solve(profile, HORIZONS, EXACT)
    assert np.all(found.refused == 0)
    width = found.upper - found.lower
    assert width[1] > 1.15 * width[0]
    assert found.levels.tolist() == [4, 3, 4]
    assert np.all((found.lower <= 3.0) & (found.upper >= 3.0))


@pytest.mark.parametrize("order", [[0, 1, 2], [2, 0, 1], [1, 2, 0]])
@pytest.mark.parametrize("method", ["two_layers", "inverse"])
def test_order_of_probes_and_empty_columns_change_nothing(order: list[int], method: str) -> None:
    settings = FluxTable(method=method)
    plain = exponential(SENSORS)
    base = solve(plain, soil.uniform(PHI, 0.02), settings)
    x = np.column_stack([plain.co2_ppm[:, order], np.full(3, np.nan)])
    z = np.array([*np.array(SENSORS)[order], 0.5])
    w = np.column_stack([plain.water[:, order], np.full(3, np.nan)])
    changed = replace(
        plain, co2_ppm=x, co2_depth_m=z, water=w, water_depth_m=np.array([*plain.water_depth_m[order], 0.4])
    )
    found = solve(changed, soil.uniform(PHI, 0.02), settings)
    np.testing.assert_allclose(found.efflux, base.efflux, rtol=1e-9)
    np.testing.assert_allclose(found.upper, base.upper, rtol=1e-6)


def first_reason(profile: Profile, settings: FluxTable = EXACT, horizons: soil.Horizons = HORIZONS) -> str:
    found = solve(profile, horizons, settings)
    assert np.isnan(found.efflux[0])
    assert np.isnan(found.lower[0])
    if len(profile.time_us) > 2:
        assert np.isfinite(found.efflux[2]), refusals.names(int(found.refused[2]))
    return refusals.names(int(found.refused[0]))


def changed(field: str, row_value: Any, **other: Any) -> Profile:
    profile = replace(exponential(SENSORS), **other)
    array = getattr(profile, field).copy()
    array[0] = row_value
    return replace(profile, **{field: array})


@pytest.mark.parametrize(
    ("profile", "reason"),
    [
        (changed("temperature_degc", -1.0), "frozen"),
        (changed("temperature_degc", np.nan), "no_temperature"),
        (changed("water", np.nan), "no_water"),
        (changed("water", 0.46), "water_above_porosity"),
        (changed("water", 0.44), "pores_saturated"),
        (changed("pressure_hpa", np.nan), "no_pressure"),
        (changed("co2_ppm", np.nan), "too_few_levels"),
        (changed("co2_ppm", [2000.0, 900.0, 3000.0]), "inverted_gradient"),
        (changed("co2_ppm", [-5.0, -5.0, -5.0]), "too_few_levels"),
    ],
)
def test_a_reason_per_profile_and_the_rest_still_computed(profile: Profile, reason: str) -> None:
    assert first_reason(profile) == reason


def test_values_left_out_are_noted() -> None:
    found = solve(changed("co2_ppm", [-5.0, 2000.0, 3000.0]), HORIZONS, EXACT)
    assert found.notes[0] & Reason.CO2_IMPOSSIBLE
    assert np.isfinite(found.efflux[0])
    assert not found.notes[1]


def test_uncertain_diffusivity_is_refused() -> None:
    wet = replace(exponential(SENSORS), water=np.full((3, 3), 0.40))
    found = solve(wet, HORIZONS, EXACT.model_copy(update={"water_sd": 0.05, "ds_factor_max": 3.0}))
    assert np.all(found.refused & Reason.DS_UNCERTAIN)


def test_horizon_gap_and_two_sensors_at_one_depth() -> None:
    gap = soil.Horizons(np.array([0.0, 0.1]), np.array([0.05, 0.5]), np.full(2, PHI), np.zeros(2))
    found = solve(exponential(SENSORS), gap, EXACT)
    assert np.all(found.refused & Reason.HORIZON_GAP)
    twice = exponential([0.02, 0.08, 0.08])
    assert np.all(solve(twice, HORIZONS, EXACT).refused & Reason.DUPLICATE_DEPTH)


def test_one_depth_only() -> None:
    profile = exponential([0.05])
    found = solve(profile, HORIZONS, EXACT)
    assert np.all(np.isfinite(found.efflux))  # the surface is the second level
    assert np.all((found.lower <= 3.0) & (found.upper >= 3.0))
    alone = solve(profile, HORIZONS, EXACT.model_copy(update={"surface": "none"}))
    assert np.all(alone.refused & Reason.TOO_FEW_LEVELS)


def test_air_probe_is_the_boundary_and_a_soil_probe_above_ground_is_not_used() -> None:
    soil_part = exponential(SENSORS)
    air = replace(
        soil_part, co2_ppm=np.column_stack([np.full(3, 420.0), soil_part.co2_ppm]),
        co2_depth_m=np.array([-0.1, *SENSORS]),
    )  # fmt: skip
    measured = EXACT.model_copy(update={"surface": "measured"})
    np.testing.assert_allclose(
        solve(air, HORIZONS, measured).efflux, solve(soil_part, HORIZONS, EXACT).efflux, rtol=1e-9
    )
    with pytest.raises(FluxError, match="stands at or above the surface"):
        solve(soil_part, HORIZONS, measured)
    above = replace(soil_part, water_depth_m=np.array([-0.02, 0.1, 0.3]))
    found = solve(above, HORIZONS, EXACT)
    assert np.all(found.notes & Reason.ABOVE_SURFACE)
    assert np.all(np.isfinite(found.efflux))


def test_a_surface_that_moved_changes_the_depths() -> None:
    buried = exponential([0.05, 0.11, 0.23])  # what the probes see under 3 cm of new sand
    told = replace(buried, co2_depth_m=np.array(SENSORS), surface_shift_m=0.03)
    np.testing.assert_allclose(
        solve(told, HORIZONS, EXACT).efflux, solve(buried, HORIZONS, EXACT).efflux, rtol=1e-9
    )
    bared = replace(exponential(SENSORS), surface_shift_m=-0.03)
    found = solve(bared, HORIZONS, EXACT)
    assert np.all(found.notes & Reason.ABOVE_SURFACE)
    assert np.all(found.levels == 3)


def test_without_barometer_the_altitude_serves_and_without_both_it_is_refused() -> None:
    profile = replace(exponential(SENSORS, pressure_hpa=870.0), pressure_hpa=None)
    assert np.all(solve(profile, HORIZONS, EXACT).refused & Reason.NO_PRESSURE)
    found = solve(replace(profile, altitude_m=1250.0), HORIZONS, EXACT)
    assert found.pressure_assumed.all()
    np.testing.assert_allclose(found.efflux, solve(exponential(SENSORS), HORIZONS, EXACT).efflux, rtol=0.01)
    raw = EXACT.model_copy(update={"co2_probes": "uncompensated"})
    known = replace(profile, pressure_hpa=np.full(3, 870.0))
    wide, narrow = (solve(p, HORIZONS, raw) for p in (replace(profile, altitude_m=1250.0), known))
    assert np.all(wide.upper - wide.lower > narrow.upper - narrow.lower)


def test_uncompensated_probes_are_corrected_once() -> None:
    true = exponential(SENSORS, pressure_hpa=870.0)
    factor = 1013.25 / 870.0 * (273.15 + WARM) / 298.15
    read = replace(true, co2_ppm=true.co2_ppm / factor)
    raw = solve(read, HORIZONS, EXACT.model_copy(update={"co2_probes": "uncompensated"}))
    np.testing.assert_allclose(raw.efflux, solve(true, HORIZONS, EXACT).efflux, rtol=1e-5)
    plain = solve(read, HORIZONS, EXACT)
    assert plain.efflux[0] < 0.85 * raw.efflux[0]  # what leaving it out costs at 870 hPa


@pytest.mark.parametrize(
    ("change", "question"),
    [
        ({"pressure_hpa": np.full(3, 96.4)}, "kPa"),
        ({"pressure_hpa": np.full(3, 96_400.0)}, "Pa"),
        ({"water": np.full((3, 3), 12.0)}, "in %"),
        ({"temperature_degc": np.full((3, 3), 293.0)}, "in K"),
        ({"co2_depth_m": np.array([2.0, 8.0, 20.0])}, "cm"),
        ({"co2_depth_m": np.array([-0.02, -0.08, -0.2])}, "upward"),
        ({"co2_ppm": np.full((3, 3), 0.12)}, "in %"),
    ],
)
def test_units_mistaken_are_asked_about_not_used(change: dict[str, Any], question: str) -> None:
    with pytest.raises(UnitQuestionError, match=question):
        solve(replace(exponential(SENSORS), **change), HORIZONS, EXACT)


def test_the_question_names_the_profile() -> None:
    with pytest.raises(UnitQuestionError, match=r"profile 'p4': .* in kPa"):
        solve(replace(exponential(SENSORS), pressure_hpa=np.full(3, 96.4), name="p4"), HORIZONS, EXACT)


def test_storage_is_added_to_production() -> None:
    profile = exponential(SENSORS)
    rising = profile.co2_ppm * (1 + 0.01 * np.arange(3))[:, None]
    profile = replace(profile, co2_ppm=rising)
    steady = solve(profile, HORIZONS, EXACT)
    with_storage = solve(profile, HORIZONS, EXACT.model_copy(update={"storage_term": True}))
    air = 101325 / 8.314462618 / 293.15
    at_8cm = (PHI - THETA) * air * profile.co2_ppm[0, 1] * 0.01 / 1800
    assert (with_storage.production - steady.production)[1, 1] == pytest.approx(at_8cm, rel=0.5)
    np.testing.assert_array_equal(with_storage.efflux, steady.efflux)


METHODS = get_args(EffluxMethod)


@pytest.mark.parametrize("length", [0.05, 0.1, 0.15, 0.3, 1.0])
@pytest.mark.parametrize("method", [m for m in METHODS if m != "saturating"])  # which refuses
@pytest.mark.parametrize("sensors", [SENSORS, [0.03, 0.10, 0.20], [0.02, 0.05, 0.10, 0.30]])
def test_without_the_surface_the_truth_lies_in_the_interval_of_every_method(
    method: str, length: float, sensors: list[float]
) -> None:
    blind = EXACT.model_copy(update={"method": method, "surface": "none"})
    found = solve(exponential(sensors, length), HORIZONS, blind)
    assert np.all(found.refused == 0), refusals.names(int(found.refused[0]))
    assert np.all((found.lower <= 3.0) & (found.upper >= 3.0))


@pytest.mark.parametrize(
    "method", ["two_layers", "top", "line", "layer_regression", "inverse", "hirano_2003"]
)
def test_two_buried_probes_alone_do_not_bound_the_efflux(method: str) -> None:
    settings = EXACT.model_copy(update={"method": method, "surface": "none"})
    found = solve(exponential([0.05, 0.20]), HORIZONS, settings)
    assert refusals.names(int(found.refused[0])) == "surface_unseen"
    assert np.isnan(found.efflux).all()


def test_production_above_the_probes_is_not_guessed_from_a_flat_profile_below() -> None:
    flat = changed("co2_ppm", [2000.0, 2300.0, 2300.0])  # all of the flux starts above the second probe
    assert first_reason(flat, EXACT.model_copy(update={"surface": "none"})) == "surface_unseen"


@pytest.mark.parametrize("method", ["layer_regression", "linear_spline"])
@pytest.mark.parametrize("surface", ["ambient", "none"])
def test_layers_of_the_settings_against_numpys_fit(method: str, surface: str) -> None:
    sensors = [0.02, 0.05, 0.08, 0.14, 0.20]
    settings = EXACT.model_copy(update={"method": method, "surface": surface, "layers_m": (0.0, 0.08, 0.20)})
    profile = exponential(sensors)
    found = solve(profile, HORIZONS, settings)
    z = np.array(sensors) if surface == "none" else np.array([0.0, *sensors])
    x = profile.co2_ppm[0] if surface == "none" else np.array([420.0, *profile.co2_ppm[0]])
    if method == "layer_regression":  # an independent fit of each layer, edges included
        slopes = [np.polyfit(z[part], x[part], 1)[0] for part in (z <= 0.0801, z >= 0.0799)]
    else:  # truncated lines, fitted at once
        basis = np.column_stack([np.ones_like(z), z, np.maximum(z - 0.08, 0.0)])
        fit = np.linalg.lstsq(basis, x, rcond=None)[0]
        slopes = [fit[1], fit[1] + fit[2]]
    upper, lower = np.array(slopes) * k_of(1013.25)
    middle, next_middle = (z[0] + 0.08) / 2, 0.14
    by_hand = upper - (lower - upper) / (next_middle - middle) * middle
    # the median of a skewed error lies off the plug-in value by some 3e-4; the two fits differ by 1 % and more
    np.testing.assert_allclose(found.efflux, by_hand, rtol=5e-4)
    assert np.all((found.lower <= 3.0) & (found.upper >= 3.0))


@pytest.mark.parametrize("method", ["layer_regression", "linear_spline"])
def test_without_layers_in_the_settings_they_are_those_between_the_levels(method: str) -> None:
    profile = exponential(SENSORS)
    plain = solve(profile, soil.uniform(PHI, 0.02), FluxTable())
    found = solve(profile, soil.uniform(PHI, 0.02), FluxTable(method=method))  # type: ignore[arg-type]
    np.testing.assert_allclose(found.efflux, plain.efflux, rtol=1e-9)


@pytest.mark.parametrize("method", ["layer_regression", "linear_spline"])
def test_a_layer_without_levels_enough_is_refused(method: str) -> None:
    settings = EXACT.model_copy(update={"method": method, "layers_m": (0.0, 0.005, 0.01, 0.02, 0.20)})
    found = solve(exponential(SENSORS), HORIZONS, settings)
    assert refusals.names(int(found.refused[0])) == "no_curve"


def test_layers_must_go_downward() -> None:
    with pytest.raises(ValueError, match="increase from 0 downward"):
        FluxTable(layers_m=(0.2, 0.1))


@pytest.mark.parametrize("method", METHODS)
def test_command_and_settings_offer_the_same_methods(method: str) -> None:
    assert method in flux.METHODS
    assert len(flux.METHODS) == len(METHODS)


def test_the_saturating_curve_without_the_surface_is_refused() -> None:
    # saturating through 5, 10 and 20 cm once gave 143 157 umol m-2 s-1
    settings = EXACT.model_copy(update={"method": "saturating", "surface": "none"})
    found = solve(exponential([0.05, 0.10, 0.20]), HORIZONS, settings)
    assert refusals.names(int(found.refused[0])) == "surface_unseen"


def test_an_efflux_against_the_flux_of_every_layer_is_said() -> None:
    # 420, 500, 900, 8000 ppm: gradients of 1600, 8000, 71 000 ppm/m all rise downward, the line through the upper two
    # reaches 1600 - (8000 - 1600) / 0.05 * 0.025 = -1600 ppm/m at the surface
    profile = exponential([0.05, 0.10, 0.20])
    profile.co2_ppm[:] = [500.0, 900.0, 8000.0]
    settings = FluxTable(model_spread=False, water_sd=0.005)
    found = solve(profile, HORIZONS, settings)
    assert np.all(found.layer_flux > 0.0)
    np.testing.assert_allclose(found.efflux, -1600.0 * k_of(1013.25), rtol=1e-3)
    assert np.all(found.notes & Reason.AGAINST_LAYERS)
    assert not np.any(solve(exponential([0.05, 0.10, 0.20]), HORIZONS, settings).notes)


def test_co2_that_falls_below_the_layers_used_is_said() -> None:
    profile = exponential([0.05, 0.10, 0.20])
    profile.co2_ppm[:, 2] = profile.co2_ppm[:, 1] - 300.0
    found = solve(profile, HORIZONS, FluxTable(model_spread=False))
    assert np.all(found.refused == 0)
    assert np.all(found.notes & Reason.FALLS_BELOW)
    line = solve(profile, HORIZONS, FluxTable(model_spread=False, method="line"))
    assert np.all(line.refused & Reason.INVERTED_GRADIENT)


@pytest.mark.parametrize("surface", ["ambient", "none"])
@pytest.mark.parametrize("pressure_hpa", [1013.25, 800.0])
@pytest.mark.parametrize("length", [0.02, 0.05, 0.15, 0.8])
@pytest.mark.parametrize("sensors", [SENSORS, [0.05, 0.10, 0.50], [0.01, 0.40, 0.45]])
def test_exponential_is_the_truth_of_any_exponential_production(
    sensors: list[float], length: float, pressure_hpa: float, surface: str
) -> None:
    settings = EXACT.model_copy(update={"method": "exponential", "surface": surface})
    found = solve(exponential(sensors, length, pressure_hpa=pressure_hpa), HORIZONS, settings)
    if surface == "none" and sensors[1] / length > 15.0:
        return  # a flux of e-15 and less of the surface's is rounding of the mole fractions
    np.testing.assert_allclose(found.efflux, 3.0, rtol=1e-2)
    assert np.all((found.lower <= 3.0) & (found.upper >= 3.0))
