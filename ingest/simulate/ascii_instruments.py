"""Simulated instruments that speak lines of text, on one pseudo-terminal: messages of the catalogue, faults on command.

An instrument answers its request, and ``OK`` to the commands of its set-up; asked for its settings it writes them as
``NAME : value``. One that sends by itself says a line a second. After a brown-out it says its banner, and lines of
another form until it was set up. Its numbers are what was measured at the slot that the schedule clock shows.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from time import monotonic

from soilco2.ingest.clock.clock import Clock
from soilco2.ingest.drivers.driver import Bench
from soilco2.ingest.simulate.faults import Fault, Kind
from soilco2.ingest.simulate.faulty import Ailments, FarLine, faults_of, unplugging
from soilco2.ingest.simulate.line import Piece, PtyLine
from soilco2.ingest.simulate.replay import Feed
from soilco2.station_config.catalogue.line_pattern import ADDRESS, pattern
from soilco2.station_config.catalogue.probe import ChannelSpec
from soilco2.station_config.connections.ascii_model import AsciiModel
from soilco2.station_config.connections.serial_ascii import SerialAsciiConnection, address_of
from soilco2.station_config.tables.instrument import Instrument

_NONE = "****.*"
"""How an instrument writes that it has no value (Vaisala M210855EN, FORM)."""
_EACH_S = 1.0
"""Time between the lines of an instrument that sends by itself [s]."""
_STRAY = ("\0", "\xff", "\0\xffU")


def word(spec: ChannelSpec, raw: float | None) -> str:
    """A raw number as an instrument writes it: as many decimals as it resolves."""
    if raw is None or not math.isfinite(raw):
        return _NONE
    step = abs((spec.resolution or 0.01) / spec.scale)
    return f"{raw:.{max(0, -math.floor(math.log10(step) + 1e-9))}f}"


def message(
    model: AsciiModel,
    raws: Mapping[str, float | None],
    *,
    address: str = "0",
    settings: Mapping[str, float] | None = None,
    status: Mapping[str, int] | None = None,
) -> str:
    """The line that an instrument writes when its channels have these raw numbers; settings are the factory's."""
    words = {spec.id: word(spec, raws.get(spec.id)) for spec in model.channel}
    words |= {row.id: f"{(status or {}).get(row.id, 0):X}" for row in model.status}
    words |= {row.id: f"{(settings or {}).get(row.id, row.factory):g}" for row in model.setting}
    return model.written({**words, ADDRESS: address})


class SimulatedInstrument:
    """One instrument: what it says at any slot, and what is wrong with it.

    Parameters
    ----------
    instrument : Instrument
    feed : Feed
        Measured values.
    begun_us : int
        When the simulation began on the schedule clock [µs UTC]: the start of faults without one.
    faults : sequence of Fault
        Those of this instrument.
    """

    def __init__(
        self, instrument: Instrument, feed: Feed, begun_us: int, faults: Sequence[Fault] = ()
    ) -> None:
        self.instrument = instrument
        model = feed.deployments.models[instrument.model_key]
        assert isinstance(model, AsciiModel)
        self.model: AsciiModel = model
        self.address = address_of(instrument, model)
        self._ailments = Ailments(instrument, feed, begun_us, faults, model.channel)
        self.active = self._ailments.active
        self._powered = True
        self._formed = True

    def silent(self, now_us: int) -> bool:
        """Whether it says nothing at all; what has no power forgets its set-up."""
        if self._ailments.unpowered(now_us):
            self._powered = self._formed = False
        return self._ailments.silent(now_us)

    def banner(self, now_us: int) -> str:
        """The line it says when its power has come back; empty otherwise."""
        if self.silent(now_us) or self._powered:
            return ""
        self._powered = True
        return self.model.banner or ""

    def message(self, now_us: int) -> str:
        """The line with its reading."""
        slot = self._ailments.slot(now_us)
        raws = self._ailments.raws(slot)
        if not self._formed and self.model.setup:
            first = self.model.channel[0]
            return f"{first.id} {word(first, raws.get(first.id))}"
        flooded = self.active(Kind.FLOOD, slot) is not None
        status = {row.id: row.bits[0].mask for row in self.model.status} if flooded else {}
        settings = {} if self.active(Kind.BROWN_OUT, slot) else self.instrument.settings
        return message(self.model, raws, address=self.address, settings=settings, status=status)

    def command(self, text: str) -> str:
        """A command of its catalogue file as it hears it."""
        return pattern(text).render({ADDRESS: self.address})

    def opens(self, heard: str) -> bool:
        """Whether a command turns to this instrument."""
        texts = (*self.model.setup, *self.model.ask_settings, *self.model.set_address, *self.model.set_line)
        return any(ADDRESS in pattern(text).names and heard == self.command(text) for text in texts)

    def answer(self, heard: str, now_us: int, opened: bool = True) -> list[str]:
        """The lines that answer what it heard; none where it is not meant.

        Parameters
        ----------
        opened : bool
            Whether commands without an address are for it.
        """
        model = self.model
        if self.silent(now_us):
            return []
        if model.request is not None and heard == self.command(model.request):
            return [self.message(now_us)]
        if model.identify is not None and heard == self.command(model.identify):
            return [f"{model.identity} / 1.00", f"{'Address':12}: {self.address}"]
        if not opened:
            return []
        if heard in map(self.command, model.setup):
            self._formed = self._formed or heard == self.command(model.setup[-1])
            return ["OK"]
        if heard in map(self.command, model.ask_settings):
            return [self._setting(row.name, row.id) for row in model.setting if row.name is not None]
        for text in model.set_address:
            found = pattern(text).match(heard)
            if found is not None:
                if "new" in found[1]:
                    self.address = heard[slice(*found[1]["new"])]
                return [f"{'Address':12}: {self.address}"]
        return ["OK"] if any(pattern(text).match(heard) for text in model.set_line) else []

    def _setting(self, name: str, setting: str) -> str:
        row = next(row for row in self.model.setting if row.id == setting)
        value = self.instrument.settings.get(setting, row.factory)
        words = {number: text for text, number in row.words.items()}
        return f"{name:12}: {words.get(value, f'{value:g}')}"


class SimulatedAsciiLine(FarLine):
    """A line with simulated instruments.

    Parameters
    ----------
    connection : SerialAsciiConnection
        `port` is the link to be made.
    instruments : sequence of SimulatedInstrument
    clock : Clock
        The schedule clock.
    faults : sequence of Fault
        Those of the line itself: unplugging.
    """

    def __init__(
        self,
        connection: SerialAsciiConnection,
        instruments: Sequence[SimulatedInstrument],
        clock: Clock,
        faults: Sequence[Fault] = (),
    ) -> None:
        super().__init__(clock, faults)
        self.instruments = list(instruments)
        self._answers = 0
        self._next = 0.0
        self._opened: SimulatedInstrument | None = self.instruments[0] if len(self.instruments) == 1 else None
        self.line: PtyLine = PtyLine(connection.port, self._respond, parse=command)

    @classmethod
    def of(cls, bench: Bench) -> SimulatedAsciiLine:
        """The far end of a connection; its line is there at once."""
        now = bench.clock.now_us()
        instruments = [
            SimulatedInstrument(row, bench.feed, now, faults_of(bench, row.serial))
            for row in bench.instruments
        ]
        return cls(bench.connection, instruments, bench.clock, unplugging(bench))

    def tick(self) -> None:
        """Pull or put in the adapter as the schedule wants it; let instruments say what nobody asked for."""
        super().tick()
        if self.pulled():
            return
        now = self._clock.now_us()
        due = monotonic() >= self._next
        if due:
            self._next = monotonic() + _EACH_S
        for one in self.instruments:
            if text := one.banner(now):
                self.line.say(_line(text))
            if due and one.model.streams and not one.silent(now):
                self.line.say(self._on_the_line(one, one.message(now), now))

    def _respond(self, heard: str, _foreign: int) -> Iterable[Piece]:
        now = self._clock.now_us()
        self._opened = next((one for one in self.instruments if one.opens(heard)), self._opened)
        for one in self.instruments:
            for text in one.answer(heard, now, one is self._opened):
                yield 0.0, self._on_the_line(one, text, now)
                if one.active(Kind.ADDRESS_CLASH, now):
                    yield 0.0, self._on_the_line(one, text, now)

    def _on_the_line(self, one: SimulatedInstrument, text: str, now_us: int) -> bytes:
        """A line as it arrives: with stray bytes around, and every third one damaged, where that is its fault."""
        if not one.active(Kind.NOISE, now_us):
            return _line(text)
        self._answers += 1
        stray = _STRAY[self._answers % len(_STRAY)]
        if self._answers % 3 == 0:
            at = self._answers % len(text)
            text = text[:at] + chr(ord(text[at]) ^ 0x55) + text[at + 1 :]
        return stray.encode("latin-1") + _line(text) + stray.encode("latin-1")


def _line(text: str) -> bytes:
    return f"{text}\r\n".encode("latin-1")


def command(heard: bytes) -> tuple[str | None, bytes, int]:
    """The first command in what was heard, and what follows it."""
    ends = [at for at in (heard.find(b"\r"), heard.find(b"\n")) if at >= 0]
    if not ends:
        return None, heard, 0
    text = heard[: min(ends)].decode("latin-1").strip()
    rest = heard[min(ends) + 1 :]
    return (text, rest, 0) if text else command(rest)
