"""Units that instruments and tables use, turned into the canonical unit of a variable.

Every conversion is linear: ``canonical = a · x + b``. Exact factors follow the SI brochure (BIPM, 9th
edition, 2019) and NIST SP 811 (2008), appendix B.8. `exact_between` keeps them as fractions, so that a number of a
file can be turned without the rounding of a float multiplication.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from decimal import Context, Decimal
from fractions import Fraction
from functools import cache
from math import lcm

from soilco2.station_config.errors import StationConfigError
from soilco2.station_config.message import Message
from soilco2.station_config.variables import VARIABLES, Variable, Variables

Factors = tuple[Fraction, Fraction]
"""``(a, b)`` of ``canonical = a · x + b``, exact."""

_TO_CANONICAL: dict[str, dict[str, tuple[float | Fraction, float | Fraction]]] = {
    "ppm": {
        "ppm": (1.0, 0.0),
        "umol/mol": (1.0, 0.0),
        "ppb": (1e-3, 0.0),
        "%": (1e4, 0.0),
        "mol/mol": (1e6, 0.0),
    },
    "degC": {"degC": (1.0, 0.0), "K": (1.0, -273.15), "degF": (Fraction(5, 9), Fraction(-160, 9))},
    "m3/m3": {
        "m3/m3": (1.0, 0.0),
        "cm3/cm3": (1.0, 0.0),
        "1": (1.0, 0.0),
        "%": (0.01, 0.0),
    },
    "dS/m": {
        "dS/m": (1.0, 0.0),
        "mS/cm": (1.0, 0.0),
        "mmho/cm": (1.0, 0.0),
        "S/m": (10.0, 0.0),
        "S/cm": (1e3, 0.0),
        "mS/m": (0.01, 0.0),
        "uS/cm": (1e-3, 0.0),
        "uS/m": (1e-5, 0.0),
    },
    "mg/L": {"mg/L": (1.0, 0.0), "g/L": (1e3, 0.0), "kg/m3": (1e3, 0.0)},
    "hPa": {
        "hPa": (1.0, 0.0),
        "mbar": (1.0, 0.0),
        "kPa": (10.0, 0.0),
        "Pa": (0.01, 0.0),
        "bar": (1e3, 0.0),
        "atm": (1013.25, 0.0),
        "MPa": (1e4, 0.0),
        "mmHg": (1.33322387415, 0.0),
        "inHg": (33.86388640341, 0.0),
    },
    "%": {"%": (1.0, 0.0), "%RH": (1.0, 0.0), "1": (100.0, 0.0)},
    "m/s": {"m/s": (1.0, 0.0), "km/h": (Fraction(5, 18), 0.0), "kn": (Fraction(1852, 3600), 0.0)},
    "mm": {"mm": (1.0, 0.0), "cm": (10.0, 0.0), "m": (1e3, 0.0), "in": (25.4, 0.0), "kg m-2": (1.0, 0.0)},
    "V": {"V": (1.0, 0.0), "mV": (1e-3, 0.0)},
    "mg/kg": {"mg/kg": (1.0, 0.0), "g/kg": (1e3, 0.0), "ug/g": (1.0, 0.0)},
    "degree": {"degree": (1.0, 0.0), "deg": (1.0, 0.0)},
    "umol m-2 s-1": {"umol m-2 s-1": (1.0, 0.0), "nmol m-2 s-1": (1e-3, 0.0), "mol m-2 s-1": (1e6, 0.0)},
}
"""One spelling of each unit; `_meant` knows the others."""

_OF_VARIABLE: dict[str, dict[str, tuple[float | Fraction, float | Fraction]]] = {
    "oxygen": {"%": (1.0, 0.0), "1": (100.0, 0.0), "mol/mol": (100.0, 0.0), "ppm": (1e-4, 0.0)},
}
"""Units of a variable whose canonical unit means something else elsewhere: per cent of air is no humidity."""

_WORDS = {
    "c": "degc", "celsius": "degc", "摄氏度": "degc", "f": "degf", "fahrenheit": "degf", "kelvin": "k",
    "volt": "v", "volts": "v", "ppmv": "ppm", "百帕": "hpa", "千帕": "kpa", "帕": "pa",
    "西门子": "s", "毫西门子": "ms", "微西门子": "us", "厘米": "cm", "毫米": "mm", "米": "m", "伏": "v",
}  # fmt: skip
"""Other words for a part of a unit, in lower case."""

_PURE = frozenset(((("1", 1),), (("%", 1),)))
"""What is meant by a pure number; of what, the unit does not say."""

_PART = re.compile(r"([^\W\d_]+|%[^\W\d_]*|1)(-?\d+)?")


def normal(unit: str) -> str:
    """One spelling of a unit: ``°C`` and ``℃`` become ``degC``, ``µS/cm`` ``uS/cm``, ``m³/m³`` ``m3/m3``."""
    text = unicodedata.normalize("NFKC", unit).strip()
    for found, wanted in (("μ", "u"), ("−", "-"), ("°", "deg"), ("·", " "), ("⋅", " ")):
        text = text.replace(found, wanted)
    return " ".join(text.split())


@cache
def _meant(unit: str) -> tuple[tuple[str, int], ...]:
    """A unit as parts with exponents: the same for ``mS cm-1``, ``mS/cm``, ``mS·cm⁻¹``, ``ms/cm``; empty for none."""
    text = normal(unit).lower().replace("**", "").replace("^", "")
    text = re.sub(r"% +rh\b", "%rh", text)
    text = re.sub(r"\bdeg(?:rees?)?[ _]+(?=[a-z])", "deg", text)
    text = re.sub(r"/ *\(([^()]*)\)", lambda inner: "/" + "/".join(inner[1].split()), text)
    parts: list[tuple[str, int]] = []
    for over, piece in re.findall(r"(/?) *([^/*. ]+)", text):
        found = _PART.fullmatch(piece)
        if found is None:
            return ()
        parts.append((_WORDS.get(found[1], found[1]), int(found[2] or 1) * (-1 if over else 1)))
    return tuple(sorted(parts))


def units_of(name: str, variables: Variables = VARIABLES) -> tuple[str, ...]:
    """The units accepted for a variable, the canonical one first.

    Raises
    ------
    StationConfigError
        When there is no such variable.
    """
    known = variables.find(name)
    return tuple(dict.fromkeys((known.unit, *_family(known))))


def exactly(number: float | Fraction) -> Fraction:
    """A number as it is written in decimal digits: 0.01 is one hundredth."""
    return number if isinstance(number, Fraction) else Fraction(repr(number))


def conversion(unit: str, name: str, variables: Variables = VARIABLES) -> tuple[float, float]:
    """Factors that turn a number in `unit` into the canonical unit of variable `name`.

    Parameters
    ----------
    unit : str
        Unit as an instrument or table writes it.
    name : str
        Variable of the registry.
    variables : Variables, optional
        The registry: that of a station, where there is one.

    Returns
    -------
    (a, b) : tuple of float
        ``canonical = a · x + b``.

    Raises
    ------
    StationConfigError
        When the variable is unknown or the unit is not one of its units.
    """
    a, b = _exact(unit, name, variables)
    return float(a), float(b)


def _exact(unit: str, name: str, variables: Variables) -> Factors:
    """The same as fractions."""
    known = variables.find(name)
    if unit == known.unit:
        return _SAME
    bare, _, at = normal(unit).partition("@")
    if at and name == "bulk_ec" and _meant(bare) in _units(known):
        raise StationConfigError(
            Message("unit {unit!r} is that of a conductivity at 25 °C; its variable is ec25", unit=unit)
        )
    if at and not (name == "ec25" and at.strip().removeprefix("25").strip() == "degC"):
        bare = unit
    found = _units(known).get(_meant(bare))
    if found is None and normal(unit) in (normal(known.unit), normal(known.unit_text)):
        return _SAME
    if found is None:
        raise StationConfigError(
            Message(
                "unit {unit!r} does not fit {variable}; expected one of {units}",
                unit=unit,
                variable=name,
                units=", ".join(units_of(name, variables)),
            )
        )
    return found


_SAME: Factors = (Fraction(1), Fraction(0))


def _fractions(rows: dict[str, tuple[float | Fraction, float | Fraction]]) -> dict[str, Factors]:
    return {unit: (exactly(a), exactly(b)) for unit, (a, b) in rows.items()}


def _family(known: Variable) -> dict[str, Factors]:
    """What each unit that a variable is read in has to be multiplied by, and what is added then."""
    unit = known.unit
    listed = _OF_VARIABLE.get(known.id) or _TO_CANONICAL.get(unit)
    if listed is not None:
        return _fractions(listed)
    for rows in map(_fractions, _TO_CANONICAL.values()):
        own = next((factors for other, factors in rows.items() if _meant(other) == _meant(unit)), None)
        if own is not None and _meant(unit) not in _PURE:
            a, b = own
            return {other: (c / a, (d - b) / a) for other, (c, d) in rows.items()}
    return {unit: _SAME}


@cache
def _units(known: Variable) -> dict[tuple[tuple[str, int], ...], Factors]:
    """By what is meant, the units that can be turned into a variable's own; a spelling of none is left out."""
    return {meant: factors for unit, factors in _family(known).items() if (meant := _meant(unit))}


def same_kind(unit: str, other: str) -> tuple[float, float] | None:
    """Factors that turn a number in one unit of the list into another; None when they are not of one kind.

    Returns
    -------
    (a, b) : tuple of float, or None
        ``other = a · unit + b``.
    """
    for rows in map(_fractions, _TO_CANONICAL.values()):
        meant = {_meant(name): factors for name, factors in rows.items()}
        one, two = meant.get(_meant(unit)), meant.get(_meant(other))
        if one is not None and two is not None:
            return float(one[0] / two[0]), float((one[1] - two[1]) / two[0])
    return None


def between(unit: str, other: str, name: str, variables: Variables = VARIABLES) -> tuple[float, float] | None:
    """Factors that turn a number in one unit of variable `name` into another unit of it; None when one is none of them.

    Returns
    -------
    (a, b) : tuple of float, or None
        ``other = a · unit + b``.
    """
    try:
        a, b = exact_between(unit, other, name, variables)
    except StationConfigError:
        return None
    return float(a), float(b)


def exact_between(unit: str, other: str, name: str, variables: Variables = VARIABLES) -> Factors:
    """The same as fractions.

    Raises
    ------
    StationConfigError
        When one is no unit of the variable.
    """
    a, b = _exact(unit, name, variables)
    c, d = _exact(other, name, variables)
    return a / c, (b - d) / c


_DIGITS = Context(prec=60)


def turner(a: Fraction, b: Fraction) -> Callable[[float], float]:
    """Turns a number into ``a · number + b`` as one would by hand, from its decimal digits: 8.1 % is 0.081.

    A float multiplication rounds a factor that is none of two's powers, and rounds once more: 8.2 % would be
    0.08199999999999999.
    """
    whole = lcm(a.denominator, b.denominator)
    times, plus, over = Decimal(int(a * whole)), Decimal(int(b * whole)), Decimal(whole)
    fma, divide = _DIGITS.fma, _DIGITS.divide
    if over == 1:
        return lambda number: float(fma(Decimal(repr(number)), times, plus))
    return lambda number: float(divide(fma(Decimal(repr(number)), times, plus), over))


def turner_of(unit: str, name: str, variables: Variables = VARIABLES) -> Callable[[float], float] | None:
    """Turns numbers in a unit into the canonical one of variable `name`; None where they stay as they are.

    Raises
    ------
    StationConfigError
        When it is no unit of the variable.
    """
    factors = _exact(unit, name, variables)
    return None if factors == _SAME else turner(*factors)
