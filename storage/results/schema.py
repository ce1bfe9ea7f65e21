"""The JSON Schema of results files, made from the records themselves.

``python -m soilco2.storage.results.schema > docs/reference/results.schema.json`` renews the published one.
"""

from __future__ import annotations

import json
import types
import typing
from collections.abc import Mapping
from dataclasses import MISSING, fields
from typing import Any

from soilco2.station_config.message import Message
from soilco2.storage.results.results import SCHEMA, Result, ResultFile

_PLAIN: dict[Any, str] = {
    str: "string",
    int: "integer",
    float: "number",
    bool: "boolean",
    types.NoneType: "null",
}


def _schema_of(kind: Any) -> dict[str, Any]:
    if kind is Result:
        return {"$ref": "#/$defs/result"}
    if kind is Any:
        return {}
    if kind in _PLAIN:
        return {"type": _PLAIN[kind]}
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin is types.UnionType:
        return {"type": [_PLAIN[part] for part in inner]}
    if origin is tuple:
        return {"type": "array", "items": _schema_of(inner[0])}
    if origin is Mapping:
        return {"type": "object", "additionalProperties": _schema_of(inner[1])}
    raise TypeError(Message("no schema for {kind}", kind=repr(kind)))


def _object(record: type) -> dict[str, Any]:
    kinds = typing.get_type_hints(record)
    every = fields(record)
    needed = [f.name for f in every if f.default is MISSING and f.default_factory is MISSING]
    return {
        "type": "object",
        "properties": {f.name: _schema_of(kinds[f.name]) for f in every},
        "required": needed,
        "additionalProperties": False,
    }


def schema() -> dict[str, Any]:
    """The schema of a results file (JSON Schema 2020-12)."""
    whole = _object(ResultFile)
    whole["properties"] = {"schema": {"const": SCHEMA}, **whole["properties"]}
    whole["required"] = ["schema", *whole["required"], "rows"]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Results of one analysis: numbers with their interval, or the reason why they are withheld",
        **whole,
        "$defs": {"result": _object(Result)},
    }


if __name__ == "__main__":
    print(json.dumps(schema(), indent=2, ensure_ascii=False))
