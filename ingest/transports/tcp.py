"""A TCP connection as a stream of bytes: one that is dialled, and what every one has.

A link that is dead and does not say so is noticed by the kernel (keepalive, unacknowledged bytes), and by three
requests in a row after which not one byte came: it is dialled anew. One that the far end closed while nobody asked, as
gateways do, is found closed before the next request.
"""

from __future__ import annotations

import contextlib
import select
import socket
from time import monotonic
from typing import NoReturn

from soilco2.ingest.errors import PortGone
from soilco2.ingest.transports.network import connection_fault
from soilco2.ingest.transports.trace import Trace, untraced
from soilco2.station_config.message import Message

DIAL_S = 5.0
"""A far end may take this long to accept a connection [s]."""
_SEND_S = 5.0
_KEPT = 2048
"""Bytes kept of a babbling line while it is listened to."""
_IN_VAIN = 3
"""Requests in a row without one byte, after which a link counts as dead."""
_KEEPALIVE = {"TCP_KEEPIDLE": 60, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 3, "TCP_USER_TIMEOUT": 20_000}
"""Names of the options, with seconds, a number, and milliseconds."""
_HUNG_UP = select.POLLRDHUP | select.POLLHUP | select.POLLERR | select.POLLNVAL


def keep_alive(link: socket.socket) -> None:
    """Let the kernel notice when the far end is gone, and send small frames at once."""
    link.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for name, value in _KEEPALIVE.items():
        link.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def hung_up(link: socket.socket) -> bool:
    """Whether the far end, or the kernel, has ended a connection, whatever still lies unread."""
    if link.fileno() < 0:
        return True
    poll = select.poll()
    poll.register(link, select.POLLRDHUP)
    return any(what & _HUNG_UP for _, what in poll.poll(0))


class SocketStream:
    """The bytes of one TCP connection; for one thread.

    Parameters
    ----------
    name : str
        What people call it.
    trace : callable, optional
        Sees every byte that goes out or comes in.
    """

    def __init__(self, name: str, trace: Trace | None = None) -> None:
        self.port = name
        self.trace = trace or untraced
        self._link: socket.socket | None = None
        self._in_vain = 0

    @property
    def is_open(self) -> bool:
        """Whether there is a connection; one that has ended meanwhile, or counts as dead, is closed."""
        if self._link is not None and (self._in_vain >= _IN_VAIN or hung_up(self._link)):
            self._drop()
        return self._link is not None

    def open(self) -> None:
        """Open it; PortGone or PortBusy when it cannot be."""
        raise NotImplementedError

    def close(self) -> None:
        """End the connection."""
        self._drop()

    def _hold(self, link: socket.socket) -> None:
        """Go on with a new connection."""
        link.settimeout(_SEND_S)
        self._link = link
        self._in_vain = 0

    def _drop(self) -> None:
        link, self._link = self._link, None
        if link is not None:
            with contextlib.suppress(OSError):
                link.shutdown(socket.SHUT_RDWR)
            link.close()

    def receive(self, wait: float) -> bytes:
        """Whatever arrives next within `wait` [s]; empty when nothing does."""
        link = self._held()
        try:
            if not select.select([link], [], [], wait)[0]:
                return b""
            data = link.recv(4096)
        except OSError as error:
            self._lost(error)
        if not data:
            self._lost(ConnectionResetError(Message("the far end ended it")))
        self._in_vain = 0
        self.trace("in", data)
        return data

    def listen(self, seconds: float) -> bytes:
        """The last bytes of what arrives in `seconds` [s]."""
        end = monotonic() + seconds
        heard = b""
        while (left := end - monotonic()) > 0:
            heard = (heard + self.receive(left))[-_KEPT:]
        return heard

    def send(self, data: bytes) -> None:
        """Send bytes."""
        link = self._held()
        self.trace("out", data)
        self._in_vain += 1
        try:
            link.sendall(data)
        except OSError as error:
            self._lost(error)

    def _held(self) -> socket.socket:
        if self._link is None:
            raise PortGone(self._here(Message("it is not connected")))
        return self._link

    def _lost(self, error: OSError) -> NoReturn:
        self._drop()
        raise PortGone(
            self._here(Message("the connection was lost ({why})", why=connection_fault(error)))
        ) from error

    def _here(self, why: Message) -> Message:
        return Message("{port}: {why}", port=self.port, why=why)


class DialledStream(SocketStream):
    """A connection to a host that is dialled.

    Parameters
    ----------
    host : str
        Name or address.
    port : int
    trace : callable, optional
        Sees every byte that goes out or comes in.
    """

    def __init__(self, host: str, port: int, trace: Trace | None = None) -> None:
        super().__init__(f"[{host}]:{port}" if ":" in host else f"{host}:{port}", trace)
        self._place = (host, port)

    def open(self) -> None:
        """Dial.

        Raises
        ------
        PortGone
            When nobody accepts the connection.
        """
        try:
            link = socket.create_connection(self._place, timeout=DIAL_S)
        except (OSError, UnicodeError) as error:
            why = connection_fault(error)
            refused = Message(
                "it cannot be reached ({why}); check its supply, host and port, and that it takes one more connection",
                why=why,
            )
            raise PortGone(self._here(refused)) from error
        keep_alive(link)
        self._hold(link)
