"""Modbus slaves behind a gateway that is dialled, or devices that are themselves on the network."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Literal

from soilco2.ingest.drivers.driver import Bench, FarEnd, Host
from soilco2.ingest.drivers.modbus_line import Happened, ModbusDriver, ModbusLine
from soilco2.ingest.drivers.polling import Rows, polled
from soilco2.ingest.protocols.modbus import UnitRequest
from soilco2.ingest.supervisor import Managed
from soilco2.ingest.transports.modbus_master import ModbusMaster, Stray
from soilco2.ingest.transports.modbus_tcp import NumberedStream
from soilco2.ingest.transports.tcp import DialledStream
from soilco2.ingest.transports.trace import Trace
from soilco2.station_config.catalogue.probe import Line as LineSettings
from soilco2.station_config.connections.kind import Connection
from soilco2.station_config.connections.modbus_tcp import ModbusTcpConnection


def master_of(
    connection: ModbusTcpConnection, quiet_s: float, trace: Trace | None = None, stray: Stray | None = None
) -> ModbusMaster:
    """The master of a connection, with the framing of its far end."""
    place, latency = (connection.host, connection.port), connection.latency
    if connection.framing == "rtu":
        return ModbusMaster(DialledStream(*place, trace), quiet=quiet_s, latency=latency, stray=stray)
    numbered = NumberedStream(*place, trace)
    return ModbusMaster(numbered, quiet=0.0, latency=latency, dropped=lambda: numbered.late, stray=stray)


def line_of(
    connection: ModbusTcpConnection, rows: Rows, trace: Trace | None = None, happened: Happened | None = None
) -> ModbusLine:
    """The line of a connection, as quiet as its quietest probe wants it."""
    quiet_s = max([connection.quiet, *(model.quiet for _, model in rows)])

    def master(stray: Stray) -> ModbusMaster:
        return master_of(connection, quiet_s, trace, stray)

    return ModbusLine(master, connection.id, happened, request=UnitRequest, again=True)


COMMISSIONING_QUIET_S = 0.05
"""Silence between frames while it is not known who listens [s]; cheap probes want 50 to 100 ms."""
_PLACE = re.compile(r"(?:(tcp|socket)://)?(\[[0-9A-Fa-f:]+\]|[^\s/@:\[\]]+):(\d{1,5})/?")
"""``host:port`` or ``tcp://host:port``; ``socket://host:port`` is what pyserial calls a line over TCP."""


class _ModbusTcpDriver(ModbusDriver):
    def at(self, place: str, settings: LineSettings | None = None) -> ModbusTcpConnection | None:
        found = _PLACE.fullmatch(place)
        if found is None or not 0 < int(found[3]) < 1 << 16:
            return None
        framing: Literal["tcp", "rtu"] = "rtu" if found[1] == "socket" else "tcp"
        return ModbusTcpConnection(
            id="line", kind="modbus-tcp", host=found[2].strip("[]"), port=int(found[3]), framing=framing
        )

    def line(self, connection: ModbusTcpConnection, rows: Rows, trace: Trace) -> ModbusLine:
        return line_of(connection, rows, trace)

    def master(self, connection: ModbusTcpConnection, trace: Trace) -> ModbusMaster:
        return master_of(connection, max(connection.quiet, COMMISSIONING_QUIET_S), trace)

    def services(self, host: Host, connections: Sequence[Connection]) -> Mapping[str, Managed]:
        return polled(host, connections, partial(line_of, happened=host.happened))

    def far_end(self, bench: Bench) -> FarEnd:
        from soilco2.ingest.simulate.far_tcp import Gateway
        from soilco2.ingest.simulate.modbus_probes import SimulatedBus

        connection = bench.connection
        return SimulatedBus.of(bench, partial(Gateway, connection.host, connection.port, connection.framing))


DRIVER = _ModbusTcpDriver()
