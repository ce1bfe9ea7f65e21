"""Table ``[page]``: the built-in live page."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from station_config.base import FilePath, Table


class PageTable(Table):
    """Where the page listens; loopback unless told otherwise."""

    host: str = "127.0.0.1"
    port: int = Field(default=8470, ge=0, le=65535)
    prefix: str = Field(default="", pattern=r"^(/[A-Za-z0-9_.~-]+)*$")
    password_file: FilePath | None = None
    screens: FilePath | None = None
    language: Literal["en", "zh", "auto"] = "auto"
