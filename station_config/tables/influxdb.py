"""Table ``[influxdb]``: the database readings are forwarded to; several are allowed as ``[[influxdb]]``."""

from __future__ import annotations

from pydantic import Field

from soilco2.station_config.base import Duration, FilePath, Identifier, Secret, Table


class InfluxdbTable(Table):
    """An InfluxDB 2 to which every observation is forwarded."""

    id: Identifier = "influxdb"
    """Name of this database in status and counters."""
    url: str = Field(pattern=r"^https?://[^\s/]+")
    """Address of the server."""
    org: str = Field(min_length=1)
    """Organisation."""
    bucket: str = Field(min_length=1)
    """Bucket."""
    token: Secret
    """Where the token comes from."""
    batch: int = Field(default=5000, ge=1, le=50_000)
    """Lines sent in one request."""
    timeout: Duration = 20.0
    """Longest wait for an answer as a whole; a large one has a second more for each 32 KiB that came."""
    ca_file: FilePath | None = None
    """Certificates to trust, for `https` with an authority of your own."""
    tail: Duration = 600.0
    """Stretch sent again after an outage."""
