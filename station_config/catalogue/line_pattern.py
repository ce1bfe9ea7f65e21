"""Lines of text with numbers in them: a pattern says what stands where, the same to read and to write them.

A pattern is text with fields: ``CO2={co2} ppm T={temperature}``. A blank stands for one or more blanks; before a field
there may be any number of them. ``{}`` passes over one word, ``{*}`` over anything up to the text behind it; ``{{`` and
``}}`` are braces. What stands in front of a pattern's first text is passed over, a prompt or stray bytes.

Reading goes from left to right and never back, so that no line costs more than its length times that of the pattern.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from functools import cache
from itertools import pairwise
from typing import Literal, NamedTuple

from soilco2.station_config.message import Message

LONGEST = 1000
"""Longest line, and longest pattern [characters]."""

ADDRESS, CHECKSUM = "address", "checksum"
"""Fields that every pattern may have."""

_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
_NOTHING = re.compile(r"(?:[*/.-]*[*/-][*/.-]*|nan|NaN|NAN)?")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*|\*|")
_BLANKS = " \t"


class Field(NamedTuple):
    """A place in a line: its name; empty for one word passed over, ``*`` for any text."""

    name: str


Place = tuple[int, int]
"""Where a field's text begins and ends in the line."""


def number(word: str) -> float:
    """The number that a word of a line says; NaN where it says that there is none (``***.*``, ``////``, nothing).

    Raises
    ------
    ValueError
        When it is neither.
    """
    if _NUMBER.fullmatch(word):
        value = float(word)
        if math.isfinite(value):
            return value
    elif _NOTHING.fullmatch(word):
        return math.nan
    raise ValueError(word)


def checksum(kind: Literal["xor", "sum"], covered: str) -> int:
    """The checksum of a part of a line: every byte combined by exclusive or (NMEA 0183), or their sum."""
    data = covered.encode("latin-1")
    if kind == "sum":
        return sum(data)
    value = 0
    for byte in data:
        value ^= byte
    return value


class Pattern:
    """What stands where in a line.

    Parameters
    ----------
    text : str

    Attributes
    ----------
    names : tuple of str
        Fields that have a name, in their order.

    Raises
    ------
    ValueError
        With a sentence, when it is not a pattern.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.parts = _parts(text)
        self.names = tuple(
            part.name for part in self.parts if isinstance(part, Field) and part.name not in ("", "*")
        )
        kinds = [type(part) for part in self.parts]
        if (Field, Field) in pairwise(kinds):
            raise ValueError(Message("text is expected between two fields, a blank at least"))
        if len(set(self.names)) != len(self.names):
            raise ValueError(Message("every field stands in a pattern once"))

    @property
    def begins_with_text(self) -> bool:
        """Whether a line that lost its first characters is not taken for a whole one."""
        return bool(self.parts) and isinstance(self.parts[0], str) and bool(self.parts[0].strip(_BLANKS))

    def match(self, line: str) -> tuple[int, dict[str, Place]] | None:
        """Where the pattern begins in a line and where its fields are; None when the line is another."""
        if len(line) > LONGEST:
            return None
        begin = at = 0
        if self.begins_with_text:
            word = str(self.parts[0]).strip(_BLANKS).split(" ")[0].split("\t")[0]
            begin = at = line.find(word)
            if at < 0:
                return None
        found: dict[str, Place] = {}
        for index, part in enumerate(self.parts):
            if isinstance(part, str):
                after = _pass(line, at, part.lstrip(_BLANKS) if index == 0 else part)
            else:
                behind = self.parts[index + 1] if index + 1 < len(self.parts) else ""
                begun, after = _field(line, at, part, str(behind))
                if part.name not in ("", "*"):
                    found[part.name] = (begun, after)
            if after < 0:
                return None
            at = after
        return (begin, found) if not line[at:].strip(_BLANKS) else None

    def render(self, words: Mapping[str, str]) -> str:
        """The line with these words in its fields, ``0`` where there is none, and nothing for any text."""
        known = {"*": "", **words}
        return "".join(part if isinstance(part, str) else known.get(part.name, "0") for part in self.parts)


@cache
def pattern(text: str) -> Pattern:
    """The pattern of a text, made once."""
    return Pattern(text)


def _parts(text: str) -> tuple[str | Field, ...]:
    if len(text) > LONGEST:
        raise ValueError(Message("at most {count} characters are expected", count=LONGEST))
    parts: list[str | Field] = []
    plain, at = "", 0
    while at < len(text):
        two = text[at : at + 2]
        if two in ("{{", "}}"):
            plain, at = plain + two[0], at + 2
        elif text[at] == "{":
            end = text.find("}", at)
            name = text[at + 1 : end]
            if end < 0 or not _NAME.fullmatch(name):
                raise ValueError(Message("a field is a name in braces, such as {{co2}}; {{{{ is a brace"))
            if plain:
                parts.append(plain)
            parts.append(Field(name))
            plain, at = "", end + 1
        elif text[at] == "}":
            raise ValueError(Message("a field is a name in braces, such as {{co2}}; {{{{ is a brace"))
        else:
            plain, at = plain + text[at], at + 1
    return (*parts, plain) if plain else tuple(parts)


def _blanks(line: str, at: int) -> int:
    while at < len(line) and line[at] in _BLANKS:
        at += 1
    return at


def _pass(line: str, at: int, text: str) -> int:
    """Where a line goes on behind a text of the pattern; -1 when it is not there."""
    index = 0
    while index < len(text):
        if text[index] in _BLANKS:
            index = _blanks(text, index)
            after = _blanks(line, at)
            if after == at and at < len(line):
                return -1
            at = after
        elif at < len(line) and line[at] == text[index]:
            index, at = index + 1, at + 1
        else:
            return -1
    return at


def _field(line: str, at: int, field: Field, behind: str) -> Place:
    """Where a field begins and ends; it ends before the text behind it in the pattern, or a blank."""
    if field.name == "*":
        text = behind.strip(_BLANKS)
        end = line.find(text, at) if text else len(line)
        if end < 0:
            return at, -1
        if text and behind[0] in _BLANKS:  # the blanks belong to the text behind
            while end > at and line[end - 1] in _BLANKS:
                end -= 1
        return at, end
    stop = behind[:1] if behind[:1] not in _BLANKS else ""
    at = _blanks(line, at)
    end = at
    while end < len(line) and line[end] not in _BLANKS and line[end] != stop:
        end += 1
    return at, end
