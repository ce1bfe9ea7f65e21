"""A barometer is imported at a depth, where nothing would ever look for it."""

from __future__ import annotations

import pytest

from tests.cases.tables import Field

HEAD = "time_utc,profile,position,variable,value,unit\n"


@pytest.mark.parametrize("place", ["p1,d10", "p1,", ",d10"])
def test_what_belongs_to_the_site_is_refused_elsewhere_with_the_way_out(field: Field, place: str) -> None:
    row = f"2026-11-29T02:00:00Z,{place},air_pressure,800,hPa\n"
    said = field.brought(field.table("barometer.csv", HEAD + row), code=1)
    assert "air_pressure belongs to the whole site" in said
    assert "write site as its profile and leave position empty" in said


def test_that_way_out_is_one(field: Field) -> None:
    text = (
        HEAD + "2026-11-29T02:00:00Z,site,,air_pressure,800,hPa\n2026-11-29T02:10:00Z,,,air_pressure,80,kPa\n"
    )
    field.brought(field.table("barometer.csv", text))
    rows = field.exported()
    assert [(row["profile"], row["value"]) for row in rows] == [("site", "800.0"), ("site", "800.0")]
