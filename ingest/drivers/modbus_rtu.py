"""Modbus RTU slaves on a serial line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from soilco2.ingest.clock.clock import Clock
from soilco2.ingest.drivers.driver import Bench, FarEnd, Host
from soilco2.ingest.drivers.modbus_line import Happened, ModbusDriver, ModbusLine
from soilco2.ingest.drivers.polling import Deliver, PollingThread, Rows, polled
from soilco2.ingest.supervisor import Managed
from soilco2.ingest.transports.modbus_serial import RtuMaster
from soilco2.ingest.transports.serial_port import Trace
from soilco2.station_config.connections.kind import Connection
from soilco2.station_config.connections.modbus_rtu import ModbusRtuConnection


def line_of(
    connection: ModbusRtuConnection, rows: Rows, trace: Trace | None = None, happened: Happened | None = None
) -> ModbusLine:
    """The line of a connection: as quiet as its quietest probe wants it."""
    master = partial(
        RtuMaster,
        str(connection.port),
        baudrate=connection.baudrate,
        bytesize=connection.bytesize,
        parity=connection.parity,
        stopbits=connection.stopbits,
        quiet=max([connection.quiet, *(model.quiet for _, model in rows)]),
        trace=trace,
    )
    return ModbusLine(lambda stray: master(stray=stray), connection.id, happened)


def polling(
    connection: ModbusRtuConnection,
    rows: Rows,
    clock: Clock,
    deliver: Deliver,
    *,
    trace: Trace | None = None,
    happened: Happened | None = None,
    **more: Any,
) -> PollingThread:
    """The thread that polls the instruments of a line; `more` goes to `PollingThread`."""
    line = line_of(connection, rows, trace, happened)
    return PollingThread(connection.id, str(connection.port), line, rows, clock, deliver, **more)


class _ModbusRtuDriver(ModbusDriver):
    def services(self, host: Host, connections: Sequence[Connection]) -> Mapping[str, Managed]:
        return polled(host, connections, partial(line_of, happened=host.happened))

    def far_end(self, bench: Bench) -> FarEnd:
        from soilco2.ingest.simulate.modbus_probes import SimulatedBus

        return SimulatedBus.of(bench)


DRIVER = _ModbusRtuDriver()
