"""Files of loggers and networks as they come out of the field: drafted, imported with a mapping, right to the digit."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from tests.cases.tables import Field
from tests.cases.test_01_logger_files import FLUXNET, HOBOWARE, TOA5, ZENTRA

ZONE = 'timezone = "UTC+08:00"\n'


def column(name: str, variable: str, position: str = "p1/d10", unit: str = "") -> str:
    said = f"unit = '{unit}'\n" if unit else ""
    return f"[[column]]\ncolumn = '{name}'\nposition = '{position}'\nvariable = '{variable}'\n{said}"


def brought(field: Field, content: str | bytes, mapping: str, *options: str, code: int = 0) -> str:
    """What an import with a mapping says."""
    table = field.table("logger.dat", content)
    return field.brought(table, "--mapping", str(field.table("map.toml", mapping)), *options, code=code)


def found(field: Field) -> list[tuple[str, ...]]:
    """Time, position, variable, value and flag of what was exported."""
    return [
        (row["time_utc"], row["position"], row["variable"], row["value"], row["flag"])
        for row in field.exported()
    ]


def test_toa5_with_a_cut_last_line(field: Field) -> None:
    """15:30 at UTC+08:00 is 07:30Z."""
    text = (
        TOA5 + '"2026-04-11 15:45:00",4,"NAN",0.082\n"2026-04-11 16:00:00.5",5,1192.7,-7999\n"2026-04-11 16:1'
    )
    said = brought(field, text, ZONE + column("CO2_10cm_Avg", "co2") + column("VWC_10cm_Avg", "soil_water"))
    assert "logger.dat:8: the last line has no line end" in said
    assert "6 rows = 6 stored" in said
    assert found(field) == [
        ("2026-04-11T07:30:00Z", "d10", "co2", "1180.4", "1"),
        ("2026-04-11T07:45:00Z", "d10", "co2", "", "9"),
        ("2026-04-11T08:00:00.500000Z", "d10", "co2", "1192.7", "1"),
        ("2026-04-11T07:30:00Z", "d10", "soil_water", "0.081", "1"),
        ("2026-04-11T07:45:00Z", "d10", "soil_water", "0.082", "1"),
        ("2026-04-11T08:00:00.500000Z", "d10", "soil_water", "", "9"),
    ]


def test_an_import_with_a_mapping_is_taken_back_and_given_again(field: Field) -> None:
    mapping = ZONE + column("CO2_10cm_Avg", "co2")
    brought(field, TOA5, mapping)
    assert "1 duplicate" in brought(field, TOA5, mapping)
    field.soilco2("import", field.station, "--undo", "2")
    field.soilco2("import", field.station, "--undo", "1")
    assert found(field)[0][3:] == ("", "9")
    field.soilco2("import", field.station, "--redo", "1")
    assert found(field)[0][3:] == ("1180.4", "1")


def test_hoboware_with_its_zone_and_events(field: Field) -> None:
    """11:52:42 AM seven hours behind UTC is 18:52:42Z; 61.2 °F is 146/9 °C (NIST SP 811, B.8)."""
    text = HOBOWARE.replace('soil 10)"', 'soil 10)","Host Connected (LGR S/N: 1045221)"').replace(
        "61.20", "61.20,"
    )
    text += "2,05/25/26 12:24:42 PM,,Logged\n3,05/25/26 12:30:00 PM,61.20,Logged\n"
    said = brought(field, "\ufeff" + text, column("2", "soil_temperature").replace("'2'", "3"))
    assert "2 rows = 2 stored" in said
    rows = found(field)
    assert [row[0] for row in rows] == ["2026-05-25T18:52:42Z", "2026-05-25T19:30:00Z"]
    assert float(rows[0][3]) == pytest.approx(146 / 9, abs=1e-12)


@pytest.mark.parametrize(
    ("time", "utc"),
    [
        ("05/25/26 11:52:42 fm", "18:52:42"),
        ("05/25/26 01:24:42 em", "20:24:42"),
        ("05/25/26 下午 01:24:42", "20:24:42"),
        ("05/25/26 12:00:05 AM", "07:00:05"),
        ("5/25/2026 13:24", "20:24:00"),
        ("25.05.2026 13:24:42", "20:24:42"),
        ("2026/5/25 13:24", "20:24:00"),
    ],
)
def test_hoboware_of_other_computers_and_of_a_spreadsheet(field: Field, time: str, utc: str) -> None:
    said = brought(
        field,
        HOBOWARE.replace("05/25/26 11:52:42 AM", time),
        column("x", "soil_temperature").replace("'x'", "3"),
    )
    assert "1 stored" in said
    assert found(field)[0][0] == f"2026-05-25T{utc}Z"


def test_a_bad_time_among_good_ones_costs_its_row(field: Field) -> None:
    text = HOBOWARE + "2,05/25/26 12:52:42 XM,61.20\n3,05/25/26 01:52:42 PM,61.20\n"
    said = brought(field, text, column("x", "soil_temperature").replace("'x'", "3"), code=1)
    assert "logger.dat:4: time '05/25/26 12:52:42 XM' is no time of this format" in said
    assert [row[0] for row in found(field)] == ["2026-05-25T18:52:42Z", "2026-05-25T20:52:42Z"]


def test_day_and_month_that_cannot_be_told_apart_are_asked_for(field: Field) -> None:
    mapping = column("x", "soil_temperature").replace("'x'", "3")
    text = HOBOWARE.replace("05/25/26 11:52:42 AM", "05/06/26 11:52:42")
    said = brought(field, text, mapping, code=2)
    assert "day and month of '05/06/26 11:52:42' cannot be told apart" in said
    brought(field, text, 'time_format = "%d/%m/%y %H:%M:%S"\n' + mapping)
    assert found(field)[0][0] == "2026-06-05T18:52:42Z"


def test_zentra(field: Field) -> None:
    """07:00 PM at UTC+08:00 is 11:00Z."""
    text = ZENTRA + "08/23/2026 07:15:00 PM,#N/A,24.0,100\n"
    mapping = ZONE + column("Port 1 TEROS 12 Water Content", "soil_water")
    mapping += column("Port 1 TEROS 12 Soil Temperature", "soil_temperature")
    brought(field, text, mapping)
    assert [row[:1] + row[2:] for row in found(field)] == [
        ("2026-08-23T11:00:00Z", "soil_temperature", "24.1", "1"),
        ("2026-08-23T11:15:00Z", "soil_temperature", "24.0", "1"),
        ("2026-08-23T11:00:00Z", "soil_water", "0.121", "1"),
        ("2026-08-23T11:15:00Z", "soil_water", "", "9"),
    ]


def test_fluxnet_in_local_standard_time(field: Field) -> None:
    """02:00 at UTC-07:00 is 09:00Z, in the hour that summer time leaves out; 8.1 % is 0.081 m³/m³."""
    text = FLUXNET + "202603080200,202603080230,11.38,-9999,88.30\n"
    mapping = 'timezone = "UTC-07:00"\n' + column("TS_1_1_1", "soil_temperature")
    mapping += column("SWC_1_1_1", "soil_water") + column("PA", "air_pressure", "site")
    brought(field, text, mapping)
    rows = field.exported()
    assert [(row["time_utc"], row["variable"], row["value"]) for row in rows] == [
        ("2026-03-08T09:00:00Z", "soil_temperature", "11.42"),
        ("2026-03-08T09:30:00Z", "soil_temperature", "11.38"),
        ("2026-03-08T09:00:00Z", "soil_water", "0.081"),
        ("2026-03-08T09:30:00Z", "soil_water", ""),
        ("2026-03-08T09:00:00Z", "air_pressure", "883.1"),
        ("2026-03-08T09:30:00Z", "air_pressure", "883.0"),
    ]
    assert {(float(row["period_s"]), row["stamp"]) for row in rows} == {(1800, "end")}


def test_water_of_icos_that_may_be_a_fraction_asks_for_its_unit(field: Field) -> None:
    mapping = ZONE + column("SWC_1_1_1", "soil_water")
    text = FLUXNET.replace(",8.1,", ",0.081,")
    assert "the header says no unit" in brought(field, text, mapping, code=2)
    brought(field, text, mapping + "unit = 'm3/m3'\n")
    assert found(field)[0][3] == "0.081"


def test_any_table_by_its_mapping(field: Field) -> None:
    text = "Station;Dune\nDatum;Zeit;CO2 10cm;Tb\n;;[ppm];[°C]\n"
    text += "30.11.2025;12:30:00;812,5;14,25\n30.11.2025;13:00:00;-99;1.4\n"
    mapping = (
        ZONE + 'format = "table"\nheader_line = 2\nunit_line = 3\ntime = ["Datum", "Zeit"]\ndecimal = ","\n'
        'time_format = "%d.%m.%Y %H:%M:%S"\nmissing = [-99]\n'
        + column("CO2 10cm", "co2") + column("Tb", "soil_temperature")
    )  # fmt: skip
    said = brought(field, text, mapping, code=1)
    assert "logger.dat:5: column Tb: '1.4' is no number" in said
    assert [row[:1] + row[2:] for row in found(field)] == [
        ("2025-11-30T04:30:00Z", "co2", "812.5", "1"),
        ("2025-11-30T05:00:00Z", "co2", "", "9"),
        ("2025-11-30T04:30:00Z", "soil_temperature", "14.25", "1"),
    ]


def fp2(values: list[str]) -> str:
    """TOA5 with these values of CO2, a minute apart."""
    head = TOA5.splitlines(keepends=True)[:4]
    rows = [f'"2026-04-11 {n // 60:02}:{n % 60:02}:00",{n},{v},0.081\n' for n, v in enumerate(values)]
    return "".join([*head, *rows])


def test_gaps_of_a_column_that_fp2_cannot_hold_are_high_values(field: Field) -> None:
    """FP2 has 13 bits for the number: nothing above 7999, whole numbers from 800 on (LoggerNet manual, appendix)."""
    rise = [f"{400.5 + n}" for n in range(30)] + [f"{800 + 120 * n}" for n in range(59)]
    said = brought(
        field,
        fp2([*rise, "7999", '"NAN"', "INF", "7600", "900", '"NAN"', "905"]),
        ZONE + column("CO2_10cm_Avg", "co2"),
    )
    assert "column CO2_10cm_Avg has whole numbers above 800 and none above 7999" in said
    rows = field.exported()[len(rise) :]
    assert [(row["value"], row["flag"]) for row in rows] == [
        ("7999.0", "3"), ("7999.0", "3"), ("7999.0", "3"), ("7600.0", "1"), ("900.0", "1"), ("", "9"), ("905.0", "1"),
    ]  # fmt: skip


def test_gaps_of_a_column_with_decimals_are_missing(field: Field) -> None:
    rise = [f"{800.5 + 120 * n}" for n in range(59)]
    brought(field, fp2([*rise, '"NAN"', "7990.5"]), ZONE + column("CO2_10cm_Avg", "co2"))
    assert field.exported()[len(rise)]["flag"] == "9"


def mappings() -> Iterator[tuple[str, str, str]]:
    good = column("CO2_10cm_Avg", "co2")
    yield "no zone", good, "does not say in which zone its times are"
    yield (
        "no such column",
        ZONE + column("CO2", "co2"),
        "names no column of the file; it has RECORD, CO2_10cm_Avg",
    )
    yield "two for one", ZONE + good + column("VWC_10cm_Avg", "co2"), ":8: column[2].position"
    yield "one twice", ZONE + good + column("CO2_10cm_Avg", "soil_water"), "column[2].column"
    yield "no such place", ZONE + column("CO2_10cm_Avg", "co2", "p1/d11"), "no such position; did you mean"
    yield "no such unit", ZONE + column("CO2_10cm_Avg", "co2", unit="kg"), "unit 'kg' does not fit co2"
    yield "unit of the file", ZONE + column("VWC_10cm_Avg", "co2"), "unit 'm^3/m^3' does not fit co2"
    yield (
        "summer time",
        'timezone = "Europe/Berlin"\n' + good,
        "the clocks of Europe/Berlin are changed in summer",
    )
    yield "unknown key", ZONE + good + "uint = 'ppm'\n", "did you mean 'unit'"
    yield "another format", ZONE + 'format = "ZENTRA"\n' + good, "is no ZENTRA file by its content"
    yield "nothing", ZONE, "at least one [[column]] is expected"


@pytest.mark.parametrize(
    ("mapping", "said"), [(m, s) for _, m, s in mappings()], ids=[n for n, _, _ in mappings()]
)
def test_a_mapping_that_cannot_be_is_refused_in_a_sentence(field: Field, mapping: str, said: str) -> None:
    assert said in brought(field, TOA5, mapping, code=2)


@pytest.mark.parametrize(
    "text", [TOA5, HOBOWARE, ZENTRA, FLUXNET], ids=["TOA5", "HOBOware", "ZENTRA", "FLUXNET"]
)
def test_a_draft_is_a_mapping_once_its_columns_are_placed(field: Field, text: str) -> None:
    path = field.table("logger.dat", text)
    said = field.brought(path, "--draft", str(field.folder / "map.toml"))
    assert "columns guessed" in said
    draft = (field.folder / "map.toml").read_text(encoding="utf-8")
    whole = draft.replace("\n# [[", "\n[[").replace("\n# column", "\n column").replace("\n# pos", "\n pos")
    rows = tomllib.loads(whole.replace("\n# variable", "\n variable").replace("\n# unit", "\n unit"))[
        "column"
    ]
    told = {row["variable"] for row in rows}
    assert told & {"co2", "soil_temperature", "soil_water"}
    if text == TOA5:
        field.brought(path, "--mapping", str(field.folder / "map.toml"))
        assert {(row[1], row[2], row[3]) for row in found(field)} == {
            ("d10", "co2", "1180.4"), ("d10", "soil_water", "0.081"),
        }  # fmt: skip


def test_a_draft_never_writes_over_a_file(field: Field) -> None:
    path = field.table("logger.dat", TOA5)
    assert "is there already" in field.brought(path, "--draft", str(path), code=2)


def test_the_mapping_of_a_connection_serves_an_import(field: Field, tmp_path: Path) -> None:
    watched = '[[connection]]\nid = "cr1000"\nkind = "logger-file"\npath = "away/*.dat"\n' + ZONE
    watched += column("CO2_10cm_Avg", "co2").replace("[[column]]", "[[connection.column]]")
    field.station.write_text(field.station.read_text(encoding="utf-8") + watched, encoding="utf-8")
    field.brought(field.table("old.dat", TOA5), "--mapping", "cr1000")
    assert found(field)[0][3] == "1180.4"
    assert "did you mean 'cr1000'" in field.brought(
        field.table("old.dat", TOA5), "--mapping", "cr100", code=2
    )


def test_rows_of_one_chamber_among_several(field: Field) -> None:
    """COSORE's names; 04:30 at UTC-07:00 is 11:30Z."""
    text = (
        "CSR_PORT,CSR_TIMESTAMP_BEGIN,CSR_TIMESTAMP_END,CSR_FLUX_CO2,CSR_T5\n"
        "1,2026-04-11 04:28:00,2026-04-11 04:30:00,1.25,14.5\n2,2026-04-11 04:33:00,2026-04-11 04:35:00,2.5,14.75\n"
    )
    mapping = 'timezone = "UTC-07:00"\n' + column("CSR_FLUX_CO2", "co2_flux") + "where = { CSR_PORT = 2 }\n"
    mapping += column("CSR_FLUX_CO2", "co2_flux", "p1/d05") + "where = { CSR_PORT = 1 }\n"
    brought(field, text, mapping)
    assert [(row[0], row[1], row[3]) for row in found(field)] == [
        ("2026-04-11T11:30:00Z", "d05", "1.25"),
        ("2026-04-11T11:35:00Z", "d10", "2.5"),
    ]
    wrong = mapping.replace("where = { CSR_PORT = 2 }", "where = { PORT = 2 }")
    assert "where: column PORT is not in the file" in brought(field, text, wrong, code=2)


def test_ismn(field: Field) -> None:
    """Header and values: rows in UTC; variable and unit are the mapping's."""
    text = "SCAN SCAN AAMU-jtg 34.78333 -86.55000 189.00 0.05 0.05 Hydraprobe-Analog-(2.5-Volt)\n"
    text += "2005/03/16 00:00    0.1030 U M\n2005/03/16 01:00   -9999.0 C01 M\n"
    brought(field, text, column("value", "soil_water", unit="m3/m3"))
    assert [(row[0], row[3], row[4]) for row in found(field)] == [
        ("2005-03-16T00:00:00Z", "0.103", "1"), ("2005-03-16T01:00:00Z", "", "9"),
    ]  # fmt: skip


def test_a_name_that_is_no_text_is_refused_in_a_sentence(field: Field) -> None:
    path = field.folder / os.fsdecode(b"ab\nsurd\xff.dat")
    path.write_text(TOA5, encoding="utf-8")
    for options in (["--mapping", str(field.table("map.toml", ZONE + column("CO2_10cm_Avg", "co2")))], []):
        assert "a name that is no text: 'ab\\nsurd\\udcff.dat'; rename it" in field.brought(
            path, *options, code=2
        )


@pytest.mark.parametrize(
    "content", [b"", bytes(range(256)) * 40, b"\x1f\x8b" + b"\xff" * 99, TOA5[:150].encode()]
)
def test_what_is_no_file_of_a_logger_is_refused_in_a_sentence(field: Field, content: bytes) -> None:
    said = brought(field, content, ZONE + column("CO2_10cm_Avg", "co2"), code=2)
    (line,) = said.strip().splitlines()
    assert "logger.dat:" in line


def test_units_of_a_file_are_turned_to_the_last_digit(field: Field) -> None:
    """61.42 °F is (61.42 - 32) · 5 / 9 °C; by `decimal`, of the digits."""
    numbers = [f"{n / 100:.2f}" for n in range(5000, 8000, 37)]
    rows = [f"{n},05/25/26 {1 + n // 60:02}:{n % 60:02}:00 PM,{text}\n" for n, text in enumerate(numbers)]
    head = "".join(HOBOWARE.splitlines(keepends=True)[:2])
    brought(field, head + "".join(rows), column("x", "soil_temperature").replace("'x'", "3"))
    assert [float(row[3]) for row in found(field)] == [
        float((Decimal(text) - 32) * 5 / 9) for text in numbers
    ]


def test_a_tidy_table_is_turned_to_the_last_digit(field: Field) -> None:
    head = "time_utc,profile,position,variable,value,unit,lower,upper,period_s,stamp\n"
    rows = [
        f"2026-03-01T00:{n:02}:00Z,p1,d10,soil_water,{8.1 + n / 10:.1f},%,6.9,28.7,60,end\n"
        for n in range(60)
    ]
    field.brought(field.table("tidy.csv", head + "".join(rows)))
    told = field.exported()
    assert [row["value"] for row in told] == [str(float(Decimal(81 + n) / 1000)) for n in range(60)]
    assert {(row["lower"], row["upper"]) for row in told} == {("0.069", "0.287")}


def test_a_column_that_the_file_lacks_is_parked_with_its_reason(field: Field) -> None:
    mapping = ZONE + column("CO2_10cm_Avg", "co2") + column("VWC_10", "soil_water")
    said = brought(field, TOA5, mapping, code=1)
    assert (
        "logger.dat:1: column VWC_10 of the mapping is not in the file, which has RECORD, CO2_10cm_Avg"
        in said
    )
    assert len(found(field)) == 1
    assert "VWC_10" in field.soilco2("parked", "list", field.station)


SECOND = """\
[[profile]]
id = "dune2"
[[profile.position]]
id = "a"
depth_m = 0.10
"""


def test_a_draft_leaves_open_which_of_two_profiles_is_meant(field: Field) -> None:
    field.station.write_text(field.station.read_text(encoding="utf-8") + SECOND, encoding="utf-8")
    head = TOA5.replace("VWC_10cm_Avg", "VWC_dune2_10cm_Avg")
    field.brought(field.table("logger.dat", head), "--draft", str(field.folder / "map.toml"))
    draft = (field.folder / "map.toml").read_text(encoding="utf-8")
    assert '# position = "dune2/a"  # it may be any of dune2/a, p1/d10' in draft
    (row,) = tomllib.loads(draft)["column"]
    assert (row["column"], row["position"]) == ("VWC_dune2_10cm_Avg", "dune2/a")


def test_a_draft_that_placed_nothing_says_what_to_do_and_speaks_the_language(field: Field) -> None:
    said = field.brought(field.table("logger.dat", HOBOWARE), "--draft", str(field.folder / "map.toml"))
    assert "0 of 1 columns guessed; take the # away" in said
    field.brought(field.table("toa5.dat", TOA5), "--draft", str(field.folder / "zh.toml"), "--lang", "zh")
    remarks = [
        line
        for line in (field.folder / "zh.toml").read_text(encoding="utf-8").splitlines()
        if line[:2] == "# "
    ]
    assert remarks
    assert all(re.search("[\u4e00-\u9fff]", line) for line in remarks)


def test_check_shows_which_column_goes_where(field: Field) -> None:
    watched = '[[connection]]\nid = "cr1000"\nkind = "logger-file"\npath = "away/*.dat"\n' + ZONE
    rows = column("CO2_10cm_Avg", "co2", unit="ppm") + column("VWC_10cm_Avg", "soil_water")
    watched += rows.replace("[[column]]", "[[connection.column]]")
    field.station.write_text(field.station.read_text(encoding="utf-8") + watched, encoding="utf-8")
    told = [line.split() for line in field.soilco2("check", field.station).splitlines()]
    assert ["CO2_10cm_Avg", "p1/d10/co2", "ppm"] in told
    assert ["VWC_10cm_Avg", "p1/d10/soil_water", "as", "the", "file", "says"] in told


def test_the_daily_summary_of_an_li_8250(field: Field) -> None:
    """Three lines of header and DATE, TIME as LI-COR's pages on its data files say; 10:15 at UTC+08:00 is 02:15Z."""
    text = (
        "LI-8250,LI-8250,LI-8250,LI-870,LI-870,LI-8250\nDATE,TIME,PORT,FCO2_DRY,T_CELL,T_CELL\n"
        "YYYYMMDD,HHMMSS,,nmol m-2 s-1,C,C\n20260411,101500,1,1830.5,51.2,24.5\n20260411,102000,2,2210,51.2,24.5\n"
        "2026-04-11,10:25:00,1,NaN,51.2,24.5\n"
    )
    mapping = ZONE + column("FCO2_DRY", "co2_flux") + "where = { PORT = 1 }\n"
    mapping += column("LI-8250 T_CELL", "air_temperature", "site")
    brought(field, text, mapping)
    rows = [(row[0], row[2], row[3]) for row in found(field)]
    assert [row for row in rows if row[1] == "co2_flux"] == [
        ("2026-04-11T02:15:00Z", "co2_flux", "1.8305"), ("2026-04-11T02:25:00Z", "co2_flux", ""),
    ]  # fmt: skip
    assert [row[2] for row in rows if row[1] == "air_temperature"] == ["24.5"] * 3


def test_observations_of_an_li_8100a_are_told_what_they_are(field: Field) -> None:
    text = "LI-8100A:\tDune\nFile Name:\tx\n"
    assert "export a summary from SoilFluxPro" in brought(
        field, text, ZONE + column("Flux", "co2_flux"), code=2
    )
