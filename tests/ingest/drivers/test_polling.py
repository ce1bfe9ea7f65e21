"""The bus thread: slots, one bad device among good ones, unplugging, status words, settings.

The schedule clock is the test's own and moves only when told; deadlines on the line are real and short.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from soilco2.ingest.drivers.driver import DriverEvent
from soilco2.ingest.drivers.modbus_rtu import polling
from soilco2.ingest.drivers.polling import PollingThread
from soilco2.ingest.protocols.modbus import Request, answer_frame, exception_frame
from soilco2.ingest.protocols.register_map import register_image
from soilco2.ingest.simulate.line import Piece, PtyLine
from soilco2.quality.records import Sample
from soilco2.station_config.catalogue.load import load_catalogue
from soilco2.station_config.catalogue.probe import ProbeModel
from soilco2.station_config.connections.modbus_rtu import ModbusRtuConnection
from soilco2.station_config.message import translate
from soilco2.station_config.tables.instrument import Instrument

MODELS = load_catalogue()
SECOND = 1_000_000
START = 1_654_041_600 * SECOND  # 2022-06-01T00:00Z


class HandClock:
    """A schedule clock moved by hand; `advance` returns once every member waits for a later moment."""

    boot_id = "boot"

    def __init__(self, now_us: int = START) -> None:
        self._now = now_us
        self.believed = True
        self._changed = threading.Condition()
        self._waiting: int | None = None
        self._steps = 0

    def now_us(self) -> int:
        return self._now

    def mono_us(self) -> int:
        return self._now - START + 10**12

    def trusted(self) -> bool:
        return self.believed

    @contextlib.contextmanager
    def member(self) -> Iterator[None]:
        yield

    def wait_until(self, time_us: int, stop: threading.Event) -> bool:
        with self._changed:
            self._waiting = time_us
            self._changed.notify_all()
            steps = self._steps
            while self._now < time_us and not stop.is_set() and steps == self._steps:
                self._changed.wait(0.02)
            self._waiting = None
            return self._now >= time_us and not stop.is_set()

    def hold_up(self, us: int) -> None:
        """Let time pass in the middle of a round."""
        with self._changed:
            self._now += us

    def settle(self) -> None:
        """Wait until the member waits for a moment that is still to come."""
        with self._changed:
            assert self._changed.wait_for(lambda: self._waiting is not None and self._waiting > self._now, 60)

    def advance(self, to_us: int) -> None:
        with self._changed:
            self._steps += to_us < self._now  # a clock that is set back wakes its waiters
            self._now = to_us
            self._waiting = None
            self._changed.notify_all()
        self.settle()


class Device:
    """A device at the far end: registers of a catalogue model, and switches for what is wrong with it."""

    def __init__(self, model: ProbeModel, raws: dict[str, float | None]) -> None:
        self.model = model
        self.raws = raws
        self.status: dict[str, int] = {}
        self.timeout = "5s"  # far longer than any stall of a busy machine; short where silence is meant
        self.asked: list[Request] = []
        self.row: Callable[[Request, bytes], list[Piece]] = lambda q, a: [(0, a)]

    def fall_silent(self) -> None:
        """Answer no more; before the bus begins, so that waiting for it is short."""
        self.row, self.timeout = dead, "100ms"

    def __call__(self, request: Request) -> list[Piece]:
        self.asked.append(request)
        image = register_image(self.model, self.raws, self.status)
        for block in self.model.block:
            inside = request.start - block.start
            if block.function == request.function and 0 <= inside <= block.count - request.registers:
                words = tuple(image[block.id][inside : inside + request.registers])
                return self.row(request, answer_frame(request, words))
        return self.row(request, exception_frame(request, 2))


def dead(request: Request, answer: bytes) -> list[Piece]:
    """A device that does not answer."""
    return []


class Rig:
    """A line with three probes at addresses 1, 2 and 3, read by a bus thread."""

    def __init__(self, folder: Path, stack: contextlib.ExitStack) -> None:
        soil, gas = MODELS["sensecap-s-temp-vwc-ec-02"], MODELS["vaisala-gmp252"]
        self.devices = {
            1: Device(soil, {"soil_temperature": 2155, "soil_water": 1234, "bulk_ec": 87}),
            2: Device(gas, {"co2": 834.61}),
            3: Device(soil, {"soil_temperature": -350, "soil_water": 500, "bulk_ec": 3}),
        }
        self.line = PtyLine(folder / "bus", self._respond)
        stack.callback(self.line.stop)
        self.clock = HandClock()
        self.samples: list[Sample] = []
        self.events: list[DriverEvent] = []
        self.stack = stack

    def _respond(self, request: Request, foreign: int) -> Iterable[Piece]:
        device = self.devices.get(request.address)
        return [] if device is None else device(request)

    def deliver(self, samples: list[Sample], events: list[DriverEvent]) -> None:
        self.samples += samples
        self.events += events

    def run(
        self,
        intervals: dict[int, str] | None = None,
        deliver: Callable[[list[Sample], list[DriverEvent]], None] | None = None,
        happened: Callable[[str, str, str], None] | None = None,
        **extra: object,
    ) -> PollingThread:
        connection = ModbusRtuConnection(
            id="bus1", kind="modbus-rtu", port=str(self.line.link), baudrate=9600, quiet="2ms"
        )
        pairs = []
        for address, device in self.devices.items():
            row = Instrument(
                id=f"probe-{address}",
                model=device.model.id,
                serial=f"S{address}",
                connection="bus1",
                address=address,
                interval=(intervals or {}).get(address, "10s"),
                timeout=device.timeout,
                **extra,
            )
            pairs.append((row, device.model.model_copy(update={"quiet": 0.002})))
        bus = polling(connection, pairs, self.clock, deliver or self.deliver, happened=happened)
        bus.start()
        self.stack.callback(bus.join)
        self.stack.callback(bus.stop)
        return bus

    def quiet(self) -> None:
        """Wait until the far end has said all that it has to say."""
        end = time.monotonic() + 60
        while self.line._waiting:
            assert time.monotonic() < end
            time.sleep(0.005)

    def slots_of(self, serial: str) -> list[int]:
        """Slots of the samples of an instrument, in seconds after the start."""
        times = {row.time_us for row in self.samples if row.serial == serial}
        return sorted((at - START) // SECOND for at in times if at is not None)


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    with contextlib.ExitStack() as stack:
        yield Rig(tmp_path, stack)


def test_a_sample_is_what_the_probe_said_at_its_slot(rig: Rig) -> None:
    bus = rig.run()
    rig.clock.settle()
    found = {(row.serial, row.channel): row for row in rig.samples}
    # raw register numbers, before any scaling: 21.55 degC and 12.34 % are 2155 and 1234
    assert found["S1", "soil_temperature"].raw == 2155
    assert found["S1", "soil_water"].raw == 1234
    assert found["S3", "soil_temperature"].raw == -350
    assert found["S2", "co2"].raw == pytest.approx(834.61, abs=1e-4)  # float32
    assert len(found) == 7
    one = found["S1", "bulk_ec"]
    assert (one.time_us, one.status, one.source, one.boot_id) == (START, "", "bus1", "boot")
    assert one.device_us is None
    assert bus.status()["instruments"]["S1"]["state"] == "ok"


def test_slots_are_multiples_of_each_interval(rig: Rig) -> None:
    rig.clock = HandClock(START + 3 * SECOND)
    rig.run({1: "10s", 2: "20s", 3: "30s"})
    rig.clock.settle()
    assert rig.samples == [], "nothing is read before the first slot"
    for second in range(10, 70, 10):
        rig.clock.advance(START + second * SECOND + 20_000)  # woken 20 ms late
    assert rig.slots_of("S1") == [10, 20, 30, 40, 50, 60]
    assert rig.slots_of("S2") == [20, 40, 60]
    assert rig.slots_of("S3") == [30, 60]


def test_one_block_read_for_a_soil_probe_and_two_for_a_gas_probe(rig: Rig) -> None:
    rig.run()
    rig.clock.settle()
    rig.clock.advance(START + 10 * SECOND)
    blocks = [(q.start, q.registers) for q in rig.devices[1].asked if q.start < 0x20]
    assert blocks == [(0, 3), (0, 3)]
    gas = [(q.start, q.registers) for q in rig.devices[2].asked if q.start in (0, 0x800)]
    assert gas == [(0, 2), (0x800, 2)] * 2


def test_a_dead_probe_takes_nothing_from_the_others(rig: Rig) -> None:
    rig.devices[1].fall_silent()
    bus = rig.run()
    rig.clock.settle()
    for second in range(10, 60, 10):
        rig.clock.advance(START + second * SECOND)
    assert rig.slots_of("S1") == []
    assert rig.slots_of("S2") == rig.slots_of("S3") == [0, 10, 20, 30, 40, 50]
    status = bus.status()["instruments"]
    assert status["S1"]["state"] == "failing"
    assert set(status["S1"]["errors"]) == {"silence"}
    assert "no answer within" in status["S1"]["last_error"]
    assert status["S2"]["errors"] == status["S3"]["errors"] == {}
    silent = [row for row in rig.events if row.kind == "device-silent"]
    assert [(row.subject, row.time_us) for row in silent] == [("S1", START)]


def test_back_off_grows_to_five_minutes_and_ends_with_an_answer(rig: Rig) -> None:
    """At 10 s: rounds 0, 1, 3, 7, 15, 31, then every 30 (300 s); every round after an answer."""
    rig.devices[1].fall_silent()
    rig.run()
    rig.clock.settle()
    tried = [0] if rig.devices[1].asked else []
    for second in range(10, 1000, 10):
        before = len(rig.devices[1].asked)
        rig.clock.advance(START + second * SECOND)
        if len(rig.devices[1].asked) > before:
            tried.append(second // 10)
    assert tried == [0, 1, 3, 7, 15, 31, 61, 91]
    rig.devices[1].row = lambda q, a: [(0, a)]
    for second in range(1000, 1250, 10):
        rig.clock.advance(START + second * SECOND)
    assert rig.slots_of("S1") == list(range(1210, 1250, 10))
    back = next(row for row in rig.events if row.kind == "device-back")
    assert (back.subject, back.text) == ("S1", "answers again after 8 failed rounds")


def test_a_probe_that_missed_once_gets_a_second_try_after_the_others(rig: Rig) -> None:
    order: list[int] = []
    missed = False

    def once(request: Request, answer: bytes) -> list[Piece]:
        nonlocal missed
        order.append(1)
        if not missed:
            missed = True
            return []
        return [(0, answer)]

    def noting(address: int) -> Callable[[Request, bytes], list[Piece]]:
        def row(request: Request, answer: bytes) -> list[Piece]:
            order.append(address)
            return [(0, answer)]

        return row

    rig.devices[1].row, rig.devices[1].timeout = once, "200ms"
    rig.devices[2].row, rig.devices[3].row = noting(2), noting(3)
    bus = rig.run()
    rig.clock.settle()
    assert rig.slots_of("S1") == [0]
    assert order[:5] == [1, 2, 2, 3, 1]
    assert [row.kind for row in rig.events if row.kind != "settings"] == []
    assert bus.status()["instruments"]["S1"]["errors"] == {"silence": 1}


def test_a_damaged_answer_is_asked_for_once_more(rig: Rig) -> None:
    damaged = iter([True])
    rig.devices[3].row = lambda q, a: [(0, a[:-1] + b"\x00" if next(damaged, False) else a)]
    rig.devices[3].timeout = "200ms"
    bus = rig.run()
    rig.clock.settle()
    assert rig.slots_of("S3") == [0]
    assert bus.status()["instruments"]["S3"]["errors"] == {"checksum": 1}


def test_two_probes_at_one_address_give_no_sample(rig: Rig) -> None:
    rig.devices[3].row, rig.devices[3].timeout = lambda q, a: [(0, a + a)], "200ms"
    bus = rig.run()
    rig.clock.settle()
    assert rig.slots_of("S3") == []
    assert set(bus.status()["instruments"]["S3"]["errors"]) == {"clash"}
    assert any("two devices share address 3" in row.text for row in rig.events)


def test_a_rival_that_answers_first_is_told_once(rig: Rig) -> None:
    """The answer that is taken may be the rival's: the real one comes when nobody listens for it any more."""
    rig.devices[3].row = lambda q, a: [(0, answer_frame(q, (1,) * q.registers)), (0.05, a)]
    told: list[tuple[str, str, str]] = []
    rig.run(happened=lambda *row: told.append(row))
    rig.clock.settle()
    for second in range(10, 40, 10):
        rig.quiet()
        rig.clock.advance(START + second * SECOND)
    assert [(kind, subject) for kind, subject, _ in told] == [("stray-answer", "bus1")]
    assert "address 3 answered when nobody waited for it" in told[0][2]
    assert rig.slots_of("S1") == rig.slots_of("S2") == [0, 10, 20, 30]


def test_an_answer_that_is_only_late_is_no_rivals(rig: Rig) -> None:
    delays = iter([0.5])
    rig.devices[3].row, rig.devices[3].timeout = lambda q, a: [(next(delays, 0.0), a)], "100ms"
    told: list[tuple[str, str, str]] = []
    rig.run(happened=lambda *row: told.append(row))
    rig.clock.settle()
    for second in range(10, 60, 10):
        rig.clock.advance(START + second * SECOND)
    assert told == []


def test_neighbours_of_a_babbling_probe_keep_their_slots(rig: Rig) -> None:
    """Each request of the first costs six seconds of an interval of ten: what is read then is none of the slot."""

    def babble(request: Request, answer: bytes) -> list[Piece]:
        rig.clock.hold_up(6 * SECOND)
        return [(0, b"\x07\x03\x06\x55" * 8)]

    rig.devices[1].row, rig.devices[1].timeout = babble, "100ms"
    rig.run()
    rig.clock.settle()
    for second in range(20, 120, 10):
        rig.clock.advance(START + second * SECOND)
    assert rig.samples
    assert all(row.arrival_us - row.time_us <= 5 * SECOND for row in rig.samples if row.time_us is not None)
    for serial in ("S2", "S3"):
        assert set(rig.slots_of(serial)) >= set(range(20, 120, 10)), (
            "asked before the one that is known to be bad"
        )
    missed = [row for row in rig.events if row.kind == "slots-missed" and row.subject in ("S2", "S3")]
    assert {row.subject for row in missed} == {"S2", "S3"}, "what was not taken is told"


def test_status_words_and_missing_values_travel_with_the_sample(rig: Rig) -> None:
    rig.devices[2].raws = {"co2": None}
    rig.devices[2].status = {"status": 0x0002_0100}
    rig.devices[3].raws = {"soil_temperature": None, "soil_water": 500.0, "bulk_ec": None}
    rig.run()
    rig.clock.settle()
    found = {(row.serial, row.channel): row for row in rig.samples}
    assert found["S2", "co2"].raw is None
    assert found["S2", "co2"].status == "nan status=0x20100"
    # sentinels are told as they are: judging them is not the bus's work
    assert found["S3", "soil_temperature"].raw == 32767
    assert found["S3", "soil_temperature"].status == ""


def test_after_a_silence_a_probe_warms_up(rig: Rig) -> None:
    rig.devices[1].fall_silent()
    rig.run(warm_up="20s")
    rig.clock.settle()
    rig.devices[1].row = lambda q, a: [(0, a)]
    for second in range(10, 50, 10):
        rig.clock.advance(START + second * SECOND)
    said = [row.status for row in rig.samples if (row.serial, row.channel) == ("S1", "soil_water")]
    assert said == ["warm-up", "warm-up", "", ""]


def test_under_an_untrusted_clock_a_sample_has_no_time(rig: Rig) -> None:
    rig.clock.believed = False
    rig.run()
    rig.clock.settle()
    assert len(rig.samples) == 7
    assert {row.time_us for row in rig.samples} == {None}
    assert all(row.mono_us >= 10**12 and row.boot_id == "boot" for row in rig.samples)


def test_slots_that_were_slept_through_are_missed_and_told(rig: Rig) -> None:
    bus = rig.run()
    rig.clock.settle()
    rig.clock.advance(START + 47 * SECOND)
    assert rig.slots_of("S1") == [0], "a reading at second 47 is none of second 10"
    rig.clock.advance(START + 50 * SECOND)
    assert rig.slots_of("S1") == [0, 50]
    assert bus.status()["missed_slots"] == 12
    told = [row for row in rig.events if row.kind == "slots-missed"]
    assert {row.subject for row in told} == {"S1", "S2", "S3"}
    assert told[0].text.startswith("4 readings were not taken")


def test_a_clock_set_back_does_not_stop_the_reading(rig: Rig) -> None:
    rig.run()
    rig.clock.settle()
    rig.clock.advance(START - 3605 * SECOND)
    rig.clock.advance(START - 3600 * SECOND)
    assert rig.slots_of("S1") == [-3600, 0]


def test_unplugged_and_plugged_again(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "soilco2.ingest.drivers.polling._REOPEN_S", (0.0, 0.0)
    )  # try in each round, not after real half seconds
    bus = rig.run()
    rig.clock.settle()
    rig.line.unplug()
    rig.clock.advance(START + 10 * SECOND)
    assert rig.slots_of("S1") == [0]
    status = bus.status()
    assert status["state"] == "closed"
    assert "it is not there" in status["error"] or "went away" in status["error"]
    assert "串口" in translate(status["error"], "zh")
    assert all(row["errors"].get("silence") is None for row in status["instruments"].values())
    assert {row["state"] for row in status["instruments"].values()} == {"not reached"}
    rig.line.plug()
    rig.clock.advance(START + 20 * SECOND)
    assert rig.slots_of("S1") == [0, 20]
    assert bus.status()["state"] == "open"
    kinds = [row.kind for row in rig.events if row.kind != "settings"]
    assert kinds == ["port-gone", "port-back"]
    assert bus.status()["instruments"]["S1"]["errors"].get("silence") is None
    assert bus.status()["instruments"]["S1"]["state"] == "ok"


def test_settings_are_compared_once_a_day_and_logged_when_they_change(rig: Rig) -> None:
    values = {0x20: 1, 0x21: 0, 0x22: 20, 0x23: 55}

    def row(request: Request, answer: bytes) -> list[Piece]:
        if request.start in values:
            return [(0, answer_frame(request, (values[request.start],)))]
        return [(0, answer)]

    rig.devices[1].row = row
    rig.run({1: "1h", 2: "1h", 3: "1h"}, settings={"ec_coefficient": 0.0})
    rig.clock.settle()
    for hour in range(1, 50):
        if hour == 30:
            values[0x20] = 2
        rig.clock.advance(START + hour * 3600 * SECOND)
    told = [event for event in rig.events if event.kind == "settings" and event.subject == "S1"]
    assert [(event.time_us - START) // (3600 * SECOND) for event in told] == [0, 48]
    assert told[0].text == (
        "soil_type = 1; temperature_unit = 0; ec_coefficient = 0.02 1/K but the station file says 0; "
        "salinity_factor = 0.55 mg/L per uS/cm"
    )
    assert "ec_coefficient = 0.02 1/K，台站文件写的是 0; " in translate(told[0].text, "zh")
    assert told[0].data["values"] == pytest.approx(
        {"soil_type": 1, "temperature_unit": 0, "ec_coefficient": 0.02, "salinity_factor": 0.55}
    )


def test_a_probe_that_refuses_its_settings_still_gives_readings(rig: Rig) -> None:
    rig.run()
    rig.clock.settle()
    rig.clock.advance(START + 10 * SECOND)
    assert rig.slots_of("S1") == [0, 10]
    told = next(event for event in rig.events if event.kind == "settings" and event.subject == "S1")
    assert "ec_coefficient: the device refuses to tell" in told.text


def test_what_delivery_raises_ends_the_thread_and_is_kept(rig: Rig) -> None:
    def full(samples: list[Sample], events: list[DriverEvent]) -> None:
        raise OSError(28, "No space left on device")

    bus = rig.run(deliver=full)
    bus.join(30)
    assert not bus.alive
    assert isinstance(bus.failure, OSError)


def test_stop_in_the_middle_of_a_round(rig: Rig) -> None:
    for device in rig.devices.values():
        device.fall_silent()
    bus = rig.run()
    bus.stop()
    bus.join(30)
    assert not bus.alive
    assert bus.failure is None


def test_an_instrument_that_is_not_installed_is_not_asked(rig: Rig, tmp_path: Path) -> None:
    connection = ModbusRtuConnection(
        id="bus1", kind="modbus-rtu", port=str(rig.line.link), baudrate=9600, quiet="2ms"
    )
    row = Instrument(
        id="p", model="cwt-soil-thc-s", serial="S1", connection="bus1", address=1, interval="10s"
    )
    asked: list[tuple[str, int]] = []
    bus = polling(
        connection,
        [(row, MODELS[row.model])],
        rig.clock,
        rig.deliver,
        active=lambda serial, slot: bool(asked.append((serial, slot))),
    )
    bus.start()
    rig.stack.callback(bus.join)
    rig.stack.callback(bus.stop)
    rig.clock.settle()
    assert asked == [("S1", START)]
    assert rig.devices[1].asked == []
