"""Table ``[flux]``."""

from __future__ import annotations

from station_config.base import Table


class FluxTable(Table):
    """Reserved."""
