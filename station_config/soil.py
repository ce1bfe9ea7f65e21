"""Table ``[soil]``."""

from __future__ import annotations

from station_config.base import Table


class SoilTable(Table):
    """Reserved."""
