"""Formulas of emission accounts and of respiration that the questions compute with.

Each is a line of its source: activity data times factors, mass ratios, and the two rules for combining
uncertainties.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

CARBON_G_MOL = 12.011
"""Standard atomic weight of carbon [g/mol], IUPAC 2021, doi:10.1515/pac-2019-0603."""

DIOXIDE_G_MOL = 44.009
"""Molar mass of CO2 [g/mol], from the same table (C 12.011, O 15.999)."""

CO2_PER_CARBON = 44 / 12
"""Mass of CO2 per mass of carbon as inventories round it (IPCC 2006 Guidelines, Vol. 2, Ch. 1)."""

CO2_PER_CALCITE = 0.43971
"""t CO2 per t CaCO3 (IPCC 2006 Guidelines, Vol. 3, Ch. 2, Table 2.1)."""


def to_mass_g_m2_d(flux_umol_m2_s: float, molar_mass: float = CARBON_G_MOL) -> float:
    """A flux [µmol m-2 s-1] as mass per day [g m-2 d-1]."""
    return flux_umol_m2_s * 1e-6 * molar_mass * 86_400


def q10(low_rate: float, low_degc: float, high_rate: float, high_degc: float) -> float:
    """Factor of a rate over 10 °C from two temperatures [1]: ``(R2/R1)^(10/(T2 - T1))``."""
    return float((high_rate / low_rate) ** (10 / (high_degc - low_degc)))


def by_energy_t(amount: float, heat_gj: float, factor_t_tj: float) -> float:
    """CO2 of a fuel [t] from its amount, net calorific value [GJ per unit] and factor [t CO2/TJ].

    IPCC 2006 Guidelines, Vol. 2, Ch. 2, Eq. 2.1.
    """
    return amount * heat_gj / 1000 * factor_t_tj


def by_carbon_t(amount_t: float, heat_gj_t: float, carbon_t_gj: float, oxidised: float) -> float:
    """CO2 of a fuel [t]: ``AD · NCV · CC · OF · 44/12`` (GB/T 32151.1-2015, fossil fuel combustion)."""
    return amount_t * heat_gj_t * carbon_t_gj * oxidised * CO2_PER_CARBON


def equivalents_t(masses_t: Sequence[float], potentials: Sequence[float]) -> float:
    """CO2 equivalents [t]: every gas times its global warming potential."""
    return sum(m * g for m, g in zip(masses_t, potentials, strict=True))


def product_percent(parts: Sequence[float]) -> float:
    """Uncertainty of a product [%]: root of the sum of squares (IPCC 2006, Vol. 1, Ch. 3, Eq. 3.1)."""
    return math.sqrt(sum(u * u for u in parts))


def sum_percent(amounts: Sequence[float], parts: Sequence[float]) -> float:
    """Uncertainty of a sum [%], weighted by amounts (IPCC 2006, Vol. 1, Ch. 3, Eq. 3.2)."""
    return math.sqrt(sum((x * u) ** 2 for x, u in zip(amounts, parts, strict=True))) / abs(sum(amounts))


def desulphurisation_t(limestone_t: float, calcite: float, converted: float = 1.0) -> float:
    """CO2 of limestone used to take sulphur out of flue gas [t]."""
    return limestone_t * calcite * converted * CO2_PER_CALCITE
