"""A valid station file that tests change in one place at a time."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest

from soilco2.station_config.errors import Fault, StationFileError
from soilco2.station_config.loader import load_station

MARK = "#<<"
"""Stands at the end of the line on which a fault is expected."""

YULIN = """\
[station]
id = "yulin"
name = { en = "Mu Us sandy land observatory, Yulin", zh = "榆林毛乌素沙地生态系统国家定位观测研究站" }
latitude = 38.3
longitude = 109.7
altitude_m = 1150
timezone = "Asia/Shanghai"

[[connection]]
id = "bus1"
kind = "modbus-rtu"
port = "/dev/serial/by-id/usb-FTDI_FT232R"
baudrate = 9600

[[connection]]
id = "air"
kind = "mqtt"

[mqtt]
host = "127.0.0.1"

[[profile]]
id = "p1"
[[profile.position]]
id = "d10"
depth_m = 0.10
[[profile.position]]
id = "d30"
depth_m = 0.30

[[instrument]]
id = "co2-10"
model = "vaisala-gmp252"
serial = "R1234567"
connection = "bus1"
address = 11
interval = "60s"
[[instrument.installation]]
position = "p1/d10"
from = 2026-03-01T00:00:00+08:00
[[instrument.calibration]]
channel = "co2"
valid_from = 2026-02-20
gain = 1.012
offset = -3.0
certificate = "NIM-2026-0415"

[[instrument]]
id = "soil-10"
model = "cwt-soil-thc-s"
serial = "THC0001"
connection = "bus1"
address = 12
interval = "60s"
[[instrument.installation]]
position = "p1/d10"  # soil
from = 2026-03-01

[[instrument]]
id = "baro"
model = "linovision-iot-s300ap"
serial = "AP77"
connection = "bus1"
address = 13
interval = "5min"
[[instrument.installation]]
position = "site"
from = 2026-03-01

[[instrument]]
id = "node-30"
model = "soilco2-node"
serial = "N30"
connection = "air"
interval = "10min"
channels = ["co2", "soil_temperature", "supply_voltage"]
[[instrument.installation]]
position = "p1/d30"
from = 2026-03-01
[[instrument.installation]]
position = "site"
from = 2026-03-01

[influxdb]
url = "http://127.0.0.1:8086"
org = "yulin"
bucket = "soil"
token = { env = "SOILCO2_INFLUX_TOKEN" }
"""


def changed(old: str, new: str, text: str = YULIN) -> str:
    """The example with one place changed; the place must be there, once."""
    assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times"
    return text.replace(old, new)


def marked_line(text: str) -> int:
    """The line that carries the mark."""
    (line,) = [number for number, row in enumerate(text.split("\n"), 1) if MARK in row]
    return line


def write(folder: Path, text: str, name: str = "yulin.toml") -> Path:
    """Write a station file."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def faults_of(path: Path) -> tuple[Fault, ...]:
    """The faults that loading gives."""
    with pytest.raises(StationFileError) as caught:
        load_station(path)
    return caught.value.faults


SOIL = '[[instrument.installation]]\nposition = "p1/d10"  # soil\nfrom = 2026-03-01\n'
SECOND = """
[[instrument]]
id = "second"
model = "{model}"
serial = "{serial}"
connection = "bus1"
address = {address}
interval = "60s"
[[instrument.installation]]
position = "{position}"
from = {since}
"""


def second(
    model: str = "cwt-soil-thc-s",
    serial: str = "THC0002",
    address: str = "22",
    position: str = "p1/d30",
    since: str = "2026-03-01",
) -> str:
    """The example with one more instrument at its end."""
    more = SECOND.format(model=model, serial=serial, address=address, position=position, since=since)
    return YULIN.replace('["co2", "soil_temperature", "supply_voltage"]', '["co2", "supply_voltage"]') + more


class Case(NamedTuple):
    """A station file with one fault."""

    name: str
    text: str
    key: str
    value: str
    expected: str
