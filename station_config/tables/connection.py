"""Table ``[[connection]]``: a line on which instruments answer or publish; its keys depend on its kind."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import GetCoreSchemaHandler, ValidationError, ValidationInfo
from pydantic_core import CoreSchema, InitErrorDetails, PydanticCustomError, PydanticKnownError, core_schema

from soilco2.station_config.base import Table
from soilco2.station_config.connections import kind as kinds
from soilco2.station_config.connections import registry

__all__ = ["Connection"]


class _ByKind:
    """Which table it is says the key ``kind``; the modules of kinds that nobody names are not imported."""

    def tables(self, row: Any = None) -> Sequence[type[Table]]:
        """The tables there are, or the one that a row is meant for."""
        if row is None:
            return registry.tables()
        table = self._of(row)
        return () if table is None else (table,)

    def _of(self, row: Any) -> type[kinds.Connection] | None:
        name = row.get("kind") if isinstance(row, dict) else None
        kind = registry.kind_named(name) if isinstance(name, str) else None
        return None if kind is None else kind.table

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.with_info_plain_validator_function(
            self._valid, serialization=core_schema.simple_ser_schema("any")
        )

    def _valid(self, value: Any, info: ValidationInfo) -> kinds.Connection:
        if isinstance(value, kinds.Connection):
            return value
        if not isinstance(value, dict):
            raise PydanticKnownError("model_type", {"class_name": "Connection"})
        table = self._of(value)
        if table is None:
            raise PydanticKnownError("union_tag_not_found", {"discriminator": "kind"})
        try:
            if info.mode == "json":  # the canonical text: a path is text there
                return table.model_validate_json(json.dumps(value))
            return table.model_validate(value)
        except ValidationError as error:
            raise _inside(value["kind"], error) from None


def _inside(kind: str, error: ValidationError) -> ValidationError:
    """The same faults, each below the kind, as a choice of tables has them."""
    rows: list[InitErrorDetails] = []
    for one in error.errors(include_url=False):
        said = PydanticCustomError(one["type"], one["msg"], one.get("ctx"))
        rows.append(InitErrorDetails(type=said, loc=(kind, *one["loc"]), input=one["input"]))
    return ValidationError.from_exception_data(error.title, rows)


if TYPE_CHECKING:
    from soilco2.station_config.connections.kind import Connection as Connection
else:
    Connection = Annotated[kinds.Connection, _ByKind()]
