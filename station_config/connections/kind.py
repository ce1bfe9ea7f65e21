"""What a kind of connection must tell, and which kinds there are.

A kind is a module of this folder with a `KIND`, or an entry point of the group ``soilco2.drivers`` in any other
distribution: its name is the kind, its value the place of the `KIND`. What reads instruments of the kind is a
driver (`soilco2.ingest.drivers.driver`), which is imported when it is used.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal, NamedTuple, Protocol

from soilco2.station_config.base import Identifier, Table
from soilco2.station_config.catalogue.probe import ProbeModel
from soilco2.station_config.errors import Fault
from soilco2.station_config.message import Message
from soilco2.station_config.tables.instrument import Instrument

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
    session: ClassVar[str] = ""
    """What kinds of connection are served together by, such as one session with a broker; empty: alone."""
    open_ended: ClassVar[bool] = False
    """Whether an instrument may send any channel its model has, so that only what is placed is expected."""
    keys: ClassVar[Mapping[str, Both]] = {}
    """Labels of the keys of its table."""
    left_out: ClassVar[Mapping[str, Both]] = {}
    """What holds where a key is left out."""

    def describe(self, connection: Any, station: str) -> str:
        """One line about a connection, without its id."""
        return self.label[0]

    def columns(self, connection: Any) -> Sequence[tuple[str, str, str]]:
        """Of one that maps columns: each with what it belongs to and its unit, empty where the file says it."""
        return ()

    def place(self, connection: Any) -> str:
        """Where the other end of a connection is, for people."""
        ports = self.ports(connection)
        return str(ports[0]) if ports else str(connection.id)

    def read_time(self, row: Instrument, model: ProbeModel, connection: Any) -> float | None:
        """Time that one reading of an instrument takes on its line [s]; None where nobody waits for it."""
        return None

    def ports(self, connection: Any) -> tuple[Path, ...]:
        """Devices of this machine that a connection needs."""
        return ()

    def topics(self, connection: Any, station: str) -> tuple[str, ...]:
        """Topics of its broker that a connection listens to."""
        return ()

    def broker(self, connection: Any) -> str | None:
        """The broker a connection listens to, by its id; empty is that of `[mqtt]`, None is none."""
        return None

    def claims(self, connection: Any, station: str) -> Iterator[Claim]:
        """What no other connection may have too."""
        yield from ()

    def instrument(self, draft: Draft, path: Key, row: Instrument) -> Iterator[Fault]:
        """Faults of one instrument on a connection of this kind."""
        if row.address is not None:
            yield draft.fault(
                (*path, "address"),
                row.address,
                Message("instruments of this kind of connection have no address; take the key out"),
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
