"""Simulated Modbus probes on one pseudo-terminal: register maps of the catalogue, faults on command.

A probe answers reads of its blocks, whole or in part, and of its settings registers; any other register gets
exception 2, any other function exception 1, another address silence. Its registers hold what was measured at
the slot that the schedule clock shows.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from soilco2.ingest.clock.clock import Clock
from soilco2.ingest.drivers.driver import Bench
from soilco2.ingest.errors import SimulationError
from soilco2.ingest.protocols.modbus import (
    ILLEGAL_ADDRESS,
    ILLEGAL_FUNCTION,
    Request,
    answer_frame,
    exception_frame,
)
from soilco2.ingest.protocols.register_map import register_image
from soilco2.ingest.simulate.faults import DRIFT_PER_DAY, POROSITY, Fault, Kind
from soilco2.ingest.simulate.line import Piece, PtyLine
from soilco2.ingest.simulate.replay import Feed, probe_raws
from soilco2.station_config.catalogue.registers import encode
from soilco2.station_config.connections.modbus_model import ModbusModel
from soilco2.station_config.connections.modbus_rtu import ModbusRtuConnection
from soilco2.station_config.message import Message
from soilco2.station_config.tables.instrument import Instrument
from soilco2.station_config.times import DAY_US

_STRAY = (b"\x00", b"\xff", b"\x00\xff\x55")


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
        model = feed.deployments.models[instrument.model]
        assert isinstance(model, ModbusModel)
        self.model: ModbusModel = model
        address = instrument.address if instrument.address is not None else self.model.address
        if not isinstance(address, int):
            raise SimulationError(
                Message("instrument {instrument}: it has no address; give it one", instrument=instrument.id)
            )
        self.address = address
        self.interval_us = round(instrument.interval * 1e6)
        self.channels = self.model.used(instrument.channels)
        self._feed = feed
        self._begun_us = begun_us
        self._faults = faults
        self._kept: tuple[int, dict[tuple[int, int], int]] | None = None
        self._answers = 0
        self.registers(self.slot(begun_us))  # what cannot be put into registers is said now

    def slot(self, now_us: int) -> int:
        """The slot that `now_us` lies in [µs UTC]."""
        return now_us // self.interval_us * self.interval_us

    def active(self, kind: Kind, time_us: int) -> Fault | None:
        """The fault of this kind that holds at a moment [µs UTC]."""
        return next((row for row in self._faults if row.kind is kind and row.active(time_us)), None)

    def _began(self, fault: Fault) -> int:
        return self.slot(self._begun_us if fault.start_us is None else fault.start_us)

    def silent(self, now_us: int) -> bool:
        """Whether the probe does not answer at all."""
        brown_out = self.active(Kind.BROWN_OUT, now_us)
        return self.active(Kind.SILENCE, now_us) is not None or (
            brown_out is not None and now_us < self._began(brown_out) + self.interval_us
        )

    def registers(self, slot_us: int) -> dict[tuple[int, int], int]:
        """Every register at a slot [µs UTC], by (function, wire address)."""
        if self._kept is None or self._kept[0] != slot_us:
            self._kept = (slot_us, self._registers(slot_us))
        return self._kept[1]

    def _registers(self, slot_us: int) -> dict[tuple[int, int], int]:
        raws = dict(probe_raws(self._feed, self.instrument, slot_us))
        status = self._suffer(raws, slot_us)
        image = register_image(self.model, raws, status)
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

    def _suffer(self, raws: dict[str, float | None], slot_us: int) -> dict[str, int]:
        """Change raw numbers as the faults want it; the status words that go with them."""
        status: dict[str, int] = {}
        if fault := self.active(Kind.STUCK, slot_us):
            raws.update(probe_raws(self._feed, self.instrument, self._began(fault)))
        if fault := self.active(Kind.DRIFT, slot_us):
            growth = 1.0 + DRIFT_PER_DAY * (slot_us - self._began(fault)) / DAY_US
            raws.update({name: raw * growth for name, raw in raws.items() if raw is not None})
        if fault := self.active(Kind.FLOOD, slot_us):
            before = probe_raws(self._feed, self.instrument, self._began(fault))
            for spec in self.channels:
                known = self._feed.deployments.channel(self.instrument.serial, spec.id)
                if spec.variable == "soil_water" and known is not None:
                    raws[spec.id] = (POROSITY - known.b) / known.a
                elif spec.variable == "co2":
                    raws[spec.id] = before[spec.id]
            self._raise_bits("unreliable", status)
        if fault := self.active(Kind.BROWN_OUT, slot_us):
            warm_up = self.instrument.warm_up if self.instrument.warm_up is not None else self.model.warm_up
            back = self._began(fault) + self.interval_us
            if slot_us < back + max(round(warm_up * 1e6), self.interval_us):
                self._raise_bits("not-ready", status)
        return status

    def _raise_bits(self, word: str, status: dict[str, int]) -> None:
        for row in self.model.status:
            for bit in row.bits:
                if word in bit.name:
                    status[row.id] = status.get(row.id, 0) | bit.mask

    def answer(self, request: Request, foreign: int, now_us: int) -> bytes:
        """The frame that a healthy line would carry back; empty when the probe is silent."""
        if self.silent(now_us):
            return b""
        if foreign:
            return exception_frame(request, ILLEGAL_FUNCTION)
        known = self.registers(self.slot(now_us))
        asked = [known.get((request.function, request.start + place)) for place in range(request.registers)]
        words = tuple(word for word in asked if word is not None)
        if not words or len(words) != len(asked):
            return exception_frame(request, ILLEGAL_ADDRESS)
        return answer_frame(request, words)

    def on_the_line(self, frame: bytes, request: Request, other: bytes, now_us: int) -> list[Piece]:
        """`frame` as the line carries it: with noise, or against `other`, a second probe's answer."""
        if not frame:
            return []
        self._answers += 1
        if self.active(Kind.ADDRESS_CLASH, now_us) and other:
            both = bytes(a & b for a, b in zip(frame, other, strict=False))  # a low bit wins on the wire
            shown = (both, frame + other, other)[self._answers % 3]
            return [(0.0, shown)]
        if self.active(Kind.NOISE, now_us):
            stray = _STRAY[self._answers % len(_STRAY)]
            if self._answers % 3 == 0:
                at = self._answers % len(frame)
                frame = frame[:at] + bytes([frame[at] ^ 0x55]) + frame[at + 1 :]
            return [(0.0, stray + frame + stray)]
        return [(0.0, frame)]


class SimulatedBus:
    """A line with simulated probes.

    Parameters
    ----------
    connection : ModbusRtuConnection
        `port` is the link to be made.
    probes : sequence of SimulatedProbe
    clock : Clock
        The schedule clock.
    faults : sequence of Fault
        Those of the line itself: unplugging.
    """

    def __init__(
        self,
        connection: ModbusRtuConnection,
        probes: Sequence[SimulatedProbe],
        clock: Clock,
        faults: Sequence[Fault] = (),
    ) -> None:
        self.connection = connection
        self.probes = list(probes)
        self._by_address = {probe.address: probe for probe in self.probes}
        self._clock = clock
        self._faults = faults
        self.line = PtyLine(connection.port, self._respond)
        self.failure: Exception | None = None

    @classmethod
    def of(cls, bench: Bench) -> SimulatedBus:
        """The far end of a connection; its line is there at once."""
        now = bench.clock.now_us()
        hits = bench.faults
        probes = [
            SimulatedProbe(row, bench.feed, now, [fault for fault, serials in hits if row.serial in serials])
            for row in bench.instruments
        ]
        pulled = [fault for fault, _ in hits if fault.kind is Kind.UNPLUG]
        return cls(bench.connection, probes, bench.clock, pulled)

    @property
    def place(self) -> tuple[str, str]:
        """The port that was made."""
        return "ports", str(self.line.link)

    def start(self) -> None:
        """Nothing more is needed."""

    def tick(self) -> None:
        """Pull or put in the adapter as the schedule wants it."""
        now = self._clock.now_us()
        if any(fault.active(now) for fault in self._faults):
            self.line.unplug()
        else:
            self.line.plug()

    def stop(self) -> None:
        """Take the line away."""
        self.line.stop()

    def _respond(self, request: Request, foreign: int) -> Iterable[Piece]:
        probe = self._by_address.get(request.address)
        if probe is None:
            return []
        now = self._clock.now_us()
        other = self._neighbour(probe)
        second = b"" if other is None else other.answer(request, foreign, now)
        return probe.on_the_line(probe.answer(request, foreign, now), request, second, now)

    def _neighbour(self, probe: SimulatedProbe) -> SimulatedProbe | None:
        """The probe that would answer as well if it had this address: the next one of the same model."""
        same = [row for row in self.probes if row.model.id == probe.model.id and row is not probe]
        return next((row for row in same if row.address > probe.address), same[0] if same else None)
