"""All simulated instruments of a station: a line per Modbus connection, a node per MQTT connection."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from soilco2.ingest.clock.clock import Clock
from soilco2.ingest.drivers.modbus import used_channels
from soilco2.ingest.errors import SimulationError
from soilco2.ingest.simulate.faults import LINE_ONLY, NODE_ONLY, Fault, Kind
from soilco2.ingest.simulate.measured import Measured
from soilco2.ingest.simulate.node import SimulatedNode, outbox_path
from soilco2.ingest.simulate.outbox import Outbox
from soilco2.ingest.simulate.replay import Feed
from soilco2.ingest.simulate.slave import SimulatedBus, SimulatedProbe
from soilco2.station_config.loader import Station
from soilco2.station_config.tables.connection import Connection, ModbusRtuConnection, MqttConnection
from soilco2.station_config.tables.instrument import Instrument

_TICK_S = 0.05


class Told(NamedTuple):
    """Where one channel's numbers come from.

    Parameters
    ----------
    connection, instrument, channel : str
    source : str
        Words such as ``"co2 of 004 at 0.03 m"``; empty when there are no data for it.
    """

    connection: str
    instrument: str
    channel: str
    source: str


class Simulation:
    """The station's instruments, simulated.

    Parameters
    ----------
    station : Station
    data : Measured
    clock : Clock
        The schedule clock.
    folder : Path
        Where nodes keep their outboxes.
    faults : sequence of Fault
    repeat : bool
        Repeat the data for ever instead of ending with them.

    Raises
    ------
    SimulationError
        When a fault names what the station does not have or cannot suffer, or a port or outbox cannot be
        made.
    """

    def __init__(
        self,
        station: Station,
        data: Measured,
        clock: Clock,
        folder: Path,
        *,
        faults: Sequence[Fault] = (),
        repeat: bool = False,
    ) -> None:
        self.station = station
        self.feed = Feed(station.deployments, data, repeat)
        self.buses: list[SimulatedBus] = []
        self.nodes: list[SimulatedNode] = []
        self._clock = clock
        self._folder = folder
        self._hits = [(fault, self._victims(fault)) for fault in faults]
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._tick, name="simulation", daemon=True)

    def _on(self, connection: Connection) -> list[Instrument]:
        return [row for row in self.station.file.instrument if row.connection == connection.id]

    def _victims(self, fault: Fault) -> frozenset[str]:
        """Serial numbers of the instruments a fault hits."""
        kinds = {row.id: row.kind for row in self.station.file.connection}
        named = [
            row
            for row in self.station.file.instrument
            if fault.target in ("", row.id, row.serial, row.connection)
        ]
        if not named:
            known = ", ".join(row.id for row in self.station.file.instrument)
            raise SimulationError(
                f"fault {fault.kind}: there is no instrument {fault.target!r}; expected one of {known}"
            )
        fit = [
            row
            for row in named
            if not (fault.kind in LINE_ONLY and kinds[row.connection] != "modbus-rtu")
            and not (fault.kind in NODE_ONLY and kinds[row.connection] != "mqtt")
        ]
        if not fit:
            want = "on a Modbus line" if fault.kind in LINE_ONLY else "of an MQTT node"
            found = f"{fault.target!r} is not one" if fault.target else "the station has none"
            raise SimulationError(f"fault {fault.kind} is for an instrument {want}; {found}")
        return frozenset(row.serial for row in fit)

    def _faults_of(self, instrument: Instrument) -> list[Fault]:
        return [fault for fault, serials in self._hits if instrument.serial in serials]

    def told(self) -> Iterator[Told]:
        """Where each installed channel's numbers come from."""
        now = self._clock.now_us()
        for instrument in self.station.file.instrument:
            for spec in used_channels(self.station.models[instrument.model], instrument.channels):
                if self.station.deployments.series_at(instrument.serial, spec.id, now) is not None:
                    source = self.feed.told_by(instrument.serial, spec.id, now)
                    yield Told(instrument.connection, instrument.id, spec.id, source)

    def start(self) -> None:
        """Make the lines and start the nodes.

        Raises
        ------
        SimulationError, BrokerError
            When one cannot be; what was made before is taken away again.
        """
        with contextlib.ExitStack() as undo:
            for connection in self.station.file.connection:
                if isinstance(connection, ModbusRtuConnection):
                    bus = self._bus(connection)
                    undo.callback(bus.stop)
                    self.buses.append(bus)
                else:
                    node = self._node(connection)
                    node.start()
                    undo.callback(node.stop)
                    self.nodes.append(node)
            undo.pop_all()
        self._thread.start()

    def _bus(self, connection: ModbusRtuConnection) -> SimulatedBus:
        now = self._clock.now_us()
        on_line = self._on(connection)
        probes = [SimulatedProbe(row, self.feed, now, self._faults_of(row)) for row in on_line]
        pulled = [
            fault
            for fault, serials in self._hits
            if fault.kind is Kind.UNPLUG and any(row.serial in serials for row in on_line)
        ]
        return SimulatedBus(connection, probes, self._clock, pulled)

    def _node(self, connection: MqttConnection) -> SimulatedNode:
        broker = self.station.file.mqtt
        if broker is None:
            raise SimulationError(
                f"connection {connection.id}: the station file has no table [mqtt]; "
                "add it with host and port of the broker"
            )
        instruments = self._on(connection)
        serials = frozenset(row.serial for row in instruments)
        faults = [(fault, hit & serials) for fault, hit in self._hits if hit & serials]
        outbox = Outbox(outbox_path(self._folder, connection.id))
        return SimulatedNode(connection, broker, instruments, self.feed, self._clock, outbox, faults)

    def wait(self, stop: threading.Event) -> None:
        """Wait until `stop` is set.

        Raises
        ------
        IngestError
            When a node cannot go on.
        """
        while not stop.wait(1.0):
            for node in self.nodes:
                if node.failure is not None:
                    raise node.failure

    def _tick(self) -> None:
        while not self._stop.wait(_TICK_S):
            for bus in self.buses:
                bus.tick()
            for node in self.nodes:
                node.tick()

    def stop(self) -> None:
        """Take everything away; unsent messages stay in the outboxes."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
        for bus in self.buses:
            bus.stop()
        for node in self.nodes:
            node.stop()
