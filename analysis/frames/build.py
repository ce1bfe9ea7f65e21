"""From a reader or a tidy table to aligned arrays: one regular grid of whole days, one column per series.

The grid's slots are the data's own step, at least 30 minutes; finer data are averaged (rain is summed), a slot
without a good value stays NaN. Days begin at midnight of solar time where the longitude is known, so
that a day is a day on site whatever the clock. Stamps are moved to the middle of the interval they
mark; what is left of a constant offset is kept beside the column and used for hours and lags.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from soilco2.analysis import rounding
from soilco2.analysis.errors import DataError
from soilco2.analysis.frames.doubtful import other_unit, sentinels
from soilco2.analysis.frames.frame import NOWHERE, Array, Column, Frame, Site, Times
from soilco2.quality.records import Flag, SeriesKey
from soilco2.station_config.errors import StationConfigError
from soilco2.station_config.message import Message
from soilco2.station_config.times import DAY_S
from soilco2.station_config.units import conversion
from soilco2.station_config.variables import VARIABLES, Variable, Variables
from soilco2.storage.reader import Reader, SeriesInfo

if TYPE_CHECKING:
    import pandas as pd


GOOD_FLAGS: Final = (int(Flag.GOOD), int(Flag.NOT_EVALUATED))
STEPS_S: Final = (1800, 3600, 7200, 10_800, 14_400, 21_600, 28_800, 43_200, 86_400)
_EARLIEST = 631_152_000_000_000  # 1990
_LATEST = 4_102_444_800_000_000  # 2100


def from_reader(
    reader: Reader,
    start_us: int | None = None,
    end_us: int | None = None,
    *,
    site: Site = NOWHERE,
    station: str | None = None,
) -> list[Frame]:
    """Frames from a reader (journal, InfluxDB or tidy files), one per station.

    Parameters
    ----------
    reader : soilco2.storage.reader.Reader
    start_us, end_us : int, optional
        ``start_us <= time < end_us`` [µs UTC].
    site : Site
    station : str, optional
        Only this station.
    """
    variables = reader.variables
    infos = [
        info
        for info in reader.series()
        if info.key.variable in variables and (station is None or info.key.station == station)
    ]
    by_station: dict[str, list[_Raw]] = {}
    for info in infos:
        pieces = list(reader.read([info.key], start_us, end_us))
        times = np.concatenate(
            [np.frombuffer(p.times, dtype=np.int64) for p in pieces] or [np.empty(0, np.int64)]
        )
        values = np.concatenate([np.frombuffer(p.values, dtype=float) for p in pieces] or [np.empty(0)])
        flags = np.concatenate(
            [np.frombuffer(p.flags, dtype=np.int8) for p in pieces] or [np.empty(0, np.int8)]
        )
        by_station.setdefault(info.key.station, []).append(_Raw(info, times, values, flags))
    return [_assemble(name, raw, site, variables) for name, raw in sorted(by_station.items())]


def from_table(
    table: pd.DataFrame,
    start_us: int | None = None,
    end_us: int | None = None,
    *,
    site: Site = NOWHERE,
    variables: Variables = VARIABLES,
) -> list[Frame]:
    """Frames from a tidy table, one per station.

    Parameters
    ----------
    table : pandas.DataFrame
        Columns ``time_utc`` (text with Z or an offset, or times with a zone), ``variable``, ``value``, ``unit``,
        and where there are any ``station``, ``profile``, ``position``, ``depth_m``, ``flag``, ``period_s``,
        ``stamp``.
    start_us, end_us : int, optional
        ``start_us <= time < end_us`` [µs UTC].
    site : Site
    variables : Variables, optional
        The registry of the station that the table is of.

    Raises
    ------
    DataError
        A column is missing, a unit or variable unknown, a time without zone, a depth above ground for soil.
    """
    import pandas as pd

    _require_columns(table)
    times = _times_us(table["time_utc"])
    _require_known(table["variable"], variables)
    value = pd.to_numeric(table["value"], errors="coerce").to_numpy(dtype=float, na_value=np.nan)
    flag = _flags(table)
    stamp = _text(table, "stamp")
    period = (
        pd.to_numeric(table["period_s"], errors="coerce").to_numpy() if "period_s" in table.columns else None
    )
    by_station: dict[str, list[_Raw]] = {}
    codes, groups = pd.factorize(pd.MultiIndex.from_frame(_keys(table)), use_na_sentinel=False)
    order = np.argsort(codes, kind="stable")
    bounds = np.searchsorted(codes[order], np.arange(len(groups) + 1))
    for index, (station, profile, position, z, name, unit) in enumerate(groups):
        rows = order[bounds[index] : bounds[index + 1]]
        try:
            gain, offset = conversion(unit, name, variables)
        except StationConfigError as error:
            raise DataError(Message.of(error)) from None
        depth_m = _depth_m(z, name)
        if not position and depth_m is not None:
            position = f"{depth_m:g} m"
        info = SeriesInfo(
            key=SeriesKey(station, profile, position, name),
            unit=variables[name].unit,
            depth_m=depth_m,
            period_s=None if period is None or not np.isfinite(period[rows[0]]) else float(period[rows[0]]),
            stamp=str(stamp.iloc[rows[0]]) or "instant",
        )
        t = times[rows]
        keep = np.ones(t.size, bool)
        if start_us is not None:
            keep &= t >= start_us
        if end_us is not None:
            keep &= t < end_us
        by_station.setdefault(station, []).append(
            _Raw(info, t[keep], value[rows][keep] * gain + offset, flag[rows][keep])
        )
    return [_assemble(name, raw, site, variables) for name, raw in sorted(by_station.items())]


def _require_columns(table: pd.DataFrame) -> None:
    missing = [name for name in ("time_utc", "variable", "value", "unit") if name not in table.columns]
    if missing:
        raise DataError(
            Message(
                "the table has no column {names}; a tidy table needs time_utc, variable, value, unit",
                names=", ".join(missing),
            )
        )
    if not len(table):
        raise DataError(Message("the table has no rows"))


def _require_known(names: pd.Series, variables: Variables) -> None:
    for name in sorted(names.astype(str).unique()):
        try:
            variables.find(name)
        except StationConfigError as error:
            raise DataError(Message.of(error)) from None


def _text(table: pd.DataFrame, name: str) -> pd.Series:
    """A column of texts, empty where the table has none."""
    import pandas as pd

    if name in table.columns:
        return table[name].astype("string").fillna("")
    return pd.Series("", index=table.index)


def _flags(table: pd.DataFrame) -> NDArray[np.int8]:
    """Each row's flag: as given, else not evaluated; good where the table knows no flags."""
    import pandas as pd

    if "flag" not in table.columns:
        return np.full(len(table), int(Flag.GOOD), np.int8)
    given = pd.to_numeric(table["flag"], errors="coerce").fillna(int(Flag.NOT_EVALUATED))
    return given.to_numpy(dtype=np.int8)


def _keys(table: pd.DataFrame) -> pd.DataFrame:
    """What makes rows one series: place, depth, variable and unit."""
    import pandas as pd

    text = {name: _text(table, name) for name in ("station", "profile", "position")}
    depth = (
        pd.to_numeric(table["depth_m"], errors="coerce")
        if "depth_m" in table.columns
        else pd.Series(np.nan, index=table.index)
    )
    others = {"depth": depth, "variable": table["variable"].astype(str), "unit": table["unit"].astype(str)}
    return pd.DataFrame({**text, **others}, index=table.index)


def _depth_m(z: float, variable: str) -> float | None:
    """A series' depth, None without one.

    Raises
    ------
    DataError
        When it is above ground, and the variable is the soil's.
    """
    import pandas as pd

    if pd.isna(z):
        return None
    if z < 0 and variable in ("soil_temperature", "soil_water", "bulk_ec"):
        raise DataError(
            Message(
                "{variable} at depth_m = {depth:g} would be above ground: depths are positive downward",
                variable=variable,
                depth=z,
            )
        )
    return float(z)


def _times_us(column: pd.Series) -> Times:
    import pandas as pd

    if pd.api.types.is_datetime64_dtype(column.dtype):
        raise DataError(
            Message(
                "time_utc has no time zone; give it one, for example table['time_utc'].dt.tz_localize('UTC')"
            )
        )
    if pd.api.types.is_numeric_dtype(column.dtype):
        raise DataError(Message("time_utc holds numbers; write times as 2026-03-01T00:00:00Z"))
    if not isinstance(column.dtype, pd.DatetimeTZDtype):
        text = column.astype("string").str.strip()
        zoned = text.str.contains(r"(?:Z|[+-]\d{2}:?\d{2})$", regex=True, na=False)
        if not zoned.all():
            row = int(np.flatnonzero(~zoned.to_numpy())[0])
            raise DataError(
                Message(
                    "time_utc {time} in row {row} has no time zone; write 2026-03-01T00:00:00Z",
                    time=repr(text.iloc[row]),
                    row=row + 1,
                )
            )
        parsed = pd.to_datetime(text, utc=True, errors="coerce", format="ISO8601")
        if parsed.isna().any():
            row = int(np.flatnonzero(parsed.isna().to_numpy())[0])
            raise DataError(
                Message(
                    "time_utc {time} in row {row} is not a time; write 2026-03-01T00:00:00Z",
                    time=repr(text.iloc[row]),
                    row=row + 1,
                )
            )
        column = parsed
    return column.dt.tz_convert("UTC").dt.as_unit("us").astype("int64").to_numpy()


@dataclass(slots=True)
class _Raw:
    info: SeriesInfo
    times: Times
    values: Array
    flags: NDArray[np.int8]


def _assemble(station: str, raws: list[_Raw], site: Site, variables: Variables) -> Frame:
    cleaned = [_clean(raw, variables[raw.info.key.variable]) for raw in raws]
    steps = [_step(raw.times) for raw, _ in cleaned if raw.times.size > 1]
    if not any(raw.times.size for raw, _ in cleaned):
        raise DataError(
            Message("station {station!r}: there is no good value in the time asked for", station=station)
        )
    typical = float(np.median(steps)) if steps else STEPS_S[0]
    step_s = next((s for s in STEPS_S if s >= 0.95 * typical), STEPS_S[-1])
    shift_us = round((site.longitude or 0.0) / 15.0 * 3600 / step_s) * step_s * 1_000_000
    day_us = DAY_S * 1_000_000
    first = min(int(raw.times[0]) for raw, _ in cleaned if raw.times.size)
    last = max(int(raw.times[-1]) for raw, _ in cleaned if raw.times.size)
    start_us = (first + shift_us) // day_us * day_us - shift_us
    days = (last - start_us) // day_us + 1
    columns = [
        _column(raw, left_out, start_us, step_s, int(days), row=variables[raw.info.key.variable])
        for raw, left_out in cleaned
    ]
    return Frame(station, start_us, step_s, tuple(columns), site, variables)


def _clean(raw: _Raw, row: Variable) -> tuple[_Raw, dict[str, int]]:
    """Sorted, strictly increasing, good and finite; what was left out is counted by reason."""
    left_out: dict[str, int] = {}
    times, values, flags = raw.times, raw.values, raw.flags

    def drop(keep: NDArray[np.bool_], reason: str) -> None:
        nonlocal times, values, flags
        count = int(keep.size - keep.sum())
        if count:
            left_out[reason] = left_out.get(reason, 0) + count
            times, values, flags = times[keep], values[keep], flags[keep]

    drop(np.isfinite(values), "missing")
    drop(np.isin(flags, GOOD_FLAGS), "flagged")
    drop(~sentinels(values, row.lower, row.upper), "sentinel")
    if unit := other_unit(raw.info.key.variable, values):
        drop(np.zeros(values.size, bool), f"unit {unit}")
    drop(rounding.within(values, row.lower, row.upper), "impossible")
    drop((times >= _EARLIEST) & (times < _LATEST), "clock")
    if times.size > 1 and (np.diff(times) <= 0).any():
        order = np.argsort(times, kind="stable")
        times, values, flags = times[order], values[order], flags[order]
        repeated = np.diff(times) == 0
        if repeated.any():
            group = np.cumsum(np.r_[True, ~repeated]) - 1
            low = np.minimum.reduceat(values, np.flatnonzero(np.r_[True, ~repeated]))
            high = np.maximum.reduceat(values, np.flatnonzero(np.r_[True, ~repeated]))
            conflict = rounding.above(high, low)[group]
            drop(~conflict, "one time, two values")
            drop(np.r_[True, np.diff(times) > 0] if times.size else np.empty(0, bool), "repeated")
    middle = {"start": 0.5, "end": -0.5}.get(raw.info.stamp, 0.0)
    if middle and times.size > 1:
        period = raw.info.period_s or _step(times)
        times = times + round(middle * period * 1e6)
    return _Raw(raw.info, times, values, flags), left_out


def _step(times: Times) -> float:
    """Most common interval [s]."""
    gaps, counts = np.unique(np.diff(times), return_counts=True)
    return float(gaps[np.argmax(counts)]) / 1e6


def _column(
    raw: _Raw, left_out: dict[str, int], start_us: int, step_s: int, days: int, *, row: Variable
) -> Column:
    n = days * (DAY_S // step_s)
    step_us = step_s * 1_000_000
    slot, within = np.divmod(raw.times - start_us, step_us)
    inside = (slot >= 0) & (slot < n)
    slot, values = slot[inside], raw.values[inside]
    count = np.bincount(slot, minlength=n)
    total = np.bincount(slot, weights=values, minlength=n)
    if row.turns:
        turn = np.deg2rad(values)
        east, north = (np.bincount(slot, weights=part, minlength=n) for part in (np.sin(turn), np.cos(turn)))
        grid = np.where(count > 0, np.rad2deg(np.arctan2(east, north)) % 360, np.nan)
    else:
        grid = np.divide(total, 1 if row.sums else count, out=np.full(n, np.nan), where=count > 0)
    native = _step(raw.times) if raw.times.size > 1 else float(step_s)
    return Column(
        key=raw.info.key,
        depth_m=raw.info.depth_m,
        values=grid,
        offset_h=float(np.mean(within[inside])) / 3.6e9 if inside.any() else step_s / 7200,
        resolution=_resolution(raw.values),
        rows=raw.values.size + sum(left_out.values()),
        left_out=left_out,
        stuck=_stuck(raw.values, max(round(DAY_S / max(native, 1.0)), 3)),
        note=raw.info.note,
    )


def _resolution(values: Array) -> float:
    """Smallest usual step between different values: a low quantile, so that rounding noise does not count."""
    if values.size < 3:
        return 0.0
    sample = np.unique(np.round(values[:200_000], 6))
    gaps = np.diff(sample)
    return float(np.quantile(gaps, 0.05)) if gaps.size else 0.0


def _stuck(values: Array, least: int) -> int:
    """Values in runs of one repeated value longer than `least`."""
    if values.size < 2:
        return 0
    starts = np.flatnonzero(np.r_[True, rounding.above(np.abs(np.diff(values)), 0.0, np.abs(values).max())])
    lengths = np.diff(np.r_[starts, values.size])
    return int(lengths[lengths > least].sum())
