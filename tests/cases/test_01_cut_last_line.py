"""A logger is read while it writes: the last line ends in the middle of a number, 119 of 1196.1."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from soilco2.ingest.drivers.registry import recognise
from soilco2.ingest.drivers.sample import Arrival
from soilco2.station_config.loader import load_station
from tests.cases.tables import Field

HEAD = "time_utc,profile,position,variable,unit,value\n"
FIRST = "2026-04-12T16:00:00Z,p1,d10,co2,ppm,1192.7\n"
LAST = "2026-04-12T16:15:00Z,p1,d10,co2,ppm,1196.1"
CUT = HEAD + FIRST + LAST[:-3]


def values(field: Field) -> list[float]:
    return [float(row["value"]) for row in field.exported()]


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzipped"])
def test_a_last_line_without_its_end_is_held_back_and_taken_whole_later(field: Field, packed: bool) -> None:
    pack = gzip.compress if packed else bytes
    said = field.brought(field.table("logger.csv", pack(CUT.encode())))
    assert "logger.csv:3: the last line has no line end and may be cut; it is held back" in said
    assert "1 rows = 1 stored" in said
    assert values(field) == [1192.7]
    said = field.brought(field.table("logger.csv", pack(f"{HEAD}{FIRST}{LAST}\n".encode())))
    assert "held back" not in said
    assert values(field) == [1192.7, 1196.1]
    assert "[]" in field.soilco2("parked", "list", field.station, "--json").replace("\n", "").replace(" ", "")


def test_it_can_be_taken_by_hand(field: Field) -> None:
    path = field.table("logger.csv", HEAD + FIRST + LAST)
    assert "--take-last-line" in field.brought(path)
    assert "held back" not in field.brought(path, "--take-last-line")
    assert values(field) == [1192.7, 1196.1]


def test_a_line_cut_before_its_number_is_no_fault_yet(field: Field) -> None:
    assert "held back" in field.brought(field.table("logger.csv", HEAD + FIRST + LAST[:30]))


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r", "\n\n  ", "\n \t"], ids=repr)
def test_a_whole_line_is_not_held_back(field: Field, ending: str) -> None:
    text = (HEAD + FIRST).replace("\n", ending.strip(" \t")[:2] or "\n").rstrip("\r\n") + ending
    assert "held back" not in field.brought(field.table("logger.csv", text))
    assert values(field) == [1192.7]


@pytest.mark.parametrize("encoding", ["utf-16", "gb18030"])
def test_encodings_make_no_difference(field: Field, encoding: str) -> None:
    text = CUT.replace("value", "value,备注", 1).replace("1192.7", "1192.7,晴")
    said = field.brought(field.table("logger.csv", text.encode(encoding)))
    assert "logger.csv:3: the last line has no line end" in said


def test_a_later_reading_goes_on_before_the_line_that_was_held_back(field: Field) -> None:
    driver, layout = recognise(field.table("logger.csv", CUT))
    station = load_station(field.station)
    arrival = Arrival(1_796_004_000_000_000, 0, "boot", "logger")
    stretches = list(driver.rows(station, layout, None, arrival))
    assert [row.raw for stretch in stretches for row in stretch.samples] == [1192.7]
    assert max(stretch.line for stretch in stretches) == 2
    driver, layout = recognise(field.table("logger.csv", f"{HEAD}{FIRST}{LAST}\n"))
    later = driver.rows(station, layout, None, arrival, after_line=2)
    assert [row.raw for stretch in later for row in stretch.samples] == [1196.1]


def test_a_header_alone_is_no_held_row(field: Field) -> None:
    path: Path = field.table("logger.csv", HEAD.strip())
    assert "held back" not in field.brought(path)
