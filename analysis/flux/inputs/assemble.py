"""From a reader to `Profile`: common times, in windows, so that memory does not grow with the record."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from soilco2.analysis.flux.errors import FluxError
from soilco2.analysis.flux.methods.propagate import Z95
from soilco2.analysis.flux.records import Profile
from soilco2.quality.records import Flag, SeriesKey
from soilco2.station_config.message import Message
from soilco2.storage.reader import Piece, Reader, SeriesInfo

Array = NDArray[np.float64]
Times = NDArray[np.int64]

USED_FLAGS = (int(Flag.GOOD), int(Flag.NOT_EVALUATED))
"""Values with these flags are used; suspect and bad ones are not."""

WINDOW_DAYS = 60.0
"""Days read at a time."""

INTERVAL_SDS = 2.0 * Z95
"""A 95 % interval is so many standard deviations wide."""

Shift = Sequence[tuple[int, float]]
"""Moves of the surface: (from [µs UTC], soil added up to then in all [m]), in order."""


@dataclass(frozen=True)
class Wanted:
    """What to read and what is known besides.

    Parameters
    ----------
    start_us, end_us : int or None
        [µs UTC]
    every_s : float or None
        Common step [s]; values within a step are averaged. None: the median step of the CO2 series.
    altitude_m : float or None
    shifts : mapping of str to Shift
        Moves of the surface by profile.
    included_m : mapping of str to float
        Soil added by profile that the depths of the reader hold already [m].
    profiles : sequence of str or None
        Only these.
    corrected : mapping of SeriesKey to Message
        CO2 series that were corrected for pressure or temperature before, and by whom (`corrected`).
    window_days : float
    """

    start_us: int | None = None
    end_us: int | None = None
    every_s: float | None = None
    altitude_m: float | None = None
    shifts: Mapping[str, Shift] = field(default_factory=dict)
    included_m: Mapping[str, float] = field(default_factory=dict)
    profiles: Sequence[str] | None = None
    corrected: Mapping[SeriesKey, Message] = field(default_factory=dict)
    window_days: float = WINDOW_DAYS


def profiles(reader: Reader, wanted: Wanted | None = None) -> Iterator[tuple[str, str, Profile]]:
    """Profiles of a record, window by window.

    Yields
    ------
    (station, profile, Profile)
        Times are the starts of the steps.

    Raises
    ------
    FluxError
        When there is no CO2 in the record, or a CO2 series has no depth.
    """
    wanted = wanted or Wanted()
    infos = reader.series()
    co2 = [i for i in infos if i.key.variable == "co2"]
    if not co2:
        raise FluxError(
            Message("the data hold no CO2 series (variable co2); a flux needs CO2 at one depth or more")
        )
    names = sorted({(i.key.station, i.key.profile) for i in co2})
    if wanted.profiles is not None:
        missing = set(wanted.profiles) - {name for _, name in names}
        if missing:
            raise FluxError(
                Message(
                    "profile {profile!r} has no CO2; profiles with CO2 are {profiles}",
                    profile=min(missing),
                    profiles=", ".join(p for _, p in names),
                )
            )
        names = [pair for pair in names if pair[1] in wanted.profiles]
    for station, name in names:
        own = [i for i in infos if i.key.station == station and i.key.profile in (name, "site")]
        yield from _windows(reader, station, name, own, wanted)


def _windows(
    reader: Reader, station: str, name: str, infos: list[SeriesInfo], wanted: Wanted
) -> Iterator[tuple[str, str, Profile]]:
    co2 = [i for i in infos if i.key.variable == "co2"]
    first = min((i.first_us for i in co2 if i.first_us is not None), default=None)
    last = max((i.last_us for i in co2 if i.last_us is not None), default=None)
    if first is None or last is None:
        return
    start = first if wanted.start_us is None else max(first, wanted.start_us)
    end = last + 1 if wanted.end_us is None else min(last + 1, wanted.end_us)
    step = round((wanted.every_s or _median_step_s(reader, co2[0], start)) * 1e6)
    window = max(step, round(wanted.window_days * 86_400e6 / step) * step)
    shifts = [(np.iinfo(np.int64).min, 0.0), *wanted.shifts.get(name, ())]
    cuts = sorted({start, *(t for t, _ in shifts if start < t < end)})
    begin = start // step * step
    while begin < end:
        stop = min(
            [begin + window, *(-(-c // step) * step for c in cuts if -(-c // step) * step > begin), end]
        )
        shift = [value for moment, value in shifts if moment <= begin][-1]
        profile = _read(reader, name, infos, max(begin, start), stop, step, wanted, shift)
        if profile is not None:
            yield station, name, profile
        begin = -(-stop // step) * step if stop < end else end


def _median_step_s(reader: Reader, info: SeriesInfo, start: int) -> float:
    if info.period_s:
        return info.period_s
    for piece in reader.read([info.key], start, None):
        times = np.frombuffer(piece.times, dtype=np.int64)[:2000]
        if len(times) > 2:
            return max(1.0, float(np.round(np.median(np.diff(times)) / 1e6)))
    return 1800.0


def _read(
    reader: Reader,
    name: str,
    infos: list[SeriesInfo],
    start: int,
    stop: int,
    step: int,
    asked: Wanted,
    shift: float,
) -> Profile | None:
    origin = start // step * step
    count = int(-(-(stop - origin) // step))
    wanted = {"co2", "soil_temperature", "soil_water", "air_pressure"}
    chosen = {i.key: i for i in infos if i.key.variable in wanted and (i.depth_m is not None or _site(i))}
    for info in infos:
        if info.key.variable == "co2" and info.depth_m is None:
            raise FluxError(
                Message("series {series} has no depth; give its position a depth_m", series=info.key)
            )
    sums = {key: np.zeros((4, count)) for key in chosen}
    for piece in reader.read(list(chosen), start, stop):
        _add(piece, sums[piece.key], origin, step)
    means: dict[SeriesKey, Array] = {}
    spreads: dict[SeriesKey, Array] = {}
    for key, (total, n, width, widths) in sums.items():
        means[key] = np.divide(total, n, out=np.full(count, np.nan), where=n > 0)
        if widths.any():
            spreads[key] = (
                np.divide(width, widths, out=np.full(count, np.nan), where=widths > 0) / INTERVAL_SDS
            )

    def table(variable: str) -> tuple[Array, Array, Array | None]:
        keys = [k for k, i in chosen.items() if k.variable == variable and k.profile == name]
        included = asked.included_m.get(name, 0.0)
        depths = np.array([chosen[k].depth_m for k in keys], dtype=float) - included
        values = np.column_stack([means[k] for k in keys]) if keys else np.empty((count, 0))
        if not any(k in spreads for k in keys):
            return values, depths, None
        return values, depths, np.column_stack([spreads.get(k, np.full(count, np.nan)) for k in keys])

    co2, co2_depth, co2_sd = table("co2")
    warm, warm_depth, _ = table("soil_temperature")
    water, water_depth, water_sd = table("soil_water")
    used = np.isfinite(co2).any(axis=1)
    if not used.any():
        return None
    barometers = [means[k] for k in chosen if k.variable == "air_pressure" and np.isfinite(means[k]).any()]
    return Profile(
        time_us=(origin + np.arange(count, dtype=np.int64) * step)[used],
        co2_ppm=co2[used], co2_depth_m=co2_depth,
        temperature_degc=warm[used], temperature_depth_m=warm_depth,
        water=water[used], water_depth_m=water_depth,
        pressure_hpa=barometers[0][used] if barometers else None,
        altitude_m=asked.altitude_m,
        co2_sd_ppm=None if co2_sd is None else co2_sd[used],
        water_sd=None if water_sd is None else water_sd[used],
        surface_shift_m=shift,
        name=name,
    )  # fmt: skip


def _site(info: SeriesInfo) -> bool:
    return info.key.variable == "air_pressure"


def _add(piece: Piece, sums: Array, origin: int, step: int) -> None:
    times = np.frombuffer(piece.times, dtype=np.int64)
    values = np.frombuffer(piece.values, dtype=np.float64)
    flags = np.frombuffer(piece.flags, dtype=np.int8)
    good = np.isin(flags, USED_FLAGS) & np.isfinite(values)
    slot = (times[good] - origin) // step
    count = sums.shape[1]
    sums[0] += np.bincount(slot, values[good], count)[:count]
    sums[1] += np.bincount(slot, None, count)[:count]
    if len(piece.lower):
        width = (
            np.frombuffer(piece.upper, dtype=np.float64)[good]
            - np.frombuffer(piece.lower, dtype=np.float64)[good]
        )
        known = np.isfinite(width)
        sums[2] += np.bincount(slot[known], width[known], count)[:count]
        sums[3] += np.bincount(slot[known], None, count)[:count]
