"""Who a modem says it is: its registration packet, found in the first bytes of a connection. Pure functions, no I/O."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

MOST = 256
"""Bytes in which a registration must be found."""
_BLANK = b"\r\n\t \0"
_WORD = frozenset(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_-.")


class Said(NamedTuple):
    """What the first bytes of a connection say.

    Parameters
    ----------
    registration : bytes or None
        The known one that it is.
    open : bool
        Whether further bytes can still make it a known one.
    """

    registration: bytes | None
    open: bool = False


def who(data: bytes, registrations: Sequence[bytes], heartbeats: Sequence[bytes]) -> Said:
    """The registration that `data` begins with, behind heartbeats and line ends.

    What follows it may be anything, such as an answer that the modem held back, but no further letter or digit of a
    longer name.
    """
    marks = (*registrations, *heartbeats)
    while data:
        for known in registrations:
            if data.startswith(known):
                after = data[len(known) :]
                ends = not after or after[0] not in _WORD or known[-1] not in _WORD
                if ends or after.startswith(marks):
                    return Said(known)
        beat = next((row for row in heartbeats if data.startswith(row)), b"")
        if not beat and data[0] not in _BLANK:
            break
        data = data[len(beat) or 1 :]
    return Said(None, any(row.startswith(data) for row in marks))
