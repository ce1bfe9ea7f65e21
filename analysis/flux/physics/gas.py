"""The gas: how much of it a litre of air holds, what a probe meant, how fast it diffuses in free air.

Equation numbers (F1 ...) are those of ``docs/methods/flux/equations.md``. Pressure in hPa, temperature in
degC, mole fraction in ppm (µmol/mol), depth in m, everywhere.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from soilco2.analysis.flux.errors import FluxError
from soilco2.station_config.message import Message

Array = NDArray[np.float64]

GAS_CONSTANT_J_MOL_K = 8.314462618
"""Molar gas constant [J mol-1 K-1], exact by the 2019 SI (CODATA 2018)."""

ZERO_CELSIUS_K = 273.15
"""0 degC [K]."""

STANDARD_PRESSURE_HPA = 1013.25
"""Standard atmosphere [hPa]."""


def air_density_mol_m3(temperature_degc: ArrayLike, pressure_hpa: ArrayLike) -> Array:
    """Moles of air in a cubic metre, Eq. F1: ``c_air = 100 P / (R T)``.

    Parameters
    ----------
    temperature_degc : array_like
        Temperature of the soil air [degC].
    pressure_hpa : array_like
        Air pressure at the station, not reduced to sea level [hPa].

    Returns
    -------
    ndarray
        Air density [mol m-3], shape of the inputs broadcast together.
    """
    kelvin = np.asarray(temperature_degc, dtype=float) + ZERO_CELSIUS_K
    return np.asarray(100.0 * np.asarray(pressure_hpa, dtype=float) / (GAS_CONSTANT_J_MOL_K * kelvin))


def concentration_umol_m3(co2_ppm: ArrayLike, temperature_degc: ArrayLike, pressure_hpa: ArrayLike) -> Array:
    """CO2 concentration, Eq. F2: ``C = x c_air``.

    For budgets (how much CO2 a layer holds). The driving force of diffusion is the gradient of the mole
    fraction, not of this number: in a warm soil it changes with temperature at constant mole fraction.

    Returns
    -------
    ndarray
        [umol m-3]
    """
    return np.asarray(np.asarray(co2_ppm, dtype=float) * air_density_mol_m3(temperature_degc, pressure_hpa))


def saturation_vapour_pressure_hpa(temperature_degc: ArrayLike) -> Array:
    """Vapour pressure over water at saturation [hPa], Eq. F3 (Magnus form).

    ``e_w = 6.112 exp(17.62 t / (243.12 + t))``, WMO-No. 8, Annex 4.B; valid from -45 to 60 degC.
    """
    t = np.asarray(temperature_degc, dtype=float)
    return np.asarray(6.112 * np.exp(17.62 * t / (243.12 + t)))


def dry_mole_fraction_ppm(
    wet_ppm: ArrayLike,
    temperature_degc: ArrayLike,
    pressure_hpa: ArrayLike,
    humidity_percent: ArrayLike = 100.0,
) -> Array:
    """Mole fraction in dry air from the one in moist air, Eq. F4: ``x_dry = x_wet / (1 - e/P)``.

    Soil air is saturated but for the driest topsoil, hence 100 % by default.

    Raises
    ------
    FluxError
        When the humidity lies outside 0 to 110 %.
    """
    humidity = np.asarray(humidity_percent, dtype=float)
    if np.any((humidity < 0.0) | (humidity > 110.0)):
        raise FluxError(Message("relative humidity is expected in %, from 0 to 110"))
    vapour = saturation_vapour_pressure_hpa(temperature_degc) * humidity / 100.0
    return np.asarray(
        np.asarray(wet_ppm, dtype=float) / (1.0 - vapour / np.asarray(pressure_hpa, dtype=float))
    )


def compensate_probe_ppm(
    read_ppm: ArrayLike,
    temperature_degc: ArrayLike,
    pressure_hpa: ArrayLike,
    factory_temperature_degc: float = 25.0,
    factory_pressure_hpa: float = STANDARD_PRESSURE_HPA,
) -> Array:
    """Mole fraction from an uncompensated NDIR probe, Eq. F5.

    ``x = x_read (P0 / P) (T / T0)``: the probe counts molecules and was adjusted at `P0`, `T0`. The station
    makes this correction in its quality step and records it; here it is for data that come without it, and
    it must never be applied twice.
    """
    warm = (np.asarray(temperature_degc, dtype=float) + ZERO_CELSIUS_K) / (
        factory_temperature_degc + ZERO_CELSIUS_K
    )
    return np.asarray(
        np.asarray(read_ppm, dtype=float)
        * (factory_pressure_hpa / np.asarray(pressure_hpa, dtype=float))
        * warm
    )


STANDARD_PRESSURE_SD_HPA = 10.0
"""One standard deviation of station pressure around the standard atmosphere [hPa]: the passing weather and
the season; a convention of this project, on the generous side of what barometers show at mid latitudes."""


def standard_pressure_hpa(altitude_m: ArrayLike) -> Array:
    """Pressure of the standard atmosphere at an altitude [hPa], Eq. F6.

    ``P = 1013.25 (1 - 0.0065 h / 288.15)^5.25588``, U.S. Standard Atmosphere 1976 (ISO 2533), below 11 km.

    Raises
    ------
    FluxError
        When the altitude lies outside -500 to 9 000 m.
    """
    h = np.asarray(altitude_m, dtype=float)
    if np.any((h < -500.0) | (h > 9000.0)) or not np.all(np.isfinite(h)):
        raise FluxError(
            Message(
                "altitude {altitude} m cannot be: metres above sea level, -500 to 9000, are expected",
                altitude=repr(altitude_m),
            )
        )
    return np.asarray(STANDARD_PRESSURE_HPA * (1.0 - 0.0065 * h / 288.15) ** 5.25588)


def free_air_jones_m2_s(temperature_degc: ArrayLike, pressure_hpa: ArrayLike) -> Array:
    """Diffusivity of CO2 in free air after Jones (1992), Eq. F7 [m2 s-1].

    ``D0 = 1.47e-5 (T / 293.15)^1.75 (1013.25 / P)``. Pressure stands below the line: kinetic theory has
    ``D0 ~ 1/P``, so that ``c_air D0`` does not depend on pressure at all.
    """
    kelvin = np.asarray(temperature_degc, dtype=float) + ZERO_CELSIUS_K
    return np.asarray(
        1.47e-5 * (kelvin / 293.15) ** 1.75 * (STANDARD_PRESSURE_HPA / np.asarray(pressure_hpa, dtype=float))
    )


def free_air_massman_m2_s(temperature_degc: ArrayLike, pressure_hpa: ArrayLike) -> Array:
    """Diffusivity of CO2 in free air after Massman (1998), doi:10.1016/S1352-2310(97)00391-9, Eq. F8 [m2
    s-1].

    ``D0 = 1.381e-5 (T / 273.15)^1.81 (1013.25 / P)``.
    """
    kelvin = np.asarray(temperature_degc, dtype=float) + ZERO_CELSIUS_K
    return np.asarray(
        1.381e-5
        * (kelvin / ZERO_CELSIUS_K) ** 1.81
        * (STANDARD_PRESSURE_HPA / np.asarray(pressure_hpa, dtype=float))
    )


FREE_AIR: dict[str, Callable[[ArrayLike, ArrayLike], Array]] = {
    "massman_1998": free_air_massman_m2_s,
    "jones_1992": free_air_jones_m2_s,
}
"""Diffusivity in free air by name; the first is the default. They differ by 6.8 % at 20 degC."""

FREE_AIR_SD_LN = 0.03
"""One standard deviation of ln D0: half the distance between the two sources above."""


def free_air(name: str) -> Callable[[ArrayLike, ArrayLike], Array]:
    """The function of a free-air diffusivity by its name.

    Raises
    ------
    FluxError
        When there is none of that name.
    """
    try:
        return FREE_AIR[name]
    except KeyError:
        raise FluxError(
            Message(
                "free-air diffusivity {name!r} is unknown; known are {names}",
                name=name,
                names=", ".join(FREE_AIR),
            )
        ) from None
