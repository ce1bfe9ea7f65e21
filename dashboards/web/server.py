"""A uvicorn server with bounds on time, memory and connections."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from soilco2.dashboards.errors import QueryError
from soilco2.dashboards.web.limits import Slots, network_of
from soilco2.station_config.message import Message

REQUEST_S = 10.0
"""In which a request must be whole [s], twice that on a connection that had one before."""
WRITE_BUFFER = 8 * 1024
"""What waits for a slow listener in this process at most, beside the answer's last part [bytes]; each has its own."""
MOST_CONNECTIONS, EACH_CONNECTIONS = 512, 192
"""Connections at most, and those of one address."""
_FULL = (
    b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 10\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
)


class BoundedProtocol(H11Protocol):
    """Connections that cannot take the others' places: those of one address are bounded, and so is their silence.

    A connection on which no whole request comes is closed.

    Parameters
    ----------
    held : Slots, optional
        Open connections by address; None where a proxy holds them all.
    **uvicorns
        As uvicorn makes a protocol.
    """

    def __init__(self, held: Slots | None = None, **uvicorns: Any) -> None:
        super().__init__(**uvicorns)
        self._held = held
        self._holder: str | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if self._held is not None:
            holder = network_of(str((transport.get_extra_info("peername") or ("",))[0]))
            try:
                self._held.take(holder, MOST_CONNECTIONS, EACH_CONNECTIONS, Message("too many connections"))
            except QueryError:
                transport.write(_FULL)
                transport.close()
            else:
                self._holder = holder
        transport.set_write_buffer_limits(high=WRITE_BUFFER)
        self._seen: object = None
        self._look = self.loop.call_later(REQUEST_S, self._check)

    def connection_lost(self, exc: Exception | None) -> None:
        self._look.cancel()
        if self._held is not None and self._holder is not None:
            self._held.free(self._holder)
        super().connection_lost(exc)

    def _check(self) -> None:
        cycle = self.cycle
        if (cycle is None or cycle.response_complete) and cycle is self._seen:
            self.transport.close()
            return
        self._seen = cycle
        self._look = self.loop.call_later(REQUEST_S, self._check)


def uvicorn_server(app: ASGIApp, *, trust_proxy: bool = False) -> uvicorn.Server:
    """A server of an application; ``run(sockets=[bind(…)])`` serves until it is told to stop.

    Connections by address are bounded unless a trusted proxy holds them: then it is the proxy that bounds them, and
    requests are counted for the address it names.
    """
    held = None if trust_proxy else Slots()
    return uvicorn.Server(
        uvicorn.Config(
            app,
            http=partial(BoundedProtocol, held),  # type: ignore[arg-type]
            log_level="warning",
            access_log=False,
            timeout_graceful_shutdown=2,
            lifespan="on",
            proxy_headers=False,
            server_header=False,
            limit_concurrency=MOST_CONNECTIONS,
        )
    )
