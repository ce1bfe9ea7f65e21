"""A table that the build before turned by float multiplications, imported again: rounding makes no other reading."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import pytest

from soilco2.storage.journal.reader import JournalReader
from tests.cases.tables import Field

UNITS = (
    ("soil_water", "%", 8.1), ("soil_temperature", "K", 274.16), ("soil_temperature", "degF", 41.3),
    ("bulk_ec", "uS/m", 1203.7),
)  # fmt: skip
"""Each with a number to begin with, of which float multiplication makes others than its digits say."""
TIMES = range(60)


def _values(first: float) -> list[float]:
    return [round(first + 0.07 * n, 2) for n in TIMES]


def _before(a: Fraction, b: Fraction) -> Callable[[float], float]:
    times, plus = float(a), float(b)
    return lambda number: times * number + plus


def _tidy(field: Field, variable: str, unit: str, first: float) -> list[str]:
    rows = [
        f"2026-03-01T00:{n:02}:00Z,p1,d10,{variable},{value},{unit},1"
        for n, value in enumerate(_values(first))
    ]
    head = "time_utc,profile,position,variable,value,unit,flag"
    return [str(field.table("tidy.csv", "\n".join([head, *rows, ""])))]


def _mapped(field: Field, variable: str, unit: str, first: float) -> list[str]:
    rows = [f"2026-03-01 00:{n:02}:00,{value}" for n, value in enumerate(_values(first))]
    place = f'position = "p1/d10"\nvariable = "{variable}"\nunit = "{unit}"\n'
    mapping = field.table(
        "map.toml",
        'timezone = "UTC"\nformat = "table"\ntime = ["t"]\ntime_format = "%Y-%m-%d %H:%M:%S"\n'
        + '[[column]]\ncolumn = "x"\n'
        + place,
    )
    return [str(field.table("wide.csv", "\n".join(["t,x", *rows, ""]))), "--mapping", str(mapping)]


@pytest.mark.parametrize("form", [_tidy, _mapped])
@pytest.mark.parametrize(("variable", "unit", "first"), UNITS)
def test_what_differs_by_rounding_alone_is_a_duplicate(
    field: Field,
    monkeypatch: pytest.MonkeyPatch,
    form: Callable[[Field, str, str, float], list[str]],
    variable: str,
    unit: str,
    first: float,
) -> None:
    words = form(field, variable, unit, first)
    with monkeypatch.context() as build_before:
        build_before.setattr("soilco2.ingest.files.wide.turner", _before)
        build_before.setattr("soilco2.station_config.units.turner", _before)
        field.soilco2("import", field.station, *words)
    kept = _numbers(field)
    said = field.soilco2("import", field.station, *words)
    assert "0 stored + 60 duplicate + 0 conflict" in said
    assert _numbers(field) == kept
    assert len(kept) == len(TIMES)


def test_another_last_digit_of_the_file_is_another_reading(field: Field) -> None:
    head = "time_utc,profile,position,variable,value,unit,flag\n"
    for value, told, code in (("12.30", "1 stored", 0), ("12.31", "0 duplicate + 1 conflict", 1)):
        table = field.table("tidy.csv", f"{head}2026-03-01T00:00:00Z,p1,d10,soil_water,{value},%,1\n")
        assert told in field.soilco2("import", field.station, table, code=code)


def _numbers(field: Field) -> list[float | None]:
    with JournalReader(field.folder / "journal.sqlite") as reader:
        return [sample.raw for sample in reader.samples(0, 2**62)]
