"""Table ``[mqtt]``: the broker that nodes publish to."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from station_config.base import FilePath, Identifier, Secret, Table


class MqttTable(Table):
    """The broker; `client_id` must be this collector's alone.

    `inflight` bounds the messages taken but not yet committed.
    """

    host: str = Field(default="127.0.0.1", pattern=r"^[^\s/@:]+$|^[0-9A-Fa-f:]+$")
    port: int = Field(default=1883, ge=1, le=65535)
    version: Literal["3.1.1", "5"] = "3.1.1"
    client_id: Identifier | None = None
    username: str | None = None
    password: Secret | None = None
    tls: bool = False
    ca_file: FilePath | None = None
    inflight: int = Field(default=1000, ge=1, le=65_535)
