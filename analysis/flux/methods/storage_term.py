"""CO2 stored in the soil air, and production from the balance of a layer. Equations B1 to B3."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from soilco2.analysis.flux.errors import FluxError
from soilco2.station_config.message import Message

Array = NDArray[np.float64]


def storage_change_umol_m3_s(
    co2_ppm: ArrayLike, air_filled: ArrayLike, air_density_mol_m3: ArrayLike, time_s: ArrayLike
) -> Array:
    """Rate of change of the CO2 in the soil air, Eq. B1: ``d(eps c_air x)/dt`` [umol m-3 s-1].

    Central differences over the neighbouring times (second order for even and uneven steps), one-sided at the
    ends. CO2 dissolved in the water is not counted.

    Parameters
    ----------
    co2_ppm, air_filled, air_density_mol_m3 : array_like (time, ...)
        Broadcast together.
    time_s : array_like (time,)
        Increasing [s].

    Raises
    ------
    FluxError
        When there are fewer than two times or they do not increase.
    """
    stored = np.asarray(co2_ppm, dtype=float) * np.asarray(air_filled) * np.asarray(air_density_mol_m3)
    t = np.asarray(time_s, dtype=float)
    if len(t) < 2 or np.any(np.diff(t) <= 0.0):
        raise FluxError(Message("the storage term needs two or more times in increasing order"))
    return np.asarray(np.gradient(stored, t, axis=0))


def layer_production_umol_m3_s(
    flux_top: ArrayLike, flux_bottom: ArrayLike, thickness_m: ArrayLike, storage_umol_m3_s: ArrayLike = 0.0
) -> Array:
    """Production in a layer, Eq. B2: ``p = (F_top - F_bottom)/h + d(eps c)/dt`` [umol m-3 s-1]."""
    return np.asarray(
        (np.asarray(flux_top, dtype=float) - np.asarray(flux_bottom)) / np.asarray(thickness_m)
        + np.asarray(storage_umol_m3_s)
    )


def efflux_with_storage_umol_m2_s(
    flux_below: ArrayLike,
    production_umol_m3_s: ArrayLike,
    storage_umol_m3_s: ArrayLike,
    thickness_m: ArrayLike,
) -> Array:
    """Efflux from a flux below and what the soil above makes and keeps, Eq. B3 [umol m-2 s-1].

    ``F_0 = F_z + sum h (p - d(eps c)/dt)`` over the layers above z, summed along the last axis.
    """
    net = np.asarray(production_umol_m3_s, dtype=float) - np.asarray(storage_umol_m3_s)
    return np.asarray(np.asarray(flux_below, dtype=float) + np.sum(net * np.asarray(thickness_m), axis=-1))
