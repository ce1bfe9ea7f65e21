"""A line with a scripted device at its far end, and a master on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from ingest.rtu import RtuMaster
from ingest.simulate.line import PtyLine, Responder

Bench = Callable[[Responder], tuple[RtuMaster, PtyLine]]


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
