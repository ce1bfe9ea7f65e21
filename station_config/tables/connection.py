"""Table ``[[connection]]``: a line on which instruments answer or publish; its keys depend on its kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Union

from pydantic import Field

from soilco2.station_config.connections import registry

__all__ = ["Connection"]

if TYPE_CHECKING:
    from soilco2.station_config.connections.kind import Connection as Connection
else:
    _tables: Any = tuple(registry.tables())
    Connection = Annotated[Union[_tables], Field(discriminator="kind")]  # noqa: UP007 - made from what there is
