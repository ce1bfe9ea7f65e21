"""Numbers in 16-bit registers: decode and encode, one the inverse of the other.

A Modbus register is 16 bits, high byte first. Numbers of 32 bits take two; probes differ in which word comes
first (Vaisala: the low one).
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Sequence
from functools import cache

from soilco2.station_config.message import Message

WIDTH = {"int16": 1, "uint16": 1, "int32": 2, "uint32": 2, "float32": 2}
"""Registers that each type takes."""

RANGE = {
    "int16": (-0x8000, 0x7FFF),
    "uint16": (0, 0xFFFF),
    "int32": (-0x80000000, 0x7FFFFFFF),
    "uint32": (0, 0xFFFFFFFF),
}
"""Lowest and highest number of each whole-number type."""

_FORMAT = {"int16": ">h", "uint16": ">H", "int32": ">i", "uint32": ">I", "float32": ">f"}


def decode(words: Sequence[int], offset: int, kind: str, word_order: str = "high-first") -> float:
    """The number of type `kind` at register `offset` of a block.

    Parameters
    ----------
    words : sequence of int
        Registers of the block.
    kind : str
        ``int16``, ``uint16``, ``int32``, ``uint32`` or ``float32``.
    word_order : str
        ``high-first`` or ``low-first``.

    Raises
    ------
    IndexError
        When the block is too short.
    """
    width = WIDTH[kind]
    part = list(words[offset : offset + width])
    if len(part) != width:
        raise IndexError(
            Message(
                "register {offset}+{width} is outside a block of {count}",
                offset=offset, width=width, count=len(words),
            )
        )  # fmt: skip
    if word_order == "low-first":
        part.reverse()
    value: float = struct.unpack(_FORMAT[kind], struct.pack(f">{width}H", *part))[0]
    return float(value)


@cache
def decoder(kind: str, word_order: str = "high-first") -> Callable[[bytes], float]:
    """The function from registers as on the wire (high byte first), the first of which count, to a number.

    It raises `IndexError` when there are too few registers for the type.

    Parameters
    ----------
    kind, word_order : str
        As in `decode`.
    """
    width = WIDTH[kind]

    def number(said: bytes) -> float:
        if len(said) < 2 * width:
            raise IndexError(
                Message(
                    "{type} takes {bytes} bytes, not {found}", type=kind, bytes=2 * width, found=len(said)
                )
            )
        return decode(struct.unpack_from(f">{width}H", said), 0, kind, word_order)

    return number


def encode(value: float, kind: str, word_order: str = "high-first") -> tuple[int, ...]:
    """The registers that hold `value`, rounded to a whole number where `kind` is one.

    Raises
    ------
    ValueError
        When the type cannot hold the value.
    """
    width = WIDTH[kind]
    if kind == "float32":
        try:
            packed = struct.pack(">f", value)
        except OverflowError:
            raise ValueError(
                Message("{number:g} does not fit into {type}", number=value, type=kind)
            ) from None
    else:
        lowest, highest = RANGE[kind]
        if not math.isfinite(value) or not lowest <= (whole := round(value)) <= highest:
            raise ValueError(Message("{number:g} does not fit into {type}", number=value, type=kind))
        packed = struct.pack(_FORMAT[kind], whole)
    words = struct.unpack(f">{width}H", packed)
    return words[::-1] if word_order == "low-first" else words
