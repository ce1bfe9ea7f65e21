"""A batch into a database, whatever the database thinks of single points in it.

What was refused is narrowed down by halves to the point or the stretch that is to blame; the rest goes in.
Points are sent again on the way: a point written twice is the same point.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from soilco2.ingest.forward.layout import Layout, LineProtocol
from soilco2.quality.records import Observation, SeriesKey
from soilco2.station_config.message import Message
from soilco2.storage.errors import LineError, SinkRefused, SinkTooLarge

PROBES = 5
"""Points tried one by one to see whether a whole stretch is refused."""
_WORTH_PROBING = 32
_INFLUX = LineProtocol()
_NUMBERS = re.compile(r"[0-9]+")
_DROPPED = re.compile(r"dropped[= ](\d+)")


class Point(NamedTuple):
    """An observation on its way: its `rev`, what it is of, and its line."""

    rev: int
    series: SeriesKey | str
    time_us: int
    line: str


class Refused(NamedTuple):
    """Points that the database does not take: one, or a stretch refused as a whole."""

    points: Sequence[Point]
    reason: Message


def points_of(
    rows: Sequence[tuple[int, Observation]], layout: Layout = _INFLUX, journal: str = ""
) -> tuple[list[Point], list[Refused]]:
    """Points of observations with their `rev`, and those that cannot be written; what is not sent is in neither."""
    refused: list[Refused] = []
    try:
        points = [
            Point(rev, row.series, row.time_us, text)
            for rev, row in rows
            if (text := layout.observed(journal, rev, row)) is not None
        ]
    except LineError:
        points = []
        for rev, row in rows:
            try:
                if (text := layout.observed(journal, rev, row)) is not None:
                    points.append(Point(rev, row.series, row.time_us, text))
            except LineError as error:
                refused.append(Refused([Point(rev, row.series, row.time_us, "")], Message.of(error)))
    return points, refused


def deliver(points: Sequence[Point], write: Callable[[bytes], None]) -> list[Refused]:
    """Write points; when this returns, each is in the database or in the list returned.

    Parameters
    ----------
    points : sequence of Point
    write : callable
        Takes line protocol and raises the errors of `soilco2.storage.errors.SinkError`.

    Raises
    ------
    SinkUnavailable, SinkDenied
        Nothing is known of the points then: deliver all of them again.
    """
    refused: list[Refused] = []
    pieces = [list(points)] if points else []
    ordered = follows = False
    while pieces:
        piece = pieces.pop()
        try:
            write("\n".join([point.line for point in piece]).encode())
        except SinkTooLarge as error:
            reason, whole = Message.of(error), False
        except SinkRefused as error:
            reason = Message.of(error)
            whole = _wholly(piece, error, write)
        else:
            follows = False
            continue
        if len(piece) == 1 or whole:
            if (
                follows
                and refused
                and len(piece) + len(refused[-1].points) > 2
                and _alike(refused[-1], reason)
            ):
                refused[-1] = Refused([*refused[-1].points, *piece], refused[-1].reason)
            else:
                refused.append(Refused(piece, reason))
            follows = True
            continue
        if not ordered:  # what is refused for one reason should stand together
            ordered = True
            piece.sort(key=_age if "retention" in reason else _kin)
        half = len(piece) // 2
        pieces += [piece[half:], piece[:half]]
    return refused


def _alike(former: Refused, reason: str) -> bool:
    """Whether a stretch goes on: the server says the same but for its numbers."""
    return _NUMBERS.sub("", former.reason)[:80] == _NUMBERS.sub("", reason)[:80]


def _age(point: Point) -> int:
    return point.time_us


def _kin(point: Point) -> tuple[str, int]:
    return str(point.series), point.time_us


def _wholly(piece: Sequence[Point], error: SinkRefused, write: Callable[[bytes], None]) -> bool:
    """Whether every point of a refused piece is refused: the server's count, else a few tried singly."""
    counted = _DROPPED.search(str(error))
    if counted is not None and error.status == 422:
        return int(counted[1]) >= len(piece)
    if len(piece) < _WORTH_PROBING:
        return False
    step = (len(piece) - 1) // (PROBES - 1)
    for point in piece[::step][:PROBES]:
        try:
            write(point.line.encode())
        except SinkRefused:
            continue
        return False
    return True
