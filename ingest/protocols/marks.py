"""Bytes that a modem puts into the stream of a line by itself: heartbeats, its registration before every frame.

They come at any moment, also in the middle of an answer, and say nothing of the line. A long one is known where it
stands. A short one, such as a single 00, may as well be part of an answer: the checksum decides.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

_MOST = 64
"""Places that are tried for one mark, at most."""


def without(data: bytes, marks: Sequence[bytes]) -> bytes:
    """`data` without every mark, the longest first."""
    for mark in sorted(marks, key=len, reverse=True):
        data = data.replace(mark, b"")
    return data


def views(data: bytes, marks: Sequence[bytes]) -> Iterator[bytes]:
    """What the line itself may have said: `data` as it came, without all marks, without one of them.

    A view is shorter than `data`, so a damaged answer that has its length and no mark in it stays damaged.
    """
    yield data
    there = [mark for mark in marks if mark in data]
    if not there:
        return
    yield without(data, there)
    for mark in there:
        at = data.find(mark)
        before = b""
        for _ in range(_MOST):
            if at < 0:
                break
            view = data[:at] + data[at + len(mark) :]
            if view != before:  # two equal bytes in a row: it does not matter which one goes
                yield view
            before = view
            at = data.find(mark, at + 1)
