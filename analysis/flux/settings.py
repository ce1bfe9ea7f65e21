"""Soil and settings from a TOML file or a pit table, every fault with its place."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from soilco2.analysis.flux.errors import FluxError, SoilTableError, expected
from soilco2.analysis.flux.physics.diffusivity import MODELS, require_possible
from soilco2.analysis.flux.physics.soil import read_pit_table
from soilco2.station_config.base import Table
from soilco2.station_config.message import Message, system
from soilco2.station_config.tables.flux import FluxTable
from soilco2.station_config.tables.soil import SoilTable
from soilco2.station_config.tables.stationfile import StationFile

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails


class _File(Table):
    """A soil file: tables as in the station file, and the altitude."""

    soil: SoilTable
    flux: FluxTable = FluxTable()
    altitude_m: float | None = None


@dataclass(frozen=True)
class Settings:
    """Soil, flux settings and altitude [m] of a calculation."""

    soil: SoilTable
    flux: FluxTable
    altitude_m: float | None = None


def read(path: Path) -> Settings:
    """Read ``[soil]``, ``[flux]`` and ``altitude_m`` from TOML, or horizons from a pit table (``.csv``).

    Raises
    ------
    SoilTableError
        Naming file, key, value and what was expected.
    StationConfigError
        The same, when it is a whole station file.
    """
    if path.suffix.lower() == ".csv":
        return Settings(read_pit_table(path), FluxTable())
    try:
        content: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SoilTableError(
            Message("soil file {path} cannot be read: {why}", path=path, why=system(error))
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SoilTableError(Message("soil file {path} is not TOML: {why}", path=path, why=error)) from None
    if "station" in content:
        from soilco2.station_config.loader import load_station

        return of_station(load_station(path).file, path)
    try:
        found = _File.model_validate(content)
    except ValidationError as error:
        raise SoilTableError(
            Message.joined((_fault(path, fault) for fault in error.errors()), "\n")
        ) from None
    check(found.flux)
    return Settings(found.soil, found.flux, found.altitude_m)


def of_station(file: StationFile, path: Path) -> Settings:
    """Soil, flux and altitude of a station file that was read from `path`.

    Raises
    ------
    SoilTableError
        When it has no table ``[soil]``.
    """
    if file.soil is None:
        raise SoilTableError(
            Message(
                "{path} has no table [soil]: a flux needs horizons with bulk density or porosity, there or by --soil",
                path=path,
            )
        )
    flux = file.flux or FluxTable()
    check(flux)
    return Settings(file.soil, flux, file.station.altitude_m)


def check(flux: FluxTable) -> None:
    """Refuse a diffusivity that is neither a model nor an expression with possible values.

    Raises
    ------
    SoilTableError
    """
    if flux.diffusivity not in MODELS:
        require_possible(flux.diffusivity)


def with_options(settings: Settings, **options: Any) -> Settings:
    """The same with some flux settings replaced; None leaves a setting as it is.

    Raises
    ------
    FluxError
        When a value cannot be.
    """
    given = {key: value for key, value in options.items() if value is not None}
    try:
        flux = FluxTable.model_validate({**settings.flux.model_dump(), **given})
    except ValidationError as error:
        raise FluxError(Message.joined(_fault(None, fault) for fault in error.errors())) from None
    check(flux)
    return Settings(settings.soil, flux, settings.altitude_m)


def _fault(path: Path | None, fault: ErrorDetails) -> Message:
    key = ".".join(str(part) for part in fault["loc"])
    if fault["type"] == "missing" and key == "soil":
        key = "[[soil.horizon]]"
        said = Message("is missing; give top_m, bottom_m and porosity (or bulk_density_g_cm3)")
    else:
        said = expected(fault)
    found = fault.get("input")
    shown = isinstance(found, str | int | float | bool)
    return Message(
        ("{path}: " if path else "") + ("{key} = {found}: " if shown else "{key}: ") + "{expected}",
        path=path, key=key, found=repr(found), expected=said,
    )  # fmt: skip
