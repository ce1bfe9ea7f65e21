"""Units that instruments and tables use, turned into the canonical unit of a variable.

Every conversion is linear: ``canonical = a · x + b``. Exact factors follow the SI brochure (BIPM, 9th
edition, 2019) and NIST SP 811 (2008), appendix B.8.
"""

from __future__ import annotations

import unicodedata

from soilco2.station_config.errors import StationConfigError
from soilco2.station_config.message import Message
from soilco2.station_config.variables import variable

_TO_CANONICAL: dict[str, dict[str, tuple[float, float]]] = {
    "ppm": {
        "ppm": (1.0, 0.0),
        "umol/mol": (1.0, 0.0),
        "umol mol-1": (1.0, 0.0),
        "ppb": (1e-3, 0.0),
        "%": (1e4, 0.0),
        "mol/mol": (1e6, 0.0),
        "mol mol-1": (1e6, 0.0),
    },
    "degC": {"degC": (1.0, 0.0), "K": (1.0, -273.15), "degF": (5 / 9, -160 / 9)},
    "m3/m3": {
        "m3/m3": (1.0, 0.0),
        "m3 m-3": (1.0, 0.0),
        "cm3/cm3": (1.0, 0.0),
        "cm3 cm-3": (1.0, 0.0),
        "1": (1.0, 0.0),
        "%": (0.01, 0.0),
    },
    "dS/m": {
        "dS/m": (1.0, 0.0),
        "dS m-1": (1.0, 0.0),
        "mS/cm": (1.0, 0.0),
        "S/m": (10.0, 0.0),
        "mS/m": (0.01, 0.0),
        "uS/cm": (1e-3, 0.0),
    },
    "mg/L": {"mg/L": (1.0, 0.0), "mg L-1": (1.0, 0.0), "g/L": (1e3, 0.0), "kg/m3": (1e3, 0.0)},
    "hPa": {
        "hPa": (1.0, 0.0),
        "mbar": (1.0, 0.0),
        "kPa": (10.0, 0.0),
        "Pa": (0.01, 0.0),
        "bar": (1e3, 0.0),
        "atm": (1013.25, 0.0),
        "mmHg": (1.33322387415, 0.0),
        "inHg": (33.86388640341, 0.0),
    },
    "%": {"%": (1.0, 0.0), "%RH": (1.0, 0.0), "1": (100.0, 0.0)},
    "m/s": {"m/s": (1.0, 0.0), "m s-1": (1.0, 0.0), "km/h": (1 / 3.6, 0.0), "kn": (1852 / 3600, 0.0)},
    "mm": {"mm": (1.0, 0.0), "cm": (10.0, 0.0), "m": (1e3, 0.0), "in": (25.4, 0.0), "kg m-2": (1.0, 0.0)},
    "V": {"V": (1.0, 0.0), "mV": (1e-3, 0.0)},
    "umol m-2 s-1": {
        "umol m-2 s-1": (1.0, 0.0),
        "umol/m2/s": (1.0, 0.0),
        "umol/(m2 s)": (1.0, 0.0),
        "mol m-2 s-1": (1e6, 0.0),
    },
}


def normal(unit: str) -> str:
    """One spelling of a unit: ``°C`` and ``℃`` become ``degC``, ``µS/cm`` ``uS/cm``, ``m³/m³`` ``m3/m3``."""
    text = unicodedata.normalize("NFKC", unit).strip()
    for found, wanted in (("μ", "u"), ("−", "-"), ("°", "deg"), ("·", " ")):
        text = text.replace(found, wanted)
    return " ".join(text.split())


def units_of(name: str) -> tuple[str, ...]:
    """The units accepted for a variable, the canonical one first.

    Raises
    ------
    StationConfigError
        When there is no such variable.
    """
    canonical = variable(name).unit
    return tuple(dict.fromkeys((canonical, *_TO_CANONICAL.get(canonical, {}))))


def conversion(unit: str, name: str) -> tuple[float, float]:
    """Factors that turn a number in `unit` into the canonical unit of variable `name`.

    Parameters
    ----------
    unit : str
        Unit as an instrument or table writes it.
    name : str
        Variable of the registry.

    Returns
    -------
    (a, b) : tuple of float
        ``canonical = a · x + b``.

    Raises
    ------
    StationConfigError
        When the variable is unknown or the unit is not one of its units.
    """
    canonical = variable(name).unit
    text = normal(unit)
    if text == canonical:
        return 1.0, 0.0
    try:
        return _TO_CANONICAL[canonical][text]
    except KeyError:
        raise StationConfigError(
            Message(
                "unit {unit!r} does not fit {variable}; expected one of {units}",
                unit=unit,
                variable=name,
                units=", ".join(units_of(name)),
            )
        ) from None
