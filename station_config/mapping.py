"""How the columns of a wide file become series: the keys of mapping files and station files, and their rules."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta, tzinfo
from typing import Annotated, Any, Literal, NamedTuple, get_args

from pydantic import Field, field_validator

from soilco2.station_config.base import Duration, Identifier, Table
from soilco2.station_config.connections.kind import Key, Models
from soilco2.station_config.errors import StationConfigError
from soilco2.station_config.message import Message
from soilco2.station_config.parsing.faults import nearest
from soilco2.station_config.tables.instrument import Instrument
from soilco2.station_config.times import zone_of
from soilco2.station_config.units import conversion

Format = Literal[
    "auto", "TOA5", "TOACI1", "TOB1", "TOB3", "HOBOware", "ZENTRA", "FLUXNET", "COSORE", "LI-8250", "ISMN", "table"
]  # fmt: skip
FORMATS: tuple[str, ...] = get_args(Format)[1:]
"""Formats of files by name; ``table`` is any other that the mapping itself describes."""

OFFSET = re.compile(r"(?:UTC|GMT)? ?[+\N{MINUS SIGN}-]\d{1,2}(?::?[0-5]\d)?|UTC|GMT|Z", re.IGNORECASE)
"""A distance from UTC, which holds all year."""


def steady(zone: tzinfo) -> bool:
    """Whether the clocks of a zone are never changed, in this century so far."""
    hours = [datetime(year, month, 1) for year in range(2001, 2038) for month in (1, 7)]
    return len({zone.utcoffset(hour) or timedelta() for hour in hours}) == 1


class Column(Table):
    """A column of a file and the series it belongs to: a place and a variable, or a channel of an instrument."""

    column: Annotated[str, Field(min_length=1)] | Annotated[int, Field(ge=1)]
    """Its name in the header, or its number from 1."""
    position: str | None = None
    """`"profile/position"`, or `"site"` for variables without depth."""
    variable: str | None = None
    """Variable of the registry."""
    serial: Identifier | None = None
    """Instead of `position` and `variable`: serial number of an instrument of the station file."""
    channel: str | None = None
    """The channel of that instrument."""
    unit: str | None = None
    """Unit of its numbers; left out: what the file's header says."""
    where: dict[str, str | int | float] = Field(default_factory=dict)
    """Which rows are meant, by what stands in other columns, such as `{ PORT = 2 }`; left out: all."""

    def model_post_init(self, context: Any, /) -> None:
        place, device = (self.position, self.variable), (self.serial, self.channel)
        if not (all(place) and not any(device)) and not (all(device) and not any(place)):
            raise ValueError(
                Message(
                    'position and variable are expected, such as position = "p1/d10" and variable = "co2", or serial '
                    "and channel of an instrument"
                )
            )

    @property
    def target(self) -> tuple[str, str]:
        """What it is mapped to, for comparison."""
        return (self.serial or f"@{self.position}", self.channel or self.variable or "")


class Mapping(Table):
    """How files are laid out and which column is which series; a mapping file holds these keys alone."""

    format: Format = "auto"
    """What the files are; `auto` tells by their content, `table` is any other, described by the keys below."""
    timezone: str | None = None
    """Zone of the logger's clock as a fixed distance from UTC, such as `"UTC+08:00"`; a file may say it itself."""
    summer_time: bool = False
    """The logger's clock is changed in summer: `timezone` may then be such as `"Europe/Berlin"`, and times that come
    twice are rejected."""
    period: Annotated[Duration, Field(gt=0)] | None = None
    """Time between rows, where means are meant."""
    stamp: Literal["instant", "start", "end"] | None = None
    """What a row's time marks; `start` and `end` need `period`."""
    encoding: str | None = None
    """Of text; left out: UTF-8, or GB18030 where it is none."""
    delimiter: Literal[",", ";", "\t", " ", "|"] | None = None
    """Of a `table`: what stands between cells; left out: the one that is most frequent in the header."""
    header_line: Annotated[int, Field(ge=1)] = 1
    """Of a `table`: line of the column names, from 1."""
    unit_line: Annotated[int, Field(ge=1)] | None = None
    """Of a `table`: line of the units, if there is one."""
    first_line: Annotated[int, Field(ge=1)] | None = None
    """Of a `table`: line of the first row; left out: the one behind header and units."""
    time: tuple[Annotated[str, Field(min_length=1)] | Annotated[int, Field(ge=1)], ...] = ()
    """Of a `table`: the column of the time, or those of date and time of day, by name or number."""
    time_format: str | None = None
    """Of a `table`: how times are written, such as `"%d.%m.%Y %H:%M:%S"`; left out: year first, as in ISO 8601."""
    decimal: Literal[".", ","] = "."
    """Decimal sign."""
    missing: tuple[str | int | float, ...] = ()
    """Cells that mean that there is no value, besides those of the format."""
    column: tuple[Column, ...] = ()
    """Which column is which series; others are left alone."""

    @field_validator("timezone")
    @classmethod
    def _a_zone(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                zone_of(value)
            except ValueError:
                raise ValueError(Message('a distance from UTC is expected, such as "UTC+08:00"')) from None
        return value

    def model_post_init(self, context: Any, /) -> None:
        if self.timezone is not None and not self.summer_time and not steady(zone_of(self.timezone)):
            raise ValueError(
                Message(
                    "the clocks of {zone} are changed in summer, those of a logger as a rule are not: write timezone "
                    'as a fixed distance, such as "UTC+01:00", or, if the logger follows summer time, summer_time = '
                    "true",
                    zone=self.timezone,
                )
            )
        if self.decimal == "," and self.delimiter == ",":
            raise ValueError(Message("delimiter and decimal are both a comma; one of them must be another"))
        if self.stamp in ("start", "end") and self.period is None:
            raise ValueError(
                Message("stamp {stamp!r} needs period: the {stamp} of how long a time?", stamp=self.stamp)
            )

    @property
    def zone(self) -> tzinfo | None:
        """Zone of the logger's clock."""
        return None if self.timezone is None else zone_of(self.timezone)


class Wrong(NamedTuple):
    """A key of a mapping that cannot be used: its path, what stands there, what is expected."""

    path: Key
    value: Any
    expected: Message


def wrong_in(columns: Iterable[Column], file: Any, models: Models) -> Iterator[Wrong]:
    """Columns that stand twice, series that are named twice, and places, variables, channels and units of no station.

    Parameters
    ----------
    columns : iterable of Column
    file : StationFile
        What can be used of it.
    models : mapping of str to ProbeModel
    """
    rows = list(columns)
    places = {f"{profile.id}/{one.id}" for profile in file.profile for one in profile.position}
    instruments = {row.serial: row for row in file.instrument}
    first: dict[Any, int] = {}
    for n, row in enumerate(rows):
        where = "serial" if row.serial else "position"
        told = ", ".join(f"{name} = {text}" for name, text in row.where.items())
        for key, value in (
            ("column", f"{row.column} {told}".strip()), (where, "/".join(row.target).lstrip("@"))
        ):  # fmt: skip
            if (key, value) in first:
                yield Wrong(
                    ("column", n, key), value,
                    Message(
                        "row {first} of [[column]] says this already; take one of them out",
                        first=first[key, value] + 1,
                    ),
                )  # fmt: skip
            first.setdefault((key, value), n)
        if row.position is not None and row.position != "site" and row.position not in places:
            yield Wrong(
                ("column", n, "position"), row.position,
                Message("no such position; {nearest}", nearest=nearest(row.position, sorted(places))),
            )  # fmt: skip
        if row.serial is not None:
            yield from _wrong_channel(n, row, instruments, models)
        elif row.unit is not None and row.variable is not None:
            try:
                conversion(row.unit, row.variable, file.variables)
            except StationConfigError as error:
                yield Wrong(("column", n, "unit"), row.unit, Message.of(error))


def _wrong_channel(
    n: int, row: Column, instruments: dict[str, Instrument], models: Models
) -> Iterator[Wrong]:
    device = instruments.get(row.serial or "")
    if device is None:
        yield Wrong(
            ("column", n, "serial"), row.serial,
            Message("no such serial number; {nearest}", nearest=nearest(row.serial or "", instruments)),
        )  # fmt: skip
        return
    model = models.get(device.model_key)
    names = [spec.id for spec in model.channel] if model is not None else []
    if model is not None and row.channel not in names:
        yield Wrong(
            ("column", n, "channel"), row.channel,
            Message(
                "{model} has no such channel; {nearest}", model=model.id, nearest=nearest(row.channel or "", names)
            ),
        )  # fmt: skip
