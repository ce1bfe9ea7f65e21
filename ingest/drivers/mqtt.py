"""Nodes that publish the message of soilco2."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from soilco2.ingest.drivers.driver import Bench, FarEnd
from soilco2.ingest.drivers.over_mqtt import MqttDriver, TopicDecoder
from soilco2.ingest.protocols.decoded import Decoded
from soilco2.ingest.protocols.heard import Heard
from soilco2.ingest.protocols.reading import Reading
from soilco2.ingest.protocols.soilco2_json_decode import Decoder
from soilco2.ingest.transports.mqtt import Received
from soilco2.station_config.catalogue.probe import ProbeModel
from soilco2.station_config.loader import Station
from soilco2.station_config.message import Message

NO_VALUE = "no value"
"""Status of a node's reading in a gap of the data."""


class _Messages:
    """The decoder of the message, which knows no topic."""

    def __init__(self, decoder: Decoder) -> None:
        self._decoder = decoder

    def batch(self, messages: Sequence[Received], *, trusted: bool, retained: bool) -> Decoded:
        rows = [(one.payload, one.arrival_us, one.mono_us) for one in messages]
        return self._decoder.batch(rows, trusted=trusted, retained=retained)

    def status(self) -> Mapping[str, Any]:
        return {}


class _NodeDriver(MqttDriver):
    victims = Message("of an MQTT node")
    own_faults = frozenset({"clock-reset"})

    def decoder(
        self, station: Station, source: str, boot_id: str, heard: Heard | None = None
    ) -> TopicDecoder:
        return _Messages(Decoder(station.deployments, source, boot_id, heard))

    def far_end(self, bench: Bench) -> FarEnd:
        from soilco2.ingest.simulate.node import SimulatedNode

        return SimulatedNode.of(bench)

    def simulated(
        self, model: ProbeModel, names: Sequence[str], raws: Mapping[str, float | None]
    ) -> list[Reading]:
        return [Reading(name, raw, NO_VALUE if raw is None else "") for name, raw in raws.items()]


DRIVER = _NodeDriver()
