"""What every file of the catalogue says of a model of probe: channels, scaling, line, sentinels, limits.

Each kind of connection adds what its protocol needs, among it the table `at` of a channel: where its number is found.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, ClassVar, Literal

from pydantic import ConfigDict, Field

from soilco2.station_config.base import BothNames, Duration, Identifier, Table
from soilco2.station_config.catalogue.compensation import CompensatedBy
from soilco2.station_config.errors import Fault
from soilco2.station_config.message import Message


class Line(Table):
    """Line settings a probe leaves the factory with, and the speeds it can be set to (empty: not known)."""

    baudrate: int = Field(gt=0)
    """Factory speed [Bd]."""
    bytesize: Literal[7, 8] = 8
    """Data bits."""
    parity: Literal["N", "E", "O"] = "N"
    """N none, E even, O odd."""
    stopbits: Literal[1, 2] = 1
    """Stop bits."""
    baudrates: tuple[int, ...] = ()
    """Speeds the probe can be set to [Bd]; empty: not known."""

    def __str__(self) -> str:
        return f"{self.baudrate} {self.bytesize}{self.parity}{self.stopbits}"

    @classmethod
    def of(cls, text: str) -> Line:
        """The line settings of text such as ``"9600 8N1"``; the speed alone means 8N1.

        Raises
        ------
        ValueError
            When it is of another form.
        """
        match = re.fullmatch(
            r"(\d{3,7})(?:[ ,/]?([78])([NEO])([12]))?", text.strip(), re.IGNORECASE | re.ASCII
        )
        if match is None:
            raise ValueError(
                Message("{text!r} is no line setting; expected such as '9600 8N1' or 19200", text=text)
            )
        baudrate, bits, parity, stop = match.groups()
        return cls.model_validate(
            {
                "baudrate": int(baudrate),
                "bytesize": int(bits or 8),
                "parity": (parity or "N").upper(),
                "stopbits": int(stop or 1),
            }
        )


class ChannelSpec(Table):
    """One quantity that a probe gives.

    ``reading [unit] = raw · scale + shift``. `sentinels` are tested on the raw number, before scaling; NaN is
    always one. `lower`, `upper` and `saturation` are in `unit`: the measuring range, and the value at which
    the probe is clipped. `pressure` and `temperature` say whether the probe compensates a CO₂ reading
    itself; where it does not (``"none"``), the reference values are those its reading is valid for.
    """

    id: Identifier
    """Name of the channel."""
    variable: str
    """Variable of the registry."""
    unit: str
    """Unit after scaling."""
    scale: float = 1.0
    """Factor on the raw number."""
    shift: float = 0.0
    """Added after the factor [unit]."""
    sentinels: tuple[float, ...] = ()
    """Raw numbers that mean that there is no value, before scaling."""
    lower: float | None = None
    """Measuring range from [unit]."""
    upper: float | None = None
    """Measuring range to [unit]."""
    saturation: float | None = None
    """Value at which the probe is clipped [unit]."""
    resolution: float | None = Field(default=None, gt=0)
    """Smallest step [unit]."""
    accuracy: BothNames | None = None
    """What the maker claims."""
    auxiliary: bool = False
    """Kept beside the channel that counts: an installation places it only when it names it."""
    pressure: Literal["device", "none"] | None = None
    """Who compensates a CO₂ reading for pressure."""
    temperature: Literal["device", "none"] | None = None
    """Who compensates it for temperature."""
    reference_pressure_hpa: float | None = Field(default=None, ge=300, le=1200)
    """Pressure that an uncompensated reading is valid for [hPa]."""
    reference_temperature_degc: float | None = Field(default=None, ge=-50, le=80)
    """Temperature that an uncompensated reading is valid for [°C]."""


class StatusBit(Table):
    """Bits under `mask` give the QARTOD flag `flag` (3 suspect, 4 bad) with the test name `name`."""

    mask: int = Field(gt=0)
    """Bits meant; any of them."""
    name: Identifier
    """Name of the test."""
    flag: Literal[3, 4]
    """3 suspect, 4 bad."""


class StatusBits(Table):
    """A status word.

    A sample carries it as ``"<id>=0x<hex>"``, several joined by a space, words that are zero left out.
    `channels` are the ids it judges; empty means all.
    """

    id: Identifier = "status"
    """Name of the word."""
    bits: tuple[StatusBit, ...]
    """What the bits mean."""
    channels: tuple[str, ...] = ()
    """Channels judged; empty: all."""


class ProbeModel(Table):
    """A model of instrument: how it is read and what its numbers mean.

    `ec_coefficient` is the temperature coefficient [1/K] by which the probe itself brings conductivity to
    25 °C; 0 means that it does not, None that nothing is known. `salinity_factor` is the probe's own
    salinity [mg/L] per conductivity [µS/cm]. `quiet` is the silence it wants between frames, `timeout` the
    longest time it may take to answer, `warm_up` the time after power-on in which its readings are suspect.
    `source` names the manual the file was written from, `unconfirmed` what could not be verified.
    """

    id: Identifier
    """Name of the model in station files; the file is named after it."""
    maker: str
    """Maker."""
    name: BothNames
    """Name for people."""
    model_config = ConfigDict(defer_build=True)  # a protocol that no station speaks costs nothing

    protocols: ClassVar[tuple[str, ...]] = ()
    """Protocols that this table is for."""

    protocol: str
    """How it is read."""
    line: Line | None = None
    """Line settings from the factory."""
    address: int | str | None = None
    """Address from the factory."""
    quiet: Duration = 0.02
    """Silence wanted between frames."""
    timeout: Duration = 1.0
    """Longest time to an answer."""
    warm_up: Duration = 0.0
    """Time after power-on in which readings are suspect."""
    drifts_on_power_up: bool = False
    """Whether readings drift after power-on for longer than the warm-up: it is not switched off unless told to."""
    channel: tuple[ChannelSpec, ...]
    """What it gives."""
    every_variable: bool = False
    """Whether it gives, besides its channels, every variable there is in its canonical unit: a message that names the
    variable can hold any, the station's own included."""
    status: tuple[StatusBits, ...] = ()
    """Status words."""
    salinity_factor: float | None = Field(default=None, gt=0)
    """The probe's salinity [mg/L] per conductivity [µS/cm]."""
    ec_coefficient: float | None = Field(default=None, ge=0, le=0.1)
    """Temperature coefficient the probe applies to conductivity [1/K]; 0: none; left out: not known."""
    compensation: tuple[CompensatedBy, ...] = ()
    """Which settings say what a CO₂ reading is computed for."""
    calibration_every: Duration | None = None
    """Interval of calibration the maker recommends."""
    source: str
    """The manual this file was written from."""
    tried: Literal["device", "manual"] = "manual"
    """`"device"`: soilco2 has read one; `"manual"`: the file was written from the manual alone."""
    also_sold_as: tuple[str, ...] = ()
    """Other names under which the same instrument is sold."""
    unconfirmed: BothNames | None = None
    """What could not be verified."""

    def spec(self, channel: str) -> ChannelSpec | None:
        """The channel with this id, or None."""
        return next((spec for spec in self.channel if spec.id == channel), None)

    def used(self, names: Iterable[str] = ()) -> tuple[ChannelSpec, ...]:
        """The channels of `names`, in the order of the catalogue; all of them when it is empty."""
        wanted = set(names)
        return tuple(spec for spec in self.channel if not wanted or spec.id in wanted)

    def decoder(self, spec: ChannelSpec) -> Callable[[bytes], float] | None:
        """From what the instrument said of a channel to its raw number; None where it says the number itself."""
        return None

    def frame(self, spec: ChannelSpec) -> str | None:
        """What a channel's number comes in: channels of one frame are of one sensor and one answer; None: alone."""
        return None

    def requests(self) -> int:
        """Requests that one reading takes."""
        return 1

    def settings(self) -> tuple[str, ...]:
        """Ids of the settings that the instrument tells."""
        return ()

    def inputs(self) -> tuple[str, ...]:
        """Ids of the current inputs, where it is a module for what others measure."""
        return ()

    def mapped(self, rows: Iterable[Any]) -> ProbeModel:
        """This model with what the inputs of one instrument measure; itself, where it has no inputs."""
        return self

    def in_soil(self) -> dict[str, float]:
        """What settings must be where the instrument is buried, by their ids; such as 0 of an automatic calibration."""
        return {}

    def faults(self, root: Any) -> Iterator[Fault]:
        """What is wrong between the tables of a catalogue file; `root` is the place of its keys."""
        yield from ()
