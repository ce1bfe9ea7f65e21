"""A simulated network server: LoRaWAN devices measure, and it publishes their uplinks."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from soilco2.ingest.protocols.lorawan_payload import payload_of
from soilco2.ingest.protocols.soilco2_json import Reading, iso_time
from soilco2.ingest.simulate.node import SimulatedNode
from soilco2.station_config.connections.lorawan_model import LorawanModel
from soilco2.station_config.tables.instrument import Instrument

RSSI_DBM, SNR_DB = -97, 6.5


def chirpstack_event(
    eui: str, name: str, time_us: int, session: str, counter: int, port: int, data: bytes, decoded: Any = None
) -> dict[str, Any]:
    """An uplink as ChirpStack 4 publishes it: what is 0, false or empty is left out."""
    event: dict[str, Any] = {
        "deduplicationId": f"00000000-0000-4000-8000-{counter:012x}",
        "time": iso_time(time_us),
        "deviceInfo": {"applicationId": "7", "applicationName": "soil", "deviceName": name, "devEui": eui},
        "devAddr": session,
        "fCnt": counter,
        "fPort": port,
        "data": base64.b64encode(data).decode(),
        "object": decoded,
        "rxInfo": [{"gatewayId": "0016c001f1000001", "uplinkId": 1, "rssi": RSSI_DBM, "snr": SNR_DB}],
    }
    return {key: value for key, value in event.items() if value}


def tts_event(
    eui: str, name: str, time_us: int, session: str, counter: int, port: int, data: bytes, decoded: Any = None
) -> dict[str, Any]:
    """An uplink as The Things Stack publishes it: what is 0, false or empty is left out."""
    body: dict[str, Any] = {
        "session_key_id": session,
        "f_cnt": counter,
        "f_port": port,
        "frm_payload": base64.b64encode(data).decode(),
        "decoded_payload": decoded,
        "rx_metadata": [{"gateway_ids": {"gateway_id": "gw"}, "rssi": RSSI_DBM, "snr": SNR_DB}],
        "received_at": iso_time(time_us),
    }
    ids = {"device_id": name, "application_ids": {"application_id": "soil"}, "dev_eui": eui.upper()}
    return {
        "end_device_ids": ids,
        "received_at": iso_time(time_us),
        "uplink_message": {key: value for key, value in body.items() if value},
    }


class SimulatedNetwork(SimulatedNode):
    """The network server of one connection and the devices behind it; each measures and sends for itself."""

    def __init__(self, *args: Any, **keys: Any) -> None:
        super().__init__(*args, **keys)
        self._session = (
            f"{self._begun_us // 1_000_000 & 0xFFFF_FFFF:08x}"  # devices join anew when they start
        )
        self._counters = {row.serial: -1 for row in self.instruments}

    def _kept(self, journal: Path) -> Path:
        return journal.with_name("nobody-asks-it")  # a device never hears what became of an uplink

    def _post(self, slot: int, readings: Sequence[Reading]) -> None:
        for row in self.instruments:
            mine = [reading for reading in readings if reading.serial == row.serial]
            if mine:
                self.outbox.put(slot, partial(self._uplink, row, mine))

    def _uplink(self, row: Instrument, readings: Sequence[Reading], _sequence: int) -> bytes:
        self._counters[row.serial] += 1
        deployments = self._feed.deployments
        model = deployments.models[row.model_key]
        assert isinstance(model, LorawanModel)
        eui, name, at = str(row.address).lower(), row.id, readings[0].time_us
        assert at is not None
        port, data, decoded = 1, b"", None
        if model.payload is not None:
            port, data = payload_of(model, {one.channel: one.value for one in readings})
        else:
            decoded = self._decoded(model, readings)
        make = tts_event if getattr(self.connection, "server", "") == "tts" else chirpstack_event
        event = make(eui, name, at, self._session, self._counters[row.serial], port, data, decoded)
        return json.dumps(event, separators=(",", ":")).encode()

    @staticmethod
    def _decoded(model: LorawanModel, readings: Sequence[Reading]) -> dict[str, float]:
        """What a server decodes of a device whose bytes only it knows."""
        found = {}
        for one in readings:
            spec = next(row for row in model.channel if row.id == one.channel)
            if one.value is not None and spec.decoded:
                found[spec.decoded[0]] = one.value * spec.scale + spec.shift
        return found

    def _published(self, payload: bytes) -> tuple[str, bytes]:
        message = json.loads(payload)
        if "uplink_message" in message:
            return self._filled(message["end_device_ids"]["device_id"]), payload
        return self._filled(message["deviceInfo"]["devEui"]), payload

    def _filled(self, device: str) -> str:
        """The topic of a device: the application where the first wild card is, the device at the last one."""
        levels = self.topic.replace("#", "+").split("/")
        wild = [n for n, level in enumerate(levels) if level == "+"]
        for n in wild[:-1]:
            levels[n] = "7"
        if wild:
            levels[wild[-1]] = device
        return "/".join(levels)
