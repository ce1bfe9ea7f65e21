"""The serial port of a connection: a device of this machine, never an address in the network."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BeforeValidator

from soilco2.station_config.base import FilePath
from soilco2.station_config.message import Message

_HOST_PORT = re.compile(r"[^/\s]*:\d+")
"""Such as 192.168.1.20:502; a device of the system may have a colon in its name too."""


def is_serial(place: str) -> bool:
    """Whether a place is a serial port: a path, not an address in the network such as ``socket://host:port``."""
    if not place or "://" in place:
        return False
    return place.startswith("/dev/") or _HOST_PORT.fullmatch(place.rpartition("/")[2]) is None


def _device(value: Any) -> Any:
    if isinstance(value, str) and value and not is_serial(value):
        raise ValueError(
            Message(
                "a serial port of this machine is expected, such as /dev/serial/by-id/usb-…; an address in the network "
                'is no serial port: Modbus over the network is kind = "modbus-tcp" with host and port, with framing = '
                '"rtu" for a serial server that passes bytes on; one that brings a driver for Linux shows its ports '
                "under /dev"
            )
        )
    return value


SerialPort = Annotated[FilePath, BeforeValidator(_device)]
"""A path of a serial port."""
