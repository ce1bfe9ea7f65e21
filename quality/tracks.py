"""One channel at one place: from its samples to the observations of its series.

What depends on the channel's own past (rate, flat line, warm-up) is judged on the reading, before corrections
and calibration: a stuck probe must not look alive because the barometer moves, nor a new certificate like
a jump. What is a limit of nature or of the site is judged on the value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, cast

from soilco2.quality import checks, corrections
from soilco2.quality.checks import Extra, Said, read_status
from soilco2.quality.companions import Companion, Dependant, History, Line
from soilco2.quality.flags import verdict
from soilco2.quality.frames import Frame
from soilco2.quality.plans import ChannelPlan, CompensationPlan, ConductivityPlan, DerivedPlan
from soilco2.quality.records import WITHDRAWN, Flag, Observation, Sample
from soilco2.quality.runs import ObservedRun, Run

_LARGEST = 3.4028234663852886e38
"""Beyond the largest number of a 32-bit register; NaN and infinities fail the comparison as well."""

_PASSED = (Flag.GOOD, "")

_NO_NUMBER = frozenset(("nan", "raw=nan", "raw=inf", "raw=-inf"))
"""Notes in a status on what an earlier decoding of the registers gave."""

_NAN = float("nan")
_new = tuple.__new__  # what a named tuple's own constructor calls, without the call in between


def _within(numbers: Sequence[float], low: float, high: float) -> bool:
    """Whether all numbers lie between limits; false where one is NaN."""
    total = sum(numbers)  # NaN hides from `min` and `max`, not from a sum
    return total - total == 0.0 and low <= min(numbers) and max(numbers) <= high


def _ratio(factor: float) -> tuple[float, float]:
    """A factor as factor and divisor: 0.1 as 1 / 10, so that a register of 209 reads 20.9 to the last digit."""
    divisor = round(1.0 / factor) if 0.0 < abs(factor) < 1.0 else 1
    return (1.0, float(divisor)) if abs(divisor * factor - 1.0) < 1e-12 else (factor, 1.0)


class Epoch(NamedTuple):
    """What holds for a channel between two dates: place, calibration, flags set by hand."""

    track: Track
    calibrated: bool
    gain: float
    offset: float
    mask: int
    manual: Extra
    reference_hpa: float | None


Read = tuple[float | None, int, Extra]
"""Raw number, or None where there is none; bits of tests it failed by itself; names that are not fixed."""


class Judged(NamedTuple):
    """A reading and what was found on it, to make its observation of."""

    time_us: int
    epoch: Epoch
    reading: float | None
    mask: int
    extra: Extra


class Compensation:
    """Pressure and temperature of a CO2 reading, as far as the probe does not compensate them itself."""

    def __init__(self, plan: CompensationPlan, pressure: History | None, temperature: History | None) -> None:
        self._pressure = pressure
        self._reference_hpa = plan.reference_hpa
        self._standard_hpa = plan.standard_hpa
        self._temperature = temperature
        self._reference_degc = plan.reference_degc

    @property
    def companions(self) -> tuple[History, ...]:
        """The companion series it needs."""
        return tuple(history for history in (self._pressure, self._temperature) if history is not None)

    def factor(self, time_us: int, reference_hpa: float | None = None) -> tuple[float, int, str]:
        """Factor on the reading [1], bits of failed tests, names of the corrections.

        Parameters
        ----------
        reference_hpa : float, optional
            Pressure that the probe told to compute for [hPa]; left out: what station file or catalogue say.
        """
        factor, mask, names = 1.0, 0, []
        if self._pressure is not None:
            if reference_hpa is None:
                reference_hpa = self._reference_hpa
            found = self._pressure.at(time_us)
            if found is None:
                factor *= corrections.pressure_factor(self._standard_hpa, reference_hpa)
                mask |= checks.STANDARD_PRESSURE
                names.append(corrections.STANDARD_PRESSURE)
            else:
                factor *= corrections.pressure_factor(found.value, reference_hpa)
                names.append(corrections.PRESSURE)
                if found.suspect:
                    mask |= checks.SUSPECT_COMPANION
        if self._temperature is not None:
            found = self._temperature.at(time_us)
            if found is None:
                mask |= checks.CO2_WITHOUT_TEMPERATURE
            else:
                factor *= corrections.temperature_factor(found.value, self._reference_degc)
                names.append(corrections.TEMPERATURE)
                if found.suspect:
                    mask |= checks.SUSPECT_COMPANION
        return factor, mask, ",".join(names)


class Track(Dependant):
    """One channel while it gives one series.

    Parameters
    ----------
    plan : ChannelPlan
    line : Line
        The series it gives.
    config : str
        Hash of the station configuration.
    lookahead_us : int
        How long what was made is kept at least, so that it can be made again [µs].
    compensation : Compensation, optional
        For an uncompensated CO2 probe.
    """

    def __init__(
        self,
        plan: ChannelPlan,
        line: Line,
        config: str,
        lookahead_us: int,
        compensation: Compensation | None = None,
    ) -> None:
        super().__init__(line, () if compensation is None else compensation.companions, lookahead_us)
        line.lookback_us = max(line.lookback_us, plan.lookback_us)
        line.lookahead_us = max(line.lookahead_us, plan.lookahead_us)
        self.series = plan.series
        self.name = plan.name
        self.frame: Frame | None = None
        self.derived: Conductivity | None = None
        self.alone = compensation is None and plan.conductivity is None
        self.thermometer = plan.series.variable in ("soil_temperature", "air_temperature")
        self.dependent = plan.series.variable in ("co2", "bulk_ec")
        self.compensation = compensation
        self._factor, self._divisor = _ratio(plan.a)
        self._shift = plan.b
        self._decode = plan.decode
        self._sentinels = plan.sentinels
        self._judging = plan.status
        self._remembers = tuple((test.bit, test.fails) for test in (make() for make in plan.tests))
        self._jumps = tuple(make() for make in plan.jumps)
        # the last two sound readings, when there are tests for jumps
        self._latest: tuple[Judged | None, Judged | None] = (None, None)
        self.restated: list[Judged] = []
        self._band = plan.band
        self._probe_band = plan.probe_band
        self._config = config
        self._said: dict[str, Said] = {}

    def read(self, sample: Sample) -> Read:
        """The raw number where there is one, the tests it failed by itself, and what the probe said."""
        raw, status = sample.raw, sample.status
        mask = undecodable = 0
        extra: Extra = ()
        words = ""
        if self._decode is not None and sample.said is not None:
            raw, status, undecodable = self._decoded(self._decode, sample, sample.said)
        if status:
            if status == WITHDRAWN:
                return None, checks.WITHDRAWN, ()
            mask, extra, words = self._read(status)
        mask |= undecodable
        if raw is None:
            return None, mask | (0 if words else checks.MISSING), _reason(extra, words)
        if words:
            extra = (*extra, (Flag.SUSPECT, f"{checks.DEVICE}:{words}"))
        if not -_LARGEST <= raw <= _LARGEST or raw in self._sentinels:
            return None, mask | checks.SENTINEL, extra
        return raw, mask, extra

    @property
    def plain(self) -> bool:
        """Whether what it says depends on its own samples in their order and on nothing else, and nothing on it."""
        return self.alone and self.frame is None and not self._jumps and self.line.history is None

    def judge_run(self, run: Run, epoch: Epoch) -> ObservedRun:
        """The observations of samples of one epoch in the order of time, as one by one gives them; `plain` only."""
        _, calibrated, gain, offset, always, manual, _ = epoch
        factor, divisor, shift, count = self._factor, self._divisor, self._shift, len(run.times)
        raws = cast(list[float], run.raws)
        if None in run.raws:
            raws = [_NAN if raw is None else raw for raw in run.raws]
        readings = [raw * factor / divisor + shift for raw in raws]
        values = [gain * reading + offset for reading in readings] if calibrated else readings[:]
        flag, tests = _PASSED
        names = corrections.CALIBRATION if calibrated else ""
        found = ObservedRun(
            self.series,
            cast(Sequence[int], run.times),
            cast(list[float | None], values),
            cast(list[float | None], readings),
            [flag] * count,
            [tests] * count,
            [names] * count,
            self._config,
        )
        odd: Sequence[int] = range(count)
        if not (always or manual or self._remembers):
            odd = self._odd(raws, readings, values)
            if not run.plain:
                odd = sorted({*odd, *self._speaking(run.samples())})
        if odd:
            self._judge_odd(odd, run, epoch, found)
        return found

    def _speaking(self, samples: Sequence[Sample]) -> Iterator[int]:
        """Which samples say more than their number."""
        decodes = self._decode is not None
        for index, sample in enumerate(samples):
            if sample[4] or (decodes and sample[10] is not None):
                yield index

    def _odd(self, raws: list[float], readings: list[float], values: list[float]) -> Sequence[int]:
        """Which numbers of a run need a look of their own; `raws` has NaN where there is none."""
        low, high = self._probe_band.lower, self._probe_band.upper
        least, most = self._band.lower, self._band.upper
        sentinels = self._sentinels
        bounds = [(raws, -_LARGEST, _LARGEST), (readings, low, high), (values, least, most)]
        if all(_within(*row) for row in bounds) and sentinels.isdisjoint(raws):
            return ()
        return [
            index
            for index, (raw, reading, value) in enumerate(zip(raws, readings, values, strict=True))
            if not (low <= reading <= high and least <= value <= most and -_LARGEST <= raw <= _LARGEST)
            or raw in sentinels
        ]

    def _judge_odd(self, odd: Sequence[int], run: Run, epoch: Epoch, found: ObservedRun) -> None:
        """Judge some samples of a run one by one."""
        samples = run.samples()
        for index in odd:
            sample = samples[index]
            time_us = found.times[index]
            number, mask, extra = self.read(sample)
            reading = None
            if number is not None:
                reading, mask = self.judge(time_us, epoch, number, mask, extra)
            made = self.finish(time_us, epoch, reading, mask, extra)[0]
            found.values[index], found.raws[index], found.flags[index] = made[2:5]
            found.tests[index], found.corrections[index] = made[5:7]

    def scaled(self, raw: float) -> float:
        """The reading of a raw number, in the canonical unit."""
        return raw * self._factor / self._divisor + self._shift

    def judge(self, time_us: int, epoch: Epoch, raw: float, mask: int, extra: Extra) -> tuple[float, int]:
        """The reading in the canonical unit, and the bits of the tests that it failed.

        `restated` then holds the earlier readings that it showed to be a spike, with their bits.
        """
        reading = raw * self._factor / self._divisor + self._shift
        for bit, fails in self._remembers:
            if fails(time_us, reading):
                mask |= bit
        band = self._probe_band
        if not band.lower <= reading <= band.upper:
            mask |= band.outside(reading)
        if self._jumps:
            mask |= self._jumped(time_us, epoch, reading, mask, extra)
        return reading, mask

    def _jumped(self, time_us: int, epoch: Epoch, reading: float, mask: int, extra: Extra) -> int:
        """Bits of the tests for jumps that a reading failed."""
        sound = not mask & checks.SUSPECT_OR_WORSE
        if sound and (extra or epoch.manual):
            sound = all(flag < Flag.SUSPECT for flag, _ in extra + epoch.manual)
        if sound:
            band = self._band
            sound = band.lower <= epoch.gain * reading + epoch.offset <= band.upper
        found = blamed = 0
        for test in self._jumps:
            found |= test.judge(time_us, reading, sound)
            if test.blamed:
                blamed |= test.bit
        if sound:
            if blamed:
                self._restate()
            self._latest = (self._latest[1], _new(Judged, (time_us, epoch, reading, mask | found, extra)))
        return found

    def _restate(self) -> None:
        """Readings that a test blames after all get its bit."""
        latest = list(self._latest)
        for test in self._jumps:
            for index, judged in enumerate(latest):
                if judged is not None and judged.time_us in test.blamed:
                    latest[index] = judged._replace(mask=judged.mask | test.bit)
        self.restated = [now for now, was in zip(latest, self._latest, strict=True) if now and now is not was]
        self._latest = (latest[0], latest[1])

    def reading(self, sample: Sample) -> float | None:
        """The reading in the canonical unit, or None where the sample holds no number; remembers nothing."""
        raw = sample.raw
        if self._decode is not None and sample.said is not None:
            raw = self._decoded(self._decode, sample, sample.said)[0]
        if raw is None or not -_LARGEST <= raw <= _LARGEST or raw in self._sentinels:
            return None
        return raw * self._factor / self._divisor + self._shift

    @staticmethod
    def _decoded(
        decode: Callable[[bytes], float], sample: Sample, said: bytes
    ) -> tuple[float | None, str, int]:
        """Raw number and status by the catalogue as it is now; a bit when too few registers were kept for its type."""
        try:
            raw = decode(said)
        except IndexError:
            return sample.raw, sample.status, checks.UNDECODABLE
        status = sample.status
        if status:
            status = " ".join(word for word in status.split() if word not in _NO_NUMBER)
        if raw != raw:
            return None, f"nan {status}".rstrip(), 0
        return raw, status, 0

    def _read(self, status: str) -> Said:
        found = self._said.get(status)
        if found is None:
            if len(self._said) >= 256:
                self._said.clear()
            found = self._said[status] = read_status(status, self._judging)
        return found

    def take_over(self, other: Track, since_us: int) -> None:
        """Go on where another track of the same channel and place stands, which knows all from a moment on."""
        self._remembers, self._jumps, self._latest = other._remembers, other._jumps, other._latest
        self._go_on_from(other, since_us)
        if self.derived is not None and other.derived is not None:
            self.derived._go_on_from(other.derived, since_us)

    def make(self, time_us: int, *parts: Any) -> list[Observation]:
        epoch, reading, mask, extra = parts
        return [self.finish(time_us, epoch, reading, mask, extra)[0]]

    def finish(
        self, time_us: int, epoch: Epoch, reading: float | None, mask: int, extra: Extra
    ) -> tuple[Observation, int]:
        """The observation, and the bits of all tests that failed."""
        _, calibrated, gain, offset, always, manual, reference_hpa = epoch
        if reading is None:
            flag, tests = verdict(mask, extra + manual)
            return Observation(self.series, time_us, None, None, flag, tests, "", self._config), mask
        value, names = reading, ""
        if self.compensation is not None:
            factor, found, names = self.compensation.factor(time_us, reference_hpa)
            value *= factor
            mask |= found
        if calibrated:
            value = gain * value + offset
            names = f"{names},{corrections.CALIBRATION}" if names else corrections.CALIBRATION
        mask |= always
        band = self._band
        if not band.lower <= value <= band.upper:
            mask |= band.outside(value)
        flag, tests = verdict(mask, extra + manual) if mask or extra or manual else _PASSED
        fields = (self.series, time_us, value, reading, flag, tests, names, self._config)
        return _new(Observation, fields), mask


def _reason(extra: Extra, words: str) -> Extra:
    return (*extra, (Flag.MISSING, f"missing:{words}")) if words else extra


class Conductivity(Dependant):
    """Conductivity at 25 °C and salinity from bulk conductivity and the temperature of the same position.

    Parameters
    ----------
    plan : ConductivityPlan
    line : Line
        Of the bulk conductivity.
    temperature : History
    water : History or None
        Where soil water is measured at the position, of which salinity then depends.
    config : str
        Hash of the station configuration.
    lookahead_us : int
        How long what was made is kept at least [µs].
    """

    def __init__(
        self,
        plan: ConductivityPlan,
        line: Line,
        temperature: History,
        water: History | None,
        config: str,
        lookahead_us: int,
    ) -> None:
        self._by_device = bool(plan.device_coefficient)
        needed = (None if self._by_device else temperature, water)
        super().__init__(line, tuple(history for history in needed if history is not None), lookahead_us)
        self._water = water
        self._ec25 = plan.ec25
        self._salinity = plan.salinity
        self._temperature = temperature
        self._always = checks.EC_COEFFICIENT_UNKNOWN if plan.device_coefficient is None else 0
        self._coefficient = plan.coefficient
        self._factor, self._least_water, self._least_ec25 = plan.factor, plan.least_water, plan.least_ec25
        self._config = config

    def make(self, time_us: int, *parts: Any) -> list[Observation]:
        observation, mask, extra = parts
        value, names = observation.value, observation.corrections
        if value is not None and not self._by_device:
            value, found = self._at_25(value, self._temperature.at(time_us))
            mask |= found
            names = f"{names},{corrections.EC25}" if names else corrections.EC25
        made = []
        if self._ec25 is not None:
            made.append(self._one(self._ec25, time_us, value, observation.raw, mask, extra, names))
        if self._salinity is not None and self._factor is not None:
            if value is not None and (why := self._says_nothing(time_us, value)):
                value, mask = None, mask | why
            if value is not None:
                value = corrections.salinity(value, self._factor)
                names = f"{names},{corrections.SALINITY}" if names else corrections.SALINITY
            made.append(self._one(self._salinity, time_us, value, None, mask, extra, names))
        return made

    def _says_nothing(self, time_us: int, ec25: float) -> int:
        """Why no salinity is made of a conductivity at 25 °C [dS/m]."""
        water = None if self._water is None else self._water.at(time_us)
        if water is not None and water.value < self._least_water:
            return checks.SOIL_TOO_DRY
        return checks.EC_TOO_SMALL if ec25 < self._least_ec25 else 0

    def _at_25(self, ec: float, temperature: Companion | None) -> tuple[float | None, int]:
        if temperature is None:
            return None, checks.EC_WITHOUT_TEMPERATURE
        value = corrections.ec25(ec, temperature.value, self._coefficient)
        if value is None:
            return None, checks.FROZEN
        return value, self._always | (checks.SUSPECT_COMPANION if temperature.suspect else 0)

    def _one(
        self,
        derived: DerivedPlan,
        time_us: int,
        value: float | None,
        raw: float | None,
        mask: int,
        extra: Extra,
        names: str,
    ) -> Observation:
        if value is None:
            names = ""
        elif not derived.band.lower <= value <= derived.band.upper:
            mask |= derived.band.outside(value)
        flag, tests = verdict(mask, extra + derived.manual.at(time_us))
        return Observation(derived.series, time_us, value, raw, flag, tests, names, self._config)
