"""Modbus RTU slaves on a serial line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from soilco2.ingest.clock.clock import Clock
from soilco2.ingest.drivers.driver import Bench, FarEnd, Host
from soilco2.ingest.drivers.modbus_line import Happened, ModbusDriver, ModbusLine
from soilco2.ingest.drivers.polling import Deliver, PollingThread, Rows, polled
from soilco2.ingest.drivers.power import power_of
from soilco2.ingest.drivers.search import Scan, Search
from soilco2.ingest.supervisor import Managed
from soilco2.ingest.transports.modbus_serial import RtuMaster
from soilco2.ingest.transports.trace import Trace
from soilco2.station_config.catalogue.probe import Line as LineSettings
from soilco2.station_config.catalogue.probe import ProbeModel
from soilco2.station_config.connections.kind import Connection
from soilco2.station_config.connections.modbus_model import ModbusModel
from soilco2.station_config.connections.modbus_rtu import ModbusRtuConnection
from soilco2.station_config.connections.serial_port import is_serial
from soilco2.station_config.message import Message


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
    more.setdefault("power", power_of(connection, line, rows))
    return PollingThread(connection.id, str(connection.port), line, rows, clock, deliver, **more)


COMMISSIONING_QUIET_S = 0.05
"""Silence between frames while it is not known who listens [s]; cheap probes want 50 to 100 ms."""
USUAL = LineSettings(baudrate=9600)
"""What most probes leave the factory with."""
_SPEEDS = (1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200)


def _settings(own: LineSettings, models: Sequence[ProbeModel], everything: bool) -> list[LineSettings]:
    """Line settings to look for probes at: the line's own, what most models leave the factory with, then all there are.

    Stop bits do not matter to who listens, so the higher number of them is taken.
    """
    found: dict[tuple[int, str], LineSettings] = {}
    votes = Counter({(own.baudrate, own.parity): len(models)})
    for line in (own, *(model.line or USUAL for model in models)):
        key = line.baudrate, line.parity
        votes[key] += 1
        if key not in found or found[key].stopbits < line.stopbits:
            found[key] = line
    lines = [found[key] for key, _ in votes.most_common()]
    if everything:
        speeds = {*_SPEEDS, *(speed for model in models if model.line for speed in model.line.baudrates)}
        lines += [
            LineSettings.of(f"{speed} 8{parity}1")
            for parity in ("N", "E", "O")
            for speed in sorted(speeds)
            if (speed, parity) not in found
        ]
    return lines


def _line(connection: ModbusRtuConnection) -> LineSettings:
    return LineSettings(baudrate=connection.baudrate, parity=connection.parity, stopbits=connection.stopbits)


def _master(connection: ModbusRtuConnection, trace: Trace, line: LineSettings) -> RtuMaster:
    return RtuMaster(
        str(connection.port),
        baudrate=line.baudrate,
        bytesize=line.bytesize,
        parity=line.parity,
        stopbits=line.stopbits,
        quiet=max(connection.quiet, COMMISSIONING_QUIET_S),
        trace=trace,
    )


class _ModbusRtuDriver(ModbusDriver):
    def at(self, place: str, settings: LineSettings | None = None) -> ModbusRtuConnection | None:
        if not is_serial(place):
            return None
        line = settings or USUAL
        return ModbusRtuConnection(
            id="line",
            kind="modbus-rtu",
            port=Path(place),
            baudrate=line.baudrate,
            parity=line.parity,
            stopbits=line.stopbits,
        )

    def line(self, connection: ModbusRtuConnection, rows: Rows, trace: Trace) -> ModbusLine:
        return line_of(connection, rows, trace)

    def scan(self, connection: ModbusRtuConnection, search: Search, trace: Trace) -> Scan:
        from soilco2.ingest.drivers.modbus_scan import Pitch, sweep

        models = [model for model in search.models if isinstance(model, ModbusModel)]
        lines = search.lines or _settings(_line(connection), models, search.everything)
        pitches = [Pitch(str(line), partial(_master, connection, trace, line)) for line in lines]
        return sweep(connection.kind, pitches, search)

    def set_address(
        self, connection: ModbusRtuConnection, model: ProbeModel, old: int | str, new: int | str, trace: Trace
    ) -> Message:
        from soilco2.ingest.drivers.modbus_change import change_address

        return change_address(_master(connection, trace, _line(connection)), model, old, new)

    def set_line(
        self,
        connection: ModbusRtuConnection,
        model: ProbeModel,
        address: int | str,
        settings: LineSettings,
        trace: Trace,
    ) -> Message:
        from soilco2.ingest.drivers.modbus_change import change_line

        masters = partial(_master, connection, trace)
        return change_line(masters, _line(connection), model, address, settings)

    def services(self, host: Host, connections: Sequence[Connection]) -> Mapping[str, Managed]:
        return polled(host, connections, partial(line_of, happened=host.happened))

    def far_end(self, bench: Bench) -> FarEnd:
        from soilco2.ingest.simulate.modbus_probes import SimulatedBus

        return SimulatedBus.of(bench)


DRIVER = _ModbusRtuDriver()
