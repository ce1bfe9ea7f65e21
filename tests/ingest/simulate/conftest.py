"""The demonstration station in a folder of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from soilco2.ingest.simulate.measured import Measured, load_measured
from soilco2.station_config.loader import Station, load_station
from soilco2.teaching.demo import station_text
from tests.ingest.simulate.hand import HandClock


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture(scope="session")
def sjer() -> Measured:
    return load_measured()


@pytest.fixture
def demo(tmp_path: Path) -> Station:
    """The demonstration station with its ports in the test's folder and no broker at its port."""
    path = tmp_path / "sjer.toml"
    path.write_text(station_text(9), encoding="utf-8")
    return load_station(path)
