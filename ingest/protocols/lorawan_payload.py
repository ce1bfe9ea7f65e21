"""From a LoRaWAN payload to its records, as the catalogue lays it out; and from records to a payload."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from soilco2.station_config.catalogue.payloads import WIDTH, decode, encode
from soilco2.station_config.connections.lorawan_model import LorawanModel, Payload, Place, Record
from soilco2.station_config.message import Message

_NUMBER = re.compile(r"[-+]?[0-9]+(?:\.[0-9]+)?(?:[eE][-+]?[0-9]{1,3})?").fullmatch
_FULL = {"battery_voltage": 3.3, "battery_percent": 98.0}
"""What a simulated device tells of itself."""
_ELEMENTS = 1000
"""Elements of what a server decoded that are looked at for one key, at most."""


class Part(NamedTuple):
    """A record and its bytes, without its tag."""

    record: Record
    data: bytes


class Rest(NamedTuple):
    """What of a payload is not understood.

    Parameters
    ----------
    why : Message
        One sentence.
    short : bool
        Whether the payload ends before it should.
    """

    why: Message
    short: bool


def split(model: LorawanModel, port: int, data: bytes) -> tuple[list[Part], Rest | None]:
    """The records of a payload, as far as they are understood, and what is wrong with the rest.

    Parameters
    ----------
    model : LorawanModel
    port : int
    data : bytes
        Not empty.
    """
    payload = model.payload
    assert payload is not None
    start = bytes.fromhex(payload.start)
    if payload.ports and port not in payload.ports:
        return [], Rest(
            Message("{model} sends nothing known on port {port}", model=model.id, port=port), False
        )
    if not data.startswith(start):
        why = Message(
            "a payload of {model} begins with {start}, not with {found}",
            model=model.id, start=start.hex(), found=data[: len(start)].hex(),
        )  # fmt: skip
        return [], Rest(why, len(data) < len(start))
    records = [row for row in model.record if not row.ports or port in row.ports]
    body = data[: len(data) - payload.end] if payload.end else data
    if payload.layout == "whole":
        return _whole(model.id, records, port, body[len(start) :])
    if payload.layout == "tagged":
        return _tagged(model.id, records, body, len(start))
    return _flagged(model.id, payload, records, body)


def _meant(record: Record, data: bytes) -> bool:
    """Whether the byte that decides says that it is this record."""
    only = record.only
    return only is None or data[only.offset] & only.mask == only.value


def _whole(model: str, records: Sequence[Record], port: int, data: bytes) -> tuple[list[Part], Rest | None]:
    for row in records:
        if not row.repeats and len(data) == row.length and _meant(row, data):
            return [Part(row, data)], None
    several = [row for row in records if row.repeats and data and len(data) % row.length == 0]
    if several:
        size = several[0].length
        pieces = [data[at : at + size] for at in range(0, len(data), size)]
        found = [
            next((Part(row, piece) for row in several if row.length == size and _meant(row, piece)), None)
            for piece in pieces
        ]
        parts = [part for part in found if part is not None]
        if len(parts) == len(pieces):
            return parts, None
    lengths = sorted({row.length for row in records})
    if not lengths:
        return [], Rest(Message("{model} sends nothing known on port {port}", model=model, port=port), False)
    why = Message(
        "a payload of {model} on port {port} has {expected} bytes, not {found}",
        model=model, port=port, expected=" / ".join(map(str, lengths)), found=len(data),
    )  # fmt: skip
    return [], Rest(why, len(data) < lengths[0])


def _tagged(model: str, records: Sequence[Record], data: bytes, at: int) -> tuple[list[Part], Rest | None]:
    tags = sorted(
        ((bytes.fromhex(tag), row) for row in records for tag in row.tags), key=lambda pair: -len(pair[0])
    )
    parts: list[Part] = []
    while at < len(data):
        found = [(tag, row) for tag, row in tags if data.startswith(tag, at)]
        if not found:
            why = Message(
                "{model} has no record that begins as the bytes from {position} on do: {bytes}",
                model=model, position=at + 1, bytes=data[at : at + 8].hex(),
            )  # fmt: skip
            return parts, Rest(why, False)
        fits = [(tag, row) for tag, row in found if at + len(tag) + row.length <= len(data)]
        fits = [(tag, row) for tag, row in fits if _meant(row, data[at + len(tag) :])]
        if not fits:
            why = Message(
                "the record {record} is cut off at byte {position}", record=found[0][1].id, position=len(data)
            )
            return parts, Rest(why, True)
        tag, row = fits[0]
        begin = at + len(tag)
        at = begin + row.length
        parts.append(Part(row, data[begin:at]))
    return parts, None


def _flagged(
    model: str, payload: Payload, records: Sequence[Record], data: bytes
) -> tuple[list[Part], Rest | None]:
    at = payload.flags + 2
    if len(data) < at:
        return [], Rest(
            Message("the payload ends before its flags, at byte {position}", position=len(data)), True
        )
    flags = int(decode(data, payload.flags, "uint16", payload.order))
    by_bit = {row.bit: row for row in records}
    parts: list[Part] = []
    for bit in range(16):
        if not flags >> bit & 1:
            continue
        row = by_bit.get(bit)
        if row is None:
            return parts, Rest(Message("{model} has no record of flag {bit}", model=model, bit=bit), False)
        if at + row.length > len(data):
            why = Message(
                "the record {record} is cut off at byte {position}", record=row.id, position=len(data)
            )
            return parts, Rest(why, True)
        parts.append(Part(row, data[at : at + row.length]))
        at += row.length
    if at < len(data):
        why = Message(
            "{count} bytes are left over behind the records that the flags name", count=len(data) - at
        )
        return parts, Rest(why, False)
    return parts, None


def found_in(decoded: Any, path: str) -> float | None:
    """The number at a path of what a server decoded (see `PayloadChannel.decoded`), also where it is text."""
    these = [decoded]
    for step in path.split("/"):
        these = list(_step(these, step))[:_ELEMENTS]
    for one in these:
        if isinstance(one, str) and _NUMBER(one):
            one = float(one)
        if type(one) in (int, float) and abs(one) <= 1e308:
            return float(one)
    return None


def _step(these: Sequence[Any], step: str) -> Iterator[Any]:
    key, equal, value = step.partition("=")
    for one in these:
        if step == "*":
            yield from one if isinstance(one, list) else ()
        elif equal:
            if isinstance(one, dict) and str(one.get(key)) == value:
                yield one
        elif isinstance(one, dict) and step in one:
            yield one[step]


def payload_of(model: LorawanModel, raws: Mapping[str, float | None]) -> tuple[int, bytes]:
    """Port and payload that a device with these raw numbers sends: the inverse of `split`.

    Parameters
    ----------
    model : LorawanModel
    raws : mapping of str to float or None
        Raw number by channel; None, or no entry, is the device's own way to say that it has none: its first sentinel
        or fault code, and 0 where it has neither.
    """
    payload = model.payload
    assert payload is not None
    wanted = [row.at[0] for row in model.health if row.at] + [spec.at[0] for spec in model.channel if spec.at]
    records = [
        row for row in model.record if any(place.record == row.id for place in wanted) and row.time is None
    ]
    port = next((row.ports[0] for row in records if row.ports), payload.ports[0] if payload.ports else 1)
    if payload.layout == "whole":
        records = records[:1]
    body = bytearray(bytes.fromhex(payload.start))
    if payload.layout == "flagged":
        body = body.ljust(payload.flags, b"\0")
        body += encode(sum(1 << (row.bit or 0) for row in records), "uint16", payload.order)
        records = sorted(records, key=lambda row: row.bit or 0)
    for row in records:
        data = bytearray(row.length)
        if row.only is not None:
            data[row.only.offset] |= row.only.value
        for spec in model.channel:
            for place in spec.at:
                if place.record == row.id:
                    raw = raws.get(spec.id)
                    if raw is None:
                        raw = next(iter(spec.sentinels), spec.fault_from or 0.0)
                    _put(data, place, raw, payload)
        for told in model.health:
            for place in told.at:
                if place.record == row.id:
                    _put(data, place, _FULL[told.id] / told.scale, payload)
        body += bytes.fromhex(next(iter(row.tags), "")) + data
    return port, bytes(body) + bytes(payload.end)


def _put(data: bytearray, place: Place, raw: float, payload: Payload) -> None:
    data[place.offset : place.offset + WIDTH[place.type]] = encode(
        raw / place.factor, place.type, place.order or payload.order
    )
