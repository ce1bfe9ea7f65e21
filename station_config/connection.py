"""Table ``[[connection]]``: a line on which instruments answer or publish."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from station_config.base import Duration, Identifier, Table


class ModbusRtuConnection(Table):
    """A serial line with Modbus RTU slaves.

    `quiet` is the silence kept between frames; cheap probes want 50 to 100 ms. `echo` says that the adapter
    returns what is sent.
    """

    id: Identifier
    kind: Literal["modbus-rtu"]
    port: str = Field(min_length=1)
    baudrate: int = Field(gt=0)
    bytesize: Literal[8] = 8
    parity: Literal["N", "E", "O"] = "N"
    stopbits: Literal[1, 2] = 1
    quiet: Duration = 0.02
    echo: bool = False


class MqttConnection(Table):
    """Instruments whose node publishes to the broker of the table ``[mqtt]``.

    Without `topic` it is ``soilco2/<station>/data``.
    """

    id: Identifier
    kind: Literal["mqtt"]
    topic: str | None = None


Connection = Annotated[ModbusRtuConnection | MqttConnection, Field(discriminator="kind")]
