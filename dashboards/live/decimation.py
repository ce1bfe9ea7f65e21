"""Thinning that keeps extremes: for each stretch of time its smallest and its largest value."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from soilco2.storage.journal.rollups import Point, Stretches, buckets_of, stretches
from soilco2.storage.reader import Piece


class Decimated(NamedTuple):
    """Points of one series, oldest first.

    Parameters
    ----------
    times : list of int
        [µs UTC]
    values : list of float or None
        In the canonical unit; None where there is none.
    flags : list of int
    step_us : int
        Width of a stretch, of the widest where they differ [µs]; 0 when nothing was left out.
    """

    times: list[int]
    values: list[float | None]
    flags: list[int]
    step_us: int


def cut(start_us: int, end_us: int, points: int) -> Stretches:
    """The stretches of a span [µs UTC] that give about so many points: two of each."""
    return stretches(start_us, end_us, max(1, points // 2))


def decimate(pieces: Iterable[Piece], start_us: int, end_us: int, points: int) -> Decimated:
    """Thin a series to at most about `points` points.

    The span is cut into ``points / 2`` stretches; of each, the smallest and the largest value stay, at their
    own times. Gaps stay gaps, and a flagged value never stands in for a good one: good and flagged values are
    thinned apart. Stretches of a long span begin with a whole hour, six hours or day.

    Parameters
    ----------
    pieces : iterable of Piece
        Of one series, oldest first.
    start_us, end_us : int
        The span [µs UTC].
    points : int
        Points wanted, 2 at least.
    """
    kept = list(pieces)
    if sum(len(piece.times) for piece in kept) <= points:
        return whole(kept)
    where = cut(start_us, end_us, points)
    return points_of(_extremes(kept, where.edges), where)


def _extremes(pieces: Iterable[Piece], edges: Sequence[int]) -> list[Point]:
    """The smallest and largest value of each stretch, good and flagged ones apart, the first of equal ones."""
    points: list[Point] = []
    best: dict[str, Point] = {}
    k, end = 0, edges[0]
    low = bad_low = _INFINITE
    high = bad_high = -_INFINITE
    for piece in pieces:
        for t, v, flag in zip(piece.times, piece.values, piece.flags, strict=True):
            if t >= end:
                points += sorted(set(best.values()))
                best.clear()
                k = bisect_right(edges, t, k, len(edges) - 1)
                end = edges[k]
                low = bad_low = _INFINITE
                high = bad_high = -_INFINITE
            if not -_INFINITE < v < _INFINITE:
                continue
            if flag <= 2:
                if v < low:
                    low, best["low"] = v, (t, v, flag)
                if v > high:
                    high, best["high"] = v, (t, v, flag)
            else:
                if v < bad_low:
                    bad_low, best["bad_low"] = v, (t, v, flag)
                if v > bad_high:
                    bad_high, best["bad_high"] = v, (t, v, flag)
    return points + sorted(set(best.values()))


def whole(pieces: Iterable[Piece]) -> Decimated:
    """Every point."""
    times: list[int] = []
    values: list[float | None] = []
    flags: list[int] = []
    for piece in pieces:
        times.extend(piece.times)
        values.extend(v if abs(v) < _INFINITE else None for v in piece.values)
        flags.extend(piece.flags)
    return Decimated(times, values, flags, 0)


_INFINITE = float("inf")


def points_of(points: list[Point], where: Stretches) -> Decimated:
    """Points that stay, as columns."""
    times, values, flags = zip(*points, strict=True) if points else ((), (), ())
    width = max(b - a for a, b in zip(where.edges, where.edges[1:], strict=False))
    return Decimated(list(times), list(values), list(flags), width)


class Row(NamedTuple):
    """One depth of a raster: a mean per column, the worst flag behind it where no good value is."""

    values: list[float | None]
    flags: list[int]


Sums = list[tuple[int, float, int, int]]
"""(column, sum, number, worst flag)"""


def sums(pieces: Iterable[Piece], start_us: int, step_us: int, columns: int) -> tuple[Sums, Sums]:
    """Sums of good and of flagged values in columns of time.

    Parameters
    ----------
    pieces : iterable of Piece
    start_us : int
        Start of the first column [µs UTC].
    step_us : int
        Width of a column [µs].
    columns : int
    """
    edges = range(start_us, start_us + columns * step_us + 1, step_us)
    good, flagged = (
        [((b.start_us - start_us) // step_us, (b.mean or 0.0) * b.n, b.n, b.worst) for b in kind]
        for kind in buckets_of(pieces, edges)[:2]
    )
    return good, flagged


def raster_row(good: Sums, flagged: Sums, columns: int) -> Row:
    """Means of a series in columns of time; a gap stays a gap.

    A column's mean is of its good values; where it has none, of its flagged ones, with their flag.
    """
    values: list[float | None] = [None] * columns
    flags = [9] * columns
    for some in (flagged, good):
        totals: dict[int, tuple[float, int, int]] = {}
        for k, total, n, worst in some:
            before = totals.get(k, (0.0, 0, 0))
            totals[k] = (before[0] + total, before[1] + n, max(before[2], worst))
        for k, (total, n, worst) in totals.items():
            if 0 <= k < columns:
                values[k], flags[k] = total / n, 1 if some is good else worst
    return Row(values, flags)
