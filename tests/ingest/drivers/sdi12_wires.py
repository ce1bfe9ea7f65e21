"""SDI-12 in every situation: two lines of pseudo-terminals, three probes of one model, the driver's own threads.

Probe 1 suffers. Probe 2 is its neighbour on the line, probe 3 one on another line. A probe's values change with every
slot, so an answer that belongs to another slot or probe has another number.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence

from soilco2.ingest.drivers.driver import DriverEvent, Host
from soilco2.ingest.drivers.polling import PollingThread
from soilco2.ingest.drivers.sdi12 import DRIVER
from soilco2.ingest.simulate.line import Piece, PtyLine
from soilco2.ingest.simulate.sdi12_probes import Sdi12Probe, collide, find_command
from soilco2.quality.records import Sample
from soilco2.station_config.connections.sdi12_model import Sdi12Model
from soilco2.station_config.loader import load_station
from tests.ingest.drivers.contract import Account, Bench, Known, Rows, known
from tests.ingest.running import until
from tests.ingest.simulate.hand import START, HandClock

INTERVAL_US = 10_000_000
CHANNELS = ("soil_water", "soil_temperature", "bulk_ec")
"""In the order of the values of a TEROS 12 (METER's integrator guide)."""
PORT_ERRORS = ("port_gone", "port_busy")
TIMEOUT_S = 0.2

HEAD = """
[station]
id = "wires"
name = "Wires"
latitude = 37.1
longitude = -119.7
altitude_m = 400
timezone = "UTC"
"""
LINE = """
[[connection]]
id = "{id}"
kind = "sdi12"
port = "{id}"
mode = "{mode}"
"""
PROBE = """
[[instrument]]
id = "probe-{n}"
model = "meter-teros-12"
serial = "T12-0000000{n}"
connection = "{connection}"
address = {n}
interval = "10s"
timeout = "{timeout}"
[[instrument.installation]]
position = "p1/d{n}"
from = 2020-01-01
"""
DEPTH = '\n[[profile.position]]\nid = "d{n}"\ndepth_m = 0.{n}\n'

Play = Callable[[str, list[bytes]], list[Piece]]
"""From what is asked and the lines of a sound answer to what goes out on the line."""


def said(lines: Iterable[bytes]) -> list[Piece]:
    return [(0, line + b"\r\n") for line in lines]


def healthy(_body: str, lines: list[bytes]) -> list[Piece]:
    return said(lines)


class Probe(Sdi12Probe):
    """A TEROS 12 whose values tell who measured when."""

    def __init__(self, address: str, model: Sdi12Model, serial: str, now: Callable[[], int]) -> None:
        super().__init__(address, model, serial)
        self.number = int(address)
        self.now = now

    def raws(self) -> Mapping[str, float | None]:
        turn = (self.now() - START) // INTERVAL_US
        return {name: float(1000 * self.number + 10 * turn + n) for n, name in enumerate(CHANNELS)}


class Wires:
    """Two lines with three probes, and the threads that poll them."""

    def __init__(self, bench: Bench, patience: str = f"{TIMEOUT_S * 1000:g}ms", mode: str = "text") -> None:
        probes = ((1, "bus1", patience), (2, "bus1", "5s"), (3, "bus2", "5s"))
        probes = tuple((n, line, wait if n == 1 else "3s") for n, line, wait in probes)
        text = HEAD + "".join(LINE.format(id=name, mode=mode) for name in ("bus1", "bus2"))
        text += '\n[[profile]]\nid = "p1"\n' + "".join(DEPTH.format(n=n) for n, _, _ in probes)
        text += "".join(PROBE.format(n=n, connection=line, timeout=wait) for n, line, wait in probes)
        path = bench.folder / "wires.toml"
        path.write_text(text, encoding="utf-8")
        self.station = load_station(path)
        self.clock = HandClock(START)
        model = self.station.models["meter-teros-12"]
        assert isinstance(model, Sdi12Model)
        self.probes = {str(n): Probe(str(n), model, f"T12-0000000{n}", self.clock.now_us) for n in (1, 2, 3)}
        self.play: Play = healthy
        self.mode = mode
        self.asked: list[str] = []
        self.lines = {
            name: PtyLine(bench.folder / name, self._respond, find_command) for name in ("bus1", "bus2")
        }
        for line in self.lines.values():
            bench.stack.callback(line.stop)
        self.samples: list[Sample] = []
        self.events: list[DriverEvent] = []
        self.sizes: list[int] = []
        self.threads: list[PollingThread] = []
        self.old: list[PollingThread] = []
        self.slots: list[int] = []
        self._heard = 0
        bench.stack.callback(self.stop)

    def _respond(self, request: tuple[str, str], _foreign: int) -> Iterable[Piece]:
        address, body = request
        probe = self.probes.get(address)
        self.asked.append(address + body)
        if self.mode == "transparent":
            yield 0.0, f"{address}{body}!".encode()
        if probe is None:
            return
        lines = probe.answer(body)
        pieces = self.play(body, lines) if address == "1" else said(lines)
        # a reading comes in with its values; whatever else is no sound answer is one that did not become any
        data = b"".join(part for wait, part in pieces if not wait)
        sound = data.count(b"\r\n") == len(lines) and all(line + b"\r\n" in data for line in lines)
        self._heard += body[0] == "D" or not sound
        yield from pieces

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
        for managed in DRIVER.services(host, self.station.file.connection).values():
            thread = managed.make()
            assert isinstance(thread, PollingThread)
            thread.start()
            self.threads.append(thread)

    def stop(self) -> None:
        for thread in self.threads:
            thread.stop()
        for thread in self.threads:
            thread.join(60)
        self.old += self.threads
        self.threads = []

    def round(self, play: Play = healthy) -> None:
        """Let the next slot come, with probe 1 behaving so, and wait until it is over."""
        self.play = play
        slot = self.slots[-1] + INTERVAL_US if self.slots else START
        self.slots.append(slot)
        self.clock.set(slot)
        if not self.threads:
            self.start()
        self.clock.wait_for_members(self.threads, slot)

    def measured(self, address: int, slots: Iterable[int]) -> set[Known]:
        return {
            Known(f"T12-0000000{address}", channel, slot, float(1000 * address + 10 * turn + n))
            for slot in slots
            for turn in [(slot - START) // INTERVAL_US]
            for n, channel in enumerate(CHANNELS)
        }

    def heals(self) -> None:
        """Probe 1 gives readings again, after its rest at the latest."""
        for _ in range(40):
            self.round()
            if self.measured(1, self.slots[-1:]) <= set(known(self.samples)):
                return
        raise AssertionError(self.events)

    def quiet(self) -> None:
        """Nothing is on its way any more."""
        until(lambda: not any(line._waiting for line in self.lines.values()))

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


def silent(bench: Bench) -> Account:
    """Probe 1 does not answer."""
    wires = Wires(bench)
    for _ in range(2):
        wires.round(lambda _body, _lines: [])
    assert set(wires.errors()) == {"silence"}
    told = [(row.kind, row.subject) for row in wires.events if row.kind != "settings"]
    assert told == [("device-silent", "T12-00000001")]
    wires.heals()
    return wires.account()


def _damaged(line: bytes) -> bytes:
    return line[:-1] + bytes([line[-1] ^ 0x15])


def garbage(bench: Bench) -> Account:
    """Noise around the lines, noise instead of one, a damaged one, an answer of another probe."""
    wires = Wires(bench)
    wires.round(lambda _body, lines: [(0, b"\x00\xff" + line + b"\r\n\xff") for line in lines])
    assert wires.measured(1, wires.slots) <= set(known(wires.samples))
    for play in (
        lambda _body, _lines: [(0, b"\xff" * 40)],
        lambda _body, lines: said(map(_damaged, lines)) if _body[0] == "D" else said(lines),
        lambda _body, lines: said([b"2" + line[1:] for line in lines]) if _body[0] == "D" else said(lines),
    ):
        wires.round(play)
        wires.heals()
    assert set(wires.errors()) == {"checksum"}
    return wires.account()


def late(bench: Bench) -> Account:
    """Probe 1 answers after all tries, when something else is asked."""
    wires = Wires(bench)
    wires.round()
    wires.round(lambda _body, lines: [(8 * TIMEOUT_S, line + b"\r\n") for line in lines])
    wires.quiet()
    wires.heals()
    assert wires.errors()["silence"] >= 3
    return wires.account()


def unplugged(bench: Bench) -> Account:
    """The adapter of the first line is pulled, and put back."""
    bench.monkeypatch.setattr("soilco2.ingest.drivers.polling._REOPEN_S", (0.0, 0.0))
    wires = Wires(bench)
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


def two_at_one_address(bench: Bench) -> Account:
    """Another probe answers as well: at once, so that the lines mix, or one after the other."""
    wires = Wires(bench)
    other = Probe("1", wires.probes["1"].model, "T12-00000009", wires.clock.now_us)
    other.number = 7

    def at_once(body: str, lines: list[bytes]) -> list[Piece]:
        return said(map(collide, lines, other.answer(body)))

    def one_after_the_other(body: str, lines: list[bytes]) -> list[Piece]:
        return said([*lines, *other.answer(body)])

    for play in (at_once, one_after_the_other):
        wires.round(play)
        wires.heals()
    assert set(wires.errors()) == {"clash", "checksum"}  # both tell one serial number, but not one check sum
    return wires.account()


def burst(bench: Bench) -> Account:
    """More than the terminal holds (4095 bytes), unasked; behind it a sound answer with wrong numbers."""
    wires = Wires(bench, patience="3s")
    wires.round()
    for address in (b"1", b"2"):
        flood = b"\xff" * 4000 + b"\r\n" + address + b"+9999+9999+9999\r\n"
        assert os.write(wires.lines["bus1"]._far, flood) == len(flood)
        wires.round()
    assert wires.errors() == {}
    return wires.account()


def restart(bench: Bench) -> Account:
    """The threads are stopped while probe 1 owes an answer, and made anew when it lies in the terminal."""
    wires = Wires(bench)
    wires.round()
    wires.round(lambda _body, lines: [(10 * TIMEOUT_S, line + b"\r\n") for line in lines])
    wires.stop()
    wires.quiet()
    wires.heals()
    return wires.account()


ROWS: Rows = {
    "silent": silent,
    "garbage": garbage,
    "late": late,
    "unplugged": unplugged,
    "two at one address": two_at_one_address,
    "burst": burst,
    "restart": restart,
}
