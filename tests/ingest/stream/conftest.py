"""A collector that is killed when the test is over."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.ingest.stream.running import Collecting

Collect = Callable[..., Collecting]


@pytest.fixture
def collect(tmp_path: Path) -> Iterator[Collect]:
    """From the broker's port and the station's options to a collector that is not yet started."""
    made: list[Collecting] = []

    def make(port: int, **options: Any) -> Collecting:
        folder = tmp_path / f"station{len(made)}"
        folder.mkdir()
        made.append(Collecting(folder, port, **options))
        return made[-1]

    yield make
    for one in made:
        one.kill()
