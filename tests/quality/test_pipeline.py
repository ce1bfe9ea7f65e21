"""From samples of true probes to observations: one promise a test."""

from __future__ import annotations

import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soilco2.quality.limits import Band
from soilco2.quality.pipeline import Pipeline
from soilco2.quality.plans import ManualFlag, StationPlan
from soilco2.quality.recompute import recompute
from soilco2.quality.records import Flag, Sample
from tests.quality.stations import (
    HOUR,
    MINUTE,
    SECOND,
    T0,
    Store,
    Writer,
    barometer,
    co2,
    fed,
    key,
    pipeline,
    probe,
    raw_of,
    sample,
    soil,
    station,
)

CO2 = key("p/d2", "co2")
WATER = key("p/d2", "soil_water")
TEMPERATURE = key("p/d2", "soil_temperature")
BULK_EC = key("p/d2", "bulk_ec")
EC25 = key("p/d2", "ec25")
SALINITY = key("p/d2", "salinity")
PRESSURE = key("site", "air_pressure")


def warm() -> list[Sample]:
    """A reading before `T0`, so that the CO2 probe is warm (GMP252: 2 min)."""
    return [sample("C1", "co2", T0 - 10 * MINUTE, 1000.0)]


# raw numbers


def test_scaling_gives_the_number_that_the_register_means() -> None:
    # family A, CWT manual: moisture in 0.1 %, temperature in 0.1 degC signed, EC in uS/cm
    place = station(soil())
    store = fed(
        place,
        [
            sample("S1", "soil_water", T0, 356.0),
            sample("S1", "soil_temperature", T0, -35.0),
            sample("S1", "bulk_ec", T0, 1234.0),
        ],
    )
    assert store[WATER, T0].value == 0.356
    assert store[TEMPERATURE, T0].value == -3.5
    assert store[BULK_EC, T0].value == 1.234


@pytest.mark.parametrize("raw", [32767.0, -32768.0, math.nan, math.inf, -math.inf, 1e39])
def test_a_sentinel_is_found_on_the_raw_number(raw: float) -> None:
    store = fed(station(soil()), [sample("S1", "soil_temperature", T0, raw)])
    row = store[TEMPERATURE, T0]
    assert (row.value, row.raw, row.flag, row.tests) == (None, None, Flag.MISSING, "sentinel")


def test_a_value_that_only_looks_like_a_sentinel_after_scaling_is_data() -> None:
    # 3276.7 is a sentinel's scaled face, 32.767 would be one read as hundredths; 327.67 must stay a number
    row = fed(station(soil()), [sample("S1", "soil_temperature", T0, 327.0)])[TEMPERATURE, T0]
    assert (row.value, row.flag) == (32.7, Flag.GOOD)


@pytest.mark.parametrize("channel", ["soil_water", "soil_temperature", "bulk_ec"])
def test_zero_is_data(channel: str) -> None:
    row = fed(station(soil()), [sample("S1", channel, T0, 0.0)])[key("p/d2", channel), T0]
    assert (row.value, row.raw, row.flag, row.tests) == (0.0, 0.0, Flag.GOOD, "")


def test_missing_says_why() -> None:
    place = station(soil())
    store = fed(
        place,
        [
            sample("S1", "soil_water", T0, None, "nan"),
            sample("S1", "soil_water", T0 + MINUTE, None),
            sample("S1", "soil_water", T0 + 2 * MINUTE, None, "cable cut, port 2"),
        ],
    )
    assert store.flags(WATER) == [9, 9, 9]
    assert store.tests(WATER) == ["missing:nan", "missing", "missing:cable cut; port 2"]
    assert all(row.value is None for row in store.of(WATER))


# registers as they came on the wire


def said(channel: str, registers: str, raw: float | None, status: str = "", serial: str = "S1") -> Sample:
    return sample(serial, channel, T0, raw, status)._replace(said=bytes.fromhex(registers))


def test_registers_are_decoded_by_the_catalogue_as_it_is_now() -> None:
    # kept as uint16 by a catalogue file that was wrong; family A, CWT manual: 0.1 degC signed, FFEB is -2.1
    row = fed(station(soil()), [said("soil_temperature", "FFEB", 65515.0)])[TEMPERATURE, T0]
    assert (row.value, row.raw, row.flag, row.tests) == (-2.1, -2.1, Flag.GOOD, "")


def test_a_sentinel_is_found_on_what_the_registers_say() -> None:
    row = fed(station(soil()), [said("soil_temperature", "8000", 32768.0)])[TEMPERATURE, T0]
    assert (row.value, row.flag, row.tests) == (None, Flag.MISSING, "sentinel")


@pytest.mark.parametrize("status", ["nan", "nan status=0x8", "raw=inf", "raw=-inf", "raw=nan", "warm-up nan"])
def test_no_number_of_an_earlier_decoding_does_not_count(status: str) -> None:
    """Read in the wrong word order the registers were no number; Vaisala M211799EN: they are 465.66 ppm."""
    rest = " ".join(word for word in status.split() if "=0x" in word or word == "warm-up")
    place = station(co2())
    row = fed(place, [*warm(), said("co2", "D47A43E8", None, status, "C1")])[CO2, T0]
    same = fed(place, [*warm(), said("co2", "D47A43E8", 465.66, rest, "C1")])[CO2, T0]
    assert row == same
    assert row.raw == pytest.approx(465.66, abs=0.005)


@pytest.mark.parametrize(("status", "driver"), [("", "nan"), ("nan", "nan"), ("warm-up", "warm-up nan")])
def test_registers_that_hold_nan_are_a_missing_value(status: str, driver: str) -> None:
    place = station(co2())
    row = fed(place, [*warm(), said("co2", "00007FC0", 32704.0, status, "C1")])[CO2, T0]
    assert row == fed(place, [*warm(), sample("C1", "co2", T0, None, driver)])[CO2, T0]
    assert row.tests.startswith("missing:nan")


@pytest.mark.parametrize(("raw", "flag"), [(400.0, Flag.SUSPECT), (None, Flag.MISSING)])
def test_too_few_registers_leave_the_stored_number_and_say_so(raw: float | None, flag: Flag) -> None:
    place = station(co2())
    row = fed(place, [*warm(), said("co2", "D47A", raw, "" if raw else "nan", "C1")])[CO2, T0]
    assert (row.raw, row.flag) == (raw, flag)
    assert "undecodable" in row.tests.split(",")


def test_without_registers_the_stored_number_counts() -> None:
    row = fed(station(soil()), [sample("S1", "soil_temperature", T0, 215.0)])[TEMPERATURE, T0]
    assert (row.raw, row.tests) == (21.5, "")


@given(st.integers(0, 0xFFFF), st.floats() | st.none(), st.sampled_from(["", "nan", "raw=inf"]))
def test_what_was_decoded_before_has_no_say(word: int, raw: float | None, status: str) -> None:
    """Live, primed and made again alike: the observation is that of the number the registers hold."""
    place = station(soil())
    number = float(word - 0x10000 if word >= 0x8000 else word)
    kept = sample("S1", "soil_temperature", T0, raw, status)._replace(said=struct.pack(">H", word))
    right = fed(place, [sample("S1", "soil_temperature", T0, number)])[TEMPERATURE, T0]
    assert fed(place, [kept])[TEMPERATURE, T0] == right
    assert list(recompute(StationPlan(place.deployments, place.hash), [kept], T0, T0 + 1)) == [right]


# where a sample belongs


def test_a_sample_without_time_or_place_gives_nothing() -> None:
    place = station(soil())
    early = sample("S1", "soil_water", 1_500_000_000 * SECOND, 100.0)  # 2017: not installed yet
    unknown = sample("X9", "soil_water", T0, 100.0)
    timeless = sample("S1", "soil_water", T0, 100.0)._replace(time_us=None)
    assert pipeline(place).feed([early, unknown, timeless]) == ([], [])


def test_an_observation_names_its_configuration() -> None:
    place = station(soil())
    assert fed(place, [sample("S1", "soil_water", T0, 100.0)])[WATER, T0].config == place.hash


def test_an_imported_table_goes_the_same_way() -> None:
    place = station(soil(), '[[quality.limits]]\nvariable = "co2"\nsuspect_upper = 5000\n')
    store = fed(
        place,
        [
            sample("import/p/d8", "co2", T0, 700.0),
            sample("import/p/d8", "co2", T0 + MINUTE, 6000.0),
            sample("import/site/", "air_pressure", T0, 885.0),
        ],
    )
    assert store.tests(key("p/d8", "co2")) == ["", "site_suspect"]
    assert store[PRESSURE, T0].value == 885.0


# ranges


def test_ranges_of_nature_probe_and_site() -> None:
    limits = """
[[quality.limits]]
variable = "soil_temperature"
lower = -30
upper = 60
suspect_lower = -25
suspect_upper = 45
"""
    place = station(soil(), limits)
    values = {
        20.0: "",
        46.0: "site_suspect",
        61.0: "site_range,site_suspect",
        80.0: "site_range,site_suspect",
    }
    values |= {80.1: "physical_range,instrument_range,site_range,site_suspect"}
    values |= {-25.0: "", -26.0: "site_suspect", -41.0: "instrument_range,site_range,site_suspect"}
    samples = [
        sample("S1", "soil_temperature", T0 + index * MINUTE, round(10 * value))
        for index, value in enumerate(values)
    ]
    store = fed(place, samples)
    assert store.tests(TEMPERATURE) == list(values.values())
    assert store.flags(TEMPERATURE) == [1, 3, 4, 4, 4, 1, 3, 4]
    assert [row.value for row in store.of(TEMPERATURE)] == list(values)  # flag, never erase


def test_limits_of_a_position_go_before_those_of_the_station() -> None:
    limits = """
[[quality.limits]]
variable = "soil_water"
position = "p/d2"
suspect_upper = 0.5
[[quality.limits]]
variable = "soil_water"
suspect_lower = 0.01
suspect_upper = 0.3
"""
    place = station(soil("S1", "p/d2"), soil("S2", "p/d8"), limits)
    store = fed(place, [sample(serial, "soil_water", T0, 400.0) for serial in ("S1", "S2")])
    assert store[WATER, T0].tests == ""
    assert store[key("p/d8", "soil_water"), T0].tests == "site_suspect"
    low = fed(place, [sample("S1", "soil_water", T0, 5.0)])
    assert low[WATER, T0].tests == "site_suspect"  # what the position does not name holds from the station


@pytest.mark.parametrize(("raw", "tests", "flag"), [(1000.0, "saturation", 3), (999.0, "", 1)])
def test_a_reading_at_full_scale_is_clipped(raw: float, tests: str, flag: int) -> None:
    # 100.0 % water is the end of the register's scale and also the limit of what is possible
    row = fed(station(soil()), [sample("S1", "soil_water", T0, raw)])[WATER, T0]
    assert (row.tests, row.flag) == (tests, flag)


# tests that look back


RATE = '[[quality.limits]]\nvariable = "soil_water"\nrate_per_minute = 0.01\n'
ALONE = 'channels = ["soil_water"]'
"""Water corrects nothing then: no salinity is made of conductivity at its position."""
FLAT = '[[quality.limits]]\nvariable = "soil_water"\nflat_for = "2h"\n'


def test_rate_of_change_by_time() -> None:
    place = station(soil(), RATE)
    raws = [100.0, 105.0, 140.0, 141.0]
    store = fed(place, [sample("S1", "soil_water", T0 + i * MINUTE, raw) for i, raw in enumerate(raws)])
    assert store.tests(WATER) == ["", "", "rate_of_change", ""]
    slow = fed(place, [sample("S1", "soil_water", T0 + i * 10 * MINUTE, raw) for i, raw in enumerate(raws)])
    assert slow.tests(WATER) == ["", "", "", ""]


def test_a_new_calibration_is_not_a_jump() -> None:
    certificate = """
[[instrument.calibration]]
channel = "soil_water"
valid_from = 2022-06-01T00:01:00Z
gain = 1.5
certificate = "a"
"""
    place = station(soil() + certificate, RATE)
    store = fed(place, [sample("S1", "soil_water", T0 + index * MINUTE, 100.0) for index in range(3)])
    assert [row.value for row in store.of(WATER)] == pytest.approx([0.1, 0.15, 0.15])
    assert store.tests(WATER) == ["", "", ""]


def test_a_stuck_co2_probe_is_found_although_the_barometer_moves() -> None:
    place = station(co2(), barometer(), '[[quality.limits]]\nvariable = "co2"\nflat_for = "1h"\n')
    samples = []
    for index in range(90):
        at = T0 + index * MINUTE
        samples += [sample("B1", "air_pressure", at, 880.0 + index % 5), sample("C1", "co2", at, 1500.0)]
    rows = fed(place, warm() + samples).of(CO2)[1:]
    assert len({row.value for row in rows}) == 5
    assert [row.tests == "flat_line" for row in rows] == [index >= 60 for index in range(90)]


def test_flat_line_survives_a_change_of_duty_cycle() -> None:
    place = station(soil(), FLAT)
    times = [T0 + index * MINUTE for index in range(60)]
    times += [T0 + HOUR + index * 10 * MINUTE for index in range(13)]
    raws = [100.0 + index for index in range(60)] + [170.0] * 13
    store = fed(place, [sample("S1", "soil_water", at, raw) for at, raw in zip(times, raws, strict=True)])
    assert store.tests(WATER) == [""] * 72 + ["flat_line"]


def test_missing_values_neither_break_nor_make_a_plateau() -> None:
    place = station(soil(), FLAT)
    rows = [
        sample("S1", "soil_water", T0 + index * 10 * MINUTE, None if index % 2 else 170.0)
        for index in range(15)
    ]
    tests = fed(place, rows).tests(WATER)
    assert [name for name in tests if name != "missing"] == [""] * 6 + ["flat_line"] * 2


def test_a_probe_is_suspect_while_it_warms_up() -> None:
    # GMP252: 2 min in the catalogue
    place = station(co2(), barometer())
    times = [T0, T0 + MINUTE, T0 + 2 * MINUTE, T0 + 3 * HOUR, T0 + 3 * HOUR + 2 * MINUTE]
    pressure = [sample("B1", "air_pressure", at, 885.0) for at in times]
    store = fed(place, [*pressure, *(sample("C1", "co2", at, 900.0) for at in times)])
    assert store.tests(CO2) == ["warm_up", "warm_up", "", "warm_up", ""]
    assert store.flags(CO2) == [3, 3, 1, 3, 1]


def test_a_probe_that_came_back_on_the_bus_is_warming_up() -> None:
    place = station(co2(), barometer())
    rows = [*warm(), sample("B1", "air_pressure", T0, 885.0), sample("C1", "co2", T0, 900.0, "warm-up")]
    assert fed(place, rows)[CO2, T0].tests == "warm_up"


def test_the_station_file_can_say_how_long_a_probe_warms_up() -> None:
    place = station(co2(more='warm_up = "10min"'), barometer())
    rows = [sample("B1", "air_pressure", T0 + index * MINUTE, 885.0) for index in range(12)]
    rows += [sample("C1", "co2", T0 + index * MINUTE, 900.0) for index in range(12)]
    assert fed(place, rows).tests(CO2) == ["warm_up"] * 10 + ["", ""]


def test_status_bits_of_the_probe() -> None:
    # GMP252 (M211897EN): CO2 status 2 not reliable, 256 not ready; device status 4 warning in the high word
    place = station(co2(), barometer())
    words = {"status=0x2": "device-unreliable", "status=0x40000": "device-warning"}
    words |= {"status=0x40102": "device-unreliable,device-not-ready,device-warning"}
    rows = warm()
    for index, status in enumerate(words):
        at = T0 + index * MINUTE
        rows += [sample("B1", "air_pressure", at, 885.0), sample("C1", "co2", at, 900.0, status)]
    store = fed(place, rows)
    assert store.tests(CO2)[1:] == list(words.values())
    assert store.flags(CO2)[1:] == [4, 3, 4]
    assert all(row.value is not None for row in store.of(CO2))


def test_what_a_probe_says_without_explanation_is_suspect_and_kept() -> None:
    row = fed(station(soil()), [sample("S1", "soil_water", T0, 100.0, "low battery")])[WATER, T0]
    assert (row.value, row.flag, row.tests) == (0.1, Flag.SUSPECT, "device:low battery")


# corrections of CO2


def test_co2_is_brought_to_the_measured_pressure() -> None:
    # GMP252: computes for 1013.25 hPa; 1000 ppm x 1013.25 / 810.6 = 1250 ppm (0.8 atm)
    place = station(co2(), barometer())
    pressure = raw_of(place.deployments, "B1", "air_pressure", 810.6)
    assert pressure == 811.0  # the barometer's resolution is 1 hPa
    store = fed(place, [*warm(), sample("B1", "air_pressure", T0, 811.0), sample("C1", "co2", T0, 1000.0)])
    row = store[CO2, T0]
    assert row.value == pytest.approx(1000.0 * 1013.25 / 811.0, rel=1e-12)
    assert (row.raw, row.flag, row.tests, row.corrections) == (1000.0, Flag.GOOD, "", "pressure")


def test_without_a_barometer_the_altitude_gives_the_pressure() -> None:
    # ICAO standard atmosphere, 1000 m: 898.75 hPa (Doc 7488/3, table)
    row = fed(station(co2()), [*warm(), sample("C1", "co2", T0, 1000.0)])[CO2, T0]
    assert row.value == pytest.approx(1000.0 * 1013.25 / 898.75, rel=2e-5)
    assert (row.flag, row.tests) == (Flag.NOT_EVALUATED, "standard_pressure")
    assert row.corrections == "standard_pressure"


def test_a_pressure_speaks_for_an_hour_and_a_bad_one_for_nothing() -> None:
    place = station(co2(), barometer())
    rows = [sample("B1", "air_pressure", T0, 885.0)]
    rows += [sample("B1", "air_pressure", T0 + MINUTE, 1199.0)]  # impossible: over 1100 hPa
    rows += [sample("B1", "air_pressure", T0 + 2 * MINUTE, None, "nan")]
    rows += [sample("C1", "co2", T0 + offset, 1000.0) for offset in (0, 2 * MINUTE, HOUR, HOUR + MINUTE)]
    found = fed(place, warm() + rows).of(CO2)[1:]
    assert [row.corrections for row in found] == ["pressure"] * 3 + ["standard_pressure"]
    assert found[1].value == pytest.approx(1000.0 * 1013.25 / 885.0)


def test_a_suspect_companion_makes_suspect() -> None:
    limits = '[[quality.limits]]\nvariable = "air_pressure"\nsuspect_lower = 890\n'
    place = station(co2(), barometer(), limits)
    rows = [*warm(), sample("B1", "air_pressure", T0, 880.0), sample("C1", "co2", T0, 1000.0)]
    row = fed(place, rows)[CO2, T0]
    assert (row.flag, row.tests) == (Flag.SUSPECT, "suspect_companion")
    assert row.corrections == "pressure"


UNCOMPENSATED = 'compensation = { pressure = "none", temperature = "none" }'


def test_an_uncompensated_probe_is_corrected_for_both() -> None:
    place = station(co2(more=UNCOMPENSATED), soil(), barometer())
    rows = [
        sample("S1", "soil_temperature", T0, 100.0),
        sample("B1", "air_pressure", T0, 1000.0),
        sample("C1", "co2", T0, 1000.0),
    ]
    row = fed(place, warm() + rows)[CO2, T0]
    assert row.value == pytest.approx(1000.0 * 1.01325 * 283.15 / 298.15, rel=1e-12)
    assert (row.flag, row.corrections) == (Flag.GOOD, "pressure,temperature")


def test_the_probes_own_reference_values_are_used() -> None:
    more = (
        'compensation = { pressure = "none", temperature = "none", reference_pressure_hpa = 900.0, '
        "reference_temperature_degc = 10.0 }"
    )
    place = station(co2(more=more), soil(), barometer())
    rows = [
        sample("S1", "soil_temperature", T0, 100.0),
        sample("B1", "air_pressure", T0, 900.0),
        sample("C1", "co2", T0, 1000.0),
    ]
    assert fed(place, rows)[CO2, T0].value == 1000.0


def test_what_the_probe_compensates_is_left_alone() -> None:
    place = station(co2(more='compensation = { pressure = "device" }'), soil(), barometer())
    rows = [sample("B1", "air_pressure", T0, 885.0), sample("C1", "co2", T0, 1000.0)]
    row = fed(place, warm() + rows)[CO2, T0]
    assert (row.value, row.flag, row.corrections) == (1000.0, Flag.GOOD, "")


def test_without_temperature_that_part_is_left_out_and_said() -> None:
    place = station(co2(more=UNCOMPENSATED), barometer())
    rows = [sample("B1", "air_pressure", T0, 1000.0), sample("C1", "co2", T0, 1000.0)]
    row = fed(place, warm() + rows)[CO2, T0]
    assert row.value == pytest.approx(1013.25)
    assert (row.flag, row.tests) == (Flag.SUSPECT, "co2_without_temperature")
    assert row.corrections == "pressure"


def test_a_co2_reading_of_unknown_compensation_is_named() -> None:
    node = """
[mqtt]
host = "127.0.0.1"
[[connection]]
id = "net"
kind = "mqtt"
[[instrument]]
id = "n"
model = "soilco2-node"
serial = "N1"
connection = "net"
interval = "60s"
channels = ["co2"]
installation = [{ position = "p/d2", from = 2020-01-01 }]
"""
    row = fed(station(node), [sample("N1", "co2", T0, 700.0)])[CO2, T0]
    assert (row.value, row.flag, row.tests) == (700.0, Flag.NOT_EVALUATED, "compensation_unknown")


# conductivity and salinity


def test_conductivity_at_25_degrees_and_salinity_are_series_of_their_own() -> None:
    # 0.809 dS/m at 15 degC with 0.0191 1/K is 1 dS/m at 25 degC; 0.55 mg/L per uS/cm makes 550 mg/L
    place = station(soil())
    store = fed(place, [sample("S1", "soil_temperature", T0, 150.0), sample("S1", "bulk_ec", T0, 809.0)])
    assert store[BULK_EC, T0].value == 0.809
    assert store[EC25, T0].value == pytest.approx(1.0, rel=1e-12)
    assert (store[EC25, T0].raw, store[EC25, T0].corrections) == (0.809, "ec25")
    assert store[SALINITY, T0].value == pytest.approx(550.0, rel=1e-12)
    assert (store[SALINITY, T0].flag, store[SALINITY, T0].corrections) == (Flag.GOOD, "ec25,salinity")


def test_a_probe_that_compensates_conductivity_is_not_corrected_again() -> None:
    place = station(soil(more="settings = { ec_coefficient = 0.02 }"))
    row = fed(place, [sample("S1", "bulk_ec", T0, 809.0)])[EC25, T0]
    assert (row.value, row.flag, row.corrections) == (0.809, Flag.GOOD, "")


def test_conductivity_without_temperature_or_in_frozen_soil() -> None:
    place = station(soil())
    alone = fed(place, [sample("S1", "bulk_ec", T0, 809.0)])
    assert alone[BULK_EC, T0].flag == Flag.GOOD
    assert (alone[EC25, T0].value, alone[EC25, T0].tests) == (None, "ec_without_temperature")
    assert (alone[SALINITY, T0].value, alone[SALINITY, T0].flag) == (None, Flag.MISSING)
    cold = fed(place, [sample("S1", "soil_temperature", T0, -10.0), sample("S1", "bulk_ec", T0, 50.0)])
    assert (cold[EC25, T0].value, cold[EC25, T0].tests) == (None, "frozen")


def test_what_is_wrong_with_conductivity_is_wrong_with_what_comes_from_it() -> None:
    place = station(soil())
    rows = [sample("S1", "soil_temperature", T0, 150.0), sample("S1", "bulk_ec", T0, 20000.0)]
    store = fed(place, rows)
    assert [store[series, T0].tests for series in (BULK_EC, EC25, SALINITY)] == ["saturation"] * 3
    gone = fed(place, [sample("S1", "soil_temperature", T0, 150.0), sample("S1", "bulk_ec", T0, 65535.0)])
    assert [gone[series, T0].tests for series in (BULK_EC, EC25, SALINITY)] == ["sentinel"] * 3


# calibration


CALIBRATED = """
[[instrument.calibration]]
channel = "co2"
valid_from = 2022-01-01
gain = 1.1
offset = -10.0
certificate = "a"
[[instrument.calibration]]
channel = "co2"
valid_from = 2022-06-01T00:01:00Z
valid_until = 2022-06-01T00:02:00Z
gain = 1.2
offset = 5.0
certificate = "b"
"""


def test_the_newest_valid_calibration_applies_after_the_corrections() -> None:
    place = station(co2() + CALIBRATED, barometer())
    rows = [
        sample("B1", "air_pressure", T0, 1000.0),
        *(sample("C1", "co2", T0 + index * MINUTE, 1000.0) for index in range(3)),
    ]
    found = fed(place, warm() + rows).of(CO2)[1:]
    # 1013.25 x 1.1 - 10 = 1104.575 ; 1013.25 x 1.2 + 5 = 1220.9
    assert [row.value for row in found] == pytest.approx([1104.575, 1220.9, 1220.9], rel=1e-12)
    assert {row.corrections for row in found} == {"pressure,calibration"}
    assert {row.raw for row in found} == {1000.0}
    # past its end it goes on applying and says so; the flag stays usable
    assert [row.tests for row in found] == ["", "", "calibration_overdue"]
    assert [row.flag for row in found] == [Flag.GOOD, Flag.GOOD, Flag.NOT_EVALUATED]


# flags set by hand


def by_hand(series: object, flag: int, start: int = 0, end: int | None = 10) -> ManualFlag:
    """A flag from minute `start` until before minute `end`."""
    until = None if end is None else T0 + end * MINUTE
    return ManualFlag(series, T0 + start * MINUTE, until, flag, "a", "b", 1)  # type: ignore[arg-type]


def test_a_flag_set_by_hand_is_a_layer_of_its_own() -> None:
    place = station(soil())
    rows = [sample("S1", "soil_water", T0 + index * MINUTE, 100.0) for index in range(5)]
    layer = [by_hand(WATER, 4, 1, 3)]
    store = fed(place, rows, layer)
    assert store.flags(WATER) == [1, 4, 4, 1, 1]
    assert store.tests(WATER) == ["", "manual", "manual", "", ""]
    assert {row.value for row in store.of(WATER)} == {0.1}
    assert fed(place, rows).flags(WATER) == [1] * 5  # taken back
    assert fed(place, rows, [by_hand(WATER, 3, 2, None)]).flags(WATER) == [1, 1, 3, 3, 3]


def test_nobody_talks_a_bad_value_good() -> None:
    place = station(soil())
    rows = [sample("S1", "soil_temperature", T0, 900.0)]  # 90 degC
    row = fed(place, rows, [by_hand(TEMPERATURE, 1)])[TEMPERATURE, T0]
    assert (row.flag, row.tests) == (Flag.BAD, "physical_range,instrument_range,manual")


def test_a_companion_flagged_bad_by_hand_is_not_used() -> None:
    place = station(co2(), barometer())
    rows = [*warm(), sample("B1", "air_pressure", T0, 885.0), sample("C1", "co2", T0, 1000.0)]
    row = fed(place, rows, [by_hand(PRESSURE, 4)])[CO2, T0]
    assert row.corrections == "standard_pressure"


def test_a_flag_on_conductivity_reaches_what_comes_from_it() -> None:
    place = station(soil())
    rows = [sample("S1", "soil_temperature", T0, 150.0), sample("S1", "bulk_ec", T0, 809.0)]
    store = fed(place, rows, [by_hand(BULK_EC, 4)])
    assert [store[series, T0].flag for series in (TEMPERATURE, BULK_EC, EC25, SALINITY)] == [1, 4, 4, 4]
    only = fed(place, rows, [by_hand(EC25, 3)])
    assert [only[series, T0].flag for series in (BULK_EC, EC25, SALINITY)] == [1, 3, 1]


# order and place


def test_a_probe_that_moved_starts_anew_at_its_new_place() -> None:
    moved = """
until = 2022-06-01T00:02:00Z
[[instrument.installation]]
position = "p/d8"
from = 2022-06-01T00:02:00Z
"""
    place = station(soil() + moved, RATE)
    raws = [100.0, 100.0, 400.0, 400.0]
    store = fed(place, [sample("S1", "soil_water", T0 + i * MINUTE, raw) for i, raw in enumerate(raws)])
    assert [row.value for row in store.of(WATER)] == [0.1, 0.1]
    deeper = store.of(key("p/d8", "soil_water"))
    assert [(row.value, row.tests) for row in deeper] == [(0.4, ""), (0.4, "")]


def test_the_order_of_probes_within_a_slot_does_not_matter() -> None:
    place = station(co2(), barometer())
    rows = [sample("C1", "co2", T0, 1000.0), sample("B1", "air_pressure", T0, 885.0)]
    together = fed(place, warm() + rows)[CO2, T0]
    assert together.corrections == "pressure"
    one_by_one = pipeline(place)
    one_by_one.feed(warm())
    first = one_by_one.feed(rows[:1])
    assert first.observations[0].corrections == "standard_pressure"
    second = one_by_one.feed(rows[1:])
    assert second.late == []  # no journal is asked for what came a moment ago
    assert together in second.observations


def test_a_pressure_that_comes_a_day_late_names_the_time_it_speaks_for() -> None:
    place = station(co2(), barometer())
    flow = pipeline(place)
    flow.feed([sample("C1", "co2", T0 + index * 10 * MINUTE, 1000.0) for index in range(144)])
    outcome = flow.feed([sample("B1", "air_pressure", T0, 885.0)])
    assert outcome.late == [("B1", "air_pressure", T0, T0 + HOUR + 1)]


def test_a_late_sample_names_its_look_back_and_what_it_blinds_waits() -> None:
    place = station(soil(more=ALONE), FLAT)
    flow = pipeline(place)
    assert flow.lookback_us == 3 * HOUR + HOUR  # 1.5 x 2 h, and the reach of a companion
    flow.feed([sample("S1", "soil_water", T0 + index * MINUTE, 100.0) for index in range(10)])
    outcome = flow.feed([sample("S1", "soil_water", T0 - MINUTE, 100.0)])
    assert outcome == ([], [("S1", "soil_water", T0 - MINUTE, T0 - MINUTE + 3 * HOUR + 1)])
    # until it was made again, what comes of this series counts only after that, and of no other
    later = T0 + 10 * MINUTE
    ahead = flow.feed([sample("S1", "soil_water", later, 100.0)])
    assert ahead == ([], [("S1", "soil_water", later, later + 3 * HOUR + 1)])
    assert flow.feed([sample("import/p/d8", "soil_temperature", later, 10.0)]).late == []
    again = Pipeline(flow._plan)
    again.again([sample("S1", "soil_water", T0 + index * MINUTE, 100.0) for index in range(-1, 11)])
    assert flow.level(again, {WATER}) == [WATER]
    flow.take_over(again, [WATER], T0 - MINUTE)
    given = flow.feed(
        [sample("S1", "soil_water", T0 + index * MINUTE, 100.0) for index in (60, 119)]
    ).observations
    assert [row.tests for row in given] == ["", "flat_line"], "since a minute before T0, by the late one"


def test_a_writer_that_restarts_in_the_middle_of_a_plateau_goes_on_as_if_it_had_not() -> None:
    place = station(soil(), FLAT)
    rows = [sample("S1", "soil_water", T0 + index * 10 * MINUTE, 170.0) for index in range(20)]
    writer = Writer(place)
    for index, row in enumerate(rows):
        writer.commit([row])
        if index % 5 == 4:
            writer.restart()
    assert writer.made_again == 0
    assert writer.store == fed(place, rows)
    assert writer.store.tests(WATER)[-1] == "flat_line"


def test_memory_stays_bounded_on_a_long_stream() -> None:
    place = station(co2(), soil(), barometer(), FLAT)
    flow = pipeline(place)
    for index in range(3000):
        at = T0 + index * MINUTE
        flow.feed(
            [
                sample("B1", "air_pressure", at, 880.0 + index % 3),
                sample("S1", "soil_temperature", at, 150.0),
                sample(
                    "S1", "soil_water", at, float(index % 900)
                ),  # rises for hours: the worst for a plateau
                sample("S1", "bulk_ec", at, 100.0),
                sample("C1", "co2", at, 1000.0, "status=0x2" if index % 2 else ""),
            ]
        )
    for line in flow._epochs._lines.values():
        if line.history is not None:
            assert len(line.history._times) <= 60 * 4 + 1  # four reaches of an hour
        for dependant in line.dependants:
            assert len(dependant._recent) <= 61
    for track in flow._epochs._tracks.values():
        for _, fails in track._remembers:
            assert len(getattr(fails.__self__, "_highs", ())) <= 2


def test_a_pair_of_probes_in_one_series_is_resolved_the_same_way_in_any_order() -> None:
    place = station(soil())
    probe_row, table_row = sample("S1", "soil_water", T0, 100.0), sample("import/p/d2", "soil_water", T0, 0.3)
    expected = fed(place, [probe_row])
    for rows in ([probe_row, table_row], [table_row, probe_row]):
        writer = Writer(place)
        for row in rows:
            writer.commit([row])
        assert writer.store == expected


def test_an_instrument_without_installation_gives_nothing() -> None:
    place = station(probe("cwt-soil-thc-s", "S1", "p/d2", installed="2030-01-01"))
    assert pipeline(place).feed([sample("S1", "soil_water", T0, 100.0)]) == ([], [])


def test_after_a_start_what_lies_before_the_journal_tail_is_made_again() -> None:
    place = station(soil("S1", "p/d2", more=ALONE), soil("S2", "p/d8", more=ALONE), FLAT)
    flow = pipeline(place)
    newest = T0 + 24 * HOUR
    since = newest - flow.lookback_us
    tail = [sample("S1", "soil_water", at, 100.0) for at in range(since, newest + 1, 10 * MINUTE)]
    flow.prime(tail, since)
    # the other probe's node was cut off for a day: what it said before is not in the tail
    assert flow.feed([sample("S2", "soil_water", T0, 100.0)]) == (
        [],
        [("S2", "soil_water", T0, T0 + 3 * HOUR + 1)],
    )
    ahead = flow.feed([sample("S1", "soil_water", newest + MINUTE, 100.0)])
    assert [row.tests for row in ahead.observations] == ["flat_line"]
    assert ahead.late == []


def test_doubles_in_the_journal_do_not_blind_a_primed_pipeline() -> None:
    flow = pipeline(station(soil()))
    flow.prime([sample("S1", "soil_water", T0, 100.0), sample("import/p/d2", "soil_water", T0, 0.3)])
    assert len(flow.feed([sample("S1", "soil_water", T0 + MINUTE, 100.0)]).observations) == 1


def test_what_a_doubtful_companion_changes_is_left_to_the_recomputation() -> None:
    limits = '[[quality.limits]]\nvariable = "air_pressure"\nrate_per_minute = 1\n'
    place = station(co2(), barometer(), limits)
    flow = pipeline(place)
    flow.feed(warm())
    flow.feed([sample("B1", "air_pressure", T0, 885.0)])
    flow.feed([sample("B1", "air_pressure", T0 - MINUTE, 890.0)])  # late: the next rate is not known
    outcome = flow.feed([sample("C1", "co2", T0 + MINUTE, 1000.0)])
    assert [row[:3] for row in outcome.late] == [("C1", "co2", T0 + MINUTE)]
    outcome = flow.feed([sample("B1", "air_pressure", T0 + MINUTE, 888.0)])
    assert outcome.observations == []
    # as far as its rate looks back and ahead, and the hour that it speaks for
    at, back = T0 + MINUTE, StationPlan(place.deployments, place.hash).of("B1", "air_pressure").at(T0)
    assert back is not None
    until = at + back.channel.lookback_us + HOUR + 1
    assert outcome.late == [("B1", "air_pressure", at - flow.lookahead_us, until)]


def test_a_suspect_temperature_makes_conductivity_at_25_degrees_suspect() -> None:
    place = station(soil(), '[[quality.limits]]\nvariable = "soil_temperature"\nsuspect_upper = 10\n')
    store = fed(place, [sample("S1", "soil_temperature", T0, 150.0), sample("S1", "bulk_ec", T0, 809.0)])
    assert store.tests(BULK_EC) == [""]
    assert store.tests(EC25) == store.tests(SALINITY) == ["suspect_companion"]


def test_corrections_are_named_in_the_order_of_application() -> None:
    certificate = """
[[instrument.calibration]]
channel = "bulk_ec"
valid_from = 2022-01-01
gain = 2.0
certificate = "a"
"""
    place = station(soil() + certificate)
    store = fed(place, [sample("S1", "soil_temperature", T0, 150.0), sample("S1", "bulk_ec", T0, 809.0)])
    assert store[BULK_EC, T0].corrections == "calibration"
    assert store[EC25, T0].corrections == "calibration,ec25"
    assert store[EC25, T0].value == pytest.approx(2.0, rel=1e-12)
    assert store[SALINITY, T0].corrections == "calibration,ec25,salinity"


def test_an_air_probe_takes_the_air_temperature_of_the_site() -> None:
    place = station(co2("C1", "p/air", more=UNCOMPENSATED), soil())
    rows = [
        sample("import/site/", "air_pressure", T0, 1013.25),
        sample("import/site/", "air_temperature", T0, 10.0),
        sample("S1", "soil_temperature", T0, 300.0),
        sample("C1", "co2", T0, 400.0),
    ]
    row = fed(place, warm() + rows)[key("p/air", "co2"), T0]
    assert row.value == pytest.approx(400.0 * 283.15 / 298.15, rel=1e-12)
    assert (row.flag, row.corrections) == (Flag.GOOD, "pressure,temperature")


def test_a_number_at_the_very_limit_is_inside_whatever_its_last_binary_digit() -> None:
    band = Band([(1, 0.0, 0.3)])
    assert 3 * 0.1 > 0.3
    assert band.lower <= 3 * 0.1 <= band.upper
    assert band.outside(0.3001) == 1


_ODD = st.sampled_from(
    [(None, ""), (None, "nan"), (1e39, ""), (-5.0, ""), (0.3, "source=0x1"), (0.3, "strange"), (2.0, "")]
)


@given(
    st.lists(st.tuples(st.integers(0, 400), st.sampled_from(["p/d2", "p/d8", "site"]), _ODD), max_size=40),
    st.integers(0, 600),
)
def test_many_at_once_are_judged_as_one_by_one(
    odd: list[tuple[int, str, tuple[float | None, str]]], cut: int
) -> None:
    limits = '[[quality.limits]]\nvariable = "soil_water"\nupper = 0.45\nsuspect_upper = 0.4\n'
    place = station(soil(), limits)
    by_hand = [ManualFlag(key("p/d8", "soil_water"), T0 + 100 * MINUTE, T0 + 120 * MINUTE, 4, "a", "b", 1)]
    names = {"p/d2": "soil_water", "p/d8": "soil_water", "site": "air_pressure"}
    rows = {
        (i, where): sample(
            f"import/{'site/' if where == 'site' else where}", name, T0 + i * MINUTE, 0.1 + i % 40 / 100
        )
        for i in range(401)
        for where, name in names.items()
    }
    for i, where, (raw, status) in odd:
        rows[i, where] = rows[i, where]._replace(raw=raw, status=status)
    every = list(rows.values())
    expected = Store()
    flow = pipeline(place, by_hand)
    for row in every:
        expected.add(flow.feed([row]).observations)
    assert fed(place, every, by_hand) == expected
    halves = pipeline(place, by_hand)
    halves.feed(every[cut:])
    assert {(*row[:3],) for row in halves.feed(every[:cut]).late} == {(*row[:3],) for row in every[:cut]}


def test_what_companions_said_stays_small_at_a_reading_a_second() -> None:
    """As many as speak for an hour and more: 17 bytes each, and few observations that can be made again."""
    place = station(co2(), barometer())
    flow = pipeline(place)
    for index in range(6000):
        at = T0 + index * SECOND
        flow.feed([sample("B1", "air_pressure", at, 880.0 + index % 3), sample("C1", "co2", at, 1000.0)])
    line = flow._epochs._lines[key("site", "air_pressure")]
    assert line.history is not None
    assert 3600 <= len(line.history._times) < 4096
    assert line.history._times.itemsize + line.history._values.itemsize == 16
    assert [len(dependant._recent) for dependant in line.dependants] == [256]
