"""Table ``[[people]]``: roles, for the plans."""

from __future__ import annotations

from typing import Literal

from soilco2.station_config.base import BothNames, Table


class Person(Table):
    """Somebody responsible for something."""

    name: BothNames
    """Name."""
    role: Literal["owner", "operator", "technician", "data-manager", "analyst", "reviewer"]
    """Role."""
    organisation: BothNames | None = None
    """Organisation."""
    contact: str = ""
    """How to reach them."""
