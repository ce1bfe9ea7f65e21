"""The mappings on the page of logger files are valid as they stand there."""

from __future__ import annotations

import re
import tomllib

import pytest

from soilco2.station_config.connections.logger_file import LoggerFileConnection
from soilco2.station_config.mapping import Mapping
from tests.paths import ROOT


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_mapping_on_the_page_is_one(language: str) -> None:
    page = (ROOT / f"docs/howto/logger_files.{language}.md").read_text(encoding="utf-8")
    blocks = [tomllib.loads(text) for text in re.findall(r"```toml\n(.*?)```", page, re.DOTALL)]
    assert len(blocks) == 3
    for block in blocks:
        if "connection" in block:
            LoggerFileConnection.model_validate(block["connection"][0])
        else:
            Mapping.model_validate(block)
