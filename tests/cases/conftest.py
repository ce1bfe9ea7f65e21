"""What the cases share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cases.tables import Field


@pytest.fixture
def field(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Field:
    """A station without instruments."""
    monkeypatch.setenv("SOILCO2_CLOCK", "trusted")
    return Field(tmp_path, capsys)
