"""The project's own JSON message: what a node publishes on ``soilco2/<station>/data``.

The schema is ``docs/reference/message.schema.json``; `soilco2.ingest.protocols.soilco2_json_decode` reads the message.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from soilco2.ingest.errors import MessageError
from soilco2.station_config.message import Message
from soilco2.station_config.times import iso

MAX_READINGS = 1000
"""Readings in one message at most."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Reading(NamedTuple):
    """One number of one channel.

    Parameters
    ----------
    serial, channel : str
        Instrument and quantity.
    time_us : int or None
        Time of the measurement [µs UTC]; None when the node has no clock.
    value : float or None
        The number the instrument gave [`unit`]; None when it gave none.
    unit : str
    status : str
        Why there is no value, or what the instrument says of itself.
    """

    serial: str
    channel: str
    time_us: int | None
    value: float | None
    unit: str
    status: str = ""


def iso_time(time_us: int) -> str:
    """ISO 8601 in UTC with Z; decimals of the second only where there are any.

    Raises
    ------
    MessageError
        Before year 1 or after year 9999.
    """
    try:
        text = iso(time_us)
    except (OverflowError, ValueError):
        raise MessageError(Message("{time_us} µs is no time a message can carry", time_us=time_us)) from None
    return text.rstrip("0Z").rstrip(".") + "Z" if "." in text else text


def encode_message(station: str, node: str, sequence: int, readings: Sequence[Reading]) -> bytes:
    """Bytes of one message.

    Parameters
    ----------
    station, node : str
    sequence : int
        Number of the message, counted by the node without a gap.
    readings : sequence of Reading
        1 to 1000.

    Raises
    ------
    MessageError
        When there are none or too many, or a number is not finite.
    """
    if not 1 <= len(readings) <= MAX_READINGS:
        raise MessageError(
            Message(
                "a message holds 1 to {most} readings, not {count}", most=MAX_READINGS, count=len(readings)
            )
        )
    rows: list[dict[str, Any]] = []
    for reading in readings:
        if reading.value is not None and not math.isfinite(reading.value):
            raise MessageError(
                Message(
                    "{serial}/{channel}: {number} is no number of a message; send null and say why in status",
                    serial=reading.serial,
                    channel=reading.channel,
                    number=reading.value,
                )
            )
        row: dict[str, Any] = {
            "serial": reading.serial,
            "channel": reading.channel,
            "time": None if reading.time_us is None else iso_time(reading.time_us),
            "value": reading.value,
            "unit": reading.unit,
        }
        if reading.status:
            row["status"] = reading.status
        rows.append(row)
    whole = {"node": node, "sequence": sequence, "station": station, "readings": rows}
    return json.dumps(whole, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
