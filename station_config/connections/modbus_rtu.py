"""A serial line with Modbus RTU slaves: its table, the catalogue of its probes, its wiring rules, its words."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from soilco2.station_config.base import BothNames, Duration, FilePath, Identifier, Table, moment_us
from soilco2.station_config.catalogue.probe import ChannelSpec, Line, ProbeModel, StatusBits
from soilco2.station_config.catalogue.registers import WIDTH, decoder
from soilco2.station_config.connections.kind import Claim, Connection, Draft, Key, Kind, Models
from soilco2.station_config.errors import Fault
from soilco2.station_config.message import Message
from soilco2.station_config.parsing.faults import either, fault_at, nearest
from soilco2.station_config.parsing.toml_positions import Spot
from soilco2.station_config.tables.instrument import Instrument

NumberType = Literal["int16", "uint16", "int32", "uint32", "float32"]
WordOrder = Literal["high-first", "low-first"]

ANSWER_S = 0.05
"""Time a probe takes before it begins to answer [s]; cheap ones take about this."""


class ModbusRtuConnection(Connection):
    """A serial line with Modbus RTU slaves.

    `quiet` is the silence kept between frames; cheap probes want 50 to 100 ms. `echo` says that the adapter
    returns what is sent.
    """

    kind: Literal["modbus-rtu"]
    """`"modbus-rtu"`."""
    port: FilePath
    """Serial port; take the name under `/dev/serial/by-id/`, which stays after a reboot."""
    baudrate: int = Field(gt=0)
    """Speed of the line [Bd]; every probe on it is set to this."""
    bytesize: Literal[8] = 8
    """Data bits; Modbus RTU has 8."""
    parity: Literal["N", "E", "O"] = "N"
    """N none, E even, O odd."""
    stopbits: Literal[1, 2] = 1
    """Stop bits."""
    quiet: Duration = 0.02
    """Silence kept between frames; cheap probes want 50 to 100 ms."""
    echo: bool = False
    """The adapter returns what is sent."""


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
    meaning: BothNames
    """What it does."""


class ModbusModel(ProbeModel):
    """A model of probe that speaks Modbus: registers are read in blocks, and channels stand in them."""

    protocols: ClassVar[tuple[str, ...]] = ("modbus-rtu",)

    protocol: Literal["modbus-rtu"]
    """How it is read."""
    block: tuple[Block, ...] = ()
    """Registers read in one request."""
    channel: tuple[RegisterChannel, ...]
    """What it gives."""
    status: tuple[RegisterStatus, ...] = ()
    """Status words."""
    setting: tuple[Setting, ...] = ()
    """Registers logged once a day."""

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

    def settings(self) -> tuple[str, ...]:
        """Ids of the registers that are logged."""
        return tuple(setting.id for setting in self.setting)

    def faults(self, root: Spot) -> Iterator[Fault]:
        """Blocks that are not there, registers outside of theirs, names that stand twice."""
        if not self.block:
            yield fault_at(
                root,
                ("block",),
                None,
                Message("a Modbus model needs [[block]] tables: the registers to read"),
            )
        for table, ids in (("block", [row.id for row in self.block]), ("setting", list(self.settings()))):
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


def read_time(row: Instrument, model: ProbeModel, connection: ModbusRtuConnection) -> float:
    """Time that one reading of an instrument takes on its line [s].

    Every block is a request of 8 bytes and an answer of 5 bytes and 2 for each register, with 10 or 11 bits
    a byte (Modbus over serial line V1.02, 2.5.1), the silence after each frame and the probe's own delay.
    """
    assert isinstance(model, ModbusModel)
    bits = 9 + connection.stopbits + (connection.parity != "N")
    silence = max(connection.quiet, model.quiet, 3.5 * bits / connection.baudrate)
    return sum(
        (8 + 5 + 2 * block.count) * bits / connection.baudrate + 2 * silence + ANSWER_S
        for block in model.block
    )


class _ModbusRtu(Kind):
    name = "modbus-rtu"
    label = ("Modbus RTU", "Modbus RTU")
    contract = "polled"
    table = ModbusRtuConnection
    models = (ModbusModel,)
    driver = "soilco2.ingest.drivers.modbus_rtu:DRIVER"
    keys: ClassVar = {
        "id": ("line", "线路"),
        "kind": ("protocol", "协议"),
        "rank": ("rank", "级别"),
        "port": (Message("serial port"), "串口"),
        "baudrate": ("speed [Bd]", "波特率 [Bd]"),
        "bytesize": ("data bits", "数据位"),
        "parity": ("parity", "校验"),
        "stopbits": ("stop bits", "停止位"),
        "quiet": ("silence between frames", "帧间静默"),
        "echo": ("adapter returns what is sent", "转换器回送所发内容"),
    }

    def describe(self, connection: ModbusRtuConnection, station: str) -> str:
        line = f"{connection.baudrate} {connection.bytesize}{connection.parity}{connection.stopbits}"
        return f"Modbus RTU, {connection.port}, {line}"

    def ports(self, connection: ModbusRtuConnection) -> tuple[Path, ...]:
        return (Path(connection.port),)

    def claims(self, connection: ModbusRtuConnection, station: str) -> Iterator[Claim]:
        yield Claim("port", Message("serial port"), os.path.realpath(connection.port))

    def instrument(self, draft: Draft, path: Key, row: Instrument) -> Iterator[Fault]:
        if row.address is None:
            yield draft.fault(
                (*path, "address"),
                None,
                Message("a Modbus instrument needs its address, such as address = 11"),
            )
        elif not 1 <= row.address <= 247:
            yield draft.fault(
                (*path, "address"), row.address,
                Message("a Modbus address from 1 to 247 is expected; 0 is for all, 248 to 255 are reserved"),
            )  # fmt: skip

    def rules(self, draft: Draft, models: Models) -> Iterator[Fault]:
        lines = {row.id: row for _, row in self.connections(draft)}
        yield from _addresses(draft, lines)
        for connection in lines.values():
            yield from _line_settings(draft, models, connection)
        yield from _timing(draft, models, lines)

    def advice_on_instrument(
        self, draft: Draft, path: Key, row: Instrument, model: ProbeModel, connection: ModbusRtuConnection
    ) -> Iterator[Fault]:
        if model.line is None:
            return
        line = model.line
        has = f"{connection.baudrate} 8{connection.parity}{connection.stopbits}"
        if (connection.baudrate, connection.parity) != (line.baudrate, line.parity):
            yield draft.fault(
                (*path, "model"), row.model,
                Message(
                    "{model} leaves the factory at {line} and {connection} runs at {has}: set the probe before it goes "
                    "on the bus",
                    model=model.id, line=line, connection=connection.id, has=has,
                ),
            )  # fmt: skip
        elif connection.stopbits != line.stopbits:
            harm = (
                Message("an extra stop bit does no harm")
                if connection.stopbits > line.stopbits
                else Message(
                    "this usually works but is not guaranteed: set the probe, or stopbits of the connection"
                )
            )
            yield draft.fault(
                (*path, "model"), row.model,
                Message(
                    "{model} leaves the factory at {line} and {connection} runs at {has}; {harm}",
                    model=model.id, line=line, connection=connection.id, has=has, harm=harm,
                ),
            )  # fmt: skip

    def advice(self, draft: Draft, models: Models) -> Iterator[Fault]:
        for n, connection in self.connections(draft):
            rows = [
                row
                for row in draft.file.instrument
                if row.connection == connection.id and any(one.until is None for one in row.installation)
            ]
            share = sum(read_time(row, models[row.model], connection) / row.interval for row in rows)
            if share > 1.0:
                yield draft.fault(
                    ("connection", n), None,
                    Message(
                        "reading everything on {connection} takes {share:.0%} of the time there is, so rounds will be "
                        "missed: make the intervals longer, the line faster, or use two lines",
                        connection=connection.id, share=share,
                    ),
                )  # fmt: skip


def _window(draft: Draft, row: Instrument) -> tuple[float, float]:
    """When an instrument was on its line [µs UTC]; for ever without an installation."""
    zone = draft.file.station.zone
    if not row.installation:
        return float("-inf"), float("inf")
    ends = [float("inf") if one.until is None else moment_us(one.until, zone) for one in row.installation]
    return min(moment_us(one.from_, zone) for one in row.installation), max(ends)


def _addresses(draft: Draft, lines: dict[str, Any]) -> Iterator[Fault]:
    """Two instruments at one address of a bus at the same time; a replaced probe may hand its address on."""
    seen: dict[tuple[str, int], list[tuple[int, Instrument, tuple[float, float]]]] = defaultdict(list)
    for n, row in enumerate(draft.file.instrument):
        if row.address is None or row.connection not in lines:
            continue
        window = _window(draft, row)
        for number, other, theirs in seen[row.connection, row.address]:
            if window[0] < theirs[1] and theirs[0] < window[1]:
                line = draft.line(("instrument", number, "address"))
                yield draft.fault(
                    ("instrument", n, "address"), row.address,
                    Message(
                        "{instrument} has this address on {connection} already (line {line}); two probes at one "
                        "address answer together: set another address, or end the installations of the one that was "
                        "replaced",
                        instrument=other.id, connection=row.connection, line=line,
                    ),
                )  # fmt: skip
                break
        seen[row.connection, row.address].append((n, row, window))


def _line_settings(draft: Draft, models: Models, connection: ModbusRtuConnection) -> Iterator[Fault]:
    """Every probe of a bus must be able to talk as the connection says."""
    on_bus: list[tuple[int, Instrument, Line]] = []
    for n, row in enumerate(draft.file.instrument):
        model = models.get(row.model)
        if row.connection == connection.id and model is not None and model.line is not None:
            on_bus.append((n, row, model.line))
    speeds = [set(line.baudrates) for _, _, line in on_bus if line.baudrates]
    common = set.intersection(*speeds) if speeds else set()
    for n, row, line in on_bus:
        if line.baudrates and connection.baudrate not in line.baudrates:
            fit = either(map(str, sorted(common)))
            advice = (
                Message(
                    "all probes of {connection} can be set to {speeds}", connection=connection.id, speeds=fit
                )
                if common
                else Message(
                    "no speed suits all probes of {connection}: use one connection for each speed",
                    connection=connection.id,
                )
            )
            yield draft.fault(
                ("instrument", n, "model"), row.model,
                Message(
                    "{model} cannot talk at the {baudrate} baud of {connection}, only at {speeds}; {advice}",
                    model=row.model, baudrate=connection.baudrate, connection=connection.id,
                    speeds=either(map(str, line.baudrates)), advice=advice,
                ),
            )  # fmt: skip


def _timing(draft: Draft, models: Models, lines: dict[str, Any]) -> Iterator[Fault]:
    """A probe that does not answer must not cost more than its interval."""
    for n, row in enumerate(draft.file.instrument):
        model = models.get(row.model)
        if model is None or row.connection not in lines:
            continue
        count = model.requests()
        requests = Message("1 request") if count == 1 else Message("{count} requests", count=count)
        timeout = row.timeout if row.timeout is not None else model.timeout
        if timeout * count >= row.interval:
            key = "interval" if row.timeout is None else "timeout"
            yield draft.fault(
                ("instrument", n, key), f"{row.interval if row.timeout is None else row.timeout:g}s",
                Message(
                    "{requests} of {timeout:g} s must fit in the interval of {interval:g} s; make the "
                    "timeout shorter or the interval longer",
                    requests=requests, timeout=timeout, interval=row.interval,
                ),
            )  # fmt: skip


KIND = _ModbusRtu()
