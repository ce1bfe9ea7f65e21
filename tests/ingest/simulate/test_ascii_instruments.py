"""Simulated instruments that speak lines of text, read by the driver."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from soilco2.ingest.drivers.driver import Bench
from soilco2.ingest.drivers.serial_ascii import DRIVER, line_of
from soilco2.ingest.errors import BusError, DoubleAnswer, NoAnswer
from soilco2.ingest.simulate.ascii_instruments import SimulatedAsciiLine
from soilco2.ingest.simulate.faults import Fault, Kind
from soilco2.ingest.simulate.measured import Measured, load_measured
from soilco2.ingest.simulate.replay import Feed, readings_at
from soilco2.station_config.loader import Station, load_station
from tests.ingest.simulate.hand import HALF_HOUR, START, HandClock
from tests.station_config.checks.test_serial_ascii import STATION

SLOT = START + 20 * HALF_HOUR
"""2022-06-01T10:00Z."""


@pytest.fixture
def station(tmp_path: Path) -> Station:
    path = tmp_path / "station.toml"
    path.write_text(STATION.replace("2026-03-01", "2020-01-01").replace("60s", "30min"), encoding="utf-8")
    return load_station(path)


@pytest.fixture(scope="module")
def measured() -> Measured:
    return load_measured()


def far_end(
    station: Station, measured: Measured, clock: HandClock, folder: Path, *faults: Fault
) -> SimulatedAsciiLine:
    feed = Feed(station.deployments, measured)
    rows = list(station.file.instrument)
    hits = [(fault, frozenset({"A1"})) for fault in faults]
    return SimulatedAsciiLine.of(Bench(station, station.file.connection[0], rows, feed, clock, folder, hits))


def test_the_driver_reads_what_was_measured(station: Station, measured: Measured, tmp_path: Path) -> None:
    clock = HandClock(SLOT)
    failed: list[BusError] = []
    end = far_end(station, measured, clock, tmp_path)
    rows = [(row, station.models[row.model]) for row in station.file.instrument]
    try:
        with closing(line_of(station.file.connection[0], rows)) as line:
            line.open()
            for instrument, model in rows:
                plan = line.plan(instrument, model)
                read = line.read(plan, 5.0, failed.append)
                written = readings_at(Feed(station.deployments, measured), instrument, SLOT)
                assert [(row.channel, row.raw) for row in read] == [(row.channel, row.raw) for row in written]
                assert read[0].raw is not None
            told = line.settings(line.plan(*rows[0]), 0.5, failed.append)
            assert told.values["pressure_mode"] == 1.0  # the factory's, as PARAM says it
    finally:
        end.stop()
    assert failed == []


@pytest.mark.parametrize(
    ("kind", "error"), [(Kind.SILENCE, NoAnswer), (Kind.ADDRESS_CLASH, DoubleAnswer)], ids=str
)
def test_a_fault_is_one_of_its_instrument_alone(
    station: Station, measured: Measured, tmp_path: Path, kind: Kind, error: type[BusError]
) -> None:
    end = far_end(station, measured, HandClock(SLOT), tmp_path, Fault(kind, "A1"))
    rows = [(row, station.models[row.model]) for row in station.file.instrument]
    failed: list[BusError] = []
    try:
        with closing(line_of(station.file.connection[0], rows)) as line:
            line.open()
            with pytest.raises(error):
                line.read(line.plan(*rows[0]), 0.1, failed.append)
            assert line.read(line.plan(*rows[1]), 5.0, failed.append)[0].raw is not None
    finally:
        end.stop()


def test_after_a_brown_out_it_is_set_up_anew(station: Station, measured: Measured, tmp_path: Path) -> None:
    clock = HandClock(SLOT)
    end = far_end(station, measured, clock, tmp_path, Fault(Kind.BROWN_OUT, "A1", SLOT))
    rows = [(row, station.models[row.model]) for row in station.file.instrument]
    failed: list[BusError] = []
    try:
        with closing(line_of(station.file.connection[0], rows)) as line:
            line.open()
            plan = line.plan(*rows[0])
            with pytest.raises(NoAnswer):
                line.read(plan, 0.1, failed.append)
            clock.set(SLOT + HALF_HOUR)
            end.tick()  # its banner
            read = line.read(plan, 0.2, failed.append)
            assert read[0].raw is not None
    finally:
        end.stop()
    assert "wrong_format" in {error.kind for error in failed}


def test_what_is_written_of_the_past_is_what_a_read_gives(station: Station) -> None:
    model = station.models["vaisala-gmp343"]
    (reading,) = DRIVER.simulated(model, ["co2"], {"co2": 1234.56})
    assert (reading.channel, reading.raw) == ("co2", 1234.6)
    (reading,) = DRIVER.simulated(model, ["co2"], {"co2": None})
    assert (reading.raw, reading.status) == (None, "nan")
