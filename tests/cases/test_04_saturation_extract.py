"""Conductivity of the saturation extract is a variable: kept as what it is, never as that of the soil at a probe."""

from __future__ import annotations

from soilco2.storage.journal.reader import JournalReader
from tests.cases.tables import Field

TABLE = """\
time_utc,profile,position,variable,value,unit
2026-08-23T11:00:00Z,p1,d10,ece,1.84,mS/cm
2026-08-23T11:00:00Z,p1,d10,bulk_ec,0.31,mS/cm
"""


def test_it_is_kept_beside_bulk_conductivity(field: Field) -> None:
    field.brought(field.table("zl6.csv", TABLE))
    with JournalReader(field.folder / "journal.sqlite") as reader:
        kept = {row.series.variable: row.value for row in reader.observations(0, 2**62)}
    assert kept == {"ece": 1.84, "bulk_ec": 0.31}


def test_a_name_that_is_none_is_told_with_the_way_out(field: Field) -> None:
    said = field.brought(field.table("zl6.csv", TABLE.replace(",ece,", ",Saturation Extract EC,")), code=1)
    assert "variable 'Saturation Extract EC' is unknown" in said
    assert " ece," in said
    assert "[[variable]]" in said
