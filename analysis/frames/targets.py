"""A CO2 series and the drivers that go with it: nearest in depth, in its own profile."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from soilco2.analysis import rounding
from soilco2.analysis.errors import DataError
from soilco2.analysis.frames.frame import Column, Frame
from soilco2.analysis.salinity import ec25
from soilco2.station_config.message import Message

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Target:
    """A CO2 series with the drivers that go with it: nearest in depth, in its own profile.

    Parameters
    ----------
    co2 : Column
        Concentration at a depth, or surface flux.
    temperature, water, salinity : Column or None
        The nearest in depth with at least half as many values in common as the best one has. Bulk conductivity is
        brought to 25 degC (:func:`soilco2.analysis.salinity.ec25`) where there is a temperature:
        salinity is then ``ec25``.
    bulk_ec : Column or None
        What was measured, where salinity was made from it.
    pressure, rain, wind : Column or None
        Of the site.
    """

    co2: Column
    temperature: Column | None = None
    water: Column | None = None
    salinity: Column | None = None
    bulk_ec: Column | None = None
    pressure: Column | None = None
    rain: Column | None = None
    wind: Column | None = None

    @property
    def is_flux(self) -> bool:
        """True for a surface flux, False for a concentration."""
        return self.co2.variable == "co2_flux"

    @property
    def label(self) -> str:
        """Profile and depth, such as ``p1 0.10 m``."""
        return place(self.co2)


def place(column: Column) -> str:
    """Profile, position and depth in words."""
    where = column.key.profile or "profile"
    if column.variable == "co2_flux":
        return where
    return where if column.depth_m is None else f"{where} {column.depth_m:.2f} m"


def targets(frame: Frame, depths_m: Sequence[float] = ()) -> list[Target]:
    """Every CO2 series of a frame with its drivers.

    Parameters
    ----------
    frame : Frame
    depths_m : sequence of float
        Keep only CO2 within 5 mm of these depths [m]; all when empty.

    Raises
    ------
    DataError
        When there is no CO2 at all, or none at the depths asked for.
    """
    series = [c for name in ("co2", "co2_flux") for c in frame.find(name)]
    if not series:
        known = sorted({c.variable for c in frame.columns})
        raise DataError(
            Message(
                "there is neither co2 nor co2_flux in these data (found: {variables}); "
                "an analysis needs one of them",
                variables=", ".join(known) or Message("nothing"),
            )
        )
    chosen = [
        c
        for c in series
        if not depths_m or any(not rounding.above(abs((c.depth_m or 0.0) - z), 0.005, 1.0) for z in depths_m)
    ]
    if not chosen:
        known = sorted({f"{c.depth_m:g}" for c in series if c.depth_m is not None})
        raise DataError(
            Message(
                "no CO2 at {asked} m; depths with CO2 are {depths} m",
                asked=", ".join(f"{z:g}" for z in depths_m),
                depths=", ".join(known),
            )
        )
    site = {name: _most(frame.find(name)) for name in ("air_pressure", "rain", "wind_speed")}
    return [_with_drivers(frame, c, site) for c in chosen]


def _with_drivers(frame: Frame, co2: Column, site: dict[str, Column | None]) -> Target:
    temperature = _nearest(frame, co2, ("soil_temperature",))
    salinity = _nearest(frame, co2, ("pore_ec", "ec25", "salinity", "bulk_ec"))
    bulk = None
    if salinity is not None and salinity.variable == "bulk_ec" and temperature is not None:
        bulk, salinity = salinity, derived(salinity, "ec25", ec25(salinity.values, temperature.values))
    return Target(
        co2=co2,
        temperature=temperature,
        water=_nearest(frame, co2, ("soil_water",)),
        salinity=salinity,
        bulk_ec=bulk,
        pressure=site["air_pressure"],
        rain=site["rain"],
        wind=site["wind_speed"],
    )


def derived(column: Column, variable: str, values: Array) -> Column:
    """A series computed from another of the same place."""
    return replace(column, key=column.key._replace(variable=variable), values=values, resolution=0.0)


def _nearest(frame: Frame, co2: Column, variables: Iterable[str]) -> Column | None:
    for name in variables:
        candidates = [c for c in frame.find(name, co2.key.profile) if c.present]
        if not candidates:
            continue
        common = [int((np.isfinite(c.values) & np.isfinite(co2.values)).sum()) for c in candidates]
        usable = [c for c, k in zip(candidates, common, strict=True) if k and k >= 0.5 * max(common)]
        if usable:
            depth = co2.depth_m or 0.0
            return min(usable, key=lambda c: (round(abs((c.depth_m or 0.0) - depth), 4), c.depth_m or 0.0))
    return None


def _most(columns: list[Column]) -> Column | None:
    return max(columns, key=lambda c: c.present) if columns else None
