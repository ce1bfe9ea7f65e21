"""Serve the page: loopback only, unless told otherwise."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from typing import TYPE_CHECKING

from dashboards.errors import ServeError

if TYPE_CHECKING:
    from uvicorn import Server

    from dashboards.live.data import PageStation

LOOPBACK = ("127.0.0.1", "::1", "localhost")


def bind(host: str, port: int) -> socket.socket:
    """A listening socket.

    Parameters
    ----------
    host : str
        Loopback address.
    port : int
        Port; 0 takes a free one.

    Raises
    ------
    ServeError
        When the address is not loopback, or the port is taken.
    """
    if host not in LOOPBACK:
        raise ServeError(
            f"the page is not served on {host}: beyond loopback it would stand open to everybody; "
            "use 127.0.0.1 and a proxy with a password in front"
        )
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise ServeError(
            f"port {port} on {host} cannot be used ({error.strerror}); choose another with --port"
        ) from error
    listener.listen(128)
    return listener


def server(pages: Sequence[PageStation], *, version: str, every_s: float = 0.5) -> Server:
    """A uvicorn server of the page; ``run(sockets=[bind(…)])`` serves until it is told to stop."""
    import uvicorn

    from dashboards.live.app import create_app

    app = create_app(pages, version=version, every_s=every_s)
    return uvicorn.Server(
        uvicorn.Config(app, log_level="warning", access_log=False, timeout_graceful_shutdown=2, lifespan="on")
    )
