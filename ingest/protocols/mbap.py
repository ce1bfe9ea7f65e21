"""Modbus TCP messages: the frame of a serial line without its checksum, behind a head with the request's number.

::

    number (2) | 0 0 | length (2) | unit (1) | function | data

`length` counts what follows it. Pure functions, no I/O.

Source: MODBUS Messaging on TCP/IP Implementation Guide V1.0b (modbus.org), 3.1.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from soilco2.ingest.protocols.modbus import seal
from soilco2.station_config.message import Message

PORT = 502
"""The port that is registered for it."""
_HEAD = 6
_LENGTHS = range(2, 255)


class Numbered(NamedTuple):
    """A message.

    Parameters
    ----------
    number : int
        Of the request that it belongs to, 0 to 65535.
    frame : bytes
        As on a serial line, with its checksum.
    """

    number: int
    frame: bytes


def wrap(message: Numbered) -> bytes:
    """The bytes of a message."""
    body = message.frame[:-2]
    return struct.pack(">HHH", message.number, 0, len(body)) + body


def split(data: bytes) -> tuple[list[Numbered], bytes]:
    """The messages that `data` begins with, and what is left.

    Raises
    ------
    ValueError
        When a message cannot begin so: nothing that follows can be trusted.
    """
    found = []
    while len(data) >= _HEAD:
        number, protocol, length = struct.unpack_from(">HHH", data)
        if protocol != 0 or length not in _LENGTHS:
            raise ValueError(Message("no message of Modbus TCP begins so"))
        if len(data) < _HEAD + length:
            break
        found.append(Numbered(number, seal(data[_HEAD : _HEAD + length])))
        data = data[_HEAD + length :]
    return found, data
