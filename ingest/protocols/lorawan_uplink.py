"""Uplinks as network servers publish them: ChirpStack 4 and 3, The Things Stack.

A server leaves out what is 0, false or empty, and a newer one brings keys that nobody knows: what is absent has its
default, and what is not needed is not looked at.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from soilco2.ingest.protocols.foreign_messages import foreign
from soilco2.ingest.protocols.json_object import RefusedError, show
from soilco2.station_config.connections.lorawan import dev_eui
from soilco2.station_config.message import Message

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_STAMP = re.compile(
    r"(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})(?:\.(\d{1,9}))?(Z|[+-]\d{2}:\d{2})", re.ASCII
).fullmatch
_GPS_EPOCH_US = 315_964_800_000_000
"""1980-01-06 [µs UTC]."""
_LEAP_US = 18_000_000
"""GPS is ahead of UTC by this since 2017 [µs]."""
_SAME_US = 1_000_000
"""Two stamps of one moment differ by less than this [µs]."""


class Uplink(NamedTuple):
    """One uplink, whatever server it came through.

    Parameters
    ----------
    eui : str
        The device's EUI, 16 small hexadecimal digits.
    name : str
        What the server calls the device.
    session : str
        Changes when the device joins anew, and its frame counter with it.
    counter : int
        The frame counter.
    port : int
    data : bytes
        The payload; empty where there is none.
    decoded : object
        What the server made of it; None where it did nothing.
    time_us : int or None
        When it was received [µs UTC], by `clock`; None when the server does not say.
    clock : str
        ``gps``, ``gateway`` or ``server``: whose clock gave `time_us`; empty when there is none.
    rssi_dbm, snr_db : float or None
        Of the gateway that heard it best.
    gateways : int
        How many heard it.
    """

    eui: str
    name: str
    session: str
    counter: int
    port: int
    data: bytes
    decoded: Any
    time_us: int | None
    clock: str
    rssi_dbm: float | None
    snr_db: float | None
    gateways: int


def uplink_of(message: Mapping[str, Any]) -> Uplink:
    """The uplink in a message.

    Raises
    ------
    RefusedError
        When it is none, or a part of it is not what it should be.
    """
    if "uplink_message" in message:
        return _of_tts(message)
    if "deviceInfo" in message:
        return _of_chirpstack(message)
    if "devEUI" in message:
        return _of_chirpstack_3(message)
    for key in ("join_accept", "downlink_ack", "location_solved", "uplink_normalized", "service_data"):
        if key in message:
            raise RefusedError(
                Message("a message {key!r} of The Things Stack is no uplink; listen to .../up", key=key)
            )
    raise RefusedError(
        _bare(message)
        or Message("the message is no uplink of ChirpStack or The Things Stack: it has neither deviceInfo, "
                   "devEUI nor uplink_message")
    )  # fmt: skip


def _bare(message: Mapping[str, Any]) -> Message | None:
    """Why what a payload decoder made is not taken alone."""
    if foreign(message) is None:
        return None
    return Message(
        "this is what a payload decoder made, without the device it is of; publish the whole uplink"
    )


def _of_chirpstack(message: Mapping[str, Any]) -> Uplink:
    _see_uplink(message, "fCnt", "fPort", "data", "rxInfo", "txInfo")
    info = _table(message, "deviceInfo")
    heard = _rows(message, "rxInfo")
    time_us = _stamp(message, "time")
    gps = [_gps_us(row, "timeSinceGpsEpoch") for row in heard]
    gateway = [_stamp(row, key) for row in heard for key in ("gwTime", "time")]
    return Uplink(
        _eui(info, "devEui"),
        _text(info, "deviceName"),
        _text(message, "devAddr"),
        _whole(message, "fCnt"),
        _whole(message, "fPort"),
        _bytes(message, "data"),
        message.get("object"),
        time_us,
        _clock(time_us, gps, gateway),
        *_best(heard, "rssi", "snr"),
        len(heard),
    )


def _see_uplink(message: Mapping[str, Any], *keys: str) -> None:
    """See that a message of ChirpStack has what only an uplink has: a join or a status has none of these keys."""
    if not message.keys() & set(keys):
        raise RefusedError(
            Message("a message of ChirpStack that is no uplink, such as a join; listen to .../event/up")
        )


def _of_chirpstack_3(message: Mapping[str, Any]) -> Uplink:
    _see_uplink(message, "fCnt", "fPort", "data")
    heard = _rows(message, "rxInfo")
    gps = [_gps_us(row, "timeSinceGPSEpoch") for row in heard]
    gateway = [_stamp(row, "time") for row in heard]
    found = _first(gps) or _first(gateway) or _stamp(message, "publishedAt")
    decoded = message.get("object")
    text = message.get("objectJSON")
    if decoded is None and isinstance(text, str) and text:
        try:
            decoded = json.loads(text)
        except (ValueError, RecursionError):
            decoded = None
    return Uplink(
        _eui(message, "devEUI"),
        _text(message, "deviceName"),
        _text(message, "devAddr"),
        _whole(message, "fCnt"),
        _whole(message, "fPort"),
        _bytes(message, "data"),
        decoded,
        found,
        _clock(found, gps, gateway),
        *_best(heard, "rssi", "loRaSNR"),
        len(heard),
    )


def _of_tts(message: Mapping[str, Any]) -> Uplink:
    if message.get("simulated") is True:
        raise RefusedError(Message("a simulated uplink of The Things Stack's console is no measurement"))
    ids, body = _table(message, "end_device_ids"), _table(message, "uplink_message")
    if message["uplink_message"].get("simulated") is True:
        raise RefusedError(Message("a simulated uplink of The Things Stack's console is no measurement"))
    heard = _rows(body, "rx_metadata")
    gps = _first(_stamp(row, "gps_time") for row in heard)
    server = _stamp(body, "received_at")
    server = _stamp(message, "received_at") if server is None else server
    found = server if gps is None else gps
    return Uplink(
        _eui(ids, "dev_eui"),
        _text(ids, "device_id"),
        _text(body, "session_key_id") or _text(ids, "dev_addr"),
        _whole(body, "f_cnt"),
        _whole(body, "f_port"),
        _bytes(body, "frm_payload"),
        body.get("decoded_payload"),
        found,
        "" if found is None else "server" if gps is None else "gps",
        *_best(heard, "rssi", "snr"),
        len(heard),
    )


def _clock(time_us: int | None, gps: Iterable[int | None], gateway: Iterable[int | None]) -> str:
    """Whose clock a stamp is from: the first one that says the same."""
    if time_us is None:
        return ""
    for name, stamps in (("gps", gps), ("gateway", gateway)):
        if any(stamp is not None and abs(stamp - time_us) < _SAME_US for stamp in stamps):
            return name
    return "server"


def _first(stamps: Iterable[int | None]) -> int | None:
    return next((stamp for stamp in stamps if stamp is not None), None)


def _best(heard: list[Mapping[str, Any]], rssi: str, snr: str) -> tuple[float | None, float | None]:
    """Strength and signal-to-noise ratio of the gateway that heard best; what is left out is 0."""
    if not heard:
        return None, None
    best = max(heard, key=lambda row: _number(row, rssi))
    return _number(best, rssi), _number(best, snr)


def _table(message: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = message.get(key)
    if not isinstance(found, dict):
        raise RefusedError(Message("{key}: an object is expected, found {found}", key=key, found=show(found)))
    return found


def _rows(message: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    found = message.get(key)
    return [row for row in found if isinstance(row, dict)] if isinstance(found, list) else []


def _text(message: Mapping[str, Any], key: str) -> str:
    found = message.get(key, "")
    return found[:200] if isinstance(found, str) else ""


def _number(message: Mapping[str, Any], key: str) -> float:
    found = message.get(key, 0)
    return float(found) if type(found) in (int, float) and abs(found) < 1e6 else 0.0


def _whole(message: Mapping[str, Any], key: str) -> int:
    found = message.get(key, 0)
    if isinstance(found, str) and found.isascii() and found.isdigit() and len(found) <= 10:
        found = int(found)
    if found is None:
        found = 0
    if type(found) is not int or not 0 <= found <= 0xFFFF_FFFF:
        raise RefusedError(
            Message("{key}: a whole number from 0 is expected, found {found}", key=key, found=show(found))
        )
    return found


def _eui(message: Mapping[str, Any], key: str) -> str:
    found = message.get(key)
    if isinstance(found, str):
        eui = dev_eui(found)
        if eui is not None:
            return eui
        with_padding = _decoded(found)
        if with_padding is not None and len(with_padding) == 8:  # ChirpStack 3 as protobuf's JSON has it
            return with_padding.hex()
    raise RefusedError(
        Message("{key}: 16 hexadecimal digits are expected, found {found}", key=key, found=show(found))
    )


def _decoded(text: str) -> bytes | None:
    """The bytes of base64, with or without padding, of either alphabet; None when it is none."""
    plain = text.replace("-", "+").replace("_", "/").rstrip("=")
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None


def _bytes(message: Mapping[str, Any], key: str) -> bytes:
    found = message.get(key)
    if found is None:
        return b""
    data = _decoded(found) if isinstance(found, str) else None
    if data is None or len(data) > 255:
        raise RefusedError(
            Message(
                "{key}: at most 255 bytes in base64 are expected, found {found}", key=key, found=show(found)
            )
        )
    return data


def _stamp(message: Mapping[str, Any], key: str) -> int | None:
    """A time [µs UTC]; None when it is left out or none."""
    found = message.get(key)
    match = _STAMP(found) if isinstance(found, str) else None
    if match is None:
        return None
    try:
        whole = datetime.fromisoformat(match[1] + match[3])
    except ValueError:  # 30 February
        return None
    stamp: int = (whole - _EPOCH) // _MICROSECOND
    return stamp + int((match[2] or "0").ljust(6, "0")[:6]) if stamp > 0 else None


def _gps_us(row: Mapping[str, Any], key: str) -> int | None:
    """Seconds since GPS began, as text with an s behind them, as a time [µs UTC]."""
    found = row.get(key)
    match = re.fullmatch(r"(\d{1,12})(?:\.(\d{1,9}))?s", found, re.ASCII) if isinstance(found, str) else None
    if match is None:
        return None
    return _GPS_EPOCH_US - _LEAP_US + int(match[1]) * 1_000_000 + int((match[2] or "0").ljust(6, "0")[:6])
