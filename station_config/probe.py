"""What a file of the catalogue says of a model of probe: registers, scaling, line, sentinels, limits."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from station_config.base import BothNames, Duration, Identifier, Table

NumberType = Literal["int16", "uint16", "int32", "uint32", "float32", "number"]
WordOrder = Literal["high-first", "low-first"]

WORDS: dict[str, int] = {"int16": 1, "uint16": 1, "int32": 2, "uint32": 2, "float32": 2}
"""Registers that a number takes."""


class Line(Table):
    """Line settings a probe leaves the factory with, and the speeds it can be set to (empty: not known)."""

    baudrate: int = Field(gt=0)
    bytesize: Literal[7, 8] = 8
    parity: Literal["N", "E", "O"] = "N"
    stopbits: Literal[1, 2] = 1
    baudrates: tuple[int, ...] = ()

    def __str__(self) -> str:
        return f"{self.baudrate} {self.bytesize}{self.parity}{self.stopbits}"


class Block(Table):
    """Registers read in one request: `count` registers from wire address `start` (0-based) by `function`."""

    id: Identifier
    function: Literal[3, 4]
    start: int = Field(ge=0, le=0xFFFF)
    count: int = Field(ge=1, le=125)


class ChannelSpec(Table):
    """One quantity that a probe gives.

    ``reading [unit] = raw · scale + shift``. `sentinels` are tested on the raw number, before scaling; NaN is
    always one. `lower`, `upper` and `saturation` are in `unit`: the measuring range, and the value at which
    the probe is clipped. `pressure` and `temperature` say whether the probe compensates a CO₂ reading
    itself; where it does not (``"none"``), the reference values are those its reading is valid for.
    """

    id: Identifier
    variable: str
    unit: str
    scale: float = 1.0
    shift: float = 0.0
    block: str | None = None
    offset: int = Field(default=0, ge=0)
    type: NumberType = "number"
    word_order: WordOrder = "high-first"
    sentinels: tuple[float, ...] = ()
    lower: float | None = None
    upper: float | None = None
    saturation: float | None = None
    resolution: float | None = Field(default=None, gt=0)
    accuracy: BothNames | None = None
    pressure: Literal["device", "none"] | None = None
    temperature: Literal["device", "none"] | None = None
    reference_pressure_hpa: float | None = Field(default=None, ge=300, le=1200)
    reference_temperature_degc: float | None = Field(default=None, ge=-50, le=80)


class StatusBit(Table):
    """Bits under `mask` give the QARTOD flag `flag` (3 suspect, 4 bad) with the test name `name`."""

    mask: int = Field(gt=0)
    name: Identifier
    flag: Literal[3, 4]


class StatusBits(Table):
    """A status word: `count` registers of `block` from `offset`, put together high word first.

    A sample carries it as ``"<id>=0x<hex>"``, several joined by a space, words that are zero left out.
    `channels` are the ids it judges; empty means all.
    """

    id: Identifier = "status"
    block: str
    offset: int = Field(default=0, ge=0)
    count: int = Field(default=1, ge=1, le=4)
    bits: tuple[StatusBit, ...]
    channels: tuple[str, ...] = ()


class Setting(Table):
    """A register that is logged once a day, because a change of it changes what the readings mean."""

    id: Identifier
    function: Literal[3, 4] = 3
    start: int = Field(ge=0, le=0xFFFF)
    type: Literal["int16", "uint16", "int32", "uint32", "float32"] = "uint16"
    word_order: WordOrder = "high-first"
    scale: float = 1.0
    unit: str = ""
    meaning: BothNames


class ProbeModel(Table):
    """A model of instrument: how it is read and what its numbers mean.

    `ec_coefficient` is the temperature coefficient [1/K] by which the probe itself brings conductivity to
    25 °C; 0 means that it does not, None that nothing is known. `salinity_factor` is the probe's own
    salinity [mg/L] per conductivity [µS/cm]. `quiet` is the silence it wants between frames, `timeout` the
    longest time it may take to answer, `warm_up` the time after power-on in which its readings are suspect.
    `source` names the manual the file was written from, `unconfirmed` what could not be verified.
    """

    id: Identifier
    maker: str
    name: BothNames
    protocol: Literal["modbus-rtu", "json-mqtt", "table"]
    line: Line | None = None
    address: int | None = Field(default=None, ge=0, le=255)
    quiet: Duration = 0.02
    timeout: Duration = 1.0
    warm_up: Duration = 0.0
    block: tuple[Block, ...] = ()
    channel: tuple[ChannelSpec, ...]
    status: tuple[StatusBits, ...] = ()
    setting: tuple[Setting, ...] = ()
    salinity_factor: float | None = Field(default=None, gt=0)
    ec_coefficient: float | None = Field(default=None, ge=0, le=0.1)
    calibration_every: Duration | None = None
    source: str
    unconfirmed: str = ""

    def spec(self, channel: str) -> ChannelSpec | None:
        """The channel with this id, or None."""
        return next((spec for spec in self.channel if spec.id == channel), None)
