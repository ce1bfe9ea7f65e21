"""Any wide table of text, as a mapping describes it."""

from __future__ import annotations

from collections.abc import Sequence

from soilco2.ingest.files.head import Head, LoggerFileError, clock_of, column_of
from soilco2.station_config.mapping import Mapping
from soilco2.station_config.message import Message
from soilco2.storage.tidy.text import split

DELIMITERS: tuple[str, ...] = (",", ";", "\t", "|")


def head_of(lines: Sequence[str], path: str, mapping: Mapping) -> Head:
    """The header by the mapping's `header_line`, `unit_line`, `first_line`, `time` and `time_format`.

    Raises
    ------
    LoggerFileError
        When the file ends before that, or a column of the time is not there.
    """
    if not mapping.time:
        raise LoggerFileError(
            path, Message('the mapping should name the columns of the time, such as time = ["Date", "Time"]')
        )
    names_at, units_at = mapping.header_line, mapping.unit_line
    first = mapping.first_line or max(names_at, units_at or 0) + 1
    if first <= max(names_at, units_at or 0) or len(lines) < first - 1:
        raise LoggerFileError(
            path,
            Message(
                "the mapping says that rows begin in line {first}, behind header and units; the file has no such line",
                first=first,
            ),
        )
    line = lines[names_at - 1]
    delimiter: str = mapping.delimiter or max(DELIMITERS, key=line.count)
    names = tuple(name.strip() for name in _cells(line, delimiter, path, names_at))
    units: tuple[str, ...] = ()
    if units_at is not None:
        units = tuple(
            unit.strip().strip("[]()") for unit in _cells(lines[units_at - 1], delimiter, path, units_at)
        )
    head = Head(
        "table", names, units, first - 1, (), delimiter,
        None if mapping.time_format is None else clock_of(mapping.time_format), decimal=mapping.decimal,
    )  # fmt: skip
    time = []
    for wanted in mapping.time:
        index = column_of(head, wanted)
        if index is None:
            raise LoggerFileError(
                path,
                Message(
                    "the mapping's column {column!r} of the time is not in the header, which has {columns}",
                    column=wanted, columns=", ".join(names)[:300],
                ),
                names_at,
            )  # fmt: skip
        time.append(index)
    return Head(
        head.format, names, units, head.lines, tuple(time), delimiter, head.clock, decimal=mapping.decimal,
        missing=frozenset(("#n/a", "n/a", "-", "--", "---")),
    )  # fmt: skip


def _cells(line: str, delimiter: str, path: str, number: int) -> list[str]:
    cells = line.split() if delimiter == " " else split(line, delimiter)
    if cells is None:
        raise LoggerFileError(path, Message("a quoted cell does not end on its line"), number)
    return cells
