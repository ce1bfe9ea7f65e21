"""Each line fault as the collector's bus thread meets it: what the documentation promises is what happens."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from soilco2.ingest.drivers.driver import DriverEvent
from soilco2.ingest.drivers.modbus_rtu import polling
from soilco2.ingest.simulate.faults import Fault, Kind
from soilco2.ingest.simulate.measured import Measured
from soilco2.ingest.simulate.modbus_probes import SimulatedBus
from soilco2.ingest.simulate.replay import backfill_samples
from soilco2.ingest.simulate.run import Simulation
from soilco2.quality.records import Sample
from soilco2.station_config.connections.modbus_rtu import ModbusRtuConnection
from soilco2.station_config.loader import Station
from tests.ingest.simulate.hand import HALF_HOUR, START, HandClock

VICTIM = "SJER-004-CO2-502"


class Line:
    """The demonstration's line of three CO2 probes, read by a bus thread."""

    def __init__(
        self, station: Station, sjer: Measured, folder: Path, stack: ExitStack, *faults: Fault
    ) -> None:
        self.clock = HandClock()
        simulation = Simulation(station, sjer, self.clock, folder, faults=faults)
        connection = station.file.connection[0]
        assert isinstance(connection, ModbusRtuConnection)
        self.bus: SimulatedBus = SimulatedBus.of(simulation._bench(connection))
        stack.callback(self.bus.stop)
        self.samples: list[Sample] = []
        self.events: list[DriverEvent] = []
        # the victim's answers fail in milliseconds; a stall of the machine must not fail the others
        rows = [
            (
                probe.instrument.model_copy(
                    update={"timeout": 0.3 if probe.instrument.serial == VICTIM else 10.0}
                ),
                probe.model,
            )
            for probe in self.bus.probes
        ]
        self.thread = polling(connection, rows, self.clock, self._deliver)
        stack.callback(self.thread.join)
        stack.callback(self.thread.stop)

    def _deliver(self, samples: list[Sample], events: list[DriverEvent]) -> None:
        self.samples += samples
        self.events += events

    def run(self, slots: int) -> None:
        for number in range(slots):
            self.clock.set(START + number * HALF_HOUR, self.bus.tick)
            if number == 0:
                self.thread.start()
            self.clock.wait_for_members([self.thread], START + number * HALF_HOUR)

    def slots(self, serial: str = VICTIM) -> list[int]:
        times = [row.time_us for row in self.samples if row.serial == serial]
        return [(at - START) // HALF_HOUR for at in times if at is not None]

    def happened(self) -> list[tuple[str, int]]:
        rows = [row for row in self.events if row.kind != "settings"]
        return [(row.kind, (row.time_us - START) // HALF_HOUR) for row in rows]

    def errors(self) -> dict[str, int]:
        found: dict[str, int] = self.thread.status()["instruments"][VICTIM]["errors"]
        return found


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as one:
        yield one


def between(kind: Kind, first: int, last: int, target: str = VICTIM) -> Fault:
    return Fault(kind, target, START + first * HALF_HOUR, START + last * HALF_HOUR)


def test_noise_is_counted_and_costs_no_reading(
    demo: Station, sjer: Measured, tmp_path: Path, stack: ExitStack
) -> None:
    line = Line(demo, sjer, tmp_path, stack, Fault(Kind.NOISE, VICTIM))
    line.run(8)
    assert line.slots() == list(range(8))
    assert set(line.errors()) == {"checksum"}
    well = [row for batch in backfill_samples(demo, START, START + 8 * HALF_HOUR) for row in batch]
    assert [row.raw for row in line.samples if row.serial == VICTIM] == [
        row.raw for row in well if row.serial == VICTIM
    ]


def test_silence_falls_and_ends(demo: Station, sjer: Measured, tmp_path: Path, stack: ExitStack) -> None:
    line = Line(demo, sjer, tmp_path, stack, between(Kind.SILENCE, 2, 4))
    line.run(6)
    assert line.slots() == [0, 1, 4, 5]
    assert line.slots("SJER-004-CO2-501") == line.slots("SJER-004-CO2-503") == list(range(6))
    assert line.happened() == [("device-silent", 2), ("device-back", 4)]
    said = [row.status for row in line.samples if row.serial == VICTIM]
    assert said == ["", "", "warm-up", ""]


def test_unplugging_takes_the_line_and_gives_it_back(
    demo: Station, sjer: Measured, tmp_path: Path, stack: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("soilco2.ingest.drivers.polling._REOPEN_S", (0.0, 0.0))
    line = Line(demo, sjer, tmp_path, stack, between(Kind.UNPLUG, 1, 3, "bus1"))
    line.run(5)
    for serial in (VICTIM, "SJER-004-CO2-501", "SJER-004-CO2-503"):
        assert line.slots(serial) == [0, 3, 4]
    assert line.happened() == [("port-gone", 1), ("port-back", 3)]
    assert line.errors().get("silence") is None


def test_two_probes_at_one_address(demo: Station, sjer: Measured, tmp_path: Path, stack: ExitStack) -> None:
    line = Line(demo, sjer, tmp_path, stack, Fault(Kind.ADDRESS_CLASH, VICTIM))
    line.run(6)
    assert set(line.errors()) >= {"clash"}
    assert line.slots("SJER-004-CO2-501") == line.slots("SJER-004-CO2-503") == list(range(6))


def test_brown_out(demo: Station, sjer: Measured, tmp_path: Path, stack: ExitStack) -> None:
    line = Line(demo, sjer, tmp_path, stack, between(Kind.BROWN_OUT, 1, 9))
    line.run(4)
    said = {
        (row.time_us - START) // HALF_HOUR: row.status
        for row in line.samples
        if row.serial == VICTIM and row.time_us is not None
    }
    assert said == {0: "", 2: "warm-up status=0x100", 3: ""}
    told = [row.text for row in line.events if row.kind == "settings" and row.subject == VICTIM]
    assert len(told) == 2, "after an outage the settings are read again"
    assert "pressure_mode = 1" in told[0]
    assert "pressure_mode = 0 but the station file says 1" in told[1]
