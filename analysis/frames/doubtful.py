"""Values that are no readings, and series that cannot be in their unit: asked once, before any analysis.

A logger writes a number where there is none (65535, -9999). A column of percent under the heading ppm, or of kelvin
under degC, gives means that look like numbers. Neither becomes part of a mean: such values are left out, counted and
told.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

SENTINELS: Final = (
    -99_999.0, -32_768.0, -9999.0, -6999.0, -999.0, 7999.0, 9999.0, 32_767.0, 65_534.0, 65_535.0, 99_999.0,
    2_147_483_647.0,
)  # fmt: skip
"""Numbers that loggers and probes write for none: all ones of 15, 16, 31 bits, Campbell's NAN as a number, nines."""
APART: Final = 0.02
"""How near to a sentinel another reading makes it a reading too, as a share of the sentinel."""
LEAST: Final = 3
"""How often a sentinel within the limits of its variable must stand to be one."""
MIN_VALUES: Final = 24
"""Fewer values tell nothing of their unit."""
OTHER_UNITS: Final[dict[str, tuple[tuple[float, float, str], ...]]] = {
    "co2": ((1e-6, 50.0, "%"),),
    "soil_temperature": ((223.0, 353.0, "K"),),
    "air_temperature": ((213.0, 333.0, "K"),),
    "soil_water": ((1.5, 100.0, "%"),),
    "air_pressure": ((50.0, 110.0, "kPa"), (50_000.0, 110_000.0, "Pa")),
}
"""Where the middle of a series lies when it is in another unit than it says: from, to, that unit."""


def sentinels(values: Array, lower: float, upper: float) -> NDArray[np.bool_]:
    """Which values are a logger's word for none; shape of `values`.

    Outside the limits of the variable each is; within them only one that stands at least three times with no other
    reading within 2 % of it: a probe that reads 9990 and 10 010 ppm may read 9999.

    Parameters
    ----------
    values : ndarray, shape (n,)
        Finite [unit of the variable].
    lower, upper : float
        Limits of the variable, in its unit.
    """
    out = np.zeros(values.size, bool)
    for number in SENTINELS:
        exact = values == number
        count = int(exact.sum())
        if not count:
            continue
        if lower <= number <= upper:
            near = int((np.abs(values - number) <= APART * abs(number)).sum())
            if count < LEAST or near > count:
                continue
        out |= exact
    return out


def other_unit(variable: str, values: Array) -> str:
    """The unit that a series seems to be in although it says its own; empty when it may well be its own."""
    if values.size >= MIN_VALUES:
        middle = float(np.median(values))
        for low, high, unit in OTHER_UNITS.get(variable, ()):
            if low <= middle <= high:
                return unit
    return ""
