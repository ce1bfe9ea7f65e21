"""A journal of measured data, made by the real writer, the page on it, and a browser."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser
from starlette.testclient import TestClient

from soilco2.dashboards.live.app import create_app
from soilco2.dashboards.live.queries import PageStation
from tests.dashboards.live.browsing import opened_browser
from tests.dashboards.live.measured import measured


@pytest.fixture(scope="session")
def measured_page(tmp_path_factory: pytest.TempPathFactory) -> PageStation:
    """Two days of SJER, June 2022."""
    return measured(tmp_path_factory.mktemp("state"))


@pytest.fixture
def measured_client(measured_page: PageStation) -> Iterator[TestClient]:
    with TestClient(create_app([measured_page], version="0", per_s=1e6)) as opened:
        yield opened


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A real Chromium."""
    with opened_browser() as opened:
        yield opened
