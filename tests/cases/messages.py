"""A station whose node sends messages, and what becomes of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from soilco2.ingest.protocols.decoded import Decoded
from soilco2.ingest.protocols.soilco2_json_decode import Decoder
from soilco2.station_config.loader import load_station

ARRIVAL_US = 1_796_004_000_000_000
"""2026-11-30T02:00:00Z."""
STATION = """\
[station]
id = "trial"
name = "Trial"
latitude = 38.0
longitude = 109.0
altitude_m = 1150
timezone = "Asia/Shanghai"
[[connection]]
id = "node"
kind = "mqtt"
[mqtt]
host = "127.0.0.1"
port = 18831
[[profile]]
id = "p1"
[[profile.position]]
id = "d10"
depth_m = 0.10
[[instrument]]
id = "soil10"
model = "soilco2-node"
serial = "S-010"
connection = "node"
interval = "10min"
channels = ["co2", "soil_temperature", "soil_water", "bulk_ec"]
[[instrument.installation]]
position = "p1/d10"
from = 2015-01-01
"""


def decoded(folder: Path, *messages: dict[str, Any], connection: str = "") -> Decoded:
    """What the station makes of messages; `connection` are further keys of its connection."""
    path = folder / "trial.toml"
    path.write_text(STATION.replace('kind = "mqtt"\n', f'kind = "mqtt"\n{connection}\n'), encoding="utf-8")
    station = load_station(path)
    came = [(json.dumps(one, ensure_ascii=False).encode(), ARRIVAL_US, 0) for one in messages]
    return Decoder(station.deployments, "node", "boot").batch(came, trusted=True)


def reading(channel: str, value: object, unit: str, minute: int = 0) -> dict[str, Any]:
    """A message of one reading."""
    row = {
        "serial": "S-010",
        "channel": channel,
        "time": f"2026-11-29T02:{minute:02}:00Z",
        "value": value,
        "unit": unit,
    }
    return {"node": "n1", "sequence": minute, "readings": [row]}
