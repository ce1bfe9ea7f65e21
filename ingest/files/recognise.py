"""Which format a logger's file is of, by its content."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from soilco2.ingest.files import binary, workbook
from soilco2.ingest.files.formats import (
    campbell,
    campbell_binary,
    cosore,
    fluxnet,
    hoboware,
    ismn,
    licor,
    table,
    zentra,
)
from soilco2.ingest.files.head import Head, LoggerFileError, clock_of
from soilco2.ingest.files.reading import HEAD_LINES, TextFormat, TextLayout
from soilco2.ingest.files.text import HEAD, encoding_of, head_of, open_line, packed, text_of
from soilco2.station_config.mapping import FORMATS, Mapping
from soilco2.station_config.message import Message

TEXTS: tuple[TextFormat, ...] = (
    TextFormat(("TOA5", "TOACI1"), campbell.head_of, campbell.AGAIN),
    TextFormat(("HOBOware",), hoboware.head_of),
    TextFormat(("ZENTRA",), zentra.head_of),
    TextFormat(("FLUXNET",), fluxnet.head_of),
    TextFormat(("COSORE",), cosore.head_of),
    TextFormat(("LI-8250",), licor.head_of),
    TextFormat(("ISMN",), ismn.head_of),
)
"""Formats of text, in the order in which they are tried."""


_TABLE = TextFormat(("table",), lambda _lines, _path, _first, _clock: None)


def sniff(path: Path, mapping: Mapping, whole: bool = True) -> Any:
    """How a logger's file is laid out.

    Parameters
    ----------
    path : Path
    mapping : Mapping
        What it says of the format is believed where the content does not speak against it.
    whole : bool, optional
        Whether the file is read to its end for the number of a line that is held back; otherwise it is not known.

    Raises
    ------
    LoggerFileError
        When its format is not known, or its header cannot be used.
    """
    head = head_of(path)
    if not head.strip(b"\x00 \t\r\n"):
        raise LoggerFileError(str(path), Message("is empty; the header of a logger's file was expected"))
    if campbell_binary.begins(head):
        if mapping.format not in ("auto", campbell_binary.begins(head)):
            raise _another(path, mapping)
        return binary.layout(path, campbell_binary.layout_of(head, str(path)), mapping)
    clock = None if mapping.time_format is None else clock_of(mapping.time_format)
    if head.startswith(workbook.BEGINS):
        return workbook.layout_of(path, mapping, clock)
    encoding = mapping.encoding or encoding_of(head)
    lines = text_of(head, encoding).split("\n")
    if len(head) >= HEAD:
        del lines[-1]  # which may be cut
    if mapping.format == "table":
        return _layout(path, _TABLE, table.head_of(lines, str(path), mapping), mapping, encoding, whole)
    for form in TEXTS:
        if mapping.format != "auto" and mapping.format not in form.names:
            continue
        found = form.head_of(lines[:HEAD_LINES], str(path), 1, clock)
        if found is not None:
            return _layout(path, form, found, mapping, encoding, whole)
    if mapping.format != "auto":
        raise _another(path, mapping)
    raise LoggerFileError(
        str(path),
        Message(
            'is of no format that is known ({formats}); describe it in the mapping with format = "table" and the '
            'columns of its time, such as time = ["Date", "Time"]',
            formats=", ".join(FORMATS[:-1]),
        ),
    )


def _another(path: Path, mapping: Mapping) -> LoggerFileError:
    return LoggerFileError(
        str(path), Message("is no {format} file by its content, as the mapping says", format=mapping.format)
    )


def _layout(
    path: Path, form: TextFormat, head: Head, mapping: Mapping, encoding: str, whole: bool
) -> TextLayout:
    return TextLayout(
        path, form, head, mapping, encoding, open_line(path, encoding) if whole else 0,
        grows=encoding != "utf-16" and not packed(path),
    )  # fmt: skip
