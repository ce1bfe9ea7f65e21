"""Table ``[page]``: the built-in live page."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from soilco2.station_config.base import FilePath, Table


class PageTable(Table):
    """Where the page listens; loopback unless told otherwise."""

    host: str = "127.0.0.1"
    """Address to listen on; loopback unless told otherwise."""
    port: int = Field(default=8470, ge=0, le=65535)
    """Port; 0 takes a free one."""
    prefix: str = Field(default="", pattern=r"^(/[A-Za-z0-9_.~-]+)*$")
    """Path in front of every address, behind a proxy."""
    password_file: FilePath | None = None
    """File with the hash of the page's password, made by `soilco2 dashboard password`."""
    screens: FilePath | None = None
    """Folder of screen files."""
    language: Literal["en", "zh", "auto"] = "auto"
    """Language; `auto` follows the browser."""
