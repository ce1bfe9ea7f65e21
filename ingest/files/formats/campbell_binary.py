"""Campbell Scientific's binary tables: TOB1, records one after another, and TOB3, records in frames as on a card.

A header of text, then numbers: times are seconds since 1990 by the logger's clock. A frame of TOB3 is a time of two
words, the number of its first record, records, and a footer of four bytes: 11 bits of an offset, marks (bit 13: empty,
bit 14: a frame in parts, the offset being the size of the last), and 16 bits that must be the validation stamp of the
header or its complement (LoggerNet manual, appendix on file formats).
"""

from __future__ import annotations

import csv
import re
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from math import nan
from typing import NamedTuple

from soilco2.ingest.files.formats.campbell import CODES
from soilco2.ingest.files.fp2 import decode
from soilco2.ingest.files.head import Head, LoggerFileError
from soilco2.station_config.message import Message

EPOCH_S = 631_152_000
"""1990-01-01 in seconds since 1970."""
_LINES = {"TOB1": 5, "TOB3": 6}
_FRAME_HEADER, _FOOTER = 12, 4
_EMPTY, _IN_PARTS = 1 << 13, 1 << 14
_RESOLUTION = {"sec": 1_000_000_000, "msec": 1_000_000, "usec": 1_000, "nsec": 1}
_INTERVAL = {"nsec": 1e-3, "usec": 1.0, "msec": 1e3, "sec": 1e6, "min": 6e7, "hr": 3.6e9, "day": 8.64e10}

Column = Callable[[Sequence[bytes]], list[float]]


def _plain(form: str) -> Column:
    size = struct.calcsize(form)

    def column(cells: Sequence[bytes]) -> list[float]:
        order, kind = form[0], form[1:]
        return list(
            map(float, struct.unpack(f"{order}{len(cells)}{kind}", b"".join(cells)[: len(cells) * size]))
        )

    return column


def _fp2(cells: Sequence[bytes]) -> list[float]:
    return decode(b"".join(cells))


def _fp4(cells: Sequence[bytes]) -> list[float]:
    """Sign, exponent of 7 bits from 64 and mantissa of 24 bits below 1, high byte first."""
    found = []
    for (word,) in struct.iter_unpack(">I", b"".join(cells)):
        mantissa, exponent = word & 0xFFFFFF, word >> 24 & 0x7F
        value = mantissa / 16777216.0 * 2.0 ** (exponent - 64)
        found.append(-value if word & 0x80000000 else value)
    return found


def _text(cells: Sequence[bytes]) -> list[float]:
    """Text that is a number."""
    found = []
    for cell in cells:
        try:
            found.append(float(cell.split(b"\x00")[0]))
        except ValueError:
            found.append(nan)
    return found


_TYPES: dict[str, tuple[int, Column]] = {
    "FP2": (2, _fp2), "FP4": (4, _fp4), "IEEE4": (4, _plain("<f")), "IEEE4L": (4, _plain("<f")),
    "IEEE4B": (4, _plain(">f")), "IEEE8": (8, _plain("<d")), "IEEE8L": (8, _plain("<d")), "IEEE8B": (8, _plain(">d")),
    "LONG": (4, _plain("<i")), "ULONG": (4, _plain("<I")), "INT2": (2, _plain(">h")), "UINT2": (2, _plain(">H")),
    "INT4": (4, _plain(">i")), "UINT4": (4, _plain(">I")), "BOOL": (1, _plain("<B")), "BOOL2": (2, _plain(">H")),
    "BOOL4": (4, _plain(">I")), "BOOL8": (1, _plain("<B")), "NSEC": (8, _text), "SECNANO": (8, _text),
}  # fmt: skip
"""Bytes of each type, and how a column of it becomes numbers."""


class Records(NamedTuple):
    """Some records: their places in the file, times [µs, local], columns by index, the byte behind them."""

    numbers: list[int]
    times: list[int]
    columns: dict[int, list[float]]
    end: int


@dataclass(frozen=True, slots=True)
class Binary:
    """How a binary table is laid out.

    Parameters
    ----------
    head : Head
    begin : int
        Byte of the first record or frame.
    types : tuple of str
    record : int
        Bytes of a record.
    frame : int
        Bytes of a frame; 0 where there are none.
    stamp, unit_ns, interval_us : int, int, float
        Of frames: validation stamp, what their second word counts [ns], time between records [µs].
    """

    head: Head
    begin: int
    types: tuple[str, ...]
    record: int
    frame: int = 0
    stamp: int = 0
    unit_ns: int = 1
    interval_us: float = 0.0
    sizes: tuple[int, ...] = field(default=())

    @property
    def step(self) -> int:
        """Bytes that are read as a whole."""
        return self.frame or self.record

    def records(self, data: bytes, first: int, begin: int, wanted: Sequence[int]) -> Records:
        """Whole records or frames in some bytes.

        Parameters
        ----------
        data : bytes
            Some times `step`.
        first : int
            Number of the first record or frame, from 1.
        begin : int
            Byte where they begin.
        wanted : sequence of int
            Columns.
        """
        if self.frame:
            rows, times, numbers = self._framed(data, first)
        else:
            rows = list(struct.iter_unpack("".join(f"{size}s" for size in self.sizes), data))
            numbers = list(range(first, first + len(rows)))
            times = []
        cells = list(zip(*rows, strict=True)) if rows else [()] * len(self.types)
        columns = {n: self._column(n, cells[n]) for n in wanted}
        if not self.frame:
            times = self._times(cells)
        return Records(numbers, times, columns, begin + len(data))

    def _column(self, n: int, cells: Sequence[bytes]) -> list[float]:
        found = _TYPES.get(self.types[n])
        return (found[1] if found is not None else _text)(cells)

    def _times(self, cells: Sequence[Sequence[bytes]]) -> list[int]:
        seconds, nanoseconds = self.head.time
        part = (
            self._column(nanoseconds, cells[nanoseconds]) if nanoseconds >= 0 else [0.0] * len(cells[seconds])
        )
        return [
            (int(whole) + EPOCH_S) * 1_000_000 + int(rest) // 1000
            for whole, rest in zip(self._column(seconds, cells[seconds]), part, strict=True)
        ]

    def _framed(self, data: bytes, first: int) -> tuple[list[tuple[bytes, ...]], list[int], list[int]]:
        rows: list[tuple[bytes, ...]] = []
        times: list[int] = []
        numbers: list[int] = []
        form = "".join(f"{size}s" for size in self.sizes)
        for at in range(0, len(data), self.frame):
            for part in self._parts(data[at : at + self.frame]):
                seconds, fraction, _ = struct.unpack_from("<III", part)
                body = part[_FRAME_HEADER:-_FOOTER]
                body = body[: len(body) // self.record * self.record]
                start = (seconds + EPOCH_S) * 1_000_000 + fraction * self.unit_ns // 1000
                found = list(struct.iter_unpack(form, body))
                rows += found
                times += [start + round(n * self.interval_us) for n in range(len(found))]
                numbers += [first + at // self.frame] * len(found)
        return rows, times, numbers

    def _parts(self, frame: bytes) -> Iterator[bytes]:
        """A frame, or the parts of one that was written bit by bit, oldest first; nothing of one that is not sound."""
        found: list[bytes] = []
        end = len(frame)
        while end >= _FRAME_HEADER + _FOOTER:
            (footer,) = struct.unpack_from("<I", frame, end - _FOOTER)
            if footer >> 16 not in (self.stamp, 0xFFFF ^ self.stamp) or footer & _EMPTY:
                break
            size = footer & 0x7FF if footer & _IN_PARTS else end
            if size < _FRAME_HEADER + _FOOTER or size > end:
                break
            found.append(frame[end - size : end])
            end -= size
            if not footer & _IN_PARTS:
                break
        yield from reversed(found)


def begins(head: bytes) -> str:
    """The format that some bytes begin; empty when it is none of these."""
    word = head[:7].strip(b'"').split(b'"')[0].split(b",")[0].decode("ascii", "replace")
    return word if word in _LINES else ""


def layout_of(head: bytes, path: str) -> Binary:
    """How a binary table is laid out, by its header.

    Raises
    ------
    LoggerFileError
        When the header is not whole or cannot be used.
    """
    form = begins(head)
    count = _LINES[form]
    parts = head.split(b"\n", count)
    if len(parts) <= count:
        raise LoggerFileError(
            path,
            Message("the header of a {format} file has {count} lines; this one ends before that", format=form,
                    count=count),
        )  # fmt: skip
    rows = list(csv.reader(part.decode("utf-8", "replace").strip() for part in parts[:count]))
    framed = count == 6
    names, units, kinds, types = (tuple(cell.strip() for cell in row) for row in rows[count - 4 :])
    types = tuple(kind.upper() for kind in types)
    if len(types) != len(names):
        raise LoggerFileError(
            path,
            Message("the header has {names} names and {types} types", names=len(names), types=len(types)),
            count,
        )
    sizes = tuple(_size(kind, path, count) for kind in types)
    marked = tuple(f"{kind} {what}".strip() for kind, what in zip(types, kinds, strict=False))
    begin = sum(map(len, parts[:count])) + count
    head_ = Head("TOB3" if framed else "TOB1", names, units, count, (), codes=CODES, kinds=marked)
    if framed:
        return _framed(rows[1], Binary(head_, begin, types, sum(sizes), sizes=sizes), path)
    lower = [name.lower() for name in names]
    if "seconds" not in lower:
        raise LoggerFileError(path, Message("the table has no column SECONDS, so its rows have no time"), 2)
    time = lower.index("seconds"), lower.index("nanoseconds") if "nanoseconds" in lower else -1
    return Binary(
        Head("TOB1", names, units, count, time, codes=CODES, kinds=marked),
        begin,
        types,
        sum(sizes),
        sizes=sizes,
    )


def _size(kind: str, path: str, line: int) -> int:
    text = re.fullmatch(r"ASCII\((\d+)\)", kind)
    if text:
        return int(text[1])
    if kind not in _TYPES:
        raise LoggerFileError(
            path,
            Message(
                "type {type} is not known; known are {types}",
                type=kind,
                types=", ".join([*_TYPES, "ASCII(n)"]),
            ),
            line,
        )
    return _TYPES[kind][0]


def _framed(second: Sequence[str], table: Binary, path: str) -> Binary:
    """What the second line of a header says of the frames."""
    try:
        _, interval, size, _, stamp, resolution = second[:6]
        count, unit = re.fullmatch(r" *(\d+) *(\w*) *", interval).groups()  # type: ignore[union-attr]
        every = int(count) * _INTERVAL[unit.lower() or "sec"]
        factor, part = re.fullmatch(r"Sec(\d*)(\w+)", resolution.strip()).groups()  # type: ignore[union-attr]
        unit_ns = int(factor or 1) * _RESOLUTION[part.lower()]
        frame = int(size)
        found = replace(table, frame=frame, stamp=int(stamp), unit_ns=unit_ns, interval_us=every)
    except (ValueError, KeyError, AttributeError) as error:
        raise LoggerFileError(
            path,
            Message(
                "line 2 of the header should say interval, size of a frame, validation stamp and resolution of time; "
                "it is {line}",
                line=",".join(second)[:120],
            ),
            2,
        ) from error
    if frame < _FRAME_HEADER + table.record + _FOOTER:
        raise LoggerFileError(
            path,
            Message("a frame of {frame} bytes holds no record of {record}", frame=frame, record=table.record),
            2,
        )
    return found
