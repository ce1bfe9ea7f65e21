"""Modbus in every situation: two lines, three slaves, the driver's own threads.

`Wires` are pseudo-terminals; other links are subclasses beside it (`polled_tcp.py`). Slave 1 suffers. Slave 2 is its
neighbour on the line, slave 3 one on another line. A slave's registers change with every slot, so an answer that
belongs to another slot or slave has another number.
"""

from __future__ import annotations

import os
from array import array
from collections.abc import Callable, Iterable, Sequence
from fcntl import ioctl
from functools import partial
from termios import FIONREAD
from typing import Any, ClassVar

from soilco2.ingest.drivers.driver import Driver, DriverEvent, Host
from soilco2.ingest.drivers.modbus_rtu import DRIVER
from soilco2.ingest.drivers.polling import PollingThread
from soilco2.ingest.protocols.modbus import Request, answer_frame, exception_frame
from soilco2.ingest.simulate.line import Piece, PtyLine
from soilco2.ingest.simulate.modbus_probes import SimulatedRelay
from soilco2.ingest.supervisor import Service
from soilco2.quality.records import Sample
from soilco2.station_config.connections.power import Power
from soilco2.station_config.loader import load_station
from tests.ingest.drivers.contract import Account, Bench, Known, Rows, known
from tests.ingest.running import until
from tests.ingest.simulate.hand import START, HandClock

INTERVAL_US = 10_000_000
CHANNELS = ("soil_temperature", "soil_water", "bulk_ec")
"""In the order of the probe's registers 0, 1, 2 (catalogue file, from the maker's register table)."""
PORT_ERRORS = ("port_gone", "port_busy")
TIMEOUT_S = 0.15
LATE_S = (1.7 * TIMEOUT_S, 3.4 * TIMEOUT_S)

_HEAD = """
[station]
id = "wires"
name = "Wires"
latitude = 37.1
longitude = -119.7
altitude_m = 400
timezone = "UTC"
"""
_LINE = """
[[connection]]
id = "{id}"
kind = "modbus-rtu"
port = "{id}"
baudrate = 9600
quiet = "2ms"
"""
_PROBE = """
[[instrument]]
id = "probe-{n}"
model = "sensecap-s-temp-vwc-ec-02"
serial = "S{n}"
connection = "{connection}"
address = {n}
interval = "10s"
timeout = "{timeout}"
[[instrument.installation]]
position = "p1/d{n}"
from = 2020-01-01
"""
_DEPTH = '\n[[profile.position]]\nid = "d{n}"\ndepth_m = 0.{n}\n'

Play = Callable[[Request, bytes], list[Piece]]


def healthy(_request: Request, answer: bytes) -> list[Piece]:
    return [(0, answer)]


class Wires:
    """Two lines with three slaves, and the threads that poll them."""

    driver: ClassVar[Driver] = DRIVER
    others: Sequence[Service] = ()
    """Services that are no polling."""
    garbled: ClassVar = {"checksum", "wrong_count", "wrong_address"}
    """What `garbage` is counted under."""
    clashing: ClassVar = {"clash", "checksum"}
    """What `two_at_one_address` is counted under."""

    def __init__(self, bench: Bench, patience: str = f"{TIMEOUT_S * 1000:g}ms") -> None:
        probes = ((1, "bus1", patience), (2, "bus1", "5s"), (3, "bus2", "5s"))
        text = _HEAD + "".join(self.table(name) for name in ("bus1", "bus2"))
        text += '\n[[profile]]\nid = "p1"\n' + "".join(_DEPTH.format(n=n) for n, _, _ in probes)
        text += "".join(_PROBE.format(n=n, connection=line, timeout=wait) for n, line, wait in probes)
        path = bench.folder / "wires.toml"
        path.write_text(text, encoding="utf-8")
        self.station = load_station(path)
        self.clock = HandClock(START)
        self.play: dict[int, Play] = dict.fromkeys((1, 2, 3), healthy)
        self.lines: dict[str, Any] = {}
        for name in ("bus1", "bus2"):
            self.lines[name] = self.far(bench, name)
            bench.stack.callback(self.lines[name].stop)
        self.samples: list[Sample] = []
        self.events: list[DriverEvent] = []
        self.sizes: list[int] = []
        self.threads: list[PollingThread] = []
        self.old: list[PollingThread] = []
        self.slots: list[int] = []
        self._heard = 0
        self._asked_otherwise: set[int] = set()
        bench.stack.callback(self.stop)

    def table(self, name: str) -> str:
        """The connection of a line."""
        return _LINE.format(id=name)

    def far(self, bench: Bench, name: str) -> Any:
        """The far end of a line."""
        return PtyLine(bench.folder / name, self._respond)

    def flood(self, address: int) -> None:
        """More than the terminal holds (4095 bytes), unasked; behind it a sound frame with wrong numbers."""
        flood = b"\xff" * 4095 + answer_frame(Request(address, 3, 0, 3), (9999,) * 3)
        assert os.write(self.lines["bus1"]._far, flood) == len(flood)

    def owed(self) -> bool:
        """Whether an answer that nobody waits for any more has come, or cannot come."""
        waiting = array("i", [0])
        ioctl(self.lines["bus1"]._near, FIONREAD, waiting)
        return waiting[0] > 0 or any(thread.status()["late_answers"] for thread in self.old)

    def settle(self) -> None:
        """Wait until what was plugged in is there."""

    def numbers(self, address: int, slot_us: int) -> tuple[int, ...]:
        """What stands in the registers of a slave at a slot."""
        turn = (slot_us - START) // INTERVAL_US
        return tuple(1000 * address + 10 * turn + place for place in range(3))

    def _respond(self, request: Request, _foreign: int) -> Iterable[Piece]:
        if request.start != 0:  # a settings register, which is no reading
            return [(0, exception_frame(request, 2))]
        # after a silence the master asks for another count first; both are one reading
        alone = request.registers != len(CHANNELS)
        self._heard += not alone or request.address in self._asked_otherwise
        (self._asked_otherwise.add if alone else self._asked_otherwise.discard)(request.address)
        words = self.numbers(request.address, self.clock.now_us())[: request.registers]
        fits = len(words) == request.registers
        answer = answer_frame(request, words) if fits else exception_frame(request, 2)
        return self.play[request.address](request, answer)

    def deliver(self, samples: Sequence[Sample], events: Sequence[DriverEvent]) -> None:
        self.samples += samples
        self.events += events
        self.sizes.append(len(samples))

    def start(self) -> None:
        host = Host(
            station=lambda: self.station,
            clock=self.clock,
            deliver=self.deliver,
            beat=lambda _name: None,
            happened=lambda _kind, _subject, _text: None,
            attach=lambda _source: None,
            wake=lambda: None,
        )
        for managed in self.driver.services(host, self.station.file.connection).values():
            service = managed.make()
            if isinstance(service, PollingThread):
                self.threads.append(service)
            else:
                self.others = (*self.others, service)
                service.start()
        self.settle()
        for thread in self.threads:
            thread.start()

    def stop(self) -> None:
        for thread in self.threads:
            thread.stop()
        for thread in self.threads:
            thread.join(60)
        for service in self.others:
            service.stop()
        for service in self.others:
            service.join(60)
        self.others = ()
        self.old += self.threads
        self.threads = []
        self._heard += len(self._asked_otherwise)  # nobody goes on with these
        self._asked_otherwise.clear()

    def round(self, play: Play = healthy) -> None:
        """Let the next slot come, with slave 1 behaving so, and wait until it is over."""
        self.play[1] = play
        self.settle()
        slot = self.slots[-1] + INTERVAL_US if self.slots else START
        self.slots.append(slot)
        self.clock.set(slot)
        if not self.threads:
            self.start()
        self.clock.wait_for_members(self.threads, slot)

    def measured(self, address: int, slots: Iterable[int]) -> set[Known]:
        return {
            Known(f"S{address}", channel, slot, float(number))
            for slot in slots
            for channel, number in zip(CHANNELS, self.numbers(address, slot), strict=True)
        }

    def heals(self) -> None:
        """Slave 1 gives readings again, after its rest at the latest."""
        for _ in range(40):
            self.round()
            if self.measured(1, self.slots[-1:]) <= set(known(self.samples)):
                return
        raise AssertionError(self.events)

    def errors(self) -> dict[str, int]:
        """Errors of all instruments by their kind."""
        found: dict[str, int] = {}
        for thread in (*self.old, *self.threads):
            for row in thread.status()["instruments"].values():
                for kind, count in row["errors"].items():
                    found[kind] = found.get(kind, 0) + count
        return found

    def account(self, beside: Sequence[int] = (2, 3)) -> Account:
        self.stop()
        errors = sum(count for kind, count in self.errors().items() if kind not in PORT_ERRORS)
        return Account(
            came=len(CHANNELS) * self._heard,
            samples=known(self.samples),
            refused=len(CHANNELS) * errors,
            true=set[Known]().union(*(self.measured(n, self.slots) for n in (1, 2, 3))),
            neighbour=set[Known]().union(*(self.measured(n, self.slots) for n in beside)),
            waiting=self.sizes,
            bound=2 * len(CHANNELS),  # a round of the longer line; the next one waits until it is delivered
            failures=[thread.failure for thread in self.old if thread.failure is not None],
        )


def silent(bench: Bench, link: type[Wires] = Wires) -> Account:
    """Slave 1 does not answer."""
    wires = link(bench)
    for _ in range(4):
        wires.round(lambda _request, _answer: [])
    assert set(wires.errors()) == {"silence"}
    assert [(row.kind, row.subject) for row in wires.events if row.kind != "settings"] == [
        ("device-silent", "S1")
    ]
    wires.heals()
    return wires.account()


def garbage(bench: Bench, link: type[Wires] = Wires) -> Account:
    """Noise around a frame, noise instead of one, a damaged one, one of another count, one of another slave."""
    wires = link(bench)
    wires.round(lambda _request, answer: [(0, b"\x00\xff" + answer + b"\x55")])
    assert wires.measured(1, wires.slots) <= set(known(wires.samples))
    wrong = (9999,) * 3
    for play in (
        lambda _request, _answer: [(0, b"\xff" * 40)],
        lambda _request, answer: [(0, answer[:-1] + bytes([answer[-1] ^ 0x55]))],
        lambda request, _answer: [(0, answer_frame(request._replace(registers=2), wrong[:2]))],
        lambda request, _answer: [(0, answer_frame(request._replace(address=2), wrong))],
    ):
        wires.round(play)
        wires.heals()
    assert set(wires.errors()) == wires.garbled
    return wires.account()


def late(bench: Bench, link: type[Wires] = Wires) -> Account:
    """Slave 1 answers after its time-out, and after the time that is kept free for late answers."""
    wires = link(bench)
    for delay in LATE_S:
        wires.round(lambda _request, answer, delay=delay: [(delay, answer)])  # type: ignore[misc]
        wires.heals()
    assert wires.errors()["silence"] >= 2
    return wires.account()


def unplugged(bench: Bench, link: type[Wires] = Wires) -> Account:
    """The adapter of the first line is pulled, and put back."""
    bench.monkeypatch.setattr("soilco2.ingest.drivers.polling._REOPEN_S", (0.0, 0.0))
    wires = link(bench)
    wires.round()
    wires.lines["bus1"].unplug()
    wires.round()
    wires.lines["bus1"].plug()
    wires.round()
    kinds = [(row.kind, row.subject) for row in wires.events if row.kind != "settings"]
    assert kinds == [("port-gone", "bus1"), ("port-back", "bus1")]
    with_line = [wires.slots[0], wires.slots[2]]
    assert wires.measured(1, with_line) | wires.measured(2, with_line) <= set(known(wires.samples))
    return wires.account(beside=(3,))


def two_at_one_address(bench: Bench, link: type[Wires] = Wires) -> Account:
    """A second slave answers as well: after the first, or at the same time so that a low bit wins."""
    wires = link(bench)

    def one_after_the_other(request: Request, answer: bytes) -> list[Piece]:
        return [(0, answer + answer_frame(request, (9999,) * request.registers))]

    def at_once(request: Request, answer: bytes) -> list[Piece]:
        other = answer_frame(request, (9999,) * request.registers)
        return [(0, bytes(a & b for a, b in zip(answer, other, strict=False)))]

    for play in (one_after_the_other, at_once):
        wires.round(play)
        wires.heals()
    assert set(wires.errors()) == wires.clashing
    return wires.account()


def burst(bench: Bench, link: type[Wires] = Wires) -> Account:
    """More than is read at once, unasked; behind it a sound frame with wrong numbers.

    The slaves answer after their time of thought, so that the frame comes first.
    """
    wires = link(bench, patience="5s")

    def thinking(_request: Request, answer: bytes) -> list[Piece]:
        return [(0.1, answer)]

    wires.play[2] = thinking
    wires.round(thinking)
    for address in (1, 2):
        wires.flood(address)
        wires.round(thinking)
    assert wires.errors() == {}
    return wires.account()


def restart(bench: Bench, link: type[Wires] = Wires) -> Account:
    """The threads are stopped while slave 1 owes an answer, and made anew when it lies in the terminal."""
    wires = link(bench)
    wires.round()
    wires.round(lambda _request, answer: [(8 * TIMEOUT_S, answer)])
    wires.stop()
    until(wires.owed)
    wires.heals()
    return wires.account()


def rows(link: type[Wires]) -> Rows:
    """Every situation on a link."""
    return {
        "silent": partial(silent, link=link),
        "garbage": partial(garbage, link=link),
        "late": partial(late, link=link),
        "unplugged": partial(unplugged, link=link),
        "two at one address": partial(two_at_one_address, link=link),
        "burst": partial(burst, link=link),
        "restart": partial(restart, link=link),
    }


class SwitchedWires(Wires):
    """The same two lines with a relay at address 100 on each: power is on for a round, from 1 s before it."""

    def table(self, name: str) -> str:
        return f"{super().table(name)}[connection.power]\nrelay = 100\n"

    def far(self, bench: Bench, name: str) -> Any:
        relay = SimulatedRelay(Power(relay=100), self.clock)

        def respond(request: Request, foreign: int) -> Iterable[Piece]:
            if request.address == 100:
                return [(0, relay.answer(request))]
            return self._respond(request, foreign) if relay.on else []

        return PtyLine(bench.folder / name, respond)

    def start(self) -> None:
        """In time for the slot: a line that has just been switched off is not read in the same second."""
        slot = self.slots[-1]
        self.clock.set(slot - 2_000_000)
        super().start()
        self.clock.set(slot)


ROWS = rows(Wires) | {
    f"{name}, switched power": rows(SwitchedWires)[name] for name in ("silent", "late", "restart")
}
