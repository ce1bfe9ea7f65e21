"""What holds when: a channel's place, its calibration and its flags set by hand, and what judges it there."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

from soilco2.quality import checks, corrections
from soilco2.quality.checks import Extra, reach_us
from soilco2.quality.companions import History
from soilco2.quality.records import Flag, SeriesKey
from soilco2.quality.tracks import (
    Compensation,
    Conductivity,
    Derived,
    Epoch,
    Line,
    Track,
    remembering,
    site_limits,
    value_band,
)
from soilco2.station_config.base import moment_us
from soilco2.station_config.deployments import Channel, Deployments
from soilco2.station_config.tables.instrument import Instrument

_T = TypeVar("_T")

_BEGINNING = -(1 << 62)
_END = 1 << 62


class ManualFlag(NamedTuple):
    """A flag set by hand from `from_us` until `until_us` (exclusive; None: open) [µs UTC]."""

    series: SeriesKey
    from_us: int
    until_us: int | None
    flag: int
    who: str
    why: str
    event_id: int


class Steps(Generic[_T]):
    """A function of time that changes at known moments; the value of the last moment asked for is at hand."""

    __slots__ = ("_made", "_make", "_times", "from_us", "until_us", "value")

    def __init__(self, times: Iterable[int], make: Callable[[int], _T]) -> None:
        self._times = sorted(set(times))
        self._make = make
        self._made: dict[int, _T] = {}
        self.from_us = self.until_us = 0
        self.value: _T

    def at(self, time_us: int) -> _T:
        """The value at a time [µs UTC]."""
        if not self.from_us <= time_us < self.until_us:
            index = bisect_right(self._times, time_us)
            self.from_us = self._times[index - 1] if index else _BEGINNING
            self.until_us = self._times[index] if index < len(self._times) else _END
            if index not in self._made:
                self._made[index] = self._make(max(self.from_us, _BEGINNING))
            self.value = self._made[index]
        return self.value


NOWHERE: Steps[Any] = Steps((), lambda _: None)
"""Of a channel that the station does not know."""


class Epochs:
    """The epochs of a station's channels, and the tracks and lines that judge them.

    Parameters
    ----------
    deployments : Deployments
    config_hash : str
        Names the configuration in every observation.
    manual : sequence of ManualFlag

    Attributes
    ----------
    channels : dict
        By serial and channel, the epochs of those that were asked for or are in the station file.
    """

    def __init__(self, deployments: Deployments, config_hash: str, manual: Sequence[ManualFlag]) -> None:
        self._deployments = deployments
        self._config = config_hash
        self._manual: dict[SeriesKey, list[ManualFlag]] = {}
        for row in manual:
            self._manual.setdefault(SeriesKey(*row.series), []).append(row)
        self._lines: dict[SeriesKey, Line] = {}
        self._tracks: dict[tuple[str, str, SeriesKey], Track] = {}
        self.channels: dict[tuple[str, str], Steps[Epoch | None]] = {}
        for instrument in deployments.file.instrument:
            for channel in deployments.channels_of(instrument.serial):
                self._add(channel)

    def add_named(self, serial: str, name: str) -> Steps[Epoch | None]:
        """Take a channel in that is not among `channels` yet."""
        channel = self._deployments.channel(serial, name)
        if channel is not None:
            return self._add(channel)
        self.channels[serial, name] = NOWHERE
        return NOWHERE

    def _add(self, channel: Channel) -> Steps[Epoch | None]:
        """Take a channel in: when its place, its calibration and its manual flags change."""
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
        for series, rows in self._manual.items():
            if series.variable == channel.variable:
                moments += _ends(rows)
        steps = Steps(moments, lambda time_us: self._epoch(channel, time_us))
        for moment in moments:
            steps.at(moment)  # companions must be known before the first sample
        self.channels[key] = steps
        return steps

    def _epoch(self, channel: Channel, time_us: int) -> Epoch | None:
        key = channel.key
        found = self._deployments.series_at(*key, time_us)
        if found is None:
            return None
        series = SeriesKey(*found)
        track = self._tracks.get((*key, series))
        if track is None:
            track = self._tracks[(*key, series)] = self._track(channel, series)
        mask = 0
        calibration = self._deployments.calibration_at(*key, time_us)
        due = self._deployments.calibration_due(*key, time_us)
        if due is not None and time_us >= due:
            mask |= checks.CALIBRATION_OVERDUE
        if channel.instrument is not None and channel.variable == "co2":
            pressure, temperature = _compensated_by(channel)
            if pressure is None or temperature is None:
                mask |= checks.COMPENSATION_UNKNOWN
        gain, offset = (1.0, 0.0) if calibration is None else (calibration.gain, calibration.offset)
        manual = self._manual_at(series, time_us)
        return Epoch(track, calibration is not None, gain, offset, mask, manual)

    def _manual_at(self, series: SeriesKey, time_us: int) -> Extra:
        rows = self._manual.get(series, ())
        return tuple(
            (Flag(row.flag), checks.MANUAL)
            for row in rows
            if row.from_us <= time_us and (row.until_us is None or time_us < row.until_us)
        )

    def _line(self, series: SeriesKey) -> Line:
        found = self._lines.get(series)
        if found is None:
            found = self._lines[series] = Line(series)
        return found

    def _companion(self, series: SeriesKey) -> Line:
        line = self._line(series)
        if line.history is None:
            line.history = History(reach_us(self._deployments.period_s(series)))
        return line

    def _track(self, channel: Channel, series: SeriesKey) -> Track:
        instrument = channel.instrument
        site = site_limits(self._deployments.file.quality.limits, series)
        remembers = remembering(
            site,
            None if instrument is None else instrument.interval,
            None if instrument is None else _warm_up(self._deployments, instrument),
        )
        needs: list[Line] = []
        compensation = None
        if channel.variable == "co2" and instrument is not None:
            compensation = self._compensation(channel, series, needs)
        line = self._line(series)
        track = Track(channel, line, value_band(series, site), remembers, self._config, compensation)
        if track.companions:
            for need in needs:
                need.dependants.append(track)
        if channel.variable == "bulk_ec" and instrument is not None:
            self._derive(track, instrument.serial)
        return track

    def _compensation(self, channel: Channel, series: SeriesKey, needs: list[Line]) -> Compensation | None:
        by_pressure, by_temperature = _compensated_by(channel)
        if by_pressure != "none" and by_temperature != "none":
            return None
        pressure = temperature = None
        if by_pressure == "none":
            needs.append(self._companion(SeriesKey(series.station, "site", "", "air_pressure")))
            pressure = needs[-1].history
        if by_temperature == "none":
            needs.append(self._companion(self._temperature_beside(series)))
            temperature = needs[-1].history
        own = None if channel.instrument is None else channel.instrument.compensation
        hpa = own.reference_pressure_hpa if own is not None else None
        degc = own.reference_temperature_degc if own is not None else None
        hpa = channel.spec.reference_pressure_hpa if hpa is None else hpa
        degc = channel.spec.reference_temperature_degc if degc is None else degc
        return Compensation(
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

    def _derive(self, track: Track, serial: str) -> None:
        deployments = self._deployments
        wanted: dict[str, Derived] = {}
        temperature = track.series._replace(variable="soil_temperature")
        for name in ("ec25", "salinity"):
            series = track.series._replace(variable=name)
            if series in deployments.derived:
                site = site_limits(deployments.file.quality.limits, series)
                wanted[name] = Derived(series, value_band(series, site), self._manual_steps(series).at)
        if not wanted:
            return
        line = self._companion(temperature)
        assert line.history is not None
        track.derived = Conductivity(
            wanted.get("ec25"),
            wanted.get("salinity"),
            line.history,
            deployments.ec_coefficient(serial),
            deployments.file.quality.ec_coefficient,
            deployments.salinity_factor(serial),
            self._config,
        )
        if track.derived.companions:
            line.dependants.append(track.derived)

    def _manual_steps(self, series: SeriesKey) -> Steps[Extra]:
        moments = _ends(self._manual.get(series, ()))
        return Steps(moments, lambda time_us: self._manual_at(series, time_us))


def lookback_us(deployments: Deployments) -> int:
    """The longest own look-back of a channel, and the longest reach of a companion on top of it."""
    file = deployments.file
    limits = [row.model_dump(exclude_defaults=True) for row in file.quality.limits] or [{}]
    longest, reach = 0, reach_us(None)
    for instrument in (*file.instrument, None):
        period = None if instrument is None else instrument.interval
        warm_up = None if instrument is None else _warm_up(deployments, instrument)
        reach = max(reach, reach_us(period))
        for row in limits:
            tests = remembering(row, period, warm_up)
            longest = max([longest, *(test.lookback_us for test in tests)])
    return longest + reach


def _warm_up(deployments: Deployments, instrument: Instrument) -> float:
    own = instrument.warm_up
    return own if own is not None else deployments.models[instrument.model].warm_up


def _ends(rows: Sequence[ManualFlag]) -> list[int]:
    return [at for row in rows for at in (row.from_us, row.until_us) if at is not None]


def _compensated_by(channel: Channel) -> tuple[str | None, str | None]:
    """Who compensates pressure and temperature: the station file, else the catalogue."""
    own = None if channel.instrument is None else channel.instrument.compensation
    spec = channel.spec
    pressure = own.pressure if own is not None and own.pressure is not None else spec.pressure
    temperature = own.temperature if own is not None and own.temperature is not None else spec.temperature
    return pressure, temperature
