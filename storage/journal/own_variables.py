"""Variables that a station described itself, as the configurations of its journal have them.

A configuration stays in the journal for ever, so what was kept under one can be read after its ``[[variable]]`` left
the station file, and a number never goes on with another unit.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from contextlib import closing

from pydantic import ValidationError

from soilco2.station_config.errors import StationFileError
from soilco2.station_config.loader import Station
from soilco2.station_config.message import Message
from soilco2.station_config.parsing.faults import fault_at
from soilco2.station_config.parsing.toml_source import read_merged
from soilco2.station_config.tables.stationfile import StationFile
from soilco2.station_config.tables.variable import VariableTable
from soilco2.station_config.variables import Variable, Variables
from soilco2.storage.errors import StorageError, UnitChangedError
from soilco2.storage.journal.read_only import open_read_only


def described(db: sqlite3.Connection) -> list[Variable]:
    """Every variable that a configuration of the journal describes, the newest configuration first."""
    rows = db.execute("SELECT text FROM config WHERE text LIKE '%\"variable\":[{%' ORDER BY since_us DESC")
    found: dict[Variable, None] = {}
    for (text,) in rows:
        for table in json.loads(text)["station_file"].get("variable", ()):
            try:
                found.setdefault(VariableTable.model_validate_json(json.dumps(table)).row)
            except ValidationError:  # of another version of soilco2
                continue
    return list(found)


def with_earlier(db: sqlite3.Connection, variables: Variables, ids: Iterable[str]) -> Variables:
    """A registry, and of the ids that it does not have what earlier configurations say."""
    gone = set(ids) - set(variables)
    if not gone:
        return variables
    earlier = {row.id: row for row in reversed(described(db)) if row.id in gone}
    return variables.with_own(earlier.values())


def check_units(db: sqlite3.Connection, variables: Variables) -> None:
    """See that no variable of which values are kept has another unit than they have.

    Raises
    ------
    UnitChangedError
        When one has.
    """
    for name, why in _changed(db, variables).items():
        raise UnitChangedError(Message("variable {variable} {why}", variable=name, why=why))


def _changed(db: sqlite3.Connection, variables: Variables) -> dict[str, Message]:
    """The variables whose kept values have another unit, and what to do about it."""
    return {
        row.id: Message(
            "is kept in {old} in this journal and cannot become {new}; write unit = {old!r} again, or give the "
            "quantity in {new} an id of its own",
            old=row.unit,
            new=variables[row.id].unit,
        )
        for row in described(db)
        if row.id in variables
        and variables[row.id].unit != row.unit
        and db.execute("SELECT 1 FROM series WHERE variable = ? LIMIT 1", (row.id,)).fetchone()
    }


def check_station(station: Station) -> None:
    """See, before anything is changed, that a station's variables have the units in which its journal keeps them.

    Raises
    ------
    StationFileError
        When one has another, with its line.
    """
    path = station.path
    if path is None or not station.journal_path.is_file():
        return
    try:
        with closing(open_read_only(station.journal_path)) as db:
            changed = _changed(db, station.variables)
    except (StorageError, sqlite3.Error):
        return  # a journal that cannot be read is told where it is opened
    if changed:
        _, root, _ = read_merged(path, StationFile)
        at = {row.id: n for n, row in enumerate(station.file.variable)}
        raise StationFileError(
            [
                fault_at(root, ("variable", at.get(name, 0), "unit"), station.variables[name].unit, why)
                for name, why in changed.items()
            ]
        )
