"""A CO2 probe's own settings are the reference of the correction, or the reading says that words contradict.

Vaisala M211897EN 2.4: without compensation a GMP252 computes for 1013 hPa; by hand 1013.25 / 880 = 1.1514.
"""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from soilco2.quality.pipeline import Pipeline
from soilco2.quality.plans import StationPlan, ToldSettings
from soilco2.quality.records import Observation
from soilco2.station_config.catalogue.compensation import computed_for
from soilco2.station_config.loader import Station
from tests.quality.stations import MINUTE, T0, Store, barometer, co2, key, sample, station

DEVICE = 'compensation = { pressure = "device", temperature = "device" }'
OWN = "compensation = { reference_pressure_hpa = 1000 }"
NONE = 'compensation = { temperature = "none" }'
AT_880 = {"pressure_setpoint": 880.0, "pressure_mode": 1.0, "temperature_mode": 2.0}


def read(place: Station, *told: Mapping[str, float]) -> list[Observation]:
    """1000 ppm every ten minutes under 880 hPa; the probe tells its settings at the second, the third … reading."""
    rows = [sample("B1", "air_pressure", T0 + index * 10 * MINUTE, 880.0) for index in range(-1, 4)]
    rows += [sample("C1", "co2", T0 + index * 10 * MINUTE, 1000.0) for index in range(-1, 4)]
    said = [ToldSettings("C1", T0 + index * 10 * MINUTE, row) for index, row in enumerate(told, 1)]
    flow = Pipeline(StationPlan(place.deployments, place.hash, (), said))
    return Store(flow.feed(rows).observations).of(key("p/d2", "co2"))[1:]


def test_the_setpoint_told_is_the_reference_from_then_on() -> None:
    found = read(station(co2(), barometer()), AT_880)
    assert [row.value for row in found] == pytest.approx([1013.25 / 0.88, 1000.0, 1000.0, 1000.0])
    assert {(int(row.flag), row.tests, row.corrections) for row in found} == {(1, "", "pressure")}


def test_a_setpoint_that_changes_holds_by_date() -> None:
    found = read(station(co2(), barometer()), AT_880, {**AT_880, "pressure_setpoint": 968.0})
    assert [row.value for row in found[1:]] == pytest.approx([1000.0, 1100.0, 1100.0])


def test_compensation_that_is_off_computes_for_1013_hpa() -> None:
    off = {**AT_880, "pressure_mode": 0.0}
    assert [row.value for row in read(station(co2(), barometer()), off)][1:] == pytest.approx(
        [1013.25 / 0.88] * 3
    )
    # the probe goes before what the station file believes of it
    assert read(station(co2(more=OWN), barometer()), off)[1].value == pytest.approx(1013.25 / 0.88)
    assert read(station(co2(more=OWN), barometer()))[1].value == pytest.approx(1000.0 / 0.88)


def test_without_a_barometer_the_standard_pressure_meets_the_setpoint_as_well() -> None:
    place = station(co2())
    told = [ToldSettings("C1", T0 - MINUTE, AT_880)]
    flow = Pipeline(StationPlan(place.deployments, place.hash, (), told))
    store = Store(flow.feed([sample("C1", "co2", T0, 816.8)]).observations)
    row = store[key("p/d2", "co2"), T0]
    assert row.value == pytest.approx(816.8 * 880.0 / place.deployments.standard_pressure_hpa)
    assert row.corrections == "standard_pressure"


@pytest.mark.parametrize(
    ("more", "told"),
    [
        pytest.param("", {"temperature_mode": 0.0}, id="does not measure the temperature it is said to"),
        pytest.param("", {"temperature_mode": 1.0}, id="computes for one temperature"),
        pytest.param(NONE, {"temperature_mode": 2.0}, id="would be corrected for temperature twice"),
        pytest.param(DEVICE, {"pressure_mode": 0.0}, id="is said to compensate for pressure and does not"),
        pytest.param("", {"pressure_mode": 7.0}, id="a mode that nobody knows"),
        pytest.param("", {"pressure_setpoint": 0.0}, id="a pressure that cannot be"),
    ],
)
def test_words_that_contradict_make_suspect(more: str, told: dict[str, float]) -> None:
    found = read(station(co2(more=more), barometer()), {**AT_880, **told})
    assert "compensation_mismatch" not in found[0].tests
    assert all("compensation_mismatch" in row.tests and row.flag == 3 for row in found[1:])


def test_a_probe_that_is_fed_the_pressure_is_left_alone() -> None:
    found = read(station(co2(more=DEVICE), barometer()), AT_880)
    assert {(row.value, row.tests, row.corrections) for row in found} == {(1000.0, "", "")}


def test_what_another_probe_told_is_nothing_to_this_one() -> None:
    place = station(co2(), barometer())
    plan = StationPlan(place.deployments, place.hash, (), [ToldSettings("C2", T0, AT_880)])
    found = plan.of("C1", "co2").at(T0)
    assert found is not None
    assert found.reference_hpa is None


def test_every_quantity_is_told_for_programs() -> None:
    rows = station(co2()).models["vaisala-gmp252"].compensation
    said = computed_for(rows, {**AT_880, "humidity_mode": 0.0, "oxygen_mode": 1.0, "oxygen_setpoint": 20.9})
    assert said == {
        "pressure": {"by": "setpoint", "value": 880.0, "unit": "hPa"},
        "temperature": {"by": "measured", "value": None, "unit": "degC"},
        "humidity": {"by": "off", "value": 0.0, "unit": "%"},
        "oxygen": {"by": "setpoint", "value": 20.9, "unit": "%"},
    }
    assert {row["by"] for row in computed_for(rows, {}).values()} == {"not told"}
