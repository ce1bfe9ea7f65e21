"""Serve the page: loopback only, unless a password or a trusted proxy guards it."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from soilco2.dashboards.errors import ServeError

if TYPE_CHECKING:
    from uvicorn import Server

    from soilco2.dashboards.live.auth import Password
    from soilco2.dashboards.live.queries import PageStation

REQUEST_S = 10.0
"""In which a request must be whole [s], twice that on a connection that had one before."""
WRITE_BUFFER = 8 * 1024
"""What waits for a slow listener in this process at most, beside the answer's last part [bytes]; each has its own."""
LOOPBACK = ("127.0.0.1", "::1", "localhost")


def bind(host: str, port: int, *, guarded: bool = False) -> socket.socket:
    """A listening socket.

    Parameters
    ----------
    host : str
        Address; beyond loopback only when `guarded`.
    port : int
        Port; 0 takes a free one.
    guarded : bool
        A password is asked for, or a trusted proxy stands in front.

    Raises
    ------
    ServeError
        When the address is beyond loopback and nothing guards it, or it cannot be used.
    """
    if host not in LOOPBACK and not guarded:
        raise ServeError(
            f"the page is not served on {host}: beyond loopback it would stand open to everybody; give "
            "--password-file ('soilco2 dashboard password FILE' makes one), or --trust-proxy when a proxy asks"
        )
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except (OSError, UnicodeError) as error:
        listener.close()
        why = getattr(error, "strerror", None) or str(error)
        if isinstance(error, OSError) and error.errno in (errno.EADDRINUSE, errno.EACCES):
            raise ServeError(
                f"port {port} on {host} cannot be used ({why}); choose another with --port"
            ) from error
        raise ServeError(f"address {host!r} cannot be used ({why}); give one of this machine's") from error
    listener.listen(128)
    return listener


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
    chinese: Callable[[str], str] = str,
) -> Server:
    """A uvicorn server of the page; ``run(sockets=[bind(…)])`` serves until it is told to stop.

    The parameters are those of `create_app`. Without a password and without a proxy that is trusted it answers only
    to an address or localhost.
    """
    import uvicorn
    from uvicorn.protocols.http.h11_impl import H11Protocol

    from soilco2.dashboards.live.app import create_app

    class Impatient(H11Protocol):
        """Closes a connection on which no whole request comes: half ones must not take the others' places."""

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            transport.set_write_buffer_limits(high=WRITE_BUFFER)
            self._seen: object = None
            self._look = self.loop.call_later(REQUEST_S, self._check)

        def connection_lost(self, exc: Exception | None) -> None:
            self._look.cancel()
            super().connection_lost(exc)

        def _check(self) -> None:
            cycle = self.cycle
            if (cycle is None or cycle.response_complete) and cycle is self._seen:
                self.transport.close()
                return
            self._seen = cycle
            self._look = self.loop.call_later(REQUEST_S, self._check)

    app = create_app(
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
        chinese=chinese,
    )
    return uvicorn.Server(
        uvicorn.Config(
            app,
            http=Impatient,
            log_level="warning",
            access_log=False,
            timeout_graceful_shutdown=2,
            lifespan="on",
            proxy_headers=False,
            server_header=False,
            limit_concurrency=512,
        )
    )
