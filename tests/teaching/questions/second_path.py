"""The key of every computed question by another way: plain arithmetic, exact fractions, pandas, struct.

Nothing here imports what the questions are computed with. Constants are written out again from their sources:
R (CODATA 2018), 12.011 and 15.999 (IUPAC), 44/12 and 0.43971 (IPCC 2006), Massman (1998), U.S. Standard Atmosphere.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any

import pandas as pd
from scipy import integrate, special

from tests.paths import ROOT

DATA = ROOT / "teaching" / "data" / "neon_sjer_2022_06"
R = 8.314462618


def _air(t: float, p: float) -> float:
    return p * 100 / (R * (t + 273.15))


def _tail(r: float, n: float) -> float:
    """Two-sided p of r by integrating Student's density: no distribution function is called."""
    df = n - 2
    t = abs(r) * math.sqrt(df / (1 - r * r))
    scale = math.exp(special.gammaln((df + 1) / 2) - special.gammaln(df / 2)) / math.sqrt(df * math.pi)
    inside, _ = integrate.quad(lambda x: scale * (1 + x * x / df) ** (-(df + 1) / 2), 0, t)
    return 1 - 2 * inside


def _discoveries(*p: float) -> float:
    """The largest k of sorted p with p(k) <= k/m 5 %, in exact fractions."""
    exact = sorted(Fraction(str(one)) for one in p)
    return max((k for k, one in enumerate(exact, 1) if one <= Fraction(k, len(exact)) / 20), default=0)


def _spikes(limit: float, *readings: float) -> str:
    """Readings beyond the limit against both the one before and the last one that passed."""
    found: list[int] = []
    for i in range(1, len(readings)):
        passed = max(j for j in range(i) if j not in found)
        if all(abs(readings[i] - readings[j]) / (10 * (i - j)) > limit for j in (i - 1, passed)):
            found.append(i)
    return " ".join(str(i + 1) for i in found)


def _pairs(a: tuple[float, ...], b: tuple[float, ...]) -> float:
    exact = [Fraction(str(x)) - Fraction(str(y)) for x, y in zip(a, b, strict=True)]
    return math.sqrt(sum(d * d for d in exact) / (2 * len(exact)))


_FLAGS = {
    "sentinel": 9, "physical_range": 4, "instrument_range": 4, "warm_up": 3, "saturation": 3, "flat_line": 3,
    "rate_of_change": 3, "spike": 3, "compensation_mismatch": 3, "zero_frame": 3, "no_reference": 2, "standard_pressure": 2, "calibration_overdue": 2, "compensation_unknown": 2,
}  # fmt: skip
"""From the table of docs/reference/quality_tests.md."""


def _mq61(pores: float, water: float) -> float:
    return math.exp(10 / 3 * math.log(pores - water) - 2 * math.log(pores))


def _between(x1: float, z1: float, x2: float, z2: float, ds: float, t: float, p: float) -> float:
    return _air(t, p) * ds * (x2 - x1) / ((z2 - z1) / 100)


def _table(name: str, plot: str, depth: float) -> pd.DataFrame:
    table = pd.read_csv(DATA / f"{name}.csv.gz", dtype={"plot": str, "level": str})
    return table[(table["plot"] == plot) & ((table["depth_m"] + depth).abs() < 1e-9)]


def _passed(name: str, plot: str, depth: float) -> pd.DataFrame:
    rows = _table(name, plot, depth)
    return rows[(rows["qf"] == 0) & rows["value"].notna()]


def _range(plot: str, depth: float) -> float:
    rows = _passed("soil_temperature", plot, depth)
    days = rows.groupby(rows["time_utc"].str[:10])["value"].agg(["min", "max", "count"])
    days = days[days["count"] >= 40]
    return float((days["max"] - days["min"]).mean())


def _two_layers(fa: float, fb: float, z0: float, z1: float, z2: float) -> float:
    """Solve F = s + g z for both middles (cm) and read it at z = 0."""
    a, b = (z0 + z1) / 2, (z1 + z2) / 2
    return (fa * b - fb * a) / (b - a)


KEYS: dict[str, Callable[..., Any]] = {
    "percent_to_ppm": lambda percent: Fraction(str(percent)) * 10_000,
    "ppm_to_concentration": lambda ppm, t, p: ppm / 1e6 * p * 100 / (R * (t + 273.15)) * 1000,
    "flux_to_mass": lambda f: f * 12.011 * 24 * 3600 / 1e6,
    "utc_to_local": lambda s: (datetime.fromisoformat(s) + timedelta(hours=8)).strftime("%Y-%m-%d %H:%M"),
    "air_filled": lambda density, water: (2.65 - density - 2.65 * water) / 2.65,
    "standard_pressure": lambda h: 1013.25 * math.exp(9.80665 * 0.0289644 / (R * 0.0065) * math.log1p(-0.0065 * h / 288.15)),
    "temperature_quotient": lambda r1, t1, r2, t2: math.exp(10 * (math.log(r2) - math.log(r1)) / (t2 - t1)),
    "effective_sample_size": lambda r, _, n: _tail(r, n),
    "false_discoveries": _discoveries,
    "fuel_by_energy": lambda en, zh, amount, unit, heat, factor: Fraction(str(amount)) * Fraction(str(heat)) * Fraction(str(factor)) / 1000,
    "coal_by_carbon": lambda coal, heat, carbon, oxidised: Fraction(44, 12) * Fraction(str(coal)) * Fraction(str(heat)) * Fraction(str(carbon)) * Fraction(str(oxidised)),
    "equivalents": lambda c, m, n, gm, gn: Fraction(str(c)) + Fraction(str(m)) * Fraction(str(gm)) + Fraction(str(n)) * Fraction(str(gn)),
    "bought_electricity": lambda bought, sold, factor: bought * factor - sold * factor,
    "uncertainty_of_product": lambda *u: math.hypot(*u),
    "uncertainty_of_sum": lambda xa, ua, xb, ub: math.hypot(xa * ua, xb * ub) / (xa + xb),
    "desulphurisation": lambda mass, share: mass * share * (12.011 + 2 * 15.999) / (40.078 + 12.011 + 3 * 15.999),
    "power_plant": lambda fuel, stone, power, factor: fuel + stone * 0.9 * 0.43971 + power * factor,
    "free_air": lambda t, p: 1.381e-5 * math.exp(1.81 * math.log1p(t / 273.15)) * 1013.25 / p,
    "relative_diffusivity": _mq61,
    "flux_between": _between,
    "layers_in_series": lambda ka, ha, kb, hb: 1 / ((ha / (ha + hb)) / ka + (hb / (ha + hb)) / kb),
    "to_the_surface": _two_layers,
    "production": lambda top, bottom, h, stored: stored + 100 * (top - bottom) / h,
    "account_in_steps": lambda coal, heat, carbon, ox, mwh, factor: coal * heat * carbon * ox * 44 / 12 + mwh * factor,
    "flux_in_steps": lambda x1, z1, x2, z2, d0, pores, water, t, p: _between(x1, z1, x2, z2, d0 * _mq61(pores, water), t, p),
    "pressure_correction": lambda x, p: Fraction("1013.25") / Fraction(str(p)) * Fraction(str(x)),
    "temperature_correction": lambda x, t: x * (1 + (t - 25) / 298.15),
    "to_ec25": lambda ec, t: Fraction(str(ec)) / (1 + Fraction("0.0191") * (Fraction(str(t)) - 25)),
    "to_salinity": lambda ec, factor: Fraction(str(ec)) * 1000 * Fraction(str(factor)),
    "calibrated": lambda x, gain, offset: Fraction(str(gain)) * Fraction(str(x)) + Fraction(str(offset)),
    "usable_share": lambda days, minutes, stored, doubtful: Fraction(stored - doubtful, days * 24 * 60 // minutes) * 100,
    "completeness_in_steps": lambda days, minutes, stored, doubtful: Fraction(stored - doubtful, days * 24 * 60 // minutes) * 100,
    "worst_flag": lambda *names: max(_FLAGS[name] for name in names),
    "too_fast": _spikes,
    "moving_surface": lambda *d: 100 * sum(Fraction(str(one)) for one in d),
    "two_probes": _pairs,
    "word_order": lambda value: struct.unpack(">f", struct.pack(">f", value))[0],
    "calibration_due": lambda _, until, due: min(until, due),
    "deepest_mean": lambda plot, depth: _passed("soil_co2", plot, depth)["value"].mean(),
    "usable_water": lambda plot, depth: 100 * len(_passed("soil_water_content", plot, depth)) / 1440,
    "daily_range": _range,
    "stamp_in_steps": lambda seconds: seconds,
}  # fmt: skip
"""By template, from the numbers given in the case."""
