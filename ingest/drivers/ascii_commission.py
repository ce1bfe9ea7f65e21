"""Looking for instruments of text on a line, and giving one another address or other line settings.

A line is first listened to, for instruments that send by themselves; then every request of the catalogue's models is
sent, and the commands that an instrument answers whatever its state. Whose message an answer is, that model it is; two
models with the same message cannot be told apart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from soilco2.ingest.drivers.search import Answer, Guess, Scan, Search, Step
from soilco2.ingest.errors import BusError, DoubleAnswer, NotChanged, PortBusy, PortGone
from soilco2.ingest.protocols.ascii_lines import Said, judge, named_values, same_address, same_text
from soilco2.ingest.transports.ascii_serial import ENDS, AsciiMaster
from soilco2.ingest.transports.serial_port import SerialPort
from soilco2.station_config.catalogue.line_pattern import ADDRESS, number, pattern
from soilco2.station_config.catalogue.probe import Line as LineSettings
from soilco2.station_config.catalogue.probe import ProbeModel
from soilco2.station_config.connections.ascii_model import AsciiModel
from soilco2.station_config.message import Message

LISTEN_S = 1.2
"""How long a line is listened to: an instrument that sends by itself usually does so once a second [s]."""
WAIT_S = 0.5
"""Longest wait for an answer to a scan [s]."""
USUAL = range(11)
"""Addresses that are asked when not all of them are."""
ALL = range(100)
_TRIES = 3

Ports = Callable[[LineSettings], SerialPort]
"""What makes a port with line settings."""


class _Question(NamedTuple):
    """What is sent to an address."""

    text: str
    end: str
    address: str


def sweep(kind: str, ports: Ports, lines: Sequence[LineSettings], search: Search, quiet: float) -> Scan:
    """Listen and ask at every setting of a line, and tell who answered."""
    models = [model for model in search.models if isinstance(model, AsciiModel)]
    questions = list(_questions(models, search))
    total = len(lines) * (1 + len(questions))
    done = 0
    anybody, noise = False, b""
    for line in lines:
        port = ports(line)
        master = AsciiMaster(port, quiet)
        master.open()
        try:
            yield Step(done / total, (total - done) * WAIT_S, Message("{line}, listening", line=line))
            done += 1
            found: set[tuple[str, str]] = set()
            for question in (None, *questions):
                if question is None:
                    heard = master.hear(LISTEN_S)
                else:
                    text = Message("{line}, {command!r}", line=line, command=question.text)
                    yield Step(done / total, (total - done) * WAIT_S, text)
                    done += 1
                    heard = master.command(question.text, question.end, WAIT_S)
                for row in _who(kind, str(line), models, heard, question):
                    key = str(row.address), row.models[0].model if row.models else ""
                    anybody = True
                    if key not in found:
                        found.add(key)
                        yield row
                noise = b"".join(text.encode("latin-1") for text in heard) or noise
        finally:
            port.close()
    yield Step(1.0, 0.0, Message("done"))
    if not anybody and noise:
        yield Message(
            "bytes came, but no line of text that is understood ({received}): a wrong speed or parity, an instrument "
            "of another protocol, or noise",
            received=repr(noise[:40].decode("latin-1")),
        )
    elif not anybody:
        yield Message(
            "no line of text came: no power, a wire that is open, RS-232 and RS-485 confused, and a speed or address "
            "that was not tried look the same from here"
        )


def _questions(models: Sequence[AsciiModel], search: Search) -> Iterator[_Question]:
    """Every command that is sent, each once."""
    found: dict[_Question, None] = {}
    for model in models:
        end = ENDS[model.command_end]
        if model.identify is not None:
            found[_Question(pattern(model.identify).render({}), end, "")] = None
        if model.request is None:
            continue
        wanted = [str(address) for address in search.addresses]
        if not wanted:
            factory = [] if model.address is None else [str(model.address)]
            numbered = isinstance(model.address, int)
            usual = ALL if search.everything else USUAL
            wanted = [*factory, *map(str, search.known), *(map(str, usual) if numbered else ())]
        for address in wanted or [""]:
            found[_Question(pattern(model.request).render({ADDRESS: address}), end, address)] = None
    yield from found


def _who(
    kind: str, line: str, models: Sequence[AsciiModel], heard: Sequence[str], asked: _Question | None
) -> Iterator[Answer]:
    """Whose lines these are."""
    told: dict[str, tuple[list[Guess], str, bytes]] = {}
    for text in heard:
        for model in models:
            if asked is None and not model.streams:
                continue
            taken = model.take(text)
            if taken is None or not model.sound(taken):
                continue
            unsaid = "" if asked is None or model.streams else asked.address
            address = taken.words.get(ADDRESS, unsaid).strip()
            guesses, _, _ = told.setdefault(address, ([], text, text.encode("latin-1")))
            guess = Guess(model.id, _says(model, taken.words))
            if guess not in guesses:
                guesses.append(guess)
    for address, (guesses, _, data) in told.items():
        doubts = []
        if len(guesses) > 1:
            doubts.append(
                Message(
                    "{models} have the same message and cannot be told apart from here: read the label",
                    models=", ".join(guess.model for guess in guesses),
                )
            )
        yield Answer(kind, line, _plain(address), tuple(guesses), data, tuple(doubts))
    if not told and asked is not None:
        yield from _by_name(kind, line, models, heard, asked)


def _by_name(
    kind: str, line: str, models: Sequence[AsciiModel], heard: Sequence[str], asked: _Question
) -> Iterator[Answer]:
    """Who says its name in answer to a command that is answered in every state."""
    known = [model for model in models if model.identify is not None and model.identity]
    for model in known:
        if not any(model.identity and model.identity in text for text in heard):
            continue
        address = named_values(heard).get("ADDRESS", "")
        doubts = [] if address else [Message("its answer does not say its address")]
        doubts.append(Message("it says its name, and was not asked for a reading"))
        data = "\n".join(heard).encode("latin-1")
        yield Answer(kind, line, _plain(address), (Guess(model.id, ""),), data, tuple(doubts))


def _plain(address: str) -> int | str | None:
    if address.isdecimal() and str(int(address)) == address:
        return int(address)
    return address or None


def _says(model: AsciiModel, words: dict[str, str]) -> str:
    found = []
    for spec in model.channel:
        try:
            raw = number(words[spec.id])
        except ValueError:
            raw = float("nan")
        value = "-" if raw != raw else f"{raw * spec.scale + spec.shift:.6g} {spec.unit}"
        found.append(f"{spec.id} {value}")
    return ", ".join(found)


# another address, other line settings


def _text_model(model: ProbeModel, commands: str) -> AsciiModel:
    if not isinstance(model, AsciiModel) or not getattr(model, commands) or model.request is None:
        raise NotChanged(
            Message(
                "the catalogue does not say how {model} is told that, so nothing was sent; see its manual, and add "
                "{key} to its catalogue file",
                model=model.id,
                key=commands,
            )
        )
    return model


class _Talk:
    """One instrument on an open line."""

    def __init__(self, port: SerialPort, quiet: float, model: AsciiModel) -> None:
        self._port = port
        self._master = AsciiMaster(port, quiet)
        self._model = model
        self._end = ENDS[model.command_end]
        self._master.open()

    def tell(self, commands: Sequence[str], words: dict[str, str]) -> None:
        """Send commands; NotChanged when one is refused."""
        for text in commands:
            command = pattern(text).render(words)
            lines = self._master.command(command, self._end, self._model.timeout)
            said = [line for line in lines if not same_text(line.encode("latin-1"), command)]
            if any(word in line for line in said for word in self._model.refusals):
                raise NotChanged(
                    Message("the instrument answered {answer!r} to {command!r}; what it has now is not known: look for "
                            "it with soilco2 scan", answer=" ".join(said)[:60], command=command))  # fmt: skip

    def says(self, address: str) -> Said | None:
        """Its message; None when nobody answers with a sound one.

        Raises
        ------
        NotChanged
            When more than one answers.
        """
        request = pattern(self._model.request or "").render({ADDRESS: address})

        def judged(line: str) -> Said | BusError | None:
            return judge(self._model, address, line, self._port.port)

        try:
            self._master.drain(self._model.timeout)
            return self._master.ask(request, self._end, judged, self._model.timeout)
        except (PortGone, PortBusy):
            raise
        except DoubleAnswer as error:
            raise NotChanged(
                Message("more than one answers at address {address}: connect this instrument alone; nothing was "
                        "written", address=address)) from error  # fmt: skip
        except BusError:
            return None

    def ready(self, address: str) -> bool:
        """Whether it answers with its message, set up for it where it must be."""
        if self.says(address) is not None:
            return True
        self.tell(self._model.setup, {ADDRESS: address})
        return self.says(address) is not None


def change_address(
    port: SerialPort, quiet: float, model: ProbeModel, old: int | str, new: int | str
) -> Message:
    """Give the instrument at `old` the address `new`, read back; what is so now."""
    known = _text_model(model, "set_address")
    before, after = str(old), str(new)
    if same_address(before, after):
        raise NotChanged(Message("the instrument has address {new} already; nothing was written", new=new))
    try:
        talk = _Talk(port, quiet, known)
        if not all(talk.ready(before) for _ in range(_TRIES)):
            raise NotChanged(
                Message("{model} does not answer at address {old} as it should; nothing was written",
                        model=model.id, old=old))  # fmt: skip
        if talk.says(after) is not None:
            raise NotChanged(
                Message("somebody answers at address {new} already: choose another address, or take that probe off the "
                        "line; nothing was written", new=new))  # fmt: skip
        talk.tell(known.set_address, {ADDRESS: before, "new": after})
        if talk.ready(after):
            return Message("the probe answers at address {new} now", new=new)
        raise NotChanged(
            Message("address {new} was sent, but nobody answers there: switch the instrument off and on, then look for "
                    "it with soilco2 scan", new=new))  # fmt: skip
    finally:
        port.close()


def change_line(
    ports: Ports,
    quiet: float,
    now: LineSettings,
    model: ProbeModel,
    address: int | str,
    wanted: LineSettings,
) -> Message:
    """Give the instrument at an address other line settings, read back; what is so now."""
    known = _text_model(model, "set_line")
    if str(now) == str(wanted):
        raise NotChanged(Message("the line has {line} already; nothing was written", line=now))
    words = {
        ADDRESS: str(address),
        "baudrate": str(wanted.baudrate),
        "bytesize": str(wanted.bytesize),
        "parity": wanted.parity,
        "stopbits": str(wanted.stopbits),
    }
    port = ports(now)
    try:
        talk = _Talk(port, quiet, known)
        if not all(talk.ready(str(address)) for _ in range(_TRIES)):
            raise NotChanged(
                Message("{model} does not answer at address {old} as it should; nothing was written",
                        model=model.id, old=address))  # fmt: skip
        talk.tell(known.set_line, words)
    finally:
        port.close()
    port = ports(wanted)
    try:
        if _Talk(port, quiet, known).ready(str(address)):
            return Message("the probe answers at {line} now", line=wanted)
    finally:
        port.close()
    return Message(
        "{what} is written and holds once the probe was switched off and on; do that before you go on",
        what=wanted,
    )
