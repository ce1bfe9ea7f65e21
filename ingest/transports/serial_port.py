"""A serial port that this process has alone: opened, read and written with every way it can fail as a `BusError`.

Whatever pyserial throws when an adapter is pulled, the port is closed at once and the error is `PortGone`: as long as
it is held, the adapter comes back under another name.
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
import termios
from time import monotonic, sleep
from typing import Any, NoReturn

import serial

from soilco2.ingest.errors import PortBusy, PortGone, cause
from soilco2.ingest.transports.trace import Trace, untraced
from soilco2.station_config.message import Message

_GONE = (OSError, termios.error)  # serial.SerialException is an OSError; termios.error is not
KEPT = 2048
"""Bytes kept of a babbling line while it is listened to."""

_CURES = {
    errno.ENOENT: Message("it is not there; plug the adapter in or mend the path in the station file"),
    errno.EACCES: Message("permission denied; add the user to the group that owns it (often dialout)"),
}


class SerialPort:
    """One serial port; for one thread.

    Parameters
    ----------
    port : str
        Path of the port, such as ``/dev/serial/by-id/usb-…``.
    baudrate, bytesize, parity, stopbits
        Line settings.
    trace : callable, optional
        Sees every byte that goes out or comes in.

    Attributes
    ----------
    byte_time : float
        Time that one byte takes on the line [s].
    """

    def __init__(
        self,
        port: str,
        *,
        baudrate: int = 9600,
        bytesize: int = 8,
        parity: str = "N",
        stopbits: float = 1,
        trace: Trace | None = None,
    ) -> None:
        self.port = port
        self._settings: dict[str, Any] = {
            "baudrate": baudrate,
            "bytesize": bytesize,
            "parity": parity,
            "stopbits": stopbits,
        }
        bits = 1 + bytesize + (parity != "N") + stopbits
        self.byte_time = bits / baudrate
        self.trace = trace or untraced
        self._serial: serial.Serial | None = None

    @property
    def is_open(self) -> bool:
        """Whether the port is held."""
        return self._serial is not None

    def open(self) -> None:
        """Take the port for this process alone, and forget what lay in it.

        Raises
        ------
        PortBusy
            When another process has it.
        PortGone
            When it is missing, not allowed, or no serial port.
        """
        if self._serial is not None:
            return
        settings = self._settings
        if os.path.realpath(self.port).startswith(
            "/dev/pts/"
        ):  # has none, and says so where nothing else changes
            settings = {**settings, "bytesize": 8, "parity": "N"}
        try:
            handle = serial.Serial(self.port, timeout=0, write_timeout=2.0, exclusive=True, **settings)
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

    def close(self) -> None:
        """Let go of the port."""
        handle, self._serial = self._serial, None
        if handle is not None:
            with contextlib.suppress(*_GONE):  # an adapter that was pulled has nothing left to close
                handle.close()

    def receive(self, wait: float) -> bytes:
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

    def listen(self, seconds: float) -> bytes:
        """The last `KEPT` bytes of what arrives in `seconds` [s]."""
        end = monotonic() + seconds
        heard = bytearray()
        while (left := end - monotonic()) > 0:
            heard += self.receive(left)
            del heard[:-KEPT]
        return bytes(heard)

    def send(self, data: bytes) -> None:
        """Send bytes."""
        handle = self._held()
        self.trace("out", data)
        try:
            handle.write(data)
        except _GONE as error:
            self._lost(error)

    def send_break(self, seconds: float) -> None:
        """Hold the line in its other state for at least so long [s]."""
        handle = self._held()
        try:
            handle.break_condition = True
            sleep(seconds)
            handle.break_condition = False
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
