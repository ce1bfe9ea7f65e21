"""Reading models and turning what is wrong with them into faults."""

from __future__ import annotations

import tomllib
from pathlib import Path

from station_config.catalogue import ProbeModel


def read_model(path: Path) -> ProbeModel:
    """A model of the catalogue."""
    return ProbeModel.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
