"""Workbooks of ZENTRA (.xlsx): the sheets with three lines of header, read row by row."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, tzinfo
from itertools import islice
from pathlib import Path
from typing import Any

from soilco2.ingest.drivers.file_driver import Rows
from soilco2.ingest.drivers.sample import Arrival
from soilco2.ingest.files.formats import zentra
from soilco2.ingest.files.head import Clock, Head, LoggerFileError, Times, column_of
from soilco2.ingest.files.reading import zone_for
from soilco2.ingest.files.targets import absent_columns, plan
from soilco2.ingest.files.wide import Taker
from soilco2.station_config.extras import how_to_add
from soilco2.station_config.loader import Station
from soilco2.station_config.mapping import Mapping
from soilco2.station_config.message import Message
from soilco2.storage.tidy.samples import STRETCH

BEGINS = b"PK\x03\x04"
_HEAD_ROWS = 64
_MOST_BYTES = 1 << 30
"""What the parts of a workbook may take when they are unpacked."""


@dataclass(frozen=True, slots=True)
class WorkbookLayout:
    """How a workbook is to be read: the sheets of readings, with their headers. It is read as a whole each time."""

    path: Path
    heads: dict[str, Head]
    mapping: Mapping
    open_line: int | None = None
    grows: bool = False

    @property
    def head(self) -> Head:
        """The header of the first sheet."""
        return next(iter(self.heads.values()))

    def rows(self, station: Station, zone: tzinfo | None, arrival: Arrival) -> Iterator[Rows]:
        """Its rows as samples, in bounded pieces."""
        path = str(self.path)
        latest_us = arrival.arrival_us + round(station.file.quality.future_tolerance * 1e6)
        count = max(1, STRETCH // len(self.mapping.column))
        book = _opened(self.path)
        try:
            nowhere = [
                row.column
                for row in self.mapping.column
                if all(column_of(head, row.column) is None for head in self.heads.values())
            ]
            absent = absent_columns(self.head, nowhere, self.head.lines, below=False)
            for name, head in self.heads.items():
                planned = plan(head, self.mapping, station, path)
                times = Times(zone_for(head, self.mapping, zone, path), head.clock)
                taker = Taker(head, planned.targets, self.mapping, times, arrival, latest_us)
                sheet = _rows(book[name], len(head.names), head.lines)
                first = head.lines + 1
                while rows := list(islice(sheet, count)):
                    taken = taker.empty()
                    kept = [n for n, row in enumerate(rows) if any(row)]
                    taker.take_cells([rows[n] for n in kept], [first + n for n in kept], taken)
                    first += len(rows)
                    yield Rows(taken.samples, absent + taken.faults, first - 1, taken.lines, taker.units)
                    absent = []
        finally:
            book.close()


def layout_of(path: Path, mapping: Mapping, clock: Clock | None) -> WorkbookLayout:
    """The sheets of a workbook that hold readings.

    Raises
    ------
    LoggerFileError
        When it is no workbook, none of its sheets holds any, or what reads workbooks is not installed.
    """
    book = _opened(path)
    try:
        heads = {}
        for sheet in book.worksheets:
            rows = list(islice(_rows(sheet, None, 0), _HEAD_ROWS))
            head = zentra.head_from(rows, str(path), clock=clock)
            if head is not None:
                heads[sheet.title] = head
    finally:
        book.close()
    if not heads:
        raise LoggerFileError(
            str(path), Message("is a workbook without a sheet of ZENTRA's readings; save the sheet as CSV")
        )
    return WorkbookLayout(path, heads, mapping)


def _opened(path: Path) -> Any:
    try:
        from openpyxl import load_workbook
    except ImportError:
        raise LoggerFileError(
            str(path), Message("is read by the extra 'files': {how_to_add}", how_to_add=how_to_add("files"))
        ) from None
    try:
        with zipfile.ZipFile(path) as parts:
            size = sum(part.file_size for part in parts.infolist())
        book = load_workbook(path, read_only=True, data_only=True) if size <= _MOST_BYTES else None
    except Exception as error:  # whatever the reader of workbooks says of a file that is none
        why = f"{type(error).__name__}: {error}"
        raise LoggerFileError(
            str(path), Message("is no workbook that can be read: {why}", why=why)
        ) from error
    if book is None:
        raise LoggerFileError(str(path), Message("unpacks to {size} bytes; is this a workbook?", size=size))
    return book


def _rows(sheet: Any, width: int | None, skip: int) -> Iterator[list[str]]:
    """Rows of a sheet as text, as a CSV file would have them."""
    for row in islice(sheet.iter_rows(values_only=True), skip, None):
        cells = [_text(cell) for cell in row]
        yield cells if width is None else [*cells, *[""] * width][:width]


def _text(cell: Any) -> str:
    if cell is None:
        return ""
    return cell.isoformat(" ") if isinstance(cell, datetime) else str(cell)
