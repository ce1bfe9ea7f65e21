"""The far side of TCP connections with Modbus slaves behind it: a gateway that is dialled, a modem that dials in.

A gateway that speaks Modbus TCP hands on what is a sound answer and nothing else, under the number of its request, and
says exception 11 when the line stays silent. A transparent one, and a modem, hand on every byte.
"""

from __future__ import annotations

import contextlib
import heapq
import select
import socket
import threading
from itertools import count
from time import monotonic
from typing import Any, Literal

from soilco2.ingest.errors import SimulationError
from soilco2.ingest.protocols.mbap import Numbered, split, wrap
from soilco2.ingest.protocols.modbus import (
    GATEWAY_TARGET_SILENT,
    Request,
    answers,
    exception_frame,
    parse_request,
    sound,
)
from soilco2.ingest.simulate.line import Parser, Responder
from soilco2.station_config.connections.modbus_tcp import host_and_port
from soilco2.station_config.message import Message, system

PATIENCE_S = 0.4
"""A gateway waits so long for an answer on its line [s]."""
_WRITTEN = (5, 8)
"""Bytes of an answer to a write, refused and done."""
_DIAL_S = 0.5
_DIAL_PAUSE_S = 0.2


class _Far:
    """Connections, and what goes out on them when; the thread that serves them."""

    def __init__(self, host: str, port: int, respond: Responder, parse: Parser) -> None:
        self.link = host_and_port(host, port)
        """Where it is found."""
        self.links: dict[socket.socket, bytes] = {}
        """Connections, each with what was heard on it and not served."""
        self._place = (host, port)
        self._respond = respond
        self._parse = parse
        self.plugged = True
        self._stopping = False
        self._due: list[tuple[float, int, socket.socket, bytes]] = []
        self._order = count()
        self._mutex = threading.RLock()
        self._wake_out, self._wake_in = socket.socketpair()
        self._thread = threading.Thread(target=self._run, name=f"far {self.link}", daemon=True)

    def speed(self) -> None:
        """Not known: who asks does not set it."""

    def plug(self) -> None:
        """Let it be reached, or dial: a gateway is there when this returns."""
        self.plugged = True
        with self._mutex:
            self._tend()
        self._poke()

    def unplug(self) -> None:
        """Cut every connection and be away."""
        self.plugged = False
        with self._mutex:
            self._tend()
        self._poke()

    def stop(self) -> None:
        """Take it away."""
        if self._stopping:
            return
        self._stopping = True
        self.unplug()
        self._thread.join()
        self._wake_in.close()
        self._wake_out.close()

    def say(self, data: bytes) -> None:
        """Send bytes on every connection, unasked."""
        with self._mutex:
            for link in list(self.links):
                self._out(link, data)

    def cut(self) -> None:
        """End every connection; the next one is welcome."""
        with self._mutex:
            for link in list(self.links):
                self._end(link)

    def _poke(self) -> None:
        self._wake_in.send(b"\0")

    def _run(self) -> None:
        while not self._stopping:
            with self._mutex:
                self._tend()
                extra = self._listening()
                watched = [self._wake_out, *extra, *self.links]
                times = [*([self._due[0][0]] if self._due else []), *self._times()]
                wait = max(0.0, min(times) - monotonic()) if times else None
            try:
                ready = select.select(watched, [], [], wait)[0]
            except (OSError, ValueError):  # one was closed meanwhile
                continue
            with self._mutex:
                for one in ready:
                    if one is self._wake_out:
                        one.recv(256)
                    elif one in self.links:
                        self._hear(one)
                    elif one in self._listening():
                        self._accept(one)
                while self._due and self._due[0][0] <= monotonic():
                    _, _, link, data = heapq.heappop(self._due)
                    self._out(link, data)

    def _listening(self) -> list[socket.socket]:
        return []

    def _times(self) -> list[float]:
        """When something is to be done though nothing is heard [s, monotonic]."""
        return []

    def _tend(self) -> None:
        """Be there, or away."""
        raise NotImplementedError

    def _accept(self, server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            link, _ = server.accept()
            self.links[link] = b""

    def _end(self, link: socket.socket) -> None:
        self.links.pop(link, None)
        with contextlib.suppress(OSError):
            link.shutdown(socket.SHUT_RDWR)
        link.close()

    def _hear(self, link: socket.socket) -> None:
        try:
            data = link.recv(4096)
        except OSError:
            data = b""
        if not data:
            self._end(link)
            return
        self.links[link] = self._serve(link, self.links[link] + data)

    def _serve(self, link: socket.socket, heard: bytes) -> bytes:
        while True:
            request, heard, foreign = self._parse(heard)
            if request is None:
                return heard
            at = monotonic()
            for wait, data in self._respond(request, foreign):
                at += wait
                self._later(at, link, data)

    def _later(self, at: float, link: socket.socket, data: bytes) -> None:
        heapq.heappush(self._due, (at, next(self._order), link, data))

    def _out(self, link: socket.socket, data: bytes) -> None:
        if link in self.links:
            try:
                link.sendall(data)
            except OSError:
                self._end(link)


class Gateway(_Far):
    """A gateway at a host and port of this machine.

    Parameters
    ----------
    host : str
    port : int
    framing : {"tcp", "rtu"}
    respond : callable
        Runs in the gateway's thread.
    parse : callable
        Finds requests.
    patience_s : float or None
        How long it waits for an answer on its line [s]; for ever when None.

    Raises
    ------
    SimulationError
        When it cannot be there.
    """

    def __init__(
        self,
        host: str,
        port: int,
        framing: Literal["tcp", "rtu"],
        respond: Responder,
        parse: Parser = parse_request,
        patience_s: float | None = PATIENCE_S,
    ) -> None:
        super().__init__(host, port, respond, parse)
        self._framing = framing
        self._patience_s = patience_s
        self._server: socket.socket | None = None
        try:
            self._server = socket.create_server(
                (host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET
            )
        except OSError as error:
            raise SimulationError(
                Message(
                    "{place}: a simulated gateway cannot be made there ({why}); a simulated station needs a host of "
                    "this machine and a free port above 1023, such as 127.0.0.1 and 1502",
                    place=self.link,
                    why=system(error),
                )
            ) from error
        self._thread.start()

    def _listening(self) -> list[socket.socket]:
        return [] if self._server is None else [self._server]

    def _tend(self) -> None:
        if self.plugged and self._server is None and not self._stopping:
            self._server = socket.create_server(
                self._place, family=socket.AF_INET6 if ":" in self._place[0] else socket.AF_INET
            )
        elif not self.plugged and self._server is not None:
            self._server.close()
            self._server = None
            self.cut()

    def _serve(self, link: socket.socket, heard: bytes) -> bytes:
        if self._framing == "rtu":
            return super()._serve(link, heard)
        try:
            messages, rest = split(heard)
        except ValueError:
            self._end(link)
            return b""
        for number, frame in messages:
            request, _, foreign = self._parse(frame)
            if request is not None:
                self._ask(link, number, request, foreign)
        return rest

    def _ask(self, link: socket.socket, number: int, request: Any, foreign: int) -> None:
        begun = at = monotonic()
        heard = b""
        answered = False
        for wait, data in self._respond(request, foreign):
            at += wait
            heard += data
            frame, heard = _answer(heard)
            if frame:
                self._later(at, link, wrap(Numbered(number, frame)))
                answered = answered or self._patience_s is None or at - begun <= self._patience_s
        if not answered and self._patience_s is not None:
            asked = Request(request.address, request.function, 0, 1)
            silent = exception_frame(asked, GATEWAY_TARGET_SILENT)
            self._later(begun + self._patience_s, link, wrap(Numbered(number, silent)))


def _answer(heard: bytes) -> tuple[bytes, bytes]:
    """The first sound answer to a read or a write in what a line said, and what follows it."""
    for at in answers(heard):
        end = at + (5 if heard[at + 1] & 0x80 else 5 + heard[at + 2])
        return heard[at:end], heard[end:]
    if len(heard) in _WRITTEN and sound(heard):
        return heard, b""
    return b"", heard


class Modem(_Far):
    """A modem that dials a host and port, says who it is, and passes on the bytes of its line.

    Parameters
    ----------
    host : str
    port : int
    registration : bytes
    heartbeat : bytes
        Empty for none.
    respond : callable
        Runs in the modem's thread.
    parse : callable
        Finds requests.
    heartbeat_s : float
        Between two heartbeats [s].
    """

    def __init__(
        self,
        host: str,
        port: int,
        registration: bytes,
        heartbeat: bytes,
        respond: Responder,
        parse: Parser = parse_request,
        heartbeat_s: float = 30.0,
    ) -> None:
        super().__init__(host, port, respond, parse)
        self._registration = registration
        self._heartbeat = heartbeat
        self._heartbeat_s = heartbeat_s
        self._dial_at = self._beat_at = 0.0
        self._thread.start()

    def _times(self) -> list[float]:
        if not self.plugged:
            return []
        if not self.links:
            return [self._dial_at]
        return [self._beat_at] if self._heartbeat else []

    def _tend(self) -> None:
        now = monotonic()
        if not self.plugged:
            self.cut()
        elif not self.links and now >= self._dial_at and not self._stopping:
            self._dial_at = now + _DIAL_PAUSE_S
            self._beat_at = now + self._heartbeat_s
            with contextlib.suppress(OSError):  # nobody listens yet
                link = socket.create_connection(self._place, timeout=_DIAL_S)
                self.links[link] = b""
                self._out(link, self._registration)
        elif self.links and self._heartbeat and now >= self._beat_at:
            self._beat_at = now + self._heartbeat_s
            self.say(self._heartbeat)
