"""A uvicorn server with bounds on time, memory and connections."""

from __future__ import annotations

import asyncio

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

REQUEST_S = 10.0
"""In which a request must be whole [s], twice that on a connection that had one before."""
WRITE_BUFFER = 8 * 1024
"""What waits for a slow listener in this process at most, beside the answer's last part [bytes]; each has its own."""


class RequestTimeout(H11Protocol):
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


def uvicorn_server(app: ASGIApp) -> uvicorn.Server:
    """A server of an application; ``run(sockets=[bind(…)])`` serves until it is told to stop."""
    return uvicorn.Server(
        uvicorn.Config(
            app,
            http=RequestTimeout,
            log_level="warning",
            access_log=False,
            timeout_graceful_shutdown=2,
            lifespan="on",
            proxy_headers=False,
            server_header=False,
            limit_concurrency=512,
        )
    )
