"""LoRaWAN devices, through the MQTT integration of their network server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from soilco2.ingest.drivers.driver import Bench, FarEnd
from soilco2.ingest.drivers.over_mqtt import MqttDriver, TopicDecoder
from soilco2.ingest.protocols.decoded import Decoded
from soilco2.ingest.protocols.heard import Heard
from soilco2.ingest.protocols.lorawan_decode import NO_NUMBER, Decoder
from soilco2.ingest.protocols.reading import Reading
from soilco2.ingest.transports.mqtt import Received
from soilco2.station_config.catalogue.probe import ProbeModel
from soilco2.station_config.loader import Station
from soilco2.station_config.message import Message


class _Uplinks:
    """The decoder of the uplinks, which knows no topic."""

    def __init__(self, decoder: Decoder) -> None:
        self._decoder = decoder
        self.status: Any = decoder.status

    def batch(self, messages: Sequence[Received], *, trusted: bool, retained: bool) -> Decoded:
        rows = [(one.payload, one.arrival_us, one.mono_us) for one in messages]
        return self._decoder.batch(rows, trusted=trusted, retained=retained)


class _LorawanDriver(MqttDriver):
    victims = Message("of a LoRaWAN device")

    def decoder(
        self, station: Station, source: str, boot_id: str, heard: Heard | None = None
    ) -> TopicDecoder:
        return _Uplinks(Decoder(station.deployments, source, boot_id, heard))

    def far_end(self, bench: Bench) -> FarEnd:
        from soilco2.ingest.simulate.lorawan import SimulatedNetwork

        return SimulatedNetwork.of(bench)

    def simulated(
        self, model: ProbeModel, names: Sequence[str], raws: Mapping[str, float | None]
    ) -> list[Reading]:
        wanted = set(names) or set(raws)
        return [
            Reading(name, raw, NO_NUMBER if raw is None else "")
            for name, raw in raws.items()
            if name in wanted
        ]


DRIVER = _LorawanDriver()
