"""Tidy tables in: what is read, and what every wrong table is answered with."""

from __future__ import annotations

import gzip
import json
import math
import re
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from soilco2.quality.records import SeriesKey
from soilco2.station_config.message import Message, translate
from soilco2.storage.errors import SourceError, StorageError, TidyFileError
from soilco2.storage.open import open_reader
from soilco2.storage.tidy.reader import TidyReader
from soilco2.storage.tidy.rows import Place, TidyFault, TidyRow, read_tidy_rows
from soilco2.storage.tidy.text import LONGEST_LINE, open_binary
from soilco2.storage.tidy.times import parse_time

MARCH = 1_772_323_200_000_000  # 2026-03-01T00:00:00Z: date -u -d 2026-03-01 +%s gives 1772323200
HEAD = "time_utc,profile,position,depth_m,variable,value,unit,flag\n"
SHANGHAI = ZoneInfo("Asia/Shanghai")
BERLIN = ZoneInfo("Europe/Berlin")
HAN = re.compile(r"[\u4e00-\u9fff]")


def table(folder: Path, text: str | bytes, name: str = "t.csv") -> Path:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def rows(path: Path, zone: ZoneInfo | None = None) -> list[TidyRow | TidyFault]:
    return list(read_tidy_rows(path, zone))


def row(when: str = "2026-03-01T00:00:00Z", value: str = "412.5", unit: str = "ppm", variable: str = "co2",
        flag: str = "1") -> str:  # fmt: skip
    return f"{when},p1,d10,0.1,{variable},{value},{unit},{flag}\n"


GOOD = TidyRow(2, MARCH, Place("", "p1", "d10", 0.1, "co2"), 412.5, 1)


def test_a_row(tmp_path: Path) -> None:
    assert rows(table(tmp_path, HEAD + row())) == [GOOD]


@pytest.mark.parametrize(
    "data",
    [
        (HEAD + row()).encode("utf-8-sig"),
        (HEAD + row()).encode("utf-16"),
        (HEAD + row()).replace("\n", "\r\n").encode(),
        (HEAD + row()).replace("\n", "\r").encode(),
        (HEAD + row()).rstrip("\n").encode(),
        (HEAD + row()).replace(",", ";").encode(),
        (HEAD + row()).replace(",", "\t").encode(),
        HEAD.upper().encode() + row().encode(),
        (HEAD + row()).replace("p1", '"p1"').encode(),
        (HEAD.strip() + ",,\n" + row().strip() + ",,\n" + ",,,,,,,,,\n").encode(),
        gzip.compress((HEAD + row()).encode()),
    ],
    ids=["mark", "utf-16", "windows", "macintosh", "no last newline", "semicolon", "tab", "capitals",
         "quoted", "spreadsheet's empty cells", "gzip"],
)  # fmt: skip
def test_the_same_table_in_other_clothes(tmp_path: Path, data: bytes) -> None:
    path = table(tmp_path, data)
    assert rows(path) == [GOOD]
    (piece,) = TidyReader(path).read([SeriesKey("station", "p1", "d10", "co2")])
    assert (list(piece.times), list(piece.values), list(piece.flags)) == ([MARCH], [412.5], [1])


def test_a_spreadsheet_that_names_its_delimiter(tmp_path: Path) -> None:
    (found,) = rows(table(tmp_path, "sep=;\n" + (HEAD + row()).replace(",", ";")))
    assert found == GOOD._replace(line=3)


def test_gb18030(tmp_path: Path) -> None:
    text = (HEAD + row(variable="soil_temperature", unit="℃", value="12.5")).replace("p1", "剖面一")
    (found,) = rows(table(tmp_path, text.encode("gb18030")))
    assert isinstance(found, TidyRow)
    assert found.place == Place("", "剖面一", "d10", 0.1, "soil_temperature")


@pytest.mark.parametrize(
    ("value", "unit", "variable", "expected"),
    # hand calculation from the definitions of the units
    [("293.15", "K", "soil_temperature", 20.0), ("25", "%", "soil_water", 0.25),
     ("101.325", "kPa", "air_pressure", 1013.25),
     ("1000", "uS/cm", "bulk_ec", 1.0), ("0.04", "%", "co2", 400.0)],
)  # fmt: skip
def test_units_are_converted(tmp_path: Path, value: str, unit: str, variable: str, expected: float) -> None:
    path = table(tmp_path, HEAD + row(value=value, unit=unit, variable=variable))
    (found,) = rows(path)
    assert isinstance(found, TidyRow)
    assert found.value == pytest.approx(expected, rel=1e-12)
    (piece,) = TidyReader(path).read([SeriesKey("station", "p1", "d10", variable)])
    assert piece.values[0] == found.value


@pytest.mark.parametrize("text", ["", "NaN", "nan", "NA", "null"])
def test_a_missing_value_is_a_row(tmp_path: Path, text: str) -> None:
    path = table(tmp_path, HEAD + row(value=text, flag="9"))
    (found,) = rows(path)
    assert isinstance(found, TidyRow)
    assert found.value is None
    (piece,) = TidyReader(path).read([SeriesKey("station", "p1", "d10", "co2")])
    assert math.isnan(piece.values[0])


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (row("2026-03-01T00:00:00"), "no zone"),
        (row("2026/3/1 8:00"), "no zone"),
        (row("46082.3333"), "day number"),
        (row("01.03.2026 08:00"), "is no time"),
        (row("2026-02-29T00:00:00Z"), "is no time"),
        (row(""), "is no time"),
        (row("20260301"), "no date with a time"),
        (row(value="12;5"), "no number"),
        (row(value='"12,5"'), "comma"),
        (row(value="12,5"), "a decimal comma"),
        (row(value="1_000"), "no number"),
        (row(value="inf"), "not finite"),
        (row(value="-1e999"), "not finite"),
        (row(value="#DIV/0!"), "no number"),
        (row(value="=A1*2"), "formula"),
        (row(value="\x00"), "NUL"),
        (row(value="four hundred"), "no number"),
        (row(unit="furlong"), "furlong"),
        (row(unit=""), "unit"),
        (row(variable="co3"), "co3"),
        (row(flag="7"), "flag '7'"),
        (row().replace("0.1", "shallow"), "depth_m"),
        (row().replace(",1\n", "\n"), "7 cells where the header has 8"),
        (row().replace("412.5", "412.5,9"), "9 cells"),
        (row().replace("p1", '"p1'), "quoted cell"),
        (row(value="9" * 1_000_000), f"longer than {LONGEST_LINE}"),
        (row(value="9" * 400), "not finite"),
    ],
)
def test_a_bad_row_is_a_fault_with_its_line_and_the_rest_goes_on(
    tmp_path: Path, line: str, words: str
) -> None:
    path = table(tmp_path, HEAD + row() + line + row("2026-03-01T00:10:00Z"))
    first, second, third = rows(path)
    assert first == GOOD
    assert isinstance(second, TidyFault)
    assert second.line == 3
    assert words in second.reason
    assert HAN.search(translate(second.reason, "zh")), second.reason
    assert len(second.text) <= 2000
    assert isinstance(third, TidyRow)
    assert (third.line, third.time_us) == (4, MARCH + 600_000_000)
    with pytest.raises(TidyFileError, match=r"t\.csv:3: "):
        TidyReader(path)


def test_file_line_column_and_what_is_wrong_are_one_sentence_in_chinese(tmp_path: Path) -> None:
    """A name of a file that is a word of the program stays a name."""
    with pytest.raises(TidyFileError) as caught:
        TidyReader(table(tmp_path, HEAD + row() + row("none"), "nothing.csv"))
    assert translate(str(caught.value), "zh") == (
        f"{tmp_path}/nothing.csv:3: 时间 'none' 无法识别；应如 2026-03-01T00:00:00Z"
    )
    in_column = TidyFileError("a.csv", Message("a time is missing"), 3, "time_utc")
    assert str(in_column) == "a.csv:3: column time_utc: a time is missing"
    assert translate(str(in_column), "zh") == "a.csv:3：列 time_utc：缺少时间"
    assert str(TidyFileError("a.csv", Message("a time is missing"))) == "a.csv: a time is missing"


def test_a_line_without_end_in_bounded_memory(tmp_path: Path) -> None:
    import tracemalloc

    path = tmp_path / "t.csv.gz"
    with gzip.open(path, "wb", 1) as file:
        file.write((HEAD + row()).encode())
        for _ in range(200):
            file.write(b"9" * 1_000_000)
        file.write(b"\n" + row("2026-03-01T00:10:00Z").encode())
    tracemalloc.start()
    found = rows(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [type(r) for r in found] == [TidyRow, TidyFault, TidyRow]
    assert found[2].line == 4
    assert peak < 20e6


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "empty"),
        ("\n\n", "empty"),
        ("time_utc,variable,value\n", "column unit is missing"),
        ("variable,value,unit\n", "column time_utc is missing"),
        ("time_utc,variable,value,unit,unit\n", "more than once"),
        ("time_utc,time,variable,value,unit\n", "more than one of"),
        (HEAD.encode("utf-16-le"), "NUL"),
        (b"PK\x03\x04\x14\x00", "spreadsheet"),
        (b"\x89PNG\r\n\x1a\n\x00\xff\xff", "neither UTF-8 nor GB18030"),
        (gzip.compress(HEAD.encode())[:-6], "cannot be read"),
        ("x" * 1_000_000, "longer than"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_tidy_table(tmp_path: Path, text: str | bytes, words: str) -> None:
    path = table(tmp_path, text)
    with pytest.raises(TidyFileError, match=r"t\.csv") as caught:
        rows(path)
    assert words in str(caught.value)
    assert HAN.search(translate(str(caught.value), "zh")), caught.value
    with pytest.raises(TidyFileError):
        open_reader(path)


def test_local_times_with_the_zone_given(tmp_path: Path) -> None:
    path = table(tmp_path, HEAD + row("2026-03-01T08:00:00") + row("2026/3/1 8:10") + row("2026-03-01 08:20"))
    assert [r.time_us for r in rows(path, SHANGHAI) if isinstance(r, TidyRow)] == [
        MARCH, MARCH + 600_000_000, MARCH + 1_200_000_000,
    ]  # fmt: skip
    (piece,) = TidyReader(path, SHANGHAI).read([SeriesKey("station", "p1", "d10", "co2")])
    assert list(piece.times) == [MARCH, MARCH + 600_000_000, MARCH + 1_200_000_000]


def test_hours_that_a_clock_change_repeats_or_leaves_out_are_not_guessed() -> None:
    # Europe/Berlin 2026: 29 March 02:00 -> 03:00, 25 October 03:00 -> 02:00
    with pytest.raises(ValueError, match="does not exist"):
        parse_time("2026-03-29T02:30:00", BERLIN)
    with pytest.raises(ValueError, match="comes twice"):
        parse_time("2026-10-25T02:30:00", BERLIN)
    assert parse_time("2026-10-25T02:30:00+02:00", BERLIN) == parse_time("2026-10-25T00:30:00Z", None)


def test_leap_day_and_times_before_1970() -> None:
    assert parse_time("2024-02-29T00:00:00Z", None) == 1_709_164_800_000_000  # date -u -d 2024-02-29 +%s
    assert parse_time("1969-12-31T23:59:59.999999Z", None) == -1


def test_times_in_any_order_and_twice(tmp_path: Path) -> None:
    a, b = row("2026-03-01T00:10:00Z", "2"), row("2026-03-01T00:00:00Z", "1")
    (piece,) = TidyReader(table(tmp_path, HEAD + a + b + a)).read([SeriesKey("station", "p1", "d10", "co2")])
    assert list(piece.times) == [MARCH, MARCH + 600_000_000]
    assert list(piece.values) == [1.0, 2.0]


def test_two_values_at_one_time_are_not_chosen_between(tmp_path: Path) -> None:
    path = table(tmp_path, HEAD + row(value="1") + row(value="2"))
    with pytest.raises(SourceError, match=r"p1/d10/co2 has two different values at 2026-03-01T00:00:00"):
        TidyReader(path)


def test_what_a_table_leaves_out_gets_a_name(tmp_path: Path) -> None:
    path = table(
        tmp_path,
        "time_utc,depth_m,variable,value,unit\n2026-03-01T00:00:00Z,0.05,co2,1,ppm\n"
        "2026-03-01T00:00:00Z,-2,air_temperature,1,degC\n2026-03-01T00:00:00Z,,air_pressure,900,hPa\n",
    )
    found = {str(info.key): info.depth_m for info in TidyReader(path).series()}
    assert found == {
        "station/site//air_pressure": None,
        "station/p1/a200/air_temperature": -2.0,
        "station/p1/d5/co2": 0.05,
    }


def test_numbers_are_read_to_the_last_bit(tmp_path: Path) -> None:
    numbers = [math.pi * 10.0**power for power in range(-300, 300, 7)] + [0.1 + 0.2, 5e-324]
    minutes = [f"2026-03-01T{i // 60:02d}:{i % 60:02d}:00Z" for i in range(len(numbers))]
    text = "".join(row(when, repr(number)) for when, number in zip(minutes, numbers, strict=True))
    path = table(tmp_path, HEAD + text)
    (piece,) = TidyReader(path).read([SeriesKey("station", "p1", "d10", "co2")])
    assert list(piece.values) == numbers
    assert [r.value for r in rows(path) if isinstance(r, TidyRow)] == numbers


def test_several_files_are_one_source(tmp_path: Path) -> None:
    one = table(tmp_path, HEAD + row(), "a.csv")
    two = table(tmp_path, HEAD + row("2026-03-01T00:10:00Z"), "b.csv")
    (piece,) = open_reader([one, two]).read([SeriesKey("station", "p1", "d10", "co2")])
    assert len(piece.times) == 2


def test_a_window_is_from_inclusive_to_exclusive(tmp_path: Path) -> None:
    text = HEAD + "".join(row(f"2026-03-01T00:0{m}:00Z", str(m)) for m in range(6))
    reader = TidyReader(table(tmp_path, text))
    key = SeriesKey("station", "p1", "d10", "co2")
    (piece,) = reader.read([key], MARCH + 60_000_000, MARCH + 180_000_000)
    assert list(piece.values) == [1.0, 2.0]
    assert list(reader.read([key], MARCH + 999_000_000)) == []
    assert list(reader.read([SeriesKey("station", "p1", "d99", "co2")])) == []


def test_limits_and_declared_period(tmp_path: Path) -> None:
    path = table(
        tmp_path,
        "time_utc,position,variable,value,unit,lower,upper,period_s,stamp\n"
        "2026-03-01T00:00:00Z,d10,soil_temperature,300,K,299,301,1800,end\n",
    )
    reader = TidyReader(path)
    (info,) = reader.series()
    assert (info.period_s, info.stamp) == (1800.0, "end")
    (piece,) = reader.read([info.key])
    assert list(piece.lower) == pytest.approx([25.85])
    assert list(piece.upper) == pytest.approx([27.85])


def test_remarks_of_the_sidecar_follow_the_data(tmp_path: Path) -> None:
    path = table(tmp_path, HEAD + row())
    sidecar = {"series": [{"key": ["station", "p1", "d10", "co2"], "note": "modelled: by hand"}]}
    table(tmp_path, json.dumps(sidecar), "t.csv.json")
    assert TidyReader(path).series()[0].note == "modelled: by hand"
    table(tmp_path, "{", "t.csv.json")
    with pytest.raises(TidyFileError, match="sidecar"):
        TidyReader(path)


def test_parquet_equals_csv(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    text = (
        HEAD
        + row()
        + row("2026-03-01T00:10:00Z", "")
        + row(value="300", unit="K", variable="soil_temperature")
    )
    path = table(tmp_path, text)
    frame = pandas.read_csv(path)
    frame.to_parquet(tmp_path / "text.parquet")
    frame["time_utc"] = pandas.to_datetime(frame["time_utc"])
    frame.to_parquet(tmp_path / "times.parquet")
    expected = TidyReader(path)
    for name in ("text.parquet", "times.parquet"):
        reader = open_reader(tmp_path / name)
        assert reader.series() == expected.series()
        for info in reader.series():
            (mine,), (theirs,) = reader.read([info.key]), expected.read([info.key])
            assert mine.times == theirs.times
            assert mine.flags == theirs.flags
            assert mine.values.tobytes() == theirs.values.tobytes()
    frame["time_utc"] = frame["time_utc"].dt.tz_localize(None)
    frame.to_parquet(tmp_path / "naive.parquet")
    with pytest.raises(TidyFileError, match="no zone"):
        open_reader(tmp_path / "naive.parquet")
    table(tmp_path, b"PAR1 but no more", "bad.parquet")
    with pytest.raises(TidyFileError, match="no Parquet file"):
        open_reader(tmp_path / "bad.parquet")


@pytest.mark.parametrize("names", [[], ["nowhere.csv"], ["nowhere.toml"], ["a.toml", "b.csv"]])
def test_what_is_no_source(tmp_path: Path, names: list[str]) -> None:
    with pytest.raises((StorageError, ValueError)):
        open_reader([tmp_path / name for name in names])


def test_a_device_is_no_table() -> None:
    """A device that never ends must not be read for ever."""
    with pytest.raises(TidyFileError, match="not a regular file"):
        open_binary(Path("/dev/zero"))


def test_a_minute_has_sixty_seconds() -> None:
    with pytest.raises(ValueError, match="is no time"):
        parse_time("2025/1/1 1:01:75", SHANGHAI)
