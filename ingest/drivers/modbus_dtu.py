"""Modbus slaves behind modems (DTU) that dial in: one listening port for all of them that name it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from soilco2.ingest.drivers.driver import Bench, FarEnd, Host
from soilco2.ingest.drivers.modbus_line import ModbusDriver, ModbusLine
from soilco2.ingest.drivers.polling import Rows, polled
from soilco2.ingest.supervisor import Managed
from soilco2.ingest.transports.dtu_port import DtuListener, DtuPort, DtuStream
from soilco2.ingest.transports.modbus_master import ModbusMaster, Stray
from soilco2.station_config.connections.modbus_dtu import ModbusDtuConnection, as_bytes

ONCE_S = 45.0
"""A modem that is read once may take so long to dial [s]."""


def port_of(connections: Sequence[ModbusDtuConnection], host: Host) -> DtuPort:
    """The port that these connections share."""
    heartbeats = {as_bytes(row.heartbeat) for row in connections if row.heartbeat}
    return DtuPort(
        connections[0].host,
        connections[0].port,
        {as_bytes(row.registration): row.id for row in connections},
        sorted(heartbeats, key=len, reverse=True),
        host.clock.now_us,
        ONCE_S if host.once else 0.0,
    )


def line_of(port: DtuPort, host: Host, connection: ModbusDtuConnection, rows: Rows) -> ModbusLine:
    """The line of a modem that dials a port."""
    registration = as_bytes(connection.registration)
    marks = [registration, *([as_bytes(connection.heartbeat)] if connection.heartbeat else [])]

    def master(stray: Stray) -> ModbusMaster:
        stream = DtuStream(port, registration)
        quiet_s = max([connection.quiet, *(model.quiet for _, model in rows)])
        return ModbusMaster(stream, quiet=quiet_s, latency=connection.latency, marks=marks, stray=stray)

    return ModbusLine(master, connection.id, host.happened, again=True)


class _ModbusDtuDriver(ModbusDriver):
    def services(self, host: Host, connections: Sequence[ModbusDtuConnection]) -> Mapping[str, Managed]:  # type: ignore[override]
        found: dict[str, Managed] = {}
        for place in dict.fromkeys(row.listens_on for row in connections):
            sharing = [row for row in connections if row.listens_on == place]
            port = port_of(sharing, host)
            found[f"listener {place}"] = Managed(partial(DtuListener, port), tuple(sharing))
            for name, managed in polled(host, sharing, partial(line_of, port, host)).items():
                # a line belongs to its port: another port is another line
                found[name] = Managed(
                    managed.make, (managed.key, tuple(sharing)), patience_s=managed.patience_s
                )
        return found

    def far_end(self, bench: Bench) -> FarEnd:
        from soilco2.ingest.simulate.far_tcp import Modem
        from soilco2.ingest.simulate.modbus_probes import SimulatedBus

        connection = bench.connection
        modem = partial(
            Modem,
            connection.host,
            connection.port,
            as_bytes(connection.registration),
            as_bytes(connection.heartbeat or ""),
        )
        return SimulatedBus.of(bench, modem)


DRIVER = _ModbusDtuDriver()
