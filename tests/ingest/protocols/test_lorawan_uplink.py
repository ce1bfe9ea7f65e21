"""Uplinks as ChirpStack 4, ChirpStack 3 and The Things Stack publish them.

The second opinion for ChirpStack 4 is the server's own protobuf: chirpstack-api writes the events, with and without
the values that are left out.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from chirpstack_api import integration
from google.protobuf.json_format import MessageToJson, ParseDict

from soilco2.ingest.protocols.json_object import RefusedError
from soilco2.ingest.protocols.lorawan_uplink import uplink_of
from soilco2.ingest.simulate.lorawan import chirpstack_event, tts_event

EUI = "a84041fffe000010"
AT_US = 1_795_917_600_500_000
"""2026-11-29T02:00:00.5Z: date -u -d 2026-11-29T02:00:00Z +%s."""
DATA = bytes.fromhex("0CE4010508340910012C00")


def event(**keys: Any) -> Any:
    """An uplink event as the server has it in memory."""
    return ParseDict(
        {"time": "2026-11-29T02:00:00.500Z", "deviceInfo": {"devEui": EUI, "deviceName": "lse01"}, "fPort": 2,
         "data": "DOQBBQg0CRABLAA=", **keys},
        integration.UplinkEvent(),
    )  # fmt: skip


def published(found: Any, **how: Any) -> dict[str, Any]:
    """The same as JSON."""
    message: dict[str, Any] = json.loads(MessageToJson(found, **how))
    return message


@pytest.mark.parametrize(
    "how", [{}, {"always_print_fields_with_no_presence": True}], ids=["left out", "printed"]
)
@pytest.mark.parametrize("counter", [0, 412])
def test_what_chirpstack_leaves_out_is_0(counter: int, how: dict[str, Any]) -> None:
    heard = [{"gatewayId": "0016c001f1000001", "rssi": -97}]  # snr is 0, and left out
    message = published(event(fCnt=counter, devAddr="01aa02bb", rxInfo=heard), **how)
    uplink = uplink_of(message)
    assert ("fCnt" in message) is bool(counter or how)
    assert uplink == (EUI, "lse01", "01aa02bb", counter, 2, DATA, None, AT_US, "server", -97.0, 0.0, 1)


def test_what_the_server_decoded_comes_along() -> None:
    message = published(event(object={"water": 412, "note": None, "depth": {"a": [1]}}))
    assert uplink_of(message).decoded == {"water": 412.0, "note": None, "depth": {"a": [1.0]}}


def test_keys_of_a_newer_server_are_ignored() -> None:
    message = published(event())
    message |= {"relayRxInfo": {"x": 1}, "brandNew": []}
    message["deviceInfo"]["newer"] = {}
    assert uplink_of(message).data == DATA


def test_an_uplink_without_a_payload_is_one() -> None:
    message = published(event())
    del message["data"], message["fPort"]
    message["rxInfo"] = [{"gatewayId": "0016c001f1000001"}]
    assert (uplink_of(message).port, uplink_of(message).data) == (0, b"")


GPS = "1479952818.500s"
"""AT_US less 1980-01-06, 18 leap seconds ahead."""


@pytest.mark.parametrize(
    ("heard", "clock"),
    [
        ([], "server"),
        ([{"gatewayId": "00"}], "server"),
        ([{"gwTime": "2026-11-29T02:00:00.500Z"}], "gateway"),
        ([{"gwTime": "2026-11-29T01:00:00.500Z"}], "server"),  # the server did not believe it
        ([{"gwTime": "2026-11-29T02:00:00.500Z", "timeSinceGpsEpoch": GPS}], "gps"),
        ([{"nsTime": "2026-11-29T02:00:00.500Z"}], "server"),
    ],
)
def test_whose_clock_gave_the_time_is_told(heard: list[dict[str, Any]], clock: str) -> None:
    assert uplink_of(published(event()) | {"rxInfo": heard}).clock == clock


@pytest.mark.parametrize(
    ("text", "time_us"),
    [
        ("2026-11-29T02:00:00Z", AT_US - 500_000),
        ("2026-11-29T02:00:00.5Z", AT_US),
        ("2026-11-29T02:00:00.500+00:00", AT_US),
        ("2026-11-29T10:00:00.500000+08:00", AT_US),
        ("2026-11-29T02:00:00.500000999Z", AT_US),
        ("2022-09-23T02:02:06.744554+00:00", 1_663_898_526_744_554),  # chirpstack issue 43
        ("yesterday", None), ("2026-02-30T02:00:00Z", None), ("", None), (7, None), (None, None),
    ],
)  # fmt: skip
def test_a_time_has_0_to_9_decimals_and_a_zone(text: object, time_us: int | None) -> None:
    uplink = uplink_of(published(event()) | {"time": text})
    assert uplink.time_us == time_us
    assert bool(uplink.clock) is (time_us is not None)


@pytest.mark.parametrize("text", ["DOQBBQg0CRABLAA=", "DOQBBQg0CRABLAA"])
def test_base64_may_lack_its_padding(text: str) -> None:
    assert uplink_of(published(event()) | {"data": text}).data == DATA


def test_base64_for_urls_is_base64() -> None:
    assert uplink_of(published(event()) | {"data": "_-8Q"}).data == bytes.fromhex("FFEF10")


CHIRPSTACK_3 = {
    "applicationID": "7", "applicationName": "soil", "deviceName": "lse01", "devEUI": EUI, "fCnt": 412, "fPort": 2,
    "data": "DOQBBQg0CRABLAA=", "devAddr": "01aa02bb", "publishedAt": "2026-11-29T02:00:00.5Z",
    "rxInfo": [{"gatewayID": "0016c001f1000001", "rssi": -97, "loRaSNR": 6.5, "time": None}],
}  # fmt: skip


@pytest.mark.parametrize(
    ("keys", "decoded"),
    [
        ({"object": {"a": 1}}, {"a": 1}),
        ({"devEUI": "qEBB//4AABA=", "objectJSON": '{"a":1}'}, {"a": 1}),  # as protobuf's JSON has it
        ({"objectJSON": ""}, None),
        ({"objectJSON": "{"}, None),
    ],
)
def test_chirpstack_3_has_two_forms(keys: dict[str, Any], decoded: object) -> None:
    uplink = uplink_of(CHIRPSTACK_3 | keys)
    assert uplink == (EUI, "lse01", "01aa02bb", 412, 2, DATA, decoded, AT_US, "server", -97.0, 6.5, 1)


def test_the_things_stack_leaves_out_what_is_0() -> None:
    message = tts_event(EUI, "lse01", AT_US, "AYfg8rhha5n+FWx0ZaAprA==", 0, 2, DATA)
    assert "f_cnt" not in message["uplink_message"]
    uplink = uplink_of(message)
    assert uplink[:8] == (EUI, "lse01", "AYfg8rhha5n+FWx0ZaAprA==", 0, 2, DATA, None, AT_US)
    assert (uplink.clock, uplink.rssi_dbm, uplink.snr_db) == ("server", -97.0, 6.5)
    message["uplink_message"]["rx_metadata"] = [{"gps_time": "2026-11-29T01:59:59Z"}, {"rssi": -40}]
    uplink = uplink_of(message)
    assert (uplink.time_us, uplink.clock, uplink.rssi_dbm) == (AT_US - 1_500_000, "gps", 0.0)


GOOD = chirpstack_event(EUI, "lse01", AT_US, "01aa02bb", 1, 2, DATA)


@pytest.mark.parametrize(
    ("message", "why"),
    [
        ({"deviceInfo": {"devEui": EUI}, "devAddr": "01aa02bb"}, "no uplink, such as a join; listen to .../event/up"),
        ({"devEUI": EUI, "devAddr": "01aa02bb", "rxInfo": [{"rssi": -97}]}, "no uplink, such as a join"),
        (GOOD | {"data": "D"}, "data: at most 255 bytes in base64 are expected, found 'D'"),
        (GOOD | {"data": "DOQB?Qg0"}, "data: at most 255 bytes in base64 are expected"),
        (GOOD | {"data": 7}, "data: at most 255 bytes in base64 are expected, found 7"),
        (GOOD | {"deviceInfo": {"devEui": "a84041"}}, "devEui: 16 hexadecimal digits are expected, found 'a84041'"),
        (GOOD | {"deviceInfo": {}}, "devEui: 16 hexadecimal digits are expected, found None"),
        (GOOD | {"deviceInfo": []}, "deviceInfo: an object is expected, found []"),
        (GOOD | {"fCnt": -1}, "fCnt: a whole number from 0 is expected, found -1"),
        (GOOD | {"fCnt": "x"}, "fCnt: a whole number from 0 is expected, found 'x'"),
        (GOOD | {"fPort": 2.5}, "fPort: a whole number from 0 is expected, found 2.5"),
        ({"end_device_ids": {}, "join_accept": {}}, "'join_accept' of The Things Stack is no uplink"),
        (tts_event(EUI, "x", AT_US, "s", 1, 2, DATA) | {"simulated": True}, "simulated uplink"),
        ({"err": 0, "messages": [], "valid": True}, "what a payload decoder made, without the device"),
        ({}, "no uplink of ChirpStack or The Things Stack"),
    ],
)  # fmt: skip
def test_what_is_no_uplink_is_refused_with_its_reason(message: dict[str, Any], why: str) -> None:
    with pytest.raises(RefusedError) as refused:
        uplink_of(message)
    assert why in str(refused.value)


def test_numbers_as_text_are_taken() -> None:
    assert uplink_of(GOOD | {"fCnt": "7"}).counter == 7
