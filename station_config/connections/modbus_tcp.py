"""A gateway, or a device, that speaks Modbus over TCP and is dialled: its table, its rules, its words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Literal

from pydantic import Field

from soilco2.station_config.base import Duration
from soilco2.station_config.catalogue.probe import ProbeModel
from soilco2.station_config.connections.kind import Claim, Connection, Draft, Key, Kind, Models
from soilco2.station_config.connections.line_rules import addresses, modbus_address, rounds, timing
from soilco2.station_config.connections.modbus_model import ModbusModel
from soilco2.station_config.errors import Fault
from soilco2.station_config.message import Message
from soilco2.station_config.tables.instrument import Instrument

TRIP_S = 0.02
"""A round trip to a gateway [s]."""


class ModbusTcpConnection(Connection):
    """A gateway with Modbus slaves behind it, or a device that is itself on the network.

    `address` of an instrument is its unit. A device that is reached directly often has 255, some have 0 or 1; its maker
    says which.
    """

    kind: Literal["modbus-tcp"]
    """`"modbus-tcp"`."""
    host: str = Field(pattern=r"^[^\s/@:]+$|^[0-9A-Fa-f:]+$")
    """Host name or address of the gateway."""
    port: int = Field(default=502, ge=1, le=65535)
    """Its port."""
    framing: Literal["tcp", "rtu"] = "tcp"
    """`"tcp"`: Modbus TCP. `"rtu"`: frames of a serial line over TCP, as a transparent serial server passes them on."""
    latency: Duration = 0.5
    """What network and gateway add to the time-out of an instrument."""
    quiet: Duration = 0.02
    """Silence kept between frames on a line behind a transparent serial server."""


class _ModbusTcp(Kind):
    name = "modbus-tcp"
    label = ("Modbus TCP", "Modbus TCP")
    contract = "polled"
    table = ModbusTcpConnection
    models = (ModbusModel,)
    driver = "soilco2.ingest.drivers.modbus_tcp:DRIVER"
    keys: ClassVar = {
        "id": ("line", "线路"),
        "kind": ("protocol", "协议"),
        "rank": ("rank", "级别"),
        "host": ("host", "主机"),
        "port": ("port", "端口"),
        "framing": ("frames", "帧格式"),
        "latency": ("delay of the network", "网络延迟"),
        "quiet": ("silence between frames", "帧间静默"),
    }

    def describe(self, connection: ModbusTcpConnection, station: str) -> str:
        what = "Modbus TCP" if connection.framing == "tcp" else "Modbus RTU over TCP"
        return f"{what}, {self.place(connection)}"

    def place(self, connection: ModbusTcpConnection) -> str:
        return host_and_port(connection.host, connection.port)

    def claims(self, connection: ModbusTcpConnection, station: str) -> Iterator[Claim]:
        yield Claim("host", Message("host and port"), self.place(connection))

    def read_time(self, row: Instrument, model: ProbeModel, connection: ModbusTcpConnection) -> float:
        assert isinstance(model, ModbusModel)
        return model.read_time(TRIP_S, connection.quiet)

    def instrument(self, draft: Draft, path: Key, row: Instrument) -> Iterator[Fault]:
        if row.address is None or row.address not in (0, 255):
            yield from modbus_address(draft, path, row)

    def rules(self, draft: Draft, models: Models) -> Iterator[Fault]:
        lines = {row.id: row for _, row in self.connections(draft)}
        yield from addresses(draft, lines)
        yield from timing(draft, models, lines, {name: row.latency for name, row in lines.items()})

    def advice(self, draft: Draft, models: Models) -> Iterator[Fault]:
        yield from rounds(self, draft, models)


def host_and_port(host: str, port: int) -> str:
    """A place on the network as people write it."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


KIND = _ModbusTcp()
