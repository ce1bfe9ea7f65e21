"""The page and the server that it runs on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from uvicorn import Server

    from soilco2.dashboards.live.queries import PageStation
    from soilco2.dashboards.web.auth import Password


def server(
    pages: Sequence[PageStation],
    *,
    version: str,
    every_s: float = 0.5,
    password: Password | None = None,
    results: Path | None = None,
    screen_folder: Path | None = None,
    prefix: str = "",
    language: str = "auto",
    trust_proxy: bool = False,
) -> Server:
    """A server of the page; ``run(sockets=[bind(…)])`` serves until it is told to stop.

    The parameters are those of `create_app`. Without a password and without a proxy that is trusted it answers only
    to an address or localhost.
    """
    from soilco2.dashboards.live.app import create_app
    from soilco2.dashboards.web.server import uvicorn_server

    return uvicorn_server(
        create_app(
            pages,
            version=version,
            every_s=every_s,
            password=password,
            results=results,
            screen_folder=screen_folder,
            prefix=prefix,
            language=language,
            trust_proxy=trust_proxy,
            own_names=password is None and not trust_proxy,
        ),
        trust_proxy=trust_proxy,
    )
