"""A probe's registers and what they say: what to read, registers to raw numbers, raw numbers to registers.

Everything comes from the catalogue; a new probe needs no code here.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping, Sequence

from soilco2.ingest.protocols.reading import Reading
from soilco2.station_config.catalogue.registers import RANGE, decode, encode
from soilco2.station_config.connections.modbus_model import (
    Block,
    ModbusModel,
    RegisterChannel,
    RegisterStatus,
)

NO_VALUE = "nan"
"""Status of a channel whose register held NaN."""

Words = Mapping[str, Sequence[int]]
"""Registers by the id of their block."""


def _judging(model: ModbusModel, spec: RegisterChannel) -> list[RegisterStatus]:
    return [row for row in model.status if not row.channels or spec.id in row.channels]


def blocks_to_read(model: ModbusModel, channels: Sequence[RegisterChannel]) -> tuple[Block, ...]:
    """The blocks that hold these channels and the status words that judge them, in catalogue order."""
    wanted = {spec.at.block for spec in channels}
    wanted |= {row.block for spec in channels for row in _judging(model, spec)}
    return tuple(block for block in model.block if block.id in wanted)


def _status_word(row: RegisterStatus, words: Words) -> int:
    value = 0
    for word in words[row.block][row.offset : row.offset + row.count]:
        value = value << 16 | word
    return value


def _said(block: Sequence[int], offset: int) -> bytes:
    """The register at an offset and the one behind it, as they came: enough to be decoded by any type."""
    part = block[offset : offset + 2]
    return struct.pack(f">{len(part)}H", *part)


def raw_readings(model: ModbusModel, channels: Sequence[RegisterChannel], words: Words) -> list[Reading]:
    """What the registers say of each channel.

    Raises
    ------
    IndexError
        When a block is shorter than the catalogue says.
    """
    found = []
    for spec in channels:
        assert spec.at.block is not None  # the catalogue's check sees to it
        raw: float | None = decode(words[spec.at.block], spec.at.offset, spec.at.type, spec.at.word_order)
        judged = ((row.id, _status_word(row, words)) for row in _judging(model, spec))
        notes = [f"{name}=0x{value:x}" for name, value in judged if value]
        if raw is not None and math.isnan(raw):
            raw = None
            notes.insert(0, NO_VALUE)
        found.append(Reading(spec.id, raw, " ".join(notes), _said(words[spec.at.block], spec.at.offset)))
    return found


def no_value(spec: RegisterChannel) -> float:
    """What the probe's register holds when it has no value: NaN, or the first sentinel its type can hold.

    A whole-number register without a sentinel holds 0, as Vaisala's do.
    """
    if spec.at.type not in RANGE:
        return math.nan
    lowest, highest = RANGE[spec.at.type]
    return next((value for value in spec.sentinels if value and lowest <= value <= highest), 0.0)


def register_image(
    model: ModbusModel, raws: Mapping[str, float | None], status: Mapping[str, int] | None = None
) -> dict[str, list[int]]:
    """The registers of every block when the channels have these raw numbers: the inverse of `raw_readings`.

    Parameters
    ----------
    raws : mapping of str to float or None
        Raw number by channel; None, or no entry, is the probe's own way to say that it has none. A number
        beyond the type's range is held at its end, as a real converter does.
    status : mapping of str to int, optional
        Status words by id; 0 where there is no entry.
    """
    image = {block.id: [0] * block.count for block in model.block}
    for spec in model.channel:
        raw = raws.get(spec.id)
        value = no_value(spec) if raw is None else raw
        if spec.at.type in RANGE and math.isfinite(value):
            lowest, highest = RANGE[spec.at.type]
            value = min(max(value, lowest), highest)
        words = encode(value, spec.at.type, spec.at.word_order)
        assert spec.at.block is not None
        image[spec.at.block][spec.at.offset : spec.at.offset + len(words)] = words
    for row in model.status:
        value_of = (status or {}).get(row.id, 0)
        for place in range(row.count):
            shift = 16 * (row.count - 1 - place)
            image[row.block][row.offset + place] = value_of >> shift & 0xFFFF
    return image
