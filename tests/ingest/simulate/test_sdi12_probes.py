"""Simulated SDI-12 probes, read by the driver: every value is what was measured, and no fault makes another one."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest

from soilco2.ingest.drivers.driver import DriverEvent
from soilco2.ingest.drivers.polling import PollingThread
from soilco2.ingest.drivers.sdi12 import Sdi12Line
from soilco2.ingest.simulate.faults import Fault, Kind
from soilco2.ingest.simulate.measured import Measured
from soilco2.ingest.simulate.replay import backfill_samples
from soilco2.ingest.simulate.run import Simulation
from soilco2.ingest.simulate.sdi12_probes import SimulatedSdi12
from soilco2.quality.records import Sample
from soilco2.station_config.loader import load_station
from tests.ingest.simulate.hand import HALF_HOUR, START, HandClock

TOP = """
[station]
id = "s"
name = "S"
latitude = 37.1
longitude = -119.7
altitude_m = 400
timezone = "UTC"

[[connection]]
id = "bus"
kind = "sdi12"
port = "bus"
mode = "{mode}"

[[profile]]
id = "p001"
"""
PROBE = """
[[profile.position]]
id = "d{n}"
depth_m = {depth}

[[instrument]]
id = "probe-{n}"
model = "{model}"
serial = "{serial}"
connection = "bus"
address = "{n}"
interval = "30min"
timeout = "{timeout}"
[[instrument.installation]]
position = "p001/d{n}"
from = 2020-01-01
"""
PROBES = (
    ("meter-teros-12", "T12-00000001", 0.06),
    ("meter-5te", "5TE-0002", 0.16),
    ("campbell-cs65x", "2196405", 0.26),
)
VICTIM = PROBES[0][1]


class Line:
    """A simulated line and the thread that reads it."""

    def __init__(
        self, folder: Path, sjer: Measured, stack: ExitStack, *faults: Fault, mode: str = "text"
    ) -> None:
        text = TOP.format(mode=mode) + "".join(
            PROBE.format(n=n, model=model, serial=serial, depth=depth, timeout="150ms" if n == 1 else "5s")
            for n, (model, serial, depth) in enumerate(PROBES, 1)
        )
        path = folder / "station.toml"
        path.write_text(text, encoding="utf-8")
        self.station = load_station(path)
        self.clock = HandClock()
        simulation = Simulation(self.station, sjer, self.clock, folder, faults=faults)
        connection = self.station.file.connection[0]
        self.far = SimulatedSdi12.of(simulation._bench(connection))
        stack.callback(self.far.stop)
        self.samples: list[Sample] = []
        self.events: list[DriverEvent] = []
        rows = [(row, self.station.models[row.model]) for row in self.station.file.instrument]
        self.thread = PollingThread("bus", "bus", Sdi12Line(connection), rows, self.clock, self._deliver)
        stack.callback(self.thread.join)
        stack.callback(self.thread.stop)

    def _deliver(self, samples: list[Sample], events: list[DriverEvent]) -> None:
        self.samples += samples
        self.events += events

    def run(self, slots: int) -> None:
        for number in range(slots):
            self.clock.set(START + number * HALF_HOUR, self.far.tick)
            if not number:
                self.thread.start()
            self.clock.wait_for_members([self.thread], START + number * HALF_HOUR)

    def expected(self, slots: int) -> dict[tuple[str, str, int], float | None]:
        end = START + slots * HALF_HOUR
        return {
            (row.serial, row.channel, row.time_us or 0): row.raw
            for batch in backfill_samples(self.station, START, end)
            for row in batch
        }

    def told(self) -> dict[tuple[str, str, int], float | None]:
        return {(row.serial, row.channel, row.time_us or 0): row.raw for row in self.samples}


@pytest.mark.parametrize("mode", ["text", "transparent"])
def test_what_is_read_is_what_was_measured(tmp_path: Path, sjer: Measured, mode: str) -> None:
    with ExitStack() as stack:
        line = Line(tmp_path, sjer, stack, mode=mode)
        line.run(2)
        assert line.told() == line.expected(2)
        assert len(line.samples) == len(line.expected(2))
    water = 0
    for row in line.samples:  # counts, a curve of the permittivity, and the water content itself
        channel = line.station.deployments.channel(row.serial, row.channel)
        assert channel is not None
        assert row.raw is not None
        if row.channel == "soil_water" and row.raw not in channel.spec.sentinels:
            water += 1
            assert 0 < channel.a * row.raw + channel.b < 0.6
    assert water


@pytest.mark.parametrize(
    ("kind", "errors"),
    [
        (Kind.SILENCE, {"silence"}),
        (Kind.NOISE, {"checksum"}),
        (Kind.ADDRESS_CLASH, {"checksum", "wrong_device"}),
    ],
)
def test_a_fault_makes_no_other_value_and_hits_no_neighbour(
    tmp_path: Path, sjer: Measured, kind: Kind, errors: set[str]
) -> None:
    with ExitStack() as stack:
        line = Line(tmp_path, sjer, stack, Fault(kind, VICTIM))
        line.run(2)
        expected = line.expected(2)
        told = line.told()
        assert all(expected[key] == raw for key, raw in told.items())
        assert {key for key in expected if key[0] != VICTIM} <= set(told)
        counted = line.thread.status()["instruments"]
    assert counted[VICTIM]["errors"], kind
    assert set(counted[VICTIM]["errors"]) <= errors
    assert not any(row["errors"] for serial, row in counted.items() if serial != VICTIM)


def test_an_adapter_that_is_pulled_is_told(
    tmp_path: Path, sjer: Measured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("soilco2.ingest.drivers.polling._REOPEN_S", (0.0, 0.0))
    pulled = Fault(Kind.UNPLUG, "", START + HALF_HOUR, START + 2 * HALF_HOUR)
    with ExitStack() as stack:
        line = Line(tmp_path, sjer, stack, pulled, mode="transparent")
        line.run(3)
    assert [row.kind for row in line.events if row.kind.startswith("port")] == ["port-gone", "port-back"]
