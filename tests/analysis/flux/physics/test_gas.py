"""The gas: constants, conversions, pressure the right way round."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from soilco2.analysis.flux.errors import FluxError
from soilco2.analysis.flux.physics import gas


def test_molar_volume_of_an_ideal_gas() -> None:
    # CODATA 2018: 22.413 969 54e-3 m3 mol-1 at 273.15 K, 101.325 kPa
    assert gas.air_density_mol_m3(0.0, 1013.25) == pytest.approx(1 / 22.41396954e-3, rel=1e-9)


def test_concentration_changes_with_temperature_at_constant_mole_fraction() -> None:
    warm, cool = gas.concentration_umol_m3(1000.0, [30.0, 25.0], 1013.25)
    assert cool / warm - 1 == pytest.approx(5 / 298.15, rel=1e-12)  # ideal gas: T_warm/T_cool - 1


def test_free_air_values_of_both_sources() -> None:
    assert gas.free_air_jones_m2_s(20.0, 1013.25) == pytest.approx(1.47e-5, rel=1e-12)
    assert gas.free_air_massman_m2_s(0.0, 1013.25) == pytest.approx(1.381e-5, rel=1e-12)
    ratio = gas.free_air_massman_m2_s(20.0, 1013.25) / gas.free_air_jones_m2_s(20.0, 1013.25)
    # hand: 1.381 (293.15/273.15)^1.81 / 1.47 = 1.0677
    assert ratio == pytest.approx(1.0677, abs=2e-4)


@pytest.mark.parametrize("name", list(gas.FREE_AIR))
def test_diffusivity_falls_with_pressure_and_the_conductivity_ignores_it(name: str) -> None:
    d = gas.free_air(name)
    assert d(20.0, 800.0) == pytest.approx(d(20.0, 1000.0) * 1.25, rel=1e-12)
    c = gas.air_density_mol_m3
    assert d(20.0, 800.0) * c(20.0, 800.0) == pytest.approx(d(20.0, 1000.0) * c(20.0, 1000.0), rel=1e-12)


@pytest.mark.parametrize(("kpa", "low_percent"), [(96.5, 9), (80.0, 38), (70.0, 52)])
def test_what_the_inverted_pressure_factor_costs(kpa: float, low_percent: float) -> None:
    # a peer multiplies by P/101.3 instead of dividing: its diffusivity is low by the square
    right = 1.47e-5 * (101.3 / kpa)
    inverted = 1.47e-5 * (kpa / 101.3)
    assert 100 * (1 - inverted / right) == pytest.approx(low_percent, abs=0.7)
    assert gas.free_air_jones_m2_s(20.0, kpa * 10) == pytest.approx(right * 101.325 / 101.3, rel=1e-12)


def test_probe_compensation_is_the_ideal_gas_law() -> None:
    pressures = np.array([1000.0, 900.0, 800.0, 700.0])
    true = gas.compensate_probe_ppm(1000.0, 10.0, pressures)
    only_pressure = gas.compensate_probe_ppm(1000.0, 25.0, pressures)
    np.testing.assert_allclose(only_pressure, 1000 * 1013.25 / pressures, rtol=1e-12)
    np.testing.assert_allclose(true, only_pressure * 283.15 / 298.15, rtol=1e-12)


def test_dry_mole_fraction() -> None:
    # WMO: saturation vapour pressure at 20 degC 23.37 hPa (tables), at 0 degC 6.112 hPa
    assert gas.saturation_vapour_pressure_hpa(20.0) == pytest.approx(23.37, rel=3e-3)
    assert gas.saturation_vapour_pressure_hpa(0.0) == pytest.approx(6.112, rel=1e-12)
    assert gas.dry_mole_fraction_ppm(1000.0, 20.0, 1000.0, 0.0) == 1000.0
    assert gas.dry_mole_fraction_ppm(1000.0, 20.0, 1000.0) == pytest.approx(1000 / (1 - 0.02337), rel=1e-3)
    with pytest.raises(FluxError, match="humidity"):
        gas.dry_mole_fraction_ppm(1000.0, 20.0, 1000.0, 150.0)


def test_standard_atmosphere() -> None:
    # U.S. Standard Atmosphere 1976, table: 898.76 hPa at 1000 m, 701.21 hPa at 3000 m (geopotential 701.08)
    assert gas.standard_pressure_hpa(0.0) == pytest.approx(1013.25)
    assert gas.standard_pressure_hpa(1000.0) == pytest.approx(898.75, abs=0.1)
    assert gas.standard_pressure_hpa(3000.0) == pytest.approx(701.1, abs=0.2)
    with pytest.raises(FluxError, match="altitude"):
        gas.standard_pressure_hpa(12_000.0)


def test_unknown_free_air() -> None:
    with pytest.raises(FluxError, match="massman_1998"):
        gas.free_air("fuller")


@given(st.floats(-40, 60), st.floats(500, 1100), st.floats(0, 1e5))
def test_conversions_are_linear_in_co2(t: float, p: float, x: float) -> None:
    assert gas.concentration_umol_m3(x, t, p) == pytest.approx(x * float(gas.air_density_mol_m3(t, p)))
    assert gas.compensate_probe_ppm(x, t, p) == pytest.approx(x * 1013.25 / p * (t + 273.15) / 298.15)
