"""The serial port of a connection: a device of this machine, never an address in the network."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BeforeValidator

from soilco2.station_config.base import FilePath
from soilco2.station_config.message import Message

_NETWORK = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://|[^/\\s]+:\d+$")
"""Such as socket://host:port, rfc2217://…, host:port."""


def is_serial(place: str) -> bool:
    """Whether a place named on the command line is a serial port: a path, not an address in the network."""
    return bool(place) and _NETWORK.match(place) is None


def _device(value: Any) -> Any:
    if isinstance(value, str) and not is_serial(value) and value:
        raise ValueError(
            Message(
                "a serial port of this machine is expected, such as /dev/serial/by-id/usb-…; an address in the network "
                "is no serial port: a gateway is a connection of another kind (docs/howto), and a serial server that "
                "brings a driver for Linux shows its ports under /dev"
            )
        )
    return value


SerialPort = Annotated[FilePath, BeforeValidator(_device)]
"""A path of a serial port."""
