"""A node's firmware answers 0 where the sensor did not: at times, and every second time.

Temperature of soil at 30 cm every ten minutes, limit 0.1 K/min. Right flags by hand: every 0 in July is suspect, every
18.1 beside it is good, however many stand between; a DS18B20 says 85 after its start and -127 where it is not found,
both beyond what soil can be.
"""

from __future__ import annotations

import csv
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.cases.command import soilco2

STATION = """\
[station]
id = "trial"
name = "Trial"
latitude = 38.0
longitude = 109.0
altitude_m = 1150
timezone = "Asia/Shanghai"
[journal]
path = "journal.sqlite"
[[profile]]
id = "p1"
[[profile.position]]
id = "d30"
depth_m = 0.30
[[quality.limits]]
variable = "soil_temperature"
position = "p1/d30"
rate_per_minute = 0.1
[[quality.limits]]
variable = "soil_water"
suspect_lower = 0.001
[[quality.limits]]
variable = "co2"
suspect_lower = 300
"""
UNITS = {"soil_temperature": "degC", "soil_water": "m3/m3", "co2": "ppm"}


def flags(tmp_path: Path, rows: list[tuple[str, float | None]]) -> list[int]:
    """Flags of rows every ten minutes, imported into a new station and exported."""
    station, table, out = (tmp_path / name for name in ("trial.toml", "in.csv", "out.csv"))
    station.write_text(STATION, encoding="utf-8")
    start = datetime(2026, 7, 1, tzinfo=UTC)
    with table.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("time_utc", "profile", "position", "variable", "value", "unit"))
        for index, (variable, value) in enumerate(rows):
            at = (start + timedelta(minutes=10 * index)).isoformat().replace("+00:00", "Z")
            writer.writerow((at, "p1", "d30", variable, "" if value is None else value, UNITS[variable]))
    soilco2("import", station, table)
    soilco2("export", station, "-o", out)
    with out.open(encoding="utf-8", newline="") as file:
        return [int(row["flag"]) for row in sorted(csv.DictReader(file), key=lambda row: row["time_utc"])]


def test_drop_outs(tmp_path: Path) -> None:
    temperatures = [18.12, 18.12, 0, 18.12, 0, 0, 18.06, 85, -127]
    others = [("co2", 0), ("co2", 1900), ("soil_water", 0), ("soil_water", 0.09)]
    rows = [*(("soil_temperature", value) for value in temperatures), *others]
    assert flags(tmp_path, rows) == [1, 1, 3, 1, 3, 3, 1, 4, 4, 3, 1, 3, 1]


@pytest.mark.parametrize("first", [1, 3])
def test_every_second_one(tmp_path: Path, first: int) -> None:
    values = [18.1] * first + [0.0, 18.1] * 12
    assert flags(tmp_path, [("soil_temperature", value) for value in values]) == [1] * first + [3, 1] * 12


def test_a_spike_after_a_lost_row_and_one_of_two(tmp_path: Path) -> None:
    values = [18.1, 18.1, None, 30.0, 18.2, 18.2, 30.0, 30.0, 18.1]
    assert flags(tmp_path, [("soil_temperature", value) for value in values]) == [1, 1, 9, 3, 1, 1, 3, 3, 1]
