"""SDI-12 1.3 and 1.4: what is sent, and what answers say; pure functions.

An answer is a line, here without its line end. Its first character is the address of the probe.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from soilco2.station_config.connections.sdi12_model import Sdi12Model, identity_text, numbers

ADDRESSES = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
"""Every address, in the order in which they are looked for."""
MOST = {"M": 35, "C": 75, "R": 75, "V": 35}
"""Characters of values in one answer after these commands."""

_ANNOUNCED = re.compile(rb"[0-9A-Za-z](\d{3})(\d{1,2})")
_IDENTITY = re.compile(rb"([0-9A-Za-z])(\d\d)([ -~]{8})([ -~]{6})([ -~]{3})([ -~]{0,40})")
"""The standard has 13 characters for the serial number; Campbell's probes tell more."""


class Announced(NamedTuple):
    """What follows the start of a measurement: values after at most so many seconds."""

    seconds: int
    values: int


class Identity(NamedTuple):
    """What a probe tells of itself."""

    address: str
    version: str
    maker: str
    model: str
    firmware: str
    serial: str

    def __str__(self) -> str:
        serial = f" {self.serial}" if self.serial else ""
        return f"{self.maker} {self.model} {self.firmware}{serial}"


def crc(data: bytes) -> bytes:
    """The three characters behind an answer from its address to its last value (SDI-12 1.4)."""
    value = 0
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = (value >> 1) ^ 0xA001 if value & 1 else value >> 1
    return bytes((0x40 | value >> 12, 0x40 | value >> 6 & 0x3F, 0x40 | value & 0x3F))


def with_crc(command: str) -> str:
    """The command that asks for the same with a check sum: ``M1`` is ``MC1``."""
    return f"{command[0]}C{command[1:]}"


def announced(line: bytes, address: str, command: str) -> Announced | None:
    """What an answer to ``aM!`` (``atttn``) or ``aC!`` (``atttnn``) says; None when it is none."""
    match = _ANNOUNCED.fullmatch(line)
    digits = 2 if command[0] == "C" else 1
    if match is None or line[:1] != address.encode() or len(match[2]) != digits:
        return None
    return Announced(int(match[1]), int(match[2]))


def is_announcement(line: bytes) -> bool:
    """Whether a line is the answer to a start of whatever measurement."""
    return _ANNOUNCED.fullmatch(line) is not None


def values(line: bytes, address: str, checked: bool) -> bytes | None:
    """An answer with values, as it is kept; None when it is none, or its check sum is wrong.

    Parameters
    ----------
    line : bytes
    address : str
    checked : bool
        Whether it was asked for with a check sum.
    """
    if line[:1] != address.encode() or len(line) < 2:
        return None
    if checked and (len(line) < 4 or crc(line[:-3]) != line[-3:]):
        return None
    plain = line[:-3] if checked else line
    try:
        return line if numbers(plain) else None
    except ValueError:
        return None


def count(line: bytes) -> int:
    """Values in an answer that `values` gave."""
    return len(numbers(line))


def identity(line: bytes) -> Identity | None:
    """What an answer to ``aI!`` says; None when it is none."""
    match = _IDENTITY.fullmatch(line.ljust(20) if len(line) > 10 else line)  # blanks at the end get lost
    return None if match is None else Identity(*(part.decode("ascii").strip() for part in match.groups()))


def is_model(told: Identity, model: Sdi12Model) -> bool:
    """Whether a probe that tells this is of a model; a model that says nothing of it is any."""
    text = identity_text(told.maker + told.model)
    return not model.identity or any(text.startswith(identity_text(one)) for one in model.identity)


def is_serial(told: Identity, serial: str) -> bool:
    """Whether a probe's serial number is that of the station file.

    Makers put the firmware and letters in front of it, and labels leave them out: one of the two has to end with the
    other, in letters and digits. A probe that tells none is believed.
    """
    theirs, ours = (re.sub(r"[^0-9a-z]", "", text.casefold()) for text in (told.serial, serial))
    return not theirs or not ours or theirs.endswith(ours) or ours.endswith(theirs)
