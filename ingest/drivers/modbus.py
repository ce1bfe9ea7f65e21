"""A probe's registers and what they say: what to read, registers to raw numbers, raw numbers to registers.

Everything comes from the catalogue; a new probe needs no code here.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from soilco2.station_config.catalogue.load import Block, ChannelSpec, ProbeModel, StatusBits
from soilco2.station_config.catalogue.registers import RANGE, decode, encode

NO_VALUE = "nan"
"""Status of a channel whose register held NaN."""

Words = Mapping[str, Sequence[int]]
"""Registers by the id of their block."""


class RawReading(NamedTuple):
    """What a probe said of one quantity.

    Parameters
    ----------
    channel : str
    raw : float or None
        In the device's own unit, before sentinels and scaling; None where the register held NaN.
    status : str
        ``"nan"`` and the status words that are not zero, such as ``"status=0x2"``, joined by spaces.
    """

    channel: str
    raw: float | None
    status: str


def used_channels(model: ProbeModel, names: Iterable[str] = ()) -> tuple[ChannelSpec, ...]:
    """The channels of `names`, in the order of the catalogue; all of them when it is empty."""
    wanted = set(names)
    return tuple(spec for spec in model.channel if not wanted or spec.id in wanted)


def _judging(model: ProbeModel, spec: ChannelSpec) -> list[StatusBits]:
    return [row for row in model.status if not row.channels or spec.id in row.channels]


def blocks_to_read(model: ProbeModel, channels: Sequence[ChannelSpec]) -> tuple[Block, ...]:
    """The blocks that hold these channels and the status words that judge them, in catalogue order."""
    wanted = {spec.block for spec in channels}
    wanted |= {row.block for spec in channels for row in _judging(model, spec)}
    return tuple(block for block in model.block if block.id in wanted)


def _status_word(row: StatusBits, words: Words) -> int:
    value = 0
    for word in words[row.block][row.offset : row.offset + row.count]:
        value = value << 16 | word
    return value


def raw_readings(model: ProbeModel, channels: Sequence[ChannelSpec], words: Words) -> list[RawReading]:
    """What the registers say of each channel.

    Raises
    ------
    IndexError
        When a block is shorter than the catalogue says.
    """
    found = []
    for spec in channels:
        assert spec.block is not None  # the catalogue's check sees to it for Modbus models
        raw: float | None = decode(words[spec.block], spec.offset, spec.type, spec.word_order)
        judged = ((row.id, _status_word(row, words)) for row in _judging(model, spec))
        notes = [f"{name}=0x{value:x}" for name, value in judged if value]
        if raw is not None and math.isnan(raw):
            raw = None
            notes.insert(0, NO_VALUE)
        found.append(RawReading(spec.id, raw, " ".join(notes)))
    return found


def no_value(spec: ChannelSpec) -> float:
    """What the probe's register holds when it has no value: NaN, or the first sentinel its type can hold.

    A whole-number register without a sentinel holds 0, as Vaisala's do.
    """
    if spec.type not in RANGE:
        return math.nan
    lowest, highest = RANGE[spec.type]
    return next((value for value in spec.sentinels if value and lowest <= value <= highest), 0.0)


def register_image(
    model: ProbeModel, raws: Mapping[str, float | None], status: Mapping[str, int] | None = None
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
        if spec.type in RANGE and math.isfinite(value):
            lowest, highest = RANGE[spec.type]
            value = min(max(value, lowest), highest)
        words = encode(value, spec.type, spec.word_order)
        assert spec.block is not None
        image[spec.block][spec.offset : spec.offset + len(words)] = words
    for row in model.status:
        value_of = (status or {}).get(row.id, 0)
        for place in range(row.count):
            shift = 16 * (row.count - 1 - place)
            image[row.block][row.offset + place] = value_of >> shift & 0xFFFF
    return image
