"""Simulated SDI-12 probes behind an adapter on one pseudo-terminal: models of the catalogue, faults on command.

To the serial port both kinds of adapter look alike: a command goes in, the line that answers comes out. A transparent
one returns the command as well, for the line has one wire. A probe measures what was measured at the slot that the
schedule clock shows; after ``aM!`` it sends its service request at once.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from soilco2.ingest.clock.clock import Clock
from soilco2.ingest.drivers.driver import Bench
from soilco2.ingest.protocols.sdi12 import MOST, crc
from soilco2.ingest.simulate.faults import DRIFT_PER_DAY, POROSITY, Fault, Kind
from soilco2.ingest.simulate.line import Piece, PtyLine
from soilco2.ingest.simulate.replay import Feed, probe_raws
from soilco2.station_config.connections.sdi12 import CHARACTER_S, Sdi12Connection
from soilco2.station_config.connections.sdi12_model import Command, Sdi12Model, ValueChannel, curve
from soilco2.station_config.tables.instrument import Instrument
from soilco2.station_config.times import DAY_US

_COMMAND = re.compile(rb"([0-9A-Za-z?])(|I|[MC]C?[1-9]?|D[0-9]|RC?[0-9]|V|A[0-9A-Za-z])!")
_NOTHING = -9999.0
"""What a probe answers for a value that it has not, where its model says no other number."""


def number_text(value: float) -> str:
    """A value as probes send it: sign, at most seven digits, a point."""
    whole = len(str(int(abs(value))))
    text = f"{value:+.{max(0, min(4, 7 - whole))}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def told_value(spec: ValueChannel, raw: float | None) -> float:
    """The value whose raw number this is: the inverse of the channel's decoding."""
    if raw is None:
        return spec.sentinels[0] if spec.sentinels else _NOTHING
    if not spec.at.polynomial or raw in spec.sentinels:
        return raw
    low, high = -1e5, 1e5
    for _ in range(80):  # curves of the catalogue grow all the way
        middle = (low + high) / 2
        low, high = (middle, high) if curve(spec.at.polynomial, middle) < raw else (low, middle)
    return high


def values_of(
    model: Sdi12Model,
    command: Command,
    raws: Mapping[str, float | None],
    sensors: Sequence[ValueChannel] = (),
) -> list[float]:
    """The values of a measurement when the channels have these raw numbers."""
    found: dict[int, float] = {}
    for spec in sensors or model.channel:
        if spec.at.command == command.id:
            found.setdefault(spec.at.index, told_value(spec, raws.get(spec.id)))
    return [found.get(n + 1, 0.0) for n in range(command.values or max(found, default=1))]


def answers(
    model: Sdi12Model, channels: Sequence[ValueChannel], raws: Mapping[str, float | None]
) -> dict[str | None, bytes]:
    """What is kept of the answers to each command of some channels."""
    needed = {spec.at.command for spec in channels}
    return {
        row.id: b"0" + "".join(map(number_text, values_of(model, row, raws))).encode()
        for row in model.command
        if row.id in needed
    }


class Measured(NamedTuple):
    """What lies in a probe for ``aD0!`` …: values in the order of the model, and how they were asked for."""

    values: list[float]
    checked: bool
    most: int

    def line(self, address: str, number: int) -> bytes:
        """The answer to ``aD<number>!``, without its line end."""
        lines = [""]
        for text in map(number_text, self.values):
            if len(lines[-1]) + len(text) > self.most:
                lines.append("")
            lines[-1] += text
        data = (address + (lines[number] if number < len(lines) else "")).encode("ascii")
        return data + crc(data) if self.checked else data


class Sdi12Probe:
    """One probe: how it answers commands; what it measures comes from `measure`.

    Parameters
    ----------
    address : str
    model : Sdi12Model
    serial : str
    seconds : int
        What it announces.
    sensors : sequence of ValueChannel, optional
        Channels that it has sensors for; all of its model when left out.
    """

    def __init__(
        self,
        address: str,
        model: Sdi12Model,
        serial: str,
        seconds: int = 0,
        sensors: Sequence[ValueChannel] = (),
    ) -> None:
        self.address = address
        self.model = model
        self.serial = serial
        self.seconds = seconds
        self.sensors = sensors
        self.buffer: Measured | None = None

    def raws(self) -> Mapping[str, float | None]:
        """Raw number by channel, now."""
        raise NotImplementedError

    @property
    def identity(self) -> bytes:
        """What it answers to ``aI!``."""
        known = (self.model.identity or (self.model.maker,))[0]
        maker, _, model = known.partition(" ")
        return f"{self.address}13{maker:8.8}{model.strip():6.6}100{self.serial}".encode("ascii")

    def answer(self, body: str) -> list[bytes]:
        """The lines that answer a command without its address and ``!``: the answer, and a service request."""
        kind, checked, number = body[:1], body[1:2] == "C", body[-1:] if body[-1:].isdigit() else ""
        if kind == "":
            return [self.address.encode()]
        if kind == "I":
            return [self.identity]
        if kind == "A":
            self.address = body[1]
            return [self.address.encode()]
        if kind == "D":
            return [self.buffer.line(self.address, int(number)) if self.buffer else self.address.encode()]
        checked = checked and self.model.crc
        values = self._measured(kind + number)
        self.buffer = Measured(values, checked, MOST[kind])
        if kind == "R":
            return [self.buffer.line(self.address, 0)]
        seconds = self.seconds if values else 0
        if kind == "C":
            return [f"{self.address}{seconds:03}{len(values):02}".encode()]
        request = [self.address.encode()] if seconds else []
        return [f"{self.address}{seconds:03}{min(len(values), 9)}".encode(), *request]

    def _measured(self, sent: str) -> list[float]:
        raws = self.raws()
        for row in self.model.command:
            if sent in (row.send, row.concurrent):
                return values_of(self.model, row, raws, self.sensors)
        return []


def find_command(heard: bytes) -> tuple[tuple[str, str] | None, bytes, int]:
    """The first command in what was heard: its address and what is asked; and what follows it."""
    match = _COMMAND.search(heard)
    if match is None:
        return None, heard[-8:], 0
    return (match[1].decode(), match[2].decode()), heard[match.end() :], 0


class _SimulatedProbe(Sdi12Probe):
    """A probe with measured values and faults on command."""

    def __init__(self, instrument: Instrument, feed: Feed, clock: Clock, faults: Sequence[Fault]) -> None:
        model = feed.deployments.models[instrument.model_key]
        assert isinstance(model, Sdi12Model)
        super().__init__(
            str(instrument.address), model, instrument.serial, sensors=model.used(instrument.channels)
        )
        self._instrument = instrument
        self._feed = feed
        self._clock = clock
        self._faults = faults
        self._begun_us = clock.now_us()
        self._interval_us = round(instrument.interval * 1e6)
        self.answered = 0

    def active(self, kind: Kind) -> Fault | None:
        """The fault of this kind that holds now."""
        now = self._clock.now_us()
        return next((row for row in self._faults if row.kind is kind and row.active(now)), None)

    def _slot(self, time_us: int) -> int:
        return time_us // self._interval_us * self._interval_us

    def _began(self, fault: Fault) -> int:
        return self._slot(self._begun_us if fault.start_us is None else fault.start_us)

    @property
    def silent(self) -> bool:
        """Whether it does not answer at all."""
        brown_out = self.active(Kind.BROWN_OUT)
        return self.active(Kind.SILENCE) is not None or (
            brown_out is not None and self._clock.now_us() < self._began(brown_out) + self._interval_us
        )

    def raws(self) -> Mapping[str, float | None]:
        slot = self._slot(self._clock.now_us())
        found = dict(probe_raws(self._feed, self._instrument, slot))
        if fault := self.active(Kind.STUCK):
            found.update(probe_raws(self._feed, self._instrument, self._began(fault)))
        if fault := self.active(Kind.DRIFT):
            growth = 1.0 + DRIFT_PER_DAY * (slot - self._began(fault)) / DAY_US
            found.update({name: raw * growth for name, raw in found.items() if raw is not None})
        if self.active(Kind.FLOOD):
            for spec in self.model.channel:
                known = self._feed.deployments.channel(self.serial, spec.id)
                if spec.variable == "soil_water" and known is not None:
                    found[spec.id] = (POROSITY - known.b) / known.a
        return found


class SimulatedSdi12:
    """A line with simulated probes behind an adapter.

    Parameters
    ----------
    bench : Bench
    """

    def __init__(self, bench: Bench) -> None:
        connection: Sdi12Connection = bench.connection
        self.probes = [
            _SimulatedProbe(
                row,
                bench.feed,
                bench.clock,
                [fault for fault, serials in bench.faults if row.serial in serials],
            )
            for row in bench.instruments
        ]
        self._clock = bench.clock
        self._pulled = [fault for fault, _ in bench.faults if fault.kind is Kind.UNPLUG]
        self._echo = connection.known.mode == "transparent"
        self.line = PtyLine(connection.port, self._respond, find_command)
        self.failure: Exception | None = None

    @classmethod
    def of(cls, bench: Bench) -> SimulatedSdi12:
        """The far end of a connection; its line is there at once."""
        return cls(bench)

    @property
    def place(self) -> tuple[str, str]:
        """The port that was made."""
        return "ports", str(self.line.link)

    def start(self) -> None:
        """Nothing more is needed."""

    def tick(self) -> None:
        """Pull or put in the adapter as the schedule wants it."""
        now = self._clock.now_us()
        if any(fault.active(now) for fault in self._pulled):
            self.line.unplug()
        else:
            self.line.plug()

    def stop(self) -> None:
        """Take the line away."""
        self.line.stop()

    def _respond(self, request: tuple[str, str], _foreign: int) -> Iterable[Piece]:
        address, body = request
        echo = f"{address}{body}!".encode() if self._echo else b""
        probes = [row for row in self.probes if address in (row.address, "?") and not row.silent]
        if echo:
            yield 0.0, echo
        if not probes:
            return
        probe = probes[0]
        lines = probe.answer(body)
        if len(probes) > 1 or probe.active(Kind.ADDRESS_CLASH):
            others = [row for row in self.probes if row is not probe]
            for other in probes[1:] or others[:1]:
                theirs = other.answer(body)
                lines = [collide(one, two) for one, two in zip(lines, theirs, strict=False)]
        for line in lines:
            probe.answered += 1
            if probe.active(Kind.NOISE):
                line = _noisy(line, probe.answered)
            yield 0.0, line + b"\r\n"


def collide(one: bytes, other: bytes) -> bytes:
    """What two probes say at once: the line is held up by either, which is a zero (SDI-12's logic is inverted)."""
    longer = max(one, other, key=len)
    return bytes(a & b for a, b in zip(one, other, strict=False)) + longer[min(len(one), len(other)) :]


def _noisy(line: bytes, number: int) -> bytes:
    """A line with stray bytes, every third one damaged."""
    if number % 3 == 0:
        at = number % len(line)
        line = line[:at] + bytes([line[at] ^ 0x15]) + line[at + 1 :]
    return b"\x00\xff" + line


def paced(command: str, lines: Sequence[bytes]) -> list[Piece]:
    """The same on a line of 1200 baud: an answer is there when the command and its own characters have gone over it."""
    pieces: list[Piece] = []
    wait = len(command) * CHARACTER_S
    for line in lines:
        pieces.append((wait + (len(line) + 2) * CHARACTER_S, line + b"\r\n"))
        wait = 0.0
    return pieces
