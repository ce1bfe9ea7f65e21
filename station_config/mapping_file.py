"""A mapping file: the keys of a ``[[connection]]`` of logger files that say how a file is laid out, alone in a file."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from soilco2.station_config.errors import StationConfigError, StationFileError
from soilco2.station_config.loader import Station
from soilco2.station_config.mapping import Mapping, wrong_in
from soilco2.station_config.message import Message
from soilco2.station_config.parsing.faults import fault_at, from_models, nearest
from soilco2.station_config.parsing.toml_source import read_toml


def load_mapping(path: Path, station: Station) -> Mapping:
    """Read a mapping file and hold it against a station.

    Raises
    ------
    StationFileError
        With every fault at once, each with its line.
    """
    data, root = read_toml(path)
    try:
        mapping = Mapping.model_validate(data)
    except ValidationError as error:
        raise StationFileError(from_models(error.errors(), data, root, Mapping)) from error
    faults = [fault_at(root, *wrong) for wrong in wrong_in(mapping.column, station.file, station.models)]
    if not mapping.column:
        faults = [fault_at(root, ("column",), None, Message("at least one [[column]] is expected"))]
    if faults:
        raise StationFileError(faults)
    return mapping


def mapping_of(name: str, station: Station) -> Mapping:
    """The mapping of that name: that of a connection of the station, or a mapping file.

    Raises
    ------
    StationConfigError
        When it is neither, or has faults.
    """
    rows = [row for row in station.file.connection if isinstance(row, Mapping)]
    for row in rows:
        if row.id == name:
            return Mapping.model_validate({key: getattr(row, key) for key in Mapping.model_fields})
    path = Path(name)
    if not path.exists():
        raise StationConfigError(
            Message(
                "{name} is neither a mapping file nor the id of a connection of logger files; {nearest}",
                name=name,
                nearest=nearest(name, [row.id for row in rows]),
            )
        )
    return load_mapping(path, station)
