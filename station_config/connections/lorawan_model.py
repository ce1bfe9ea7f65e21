"""LoRaWAN in the catalogue: how a device's payload is laid out, and where in it each quantity is.

A payload is made of *records*. It is laid out in one of three ways: ``whole``, where one record is all of it and the
port says which; ``tagged``, where each record begins with a tag that says what and how long it is (type-length-value,
the length being the catalogue's); ``flagged``, where bits in a header say which records follow.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field

from soilco2.station_config.base import BothNames, Identifier, Table
from soilco2.station_config.catalogue.payloads import WIDTH, NumberType, Order, decode
from soilco2.station_config.catalogue.probe import ChannelSpec, ProbeModel
from soilco2.station_config.connections.kind import Key
from soilco2.station_config.errors import Fault
from soilco2.station_config.message import Message
from soilco2.station_config.parsing.faults import fault_at, nearest

Hex = Annotated[str, Field(pattern=r"^([0-9A-Fa-f]{2})*$")]
"""Bytes as hexadecimal digits."""


def _listed(value: Any) -> Any:
    return value if isinstance(value, list | tuple) else [value]


class Only(Table):
    """What a byte must say for a record to be meant."""

    offset: int = Field(ge=0)
    """The byte within the record."""
    mask: int = Field(ge=1, le=255)
    """Bits looked at."""
    value: int = Field(ge=0, le=255)
    """What they must be."""


class Place(Table):
    """Where in a record a number is, and how it is coded."""

    record: str
    """The record it stands in."""
    offset: int = Field(default=0, ge=0)
    """Its first byte, behind the record's tag."""
    type: NumberType
    """How the number is coded."""
    order: Order | None = None
    """Which byte comes first; left out: as the payload says."""
    mask: int | None = Field(default=None, ge=1)
    """Bits that count; left out: all."""
    factor: float = 1.0
    """Factor that brings this record's number to that of the channel's other records."""


class When(Table):
    """Where in a record the time of its measurement is: seconds since 1970, UTC."""

    offset: int = Field(ge=0)
    """Its first byte, behind the record's tag."""
    type: Literal["uint32"] = "uint32"
    """How it is coded."""


class Record(Table):
    """A part of a payload that is understood as one, of `length` bytes behind its tag."""

    id: Identifier
    """Name for channels to refer to."""
    length: int = Field(ge=0, le=255)
    """Bytes, without the tag."""
    ports: tuple[Annotated[int, Field(ge=0, le=255)], ...] = ()
    """Ports it comes on; left out: every one."""
    tags: Annotated[tuple[Hex, ...], BeforeValidator(_listed)] = ()
    """Bytes it begins with, in a tagged payload; a list where several records are alike."""
    bit: int | None = Field(default=None, ge=0, le=15)
    """The bit that says it is there, in a flagged payload."""
    only: Only | None = None
    """What a byte of it must say."""
    repeats: bool = False
    """Whether a whole payload is made of several of them."""
    refused: BothNames | None = None
    """Why what is missing in it gives no readings, where it should not be so; the uplink is parked with this."""
    time: When | None = None
    """Where the time of its measurement is; left out: it was measured when it was sent."""


class Payload(Table):
    """How the payload is laid out."""

    layout: Literal["whole", "tagged", "flagged"]
    """`"whole"`: one record, or one that repeats; `"tagged"`: each record begins with its tag; `"flagged"`: bits of
    a header say which records follow."""
    order: Order
    """Which byte of a number comes first."""
    ports: tuple[Annotated[int, Field(ge=0, le=255)], ...] = ()
    """Ports that carry records; left out: every one but 0."""
    start: Hex = ""
    """Bytes that a payload begins with, which are no record."""
    flags: int = Field(default=0, ge=0)
    """Of a flagged payload: where the two bytes of the flags are; the records follow them."""
    end: int = Field(default=0, ge=0)
    """Bytes at the end that are no record, such as a checksum."""


class PayloadChannel(ChannelSpec):
    """A quantity that stands in a payload, or in what the network server decoded."""

    at: Annotated[tuple[Place, ...], BeforeValidator(_listed)] = ()
    """Where its number is: a table, or a list of tables where several records give it."""
    decoded: Annotated[tuple[str, ...], BeforeValidator(_listed)] = ()
    """Keys of it in what the network server decoded, in the unit of the channel: `"a/b"` is b within a, `*` every
    element of a list, `"id=4102"` the element whose id is 4102."""
    sensor: Identifier = "sensor"
    """The sensor it is of: a fault code in one channel makes the others of the same sensor suspect."""
    extra: bool = False
    """Whether it is used only where the station file names it in `channels`, such as a probe that few have."""
    fault_from: float | None = None
    """Raw numbers from here on are fault codes."""


class Health(Table):
    """Something a device tells of itself; it goes into `soil_health`, not into the data."""

    id: Literal["battery_voltage", "battery_percent"]
    """What it is."""
    scale: float = 1.0
    """Factor on the raw number."""
    at: Annotated[tuple[Place, ...], BeforeValidator(_listed)] = ()
    """Where its number is."""
    decoded: Annotated[tuple[str, ...], BeforeValidator(_listed)] = ()
    """Keys of it in what the network server decoded."""


class LorawanModel(ProbeModel):
    """A model of LoRaWAN device."""

    protocols: ClassVar[tuple[str, ...]] = ("lorawan",)

    protocol: Literal["lorawan"]
    """How it is read."""
    payload: Payload | None = None
    """How its payload is laid out; left out: only what the network server decoded is read."""
    record: tuple[Record, ...] = ()
    """Parts of its payload; one that no channel refers to is passed over."""
    channel: tuple[PayloadChannel, ...]
    """What it gives."""
    health: tuple[Health, ...] = ()
    """What it tells of itself."""

    def used(self, names: Iterable[str] = ()) -> tuple[ChannelSpec, ...]:
        """The channels of `names`; when it is empty all that are not extra."""
        wanted = set(names)
        return tuple(row for row in self.channel if row.id in wanted or not (wanted or row.extra))

    def decoder(self, spec: ChannelSpec) -> Callable[[bytes], float] | None:
        """From a record as samples keep it, its name and a colon in front, to a channel's raw number."""
        assert isinstance(spec, PayloadChannel)
        if self.payload is None or not spec.at:
            return None
        order = self.payload.order
        places = {place.record.encode(): place for place in spec.at}

        def number(said: bytes) -> float:
            name, _, data = said.partition(b":")
            place = places.get(name)
            if place is None:
                raise IndexError(Message("this record has no {channel}", channel=spec.id))
            raw = number_at(place, data, order)
            return math.nan if spec.fault_from is not None and raw >= spec.fault_from else raw

        return number

    def frame(self, spec: ChannelSpec) -> str | None:
        """The sensor a channel is of, where it has others."""
        assert isinstance(spec, PayloadChannel)
        return spec.sensor if sum(row.sensor == spec.sensor for row in self.channel) > 1 else None

    def faults(self, root: Any) -> Iterator[Fault]:
        for n, row in enumerate(self.record):
            path: Key = ("record", n)
            if self.payload is None:
                yield fault_at(root, path, row.id, Message("records need the table [payload]"))
                return
            if row.id in [other.id for other in self.record[:n]]:
                expected = Message("this id is used twice under [[{table}]]", table="record")
                yield fault_at(root, (*path, "id"), row.id, expected)
            yield from self._record(root, path, row)
        records = {row.id: row for row in self.record}
        for table in ("channel", "health"):
            for n, one in enumerate(getattr(self, table)):
                if not one.at and not one.decoded:
                    expected = Message("where its number is: at, decoded, or both")
                    yield fault_at(root, (table, n), one.id, expected)
                for m, place in enumerate(one.at):
                    where: Key = (table, n, "at", m) if len(one.at) > 1 else (table, n, "at")
                    yield from _place(root, where, place, records)

    def _record(self, root: Any, path: Key, row: Record) -> Iterator[Fault]:
        assert self.payload is not None
        layout = self.payload.layout
        if (layout == "tagged") != bool(row.tags and all(row.tags)):
            expected = Message("a tag for each record of a tagged payload, and for no other")
            yield fault_at(root, (*path, "tags"), None, expected)
        if (layout == "flagged") != (row.bit is not None):
            expected = Message("a bit for each record of a flagged payload, and for no other")
            yield fault_at(root, (*path, "bit"), row.bit, expected)
        if row.repeats and (layout != "whole" or not row.length):
            expected = Message("only a record with a length that is the whole payload can repeat")
            yield fault_at(root, (*path, "repeats"), row.repeats, expected)
        ends = [] if row.time is None else [("time", row.time.offset + 4)]
        ends += [] if row.only is None else [("only", row.only.offset + 1)]
        for key, end in ends:
            if end > row.length:
                expected = Message("a place within the {length} bytes of the record", length=row.length)
                yield fault_at(root, (*path, key, "offset"), end, expected)


def number_at(place: Place, data: bytes, order: Order) -> float:
    """The number at a place of a record, before the channel's scale.

    Raises
    ------
    IndexError
        When the record is too short.
    """
    raw = decode(data, place.offset, place.type, place.order or order)
    if place.mask is not None:
        raw = float(int(raw) & place.mask)
    return raw * place.factor


def _place(root: Any, path: Key, place: Place, records: dict[str, Record]) -> Iterator[Fault]:
    record = records.get(place.record)
    if record is None:
        expected = Message("no such record; {nearest}", nearest=nearest(place.record, records))
        yield fault_at(root, (*path, "record"), place.record, expected)
    elif place.offset + WIDTH[place.type] > record.length:
        expected = Message("a place within the {length} bytes of the record", length=record.length)
        yield fault_at(root, (*path, "offset"), place.offset, expected)
