"""The JSON object of a message, or one sentence why it is none."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from soilco2.ingest.protocols.mqtt_message import Cut
from soilco2.station_config.message import Message

MAX_BYTES = 262_144
"""A longer message is refused unread: a thousand readings take about half of it."""
KEPT_BYTES = 1_048_576
"""Of a refused message this much is kept."""
_REASONS = 5
"""Different reasons that a refusal tells."""


class RefusedError(Exception):
    """Why a message or reading is refused."""

    def __init__(self, reason: Message, time_us: int | None = None) -> None:
        super().__init__(reason)
        self.time_us = time_us


def reason_of(faults: Sequence[RefusedError]) -> tuple[Message, int | None]:
    """Why readings of one message are refused, in one sentence, and the first time that one carries [µs UTC]."""
    reasons = list(dict.fromkeys(Message.of(error) for error in faults))
    told, more = reasons[:_REASONS], len(reasons) - _REASONS
    if more > 0:
        told.append(Message("further reasons: {count}", count=more))
    why = Message.joined(told)
    if len(faults) > 1:
        why = Message("{count} readings: {why}", count=len(faults), why=why)
    return why, next((error.time_us for error in faults if error.time_us is not None), None)


def _no_number(word: str) -> NoReturn:
    raise ValueError(Message("{found} is no number in JSON", found=word))


_decoder = json.JSONDecoder(parse_constant=_no_number)
_scan: Callable[[str, int], tuple[Any, int]] = _decoder.scan_once  # type: ignore[attr-defined]


def text_of(payload: bytes | bytearray, most: int = MAX_BYTES, encoding: str = "utf-8") -> str:
    """The text of a message.

    Raises
    ------
    RefusedError
        When it has more than `most` bytes or is no UTF-8.
    """
    if len(payload) > most:
        size = payload.whole if isinstance(payload, Cut) else len(payload)
        raise RefusedError(
            Message("the message has {size} bytes, at most {most} are allowed", size=size, most=most)
        )
    try:
        return payload.decode(encoding)
    except UnicodeDecodeError as error:
        raise RefusedError(
            Message("the message is not UTF-8 (byte {position})", position=error.start)
        ) from None


def parse_object(payload: bytes | bytearray) -> dict[str, Any]:
    """The object that a message is.

    Raises
    ------
    RefusedError
        When it is too long, no UTF-8, no JSON or no object; ``NaN`` and infinities are no numbers of JSON.
    """
    text = text_of(payload)
    try:
        message, end = _scan(text, 0)
        if end != len(text):
            message = _decoder.decode(text)
    except StopIteration:
        try:
            message = _decoder.decode(text)  # white space in front, or the place of the fault
        except ValueError as error:
            raise RefusedError(Message("the message is not JSON: {why}", why=error)) from None
    except ValueError as error:
        raise RefusedError(Message("the message is not JSON: {why}", why=error)) from None
    except RecursionError:
        raise RefusedError(
            Message("the message is not JSON: {why}", why=Message("too deeply nested"))
        ) from None
    if type(message) is not dict:
        raise RefusedError(Message("an object is expected, found {found}", found=show(message)))
    return message


def show(value: Any) -> str:
    """A value as a sentence names it, bounded."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # an integer of thousands of digits
        return Message("a very long {kind}", kind=type(value).__name__)
    return text if len(text) <= 80 else text[:77] + "..."
