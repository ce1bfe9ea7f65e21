"""Corrections by another channel, as formulas. Each is applied once and recorded by its name.

==================  ===========================================================================
``pressure``        CO2 to the measured pressure
``standard_pressure``  CO2 to the pressure of the standard atmosphere at the station's altitude
``temperature``     CO2 to the measured temperature
``ec25``            conductivity to 25 °C
``salinity``        conductivity at 25 °C times a factor
``calibration``     gain and offset of the calibration that applies
==================  ===========================================================================
"""

from __future__ import annotations

PRESSURE = "pressure"
STANDARD_PRESSURE = "standard_pressure"
TEMPERATURE = "temperature"
EC25 = "ec25"
SALINITY = "salinity"
CALIBRATION = "calibration"

CORRECTIONS = (PRESSURE, STANDARD_PRESSURE, TEMPERATURE, EC25, SALINITY, CALIBRATION)
"""Names that an observation's `corrections` can hold."""

STANDARD_PRESSURE_HPA = 1013.25
"""Reference pressure of a CO2 probe that names none [hPa] (Vaisala M211897EN, factory setpoint)."""

STANDARD_TEMPERATURE_DEGC = 25.0
"""Reference temperature of a CO2 probe that names none [°C] (same source)."""

STANDARD_PRESSURE_ERROR = 0.03
"""Relative error of a mole fraction corrected with the standard pressure in place of a measured one [1].

Sea-level pressure is ordinarily between 980 and 1040 hPa, the standard 1013.25: -3.3 % to +2.6 %.
"""

ZERO_CELSIUS_K = 273.15


def pressure_factor(pressure_hpa: float, reference_hpa: float = STANDARD_PRESSURE_HPA) -> float:
    """Factor on a CO2 mole fraction that the probe computed for `reference_hpa` [1].

    An optical probe counts molecules in its path. By the ideal gas law their number per volume goes with
    pressure, so the mole fraction is the reading times reference over true pressure.

    Parameters
    ----------
    pressure_hpa : float
        Air pressure [hPa].
    reference_hpa : float
        Pressure the probe's reading is valid for [hPa].
    """
    return reference_hpa / pressure_hpa


def temperature_factor(temperature_degc: float, reference_degc: float = STANDARD_TEMPERATURE_DEGC) -> float:
    """Factor on a CO2 mole fraction that the probe computed for `reference_degc` [1].

    Ideal gas law as in `pressure_factor`: absolute temperature over the reference.

    Parameters
    ----------
    temperature_degc : float
        Temperature of the gas at the probe [°C].
    reference_degc : float
        Temperature the probe's reading is valid for [°C].
    """
    return (temperature_degc + ZERO_CELSIUS_K) / (reference_degc + ZERO_CELSIUS_K)


def ec25(ec: float, temperature_degc: float, coefficient: float) -> float | None:
    """Electrical conductivity at 25 °C, in the unit of `ec`; None where the relation does not hold.

    ``EC25 = EC / (1 + a (T - 25))``, Hayashi (2004), doi:10.1023/B:EMAS.0000031719.83065.68, who finds it
    good for 0 to 30 °C with a from 0.0175 to 0.0198 1/K for natural waters. Below 0 °C soil water freezes
    and there is no answer.

    Parameters
    ----------
    ec : float
        Conductivity at soil temperature, any unit.
    temperature_degc : float
        Soil temperature [°C].
    coefficient : float
        a [1/K].
    """
    divisor = 1.0 + coefficient * (temperature_degc - 25.0)
    if temperature_degc < 0.0 or divisor <= 0.0:
        return None
    return ec / divisor


def salinity(ec25_ds_m: float, factor: float) -> float:
    """Salinity from conductivity [mg/L].

    Parameters
    ----------
    ec25_ds_m : float
        Conductivity at 25 °C [dS/m].
    factor : float
        Salinity per conductivity [mg/L per µS/cm].
    """
    return ec25_ds_m * 1000.0 * factor
