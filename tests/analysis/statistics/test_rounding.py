"""What is answered, refused, and why does not hang on the last digits of the data."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from soilco2.analysis import rounding
from soilco2.analysis.definitions import MIN_T_RANGE, MIN_W_RANGE
from soilco2.analysis.jobs import lag as lag_job
from soilco2.analysis.jobs import rain as rain_job
from soilco2.analysis.jobs.base import Options
from soilco2.analysis.salinity import pore_ec
from soilco2.analysis.soil_response import audit, rain, water
from soilco2.analysis.soil_response.temperature import q10
from soilco2.analysis.soil_response.water_classes import q10_by_water, water_class, water_limits
from soilco2.analysis.statistics import coherence, correlation, regression
from soilco2.analysis.statistics.lag import cross_correlation, lag, loop
from tests.analysis.soil_response.test_rain import frame_of, made_up
from tests.analysis.statistics.test_lag import SITE, frame, sine

SHIFT = 1e-12
"""Relative; far above what rounding makes of a number, far below what any sensor resolves."""

TIMES = 15
HOURS = np.arange(60.0 * 24)
WARM = np.linspace(0, 30, HOURS.size)


def shifted(values: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return values * (1.0 + SHIFT * rng.choice([-1.0, 1.0], values.shape))


def code(found: Any) -> str:
    return found.refusal.code if found.refusal else ""


def associated(*arrays: np.ndarray) -> Any:
    found = correlation.associate(arrays[0], arrays[1], arrays[2:])
    return code(found), [bool(np.isfinite(v)) for v in (found.r, found.rank, found.p)]


def temperature(kind: Any) -> Callable[..., Any]:
    return lambda R, T: code(q10(R, T, 24, kind=kind))


def classes(R: np.ndarray, T: np.ndarray, W: np.ndarray) -> Any:
    return [(code(f), f.n) for f in q10_by_water(R, T, W, 24)], water_class(W, water_limits(W)).tolist()


def by_water(R: np.ndarray, T: np.ndarray, W: np.ndarray) -> Any:
    days = water.complete(R, T, W)
    numbers = (water.q10_given_water, water.slope, water.optimum, water.threshold)
    return [(code(f(days)), math.isfinite(f(days).value)) for f in numbers]


def chosen(R: np.ndarray, T: np.ndarray, W: np.ndarray) -> Any:
    found = regression.compare(regression.water_models(0.05, 0.25), R, T, W, np.arange(R.size))
    return found.best, found.choice, found.blocks, [s.tie for s in found.scores]


def lagged(x: np.ndarray, y: np.ndarray) -> Any:
    made = frame(("soil_temperature", 0.05, x), ("co2", 0.05, y), site=SITE)
    rows = lag_job.run(made, Options()).rows
    return code(lag(x, y, 48)), code(loop(x, y, 48)), [(r.what, r.why_code) for r in rows]


def turned(x: np.ndarray, y: np.ndarray) -> Any:
    found = cross_correlation(x, y, 48)
    return [round(v, 3) for v in (found.peak_h, found.max_h, found.min_h, found.p)]


def rained(fallen: np.ndarray, flux: np.ndarray) -> Any:
    found = rain.rain_events(fallen, 48)
    told = rain.answers(flux, 48, found)
    rows = rain_job.run(frame_of(flux, fallen), Options()).rows
    return (
        [(e.start, e.end) for e in found],
        [(round(a.hours_to_peak, 6), math.isfinite(a.tau), round(a.chance, 9)) for a in told],
        [(r.what, r.why_code) for r in rows],
    )


def wetted(w: np.ndarray) -> Any:
    return [(e.start, e.end) for e in rain.wetting_events(w, 48)], rain.dry_season(w, 48).tolist()


def audited(x: np.ndarray) -> Any:
    return audit.longest_run(x), audit.spikes(x), audit.at_limit(x)[0]


def coherent(x: np.ndarray, y: np.ndarray) -> Any:
    return [code(f) for f in coherence.coherences(x, y, 48)]


def steps(*heights: float, size: int = 1440) -> np.ndarray:
    return np.resize(np.array(heights), size)


def flat_topped() -> tuple[np.ndarray, np.ndarray]:
    """The highest flux after each rain is held for three slots."""
    fallen, flux = made_up()
    for first in np.flatnonzero(np.diff(flux) > 3.0) + 1:
        flux[first : first + 3] = flux[first]
    return fallen, flux


def light_rain() -> tuple[np.ndarray, np.ndarray]:
    """Each rain is tenths of a millimetre that add up to the least that counts, on paper."""
    fallen, flux = made_up()
    fallen[:] = 0.0
    for start in range(200, fallen.size - 500, 400):
        fallen[start : start + round(rain.LEAST_MM / 0.1)] = 0.1
    return fallen, flux


RNG = np.random.default_rng(3)
NOISE = np.round(RNG.standard_normal(1440), 1)
T_SINE = 18 + 6 * np.sin(2 * np.pi * HOURS / 24) + 5 * np.sin(2 * np.pi * HOURS / 960)
DAY_T, DAY_W = 5 + 25 * RNG.random(200), np.round(0.05 + 0.25 * RNG.random(200), 2)
HALF = np.where(np.arange(2880) % 48 < 24, 0.0, 1.0)

CASES: dict[str, tuple[Callable[..., Any], tuple[np.ndarray, ...]]] = {
    "few pairs": (associated, (np.arange(20.0), np.arange(20.0))),
    "constant": (associated, (np.full(200, 7.0), np.arange(200.0))),
    "constant and small": (associated, (np.full(200, 0.07), np.arange(200.0))),
    "no values": (associated, (np.full(200, np.nan), np.arange(200.0))),
    "few independent": (associated, (np.cumsum(np.ones(200)), np.cumsum(np.ones(200)) ** 2)),
    "explained by what is held": (associated, (2 * NOISE + 5, steps(1.0, 4.0, 2.0, 2.5, 7.0), NOISE)),
    "held twice": (associated, (RNG.standard_normal(1440), RNG.standard_normal(1440), NOISE, 3 * NOISE)),
    "no range of T": (temperature("values"), (HOURS, np.full(HOURS.size, 20.0))),
    "least range of T": (temperature("values"), (2 ** (HOURS % 7), steps(10.3, 10.3 + MIN_T_RANGE))),
    "constant R": (temperature("values"), (np.full(HOURS.size, 2.0), WARM)),
    "small constant R": (temperature("log"), (np.full(HOURS.size, 2e-3), WARM)),
    "few days": (temperature("values"), (HOURS[:216], np.linspace(0, 30, 216))),
    "falling R": (temperature("values"), (-1 - WARM, WARM)),
    "too steep": (temperature("values"), (np.exp(WARM), WARM)),
    "a line": (temperature("values"), (1 + WARM, WARM)),
    "a fifth dropped": (temperature("log"), (steps(0.0, 1.0, 2.0, 3.0, 4.0), T_SINE)),
    "terciles on steps of water": (
        classes, (2 ** (T_SINE / 10), T_SINE, steps(*np.round(np.linspace(0.05, 0.3, 6), 2))),
    ),
    "least range of water": (by_water, (1 + DAY_T, DAY_T, steps(0.13, 0.13 + MIN_W_RANGE, size=200))),
    "narrow water": (by_water, (1 + DAY_W, np.linspace(5, 30, 200), np.linspace(0.1, 0.12, 200))),
    "few days of water": (by_water, (DAY_W[:20] * 10, DAY_T[:20], DAY_W[:20])),
    "narrow temperature": (by_water, (1 + 10 * DAY_W, np.linspace(20, 25, 200), DAY_W)),
    "water above the optimum": (by_water, (10 * DAY_W**2, DAY_T, DAY_W)),
    "exact line in water": (chosen, (1 + 10 * DAY_W, DAY_T, DAY_W)),
    "no amplitude": (lagged, (sine(22.0), sine(1.0, 0.0, 900.0))),
    "small amplitude": (lagged, (sine(22.0), sine(1.0, 0.5, 900.0))),
    "both constant": (lagged, (sine(22.0, 0.0), sine(1.0, 0.0, 900.0))),
    "noise": (lagged, (sine(22.0), 900 + 100 * np.random.default_rng(8).standard_normal(sine(0.0).size))),
    "in antiphase": (turned, (sine(2.0), sine(14.0, 9.0))),
    "square waves": (turned, (HALF, np.roll(HALF, 24))),
    "rain": (rained, made_up()),
    "rain and a flat top": (rained, flat_topped()),
    "least rain": (rained, light_rain()),
    "rain and a constant flux": (rained, (made_up()[0], np.full(made_up()[0].size, 2.3))),
    "steps of water": (wetted, (np.repeat(steps(0.28, 0.30, 0.28, 0.33, 0.36, size=60), 96),)),
    "stuck": (audited, (np.repeat([400.1, 400.2, 401.7], 40),)),
    "a flat top": (audited, (np.minimum(1800 + 30 * np.arange(100.0), 5000 * 0.98),)),
    "jumps of twelve usual steps": (audited, (np.where(np.arange(200) % 40 == 20, 1.2, steps(0, 0.1, size=200)),)),
    "coherence with a constant": (coherent, (np.full(48 * 60, 20.3), np.resize(NOISE, 48 * 60))),
    "coherence of noise": (coherent, (np.resize(NOISE[:1000], 48 * 60), np.resize(NOISE, 48 * 60))),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_the_outcome_stays(name: str) -> None:
    outcome, arrays = CASES[name]
    plain = outcome(*arrays)
    for seed in range(TIMES):
        rng = np.random.default_rng(seed)
        assert outcome(*(shifted(a, rng) for a in arrays)) == plain, seed


def test_ranks_of_equal_values_are_equal() -> None:
    """Ten times each of five values: the ranks by hand."""
    x = np.tile([0.1, 0.2, 0.3, 0.7, 1.1], 10)
    expected = np.tile([5.5, 15.5, 25.5, 35.5, 45.5], 10)
    for seed in range(TIMES):
        assert correlation.ranks(shifted(x, np.random.default_rng(seed))).tolist() == expected.tolist()


def test_limits_of_the_pore_water_hold_their_value() -> None:
    for least in (0.1, 0.1 * (1 - SHIFT), 0.1 * (1 + SHIFT)):
        assert np.isfinite(pore_ec([0.5], [20.0], [least])).all()
    assert np.isnan(pore_ec([0.5], [20.0], [0.0999])).all()


def test_comparisons_take_ties_for_ties() -> None:
    third = 0.1 + 0.2  # 0.30000000000000004
    assert third > 0.3
    assert not rounding.above(third, 0.3)
    assert rounding.above(0.3001, 0.3)
    assert not rounding.below(0.3, third)
    assert rounding.below(0.2999, 0.3)
    assert rounding.within([third, 0.1, np.nan, 0.31], 0.1, 0.3).tolist() == [True, True, False, False]
    assert not rounding.above([np.nan, -np.inf], [0.0, np.inf]).any()
    assert rounding.above(1e-7, 0.0)
    assert not rounding.above(1e-7, 0.0, 1000.0)
    assert rounding.first_largest([np.nan, 0.3, third, 0.1]) == 1
    assert rounding.tied([third, 5.0, 0.3, -1.0]).tolist() == [1, 2, 1, 0]
    assert rounding.tied([]).size == 0
