"""The demonstration station."""

from __future__ import annotations

from pathlib import Path

TEMPLATE = Path(__file__).parent / "sjer.toml"
"""The station file as it comes: ports beside the file it is copied to, broker on 1883."""


def station_text(mqtt_port: int) -> str:
    """The demonstration station with its broker on `mqtt_port` of 127.0.0.1."""
    return TEMPLATE.read_text(encoding="utf-8").replace("port = 1883", f"port = {mqtt_port}")
