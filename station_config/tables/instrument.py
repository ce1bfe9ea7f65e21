"""Table ``[[instrument]]``: a physical device, where it was and how it was calibrated."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from soilco2.station_config.base import BothNames, Duration, Identifier, Moment, Table

ON_THE_BENCH = "bench"
"""Serial number of an instrument that is tried out by hand: nobody has said which one is there."""


class Installation(Table):
    """Channel `channel` (all of them when left out) was at `position` from `from` until `until`.

    `position` is ``"profile/position"``, or ``"site"`` for variables without depth.
    """

    position: str
    """`"profile/position"`, or `"site"` for variables without depth."""
    channel: str | None = None
    """The channel placed; left out: all that fit there."""
    from_: Moment = Field(alias="from")
    """From when."""
    until: Moment | None = None
    """Until when, exclusive; left out: still there."""
    note: BothNames | None = None
    """Anything worth knowing: text, or `{ en = "…", zh = "…" }`."""


class Calibration(Table):
    """``value = gain × reading + offset`` in the variable's canonical unit, from `valid_from` on.

    The newest valid one applies. Past `valid_until` or `due` it goes on applying but is reported as overdue.
    """

    channel: str
    """The channel calibrated."""
    valid_from: Moment
    """From when it applies."""
    valid_until: Moment | None = None
    """Until when the certificate holds; later it goes on applying but is reported as overdue."""
    due: Moment | None = None
    """When the next calibration is due; left out: what the catalogue recommends."""
    gain: float = Field(default=1.0, gt=0)
    """Factor."""
    offset: float = 0.0
    """Offset in the canonical unit of the variable."""
    certificate: str = Field(min_length=1)
    """Number or name of the certificate or protocol."""


class Compensation(Table):
    """Who compensates a CO₂ reading for pressure and temperature.

    ``"device"``: the probe does, with measured values, and nothing is done here. ``"none"``: it does not,
    and the reading is corrected from the probe's reference to the station's measurements. Left out: what the
    catalogue says of the model.
    """

    pressure: Literal["device", "none"] | None = None
    """Who compensates for pressure."""
    temperature: Literal["device", "none"] | None = None
    """Who compensates for temperature."""
    reference_pressure_hpa: float | None = Field(default=None, ge=300, le=1200)
    """Pressure that an uncompensated reading is valid for [hPa]."""
    reference_temperature_degc: float | None = Field(default=None, ge=-50, le=80)
    """Temperature that an uncompensated reading is valid for [°C]."""


class Analog(Table):
    """What stands behind one current input of an analog module: `at_4ma` and `at_20ma` are values in `unit`."""

    channel: str
    """Input of the module; it is the channel's name everywhere else."""
    variable: str
    """Variable of the registry."""
    unit: str
    """Unit of the two values."""
    at_4ma: float
    """Value at 4 mA, the live zero [unit]."""
    at_20ma: float
    """Value at 20 mA [unit]."""


class Instrument(Table):
    """One physical device: model of the catalogue, serial number, connection, address.

    `channels` are those that are used; all that the model has when left out. `settings` are registers of the
    probe that differ from the catalogue, such as ``ec_coefficient`` [1/K] and ``salinity_factor``.
    `modelled` maps a channel to the words, in one language or both, that say how its numbers were made, where they
    were not measured; page, exports and documents repeat them.
    """

    id: Identifier
    """Name of the instrument for people."""
    model: str
    """Model of the catalogue."""
    serial: Identifier
    """Serial number; readings belong to it, wherever the instrument hangs."""
    connection: Identifier
    """The connection it answers on."""
    address: int | str | None = None
    """By which it is told from others on its connection, as the kind of connection says it: Modbus 1 to 247."""
    interval: Duration = Field(gt=0)
    """Time between readings."""
    channels: tuple[str, ...] = ()
    """Channels used; left out: all that the model has."""
    timeout: Annotated[Duration, Field(gt=0)] | None = None
    """Longest wait for an answer; left out: what the catalogue says."""
    warm_up: Duration | None = None
    """Time after power-on in which readings are suspect; left out: what the catalogue says."""
    compensation: Compensation | None = None
    """Who compensates a CO₂ reading; left out: what the catalogue says."""
    settings: dict[str, float] = Field(default_factory=dict)
    """Registers of this probe that differ from the catalogue, such as `ec_coefficient` [1/K] and
    `salinity_factor` [mg/L per µS/cm]."""
    analog: tuple[Analog, ...] = ()
    """What its current inputs measure, where the model is a module for 4 to 20 mA."""
    modelled: dict[str, BothNames] = Field(default_factory=dict)
    """Channel to the words that say how its numbers were made, where they were not measured."""
    installation: tuple[Installation, ...] = ()
    """Where it was and when."""
    calibration: tuple[Calibration, ...] = ()
    """How it was calibrated."""
    note: BothNames | None = None
    """Anything worth knowing: text, or `{ en = "…", zh = "…" }`."""

    @property
    def in_a_profile(self) -> bool:
        """Whether it is or was at a position of a profile: as a rule, in the soil."""
        return any(row.position != "site" for row in self.installation)

    @property
    def model_key(self) -> str:
        """By what its model is found among those of a station: with own inputs it is a model of its own."""
        return f"{self.model}@{self.serial}" if self.analog else self.model
