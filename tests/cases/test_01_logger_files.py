"""Files of loggers and networks that are no tidy tables: each is called by its name, with the way out in one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cases.tables import Field

TOA5 = """\
"TOA5","Dune2","CR1000X","20411","CR1000X.Std.06.01","CPU:soil_v3.CR1X","41277","SoilProfile"
"TIMESTAMP","RECORD","CO2_10cm_Avg","VWC_10cm_Avg"
"TS","RN","ppm","m^3/m^3"
"","","Avg","Avg"
"2026-04-11 15:30:00",3,1180.4,0.081
"""
HOBOWARE = """\
"Plot Title: Dune station"
"#","Date Time, GMT-07:00","Temp, °F (LGR S/N: 1045221, SEN S/N: 1045221, LBL: soil 10)"
1,05/25/26 11:52:42 AM,61.20
"""
ZENTRA = """\
z6-00000,Port 1,Port 1,Port 7
Records: 4,TEROS 12,TEROS 12,Battery
Timestamps, m³/m³ Water Content, °C Soil Temperature, % Battery Percent
08/23/2026 07:00:00 PM,0.121,24.1,100
"""
FLUXNET = """\
# Site: XX-Dun
# Version: 1-5
TIMESTAMP_START,TIMESTAMP_END,TS_1_1_1,SWC_1_1_1,PA
202603080130,202603080200,11.42,8.1,88.31
"""
TOB1 = b'"TOB1","Dune2","CR1000","20411"\r\n"SECONDS","NANOSECONDS","RECORD","CO2"\r\n'
FILES = {
    "TOA5": TOA5,
    "HOBOware": "\ufeff" + HOBOWARE,
    "ZENTRA": ZENTRA,
    "FLUXNET": FLUXNET,
    "TOB1": TOB1 + b"\x00\xab\x90A\x00\x00\x00\x00\x2e\x18\xff\xfe",
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_of_another_system_is_called_by_its_name(field: Field, name: str) -> None:
    said = field.brought(field.table("logger.dat", FILES[name]), code=2)
    (line,) = said.strip().splitlines()
    assert name in line
    assert "docs/reference/tidy_table.md" in line
    assert "UTF-8" not in line
    assert "missing" not in line


def test_the_zone_in_the_head_of_a_file_is_told_as_an_option(field: Field) -> None:
    assert "--timezone GMT-07:00" in field.brought(field.table("hobo.csv", HOBOWARE), code=2)


@pytest.mark.parametrize("name", ["TOA5", "ZENTRA", "FLUXNET"])
def test_a_file_that_names_no_zone_is_to_be_given_one(field: Field, name: str) -> None:
    said = field.brought(field.table("logger.dat", FILES[name]), code=2)
    assert "nor in which zone its times are" in said
    assert "import that with --timezone" in said


def test_a_tidy_table_with_such_words_in_it_is_one(field: Field) -> None:
    head = "time_utc,profile,position,variable,value,unit,TIMESTAMP_START,note\n"
    row = "2026-03-01T00:00:00Z,p1,d10,co2,400,ppm,x,TOA5 Plot Title:\n"
    field.brought(field.table("tidy.csv", head + row))
    assert len(field.exported()) == 1


@pytest.mark.parametrize("zone", ["GMT-07:00", "UTC-7", "UTC-07:00", "-07:00", "-0700", "gmt-7"])
def test_an_offset_is_taken_as_people_write_it(field: Field, zone: str) -> None:
    """11:52:42 seven hours behind UTC is 18:52:42Z."""
    text = "time_local,profile,position,variable,value,unit\n2026-05-25 11:52:42,p1,d10,soil_temperature,61.20,°F\n"
    field.brought(field.table("hobo.csv", text), "--timezone", zone)
    assert [row["time_utc"] for row in field.exported()] == ["2026-05-25T18:52:42Z"]


@pytest.mark.parametrize("zone", ["UTC+25", "GMT-7:77", "Mars"])
def test_a_zone_that_is_none_is_refused_without_a_name_whose_sign_is_reversed(
    field: Field, zone: str
) -> None:
    text = "time_local,profile,position,variable,value,unit\n"
    said = field.brought(field.table("hobo.csv", text), "--timezone", zone, code=2)
    assert "UTC+08:00" in said
    assert "Etc/" not in said


def test_no_page_recommends_such_a_name() -> None:
    docs = Path(__file__).parents[2] / "docs"
    assert not [path for path in docs.rglob("*.md") if "Etc/GMT" in path.read_text(encoding="utf-8")]
