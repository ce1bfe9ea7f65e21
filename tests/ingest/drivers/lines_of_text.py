"""Lines of text in every situation: two lines of pseudo-terminals, three instruments, the driver's own threads.

The instruments are GMP252 of the catalogue in POLL mode: their message has address and checksum. A value changes with
every slot and differs between them, so an answer that belongs to another slot or instrument has another number.
"""

from __future__ import annotations

import os
import re
from array import array
from collections.abc import Callable, Iterable
from fcntl import ioctl
from termios import FIONREAD

from soilco2.ingest.drivers.serial_ascii import DRIVER
from soilco2.ingest.simulate.ascii_instruments import command
from soilco2.ingest.simulate.line import Piece, PtyLine
from soilco2.station_config.loader import load_station
from tests.ingest.drivers.contract import Account, Bench, Known, Rows, known
from tests.ingest.drivers.polled import _DEPTH, _HEAD, INTERVAL_US, LATE_S, PORT_ERRORS, TIMEOUT_S, Wires
from tests.ingest.running import until
from tests.ingest.simulate.hand import START, HandClock

_LINE = (
    '\n[[connection]]\nid = "{id}"\nkind = "serial-ascii"\nport = "{id}"\nbaudrate = 19200\nquiet = "10ms"\n'
)
_PROBE = """
[[instrument]]
id = "probe-{n}"
model = "vaisala-gmp252-ascii"
serial = "S{n}"
connection = "{connection}"
address = {n}
interval = "10s"
timeout = "{timeout}"
[[instrument.installation]]
position = "p1/d{n}"
from = 2020-01-01
"""


def message(address: int, ppm: float) -> bytes:
    """The message of the catalogue's FORM; CSX is the exclusive or of all before it (M211897EN, form command)."""
    text = f"GMP {address:3} {ppm:7.1f} 1013.3  25.0  0.0  0.0 *".encode()
    value = 0
    for byte in text:
        value ^= byte
    return text + f"{value:02X}\r\n".encode()


Play = Callable[[int, bytes], list[Piece]]


def healthy(_address: int, answer: bytes) -> list[Piece]:
    return [(0, answer)]


class TextWires(Wires):
    """Two lines with three instruments, and the threads that poll them."""

    def __init__(self, bench: Bench, patience: str = f"{TIMEOUT_S * 1000:g}ms") -> None:
        probes = ((1, "bus1", patience), (2, "bus1", "5s"), (3, "bus2", "5s"))
        text = _HEAD + "".join(_LINE.format(id=name) for name in ("bus1", "bus2"))
        text += '\n[[profile]]\nid = "p1"\n' + "".join(_DEPTH.format(n=n) for n, _, _ in probes)
        text += "".join(_PROBE.format(n=n, connection=line, timeout=wait) for n, line, wait in probes)
        path = bench.folder / "wires.toml"
        path.write_text(text, encoding="utf-8")
        self.station = load_station(path)
        self.clock = HandClock(START)
        self.play, self.others = {}, []
        self.plays: dict[int, Play] = dict.fromkeys((1, 2, 3), healthy)
        self.lines = {
            name: PtyLine(bench.folder / name, self._answer, parse=command) for name in ("bus1", "bus2")
        }
        for line in self.lines.values():
            bench.stack.callback(line.stop)
        self.samples, self.events, self.sizes, self.threads, self.old, self.slots = [], [], [], [], [], []
        self._heard = 0
        self._asked_otherwise = set()
        bench.stack.callback(self.stop)

    driver = DRIVER

    def ppm(self, address: int, slot_us: int) -> float:
        """What an instrument measures at a slot."""
        return 1000.0 * address + 10 * ((slot_us - START) // INTERVAL_US)

    def _answer(self, heard: str, _foreign: int) -> Iterable[Piece]:
        asked = re.fullmatch(r"send (\d)", heard)
        if asked is None:  # a command of the set-up
            return []
        self._heard += 1
        address = int(asked[1])
        return self.plays[address](address, message(address, self.ppm(address, self.clock.now_us())))

    def text_round(self, play: Play = healthy) -> None:
        """Let the next slot come, with instrument 1 behaving so, and wait until it is over."""
        self.plays[1] = play
        self.round()

    def measured(self, address: int, slots: Iterable[int]) -> set[Known]:
        return {Known(f"S{address}", "co2", slot, self.ppm(address, slot)) for slot in slots}

    def heals(self) -> None:
        self.plays[1] = healthy
        super().heals()

    def account(self, beside: tuple[int, ...] = (2, 3)) -> Account:  # type: ignore[override]
        self.stop()
        errors = sum(count for kind, count in self.errors().items() if kind not in PORT_ERRORS)
        return Account(
            came=self._heard,
            samples=known(self.samples),
            refused=errors,
            again=sum(thread._line._master.twice for thread in self.old),  # type: ignore[attr-defined]
            true=set[Known]().union(*(self.measured(n, self.slots) for n in (1, 2, 3))),
            neighbour=set[Known]().union(*(self.measured(n, self.slots) for n in beside)),
            waiting=self.sizes,
            bound=2,  # a round of the longer line; the next one waits until it is delivered
            failures=[thread.failure for thread in self.old if thread.failure is not None],
        )


def silent(bench: Bench) -> Account:
    """Instrument 1 does not answer."""
    wires = TextWires(bench)
    for _ in range(4):
        wires.text_round(lambda _address, _answer: [])
    assert set(wires.errors()) == {"silence"}
    told = [(row.kind, row.subject) for row in wires.events if row.kind != "settings"]
    assert told == [("device-silent", "S1")]
    wires.heals()
    return wires.account()


def garbage(bench: Bench) -> Account:
    """Noise around a line, noise instead of one, a damaged one, a line of another form, one of another instrument."""
    wires = TextWires(bench)
    wires.text_round(lambda _address, answer: [(0, b"\x00\xff>" + answer + b"\x55>")])
    assert wires.measured(1, wires.slots) <= set(known(wires.samples))
    plays: tuple[Play, ...] = (
        lambda _address, _answer: [(0, b"\xff\x81" * 900)],
        lambda _address, answer: [(0, answer.replace(b"10", b"90", 1))],
        lambda _address, _answer: [(0, b"CO2=   9999 ppm\r\n")],
        lambda _address, _answer: [(0, message(2, 9999.0))],
    )
    for play in plays:
        wires.text_round(play)
        wires.heals()
    assert set(wires.errors()) == {"checksum", "wrong_format", "wrong_address"}, wires.errors()
    return wires.account()


def late(bench: Bench) -> Account:
    """Instrument 1 answers after its time-out, and after the time that is kept free for late answers."""
    wires = TextWires(bench)
    for delay in LATE_S:
        wires.text_round(lambda _address, answer, delay=delay: [(delay, answer)])  # type: ignore[misc]
        wires.heals()
    assert wires.errors()["silence"] >= 2
    return wires.account()


def unplugged(bench: Bench) -> Account:
    """The adapter of the first line is pulled, and put back."""
    bench.monkeypatch.setattr("soilco2.ingest.drivers.polling._REOPEN_S", (0.0, 0.0))
    wires = TextWires(bench)
    wires.text_round()
    wires.lines["bus1"].unplug()
    wires.text_round()
    wires.lines["bus1"].plug()
    wires.text_round()
    kinds = [(row.kind, row.subject) for row in wires.events if row.kind != "settings"]
    assert kinds == [("port-gone", "bus1"), ("port-back", "bus1")]
    with_line = [wires.slots[0], wires.slots[2]]
    assert wires.measured(1, with_line) | wires.measured(2, with_line) <= set(known(wires.samples))
    return wires.account(beside=(3,))


def two_at_one_address(bench: Bench) -> Account:
    """A second instrument answers as well: after the first, or at the same time so that a low bit wins."""
    wires = TextWires(bench)

    def one_after_the_other(address: int, answer: bytes) -> list[Piece]:
        return [(0, answer + message(address, 9999.0))]

    def at_once(address: int, answer: bytes) -> list[Piece]:
        return [(0, bytes(a & b for a, b in zip(answer, message(address, 2345.6), strict=True)))]

    for play in (one_after_the_other, at_once):
        wires.text_round(play)
        wires.heals()
    assert set(wires.errors()) == {"clash", "checksum"}
    return wires.account()


def burst(bench: Bench) -> Account:
    """More than the terminal holds (4095 bytes), unasked; behind it a sound line with a wrong number."""
    wires = TextWires(bench, patience="5s")

    def thinking(_address: int, answer: bytes) -> list[Piece]:
        return [(0.1, answer)]

    wires.plays[2] = thinking
    wires.text_round(thinking)
    for address in (1, 2):
        flood = b"\xff" * 4090 + b"\r\n" + message(address, 9999.0)
        assert os.write(wires.lines["bus1"]._far, flood) == len(flood)
        wires.text_round(thinking)
    assert wires.errors() == {}
    return wires.account()


def restart(bench: Bench) -> Account:
    """The threads are stopped while instrument 1 owes an answer, and made anew when it lies in the terminal."""
    wires = TextWires(bench)
    wires.text_round()
    wires.text_round(lambda _address, answer: [(8 * TIMEOUT_S, answer)])
    wires.stop()
    waiting = array("i", [0])

    def owed() -> bool:
        ioctl(wires.lines["bus1"]._near, FIONREAD, waiting)
        return waiting[0] > 0 or any(thread.status()["late_answers"] for thread in wires.old)

    until(owed)
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
