"""A line with a scripted device at its far end and a master on it; a collector that is killed when the test is over."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from soilco2.ingest.simulate.line import PtyLine, Responder
from soilco2.ingest.transports.modbus_serial import RtuMaster
from tests.ingest.running import Collecting

Bench = Callable[[Responder], tuple[RtuMaster, PtyLine]]
Collect = Callable[..., Collecting]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """From a responder to an open master and its line."""
    with ExitStack() as stack:
        made = 0

        def build(respond: Responder) -> tuple[RtuMaster, PtyLine]:
            nonlocal made
            made += 1
            line = PtyLine(tmp_path / f"bus{made}", respond)
            stack.callback(line.stop)
            master = RtuMaster(str(line.link), baudrate=9600, quiet=0.005)
            master.open()
            stack.callback(master.close)
            return master, line

        yield build


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
