"""Everything that judging needs of a channel while something holds, made once from the station file.

A `ChannelPlan` holds for a channel at one place; a `Plan` adds what changes there by date: calibration and flags set
by hand. Both are frozen and know nothing of samples, so one `StationPlan` serves the live stream and every
recomputation until the station file or the layer of flags changes.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

from soilco2.quality import checks, corrections
from soilco2.quality.believed import believed, compensated_by
from soilco2.quality.checks import Extra, Jumps, Remembers, reach_us
from soilco2.quality.limits import Band, jumping, reading_band, remembering, site_limits, value_band
from soilco2.quality.records import Flag, SeriesKey
from soilco2.quality.rivals import Rank, Ranks
from soilco2.station_config.base import moment_us
from soilco2.station_config.catalogue.probe import StatusBits
from soilco2.station_config.connections.registry import kind_of
from soilco2.station_config.deployments import IMPORT, Channel, Deployments
from soilco2.station_config.tables.instrument import Instrument

_T = TypeVar("_T")

_BEGINNING = -(1 << 62)


class ManualFlag(NamedTuple):
    """A flag set by hand from `from_us` until `until_us` (exclusive; None: open) [µs UTC]."""

    series: SeriesKey
    from_us: int
    until_us: int | None
    flag: int
    who: str
    why: str
    event_id: int


class ToldSettings(NamedTuple):
    """What an instrument told of its settings, by their ids, from `from_us` on [µs UTC]."""

    serial: str
    from_us: int
    values: Mapping[str, float]


class Timeline(Generic[_T]):
    """A function of time that changes at known moments.

    Parameters
    ----------
    moments : iterable of int
        When it may change [µs UTC].
    value : callable
        What holds from a moment on.
    """

    __slots__ = ("times", "values")

    def __init__(self, moments: Iterable[int], value: Callable[[int], _T]) -> None:
        self.times = tuple(sorted(set(moments)))
        self.values = tuple(value(at) for at in (_BEGINNING, *self.times))
        """One more than `times`: `values[i]` holds before `times[i]`."""

    def at(self, time_us: int) -> _T:
        """The value at a time [µs UTC]."""
        return self.values[bisect_right(self.times, time_us)]


class CompanionPlan(NamedTuple):
    """A series that corrects another, and how long one of its values speaks for it [µs]."""

    series: SeriesKey
    reach_us: int


class CompensationPlan(NamedTuple):
    """What corrects a CO2 reading: a companion where the probe does not compensate itself, and its references."""

    pressure: CompanionPlan | None
    reference_hpa: float
    standard_hpa: float
    temperature: CompanionPlan | None
    reference_degc: float


class DerivedPlan(NamedTuple):
    """A series computed from others: its key, its limits, its flags set by hand."""

    series: SeriesKey
    band: Band
    manual: Timeline[Extra]


class ConductivityPlan(NamedTuple):
    """What is made of bulk conductivity.

    Parameters
    ----------
    ec25, salinity : DerivedPlan or None
        The series wanted.
    temperature : CompanionPlan
    water : CompanionPlan or None
        Soil water of the position; None where it is not measured or no salinity is wanted.
    device_coefficient : float or None
        Temperature coefficient that the probe itself applies [1/K]; 0: none, None: not known.
    coefficient : float
        The one applied here [1/K].
    factor : float or None
        Salinity per conductivity [mg/L per µS/cm].
    least_water, least_ec25 : float
        Below these no salinity is made [m³/m³, dS/m].
    """

    ec25: DerivedPlan | None
    salinity: DerivedPlan | None
    temperature: CompanionPlan
    water: CompanionPlan | None
    device_coefficient: float | None
    coefficient: float
    factor: float | None
    least_water: float
    least_ec25: float

    @property
    def companions(self) -> tuple[CompanionPlan, ...]:
        """The series that it needs."""
        found = () if self.device_coefficient else (self.temperature,)
        return found if self.water is None else (*found, self.water)


class FramePlan(NamedTuple):
    """Channels whose numbers come in one answer: an instrument's serial, a name, how many, their reach [µs]."""

    serial: str
    name: str
    size: int
    reach_us: int


@dataclass(frozen=True, slots=True, eq=False)
class ChannelPlan:
    """How a channel is judged while it gives one series.

    Parameters
    ----------
    series : SeriesKey
    name : str
        Of the channel.
    frame : FramePlan or None
        What its number comes in together with others.
    a, b : float
        ``reading = a · raw + b`` in the variable's canonical unit.
    decode : callable or None
        From registers as on the wire to the raw number; see `soilco2.station_config.deployments.Channel`.
    sentinels : frozenset of float
        Raw numbers that mean that there is no value.
    status : tuple of StatusBits
        The status words that judge it.
    probe_band, band : Band
        Limits on the reading and on the value.
    tests : tuple of callable
        Each makes a test that looks back, with its settings.
    jumps : tuple of callable
        Each makes a test for jumps.
    compensation : CompensationPlan or None
    conductivity : ConductivityPlan or None
    """

    series: SeriesKey
    name: str
    frame: FramePlan | None
    a: float
    b: float
    decode: Callable[[bytes], float] | None
    sentinels: frozenset[float]
    status: tuple[StatusBits, ...]
    probe_band: Band
    band: Band
    tests: tuple[Callable[[], Remembers], ...]
    jumps: tuple[Callable[[], Jumps], ...]
    compensation: CompensationPlan | None
    conductivity: ConductivityPlan | None

    @property
    def lookback_us(self) -> int:
        """How far back its tests look [µs]; what another test speaks against is no witness for jumps."""
        back = max((make().lookback_us for make in self.tests), default=0)
        if self.frame is not None:
            back = max(back, self.frame.reach_us)
        return back + max((make().lookback_us for make in self.jumps), default=0)

    @property
    def lookahead_us(self) -> int:
        """How much later a reading can change what was said of an earlier one [µs]."""
        return max((make().lookahead_us for make in self.jumps), default=0)

    @property
    def companions(self) -> tuple[CompanionPlan, ...]:
        """The series that correct what it gives."""
        found: list[CompanionPlan | None] = []
        if self.compensation is not None:
            found += (self.compensation.pressure, self.compensation.temperature)
        if self.conductivity is not None:
            found += self.conductivity.companions
        return tuple(row for row in found if row is not None)

    @property
    def gives(self) -> tuple[SeriesKey, ...]:
        """Its series, and those made of it."""
        derived = () if self.conductivity is None else (self.conductivity.ec25, self.conductivity.salinity)
        return (self.series, *(row.series for row in derived if row is not None))


class Plan(NamedTuple):
    """What holds for a channel between two dates.

    Parameters
    ----------
    channel : ChannelPlan
    calibrated : bool
    gain, offset : float
        Of the calibration that applies.
    mask : int
        Bits of tests that fail whatever the reading.
    manual : Extra
        Flags set by hand.
    reference_hpa : float or None
        Pressure that the probe told to compute a CO2 reading for [hPa]; None: it told nothing.
    """

    channel: ChannelPlan
    calibrated: bool
    gain: float
    offset: float
    mask: int
    manual: Extra
    reference_hpa: float | None


NOWHERE: Timeline[Plan | None] = Timeline((), lambda _: None)
"""Of a channel that the station does not know."""


class StationPlan:
    """The plans of a station's channels.

    Parameters
    ----------
    deployments : Deployments
        What follows from the station file; asked once a channel, never while samples are judged.
    config : str
        Names the configuration in every observation.
    manual : sequence of ManualFlag
        The layer of flags set by hand.
    told : sequence of ToldSettings
        What instruments told of their settings, in the order of time.

    Attributes
    ----------
    lookback_us : int
        How far back a value depends on samples [µs]: the longest look-back of the tests of a channel, and the longest
        reach of a companion on top of it.
    lookahead_us : int
        How much later a sample may change a value [µs]: a spike is known by the reading that comes back.
    ranks : Ranks
        Of what brings samples.
    """

    def __init__(
        self,
        deployments: Deployments,
        config: str,
        manual: Sequence[ManualFlag] = (),
        told: Sequence[ToldSettings] = (),
    ) -> None:
        self._deployments = deployments
        self.config = config
        self._told: dict[str, list[ToldSettings]] = {}
        for settings in told:
            self._told.setdefault(settings.serial, []).append(settings)
        self._manual: dict[SeriesKey, list[ManualFlag]] = {}
        for row in manual:
            self._manual.setdefault(SeriesKey(*row.series), []).append(row)
        self._channels: dict[tuple[str, str, SeriesKey], ChannelPlan] = {}
        self._timelines: dict[tuple[str, str], Timeline[Plan | None]] = {}
        self.lookback_us, self.lookahead_us = _looks_us(deployments)
        self.ranks = Ranks(
            {row.id: Rank[row.rank.upper()] for row in deployments.file.connection},
            tables=IMPORT,
            files=frozenset(row.id for row in deployments.file.connection if kind_of(row).contract == "file"),
        )
        for instrument in deployments.file.instrument:
            for channel in deployments.channels_of(instrument.serial):
                self.of(*channel.key)
        self.known = tuple(self._timelines)
        """Serial and channel of everything in the station file; imported tables come on top."""

    def of(self, serial: str, name: str) -> Timeline[Plan | None]:
        """The plans of a channel by time; None where it is not installed."""
        found = self._timelines.get((serial, name))
        if found is None:
            channel = self._deployments.channel(serial, name)
            found = NOWHERE if channel is None else self._timeline(channel)
            if channel is not None:
                self._timelines[serial, name] = found
        return found

    def _timeline(self, channel: Channel) -> Timeline[Plan | None]:
        """When place, calibration and manual flags of a channel change, and to what."""
        key, instrument, zone = channel.key, channel.instrument, self._deployments.zone
        moments: list[int] = []
        if instrument is not None:
            for place in instrument.installation:
                ends = (place.from_, place.until)
                moments += [moment_us(at, zone) for at in ends if at is not None]
            for row in instrument.calibration:
                if row.channel == key[1]:
                    valid = moment_us(row.valid_from, zone)
                    due = self._deployments.calibration_due(*key, valid)
                    moments += [valid] if due is None else [valid, due]
            if channel.variable == "co2":
                moments += [row.from_us for row in self._told.get(key[0], ())]
        for series, rows in self._manual.items():
            if series.variable == channel.variable:
                moments += _ends(rows)
        return Timeline(moments, lambda time_us: self._plan(channel, time_us))

    def _plan(self, channel: Channel, time_us: int) -> Plan | None:
        key = channel.key
        found = self._deployments.series_at(*key, time_us)
        if found is None:
            return None
        series = SeriesKey(*found)
        here = self._channels.get((*key, series))
        if here is None:
            here = self._channels[(*key, series)] = self._channel_plan(channel, series)
        mask = 0
        calibration = self._deployments.calibration_at(*key, time_us)
        due = self._deployments.calibration_due(*key, time_us)
        if due is not None and time_us >= due:
            mask |= checks.CALIBRATION_OVERDUE
        reference_hpa = None
        if channel.instrument is not None and channel.variable == "co2":
            told = [row.values for row in self._told.get(key[0], ()) if row.from_us <= time_us]
            reference_hpa, bits = believed(channel, told[-1] if told else {})
            mask |= bits
        gain, offset = (1.0, 0.0) if calibration is None else (calibration.gain, calibration.offset)
        manual = self._manual_at(series, time_us)
        return Plan(here, calibration is not None, gain, offset, mask, manual, reference_hpa)

    def _manual_at(self, series: SeriesKey, time_us: int) -> Extra:
        rows = self._manual.get(series, ())
        return tuple(
            (Flag(row.flag), checks.MANUAL)
            for row in rows
            if row.from_us <= time_us and (row.until_us is None or time_us < row.until_us)
        )

    def _channel_plan(self, channel: Channel, series: SeriesKey) -> ChannelPlan:
        spec, instrument = channel.spec, channel.instrument
        site = site_limits(self._deployments.file.quality.limits, series)
        period_s = warm_up_s = compensation = conductivity = None
        if instrument is not None:
            period_s, warm_up_s = instrument.interval, _warm_up(self._deployments, instrument)
            if channel.variable == "co2":
                compensation = self._compensation(channel, series)
            if channel.variable == "bulk_ec":
                conductivity = self._conductivity(series, instrument.serial)
        return ChannelPlan(
            series,
            spec.id,
            self._frame(channel),
            channel.a,
            channel.b,
            channel.decode,
            frozenset(spec.sentinels),
            tuple(row for row in channel.model.status if not row.channels or spec.id in row.channels),
            reading_band(spec, channel.a, channel.b),
            value_band(self._deployments.variables[series.variable], site),
            remembering(site, period_s, warm_up_s),
            jumping(site, period_s),
            compensation,
            conductivity,
        )

    def _frame(self, channel: Channel) -> FramePlan | None:
        name = channel.model.frame(channel.spec)
        if name is None or channel.instrument is None:
            return None
        serial = channel.instrument.serial
        size = sum(row.model.frame(row.spec) == name for row in self._deployments.channels_of(serial))
        return None if size < 2 else FramePlan(serial, name, size, reach_us(channel.instrument.interval))

    def _companion(self, series: SeriesKey) -> CompanionPlan:
        return CompanionPlan(series, reach_us(self._deployments.period_s(series)))

    def _compensation(self, channel: Channel, series: SeriesKey) -> CompensationPlan | None:
        by_pressure, by_temperature = compensated_by(channel)
        if by_pressure != "none" and by_temperature != "none":
            return None
        pressure = temperature = None
        if by_pressure == "none":
            pressure = self._companion(SeriesKey(series.station, "site", "", "air_pressure"))
        if by_temperature == "none":
            temperature = self._companion(self._temperature_beside(series))
        own = None if channel.instrument is None else channel.instrument.compensation
        hpa = own.reference_pressure_hpa if own is not None else None
        degc = own.reference_temperature_degc if own is not None else None
        hpa = channel.spec.reference_pressure_hpa if hpa is None else hpa
        degc = channel.spec.reference_temperature_degc if degc is None else degc
        return CompensationPlan(
            pressure,
            corrections.STANDARD_PRESSURE_HPA if hpa is None else hpa,
            self._deployments.standard_pressure_hpa,
            temperature,
            corrections.STANDARD_TEMPERATURE_DEGC if degc is None else degc,
        )

    def _temperature_beside(self, series: SeriesKey) -> SeriesKey:
        """The temperature of the same position; above ground else the site's air temperature."""
        known = set(self._deployments.series())
        depth = self._deployments.depth_at(series.profile, series.position)
        soil = series._replace(variable="soil_temperature")
        if depth is not None and depth >= 0.0:
            return soil
        air = series._replace(variable="air_temperature")
        site = SeriesKey(series.station, "site", "", "air_temperature")
        return next((choice for choice in (air, soil, site) if choice in known), site)

    def _conductivity(self, series: SeriesKey, serial: str) -> ConductivityPlan | None:
        deployments = self._deployments
        wanted: dict[str, DerivedPlan] = {}
        for name in ("ec25", "salinity"):
            derived = series._replace(variable=name)
            if derived in deployments.derived:
                site = site_limits(deployments.file.quality.limits, derived)
                wanted[name] = DerivedPlan(
                    derived, value_band(deployments.variables[name], site), self._manual_of(derived)
                )
        if not wanted:
            return None
        water = series._replace(variable="soil_water")
        return ConductivityPlan(
            wanted.get("ec25"),
            wanted.get("salinity"),
            self._companion(series._replace(variable="soil_temperature")),
            self._companion(water) if "salinity" in wanted and water in deployments.series() else None,
            deployments.ec_coefficient(serial),
            deployments.file.quality.ec_coefficient,
            deployments.salinity_factor(serial),
            deployments.file.quality.salinity_least_water,
            deployments.file.quality.salinity_least_ec25,
        )

    def _manual_of(self, series: SeriesKey) -> Timeline[Extra]:
        return Timeline(_ends(self._manual.get(series, ())), lambda at: self._manual_at(series, at))


def _looks_us(deployments: Deployments) -> tuple[int, int]:
    """How far back and ahead the value of a channel depends on samples [µs]."""
    file = deployments.file
    limits = [row.model_dump(exclude_defaults=True) for row in file.quality.limits] or [{}]
    longest = ahead = 0
    reach = reach_us(None)
    for instrument in (*file.instrument, None):
        period = None if instrument is None else instrument.interval
        warm_up = None if instrument is None else _warm_up(deployments, instrument)
        reach = max(reach, reach_us(period))
        framed = instrument is not None and any(
            row.model.frame(row.spec) is not None for row in deployments.channels_of(instrument.serial)
        )
        for row in limits:
            jumps = [make() for make in jumping(row, period)]
            tests = [make().lookback_us for make in remembering(row, period, warm_up)]
            if framed:
                tests.append(reach_us(period))
            # what another test speaks against is no witness for jumps: one looks back on the other
            back = max(tests, default=0) + max((test.lookback_us for test in jumps), default=0)
            longest = max(longest, back)
            ahead = max([ahead, *(test.lookahead_us for test in jumps)])
    return longest + reach, ahead


def _warm_up(deployments: Deployments, instrument: Instrument) -> float:
    own = instrument.warm_up
    return own if own is not None else deployments.models[instrument.model_key].warm_up


def _ends(rows: Sequence[ManualFlag]) -> list[int]:
    return [at for row in rows for at in (row.from_us, row.until_us) if at is not None]
