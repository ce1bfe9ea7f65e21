"""The formulas, against numbers that were worked by hand or printed elsewhere."""

from __future__ import annotations

import pytest

from soilco2.quality import corrections
from soilco2.station_config.deployments import standard_pressure
from tests.quality.stations import neon


@pytest.mark.parametrize(
    ("pressure_hpa", "factor"),
    [
        (1013.25, 1.0),
        (1000.0, 1.01325),
        (810.6, 1.25),  # 0.8 atm
        (506.625, 2.0),  # half an atmosphere
    ],
)
def test_a_reading_is_raised_as_the_air_gets_thinner(pressure_hpa: float, factor: float) -> None:
    assert corrections.pressure_factor(pressure_hpa) == pytest.approx(factor, rel=1e-12)


def test_a_probe_set_to_the_pressure_of_the_day_needs_no_correction() -> None:
    assert corrections.pressure_factor(885.0, reference_hpa=885.0) == 1.0


def test_pressure_correction_agrees_with_what_was_found_missing_in_a_network() -> None:
    # NEON's notice on DP1.00095.001: without a correction CO2 was too low by 15 % at 90 kPa, 28 % at 80 kPa;
    # the ideal gas law gives 12.6 % and 26.7 %
    assert corrections.pressure_factor(900.0) == pytest.approx(1.15, abs=0.03)
    assert corrections.pressure_factor(800.0) == pytest.approx(1.28, abs=0.03)


def test_standard_pressure_is_as_wrong_as_it_is_said_to_be() -> None:
    # measured at SJER (374 m) in June 2022; the standard atmosphere has 969.1 hPa there
    factors = [
        standard_pressure(374.0) / (10.0 * kpa) for kpa in neon("barometric_pressure", "000", "035").values()
    ]
    assert max(abs(factor - 1.0) for factor in factors) < corrections.STANDARD_PRESSURE_ERROR
    assert max(factors) - 1.0 > 0.01  # and not so small that it could be forgotten


@pytest.mark.parametrize(
    ("temperature_degc", "factor"),
    [
        (25.0, 1.0),
        (10.0, 283.15 / 298.15),
        (-273.15 + 298.15 * 0.9, 0.9),
        (54.815, 1.1),  # 298.15 K x 1.1 = 327.965 K
    ],
)
def test_a_reading_goes_with_absolute_temperature(temperature_degc: float, factor: float) -> None:
    assert corrections.temperature_factor(temperature_degc) == pytest.approx(factor, rel=1e-12)


@pytest.mark.parametrize(
    ("ec", "temperature_degc", "coefficient", "expected"),
    [
        (1.0, 25.0, 0.0191, 1.0),
        (0.809, 15.0, 0.0191, 1.0),  # 1 - 10 x 0.0191 = 0.809
        (100.0, 10.0, 0.0187, 100.0 / 0.7195),  # Hayashi's mean coefficient; 1 - 15 x 0.0187
        (1.0955, 30.0, 0.0191, 1.0),
        (0.0, 12.0, 0.0191, 0.0),
    ],
)
def test_conductivity_at_25_degrees(
    ec: float, temperature_degc: float, coefficient: float, expected: float
) -> None:
    assert corrections.ec25(ec, temperature_degc, coefficient) == pytest.approx(expected, rel=1e-12)


def test_frozen_soil_has_no_conductivity_at_25_degrees() -> None:
    assert corrections.ec25(0.1, -0.1, 0.0191) is None
    assert corrections.ec25(0.1, 0.0, 0.0191) is not None
    # a coefficient so large that the line crosses zero above the freezing point: 1 - 0.05 x 25 < 0
    assert corrections.ec25(0.1, 0.0, 0.05) is None


def test_salinity_by_factor() -> None:
    # ComWinTop CWT-Soil-THC-S V1.4: factor 0.55 mg/L per uS/cm, so 1 dS/m is 550 mg/L
    assert corrections.salinity(1.0, 0.55) == pytest.approx(550.0, rel=1e-12)
    assert corrections.salinity(0.0, 0.55) == 0.0
