"""A small station file for the tests of the stream."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from soilco2.station_config.loader import Station, load_station

STATION = "streamlet"

_HEAD = """
[station]
id = "streamlet"
name = "Streamlet"
latitude = 37.1
longitude = -119.7
altitude_m = 400
timezone = "UTC"

[journal]
path = "{journal}"
commit_every = "{commit_every}"

[[connection]]
id = "field"
kind = "mqtt"

[[connection]]
id = "shed"
kind = "mqtt"
topic = "shed/data"

[[profile]]
id = "p1"
"""

_DEPTH = """
[[profile.position]]
id = "d{n}"
depth_m = {depth}
"""

_NODE = """
[[instrument]]
id = "node-{n}"
model = "soilco2-node"
serial = "N{n}"
connection = "{connection}"
interval = "30min"
channels = ["co2", "soil_temperature", "soil_water"]
[[instrument.installation]]
position = "p1/d{n}"
from = 2020-01-01T00:00:00Z
"""

_MQTT = """
[mqtt]
host = "127.0.0.1"
port = {port}
version = "{version}"
{more}
"""

_INFLUX = """
[[influxdb]]
id = "{id}"
url = "{url}"
org = "{org}"
bucket = "{bucket}"
token = {{ env = "{token}" }}
batch = {batch}
tail = "10min"
"""


def station_text(
    folder: Path,
    *,
    depths: int = 2,
    port: int = 1883,
    version: str = "3.1.1",
    mqtt: str = "",
    sinks: tuple[dict[str, Any], ...] = (),
    commit_every: str = "20ms",
) -> str:
    """Text of a station with `depths` nodes; the last one is on the connection ``shed``."""
    text = _HEAD.format(journal=folder / "journal.sqlite", commit_every=commit_every)
    text += "".join(_DEPTH.format(n=n, depth=round(0.05 * n, 3)) for n in range(1, depths + 1))
    text += "".join(
        _NODE.format(n=n, connection="shed" if n == depths else "field") for n in range(1, depths + 1)
    )
    text += _MQTT.format(port=port, version=version, more=mqtt)
    for sink in sinks:
        text += _INFLUX.format(**{"id": "influxdb", "batch": 500} | sink)
    return text


def write_station(folder: Path, **options: Any) -> Path:
    """The station file in `folder`."""
    path = folder / "station.toml"
    path.write_text(station_text(folder, **options), encoding="utf-8")
    return path


def make_station(folder: Path, **options: Any) -> Station:
    """The loaded station."""
    return load_station(write_station(folder, **options))
