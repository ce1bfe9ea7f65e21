"""A journal as long as the page's benchmarks need it: 20 series at one minute, made once by the real writer."""

from __future__ import annotations

import time
from collections.abc import Iterator
from math import cos, pi
from pathlib import Path

from soilco2.quality.records import Sample
from soilco2.station_config.loader import Station, load_station
from soilco2.storage.journal.reader import JournalReader
from soilco2.storage.journal.writer import Writer

START_US = 1_735_689_600_000_000
"""2025-01-01T00:00Z [µs UTC]."""
MINUTE_US = 60_000_000
DAY_US = 86_400_000_000
_BATCH_MINUTES = 240
_HEAD = """
[station]
id = "page"
name = "page"
latitude = 38.3
longitude = 109.7
altitude_m = 1150
timezone = "Asia/Shanghai"
[mqtt]
[[connection]]
id = "air"
kind = "mqtt"
[journal]
path = "page.sqlite"
limit_mib = 65536
[[profile]]
id = "p1"
"""
_PROBE = """
[[instrument]]
id = "probe{n}"
model = "soilco2-node"
serial = "N{n}"
connection = "air"
interval = "60s"
channels = ["soil_temperature"]
[[instrument.installation]]
position = "p1/d{n}"
from = 2020-01-01
"""


def station_of(folder: Path, series: int) -> Station:
    """A station of so many temperature probes in one profile."""
    path = folder / "page.toml"
    numbers = range(1, series + 1)
    places = "".join(f'[[profile.position]]\nid = "d{n}"\ndepth_m = {n / 100}\n' for n in numbers)
    path.write_text(_HEAD + places + "".join(_PROBE.format(n=n) for n in numbers), encoding="utf-8")
    return load_station(path)


def readings(series: int, first: int, last: int, every: int = 1) -> Iterator[Sample]:
    """Readings of some minutes: the year's and the day's wave, later and smaller with depth; a formula, no soil."""
    for minute in range(first, last, every):
        at = START_US + minute * MINUTE_US
        days = minute / 1440
        for n in range(1, series + 1):
            year = -cos(2 * pi * (days - 20 - n) / 365.25)
            day = -cos(2 * pi * (days - 0.15 - n / 40)) / n
            value = round(10 + 9 * year + 6 * day + (minute * 7 + n) % 11 / 100, 2)
            yield Sample(f"N{n}", "soil_temperature", at, value, "", None, at, at, "boot", "air")


def journal_of(folder: Path, days: int, series: int, every: int = 1) -> Station:
    """The station with its journal of so many days, made if it is not there yet; goes on where it was left."""
    folder.mkdir(parents=True, exist_ok=True)
    station = station_of(folder, series)
    minutes = days * 1440
    with Writer.open(station, now_us=lambda: START_US + minutes * MINUTE_US) as writer:
        with JournalReader(station.journal_path) as reader:
            last = reader.last_sample_us()
        done = 0 if last is None else (last - START_US) // MINUTE_US + every
        began = time.perf_counter()
        for first in range(done, minutes, _BATCH_MINUTES):
            writer.commit(list(readings(series, first, min(first + _BATCH_MINUTES, minutes), every)))
            if first // _BATCH_MINUTES % 100 == 0:
                print(f"  {first / 1440:.0f} of {days} days, {time.perf_counter() - began:.0f} s", flush=True)
        began, steps = time.process_time(), 0
        while writer.roll():
            steps += 1
        if steps:
            print(
                f"  rollups made in {time.process_time() - began:.0f} s of processor, {steps} steps",
                flush=True,
            )
    return station
