"""Table ``[[connection]]``: a line on which instruments answer or publish."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from soilco2.station_config.base import Duration, FilePath, Identifier, Table


class ModbusRtuConnection(Table):
    """A serial line with Modbus RTU slaves.

    `quiet` is the silence kept between frames; cheap probes want 50 to 100 ms. `echo` says that the adapter
    returns what is sent.
    """

    id: Identifier
    """Name of the line."""
    kind: Literal["modbus-rtu"]
    """`"modbus-rtu"`."""
    port: FilePath
    """Serial port; take the name under `/dev/serial/by-id/`, which stays after a reboot."""
    baudrate: int = Field(gt=0)
    """Speed of the line [Bd]; every probe on it is set to this."""
    bytesize: Literal[8] = 8
    """Data bits; Modbus RTU has 8."""
    parity: Literal["N", "E", "O"] = "N"
    """N none, E even, O odd."""
    stopbits: Literal[1, 2] = 1
    """Stop bits."""
    quiet: Duration = 0.02
    """Silence kept between frames; cheap probes want 50 to 100 ms."""
    echo: bool = False
    """The adapter returns what is sent."""


class MqttConnection(Table):
    """Instruments whose node publishes to the broker of the table ``[mqtt]``.

    Without `topic` it is ``soilco2/<station>/data``.
    """

    id: Identifier
    """Name of the line."""
    kind: Literal["mqtt"]
    """`"mqtt"`; the broker stands in `[mqtt]`."""
    topic: str | None = None
    """Topic the nodes publish to; `soilco2/<station>/data` when left out."""


Connection = Annotated[ModbusRtuConnection | MqttConnection, Field(discriminator="kind")]
