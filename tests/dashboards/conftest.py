"""What tests of several dashboards share."""

from __future__ import annotations

from pathlib import Path

import pytest

from soilco2.dashboards.web.auth import write_password
from tests.dashboards.web.guarded import SECRET


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    path = tmp_path / "page.password"
    write_password(path, SECRET)
    return path
