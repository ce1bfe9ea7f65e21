"""Which kinds of connection there are: those of this folder, and those that other distributions bring."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterable, Mapping, Sequence
from functools import cache, reduce
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, get_args

from soilco2.station_config.catalogue.probe import ProbeModel
from soilco2.station_config.connections.kind import Connection, Kind
from soilco2.station_config.message import Message

GROUP = "soilco2.drivers"
"""Entry points of kinds that other distributions bring."""


def kinds() -> Mapping[str, Kind]:
    """Every kind by its name, those of this folder first; without those that are `broken`."""
    return _found()[0]


def broken() -> Mapping[str, Message]:
    """One sentence for each kind of another distribution that cannot be used, by its name."""
    return _found()[1]


def kind_named(name: str) -> Kind | None:
    """One kind; of those of this folder no other is imported. None where there is none."""
    return _own(name) or kinds().get(name)


_used: dict[str, Kind] = {}
"""Kinds of this folder that were asked for."""


@cache
def _modules() -> list[str]:
    return sorted(module.name for module in pkgutil.iter_modules([str(Path(__file__).parent)]))


@cache
def _own(name: str) -> Kind | None:
    """A kind of this folder: its module has its name, with underscores."""
    module = name.replace("-", "_")
    kind = getattr(import_module(f"{__package__}.{module}"), "KIND", None) if module in _modules() else None
    if kind is None or kind.name != name:
        return None
    _used[name] = kind
    return kind  # type: ignore[no-any-return]


@cache
def _found() -> tuple[dict[str, Kind], dict[str, Message]]:
    own = (_own(module.replace("_", "-")) for module in _modules())
    found = {kind.name: kind for kind in own if kind is not None}
    faults: dict[str, Message] = {}
    brought = sorted(entry_points(group=GROUP), key=lambda entry: (entry.name, entry.value))
    for entry in brought:
        others = [one.value for one in brought if one.name == entry.name and one is not entry]
        why = Message("{other} has this name too", other=others[0]) if others else _brought(entry, found)
        if why is not None:
            faults[entry.name] = Message(
                "the kind of connection {kind!r} ({place}) cannot be used: {why}; update or remove the "
                "package that brings it",
                kind=entry.name,
                place=entry.value,
                why=why,
            )
    return found, faults


def _brought(entry: EntryPoint, found: dict[str, Kind]) -> Message | None:
    """Add the kind of another distribution to those that were found, or say why it cannot be."""
    try:
        kind = entry.load()
    except Exception as error:  # noqa: BLE001 - whatever another distribution does when it is imported
        return Message.of(in_a_line(error))
    if not isinstance(kind, Kind) or getattr(kind, "name", None) != entry.name:
        return Message("a Kind of this name is expected there")
    if missing := [fact for fact in ("label", "contract", "driver") if not hasattr(kind, fact)]:
        return Message("it does not say its {missing}", missing=reduce(_and, missing))
    if kind.name in found:
        return Message("soilco2 has a kind of this name")
    if kind.table is not None and not _is_table(kind.table, kind.name):
        return Message('the key kind of its table is not Literal["{kind}"]', kind=kind.name)
    spoken = {
        protocol: model for one in found.values() for model in one.models for protocol in model.protocols
    }
    for model in kind.models:
        for protocol in model.protocols:
            if spoken.get(protocol, model) is not model:
                return Message("{protocol} has another table of the catalogue", protocol=protocol)
    found[kind.name] = kind
    return None


def _and(first: str, last: str) -> Message:
    return Message("{first} and {last}", first=first, last=last)


def _is_table(table: Any, name: str) -> bool:
    """Whether it is a connection whose key kind can be nothing but `name`."""
    return (
        isinstance(table, type)
        and issubclass(table, Connection)
        and get_args(table.model_fields["kind"].annotation) == (name,)
    )


def in_a_line(error: Exception) -> str:
    """What another distribution did, in one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"


def kind_of(connection: Connection) -> Kind:
    """The kind of a connection."""
    return _own(connection.kind) or kinds()[connection.kind]


def kind_at(connections: Sequence[Connection], name: str) -> Kind:
    """The kind of the connection with an id."""
    return kind_of(next(row for row in connections if row.id == name))


@cache
def protocols() -> Mapping[str, tuple[tuple[Kind, ...], type[ProbeModel]]]:
    """Every protocol of the catalogue, with the kinds that speak it and the table of its models."""
    found: dict[str, tuple[tuple[Kind, ...], type[ProbeModel]]] = {}
    for kind in kinds().values():
        for model in kind.models:
            for protocol in model.protocols:
                before, _ = found.get(protocol, ((), model))
                found[protocol] = (*before, kind), model
    return found


def kinds_for(model: ProbeModel) -> tuple[Kind, ...]:
    """The kinds of connection that can carry a model of the catalogue."""
    return protocols()[model.protocol][0]


def model_of(data: Mapping[str, Any]) -> type[ProbeModel] | None:
    """The table of the catalogue for a file's data; None when its protocol is not known."""
    protocol = data.get("protocol")
    if not isinstance(protocol, str):
        return None
    return _speaking(protocol, _used.values()) or _speaking(protocol, kinds().values())


def _speaking(protocol: str, among: Iterable[Kind]) -> type[ProbeModel] | None:
    return next((model for kind in among for model in kind.models if protocol in model.protocols), None)


def carries(kind: Kind, model: ProbeModel) -> bool:
    """Whether a connection of a kind can carry a model of the catalogue."""
    return any(model.protocol in table.protocols for table in kind.models)


def tables() -> Sequence[type[Connection]]:
    """The tables ``[[connection]]`` that there are."""
    return [kind.table for kind in kinds().values() if kind.table is not None]
