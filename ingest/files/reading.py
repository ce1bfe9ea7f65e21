"""Reading a logger's file: what it is, and its rows as samples from a place where an earlier reading ended."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Sequence
from collections.abc import Mapping as Mapping_
from dataclasses import dataclass, replace
from datetime import tzinfo
from pathlib import Path
from typing import NamedTuple

from soilco2.ingest.drivers.file_driver import Rows
from soilco2.ingest.drivers.sample import Arrival
from soilco2.ingest.errors import cause
from soilco2.ingest.files import fp2
from soilco2.ingest.files.head import Clock, Head, LoggerFileError, Times
from soilco2.ingest.files.targets import absent_columns, plan
from soilco2.ingest.files.text import HEADER, Lines, stretches
from soilco2.ingest.files.wide import Taker, told
from soilco2.station_config.loader import Station
from soilco2.station_config.mapping import Mapping
from soilco2.station_config.message import Message
from soilco2.storage.tidy.rows import TidyFault
from soilco2.storage.tidy.samples import STRETCH

HEAD_LINES = 1000
"""Lines at the beginning of a file among which its header is looked for."""


class TextFormat(NamedTuple):
    """A format of text: its names, how its header is read, how a header begins that may come again in the middle."""

    names: tuple[str, ...]
    head_of: Callable[[Sequence[str], str, int, Clock | None], Head | None]
    again: tuple[bytes, ...] = ()


class Place(NamedTuple):
    """Where a reading ended: the last line and the byte behind it, and where the header in force begins."""

    line: int = 0
    offset: int = 0
    header_line: int = 1
    header_offset: int = 0


BEGINNING = Place()


@dataclass(frozen=True, slots=True)
class TextLayout:
    """How a file of text is to be read.

    Parameters
    ----------
    path : Path
    form : TextFormat
    head : Head
        Of its beginning.
    mapping : Mapping
    encoding : str
    open_line : int or None
        The last line, where it has no line end: whoever writes the file may not have finished it.
    start : Place
        Where an earlier reading ended.
    grows : bool
        Whether it can be read on from a place.
    """

    path: Path
    form: TextFormat
    head: Head
    mapping: Mapping
    encoding: str
    open_line: int | None = None
    start: Place = BEGINNING
    grows: bool = False

    def behind(self, place: Mapping_[str, int]) -> TextLayout:
        """The same file from where an earlier reading ended."""
        return replace(self, start=Place(**place))

    def rows(self, station: Station, zone: tzinfo | None, arrival: Arrival) -> Iterator[Rows]:
        """Its rows as samples, in bounded pieces."""
        return _Reading(self, station, zone, arrival).rows()


def zone_for(head: Head, mapping: Mapping, asked: tzinfo | None, path: str) -> tzinfo | None:
    """The zone of a file's times: what the file says, else the mapping, else what was asked for.

    Raises
    ------
    LoggerFileError
        When the file says another one than the mapping, or nobody says any.
    """
    wanted = mapping.zone or asked
    if head.zone is not None:
        if wanted is not None and wanted.utcoffset(None) not in (None, head.zone.utcoffset(None)):
            raise LoggerFileError(
                path,
                Message(
                    "the file says that its times are in {own}, the mapping says {other}; take timezone out of the "
                    "mapping if the file is right",
                    own=head.zone, other=wanted,
                ),
            )  # fmt: skip
        return head.zone
    if wanted is None:
        raise LoggerFileError(
            path,
            Message(
                "a {format} file does not say in which zone its times are; write it into the mapping as the logger's "
                'clock keeps it, such as timezone = "UTC+08:00", or give --timezone UTC+08:00',
                format=head.format,
            ),
        )
    return wanted


class _Reading:
    """One reading of a file of text."""

    def __init__(self, layout: TextLayout, station: Station, zone: tzinfo | None, arrival: Arrival) -> None:
        self._layout, self._station, self._arrival, self._asked = layout, station, arrival, zone
        self._path = str(layout.path)
        self._latest_us = arrival.arrival_us + round(station.file.quality.future_tolerance * 1e6)
        self._saturated: dict[str, int] = {}
        self._say: list[Message] = []
        self._absent: list[TidyFault] = []
        self._broken: Message | None = None

    def rows(self) -> Iterator[Rows]:
        """Its rows as samples."""
        try:
            yield from self._rows()
        except (EOFError, OSError, zlib.error) as error:
            raise LoggerFileError(
                self._path, Message("changed while it was read: {why}", why=cause(error))
            ) from error

    def _rows(self) -> Iterator[Rows]:
        layout, place = self._layout, self._layout.start
        head = layout.head
        if place.header_offset:
            head = self._header_at(place) or head
        taker: Taker | None = self._taker(head, layout.start.header_line, told_before=place.offset > 0)
        skip = 0 if place.offset or layout.form.again else head.lines
        count = max(1, STRETCH // max(1, len(layout.mapping.column)))
        for lines in stretches(
            layout.path, layout.encoding, count, layout.form.again, line=place.line + 1, offset=place.offset,
            take_open=layout.open_line is None,
        ):  # fmt: skip
            texts, first = lines.lines, lines.first
            if lines.header:
                taker = self._changed(lines, taker)
                place = place._replace(header_line=first, header_offset=lines.begin)
            drop = min(len(texts), HEADER if lines.header else skip)
            if lines.header and taker is not None:
                drop = taker.head.lines
            skip -= min(skip, drop)
            place = place._replace(line=first + len(texts) - 1, offset=lines.end)
            yield self._taken(first + drop, texts[drop:], taker, place)
        if self._saturated:
            yield Rows([], [], place.line, told=tuple(told(self._saturated)), place=place._asdict())

    def _taken(self, first: int, texts: Sequence[str | None], taker: Taker | None, place: Place) -> Rows:
        say, self._say = tuple(self._say), []
        absent, self._absent = self._absent, []
        if taker is None:
            assert self._broken is not None
            faults = [
                TidyFault(number, self._broken, (text or "")[:2000])
                for number, text in enumerate(texts, first)
                if text is None or text.strip()
            ]
            return Rows([], absent + faults, place.line, told=say, place=place._asdict())
        taken = taker.take(first, texts)
        for name, count in taken.saturated.items():
            self._saturated[name] = self._saturated.get(name, 0) + count
        return Rows(
            taken.samples,
            absent + taken.faults,
            place.line,
            taken.lines,
            taker.units,
            told=say,
            place=place._asdict(),
        )

    def _changed(self, lines: Lines, taker: Taker | None) -> Taker | None:
        """The taker below a header in the middle; None where its rows cannot be used."""
        try:
            head = self._layout.form.head_of(
                [text or "" for text in lines.lines[:HEADER]],
                self._path,
                lines.first,
                self._layout.head.clock,
            )
            assert head is not None
            if taker is not None and head == taker.head:
                return taker
            return self._taker(head, lines.first)
        except LoggerFileError as error:
            self._broken = Message(
                "below the header of line {line}: {why}", line=lines.first, why=error.expected
            )
            self._say.append(self._broken)
            return None

    def _header_at(self, place: Place) -> Head | None:
        """The header that was in force where an earlier reading ended."""
        layout = self._layout
        found = stretches(
            layout.path, layout.encoding, HEADER, layout.form.again, line=place.header_line, offset=place.header_offset,
            take_open=True,
        )  # fmt: skip
        lines = next(found, None)
        if lines is None:
            return None
        return layout.form.head_of(
            [text or "" for text in lines.lines[:HEADER]], self._path, place.header_line, layout.head.clock
        )

    def _taker(self, head: Head, line: int, told_before: bool = False) -> Taker:
        """What makes samples of the rows below a header; columns that it lacks are told once."""
        layout = self._layout
        planned = plan(head, layout.mapping, self._station, self._path)
        if not told_before:
            self._absent += absent_columns(head, planned.absent, line, below=line > 1)
        zone = zone_for(head, layout.mapping, self._asked, self._path)
        held = fp2.held(layout.path, layout.encoding, head, planned.targets)
        before = (
            fp2.before(layout.path, layout.encoding, head, planned.targets, layout.start.offset)
            if held
            else {}
        )
        return Taker(
            head, planned.targets, layout.mapping, Times(zone, head.clock), self._arrival, self._latest_us, held, before
        )  # fmt: skip
