"""Looking for Modbus slaves on a line: who answers, what it may be, and what silence and garbled bytes tell.

Every address is asked for a register, the factory settings of the catalogue first. Nobody waits for a late answer: an
answer carries its address, and counts for that one whenever it comes. Who answered is asked for the registers of the
catalogue's models, and those that it answers with values in their range are the models it may be.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from soilco2.ingest.drivers.search import Answer, Guess, Scan, Search, Step
from soilco2.ingest.errors import BadFrame, BusError, DoubleAnswer, PortBusy, PortGone, WrongAnswer
from soilco2.ingest.protocols.modbus import READ_HOLDING, Request, answers, hexed
from soilco2.ingest.protocols.reading import Reading
from soilco2.ingest.protocols.register_map import raw_readings
from soilco2.station_config.catalogue.probe import ChannelSpec
from soilco2.station_config.catalogue.registers import WIDTH
from soilco2.station_config.connections.modbus_model import ModbusModel
from soilco2.station_config.message import Message

WAIT_S = 0.3
"""How long a slave may take to begin its answer to a scan [s]."""
USUAL = range(1, 17)
"""Addresses that are asked when not all of them are."""
ALL = range(1, 248)
_TRIES = 3
_SILENCES = 4
"""After so many registers that it keeps silent about, a slave is asked no further."""
_FEW = 2
"""Garbled answers at so few addresses of a line are of those addresses, not of the line."""


class Master(Protocol):
    """What asks on a line; frames are those of Modbus RTU, whatever carries them."""

    def open(self) -> None:
        """Take the line."""
        ...

    def close(self) -> None:
        """Let go of it."""
        ...

    def ask(self, frame: bytes, wait: float, enough: Callable[[bytes], bool]) -> bytes:
        """Whatever comes after a frame within `wait` [s], until it is enough."""
        ...

    def read(self, request: Request, timeout: float) -> tuple[int, ...]:
        """Registers; BusError when they do not come."""
        ...


class Pitch(NamedTuple):
    """One way to listen to a line: its settings in words, and what makes a master for them."""

    line: str
    master: Callable[[], Master]


@dataclass
class _Heard:
    """What a line said at one of its settings."""

    found: dict[int, bytes] = field(default_factory=dict)
    garbled: dict[int, bytes] = field(default_factory=dict)
    echoes: int = 0
    asked: int = 0

    @property
    def of_addresses(self) -> bool:
        """Whether garbled answers are of a few addresses, and not of the line."""
        return 0 < len(self.garbled) <= _FEW and self.asked > 2 * len(self.garbled)


def sweep(kind: str, pitches: Sequence[Pitch], search: Search) -> Scan:
    """Ask every address at every setting of a line, and tell who answered."""
    models = [model for model in search.models if isinstance(model, ModbusModel)]
    plans = [(pitch, _requests(models, search, pitch.line)) for pitch in pitches]
    total = sum(len(requests) for _, requests in plans)
    done = 0
    heard: dict[str, _Heard] = {}
    for pitch, requests in plans:
        heard[pitch.line] = _Heard()
        master = pitch.master()
        master.open()
        try:
            for request in requests:
                text = _trying(pitch.line, request)
                yield Step(done / total, (total - done) * WAIT_S, text)
                done += 1
                for address in _knock(master, request, heard[pitch.line]):
                    yield _who(kind, pitch.line, master, address, models, heard[pitch.line].found[address])
        finally:
            master.close()
        yield from _clashes(kind, pitch.line, heard[pitch.line])
    yield Step(1.0, 0.0, Message("done"))
    yield from _remarks(heard)


def _trying(line: str, request: Request) -> Message:
    if line:
        return Message("{line}, address {address}", line=line, address=request.address)
    return Message("address {address}", address=request.address)


def _requests(models: Sequence[ModbusModel], search: Search, line: str) -> list[Request]:
    """What is asked at one setting: what comes from the factory so first, then the other addresses."""
    first = [
        Request(model.address, block.function, block.start, block.count)
        for model in models
        for block in model.block[:1]
        if isinstance(model.address, int) and (not line or model.line is None or str(model.line) == line)
    ]
    wanted = [address for address in search.addresses if isinstance(address, int)]
    if not wanted:
        told = (*(model.address for model in models), *search.known)
        known = {address for address in told if isinstance(address, int)}
        wanted = [*(ALL if search.everything else sorted({*USUAL, *known}))]
    plain = [Request(address, READ_HOLDING, 0, 1) for address in wanted]
    return list(dict.fromkeys([*(row for row in first if row.address in wanted), *plain]))


def _knock(master: Master, request: Request, heard: _Heard) -> Iterator[int]:
    """Ask once; the addresses that answered for the first time."""
    if request.address in heard.found:
        return
    frame = request.frame
    heard.asked += 1
    data = master.ask(frame, WAIT_S, lambda data: any(data[at] == request.address for at in answers(data)))
    heard.echoes += data.startswith(frame)
    rest = data.replace(frame, b"", 1)
    told = [rest[at] for at in answers(rest)]
    for address in told:
        heard.garbled.pop(address, None)
        if address not in heard.found:
            heard.found[address] = rest
            yield address
    if rest and not told:
        heard.garbled[request.address] = rest


def _who(
    kind: str, line: str, master: Master, address: int, models: Sequence[ModbusModel], heard: bytes
) -> Answer:
    told = _Told(master, address)
    fitting = sorted(_fits(told, models, line), key=lambda fit: fit.key)
    best = [fit for fit in fitting if fit.likely] or fitting
    return Answer(
        kind,
        line,
        address,
        tuple(Guess(fit.model.id, fit.says) for fit in best),
        heard,
        (*_doubts(best), *told.doubts()),
    )


class _Told:
    """What a slave answered to each request, each asked once."""

    def __init__(self, master: Master, address: int) -> None:
        self._master = master
        self._address = address
        self._kept: dict[tuple[int, int, int], tuple[int, ...] | None] = {}
        self._silences = 0
        self._garbled = b""
        self.clash = b""

    def words(self, function: int, start: int, count: int) -> tuple[int, ...] | None:
        """The registers; None when it does not tell them."""
        key = function, start, count
        if key not in self._kept:
            self._kept[key] = self._ask(Request(self._address, *key))
        return self._kept[key]

    def _ask(self, request: Request) -> tuple[int, ...] | None:
        if self._silences >= _SILENCES:
            return None
        for _ in range(_TRIES):
            try:
                return self._master.read(request, WAIT_S)
            except (PortGone, PortBusy):
                raise
            except DoubleAnswer as error:
                self.clash = error.data
            except (BadFrame, WrongAnswer) as error:
                self._garbled = error.data
            except BusError as error:
                self._silences += error.kind != "exception"
                return None
        return None

    def doubts(self) -> Iterator[Message]:
        """What was wrong with its answers."""
        if self.clash:
            yield Message(
                "two answers to one request: two probes share address {address}; connect one at a time and give each "
                "an address of its own",
                address=self._address,
            )
        elif self._garbled:
            yield Message(
                "some answers were garbled ({received}): two probes at this address, or noise on the line; connect "
                "one at a time to see which",
                received=hexed(self._garbled, 24),
            )


class _Fit(NamedTuple):
    """How well a model fits what a slave answers."""

    model: ModbusModel
    likely: bool
    registers: int
    denied: int
    from_factory: bool
    says: str

    @property
    def key(self) -> tuple[bool, bool, int, bool, str]:
        return not self.likely, self.denied > 0, -self.registers, not self.from_factory, self.model.id


def _fits(told: _Told, models: Sequence[ModbusModel], line: str) -> Iterator[_Fit]:
    for model in models:
        if not model.channel:  # an analog module fits any registers
            continue
        words = {block.id: told.words(block.function, block.start, block.count) for block in model.block}
        known = {name: found for name, found in words.items() if found is not None}
        if not known or len(known) < len(words):
            continue
        settings = [told.words(row.function, row.start, WIDTH[row.type]) for row in model.setting]
        readings = raw_readings(model, model.used(), known)
        pairs = [(spec, row) for spec, row in zip(model.used(), readings, strict=True)]
        yield _Fit(
            model,
            all(_in_range(spec, row) for spec, row in pairs),
            sum(map(len, known.values())) + sum(len(row) for row in settings if row is not None),
            sum(row is None for row in settings),
            model.line is not None and str(model.line) == line,
            ", ".join(_said(spec, row) for spec, row in pairs),
        )


def _in_range(spec: ChannelSpec, row: Reading) -> bool:
    if row.raw is None:
        return True  # it may be warming up
    value = row.raw * spec.scale + spec.shift
    lower = -math.inf if spec.lower is None else spec.lower
    upper = math.inf if spec.upper is None else spec.upper
    return row.raw not in spec.sentinels and lower <= value <= upper


def _said(spec: ChannelSpec, row: Reading) -> str:
    if row.raw is None:
        return f"{spec.id} -"
    return f"{spec.id} {row.raw * spec.scale + spec.shift:.6g} {spec.unit}"


def _doubts(best: Sequence[_Fit]) -> Iterator[Message]:
    if not best:
        yield Message(
            "it answers, but no model of the catalogue fits what it says; docs/howto/add_a_probe.md tells how to add "
            "one"
        )
        return
    first = best[0]
    if not first.likely:
        yield Message(
            "its registers are those of {models}, but the numbers are out of range: another instrument, or a fault",
            models=", ".join(fit.model.id for fit in best),
        )
    same = [fit.model.id for fit in best if fit.key[:3] == first.key[:3]]
    if len(same) > 1:
        yield Message(
            "{models} answer the same registers and cannot be told apart from here: read the label, and see which "
            "numbers are true",
            models=", ".join(same),
        )
    elif len(best) > 1:
        yield Message(
            "{models} would fit as well, with fewer registers",
            models=", ".join(fit.model.id for fit in best[1:]),
        )


def _clashes(kind: str, line: str, heard: _Heard) -> Iterator[Answer]:
    """Garbled answers at a few addresses while the others keep silent: somebody is there, more than one."""
    if not heard.of_addresses:
        return
    for address, data in heard.garbled.items():
        doubt = Message(
            "bytes came, but no sound frame, at this address alone ({received}): two probes share it; connect one at "
            "a time",
            received=hexed(data, 24),
        )
        yield Answer(kind, line, address, (), data, (doubt,))


def _remarks(heard: dict[str, _Heard]) -> Iterator[Message]:
    """What the bytes say of the line when nobody was understood."""
    if any(one.found or one.of_addresses for one in heard.values()):
        return
    noisy = {line: one for line, one in heard.items() if one.garbled}
    bytes_heard = b"".join(data for one in noisy.values() for data in one.garbled.values())
    if bytes_heard and not bytes_heard.strip(b"\x00"):
        yield Message(
            "only zero bytes came, which is what a line says with A and B swapped or without bias: swap A and B, and "
            "see to the bias resistors"
        )
    elif bytes_heard:
        yield Message(
            "bytes came, but never a sound frame ({lines}): a wrong speed or parity, another master on the line, an "
            "instrument that sends unasked, or noise; try --all, and connect one probe alone",
            lines=", ".join(line for line in noisy if line) or hexed(bytes_heard, 16),
        )
    elif any(one.echoes for one in heard.values()):
        yield Message(
            "only the requests came back: the adapter works and echoes, and nobody answers it; see to the supply of "
            "the probe and its A and B, then try --all"
        )
    else:
        yield Message(
            "not one byte came back. No power, A and B swapped, a wire that is open and a speed or address that was "
            "not tried look the same from here: measure the supply at the probe, swap A and B, then try --all"
        )
