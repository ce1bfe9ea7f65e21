"""Which series a channel belongs to, when, and everything else that follows from installations.

Series and channels are plain tuples here: (station, profile, position, variable) and (serial, channel).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache

from soilco2.station_config.base import moment_us
from soilco2.station_config.catalogue.probe import ChannelSpec, ProbeModel
from soilco2.station_config.connections.tidy_file import TableModel
from soilco2.station_config.tables.instrument import Calibration, Installation, Instrument
from soilco2.station_config.tables.stationfile import StationFile
from soilco2.station_config.units import conversion
from soilco2.station_config.variables import Variables

Series = tuple[str, str, str, str]
"""(station, profile, position, variable)"""

SITE = "site"
"""The profile of variables without depth; its position is empty."""

IMPORT = "import/"
"""Serial numbers of imported tables begin with this: ``import/<profile>/<position>``."""

SATURATED = "source=0x4"
"""Status of a number that is higher than the file could hold."""


@lru_cache(maxsize=4)
def _imported(variables: Variables) -> TableModel:
    """What imported tables give: every variable of the registry, in its canonical unit."""
    return TableModel.model_validate(
        {
            "id": "import",
            "maker": "soilco2",
            "name": {"en": "imported table", "zh": "导入的数据表"},
            "protocol": "table",
            "channel": [{"id": name, "variable": name, "unit": row.unit} for name, row in variables.items()],
            # the flags that the table itself gives
            "status": [
                {
                    "id": "source",
                    "bits": [
                        {"mask": 1, "name": "source_suspect", "flag": 3},
                        {"mask": 2, "name": "source_bad", "flag": 4},
                        {"mask": 4, "name": "saturation", "flag": 3},
                    ],
                }
            ],
            "source": "tidy table: every variable of the registry, in its canonical unit",
        }
    )


def import_channel(series: Series) -> tuple[str, str]:
    """(serial, channel) of what is imported into a series."""
    _, profile, position, variable = series
    return f"{IMPORT}{profile}/{position}", variable


@dataclass(frozen=True, slots=True)
class Channel:
    """One quantity of one instrument, ready to use.

    Parameters
    ----------
    key : tuple of str
        (serial, channel)
    spec : ChannelSpec
    model : ProbeModel
    instrument : Instrument or None
        None for imported tables.
    a, b : float
        ``value = a · raw + b`` in the canonical unit of the variable, before corrections and calibration.
    decode : callable or None
        From registers as on the wire (`soilco2.quality.records.Sample.said`) to the raw number, NaN where they hold
        none; `IndexError` when they are too few for the type. None where a message carries the number itself.
    """

    key: tuple[str, str]
    spec: ChannelSpec
    model: ProbeModel
    instrument: Instrument | None
    a: float
    b: float
    decode: Callable[[bytes], float] | None = None

    @property
    def variable(self) -> str:
        """Id of the variable."""
        return self.spec.variable


@dataclass(frozen=True, slots=True)
class Span:
    """Channel `channel` of `serial` gave `series` from `start_us` to `end_us` (None: still does) [µs UTC]."""

    serial: str
    channel: str
    series: Series
    start_us: int
    end_us: int | None
    installation: Installation

    def overlaps(self, other: Span) -> bool:
        """Whether both hold at some moment."""
        return (self.end_us is None or other.start_us < self.end_us) and (
            other.end_us is None or self.start_us < other.end_us
        )


def place(position: str) -> tuple[str, str]:
    """(profile, position) of ``"profile/position"``; ``("site", "")`` of ``"site"``."""
    profile, _, name = position.partition("/")
    return profile, name


def covers(installation: Installation, spec: ChannelSpec, variables: Variables) -> bool:
    """Whether an installation places this channel.

    One that names a channel places that one. One that names none places those that fit: at a position the
    variables that have a depth, at ``"site"`` those that need none, without auxiliary channels.
    """
    if installation.channel is not None:
        return installation.channel == spec.id
    if spec.auxiliary:
        return False
    known = variables[spec.variable]
    return known.at_site if installation.position == SITE else known.has_depth


def standard_pressure(altitude_m: float) -> float:
    """Pressure of the standard atmosphere [hPa] at a height above sea level [m].

    ICAO Doc 7488/3 (1993), eq. 14 for the layer with a constant lapse rate: 288.15 K, 1013.25 hPa,
    6.5 K/km, g = 9.80665 m/s², R = 287.05287 J/(kg K).
    """
    exponent = 9.80665 / (0.0065 * 287.05287)
    return float(1013.25 * (1.0 - 0.0065 * altitude_m / 288.15) ** exponent)


def _lookup(spans: Iterable[Span]) -> dict[tuple[str, str], tuple[list[int], list[Span]]]:
    found: dict[tuple[str, str], list[Span]] = {}
    for span in spans:
        found.setdefault((span.serial, span.channel), []).append(span)
    for rows in found.values():
        rows.sort(key=lambda span: span.start_us)
    return {key: ([span.start_us for span in rows], rows) for key, rows in found.items()}


_Fact = Callable[[ProbeModel], float | None]


class Deployments:
    """What follows from a valid station file: built once, asked for every sample.

    Parameters
    ----------
    file : StationFile
    models : mapping of str to ProbeModel
        At least the models that the file uses.
    """

    def __init__(self, file: StationFile, models: Mapping[str, ProbeModel]) -> None:
        self.file = file
        self.models = dict(models)
        self.variables = file.variables
        """The station's registry."""
        self.station_id = file.station.id
        self.zone = file.station.zone
        self._channels: dict[tuple[str, str], Channel] = {}
        self._of: dict[str, tuple[Channel, ...]] = {}
        self.spans: list[Span] = []
        """Every installation, channel by channel."""
        for instrument in file.instrument:
            self._add(instrument, self.models[instrument.model_key])
        self._lookup = _lookup(self.spans)
        self._depths = {
            (profile.id, position.id): (position.depth_m, *self._moved(profile.id, position.id))
            for profile in file.profile
            for position in profile.position
        }
        self._calibrations = self._sorted_calibrations()

    def _add(self, instrument: Instrument, model: ProbeModel) -> None:
        used = model.used(instrument.channels)
        channels = []
        for spec in used:
            a, b = conversion(spec.unit, spec.variable, self.variables)
            key = (instrument.serial, spec.id)
            channel = Channel(
                key, spec, model, instrument, a * spec.scale, a * spec.shift + b, model.decoder(spec)
            )
            channels.append(channel)
            self._channels[key] = channel
            for installation in instrument.installation:
                if covers(installation, spec, self.variables):
                    profile, position = place(installation.position)
                    series = (self.station_id, profile, position, spec.variable)
                    start, end = self._window(installation)
                    self.spans.append(Span(instrument.serial, spec.id, series, start, end, installation))
        self._of[instrument.serial] = tuple(channels)

    def _window(self, installation: Installation) -> tuple[int, int | None]:
        until = installation.until
        return (
            moment_us(installation.from_, self.zone),
            None if until is None else moment_us(until, self.zone),
        )

    def _moved(self, profile_id: str, position_id: str) -> tuple[list[int], list[float]]:
        """Times [µs] and cumulated changes [m] of a surface, from when the position's depth was measured."""
        profile = next(row for row in self.file.profile if row.id == profile_id)
        position = next(row for row in profile.position if row.id == position_id)
        since = None if position.measured is None else moment_us(position.measured, self.zone)
        changes = sorted((moment_us(row.from_, self.zone), row.change_m) for row in profile.surface)
        before = sum(change for at, change in changes if since is not None and at <= since)
        times: list[int] = []
        totals: list[float] = [-before]
        for at, change in changes:
            times.append(at)
            totals.append(totals[-1] + change)
        return times, totals

    def _sorted_calibrations(self) -> dict[tuple[str, str], tuple[list[int], list[Calibration]]]:
        found: dict[tuple[str, str], list[tuple[int, Calibration]]] = {}
        for instrument in self.file.instrument:
            for row in instrument.calibration:
                at = moment_us(row.valid_from, self.zone)
                found.setdefault((instrument.serial, row.channel), []).append((at, row))
        out = {}
        for key, rows in found.items():
            rows.sort(key=lambda pair: pair[0])
            out[key] = ([at for at, _ in rows], [row for _, row in rows])
        return out

    # channels

    def channel(self, serial: str, channel: str) -> Channel | None:
        """The channel, or None when the station has no such instrument or channel.

        Imported tables are instruments of their own: serial ``import/<profile>/<position>``, or
        ``import/site/``, and the variable as channel.
        """
        found = self._channels.get((serial, channel))
        if found is None and serial.startswith(IMPORT) and self._import_place(serial) is not None:
            model = _imported(self.variables)
            spec = model.spec(channel)
            if spec is not None:
                found = Channel((serial, channel), spec, model, None, 1.0, 0.0)
                self._channels[serial, channel] = found
        return found

    def channels_of(self, serial: str) -> tuple[Channel, ...]:
        """The channels of an instrument that the station uses; empty when it is unknown."""
        return self._of.get(serial, ())

    def _import_place(self, serial: str) -> tuple[str, str] | None:
        profile, _, position = serial.removeprefix(IMPORT).partition("/")
        known = (profile, position) in self._depths or (profile, position) == (SITE, "")
        return (profile, position) if known else None

    def series_at(self, serial: str, channel: str, time_us: int) -> Series | None:
        """The series a channel gave at a moment [µs UTC], or None where it was not installed."""
        found = self._lookup.get((serial, channel))
        if found is not None:
            starts, spans = found
            index = bisect_right(starts, time_us) - 1
            if index >= 0:
                span = spans[index]
                if span.end_us is None or time_us < span.end_us:
                    return span.series
            return None
        if serial.startswith(IMPORT) and channel in self.variables:
            where = self._import_place(serial)
            if where is not None:
                return (self.station_id, *where, channel)
        return None

    def active(self, serial: str, time_us: int) -> bool:
        """Whether an instrument is to be read: it has no installation yet, or one that has not ended."""
        instrument = next((row for row in self.file.instrument if row.serial == serial), None)
        if instrument is None:
            return False
        ends = [self._window(row)[1] for row in instrument.installation]
        return not ends or any(end is None or time_us < end for end in ends)

    # calibration

    def calibration_at(self, serial: str, channel: str, time_us: int) -> Calibration | None:
        """The newest calibration valid at a moment [µs UTC], or None before the first."""
        found = self._calibrations.get((serial, channel))
        if found is None:
            return None
        index = bisect_right(found[0], time_us) - 1
        return found[1][index] if index >= 0 else None

    def calibration_due(self, serial: str, channel: str, time_us: int) -> int | None:
        """When the calibration that applies at `time_us` falls due [µs UTC]; None when nothing says so.

        The earlier of `valid_until` and `due`; else `valid_from` and the interval the catalogue recommends.
        """
        row = self.calibration_at(serial, channel, time_us)
        if row is None:
            return None
        named = [moment_us(at, self.zone) for at in (row.valid_until, row.due) if at is not None]
        if named:
            return min(named)
        known = self.channel(serial, channel)
        every = known.model.calibration_every if known is not None else None
        return None if every is None else moment_us(row.valid_from, self.zone) + round(every * 1e6)

    # depth

    def depth_at(self, profile: str, position: str, time_us: int | None = None) -> float | None:
        """Depth of a position below the surface [m], positive downward; None without depth.

        Parameters
        ----------
        time_us : int, optional
            Surface changes up to this moment are applied [µs UTC]; all of them when left out.
        """
        found = self._depths.get((profile, position))
        if found is None:
            return None
        depth, times, totals = found
        index = len(times) if time_us is None else bisect_right(times, time_us)
        return round(depth + totals[index], 6)

    # series

    @cached_property
    def _spans_of(self) -> dict[Series, list[Span]]:
        found: dict[Series, list[Span]] = {}
        for span in self.spans:
            found.setdefault(span.series, []).append(span)
        for spans in found.values():
            spans.sort(key=lambda span: span.start_us)
        return found

    @cached_property
    def derived(self) -> dict[Series, tuple[Series, ...]]:
        """Series computed from others at the same position, and their parents.

        ``ec25`` from bulk_ec and soil_temperature, ``salinity`` from these when a factor is known; neither
        where an instrument gives it itself.
        """
        found: dict[Series, tuple[Series, ...]] = {}
        for series, spans in self._spans_of.items():
            if series[3] != "bulk_ec":
                continue
            station, profile, position, _ = series
            parents = (series, (station, profile, position, "soil_temperature"))
            if parents[1] not in self._spans_of:
                continue
            ec25 = (station, profile, position, "ec25")
            salinity = (station, profile, position, "salinity")
            if ec25 not in self._spans_of:
                found[ec25] = parents
            if salinity not in self._spans_of and any(self.salinity_factor(span.serial) for span in spans):
                found[salinity] = parents
        return found

    def series(self) -> list[Series]:
        """Every series that the installations give or ever gave, and those derived; by profile and depth."""
        order = {profile.id: number for number, profile in enumerate(self.file.profile)}

        def key(series: Series) -> tuple[int, float, str, tuple[int, str]]:
            _, profile, position, name = series
            depth = self.depth_at(profile, position)
            return (
                order.get(profile, -1),
                -1e9 if depth is None else depth,
                position,
                self.variables.rank(name),
            )

        return sorted({*self._spans_of, *self.derived}, key=key)

    def instruments_of(self, series: Iterable[str]) -> list[tuple[str, str, int, int | None]]:
        """(serial, channel, from, until) [µs UTC] of a series, oldest first; of its parents when derived."""
        wanted = self._key(series)
        found = [
            (span.serial, span.channel, span.start_us, span.end_us) for span in self._spans_of.get(wanted, ())
        ]
        for parent in () if found else self.derived.get(wanted, ()):
            found += self.instruments_of(parent)
        return sorted(found, key=lambda row: row[2])

    def period_s(self, series: Iterable[str]) -> float | None:
        """Interval between values of a series [s]: that of its newest instrument; None when unknown."""
        found = self.instruments_of(series)
        if not found:
            return None
        channel = self.channel(found[-1][0], found[-1][1])
        return None if channel is None or channel.instrument is None else channel.instrument.interval

    def note(self, series: Iterable[str], lang: str = "en") -> str:
        """The remark that must follow the data: how modelled numbers were made; empty for measured ones."""
        words = []
        for serial, name, _, _ in self.instruments_of(series):
            channel = self.channel(serial, name)
            if channel is not None and channel.instrument is not None:
                text = channel.instrument.modelled.get(name)
                if text:
                    words.append(text.zh if lang == "zh" else text.en)
        return "; ".join(f"modelled: {text}" for text in dict.fromkeys(words))

    @staticmethod
    def _key(series: Iterable[str]) -> Series:
        station, profile, position, name = series
        return station, profile, position, name

    # facts of an instrument

    def ec_coefficient(self, serial: str) -> float | None:
        """Temperature coefficient that the probe itself applies to conductivity [1/K]; None: not known."""
        return self._setting(serial, "ec_coefficient", lambda model: model.ec_coefficient)

    def salinity_factor(self, serial: str) -> float | None:
        """Salinity [mg/L] per conductivity [µS/cm]: station file, instrument, catalogue; None: not known."""
        if self.file.quality.salinity_factor is not None:
            return self.file.quality.salinity_factor
        return self._setting(serial, "salinity_factor", lambda model: model.salinity_factor)

    def _setting(self, serial: str, name: str, default: _Fact) -> float | None:
        channels = self.channels_of(serial)
        if not channels or channels[0].instrument is None:
            return None
        return channels[0].instrument.settings.get(name, default(channels[0].model))

    @property
    def standard_pressure_hpa(self) -> float:
        """Pressure of the standard atmosphere at the station's altitude [hPa]."""
        return standard_pressure(self.file.station.altitude_m)
