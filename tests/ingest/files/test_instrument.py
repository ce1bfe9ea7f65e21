"""Columns of a logger's file that are channels of instruments, and a simulated logger."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from soilco2.cli.main import main
from soilco2.ingest.collector import Collector
from soilco2.ingest.drivers.driver import Bench
from soilco2.ingest.errors import SimulationError
from soilco2.ingest.health import last_heard
from soilco2.ingest.simulate.logger import SimulatedLogger
from soilco2.station_config.connections.registry import kind_of
from soilco2.station_config.errors import StationFileError
from tests.ingest.files.watch import HEADER, STATION, Clock, Watching, rows

INSTRUMENT = """
[[instrument]]
id = "soil10"
model = "logger-sensor"
serial = "S-010"
connection = "cr1000"
interval = "1min"
channels = ["co2"]
[[instrument.installation]]
position = "p1/d10"
from = 2020-01-01
[[instrument.calibration]]
channel = "co2"
valid_from = 2020-01-01
gain = 2.0
certificate = "C-1"
"""
BY_SERIAL = STATION.replace(
    'position = "p1/d10"\nvariable = "co2"', 'serial = "S-010"\nchannel = "co2"\nunit = "%"'
)
HALF = 2 * 400.0 * 1e4
"""A reading of 400 % as ppm, times the gain."""


def test_a_column_may_be_a_channel_of_an_instrument_with_its_calibration(tmp_path: Path) -> None:
    field = Watching(tmp_path, BY_SERIAL + INSTRUMENT)
    field.write(HEADER + rows(0))
    field.look()
    assert field.values() == {"04-10T16:00": HALF}
    with field.reader() as reader:
        (sample,) = [one for one in reader.samples(0, 2**62) if one.channel == "co2"]
    assert (sample.serial, sample.raw) == ("S-010", 4e6)
    field.close()


def test_when_an_instrument_was_heard_is_known_after_a_restart(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    field = Watching(tmp_path, BY_SERIAL + INSTRUMENT)
    field.write(HEADER + rows(0, 1))
    field.look()
    with field.reader() as reader:
        arrived = {one.serial: one.arrival_us for one in reader.samples(0, 2**62)}["S-010"]
    field.close()
    assert last_heard(field.station) == {"S-010": arrived}
    with pytest.raises(SystemExit):
        main(["status", str(field.station.path), "--json"])
    told = json.loads(capsys.readouterr().out)
    assert told["instruments"]["soil10"]["last_answer_us"] == arrived
    collector = Collector(field.station)
    try:
        assert collector.status()["answered_us"] == {"S-010": arrived}
    finally:
        collector._writer.close()


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        (
            'serial = "S-010"\nchannel',
            'serial = "S-011"\nchannel',
            "no such serial number; did you mean 'S-010'",
        ),
        (
            'channel = "co2"\nunit',
            'channel = "co3"\nunit',
            "logger-sensor has no such channel; did you mean 'co2'",
        ),
        (
            'position = "p1/d10"\nvariable',
            'position = "p1/d1"\nvariable',
            "no such position; did you mean 'p1/d10'",
        ),
        (
            'path = "logger/*.dat"',
            'path = "lo*/soil.dat"',
            "a pattern is expected in the name of the file only",
        ),
        (
            'timezone = "UTC+08:00"',
            'timezone = "America/Denver"',
            "clocks of America/Denver are changed in summer",
        ),
        ('unit = "%"', 'position = "p1/d10"', "position and variable are expected"),
    ],
)
def test_a_connection_that_cannot_be_is_told_with_its_line(
    tmp_path: Path, right: str, wrong: str, said: str
) -> None:
    text = BY_SERIAL + INSTRUMENT
    assert text.count(right) == 1
    with pytest.raises(StationFileError, match=r"station\.toml:") as caught:
        Watching(tmp_path, text.replace(right, wrong))
    assert said in str(caught.value)


def test_a_connection_says_where_its_columns_go(tmp_path: Path) -> None:
    field = Watching(tmp_path, BY_SERIAL + INSTRUMENT)
    row = field.station.file.connection[0]
    assert kind_of(row).describe(row, "dune").endswith("*.dat")
    assert kind_of(row).columns(row) == [("CO2", "S-010/co2", "%"), ("T", "p1/d10/soil_temperature", "")]
    field.close()


def test_a_connection_without_a_zone_is_warned_of(tmp_path: Path) -> None:
    field = Watching(tmp_path, STATION.replace('timezone = "UTC+08:00"\n', ""))
    assert any("cr1000 has no timezone" in str(one.expected) for one in field.station.advice)
    field.close()


class _Feed:
    def value(self, serial: str, channel: str, time_us: int) -> float | None:
        return {"co2": 812.0, "soil_temperature": None}[channel] if serial == "import/p1/d10" else -1.0


def test_a_simulated_logger_writes_what_is_read(tmp_path: Path) -> None:
    field = Watching(tmp_path)
    connection = field.station.file.connection[0]
    logger = SimulatedLogger(Bench(field.station, connection, [], _Feed(), Clock(), tmp_path, []))
    logger.start()
    logger.tick()
    assert logger.place == ("files", str(field.folder / "simulated.dat"))
    logger._next_us -= 2 * logger._every_us  # two quarters of an hour ago
    logger.tick()
    field.look()
    assert list(field.values().values()) == [812.0, 812.0]
    assert field.counters() == {"in": 4, "stored": 4}
    logger.stop()
    field.close()


def test_a_simulated_logger_says_what_it_cannot_write(tmp_path: Path) -> None:
    field = Watching(tmp_path)
    connection = field.station.file.connection[0].model_copy(update={"format": "ZENTRA"})
    with pytest.raises(SimulationError, match="is simulated with files of TOA5"):
        SimulatedLogger(Bench(field.station, connection, [], _Feed(), Clock(), tmp_path, []))
    field.close()
