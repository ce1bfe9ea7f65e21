"""Errors of the ingest room.

IngestError                 anything that keeps a reading from coming in
├── BusError                one exchange on a serial line failed; ``kind`` is the word it is counted under
│   ├── PortGone            the port is not there, or went away under the hands: unplugged
│   ├── PortBusy            another process has the port
│   ├── NoAnswer            nothing came before the deadline
│   │   └── LocalEcho       only the request came back: the adapter echoes and the device is silent
│   ├── BadFrame            bytes came, but no whole frame with a good checksum: noise, wrong speed, clash
│   ├── WrongAnswer         a sound frame, but not an answer to this request
│   ├── DoubleAnswer        two sound answers to one request: two devices at one address
│   ├── ExceptionAnswer     the device refused the request with a code
│   ├── Refused             the device said in words that it did not understand
│   └── Unasked             the line never fell silent: a device talks without being asked
├── NotChanged              an address or line settings of an instrument were not changed
├── FetchError              an address on the network gives nothing that can be used
├── BrokerError             the MQTT broker cannot be reached, refuses us, or is not configured
├── MessageError            a message cannot be built: a number that JSON has no word for, a missing name
├── SimulationError         the simulation cannot do what was asked: no such fault, no such data
└── CollectorError          the collector cannot start or go on

Every exchange error is over when it is raised: the port is quiet again (or closed) and the next request may
follow. None of them is a reason to stop.
"""

# ruff: noqa: N818 - the names say what happened on the line

from __future__ import annotations

from soilco2.station_config.message import Message, system


def cause(error: BaseException) -> Message:
    """What an error says; of one of the system its words alone."""
    return system(error) if isinstance(error, OSError) else Message.of(error)


class IngestError(Exception):
    """Something keeps readings from coming in; the message is one clear sentence.

    A driver of another distribution may raise it with plain text.
    """

    def __init__(self, message: Message) -> None:
        super().__init__(Message.of(message))


class BusError(IngestError):
    """One exchange on a serial line failed.

    Parameters
    ----------
    message : Message
        What happened, where, and what to do.
    data : bytes
        The bytes that came, as far as they help to find the cause.
    """

    kind = "bus"

    def __init__(self, message: Message, data: bytes = b"") -> None:
        self.data = data
        super().__init__(message)


class PortGone(BusError):
    """The port is missing or went away: adapter unplugged, wrong path, no permission."""

    kind = "port_gone"


class PortBusy(BusError):
    """Another process holds the port."""

    kind = "port_busy"


class NoAnswer(BusError):
    """Not one byte came before the deadline: dead device, cut wire, wrong address or wrong speed."""

    kind = "silence"


class LocalEcho(NoAnswer):
    """Only our own request came back: the adapter echoes, the device is silent."""

    kind = "echo"


class BadFrame(BusError):
    """Bytes came but no sound frame: noise, missing bias, wrong line settings, two devices at once."""

    kind = "checksum"


class WrongAnswer(BusError):
    """A sound frame that does not belong to the request.

    Parameters
    ----------
    message, data
        As for `BusError`.
    what : str
        ``"address"``, ``"function"``, ``"count"`` or ``"format"``: the part that does not fit.
    """

    def __init__(self, message: Message, data: bytes, what: str) -> None:
        self.kind = f"wrong_{what}"
        super().__init__(message, data)


class DoubleAnswer(BusError):
    """Two sound answers to one request: two devices share the address."""

    kind = "clash"


class ExceptionAnswer(BusError):
    """The device is alive and refuses the request.

    Parameters
    ----------
    message, data
        As for `BusError`.
    code : int
        Modbus exception code.
    """

    kind = "exception"

    def __init__(self, message: Message, data: bytes, code: int) -> None:
        self.code = code
        super().__init__(message, data)


class Refused(BusError):
    """The device is alive and says in words that it did not understand or does not obey."""

    kind = "refused"


class Unasked(BusError):
    """A device talks without being asked, and the line never falls silent."""

    kind = "unasked"


class NotChanged(IngestError):
    """An address or line settings were not changed: two answer, the new address is taken, nobody knows how."""


class FetchError(IngestError):
    """An address on the network gives nothing that can be used.

    Parameters
    ----------
    message : Message
    wait_s : float or None
        How long the server wants to be left alone [s], where it says so.
    status : int
        Of the answer; 0 where there was none.
    alone : bool
        Whether it is of this address alone: others of the server may answer.
    """

    def __init__(
        self, message: Message, wait_s: float | None = None, status: int = 0, *, alone: bool = False
    ) -> None:
        super().__init__(message)
        self.wait_s = wait_s
        self.status = status
        self.alone = alone


class BrokerError(IngestError):
    """The MQTT broker cannot be reached, refuses the client, or is not named in the station file."""


class MessageError(IngestError):
    """A message cannot be built from these readings."""


class SimulationError(IngestError):
    """The simulation cannot do what was asked."""


class CollectorError(IngestError):
    """The collector cannot start or cannot go on."""
