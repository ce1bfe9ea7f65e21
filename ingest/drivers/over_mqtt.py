"""One session with each broker, for the connections of all kinds that come through it.

A kind brings the decoder of its connections' messages (`MqttDriver.decoder`); everything else is the same for all: the
session is persistent, what came is acknowledged after the journal's commit, what the broker had retained is told to
the decoder, and what could not be used is parked and can be tried again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from soilco2.ingest.drivers.driver import Batch, Driver, Host
from soilco2.ingest.drivers.registry import driver_of
from soilco2.ingest.protocols.decoded import Decoded
from soilco2.ingest.protocols.heard import Heard
from soilco2.ingest.supervisor import Managed
from soilco2.ingest.transports.mqtt import Received, Subscriber, Taken
from soilco2.station_config.connections.kind import Connection
from soilco2.station_config.connections.registry import kind_of
from soilco2.station_config.loader import Station
from soilco2.station_config.message import Message
from soilco2.storage.journal.reader import JournalReader

SESSION = "mqtt"
"""Name of the session with the broker of ``[mqtt]``; another broker's has its id behind it."""
_TOLD = 100
"""Subjects of which something is told, at most: names can be made up."""


class TopicDecoder(Protocol):
    """Reads the messages of one connection."""

    def batch(self, messages: Sequence[Received], *, trusted: bool, retained: bool) -> Decoded:
        """What messages give.

        Parameters
        ----------
        messages : sequence of Received
        trusted : bool
            Whether the station's clock is.
        retained : bool
            Whether the broker kept them: what has no time of its own in them has none.
        """
        ...

    def status(self) -> Mapping[str, Any]:
        """What is worth a look beside the counters; empty when there is nothing."""
        ...


class MqttDriver(Driver):
    """A driver of a kind of connection through a broker: what is its own is the decoder."""

    def decoder(
        self, station: Station, source: str, boot_id: str, heard: Heard | None = None
    ) -> TopicDecoder:
        """The decoder of a connection.

        Parameters
        ----------
        station : Station
        source : str
            Id of the connection.
        boot_id : str
        heard : Heard, optional
            Where a repeat is known by; left out where a message is tried again on purpose.
        """
        raise NotImplementedError

    def services(self, host: Host, connections: Sequence[Connection]) -> Mapping[str, Managed]:
        brokers = host.station().file.brokers
        found: dict[str, Managed] = {}
        for name, table in brokers.items():
            mine = [row for row in connections if kind_of(row).broker(row) == name]
            if not mine:
                continue
            service = f"{SESSION} {name}".rstrip()

            def make(name: str = name, service: str = service, mine: list[Connection] = mine) -> MqttSource:
                source = MqttSource(host, service, name, mine)
                host.attach(source)
                return source

            listened = topics(mine, host.station().file.station.id)
            found[service] = Managed(make, (table, listened), patience_s=120.0)
        return found

    def retry(self, station: Station, source: str, payload: bytes, arrival_us: int) -> Batch:
        batch = Batch()
        again = Received(0, source, payload, arrival_us, 0, retained=False, topic=b"")
        _add(
            batch,
            source,
            self.decoder(station, source, "retried").batch([again], trusted=True, retained=False),
        )
        return batch


def _heard_in(journal: Path) -> list[str]:
    """Marks of messages that the journal remembers."""
    if not journal.is_file():
        return []
    with JournalReader(journal) as reader:
        return reader.accounting.heard()


def topics(connections: Sequence[Connection], station: str) -> dict[str, str]:
    """From topic to the id of the connection that listens to it."""
    return {topic: row.id for row in connections for topic in kind_of(row).topics(row, station)}


class MqttSource:
    """The session with a broker as a source that is taken from: messages come out of it decoded.

    Parameters
    ----------
    host : Host
    name : str
        Of the source.
    broker : str
        Id of the broker; empty is that of ``[mqtt]``.
    connections : sequence of Connection
        Those at this broker.
    """

    def __init__(self, host: Host, name: str, broker: str, connections: Sequence[Connection]) -> None:
        station = host.station()
        mine = {row.id for row in connections}
        periods = [row.interval for row in station.file.instrument if row.connection in mine]
        self.kind = name
        self._broker = broker
        self._clock = host.clock
        self._heard = Heard(_heard_in(station.journal_path))
        self._happened = host.happened
        self._told: set[str] = set()
        self._decoders = self._made(station)
        self.session = Subscriber(
            station.file.brokers[broker],
            station.file.station.id,
            topics(connections, station.file.station.id),
            host.clock,
            on_messages=host.wake,
            on_event=host.happened,
            silent_after_s=max(600.0, 3 * max(periods, default=0.0)),
        )
        self.start = self.session.start
        self.stop = self.session.stop
        self.join = self.session.join
        self.pause = self.session.pause

    @property
    def failure(self) -> BaseException | None:
        """What ended the thread, if it did not end by `stop`."""
        return self.session.failure

    @property
    def beat(self) -> float:
        """When the thread last went round [s]."""
        return self.session.beat

    @property
    def alive(self) -> bool:
        """Whether the thread runs."""
        return self.session.alive

    @property
    def waiting(self) -> int:
        """Messages that wait to be taken."""
        return self.session.waiting

    @property
    def received(self) -> int:
        """Messages that have come, ever."""
        return int(self.session.status()["received"])

    @property
    def connected(self) -> bool:
        """Whether the broker is reached."""
        return bool(self.session.status()["state"] == "connected")

    def wait_ready(self, timeout_s: float) -> None:
        """Wait until the broker sends what is published."""
        self.session.subscribed.wait(timeout_s)

    def status(self) -> dict[str, Any]:
        """How the session is doing, and what the decoders have to say, by connection."""
        said = {source: dict(found) for source, one in self._decoders.items() if (found := one.status())}
        return {**self.session.status(), **({"sources": said} if said else {})}

    def use(self, station: Station) -> None:
        """Decode by another configuration from now on."""
        self._decoders = self._made(station)

    def _made(self, station: Station) -> dict[str, TopicDecoder]:
        """A decoder for each connection at this broker."""
        return {
            row.id: driver_of(kind_of(row)).decoder(station, row.id, self._clock.boot_id, self._heard)
            for row in station.file.connection
            if kind_of(row).session == SESSION and kind_of(row).broker(row) == self._broker
        }

    def acknowledge(self, batch: Batch) -> None:
        """Let the broker forget what is on disk."""
        self.session.acknowledge(batch.token)

    def take(self) -> Batch | None:
        """What has come since, decoded; None when there is nothing."""
        taken = self.session.take()
        if taken is None:
            return None
        batch = Batch(token=taken)
        trusted = self._clock.trusted()
        for (source, retained), messages in self._sorted(taken, batch).items():
            batch.counts[source, "retained" if retained else "messages"] += len(messages)
            found = self._decoders[source].batch(messages, trusted=trusted, retained=retained)
            _add(batch, source, found)
            self._tell(found)
        batch.heard = self._heard.take_fresh()
        return batch

    def _tell(self, found: Decoded) -> None:
        """Say once of each subject what is worth it, such as of a node that its numbers begin anew."""
        notes = list(found.notes or ())
        for node, before, after in found.jumps:  # what is missing in between cannot be known
            said = Message(
                "{node}: its messages went from number {before} to {after}; it numbers anew, or two nodes have "
                "this name. What is missing in between is not counted",
                node=node, before=before, after=after,
            )  # fmt: skip
            notes.append((node, said))
        for subject, said in notes:
            if subject not in self._told and len(self._told) < _TOLD:
                self._told.add(subject)
                self._happened("other", subject, said)

    def _sorted(self, taken: Taken, batch: Batch) -> dict[tuple[str, bool], list[Received]]:
        """Messages by connection and by whether the broker kept them; those of no connection are refused."""
        by_source: dict[tuple[str, bool], list[Received]] = {}
        for one in taken.messages:
            if one.source in self._decoders:
                by_source.setdefault((one.source, one.retained), []).append(one)
            else:
                reason = Message(
                    "{topic}: nobody asked for this topic any more; the subscription is taken back",
                    topic=one.topic.decode("utf-8", "replace"),
                )
                batch.refuse(one.source or SESSION, reason, one.payload, None, one.arrival_us)
        return by_source


def _add(batch: Batch, source: str, found: Decoded) -> None:
    batch.samples.extend(found.samples)
    for row in found.refusals:
        batch.refuse(source, *row)
    if found.repeats:
        for name in ("in", "duplicate"):
            batch.counts[source, name] += found.repeats["readings"]
    for name, count in (found.further or {}).items():
        batch.counts[source, name] += count
    for gap in found.gaps:
        batch.counts[source, "messages_missing"] += gap.last - gap.first + 1
    for _ in found.jumps:
        batch.counts[source, "numbers_begun_anew"] += 1
