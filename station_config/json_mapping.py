"""How the values of JSON messages become series: the keys of connections that have them, and their rules."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import tzinfo
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import AfterValidator, Field, field_validator

from soilco2.station_config.base import Identifier, Table
from soilco2.station_config.catalogue.probe import ProbeModel
from soilco2.station_config.connections.kind import Both, Draft, Key, Models
from soilco2.station_config.errors import Fault
from soilco2.station_config.json_path import path_of
from soilco2.station_config.mapping import steady
from soilco2.station_config.message import Message
from soilco2.station_config.parsing.faults import nearest
from soilco2.station_config.tables.instrument import Instrument
from soilco2.station_config.times import zone_of
from soilco2.station_config.units import conversion


def _a_path(value: str) -> str:
    path_of(value)
    return value


def _one_place(value: str) -> str:
    if path_of(value).many:
        raise ValueError(Message("one place is expected; only `each` may name every element with *"))
    return value


ManyPlaces = Annotated[str, AfterValidator(_a_path)]
"""A path that may name several places."""
OnePlace = Annotated[str, AfterValidator(_one_place)]
"""A path to one place."""


class JsonReading(Table):
    """A value in a message, and the channel of the instrument it belongs to."""

    path: OnePlace
    """Where the value stands, such as `"DS18B20.Temperature"` or `"sensors[0].value"`: within an element of `each`, or
    from `$`, the whole message. `"@"` is the element itself."""
    serial: Identifier | None = None
    """Serial number of the instrument; left out: the one whose `address` is the device that the message names."""
    channel: str
    """The channel of that instrument."""
    unit: str | None = None
    """Unit of the value; left out: that of the channel."""
    unit_path: OnePlace | None = None
    """Where the message says the unit."""
    device: str | None = None
    """Only of this device."""
    where: dict[str, str | int | float | bool] = Field(default_factory=dict)
    """Only where these places say this, such as `{ port_num = 1, measurement = "Soil Temperature" }`."""
    error_code: OnePlace | None = None
    """Where its fault code stands; left out: as the connection says."""
    optional: bool = False
    """Whether it may be left out of a message; otherwise a missing value is parked."""

    @field_validator("where")
    @classmethod
    def _places(cls, value: dict[str, Any]) -> dict[str, Any]:
        for key in value:
            _one_place(key)
        return value

    def model_post_init(self, context: Any, /) -> None:
        if self.unit is not None and self.unit_path is not None:
            raise ValueError(Message("unit and unit_path are both given; one of them must go"))

    @property
    def target(self) -> tuple[str, str]:
        """What it is mapped to, for comparison."""
        return (self.serial or f"@{self.device or ''}", self.channel)


class JsonMapping(Table):
    """What of a message is which reading; the part of a connection that is the same however messages come."""

    each: ManyPlaces | None = None
    """The elements that are looked at one by one, such as `"data[*]"`; left out: the message as a whole."""
    device: OnePlace | None = None
    """Where the message names the device."""
    time: OnePlace | None = None
    """Where the time of the measurement stands; left out: it was measured when it came."""
    time_format: Literal["iso", "s", "ms", "us"] = "iso"
    """How times are written: ISO 8601, or seconds, milliseconds or microseconds since 1970 in UTC."""
    timezone: str | None = None
    """Zone of times that name none, as a fixed distance from UTC, such as `"UTC+08:00"`; left out: such are parked."""
    error_code: OnePlace | None = None
    """Where the fault code of a value stands: with another one than 0, null or nothing, the value is none."""
    numbers_as_text: bool = False
    """Whether numbers written as text (`"21.5"`) are taken as numbers; otherwise such a reading is parked."""
    reading: tuple[JsonReading, ...] = ()
    """Which value is which reading; others are left alone."""

    @field_validator("timezone")
    @classmethod
    def _a_zone(cls, value: str | None) -> str | None:
        try:
            good = value is None or steady(zone_of(value))
        except ValueError:
            good = False
        if not good:
            raise ValueError(
                Message('a fixed distance from UTC is expected, such as "UTC+08:00", without summer time')
            )
        return value

    @property
    def zone(self) -> tzinfo | None:
        """Zone of times that name none."""
        return None if self.timezone is None else zone_of(self.timezone)


KEYS: dict[str, Both] = {
    "each": ("elements", "元素"),
    "device": ("device", "设备"),
    "time": ("time", "时间"),
    "time_format": ("how times are written", "时间写法"),
    "timezone": ("zone of times without one", "无时区时间的时区"),
    "error_code": ("fault code", "故障代码"),
    "numbers_as_text": ("numbers as text", "数字写成文本"),
    "reading": ("readings", "读数"),
}
"""Labels of the keys of a mapping."""
LEFT_OUT: dict[str, Both] = {
    "each": ("the message as a whole", "整条消息"),
    "device": ("not named", "未指明"),
    "time": ("when it came", "到达时间"),
    "timezone": ("none: such times are parked", "无：此类时间搁置"),
    "error_code": ("none", "无"),
}
"""What holds where a key of a mapping is left out."""


class _Where(NamedTuple):
    """Where in the draft a connection stands, and what it has."""

    draft: Draft
    path: Key
    mapping: Any
    instruments: dict[str, Instrument]


def mapping_faults(draft: Draft, path: Key, row: Any, models: Models) -> Iterator[Fault]:
    """Faults of one connection's mapping.

    Parameters
    ----------
    draft : Draft
    path : tuple
        Of the connection.
    row : JsonMapping
        The connection, with its `id`.
    models : mapping of str to ProbeModel
    """
    mine = {one.serial: one for one in draft.file.instrument if one.connection == row.id}
    where = _Where(draft, path, row, mine)
    if not row.reading:
        yield draft.fault(
            (*path, "reading"), None,
            Message("no value is mapped to a channel; add [[connection.reading]] with path, serial and channel"),
        )  # fmt: skip
    first: dict[tuple[str, str], int] = {}
    for n, one in enumerate(row.reading):
        spot: Key = (*path, "reading", n)
        before = first.setdefault(one.target, n)
        if before != n:
            yield draft.fault(
                (*spot, "channel"), one.channel,
                Message("row {first} of [[connection.reading]] brings this channel already", first=before + 1),
            )  # fmt: skip
        yield from _one_reading(where, spot, one, models)
    named = {one.serial for one in row.reading}
    for n, device in enumerate(draft.file.instrument):
        if device.serial in mine and device.serial not in named and not (None in named and device.address):
            yield draft.fault(
                ("instrument", n, "connection"), row.id,
                Message(
                    "no [[connection.reading]] of {connection} brings a channel of {serial}; name its serial there",
                    connection=row.id, serial=device.serial,
                ),
            )  # fmt: skip


def _one_reading(where: _Where, spot: Key, one: JsonReading, models: Models) -> Iterator[Fault]:
    draft, _, mapping, mine = where
    names_device = mapping.device is not None or getattr(mapping, "device_level", None) is not None
    if (one.serial is None or one.device is not None) and not names_device:
        key = "serial" if one.serial is None else "device"
        yield draft.fault(
            (*spot, key), getattr(one, key),
            Message(
                "a serial number is expected, or the place where a message names its device (device, or device_level "
                "of the topic)"
            ),
        )  # fmt: skip
    elif one.serial is not None and one.serial not in mine:
        yield draft.fault(
            (*spot, "serial"), one.serial,
            Message(
                "no instrument of this serial number is on this connection; {nearest}",
                nearest=nearest(one.serial, mine),
            ),
        )  # fmt: skip
    elif one.serial is None and not any(row.address for row in mine.values()):
        yield draft.fault(
            (*spot, "path"), one.path,
            Message("no instrument on this connection has an address, by which the device would be known"),
        )  # fmt: skip
    used = [mine[one.serial]] if one.serial in mine else [row for row in mine.values() if row.address]
    for row in used if one.serial is None or one.serial in mine else ():
        model = models.get(row.model)
        if model is not None:
            yield from _channel(draft, spot, one, model)


def _channel(draft: Draft, spot: Key, one: JsonReading, model: ProbeModel) -> Iterator[Fault]:
    specs = {spec.id: spec for spec in model.channel}
    if one.channel not in specs:
        yield draft.fault(
            (*spot, "channel"), one.channel,
            Message(
                "{model} has no such channel; {nearest}", model=model.id, nearest=nearest(one.channel, specs)
            ),
        )  # fmt: skip
    elif one.unit is not None:
        try:
            conversion(one.unit, specs[one.channel].variable, draft.file.variables)
        except ValueError as error:
            yield draft.fault((*spot, "unit"), one.unit, Message.of(error))


def by_address(draft: Draft, path: Key, row: Instrument) -> Iterator[Fault]:
    """Faults of the address of an instrument: it is the name of its device, if there is one."""
    if row.address is not None and not isinstance(row.address, str):
        yield draft.fault(
            (*path, "address"), row.address,
            Message('the name of the device is expected as text, such as address = "soil_1"'),
        )  # fmt: skip
