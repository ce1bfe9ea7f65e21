"""A network server publishes its own uplinks where a node's messages are expected: said by name, with the way out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.cases.messages import decoded

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
