"""Table ``[[instrument]]``: a physical device, where it was and how it was calibrated."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from station_config.base import Duration, Identifier, Moment, Table


class Installation(Table):
    """Channel `channel` (all of them when left out) was at `position` from `from` until `until`.

    `position` is ``"profile/position"``, or ``"site"`` for variables without depth.
    """

    position: str
    channel: str | None = None
    from_: Moment = Field(alias="from")
    until: Moment | None = None
    note: str = ""


class Calibration(Table):
    """``value = gain × reading + offset`` in the variable's canonical unit, from `valid_from` on.

    The newest valid one applies. Past `valid_until` or `due` it goes on applying but is reported as overdue.
    """

    channel: str
    valid_from: Moment
    valid_until: Moment | None = None
    due: Moment | None = None
    gain: float = Field(default=1.0, gt=0)
    offset: float = 0.0
    certificate: str


class Compensation(Table):
    """Who compensates a CO₂ reading for pressure and temperature.

    ``"device"``: the probe does, with measured values, and nothing is done here. ``"none"``: it does not,
    and the reading is corrected from the probe's reference to the station's measurements. Left out: what the
    catalogue says of the model.
    """

    pressure: Literal["device", "none"] | None = None
    temperature: Literal["device", "none"] | None = None
    reference_pressure_hpa: float | None = Field(default=None, ge=300, le=1200)
    reference_temperature_degc: float | None = Field(default=None, ge=-50, le=80)


class Instrument(Table):
    """One physical device: model of the catalogue, serial number, connection, address.

    `channels` are those that are used; all that the model has when left out. `settings` are registers of the
    probe that differ from the catalogue, such as ``ec_coefficient`` [1/K] and ``salinity_factor``.
    `modelled` maps a channel to the words that say how its numbers were made, where they were not measured;
    page, exports and documents repeat them.
    """

    id: Identifier
    model: str
    serial: Identifier
    connection: Identifier
    address: int | None = Field(default=None, ge=0, le=255)
    interval: Duration = Field(gt=0)
    channels: tuple[str, ...] = ()
    timeout: Annotated[Duration, Field(gt=0)] | None = None
    warm_up: Duration | None = None
    compensation: Compensation | None = None
    settings: dict[str, float] = Field(default_factory=dict)
    modelled: dict[str, str] = Field(default_factory=dict)
    installation: tuple[Installation, ...] = ()
    calibration: tuple[Calibration, ...] = ()
    note: str = ""
