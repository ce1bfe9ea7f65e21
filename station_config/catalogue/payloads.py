"""Numbers in the bytes of a payload: decode and encode, one the inverse of the other."""

from __future__ import annotations

import math
import struct
from typing import Literal

from soilco2.station_config.message import Message

NumberType = Literal["uint8", "int8", "uint16", "int16", "uint24", "int24", "uint32", "int32", "float32"]
Order = Literal["big", "little"]

WIDTH: dict[str, int] = {
    "uint8": 1, "int8": 1, "uint16": 2, "int16": 2, "uint24": 3, "int24": 3, "uint32": 4, "int32": 4, "float32": 4,
}  # fmt: skip
"""Bytes that each type takes."""


def decode(data: bytes, offset: int, kind: str, order: Order) -> float:
    """The number of type `kind` at byte `offset`.

    Raises
    ------
    IndexError
        When the data are too short.
    """
    part = data[offset : offset + WIDTH[kind]]
    if len(part) != WIDTH[kind]:
        raise IndexError(
            Message("{type} takes {bytes} bytes, not {found}", type=kind, bytes=WIDTH[kind], found=len(part))
        )
    if kind == "float32":
        value: float = struct.unpack(">f" if order == "big" else "<f", part)[0]
        return value
    return float(int.from_bytes(part, order, signed=kind.startswith("int")))


def encode(value: float, kind: str, order: Order) -> bytes:
    """The bytes that hold `value`, rounded to a whole number where `kind` is one, held at the ends of its range."""
    if kind == "float32":
        return struct.pack(">f" if order == "big" else "<f", value)
    signed, bits = kind.startswith("int"), 8 * WIDTH[kind]
    lowest, highest = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
    whole = round(value) if math.isfinite(value) else highest
    return min(max(whole, lowest), highest).to_bytes(WIDTH[kind], order, signed=signed)
