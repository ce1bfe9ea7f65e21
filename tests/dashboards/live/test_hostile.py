"""Hostile input is data: random questions never break the page, names of stations come through as they are."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from soilco2.dashboards.live.app import create_app
from soilco2.dashboards.live.queries import PageStation
from soilco2.dashboards.live.stations import pages_of
from soilco2.station_config.loader import load_station
from soilco2.storage.journal.writer import Writer
from tests.dashboards.live.hostile import ask_by_description, ask_hostile, contents
from tests.dashboards.live.small import reading, small_station

MARKUP = "<script>alert(1)</script> \"'; DROP TABLE sample; -- ../../"


@pytest.fixture
def asked(measured_page: PageStation) -> Iterator[tuple[Starlette, TestClient]]:
    app = create_app([measured_page], version="0", per_s=1e6)
    before = contents(measured_page.station.journal_path)
    with TestClient(app) as client:
        yield app, client
    assert contents(measured_page.station.journal_path) == before


def test_random_questions_by_the_description_never_break_it(asked: tuple[Starlette, TestClient]) -> None:
    found = ask_by_description(*asked, each=12)
    assert sum(found.values()) >= 100
    assert found[200] > 0


def test_hostile_questions_never_break_it(asked: tuple[Starlette, TestClient]) -> None:
    found = ask_hostile(asked[1], 150)
    assert sum(found.values()) == 150


def test_markup_in_names_and_notes_comes_through_as_text(tmp_path: Path) -> None:
    station = small_station(tmp_path)
    text = station.path.read_text(encoding="utf-8").replace(
        'name = "yulin"', f"name = '''{MARKUP}'''\nnote = '''{MARKUP}'''"
    )
    station.path.write_text(text, encoding="utf-8")
    page = pages_of([load_station(station.path)])[0]
    with Writer.open(page.station) as writer:
        writer.commit([reading(0)])
        writer.note(MARKUP, MARKUP)
    with TestClient(create_app([page], version="0")) as client:
        (shown,) = client.get("/api/v1/stations").json()["stations"]
        assert (shown["name"]["en"], shown["note"]["zh"]) == (MARKUP, MARKUP)
        (event,) = client.get("/api/v1/events?from=0").json()["events"][:1]
        assert (event["subject"], event["text"]) == (MARKUP, MARKUP)
        assert client.get("/api/v1/stations").headers["content-type"] == "application/json"
