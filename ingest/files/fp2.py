"""FP2, Campbell Scientific's number of two bytes, and how a column is known that a logger stores as one.

Sign, exponent of two bits and mantissa of 13 bits, high byte first: ``± mantissa · 10^-exponent``, the mantissa at most
7999 (LoggerNet manual, appendix on data formats). So whole numbers alone from 800 on, and nothing above 7999.
"""

from __future__ import annotations

import csv
import struct
from collections.abc import Sequence
from math import inf, nan
from pathlib import Path

from soilco2.ingest.files.head import Head
from soilco2.ingest.files.targets import Target
from soilco2.ingest.files.text import opened, packed
from soilco2.ingest.files.wide import FP2_MOST, HIGH

_NEAR = 1 << 16
_LOOKED_AT = 1 << 18
"""Bytes at either end of a file whose numbers are looked at."""
_FINE = 800.0
"""From here on FP2 has no decimals."""
_FEWEST = 20
"""Numbers from `_FINE` on that tell something."""


def _value(word: int) -> float:
    """The number of a 16-bit word."""
    if word == 0x1FFF:
        return inf
    if word == 0x9FFF:
        return -inf
    mantissa = word & 0x1FFF
    if mantissa >= 0x1FFE:
        return nan
    value = mantissa / (1, 10, 100, 1000)[word >> 13 & 3]
    return -value if word & 0x8000 else value


def decode(data: bytes) -> list[float]:
    """The numbers of words, high byte first; NaN where there is none, infinite beyond what fits."""
    return [_value(word) for (word,) in struct.iter_unpack(">H", data)]


def held(path: Path, encoding: str, head: Head, targets: Sequence[Target]) -> frozenset[str]:
    """Columns of CO2 in a file of text that the logger stores as FP2, by their numbers at both ends of the file."""
    asked = [
        one for one in targets if one.channel.startswith("co2") and one.a == 1.0 and "flux" not in one.channel
    ]
    if not asked:
        return frozenset()
    rows = _some(path, encoding, head)
    found = set()
    for target in asked:
        numbers = []
        for row in rows:
            try:
                numbers.append(float(row[target.index]))
            except ValueError:
                continue
        if fits(numbers):
            found.add(target.name)
    return frozenset(found)


def fits(numbers: Sequence[float]) -> bool:
    """Whether numbers have whole steps from 800 on, none passes 7999, and those below have decimals, if there are any.

    Numbers that never come near 7999 say nothing of how their gaps are meant.
    """
    true = [number for number in numbers if number - number == 0.0 and number > -FP2_MOST]
    high = [number for number in true if number >= _FINE]
    low = [number for number in true if number < _FINE]
    return (
        len(high) >= _FEWEST
        and HIGH <= max(high) <= FP2_MOST
        and all(number == int(number) for number in high)
        and (len(low) < _FEWEST or any(number != int(number) for number in low))
    )


def before(path: Path, encoding: str, head: Head, targets: Sequence[Target], offset: int) -> dict[str, float]:
    """The last number of each column above a byte of a file, where one is near."""
    if encoding == "utf-16" or not offset:
        return {}
    begin = max(0, offset - _NEAR)
    with opened(path, encoding, begin) as file:
        rows = _rows(file.read(offset - begin), encoding, head)
    found: dict[str, float] = {}
    for target in targets:
        for row in reversed(rows):
            try:
                number = float(row[target.index])
            except ValueError:
                continue
            if number == number:
                found[target.name] = number
                break
    return found


def _some(path: Path, encoding: str, head: Head) -> list[list[str]]:
    """Rows from both ends of a file that have as many cells as its header."""
    with opened(path, encoding) as file:
        data = file.read(_LOOKED_AT)
    if encoding != "utf-16" and not packed(path) and path.stat().st_size > 2 * _LOOKED_AT:
        with path.open("rb") as plain:
            plain.seek(-_LOOKED_AT, 2)
            data += b"\n" + plain.read(_LOOKED_AT)
    return _rows(data, encoding, head)


def _rows(data: bytes, encoding: str, head: Head) -> list[list[str]]:
    """The rows in some bytes."""
    spelled = "utf-8" if encoding == "utf-16" else encoding
    lines = data.decode(spelled, "replace").replace("\x00", "").splitlines()
    width = len(head.names)
    try:
        return [row for row in csv.reader(lines, delimiter=head.delimiter) if len(row) == width]
    except csv.Error:
        return []
