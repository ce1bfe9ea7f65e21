"""A probe of seven quantities: pH, nitrogen, phosphorus and potassium are kept, under the names of the registry."""

from __future__ import annotations

import csv
from pathlib import Path

from soilco2.ingest.protocols.modbus import Request, answer_frame
from soilco2.ingest.simulate.line import Piece, PtyLine
from tests.cases.command import soilco2
from tests.cases.test_11_frame_of_nothing import STATION

PROBE = """\
id = "npk7"
maker = "sold as soil integrated sensor 7 in 1"
name = "soil probe 7 in 1"
protocol = "modbus-rtu"
address = 1
quiet = "5ms"
source = "Leaflet of the seller: pH 0x0006 (hundredths), N P K 0x001E to 0x0020."
[line]
baudrate = 4800
[[block]]
id = "ph"
function = 3
start = 0x0006
count = 1
[[block]]
id = "npk"
function = 3
start = 0x001E
count = 3
[[channel]]
id = "ph"
variable = "soil_ph"
unit = "pH"
scale = 0.01
block = "ph"
offset = 0
type = "uint16"
"""
NUTRIENT = """\
[[channel]]
id = "{name}"
variable = "{name}"
unit = "mg/kg"
block = "npk"
offset = {offset}
type = "uint16"
"""
REGISTERS = {0x06: 687, 0x1E: 32, 0x1F: 37, 0x20: 48}


def test_ph_and_nutrients_are_kept(tmp_path: Path) -> None:
    def respond(request: Request, _foreign: int) -> list[Piece]:
        there = range(request.start, request.start + request.registers)
        return [(0.0, answer_frame(request, [REGISTERS[at] for at in there]))]

    (tmp_path / "probes").mkdir()
    nutrients = ("nitrogen", "phosphorus", "potassium")
    probe = PROBE + "".join(NUTRIENT.format(name=name, offset=n) for n, name in enumerate(nutrients))
    (tmp_path / "probes" / "npk7.toml").write_text(probe, encoding="utf-8")
    station, out = tmp_path / "npk.toml", tmp_path / "out.csv"
    text = 'catalogue = ["probes"]\n' + STATION.replace("cwt-soil-thc-s", "npk7")
    station.write_text(text, encoding="utf-8")
    line = PtyLine(tmp_path / "bus1", respond)
    try:
        soilco2("collect", station, "--once")
    finally:
        line.stop()
    soilco2("export", station, "-o", out)
    with out.open(encoding="utf-8") as file:
        kept = {
            row["variable"]: (float(row["value"]), row["unit"], row["flag"]) for row in csv.DictReader(file)
        }
    assert kept == {
        "soil_ph": (6.87, "1", "1"),
        "nitrogen": (32.0, "mg/kg", "1"),
        "phosphorus": (37.0, "mg/kg", "1"),
        "potassium": (48.0, "mg/kg", "1"),
    }
