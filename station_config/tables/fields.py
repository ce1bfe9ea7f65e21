"""What tables and keys a model has: for messages, for paths, for the reference pages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic.fields import FieldInfo

from soilco2.station_config.base import Secret, Table


def key_of(name: str, field: FieldInfo) -> str:
    """The key in the file: the alias where there is one."""
    return field.alias or name


@cache
def keys(model: type[Table]) -> dict[str, FieldInfo]:
    """Every key of a table."""
    return {key_of(name, field): field for name, field in model.model_fields.items()}


def tables(annotation: Any, row: Any = None) -> list[type[Table]]:
    """The tables that a type may hold, at any depth of tuples, unions and annotations.

    Where a table says itself which it is, it is that of `row` alone if one is given.
    """
    if isinstance(annotation, type) and issubclass(annotation, Table):
        return [annotation]
    for how in getattr(annotation, "__metadata__", ()):
        if hasattr(how, "tables"):
            return list(how.tables(row))
    return [model for part in get_args(annotation) for model in tables(part, row)]


def holds(annotation: Any, wanted: type) -> bool:
    """Whether a type is, or may hold, `wanted`."""
    return annotation is wanted or any(holds(part, wanted) for part in get_args(annotation))


def choices(model: type[Table]) -> tuple[str, ...]:
    """What the key ``kind`` of a table may be; empty where it has none."""
    field = model.model_fields.get("kind")
    if field is None or get_origin(field.annotation) is not Literal:
        return ()
    return get_args(field.annotation)


def model_at(root: type[Table], path: Sequence[str | int]) -> tuple[list[type[Table]], FieldInfo | None]:
    """The tables a path leads to, and the field of its last key; no tables where it ends in a value."""
    found: list[type[Table]] = [root]
    last: FieldInfo | None = None
    for part in path:
        if isinstance(part, int):
            continue
        chosen = [model for model in found if part in choices(model)]
        if chosen:
            found = chosen
            continue
        fields = [keys(model)[part] for model in found if part in keys(model)]
        last = fields[0] if fields else None
        found = [table for field in fields for table in tables(field.annotation)]
    return found, last


def paths(model: type[Table], data: dict[str, Any]) -> Iterator[tuple[dict[str, Any], str]]:
    """Every key of the data of a table whose value is the path of a file, with the table it stands in."""
    for key, field in keys(model).items():
        value = data.get(key)
        if value is None:
            continue
        if holds(field.annotation, Path):
            yield data, key
        for row in value if isinstance(value, list) else [value]:
            if isinstance(row, dict):
                for table in tables(field.annotation, row):
                    yield from paths(table, row)


def is_secret(root: type[Table], path: Sequence[str | int]) -> bool:
    """Whether a key is, or lies in, a secret."""
    for end in range(len(path)):
        _, field = model_at(root, path[: end + 1])
        if field is not None and holds(field.annotation, Secret):
            return True
    return False
