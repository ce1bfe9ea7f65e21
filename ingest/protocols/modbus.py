"""Modbus RTU frames: build a request, find its answer in whatever came back. Pure functions, no I/O.

::

    request    address | function | start (2) | count (2)      | crc (2, low byte first)
    answer     address | function | bytes (1) | 2 x count data | crc
    exception  address | function | 0x80      | code (1)       | crc

Real lines put things around an answer: a stray 00 or FF where the driver turned round, our own request as an
echo, the tail of it, noise. Nothing there can be trusted but the frame itself, so an answer is *searched* in
the bytes: the head that the request demands (address, function, byte count) with a good checksum over the
length it demands. A frame that lacks one of these is never taken for an answer; `diagnose` says what was
wrong with what came.

Source: MODBUS Application Protocol Specification V1.1b3 and MODBUS over Serial Line V1.02 (modbus.org).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

from soilco2.ingest.errors import (
    BadFrame,
    BusError,
    DoubleAnswer,
    ExceptionAnswer,
    LocalEcho,
    NoAnswer,
    WrongAnswer,
)
from soilco2.station_config.message import Message

READ_HOLDING = 3
READ_INPUT = 4
READ_COILS = 1
WRITE_COIL = 5
COIL_ON = 0xFF00
WRITE_ONE = 6
WRITE_SEVERAL = 16
MAX_COUNT = 125
"""Registers in one read at most."""

ILLEGAL_FUNCTION = 1
ILLEGAL_ADDRESS = 2
ILLEGAL_VALUE = 3
GATEWAY_NO_PATH = 10
GATEWAY_TARGET_SILENT = 11

EXCEPTION_WORDS = {
    1: Message("illegal function"),
    2: Message("illegal register address"),
    3: Message("illegal value"),
    4: Message("device failure"),
    5: Message("acknowledge, still working"),
    6: Message("device busy"),
    8: Message("memory parity error"),
    10: Message("gateway path unavailable"),
    11: Message("gateway target silent"),
}
_UNKNOWN = Message("unknown code")


def _table() -> tuple[int, ...]:
    rows = []
    for byte in range(256):
        value = byte
        for _ in range(8):
            value = value >> 1 ^ 0xA001 if value & 1 else value >> 1
        rows.append(value)
    return tuple(rows)


_CRC = _table()


def crc16(data: bytes) -> int:
    """CRC-16/MODBUS: polynomial 0xA001 reflected, start value 0xFFFF."""
    value = 0xFFFF
    for byte in data:
        value = value >> 8 ^ _CRC[(value ^ byte) & 0xFF]
    return value


def seal(body: bytes) -> bytes:
    """`body` with its checksum, low byte first."""
    return body + crc16(body).to_bytes(2, "little")


def sound(frame: bytes) -> bool:
    """True when the last two bytes are the checksum of the others."""
    return len(frame) >= 4 and crc16(frame[:-2]) == int.from_bytes(frame[-2:], "little")


class Request(NamedTuple):
    """A read of `registers` registers from wire address `start`.

    Parameters
    ----------
    address : int
        Slave address, 1 to 247; some probes answer queries up to 255.
    function : int
        3 (holding registers) or 4 (input registers).
    start : int
        Wire address of the first register, counted from 0.
    registers : int
        How many to read, 1 to 125.
    """

    address: int
    function: int
    start: int
    registers: int

    @property
    def frame(self) -> bytes:
        """The bytes on the wire.

        Raises
        ------
        ValueError
            When a part is out of its range.
        """
        if not 0 < self.address <= 255:
            raise ValueError(
                Message("slave address {address} is out of range, expected 1 to 255", address=self.address)
            )
        if self.function not in (READ_HOLDING, READ_INPUT):
            raise ValueError(
                Message("function {function} is no register read, expected 3 or 4", function=self.function)
            )
        if not (0 <= self.start <= 0xFFFF and self.start + self.registers <= 0x10000):
            raise ValueError(
                Message(
                    "registers {start}+{count} are out of range, expected 0 to 65535",
                    start=self.start,
                    count=self.registers,
                )
            )
        if not 1 <= self.registers <= MAX_COUNT:
            raise ValueError(
                Message(
                    "{count} registers are out of range, expected 1 to {most}",
                    count=self.registers,
                    most=MAX_COUNT,
                )
            )
        return seal(struct.pack(">BBHH", *self))

    @property
    def answer_length(self) -> int:
        """Length of the whole answer [bytes]."""
        return 5 + 2 * self.registers

    def at(self, port: str, why: Message) -> Message:
        """What happened to this request on a port, with its place."""
        return Message(
            "{port}, address {address}: function {function}, registers {registers}: {why}",
            port=port,
            address=self.address,
            function=self.function,
            registers=f"0x{self.start:04X}+{self.registers}",
            why=why,
        )


class UnitRequest(Request):
    """A request over TCP: a device that is itself on the network may have unit 0, which is no broadcast there."""

    __slots__ = ()

    @property
    def frame(self) -> bytes:
        """The bytes on a wire."""
        if self.address:
            return super().frame
        return seal(b"\0" + self._replace(address=1).frame[1:-2])


class Found(NamedTuple):
    """An answer found in a stream of bytes.

    Parameters
    ----------
    words : tuple of int
        The registers, 16 bit each.
    end : int
        Where the frame ends in the bytes.
    """

    words: tuple[int, ...]
    end: int


def find_answer(data: bytes, request: Request, start: int = 0) -> Found | None:
    """The first sound answer to `request` in `data` from `start` on, whatever stands around it.

    Returns
    -------
    Found or None
        None when there is none (yet).
    """
    head = bytes((request.address, request.function, 2 * request.registers))
    at = data.find(head, start)
    while at >= 0:
        end = at + request.answer_length
        if end > len(data):
            return None
        if sound(data[at:end]):
            return Found(struct.unpack(f">{request.registers}H", data[at + 3 : end - 2]), end)
        at = data.find(head, at + 1)
    return None


def find_exception(data: bytes, request: Request) -> int | None:
    """Code of the first sound exception answer to `request` in `data`; None when there is none."""
    head = bytes((request.address, request.function | 0x80))
    at = data.find(head)
    while 0 <= at <= len(data) - 5:
        if sound(data[at : at + 5]):
            return data[at + 2]
        at = data.find(head, at + 1)
    return None


def answers(data: bytes) -> Iterator[int]:
    """Where in `data` a sound answer to a read begins, whoever asked."""
    for at in range(len(data) - 4):
        function = data[at + 1]
        if function & 0x7F not in (READ_HOLDING, READ_INPUT):
            continue
        length = 5 if function & 0x80 else 5 + data[at + 2]
        if at + length <= len(data) and sound(data[at : at + length]):
            yield at


def without_gateway(data: bytes) -> bytes:
    """`data` without a gateway's own answer that nobody answers it there."""
    for at in answers(data):
        if data[at + 1] & 0x80 and data[at + 2] in (GATEWAY_NO_PATH, GATEWAY_TARGET_SILENT):
            return data[:at] + data[at + 5 :]
    return data


def _stranger(data: bytes, request: Request) -> tuple[str, Message] | None:
    """What is wrong with a sound read answer in `data` that is not ours: (part, words)."""
    for at in answers(data):
        function = data[at + 1]
        if data[at] != request.address:
            return "address", Message("address {address} answered", address=data[at])
        if function & 0x7F != request.function:
            return "function", Message("it answered function {function}", function=function & 0x7F)
        if not function & 0x80 and data[at + 2] != 2 * request.registers:
            return "count", Message(
                "it sent {sent} bytes instead of {expected}",
                sent=data[at + 2],
                expected=2 * request.registers,
            )
    return None


def hexed(data: bytes, limit: int = 48) -> str:
    """Bytes as people read them, cut after `limit`."""
    text = data[:limit].hex(" ").upper()
    return text if len(data) <= limit else Message("{shown} … ({count} bytes)", shown=text, count=len(data))


def diagnose(data: bytes, request: Request, port: str, timeout: float) -> BusError:
    """The error that fits `data`, all that came from `port` within `timeout` [s], when no answer was in it."""
    code = find_exception(data, request)
    if code == GATEWAY_TARGET_SILENT:
        silence = Message(
            "the gateway had no answer from the device (exception 11); check supply, wiring and address, and the "
            "gateway's line settings"
        )
        return NoAnswer(request.at(port, silence), data)
    if code == GATEWAY_NO_PATH:
        closed = Message(
            "the gateway has no line for this address (exception 10); check its settings and the address"
        )
        return ExceptionAnswer(request.at(port, closed), data, code)
    if code is not None:
        refusal = Message(
            "the device refuses with exception {code} ({meaning}); check that the model in the station file is the "
            "one on the line",
            code=code,
            meaning=EXCEPTION_WORDS.get(code, _UNKNOWN),
        )
        return ExceptionAnswer(request.at(port, refusal), data, code)
    if not data:
        silence = Message(
            "no answer within {timeout:g} s; check supply, wiring, address and line settings", timeout=timeout
        )
        return NoAnswer(request.at(port, silence))
    if data == request.frame:
        echo = Message(
            "only the request came back within {timeout:g} s; the adapter echoes and the device is silent: check "
            "supply, wiring and address",
            timeout=timeout,
        )
        return LocalEcho(request.at(port, echo), data)
    stranger = _stranger(data.replace(request.frame, b""), request)
    if stranger:
        part, found = stranger
        wrong = Message(
            "{found}; check addresses and model (received {received})", found=found, received=hexed(data)
        )
        return WrongAnswer(request.at(port, wrong), data, part)
    noise = Message(
        "{count} bytes without a sound frame; check line settings, bias, termination and for two devices at one "
        "address (received {received})",
        count=len(data),
        received=hexed(data),
    )
    return BadFrame(request.at(port, noise), data)


def clash(data: bytes, request: Request, port: str) -> DoubleAnswer:
    """The error for a second sound answer to one request."""
    why = Message(
        "two answers to one request; two devices share address {address}: give one of them another "
        "(received {received})",
        address=request.address,
        received=hexed(data),
    )
    return DoubleAnswer(request.at(port, why), data)


def write_frame(address: int, function: int, start: int, words: tuple[int, ...]) -> bytes:
    """The bytes that write registers from wire address `start`: function 6 one of them, 16 several."""
    if function == WRITE_ONE:
        return seal(struct.pack(">BBHH", address, function, start, *words))
    head = struct.pack(">BBHHB", address, function, start, len(words), 2 * len(words))
    return seal(head + struct.pack(f">{len(words)}H", *words))


def coil_frame(address: int, coil: int, on: bool) -> bytes:
    """The bytes that switch a coil, function 5 (specification, 6.5); a slave that did it says the same."""
    return seal(struct.pack(">BBHH", address, WRITE_COIL, coil, COIL_ON if on else 0))


def coil_asked(address: int, coil: int) -> bytes:
    """The bytes that ask whether a coil is on, function 1 (specification, 6.1)."""
    return seal(struct.pack(">BBHH", address, READ_COILS, coil, 1))


def coil_said(address: int, on: bool) -> bytes:
    """The answer to `coil_asked`."""
    return seal(bytes((address, READ_COILS, 1, on)))


class Write(NamedTuple):
    """A write of registers from wire address `start`."""

    address: int
    function: int
    start: int
    words: tuple[int, ...]

    @property
    def answer(self) -> bytes:
        """What a slave says that took it."""
        last = self.words[0] if self.function == WRITE_ONE else len(self.words)
        return seal(struct.pack(">BBHH", self.address, self.function, self.start, last))


def parse_write(data: bytes) -> tuple[Write | None, bytes]:
    """Take the first sound write out of `data`, as a slave does: it, and the bytes after it."""
    for at in range(len(data) - 7):
        address, function = data[at], data[at + 1]
        if function == WRITE_ONE and sound(data[at : at + 8]):
            start, word = struct.unpack(">HH", data[at + 2 : at + 6])
            return Write(address, function, start, (word,)), data[at + 8 :]
        end = at + 9 + data[at + 6]
        if function == WRITE_SEVERAL and end <= len(data) and sound(data[at:end]):
            start, count = struct.unpack(">HH", data[at + 2 : at + 6])
            if 2 * count == data[at + 6]:
                words = struct.unpack(f">{count}H", data[at + 7 : end - 2])
                return Write(address, function, start, words), data[end:]
    return None, data


def parse_request(data: bytes) -> tuple[Request | None, bytes, int]:
    """Take the first sound read request out of `data`, as a slave does.

    Returns
    -------
    tuple
        The request (None when there is none yet), the bytes after it, and the function code of a sound
        frame for another function of eight bytes (0 when there is none): a slave refuses that one.
    """
    for at in range(len(data) - 7):
        frame = data[at : at + 8]
        if not sound(frame):
            continue
        request = Request(*struct.unpack(">BBHH", frame[:6]))
        known = request.function in (READ_HOLDING, READ_INPUT)
        return request, data[at + 8 :], 0 if known else request.function
    return None, data[-256:], 0


def answer_frame(request: Request, words: tuple[int, ...]) -> bytes:
    """The slave's answer to `request` with these registers."""
    body = struct.pack(f">BBB{len(words)}H", request.address, request.function, 2 * len(words), *words)
    return seal(body)


def exception_frame(request: Request, code: int) -> bytes:
    """The slave's refusal of `request`."""
    return seal(bytes((request.address, request.function | 0x80, code)))
