"""From the text of a station file to a `Station`, or every fault in it at once."""

from __future__ import annotations

import hashlib
import json
import os
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from station_config.catalogue import ProbeModel, load_catalogue
from station_config.directory import Directory
from station_config.stationfile import StationFile


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

    @cached_property
    def directory(self) -> Directory:
        """Series, installations, calibrations, depths."""
        return Directory(self.file, self.models)

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
        With every fault at once.
    """
    path = Path(path)
    data = tomllib.loads(path.read_text(encoding="utf-8"))
    file = StationFile.model_validate(data, context={"folder": path.parent.absolute()})
    models = load_catalogue(*file.catalogue, *catalogue)
    return Station(path, file, _used(file, models))


def _used(file: StationFile, models: dict[str, ProbeModel]) -> dict[str, ProbeModel]:
    return {name: models[name] for name in sorted({row.model for row in file.instrument})}


def parse_station(text: str) -> Station:
    """The station of a canonical text, as the journal keeps it.

    Raises
    ------
    StationConfigError
        When the text is not one that this version can read.
    """
    value: dict[str, Any] = json.loads(text)
    file = StationFile.model_validate_json(json.dumps(value["station_file"]))
    models = {
        name: ProbeModel.model_validate_json(json.dumps(model)) for name, model in value["models"].items()
    }
    return Station(None, file, models)
