"""Table ``[influxdb]``: the database readings are forwarded to; several are allowed as ``[[influxdb]]``."""

from __future__ import annotations

from pydantic import Field

from station_config.base import Duration, FilePath, Identifier, Secret, Table


class InfluxdbTable(Table):
    """An InfluxDB 2 to which every observation is forwarded."""

    id: Identifier = "influxdb"
    url: str = Field(pattern=r"^https?://[^\s/]+")
    org: str
    bucket: str
    token: Secret
    batch: int = Field(default=5000, ge=1, le=50_000)
    timeout: Duration = 20.0
    ca_file: FilePath | None = None
    tail: Duration = 600.0
    """Stretch sent again after an outage."""
