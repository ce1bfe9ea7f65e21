"""All simulated instruments of a station: the far end of each of its connections."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Sequence
from functools import reduce
from pathlib import Path
from typing import NamedTuple

from soilco2.ingest.clock.clock import Clock
from soilco2.ingest.drivers.driver import Bench, FarEnd
from soilco2.ingest.drivers.registry import driver_of
from soilco2.ingest.errors import CollectorError, SimulationError
from soilco2.ingest.simulate.faults import Fault
from soilco2.ingest.simulate.measured import Measured
from soilco2.ingest.simulate.replay import Feed
from soilco2.station_config.connections.kind import Connection
from soilco2.station_config.connections.registry import kind_of, kinds
from soilco2.station_config.loader import Station
from soilco2.station_config.message import Message
from soilco2.station_config.tables.instrument import Instrument

_TICK_S = 0.05


class Told(NamedTuple):
    """Where one channel's numbers come from.

    Parameters
    ----------
    connection, instrument, channel : str
    source : Message
        Such as ``"co2 of 004 at 0.03 m"``; empty when there are no data for it.
    """

    connection: str
    instrument: str
    channel: str
    source: Message


def _either(one: str, other: str) -> Message:
    return Message("{one} or {other}", one=one, other=other)


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
        self.far_ends: dict[str, FarEnd] = {}
        """By connection."""
        self._clock = clock
        self._folder = folder
        self._hits = [(fault, self._victims(fault)) for fault in faults]
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._tick, name="simulation", daemon=True)

    def _on(self, connection: Connection) -> list[Instrument]:
        return [row for row in self.station.file.instrument if row.connection == connection.id]

    def _victims(self, fault: Fault) -> frozenset[str]:
        """Serial numbers of the instruments a fault hits."""
        kinds_of = {row.id: row.kind for row in self.station.file.connection}
        named = [
            row
            for row in self.station.file.instrument
            if fault.target in ("", row.id, row.serial, row.connection)
        ]
        if not named:
            known = ", ".join(row.id for row in self.station.file.instrument)
            raise SimulationError(
                Message(
                    "fault {kind}: there is no instrument {name!r}; expected one of {known}",
                    kind=fault.kind,
                    name=fault.target,
                    known=known,
                )
            )
        drivers = {name: driver_of(kinds()[name]) for name in dict.fromkeys(kinds_of.values())}
        for name, kind in kinds().items():
            if name not in drivers and kind.contract != "file":
                with contextlib.suppress(CollectorError):  # the station does not have it
                    drivers[name] = driver_of(kind)
        theirs = {name: driver for name, driver in drivers.items() if fault.kind in driver.own_faults}
        fit = [row for row in named if not theirs or kinds_of[row.connection] in theirs]
        if not fit:
            raise SimulationError(
                Message(
                    "fault {kind} is for an instrument {where}; {found}",
                    kind=fault.kind,
                    where=reduce(_either, dict.fromkeys(driver.victims for driver in theirs.values())),
                    found=Message("{name!r} is not one", name=fault.target)
                    if fault.target
                    else Message("the station has none"),
                )
            )
        return frozenset(row.serial for row in fit)

    def told(self) -> Iterator[Told]:
        """Where each installed channel's numbers come from."""
        now = self._clock.now_us()
        for instrument in self.station.file.instrument:
            for spec in self.station.models[instrument.model_key].used(instrument.channels):
                if self.station.deployments.series_at(instrument.serial, spec.id, now) is not None:
                    source = self.feed.told_by(instrument.serial, spec.id, now)
                    yield Told(instrument.connection, instrument.id, spec.id, source)

    def places(self, what: str) -> dict[str, str]:
        """``"ports"`` or ``"topics"`` of the far ends, by connection."""
        found = {name: far_end.place for name, far_end in self.far_ends.items()}
        return {name: where for name, (kind, where) in found.items() if kind == what}

    def start(self) -> None:
        """Make the lines and start the nodes.

        Raises
        ------
        SimulationError, BrokerError
            When one cannot be; what was made before is taken away again.
        """
        with contextlib.ExitStack() as undo:
            for connection in self.station.file.connection:
                far_end = driver_of(kind_of(connection)).far_end(self._bench(connection))
                undo.callback(far_end.stop)
                far_end.start()
                self.far_ends[connection.id] = far_end
            undo.pop_all()
        self._thread.start()

    def _bench(self, connection: Connection) -> Bench:
        instruments = self._on(connection)
        serials = frozenset(row.serial for row in instruments)
        faults = [(fault, hit & serials) for fault, hit in self._hits if hit & serials]
        return Bench(self.station, connection, instruments, self.feed, self._clock, self._folder, faults)

    def wait(self, stop: threading.Event) -> None:
        """Wait until `stop` is set.

        Raises
        ------
        IngestError
            When a node cannot go on.
        """
        while not stop.wait(1.0):
            for far_end in self.far_ends.values():
                if far_end.failure is not None:
                    raise far_end.failure

    def _tick(self) -> None:
        while not self._stop.wait(_TICK_S):
            for far_end in self.far_ends.values():
                far_end.tick()

    def stop(self) -> None:
        """Take everything away; unsent messages stay in the outboxes."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
        for far_end in self.far_ends.values():
            far_end.stop()
