"""A journal of measured data, made by the real writer, and the page on it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from dashboards.live.app import create_app
from dashboards.live.data import PageStation
from dashboards.live.pages import pages_of
from ingest.simulate.replay import backfill_samples
from station_config.loader import load_station
from storage.writer import Writer
from teaching.demo import station_text

START = 1_654_041_600_000_000
DAY = 86_400_000_000


@pytest.fixture(scope="session")
def measured_page(tmp_path_factory: pytest.TempPathFactory) -> PageStation:
    """Two days of SJER, June 2022."""
    folder = tmp_path_factory.mktemp("state")
    path = folder / "sjer.toml"
    path.write_text(station_text(1883) + '\n[journal]\npath = "journal.sqlite"\n', encoding="utf-8")
    station = load_station(path)
    with Writer.open(station, now_us=lambda: START + 2 * DAY) as writer:
        writer.commit([s for batch in backfill_samples(station, START, START + 2 * DAY) for s in batch])
        writer.note("field", "<script>alert(1)</script> lid opened", START + DAY)
    clock = folder / "clock"
    clock.write_bytes((START + 2 * DAY).to_bytes(8, "little"))
    return pages_of([station], clock_file=clock)[0]


@pytest.fixture
def measured_client(measured_page: PageStation) -> Iterator[TestClient]:
    with TestClient(create_app([measured_page], version="0", per_s=1e6)) as opened:
        yield opened
