"""Modbus master on a stream of bytes: a serial port, a connection to a gateway, a modem that dialled in.

Rules it keeps, because lines break them:

* An answer is found, not assumed: `soilco2.ingest.protocols.modbus.find_answer` searches address, function, byte count
  and checksum in whatever came, so stray bytes, echoes and split frames do no harm and a wrong frame is an error.
* Deadlines are real monotonic time, one for each request; the time on the wire comes on top.
* After a failed exchange the line is listened to, in silence, for one full time-out, so that a late answer
  is heard and dropped. What was not heard then may be later still: for a while the next exchange with that
  device first asks for another number of registers. Devices answer in order, so once that answer came no
  older one can follow, and an older one cannot be taken for it. A late answer is never taken for the next.
  Where answers carry the number of their request (Modbus TCP) the stream drops late ones itself.
* After an answer the line is listened to for the `quiet` time: a second answer means two devices at
  one address. One that comes later still is heard before the next request or in its answer: that is told, for
  the first answer was taken and may be the wrong one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import monotonic
from typing import Protocol

from soilco2.ingest.errors import BusError
from soilco2.ingest.protocols.marks import views, without
from soilco2.ingest.protocols.modbus import (
    Request,
    answers,
    clash,
    diagnose,
    find_answer,
    find_exception,
    without_gateway,
)
from soilco2.ingest.transports.trace import Trace

_KEPT = 1024
"""Bytes kept of a babbling line: more than any frame."""
_WHOLE = 16
"""Bytes of a short answer."""
_LATEST = 10.0
"""No device answers later than this [s]; 20 time-outs where that is longer."""

Stray = Callable[[int], None]
"""Told the address in an answer that nobody waited for."""


class ByteStream(Protocol):
    """Bytes to and from a line; errors are `soilco2.ingest.errors.BusError`, and it is closed when it is lost."""

    @property
    def port(self) -> str:
        """What people call it: a device, a host and port."""
        ...

    @property
    def is_open(self) -> bool:
        """Whether it can be used."""
        ...

    trace: Trace
    """Sees every byte that goes out or comes in."""

    def open(self) -> None:
        """Open it; PortGone or PortBusy when it cannot be."""
        ...

    def close(self) -> None:
        """Close it."""
        ...

    def receive(self, wait: float) -> bytes:
        """Whatever arrives next within `wait` [s]; empty when nothing does."""
        ...

    def listen(self, seconds: float) -> bytes:
        """The last bytes of what arrives in `seconds` [s]."""
        ...

    def send(self, data: bytes) -> None:
        """Send bytes."""
        ...


class ModbusMaster:
    """A stream with Modbus slaves at its far end; for one thread.

    Parameters
    ----------
    stream : ByteStream
    quiet : float
        Silence kept between frames [s].
    byte_time : float
        Time that a byte takes on the line [s]; 0 where that is part of the time-out.
    latency : float
        What the network adds to the time-out of a device [s].
    dropped : callable, optional
        How many late answers the stream has dropped itself, where it knows answers by the number of their request.
    marks : sequence of bytes
        What a modem puts between the bytes of the line, such as its heartbeat.
    stray : callable, optional
        Told the address in an answer that nobody waited for.
    """

    def __init__(
        self,
        stream: ByteStream,
        *,
        quiet: float,
        byte_time: float = 0.0,
        latency: float = 0.0,
        dropped: Callable[[], int] | None = None,
        marks: Sequence[bytes] = (),
        stray: Stray | None = None,
    ) -> None:
        self.port = stream.port
        self.quiet = quiet
        self._late = 0
        self._stream = stream
        self._receive = stream.receive
        self._listen = stream.listen
        self.close = stream.close
        self._byte_time = byte_time
        self._latency = latency
        self._dropped = dropped
        self._marks = tuple(marks)
        self._stray = stray or (lambda _address: None)
        self._unsure: dict[int, tuple[set[int], float]] = {}  # address: counts without answer, until when

    @property
    def is_open(self) -> bool:
        """Whether the line can be used."""
        return self._stream.is_open

    @property
    def late(self) -> int:
        """Answers that came after their deadline and were dropped."""
        return self._late + (self._dropped() if self._dropped else 0)

    def open(self) -> None:
        """Open the line; PortGone or PortBusy when it cannot be."""
        if self._stream.is_open:
            return
        self._stream.open()
        self._unsure.clear()
        self._listen(self.quiet)

    def read(self, request: Request, timeout: float) -> tuple[int, ...]:
        """Read registers; at most about twice `timeout` for an answer that does not come, four times for a
        device whose last answer did not come either.

        Parameters
        ----------
        request : Request
        timeout : float
            How long the device may take to answer [s].

        Returns
        -------
        tuple of int
            `request.registers` registers.

        Raises
        ------
        BusError
            The member of the family that tells the cause. The line is quiet again, or the port closed.
        """
        timeout += self._latency
        outstanding, until = self._unsure.get(request.address, (set(), 0.0))
        if monotonic() > until:
            self._unsure.pop(request.address, None)
        elif request.registers in outstanding:
            other = next(n for n in range(1, len(outstanding) + 2) if n not in outstanding)
            start = min(request.start, 0x10000 - other)
            try:
                self._exchange(request._replace(start=start, registers=other), timeout)
            except BusError as error:
                if error.kind != "exception":  # a refusal is an answer too
                    raise
            self._unsure.pop(request.address, None)
        return self._exchange(request, timeout)

    def trace(self, trace: Trace) -> None:
        """Show every byte to another listener from now on."""
        self._stream.trace = trace

    def ask(self, frame: bytes, wait: float, enough: Callable[[bytes], bool]) -> bytes:
        """Send a frame and give what comes within `wait` [s] and the time on the wire, until it is enough.

        What came before is dropped, and what a gateway says in place of a device. Nothing else is judged; an empty
        frame only listens.
        """
        end = monotonic() + self.quiet
        while self._receive(0.0) and monotonic() < end:
            pass
        if frame:
            self._stream.send(frame)
        end = monotonic() + wait + self._latency + (len(frame) + _WHOLE) * self._byte_time
        data = b""
        while (left := end - monotonic()) > 0 and not enough(data):
            data = (data + self._receive(left))[-2 * _KEPT :]
        return without_gateway(without(data, self._marks))

    def _exchange(self, request: Request, timeout: float) -> tuple[int, ...]:
        frame = request.frame
        unasked, end = self._receive(0.0), monotonic() + timeout
        heard = bytearray(unasked)
        while unasked and monotonic() < end:  # a terminal gives 4095 bytes at once and holds more behind them
            unasked = self._receive(self.quiet)
            heard += unasked
            del heard[: -2 * _KEPT]
        self._notice(bytes(heard))
        self._stream.send(frame)
        wire = (len(frame) + request.answer_length) * self._byte_time
        deadline = monotonic() + timeout + wire
        data = bytearray()
        while (left := deadline - monotonic()) > 0:
            data += self._receive(left)
            for view in views(bytes(data), self._marks):
                found = find_answer(view, request)
                if found:
                    self._notice(view[: found.end - request.answer_length])
                    return self._accept(request, found.words, view[found.end :], timeout)
                if find_exception(view, request) is not None:
                    self._listen(self.quiet)
                    raise diagnose(view, request, self.port, timeout)
            if len(data) > 2 * _KEPT:
                del data[:-_KEPT]
        error = diagnose(without(bytes(data), self._marks), request, self.port, timeout)
        if self._dropped is None and not self._settle(timeout, bytes(data), request):
            counts = self._unsure.get(request.address, (set(), 0.0))[0]
            self._unsure[request.address] = (
                counts | {request.registers},
                monotonic() + max(_LATEST, 20 * timeout),
            )
        raise error

    def _accept(
        self, request: Request, words: tuple[int, ...], rest: bytes, timeout: float
    ) -> tuple[int, ...]:
        rest += self._listen(self.quiet)
        if find_answer(rest, request):
            self._settle(timeout, b"", request)
            raise clash(rest, request, self.port)
        self._notice(rest)
        self._unsure.pop(request.address, None)
        return words

    def _notice(self, heard: bytes) -> None:
        """Tell of answers that nobody waited for; one that a device still owes is only late."""
        for address in {heard[at] for at in answers(heard)} - self._unsure.keys():
            self._stray(address)

    def _settle(self, silence: float, before: bytes, request: Request) -> bool:
        """Listen until the line was silent for `silence` [s], three times that at most.

        Returns
        -------
        bool
            Whether the answer to `request` came late.
        """
        end = monotonic() + 3 * silence
        heard = bytearray(before[-_KEPT:])
        while (left := end - monotonic()) > 0:
            part = self._receive(min(silence, left))
            if not part:
                break
            if not without(part, self._marks):  # a modem alone makes no line busy
                continue
            heard += part
            del heard[: -2 * _KEPT]
        late = any(find_answer(view, request) for view in views(bytes(heard), self._marks))
        self._late += late
        return late
