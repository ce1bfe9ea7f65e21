"""Reading a binary table of a logger: whole records or frames as samples, from where an earlier reading ended."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path

from soilco2.ingest.drivers.file_driver import Rows
from soilco2.ingest.drivers.sample import Arrival
from soilco2.ingest.errors import cause
from soilco2.ingest.files.formats.campbell_binary import Binary
from soilco2.ingest.files.head import LoggerFileError, Times
from soilco2.ingest.files.reading import zone_for
from soilco2.ingest.files.targets import Target, absent_columns, plan
from soilco2.ingest.files.wide import Taker, told
from soilco2.station_config.loader import Station
from soilco2.station_config.mapping import Mapping as ColumnMapping
from soilco2.station_config.message import Message
from soilco2.storage.tidy.samples import STRETCH

_NEAR = 1000
"""Records or frames before a place among which the last number is looked for."""


@dataclass(frozen=True, slots=True)
class BinaryLayout:
    """How a binary table is to be read.

    Parameters
    ----------
    path : Path
    table : Binary
    mapping : ColumnMapping
    open_line : int or None
        The record that is not whole, if there is one.
    line, offset : int
        Where an earlier reading ended.
    """

    path: Path
    table: Binary
    mapping: ColumnMapping
    open_line: int | None = None
    line: int = 0
    offset: int = 0
    grows: bool = True

    @property
    def head(self) -> object:
        """What its header says."""
        return self.table.head

    def behind(self, place: Mapping[str, int]) -> BinaryLayout:
        """The same file from where an earlier reading ended."""
        return replace(self, line=place["line"], offset=place["offset"])

    def rows(self, station: Station, zone: tzinfo | None, arrival: Arrival) -> Iterator[Rows]:
        """Its rows as samples, in bounded pieces.

        Raises
        ------
        LoggerFileError
            When it cannot be read any more.
        """
        path, table = str(self.path), self.table
        planned = plan(table.head, self.mapping, station, path)
        if any(one.where for one in planned.targets):
            raise LoggerFileError(
                path, Message("where is for files of text; convert the file to TOA5 for it")
            )
        absent = [] if self.offset else absent_columns(table.head, planned.absent, 1, below=False)
        clock = zone_for(table.head, self.mapping, zone, path)
        capped = [one for one in planned.targets if _held_in_fp2(one, table)]
        fp2 = frozenset(one.name for one in capped)
        latest_us = arrival.arrival_us + round(station.file.quality.future_tolerance * 1e6)
        saturated: dict[str, int] = {}
        line, offset = self.line, self.offset or table.begin
        try:
            taker = Taker(
                table.head, planned.targets, self.mapping, Times(clock), arrival, latest_us, fp2,
                self._before(capped, offset),
            )  # fmt: skip
            yield Rows([], absent, line, place={"line": line, "offset": offset})
            for data in self._pieces(offset, len(planned.targets)):
                found = table.records(data, line + 1, offset, [one.index for one in planned.targets])
                times = _in_utc(found.times, clock)
                taken = taker.take_numbers(found.numbers, times, found.columns)
                for name, count in taken.saturated.items():
                    saturated[name] = saturated.get(name, 0) + count
                line, offset = line + len(data) // table.step, found.end
                place = {"line": line, "offset": offset}
                yield Rows(taken.samples, taken.faults, line, taken.lines, taker.units, place=place)
        except OSError as error:
            raise LoggerFileError(
                path, Message("changed while it was read: {why}", why=cause(error))
            ) from error
        if saturated:
            yield Rows([], [], line, told=tuple(told(saturated)), place={"line": line, "offset": offset})

    def _before(self, targets: Sequence[Target], offset: int) -> dict[str, float]:
        """The last number of each column above a byte of the file, where one is near."""
        table = self.table
        begin = max(table.begin, offset - _NEAR * table.step)
        if not targets or begin == offset:
            return {}
        with self.path.open("rb") as file:
            file.seek(begin)
            columns = table.records(
                file.read(offset - begin), 1, begin, [one.index for one in targets]
            ).columns
        found = {}
        for one in targets:
            number = next((value for value in reversed(columns[one.index]) if value == value), None)
            if number is not None:
                found[one.name] = number
        return found

    def _pieces(self, offset: int, columns: int) -> Iterator[bytes]:
        """Whole records or frames, some at a time; what is not whole waits."""
        step = self.table.step
        count = max(1, STRETCH // columns // max(1, step // self.table.record))
        with self.path.open("rb") as file:
            file.seek(offset)
            while data := file.read(step * count):
                if whole := len(data) // step * step:
                    yield data[:whole]
                if whole < len(data):
                    return


def _held_in_fp2(target: Target, table: Binary) -> bool:
    return table.types[target.index] == "FP2" and target.channel == "co2" and target.a == 1.0


def _in_utc(times: list[int], zone: tzinfo | None) -> list[int]:
    """Local times [µs] in UTC [µs]; the zone of a logger's clock is the same all year."""
    if zone is None or not times:
        return times
    first = datetime(1970, 1, 1) + timedelta(microseconds=times[0])
    ahead = zone.utcoffset(first) or timedelta()
    behind_us = ahead // timedelta(microseconds=1)
    if zone.utcoffset(first + timedelta(microseconds=times[-1] - times[0])) == ahead:
        return [time_us - behind_us for time_us in times]
    epoch = datetime(1970, 1, 1)
    return [
        (((epoch + timedelta(microseconds=one)).replace(tzinfo=zone)) - epoch.replace(tzinfo=UTC))
        // timedelta(microseconds=1)
        for one in times
    ]


def layout(path: Path, table: Binary, mapping: ColumnMapping) -> BinaryLayout:
    """The layout of a file; its last record is told where it is not whole."""
    size = path.stat().st_size - table.begin
    left = size % table.step
    return BinaryLayout(path, table, mapping, None if not left else size // table.step + 1)
