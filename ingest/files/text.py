"""Text of a logger's file in stretches of whole lines, each with the byte where it ends, in bounded memory."""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import IO, NamedTuple

from soilco2.ingest.files.head import LoggerFileError
from soilco2.station_config.message import Message, system
from soilco2.storage.tidy.text import LONGEST_LINE, open_binary

BLOCK = 1 << 20
HEADER = 4
"""Lines that a header takes that may come again in the middle."""
HEAD = 65_536
"""Bytes at the beginning of a file that are looked at."""
_LATIN = re.compile(rb"\xb0[CF\"),]|\xb5S|m\xb3[/\",]")
"""Degrees, micro and cubic as Windows wrote them in western languages; no Chinese text has them so."""


class Lines(NamedTuple):
    """Some lines of a file.

    Parameters
    ----------
    first : int
        Number of the first, from 1.
    lines : list of (str or None)
        Without their ends; None for one that is too long to be a row.
    begin, end : int
        Byte where they begin, and behind the last of them.
    header : bool
        Whether they begin with a header.
    """

    first: int
    lines: list[str | None]
    begin: int
    end: int
    header: bool = False


class _Utf8(io.RawIOBase):
    """A file of UTF-16 as UTF-8."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._decoder = codecs.getincrementaldecoder("utf-16")("replace")

    def read(self, size: int = -1) -> bytes:
        while block := self._file.read(size):
            if text := self._decoder.decode(block):
                return text.encode()
        return b""

    def close(self) -> None:
        self._file.close()
        super().close()


def opened(path: Path, encoding: str, offset: int = 0) -> IO[bytes]:
    """A file from a byte on, as bytes in which a line end is one byte: UTF-16 as UTF-8, gzip unpacked."""
    file = open_binary(path)
    if encoding == "utf-16":
        file = _Utf8(file)  # type: ignore[assignment]
        while offset > 0 and (block := file.read(min(offset, BLOCK))):
            offset -= len(block)
    elif offset:
        file.seek(offset)
    return file


def packed(path: Path) -> bool:
    """Whether a file is gzipped."""
    with path.open("rb") as file:
        return file.read(2) == b"\x1f\x8b"


def head_of(path: Path) -> bytes:
    """The beginning of a file.

    Raises
    ------
    LoggerFileError
        When it cannot be read.
    """
    try:
        with open_binary(path) as file:
            return file.read(HEAD)
    except (EOFError, OSError) as error:
        why = system(error) if isinstance(error, OSError) else error
        raise LoggerFileError(str(path), Message("cannot be read: {why}", why=why)) from error


def encoding_of(head: bytes) -> str:
    """The encoding of a text by its beginning: UTF-8, UTF-16 with mark, Windows' for western languages, GB18030."""
    if head[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        return "utf-16"
    try:
        codecs.getincrementaldecoder("utf-8")("strict").decode(head, final=len(head) < HEAD)
    except UnicodeDecodeError:
        return "cp1252" if _LATIN.search(head) else "gb18030"
    return "utf-8"


def text_of(head: bytes, encoding: str) -> str:
    """The beginning of a file as text with Unix line ends, without a mark."""
    return head.decode(encoding, "replace").lstrip("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


def stretches(
    path: Path, encoding: str, count: int, again: tuple[bytes, ...] = (), *, line: int = 1, offset: int = 0,
    take_open: bool = False,
) -> Iterator[Lines]:  # fmt: skip
    """Whole lines, `count` at a time.

    Parameters
    ----------
    path : Path
    encoding : str
    count : int
    again : tuple of bytes, optional
        How a header begins; it stands at the beginning of the lines handed over, with `HEADER` lines of its own.
    line, offset : int, optional
        The line to begin with, and the byte where it begins.
    take_open : bool, optional
        Whether a last line without line end is taken too. NUL characters at the end are room that is not written yet.
    """
    spelled = "utf-8" if encoding == "utf-16" else encoding
    count = max(count, HEADER + 1)
    rest = b""
    too_long = False
    with opened(path, encoding, offset) as file:
        while block := file.read(BLOCK):
            parts = (rest + block).split(b"\n")
            rest = parts.pop()
            cuts = [n for n, part in enumerate(parts) if part.startswith(again)] if again else []
            if cuts and len(parts) - cuts[-1] < HEADER:  # the rest of this header is still to come
                rest = b"\n".join([*parts[cuts[-1] :], rest])
                del parts[cuts[-1] :]
            edges = [0, *cuts, len(parts)]
            for begin, end in pairwise(edges):
                for at in range(begin, end, count):
                    some = parts[at : min(end, at + count)]
                    behind = offset + sum(map(len, some)) + len(some)
                    yield Lines(line, _decoded(some, spelled, too_long), offset, behind, at in cuts)
                    line, offset, too_long = line + len(some), behind, False
            if len(rest) > LONGEST_LINE + HEADER * LONGEST_LINE:
                offset, rest, too_long = offset + len(rest), b"", True
    rest = rest.rstrip(b"\x00")
    if take_open and (rest or too_long):
        parts = rest.split(b"\n")
        begins = bool(again) and rest.startswith(again)
        yield Lines(line, _decoded(parts, spelled, too_long), offset, offset + len(rest), begins)


def _decoded(parts: list[bytes], encoding: str, too_long: bool) -> list[str | None]:
    whole = b"\n".join(parts).decode(encoding, "replace").replace("\r", "")
    lines: list[str | None] = [*whole.split("\n")]
    if too_long:
        lines[0] = None
    elif max(map(len, parts)) > LONGEST_LINE:
        lines = [None if text is not None and len(text) > LONGEST_LINE else text for text in lines]
    return lines


def open_line(path: Path, encoding: str) -> int | None:
    """The last line where it has no line end, so that it may not be finished; None when it has one."""
    number, last = 1, b""
    with opened(path, encoding) as file:
        while block := file.read(BLOCK):
            number += block.count(b"\n")
            last = block if b"\n" in block else last[-1:] + block
    return number if last.rstrip(b"\x00")[-1:] not in (b"\n", b"") else None
