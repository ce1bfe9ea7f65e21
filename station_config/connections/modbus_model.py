"""Modbus in the catalogue: registers that are read in blocks, and channels that stand in them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from soilco2.station_config.base import BothNames, Identifier, Table
from soilco2.station_config.catalogue.probe import ChannelSpec, ProbeModel, StatusBits
from soilco2.station_config.catalogue.registers import WIDTH, decoder
from soilco2.station_config.connections.kind import Key
from soilco2.station_config.errors import Fault
from soilco2.station_config.message import Message
from soilco2.station_config.parsing.faults import fault_at, nearest
from soilco2.station_config.parsing.toml_positions import Spot
from soilco2.station_config.tables.instrument import Analog

ANSWER_S = 0.05
"""Time a probe takes before it begins to answer [s]; cheap ones take about this."""

BROKEN_MA = 3.6
"""A current below it is a broken loop or a transmitter that tells its fault [mA] (NAMUR NE 43)."""
SHORT_MA = 22.0
"""A current above it is a short circuit or a transmitter that tells its fault [mA]."""

NumberType = Literal["int16", "uint16", "int32", "uint32", "float32"]
WordOrder = Literal["high-first", "low-first"]


class Block(Table):
    """Registers read in one request: `count` registers from wire address `start` (0-based) by `function`."""

    id: Identifier
    """Name for channels to refer to."""
    function: Literal[3, 4]
    """3 holding registers, 4 input registers."""
    start: int = Field(ge=0, le=0xFFFF)
    """Wire address of the first register, from 0 (the manual's number less 1 where it counts from 1)."""
    count: int = Field(ge=1, le=125)
    """Registers read."""


class RegisterPlace(Table):
    """Where in the registers a channel's number is, and how it is coded."""

    block: str | None = None
    """The block it is read from."""
    offset: int = Field(default=0, ge=0)
    """Register within the block, from 0."""
    type: NumberType
    """How the number is coded."""
    word_order: WordOrder = "high-first"
    """Which word of a 32-bit number comes first."""

    @field_validator("type", mode="before")
    @classmethod
    def _of_a_register(cls, value: Any) -> Any:
        if value == "number":
            raise ValueError(Message("a register needs its type: one of {types}", types=", ".join(WIDTH)))
        return value


class RegisterChannel(ChannelSpec):
    """A quantity that stands in registers."""

    at: RegisterPlace
    """Where its number is."""

    @model_validator(mode="before")
    @classmethod
    def _as_in_0_1(cls, data: Any) -> Any:
        """Files of 0.1.0 have the keys of `at` beside the others."""
        if not isinstance(data, dict) or "at" in data or not RegisterPlace.model_fields.keys() & data.keys():
            return data
        inside = {key: data[key] for key in data if key in RegisterPlace.model_fields}
        return {key: value for key, value in data.items() if key not in inside} | {"at": inside}


class RegisterStatus(StatusBits):
    """A status word: `count` registers of `block` from `offset`, put together high word first.

    A sample carries it as ``"<id>=0x<hex>"``, several joined by a space, words that are zero left out.
    `channels` are the ids it judges; empty means all.
    """

    block: str
    """The block it is read from."""
    offset: int = Field(default=0, ge=0)
    """Register within the block, from 0."""
    count: int = Field(default=1, ge=1, le=4)
    """Registers, the first one highest."""


class Setting(Table):
    """A register that is logged once a day, because a change of it changes what the readings mean."""

    id: Identifier
    """Name of the setting."""
    function: Literal[3, 4] = 3
    """3 holding registers, 4 input registers."""
    start: int = Field(ge=0, le=0xFFFF)
    """Wire address, from 0."""
    type: Literal["int16", "uint16", "int32", "uint32", "float32"] = "uint16"
    """How the number is coded."""
    word_order: WordOrder = "high-first"
    """Which word of a 32-bit number comes first."""
    scale: float = 1.0
    """Factor on the raw number."""
    unit: str = ""
    """Unit after scaling."""
    factory: float = 0.0
    """What it is from the factory [unit]."""
    in_soil: float | None = None
    """What it must be where the probe is buried [unit]; anything else is told, and nothing is written."""
    meaning: BothNames
    """What it does."""


class CurrentInput(Table):
    """An input for 4 to 20 mA; the station file says what it measures: ``[[instrument.analog]]``."""

    id: Identifier
    """Name of the input."""
    at: RegisterPlace
    """Where its number is."""
    scale: float = 1.0
    """Factor on the raw number [mA]."""

    def channel(self, row: Analog) -> dict[str, Any]:
        """The channel it is with what stands behind it; a current that no sound transmitter gives is out of range."""
        per_ma = (row.at_20ma - row.at_4ma) / 16
        ends = sorted(row.at_4ma + (current - 4) * per_ma for current in (BROKEN_MA, SHORT_MA))
        return {
            "id": self.id, "variable": row.variable, "unit": row.unit, "at": self.at.model_dump(),
            "scale": self.scale * per_ma, "shift": row.at_4ma - 4 * per_ma, "lower": ends[0], "upper": ends[1],
        }  # fmt: skip


class CodedRegister(Table):
    """A register that holds a setting of the line: the place of its value in `codes`, or the value by `divisor`."""

    start: int = Field(ge=0, le=0xFFFF)
    """Wire address, from 0."""
    codes: tuple[int | str, ...] = ()
    """What the codes 0, 1, 2 … mean; empty: the number itself stands there."""
    divisor: int = Field(default=1, ge=1)
    """What the number is divided by, where it stands there itself."""

    def code(self, value: int | str) -> int | None:
        """What is written for a value; None when the register has no code for it."""
        if self.codes:
            return self.codes.index(value) if value in self.codes else None
        whole, rest = divmod(int(value), self.divisor)
        return None if rest else whole


class Change(Table):
    """Where an instrument keeps its address and its line settings; nothing else of it is ever written."""

    function: Literal[6, 16] = 6
    """6 write one register, 16 write several."""
    address: CodedRegister | None = None
    """Its address."""
    highest: int = Field(default=247, ge=1, le=247)
    """The highest address it takes."""
    baudrate: CodedRegister | None = None
    """Its speed [Bd]."""
    parity: CodedRegister | None = None
    """Its parity: N, E, O."""
    stopbits: CodedRegister | None = None
    """Its stop bits."""
    restart: bool = False
    """Whether it must be switched off and on before they hold."""


_BYTE_S = 10 / 9600
"""A byte at the speed that most probes leave the factory with [s]."""


class ModbusModel(ProbeModel):
    """A model of probe that speaks Modbus: registers are read in blocks, and channels stand in them."""

    protocols: ClassVar[tuple[str, ...]] = ("modbus-rtu",)

    protocol: Literal["modbus-rtu"]
    """How it is read."""
    block: tuple[Block, ...] = ()
    """Registers read in one request."""
    channel: tuple[RegisterChannel, ...] = ()
    """What it gives."""
    input: tuple[CurrentInput, ...] = ()
    """Its inputs for 4 to 20 mA; what they measure is in the station file."""
    status: tuple[RegisterStatus, ...] = ()
    """Status words."""
    setting: tuple[Setting, ...] = ()
    """Registers logged once a day."""
    change: Change | None = None
    """How it gets another address and other line settings; left out: not known, and never written."""

    def inputs(self) -> tuple[str, ...]:
        """Ids of its current inputs."""
        return tuple(one.id for one in self.input)

    def mapped(self, rows: Iterable[Analog]) -> ModbusModel:
        """This model with what an instrument's inputs measure; rows for inputs it does not have are left out."""
        inputs = {one.id: one for one in self.input}
        made = [
            RegisterChannel.model_validate(inputs[row.channel].channel(row))
            for row in rows
            if row.channel in inputs
        ]
        return self.model_copy(update={"channel": (*self.channel, *made)})

    def used(self, names: Iterable[str] = ()) -> tuple[RegisterChannel, ...]:
        """The channels of `names`, in the order of the catalogue; all of them when it is empty."""
        return tuple(spec for spec in super().used(names) if isinstance(spec, RegisterChannel))

    def decoder(self, spec: ChannelSpec) -> Callable[[bytes], float]:
        """From a channel's registers to its raw number."""
        assert isinstance(spec, RegisterChannel)
        return decoder(spec.at.type, spec.at.word_order)

    def frame(self, spec: ChannelSpec) -> str | None:
        """The block of a channel: it is read in one request."""
        assert isinstance(spec, RegisterChannel)
        return spec.at.block

    def requests(self) -> int:
        """Requests that one reading takes."""
        return max(1, len(self.block))

    def read_time(self, trip: float, quiet: float) -> float:
        """Time that one reading takes at 9600 baud [s], with a round trip to the line [s] and its silence [s]."""
        return sum(
            trip + ANSWER_S + 2 * max(quiet, self.quiet) + (8 + 5 + 2 * block.count) * _BYTE_S
            for block in self.block
        )

    def settings(self) -> tuple[str, ...]:
        """Ids of the registers that are logged."""
        return tuple(setting.id for setting in self.setting)

    def in_soil(self) -> dict[str, float]:
        """What settings must be where the probe is buried."""
        return {row.id: row.in_soil for row in self.setting if row.in_soil is not None}

    def faults(self, root: Spot) -> Iterator[Fault]:
        """Blocks that are not there, registers outside of theirs, names that stand twice."""
        if not self.block:
            yield fault_at(
                root,
                ("block",),
                None,
                Message("a Modbus model needs [[block]] tables: the registers to read"),
            )
        if not self.channel and not self.input:
            yield fault_at(
                root, ("channel",), None, Message("[[channel]] tables are expected: what it gives")
            )
        for table, ids in (
            ("block", [row.id for row in self.block]),
            ("setting", list(self.settings())),
            ("input", [row.id for row in self.input]),
        ):
            for n, name in enumerate(ids):
                if name in ids[:n]:
                    yield fault_at(
                        root,
                        (table, n, "id"),
                        name,
                        Message("this id is used twice under [[{table}]]", table=table),
                    )
        for n, row in enumerate(self.compensation):
            for key in ("mode", "setpoint"):
                if getattr(row, key) not in self.settings():
                    hint = nearest(getattr(row, key), self.settings())
                    yield fault_at(
                        root, ("compensation", n, key), getattr(row, key),
                        Message("the id of a [[setting]] is expected; {hint}", hint=hint),
                    )  # fmt: skip
        for n, spec in enumerate(self.channel):
            _, inside = root.find(("channel", n, "at"))
            yield from self._in_block(root, inside, spec.at.block, spec.at.offset, WIDTH[spec.at.type])
        for n, one in enumerate(self.input):
            at = one.at
            yield from self._in_block(root, ("input", n, "at"), at.block, at.offset, WIDTH[at.type])
        for n, status in enumerate(self.status):
            yield from self._in_block(root, ("status", n), status.block, status.offset, status.count)

    def _in_block(self, root: Spot, path: Key, name: str | None, offset: int, words: int) -> Iterator[Fault]:
        blocks = {block.id: block for block in self.block}
        block = blocks.get(name or "")
        if block is None:
            hint = nearest(name or "", blocks)
            yield fault_at(
                root,
                (*path, "block"),
                name,
                Message("the block it is read from is expected; {nearest}", nearest=hint),
            )
        elif offset + words > block.count:
            yield fault_at(
                root, (*path, "offset"), offset,
                Message(
                    "block {block} has {count} registers; {words} from this offset do not fit in it",
                    block=name, count=block.count, words=words,
                ),
            )  # fmt: skip
