"""JSON as devices write it, and what stands in it: one sentence where it is not what is expected."""

from __future__ import annotations

import json
import math
import re
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

from soilco2.ingest.protocols.json_object import MAX_BYTES, RefusedError, show, text_of
from soilco2.station_config.message import Message

_NO_NUMBER = re.compile(r'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)|-?\b(?:nan|inf|infinity)\b', re.IGNORECASE | re.DOTALL)
"""A text as a whole, or a word for what is no number; each character is looked at once."""
_NUMBER = re.compile(r"[-+]?[0-9]+(?:\.[0-9]+)?(?:[eE][-+]?[0-9]{1,3})?").fullmatch
_ISO = re.compile(
    r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?P<zone>Z|[+-]\d\d(?::?\d\d)?)?"
).fullmatch
_PER_SECOND = {"s": 1_000_000, "ms": 1000, "us": 1}
_LATEST_US = 7_258_118_400_000_000
"""2200-01-01 [µs UTC]."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def parse_json(payload: bytes | bytearray, most: int = MAX_BYTES) -> Any:
    """The value that a message is; numbers that are none (``nan``, ``-Infinity``) are NaN, however they are written.

    Raises
    ------
    RefusedError
        When it is too long, no UTF-8 or no JSON.
    """
    text = text_of(payload, most, "utf-8-sig")
    try:
        try:
            return json.loads(text, parse_constant=lambda _word: math.nan)
        except ValueError:
            mended = _NO_NUMBER.sub(lambda found: found[0] if found[0][0] == '"' else "NaN", text)
            if mended == text:
                raise
            return json.loads(mended, parse_constant=lambda _word: math.nan)
    except ValueError as error:
        raise RefusedError(Message("the message is not JSON: {why}", why=error)) from None
    except RecursionError:
        raise RefusedError(
            Message("the message is not JSON: {why}", why=Message("too deeply nested"))
        ) from None


def number(value: Any, as_text: bool) -> float:
    """A number.

    Raises
    ------
    RefusedError
        When it is none: null, NaN, true, text (unless `as_text`), too large.
    """
    if type(value) is str and _NUMBER(value.strip()):
        if not as_text:
            why = Message("a number is expected, found {found}", found=show(value))
            raise RefusedError(
                Message("{why}; with numbers_as_text = true at the connection it is taken", why=why)
            )
        value = float(value)
    if type(value) is int:
        try:
            value = float(value)
        except OverflowError:
            value = math.inf
    if type(value) is not float or not math.isfinite(value):
        raise RefusedError(Message("a number is expected, found {found}", found=show(value)))
    return value


def time_us(value: Any, form: str, zone: tzinfo | None, as_text: bool) -> int:
    """A time [µs UTC].

    Raises
    ------
    RefusedError
        When it is none.
    """
    if form == "iso":
        return _iso_us(value, zone)
    scale = _PER_SECOND[form]
    if type(value) is int:
        found = value * scale
    else:
        seconds = number(value, as_text)
        found = round(seconds * scale) if abs(seconds * scale) < 1e18 else 2**62
    if not 0 <= found < _LATEST_US:
        raise RefusedError(
            Message("time: {found} is no time since 1970 in {form}", found=show(value), form=form)
        )
    return found


def _iso_us(value: Any, zone: tzinfo | None) -> int:
    found = _ISO(value) if type(value) is str else None
    if found is None:
        raise RefusedError(
            Message("time: such as 2026-03-01T00:00:00Z is expected, found {found}", found=show(value))
        )
    if found["zone"] is None and zone is None:
        raise RefusedError(
            Message(
                'time: {found} names no zone; say timezone = "UTC+08:00" or what it is at the connection',
                found=show(value),
            )
        )
    try:
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=zone)
        us = (moment - _EPOCH) // timedelta(microseconds=1)
    except (ValueError, OverflowError):
        raise RefusedError(
            Message("time: such as 2026-03-01T00:00:00Z is expected, found {found}", found=show(value))
        ) from None
    if not 0 <= us < _LATEST_US:
        raise RefusedError(Message("time: {found} is not between 1970 and 2200", found=show(value)))
    return us
