"""Power of a line that is switched: what switches it, and for which probes that is wrong."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from pydantic import Field, model_validator

from soilco2.station_config.base import Identifier, Table
from soilco2.station_config.connections.kind import Draft, Models
from soilco2.station_config.errors import Fault
from soilco2.station_config.message import Message
from soilco2.station_config.tables.instrument import Instrument

MARGIN_S = 1.0
"""Power is there so much longer than the longest warm-up before a round [s]."""


class Power(Table):
    """The power of every probe on the line is on from a warm-up before a round to the end of it.

    What switches is a line of a GPIO chip, or a coil of a relay module on the same Modbus line.
    """

    gpio: str | None = Field(default=None, pattern=r"^/dev/gpiochip\d{1,3}$")
    """GPIO chip, such as `/dev/gpiochip0`; needs the extra `gpio`."""
    offset: int | None = Field(default=None, ge=0, le=1023)
    """Line of the GPIO chip, counted from 0."""
    active_low: bool = False
    """The power is on while the GPIO line is low."""
    relay: int | None = Field(default=None, ge=1, le=247)
    """Modbus address of the relay module, which has power all the time."""
    coil: int = Field(default=0, ge=0, le=65535)
    """Coil of the relay module, counted from 0."""
    despite_drift: tuple[Identifier, ...] = ()
    """Instruments, by `id`, that drift after power-on and are switched off all the same."""

    @model_validator(mode="after")
    def _one_switch(self) -> Power:
        if (self.gpio is None) == (self.relay is None) or (self.gpio is None) != (self.offset is None):
            raise ValueError(
                Message('one switch is expected: gpio = "/dev/gpiochip0" with offset = 17, or relay = 100')
            )
        return self

    def __str__(self) -> str:
        return f"{self.gpio} {self.offset}" if self.gpio else f"relay {self.relay}, coil {self.coil}"


def warm_up_of(row: Instrument, model: Any) -> float:
    """How long an instrument is wrong after power-on [s]."""
    return float(row.warm_up if row.warm_up is not None else model.warm_up)


def lead_s(rows: Iterable[tuple[Instrument, Any]]) -> float:
    """How long before a round the power is switched on [s]."""
    return max((warm_up_of(row, model) for row, model in rows), default=0.0) + MARGIN_S


def power_rules(draft: Draft, models: Models, connection: Any, *, relays: bool = True) -> Iterator[Fault]:
    """Probes that must not be switched off, or never would be."""
    power: Power | None = connection.power
    if power is None:
        return
    n = next(at for at, row in enumerate(draft.file.connection) if row.id == connection.id)
    path = ("connection", n, "power")
    if power.relay is not None and not relays:
        expected = Message("a relay module stands on a Modbus line; switch this one by gpio and offset")
        yield draft.fault((*path, "relay"), power.relay, expected)
    rows = [
        (at, row, models[row.model_key])
        for at, row in enumerate(draft.file.instrument)
        if row.connection == connection.id and row.model_key in models
    ]
    for name in power.despite_drift:
        if name not in [row.id for _, row, _ in rows]:
            expected = Message("no such instrument on {connection}", connection=connection.id)
            yield draft.fault((*path, "despite_drift"), name, expected)
    for at, row, model in rows:
        if model.drifts_on_power_up and row.id not in power.despite_drift:
            yield draft.fault(
                ("instrument", at, "connection"), row.connection,
                Message(
                    "the power of {connection} is switched off between rounds, and {model} drifts after power-on: "
                    'give it a line that has power all the time, or write despite_drift = ["{instrument}"] under '
                    "[connection.power] if its first readings may drift",
                    connection=connection.id, model=model.id, instrument=row.id,
                ),
            )  # fmt: skip
        if power.relay is not None and row.address == power.relay:
            expected = Message("the relay module of {connection} has this address", connection=connection.id)
            yield draft.fault(("instrument", at, "address"), row.address, expected)
    lead = lead_s((row, model) for _, row, model in rows)
    shortest = min((row for _, row, _ in rows), key=lambda row: row.interval, default=None)
    if shortest is not None and shortest.interval <= lead:
        yield draft.fault(
            path, str(power),
            Message(
                "the power would never be off: {instrument} is read every {interval:g} s, and the probes need it "
                "{lead:g} s before a round; make the interval longer or take [connection.power] out",
                instrument=shortest.id, interval=shortest.interval, lead=lead,
            ),
        )  # fmt: skip


def power_advice(draft: Draft, connection: Any) -> Iterator[Fault]:
    """Which probes are switched off although they drift."""
    power: Power | None = connection.power
    if power is None:
        return
    n = next(at for at, row in enumerate(draft.file.connection) if row.id == connection.id)
    for name in power.despite_drift:
        yield draft.fault(
            ("connection", n, "power", "despite_drift"), name,
            Message("{instrument} drifts after power-on and is switched off between rounds", instrument=name),
        )  # fmt: skip
