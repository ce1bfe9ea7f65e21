"""A table with a variable of a station's own: with its sidecar it is read anywhere, alone it is refused by name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from soilco2.quality.records import SeriesKey
from soilco2.station_config.tables.variable import VariableTable
from soilco2.station_config.variables import VARIABLES
from soilco2.storage.errors import TidyFileError
from soilco2.storage.tidy.reader import TidyReader

TABLE = """\
time_utc,station,profile,position,depth_m,variable,value,unit,flag
2026-03-01T00:00:00Z,yulin,p1,d10,0.1,radon,1250,Bq/m3,1
2026-03-01T00:10:00Z,yulin,p1,d10,0.1,radon,1300,Bq/m3,1
"""
RADON = {
    "id": "radon", "name": {"en": "radon", "zh": "氡"}, "symbol": "Rn", "unit": "Bq/m3", "lower": 0.0, "upper": 2e6,
    "resolution": 10.0,
}  # fmt: skip
KEY = SeriesKey("yulin", "p1", "d10", "radon")


def table(folder: Path, notes: object = None) -> Path:
    path = folder / "t.csv"
    path.write_text(TABLE, encoding="utf-8")
    if notes is not None:
        path.with_name("t.csv.json").write_text(json.dumps(notes), encoding="utf-8")
    return path


def test_the_sidecar_says_what_the_table_holds(tmp_path: Path) -> None:
    reader = TidyReader(table(tmp_path, {"variable": [RADON], "series": []}))
    (info,) = reader.series()
    assert (info.key, info.unit) == (KEY, "Bq/m3")
    assert reader.variables["radon"].name_zh == "氡"
    assert reader.variables["co2"] is VARIABLES["co2"]


def test_so_does_the_registry_of_the_station(tmp_path: Path) -> None:
    known = VARIABLES.with_own([VariableTable.model_validate(RADON).row])
    (piece,) = TidyReader(table(tmp_path), variables=known).read([KEY])
    assert list(piece.values) == [1250.0, 1300.0]


def test_alone_it_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(TidyFileError, match=r"t\.csv:2: variable 'radon' is unknown"):
        TidyReader(table(tmp_path))


@pytest.mark.parametrize(
    "notes", [[], {"variable": 3}, {"variable": [{"id": "radon"}]}, {"variable": [RADON], "series": 5}]
)
def test_a_sidecar_that_is_none_is_told(tmp_path: Path, notes: object) -> None:
    with pytest.raises(TidyFileError, match=r"t\.csv\.json: is no sidecar of an export"):
        TidyReader(table(tmp_path, notes))


def test_a_sidecar_cannot_change_what_is_known(tmp_path: Path) -> None:
    reader = TidyReader(table(tmp_path, {"variable": [RADON, RADON | {"id": "co2"}], "series": []}))
    assert reader.variables["co2"] is VARIABLES["co2"]


def test_what_a_table_says_makes_a_row_and_back() -> None:
    row = VARIABLES["air_temperature"]
    assert VariableTable.of(row).row == row
