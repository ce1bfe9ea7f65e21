"""The reference pages agree with the models."""

from __future__ import annotations

from pathlib import Path

import pytest

from soilco2.station_config.base import Names, Secret, Table
from soilco2.station_config.catalogue.probe import ProbeModel
from soilco2.station_config.reference_pages import DOCS, meaning, pages, station_file_page
from soilco2.station_config.tables.fields import keys, tables
from soilco2.station_config.tables.flux import FluxTable
from soilco2.station_config.tables.soil import SoilTable
from soilco2.station_config.tables.stationfile import StationFile
from soilco2.station_config.variables import VARIABLES

ELSEWHERE = (SoilTable, FluxTable)


@pytest.mark.parametrize("name", sorted(pages()))
def test_a_page_is_what_the_models_say(name: str) -> None:
    written = (DOCS / name).read_text(encoding="utf-8")
    assert written == pages()[name], "stale: run python -m soilco2.station_config.reference_pages"


def _all(model: type[Table]) -> list[type[Table]]:
    inner = [table for field in keys(model).values() for table in tables(field.annotation)]
    return [model, *(one for table in inner if table not in ELSEWHERE for one in _all(table))]


@pytest.mark.parametrize("model", [*dict.fromkeys(_all(StationFile)), *dict.fromkeys(_all(ProbeModel))])
def test_every_key_has_a_meaning(model: type[Table]) -> None:
    silent = [
        key
        for key, field in keys(model).items()
        if not meaning(model, key) and not (model is StationFile and tables(field.annotation))
    ]
    assert not silent


def test_the_page_names_every_table_and_key() -> None:
    page = station_file_page()
    for model in set(_all(StationFile)) - {Names, Secret}:
        for key, field in keys(model).items():
            shown = f"| `{key}` |" in page
            assert shown or (model is StationFile and tables(field.annotation)), key
    for header in (
        "[station]",
        "[[connection]]",
        "[[profile.position]]",
        "[[instrument.calibration]]",
        "[mqtt]",
    ):
        assert f"## `{header}`" in page


def test_the_variables_page_names_every_variable_in_both_languages() -> None:
    page = (Path(DOCS) / "variables.md").read_text(encoding="utf-8")
    for row in VARIABLES.values():
        assert f"| `{row.id}` |" in page
        assert row.name_zh in page
