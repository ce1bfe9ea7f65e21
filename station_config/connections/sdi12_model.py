"""SDI-12 in the catalogue: commands that start a measurement, and channels that are values of their answers."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, ClassVar, Literal

from pydantic import Field

from soilco2.station_config.base import Duration, Identifier, Table
from soilco2.station_config.catalogue.probe import ChannelSpec, ProbeModel
from soilco2.station_config.errors import Fault
from soilco2.station_config.message import Message
from soilco2.station_config.parsing.faults import fault_at, nearest
from soilco2.station_config.parsing.toml_positions import Spot

_VALUE = rb"[+-](?:\d{1,7}(?:\.\d{0,7})?|\.\d{1,7})"
_ANSWER = re.compile(rb"[0-9A-Za-z]((?:" + _VALUE + rb")*)(?:[\x40-\x7f]{3})?")
_ONE = re.compile(_VALUE)
_LONGEST_VALUE = 9
"""Sign, seven digits and a point (SDI-12 1.4)."""
TRIES = 3
"""How often a command is sent before it failed (SDI-12 1.4)."""


def numbers(said: bytes) -> list[float]:
    """The values in one or several answers to ``aD0!`` … or ``aR0!`` …, a line each, check sums passed over.

    Raises
    ------
    ValueError
        When it is no such answer.
    """
    found: list[float] = []
    for line in said.split(b"\n"):
        match = _ANSWER.fullmatch(line)
        values = [] if match is None else _ONE.findall(match[1])
        if match is None or any(len(value) > _LONGEST_VALUE for value in values):
            raise ValueError(Message("no answer with values: {text!r}", text=line.decode("ascii", "replace")))
        found += map(float, values)
    return found


class Command(Table):
    """A measurement: what starts it, and how many values it gives.

    A probe that several others measure beside it at the same time is started with `concurrent`; one that does
    not know that has the line to itself until it is done.
    """

    id: Identifier
    """Name for channels to refer to."""
    send: str = Field(pattern=r"^(?:[MC][1-9]?|R[0-9]|V)$")
    """The command without address and `!`, as the manual has it: `M`, `M1` … `M9`, `C` …, `R0` … `R9`, `V`."""
    concurrent: str | None = Field(default=None, pattern=r"^C[1-9]?$")
    """The command that starts the same measurement while others measure: `C`, `C1` … `C9`; left out: it has none."""
    values: int | None = Field(default=None, ge=1, le=99)
    """Values it gives; left out: as many as the probe has sensors."""


class ValuePlace(Table):
    """Which value of an answer a channel is."""

    command: str | None = None
    """The command that gives it."""
    index: int = Field(ge=1, le=99)
    """Which of its values, from 1."""
    polynomial: tuple[float, ...] = Field(default=(), max_length=6)
    """`[c0, c1, c2 …]`: the raw number is c0 + c1·v + c2·v² … of the value v, for quantities that are a curve of
    what the probe tells; sentinels are left as they are. Left out: the value itself."""


class ValueChannel(ChannelSpec):
    """A quantity that stands in an answer."""

    at: ValuePlace
    """Where its number is."""


class Sdi12Model(ProbeModel):
    """A model of probe that speaks SDI-12: commands start measurements, channels are values of their answers."""

    protocols: ClassVar[tuple[str, ...]] = ("sdi12",)

    protocol: Literal["sdi12"]
    """How it is read."""
    identity: tuple[str, ...] = ()
    """Maker and model as `aI!` tells them, or how they begin, blanks left out; empty: not compared."""
    crc: bool = False
    """Whether it knows the commands with a check sum, such as `aMC!`."""
    longest_wait: Duration = 30.0
    """Longest time it may announce until its values are ready."""
    command: tuple[Command, ...] = ()
    """Measurements."""
    channel: tuple[ValueChannel, ...]
    """What it gives."""

    def used(self, names: Iterable[str] = ()) -> tuple[ValueChannel, ...]:
        """The channels of `names`, in the order of the catalogue; all of them when it is empty."""
        return tuple(spec for spec in super().used(names) if isinstance(spec, ValueChannel))

    def decoder(self, spec: ChannelSpec) -> Callable[[bytes], float]:
        """From the answers to a command to a channel's raw number; NaN where they have no such value."""
        assert isinstance(spec, ValueChannel)
        place, sentinels = spec.at, frozenset(spec.sentinels)

        def number(said: bytes) -> float:
            found = numbers(said)
            if place.index > len(found):
                return math.nan
            value = found[place.index - 1]
            if not place.polynomial or value in sentinels:
                return value
            return curve(place.polynomial, value)

        return number

    def frame(self, spec: ChannelSpec) -> str | None:
        """The command of a channel: its values are of one measurement."""
        assert isinstance(spec, ValueChannel)
        return spec.at.command

    def requests(self) -> int:
        """Time-outs that a probe costs which does not answer: a command is sent three times."""
        return TRIES

    def faults(self, root: Spot) -> Iterator[Fault]:
        """Commands that are not there, values beyond theirs, names that stand twice."""
        if not self.command:
            yield fault_at(
                root, ("command",), None,
                Message("an SDI-12 model needs [[command]] tables: what starts its measurements"),
            )  # fmt: skip
        ids = [row.id for row in self.command]
        for n, name in enumerate(ids):
            if name in ids[:n]:
                expected = Message("this id is used twice under [[{table}]]", table="command")
                yield fault_at(root, ("command", n, "id"), name, expected)
        counts: dict[str | None, Any] = {row.id: row.values for row in self.command}
        for n, spec in enumerate(self.channel):
            _, inside = root.find(("channel", n, "at"))
            if spec.at.command not in counts:
                hint = nearest(spec.at.command or "", ids)
                yield fault_at(
                    root, (*inside, "command"), spec.at.command,
                    Message("the command that gives it is expected; {nearest}", nearest=hint),
                )  # fmt: skip
            elif (count := counts[spec.at.command]) is not None and spec.at.index > count:
                yield fault_at(
                    root, (*inside, "index"), spec.at.index,
                    Message("command {command} gives {count} values", command=spec.at.command, count=count),
                )  # fmt: skip


def curve(polynomial: Iterable[float], value: float) -> float:
    """The number of a polynomial, its constant first."""
    found = 0.0
    for factor in reversed(tuple(polynomial)):
        found = found * value + factor
    return found


def identity_text(text: str) -> str:
    """Maker and model as they are compared: without blanks, in small letters."""
    return "".join(text.split()).casefold()
