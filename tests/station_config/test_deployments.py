"""What follows from installations, calibrations and the surface, against plain search through the lists."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soilco2.station_config.catalogue.load import load_catalogue
from soilco2.station_config.deployments import Deployments, standard_pressure
from soilco2.station_config.loader import load_station
from soilco2.station_config.tables.stationfile import StationFile
from tests.station_config.example import SOIL, YULIN, changed, write

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
MODELS = load_catalogue()
STATION = {
    "id": "s", "name": "s", "latitude": 0, "longitude": 0, "altitude_m": 0, "timezone": "UTC",
}  # fmt: skip


def _at(hours: float) -> datetime:
    return EPOCH + timedelta(hours=hours)


def _us(hours: float) -> int:
    return int(_at(hours).timestamp()) * 1_000_000


def _deployments(instruments: list[dict[str, Any]], profile: dict[str, Any] | None = None) -> Deployments:
    positions = [{"id": f"d{n}", "depth_m": n / 100} for n in range(5)]
    data = {
        "station": STATION,
        "connection": [{"id": "b", "kind": "modbus-rtu", "port": "/dev/x", "baudrate": 9600}],
        "profile": [{"id": "p", "position": positions} | (profile or {})],
        "instrument": [
            {"model": "cwt-soil-thc-s", "connection": "b", "interval": "60s", "address": 1} | row
            for row in instruments
        ],
    }
    return Deployments(StationFile.model_validate(data), MODELS)


@st.composite
def stays(draw: st.DrawFn) -> list[tuple[str, int, int | None]]:
    """Places one after another, with gaps: (position, from, until) in hours."""
    times = sorted(draw(st.lists(st.integers(0, 1000), min_size=2, max_size=10, unique=True)))
    pairs = list(zip(times[::2], times[1::2], strict=False))
    found: list[tuple[str, int, int | None]] = [
        (f"p/d{draw(st.integers(0, 4))}", start, end) for start, end in pairs
    ]
    if draw(st.booleans()):
        place, start, _ = found[-1]
        found[-1] = (place, start, None)
    return draw(st.permutations(found))


@given(stays(), st.lists(st.integers(-10, 1100), max_size=20))
def test_a_reading_belongs_where_its_channel_was_at_that_moment(
    rows: list[tuple[str, int, int | None]], hours: list[int]
) -> None:
    installations = [
        {"position": place, "from": _at(start)} | ({} if end is None else {"until": _at(end)})
        for place, start, end in rows
    ]
    deployments = _deployments([{"id": "i", "serial": "S", "installation": installations}])
    edges = [hour for _, start, end in rows for hour in (start, end) if hour is not None]
    for hour in hours + edges:
        wanted = [
            ("s", *place.split("/"), "soil_water")
            for place, start, end in rows
            if start <= hour and (end is None or hour < end)
        ]
        found = deployments.series_at("S", "soil_water", _us(hour))
        assert ([found] if found else []) == wanted
        assert deployments.active("S", _us(hour)) == any(end is None or hour < end for _, _, end in rows)
    for series in deployments.series():
        if series[3] in ("ec25", "salinity"):
            continue
        spans = [(start, end) for place, start, end in rows if f"{series[1]}/{series[2]}" == place]
        assert deployments.instruments_of(series) == [
            ("S", series[3], _us(start), None if end is None else _us(end)) for start, end in sorted(spans)
        ]  # fmt: skip


@given(
    st.lists(st.tuples(st.integers(0, 1000), st.integers(-50, 50)), max_size=8),
    st.none() | st.integers(0, 1000),
    st.lists(st.integers(-10, 1100), max_size=10),
)
def test_depth_follows_the_surface_from_when_it_was_measured(
    changes: list[tuple[int, int]], measured: int | None, hours: list[int]
) -> None:
    position = {"id": "d0", "depth_m": 0.2} | ({} if measured is None else {"measured": _at(measured)})
    surface = [{"from": _at(hour), "change_m": change / 1000} for hour, change in changes]
    deployments = _deployments([], {"position": [position], "surface": surface})

    def moved(hour: int) -> float:
        return sum(change for at, change in changes if at <= hour) / 1000

    start = 0.0 if measured is None else moved(measured)
    for hour in hours + [at for at, _ in changes]:
        assert deployments.depth_at("p", "d0", _us(hour)) == pytest.approx(
            0.2 + moved(hour) - start, abs=1e-9
        )
    assert deployments.depth_at("p", "d0") == pytest.approx(0.2 + moved(10_000) - start, abs=1e-9)


def test_sand_blown_in_makes_deeper_and_blown_away_shallower() -> None:
    surface = [{"from": _at(24), "change_m": 0.03}, {"from": _at(48), "change_m": -0.05}]
    deployments = _deployments([], {"position": [{"id": "d10", "depth_m": 0.10}], "surface": surface})
    assert [deployments.depth_at("p", "d10", _us(hour)) for hour in (23, 24, 48)] == [0.10, 0.13, 0.08]
    assert deployments.depth_at("site", "") is None
    assert deployments.depth_at("p", "nowhere") is None


@given(st.lists(st.integers(0, 1000), max_size=8, unique=True), st.lists(st.integers(-10, 1100), max_size=10))
def test_the_newest_calibration_valid_at_a_moment_applies(starts: list[int], hours: list[int]) -> None:
    rows = [
        {"channel": "bulk_ec", "valid_from": _at(hour), "certificate": str(hour), "gain": 1.0 + hour}
        for hour in starts
    ]
    deployments = _deployments([{"id": "i", "serial": "S", "calibration": rows}])
    for hour in hours + starts:
        found = deployments.calibration_at("S", "bulk_ec", _us(hour))
        past = [start for start in starts if start <= hour]
        assert (found.certificate if found else None) == (str(max(past)) if past else None)
        assert deployments.calibration_at("S", "soil_water", _us(hour)) is None


def test_a_calibration_falls_due_at_the_earliest_of_what_is_said(tmp_path: Path) -> None:
    deployments = load_station(write(tmp_path, YULIN)).deployments
    day = 86_400_000_000
    start = int(datetime(2026, 2, 19, 16, tzinfo=UTC).timestamp()) * 1_000_000  # midnight of 20 Feb at UTC+8
    assert deployments.calibration_at("R1234567", "co2", start - 1) is None
    assert (
        deployments.calibration_due("R1234567", "co2", start) == start + 365 * day
    )  # the GMP252's catalogue
    text = changed("gain = 1.012", "gain = 1.012\ndue = 2026-08-20\nvalid_until = 2026-09-20")
    deployments = load_station(write(tmp_path, text)).deployments
    assert deployments.calibration_due("R1234567", "co2", start) == start + 181 * day
    assert deployments.calibration_due("THC0001", "soil_water", start) is None


# U.S. Standard Atmosphere 1976, table I, by geopotential altitude: -400, 0, 1000, 2000, 5000 m
@pytest.mark.parametrize(
    ("altitude", "hpa"), [(0, 1013.25), (1000, 898.746), (2000, 794.952), (5000, 540.199)]
)
def test_standard_pressure_is_that_of_the_standard_atmosphere(altitude: float, hpa: float) -> None:
    assert standard_pressure(altitude) == pytest.approx(hpa, rel=1e-5)


def test_raw_numbers_become_canonical_units(tmp_path: Path) -> None:
    deployments = load_station(write(tmp_path, YULIN)).deployments
    # CWT manual: registers 0292h, FF9Bh, 03E8h are 65.8 %, -10.1 °C, 1000 µS/cm
    for channel, raw, wanted in (
        ("soil_water", 0x292, 0.658),
        ("soil_temperature", -101, -10.1),
        ("bulk_ec", 1000, 1.0),
    ):
        found = deployments.channel("THC0001", channel)
        assert found is not None
        assert found.a * raw + found.b == pytest.approx(wanted, rel=1e-12)
    # Linovision manual: 03EDh is 100.5 kPa
    found = deployments.channel("AP77", "air_pressure")
    assert found is not None
    assert found.a * 0x3ED + found.b == pytest.approx(1005.0)


def test_series_are_sorted_by_depth_and_variable_and_say_where_they_come_from(tmp_path: Path) -> None:
    text = changed(
        "address = 12\n", 'address = 12\nmodelled = { bulk_ec = "EC by Rhoades 1976 from water" }\n'
    )
    deployments = load_station(write(tmp_path, text)).deployments
    assert [series[1:] for series in deployments.series()] == [
        ("site", "", "air_pressure"),
        ("site", "", "supply_voltage"),
        ("p1", "d10", "co2"),
        ("p1", "d10", "soil_temperature"),
        ("p1", "d10", "soil_water"),
        ("p1", "d10", "bulk_ec"),
        ("p1", "d10", "ec25"),
        ("p1", "d10", "salinity"),
        ("p1", "d30", "co2"),
        ("p1", "d30", "soil_temperature"),
    ]
    ec = ("yulin", "p1", "d10", "bulk_ec")
    temperature = ("yulin", "p1", "d10", "soil_temperature")
    assert deployments.derived[("yulin", "p1", "d10", "ec25")] == (ec, temperature)
    for name in ("bulk_ec", "ec25", "salinity"):
        assert deployments.note(("yulin", "p1", "d10", name)) == "modelled: EC by Rhoades 1976 from water"
    assert deployments.note(temperature) == ""
    assert deployments.period_s(("yulin", "site", "", "air_pressure")) == 300.0
    assert deployments.period_s(("yulin", "p9", "d1", "co2")) is None
    assert deployments.salinity_factor("THC0001") == 0.55
    assert deployments.ec_coefficient("THC0001") == 0.0
    assert deployments.ec_coefficient("R1234567") is None


def test_salinity_is_not_computed_where_an_instrument_gives_it(tmp_path: Path) -> None:
    text = changed('position = "p1/d30"', 'position = "p1/d10"').replace(
        '"co2", "soil_temperature", "supply_voltage"', '"salinity", "supply_voltage"'
    )
    deployments = load_station(write(tmp_path, text)).deployments
    assert [series[3] for series in deployments.derived] == ["ec25"]


def test_a_station_may_set_what_the_catalogue_says_of_a_probe(tmp_path: Path) -> None:
    text = changed(
        "address = 12\n", "address = 12\nsettings = { ec_coefficient = 0.02, salinity_factor = 0.6 }\n"
    )
    deployments = load_station(write(tmp_path, text)).deployments
    assert (deployments.ec_coefficient("THC0001"), deployments.salinity_factor("THC0001")) == (0.02, 0.6)
    deployments = load_station(write(tmp_path, text + "[quality]\nsalinity_factor = 0.64\n")).deployments
    assert deployments.salinity_factor("THC0001") == 0.64


def test_imported_tables_are_instruments_of_their_own(tmp_path: Path) -> None:
    deployments = load_station(write(tmp_path, YULIN)).deployments
    assert deployments.series_at("import/p1/d10", "co2", 5) == ("yulin", "p1", "d10", "co2")
    assert deployments.series_at("import/site/", "air_pressure", 5) == ("yulin", "site", "", "air_pressure")
    assert deployments.series_at("import/p1/d99", "co2", 5) is None
    assert deployments.series_at("import/p1/d10", "nonsense", 5) is None
    found = deployments.channel("import/p1/d10", "soil_water")
    assert found is not None
    assert (found.a, found.b, found.spec.unit, found.instrument) == (1.0, 0.0, "m3/m3", None)
    assert deployments.channel("import/p1/d99", "co2") is None
    assert deployments.channel("nobody", "co2") is None


def test_channels_that_a_station_does_not_use_are_not_there(tmp_path: Path) -> None:
    deployments = load_station(write(tmp_path, YULIN)).deployments
    assert {channel.key[1] for channel in deployments.channels_of("N30")} == {
        "co2", "soil_temperature", "supply_voltage",
    }  # fmt: skip
    assert deployments.channel("N30", "rain") is None
    assert deployments.channels_of("nobody") == ()


def test_a_probe_without_installation_is_read_but_gives_no_series(tmp_path: Path) -> None:
    deployments = load_station(write(tmp_path, changed(SOIL, ""))).deployments
    assert deployments.active("THC0001", 0)
    assert deployments.series_at("THC0001", "soil_water", 1_800_000_000_000_000) is None
    assert not deployments.active("nobody", 0)


def test_a_channel_decodes_registers_as_its_catalogue_file_says() -> None:
    deployments = _deployments(
        [
            {"id": "s", "serial": "S1"},
            {"id": "c", "serial": "C1", "model": "vaisala-gmp252"},
            {"id": "n", "serial": "N1", "model": "soilco2-node", "channels": ["co2"]},
        ]
    )

    def decoded(serial: str, channel: str, said: str) -> float | None:
        found = deployments.channel(serial, channel)
        assert found is not None
        return None if found.decode is None else found.decode(bytes.fromhex(said))

    assert decoded("S1", "soil_temperature", "FFEB") == -21.0  # signed, two's complement
    assert decoded("S1", "soil_water", "FFEB") == 65515.0  # not signed
    # Vaisala M211799EN: low word first, 465.66 ppm
    assert decoded("C1", "co2", "D47A43E8") == pytest.approx(465.66, abs=0.005)
    assert decoded("N1", "co2", "D47A43E8") is None, "a message carries the number itself"
    imported = deployments.channel("import/p/d1", "co2")
    assert imported is not None
    assert imported.decode is None
