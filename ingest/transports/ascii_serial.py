"""Lines of text on one serial port: asked for, or listened to.

Rules it keeps, because lines break them:

* A command is sent when the line is silent; what came before answers nothing. A line that is never silent is an error.
* An answer is a whole line that is found, not assumed: an echo, a prompt, a banner and foreign lines do no harm.
* After an exchange that failed the line is listened to for one full time-out, so that a late answer is heard and
  dropped. Where none was heard the next request is sent twice and its first answer dropped: devices answer in order, so
  the second cannot be older than this reading.
* After an answer the line is listened to for the `quiet` time: a second answer means two devices at one address.
"""

from __future__ import annotations

import threading
from time import monotonic
from typing import NamedTuple

from soilco2.ingest.errors import BusError, DoubleAnswer, NoAnswer, Unasked
from soilco2.ingest.protocols.ascii_lines import Judge, Lines, Said, diagnose, same_text
from soilco2.ingest.transports.serial_port import SerialPort
from soilco2.station_config.message import Message

ENDS = {"CR": "\r", "LF": "\n", "CRLF": "\r\n"}
"""What ends a command, by its name in the catalogue."""
_LATEST = 10.0
"""No device answers later than this [s]; 20 time-outs where that is longer."""
_COMMAND_S = 1.0
"""Longest wait for the answer to a command of the set-up [s]."""
_AFTER_S = 0.15
"""Silence that ends such an answer [s]."""
_WIRE = 100
"""Bytes of a usual line, whose time on the wire comes on top of a time-out."""
_KEPT = 50
"""Lines kept of an answer of many."""


class AsciiMaster:
    """One serial port with instruments that are asked; for one thread.

    Parameters
    ----------
    port : SerialPort
    quiet : float
        Silence waited for before a command and kept behind an answer [s].
    """

    def __init__(self, port: SerialPort, quiet: float) -> None:
        self._port = port
        self._quiet = quiet
        self._unsure: dict[str, float] = {}  # request without an answer: until when one may come
        self.late = 0
        """Answers heard after their deadline and dropped."""
        self.twice = 0
        """Requests that were sent twice because an answer was owed."""

    def open(self) -> None:
        """Open the port; errors as of `SerialPort.open`."""
        if not self._port.is_open:
            self._port.open()
            self._unsure.clear()
            self._port.listen(self._quiet)

    def drain(self, timeout: float) -> list[str]:
        """The lines that came without being asked for.

        Raises
        ------
        Unasked
            When the line was not silent within `timeout` [s].
        """
        lines = Lines(whole=True)
        heard: list[str] = []
        end = monotonic() + max(timeout, 4 * self._quiet)
        while data := self._port.receive(self._quiet):
            heard = [*heard, *lines.feed(data)][-_KEPT:]
            if monotonic() > end:
                raise Unasked(
                    Message("{port}: a device talks without being asked and never stops; set it to answer only when "
                            "it is asked", port=self._port.port), data)  # fmt: skip
        return heard

    def hear(self, seconds: float) -> list[str]:
        """The lines that come within so long [s]; the first one may be the end of one."""
        lines = Lines(whole=True)
        heard: list[str] = []
        end = monotonic() + seconds
        while (left := end - monotonic()) > 0:
            heard = [*heard, *lines.feed(self._port.receive(left))][-_KEPT:]
        return heard

    def ask(self, request: str, end: str, judge: Judge, timeout: float) -> Said:
        """The answer to a request.

        Raises
        ------
        BusError
            The member of the family that tells the cause. The line is quiet again, or the port closed.
        """
        if monotonic() < self._unsure.pop(request, 0.0):
            self._exchange(request, end, judge, timeout)
            self.twice += 1
        return self._exchange(request, end, judge, timeout)

    def _exchange(self, request: str, end: str, judge: Judge, timeout: float) -> Said:
        frame = f"{request}{end}".encode("latin-1")
        self._port.send(frame)
        deadline = monotonic() + timeout + (len(frame) + _WIRE) * self._port.byte_time
        lines, echoed = Lines(whole=True), False
        faults: list[BusError] = []
        while (left := deadline - monotonic()) > 0:
            ended = lines.feed(self._port.receive(left))
            for place, line in enumerate(ended):
                if same_text(line.encode("latin-1"), request):
                    echoed = True
                    continue
                found = judge(line)
                if isinstance(found, Said):
                    self._alone(lines, ended[place + 1 :], judge, request, timeout)
                    return found
                if found is not None:
                    faults = [*faults, found][-_KEPT:]
        error = diagnose(faults, lines, echoed, self._port.port, request, timeout)
        if not self._settle(timeout, lines, judge) and isinstance(error, NoAnswer):
            self._unsure[request] = monotonic() + max(_LATEST, 20 * timeout)
        raise error

    def _alone(self, lines: Lines, behind: list[str], judge: Judge, request: str, timeout: float) -> None:
        """Hear whether a second answer follows."""
        more = [*behind, *lines.feed(self._port.listen(self._quiet))]
        if any(isinstance(judge(line), Said) for line in more):
            self._settle(timeout, lines, judge)
            raise DoubleAnswer(
                Message("{port}: two answers to {command!r}: two devices have one address, or the instrument sends by "
                        "itself as well", port=self._port.port, command=request))  # fmt: skip

    def _settle(self, silence: float, lines: Lines, judge: Judge) -> bool:
        """Listen until the line was silent for `silence` [s], three times that at most; whether an answer came late."""
        end = monotonic() + 3 * silence
        late = False
        while (left := end - monotonic()) > 0:
            data = self._port.receive(min(silence, left))
            if not data:
                break
            late = any(isinstance(judge(line), Said) for line in lines.feed(data)) or late
        self.late += late
        return late

    def command(self, text: str, end: str, timeout: float) -> list[str]:
        """What is answered to a command of which nothing is known; the echo is left out."""
        self._port.send(f"{text}{end}".encode("latin-1"))
        lines = Lines(whole=True)
        heard: list[str] = []
        deadline = monotonic() + min(timeout, _COMMAND_S) + len(text) * self._port.byte_time
        wait = deadline - monotonic()
        while monotonic() < deadline + 2 * _AFTER_S and (data := self._port.receive(wait)):
            heard = [*heard, *lines.feed(data)][-_KEPT:]
            wait = _AFTER_S
        if lines.rest.strip():
            heard.append(lines.rest.decode("latin-1"))
        return [line for line in heard if not same_text(line.encode("latin-1"), text)]


class Newest(NamedTuple):
    """The newest whole line of an instrument that sends by itself, and when it came [s, monotonic]."""

    said: Said
    at: float


class LineStream:
    """Listens to an instrument that sends by itself, so that nothing piles up in front of the newest line.

    Parameters
    ----------
    port : SerialPort
        An open one.
    judge : callable
    """

    def __init__(self, port: SerialPort, judge: Judge) -> None:
        self._port = port
        self._judge = judge
        self._changed = threading.Condition()
        self._newest: Newest | None = None
        self._faults: list[BusError] = []
        self._gone: BusError | None = None
        self._stop = False
        self._thread = threading.Thread(target=self._run, name=f"listen {port.port}", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        lines = Lines(whole=False)
        try:
            while not self._stop:
                for line in lines.feed(self._port.receive(0.1)):
                    self._hear(line)
        except BusError as error:
            with self._changed:
                self._gone = error
                self._changed.notify_all()

    def _hear(self, line: str) -> None:
        found = self._judge(line)
        with self._changed:
            if isinstance(found, Said):
                self._newest = Newest(found, monotonic())
                self._changed.notify_all()
            elif found is not None:
                self._faults = [*self._faults, found][-_KEPT:]

    def take(self, timeout: float) -> tuple[Said | None, list[BusError]]:
        """The newest line that was not taken yet, when it is not older than `timeout` [s] or comes within that; faults.

        Raises
        ------
        PortGone
            When the port went away.
        """
        end = monotonic() + timeout
        with self._changed:
            while True:
                if self._gone is not None:
                    raise self._gone
                newest, self._newest = self._newest, None
                if newest is not None and newest.at >= end - 2 * timeout:
                    break
                if (left := end - monotonic()) <= 0:
                    newest = None
                    break
                self._changed.wait(left)
            faults, self._faults = self._faults, []
        return (None if newest is None else newest.said), faults

    def stop(self) -> None:
        """End listening."""
        self._stop = True
        self._thread.join()
