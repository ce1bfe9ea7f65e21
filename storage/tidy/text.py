"""Tidy tables as text: encoding, delimiter, header and lines, in bounded memory and without pandas."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, NamedTuple, cast

from soilco2.station_config.message import Message, system
from soilco2.storage.errors import TidyFileError
from soilco2.storage.tidy.foreign_files import HEAD, foreign

TIME_NAMES = ("time_utc", "time", "time_local")
REQUIRED = ("variable", "value", "unit")
OPTIONAL = (
    "station", "profile", "position", "depth_m", "flag", "lower", "upper", "method", "period_s", "stamp",
)  # fmt: skip
COLUMNS = (
    "time_utc", "station", "profile", "position", "depth_m", "variable", "value", "unit", "flag",
    "lower", "upper", "period_s", "stamp",
)  # fmt: skip
"""The columns that are written, in their order."""

LONGEST_LINE = 65_536
"""Characters; a longer line is no row of a tidy table."""

_BLOCK = 1 << 20
_OTHERS = {
    b"PAR1": Message("a Parquet file, by its beginning, under another name"),
    b"PK\x03\x04": Message("a spreadsheet or zip file"),
    b"\xd0\xcf\x11\xe0": Message("an old spreadsheet file"),
    b"%PDF": Message("a PDF file"),
}
_DELIMITERS = (",", ";", "\t")


@dataclass(frozen=True, slots=True)
class Layout:
    """How a text table is to be read.

    Parameters
    ----------
    path : Path
    encoding : str
        Python's name.
    delimiter : str
    names : tuple of str
        Column names in their order, lower case.
    first_line : int
        Line of the first row, counted from 1.
    clean : bool
        False where the file holds NUL characters, which parsers treat each in its own way.
    open_line : int or None
        The last line, where it has no line end: whoever writes the file may not have finished it.
    """

    path: Path
    encoding: str
    delimiter: str
    names: tuple[str, ...]
    first_line: int
    clean: bool
    open_line: int | None = None

    @property
    def time_name(self) -> str:
        """The column that holds the time."""
        return next(name for name in TIME_NAMES if name in self.names)


def open_binary(path: Path) -> IO[bytes]:
    """The bytes of a file, unpacked when it is gzipped.

    Raises
    ------
    TidyFileError
        When it cannot be opened.
    """
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise TidyFileError(str(path), Message("this is not a regular file; a table is expected"))
    try:
        file = path.open("rb")
    except OSError as error:
        raise TidyFileError(str(path), Message("cannot be opened: {why}", why=system(error))) from error
    if file.peek(2)[:2] == b"\x1f\x8b":
        file.close()
        return cast(IO[bytes], gzip.open(path, "rb"))
    return file


class _Text(NamedTuple):
    """What reading a file to its end tells; see `Layout`."""

    encoding: str
    clean: bool
    open_line: int | None


def _decoded(path: Path, encoding: str) -> _Text | None:
    """The whole file as text of this encoding; None when it is not."""
    decoder = io.IncrementalNewlineDecoder(codecs.getincrementaldecoder(encoding)("strict"), translate=True)
    clean, number, begun = True, 1, False
    try:
        with open_binary(path) as file:
            while True:
                block = file.read(_BLOCK)
                text = decoder.decode(block, final=not block)
                clean = clean and "\x00" not in text
                found = text.count("\n")
                number += found
                begun = (begun and not found) or bool(text[text.rfind("\n") + 1 :].strip())
                if not block:
                    return _Text(encoding, clean, number if begun else None)
    except UnicodeDecodeError:
        return None
    except (EOFError, OSError) as error:
        raise TidyFileError(str(path), Message("cannot be read to its end: {why}", why=error)) from error


def find_encoding(path: Path) -> _Text:
    """UTF-8 (with or without mark), UTF-16 with mark, or GB18030: the first that fits the whole file.

    Raises
    ------
    TidyFileError
        When none does, or the file cannot be read to its end.
    """
    with open_binary(path) as file:
        try:
            head = file.read(HEAD)
        except (EOFError, OSError) as error:
            raise TidyFileError(str(path), Message("cannot be read: {why}", why=error)) from error
    for mark, what in _OTHERS.items():
        if head.startswith(mark):
            raise TidyFileError(str(path), Message("is {what}; save it as CSV in UTF-8", what=what))
    if why := foreign(head):
        raise TidyFileError(str(path), why)
    if head[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        candidates = ["utf-16"]
    else:
        candidates = ["utf-8-sig", "gb18030"]
    for encoding in candidates:
        found = _decoded(path, encoding)
        if found is not None:
            return found
    raise TidyFileError(str(path), Message("is neither UTF-8 nor GB18030 text; save it as UTF-8"))


def find_layout(path: Path) -> Layout:
    """Encoding, delimiter and columns of a text table.

    Raises
    ------
    TidyFileError
        When a column is missing or twice there, or the file is no table.
    """
    encoding, clean, open_line = find_encoding(path)
    with open_binary(path) as file:
        found = list(_first(lines(file, encoding), 2))
    if not found:
        raise TidyFileError(str(path), Message("is empty; a header line was expected"))
    number, head = found[0]
    delimiter = None
    if head is not None and head.lower().startswith("sep=") and len(head) >= 5:
        delimiter = head[4]
        number, head = found[1] if len(found) > 1 else (number, "")
    if head is None:
        raise TidyFileError(
            str(path),
            Message(
                "the header is longer than {longest} characters; is this a table?",
                longest=LONGEST_LINE,
            ),
            number,
        )
    if "\x00" in head:
        raise TidyFileError(str(path), Message("holds NUL characters; save it as UTF-8 text"), number)
    if delimiter is None:
        delimiter = max(_DELIMITERS, key=head.count)
    names = tuple(name.strip().lower() for name in split(head, delimiter) or [])
    _check_names(path, names, number)
    if open_line is not None and open_line <= number:
        open_line = None
    return Layout(path, encoding, delimiter, names, number + 1, clean, open_line)


def _first(rows: Iterator[tuple[int, str | None]], count: int) -> Iterator[tuple[int, str | None]]:
    for row in rows:
        if row[1] is None or row[1].strip():
            yield row
            count -= 1
        if not count:
            return


def _check_names(path: Path, names: Sequence[str], number: int) -> None:
    known = {*TIME_NAMES, *REQUIRED, *OPTIONAL}
    twice = sorted({name for name in names if name in known and names.count(name) > 1})
    if twice:
        raise TidyFileError(
            str(path), Message("column {names} is there more than once", names=", ".join(twice)), number
        )
    missing = [name for name in REQUIRED if name not in names]
    if not any(name in names for name in TIME_NAMES):
        missing.insert(0, "time_utc")
    if missing:
        seen = ", ".join(names[:20])[:300] or Message("nothing")
        raise TidyFileError(
            str(path),
            Message(
                "column {names} is missing (found {found}); a tidy table has time_utc, variable, value and "
                "unit, one row per value",
                names=", ".join(missing),
                found=seen,
            ),
            number,
        )
    if sum(name in names for name in TIME_NAMES) > 1:
        raise TidyFileError(
            str(path),
            Message("has more than one of the columns {names}", names=", ".join(TIME_NAMES)),
            number,
        )


def lines(file: IO[bytes], encoding: str) -> Iterator[tuple[int, str | None]]:
    """Line numbers (from 1) and lines without their ends; None for a line longer than `LONGEST_LINE`.

    Line ends are those of Unix, Windows and old Macintosh files; memory stays within a few blocks whatever
    the file holds.
    """
    for number, part in _blocks(file, encoding):
        yield from enumerate(part, number)


def pieces(
    file: IO[bytes], encoding: str, first_line: int, count: int
) -> Iterator[tuple[int, list[str | None]]]:
    """As `lines`, from a line on, `count` lines at a time: the number of the first of them, and the lines."""
    waiting: list[str | None] = []
    since = first_line
    for number, part in _blocks(file, encoding):
        waiting += part[max(0, first_line - number) :] if number < first_line else part
        done = len(waiting) // count * count
        for at in range(0, done, count):
            yield since, waiting[at : at + count]
            since += count
        del waiting[:done]
    if waiting:
        yield since, waiting


def _blocks(file: IO[bytes], encoding: str) -> Iterator[tuple[int, list[str | None]]]:
    decoder = io.IncrementalNewlineDecoder(codecs.getincrementaldecoder(encoding)("strict"), translate=True)
    number = 1
    rest = ""
    too_long = False
    while True:
        block = file.read(_BLOCK)
        text = rest + decoder.decode(block, final=not block)
        if not block:
            if too_long:
                yield number, [None]
            elif text:
                yield number, _bounded(text.split("\n"))
            return
        whole, found, rest = text.rpartition("\n")
        if found:
            part = _bounded(whole.split("\n"))
            if too_long:
                part[0] = None
                too_long = False
            yield number, part
            number += len(part)
        if too_long or len(rest) > LONGEST_LINE:
            too_long, rest = True, ""


def _bounded(part: list[str]) -> list[str | None]:
    if max(map(len, part)) <= LONGEST_LINE:
        return [*part]
    return [line if len(line) <= LONGEST_LINE else None for line in part]


def split(line: str, delimiter: str) -> list[str] | None:
    """The cells of a line; None when a quoted cell does not end on it."""
    if '"' not in line:
        return line.split(delimiter)
    try:
        return next(csv.reader([line], delimiter=delimiter, strict=True))
    except (csv.Error, StopIteration):
        return None


def regular(layout: Layout) -> bool:
    """Whether every line seems to have the header's cells: pandas fills up short ones without a word."""
    delimiter = layout.delimiter.encode()
    ends = cells = 0
    last = b"\n"
    with open_binary(layout.path) as file:
        while block := file.read(1 << 20):
            ends += block.count(b"\n")
            cells += block.count(delimiter)
            last = block[-1:]
    ends += last != b"\n"
    return layout.first_line == 2 and cells == ends * (len(layout.names) - 1)
