"""What a kind of connection must tell, and which kinds there are.

A kind is a module of this folder with a `KIND`, or an entry point of the group ``soilco2.drivers`` in any other
distribution: its name is the kind, its value the place of the `KIND`. What reads instruments of the kind is a
driver (`soilco2.ingest.drivers.driver`), which is imported when it is used.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator, Mapping, Sequence
from functools import cache, reduce
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, ClassVar, Literal, NamedTuple, Protocol, get_args

from soilco2.station_config.base import Identifier, Table
from soilco2.station_config.catalogue.probe import ProbeModel
from soilco2.station_config.errors import Fault
from soilco2.station_config.message import Message
from soilco2.station_config.tables.instrument import Instrument

GROUP = "soilco2.drivers"
"""Entry points of kinds that other distributions bring."""

Both = tuple[str, str]
"""English and Chinese."""
Key = tuple[str | int, ...]
"""Path of a key in the station file."""
Models = Mapping[str, ProbeModel]


class Connection(Table):
    """What every table ``[[connection]]`` has; each kind adds its own keys."""

    id: Identifier
    """Name of the line."""
    kind: str
    rank: Literal["file", "live", "table"] = "live"
    """How far its numbers go before others of the same series and time: as a device's own file, a live message or a
    table made by hand. The better rank speaks; see `docs/concepts/what_becomes_data.en.md`."""


class Draft(Protocol):
    """A station file while it is checked; what was at fault is left out of `file`."""

    @property
    def file(self) -> Any:
        """What can be used of the station file."""
        ...

    @property
    def data(self) -> dict[str, Any]:
        """The tables as they stand in the file."""
        ...

    def fault(self, path: Key, value: Any, expected: Message) -> Fault:
        """A fault at a key."""
        ...

    def line(self, path: Key) -> int:
        """The line that a key stands in."""
        ...


class Claim(NamedTuple):
    """Something that only one connection may have.

    Parameters
    ----------
    key : str
        Where it stands in the connection's table.
    what : str
        What it is, in a word, such as ``Message("serial port")``.
    value : str
    """

    key: str
    what: str
    value: str


class Kind:
    """A kind of connection. Facts are attributes, rules are methods; both have quiet defaults."""

    name: ClassVar[str]
    """As the station file says it in ``kind``."""
    label: ClassVar[Both]
    """For people."""
    contract: ClassVar[Literal["polled", "pushed", "file"]]
    """Who begins: the station asks, the instrument sends, or a file lies there."""
    table: ClassVar[type[Connection] | None] = None
    """Its ``[[connection]]``; None where nothing stands in the station file."""
    models: ClassVar[tuple[type[ProbeModel], ...]] = ()
    """Tables of the catalogue for its instruments, one for each protocol."""
    driver: ClassVar[str]
    """``module:attribute`` of its driver."""
    needs: ClassVar[Mapping[str, Message]] = {}
    """Tables of the station file that it needs, with the words of the fault when one is not there."""
    open_ended: ClassVar[bool] = False
    """Whether an instrument may send any channel its model has, so that only what is placed is expected."""
    keys: ClassVar[Mapping[str, Both]] = {}
    """Labels of the keys of its table."""
    left_out: ClassVar[Mapping[str, Both]] = {}
    """What holds where a key is left out."""

    def describe(self, connection: Any, station: str) -> str:
        """One line about a connection, without its id."""
        return self.label[0]

    def ports(self, connection: Any) -> tuple[Path, ...]:
        """Devices of this machine that a connection needs."""
        return ()

    def topics(self, connection: Any, station: str) -> tuple[str, ...]:
        """Topics of the station's broker that a connection listens to."""
        return ()

    def claims(self, connection: Any, station: str) -> Iterator[Claim]:
        """What no other connection may have too."""
        yield from ()

    def instrument(self, draft: Draft, path: Key, row: Instrument) -> Iterator[Fault]:
        """Faults of one instrument on a connection of this kind."""
        if row.address is not None:
            yield draft.fault(
                (*path, "address"),
                row.address,
                Message("only Modbus instruments have an address; take the key out"),
            )

    def rules(self, draft: Draft, models: Models) -> Iterator[Fault]:
        """Faults between connections of this kind and their instruments."""
        yield from ()

    def advice_on_instrument(
        self, draft: Draft, path: Key, row: Instrument, model: ProbeModel, connection: Any
    ) -> Iterator[Fault]:
        """Warnings about one instrument."""
        yield from ()

    def advice(self, draft: Draft, models: Models) -> Iterator[Fault]:
        """Warnings about connections of this kind."""
        yield from ()

    def connections(self, draft: Draft) -> list[tuple[int, Any]]:
        """The connections of this kind, with their places in the file."""
        return [(n, row) for n, row in enumerate(draft.file.connection) if row.kind == self.name]


def kinds() -> Mapping[str, Kind]:
    """Every kind by its name, those of this folder first; without those that are `broken`."""
    return _found()[0]


def broken() -> Mapping[str, Message]:
    """One sentence for each kind of another distribution that cannot be used, by its name."""
    return _found()[1]


@cache
def _found() -> tuple[dict[str, Kind], dict[str, Message]]:
    here = Path(__file__).parent
    found: dict[str, Kind] = {}
    for name in sorted(module.name for module in pkgutil.iter_modules([str(here)])):
        kind = getattr(import_module(f"{__package__}.{name}"), "KIND", None)
        if kind is not None:
            found[kind.name] = kind
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
    spoken = {protocol for one in found.values() for model in one.models for protocol in model.protocols}
    for protocol in (protocol for model in kind.models for protocol in model.protocols):
        if protocol in spoken:
            return Message("another kind speaks {protocol}", protocol=protocol)
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
    return kinds()[connection.kind]


@cache
def protocols() -> Mapping[str, tuple[Kind, type[ProbeModel]]]:
    """Every protocol of the catalogue, with the kind that speaks it and the table of its models."""
    return {
        protocol: (kind, model)
        for kind in kinds().values()
        for model in kind.models
        for protocol in model.protocols
    }


def kind_for(model: ProbeModel) -> Kind:
    """The kind of connection that a model of the catalogue needs."""
    return protocols()[model.protocol][0]


def model_of(data: Mapping[str, Any]) -> type[ProbeModel] | None:
    """The table of the catalogue for a file's data; None when its protocol is not known."""
    protocol = data.get("protocol")
    found = protocols().get(protocol) if isinstance(protocol, str) else None
    return None if found is None else found[1]


def tables() -> Sequence[type[Connection]]:
    """The tables ``[[connection]]`` that there are."""
    return [kind.table for kind in kinds().values() if kind.table is not None]
