"""A row names a profile and leaves its position empty."""

from __future__ import annotations

from tests.cases.tables import Field


def test_an_empty_position_is_said_to_be_empty(field: Field) -> None:
    text = (
        "time_utc,profile,position,variable,value,unit\n2026-08-23T19:45:00Z,p1,,soil_temperature,24.1,°C\n"
    )
    said = field.brought(field.table("zl6.csv", text), code=1)
    assert "the cell of position is empty" in said
    assert "p1 has d05, d10" in said
    assert "is no position" not in said
