"""Instruments that speak lines of text, in the catalogue: what is sent to them and what stands in their lines."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Annotated, Any, ClassVar, Literal, NamedTuple

from pydantic import AfterValidator, Field, field_validator

from soilco2.station_config.base import BothNames, Identifier, Table
from soilco2.station_config.catalogue.line_pattern import (
    ADDRESS,
    CHECKSUM,
    LONGEST,
    Pattern,
    checksum,
    number,
    pattern,
)
from soilco2.station_config.catalogue.probe import ChannelSpec, ProbeModel
from soilco2.station_config.connections.kind import Key
from soilco2.station_config.errors import Fault
from soilco2.station_config.message import Message
from soilco2.station_config.parsing.faults import fault_at, nearest
from soilco2.station_config.parsing.toml_positions import Spot


def _with(*allowed: str) -> AfterValidator:
    """A command with these fields."""

    def command(value: str) -> str:
        if wrong := [name for name in Pattern(value).names if name not in allowed]:
            known = ", ".join(f"{{{name}}}" for name in allowed)
            raise ValueError(Message("only {known} can stand here, not {name!r}", known=known, name=wrong[0]))
        return value

    return AfterValidator(command)


def _ascii(value: str) -> str:
    if not value.isascii():
        raise ValueError(Message("characters of ASCII are expected"))
    return value


_Sent = Annotated[str, Field(min_length=1, max_length=LONGEST), AfterValidator(_ascii)]
Command = Annotated[_Sent, _with(ADDRESS)]
AddressCommand = Annotated[_Sent, _with(ADDRESS, "new")]
LineCommand = Annotated[_Sent, _with(ADDRESS, "baudrate", "bytesize", "parity", "stopbits")]


class LineChecksum(Table):
    """How the field ``{checksum}`` of a message is made: hexadecimal, of what stands between two marks.

    As many digits are compared as the instrument writes, two at least.
    """

    kind: Literal["xor", "sum"]
    """`"xor"`: exclusive or of the bytes (NMEA 0183, Vaisala CSX); `"sum"`: their sum (Vaisala CS2, CS4)."""
    after: str = ""
    """The mark that it begins behind, such as `"$"`; left out: with the message."""
    before: str = ""
    """The mark that it ends before, such as `"*"`; left out: before the checksum itself."""


class LineSetting(Table):
    """Something an instrument is set to, logged once a day because a change of it changes what the readings mean.

    It is a field of the message, or a line ``NAME : value`` of what the instrument answers to `ask_settings`.
    """

    id: Identifier
    """Name of the setting, and of its field in the message."""
    name: str | None = None
    """What stands before the colon in the answer to `ask_settings`; left out: it is a field of the message."""
    words: dict[str, float] = Field(default_factory=dict)
    """Numbers for words, such as `{ ON = 1, OFF = 0 }`."""
    unit: str = ""
    """Unit."""
    factory: float = 0.0
    """What it is from the factory [unit]."""
    meaning: BothNames
    """What it does."""


class Taken(NamedTuple):
    """What a message says.

    Parameters
    ----------
    words : dict of str to str
        Its fields by name.
    covered, checksum : str
        What its checksum is made of, and the checksum; empty without one.
    """

    words: dict[str, str]
    covered: str
    checksum: str


class AsciiModel(ProbeModel):
    """A model of instrument that speaks lines of text.

    A message names its fields: channels by their ids, status words and settings by theirs, and ``{address}`` and
    ``{checksum}``.
    """

    protocols: ClassVar[tuple[str, ...]] = ("ascii",)

    protocol: Literal["ascii"]
    """How it is read."""
    message: str = Field(min_length=1)
    """Pattern of the line with a reading, such as `"CO2={co2} ppm"`: a blank stands for one or more, `{}` for a word
    and `{*}` for any text that is passed over, `{{` for a brace."""
    request: Command | None = None
    """Command that asks for a reading, such as `"send {address}"`; left out: the instrument sends by itself."""
    command_end: Literal["CR", "LF", "CRLF"] = "CR"
    """What ends a command; lines of the instrument end with CR, LF or both."""
    setup: tuple[Command, ...] = ()
    """Commands that make it speak as `message` says; sent when its first line after opening or a restart is
    another. Nothing that changes what it measures belongs here."""
    ask_settings: tuple[Command, ...] = ()
    """Commands whose answers tell the settings that have a `name`."""
    banner: str | None = None
    """How the line begins that it sends after power-on."""
    refusals: tuple[str, ...] = ()
    """Words by which it says that it did not understand."""
    identify: Command | None = None
    """Command that an instrument answers whatever its state, so that a scan finds it."""
    identity: str | None = None
    """A text in that answer by which the model is known."""
    set_address: tuple[AddressCommand, ...] = ()
    """Commands that give it the address `{new}`; left out: not known, and never sent."""
    set_line: tuple[LineCommand, ...] = ()
    """Commands that give it other line settings: `{baudrate}`, `{bytesize}`, `{parity}`, `{stopbits}`."""
    checksum: LineChecksum | None = None
    """How `{checksum}` of the message is made."""
    setting: tuple[LineSetting, ...] = ()
    """Settings logged once a day."""

    @field_validator("message")
    @classmethod
    def _a_pattern(cls, value: str) -> str:
        Pattern(_one_byte_each(value))
        return value

    @property
    def streams(self) -> bool:
        """Whether it sends by itself."""
        return self.request is None

    @property
    def pattern(self) -> Pattern:
        """The pattern of its message."""
        return pattern(self.message)

    @property
    def addressed(self) -> bool:
        """Whether an instrument of it needs an address."""
        texts = (self.request or "", *self.setup, *self.ask_settings)
        return ADDRESS in self.pattern.names or any("{" + ADDRESS + "}" in text for text in texts)

    def take(self, line: str) -> Taken | None:
        """The fields of a message; None when the line is another."""
        found = self.pattern.match(line)
        if found is None:
            return None
        begin, places = found
        words = {name: line[start:end] for name, (start, end) in places.items()}
        if self.checksum is None or CHECKSUM not in places:
            return Taken(words, "", "")
        end = places[CHECKSUM][0]
        if self.checksum.after:
            mark = line.rfind(self.checksum.after, 0, end)
            begin = mark + len(self.checksum.after) if mark >= 0 else begin
        if self.checksum.before:
            end = max(line.rfind(self.checksum.before, begin, end), begin)
        return Taken(words, line[begin:end], words[CHECKSUM])

    def sound(self, taken: Taken) -> bool:
        """Whether the checksum of a message is right, or it has none."""
        if self.checksum is None:
            return True
        digits = taken.checksum.strip()
        if not 2 <= len(digits) <= 8 or any(one not in "0123456789abcdefABCDEF" for one in digits):
            return False
        most: int = 16 ** len(digits)
        return checksum(self.checksum.kind, taken.covered) % most == int(digits, 16)

    def written(self, words: dict[str, str]) -> str:
        """A message with these words in its fields, and its checksum."""
        if self.checksum is not None and CHECKSUM in self.pattern.names:
            draft = self.pattern.render({**words, CHECKSUM: "00"})
            taken = self.take(draft)
            covered = "" if taken is None else taken.covered
            value = checksum(self.checksum.kind, covered)
            words = {**words, CHECKSUM: f"{value:02X}" if self.checksum.kind == "xor" else f"{value:04X}"}
        return self.pattern.render(words)

    def decoder(self, spec: ChannelSpec) -> Callable[[bytes], float]:
        """From a line as it came to a channel's raw number."""
        take, name = _taker(self), spec.id

        def raw(said: bytes) -> float:
            words = take(said)
            if words is None or name not in words:
                raise IndexError(name)
            try:
                return number(words[name])
            except ValueError:
                raise IndexError(name) from None

        return raw

    def frame(self, spec: ChannelSpec) -> str | None:
        """The message: all channels come in one line."""
        return "message"

    def settings(self) -> tuple[str, ...]:
        """Ids of the settings that the instrument tells."""
        return tuple(row.id for row in self.setting)

    def faults(self, root: Spot) -> Iterator[Fault]:
        """Fields that nobody knows, channels that the message does not have, messages that cannot be held to."""
        names = self.pattern.names
        ids = {
            "channel": [row.id for row in self.channel],
            "status": [row.id for row in self.status],
            "setting": [row.id for row in self.setting],
        }
        known = sorted({ADDRESS, CHECKSUM}.union(*ids.values()))

        def wrong(expected: Message) -> Fault:
            return fault_at(root, ("message",), self.message, expected)

        for name in names:
            if name not in known:
                yield wrong(
                    Message(
                        "no channel, status or setting {name!r}; {nearest}; {{}} passes over a word",
                        name=name,
                        nearest=nearest(name, known),
                    )
                )
        for table in ("channel", "status"):
            for n, name in enumerate(ids[table]):
                if name not in names:
                    expected = Message("the message has no field {{{name}}}", name=name)
                    yield fault_at(root, (table, n, "id"), name, expected)
        for n, row in enumerate(self.setting):
            path: Key = ("setting", n, "id")
            if row.id in ids["setting"][:n]:
                again = Message("this id is used twice under [[{table}]]", table="setting")
                yield fault_at(root, path, row.id, again)
            elif row.name is None and row.id not in names:
                nowhere = Message(
                    "a setting is a field of the message, or has the name the instrument gives it"
                )
                yield fault_at(root, path, row.id, nowhere)
        if (CHECKSUM in names) != (self.checksum is not None):
            yield wrong(Message("{{checksum}} in the message and the key checksum go together"))
        if not (self.pattern.begins_with_text or names[:1] == (ADDRESS,)) and self.checksum is None:
            yield wrong(
                Message(
                    "a message without checksum begins with a text or with {{address}}: a line that lost its first "
                    "digits would be taken for another number"
                )
            )


def _one_byte_each(value: str) -> str:
    try:
        value.encode("latin-1")
    except UnicodeEncodeError:
        raise ValueError(Message("characters of one byte (Latin-1) are expected")) from None
    return value


def _taker(model: AsciiModel) -> Callable[[bytes], dict[str, str] | None]:
    """The fields of a line by name; the channels of one line ask one after another."""

    @lru_cache(maxsize=4)
    def take(said: bytes) -> dict[str, str] | None:
        taken = model.take(said.decode("latin-1"))
        return None if taken is None else taken.words

    return take


def setting_values(model: AsciiModel, words: dict[str, Any], named: dict[str, str]) -> dict[str, float]:
    """What an instrument told of its settings, by id.

    Parameters
    ----------
    words : dict
        Fields of its message.
    named : dict
        Values by the name before the colon, in upper case.
    """
    found = {}
    for row in model.setting:
        word = words.get(row.id) if row.name is None else named.get(row.name.upper())
        if word is None:
            continue
        upper = {name.upper(): value for name, value in row.words.items()}
        try:
            value = upper[word.upper()] if word.upper() in upper else number(word.split(" ")[0])
        except ValueError:
            continue
        if math.isfinite(value):
            found[row.id] = value
    return found
