"""Modbus RTU master on one serial port.

Rules it keeps, because lines break them:

* An answer is found, not assumed: `soilco2.ingest.protocols.modbus.find_answer` searches address, function, byte count
  and checksum in whatever came, so stray bytes, echoes and split frames do no harm and a wrong frame is an error.
* Deadlines are real monotonic time, one for each request; the time on the wire comes on top.
* After a failed exchange the line is listened to, in silence, for one full time-out, so that a late answer
  is heard and dropped. What was not heard then may be later still: for a while the next exchange with that
  device first asks for another number of registers. Devices answer in order, so once that answer came no
  older one can follow, and an older one cannot be taken for it. A late answer is never taken for the next.
* After an answer the line is listened to for the `quiet` time: a second answer means two devices at
  one address. One that comes later still is heard before the next request or in its answer: that is told, for
  the first answer was taken and may be the wrong one.
* Whatever pyserial throws when an adapter is pulled, the port is closed at once and the error is `PortGone`.
"""

from __future__ import annotations

import contextlib
import errno
import select
import termios
from collections.abc import Callable
from time import monotonic
from typing import Any, NoReturn

import serial

from soilco2.ingest.errors import BusError, PortBusy, PortGone, cause
from soilco2.ingest.protocols.modbus import Request, answers, clash, diagnose, find_answer, find_exception
from soilco2.ingest.transports.trace import Trace, untraced
from soilco2.station_config.message import Message

_GONE = (OSError, termios.error)  # serial.SerialException is an OSError; termios.error is not
_KEPT = 1024
"""Bytes kept of a babbling line: more than any frame."""
_WHOLE = 16
"""Bytes of a short answer."""
_LATEST = 10.0
"""No device answers later than this [s]; 20 time-outs where that is longer."""

_CURES = {
    errno.ENOENT: Message("it is not there; plug the adapter in or mend the path in the station file"),
    errno.EACCES: Message("permission denied; add the user to the group that owns it (often dialout)"),
}


class RtuMaster:
    """One serial port with Modbus RTU slaves; for one thread.

    Parameters
    ----------
    port : str
        Path of the port, such as ``/dev/serial/by-id/usb-…``.
    baudrate, bytesize, parity, stopbits
        Line settings.
    quiet : float
        Silence kept between frames [s].
    trace : callable, optional
        Sees every byte that goes out or comes in.
    stray : callable, optional
        Told the address in an answer that nobody waited for.
    """

    def __init__(
        self,
        port: str,
        *,
        baudrate: int = 9600,
        bytesize: int = 8,
        parity: str = "N",
        stopbits: float = 1,
        quiet: float = 0.02,
        trace: Trace | None = None,
        stray: Callable[[int], None] | None = None,
    ) -> None:
        self.port = port
        self.quiet = quiet
        self.late = 0
        """Answers heard after their deadline and dropped."""
        self._settings: dict[str, Any] = {
            "baudrate": baudrate,
            "bytesize": bytesize,
            "parity": parity,
            "stopbits": stopbits,
        }
        bits = 1 + bytesize + (parity != "N") + stopbits
        self._byte_time = bits / baudrate
        self.trace = trace or untraced
        self._stray = stray or (lambda _address: None)
        self._serial: serial.Serial | None = None
        self._unsure: dict[int, tuple[set[int], float]] = {}  # address: counts without answer, until when

    @property
    def is_open(self) -> bool:
        """Whether the port is held."""
        return self._serial is not None

    def open(self) -> None:
        """Take the port for this process alone.

        Raises
        ------
        PortBusy
            When another process has it.
        PortGone
            When it is missing, not allowed, or no serial port.
        """
        if self._serial is not None:
            return
        try:
            handle = serial.Serial(self.port, timeout=0, write_timeout=2.0, exclusive=True, **self._settings)
        except (*_GONE, ValueError) as error:
            number = getattr(error, "errno", None)
            if number in (errno.EAGAIN, errno.EBUSY):
                busy = Message("another process has the port; stop it (is a second collector running?)")
                raise PortBusy(self._here(busy)) from error
            why = _CURES.get(number or 0, cause(error))
            raise PortGone(self._here(Message("the port cannot be opened: {why}", why=why))) from error
        self._serial = handle
        try:
            handle.reset_input_buffer()
        except _GONE as error:
            self._lost(error)
        self._unsure.clear()
        self._listen(self.quiet)

    def close(self) -> None:
        """Let go of the port."""
        handle, self._serial = self._serial, None
        if handle is not None:
            with contextlib.suppress(*_GONE):  # an adapter that was pulled has nothing left to close
                handle.close()

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

    def ask(self, frame: bytes, wait: float, enough: Callable[[bytes], bool]) -> bytes:
        """Send a frame and give what comes within `wait` [s] and the time on the wire, until it is enough.

        What came before is dropped. Nothing is judged; an empty frame only listens.
        """
        end = monotonic() + self.quiet
        while self._receive(0.0) and monotonic() < end:
            pass
        if frame:
            self._send(frame)
        end = monotonic() + wait + (len(frame) + _WHOLE) * self._byte_time
        data = b""
        while (left := end - monotonic()) > 0 and not enough(data):
            data = (data + self._receive(left))[-2 * _KEPT :]
        return data

    def _exchange(self, request: Request, timeout: float) -> tuple[int, ...]:
        frame = request.frame
        unasked, end = self._receive(0.0), monotonic() + timeout
        heard = bytearray(unasked)
        while unasked and monotonic() < end:  # a terminal gives 4095 bytes at once and holds more behind them
            unasked = self._receive(self.quiet)
            heard += unasked
            del heard[: -2 * _KEPT]
        self._notice(bytes(heard))
        self._send(frame)
        wire = (len(frame) + request.answer_length) * self._byte_time
        deadline = monotonic() + timeout + wire
        data = bytearray()
        while (left := deadline - monotonic()) > 0:
            data += self._receive(left)
            found = find_answer(bytes(data), request)
            if found:
                self._notice(bytes(data[: found.end - request.answer_length]))
                return self._accept(request, found.words, bytes(data[found.end :]), timeout)
            if find_exception(bytes(data), request) is not None:
                self._listen(self.quiet)
                raise diagnose(bytes(data), request, self.port, timeout)
            if len(data) > 2 * _KEPT:
                del data[:-_KEPT]
        error = diagnose(bytes(data), request, self.port, timeout)
        if not self._settle(timeout, bytes(data), request):
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
            heard += part
            del heard[: -2 * _KEPT]
        late = find_answer(bytes(heard), request) is not None
        self.late += late
        return late

    def _listen(self, seconds: float) -> bytes:
        end = monotonic() + seconds
        heard = bytearray()
        while (left := end - monotonic()) > 0:
            heard += self._receive(left)
            del heard[: -2 * _KEPT]
        return bytes(heard)

    def _receive(self, wait: float) -> bytes:
        """Whatever arrives next within `wait` [s]; empty when nothing does."""
        handle = self._held()
        try:
            if not select.select([handle.fileno()], [], [], wait)[0]:
                return b""
            data: bytes = handle.read(max(1, handle.in_waiting))
        except (*_GONE, TypeError, ValueError) as error:  # the last two: pyserial on a handle that just died
            self._lost(error)
        if data:
            self.trace("in", data)
        return data

    def _send(self, frame: bytes) -> None:
        handle = self._held()
        self.trace("out", frame)
        try:
            handle.write(frame)
        except _GONE as error:
            self._lost(error)

    def _held(self) -> serial.Serial:
        if self._serial is None:
            raise PortGone(self._here(Message("the port is not open")))
        return self._serial

    def _lost(self, error: BaseException) -> NoReturn:
        self.close()
        gone = Message(
            "the port went away ({why}); plug the adapter in again, and let no other process read from it",
            why=cause(error),
        )
        raise PortGone(self._here(gone)) from error

    def _here(self, why: Message) -> Message:
        return Message("{port}: {why}", port=self.port, why=why)
