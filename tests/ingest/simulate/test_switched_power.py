"""Switched power: on a warm-up ahead of a round, off after it.

The far end is silent without power, and wrong while it is cold.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from soilco2.ingest.drivers.driver import DriverEvent
from soilco2.ingest.drivers.modbus_rtu import polling
from soilco2.ingest.drivers.polling import PollingThread
from soilco2.ingest.drivers.power import GpioSwitch, SwitchedPower
from soilco2.ingest.errors import PortGone
from soilco2.ingest.protocols.modbus import COIL_ON, WRITE_COIL, Request, coil_asked, coil_frame, coil_said
from soilco2.ingest.simulate.measured import Measured
from soilco2.ingest.simulate.modbus_probes import SimulatedBus
from soilco2.ingest.simulate.replay import backfill_samples
from soilco2.ingest.simulate.run import Simulation
from soilco2.quality.records import Sample
from soilco2.station_config.connections.power import Power
from soilco2.station_config.loader import Station
from tests.ingest.simulate.hand import HALF_HOUR, START, HandClock

LEAD = 121_000_000
"""Before a round [µs]: 2 min, the warm-up of the GMP252 (catalogue, from the maker's manual), and 1 s."""


class Site:
    """The demonstration's probes behind a relay at address 100, and a bus thread."""

    def __init__(self, station: Station, sjer: Measured, folder: Path, stack: ExitStack) -> None:
        self.clock = HandClock(START - 600_000_000)
        self.stack = stack
        self.samples: list[Sample] = []
        self.events: list[DriverEvent] = []
        self.told_by: set[str] = set()
        bench = Simulation(station, sjer, self.clock, folder)._bench(station.file.connection[0])
        self.connection = bench.connection.model_copy(update={"power": Power(relay=100, coil=3)})
        self.bus = SimulatedBus.of(bench._replace(connection=self.connection))
        stack.callback(self.bus.stop)
        self.relay: Any = self.bus.relay

    def thread(self, **more: Any) -> PollingThread:
        rows = [
            (p.instrument.model_copy(update={"timeout": 10.0 if self.relay else 0.1}), p.model)
            for p in self.bus.probes
        ]
        thread = polling(self.connection, rows, self.clock, self._deliver, **more)
        self.stack.callback(thread.join)
        self.stack.callback(thread.stop)
        thread.start()
        return thread

    def _deliver(self, samples: list[Sample], events: list[DriverEvent]) -> None:
        self.samples += samples
        self.events += events
        self.told_by.add(threading.current_thread().name)

    def waits_until(self, thread: PollingThread, at_us: int) -> None:
        """Show a time, and wait until the thread has done what belongs to it and waits for a later one."""
        self.clock.set(at_us)
        with self.clock._changed:
            assert self.clock._changed.wait_for(lambda: self.clock.waits_for > at_us, 60)


@pytest.fixture
def site(demo: Station, sjer: Measured, tmp_path: Path) -> Iterator[Site]:
    with ExitStack() as stack:
        yield Site(demo, sjer, tmp_path, stack)


def test_on_a_warm_up_ahead_and_off_after_the_round(site: Site, demo: Station) -> None:
    thread = site.thread()
    seen = []
    for at in (START - 300_000_000, START - LEAD, START, START + HALF_HOUR - LEAD, START + HALF_HOUR):
        site.waits_until(thread, at)
        seen.append(site.relay.on)
    assert seen == [False, True, False, True, False]
    assert {row.status for row in site.samples} == {""}
    well = [row for batch in backfill_samples(demo, START, START + 2 * HALF_HOUR) for row in batch]
    on_it = {probe.instrument.serial for probe in site.bus.probes}
    assert sorted((row.serial, row.channel, row.time_us, row.raw) for row in site.samples) == sorted(
        (row.serial, row.channel, row.time_us, row.raw) for row in well if row.serial in on_it
    )


def test_the_far_end_is_silent_without_power_and_wrong_while_cold(site: Site) -> None:
    """Half of every register while it is cold, what the warm probe says afterwards."""
    probe = site.bus.probes[0]
    probe.line = None  # nobody has opened the port: it has no speed yet
    (function, register) = next(iter(probe.registers(probe.slot(START))))
    request = Request(probe.address, function, register, 1)
    switch = Request(100, WRITE_COIL, 3, COIL_ON)

    def said() -> list[int]:
        return [int.from_bytes(data[3:5], "big") for _, data in site.bus._respond(request, 0)]

    site.clock.set(START)
    assert said() == []
    site.relay.answer(switch)
    site.clock.set(START + LEAD - 1_000_001)  # a microsecond before the warm-up of the probe is over
    (cold,) = said()
    site.clock.set(START + LEAD - 1_000_000)
    (warm,) = said()
    assert warm > 0
    assert cold == warm // 2
    site.relay.answer(switch._replace(registers=0))
    assert said() == []


def test_power_that_a_killed_collector_left_on_goes_off_at_the_next_start(site: Site) -> None:
    site.relay.on = True
    site.waits_until(site.thread(), START - 500_000_000)
    assert not site.relay.on


def test_it_is_off_when_the_collector_ends_in_the_middle(site: Site) -> None:
    thread = site.thread()
    site.waits_until(thread, START - LEAD)
    assert site.relay.on
    thread.stop()
    thread.join(60)
    assert not site.relay.on


def test_a_reading_before_the_warm_up_is_over_says_so(site: Site) -> None:
    """A command takes the line in the middle of a pause: power comes, and the next round is soon."""
    thread = site.thread()
    site.waits_until(thread, START - 300_000_000)
    site.clock.set(START - 60_000_000)  # the clock was set forward: a minute of warm-up is all there is
    with site.clock._changed:
        assert site.clock._changed.wait_for(lambda: site.clock.waits_for == START, 60)
    site.waits_until(thread, START)
    assert site.samples
    assert {row.status.split()[0] for row in site.samples} == {"warm-up"}


def test_a_command_finds_the_power_on(site: Site) -> None:
    thread = site.thread()
    site.waits_until(thread, START - 300_000_000)
    with thread.borrowed():
        assert site.relay.on
    site.waits_until(thread, START)
    assert not site.relay.on


def test_a_relay_that_is_not_there_is_told_once_and_rounds_go_on(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("soilco2.ingest.drivers.modbus_line.COIL_WAIT_S", 0.02)
    site.bus.relay = None  # probes that have power all the time, and no relay
    thread = site.thread()
    for at in (START - LEAD, START):
        site.waits_until(thread, at)
    assert [row.kind for row in site.events if row.kind != "settings"] == ["power-failed"]
    assert "the relay module at address 100" in str(site.events[0].text)
    assert site.samples
    assert thread.status()["power"] is None


def test_what_a_borrower_could_not_switch_is_told_by_the_thread_of_the_line(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    thread = site.thread()
    site.waits_until(thread, START - 300_000_000)
    monkeypatch.setattr("soilco2.ingest.drivers.modbus_line.COIL_WAIT_S", 0.02)
    site.bus.relay = None
    with thread.borrowed():
        assert site.events == []
    site.waits_until(thread, START - LEAD)
    assert [row.kind for row in site.events] == ["power-failed"]
    assert site.told_by == {f"bus {site.connection.id}"}


def test_frames_of_a_relay_module() -> None:
    """MODBUS Application Protocol Specification V1.1b3, 6.1 (read coils) and 6.5 (write single coil: coil 173 on).

    The two whole frames, with their check sums, are those that descriptions of relay modules print for relay 0.
    """
    assert coil_frame(1, 172, True)[1:6].hex(" ").upper() == "05 00 AC FF 00"
    assert coil_frame(1, 0, True).hex(" ").upper() == "01 05 00 00 FF 00 8C 3A"
    assert coil_frame(1, 0, False).hex(" ").upper() == "01 05 00 00 00 00 CD CA"
    assert coil_asked(1, 3)[:6] == bytes((1, 1, 0, 3, 0, 1))
    assert coil_said(1, True)[:4] == bytes((1, 1, 1, 1))


class Chip:
    """Stands for the library gpiod 2: what was asked of it. This machine has no GPIO."""

    def __init__(self, broken: bool = False) -> None:
        self.line = SimpleNamespace(
            Value=SimpleNamespace(ACTIVE="active", INACTIVE="inactive"),
            Direction=SimpleNamespace(OUTPUT="output"),
        )
        self.said: list[Any] = []
        self.broken = broken

    def LineSettings(self, **settings: Any) -> dict[str, Any]:
        return settings

    def request_lines(self, path: str, consumer: str, config: dict[int, Any]) -> Chip:
        if self.broken:
            raise PermissionError(13, "Permission denied")
        self.said.append((path, consumer, config))
        return self

    def set_value(self, offset: int, value: str) -> None:
        self.said.append((offset, value))

    def release(self) -> None:
        self.said.append("released")


def test_a_gpio_line_is_an_output_that_starts_as_it_is_wanted() -> None:
    chip = Chip()
    power = SwitchedPower(
        GpioSwitch(Power(gpio="/dev/gpiochip0", offset=17, active_low=True), lambda: chip), 1.0
    )
    for on in (False, True, True):
        assert power.set(on) is None
    power.end()
    settings = {"direction": "output", "active_low": True, "output_value": "inactive"}
    assert chip.said == [
        ("/dev/gpiochip0", "soilco2", {17: settings}),
        (17, "inactive"), (17, "active"), (17, "inactive"), "released",
    ]  # fmt: skip


def test_why_a_gpio_line_cannot_be_switched() -> None:
    power = Power(gpio="/dev/gpiochip0", offset=17)

    def missing() -> Any:
        raise ModuleNotFoundError("No module named 'gpiod'")

    with pytest.raises(PortGone, match=r"'\.\[gpio\]'"):
        GpioSwitch(power, missing).set(True)
    with pytest.raises(PortGone, match="line 17 of /dev/gpiochip0"):
        GpioSwitch(power, lambda: Chip(broken=True)).set(True)
