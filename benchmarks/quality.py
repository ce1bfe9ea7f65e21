"""Quality: microseconds per sample through the pipeline, beside a bare loop that scales and checks a range.

    python benchmarks/quality.py            some hours of a station, every minute, in commits of 50

Both run in turns in one process; the fastest turn of each counts. The bare loop makes the same observations
without place, time, calibration, companions or memory: what no implementation in plain Python can undercut.
"""

from __future__ import annotations

import sys
import time
import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from soilco2.quality.pipeline import Pipeline
from soilco2.quality.plans import StationPlan
from soilco2.quality.records import Flag, Observation, Sample, SeriesKey
from soilco2.station_config.catalogue.load import load_catalogue
from soilco2.station_config.loader import Station
from soilco2.station_config.tables.stationfile import StationFile

MINUTE_US = 60_000_000
START_US = 1_654_041_600_000_000
COMMIT = 50
TURNS = 150

STATION = """
[station]
id = "bench"
name = "bench"
latitude = 38.3
longitude = 109.7
altitude_m = 1150
timezone = "UTC"
[[connection]]
id = "bus"
kind = "modbus-rtu"
port = "/dev/ttyUSB0"
baudrate = 9600
[[profile]]
id = "p1"
position = [{ id = "d10", depth_m = 0.10 }]
[[instrument]]
id = "co2"
model = "vaisala-gmp252"
serial = "C1"
connection = "bus"
address = 11
interval = "60s"
installation = [{ position = "p1/d10", from = 2020-01-01 }]
calibration = [{ channel = "co2", valid_from = 2022-05-01, gain = 1.01, offset = -3.0, certificate = "b" }]
[[instrument]]
id = "soil"
model = "cwt-soil-thc-s"
serial = "S1"
connection = "bus"
address = 12
interval = "60s"
installation = [{ position = "p1/d10", from = 2020-01-01 }]
[[instrument]]
id = "barometer"
model = "linovision-iot-s300ap"
serial = "B1"
connection = "bus"
address = 13
interval = "60s"
installation = [{ position = "site", from = 2020-01-01 }]
"""

MEMORY = """
[[quality.limits]]
variable = "soil_temperature"
rate_per_minute = 2.0
flat_for = "6h"
flat_tolerance = 0.1
"""


def station(text: str) -> Station:
    """A station of the text, with the built-in catalogue."""
    file = StationFile.model_validate(tomllib.loads(text))
    models = load_catalogue()
    return Station(None, file, {row.model: models[row.model] for row in file.instrument})


def samples(channels: Sequence[tuple[str, str, float]], count: int) -> list[Sample]:
    """A number of minutes; raw numbers move by a few units so that nothing is flat."""
    return [
        Sample(serial, channel, at, raw + index % 7, "", None, at, at, "boot", "bus")
        for index in range(count)
        for at in (START_US + index * MINUTE_US,)
        for serial, channel, raw in channels
    ]


def bare(rows: Sequence[Sample]) -> int:
    """Scale, check a range, make an observation."""
    key = SeriesKey("bench", "p1", "d10", "soil_temperature")
    given = 0
    for first in range(0, len(rows), COMMIT):
        made = []
        for row in rows[first : first + COMMIT]:
            if row.raw is None:
                continue
            value = 0.1 * row.raw
            flag = Flag.GOOD if -50.0 <= value <= 80.0 else Flag.BAD
            made.append(Observation(key, row.time_us or 0, value, value, flag, "", "", "0" * 12))
        given += len(made)
    return given


def piped(text: str) -> Callable[[Sequence[Sample]], int]:
    """The pipeline, fed as the writer feeds it."""
    place = station(text)
    plan = StationPlan(place.deployments, place.hash)

    def run(rows: Sequence[Sample]) -> int:
        pipeline = Pipeline(plan)
        given = 0
        for first in range(0, len(rows), COMMIT):
            given += len(pipeline.feed(rows[first : first + COMMIT]).observations)
        return given

    return run


def main() -> int:
    """Print one line per case."""
    soil = [("S1", "soil_temperature", 200.0), ("S1", "soil_water", 100.0)]
    whole = [("B1", "air_pressure", 8800.0), *soil, ("S1", "bulk_ec", 120.0), ("C1", "co2", 1200.0)]
    cases = {
        "range only (common path)": (STATION, soil),
        "rate and flat line": (STATION + MEMORY, soil[:1]),
        "whole station, corrections": (STATION, whole),
    }
    print(f"{'':28}{'pipeline':>10}{'bare':>8}{'ratio':>8}{'observations':>14}   [µs per sample]")
    for name, (text, channels) in cases.items():
        rows = samples(channels, 1000 // len(channels))
        run = piped(text)
        best, floor, given = float("inf"), float("inf"), 0
        for _ in range(TURNS):
            at = time.perf_counter()
            bare(rows)
            between = time.perf_counter()
            given = run(rows)
            end = time.perf_counter()
            floor, best = min(floor, between - at), min(best, end - between)
        scale = 1e6 / len(rows)
        print(f"{name:28}{best * scale:10.2f}{floor * scale:8.2f}{best / floor:8.1f}{given:14d}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
