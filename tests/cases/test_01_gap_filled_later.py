"""Rows 01 f and g: a logger's table holds an empty place, a later table of the same logger the number.

Right values: what stands in the second table.
"""

from __future__ import annotations

import pytest

from tests.cases.node import Node

HEAD = "time_utc,profile,position,variable,value,unit\n"
GAP = (
    HEAD
    + """\
2026-04-11T07:30:00Z,p1,d10,co2,1180.4,ppm
2026-04-11T07:45:00Z,p1,d10,co2,NAN,ppm
2026-04-11T08:00:00Z,p1,d10,co2,,ppm
"""
)
FILLED = (
    HEAD
    + """\
2026-04-11T07:30:00Z,p1,d10,co2,1180.4,ppm
2026-04-11T07:45:00Z,p1,d10,co2,1187.9,ppm
2026-04-11T08:00:00Z,p1,d10,co2,1192.7,ppm
"""
)


@pytest.mark.parametrize("first", ["gap", "filled"])
def test_a_missing_value_never_keeps_a_number_out(desk: Node, first: str) -> None:
    if first == "gap":
        assert desk.bring("f.csv", GAP) == {
            "rows": 3,
            "stored": 3,
            "duplicate": 0,
            "conflict": 0,
            "rejected": 0,
        }
        assert [row[1] for row in desk.observations("co2")] == [1180.4, None, None]
        assert desk.bring("g.csv", FILLED) == {
            "rows": 3,
            "stored": 2,
            "duplicate": 1,
            "conflict": 0,
            "rejected": 0,
        }
    else:
        desk.bring("g.csv", FILLED)
        assert desk.bring("f.csv", GAP) == {
            "rows": 3,
            "stored": 0,
            "duplicate": 3,
            "conflict": 0,
            "rejected": 0,
        }
    assert [row[1:] for row in desk.observations("co2")] == [
        (1180.4, 1, ""),
        (1187.9, 1, ""),
        (1192.7, 1, ""),
    ]
    assert desk.parked() == []
