"""Numbers in the wrong unit: asked about, never converted in silence."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from soilco2.analysis import rounding
from soilco2.analysis.flux.errors import FluxError, UnitQuestionError
from soilco2.station_config.message import Message

CO2_LIMITS_PPM = (0.0, 300_000.0)
TEMPERATURE_LIMITS_DEGC = (-50.0, 80.0)
PRESSURE_LIMITS_HPA = (500.0, 1100.0)


def _typical(values: ArrayLike) -> float:
    finite = np.asarray(values, dtype=float)
    finite = finite[np.isfinite(finite)]
    # nine digits: at a limit the last ones decide nothing
    return float(f"{np.median(finite):.9g}") if finite.size else float("nan")


def ask_pressure(pressure_hpa: ArrayLike) -> None:
    """Ask when a column of pressures looks like kPa, Pa, mmHg or bar.

    Raises
    ------
    UnitQuestionError
        Naming the unit it looks like.
    """
    p = _typical(pressure_hpa)
    for low, high, unit, factor in (
        (50.0, 110.0, "kPa", "10"), (50_000.0, 110_000.0, "Pa", "0.01"),
        (0.5, 1.1, "bar", "1000"),
    ):  # fmt: skip
        if low <= p <= high:
            raise UnitQuestionError(
                Message(
                    "air pressure is {pressure:g} in the middle: is it in {unit}? hPa is expected;"
                    " multiply by {factor}",
                    pressure=p,
                    unit=unit,
                    factor=factor,
                )
            )
    if np.isfinite(p) and not PRESSURE_LIMITS_HPA[0] <= p <= PRESSURE_LIMITS_HPA[1]:
        raise UnitQuestionError(
            Message(
                "air pressure is {pressure:g} in the middle; station pressure in hPa (500 to 1100) is expected",
                pressure=p,
            )
        )


def ask_water(water_m3_m3: ArrayLike) -> None:
    """Ask when a column of water contents looks like per cent.

    Raises
    ------
    UnitQuestionError
    """
    w = _typical(water_m3_m3)
    if 1.0 < w <= 100.0:
        raise UnitQuestionError(
            Message(
                "water content is {water:g} in the middle: is it in %? m3/m3 is expected; divide by 100",
                water=w,
            )
        )
    if w > 100.0:
        raise UnitQuestionError(
            Message("water content is {water:g} in the middle; m3/m3 (0 to 1) is expected", water=w)
        )


def ask_temperature(temperature_degc: ArrayLike) -> None:
    """Ask when a column of soil temperatures looks like kelvin.

    Raises
    ------
    UnitQuestionError
    """
    t = _typical(temperature_degc)
    if 223.0 <= t <= 353.0:
        raise UnitQuestionError(
            Message(
                "temperature is {temperature:g} in the middle: is it in K? degC is expected; subtract 273.15",
                temperature=t,
            )
        )


def ask_co2(co2_ppm: ArrayLike) -> None:
    """Ask when a column of CO2 looks like per cent.

    Raises
    ------
    UnitQuestionError
    """
    x = _typical(co2_ppm)
    if 0.0 < x < 30.0:
        raise UnitQuestionError(
            Message("CO2 is {co2:g} in the middle: is it in %? ppm is expected; multiply by 10000", co2=x)
        )


def ask_depth(depth_m: ArrayLike, what: str) -> None:
    """Ask when depths look like centimetres, or as if they were counted upward.

    Raises
    ------
    UnitQuestionError
    """
    z = np.asarray(depth_m, dtype=float)
    if z.size == 0:
        return
    if not np.all(np.isfinite(z)):
        raise FluxError(Message("a {what} probe has no depth; give every one a depth in m", what=what))
    if rounding.above(np.max(np.abs(z)), 10.0) or (z.size > 1 and _typical(np.abs(z)) >= 2.0):
        raise UnitQuestionError(
            Message(
                "{what} probes at {depths}: are these cm? depth in m is expected; divide by 100",
                what=what,
                depths=z.tolist(),
            )
        )
    if z.size > 1 and np.all(z < 0.0):
        raise UnitQuestionError(
            Message(
                "{what} probes at {depths} all stand above ground: are depths counted upward?"
                " m, positive downward, are expected; change the sign",
                what=what,
                depths=z.tolist(),
            )
        )


def within(values: NDArray[np.float64], limits: tuple[float, float]) -> NDArray[np.float64]:
    """The values with those outside physical limits replaced by NaN (a copy)."""
    return np.where(rounding.within(values, *limits), values, np.nan)
