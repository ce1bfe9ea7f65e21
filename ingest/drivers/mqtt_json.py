"""Devices that publish JSON of any layout to a broker."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from soilco2.ingest.drivers.driver import Bench, FarEnd
from soilco2.ingest.drivers.over_mqtt import MqttDriver, TopicDecoder
from soilco2.ingest.protocols.decoded import Decoded
from soilco2.ingest.protocols.heard import Heard
from soilco2.ingest.protocols.json_mapping_decode import Decoder, Said
from soilco2.ingest.protocols.reading import Reading
from soilco2.ingest.transports.mqtt import Received
from soilco2.station_config.catalogue.probe import ProbeModel
from soilco2.station_config.loader import Station
from soilco2.station_config.message import Message


class _Topics:
    """The decoder of the messages, which may be told apart by their topics."""

    def __init__(self, decoder: Decoder) -> None:
        self._decoder = decoder
        self.status: Any = decoder.status

    def batch(self, messages: Sequence[Received], *, trusted: bool, retained: bool) -> Decoded:
        rows = [
            Said(one.payload, one.arrival_us, one.mono_us, one.topic.decode("utf-8", "replace"))
            for one in messages
        ]
        return self._decoder.batch(rows, trusted=trusted, retained=retained)


class _MqttJsonDriver(MqttDriver):
    victims = Message("of a device that publishes JSON of its own")

    def decoder(
        self, station: Station, source: str, boot_id: str, heard: Heard | None = None
    ) -> TopicDecoder:
        return _Topics(Decoder(station.deployments, source, boot_id, heard))

    def far_end(self, bench: Bench) -> FarEnd:
        from soilco2.ingest.simulate.json_devices import SimulatedDevices

        return SimulatedDevices.of(bench)

    def simulated(
        self, model: ProbeModel, names: Sequence[str], raws: Mapping[str, float | None]
    ) -> list[Reading]:
        return [Reading(name, raw, "") for name, raw in raws.items()]


DRIVER = _MqttJsonDriver()
