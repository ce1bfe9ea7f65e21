"""From samples to observations, sample by sample, the same for a live stream, a year and a recomputation.

A value at time t depends on samples in ``[t - lookback_us, t]`` and on nothing later. What comes in the order
of time is answered at once. What comes late changes what was already said: where the pipeline still knows
enough it says so anew (the last observation of a series and time counts), else it names the stretch of time
to be made again from the journal by `recompute`.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any, Generic, NamedTuple, TypeVar

from soilco2.quality import checks, corrections
from soilco2.quality.checks import Extra, reach_us
from soilco2.quality.companions import Dependant, History
from soilco2.quality.records import Flag, Observation, Sample, SeriesKey
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


class Stretch(NamedTuple):
    """Time of the whole station to be made again, `end_us` exclusive [µs UTC].

    The caller reads the samples from `lookback_us` earlier on.
    """

    start_us: int
    end_us: int


class Outcome(NamedTuple):
    """What feeding samples gave."""

    observations: list[Observation]
    stretches: list[Stretch]


class _Steps(Generic[_T]):
    """A function of time that changes at known moments; the value of the last moment asked for is at hand."""

    __slots__ = ("_made", "_make", "_times", "from_us", "until_us", "value")

    def __init__(self, times: Iterable[int], make: Callable[[int], _T]) -> None:
        self._times = sorted(set(times))
        self._make = make
        self._made: dict[int, _T] = {}
        self.from_us = self.until_us = 0
        self.value: _T

    def at(self, time_us: int) -> _T:
        if not self.from_us <= time_us < self.until_us:
            index = bisect_right(self._times, time_us)
            self.from_us = self._times[index - 1] if index else _BEGINNING
            self.until_us = self._times[index] if index < len(self._times) else _END
            if index not in self._made:
                self._made[index] = self._make(max(self.from_us, _BEGINNING))
            self.value = self._made[index]
        return self.value


_NOWHERE: _Steps[Any] = _Steps((), lambda _: None)
"""Of a channel that the station does not know."""


class Pipeline:
    """Turns the samples of one station into observations.

    Parameters
    ----------
    deployments : Deployments
        What follows from the station file.
    config_hash : str
        Names the configuration in every observation.
    manual : sequence of ManualFlag
        The layer of flags set by hand. When it changes, make a new pipeline and prime it.

    Attributes
    ----------
    lookback_us : int
        How far back a value depends on samples [µs].
    """

    def __init__(self, deployments: Deployments, config_hash: str, manual: Sequence[ManualFlag] = ()) -> None:
        self._deployments = deployments
        self._config = config_hash
        self._manual: dict[SeriesKey, list[ManualFlag]] = {}
        for row in manual:
            self._manual.setdefault(SeriesKey(*row.series), []).append(row)
        self.lookback_us = self._lookback()
        self._start()

    def _lookback(self) -> int:
        """The longest own look-back of a channel, and the longest reach of a companion on top of it."""
        file = self._deployments.file
        limits = [row.model_dump(exclude_defaults=True) for row in file.quality.limits] or [{}]
        longest, reach = 0, reach_us(None)
        for instrument in (*file.instrument, None):
            period = None if instrument is None else instrument.interval
            warm_up = None if instrument is None else self._warm_up(instrument)
            reach = max(reach, reach_us(period))
            for row in limits:
                tests = remembering(row, period, warm_up)
                longest = max([longest, *(test.lookback_us for test in tests)])
        return longest + reach

    def _start(self) -> None:
        self._lines: dict[SeriesKey, Line] = {}
        self._tracks: dict[tuple[str, str, SeriesKey], Track] = {}
        self._channels: dict[tuple[str, str], _Steps[Epoch | None]] = {}
        self._newest_us: int | None = None
        self._blind_us: int | None = None  # up to here something is not known
        self._ordered = False  # samples come in the order of time: what is not newer is a double
        for instrument in self._deployments.file.instrument:
            for channel in self._deployments.channels_of(instrument.serial):
                self._add(channel)

    # feeding

    def prime(self, samples: Iterable[Sample], since_us: int | None = None) -> None:
        """Forget everything and take in what came before; nothing is given.

        After a start, and whenever `stale` says so, this is how the pipeline learns what it needs: the
        samples of the last `lookback_us`.

        Parameters
        ----------
        samples : iterable of Sample
            In the order of time.
        since_us : int, optional
            The samples are all there are from here on [µs UTC]; left out: all there are.
        """
        self._start()
        if since_us is not None:
            self._blind_us = since_us + self.lookback_us - 1
        self._ordered = True
        for _, group in groupby(samples, key=_time):
            self.feed(list(group))
        self._ordered = False

    @property
    def stale(self) -> bool:
        """Whether late samples left gaps in what the pipeline remembers of its newest time.

        It goes on and is right, but everything it gives is a stretch, until it is primed again.
        """
        return self._blind_us is not None and self._newest_us is not None and self._blind_us > self._newest_us

    def feed(self, samples: Sequence[Sample]) -> Outcome:
        """Take in samples, in any order.

        Samples without a time, and of channels that are unknown or were nowhere installed at that time, give
        nothing.

        Parameters
        ----------
        samples : sequence of Sample

        Returns
        -------
        Outcome
            Observations, where a later one replaces an earlier one of the same series and time; and
            stretches to be made again, in order, without overlap. What lies in a stretch counts only after
            it was made again.
        """
        channels = self._channels
        given: list[Observation] = []
        stretches: list[tuple[int, int]] = []
        dependent: list[tuple[Sample, Epoch]] = []
        now_us: int | None = None
        timed: list[tuple[int, str, str, int, Sample, _Steps[Epoch | None]]] = []
        for sample in samples:
            steps = channels.get(sample[:2]) or self._add_named(sample.serial, sample.channel)
            if steps is not _NOWHERE and (time_us := sample.time_us) is not None:
                timed.append((time_us, sample.serial, sample.channel, len(timed), sample, steps))
        timed.sort()
        for time_us, _, _, _, sample, steps in timed:
            if dependent and time_us != now_us:
                for waiting, epoch in dependent:
                    self._take(waiting, epoch, given, stretches)
                dependent.clear()
            now_us = time_us
            found = steps.value if steps.from_us <= time_us < steps.until_us else steps.at(time_us)
            if found is None:
                continue
            if found.track.dependent:
                dependent.append((sample, found))
            else:
                self._take(sample, found, given, stretches)
        for waiting, epoch in dependent:
            self._take(waiting, epoch, given, stretches)
        return Outcome(given, _merged(stretches))

    def _take(
        self, sample: Sample, epoch: Epoch, given: list[Observation], stretches: list[tuple[int, int]]
    ) -> None:
        """One sample, after everything its companions said up to its time."""
        time_us = sample.time_us
        assert time_us is not None
        track = epoch.track
        line = track.line
        if line.newest_us is not None and time_us <= line.newest_us:
            self._late(time_us, stretches)
            return
        line.newest_us = time_us
        if self._newest_us is None or self._newest_us < time_us:
            self._newest_us = time_us
        sure = self._blind_us is None or time_us > self._blind_us
        reading, mask, extra = track.judge(sample, time_us)
        made: list[Observation] | None
        if track.companions:
            made = track.give(time_us, epoch, reading, mask, extra)
        else:
            observation, mask = track.finish(time_us, epoch, reading, mask, extra)
            made = [observation]
            if track.derived is not None:
                derived = track.derived.give(time_us, observation, mask, extra + epoch.manual)
                made = None if derived is None else made + derived
            elif line.history is not None and line.history.add(observation):
                self._revise(line.dependants, time_us, line.history.reach_us, sure, given, stretches)
        if sure and made is not None:
            given += made
        else:
            stretches.append((time_us, time_us + 1))

    def _late(self, time_us: int, stretches: list[tuple[int, int]]) -> None:
        """A sample came that is not newer than the newest of its series."""
        if self._ordered:
            return
        end = time_us + self.lookback_us
        stretches.append((time_us, end + 1))
        if self._blind_us is None or self._blind_us < end:
            self._blind_us = end

    @staticmethod
    def _revise(
        dependants: Sequence[Dependant],
        time_us: int,
        reach: int,
        sure: bool,
        given: list[Observation],
        stretches: list[tuple[int, int]],
    ) -> None:
        """A companion value came: make again what was made before it came and needs it."""
        for dependant in dependants:
            changed = dependant.revise(time_us, time_us + reach)
            if changed is None or not sure:
                stretches.append((time_us, time_us + reach + 1))
            else:
                given += changed

    # what holds when

    def _warm_up(self, instrument: Instrument) -> float:
        own = instrument.warm_up
        return own if own is not None else self._deployments.models[instrument.model].warm_up

    def _add_named(self, serial: str, name: str) -> _Steps[Epoch | None]:
        channel = self._deployments.channel(serial, name)
        if channel is not None:
            return self._add(channel)
        self._channels[serial, name] = _NOWHERE
        return _NOWHERE

    def _add(self, channel: Channel) -> _Steps[Epoch | None]:
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
        steps = _Steps(moments, lambda time_us: self._epoch(channel, time_us))
        for moment in moments:
            steps.at(moment)  # companions must be known before the first sample
        self._channels[key] = steps
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
            None if instrument is None else self._warm_up(instrument),
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

    def _manual_steps(self, series: SeriesKey) -> _Steps[Extra]:
        moments = _ends(self._manual.get(series, ()))
        return _Steps(moments, lambda time_us: self._manual_at(series, time_us))


def _ends(rows: Sequence[ManualFlag]) -> list[int]:
    return [at for row in rows for at in (row.from_us, row.until_us) if at is not None]


def _compensated_by(channel: Channel) -> tuple[str | None, str | None]:
    """Who compensates pressure and temperature: the station file, else the catalogue."""
    own = None if channel.instrument is None else channel.instrument.compensation
    spec = channel.spec
    pressure = own.pressure if own is not None and own.pressure is not None else spec.pressure
    temperature = own.temperature if own is not None and own.temperature is not None else spec.temperature
    return pressure, temperature


def _time(sample: Sample) -> int | None:
    return sample.time_us


def _merged(stretches: list[tuple[int, int]]) -> list[Stretch]:
    """In order, those that touch joined."""
    merged: list[Stretch] = []
    for start, end in sorted(stretches):
        if merged and start <= merged[-1].end_us:
            if end > merged[-1].end_us:
                merged[-1] = Stretch(merged[-1].start_us, end)
        else:
            merged.append(Stretch(start, end))
    return merged


def recompute(
    deployments: Deployments,
    config_hash: str,
    manual: Sequence[ManualFlag],
    samples: Iterable[Sample],
    start_us: int,
    end_us: int,
) -> Iterator[Observation]:
    """Make the observations of a stretch again.

    Parameters
    ----------
    deployments : Deployments
    config_hash : str
    manual : sequence of ManualFlag
    samples : iterable of Sample
        In the order of time, from ``start_us - Pipeline.lookback_us`` on.
    start_us, end_us : int
        The stretch, its end exclusive [µs UTC].

    Yields
    ------
    Observation
        In the order of time.
    """
    pipeline = Pipeline(deployments, config_hash, manual)
    pipeline._ordered = True
    for time_us, group in groupby(samples, key=_time):
        if time_us is None:
            continue
        if time_us >= end_us:
            return
        given = pipeline.feed(list(group)).observations
        if time_us >= start_us:
            yield from given
