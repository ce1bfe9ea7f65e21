"""The demonstration station, ready to be written beside a state folder."""

from __future__ import annotations

from pathlib import Path

TEMPLATE = Path(__file__).parent / "sjer.toml"
"""The station file as it comes: ports beside the file, broker on 1883."""


def station_text(folder: Path, mqtt_port: int) -> str:
    """The demonstration station with its ports in `folder` and its broker on `mqtt_port`.

    Parameters
    ----------
    folder : Path
        Where the simulated ports are to be linked.
    mqtt_port : int
        Port of the broker on 127.0.0.1.
    """
    text = TEMPLATE.read_text(encoding="utf-8")
    for name in ("bus1", "bus2"):
        path = str(folder.absolute() / name).replace("\\", "\\\\").replace('"', '\\"')
        text = text.replace(f'port = "{name}"', f'port = "{path}"')
    return text.replace("port = 1883", f"port = {mqtt_port}")
