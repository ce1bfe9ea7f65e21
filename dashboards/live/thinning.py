"""Thinning that keeps extremes: for each stretch of time its smallest and its largest value."""

from __future__ import annotations

from collections.abc import Iterable
from math import isnan
from typing import NamedTuple

from storage.reading import Piece


class Thinned(NamedTuple):
    """Points of one series, oldest first.

    Parameters
    ----------
    times : list of int
        [µs UTC]
    values : list of float or None
        In the canonical unit; None where there is none.
    flags : list of int
    step_us : int
        Width of a stretch [µs]; 0 when nothing was left out.
    """

    times: list[int]
    values: list[float | None]
    flags: list[int]
    step_us: int


def thin(pieces: Iterable[Piece], start_us: int, end_us: int, points: int) -> Thinned:
    """Thin a series to at most about `points` points.

    The span is cut into ``points / 2`` stretches; of each, the smallest and the largest value stay, at their
    own times. Gaps stay gaps, and a flagged value never stands in for a good one: good and flagged values are
    thinned apart.

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
    total = sum(len(piece.times) for piece in kept)
    times: list[int] = []
    values: list[float | None] = []
    flags: list[int] = []
    if total <= points:
        for piece in kept:
            times.extend(piece.times)
            values.extend(None if isnan(v) else v for v in piece.values)
            flags.extend(piece.flags)
        return Thinned(times, values, flags, 0)
    step = max(1, -(-(end_us - start_us) // max(1, points // 2)))
    # (stretch, good) -> [low, time of low, its flag, high, time of high, its flag]
    extremes: dict[tuple[int, bool], list[float]] = {}
    for piece in kept:
        for time_us, value, flag in zip(piece.times, piece.values, piece.flags, strict=True):
            if isnan(value):
                continue
            key = ((time_us - start_us) // step, flag <= 2)
            found = extremes.get(key)
            if found is None:
                extremes[key] = [value, time_us, flag, value, time_us, flag]
            elif value < found[0]:
                found[0:3] = value, time_us, flag
            elif value > found[3]:
                found[3:6] = value, time_us, flag
    points_found = {(int(f[i + 1]), f[i], int(f[i + 2])) for f in extremes.values() for i in (0, 3)}
    for time_us, value, flag in sorted(points_found):
        times.append(time_us)
        values.append(value)
        flags.append(flag)
    return Thinned(times, values, flags, step)


class Row(NamedTuple):
    """One depth of a raster: a mean per column, the worst flag behind it where no good value is."""

    values: list[float | None]
    flags: list[int]


def raster_row(pieces: Iterable[Piece], start_us: int, step_us: int, columns: int) -> Row:
    """Means of a series in columns of time; a gap stays a gap.

    A column's mean is of its good values; where it has none, of its flagged ones, with their flag.

    Parameters
    ----------
    pieces : iterable of Piece
    start_us : int
        Start of the first column [µs UTC].
    step_us : int
        Width of a column [µs].
    columns : int
    """
    sums = [0.0] * columns
    counts = [0] * columns
    spoilt: dict[int, tuple[float, int, int]] = {}
    for piece in pieces:
        for time_us, value, flag in zip(piece.times, piece.values, piece.flags, strict=True):
            k = (time_us - start_us) // step_us
            if not 0 <= k < columns or isnan(value):
                continue
            if flag <= 2:
                sums[k] += value
                counts[k] += 1
            else:
                total, n, worst = spoilt.get(k, (0.0, 0, 0))
                spoilt[k] = (total + value, n + 1, max(worst, flag))
    values: list[float | None] = [s / n if n else None for s, n in zip(sums, counts, strict=True)]
    flags = [1 if n else 9 for n in counts]
    for k, (total, n, worst) in spoilt.items():
        if values[k] is None:
            values[k], flags[k] = total / n, worst
    return Row(values, flags)
