"""What a CO₂ probe computes its reading for, by its own settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

from soilco2.station_config.base import Table

Quantity = Literal["pressure", "temperature", "humidity", "oxygen"]


UNITS: dict[Quantity, str] = {"pressure": "hPa", "temperature": "degC", "humidity": "%", "oxygen": "%"}
"""Unit of each quantity's setpoint."""


class CompensatedBy(Table):
    """The settings that say for which value of a quantity a probe computes its CO₂ reading.

    `mode` is 0 where it does not compensate, which is as if the quantity were `off`; 1 where it computes for its
    `setpoint`; 2 where it computes for what it measures itself.
    """

    of: Quantity
    """The quantity."""
    mode: str
    """The setting that tells how."""
    setpoint: str
    """The setting that holds the value it computes for."""
    off: float
    """The value it computes for without compensation [unit of the setpoint]."""


class InUse(NamedTuple):
    """For what a probe computes its reading.

    Parameters
    ----------
    by : {"off", "setpoint", "measured", "unknown"}
        How it compensates.
    value : float or None
        For which value of the quantity [unit of its setpoint]; None where it measures, or nobody knows.
    """

    by: Literal["off", "setpoint", "measured", "unknown"]
    value: float | None


def in_use(rows: Sequence[CompensatedBy], told: Mapping[str, float]) -> dict[Quantity, InUse]:
    """What a probe computes its reading for, by quantity.

    Parameters
    ----------
    rows : sequence of CompensatedBy
        Of its model.
    told : mapping of str to float
        What it told of its settings; quantities of which it told nothing are left out.
    """
    found: dict[Quantity, InUse] = {}
    for row in rows:
        mode, setpoint = told.get(row.mode), told.get(row.setpoint)
        if mode is None and setpoint is None:
            continue
        if mode == 0:
            found[row.of] = InUse("off", row.off)
        elif mode in (None, 1) and setpoint is not None:
            found[row.of] = InUse("setpoint", setpoint)
        elif mode == 2:
            found[row.of] = InUse("measured", None)
        else:
            found[row.of] = InUse("unknown", None)
    return found


def computed_for(rows: Sequence[CompensatedBy], told: Mapping[str, float]) -> dict[str, dict[str, Any]]:
    """The same for programs: how, value and unit of every quantity that the model can compensate for.

    A quantity of which the probe told nothing is by ``"not told"``.
    """
    own = in_use(rows, told)
    found: dict[str, dict[str, Any]] = {}
    for row in rows:
        by, value = own.get(row.of, ("not told", None))
        found[row.of] = {"by": by, "value": value, "unit": UNITS[row.of]}
    return found
