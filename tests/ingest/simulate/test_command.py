"""``soilco2 simulate`` as a user runs it, and a whole station read through it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from soilco2.ingest.drivers.driver import DriverEvent
from soilco2.ingest.drivers.modbus_rtu import polling
from soilco2.ingest.errors import SimulationError
from soilco2.ingest.protocols.modbus import Request
from soilco2.ingest.simulate.line import PtyLine
from soilco2.ingest.simulate.measured import Measured
from soilco2.ingest.simulate.modbus_probes import SimulatedBus
from soilco2.ingest.simulate.replay import backfill_samples
from soilco2.ingest.simulate.run import Simulation
from soilco2.ingest.transports.modbus_serial import RtuMaster
from soilco2.quality.records import Sample
from soilco2.station_config.connections.modbus_rtu import ModbusRtuConnection
from soilco2.station_config.loader import Station
from tests.ingest.simulate.hand import HALF_HOUR, START, HandClock
from tests.paths import ROOT


def words(path: Path, *options: str) -> list[str]:
    return [sys.executable, "-m", "soilco2", "simulate", str(path), *options]


def refused(path: Path, folder: Path, *options: str) -> str:
    """What it says when it ends with 2."""
    done = subprocess.run(
        words(path, *options),
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=os.environ | {"SOILCO2_STATE": str(folder)},
        check=False,
    )
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    return done.stderr


@contextmanager
def started(path: Path, folder: Path, *options: str) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    """The command and the lines it printed until it was ready."""
    child = subprocess.Popen(
        words(path, *options),
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=os.environ | {"SOILCO2_STATE": str(folder), "PYTHONUNBUFFERED": "1"},
    )
    assert child.stdout is not None
    try:
        lines = []
        for line in child.stdout:
            lines.append(line.rstrip())
            if lines[-1] == "ready":
                break
        yield child, lines
    finally:
        child.kill()
        child.wait()
        child.stdout.close()


def test_it_makes_ports_says_what_it_replays_and_cleans_up(demo: Station, tmp_path: Path) -> None:
    assert demo.path is not None
    with started(demo.path, tmp_path) as (child, lines):
        assert f"bus1: 3 probes at {tmp_path}/bus1" in lines
        assert "node3: 12 instruments publish on soilco2/sjer/data" in lines
        assert "  co2-4-08/co2: co2 of 004 at 0.08 m" in lines
        assert any("soil-3-06/bulk_ec: modelled from soil_water of 003 at 0.0625 m" in line for line in lines)
        master = RtuMaster(str(tmp_path / "bus1"), baudrate=19200, stopbits=2)
        master.open()
        low, high = master.read(Request(11, 3, 0, 2), 10.0)
        master.close()
        assert (low, high) != (0, 0)
        child.send_signal(signal.SIGTERM)
        assert child.wait(30) == 0
        assert not os.path.lexists(tmp_path / "bus1")
        assert not os.path.lexists(tmp_path / "bus2.lock")


def test_a_second_simulation_is_refused_and_one_after_a_kill_is_not(demo: Station, tmp_path: Path) -> None:
    assert demo.path is not None
    with started(demo.path, tmp_path):
        assert "another simulation has this port" in refused(demo.path, tmp_path)
    assert os.path.lexists(tmp_path / "bus1"), "that one was killed and could not clean up"
    with started(demo.path, tmp_path) as (_, lines):
        assert lines[-1] == "ready"


def test_one_json_object(demo: Station, tmp_path: Path) -> None:
    assert demo.path is not None
    child = subprocess.Popen(
        words(demo.path, "--json"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=os.environ | {"SOILCO2_STATE": str(tmp_path), "PYTHONUNBUFFERED": "1"},
    )
    assert child.stderr is not None
    while child.stderr.readline().strip() != "ready":
        assert child.poll() is None
    child.send_signal(signal.SIGINT)
    out, _ = child.communicate(timeout=30)
    told = json.loads(out)
    assert told["ports"] == {"bus1": str(tmp_path / "bus1"), "bus2": str(tmp_path / "bus2")}
    assert told["data"] == "neon_sjer_2022_06"
    assert all(row["source"] for row in told["channels"])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--fault", "fire"), "fault 'fire' is not understood; expected KIND[:INSTRUMENT][@FROM[/TO]]"),
        (("--fault", "noise:co2-9"), "there is no instrument 'co2-9'"),
        (("--fault", "noise@yesterday"), "'yesterday' is no time"),
        (("--data", "nowhere"), "'nowhere' does not exist"),
    ],
)
def test_wrong_use_is_one_sentence(
    demo: Station, tmp_path: Path, options: tuple[str, ...], said: str
) -> None:
    assert demo.path is not None
    assert said in refused(demo.path, tmp_path, *options)


def test_a_real_port_is_left_alone(demo: Station, tmp_path: Path) -> None:
    assert demo.path is not None
    (tmp_path / "bus1").write_text("a user's file", encoding="utf-8")
    assert "a real port or file is there; it is left alone" in refused(demo.path, tmp_path)
    assert (tmp_path / "bus1").read_text(encoding="utf-8") == "a user's file"


def test_a_port_that_may_not_be_made(tmp_path: Path) -> None:
    with pytest.raises(SimulationError, match="a simulated port cannot be made there"):
        PtyLine(Path("/proc/soilco2/bus1"), lambda _q, _f: [])


def test_help_names_every_fault() -> None:
    from soilco2.ingest.simulate.faults import Kind

    done = subprocess.run(
        [sys.executable, "-m", "soilco2", "simulate", "--help"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=True,
    )
    assert all(kind in done.stdout for kind in Kind)


def test_the_station_read_over_its_lines_equals_the_backfill(
    demo: Station, sjer: Measured, clock: HandClock, tmp_path: Path
) -> None:
    """Three slots through pseudo-terminals, frames and the bus threads: raw numbers equal, gap included."""
    first = START + 22 * HALF_HOUR  # the data have a gap at slots 23 and 24
    clock.set(first)
    simulation = Simulation(demo, sjer, clock, tmp_path)
    buses = [
        SimulatedBus.of(simulation._bench(row))
        for row in demo.file.connection
        if isinstance(row, ModbusRtuConnection)
    ]
    samples: list[Sample] = []
    events: list[DriverEvent] = []

    def deliver(more: list[Sample], happened: list[DriverEvent]) -> None:
        samples.extend(more)
        events.extend(happened)

    threads = []
    try:
        for bus in buses:
            rows = [
                (probe.instrument.model_copy(update={"timeout": 10.0}), probe.model) for probe in bus.probes
            ]
            threads.append(polling(bus.connection, rows, clock, deliver, active=demo.deployments.active))
        for number in range(3):
            clock.set(first + number * HALF_HOUR)
            for thread in threads:
                if number == 0:
                    thread.start()
            clock.wait_for_members(threads, first + number * HALF_HOUR)
    finally:
        for thread in threads:
            thread.stop()
        for thread in threads:
            thread.join()
        for bus in buses:
            bus.stop()
    serials = {row.serial for row in samples}
    expected = [
        (row.time_us, row.serial, row.channel, row.raw, row.status)
        for batch in backfill_samples(demo, first, first + 3 * HALF_HOUR)
        for row in batch
        if row.serial in serials
    ]
    said = [(row.time_us, row.serial, row.channel, row.raw, row.status) for row in samples]
    assert len(serials) == 13
    assert sorted(said, key=str) == sorted(expected, key=str)
    assert {event.kind for event in events} == {"settings"}
    assert {thread.failure for thread in threads} == {None}
