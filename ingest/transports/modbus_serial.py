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
"""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

from soilco2.ingest.errors import BusError
from soilco2.ingest.protocols.modbus import Request, answers, clash, diagnose, find_answer, find_exception
from soilco2.ingest.transports.serial_port import SerialPort
from soilco2.ingest.transports.trace import Trace

_KEPT = 1024
"""Bytes kept of a babbling line: more than any frame."""
_WHOLE = 16
"""Bytes of a short answer."""
_LATEST = 10.0
"""No device answers later than this [s]; 20 time-outs where that is longer."""


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
        bits = 1 + bytesize + (parity != "N") + stopbits
        self._byte_time = bits / baudrate
        self._port = SerialPort(
            port, baudrate=baudrate, bytesize=bytesize, parity=parity, stopbits=stopbits, trace=trace
        )
        self.close = self._port.close
        self._stray = stray or (lambda _address: None)
        self._unsure: dict[int, tuple[set[int], float]] = {}  # address: counts without answer, until when

    @property
    def is_open(self) -> bool:
        """Whether the port is held."""
        return self._port.is_open

    def open(self) -> None:
        """Take the port for this process alone; errors as of `SerialPort.open`."""
        if self.is_open:
            return
        self._port.open()
        self._unsure.clear()
        self._port.listen(self.quiet)

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
        while self._port.receive(0.0) and monotonic() < end:
            pass
        if frame:
            self._port.send(frame)
        end = monotonic() + wait + (len(frame) + _WHOLE) * self._byte_time
        data = b""
        while (left := end - monotonic()) > 0 and not enough(data):
            data = (data + self._port.receive(left))[-2 * _KEPT :]
        return data

    def _exchange(self, request: Request, timeout: float) -> tuple[int, ...]:
        frame = request.frame
        unasked, end = self._port.receive(0.0), monotonic() + timeout
        heard = bytearray(unasked)
        while unasked and monotonic() < end:  # a terminal gives 4095 bytes at once and holds more behind them
            unasked = self._port.receive(self.quiet)
            heard += unasked
            del heard[: -2 * _KEPT]
        self._notice(bytes(heard))
        self._port.send(frame)
        wire = (len(frame) + request.answer_length) * self._port.byte_time
        deadline = monotonic() + timeout + wire
        data = bytearray()
        while (left := deadline - monotonic()) > 0:
            data += self._port.receive(left)
            found = find_answer(bytes(data), request)
            if found:
                self._notice(bytes(data[: found.end - request.answer_length]))
                return self._accept(request, found.words, bytes(data[found.end :]), timeout)
            if find_exception(bytes(data), request) is not None:
                self._port.listen(self.quiet)
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
        rest += self._port.listen(self.quiet)
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
            part = self._port.receive(min(silence, left))
            if not part:
                break
            heard += part
            del heard[: -2 * _KEPT]
        late = find_answer(bytes(heard), request) is not None
        self.late += late
        return late
