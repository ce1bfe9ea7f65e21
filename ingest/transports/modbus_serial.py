"""Modbus RTU on one serial port."""

from __future__ import annotations

from soilco2.ingest.transports.modbus_master import ModbusMaster, Stray
from soilco2.ingest.transports.serial_port import SerialPort
from soilco2.ingest.transports.trace import Trace


class RtuMaster(ModbusMaster):
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
        stray: Stray | None = None,
    ) -> None:
        held = SerialPort(
            port, baudrate=baudrate, bytesize=bytesize, parity=parity, stopbits=stopbits, trace=trace
        )
        super().__init__(held, quiet=quiet, byte_time=held.byte_time, stray=stray)
