"""The catalogue of probes: folders with one TOML file per model. A new probe is a new file, no code.

The built-in files lie in ``station_config/catalogue/``; a station file may name folders of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from pydantic import ValidationError

from soilco2.station_config.catalogue.probe import (
    WORDS,
    Block,
    ChannelSpec,
    Line,
    ProbeModel,
    Setting,
    StatusBit,
    StatusBits,
)
from soilco2.station_config.errors import Fault, StationConfigError, StationFileError
from soilco2.station_config.parsing.faults import Path as KeyPath
from soilco2.station_config.parsing.faults import fault_at, from_models, nearest
from soilco2.station_config.parsing.toml_positions import Spot
from soilco2.station_config.parsing.toml_source import read_toml
from soilco2.station_config.units import conversion

__all__ = [
    "BUILT_IN",
    "Block",
    "ChannelSpec",
    "Line",
    "ProbeModel",
    "Setting",
    "StatusBit",
    "StatusBits",
    "load_catalogue",
    "read_folders",
    "read_model",
]

BUILT_IN = Path(__file__).parent
"""Folder of the catalogue that comes with the package."""


def read_model(path: Path) -> ProbeModel:
    """One model of the catalogue.

    Raises
    ------
    StationFileError
        With every fault in the file.
    """
    data, root = read_toml(path)
    try:
        model = ProbeModel.model_validate(data)
    except ValidationError as error:
        raise StationFileError(from_models(error.errors(include_url=False), data, root, ProbeModel)) from None
    faults = list(_rules(model, root))
    if faults:
        raise StationFileError(faults)
    return model


def _rules(model: ProbeModel, root: Spot) -> Iterator[Fault]:
    blocks = {block.id: block for block in model.block}
    named = {
        "block": [row.id for row in model.block],
        "channel": [row.id for row in model.channel],
        "setting": [row.id for row in model.setting],
        "status": [row.id for row in model.status],
    }
    for table, ids in named.items():
        for n, name in enumerate(ids):
            if name in ids[:n]:
                yield fault_at(root, (table, n, "id"), name, f"this id is used twice under [[{table}]]")
    if model.protocol == "modbus-rtu" and not model.block:
        yield fault_at(root, ("block",), None, "a Modbus model needs [[block]] tables: the registers to read")
    for n, spec in enumerate(model.channel):
        path: KeyPath = ("channel", n)
        try:
            conversion(spec.unit, spec.variable)
        except StationConfigError as error:
            key = "variable" if "unknown" in str(error) else "unit"
            yield fault_at(root, (*path, key), getattr(spec, key), str(error))
        if spec.lower is not None and spec.upper is not None and spec.lower >= spec.upper:
            expected = f"a number above lower = {spec.lower:g} is expected"
            yield fault_at(root, (*path, "upper"), spec.upper, expected)
        if spec.scale == 0:
            yield fault_at(root, (*path, "scale"), 0, "a scale other than 0 is expected")
        if model.protocol != "modbus-rtu":
            continue
        if spec.type == "number":
            types = ", ".join(WORDS)
            yield fault_at(root, (*path, "type"), None, f"a register needs its type: one of {types}")
        else:
            yield from _in_block(root, path, spec.block, spec.offset, WORDS[spec.type], blocks)
    known = [spec.id for spec in model.channel]
    for n, status in enumerate(model.status):
        yield from _in_block(root, ("status", n), status.block, status.offset, status.count, blocks)
        for m, name in enumerate(status.channels):
            if name not in known:
                yield fault_at(
                    root, ("status", n, "channels", m), name, f"no such channel; {nearest(name, known)}"
                )


def _in_block(
    root: Spot, path: KeyPath, name: str | None, offset: int, words: int, blocks: dict[str, Block]
) -> Iterator[Fault]:
    block = blocks.get(name or "")
    if block is None:
        hint = nearest(name or "", blocks)
        yield fault_at(root, (*path, "block"), name, f"the block it is read from is expected; {hint}")
    elif offset + words > block.count:
        yield fault_at(
            root, (*path, "offset"), offset,
            f"block {name} has {block.count} registers; {words} from this offset do not fit in it",
        )  # fmt: skip


@lru_cache(maxsize=16)
def _folder(
    folder: Path, _stamp: tuple[tuple[str, int], ...]
) -> tuple[dict[str, ProbeModel], tuple[Fault, ...]]:
    models: dict[str, ProbeModel] = {}
    faults: list[Fault] = []
    for path in sorted(folder.glob("*.toml")):
        try:
            model = read_model(path)
        except StationFileError as error:
            faults += error.faults
            continue
        if model.id in models:
            faults.append(Fault(str(path), 1, "id", model.id, "another file of this folder has this id"))
        models[model.id] = model
    return models, tuple(faults)


def read_folders(*folders: Path) -> tuple[dict[str, ProbeModel], list[Fault]]:
    """Every model by id and every fault: the built-in folder first, later folders add or replace."""
    models: dict[str, ProbeModel] = {}
    faults: list[Fault] = []
    for folder in (BUILT_IN, *folders):
        if not folder.is_dir():
            faults.append(Fault(str(folder), None, "", "", "this catalogue folder does not exist"))
            continue
        stamp = tuple(sorted((path.name, path.stat().st_mtime_ns) for path in folder.glob("*.toml")))
        found, wrong = _folder(folder, stamp)
        models.update(found)
        faults += wrong
    return models, faults


def load_catalogue(*folders: Path) -> dict[str, ProbeModel]:
    """Every model by id: the built-in folder first, later folders add or replace.

    Raises
    ------
    StationFileError
        When a folder does not exist or files in it are not valid models; every fault names file and line.
    """
    models, faults = read_folders(*folders)
    if faults:
        raise StationFileError(faults)
    return models
