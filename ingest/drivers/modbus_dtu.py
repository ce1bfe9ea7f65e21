"""Modbus slaves behind modems (DTU) that dial in: one listening port for all of them that name it.

A command that looks at a modem's line goes through the port of this process if it listens; else it listens itself.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from time import monotonic
from weakref import WeakValueDictionary

from soilco2.ingest.drivers.driver import Bench, FarEnd, Host
from soilco2.ingest.drivers.modbus_line import Happened, ModbusDriver, ModbusLine
from soilco2.ingest.drivers.polling import Rows, polled
from soilco2.ingest.drivers.search import Answer, Scan, Search, Step
from soilco2.ingest.supervisor import Managed
from soilco2.ingest.transports.dtu_port import DtuListener, DtuPort, DtuStream
from soilco2.ingest.transports.modbus_master import ModbusMaster, Stray
from soilco2.ingest.transports.trace import Trace
from soilco2.station_config.catalogue.probe import Line as LineSettings
from soilco2.station_config.connections.modbus_dtu import ModbusDtuConnection, as_bytes
from soilco2.station_config.message import Message

ONCE_S = 45.0
"""A modem that is read once, or looked at, may take so long to dial [s]."""
LISTEN_S = 60.0
"""So long modems are listened for that nobody knows [s]."""
COMMISSIONING_QUIET_S = 0.05
"""Silence between frames while it is not known who listens [s]; cheap probes want 50 to 100 ms."""
_LOOK_S = 0.5
_WHOEVER = "?"
"""In place of a registration where every modem is a stranger."""
_PLACE = re.compile(r"dtu://(\[[0-9A-Fa-f:]+\]|[0-9.]+):(\d{1,5})/?")

_LISTENING: WeakValueDictionary[str, DtuPort] = WeakValueDictionary()
"""The ports of this process's collector, by host and port."""


def port_of(
    connections: Sequence[ModbusDtuConnection], now_us: Callable[[], int], patience_s: float
) -> DtuPort:
    """The port that these connections share."""
    heartbeats = {as_bytes(row.heartbeat) for row in connections if row.heartbeat}
    return DtuPort(
        connections[0].host,
        connections[0].port,
        {as_bytes(row.registration): row.id for row in connections},
        sorted(heartbeats, key=len, reverse=True),
        now_us,
        patience_s,
    )


class _OwnPort(DtuStream):
    """The connection of a modem to a port that is listened on as long as this is open."""

    _listener: DtuListener | None = None

    def open(self) -> None:
        """Listen, and wait for the modem."""
        self._listener = DtuListener(self._at)
        self._listener.start()
        try:
            super().open()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let the modem go, and listen no more."""
        super().close()
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.stop()
            listener.join()


def _wall_us() -> int:
    return time.time_ns() // 1000


def stream_of(connection: ModbusDtuConnection, trace: Trace | None = None) -> DtuStream:
    """The connection of a modem for a command."""
    registration = as_bytes(connection.registration)
    port = _LISTENING.get(connection.listens_on)
    if port is not None and registration in port.known:
        return DtuStream(port, registration, trace)
    return _OwnPort(port_of([connection], _wall_us, ONCE_S), registration, trace)


def master_of(
    connection: ModbusDtuConnection, stream: DtuStream, quiet_s: float, stray: Stray | None = None
) -> ModbusMaster:
    """The master of a modem's line."""
    marks = [as_bytes(text) for text in (connection.registration, connection.heartbeat) if text]
    return ModbusMaster(stream, quiet=quiet_s, latency=connection.latency, marks=marks, stray=stray)


def line_of(
    stream: Callable[[], DtuStream],
    connection: ModbusDtuConnection,
    rows: Rows,
    happened: Happened | None = None,
) -> ModbusLine:
    """The line of a modem, as quiet as its quietest probe wants it."""
    quiet_s = max([connection.quiet, *(model.quiet for _, model in rows)])

    def master(stray: Stray) -> ModbusMaster:
        return master_of(connection, stream(), quiet_s, stray)

    return ModbusLine(master, connection.id, happened, again=True)


def _strangers(connection: ModbusDtuConnection) -> Scan:
    """Listen on a port, and tell who dials it."""
    port = port_of([connection], _wall_us, 0.0)
    listener = DtuListener(port)
    listener.start()
    try:
        if port.error is not None:
            raise port.error
        began = monotonic()
        told: set[str] = set()
        while (gone := monotonic() - began) < LISTEN_S:
            text = Message("listening for modems on {port}", port=port.name)
            yield Step(gone / LISTEN_S, LISTEN_S - gone, text)
            port.wait(_LOOK_S)
            for row in port.status()["unknown"]:
                if row["registration"] not in told:
                    told.add(row["registration"])
                    yield Answer(connection.kind, "", row["registration"])
        yield Step(1.0, 0.0, Message("done"))
        if not told:
            yield Message(
                "no modem dialled {port}; check the host and port that it dials, its SIM and signal, and that a "
                "firewall lets it through",
                port=port.name,
            )
    finally:
        listener.stop()
        listener.join()


def _listener(place: str, port: DtuPort) -> DtuListener:
    _LISTENING[place] = port
    return DtuListener(port)


class _ModbusDtuDriver(ModbusDriver):
    def services(self, host: Host, connections: Sequence[ModbusDtuConnection]) -> Mapping[str, Managed]:  # type: ignore[override]
        found: dict[str, Managed] = {}
        for place in dict.fromkeys(row.listens_on for row in connections):
            sharing = [row for row in connections if row.listens_on == place]
            port = port_of(sharing, host.clock.now_us, ONCE_S if host.once else 0.0)
            found[f"listener {place}"] = Managed(partial(_listener, place, port), tuple(sharing))

            def line(connection: ModbusDtuConnection, rows: Rows, port: DtuPort = port) -> ModbusLine:
                stream = partial(DtuStream, port, as_bytes(connection.registration))
                return line_of(stream, connection, rows, host.happened)

            for name, managed in polled(host, sharing, line).items():
                # a line belongs to its port: another port is another line
                managed.key = (managed.key, tuple(sharing))
                found[name] = managed
        return found

    def at(self, place: str, settings: LineSettings | None = None) -> ModbusDtuConnection | None:
        found = _PLACE.fullmatch(place)
        if found is None or not 0 < int(found[2]) < 1 << 16:
            return None
        return ModbusDtuConnection(
            id="line",
            kind="modbus-dtu",
            host=found[1].strip("[]"),
            port=int(found[2]),
            registration=_WHOEVER,
        )

    def line(self, connection: ModbusDtuConnection, rows: Rows, trace: Trace) -> ModbusLine:
        return line_of(partial(stream_of, connection, trace), connection, rows)

    def master(self, connection: ModbusDtuConnection, trace: Trace) -> ModbusMaster:
        quiet_s = max(connection.quiet, COMMISSIONING_QUIET_S)
        return master_of(connection, stream_of(connection, trace), quiet_s)

    def scan(self, connection: ModbusDtuConnection, search: Search, trace: Trace) -> Scan:
        if connection.registration == _WHOEVER:
            yield from _strangers(connection)
            return
        yield from super().scan(connection, search, trace)
        if (port := _LISTENING.get(connection.listens_on)) is not None:
            for row in port.status()["unknown"]:
                yield Message(
                    "a modem that is not in the station file dialled {port}: {registration}",
                    port=port.name,
                    registration=row["registration"],
                )

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
