"""Table ``[[connection]]``: a line on which instruments answer or publish; its keys depend on its kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Union

from pydantic import Field

from soilco2.station_config.connections import kind

__all__ = ["Connection"]

if TYPE_CHECKING:
    Connection = kind.Connection
else:
    _tables: Any = tuple(kind.tables())
    Connection = Annotated[Union[_tables], Field(discriminator="kind")]  # noqa: UP007 - made from what there is
