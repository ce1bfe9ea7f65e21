"""Pressure and temperature are corrected once, whatever holds the data."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from soilco2.analysis.flux import job, settings
from soilco2.analysis.flux.errors import FluxError
from soilco2.analysis.flux.inputs import assemble, corrections_applied
from soilco2.cli.commands.analyse.flux import command
from soilco2.quality.records import Sample, SeriesKey
from soilco2.station_config.loader import Station, load_station
from soilco2.station_config.message import translate
from soilco2.storage.journal.reader import JournalReader
from soilco2.storage.journal.writer import Writer
from soilco2.storage.tidy.writer import write_tidy

HOUR = 3_600_000_000
START = 1_600_000_000_000_000 // HOUR * HOUR
STATION = """
[station]
id = "s"
name = "S"
latitude = 38.0
longitude = 109.0
altitude_m = 1150
timezone = "UTC"

[journal]
path = "journal.sqlite"

[[connection]]
id = "bus"
kind = "modbus-rtu"
port = "/dev/ttyUSB0"
baudrate = 19200

[[profile]]
id = "p"
[[profile.position]]
id = "d5"
depth_m = 0.05
[[profile.position]]
id = "d20"
depth_m = 0.20

[[instrument]]
id = "g5"
model = "vaisala-gmp252"
serial = "G5"
connection = "bus"
address = 240
interval = "1h"
[instrument.compensation]
pressure = "{pressure}"
temperature = "device"
[[instrument.installation]]
position = "p/d5"
from = 2020-01-01

[[soil.horizon]]
top_m = 0.0
bottom_m = 1.0
porosity = 0.42
"""
KEY = SeriesKey("s", "p", "d5", "co2")


def station_with(folder: Path, pressure: str) -> Station:
    path = folder / "s.toml"
    path.write_text(STATION.format(pressure=pressure), encoding="utf-8")
    return load_station(path)


def samples() -> Iterator[Sample]:
    """A probe at 5 cm, an imported table at 20 cm and its soil, a day long; the numbers do not matter here."""
    for hour in range(24):
        at = START + hour * HOUR
        for serial, channel, value in (
            ("G5", "co2", 900.0), ("import/p/d20", "co2", 2500.0), ("import/p/d5", "soil_temperature", 15.0),
            ("import/p/d5", "soil_water", 0.1), ("import/p/d20", "soil_temperature", 14.0),
            ("import/p/d20", "soil_water", 0.12), ("import/site/", "air_pressure", 880.0),
        ):  # fmt: skip
            yield Sample(serial, channel, at, value, "", None, at, 0, "", "test")


def run(*words: str | Path) -> Result:
    return CliRunner().invoke(command, [str(word) for word in words])


@pytest.mark.parametrize(
    ("pressure", "by"), [("device", "by the probe"), ("none", "in the station's quality step")]
)
def test_a_station_file_says_who_corrected(tmp_path: Path, pressure: str, by: str) -> None:
    found = corrections_applied.of_station(station_with(tmp_path, pressure))
    assert found == {KEY: f"pressure {by} and temperature by the probe"}


@pytest.mark.parametrize("pressure", ["device", "none"])
def test_command_refuses_a_second_correction_from_every_source(tmp_path: Path, pressure: str) -> None:
    station = station_with(tmp_path, pressure)
    with Writer.open(station) as writer:
        writer.commit(list(samples()))
    soil = tmp_path / "soil.toml"
    text = STATION.split("[[soil.horizon]]")[1]
    soil.write_text(f'[[soil.horizon]]{text}[flux]\nco2_probes = "uncompensated"\n', encoding="utf-8")
    table = tmp_path / "s.csv"
    with JournalReader(station.journal_path) as journal:
        write_tidy(journal, journal.series(), table, station=station)
    out = ("--out", tmp_path / "out", "--no-figures")
    assert station.path is not None
    for words in ((station.path,), (station.path, "--every", "1h", "--once"), (table,)):
        done = run(*words, "--soil", soil, *out)
        assert done.exit_code == 2, done.output
        assert "must not be done twice" in done.output
        assert "Traceback" not in done.output
    plain = run(table, "--soil", station.path, *out)
    assert plain.exit_code == 0, plain.output  # without a second correction the same data are answered


def test_a_journal_alone_tells_by_its_observations(tmp_path: Path) -> None:
    station = station_with(tmp_path, "none")
    with Writer.open(station) as writer:
        writer.commit(list(samples()))
    assert station.path is not None
    raw = settings.with_options(settings.read(station.path), co2_probes="uncompensated")
    with (
        JournalReader(station.journal_path) as journal,
        pytest.raises(
            FluxError, match="s/p/d5/co2 was corrected for pressure in the station's quality step already"
        ) as caught,
    ):
        job.run(journal, raw, assemble.Wanted())
    assert "s/p/d5/co2 已做过校正：气压校正（由台站的质量控制步骤完成）" in translate(str(caught.value), "zh")


def test_tables_without_a_word_about_it_are_corrected(tmp_path: Path) -> None:
    table = tmp_path / "t.csv"
    assert corrections_applied.of_sidecars([table]) == {}
    sidecar = tmp_path / "t.csv.json"
    row = {"key": list(KEY), "installations": [{"serial": "A"}]}
    analog = {"serial": "A", "corrections": {"co2": {"pressure": None, "temperature": None}}}
    sidecar.write_text(json.dumps({"series": [row], "instruments": [analog]}), encoding="utf-8")
    assert corrections_applied.of_sidecars([table]) == {}
    sidecar.write_text("[1]", encoding="utf-8")
    with pytest.raises(FluxError, match=r"t\.csv\.json is no sidecar"):
        corrections_applied.of_sidecars([table])
