"""Transmitters of 4 to 20 mA behind an analog module: one value kept, one broken loop flagged bad with its number."""

from __future__ import annotations

import csv
from pathlib import Path

from soilco2.ingest.protocols.modbus import Request, answer_frame
from soilco2.ingest.simulate.line import Piece, PtyLine
from tests.cases.command import soilco2
from tests.cases.test_11_frame_of_nothing import STATION

INPUT = """\
[[instrument.analog]]
channel = "{channel}"
variable = "{variable}"
unit = "{unit}"
at_4ma = {lower}
at_20ma = {upper}
"""
MICRO_AMP = {0: 12000, 1: 3000}  # ai1 and ai2


def test_a_current_is_kept_as_a_value_and_a_broken_loop_is_bad(tmp_path: Path) -> None:
    inputs = INPUT.format(channel="ai1", variable="soil_temperature", unit="degC", lower=-40, upper=60)
    inputs += INPUT.format(channel="ai2", variable="soil_water", unit="%", lower=0, upper=100)
    text = STATION.replace("cwt-soil-thc-s", "waveshare-analog-input-8ch")
    station, out = tmp_path / "analog.toml", tmp_path / "out.csv"
    station.write_text(text.replace("[[instrument.installation]]", inputs + "[[instrument.installation]]"))

    def respond(request: Request, _foreign: int) -> list[Piece]:
        there = range(request.start, request.start + request.registers)
        return [(0.0, answer_frame(request, [MICRO_AMP.get(at, 2) for at in there]))]

    line = PtyLine(tmp_path / "bus1", respond)
    try:
        soilco2("collect", station, "--once")
    finally:
        line.stop()
    soilco2("export", station, "-o", out)
    with out.open(encoding="utf-8") as file:
        kept = {row["variable"]: (float(row["value"]), row["flag"]) for row in csv.DictReader(file)}
    # half of the span; a sixteenth of the span below its lower end
    assert kept == {"soil_temperature": (10.0, "1"), "soil_water": (-0.0625, "4")}
