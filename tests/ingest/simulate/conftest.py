"""The demonstration station in a folder of its own, and a schedule clock that is moved by hand."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest.simulate.measured import Measured, load_measured
from station_config.loader import Station, load_station
from teaching.demo import station_text

START = 1_654_041_600_000_000  # 2022-06-01T00:00Z
HALF_HOUR = 1_800_000_000


class HandClock:
    """A schedule clock that shows what it is told."""

    boot_id = "boot"

    def __init__(self, now_us: int = START) -> None:
        self._now = now_us
        self._changed = threading.Condition()

    def now_us(self) -> int:
        return self._now

    def mono_us(self) -> int:
        return self._now

    def trusted(self) -> bool:
        return True

    def set(self, now_us: int) -> None:
        with self._changed:
            self._now = now_us
            self._changed.notify_all()

    def wait_until(self, time_us: int, stop: threading.Event) -> bool:
        with self._changed:
            while self._now < time_us and not stop.is_set():
                self._changed.wait(0.02)
            return not stop.is_set()

    @contextlib.contextmanager
    def member(self) -> Iterator[None]:
        yield


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
    path.write_text(station_text(tmp_path, 9), encoding="utf-8")
    return load_station(path)
