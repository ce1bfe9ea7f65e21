"""A learner's own data in the work folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from soilco2.station_config.message import Message
from soilco2.teaching.case.work_folder import Work
from soilco2.teaching.errors import CaseError

if TYPE_CHECKING:
    from soilco2.station_config.tables.stationfile import StationFile
    from soilco2.storage.reader import SeriesInfo


OWN = "own.csv"


SOIL = ("own_soil.toml", "own_soil.csv")
"""Where the soil of own data may lie."""


class Holds(NamedTuple):
    """What own data hold.

    Parameters
    ----------
    series : int
    co2_depths : dict
        Depths with CO2 [m] by profile.
    variables : set of str
    start_us, end_us : int
        First and last time [µs UTC].
    """

    series: int
    co2_depths: dict[str, list[float]]
    variables: set[str]
    start_us: int
    end_us: int


def take_in(source: Path, work: Work) -> None:
    """Copy own data into the folder as ``data/own.csv``.

    Parameters
    ----------
    source : Path
        A station file (its journal is read) or a tidy table.
    work : Work

    Raises
    ------
    CaseError
        When there is nothing in it that the case can use.
    StorageError, StationConfigError
        When it cannot be read.
    """
    from soilco2.station_config.loader import load_station
    from soilco2.storage.open import open_reader
    from soilco2.storage.tidy.writer import write_tidy

    if not source.exists():
        raise CaseError(
            Message(
                "{path}: there is no such file; --data takes a station file (.toml) or a tidy table (.csv)",
                path=source,
            )
        )
    station = load_station(source) if source.suffix.lower() == ".toml" else None
    reader = open_reader(source)
    try:
        infos = reader.series()
        held = _holds(infos)
        if not any(held.co2_depths.values()) and "co2" in held.variables:
            raise CaseError(
                Message(
                    "{path}: the CO₂ in these data has no depth below the surface; depth_m is in metres, "
                    "positive downward",
                    path=source,
                )
            )
        if not any(held.co2_depths.values()) and "co2_flux" not in held.variables:
            raise CaseError(
                Message(
                    "{path}: there is no CO₂ in these data (found: {variables}); the case needs co2 with "
                    "depth_m",
                    path=source,
                    variables=", ".join(sorted(held.variables)) or "–",
                )
            )
        target = work.path / "data" / OWN
        if target.exists():
            raise CaseError(
                Message(
                    "{path}: own data are there already; move the file away first, nothing was changed",
                    path=target,
                )
            )
        write_tidy(reader, infos, target, station=station, source="journal" if station else "tidy table")
    finally:
        reader.close()
    if station is not None and station.file.soil is not None and soil_of(work.path) is None:
        _write_soil(station.file, work.path / "data" / SOIL[0])


def soil_of(folder: Path) -> Path | None:
    """Where the soil of own data lies in a work folder; None when it is not there."""
    return next((path for name in SOIL if (path := folder / "data" / name).is_file()), None)


def take_in_soil(source: Path, work: Work) -> None:
    """Copy the soil of own data, a TOML file or a pit table, into the folder.

    Raises
    ------
    CaseError
        When there is no such file, or one is in the folder already.
    AnalysisError, StationConfigError
        When it does not describe a soil.
    """
    from soilco2.analysis.flux.settings import read

    if not source.is_file():
        raise CaseError(
            Message(
                "{path}: there is no such file; --soil takes horizons (.toml) or a pit table (.csv)",
                path=source,
            )
        )
    read(source)
    if (there := soil_of(work.path)) is not None:
        raise CaseError(
            Message(
                "{path}: a soil is there already; move the file away first, nothing was changed", path=there
            )
        )
    name = SOIL[1] if source.suffix.lower() == ".csv" else SOIL[0]
    (work.path / "data" / name).write_bytes(source.read_bytes())


def _write_soil(file: StationFile, target: Path) -> None:
    """The soil and the altitude of a station as a soil file."""
    assert file.soil is not None
    rows = [f"altitude_m = {file.station.altitude_m}\n"]
    for horizon in file.soil.horizon:
        values = horizon.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
        rows.append("[[soil.horizon]]\n" + "".join(f"{k} = {json.dumps(v)}\n" for k, v in values.items()))
    if file.flux is not None:
        values = file.flux.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
        rows.append("[flux]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in values.items()))
    target.write_text("\n".join(rows), encoding="utf-8")


def _holds(infos: list[SeriesInfo]) -> Holds:
    depths: dict[str, list[float]] = {}
    for info in infos:
        if info.key.variable == "co2" and info.depth_m is not None and info.depth_m > 0:
            depths.setdefault(info.key.profile, []).append(info.depth_m)
    first = [info.first_us for info in infos if info.first_us is not None]
    last = [info.last_us for info in infos if info.last_us is not None]
    return Holds(
        len(infos), {name: sorted(z) for name, z in depths.items()}, {info.key.variable for info in infos},
        min(first, default=0), max(last, default=0),
    )  # fmt: skip
