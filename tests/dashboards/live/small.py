"""A small station for tests: one profile of temperature probes, minute by minute, counted upwards."""

from __future__ import annotations

from pathlib import Path

from soilco2.quality.records import Sample
from soilco2.station_config.loader import Station, load_station

MINUTE = 60_000_000
START = 1_780_272_000_000_000
"""2026-06-01T00:00Z, the start of an hour and a day [µs UTC]."""
_STATION = """
[station]
id = "{name}"
name = "{name}"
latitude = 38.3
longitude = 109.7
altitude_m = 1150
timezone = "Asia/Shanghai"
[mqtt]
[[connection]]
id = "air"
kind = "mqtt"
[journal]
path = "{name}.sqlite"
[[profile]]
id = "p1"
"""
_POSITION = """
[[profile.position]]
id = "d{n}"
depth_m = 0.{n:02d}
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


def small_station(folder: Path, name: str = "yulin", probes: int = 1, more: str = "") -> Station:
    """A station with some probes, each at a depth of its own."""
    path = folder / f"{name}.toml"
    numbers = range(1, probes + 1)
    text = "".join(part.format(n=n) for part in (_POSITION, _PROBE) for n in numbers)
    path.write_text(_STATION.format(name=name) + text + more, encoding="utf-8")
    return load_station(path)


def reading(minute: int, raw: float | None = None, probe: int = 1) -> Sample:
    """The reading of a minute after `START`; between 10 and 17 °C when no number is given."""
    at = START + minute * MINUTE
    value = 10 + minute % 71 / 10 if raw is None else raw
    return Sample(f"N{probe}", "soil_temperature", at, value, "", None, at, at, "boot", "air")
