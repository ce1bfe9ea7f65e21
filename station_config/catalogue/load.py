"""The catalogue of probes: folders with one TOML file per model. A new probe is a new file, no code.

The built-in files lie in ``station_config/catalogue/``; a station file may name folders of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from soilco2.station_config.catalogue.probe import ChannelSpec, Line, ProbeModel, StatusBit, StatusBits
from soilco2.station_config.connections.registry import model_of, protocols
from soilco2.station_config.errors import Fault, StationConfigError, StationFileError
from soilco2.station_config.message import Message
from soilco2.station_config.parsing.faults import Path as KeyPath
from soilco2.station_config.parsing.faults import either, fault_at, from_models, nearest
from soilco2.station_config.parsing.toml_positions import Spot
from soilco2.station_config.parsing.toml_source import read_toml
from soilco2.station_config.units import conversion
from soilco2.station_config.variables import VARIABLES, Variables

__all__ = [
    "BUILT_IN",
    "ChannelSpec",
    "Line",
    "ProbeModel",
    "StatusBit",
    "StatusBits",
    "load_catalogue",
    "read_folders",
    "read_model",
]

BUILT_IN = Path(__file__).parent
"""Folder of the catalogue that comes with the package."""


def read_model(path: Path, variables: Variables = VARIABLES) -> ProbeModel:
    """One model of the catalogue.

    Parameters
    ----------
    path : Path
    variables : Variables, optional
        What its channels may give: the registry of the station that it is read for.

    Raises
    ------
    StationFileError
        With every fault in the file.
    """
    data, root = read_toml(path)
    table = model_of(data)
    if data.get("every_variable") is True:
        data = {**data, "channel": [*_listed(data.get("channel")), *_every(data, variables)]}
    try:
        model = (table or ProbeModel).model_validate(data)
    except ValidationError as error:
        faults = from_models(error.errors(include_url=False), data, root, table or ProbeModel)
        raise StationFileError([*_unknown(data, root, table), *faults]) from None
    faults = [*_unknown(data, root, table), *_rules(model, root, variables)]
    if faults:
        raise StationFileError(faults)
    return model


def _listed(value: Any) -> list[Any]:
    """Tables that may be one."""
    return value if isinstance(value, list) else [] if value is None else [value]


def _every(data: dict[str, Any], variables: Variables) -> Iterator[dict[str, str]]:
    """A channel for every variable that no channel of the file has as its id."""
    rows = _listed(data.get("channel"))
    there = {row.get("id") for row in rows if isinstance(row, dict)}
    for name, row in variables.items():
        if name not in there:
            yield {"id": name, "variable": name, "unit": row.unit}


def _unknown(data: dict[str, Any], root: Spot, table: type[ProbeModel] | None) -> Iterator[Fault]:
    if table is None and "protocol" in data:
        known = [f"'{name}'" for name in protocols()]
        expected = Message("expected {options}", options=either(known))
        yield fault_at(root, ("protocol",), data["protocol"], expected)


def _rules(model: ProbeModel, root: Spot, variables: Variables) -> Iterator[Fault]:
    named = {"channel": [row.id for row in model.channel], "status": [row.id for row in model.status]}
    for table, ids in named.items():
        for n, name in enumerate(ids):
            if name in ids[:n]:
                yield fault_at(
                    root,
                    (table, n, "id"),
                    name,
                    Message("this id is used twice under [[{table}]]", table=table),
                )
    for n, spec in enumerate(model.channel):
        path: KeyPath = ("channel", n)
        try:
            conversion(spec.unit, spec.variable, variables)
        except StationConfigError as error:
            key = "unit" if spec.variable in variables else "variable"
            yield fault_at(root, (*path, key), getattr(spec, key), Message.of(error))
        if spec.lower is not None and spec.upper is not None and spec.lower >= spec.upper:
            expected = Message("a number above {key} = {limit:g} is expected", key="lower", limit=spec.lower)
            yield fault_at(root, (*path, "upper"), spec.upper, expected)
        if spec.scale == 0:
            yield fault_at(root, (*path, "scale"), 0, Message("a scale other than 0 is expected"))
    known = [spec.id for spec in model.channel]
    for n, status in enumerate(model.status):
        for m, name in enumerate(status.channels):
            if name not in known:
                yield fault_at(
                    root,
                    ("status", n, "channels", m),
                    name,
                    Message("no such channel; {nearest}", nearest=nearest(name, known)),
                )
    yield from model.faults(root)


@lru_cache(maxsize=16)
def _folder(
    folder: Path, _stamp: tuple[tuple[str, int], ...], variables: Variables
) -> tuple[dict[str, ProbeModel], tuple[Fault, ...]]:
    models: dict[str, ProbeModel] = {}
    faults: list[Fault] = []
    for path in sorted(folder.glob("*.toml")):
        try:
            model = read_model(path, variables)
        except StationFileError as error:
            faults += error.faults
            continue
        if model.id in models:
            faults.append(
                Fault(str(path), 1, "id", model.id, Message("another file of this folder has this id"))
            )
        models[model.id] = model
    return models, tuple(faults)


@lru_cache(maxsize=256)
def _built_in(name: str, variables: Variables) -> ProbeModel:
    return read_model(BUILT_IN / f"{name}.toml", variables)


class _Models(Mapping[str, ProbeModel]):
    """Models by id: those of a station's own folders, then the built-in ones, each read when it is asked for.

    A built-in file is named after its model, and a test reads them all.
    """

    def __init__(self, own: dict[str, ProbeModel], variables: Variables) -> None:
        self._own = own
        self._variables = variables
        self._names = {path.stem for path in BUILT_IN.glob("*.toml")} | own.keys()

    def __getitem__(self, name: str) -> ProbeModel:
        if name in self._own:
            return self._own[name]
        if name not in self._names:
            raise KeyError(name)
        return _built_in(name, self._variables)

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._names))

    def __len__(self) -> int:
        return len(self._names)


def read_folders(
    *folders: Path, variables: Variables = VARIABLES
) -> tuple[Mapping[str, ProbeModel], list[Fault]]:
    """Every model by id, and every fault in these folders: they add to the built-in one, or replace."""
    models: dict[str, ProbeModel] = {}
    faults: list[Fault] = []
    for folder in folders:
        if not folder.is_dir():
            faults.append(Fault(str(folder), None, "", "", Message("this catalogue folder does not exist")))
            continue
        stamp = tuple(sorted((path.name, path.stat().st_mtime_ns) for path in folder.glob("*.toml")))
        found, wrong = _folder(folder, stamp, variables)
        models.update(found)
        faults += wrong
    return _Models(models, variables), faults


def load_catalogue(*folders: Path, variables: Variables = VARIABLES) -> dict[str, ProbeModel]:
    """Every model by id: the built-in folder first, later folders add or replace.

    Raises
    ------
    StationFileError
        When a folder does not exist or files in it are not valid models; every fault names file and line.
    """
    models, faults = read_folders(*folders, variables=variables)
    if faults:
        raise StationFileError(faults)
    return dict(models)
