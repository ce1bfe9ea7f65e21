"""What a header and a mapping make of each other: which column becomes which channel, by which factors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

from soilco2.ingest.files.head import Head, LoggerFileError, column_of
from soilco2.station_config.deployments import IMPORT
from soilco2.station_config.errors import StationConfigError
from soilco2.station_config.loader import Station
from soilco2.station_config.mapping import Column, Mapping
from soilco2.station_config.message import Message
from soilco2.station_config.units import conversion, exact_between, exactly
from soilco2.station_config.variables import Variables
from soilco2.storage.row_extras import write
from soilco2.storage.tidy.rows import TidyFault


@dataclass(frozen=True, slots=True)
class Target:
    """A column, the channel it belongs to, and how its numbers become those of the channel.

    Parameters
    ----------
    index : int
    name : str
    serial, channel : str
    a, b : Fraction
        ``raw = a · number + b``
    codes : frozenset of float
        Numbers that mean that there is no value.
    unit : str
        As written.
    beside : str
        What is kept of period and stamp.
    where : tuple of (int, str)
        The rows that are meant: columns, and what stands in them.
    """

    index: int
    name: str
    serial: str
    channel: str
    a: Fraction
    b: Fraction
    codes: frozenset[float]
    unit: str
    beside: str = ""
    where: tuple[tuple[int, str], ...] = ()


def absent_columns(head: Head, absent: Sequence[str | int], line: int, below: bool) -> list[TidyFault]:
    """Why columns of a mapping bring nothing from a header on; one fault each, parked like a row.

    Parameters
    ----------
    head : Head
    absent : sequence of str or int
        The columns.
    line : int
        Of the header.
    below : bool
        Whether the header stands in the middle of a file.
    """
    there = ", ".join(name for n, name in enumerate(head.names) if name and n not in head.time)[:300]
    faults = []
    for column in absent:
        reason = Message(
            "column {column} of the mapping is not in the file, which has {columns}; mend its name, or take its row "
            "out of the mapping",
            column=column, columns=there,
        )  # fmt: skip
        if below:
            reason = Message(
                "column {column} of the mapping brings nothing below the header of line {line}, which has {columns}",
                column=column, line=line, columns=there,
            )  # fmt: skip
        faults.append(TidyFault(line, reason, ",".join(head.names)[:2000], column))
    return faults


class Planned(NamedTuple):
    """What a header and a mapping make of each other: the columns to take, and those that are not there."""

    targets: tuple[Target, ...]
    absent: tuple[str | int, ...]


def plan(head: Head, mapping: Mapping, station: Station, path: str) -> Planned:
    """Which columns of a file become which channels.

    Raises
    ------
    LoggerFileError
        When the mapping names no column of the file, or a column has no unit that fits.
    """
    targets, absent = [], []
    for row in mapping.column:
        index = column_of(head, row.column)
        if index is None:
            absent.append(row.column)
        else:
            targets.append(_target(head, mapping, row, index, station, path))
    if not targets:
        there = ", ".join(name for n, name in enumerate(head.names) if name and n not in head.time)
        raise LoggerFileError(
            path,
            Message(
                "the mapping names no column of the file; it has {columns}",
                columns=there[:300] or Message("none"),
            ),
        )
    return Planned(tuple(targets), tuple(absent))


def _target(head: Head, mapping: Mapping, row: Column, index: int, station: Station, path: str) -> Target:
    name = head.names[index]
    unit = row.unit if row.unit is not None else head.unit(index)
    serial, channel = row.serial, row.channel
    if serial is None:
        assert row.position is not None
        profile, _, position = row.position.partition("/")
        serial, channel = f"{IMPORT}{profile}/{position}", row.variable
    known = station.deployments.channel(serial, channel or "")
    if known is None:
        raise LoggerFileError(
            path,
            Message("{target} is no place of the station", target="/".join(row.target).lstrip("@")),
            None,
            name,
        )
    variable, variables = known.variable, station.variables
    if not unit:
        raise LoggerFileError(
            path,
            Message(
                "the header says no unit, nor does the mapping; write unit = {unit!r} or another into its row",
                unit=variables[variable].unit,
            ),
            None,
            name,
        )
    spec = known.spec
    try:
        conversion(unit, variable, variables)
    except StationConfigError as error:
        raise LoggerFileError(path, Message.of(error), None, name) from None
    a, b = exact_between(unit, spec.unit, variable, variables)
    scale = exactly(float(spec.scale))
    a, b = a / scale, (b - exactly(float(spec.shift))) / scale
    period_s = mapping.period or head.period_s
    stamp = mapping.stamp or (head.stamp if period_s is not None else "")
    beside = write(None, None, "", period_s, stamp or ("instant" if period_s else ""))
    return Target(
        index, name, serial, channel or "", a, b, _codes(head, mapping, unit, variable, variables), unit,
        beside if serial.startswith(IMPORT) and period_s is not None else "", _where(head, row, path),
    )  # fmt: skip


def _where(head: Head, row: Column, path: str) -> tuple[tuple[int, str], ...]:
    """The columns that say which rows are meant, and what stands in them."""
    found = []
    for name, wanted in row.where.items():
        index = column_of(head, name)
        if index is None:
            raise LoggerFileError(
                path,
                Message("where: column {column} is not in the file", column=name),
                None,
                str(row.column),
            )
        found.append((index, str(wanted)))
    return tuple(found)


def _codes(head: Head, mapping: Mapping, unit: str, variable: str, variables: Variables) -> frozenset[float]:
    """Numbers that mean that there is no value: those of the mapping, those of the format that cannot be one."""
    known = variables[variable]
    a, b = conversion(unit, variable, variables)
    found = {code for code in head.codes if not known.lower <= a * code + b <= known.upper}
    for text in mapping.missing:
        try:
            found.add(float(text))
        except ValueError:
            continue
    return frozenset(found)
