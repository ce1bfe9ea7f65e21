"""A GMP252 at 1150 m that computes for 880 hPa already, read by the real collector: it is not corrected once more.

Right: 816.8 ppm read at a setpoint of 880 hPa under the standard 882.4 hPa of 1150 m (ICAO Doc 7488/3) are
816.8 × 880 / 882.4 = 814.6 ppm; 937.9 ppm, 15 % more, is what the factory's 1013.25 hPa would make of it.
"""

from __future__ import annotations

import csv
import json
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from soilco2.ingest.protocols.modbus import ILLEGAL_ADDRESS, Request, answer_frame, exception_frame
from soilco2.ingest.simulate.line import Piece, PtyLine
from tests.cases.command import soilco2

STATION = """\
[station]
id = "yulin"
name = "Yulin"
latitude = 38.3
longitude = 109.7
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
id = "d10"
depth_m = 0.10
[[instrument]]
id = "co2-10"
model = "vaisala-gmp252"
serial = "R1"
connection = "bus1"
address = 11
interval = "10s"
warm_up = "0s"
[[instrument.installation]]
position = "p1/d10"
from = 2026-01-01
"""


def low_first(value: float) -> tuple[int, int]:
    high, low = struct.unpack(">HH", struct.pack(">f", value))
    return low, high


class Probe:
    """Registers of a GMP252 by wire address; a register that it does not have is refused."""

    def __init__(self) -> None:
        self.registers = {0x0800: 0, 0x0801: 0, 0x0304: 1, 0x0305: 2, 0x0306: 0, 0x0307: 0}
        for start, value in ((0, 816.8), (0x0208, 880.0), (0x020C, 0.0), (0x020E, 0.0)):
            self.registers[start], self.registers[start + 1] = low_first(value)

    def respond(self, request: Request, _foreign: int) -> list[Piece]:
        words = [self.registers.get(request.start + place) for place in range(request.registers)]
        known = [word for word in words if word is not None]
        if len(known) < len(words):
            return [(0.0, exception_frame(request, ILLEGAL_ADDRESS))]
        return [(0.0, answer_frame(request, known))]


@pytest.fixture
def probe(tmp_path: Path) -> Iterator[Probe]:
    (tmp_path / "yulin.toml").write_text(STATION, encoding="utf-8")
    found = Probe()
    line = PtyLine(tmp_path / "bus1", found.respond)
    yield found
    line.stop()


def exported(tmp_path: Path) -> tuple[float, int, dict[str, object]]:
    """Value and flag of the newest reading, and what the sidecar says the probe told last."""
    out = tmp_path / "out.csv"
    soilco2("export", tmp_path / "yulin.toml", "-o", out, "--force")
    with out.open(encoding="utf-8", newline="") as file:
        row = list(csv.DictReader(file))[-1]
    sidecar = json.loads((tmp_path / "out.csv.json").read_text(encoding="utf-8"))
    told = sidecar["instruments"][0]["corrections"]["co2"]["told"]
    return float(row["value"]), int(row["flag"]), told[-1]["computed_for"]


def test_a_setpoint_of_880_hpa_is_the_reference(probe: Probe, tmp_path: Path) -> None:
    station = tmp_path / "yulin.toml"
    assert "the probe was not asked yet" in soilco2("check", station, "--lang", "en")
    soilco2("collect", station, "--once")
    value, flag, told = exported(tmp_path)
    assert value == pytest.approx(816.8 * 880 / 882.4, rel=1e-3)
    assert flag == 2  # no barometer
    assert told["pressure"] == {"by": "setpoint", "value": 880.0, "unit": "hPa"}
    assert told["oxygen"] == {"by": "off", "value": 0.0, "unit": "%"}
    line = "computed by the probe for: pressure 880 hPa (setpoint), temperature (measured), humidity 0 % (off), oxygen"
    assert line in soilco2("check", station, "--lang", "en")
    assert line in soilco2("status", station, "--lang", "en")
    assert json.loads(soilco2("status", station, "--json"))["instruments"]["co2-10"]["computed_for"] == told
    soilco2("reprocess", station)
    assert exported(tmp_path) == (value, flag, told)


def test_a_temperature_that_the_probe_does_not_measure_makes_suspect(probe: Probe, tmp_path: Path) -> None:
    probe.registers[0x0305] = 0
    soilco2("collect", tmp_path / "yulin.toml", "--once")
    value, flag, _ = exported(tmp_path)
    assert value == pytest.approx(816.8 * 880 / 882.4, rel=1e-3)
    assert flag == 3
