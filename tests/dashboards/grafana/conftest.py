"""The filled database, once for all tests of Grafana's dashboards."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.dashboards.grafana.filled import Asker, Filled, fill
from tests.servers import TOKEN, TOKEN_VARIABLE, InfluxServer


@pytest.fixture(scope="session")
def filled(influxd: InfluxServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Filled]:
    """Two days of SJER in a real InfluxDB."""
    before = os.environ.get(TOKEN_VARIABLE)
    os.environ[TOKEN_VARIABLE] = TOKEN
    try:
        yield fill(tmp_path_factory.mktemp("grafana"), influxd)
    finally:
        if before is None:
            del os.environ[TOKEN_VARIABLE]
        else:
            os.environ[TOKEN_VARIABLE] = before


@pytest.fixture
def asker(filled: Filled) -> Iterator[Asker]:
    one = Asker(filled)
    yield one
    one.close()
