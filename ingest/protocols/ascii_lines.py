"""Lines of text in what a serial line carries: cut into lines, told what they are, searched for a reading."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from soilco2.ingest.errors import BadFrame, BusError, LocalEcho, NoAnswer, Refused, WrongAnswer
from soilco2.station_config.catalogue.line_pattern import ADDRESS, LONGEST, number
from soilco2.station_config.connections.ascii_model import AsciiModel
from soilco2.station_config.message import Message

_ENDS = (b"\r", b"\n")
_SHOWN = 60
"""Characters of a line that a sentence shows."""


class Lines:
    """Bytes as they come, cut into whole lines.

    Parameters
    ----------
    whole : bool
        Whether the first byte is the first of a line; otherwise what comes before the first end of a line is dropped.

    Attributes
    ----------
    rest : bytes
        What has no end yet.
    dropped : int
        Pieces that were no line: too long for one.
    """

    def __init__(self, *, whole: bool) -> None:
        self.rest = b""
        self.dropped = 0
        self._whole = whole

    def feed(self, data: bytes) -> list[str]:
        """The whole lines that end in these bytes; empty ones and those that are too long are dropped."""
        found = []
        *ended, self.rest = (self.rest + data).replace(_ENDS[0], _ENDS[1]).split(_ENDS[1])
        for piece in ended:
            self.dropped += len(piece) > LONGEST
            if self._whole and 0 < len(piece) <= LONGEST:
                found.append(piece.decode("latin-1"))
            self._whole = True
        if len(self.rest) > LONGEST:
            self.dropped += self._whole
            self.rest, self._whole = self.rest[-_SHOWN:], False
        return found


class Said(NamedTuple):
    """A line with a reading.

    Parameters
    ----------
    line : str
    words : dict of str to str
        Its fields by name.
    """

    line: str
    words: dict[str, str]


def same_address(one: str, other: str) -> bool:
    """Whether two addresses are the same, however many zeros or blanks are in front."""
    one, other = one.strip(), other.strip()
    return int(one) == int(other) if one.isdecimal() and other.isdecimal() else one == other


def judge(model: AsciiModel, address: str, line: str, where: str) -> Said | BusError | None:
    """What a line is: a reading of an instrument, what is wrong with it, or None: nothing of it.

    Parameters
    ----------
    address : str
        Address of the instrument.
    where : str
        Port, for people.
    """
    taken = model.take(line)
    data = line.encode("latin-1")
    if taken is None:
        if any(word in line for word in model.refusals):
            return Refused(
                Message("{port}: the instrument answered {line!r}: it did not understand, or does not obey",
                        port=where, line=line[:_SHOWN]), data)  # fmt: skip
        if not line.strip(" \t>\0\xff"):
            return None
        return WrongAnswer(
            Message("{port}: the line {line!r} is not a message of {model}", port=where, line=line[:_SHOWN],
                    model=model.id), data, "format")  # fmt: skip
    if not model.sound(taken):
        return BadFrame(
            Message("{port}: the checksum of {line!r} is wrong: noise on the line, or two devices at once",
                    port=where, line=line[:_SHOWN]), data)  # fmt: skip
    if ADDRESS in taken.words and not same_address(taken.words[ADDRESS], address):
        return WrongAnswer(
            Message("{port}: address {address} was asked and {other} answered",
                    port=where, address=address, other=taken.words[ADDRESS]), data, "address")  # fmt: skip
    for spec in model.channel:
        try:
            number(taken.words[spec.id])
        except ValueError:
            return BadFrame(
                Message("{port}: in the line {line!r} no number stands for {channel}", port=where,
                        line=line[:_SHOWN], channel=spec.id), data)  # fmt: skip
    return Said(line, taken.words)


_WORST: tuple[type[BusError], ...] = (BadFrame, Refused, WrongAnswer)


def diagnose(
    faults: Sequence[BusError], lines: Lines, echoed: bool, where: str, request: str, timeout: float
) -> BusError:
    """Why no reading came before the deadline.

    Parameters
    ----------
    faults : sequence of BusError
        What was wrong with the lines that came.
    lines : Lines
        What else came.
    echoed : bool
        Whether the request itself came back.
    """
    for kind in _WORST:
        for fault in faults:
            if isinstance(fault, kind):
                return fault
    rest = b"" if same_text(lines.rest, request) else lines.rest.strip(b" \t>")
    if rest or lines.dropped:
        return BadFrame(
            Message("{port}: bytes came within {timeout:g} s, but no whole line: noise, wrong speed or parity, or a "
                    "device that was cut off", port=where, timeout=timeout), rest)  # fmt: skip
    if echoed or same_text(lines.rest, request):
        return LocalEcho(
            Message("{port}: only the command {command!r} came back: the adapter or the instrument echoes, and no "
                    "answer followed within {timeout:g} s", port=where, command=request, timeout=timeout))  # fmt: skip
    return NoAnswer(
        Message("{port}: no answer to {command!r} within {timeout:g} s: check power, wiring, address, speed",
                port=where, command=request, timeout=timeout))  # fmt: skip


def same_text(data: bytes, request: str) -> bool:
    """Whether bytes are the request that came back, a prompt in front of it or not."""
    return data.decode("latin-1").strip(" \t>") == request.strip()


def named_values(lines: Sequence[str]) -> dict[str, str]:
    """Values by the name before the colon, in upper case, of lines such as ``Echo : ON``."""
    found: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.strip(" \t>").partition(":")
        if colon and len(found) < 100:
            found[name.strip().upper()] = value.strip()
    return found


Judge = Callable[[str], Said | BusError | None]
