"""A probe whose sensor is gone answers 0xFFFF in every register, or 0.

Moisture and conductivity know 0xFFFF as no number, temperature reads it as -0.1 degC: it cannot be believed either. A
frame of zeros with nothing before it is not evaluated: dry sand at 0.0 degC honestly says the same.
"""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from soilco2.ingest.protocols.modbus import Request, answer_frame
from soilco2.ingest.simulate.line import Piece, PtyLine
from tests.cases.command import soilco2

STATION = """\
[station]
id = "cwt"
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
baudrate = 4800
[[profile]]
id = "p1"
[[profile.position]]
id = "d05"
depth_m = 0.05
[[instrument]]
id = "a"
model = "cwt-soil-thc-s"
serial = "M-1"
connection = "bus1"
address = 1
interval = "10s"
[[instrument.installation]]
position = "p1/d05"
from = 2026-01-01
"""


def read_once(tmp_path: Path, register: int) -> dict[str, int]:
    """Flags by variable after one reading of a probe whose registers all hold one number."""

    def respond(request: Request, _foreign: int) -> list[Piece]:
        return [(0.0, answer_frame(request, [register] * request.registers))]

    station, out = tmp_path / "cwt.toml", tmp_path / "out.csv"
    station.write_text(STATION, encoding="utf-8")
    line = PtyLine(tmp_path / "bus1", respond)
    try:
        soilco2("collect", station, "--once")
    finally:
        line.stop()
    soilco2("export", station, "-o", out)
    with out.open(encoding="utf-8", newline="") as file:
        return {row["variable"]: int(row["flag"]) for row in csv.DictReader(file)}


@pytest.mark.parametrize(("register", "water", "temperature"), [(0xFFFF, 9, 3), (0, 2, 2)])
def test_a_frame_that_says_nothing(tmp_path: Path, register: int, water: int, temperature: int) -> None:
    found = read_once(tmp_path, register)
    assert (found["soil_water"], found["bulk_ec"], found["soil_temperature"]) == (water, water, temperature)
