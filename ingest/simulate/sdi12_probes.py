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
from soilco2.ingest.simulate.faults import Fault, Kind
from soilco2.ingest.simulate.faulty import Ailments, FarLine, faults_of, unplugging
from soilco2.ingest.simulate.line import Piece, PtyLine
from soilco2.ingest.simulate.replay import Feed
from soilco2.station_config.connections.sdi12 import CHARACTER_S, Sdi12Connection
from soilco2.station_config.connections.sdi12_model import Command, Sdi12Model, ValueChannel, curve
from soilco2.station_config.tables.instrument import Instrument

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
        self._clock = clock
        self._ailments = Ailments(instrument, feed, clock.now_us(), faults, model.channel)
        self.answered = 0

    def active(self, kind: Kind) -> Fault | None:
        """The fault of this kind that holds now."""
        return self._ailments.active(kind, self._clock.now_us())

    @property
    def silent(self) -> bool:
        """Whether it does not answer at all."""
        return self._ailments.silent(self._clock.now_us())

    def raws(self) -> Mapping[str, float | None]:
        now = self._clock.now_us()
        return self._ailments.raws(self._ailments.slot(now), now)


class SimulatedSdi12(FarLine):
    """A line with simulated probes behind an adapter.

    Parameters
    ----------
    bench : Bench
    """

    def __init__(self, bench: Bench) -> None:
        super().__init__(bench.clock, unplugging(bench))
        connection: Sdi12Connection = bench.connection
        self.probes = [
            _SimulatedProbe(row, bench.feed, bench.clock, faults_of(bench, row.serial))
            for row in bench.instruments
        ]
        self._echo = connection.known.mode == "transparent"
        self.line = PtyLine(connection.port, self._respond, find_command)

    @classmethod
    def of(cls, bench: Bench) -> SimulatedSdi12:
        """The far end of a connection; its line is there at once."""
        return cls(bench)

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
