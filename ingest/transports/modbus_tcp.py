"""Modbus TCP below a master that speaks RTU: requests are numbered, late answers are known by their number."""

from __future__ import annotations

from soilco2.ingest.errors import BadFrame
from soilco2.ingest.protocols.mbap import Numbered, split, wrap
from soilco2.ingest.protocols.modbus import hexed
from soilco2.ingest.transports.tcp import DialledStream
from soilco2.ingest.transports.trace import Trace
from soilco2.station_config.message import Message


class NumberedStream(DialledStream):
    """RTU frames to and from a far end that speaks Modbus TCP; one request at a time.

    Parameters
    ----------
    host, port, trace
        As for `DialledStream`.
    """

    def __init__(self, host: str, port: int, trace: Trace | None = None) -> None:
        super().__init__(host, port, trace)
        self.late = 0
        """Answers to earlier requests, dropped."""
        self._number = 0
        self._rest = b""

    def open(self) -> None:
        """Dial; PortGone when nobody accepts the connection."""
        super().open()
        self._rest = b""

    def send(self, data: bytes) -> None:
        """Send the frame of a request."""
        self._number = (self._number + 1) & 0xFFFF
        super().send(wrap(Numbered(self._number, data)))

    def receive(self, wait: float) -> bytes:
        """Answers to the last request that arrive next within `wait` [s]; those to earlier ones are dropped.

        Raises
        ------
        BadFrame
            When the far end does not speak Modbus TCP; the connection is closed, for the next message cannot be found.
        """
        data = self._rest + super().receive(wait)
        try:
            messages, self._rest = split(data)
        except ValueError as error:
            self._drop()
            stranger = Message(
                'these bytes are no Modbus TCP; does it speak RTU over TCP? Then write framing = "rtu" (received '
                "{received})",
                received=hexed(data),
            )
            raise BadFrame(self._here(stranger), data) from error
        answers = [message.frame for message in messages if message.number == self._number]
        self.late += len(messages) - len(answers)
        return b"".join(answers)
