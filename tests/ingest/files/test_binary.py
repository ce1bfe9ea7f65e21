"""Binary tables of Campbell's loggers, built byte by byte here and by another package, and workbooks of ZENTRA."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from datetime import datetime
from math import inf, isnan
from pathlib import Path
from typing import Any

import pytest

from soilco2.ingest.drivers.registry import recognise
from soilco2.ingest.drivers.sample import Arrival
from soilco2.ingest.files import fp2
from soilco2.ingest.files.head import LoggerFileError
from soilco2.quality.records import Sample
from soilco2.station_config.loader import Station, load_station
from soilco2.station_config.mapping import Mapping
from tests.cases.tables import STATION

SINCE_1990 = 1_163_000_000
"""2026-11-08T15:33:20 by the logger's clock (``date -u -d @$((1163000000 + 631152000))``)."""
FIRST_US = (SINCE_1990 + 631_152_000 - 8 * 3600) * 1_000_000
"""The same at UTC+08:00 [µs UTC]."""
NAMES = ("CO2", "T", "W")
VARIABLES = {"CO2": ("co2", "ppm"), "T": ("soil_temperature", "degC"), "W": ("soil_water", "m3/m3")}


@pytest.fixture
def station(tmp_path: Path) -> Station:
    path = tmp_path / "station.toml"
    path.write_text(STATION, encoding="utf-8")
    return load_station(path)


def read(station: Station, path: Path, *names: str, place: dict[str, int] | None = None) -> list[Any]:
    """The pieces of a file; without names, of its own columns."""
    rows = [
        {"column": name, "position": "p1/d10", "variable": VARIABLES[name][0], "unit": VARIABLES[name][1]}
        for name in names or NAMES
    ]
    driver, layout = recognise(path, Mapping.model_validate({"timezone": "UTC+08:00", "column": rows}))
    if place is not None:
        layout = layout.behind(place)
    return list(driver.rows(station, layout, None, Arrival(2_000_000_000_000_000, 1, "boot", "file")))


def samples(pieces: list[Any], channel: str) -> list[Sample]:
    return [one for piece in pieces for one in piece.samples if one.channel == channel]


def header(form: str, types: tuple[str, ...], *second: str, extra: tuple[str, ...] = ()) -> bytes:
    rows = [(form, "Dune", "CR1000", "1", "OS", "CPU:soil.CR1", "1", "Soil"), *([second] if second else [])]
    rows += [(*extra, *NAMES), (*extra, "ppm", "Deg C", "m^3/m^3"), tuple("" for _ in types), types]
    return b"".join(",".join(f'"{cell}"' for cell in row).encode() + b"\r\n" for row in rows)


@pytest.mark.parametrize(
    ("word", "value"),
    [("301D", 412.5), ("032D", 813), ("1F3F", 7999), ("C4D2", -12.34), ("1FFF", inf), ("9FFF", -inf)],
)
def test_fp2(word: str, value: float) -> None:
    """Vectors of the LoggerNet manual's rule, each decoded by another package too (camp2ascii 1.1.1)."""
    assert fp2.decode(bytes.fromhex(word)) == [value]


def test_fp2_without_a_number() -> None:
    assert isnan(fp2.decode(bytes.fromhex("9FFE"))[0])


TOB1_TYPES = ("ULONG", "ULONG", "ULONG", "FP2", "IEEE4", "LONG")


def tob1(count: int) -> bytes:
    head = header("TOB1", TOB1_TYPES, extra=("SECONDS", "NANOSECONDS", "RECORD"))
    body = b"".join(
        struct.pack("<III", SINCE_1990 + n, 500_000_000, n)
        + bytes.fromhex("301D")
        + struct.pack("<fi", 1.5 - n, -5)
        for n in range(count)
    )
    return head + body


def test_tob1(station: Station, tmp_path: Path) -> None:
    path = tmp_path / "soil.dat"
    path.write_bytes(tob1(7000))
    pieces = read(station, path)
    co2 = samples(pieces, "co2")
    assert [(one.time_us, one.raw) for one in co2] == [
        (FIRST_US + n * 1_000_000 + 500_000, 412.5) for n in range(7000)
    ]
    assert [one.raw for one in samples(pieces, "soil_temperature")] == [1.5 - n for n in range(7000)]
    assert {one.raw for one in samples(pieces, "soil_water")} == {-5}


def test_tob1_goes_on_where_it_was_and_waits_for_a_whole_record(station: Station, tmp_path: Path) -> None:
    path = tmp_path / "soil.dat"
    path.write_bytes(tob1(3)[:-5])
    pieces = read(station, path)
    assert len(samples(pieces, "co2")) == 2
    assert recognise(path, Mapping())[1].open_line == 3
    path.write_bytes(tob1(5))
    later = read(station, path, place=dict(pieces[-1].place))
    assert [one.time_us for one in samples(later, "co2")] == [
        FIRST_US + n * 1_000_000 + 500_000 for n in range(2, 5)
    ]


def test_a_gap_of_tob1_is_high_where_fp2_ends(station: Station, tmp_path: Path) -> None:
    """FP2 of 7960 (0x1F18), its largest number (0x1F3F), then no number (0x9FFE), read by itself too."""
    head = header("TOB1", ("ULONG", "ULONG", "ULONG", "FP2"), extra=("SECONDS", "NANOSECONDS", "RECORD"))
    head = head.replace(b',"T","W"', b"").replace(b',"Deg C","m^3/m^3"', b"").replace(b',"Avg","Avg"', b"")
    words = ("1F18", "1F3F", "9FFE")
    body = [struct.pack("<III", SINCE_1990 + n, 0, n) + bytes.fromhex(word) for n, word in enumerate(words)]
    path = tmp_path / "soil.dat"
    path.write_bytes(head + b"".join(body))
    pieces = read(station, path, "CO2")
    told = [(one.raw, one.status) for one in samples(pieces, "co2")]
    assert told == [(7960, ""), (7999, "source=0x4"), (7999, "source=0x4")]
    assert any("FP2" in said for piece in pieces for said in piece.told)
    place = {"line": 2, "offset": len(head) + 2 * len(body[0])}
    assert [(one.raw, one.status) for one in samples(read(station, path, "CO2", place=place), "co2")] == told[
        2:
    ]


TOB3_TYPES = ("FP2", "IEEE4B", "IEEE4B")
STAMP = 60288
RECORDS = 3
FRAME = 12 + RECORDS * 10 + 4


def record(value: float) -> bytes:
    return bytes.fromhex("301D") + struct.pack(">ff", value, 0.25)


def frame(first: int, values: list[float], footer: int = 0, stamp: int = STAMP) -> bytes:
    """Records half an hour apart; ``footer`` are its lower 16 bits."""
    body = struct.pack("<III", SINCE_1990 + first * 1800, 5000, first) + b"".join(map(record, values))
    return body + struct.pack("<HH", footer, stamp)


def tob3(*frames: bytes) -> bytes:
    second = ("Soil", "30 MIN", str(FRAME), "100", str(STAMP), "Sec100Usec", "0", "0", "0")
    return header("TOB3", TOB3_TYPES, *second) + b"".join(frames)


def times(*numbers: int) -> list[int]:
    """Half hours from the first; 5000 times 100 µs is half a second."""
    return [FIRST_US + n * 1_800_000_000 + 500_000 for n in numbers]


def test_tob3(station: Station, tmp_path: Path) -> None:
    """A frame whose stamp is the complement is sound; one with another stamp, or marked empty, holds nothing."""
    path = tmp_path / "soil.dat"
    path.write_bytes(
        tob3(
            frame(0, [1, 2, 3]), frame(3, [4, 5, 6], stamp=0xFFFF ^ STAMP), frame(6, [7, 8, 9], stamp=1),
            frame(9, [7, 8, 9], footer=1 << 13), frame(12, [13, 14, 15])[:-6],
        )
    )  # fmt: skip
    pieces = read(station, path)
    found = samples(pieces, "soil_temperature")
    assert [(one.time_us, one.raw) for one in found] == list(zip(times(*range(6)), range(1, 7), strict=True))
    assert {one.raw for one in samples(pieces, "co2")} == {412.5}


def test_tob3_with_a_frame_in_parts(station: Station, tmp_path: Path) -> None:
    """Bit 14 of a footer: a frame that was written in parts, the offset being the bytes of the part."""
    size = 12 + 10 + 4
    wide = FRAME + 6
    assert wide == 2 * size
    parts = [frame(n, [n + 1.0], footer=1 << 14 | size) for n in range(2)]
    path = tmp_path / "soil.dat"
    path.write_bytes(tob3(*parts).replace(f'"{FRAME}"'.encode(), f'"{wide}"'.encode()))
    found = samples(read(station, path), "soil_temperature")
    assert [(one.time_us, one.raw) for one in found] == [(times(0)[0], 1.0), (times(1)[0], 2.0)]


def bad() -> Iterator[tuple[str, bytes, str]]:
    good = tob3()
    yield "cut header", tob1(0)[:90], "the header of a TOB1 file has 5 lines"
    yield "no such type", good.replace(b"FP2", b"FP7"), "type FP7 is not known"
    yield "no time", tob1(1).replace(b'"SECONDS"', b'"SEKUNDEN"'), "has no column SECONDS"
    yield "no frames", good.replace(b"30 MIN", b"often"), "line 2 of the header should say interval"
    yield (
        "small frames",
        good.replace(f'"{FRAME}"'.encode(), b'"20"'),
        "a frame of 20 bytes holds no record of 10",
    )
    yield "types", good.replace(b',"IEEE4B"\r\n', b"\r\n"), "the header has 3 names and 2 types"


@pytest.mark.parametrize(("content", "said"), [row[1:] for row in bad()], ids=[row[0] for row in bad()])
def test_what_is_no_such_table_is_refused(
    station: Station, tmp_path: Path, content: bytes, said: str
) -> None:
    path = tmp_path / "soil.dat"
    path.write_bytes(content)
    with pytest.raises(LoggerFileError, match=said):
        read(station, path)


@pytest.mark.parametrize("form", ["TOB1", "TOB3"])
def test_files_that_another_package_writes(station: Station, tmp_path: Path, form: str) -> None:
    """csiio-py 0.4.0; its one record a frame and its word ``Sec1Usec`` for the resolution are read as they stand."""
    csiio = pytest.importorskip("csiio")
    pd = pytest.importorskip("pandas")
    index = pd.DatetimeIndex(["2026-11-08 15:33:20", "2026-11-08 16:03:20"], name="TIMESTAMP")
    frame = pd.DataFrame(
        {
            "RECORD (RN)": [0, 1],
            "CO2 (ppm)": [412.5, 8123.25],
            "T (Deg C)": [-5, -100],
            "W (m3/m3)": [0.5, 0.25],
        },
        index,
    )
    path = tmp_path / "soil.dat"
    write = {"TOB1": csiio.write_csi_tob1, "TOB3": csiio.write_csi_tob3}[form]
    write(str(path), frame)
    pieces = read(station, path)
    assert [(one.time_us, one.raw) for one in samples(pieces, "co2")] == [
        (FIRST_US, 412.5), (FIRST_US + 1_800_000_000, 8123.25),
    ]  # fmt: skip
    assert [one.raw for one in samples(pieces, "soil_temperature")] == [-5, -100]
    assert [one.raw for one in samples(pieces, "soil_water")] == [0.5, 0.25]


def test_a_workbook_of_zentra(station: Station, tmp_path: Path) -> None:
    """19:00 at UTC+08:00 is 11:00Z; times are those of a spreadsheet or text."""
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    book.active.title = "Processed Data Config 1"
    book.active.append(["z6-00000", "Port 1", "Port 1"])
    book.active.append(["Records: 2", "TEROS 12", "TEROS 12"])
    book.active.append(["Timestamps", " m³/m³ Water Content", " °C Soil Temperature"])
    book.active.append([datetime(2026, 8, 23, 19), 0.121, 24.1])
    book.active.append([datetime(2026, 8, 23, 19, 15), "#N/A", 24])
    book.create_sheet("Metadata").append(["Device", "ZL6"])
    path = tmp_path / "zl6.xlsx"
    book.save(path)
    rows = [
        {"column": "Port 1 TEROS 12 Water Content", "position": "p1/d10", "variable": "soil_water"},
        {"column": "Port 1 TEROS 12 Soil Temperature", "position": "p1/d10", "variable": "soil_temperature"},
    ]
    driver, layout = recognise(path, Mapping.model_validate({"timezone": "UTC+08:00", "column": rows}))
    pieces = list(driver.rows(station, layout, None, Arrival(2_000_000_000_000_000, 1, "boot", "file")))
    at_us = 1_787_482_800_000_000  # date -u -d 2026-08-23T11:00Z +%s
    assert [(one.time_us, one.raw) for one in samples(pieces, "soil_water")] == [
        (at_us, 0.121), (at_us + 900_000_000, None),
    ]  # fmt: skip
    assert [one.raw for one in samples(pieces, "soil_temperature")] == [24.1, 24.0]


def test_a_zip_that_is_no_workbook_is_refused(station: Station, tmp_path: Path) -> None:
    pytest.importorskip("openpyxl")
    path = tmp_path / "soil.xlsx"
    path.write_bytes(b"PK\x03\x04" + bytes(100))
    with pytest.raises(LoggerFileError, match="is no workbook that can be read"):
        read(station, path)
