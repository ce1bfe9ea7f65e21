"""What is wrong with a simulated instrument that is asked, and with its line, as the schedule wants it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from soilco2.ingest.clock.clock import Clock
from soilco2.ingest.drivers.driver import Bench
from soilco2.ingest.simulate.faults import DRIFT_PER_DAY, POROSITY, Fault, Kind
from soilco2.ingest.simulate.replay import Feed, probe_raws
from soilco2.station_config.catalogue.probe import ChannelSpec
from soilco2.station_config.tables.instrument import Instrument
from soilco2.station_config.times import DAY_US


class Ailments:
    """The faults of one instrument: which hold when, and what they do to its numbers.

    Parameters
    ----------
    instrument : Instrument
    feed : Feed
        Measured values.
    begun_us : int
        When the simulation began on the schedule clock [µs UTC]: the start of faults without one.
    faults : sequence of Fault
    channels : sequence of ChannelSpec
        Those that it has sensors for.
    """

    def __init__(
        self,
        instrument: Instrument,
        feed: Feed,
        begun_us: int,
        faults: Sequence[Fault],
        channels: Sequence[ChannelSpec],
    ) -> None:
        self.interval_us = round(instrument.interval * 1e6)
        self._instrument = instrument
        self._feed = feed
        self._begun_us = begun_us
        self._faults = faults
        self._channels = channels

    def slot(self, now_us: int) -> int:
        """The slot that `now_us` lies in [µs UTC]."""
        return now_us // self.interval_us * self.interval_us

    def active(self, kind: Kind, time_us: int) -> Fault | None:
        """The fault of this kind that holds at a moment [µs UTC]."""
        return next((row for row in self._faults if row.kind is kind and row.active(time_us)), None)

    def began(self, fault: Fault) -> int:
        """The slot that a fault began in [µs UTC]."""
        return self.slot(self._begun_us if fault.start_us is None else fault.start_us)

    def unpowered(self, now_us: int) -> bool:
        """Whether it has no power."""
        fault = self.active(Kind.BROWN_OUT, now_us)
        return fault is not None and now_us < self.began(fault) + self.interval_us

    def silent(self, now_us: int) -> bool:
        """Whether it does not answer at all."""
        return self.active(Kind.SILENCE, now_us) is not None or self.unpowered(now_us)

    def raws(self, slot_us: int, at_us: int | None = None) -> dict[str, float | None]:
        """Raw number by channel of a slot, as the faults want it that hold at `at_us`, or at the slot [µs UTC]."""
        at = slot_us if at_us is None else at_us
        found = dict(probe_raws(self._feed, self._instrument, slot_us))
        if fault := self.active(Kind.STUCK, at):
            found.update(probe_raws(self._feed, self._instrument, self.began(fault)))
        if fault := self.active(Kind.DRIFT, at):
            growth = 1.0 + DRIFT_PER_DAY * (slot_us - self.began(fault)) / DAY_US
            found.update({name: raw * growth for name, raw in found.items() if raw is not None})
        if fault := self.active(Kind.FLOOD, at):
            before = probe_raws(self._feed, self._instrument, self.began(fault))
            for spec in self._channels:
                known = self._feed.deployments.channel(self._instrument.serial, spec.id)
                if spec.variable == "soil_water" and known is not None:
                    found[spec.id] = (POROSITY - known.b) / known.a
                elif spec.variable == "co2":
                    found[spec.id] = before[spec.id]
        return found


def faults_of(bench: Bench, serial: str) -> list[Fault]:
    """The faults that hit an instrument."""
    return [fault for fault, serials in bench.faults if serial in serials]


def unplugging(bench: Bench) -> list[Fault]:
    """The faults of the line itself."""
    return [fault for fault, _ in bench.faults if fault.kind is Kind.UNPLUG]


class Wire(Protocol):
    """What carries requests to instruments and answers back."""

    @property
    def link(self) -> object:
        """Where it is found, for people."""
        ...

    def speed(self) -> int | None:
        """The speed that whoever asks has set [Bd]; None where it is not known."""
        ...

    def plug(self) -> None:
        """Let it carry."""
        ...

    def unplug(self) -> None:
        """Let it carry nothing: whoever uses it loses it."""
        ...

    def stop(self) -> None:
        """Take it away."""
        ...


class FarLine:
    """A line whose adapter is pulled and put back as the schedule wants it; what answers on it is the subclass's.

    Parameters
    ----------
    clock : Clock
        The schedule clock.
    pulled : sequence of Fault
        When it is pulled.
    """

    line: Wire

    def __init__(self, clock: Clock, pulled: Sequence[Fault]) -> None:
        self.failure: Exception | None = None
        self._clock = clock
        self._pulled = pulled

    @property
    def place(self) -> tuple[str, str]:
        """The port that was made."""
        return "ports", str(self.line.link)

    def start(self) -> None:
        """Nothing more is needed."""

    def tick(self) -> None:
        """Pull or put in the adapter as the schedule wants it."""
        if self.pulled():
            self.line.unplug()
        else:
            self.line.plug()

    def pulled(self) -> bool:
        """Whether it is pulled now."""
        now = self._clock.now_us()
        return any(fault.active(now) for fault in self._pulled)

    def stop(self) -> None:
        """Take the line away."""
        self.line.stop()
