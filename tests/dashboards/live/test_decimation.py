"""Thinning keeps what matters: extremes, gaps, and flagged values apart from good ones."""

from __future__ import annotations

from array import array
from itertools import pairwise
from math import inf, isfinite, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soilco2.dashboards.live.decimation import cut, decimate, raster_row, sums
from soilco2.dashboards.live.queries import _column_us
from soilco2.quality.records import SeriesKey
from soilco2.storage.reader import Piece

KEY = SeriesKey("s", "p", "d10", "co2")
MINUTE = 60_000_000


def piece(values: list[float], flags: list[int] | None = None, step_us: int = MINUTE) -> Piece:
    times = array("q", [i * step_us for i in range(len(values))])
    return Piece(KEY, times, array("d", values), array("b", flags or [1] * len(values)))


def test_few_points_are_left_as_they_are() -> None:
    found = decimate([piece([1.0, nan, 3.0], [1, 9, 4])], 0, 3 * MINUTE, 10)
    assert found.times == [0, MINUTE, 2 * MINUTE]
    assert found.values == [1.0, None, 3.0]
    assert found.flags == [1, 9, 4]
    assert found.step_us == 0


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=400), st.integers(2, 60))
def test_the_extremes_of_the_whole_always_stay(values: list[float], points: int) -> None:
    found = decimate([piece(values)], 0, len(values) * MINUTE, points)
    assert min(values) in found.values
    assert max(values) in found.values
    assert found.times == sorted(found.times)
    assert len(found.times) <= max(points + 2, len(values) if len(values) <= points else 0)


@given(
    st.lists(
        st.tuples(st.sampled_from([nan, inf, -inf, 1.0, 2.0, 3.5, -4.0]), st.sampled_from([1, 2, 3, 4, 9])),
        min_size=5, max_size=80,
    ),
    st.integers(1, 79),
)  # fmt: skip
def test_each_stretch_keeps_what_its_definition_says(rows: list[tuple[float, int]], apart: int) -> None:
    values, flags = map(list, zip(*rows, strict=True))
    one = piece(values, flags)
    parts = [
        Piece(KEY, one.times[a:b], one.values[a:b], one.flags[a:b])
        for a, b in ((0, apart), (apart, len(rows)))
    ]
    found = decimate(parts, 0, len(rows) * MINUTE, 4)
    edges = cut(0, len(rows) * MINUTE, 4).edges
    wanted = set()
    for start, end in pairwise(edges):
        inside = [
            p for p in zip(one.times, values, flags, strict=True) if start <= p[0] < end and isfinite(p[1])
        ]
        for kind in ([p for p in inside if p[2] <= 2], [p for p in inside if p[2] > 2]):
            if kind:
                wanted |= {
                    min(kind, key=lambda p: p[1]),
                    max(kind, key=lambda p: p[1]),
                }  # first of equal ones
    assert list(zip(found.times, found.values, found.flags, strict=True)) == sorted(wanted)


def test_a_flagged_spike_does_not_hide_the_good_maximum() -> None:
    values = [10.0] * 50 + [99_999.0] + [20.0] * 49
    flags = [1] * 50 + [4] + [1] * 49
    found = decimate([piece(values, flags)], 0, 100 * MINUTE, 4)
    good = [v for v, f in zip(found.values, found.flags, strict=True) if f == 1]
    assert max(v for v in good if v is not None) == 20.0
    assert 99_999.0 in found.values


def test_a_raster_leaves_gaps_and_averages_good_values_only() -> None:
    # columns of two minutes; by hand: (10 + 20) / 2, a gap, 30 beside a bad value, only a bad value
    times = array("q", [0, 1, 4, 5, 6])
    values = array("d", [10.0, 20.0, 30.0, 900.0, 800.0])
    flags = array("b", [1, 1, 1, 4, 4])
    whole = [Piece(KEY, array("q", [t * MINUTE for t in times]), values, flags)]
    found = raster_row(*sums(whole, 0, 2 * MINUTE, 4), 4)
    assert found.values == [15.0, None, 30.0, 800.0]
    assert found.flags == [1, 9, 1, 4]


@pytest.mark.parametrize(
    ("step", "period", "wanted"),
    [  # minutes; a third wider at most, or whole hours, or whole tens of minutes of dense series
        (20 * 60, 1, 24 * 60),
        (876, 1, 18 * 60),
        (13 * 60, 1, 13 * 60),
        (5 * 60, 1, 6 * 60),
        (61, 1, 120),
        (14, 1, 20),
        (14, 5, 15),
        (200, 180, 360),
        (20 * 60, 2880, 2880),
    ],
)
def test_columns_of_a_raster_are_as_wide_as_rollups(step: int, period: int, wanted: int) -> None:
    assert _column_us(max(step, period) * MINUTE, period * MINUTE) == wanted * MINUTE
