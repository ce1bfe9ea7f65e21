"""From the text of a station file to a `Station`, or every fault in it at once."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from soilco2.station_config.catalogue.load import read_folders
from soilco2.station_config.catalogue.probe import ProbeModel
from soilco2.station_config.checks.analog import analog, with_inputs
from soilco2.station_config.checks.own_variables import RULES as OWN
from soilco2.station_config.checks.places import RULES as PLACES
from soilco2.station_config.checks.wiring import RULES as WIRING
from soilco2.station_config.connections.registry import broken, kind_named, model_of
from soilco2.station_config.deployments import Deployments
from soilco2.station_config.errors import Fault, StationConfigError, StationFileError
from soilco2.station_config.message import Message
from soilco2.station_config.parsing.faults import fault_at, from_models, secrets_in
from soilco2.station_config.parsing.salvage import Salvaged
from soilco2.station_config.parsing.toml_positions import Spot
from soilco2.station_config.parsing.toml_source import read_merged
from soilco2.station_config.tables.stationfile import StationFile
from soilco2.station_config.variables import Variables


@dataclass(frozen=True)
class Station:
    """A valid station file and everything that follows from it.

    Parameters
    ----------
    path : Path or None
        The file; None when it came from the journal's configuration table.
    file : StationFile
        After `include` was resolved; paths are absolute.
    models : dict of str to ProbeModel
        The models that the station uses.
    """

    path: Path | None
    file: StationFile
    models: dict[str, ProbeModel]
    advice: tuple[Fault, ...] = ()
    """Warnings: nothing forbids it, but it is likely to be a mistake or costs accuracy."""

    @cached_property
    def deployments(self) -> Deployments:
        """Series, installations, calibrations, depths."""
        return Deployments(self.file, self.models)

    @property
    def variables(self) -> Variables:
        """The registry of this station: what comes with the package and its own."""
        return self.file.variables

    @cached_property
    def text(self) -> str:
        """Canonical JSON of the merged file and the models used; `parse_station` reads it back."""
        value = {
            "station_file": self.file.model_dump(mode="json", exclude_defaults=True),
            "models": {
                name: model.model_dump(mode="json", exclude_defaults=True)
                for name, model in self.models.items()
            },
        }
        return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))

    @cached_property
    def hash(self) -> str:
        """Twelve hexadecimal digits that name this configuration: the beginning of the text's SHA-256."""
        return hashlib.sha256(self.text.encode()).hexdigest()[:12]

    @property
    def journal_path(self) -> Path:
        """The journal's file: ``[journal] path``, or by station id under the user's state folder."""
        chosen = self.file.journal.path
        return chosen if chosen is not None else state_folder() / self.file.station.id / "journal.sqlite"


def state_folder() -> Path:
    """``$SOILCO2_STATE``, else ``$XDG_STATE_HOME/soilco2``, else ``~/.local/state/soilco2``."""
    if chosen := os.environ.get("SOILCO2_STATE"):
        return Path(chosen).expanduser()
    base = os.environ.get("XDG_STATE_HOME", "")
    # the XDG specification wants relative paths ignored
    return (Path(base) if base.startswith("/") else Path.home() / ".local" / "state") / "soilco2"


def load_station(path: str | Path, catalogue: Sequence[Path] = ()) -> Station:
    """Read a station file.

    Parameters
    ----------
    path : str or Path
    catalogue : sequence of Path
        Further catalogue folders, after the built-in one and those the file names.

    Raises
    ------
    StationFileError
        With every fault at once: what the models refuse, what the rules between tables forbid.
    StationConfigError
        When a connection is of a kind that another distribution brings and that cannot be used.
    """
    from soilco2.station_config.checks.advice import advice_on

    path = Path(path)
    data, root, faults = read_merged(path, StationFile)
    _refuse_broken(data, root)
    secrets = secrets_in(data, root)
    faults += secrets.values()
    salvaged = Salvaged(data, root)
    faults += from_models(salvaged.errors, data, root, StationFile, skip=secrets)
    models, wrong = read_folders(*salvaged.file.catalogue, *catalogue, variables=salvaged.variables)
    faults += wrong
    models = with_inputs(salvaged, models)
    for rule in (*OWN, analog, *WIRING, *PLACES):
        faults += rule(salvaged, models)
    if faults:
        order = {fault.file: number for number, fault in enumerate(reversed(faults))}
        order[str(path)] = -1
        raise StationFileError(sorted(faults, key=lambda one: (order[one.file], one.line or 0)))
    used = {name: models[name] for name in sorted({row.model_key for row in salvaged.file.instrument})}
    station = Station(path, salvaged.file, used)
    return replace(station, advice=tuple(advice_on(salvaged, station.deployments)))


def _refuse_broken(data: dict[str, Any], root: Spot) -> None:
    rows = data.get("connection")
    for n, row in enumerate(rows if isinstance(rows, list) else []):
        name = row.get("kind") if isinstance(row, dict) else None
        if isinstance(name, str) and kind_named(name) is None and name in broken():
            raise StationConfigError(
                Message.of(fault_at(root, ("connection", n, "kind"), name, broken()[name]))
            )


def parse_station(text: str) -> Station:
    """The station of a canonical text, as the journal keeps it.

    Raises
    ------
    StationConfigError
        When the text is not one that this version can read.
    """
    try:
        value: dict[str, Any] = json.loads(text)
        file = StationFile.model_validate_json(json.dumps(value["station_file"]))
        models = {
            name: (model_of(model) or ProbeModel).model_validate_json(json.dumps(model))
            for name, model in value["models"].items()
        }
        for row in file.instrument:
            models[row.model_key]  # each with its model
    except (ValueError, KeyError, TypeError, AttributeError, ValidationError) as error:
        raise StationConfigError(
            Message(
                "a configuration kept in the journal cannot be read by this version of soilco2: {why}",
                why=str(error).splitlines()[0],
            )
        ) from error
    return Station(None, file, models)
