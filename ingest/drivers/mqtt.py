"""Nodes that publish the message of soilco2: one session with the broker for all connections of a station."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from soilco2.ingest.drivers.driver import Batch, Bench, Driver, FarEnd, Host
from soilco2.ingest.protocols.heard import Heard
from soilco2.ingest.protocols.reading import Reading
from soilco2.ingest.protocols.soilco2_json_decode import Decoded, Decoder, Jump
from soilco2.ingest.supervisor import Managed
from soilco2.ingest.transports.mqtt import Subscriber, Taken
from soilco2.station_config.catalogue.probe import ProbeModel
from soilco2.station_config.connections.kind import Connection
from soilco2.station_config.connections.registry import kind_of
from soilco2.station_config.loader import Station
from soilco2.station_config.message import Message
from soilco2.storage.journal.reader import JournalReader

KIND = "mqtt"
NO_VALUE = "no value"
"""Status of a node's reading in a gap of the data."""
_TOLD = 100
"""Nodes whose jumping numbers are told, at most: names can be made up."""


def decoders(station: Station, boot_id: str, heard: Heard) -> dict[str, Decoder]:
    """A decoder for each connection of this kind."""
    return {
        row.id: Decoder(station.deployments, row.id, boot_id, heard)
        for row in station.file.connection
        if row.kind == KIND
    }


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
    """The session with the broker as a source that is taken from: messages come out of it decoded.

    Parameters
    ----------
    host : Host
    connections : sequence of Connection
        Those of this kind.
    """

    kind = KIND

    def __init__(self, host: Host, connections: Sequence[Connection]) -> None:
        station = host.station()
        assert station.file.mqtt is not None  # the station file's check sees to it
        mine = {row.id for row in connections}
        periods = [row.interval for row in station.file.instrument if row.connection in mine]
        self._clock = host.clock
        self._heard = Heard(_heard_in(station.journal_path))
        self._happened = host.happened
        self._told: set[str] = set()
        self._decoders = decoders(station, host.clock.boot_id, self._heard)
        self.session = Subscriber(
            station.file.mqtt,
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
        self.status = self.session.status

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

    def use(self, station: Station) -> None:
        """Decode by another configuration from now on."""
        self._decoders = decoders(station, self._clock.boot_id, self._heard)

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
            self._tell(found.jumps)
        batch.heard = self._heard.take_fresh()
        return batch

    def _tell(self, jumps: Sequence[Jump]) -> None:
        """Say of a node, once, that its numbers begin anew: what is missing in between cannot be known."""
        for node, before, after in jumps:
            if node not in self._told and len(self._told) < _TOLD:
                self._told.add(node)
                said = Message(
                    "{node}: its messages went from number {before} to {after}; it numbers anew, or two nodes have "
                    "this name. What is missing in between is not counted",
                    node=node, before=before, after=after,
                )  # fmt: skip
                self._happened("other", node, said)

    def _sorted(self, taken: Taken, batch: Batch) -> dict[tuple[str, bool], list[tuple[bytes, int, int]]]:
        """Messages by connection and by whether the broker kept them; those of no connection are refused."""
        by_source: dict[tuple[str, bool], list[tuple[bytes, int, int]]] = {}
        for _, source, payload, arrival_us, mono_us, retained, topic in taken.messages:
            if source in self._decoders:
                by_source.setdefault((source, retained), []).append((payload, arrival_us, mono_us))
            else:
                reason = Message(
                    "{topic}: nobody asked for this topic any more; the subscription is taken back",
                    topic=topic.decode("utf-8", "replace"),
                )
                batch.refuse(source or KIND, reason, payload, None, arrival_us)
        return by_source


def _add(batch: Batch, source: str, found: Decoded) -> None:
    batch.samples.extend(found.samples)
    for row in found.refusals:
        batch.refuse(source, *row)
    if found.repeats:
        for name in ("in", "duplicate"):
            batch.counts[source, name] += found.repeats["readings"]
    for gap in found.gaps:
        batch.counts[source, "messages_missing"] += gap.last - gap.first + 1
    for _ in found.jumps:
        batch.counts[source, "numbers_begun_anew"] += 1


class _MqttDriver(Driver):
    victims = Message("of an MQTT node")
    own_faults = frozenset({"clock-reset"})

    def services(self, host: Host, connections: Sequence[Connection]) -> Mapping[str, Managed]:
        file = host.station().file
        if file.mqtt is None:
            return {}

        def make() -> MqttSource:
            source = MqttSource(host, connections)
            host.attach(source)
            return source

        return {KIND: Managed(make, (file.mqtt, topics(connections, file.station.id)), patience_s=120.0)}

    def retry(self, station: Station, source: str, payload: bytes, arrival_us: int) -> Batch:
        batch = Batch()
        _add(batch, source, Decoder(station.deployments, source, "retried").batch(
            [(payload, arrival_us, 0)], trusted=True
        ))  # fmt: skip
        return batch

    def far_end(self, bench: Bench) -> FarEnd:
        from soilco2.ingest.simulate.node import SimulatedNode

        return SimulatedNode.of(bench)

    def simulated(
        self, model: ProbeModel, names: Sequence[str], raws: Mapping[str, float | None]
    ) -> list[Reading]:
        return [Reading(name, raw, NO_VALUE if raw is None else "") for name, raw in raws.items()]


DRIVER = _MqttDriver()
