"""Commands to SDI-12 probes and the lines they answer, through a serial adapter.

Rules it keeps, because lines break them:

* An answer is found, not assumed: lines that are no answer to the command (an echo, what METER's probes say when they
  get power, an answer of another probe that comes late) do no harm.
* A line of the probe that is no sound answer is waited on for a moment, silence for the whole time-out; the time of
  the characters on the line comes on top. All waits are real monotonic time.
* What comes while nothing is asked is handed out line by line, for it tells of late answers and of two probes at one
  address.
"""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic, sleep
from typing import TypeVar

from soilco2.ingest.errors import BadFrame, LocalEcho, NoAnswer
from soilco2.ingest.transports.serial_port import KEPT, SerialPort
from soilco2.ingest.transports.trace import Trace, untraced
from soilco2.station_config.connections.sdi12 import CHARACTER_S, Adapter, Sdi12Connection
from soilco2.station_config.message import Message

_BREAK_S = 0.0125
_MARK_S = 0.0087
"""A break is at least 12 ms, the mark behind it 8.33 ms (SDI-12 1.4)."""
_MOMENT_S = 0.1
"""How long an answer may pause, or follow a line of the probe that is none [s]: an adapter on USB gives pieces."""
_LONGEST_LINE = 120
"""Characters of the longest answer: 75 of values, address, check sum, line end; identities are shorter."""

Answer = TypeVar("Answer")


class Sdi12Port:
    """The adapter of an SDI-12 line; for one thread.

    Parameters
    ----------
    port : SerialPort
    adapter : Adapter
    breaks : bool
        Whether the port makes the break of a transparent line.
    unasked : callable
        Takes each line that came while nothing was asked, or that was no answer.
    """

    def __init__(
        self, port: SerialPort, adapter: Adapter, breaks: bool, unasked: Callable[[bytes], None]
    ) -> None:
        self._port = port
        self._adapter = adapter
        self._breaks = breaks and adapter.mode == "transparent"
        self._unasked = unasked
        self._heard = b""
        self.close = port.close

    @classmethod
    def of(
        cls, connection: Sdi12Connection, unasked: Callable[[bytes], None], trace: Trace = untraced
    ) -> Sdi12Port:
        """The adapter of a connection, not yet open."""
        known = connection.known
        port = SerialPort(
            str(connection.port),
            baudrate=known.baudrate,
            bytesize=known.bytesize,
            parity=known.parity,
            trace=trace,
        )
        return cls(port, known, connection.break_by == "port", unasked)

    @property
    def is_open(self) -> bool:
        """Whether the port is open."""
        return self._port.is_open

    def open(self) -> None:
        """Open the port and make the adapter ready."""
        if self._port.is_open:
            return
        self._port.open()
        self._heard = b""
        if self._adapter.settle:
            self._port.listen(self._adapter.settle)
        for text in self._adapter.prepare:
            self._port.send((text + self._adapter.ending).encode("ascii"))
            self._port.listen(0.2)

    def ask(self, command: str, take: Callable[[bytes], Answer | None], timeout: float) -> Answer:
        """Send a command once; what `take` makes of the first line that it takes for the answer.

        Parameters
        ----------
        command : str
            With address and ``!``.
        take : callable
            Gives None for a line that is no sound answer.
        timeout : float
            How long the first character may take after the command is on the line [s].

        Raises
        ------
        BusError
            NoAnswer when nothing came, BadFrame when something else did, PortGone.
        """
        self.drain(timeout)
        self._heard = b""
        if self._breaks:
            self._port.send_break(_BREAK_S)
            sleep(_MARK_S)
        self._port.send((command + self._adapter.ending).encode("ascii"))
        deadline = monotonic() + timeout + len(command) * CHARACTER_S
        longest = 0.0
        damaged = False
        heard = bytearray()
        while (left := deadline - monotonic()) > 0:
            part = self._port.receive(left)
            heard += part
            del heard[:-KEPT]
            if part and not damaged:
                longest = longest or monotonic() + _LONGEST_LINE * CHARACTER_S
                deadline = max(deadline, min(monotonic() + _MOMENT_S, longest))
            lines = self._lines(part, command)
            for n, line in enumerate(lines):
                answer = take(line)
                if answer is not None:
                    self._heard = b"".join(rest + b"\n" for rest in lines[n + 1 :]) + self._heard
                    return answer
                if line[:1] != command[:1].encode():
                    self._unasked(line)
                elif len(line) > 1 and not damaged:  # the address alone may be a service request
                    damaged = True
                    deadline = min(deadline, monotonic() + _MOMENT_S)
        raise self._failure(command, bytes(heard), timeout)

    def _failure(self, command: str, heard: bytes, timeout: float) -> NoAnswer | BadFrame:
        port = self._port.port
        rest = heard.replace(command.encode("ascii"), b"").strip(b"\r\n\0")
        if not heard:
            return NoAnswer(
                Message(
                    "{port}: no answer to {command} within {timeout:g} s; check power, the three wires and the address",
                    port=port,
                    command=command,
                    timeout=timeout,
                )
            )
        if not rest:
            return LocalEcho(
                Message(
                    "{port}: the adapter returns {command}, but no probe answers; check power, wires and address",
                    port=port,
                    command=command,
                ),
                heard,
            )
        return BadFrame(
            Message(
                "{port}: no sound answer to {command} ({text!r}); two probes at one address, noise, or an adapter that "
                "works otherwise than the station file says",
                port=port,
                command=command,
                text=rest[:60].decode("ascii", "backslashreplace"),
            ),
            heard,
        )

    def wait(self, address: str, seconds: float) -> None:
        """Wait for a service request of a probe, or until its time is over [s]."""
        deadline = monotonic() + seconds
        part = b""
        while True:
            for line in self._lines(part, ""):
                if line == address.encode():
                    return
                self._unasked(line)
            if (left := deadline - monotonic()) <= 0:
                return
            part = self._port.receive(left)

    def drain(self, longest: float, quiet: float = 0.0) -> list[bytes]:
        """Hand out what came unasked, until nothing comes for `quiet`, after `longest` at the latest [s].

        Returns
        -------
        list of bytes
            The last lines that came.
        """
        end = monotonic() + longest
        found: list[bytes] = []
        part = self._port.receive(quiet)
        while True:
            for line in self._lines(part, ""):
                self._unasked(line)
                found = [*found[-9:], line]
            if not part or monotonic() > end:
                return found
            part = self._port.receive(quiet)

    def _lines(self, part: bytes, command: str) -> list[bytes]:
        """The lines that are whole now, without line ends, stray zeros in front and the echo of a command."""
        *lines, self._heard = (self._heard + part).split(b"\n")
        self._heard = self._heard[-KEPT:]
        found = []
        for line in lines:
            plain = line.rstrip(b"\r").lstrip(b"\0\xff")
            if command:
                plain = plain.removeprefix(command.encode("ascii")).lstrip(b"\r\0")
            if plain:
                found.append(plain)
        return found
