"""Temperature response against exact records, scipy, statsmodels, hand calculation, and what was measured."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import stats
from scipy.optimize import curve_fit
from scipy.signal import lfilter

from soilco2.analysis.errors import DataError
from soilco2.analysis.frames.build import from_table
from soilco2.analysis.frames.frame import Frame
from soilco2.analysis.frames.targets import targets
from soilco2.analysis.refusals import Refusal
from soilco2.analysis.soil_response.temperature import Kind, moving_q10, q10, q10_curve
from soilco2.analysis.soil_response.water_classes import (
    confounding,
    opposite,
    q10_by_water,
    ratio_of,
    water_class,
    water_limits,
)
from soilco2.analysis.statistics.effective_sample_size import effective_number, number_behind_fit
from soilco2.analysis.statistics.intervals import block_df, memory_factor
from soilco2.station_config.message import translate
from tests.analysis.data import agua_amarga

SLOTS = 24
KINDS: list[Kind] = ["values", "log"]


def days(count: int = 60, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Temperature of a spring, and unit noise with a memory of hours."""
    hours = np.arange(count * SLOTS)
    rng = np.random.default_rng(seed)
    T = 18 + 6 * np.sin(2 * np.pi * hours / SLOTS) + 5 * np.sin(2 * np.pi * hours / (SLOTS * 40))
    noise = np.convolve(rng.standard_normal(hours.size + 11), np.ones(12) / np.sqrt(12), "valid")
    return T, noise


def gappy(x: np.ndarray) -> np.ndarray:
    rng = np.random.default_rng(9)
    out = x.copy()
    for first in rng.integers(0, x.size - 30, 12):
        out[first : first + rng.integers(1, 30)] = np.nan
    return out


@pytest.mark.parametrize("gaps", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_an_exponential_without_lag_gives_its_q10_both_ways(kind: Kind, gaps: bool) -> None:
    T, _ = days()
    R = 3.0 * 2.0 ** ((T - 20) / 10)
    found = q10(gappy(R) if gaps else R, T, SLOTS, kind=kind)
    assert found.q10 == pytest.approx(2.0, abs=1e-9)
    assert found.r_ref == pytest.approx(3.0, rel=1e-9)
    assert found.r2 == pytest.approx(1.0, abs=1e-12)
    assert found.days == 60


@pytest.mark.parametrize(
    ("lag", "expected"), [(0, 2.0), (3, 1.6), (10, 0.55)]
)  # analysis of a daily sine: the rate falls by cos(2 pi L/24)
def test_a_lag_shrinks_q10(lag: int, expected: float) -> None:
    """2 ** cos(2 pi 3/24) = 1.63, 2 ** cos(2 pi 10/24) = 0.549."""
    hours = np.arange(30 * SLOTS)
    T = 20 + 8 * np.sin(2 * np.pi * hours / SLOTS)
    R = 2.0 ** ((20 + 8 * np.sin(2 * np.pi * (hours - lag) / SLOTS) - 20) / 10)
    assert q10(R, T, SLOTS, kind="log").q10 == pytest.approx(expected, abs=0.035)


@pytest.mark.parametrize("gaps", [False, True])
def test_fits_are_those_of_independent_libraries(gaps: bool) -> None:
    T, e = days()
    R = 3.0 * 2.2 ** ((T - 20) / 10) * np.exp(0.3 * e)
    R[::50] = -0.1
    R = gappy(R) if gaps else R
    good = np.isfinite(R)
    x, y = T[good] - 20, R[good]
    (level, rate), _ = curve_fit(lambda x, a, b: a * np.exp(b * x), x, y, (2.0, 0.05), ftol=1e-14, xtol=1e-14)
    values = q10(R, T, SLOTS)
    assert values.q10 == pytest.approx(np.exp(10 * rate), rel=1e-6)
    assert values.r_ref == pytest.approx(level, rel=1e-6)
    rest = y - level * np.exp(rate * x)
    assert values.rmse == pytest.approx(np.sqrt((rest**2).mean()), rel=1e-6)
    assert values.r2 == pytest.approx(1 - (rest**2).sum() / ((y - y.mean()) ** 2).sum(), rel=1e-6)
    line = stats.linregress(x[y > 0], np.log(y[y > 0]))
    log = q10(R, T, SLOTS, kind="log")
    assert log.q10 == pytest.approx(np.exp(10 * line.slope), rel=1e-9)
    assert log.r_ref == pytest.approx(np.exp(line.intercept), rel=1e-9)
    assert log.r2 == pytest.approx(line.rvalue**2, rel=1e-9)
    assert log.dropped == int((y <= 0).sum())
    assert log.n == int((y > 0).sum())


def df_by_hand(kind: Kind, x: np.ndarray, found: float) -> float:
    """Shares of six blocks in the information on the rate: squares of T less its weighted mean, times weight.

    Residuals of R are taken to grow as the fourth root of R.
    """
    weight = np.ones(x.size) if kind == "log" else found ** (x / 10)
    square = (weight**1.25 * (x - np.average(x, weights=weight**2))) ** 2
    edges = np.linspace(0, x.size, 7).astype(int)
    share = np.array([square[a:b].sum() for a, b in itertools.pairwise(edges)]) / square.sum()
    return float(1 / (share**2).sum() - 1)


@pytest.mark.parametrize("kind", KINDS)
def test_interval_is_the_jackknife_by_hand(kind: Kind) -> None:
    """Six blocks of equal number; Student's t with 1/sum(h^2) - 1 degrees of freedom, h what each block tells."""
    T, e = days()
    R = gappy(3.0 * 2.0 ** ((T - 20) / 10) * np.exp(0.2 * e))
    good = np.isfinite(R)
    x, y = T[good] - 20, R[good]

    def rate(keep: np.ndarray) -> float:
        if kind == "log":
            return float(stats.linregress(x[keep], np.log(y[keep])).slope)
        return float(curve_fit(lambda x, a, b: a * np.exp(b * x), x[keep], y[keep], (2.0, 0.05))[0][1])

    edges = np.linspace(0, x.size, 7).astype(int)
    parts = [np.r_[0:a, b : x.size] for a, b in itertools.pairwise(edges)]
    without = np.array([rate(keep) for keep in parts])
    se = np.sqrt(5 / 6 * ((without - without.mean()) ** 2).sum())
    found = q10(R, T, SLOTS, kind=kind)
    reach = stats.t.ppf(0.975, df_by_hand(kind, x, found.q10)) * se * memory_factor(found.n_eff)
    whole = rate(np.arange(x.size))
    assert found.lower == pytest.approx(np.exp(10 * (whole - reach)), rel=1e-5)
    assert found.upper == pytest.approx(np.exp(10 * (whole + reach)), rel=1e-5)
    assert found.se == pytest.approx(10 * se * memory_factor(found.n_eff), rel=1e-4)


def test_zero_and_negative_values_count_for_the_values_and_bar_the_logarithm() -> None:
    T, e = days()
    R = 0.5 * 2.0 ** ((T - 20) / 10) + 0.8 * e
    share = float((R <= 0).mean())
    assert share > 0.2
    log = q10(R, T, SLOTS, kind="log")
    assert log.refusal is not None
    assert log.refusal.code == "dropped"
    assert log.dropped == int((R <= 0).sum())
    assert np.isnan(log.q10)
    assert f"{100 * share:.0f} %" in log.refusal.message
    values = q10(R, T, SLOTS)
    assert values.dropped == 0
    assert values.lower < 2.0 < values.upper


@pytest.mark.parametrize(
    ("R", "T", "code"),
    [
        (np.arange(60.0 * 24), np.full(60 * 24, 20.0), "t_range"),
        (np.full(60 * 24, 2.0), np.linspace(0, 30, 60 * 24), "constant"),
        (np.arange(9.0 * 24), np.linspace(0, 30, 9 * 24), "days"),
        (np.full(60 * 24, np.nan), np.linspace(0, 30, 60 * 24), "few_pairs"),
        (-1 - np.linspace(0, 30, 60 * 24), np.linspace(0, 30, 60 * 24), "no_fit"),
        (np.exp(np.linspace(0, 30, 60 * 24)), np.linspace(0, 30, 60 * 24), "no_fit"),
        (1 + np.linspace(0, 30, 60 * 24), np.linspace(0, 30, 60 * 24), "n_eff"),
    ],
)
def test_what_cannot_be_said_is_withheld_with_its_reason(R: np.ndarray, T: np.ndarray, code: str) -> None:
    found = q10(R, T, SLOTS)
    assert found.refusal is not None
    assert found.refusal.code == code
    assert found.refusal.message != translate(found.refusal.message, "zh")
    assert np.isnan([found.lower, found.upper]).all()


def test_blocks_that_tell_alike_have_five_degrees_of_freedom() -> None:
    """One block that tells all leaves one; two alike of six leave 1/(2/4) - 1 = 1, three 2."""
    assert block_df(np.ones(60)) == pytest.approx(5)
    assert block_df(np.r_[np.ones(10), np.zeros(50)]) == 1
    assert block_df(np.r_[np.ones(30), np.zeros(30)]) == pytest.approx(2)


def test_series_of_two_lengths_are_an_error() -> None:
    with pytest.raises(DataError, match="one shape"):
        q10(np.ones(10), np.ones(11), SLOTS)


def test_classes_are_terciles_and_limits_count_upward() -> None:
    W = np.array([0.01, 0.02, np.nan, 0.03, 0.04, 0.05, 0.06])
    assert water_limits(W) == pytest.approx(np.quantile([0.01, 0.02, 0.03, 0.04, 0.05, 0.06], [1 / 3, 2 / 3]))
    assert list(water_class(W, (0.03, 0.05))) == [0, 0, -1, 1, 1, 2, 2]
    assert np.isnan(water_limits([np.nan])).all()


@pytest.mark.parametrize("gaps", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_each_class_has_its_q10(kind: Kind, gaps: bool) -> None:
    T, _ = days(90)
    W = np.repeat([0.04, 0.10, 0.20], 30 * SLOTS)
    true = np.repeat([1.5, 2.0, 2.5], 30 * SLOTS)
    R = W * true ** ((T - 20) / 10)
    found = q10_by_water(gappy(R) if gaps else R, T, W, SLOTS, kind=kind, limits=(0.06, 0.15))
    assert [c.q10 for c in found] == pytest.approx([1.5, 2.0, 2.5], rel=1e-8)
    ratio, _, _ = ratio_of(found[0], found[2])
    if found[0].refusal is None and found[2].refusal is None:
        assert ratio == pytest.approx(2.5 / 1.5, rel=1e-8)


def test_a_class_of_three_days_is_refused() -> None:
    T, _ = days()
    W = np.r_[np.full(3 * SLOTS, 0.3), np.full(57 * SLOTS, 0.05)]
    *_, wet = q10_by_water(2.0 ** (T / 10), T, W, SLOTS, limits=(0.1, 0.2))
    assert wet.refusal is not None
    assert wet.refusal.code == "class_small"
    assert wet.refusal.values == {"days": 3, "n": 72}


def test_two_q10_of_equal_spread_differ_by_welch() -> None:
    """Equal standard errors of five degrees of freedom each: ten together, t = 2.2281 (any table)."""
    T, e = days(60, 2)
    one = q10(2.0 ** ((T - 20) / 10) * np.exp(0.2 * e), T, SLOTS)._replace(df=5.0)
    other = one._replace(q10=one.q10 * 1.5)
    ratio, lower, upper = ratio_of(one, other)
    assert ratio == pytest.approx(1.5)
    assert np.log(upper / ratio) == pytest.approx(2.228139 * np.sqrt(2) * one.se, rel=1e-5)
    assert np.log(lower / ratio) == pytest.approx(-2.228139 * np.sqrt(2) * one.se, rel=1e-5)
    assert np.isnan(ratio_of(one._replace(refusal=Refusal("no_fit")), one)).all()


@pytest.mark.parametrize("gaps", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_water_that_falls_as_it_warms_turns_q10_round(kind: Kind, gaps: bool) -> None:
    """R doubles by 10 K at any water content; dry soil is hot soil, so all rows together say less than one."""
    T, _ = days(90)
    index = np.digitize(T, (15.0, 22.0))
    W = np.array([0.25, 0.12, 0.04])[index]
    R = np.array([9.0, 3.0, 0.5])[index] * 2.0 ** ((T - 20) / 10)
    R = gappy(R) if gaps else R
    found = confounding(R, T, W, SLOTS, kind=kind, limits=(0.08, 0.2))
    assert found.pooled < 1
    assert found.within == pytest.approx(2.0, rel=1e-8)
    assert found.reversed
    assert found.levels == pytest.approx((0.5, 3.0, 9.0), rel=1e-7)
    assert found.ratio == pytest.approx(2.0 / found.pooled, rel=1e-8)


@pytest.mark.parametrize(
    ("low", "high", "code"),
    [(0.0340, 0.0344, "w_range"), (0.0340, 0.0, "class_close")],
)
def test_water_that_makes_no_classes_gets_no_q10(low: float, high: float, code: str) -> None:
    """0.0340 against 0.0344; and the same two beside a wet third, which makes the range but not the classes."""
    T, e = days(90)
    third = T.size // 3
    W = np.r_[np.full(third, low), np.full(third, 0.0344), np.full(T.size - 2 * third, high or 0.2)]
    R = 2.0 ** (T / 10) * np.exp(0.2 * e)
    for found in (*q10_by_water(R, T, W, SLOTS, limits=(0.0342, 0.0346)), confounding(R, T, W, SLOTS)):
        assert found.refusal is not None
        assert found.refusal.code in (code, "class_small")
    assert code in {f.refusal.code for f in q10_by_water(R, T, W, SLOTS) if f.refusal}


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [((0.5, 0.9), (1.1, 1.5), True), ((0.5, 1.1), (1.2, 1.5), False), ((np.nan, 0.9), (1.1, np.nan), False),
     ((1.1, 1.5), (0.5, 0.9), True)],
)  # fmt: skip
def test_a_paradox_needs_intervals_on_two_sides_of_one(
    one: tuple[float, float], other: tuple[float, float], expected: bool
) -> None:
    assert opposite(one, other) is expected


def test_opposite_memories_do_not_make_every_half_hour_a_value() -> None:
    """AR(1) with phi = 0.9 and -0.9: the pair's sum is below one, the residual's own is (1 + .81)/(1 - .81) = 9.5."""
    rng = np.random.default_rng(5)
    e = rng.standard_normal((2, 4000))
    x = lfilter([1.0], [1.0, -0.9], e[0])
    y = lfilter([1.0], [1.0, 0.9], e[1])
    assert effective_number(x, y).n_eff == 4000
    assert number_behind_fit(x, y) == pytest.approx(4000 * 0.19 / 1.81, rel=0.25)


def test_q10_within_classes_is_statsmodels_and_scipys() -> None:
    T, e = days(90)
    W = np.clip(0.3 - 0.01 * T + 0.03 * np.roll(e, 100), 0.01, None)
    R = 20 * W * 1.8 ** ((T - 20) / 10) * np.exp(0.2 * e)
    limits = (0.08, 0.14)
    index = water_class(W, limits)
    dummies = np.eye(3)[index]
    ols = sm.OLS(np.log(R), np.column_stack([T - 20, dummies])).fit()
    log = confounding(R, T, W, SLOTS, kind="log", limits=limits)
    assert log.within == pytest.approx(np.exp(10 * ols.params[0]), rel=1e-8)
    assert log.levels == pytest.approx(np.exp(ols.params[1:]), rel=1e-8)
    found, _ = curve_fit(
        lambda x, b, *a: (dummies @ np.array(a)) * np.exp(b * x), T - 20, R, (0.05, 1, 2, 3), ftol=1e-13
    )
    values = confounding(R, T, W, SLOTS, limits=limits)
    assert values.within == pytest.approx(np.exp(10 * found[0]), rel=1e-5)
    assert values.levels == pytest.approx(found[1:], rel=1e-5)
    assert values.lower < values.within < values.upper
    assert values.ratio_lower < values.ratio < values.ratio_upper


def test_confounding_is_withheld_where_q10_is() -> None:
    T = np.full(60 * SLOTS, 20.0)
    found = confounding(np.arange(T.size), T, np.linspace(0, 0.3, T.size), SLOTS)
    assert found.refusal is not None
    assert found.refusal.code == "t_range"
    assert np.isnan(found.within)


def test_windows_follow_a_response_that_changes() -> None:
    hours = np.arange(60 * SLOTS)
    T = 18 + 8 * np.sin(2 * np.pi * hours / SLOTS)
    true = np.where(hours < 30 * SLOTS, 1.5, 2.5)
    found = moving_q10(true ** ((T - 20) / 10), T, SLOTS, water=true / 10, window_days=10, step_days=5)
    assert [w.middle_day for w in found] == [5 + 5 * k for k in range(11)]
    assert found[0].answer.q10 == pytest.approx(1.5, rel=1e-8)
    assert found[-1].answer.q10 == pytest.approx(2.5, rel=1e-8)
    assert found[0].water == pytest.approx(0.15)
    assert found[0].temperature == pytest.approx(18.0)


@pytest.mark.parametrize("kind", KINDS)
def test_band_of_the_curve_is_the_jackknife_by_hand(kind: Kind) -> None:
    """At one temperature, by scipy's fits without each block; at 20 degC the curve is r_ref."""
    T, e = days()
    R = 3.0 * 2.0 ** ((T - 20) / 10) * np.exp(0.2 * e)
    found = q10(R, T, SLOTS, kind=kind)
    curve = q10_curve(R, T, SLOTS, [20.0, 27.0], kind=kind)
    assert curve[0, 0] == pytest.approx(found.r_ref)
    assert curve[0, 1] == pytest.approx(found.r_ref * found.q10**0.7)

    def at(keep: np.ndarray) -> float:
        if kind == "log":
            line = stats.linregress(T[keep] - 20, np.log(R[keep]))
            return float(line.intercept + 7 * line.slope)
        a, b = curve_fit(lambda x, a, b: a * np.exp(b * x), T[keep] - 20, R[keep], (2.0, 0.05))[0]
        return float(np.log(a) + 7 * b)

    parts = [np.setdiff1d(np.arange(T.size), block) for block in np.split(np.arange(T.size), 6)]
    without = np.array([at(keep) for keep in parts])
    reach = stats.t.ppf(0.975, df_by_hand(kind, T - 20, found.q10)) * memory_factor(found.n_eff)
    reach *= np.sqrt(5 / 6 * ((without - without.mean()) ** 2).sum())
    assert np.log(curve[2, 1] / curve[0, 1]) == pytest.approx(reach, rel=1e-4)
    assert np.log(curve[0, 1] / curve[1, 1]) == pytest.approx(reach, rel=1e-4)
    assert np.isnan(q10_curve(R, np.full(T.size, 20.0), SLOTS, [20.0], kind=kind)).all()


@pytest.fixture(scope="module")
def grassland() -> Frame:
    (frame,) = from_table(agua_amarga())
    return frame


def test_agua_amarga_hides_temperature_behind_water_but_is_no_paradox(grassland: Frame) -> None:
    """Dry soil is hot soil there: the ratio stands; that Q10 lies on two sides of one does not: intervals hold it."""
    for target in targets(grassland):
        assert target.temperature is not None
        assert target.water is not None
        found = confounding(
            target.co2.values, target.temperature.values, target.water.values, grassland.slots
        )
        assert found.refusal is None
        assert found.lower < 1 < found.upper
        assert not found.reversed
        assert found.ratio_lower > 1
        assert list(found.levels) == sorted(found.levels)


def test_agua_amarga_dry_soil_loses_a_fifth_of_its_values_to_the_logarithm(grassland: Frame) -> None:
    """Night uptake: counted here by pandas, not by the fit."""
    table = agua_amarga().pivot_table(
        index=["profile", "time_utc"], columns="variable", values="value", aggfunc="first"
    )
    for target in targets(grassland):
        rows = table.loc[target.co2.key.profile].dropna(subset=["co2_flux", "soil_temperature", "soil_water"])
        dry = rows[rows["soil_water"] < rows["soil_water"].quantile(1 / 3)]
        share = float((dry["co2_flux"] <= 0).mean())
        assert share > 0.2
        assert target.temperature is not None
        assert target.water is not None
        args = (target.co2.values, target.temperature.values, target.water.values, grassland.slots)
        driest, *_ = q10_by_water(*args, kind="log")
        assert driest.refusal is not None
        assert driest.refusal.code == "dropped"
        assert driest.dropped / (driest.dropped + driest.n) == pytest.approx(share, abs=0.002)
        values, *_ = q10_by_water(*args)
        assert values.refusal is None
        assert values.lower > 1
