"""Tables ``[mqtt]`` and ``[[broker]]``: the brokers that are listened to."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from soilco2.station_config.base import FilePath, Identifier, Secret, Table


class MqttTable(Table):
    """The broker; `client_id` must be this collector's alone.

    `inflight` bounds the messages taken but not yet committed.
    """

    host: str = Field(default="127.0.0.1", pattern=r"^[^\s/@:]+$|^[0-9A-Fa-f:]+$")
    """Host name or address of the broker."""
    port: int = Field(default=1883, ge=1, le=65535)
    """Its port."""
    version: Literal["3.1.1", "5"] = "3.1.1"
    """Version of the protocol."""
    client_id: Identifier | None = None
    """Name of the session; this collector's alone. Left out: `soilco2-<station>`."""
    username: str | None = None
    """User name."""
    password: Secret | None = None
    """Where the password comes from."""
    tls: bool = False
    """Encrypted."""
    ca_file: FilePath | None = None
    """Certificates to trust, for `tls` with an authority of your own."""
    inflight: int = Field(default=1000, ge=1, le=65_535)
    """Messages taken but not yet committed, at most."""

    def session(self, station: str) -> str:
        """Name of the session of a station's collector."""
        return self.client_id or f"soilco2-{station}"


class BrokerTable(MqttTable):
    """A further broker, beside that of `[mqtt]`: connections name it with their key `broker`."""

    id: Identifier
    """Name of the broker."""

    def session(self, station: str) -> str:
        """Name of the session of a station's collector."""
        return self.client_id or f"soilco2-{station}-{self.id}"
