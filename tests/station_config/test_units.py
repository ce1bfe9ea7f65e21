"""Units: factors from the SI brochure and NIST SP 811, not from the code."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soilco2.station_config.errors import StationConfigError
from soilco2.station_config.units import conversion, exact_between, normal, turner, turner_of, units_of
from soilco2.station_config.variables import VARIABLES


@pytest.mark.parametrize(
    ("number", "unit", "variable", "wanted"),
    [
        (1.0, "%", "co2", 10_000.0),
        (465.66, "ppm", "co2", 465.66),
        (0.04, "%", "co2", 400.0),
        (212.0, "°F", "soil_temperature", 100.0),
        (-40.0, "degF", "air_temperature", -40.0),
        (273.15, "K", "soil_temperature", 0.0),
        (35.6, "%", "soil_water", 0.356),
        (1234.0, "µS/cm", "bulk_ec", 1.234),
        (0.12, "S/m", "bulk_ec", 1.2),
        (100.5, "kPa", "air_pressure", 1005.0),
        (760.0, "mmHg", "air_pressure", 1013.25),
        (29.9213, "inHg", "air_pressure", 1013.25),
        (101_325.0, "Pa", "air_pressure", 1013.25),
        (0.5, "1", "air_humidity", 50.0),
        (36.0, "km/h", "wind_speed", 10.0),
        (1.0, "in", "rain", 25.4),
        (12_600.0, "mV", "supply_voltage", 12.6),
        (1.5, "g/L", "salinity", 1500.0),
    ],
)
def test_numbers_come_out_in_the_canonical_unit(
    number: float, unit: str, variable: str, wanted: float
) -> None:
    a, b = conversion(unit, variable)
    assert a * number + b == pytest.approx(wanted, rel=1e-5, abs=1e-9)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("°C", "degC"),
        ("℃", "degC"),
        ("μS/cm", "uS/cm"),
        ("m³/m³", "m3/m3"),
        ("m³ m⁻³", "m3 m-3"),
        (" ％", "%"),
    ],
)
def test_a_unit_may_be_written_in_several_ways(written: str, meant: str) -> None:
    assert normal(written) == meant


@pytest.mark.parametrize(
    ("unit", "variable"), [("hPa", "co2"), ("", "co2"), ("mS", "bulk_ec"), ("%", "air_pressure")]
)
def test_a_unit_that_does_not_fit_is_refused_with_those_that_do(unit: str, variable: str) -> None:
    with pytest.raises(StationConfigError, match="does not fit") as caught:
        conversion(unit, variable)
    assert VARIABLES[variable].unit in str(caught.value)


@pytest.mark.parametrize(
    ("spellings", "variable", "factor"),
    [
        ("dS/m, dS m-1, dS m⁻¹, dS·m⁻¹, ds/m, mS/cm, mS cm-1, mmho/cm, 毫西门子/厘米", "bulk_ec", 1.0),
        ("uS/cm, µS/cm, μS/cm, us/cm, US/CM, uS cm-1, µS cm⁻¹, uS.cm^-1, 微西门子/厘米", "bulk_ec", 1e-3),
        ("µS/cm, µS/cm@25°C, uS/cm @ 25 degC", "ec25", 1e-3),
        ("S/m, S m-1", "bulk_ec", 10.0),
        ("mS/m, mS m-1", "bulk_ec", 0.01),
        ("µS/m", "bulk_ec", 1e-5),
        ("S/cm", "bulk_ec", 1e3),
        ("degC, °C, ℃, Deg C, deg_C, degc, C", "soil_temperature", 1.0),
        ("degF, °F, ℉, deg F, F", "soil_temperature", 5 / 9),
        ("m3/m3, m³/m³, m^3/m^3, m³ m⁻³, m3 m-3", "soil_water", 1.0),
        ("%, ％", "soil_water", 0.01),
        ("umol m-2 s-1, µmol m⁻² s⁻¹, umol/m2/s, umol/(m2 s)", "co2_flux", 1.0),
        ("%RH, % RH, %", "air_humidity", 1.0),
    ],
)
def test_all_spellings_of_a_unit_are_one_unit(spellings: str, variable: str, factor: float) -> None:
    for unit in spellings.split(", "):
        assert conversion(unit, variable)[0] == pytest.approx(factor), unit


def test_a_conductivity_at_25_degrees_is_another_variable() -> None:
    with pytest.raises(StationConfigError, match="ec25"):
        conversion("µS/cm@25°C", "bulk_ec")


def test_an_unknown_variable_is_refused() -> None:
    with pytest.raises(StationConfigError, match="unknown"):
        conversion("ppm", "c02")


@given(st.sampled_from(sorted(VARIABLES)), st.data(), st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))
def test_a_conversion_keeps_order_and_the_canonical_unit_changes_nothing(
    variable: str, data: st.DataObject, low: float, high: float
) -> None:
    unit = data.draw(st.sampled_from(units_of(variable)))
    a, b = conversion(unit, variable)
    assert a > 0
    assert (a * low + b <= a * high + b) == (low <= high) or low == pytest.approx(high)
    assert conversion(VARIABLES[variable].unit, variable) == (1.0, 0.0)


@pytest.mark.parametrize(
    ("unit", "variable", "by_hand"),
    [
        ("%", "soil_water", lambda x: x / 100),
        ("degF", "soil_temperature", lambda x: (x - 32) * 5 / 9),
        ("K", "soil_temperature", lambda x: x - Decimal("273.15")),
        ("uS/cm", "bulk_ec", lambda x: x / 1000),
        ("kPa", "air_pressure", lambda x: x * 10),
        ("mmHg", "air_pressure", lambda x: x * Decimal("1.33322387415")),
        ("km/h", "wind_speed", lambda x: x * 10 / 36),
        ("in", "rain", lambda x: x * Decimal("25.4")),
    ],
)
def test_a_number_is_turned_to_its_last_digit(
    unit: str, variable: str, by_hand: Callable[[Decimal], Decimal]
) -> None:
    """As `decimal` has it from the digits, with the factors of NIST SP 811, appendix B.8."""
    turned = turner_of(unit, variable)
    assert turned is not None
    for n in range(-300, 3000, 7):
        digits = Decimal(n).scaleb(-2)
        assert turned(float(digits)) == float(by_hand(digits))


def test_from_one_unit_to_another_is_exact_too() -> None:
    turned = turner(*exact_between("K", "degF", "soil_temperature"))
    assert turned(300.0) == 80.33
    assert turner_of("ppm", "co2") is None
