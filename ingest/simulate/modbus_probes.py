"""Simulated Modbus probes on one line: register maps of the catalogue, faults on command.

A probe answers reads of its blocks, whole or in part, and of its settings registers; any other register gets
exception 2, any other function exception 1, another address or speed silence. Its registers hold what was measured at
the slot that the schedule clock shows. It takes writes of the registers that its catalogue file names for its address
and line settings, at once or when it is switched on again, as the file says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

from soilco2.ingest.clock.clock import Clock
from soilco2.ingest.drivers.driver import Bench
from soilco2.ingest.errors import SimulationError
from soilco2.ingest.protocols.modbus import (
    COIL_ON,
    ILLEGAL_ADDRESS,
    ILLEGAL_FUNCTION,
    READ_COILS,
    READ_HOLDING,
    WRITE_COIL,
    Request,
    Write,
    answer_frame,
    coil_frame,
    coil_said,
    exception_frame,
    parse_request,
    parse_write,
)
from soilco2.ingest.protocols.register_map import register_image
from soilco2.ingest.simulate.faults import Fault, Kind
from soilco2.ingest.simulate.faulty import Ailments, FarLine, Wire, faults_of, unplugging
from soilco2.ingest.simulate.line import Parser, Piece, PtyLine, Responder
from soilco2.ingest.simulate.replay import Feed
from soilco2.station_config.catalogue.probe import Line
from soilco2.station_config.catalogue.registers import encode
from soilco2.station_config.connections.modbus_model import CodedRegister, ModbusModel
from soilco2.station_config.connections.modbus_rtu import ModbusRtuConnection
from soilco2.station_config.connections.power import Power, warm_up_of
from soilco2.station_config.message import Message
from soilco2.station_config.tables.instrument import Instrument

_CHANGEABLE = ("address", "baudrate", "parity", "stopbits")
_STRAY = (b"\x00", b"\xff", b"\x00\xff\x55")


def _parse(heard: bytes) -> tuple[Any, bytes, int]:
    """The first read or write in what was heard."""
    write, rest = parse_write(heard)
    return (write, rest, 0) if write is not None else parse_request(heard)


def at_once(frame: bytes, other: bytes, turn: int) -> bytes:
    """What a line carries when two answer: bits of both, one after the other, or one alone, in turn."""
    both = bytes(a & b for a, b in zip(frame, other, strict=False))  # a low bit wins on the wire
    return (both, frame + other, other)[turn % 3]


class SimulatedProbe:
    """One probe: its registers at any slot, and what is wrong with it.

    Parameters
    ----------
    instrument : Instrument
    feed : Feed
        Measured values.
    begun_us : int
        When the simulation began on the schedule clock [µs UTC]: the start of faults without one.
    faults : sequence of Fault
        Those of this probe.
    """

    def __init__(
        self, instrument: Instrument, feed: Feed, begun_us: int, faults: Sequence[Fault] = ()
    ) -> None:
        self.instrument = instrument
        model = feed.deployments.models[instrument.model_key]
        assert isinstance(model, ModbusModel)
        self.model: ModbusModel = model
        address = instrument.address if instrument.address is not None else self.model.address
        if not isinstance(address, int):
            raise SimulationError(
                Message("instrument {instrument}: it has no address; give it one", instrument=instrument.id)
            )
        self.address = address
        self.line: Line | None = None
        """What it talks at; None: whatever is asked at."""
        self._written: dict[int, int] = {}
        self.channels = self.model.used(instrument.channels)
        self._ailments = Ailments(instrument, feed, begun_us, faults, self.channels)
        self.slot = self._ailments.slot
        self.active = self._ailments.active
        self.silent = self._ailments.silent
        self._kept: tuple[int, dict[tuple[int, int], int]] | None = None
        self._answers = 0
        self.registers(self.slot(begun_us))  # what cannot be put into registers is said now

    def _changeable(self) -> dict[int, tuple[str, CodedRegister]]:
        """Registers that hold its address and line settings, by wire address."""
        change = self.model.change
        found = {} if change is None else {key: getattr(change, key) for key in _CHANGEABLE}
        return {row.start: (key, row) for key, row in found.items() if row is not None}

    def _changed(self) -> dict[int, int]:
        """What these registers hold."""
        found = {}
        for start, (key, register) in self._changeable().items():
            value = self.address if key == "address" else getattr(self.line, key, None)
            code = None if value is None else register.code(value)
            found[start] = self._written.get(start, 0 if code is None else code)
        return found

    def write(self, write: Write) -> bytes:
        """Take a write; the answer."""
        change = self.model.change
        if change is None or write.function != change.function:
            return exception_frame(Request(write.address, write.function, 0, 1), ILLEGAL_FUNCTION)
        places = range(write.start, write.start + len(write.words))
        if any(place not in self._changeable() for place in places):
            return exception_frame(Request(write.address, write.function, 0, 1), ILLEGAL_ADDRESS)
        self._written |= dict(zip(places, write.words, strict=True))
        if not change.restart:
            self.restart()
        return write.answer

    def restart(self) -> None:
        """Switch it off and on: what was written holds."""
        for start, code in self._written.items():
            key, register = self._changeable()[start]
            value = register.codes[code] if register.codes else code * register.divisor
            if key == "address":
                assert isinstance(value, int)
                self.address = value
            elif self.line is not None:
                self.line = self.line.model_copy(update={key: value})
        self._written = {}

    def registers(self, slot_us: int) -> dict[tuple[int, int], int]:
        """Every register at a slot [µs UTC], by (function, wire address)."""
        if self._kept is None or self._kept[0] != slot_us:
            self._kept = (slot_us, self._registers(slot_us))
        return self._kept[1] | {(READ_HOLDING, start): code for start, code in self._changed().items()}

    def _registers(self, slot_us: int) -> dict[tuple[int, int], int]:
        image = register_image(self.model, self._ailments.raws(slot_us), self._status(slot_us))
        found: dict[tuple[int, int], int] = {
            (block.function, block.start + place): word
            for block in self.model.block
            for place, word in enumerate(image[block.id])
        }
        factory = self.active(Kind.BROWN_OUT, slot_us) is not None
        for setting in self.model.setting:
            value = getattr(self.model, setting.id, None) or setting.factory
            if not factory:
                value = self.instrument.settings.get(setting.id, value)
            try:
                words = encode(value / setting.scale, setting.type, setting.word_order)
            except ValueError as error:
                raise SimulationError(
                    Message(
                        "instrument {instrument}: setting {setting} = {number:g}: {why}",
                        instrument=self.instrument.id,
                        setting=setting.id,
                        number=value,
                        why=error,
                    )
                ) from error
            for place, word in enumerate(words):
                found[setting.function, setting.start + place] = word
        return found

    def _status(self, slot_us: int) -> dict[str, int]:
        """The status words that go with its faults."""
        status: dict[str, int] = {}
        if self.active(Kind.FLOOD, slot_us):
            self._raise_bits("unreliable", status)
        if fault := self.active(Kind.BROWN_OUT, slot_us):
            warm_up = self.instrument.warm_up if self.instrument.warm_up is not None else self.model.warm_up
            interval_us = self._ailments.interval_us
            back = self._ailments.began(fault) + interval_us
            if slot_us < back + max(round(warm_up * 1e6), interval_us):
                self._raise_bits("not-ready", status)
        return status

    def _raise_bits(self, word: str, status: dict[str, int]) -> None:
        for row in self.model.status:
            for bit in row.bits:
                if word in bit.name:
                    status[row.id] = status.get(row.id, 0) | bit.mask

    def answer(self, request: Request, foreign: int, now_us: int, cold: bool = False) -> bytes:
        """The frame that a healthy line would carry back: empty from a silent probe, half of all from a cold one."""
        if self.silent(now_us):
            if self.active(Kind.BROWN_OUT, now_us):
                self.restart()
            return b""
        if foreign:
            return exception_frame(request, ILLEGAL_FUNCTION)
        known = self.registers(self.slot(now_us))
        asked = [known.get((request.function, request.start + place)) for place in range(request.registers)]
        words = tuple(word for word in asked if word is not None)
        if not words or len(words) != len(asked):
            return exception_frame(request, ILLEGAL_ADDRESS)
        return answer_frame(request, tuple(word // 2 for word in words) if cold else words)

    def on_the_line(self, frame: bytes, request: Request, other: bytes, now_us: int) -> list[Piece]:
        """`frame` as the line carries it: with noise, or against `other`, a second probe's answer."""
        if not frame:
            return []
        self._answers += 1
        if self.active(Kind.ADDRESS_CLASH, now_us) and other:
            return [(0.0, at_once(frame, other, self._answers))]
        if self.active(Kind.NOISE, now_us):
            stray = _STRAY[self._answers % len(_STRAY)]
            if self._answers % 3 == 0:
                at = self._answers % len(frame)
                frame = frame[:at] + bytes([frame[at] ^ 0x55]) + frame[at + 1 :]
            return [(0.0, stray + frame + stray)]
        return [(0.0, frame)]


class SimulatedRelay:
    """A relay module with one coil used: functions 1 and 5, whatever else is refused."""

    def __init__(self, power: Power, clock: Clock) -> None:
        self.power = power
        self._clock = clock
        self.on = False
        self.since_us = 0

    def answer(self, request: Request) -> bytes:
        """What it says; a switched coil counts from now on."""
        if request.start != self.power.coil:
            return exception_frame(request, ILLEGAL_ADDRESS)
        if request.function == READ_COILS:
            return coil_said(request.address, self.on)
        if request.function != WRITE_COIL or request.registers not in (0, COIL_ON):
            return exception_frame(request, ILLEGAL_FUNCTION)
        on = request.registers == COIL_ON
        if on and not self.on:
            self.since_us = self._clock.now_us()
        self.on = on
        return coil_frame(request.address, request.start, on)

    def warm(self, row: Instrument, model: ModbusModel) -> bool:
        """Whether a probe has had power for as long as it needs."""
        return self._clock.now_us() - self.since_us >= warm_up_of(row, model) * 1e6


class SimulatedBus(FarLine):
    """A line with simulated probes.

    Parameters
    ----------
    connection : Connection
    probes : sequence of SimulatedProbe
    clock : Clock
        The schedule clock.
    faults : sequence of Fault
        Those of the line itself: unplugging.
    line : callable, optional
        From what answers to the line that is made; a pseudo-terminal at the connection's port by default.
    """

    def __init__(
        self,
        connection: Any,
        probes: Sequence[SimulatedProbe],
        clock: Clock,
        faults: Sequence[Fault] = (),
        line: Callable[[Responder, Parser], Wire] | None = None,
    ) -> None:
        super().__init__(clock, faults)
        self.connection = connection
        self.probes = list(probes)
        if isinstance(connection, ModbusRtuConnection):
            for probe in self.probes:
                probe.line = Line.of(f"{connection.baudrate} 8{connection.parity}{connection.stopbits}")
        make = line or partial(PtyLine, connection.port)
        self.line: Wire = make(self._respond, _parse)
        self._turn = 0
        power = getattr(connection, "power", None)
        self.relay = SimulatedRelay(power, clock) if power is not None and power.relay else None

    @classmethod
    def of(cls, bench: Bench, line: Callable[[Responder, Parser], Wire] | None = None) -> SimulatedBus:
        """The far end of a connection; its line, a pseudo-terminal unless another is named, is there at once."""
        now = bench.clock.now_us()
        probes = [
            SimulatedProbe(row, bench.feed, now, faults_of(bench, row.serial)) for row in bench.instruments
        ]
        return cls(bench.connection, probes, bench.clock, unplugging(bench), line)

    def _respond(self, request: Request | Write, foreign: int) -> Iterable[Piece]:
        if self.relay is not None and isinstance(request, Request):
            if request.address == self.relay.power.relay:
                return [(0.0, self.relay.answer(request))]
            if not self.relay.on:
                return []
        speed = self.line.speed()
        heard = [
            probe
            for probe in self.probes
            if probe.address == request.address
            and (speed is None or not probe.line or probe.line.baudrate == speed)
        ]
        if not heard:
            return []
        now = self._clock.now_us()
        if isinstance(request, Write):
            said = [probe.write(request) for probe in heard if not probe.silent(now)]
            return [(0.0, data) for data in said]
        probe = heard[0]
        cold = self.relay is not None and not self.relay.warm(probe.instrument, probe.model)
        frame = probe.answer(request, foreign, now, cold)
        if len(heard) > 1:
            self._turn += 1
            return [(0.0, at_once(frame, heard[1].answer(request, foreign, now), self._turn))]
        other = self._neighbour(probe)
        second = b"" if other is None else other.answer(request, foreign, now)
        return probe.on_the_line(frame, request, second, now)

    def _neighbour(self, probe: SimulatedProbe) -> SimulatedProbe | None:
        """The probe that would answer as well if it had this address: the next one of the same model."""
        same = [row for row in self.probes if row.model.id == probe.model.id and row is not probe]
        return next((row for row in same if row.address > probe.address), same[0] if same else None)
