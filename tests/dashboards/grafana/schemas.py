"""The JSON Schemas that Grafana publishes, from the folder that ``SOILCO2_GRAFANA_SCHEMAS`` names."""

from __future__ import annotations

import json
import os
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft7Validator

from tests.servers import missing

HOW = (
    "clone github.com/grafana/grafana-foundation-sdk, check out f178d5a "
    "and name its folder jsonschema in SOILCO2_GRAFANA_SCHEMAS"
)


def schema(kind: str) -> dict[str, Any]:
    """One of the schemas, or the end of the test."""
    folder = os.environ.get("SOILCO2_GRAFANA_SCHEMAS")
    path = Path(folder or "") / f"{kind}.jsonschema.json"
    if not folder or not path.is_file():
        missing(f"Grafana's JSON Schema {path.name}", HOW)
    return _read(path)


@cache
def _read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


@cache
def validator(kind: str, definition: str) -> Draft7Validator:
    """Judges one definition."""
    return Draft7Validator({**schema(kind), "$ref": f"#/definitions/{definition}"})


def units() -> set[str]:
    """Every unit that Grafana knows."""
    return {row["const"] for row in schema("units")["definitions"].values()}
