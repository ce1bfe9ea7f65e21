"""What a driver is: the far side of one kind of connection, by one of three contracts.

*Polled*: the station asks. A driver opens a `Line`; when it is asked, how often again and when a silent probe
rests is `soilco2.ingest.drivers.polling`'s.
*Pushed*: the instrument sends. A driver is a source of `Batch`es, which the writer's thread takes and, once
they are on disk, acknowledges. Where nobody sends by himself a `Fetcher` asks for what has come since.
*File*: it lies there. A driver recognises a file by its content and gives its rows from a place where an
earlier reading ended.

A driver of lines that the command line can name helps to commission them too: it makes a connection of a place
(`Driver.at`), looks for instruments (`Driver.scan`), and gives one another address or line settings.

Drivers make samples with `sample_of`, but for the JSON message, whose decoder does it in its inner loop; what cannot
become one is counted and parked by `Batch.refuse`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from soilco2.ingest.clock.clock import Clock
from soilco2.ingest.drivers.search import Scan, Search
from soilco2.ingest.errors import BusError, NotChanged
from soilco2.ingest.protocols.reading import Reading
from soilco2.ingest.supervisor import Managed, Service
from soilco2.ingest.transports.trace import Trace
from soilco2.quality.records import Sample
from soilco2.station_config.catalogue.probe import Line as LineSettings
from soilco2.station_config.catalogue.probe import ProbeModel
from soilco2.station_config.connections.kind import Connection
from soilco2.station_config.loader import Station
from soilco2.station_config.message import Message
from soilco2.station_config.tables.instrument import Instrument
from soilco2.storage.journal.rows import Parked


class DriverEvent(NamedTuple):
    """Something worth a line in the station's log.

    Parameters
    ----------
    time_us : int
        [µs UTC]
    kind : str
        ``device-silent``, ``device-back``, ``port-gone``, ``port-back``, ``slots-missed``, ``settings``.
    subject : str
        Serial number of the instrument, or id of the connection.
    text : Message
        One sentence; a driver of another distribution may give plain text.
    data : mapping
        The same for programs: of ``settings`` the `values` of the instrument.
    """

    time_us: int
    kind: str
    subject: str
    text: Message
    data: Mapping[str, Any] = {}


class Told(NamedTuple):
    """What an instrument is set to: in words, and as numbers by the id of the setting."""

    text: str = ""
    values: Mapping[str, float] = {}


@dataclass(slots=True)
class Batch:
    """What a source hands over at once: samples, what was refused, counts.

    Parameters
    ----------
    samples : list of Sample
    parked : list of Parked
    counts : Counter
        By source and name of the counter; samples are counted where they are stored.
    token : object
        The source's own, for its acknowledgement.
    heard : list of str
        Messages whose repeat is to be known, see `soilco2.ingest.protocols.heard`.
    """

    samples: list[Sample] = field(default_factory=list)
    parked: list[Parked] = field(default_factory=list)
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    token: Any = None
    heard: list[str] = field(default_factory=list)

    def refuse(
        self, source: str, reason: str, payload: bytes, time_us: int | None, arrival_us: int, count: int = 1
    ) -> None:
        """Park one thing as it came; count it, or the readings in it, that did not become samples."""
        self.parked.append(Parked("message", source, Message.of(reason), payload, time_us, arrival_us))
        self.reject(source, count)

    def reject(self, source: str, count: int = 1) -> None:
        """Count what did not become a sample and need not be kept."""
        self.counts[source, "in"] += count
        self.counts[source, "rejected"] += count


class Host(NamedTuple):
    """What the collector offers to drivers.

    Parameters
    ----------
    station : callable
        The station as it is configured now.
    clock : Clock
    deliver : callable
        Takes samples and events of a round; it may block, and raises when the collector closes.
    beat : callable
        Takes the name of a service that got something done.
    happened : callable
        Takes kind, subject and one sentence of something for the log.
    attach : callable
        Takes a pushed source as soon as it is made; one of the same name is replaced.
    wake : callable
        Something waits to be taken.
    once : bool
        Every instrument is read once, now.
    submit : callable
        Has the writer carry out an operation of `soilco2.storage.journal.operations`, by name and arguments, and gives
        its result; it raises when the collector closes.
    """

    station: Callable[[], Station]
    clock: Clock
    deliver: Callable[[Sequence[Sample], Sequence[DriverEvent]], None]
    beat: Callable[[str], None]
    happened: Callable[[str, str, str], None]
    attach: Callable[[Pushed], None]
    wake: Callable[[], None]
    once: bool = False
    submit: Callable[..., Any] = lambda _op, **_arguments: None


class Plan(Protocol):
    """How one instrument is asked; the rest of it is the driver's own."""

    @property
    def address(self) -> Any:
        """Its address on the line, by which the instruments are asked in order."""
        ...


class Line(Protocol):
    """A line that instruments are asked on; errors are `soilco2.ingest.errors.BusError`.

    A request that was damaged on its way is asked once more by the line; what fails is told to `failed`, every
    time. It may have a method ``listen(trace)`` that shows every byte to another listener from then on: then a command
    that reads through the collector shows the bytes without opening the line anew.
    """

    @property
    def is_open(self) -> bool:
        """Whether it can be used."""
        ...

    @property
    def late(self) -> int:
        """Answers that came too late and were dropped."""
        ...

    def open(self) -> None:
        """Open it; PortGone or PortBusy when it cannot be."""
        ...

    def close(self) -> None:
        """Close it."""
        ...

    def plan(self, instrument: Instrument, model: ProbeModel) -> Plan:
        """How an instrument is asked."""
        ...

    def read(self, plan: Any, timeout_s: float, failed: Callable[[BusError], None]) -> list[Reading]:
        """What an instrument says now."""
        ...

    def settings(self, plan: Any, timeout_s: float, failed: Callable[[BusError], None]) -> Told:
        """What an instrument is set to; empty when it tells nothing."""
        ...


class Together(Line, Protocol):
    """A line whose instruments can measure at the same time: those due are begun, then read as they are ready."""

    def begin(self, plan: Any, timeout_s: float, failed: Callable[[BusError], None]) -> float:
        """Let an instrument begin what the next `read` of it takes; the time until it is ready [s]."""
        ...


class Pushed(Service, Protocol):
    """A source that sends."""

    @property
    def kind(self) -> str:
        """Its name among the sources: that of its kind of connection, or of the session that several kinds share."""
        ...

    @property
    def waiting(self) -> int:
        """How much `take` would give."""
        ...

    @property
    def received(self) -> int:
        """How much has come, ever."""
        ...

    @property
    def connected(self) -> bool:
        """Whether it can be reached by those who send."""
        ...

    def use(self, station: Station) -> None:
        """Go on with another configuration; called on the writer's thread."""
        ...

    def take(self) -> Batch | None:
        """What has come since, to be acknowledged when it is on disk; called on the writer's thread."""
        ...

    def acknowledge(self, batch: Batch) -> None:
        """A batch is on disk."""
        ...

    def pause(self) -> None:
        """Take nothing more in; what was taken can still be acknowledged."""
        ...

    def wait_ready(self, timeout_s: float) -> None:
        """Wait until what is sent is heard."""
        ...

    def status(self) -> dict[str, Any]:
        """How it is doing."""
        ...


class Fetcher:
    """A thread that asks for messages, and has the writer keep readings and place together (`Host.submit`)."""

    def status(self) -> dict[str, Any]:
        """`connection`, `place`, `rounds`, `newest_us`, `error`: see `soilco2 status --json`."""
        raise NotImplementedError


class FarEnd(Protocol):
    """A simulated far end of a connection."""

    @property
    def place(self) -> tuple[str, str]:
        """Where it is found: ``"ports"`` and a device, or ``"topics"`` and a topic."""
        ...

    @property
    def failure(self) -> Exception | None:
        """What ended it, if it was not taken away."""
        ...

    def start(self) -> None:
        """Begin."""
        ...

    def tick(self) -> None:
        """Let time pass."""
        ...

    def stop(self) -> None:
        """Take it away."""
        ...


class Bench(NamedTuple):
    """What a simulation offers to far ends: the instruments of one connection, their data and faults.

    Parameters
    ----------
    station : Station
    connection : Connection
    instruments : list of Instrument
    feed : Feed
        Measured values.
    clock : Clock
    folder : Path
        Where far ends keep what must outlive them.
    faults : list of (Fault, frozenset of str)
        Each with the serial numbers of this connection that it hits.
    """

    station: Station
    connection: Any
    instruments: list[Instrument]
    feed: Any
    clock: Clock
    folder: Path
    faults: list[tuple[Any, frozenset[str]]]


class Driver:
    """A driver: stateless, one for each kind of connection that is polled or pushed."""

    victims: str = Message("of this kind")
    """Which instruments a fault of only this kind is for, as a sentence says it."""
    own_faults: frozenset[str] = frozenset()
    """Simulated faults that only this kind of instrument can have."""

    def services(self, host: Host, connections: Sequence[Connection]) -> Mapping[str, Managed]:
        """The threads that serve the connections of this kind, by name, with how each is made."""
        raise NotImplementedError

    def at(self, place: str, settings: LineSettings | None = None) -> Connection | None:
        """The connection that a place on the command line is, such as a serial port or ``host:port``.

        None when the place is not for this kind. Where line settings matter and none are given, they are the usual
        ones of the kind.
        """
        return None

    def line(self, connection: Any, rows: Sequence[tuple[Instrument, ProbeModel]], trace: Trace) -> Line:
        """A line to read some instruments on, not yet open; `trace` sees every byte."""
        raise NotImplementedError

    def scan(self, connection: Any, search: Search, trace: Trace) -> Scan:
        """Look for instruments on a line that nobody holds; errors are those of opening it."""
        yield from ()

    def set_address(
        self, connection: Any, model: ProbeModel, old: int | str, new: int | str, trace: Trace
    ) -> Message:
        """Give the one instrument at an address another one, read back; what is so now.

        Raises
        ------
        BusError
            When it does not answer, or the line cannot be opened.
        NotChanged
            When it is not done: two answer, the new address is taken, the catalogue does not know how.
        """
        raise NotChanged(
            Message("soilco2 does not know how {model} gets another address; see its manual", model=model.id)
        )

    def set_line(
        self, connection: Any, model: ProbeModel, address: int | str, settings: LineSettings, trace: Trace
    ) -> Message:
        """Give the one instrument at an address other line settings; what is so now. Errors as of `set_address`."""
        raise NotChanged(
            Message(
                "soilco2 does not know how {model} gets other line settings; see its manual", model=model.id
            )
        )

    def retry(self, station: Station, source: str, payload: bytes, arrival_us: int) -> Batch:
        """Decode a parked message anew."""
        raise NotImplementedError

    def far_end(self, bench: Bench) -> FarEnd:
        """The simulated far end of one connection."""
        raise NotImplementedError

    def simulated(
        self, model: ProbeModel, names: Sequence[str], raws: Mapping[str, float | None]
    ) -> list[Reading]:
        """What an instrument with these raw numbers says of the channels `names` (all when empty)."""
        raise NotImplementedError
