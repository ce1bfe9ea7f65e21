"""What the cases share."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cases.node import Node
from tests.cases.tables import Field
from tests.servers import Mosquitto


@pytest.fixture
def desk(tmp_path: Path) -> Node:
    """The station without a broker: tables come by hand."""
    return Node(tmp_path)


@pytest.fixture
def node(tmp_path: Path, mosquitto: Mosquitto) -> Iterator[Node]:
    """The station at a broker; its collector is not yet started."""
    made = Node(tmp_path, mosquitto.port)
    yield made
    made.stop(signal.SIGKILL)


@pytest.fixture
def field(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Field:
    """A station without instruments."""
    monkeypatch.setenv("SOILCO2_CLOCK", "trusted")
    return Field(tmp_path, capsys)
