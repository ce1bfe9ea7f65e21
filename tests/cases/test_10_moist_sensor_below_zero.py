"""A sensor says -2.1 °C as the register 0xFFEB, and its catalogue file takes it for a number without sign.

The file is mended after the night it was needed. What the probe said was kept, so the past is mended with it. The
file is of 0.1.0, with the registers beside a channel's other keys. Right values: -21 tenths in two's complement of 16
bits are 0xFFEB = 65515; 212 thousandths of water are 0.212.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import pytest

from soilco2.ingest.protocols.modbus import Request, answer_frame
from soilco2.ingest.simulate.line import Piece, PtyLine
from tests.cases.command import soilco2

PROBE = """\
id = "moist"
maker = "open hardware"
name = { en = "capacitive soil moisture probe", zh = "电容式土壤水分探头" }
protocol = "modbus-rtu"
source = "the maker's list of registers: moisture at 0, temperature at 1 in tenths"
[[block]]
id = "values"
function = 4
start = 0
count = 2
[[channel]]
id = "soil_temperature"
variable = "soil_temperature"
unit = "degC"
scale = 0.1
block = "values"
offset = 1
type = "uint16"
[[channel]]
id = "soil_water"
variable = "soil_water"
unit = "1"
scale = 0.001
block = "values"
offset = 0
type = "uint16"
"""
STATION = """\
catalogue = ["probes"]
[station]
id = "cold"
name = "Cold"
latitude = 38.0
longitude = 109.0
altitude_m = 1150
timezone = "Asia/Shanghai"
[journal]
path = "journal.sqlite"
[[connection]]
id = "bus1"
kind = "modbus-rtu"
port = "bus1"
baudrate = 19200
[[profile]]
id = "p1"
[[profile.position]]
id = "d05"
depth_m = 0.05
[[instrument]]
id = "a"
model = "moist"
serial = "M-1"
connection = "bus1"
address = 1
interval = "10s"
[[instrument.installation]]
position = "p1/d05"
from = 2026-01-01
"""


@pytest.fixture
def station(tmp_path: Path) -> Iterator[Path]:
    """The station file, beside a line on which the probe answers."""

    def respond(request: Request, _foreign: int) -> list[Piece]:
        registers = (212, 0xFFEB)
        return [(0.0, answer_frame(request, registers[request.start : request.start + request.registers]))]

    (tmp_path / "probes").mkdir()
    (tmp_path / "probes" / "moist.toml").write_text(PROBE, encoding="utf-8")
    path = tmp_path / "cold.toml"
    path.write_text(STATION, encoding="utf-8")
    line = PtyLine(tmp_path / "bus1", respond)
    yield path
    line.stop()


def exported(station: Path) -> dict[str, tuple[float, int]]:
    out = station.with_name("out.csv")
    soilco2("export", station, "-o", out, "--force")
    with out.open(encoding="utf-8", newline="") as file:
        return {row["variable"]: (float(row["value"]), int(row["flag"])) for row in csv.DictReader(file)}


def test_a_mended_register_type_mends_what_was_read_before(station: Path) -> None:
    soilco2("collect", station, "--once")
    before = exported(station)
    assert before["soil_temperature"][0] == pytest.approx(6551.5)  # what the mistake in the file makes of it
    assert before["soil_temperature"][1] == 4
    probe = station.with_name("probes") / "moist.toml"
    probe.write_text(PROBE.replace('type = "uint16"', 'type = "int16"', 1), encoding="utf-8")
    soilco2("reprocess", station)
    after = exported(station)
    assert after["soil_temperature"][0] == pytest.approx(-2.1)
    assert after["soil_temperature"][1] in (1, 2)
    assert after["soil_water"] == before["soil_water"]
    assert after["soil_water"][0] == pytest.approx(0.212)
