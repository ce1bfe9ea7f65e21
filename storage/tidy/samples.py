"""A tidy table as samples of pseudo-instruments, ready for the journal, in bounded stretches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import tzinfo
from pathlib import Path
from typing import NamedTuple

from soilco2.quality.records import Flag, Sample
from soilco2.quality.rivals import TABLE
from soilco2.quality.runs import Columns as SampleColumns
from soilco2.quality.runs import Rest
from soilco2.station_config.base import moment_us
from soilco2.station_config.deployments import IMPORT, SITE, Deployments
from soilco2.station_config.loader import Station
from soilco2.station_config.message import Message
from soilco2.station_config.times import TIME_MIN_US
from soilco2.storage.row_extras import said, write
from soilco2.storage.tidy.rows import Columns, Meta, Place, RowParser, TidyFault
from soilco2.storage.tidy.text import Layout, find_layout, open_binary, pieces

STRETCH = 5000
"""Rows handed over at once."""

_STATUS = {Flag.SUSPECT.value: "source=0x1", Flag.BAD.value: "source=0x2"}
"""What the table's own flags become: status bits of the pseudo-instrument, judged by `quality`."""

_SAME_DEPTH_M = 0.0005
_Head = tuple[str, str, str, str]
"""Serial number, channel, status, and what rows say besides their value."""
_new = tuple.__new__


class Stretch(NamedTuple):
    """Some rows of a table.

    Parameters
    ----------
    samples : sequence of Sample
    faults : list of TidyFault
        Rows that cannot be used.
    line : int
        The last line that was read.
    lines : list of int
        Line of each sample.
    units : mapping of (str, str) to set of str
        Units as written, by serial number and channel.
    """

    samples: Sequence[Sample]
    faults: list[TidyFault]
    line: int
    lines: Sequence[int]
    units: Mapping[tuple[str, str], set[str]]


class Moment(NamedTuple):
    """When the import happens: wall clock [µs UTC], monotonic clock [µs] and the boot it belongs to."""

    now_us: int
    mono_us: int
    boot_id: str


def source_name(path: Path, kind: str = TABLE) -> str:
    """The source of the samples of a file, under which the journal counts them; its beginning gives their rank."""
    return f"{kind}{path.name}"


def read_samples(
    station: Station,
    path: Path,
    moment: Moment,
    zone: tzinfo | None = None,
    layout: Layout | None = None,
    source: str = "",
) -> Iterator[Stretch]:
    """The rows of a tidy table as samples, `STRETCH` at a time.

    Each row is either a sample or a fault: unknown station, position or variable, a depth that is not the
    position's, a time in the future. A line that may not be finished (`Layout.open_line`) is left for a later reading.

    Parameters
    ----------
    station : Station
    path : Path
    moment : Moment
    zone : tzinfo, optional
        Zone of times that name none.
    layout : Layout, optional
    source : str, optional
        Of the samples; `source_name` when left out.

    Raises
    ------
    TidyFileError
        When the file as a whole cannot be used.
    """
    deployments = station.deployments
    latest_us = moment.now_us + round(station.file.quality.future_tolerance * 1e6)
    source = source or source_name(path)
    channels: dict[Place, tuple[str, str]] = {}
    usual: dict[tuple[str, str], str] = {}

    def refuse(place: Place) -> Message | None:
        found = channels.get(place) or find_channel(deployments, place)
        if isinstance(found, Message):
            return found
        channels[place] = found
        usual[found] = _usual(deployments, *found)
        return None

    layout = find_layout(path) if layout is None else layout
    parser = RowParser(layout, zone, refuse=refuse, latest_us=latest_us, variables=station.variables)
    rest = (None, *moment, source)

    def head(meta: Meta) -> _Head:
        serial, channel = channels[meta.place]
        beside = "" if meta.beside == usual[serial, channel] else meta.beside
        return serial, channel, _STATUS.get(meta.flag or 0, ""), beside

    with open_binary(path) as file:
        for first, lines in pieces(file, layout.encoding, layout.first_line, STRETCH):
            part = lines if layout.open_line is None else lines[: max(0, layout.open_line - first)]
            columns = parser.columns(first, part)
            heads = {meta: head(meta) for meta in set(columns.metas)}
            yield Stretch(
                _samples(columns, heads, rest),
                columns.faults,
                first + len(part) - 1,
                columns.lines,
                _units(heads),
            )


def _samples(columns: Columns, heads: Mapping[Meta, _Head], rest: Rest) -> Sequence[Sample]:
    """Rows as samples: by column where they say nothing but their numbers."""
    values = _canonical(columns, heads)
    if not any(status or beside for _, _, status, beside in heads.values()):
        names = {meta: row[:2] for meta, row in heads.items()}
        return SampleColumns(list(map(names.__getitem__, columns.metas)), columns.times, values, rest)
    whole = zip(columns.times, map(heads.__getitem__, columns.metas), values, strict=True)
    return [
        _new(
            Sample,
            (serial, channel, time_us, value, status, *rest, said(beside, value) if beside else None),
        )
        for time_us, (serial, channel, status, beside), value in whole
    ]


def _units(heads: Mapping[Meta, _Head]) -> dict[tuple[str, str], set[str]]:
    """The units that rows are written in, by serial number and channel."""
    found: dict[tuple[str, str], set[str]] = {}
    for meta, (serial, channel, _, _) in heads.items():
        found.setdefault((serial, channel), set()).add(meta.unit)
    return found


def _canonical(columns: Columns, kinds: Iterable[Meta]) -> list[float | None]:
    """Values in the canonical unit of their variable, absent where the row's own flag says so."""
    if all(meta.plain and meta.flag != Flag.MISSING for meta in kinds):
        return columns.values
    return [
        None if meta.flag == Flag.MISSING else meta.canonical(value)
        for meta, value in zip(columns.metas, columns.values, strict=True)
    ]


def _usual(deployments: Deployments, serial: str, channel: str) -> str:
    """What a row says besides that the station file says already of every value of its series."""
    profile, _, position = serial.removeprefix(IMPORT).partition("/")
    period_s = deployments.period_s((deployments.station_id, profile, position, channel))
    return "" if period_s is None else write(None, None, "", float(period_s), "instant")


def find_channel(deployments: Deployments, place: Place) -> tuple[str, str] | Message:
    """Serial number and channel of the pseudo-instrument for a row's place, or why there is none."""
    if place.station and place.station != deployments.station_id:
        return Message(
            "station {station!r} is not {own!r}",
            station=place.station,
            own=deployments.station_id,
        )
    found = _find_position(deployments, place)
    if isinstance(found, Message):
        return found
    serial = f"{IMPORT}{found[0]}/{found[1]}"
    if deployments.channel(serial, place.variable) is None:
        return Message("{place} is no position of the station", place=f"{found[0]}/{found[1]}")
    return serial, place.variable


def _find_position(deployments: Deployments, place: Place) -> tuple[str, str] | Message:
    """Profile and position, from the names or the depth that a row gives."""
    known = deployments.variables[place.variable]
    if place.profile in ("", SITE) and not place.position and (place.depth_m is None or not known.has_depth):
        if known.has_depth and not known.at_site:
            return Message("{variable} needs a position or a depth_m", variable=place.variable)
        return SITE, ""
    if not known.has_depth:
        return Message(
            "{variable} belongs to the whole site, not to {place}; write site as its profile and leave position empty",
            variable=place.variable,
            place="/".join(part for part in (place.profile, place.position) if part),
        )
    if place.profile and not place.position and place.depth_m is None:
        return _no_position(deployments, place)
    fitting = [
        (profile.id, position.id)
        for profile in deployments.file.profile
        for position in profile.position
        if place.profile in ("", profile.id)
        and place.position in ("", position.id)
        and (place.position or _at(deployments, profile.id, position.id, place.depth_m))
    ]
    what = Message.of("/".join(part for part in (place.profile, place.position) if part))
    if place.depth_m is not None and not place.position:
        what = (
            Message("{profile} depth {depth:g} m", profile=what, depth=place.depth_m)
            if what
            else Message("depth {depth:g} m", depth=place.depth_m)
        )
    if not fitting:
        places = [f"{p.id}/{q.id}" for p in deployments.file.profile for q in p.position]
        return Message(
            "{place} is no position of the station; there are {places}",
            place=what,
            places=", ".join(places[:20]) or Message("none"),
        )
    if len(fitting) > 1:
        names = ", ".join("/".join(pair) for pair in fitting)
        return Message(
            "{place} fits more than one position ({names}); give profile and position",
            place=what,
            names=names,
        )
    profile, position = fitting[0]
    if place.depth_m is not None and not _at(deployments, profile, position, place.depth_m):
        depth = deployments.depth_at(profile, position)
        return Message(
            "{place} lies at {depth:g} m by the station file, not at {given:g} m",
            place=what,
            depth=depth,
            given=place.depth_m,
        )
    return fitting[0]


def _no_position(deployments: Deployments, place: Place) -> Message:
    """Why a profile alone is no place."""
    there = [
        q.id for profile in deployments.file.profile if profile.id == place.profile for q in profile.position
    ]
    return Message(
        "the cell of position is empty, and depth_m says nothing either; {profile} has {positions}",
        profile=place.profile,
        positions=", ".join(there[:20]) or Message("no position"),
    )


def _at(deployments: Deployments, profile: str, position: str, depth_m: float | None) -> bool:
    """Whether a position was ever at this depth: the surface may have moved."""
    if depth_m is None:
        return False
    surface = next(row.surface for row in deployments.file.profile if row.id == profile)
    moments = [TIME_MIN_US, *(moment_us(row.from_, deployments.zone) for row in surface)]
    depths = [deployments.depth_at(profile, position, at) for at in moments]
    return any(depth is not None and abs(depth - depth_m) <= _SAME_DEPTH_M for depth in depths)
