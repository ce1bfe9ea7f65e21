"""Measured data for the simulation: NEON's half-hourly soil profiles, or any tidy table.

A folder is read as the NEON extract of the project (``soil_co2``, ``soil_temperature``,
``soil_water_content``, ``barometric_pressure``, each ``.csv`` or ``.csv.gz``), a file as a tidy table
(``.csv`` or ``.csv.gz``) with at least ``time_utc``, ``variable`` and ``value``, and ``profile``,
``depth_m`` and ``unit`` where they apply. Every value that is present is replayed as measured, whatever flag
its publisher gave it: judging is the station's own work.
"""

from __future__ import annotations

import csv
import gzip
import importlib.resources
import math
from array import array
from bisect import bisect_right
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import IO, NamedTuple

from soilco2.ingest.errors import SimulationError, cause
from soilco2.station_config.errors import StationConfigError
from soilco2.station_config.message import Message
from soilco2.station_config.units import conversion
from soilco2.station_config.variables import VARIABLES, Variables

DEFAULT = "neon_sjer_2022_06"
SITE = "site"

_NEON = {
    "soil_co2": ("co2", 1.0),
    "soil_temperature": ("soil_temperature", 1.0),
    "soil_water_content": ("soil_water", 1.0),
    "barometric_pressure": ("air_pressure", 10.0),  # kPa to hPa
}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TOLERANCE_M = 0.0101
"""Two sensors at most this far apart in depth count as one place [m]: one centimetre."""


class SensorKey(NamedTuple):
    """One series of the data.

    Parameters
    ----------
    profile : str
        Plot or profile; ``"site"`` without depth.
    variable : str
    depth_m : float
        Positive downward [m]; 0 without depth.
    """

    profile: str
    variable: str
    depth_m: float

    def __str__(self) -> str:
        if self.profile == SITE:
            return Message("{variable} of {plot}", variable=self.variable, plot=self.profile)
        return Message(
            "{variable} of {plot} at {depth_m:g} m",
            variable=self.variable,
            plot=self.profile,
            depth_m=self.depth_m,
        )


class Measured:
    """Series by plot, variable and depth, in canonical units.

    Parameters
    ----------
    rows : iterable of (time [µs UTC], SensorKey, value)
    name : str
        Where they come from.

    Raises
    ------
    SimulationError
        When there are none.
    """

    def __init__(self, rows: Iterator[tuple[int, SensorKey, float]], name: str) -> None:
        self.name = name
        found: dict[SensorKey, list[tuple[int, float]]] = {}
        times = set()
        for time_us, key, value in rows:
            found.setdefault(key, []).append((time_us, value))
            times.add(time_us)
        if not found:
            raise SimulationError(Message("{data}: there is no value in these data", data=name))
        self._series: dict[SensorKey, tuple[array[int], array[float]]] = {}
        for key, pairs in found.items():
            pairs.sort(key=lambda pair: pair[0])
            self._series[key] = (
                array("q", [at for at, _ in pairs]),
                array("d", [value for _, value in pairs]),
            )
        ordered = sorted(times)
        self.first_us = ordered[0]
        steps = (later - sooner for sooner, later in pairwise(ordered))
        self.step_us = min(steps, default=1_800_000_000)
        """Interval that a value stands for [µs]."""
        self.end_us = ordered[-1] + self.step_us
        """First moment after the data [µs UTC]."""

    @property
    def keys(self) -> list[SensorKey]:
        """Every series, sorted."""
        return sorted(self._series)

    @property
    def profiles(self) -> list[str]:
        """The plots or profiles, without the site."""
        return sorted({key.profile for key in self._series} - {SITE})

    def has(self, key: SensorKey) -> bool:
        """Whether the series has any value at all."""
        pair = self._series.get(key)
        return pair is not None and any(not math.isnan(value) for value in pair[1])

    def find(self, profile: str, variable: str, depth_m: float | None, *, exact: bool) -> SensorKey | None:
        """The series nearest in depth: within one centimetre when `exact`, else the nearest with values."""
        near = [
            key
            for key in self._series
            if (key.profile, key.variable) == (profile, variable) and (exact or self.has(key))
        ]
        if not near:
            return None
        best = min(near, key=lambda key: (abs(key.depth_m - (depth_m or 0.0)), key.depth_m))
        if exact and depth_m is not None and abs(best.depth_m - depth_m) > _TOLERANCE_M:
            return None
        return best

    def value(self, key: SensorKey, time_us: int) -> float | None:
        """The value that stands for `time_us` [µs UTC]: that of the interval it lies in; None in a gap."""
        times, values = self._series[key]
        index = bisect_right(times, time_us) - 1
        if index < 0 or time_us - times[index] >= self.step_us:
            return None
        value = values[index]
        return None if math.isnan(value) else value


def default_folder() -> Path:
    """The project's own data: SJER, June 2022."""
    return Path(str(importlib.resources.files("soilco2.teaching").joinpath("data", DEFAULT)))


def load_measured(path: Path | None = None, variables: Variables = VARIABLES) -> Measured:
    """Read a folder of NEON's soil data or a tidy table; SJER June 2022 when left out.

    Raises
    ------
    SimulationError
        When it is not there or not readable; the message names file and line.
    """
    path = default_folder() if path is None else path
    try:
        if path.is_dir():
            return Measured(_neon_rows(path), path.name)
        return Measured(_tidy_rows(path, variables), path.name)
    except (OSError, EOFError, csv.Error, UnicodeDecodeError) as error:
        raise SimulationError(
            Message("{path}: the data cannot be read: {why}", path=path, why=_reason(error))
        ) from error


def _open(path: Path) -> IO[str]:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8-sig", newline="")
    return path.open(encoding="utf-8-sig", newline="")


class _Times:
    """Time stamps by their text; each is parsed once."""

    def __init__(self) -> None:
        self._known: dict[str, int] = {}

    def __call__(self, text: str) -> int:
        found = self._known.get(text)
        if found is None:
            moment = datetime.fromisoformat(text)
            if moment.tzinfo is None:
                raise ValueError(
                    Message("time {time!r} has no zone; expected such as 2022-06-01T00:00:00Z", time=text)
                )
            found = self._known[text] = (moment - _EPOCH) // timedelta(microseconds=1)
        return found


def _neon_rows(folder: Path) -> Iterator[tuple[int, SensorKey, float]]:
    parse = _Times()
    files = 0
    for stem, (variable, factor) in _NEON.items():
        path = next((p for p in (folder / f"{stem}.csv.gz", folder / f"{stem}.csv") if p.is_file()), None)
        if path is None:
            continue
        files += 1
        site = variable == "air_pressure"
        keys: dict[tuple[str, str], SensorKey] = {}
        with _open(path) as handle:
            rows = csv.reader(handle)
            try:
                head = next(rows, [])
                at, plot, level, given = (head.index(n) for n in ("time_utc", "plot", "depth_m", "value"))
                for row in rows:
                    key = keys.get(place := (row[plot], row[level]))
                    if key is None:  # NEON: negative is below ground
                        depth = 0.0 if site else -float(place[1])
                        key = keys[place] = SensorKey(SITE if site else place[0], variable, depth)
                    # two decimals more than any sensor has, so that 10 x kPa is not 963.9430000000001
                    value = round(float(row[given]) * factor, 6) if row[given] else math.nan
                    yield parse(row[at]), key, value
            except (IndexError, ValueError) as error:
                raise SimulationError(
                    Message("{path}:{line}: {why}", path=path, line=rows.line_num, why=error)
                ) from error
    if not files:
        raise SimulationError(
            Message(
                "{folder}: none of {names} (.csv or .csv.gz) is there; expected a folder of NEON's soil data, or a "
                "tidy table",
                folder=folder,
                names=", ".join(_NEON),
            )
        )


def _tidy_rows(path: Path, variables: Variables) -> Iterator[tuple[int, SensorKey, float]]:
    parse = _Times()
    factors: dict[tuple[str, str], tuple[float, float]] = {}
    with _open(path) as handle:
        for number, row in enumerate(csv.DictReader(handle), 2):
            try:
                variable, unit = row["variable"], row.get("unit") or ""
                if (unit, variable) not in factors:
                    factors[unit, variable] = conversion(unit, variable, variables) if unit else (1.0, 0.0)
                a, b = factors[unit, variable]
                depth = row.get("depth_m") or ""
                profile = (row.get("profile") or "1") if depth else SITE
                key = SensorKey(profile, variable, float(depth) if depth else 0.0)
                value = a * float(row["value"]) + b if row["value"] else math.nan
                yield parse(row["time_utc"]), key, value
            except (KeyError, ValueError, TypeError, StationConfigError) as error:
                raise SimulationError(
                    Message("{path}:{line}: {why}", path=path, line=number, why=_reason(error))
                ) from error


def _reason(error: Exception) -> Message:
    if isinstance(error, KeyError):
        return Message("column {name} is missing", name=error)
    return cause(error)
