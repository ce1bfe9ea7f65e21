"""A port that modems dial: who they are is known by their registration, then a line has the connection.

One thread accepts, listens to the first bytes of each connection and knows the modem by them. The newest connection of
a modem takes the place of the one before, which may be half-open. Whoever is not known is counted, remembered in a
short list, and let go; nothing is ever sent to it. Everything is bounded: connections that have not said who they are,
the time they have, the bytes they may send, the list.
"""

from __future__ import annotations

import contextlib
import errno
import selectors
import socket
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from time import monotonic, sleep
from typing import Any

from soilco2.ingest.errors import PortBusy, PortGone
from soilco2.ingest.protocols.registration import MOST, who
from soilco2.ingest.supervisor import Listener
from soilco2.ingest.transports.network import connection_fault
from soilco2.ingest.transports.tcp import SocketStream, hung_up, keep_alive
from soilco2.ingest.transports.trace import Trace
from soilco2.station_config.connections.modbus_dtu import MOST_BYTES, as_text
from soilco2.station_config.connections.modbus_tcp import host_and_port
from soilco2.station_config.message import Message

STRANGERS = 20
"""Unknown modems that are remembered."""
PENDING = 64
"""Connections that have not said who they are, at most; the oldest gives way."""
PATIENCE_S = 30.0
"""A connection has so long to say who it is [s]."""
PAUSE_S = 0.2
"""So long after its first byte a registration is taken to be whole, unless it can still become a known one [s]."""
_REBIND_S = (0.5, 10.0)
_SILENT = "(silent)"


@dataclass
class Stranger:
    """A modem that no connection of the station file names."""

    host: str
    count: int = 0
    last_us: int = 0


@dataclass
class _Link:
    """The newest connection of a modem."""

    socket: socket.socket
    host: str
    since_us: int
    taken: bool = False


@dataclass
class _Pending:
    """A connection that has not said who it is."""

    host: str
    until: float
    data: bytes = b""
    quiet_at: float = field(default=float("inf"))


class DtuPort:
    """A listening port and the modems that are connected to it; for many threads.

    Parameters
    ----------
    host, port
        Where it listens.
    known : mapping of bytes to str
        Registrations, with the id of the connection.
    heartbeats : sequence of bytes
        Of all modems on it.
    now_us : callable
        The time, for people [µs UTC].
    patience_s : float
        From now on, modems that have not dialled are waited for so long [s].
    """

    def __init__(
        self,
        host: str,
        port: int,
        known: Mapping[bytes, str],
        heartbeats: Sequence[bytes],
        now_us: Callable[[], int],
        patience_s: float = 0.0,
    ) -> None:
        self._patient_until = monotonic() + patience_s
        self.name = host_and_port(host, port)
        self.place = (host, port)
        self.known = known
        self.heartbeats = heartbeats
        self.error: PortGone | PortBusy | None = None
        """Why it does not listen."""
        self._now_us = now_us
        self._links: dict[bytes, _Link] = {}
        self._replaced: dict[bytes, int] = dict.fromkeys(known, 0)
        self._strangers: OrderedDict[str, Stranger] = OrderedDict()
        self._refused = 0
        self._changed = threading.Condition()

    def offer(self, registration: bytes, link: socket.socket, host: str) -> None:
        """A known modem is connected; its connection before this one ends."""
        with self._changed:
            before = self._links.get(registration)
            self._links[registration] = _Link(link, host, self._now_us())
            if before is not None:
                self._replaced[registration] += 1
                with contextlib.suppress(OSError):
                    before.socket.shutdown(socket.SHUT_RDWR)
                if not before.taken:  # else its line, which notices, closes it
                    before.socket.close()
            self._changed.notify_all()

    def take(self, registration: bytes) -> socket.socket | None:
        """The connection of a modem, for one line alone; None when it has not dialled."""
        with self._changed:
            patience_s = max(0.0, self._patient_until - monotonic())
            if not self._changed.wait_for(lambda: self._there(registration), patience_s):
                return None
            link = self._links[registration]
            link.taken = True
            return link.socket

    def _there(self, registration: bytes) -> bool:
        link = self._links.get(registration)
        if link is None or link.taken:
            return False
        if hung_up(link.socket):
            link.socket.close()
            del self._links[registration]
            return False
        return True

    def give_back(self, registration: bytes, link: socket.socket) -> bool:
        """A line needs its connection no more; False when it has ended, or is not the newest."""
        with self._changed:
            mine = self._links.get(registration)
            if mine is None or mine.socket is not link or self.error is not None:
                return False
            mine.taken = False
            return True

    def lost(self, registration: bytes, link: socket.socket) -> None:
        """A line has found its connection ended."""
        with self._changed:
            mine = self._links.get(registration)
            if mine is not None and mine.socket is link:
                del self._links[registration]

    def refuse(self, said: bytes, host: str) -> None:
        """Remember a modem that is not known."""
        name = as_text(said[:MOST_BYTES]) if said else _SILENT
        with self._changed:
            self._refused += 1
            row = self._strangers.pop(name, None) or Stranger(host)
            row.host, row.count, row.last_us = host, row.count + 1, self._now_us()
            self._strangers[name] = row
            if len(self._strangers) > STRANGERS:
                self._strangers.popitem(last=False)
            self._changed.notify_all()

    def wait(self, wait_s: float) -> None:
        """Wait until something changes, at most so long [s]."""
        with self._changed:
            self._changed.wait(wait_s)

    def end(self) -> None:
        """End every connection."""
        with self._changed:
            for link in self._links.values():
                with contextlib.suppress(OSError):
                    link.socket.shutdown(socket.SHUT_RDWR)
                if not link.taken:
                    link.socket.close()
            self._links.clear()

    def status(self) -> dict[str, Any]:
        """Who is connected, and who is not known."""
        with self._changed:
            connected = {name: link for name, link in self._links.items() if not hung_up(link.socket)}
            return {
                "port": self.name,
                "error": Message.of(self.error or ""),
                "connections": {
                    self.known[name]: {
                        "registration": as_text(name),
                        "connected": name in connected,
                        "from": connected[name].host if name in connected else "",
                        "since_us": connected[name].since_us if name in connected else None,
                        "replaced": self._replaced[name],
                    }
                    for name in self.known
                },
                "unknown": [
                    {"registration": name, "from": row.host, "count": row.count, "last_us": row.last_us}
                    for name, row in reversed(self._strangers.items())
                ],
                "unknown_count": self._refused,
            }


class DtuListener(Listener):
    """The thread that listens on a port.

    Parameters
    ----------
    port : DtuPort
    """

    def __init__(self, port: DtuPort) -> None:
        self.port = port
        self._failure: BaseException | None = None
        self._selector = selectors.DefaultSelector()
        self._pending: OrderedDict[socket.socket, _Pending] = OrderedDict()
        self._server: socket.socket | None = None
        self._bind_wait = 0.0
        self._bind_at = 0.0
        self._stopping = False
        self._wake_out, self._wake_in = socket.socketpair()
        self._selector.register(self._wake_out, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._run, name=f"listener {port.name}", daemon=True)

    def start(self) -> None:
        """Begin; whether the port can be had is known when this returns."""
        self._bind()
        self._thread.start()

    def stop(self) -> None:
        """Ask the thread to end."""
        self._stopping = True
        self._wake_in.send(b"\0")

    def join(self, timeout: float | None = None) -> None:
        """Wait for the end of the thread."""
        self._thread.join(timeout)

    @property
    def alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread.is_alive()

    @property
    def failure(self) -> BaseException | None:
        """What ended the thread, if it did not end by `stop`."""
        return self._failure

    def status(self) -> dict[str, Any]:
        """Who is connected, and who is not known."""
        return self.port.status()

    def _bind(self) -> None:
        host, port = self.port.place
        try:
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            self._server = socket.create_server((host, port), family=family)
        except OSError as error:
            shortest, longest = _REBIND_S
            self._bind_wait = min(max(shortest, 2 * self._bind_wait), longest)
            self._bind_at = monotonic() + self._bind_wait
            self.port.error = _refusal(self.port.name, error)
            return
        self._server.setblocking(False)
        self._selector.register(self._server, selectors.EVENT_READ)
        self.port.error = None
        self._bind_wait = 0.0

    def _run(self) -> None:
        try:
            while not self._stopping:
                self._turn()
        except BaseException as error:  # noqa: BLE001 - kept for the supervisor, who starts another thread
            self._failure = error
        finally:
            for link in (*self._pending, self._server, self._wake_out, self._wake_in):
                if link is not None:
                    link.close()
            self._selector.close()
            self.port.error = PortGone(
                Message("{port}: the port is not listened to any more", port=self.port.name)
            )
            self.port.end()

    def _turn(self) -> None:
        times = [min(row.until, row.quiet_at) for row in self._pending.values()]
        times += [self._bind_at] if self._server is None else []
        wait = max(0.0, min(times) - monotonic()) if times else None
        for key, _ in self._selector.select(wait):
            if key.fileobj is self._server:
                self._accept()
            elif key.fileobj in self._pending:
                self._hear(key.fileobj)  # type: ignore[arg-type]
        now = monotonic()
        if self._server is None and now >= self._bind_at and not self._stopping:
            self._bind()
        for link, row in list(self._pending.items()):
            if now >= row.until or now >= row.quiet_at:
                self._judge(link, row, over=now >= row.until)

    def _accept(self) -> None:
        assert self._server is not None
        try:
            link, place = self._server.accept()
        except OSError:  # it went away again, or there is no file descriptor left
            sleep(0.1)
            return
        try:
            link.setblocking(False)
            keep_alive(link)
        except OSError:
            link.close()
            return
        self._pending[link] = _Pending(str(place[0]), monotonic() + PATIENCE_S)
        self._selector.register(link, selectors.EVENT_READ)
        if len(self._pending) > PENDING:
            oldest, row = next(iter(self._pending.items()))
            self._refuse(oldest, row)

    def _hear(self, link: socket.socket) -> None:
        row = self._pending[link]
        try:
            data = link.recv(MOST)
        except OSError:
            data = b""
        if not data:
            self._refuse(link, row)
            return
        row.data += data
        row.quiet_at = min(row.quiet_at, monotonic() + PAUSE_S)
        if len(row.data) >= MOST:
            self._judge(link, row, over=True)

    def _judge(self, link: socket.socket, row: _Pending, *, over: bool) -> None:
        """The bytes are whole, or the time is over: who is it?"""
        row.quiet_at = float("inf")
        said = who(row.data, tuple(self.port.known), self.port.heartbeats)
        if said.registration is not None:
            self._let_go(link)
            self.port.offer(said.registration, link, row.host)
        elif over or not said.open:
            self._refuse(link, row)

    def _refuse(self, link: socket.socket, row: _Pending) -> None:
        self._let_go(link)
        link.close()
        self.port.refuse(row.data, row.host)

    def _let_go(self, link: socket.socket) -> None:
        self._selector.unregister(link)
        del self._pending[link]


def _refusal(name: str, error: OSError) -> PortGone | PortBusy:
    if error.errno == errno.EADDRINUSE:
        busy = Message("another process listens on this port; stop it, or choose another port")
        return PortBusy(Message("{port}: {why}", port=name, why=busy))
    why = connection_fault(error)
    gone = Message(
        "it cannot be listened on ({why}); host must be an address of this machine, port one that you may use",
        why=why,
    )
    return PortGone(Message("{port}: {why}", port=name, why=gone))


class DtuStream(SocketStream):
    """The connection of one modem.

    Parameters
    ----------
    port : DtuPort
    registration : bytes
    trace : callable, optional
        Sees every byte that goes out or comes in.
    """

    def __init__(self, port: DtuPort, registration: bytes, trace: Trace | None = None) -> None:
        super().__init__(f"{as_text(registration)} > {port.name}", trace)
        self._at = port
        self._registration = registration

    def open(self) -> None:
        """Take the connection of the modem.

        Raises
        ------
        PortBusy
            When another process listens on the port.
        PortGone
            When the port cannot be listened on, or the modem has not dialled.
        """
        if self._link is not None:
            return
        if self._at.error is not None:
            raise type(self._at.error)(Message.of(self._at.error))
        link = self._at.take(self._registration)
        if link is None:
            absent = Message(
                "the modem has not dialled in; check its supply, signal and SIM, the host and port it dials, and its "
                "registration ('soilco2 status' shows those that are not known)"
            )
            raise PortGone(self._here(absent))
        self._hold(link)

    def close(self) -> None:
        """Give the connection back, for the line that is made next."""
        if self._link is not None and self._at.give_back(self._registration, self._link):
            self._link = None
        self._drop()

    def _drop(self) -> None:
        if self._link is not None:
            self._at.lost(self._registration, self._link)
        super()._drop()
