"""Conductivity freed of temperature and, where the soil is wet enough, of water.

    EC25 = EC / (1 + a (T - 25)),   a = 0.0191 1/K

Hayashi (2004), https://doi.org/10.1023/B:EMAS.0000031719.83065.68. Pore water after Hilhorst (2000),
https://doi.org/10.2136/sssaj2000.6461922x, eq. 8:

    sigma_p = eps_p sigma_b/(eps_b - 4.1),   eps_p = 80.3 - 0.37 (T - 20)

with eps_b from water content by Topp et al. (1980), https://doi.org/10.1029/WR016i003p00574, eq. 7. It is good from
0.10 m3/m3 on; drier soil is left blank.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from soilco2.analysis import rounding
from soilco2.analysis.definitions import MIN_PORE_WATER

Array = NDArray[np.float64]

EC_COEFFICIENT: Final = 0.0191
OFFSET_PERMITTIVITY: Final = 4.1
_TOPP = (-5.3e-2, 2.92e-2, -5.5e-4, 4.3e-6)


def ec25(bulk_ec: ArrayLike, temperature: ArrayLike, coefficient: float = EC_COEFFICIENT) -> Array:
    """Conductivity at 25 degC, NaN below 0 degC and where either is missing.

    Parameters
    ----------
    bulk_ec : array_like
        Conductivity at soil temperature [dS/m].
    temperature : array_like
        [degC]
    coefficient : float
        a [1/K].
    """
    ec, t = np.asarray(bulk_ec, dtype=float), np.asarray(temperature, dtype=float)
    divisor = 1 + coefficient * (t - 25)
    good = (t >= 0) & (divisor > 0)
    return np.where(good, ec / np.where(good, divisor, 1.0), np.nan)


def permittivity(water: ArrayLike) -> Array:
    """Relative permittivity of soil from its water content [m3/m3], by Topp's polynomial turned round."""
    grid = np.linspace(1.0, 60.0, 5901)
    return np.interp(np.asarray(water, dtype=float), np.polyval(_TOPP[::-1], grid), grid)


def pore_ec(bulk_ec: ArrayLike, temperature: ArrayLike, water: ArrayLike) -> Array:
    """Conductivity of the pore water at 25 degC [dS/m], NaN where the soil holds less than 0.10 m3/m3.

    Parameters
    ----------
    bulk_ec : array_like
        Conductivity of the soil at its temperature [dS/m].
    temperature : array_like
        [degC]
    water : array_like
        [m3/m3]
    """
    t, w = np.asarray(temperature, dtype=float), np.asarray(water, dtype=float)
    wet = np.isfinite(w) & ~rounding.below(w, MIN_PORE_WATER)
    eps = permittivity(np.where(wet, w, 0.3))
    pore = (80.3 - 0.37 * (t - 20)) * ec25(bulk_ec, t) / (eps - OFFSET_PERMITTIVITY)
    return np.where(wet, pore, np.nan)
