"""What each simulated instrument says at each slot, from measured data.

A channel takes the series of its variable at the place where the station file has it installed: the plot that
its profile is named after (``p004`` or ``004`` for plot ``004``) and the sensor within one centimetre of its
depth. A station whose profiles are named otherwise takes the plots in their order and the sensor nearest in
depth.

The time of a value is the start of the interval it was averaged over. In a gap the device says that it has
no value, in its own way: NaN or a sentinel in its registers, null in its message.

Bulk conductivity
-----------------
Where the data have none it is modelled from the measured water content and temperature of the same place, and
station file, page and exports call it modelled. Mualem & Friedman (1991, https://doi.org/10.1029/91WR01095)
relate bulk to pore-water conductivity in a coarse soil by ``EC = EC_w θ^2.5 / θ_s``. The salt of the
saturated paste, dissolved in less water, gives ``EC_w = EC_e θ_s / θ``, so that ``EC = EC_e θ^1.5`` at
25 °C; the probe reads it at soil temperature, ``1 + 0.0191 (T - 25)``, the inverse of the correction in
`soilco2.station_config.tables.quality`. ``EC_e`` is 2.13 dS/m, measured on the saturated paste of horizon A1
in the site's pit (NEON DP1.00096.001) and taken for the whole profile.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from soilco2.ingest.clock.system import SystemClock
from soilco2.ingest.drivers.driver import Driver
from soilco2.ingest.drivers.registry import driver_of
from soilco2.ingest.drivers.sample import Arrival, sample_of
from soilco2.ingest.protocols.reading import Reading
from soilco2.ingest.simulate.measured import SITE, Measured, SensorKey, load_measured
from soilco2.quality.records import Sample
from soilco2.station_config.connections.registry import kind_at
from soilco2.station_config.deployments import Deployments
from soilco2.station_config.loader import Station
from soilco2.station_config.message import Message
from soilco2.station_config.tables.instrument import Instrument

EC_PASTE = 2.13
"""Conductivity of the saturated paste, horizon A1 of the SJER pit [dS/m at 25 °C]."""
EC_COEFFICIENT = 0.0191
"""Relative change of conductivity with temperature [1/K]."""


def modelled_ec(water: float, temperature: float) -> float:
    """Bulk conductivity at soil temperature [dS/m] from water content [m3/m3] and temperature [degC].

    Mualem & Friedman (1991), https://doi.org/10.1029/91WR01095, with the salt of the saturated paste.
    """
    at_25 = EC_PASTE * math.pow(max(water, 0.0), 1.5)
    return round(max(at_25 * (1.0 + EC_COEFFICIENT * (temperature - 25.0)), 0.0), 6)


@dataclass
class Feed:
    """Measured values for the channels of a station.

    Parameters
    ----------
    deployments : Deployments
    data : Measured
    repeat : bool
        Repeat the data for ever, by whole multiples of their length, so that the time of day stays; otherwise
        there is nothing before and after them.
    """

    deployments: Deployments
    data: Measured
    repeat: bool = False
    _plots: dict[str, str] = field(default_factory=dict, init=False)
    _sources: dict[tuple[str, str, str], SensorKey | None] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        free = self.data.profiles
        names = [profile.id for profile in self.deployments.file.profile]
        for name in names:
            if plot := next((plot for plot in free if name == plot or name.endswith(plot)), None):
                self._plots[name] = plot
        rest = [plot for plot in free if plot not in self._plots.values()] or free
        for number, name in enumerate(name for name in names if name not in self._plots):
            if rest:
                self._plots[name] = rest[number % len(rest)]

    def source(self, profile: str, position: str, variable: str) -> SensorKey | None:
        """The series that stands in for a place of the station; None when there is none."""
        asked = (profile, position, variable)
        if asked not in self._sources:
            plot = SITE if profile == SITE else self._plots.get(profile, "")
            named = profile == SITE or profile.endswith(plot)
            depth = None if profile == SITE else self.deployments.depth_at(profile, position)
            found = self.data.find(plot, variable, depth, exact=named)
            self._sources[asked] = found if found is not None and self.data.has(found) else None
        return self._sources[asked]

    def _place(self, serial: str, channel: str, time_us: int) -> tuple[str, str, str] | None:
        series = self.deployments.series_at(serial, channel, time_us)
        return None if series is None else series[1:]

    def told_by(self, serial: str, channel: str, time_us: int) -> Message:
        """Where a channel's numbers come from, in words; empty when nothing is known."""
        place = self._place(serial, channel, time_us)
        if place is None:
            return Message.of("")
        found = self.source(*place)
        if found is not None:
            return Message.of(found)
        parents = self._ec_parents(place)
        if parents is None:
            return Message.of("")
        return Message("modelled from {water} and {temperature}", water=parents[0], temperature=parents[1])

    def _ec_parents(self, place: tuple[str, str, str]) -> tuple[SensorKey, SensorKey] | None:
        if place[2] != "bulk_ec":
            return None
        water = self.source(place[0], place[1], "soil_water")
        temperature = self.source(place[0], place[1], "soil_temperature")
        return None if water is None or temperature is None else (water, temperature)

    def _data_time(self, time_us: int) -> int:
        if not self.repeat:
            return time_us
        return self.data.first_us + (time_us - self.data.first_us) % (self.data.end_us - self.data.first_us)

    def value(self, serial: str, channel: str, time_us: int) -> float | None:
        """The value of a channel at a slot [µs UTC], in the canonical unit; None when there is none."""
        place = self._place(serial, channel, time_us)
        if place is None:
            return None
        at = self._data_time(time_us)
        found = self.source(*place)
        if found is not None:
            return self.data.value(found, at)
        if (parents := self._ec_parents(place)) is None:
            return None
        water, temperature = (self.data.value(key, at) for key in parents)
        return None if water is None or temperature is None else modelled_ec(water, temperature)

    def raw(self, serial: str, channel: str, time_us: int) -> float | None:
        """The same as the device's raw number, before it is rounded to the register."""
        value = self.value(serial, channel, time_us)
        known = self.deployments.channel(serial, channel)
        if value is None or known is None:
            return None
        return (value - known.b) / known.a


def slots(interval_us: int, start_us: int, end_us: int) -> Iterator[int]:
    """The slots of an interval with ``start_us <= slot < end_us`` [µs UTC]."""
    yield from range(-(-start_us // interval_us) * interval_us, end_us, interval_us)


def backfill_samples(
    station: Station,
    start_us: int,
    end_us: int,
    *,
    data: Path | None = None,
    source: str = "backfill",
) -> Iterator[list[Sample]]:
    """The samples that the station's instruments would have given, slot by slot, oldest first.

    Numbers of Modbus probes go through their register map and back, so they are what a read would have given.

    Parameters
    ----------
    station : Station
    start_us, end_us : int
        First slot and end, exclusive [µs UTC].
    data : Path, optional
        Measured data; SJER June 2022 when left out.
    source : str
        Source of the samples.

    Yields
    ------
    list of Sample
        Those of one slot; slots without any are left out.
    """
    feed = Feed(station.deployments, load_measured(data, station.variables))
    clock = SystemClock()
    streams = [_numbered(row, number, start_us, end_us) for number, row in enumerate(station.file.instrument)]
    batch: list[Sample] = []
    now = -1
    for slot, number in heapq.merge(*streams):
        if slot != now and batch:
            yield batch
            batch = []
        now = slot
        instrument = station.file.instrument[number]
        arrival, mono = clock.now_us(), clock.mono_us()
        for row in readings_at(feed, instrument, slot):
            came = Arrival(arrival, mono, clock.boot_id, source)
            batch.append(
                sample_of(instrument.serial, row.channel, slot, row.raw, row.status, None, came, row.said)
            )
    if batch:
        yield batch


def _numbered(instrument: Instrument, number: int, start_us: int, end_us: int) -> Iterator[tuple[int, int]]:
    for slot in slots(round(instrument.interval * 1e6), start_us, end_us):
        yield slot, number


def readings_at(feed: Feed, instrument: Instrument, slot_us: int) -> list[Reading]:
    """What an instrument says at a slot [µs UTC]; nothing where it is not to be read."""
    model = feed.deployments.models[instrument.model_key]
    if not feed.deployments.active(instrument.serial, slot_us):
        return []
    kind = kind_at(feed.deployments.file.connection, instrument.connection)
    driver: Driver = driver_of(kind)
    raws = {
        spec.id: feed.raw(instrument.serial, spec.id, slot_us)
        for spec in model.used(instrument.channels)
        if not kind.open_ended or feed.told_by(instrument.serial, spec.id, slot_us)
    }
    return driver.simulated(model, instrument.channels, raws)


def probe_raws(feed: Feed, instrument: Instrument, slot_us: int) -> Mapping[str, float | None]:
    """Raw number by channel of a Modbus probe at a slot [µs UTC]."""
    model = feed.deployments.models[instrument.model_key]
    return {spec.id: feed.raw(instrument.serial, spec.id, slot_us) for spec in model.channel}
