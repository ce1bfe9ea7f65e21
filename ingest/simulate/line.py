"""A serial line that is not there: a pseudo-terminal with something answering at its far end.

The near end is an ordinary terminal device behind a symbolic link, so whoever opens it runs through the
kernel's terminal code and pyserial as with an adapter. Pulling the adapter closes the far end. A
pseudo-terminal takes every speed and parity and heeds none; it remembers the speed, so that a far end can heed it.
"""

from __future__ import annotations

import contextlib
import fcntl
import heapq
import os
import select
import termios
import threading
import tty
from collections.abc import Callable, Iterable
from pathlib import Path
from time import monotonic
from typing import Any

from soilco2.ingest.errors import SimulationError
from soilco2.ingest.protocols.modbus import parse_request
from soilco2.station_config.message import Message, system

_SPEEDS = {
    value: int(name[1:]) for name, value in vars(termios).items() if name[0] == "B" and name[1:].isdigit()
}

Piece = tuple[float, bytes]
"""A wait [s] and the bytes that follow it."""

Responder = Callable[[Any, int], Iterable[Piece]]
"""From a request and a foreign function code (0: a register read) to what goes out on the line."""

Parser = Callable[[bytes], tuple[Any, bytes, int]]
"""From what was heard to the first request in it (None when there is none), what follows it, and a foreign code."""


class PtyLine:
    """A pseudo-terminal at `link` whose far end gives every sound request to `respond`.

    Parameters
    ----------
    link : Path
        Symbolic link to be made to the near end.
    respond : callable
        Runs in the line's thread.
    parse : callable
        Finds requests; those of Modbus by default.

    Raises
    ------
    SimulationError
        When something that is no pseudo-terminal's link, or another simulation, has the path.
    """

    def __init__(self, link: Path, respond: Responder, parse: Parser = parse_request) -> None:
        self.link = link
        self._parse = parse
        self._respond = respond
        self._far = self._near = -1
        self._plugged = 0
        self._mutex = threading.Lock()
        self._stopping = False
        self._waiting: list[tuple[float, int, bytes]] = []
        self._number = 0
        self._lock = self._claim()
        self._wake_out, self._wake_in = os.pipe()
        self.plug()
        self._thread = threading.Thread(target=self._run, name=f"line {link.name}", daemon=True)
        self._thread.start()

    def _claim(self) -> int:
        try:
            self.link.parent.mkdir(parents=True, exist_ok=True)
            held = os.open(f"{self.link}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise SimulationError(
                Message(
                    "{path}: a simulated port cannot be made there ({why}); a simulated station needs a port path "
                    "that you may write, such as 'bus1' beside its file",
                    path=self.link,
                    why=system(error),
                )
            ) from error
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(held)
            raise SimulationError(
                Message("{path}: another simulation has this port; stop it first", path=self.link)
            ) from None
        if os.path.lexists(self.link) and not self.link.is_symlink():
            os.close(held)
            raise SimulationError(
                Message("{path}: a real port or file is there; it is left alone", path=self.link)
            )
        return held

    def speed(self) -> int | None:
        """The speed that whoever opened the near end has set [Bd]; None when it is none of the usual ones."""
        with self._mutex:
            return _SPEEDS.get(termios.tcgetattr(self._far)[5]) if self._far >= 0 else None

    def plug(self) -> None:
        """Put the adapter in: a new pseudo-terminal behind the same link."""
        with self._mutex:
            if self._far >= 0:
                return
            far, near = os.openpty()
            tty.setraw(near)
            os.set_blocking(far, False)
            fresh = self.link.with_name(self.link.name + ".new")
            fresh.unlink(missing_ok=True)
            fresh.symlink_to(os.ttyname(near))
            fresh.replace(self.link)
            self._far, self._near = far, near
            self._plugged += 1
        self._poke()

    def say(self, data: bytes) -> None:
        """Send bytes that nobody asked for."""
        with self._mutex:
            self._number += 1
            heapq.heappush(self._waiting, (monotonic(), self._number, data))
        self._poke()

    def unplug(self) -> None:
        """Pull the adapter: whoever has the port open loses it."""
        with self._mutex:
            far, near, self._far, self._near = self._far, self._near, -1, -1
            self._waiting.clear()
            if far >= 0:
                self.link.unlink(missing_ok=True)
                os.close(far)
                os.close(near)
        self._poke()

    def stop(self) -> None:
        """Pull the adapter and end the thread."""
        if self._stopping:
            return
        self._stopping = True
        self.unplug()
        self._thread.join()
        os.close(self._wake_out)
        os.close(self._wake_in)
        Path(f"{self.link}.lock").unlink(missing_ok=True)
        os.close(self._lock)

    def _poke(self) -> None:
        os.write(self._wake_in, b"\0")

    def _run(self) -> None:
        heard = b""
        plugged = 0
        while not self._stopping:
            with self._mutex:
                far = self._far
                if plugged != self._plugged:  # another terminal
                    plugged, heard = self._plugged, b""
                wait = max(0.0, self._waiting[0][0] - monotonic()) if self._waiting else None
            watched = [self._wake_out] if far < 0 else [self._wake_out, far]
            try:
                ready = select.select(watched, [], [], wait)[0]
            except (OSError, ValueError):  # unplugged meanwhile
                continue
            if self._wake_out in ready:
                os.read(self._wake_out, 256)
            if far in ready:
                heard += self._take(far)
                heard = self._serve(heard)
            self._give()

    def _take(self, far: int) -> bytes:
        with self._mutex:
            if far != self._far:
                return b""
            with contextlib.suppress(OSError):
                return os.read(far, 4096)
            return b""

    def _serve(self, heard: bytes) -> bytes:
        while True:
            request, heard, foreign = self._parse(heard)
            if request is None:
                return heard
            due = monotonic()
            for wait, data in self._respond(request, foreign):
                due += wait
                with self._mutex:
                    self._number += 1
                    heapq.heappush(self._waiting, (due, self._number, data))

    def _give(self) -> None:
        with self._mutex:
            while self._waiting and self._waiting[0][0] <= monotonic():
                data = heapq.heappop(self._waiting)[2]
                if self._far >= 0:
                    with contextlib.suppress(OSError):  # nobody listens and the terminal is full
                        os.write(self._far, data)
