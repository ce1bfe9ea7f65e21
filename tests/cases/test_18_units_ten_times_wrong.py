"""A column says m³/m³ and holds per cent, or says dS/m and holds S/m: the import asks before it takes such numbers."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys

import pytest

from tests.cases.tables import Field

HEAD = "time_utc,profile,position,variable,value,unit\n"


def table(variable: str, unit: str, *values: float, day: int = 1, place: str = "p1,d10") -> str:
    return HEAD + "".join(
        f"2026-08-{day:02}T{hour:02}:00:00Z,{place},{variable},{value},{unit}\n"
        for hour, value in enumerate(values)
    )


@pytest.mark.parametrize(
    ("text", "way_out"),
    [
        (table("soil_water", "m3/m3", 12.1, 12.0, 11.9, 12.2), "numbers in % would fit"),
        (table("bulk_ec", "dS/m", 2058, 2061, 2059, 2070), "uS/cm"),
        (table("air_pressure", "hPa", 88.3, 88.4, 88.2, place="site,"), "kPa"),
        (table("soil_temperature", "degC", 284.1, 284.3, 284.2), "numbers in K"),
        (table("soil_temperature", "degC", 214, 213, 215), "times 0.1"),
        # limits of co2 are in ppm, 1204.6 % are 12 046 000 ppm; ppm itself is a unit to be tried
        (table("co2", "%", 1204.6, 1190.2, 1210.3), ": 1204.6 % is beyond what can be"),
        (table("co2", "%", 1204.6, 1190.2, 1210.3), "numbers in ppm"),
        (table("soil_temperature", "K", 12.3, 12.4, 12.2), "numbers in degC"),
        (table("soil_temperature", "K", 12.3, 12.4, 12.2), ": 12.3 K is beyond"),
    ],
)
def test_numbers_that_cannot_be_are_asked_about(field: Field, text: str, way_out: str) -> None:
    path = field.table("in.csv", text)
    said = field.brought(path, code=2)
    assert way_out in said
    assert "--yes" in said
    rows = text.count("\n") - 1
    assert f"{rows} rows = {rows} stored" in field.brought(path, "--yes")


def test_numbers_a_power_of_ten_from_what_is_there_are_asked_about(field: Field) -> None:
    """0.206 S/m are 2.06 dS/m; written as dS/m they are a tenth of what the series holds."""
    field.brought(field.table("first.csv", table("bulk_ec", "S/m", 0.206, 0.207, 0.205)))
    path = field.table("second.csv", table("bulk_ec", "dS/m", 0.206, 0.204, 0.205, day=2))
    said = field.brought(path, code=2)
    assert "0.1 times what the journal holds" in said
    assert len(field.exported()) == 3
    assert "3 stored" in field.brought(path, "--yes")


@pytest.mark.parametrize(
    "text",
    [
        table("bulk_ec", "dS/m", 2.2, 3.9, 2.5, day=2),  # wetter, not ten times
        table("bulk_ec", "uS/cm", 2058, 2061, 2059, day=2),
        table(
            "bulk_ec", "dS/m", 2058, 2.1, 2.0, 2.2, 2.1, 2.0, 2.1, 2.2, 2.1, 2.0, 2.1, day=2
        ),  # one of many
        table("soil_temperature", "degC", -9999, -9999, -9999),  # no unit makes that possible
        table("bulk_ec", "dS/m", 2058, 2061, day=2),  # too few to tell
    ],
)
def test_others_are_not(field: Field, text: str) -> None:
    field.brought(field.table("first.csv", table("bulk_ec", "S/m", 0.206, 0.207, 0.205)))
    assert "--yes" not in field.brought(field.table("second.csv", text))


def test_a_dry_run_says_it_goes_on_and_ends_as_the_import_would(field: Field) -> None:
    path = field.table("in.csv", table("soil_water", "m3/m3", 12.1, 12.0, 11.9))
    said = field.brought(path, "--dry-run", code=2)
    assert "numbers in % would fit" in said
    assert "3 would be stored" in said
    assert "nothing of it would be imported without --yes" in said
    said = field.brought(path, "--dry-run", "--yes")
    assert "3 would be stored" in said
    assert "without --yes" not in said


@pytest.mark.parametrize(
    ("lang", "question", "answer", "code"),
    [
        ("en", "Is the unit right? [y/N]", "y", 0),
        ("en", "Is the unit right? [y/N]", "", 2),
        ("zh", "单位对吗？是/否 [y/N]", "是", 0),
        ("zh", "单位对吗？是/否 [y/N]", "否", 2),
    ],
)
def test_on_a_terminal_it_asks_in_plain_text(
    field: Field, lang: str, question: str, answer: str, code: int
) -> None:
    path = field.table("in.csv", table("soil_water", "m3/m3", 12.1, 12.0, 11.9))
    ours, theirs = os.openpty()
    try:
        words = [sys.executable, "-m", "soilco2", "import", field.station, path, "--lang", lang]
        process = subprocess.Popen(
            words, stdin=theirs, stdout=theirs, stderr=theirs,
            env=os.environ | {"PYTHONUTF8": "1", "TERM": "xterm", "COLUMNS": "200"},
        )  # fmt: skip
        os.close(theirs)
        os.write(ours, f"{answer}\n".encode())  # a terminal keeps it until it is read
        said = b""
        with contextlib.suppress(OSError):  # how a terminal ends
            while more := os.read(ours, 4096):
                said += more
        ended = process.wait()
        assert question in said.decode()
        assert ended == code, said.decode()
    finally:
        os.close(ours)
