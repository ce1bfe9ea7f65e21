"""Uplinks of network servers come in on a connection of their own; where a node is expected they are called by name."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.publish import publish
from tests.cases.messages import decoded
from tests.cases.node import Node
from tests.servers import Mosquitto

UPLINKS: dict[str, dict[str, Any]] = {
    "ChirpStack": {
        "deduplicationId": "b2f0c0de-0000-4000-8000-000000000001",
        "time": "2026-11-29T02:00:00.412771Z",
        "deviceInfo": {"applicationId": "7", "deviceName": "lse01-10cm", "devEui": "a84041fffe000010"},
        "fCnt": 412,
        "object": {"temp_SOIL": "-1.62", "water_SOIL": "5.38"},
    },
    "The Things Stack": {
        "end_device_ids": {"device_id": "lse01-10cm", "dev_eui": "A84041FFFE000010"},
        "uplink_message": {"f_cnt": 413, "decoded_payload": {"water_SOIL": 5.4}},
    },
    "SenseCAP": {
        "err": 0,
        "messages": [[{"measurementId": "4102", "measurementValue": "-1.6", "type": "Soil Temperature"}]],
        "valid": True,
    },
}


@pytest.mark.parametrize("name", UPLINKS)
def test_a_message_of_another_system_is_called_by_its_name(tmp_path: Path, name: str) -> None:
    out = decoded(tmp_path, UPLINKS[name])
    assert not out.samples
    (refusal,) = out.refusals
    assert name in refusal.reason
    assert "message.schema.json" in refusal.reason
    assert "no key" not in refusal.reason


def test_a_message_of_nobody_known_says_which_key_is_missing(tmp_path: Path) -> None:
    (refusal,) = decoded(tmp_path, {"temp": 1}).refusals
    assert refusal.reason == "the message has no key 'node'"


STATION = """\
[station]
id = "trial"
name = "Trial"
latitude = 38.0
longitude = 109.0
altitude_m = 1150
timezone = "Asia/Shanghai"
[journal]
path = "journal.sqlite"
[[connection]]
id = "node"
kind = "lorawan"
topic = "application/7/device/+/event/up"
[mqtt]
host = "127.0.0.1"
port = {port}
[[profile]]
id = "p1"
[[profile.position]]
id = "d10"
depth_m = 0.10
[[profile.position]]
id = "d30"
depth_m = 0.30
[[instrument]]
id = "soil10"
model = "dragino-lse01"
serial = "S-010"
connection = "node"
address = "a84041fffe000010"
interval = "20min"
[[instrument.installation]]
position = "p1/d10"
from = 2015-01-01
[[instrument]]
id = "soil30"
model = "milesight-em500-smtc"
serial = "S-030"
connection = "node"
address = "24E124126A000030"
interval = "20min"
[[instrument.installation]]
position = "p1/d30"
from = 2015-01-01
"""
CHIRPSTACK = {
    **UPLINKS["ChirpStack"], "devAddr": "01aa02bb", "fPort": 2, "data": "DS4BEQIaADAAAAAQ",
    "object": {"BatV": 3.374, "TempC_DS18B20": "0.00", "conduct_SOIL": 48, "temp_SOIL": "-1.62", "water_SOIL": "5.38"},
    "rxInfo": [{"gatewayId": "0016c001f1000001", "rssi": -97}],
}  # fmt: skip
TTS = {
    **UPLINKS["The Things Stack"], "received_at": "2026-11-29T02:20:00.5Z",
    "uplink_message": {
        "f_cnt": 413, "f_port": 2, "frm_payload": "DS4BEQIaADAAAAAQ",
        "decoded_payload": {"water_SOIL": 5.4, "temp_SOIL": -1.7, "conduct_SOIL": 49},
        "rx_metadata": [{"time": "2026-11-29T02:20:00.1Z"}],
    },
}  # fmt: skip
"""The uplinks of the case: 12 bytes are no frame of the LSE01 (11), so that what the server decoded is believed."""


@pytest.fixture
def node(tmp_path: Path, mosquitto: Mosquitto) -> Iterator[Node]:
    one = Node(tmp_path, mosquitto.port)
    one.file.write_text(STATION.format(port=mosquitto.port), encoding="utf-8")
    one.start()
    yield one
    one.stop()


def send(node: Node, *uplinks: dict[str, Any]) -> None:
    for uplink in uplinks:
        publish(node.port, "application/7/device/x/event/up", [json.dumps(uplink).encode()])


@pytest.mark.mosquitto
def test_uplinks_of_both_servers_come_in_once_and_a_bare_decoder_is_told(node: Node) -> None:
    send(node, CHIRPSTACK, CHIRPSTACK, TTS, UPLINKS["SenseCAP"])
    counters = node.until_in(10)
    assert (counters["stored"], counters["duplicate"], counters["rejected"]) == (6, 3, 1)
    times = "2026-11-29T02:00:00.412771Z", "2026-11-29T02:20:00.500000Z"
    for variable, values in {
        "soil_water": (0.0538, 0.054), "soil_temperature": (-1.62, -1.7), "bulk_ec": (0.048, 0.049)
    }.items():  # fmt: skip
        rows = node.observations(variable)
        assert [(row[0], row[2]) for row in rows] == [(at, 1) for at in times]
        assert [row[1] for row in rows] == pytest.approx(values)
    (parked,) = node.parked()
    assert "what a payload decoder made" in json.dumps(parked)


@pytest.mark.mosquitto
def test_a_failed_probe_is_missing_and_its_minus_0_1_is_suspect(node: Node) -> None:
    # EM500-SMTC: -0.1 °C, 0xFFFF, 0xFFFF on port 85; the maker's decoder says -0.1 °C beside two errors
    failed = {**CHIRPSTACK, "fPort": 85, "data": "A2f//wTK//8Ff///", "object": {"temperature": -0.1}}
    failed["deviceInfo"] = {"devEui": "24e124126a000030", "deviceName": "smtc"}
    honest = {**failed, "fCnt": 413, "data": "A2f//w==", "time": "2026-11-29T02:20:00Z"}
    send(node, failed, honest)
    node.until_in(4)
    node.becomes("soil_water", [(None, 9)])
    node.becomes("bulk_ec", [(None, 9)])
    node.becomes("soil_temperature", [(-0.1, 3), (-0.1, 1)])
    assert "frame:soil_water" in node.observations("soil_temperature")[0][3]
