"""The documented columns lower, upper, method, period_s and stamp: what came in with them goes out with them."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from soilco2.storage.errors import TidyFileError
from soilco2.storage.tidy.reader import TidyReader
from tests.cases.tables import Field

INTERVALS = """\
time_utc,profile,position,depth_m,variable,value,unit,flag,lower,upper,method,period_s,stamp
2026-03-10T10:00:00Z,p1,d10,0.1,co2_flux,1.20,umol m-2 s-1,1,0.9,1.5,chamber LI-8100A,1800,end
2026-03-10T10:30:00Z,p1,d10,0.1,co2_flux,1.30,umol m-2 s-1,3,1.0,1.6,chamber LI-8100A,1800,end
2026-03-10T11:00:00Z,p1,d10,0.1,co2_flux,1.40,umol m-2 s-1,1,,,,,
"""
STAMPS = """\
time_utc,profile,position,variable,value,unit,period_s,stamp
2026-03-09T10:00:00Z,p1,d10,soil_temperature,11.0,degC,1800,start
2026-03-09T10:30:00Z,p1,d10,soil_temperature,11.2,degC,1800,start
2026-03-09T11:30:00Z,p1,d10,soil_temperature,11.4,degC,1800,end
"""


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("text", [INTERVALS, STAMPS], ids=["intervals", "two stamps"])
def test_export_import_export_is_the_same_table(field: Field, tmp_path: Path, text: str) -> None:
    field.brought(field.table("in.csv", text))
    field.exported()
    first = field.table("first.csv", (field.folder / "out.csv").read_bytes())
    again = tmp_path / "again"
    again.mkdir()
    other = Field(again, field.capsys)
    other.brought(first)
    other.exported()
    assert sha256(other.folder / "out.csv") == sha256(first)


def test_what_came_in_goes_out(field: Field) -> None:
    field.brought(field.table("in.csv", INTERVALS))
    rows = field.exported()
    names = ("value", "lower", "upper", "method", "period_s", "stamp")
    assert [tuple(row[name] for name in names) for row in rows] == [
        ("1.2", "0.9", "1.5", "chamber LI-8100A", "1800.0", "end"),
        ("1.3", "1.0", "1.6", "chamber LI-8100A", "1800.0", "end"),
        ("1.4", "", "", "", "", "instant"),
    ]
    assert [row["flag"] for row in rows][1] == "3"


def test_an_interval_is_converted_with_its_value(field: Field) -> None:
    head = "time_utc,profile,position,variable,value,unit,lower,upper\n"
    field.brought(field.table("in.csv", head + "2026-03-10T10:00:00Z,p1,d10,soil_water,12,%,11,13\n"))
    (row,) = field.exported()
    assert (row["value"], row["lower"], row["upper"]) == ("0.12", "0.11", "0.13")


@pytest.mark.parametrize(
    ("cells", "why"),
    [
        (",,,1800,middle", "stamp 'middle' is none of instant, start, end"),
        (",,,,end", "stamp 'end' needs period_s"),
        (",,,-5,", "period_s: -5 s is no time between values"),
        (",,,soon,", "period_s: value 'soon' is no number"),
        ("2,1,,,", "lower 2 lies above upper 1"),
        ("low,,,,", "lower: value 'low' is no number"),
    ],
)
def test_what_cannot_be_meant_is_refused(field: Field, cells: str, why: str) -> None:
    head, first, *_ = INTERVALS.splitlines()
    path = field.table("in.csv", f"{head}\n{first[: first.index(',1,0.9')]},1,{cells}\n")
    assert why in field.brought(path, code=1)


def test_a_table_in_place_of_a_station_is_refused_for_an_unknown_stamp(field: Field) -> None:
    with pytest.raises(TidyFileError, match="middle"):
        TidyReader(field.table("in.csv", STAMPS.replace("end", "middle")))


def test_the_same_row_with_another_interval_is_not_the_same(field: Field) -> None:
    field.brought(field.table("in.csv", INTERVALS))
    assert "3 duplicate" in field.brought(field.table("in.csv", INTERVALS))


@pytest.mark.parametrize("before", ["", "\n"], ids=["at once", "row by row"])
def test_a_table_in_place_of_a_station_keeps_what_its_rows_say(field: Field, before: str) -> None:
    reader = TidyReader(field.table("in.csv", before + STAMPS))
    pieces = list(reader.read([reader.series()[0].key]))
    assert [(len(one.times), one.period_s, one.stamp) for one in pieces] == [
        (2, 1800.0, "start"),
        (1, 1800.0, "end"),
    ]


def test_a_method_goes_from_table_to_table(field: Field) -> None:
    source = field.table("in.csv", INTERVALS)
    field.soilco2("export", source, "-o", field.folder / "copy.csv")
    said = (field.folder / "copy.csv").read_text(encoding="utf-8")
    assert said.count("chamber LI-8100A") == 2
    assert TidyReader(field.folder / "copy.csv").series()[0].method == "chamber LI-8100A"
