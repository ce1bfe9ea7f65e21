"""What a plan says of each series: who measures it, where, how often, within which limits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from soilco2.quality.checks import reach_us
from soilco2.quality.limits import site_limits
from soilco2.quality.records import SeriesKey
from soilco2.station_config.base import moment_us
from soilco2.station_config.deployments import Channel, Deployments, Span
from soilco2.station_config.loader import Station
from soilco2.station_config.tables.instrument import Calibration


@dataclass(frozen=True, slots=True)
class Measured:
    """A series and the channel that gives it now, or gave it last.

    Limits are in the variable's canonical unit; None where there is no limit.

    Parameters
    ----------
    series : SeriesKey
    channel : Channel
        Of a derived series: the channel it is computed from.
    span : Span
    derived : bool
    depth_m : float or None
        Depth today [m], positive downward.
    physical : tuple of float
        What is possible at all.
    probe : tuple of float or None
        Measuring range, on the reading.
    saturation, resolution : float or None
    site : dict
        Limits of ``[[quality.limits]]``.
    warm_up_s, period_s, reach_s : float
    """

    series: SeriesKey
    channel: Channel
    span: Span
    derived: bool
    depth_m: float | None
    physical: tuple[float, float]
    probe: tuple[float | None, float | None]
    saturation: float | None
    resolution: float | None
    site: dict[str, Any]
    warm_up_s: float
    period_s: float
    reach_s: float

    @property
    def place(self) -> str:
        """``profile/position``, or the profile alone."""
        return f"{self.series.profile}/{self.series.position}".rstrip("/")


def canonical(channel: Channel, value: float | None) -> float | None:
    """A number in the probe's unit as one in the variable's canonical unit."""
    if value is None:
        return None
    a = channel.a / channel.spec.scale
    return float(f"{a * value + channel.b - a * channel.spec.shift:.12g}")


def measured(station: Station) -> list[Measured]:
    """Every series of a station, by profile, depth and variable."""
    deployments = station.deployments
    found = []
    for series in deployments.series():
        key = SeriesKey(*series)
        derived = series in deployments.derived
        parent = deployments.derived[series][0] if derived else series
        serial, name, since, _ = deployments.instruments_of(parent)[-1]
        channel = deployments.channel(serial, name)
        assert channel is not None
        assert channel.instrument is not None
        spec, known = channel.spec, station.variables[key.variable]
        step = None if spec.resolution is None else abs(channel.a / spec.scale) * spec.resolution
        own = channel.instrument.warm_up
        found.append(
            Measured(
                key,
                channel,
                next(s for s in deployments.spans if s.series == parent and s.start_us == since),
                derived,
                deployments.depth_at(key.profile, key.position),
                (known.lower, known.upper),
                (None, None) if derived else (canonical(channel, spec.lower), canonical(channel, spec.upper)),
                None if derived else canonical(channel, spec.saturation),
                None if derived or step is None else float(f"{step:.12g}"),
                site_limits(station.file.quality.limits, key),
                channel.model.warm_up if own is None else own,
                channel.instrument.interval,
                reach_us(channel.instrument.interval) / 1e6,
            )
        )
    return found


@dataclass(frozen=True, slots=True)
class Due:
    """When a channel was calibrated and is due again.

    Parameters
    ----------
    channel : Channel
    row : Calibration or None
        The newest one; None when there was none here.
    due_us : int or None
        [µs UTC]; None when nothing says so.
    """

    channel: Channel
    row: Calibration | None
    due_us: int | None


def calibrations(deployments: Deployments) -> list[Due]:
    """Every channel in use with every calibration, instrument by instrument, oldest first."""
    found = []
    used = {(span.serial, span.channel) for span in deployments.spans}
    for instrument in deployments.file.instrument:
        for channel in deployments.channels_of(instrument.serial):
            rows = sorted(
                (row for row in instrument.calibration if row.channel == channel.spec.id),
                key=lambda row: moment_us(row.valid_from, deployments.zone),
            )
            for row in rows:
                at = moment_us(row.valid_from, deployments.zone)
                found.append(Due(channel, row, deployments.calibration_due(*channel.key, at)))
            if not rows and channel.key in used:
                found.append(Due(channel, None, None))
    return found


def compensation(channel: Channel) -> dict[str, Any]:
    """Who compensates a CO2 channel, and the pressure and temperature its reading is valid for."""
    own = channel.instrument.compensation if channel.instrument is not None else None
    spec = channel.spec
    found: dict[str, Any] = {}
    for name in ("pressure", "temperature", "reference_pressure_hpa", "reference_temperature_degc"):
        chosen = None if own is None else getattr(own, name)
        found[name] = getattr(spec, name) if chosen is None else chosen
    return found
