"""Correlation, effective number, p and interval against independent libraries, brute force and theory."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pingouin
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests

from soilco2.analysis.statistics import correlation as a
from soilco2.analysis.statistics.effective_sample_size import (
    autocorrelation,
    effective_number,
    effective_numbers,
    pair_and_each,
    pair_counts,
)
from soilco2.analysis.statistics.intervals import memory_factor
from soilco2.station_config.message import translate

GAPS = [False, True]


def ar1(rng: np.random.Generator, phi: float, shape: tuple[int, ...]) -> np.ndarray:
    """Stationary AR(1) of unit variance along the last axis."""
    noise = rng.standard_normal(shape) * np.sqrt(1 - phi * phi)
    out = np.empty(shape)
    out[..., 0] = rng.standard_normal(shape[:-1])
    for t in range(1, shape[-1]):
        out[..., t] = phi * out[..., t - 1] + noise[..., t]
    return out


def gappy(x: np.ndarray, share: float = 0.3, seed: int = 5) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.where(rng.random(x.shape) < share, np.nan, x)


def by_hand(x: np.ndarray, k: int) -> float:
    """rho(k) as written: sums over the pairs present, x less its mean."""
    z = x - np.nanmean(x)
    first, second = z[: z.size - k], z[k:]
    both = np.isfinite(first) & np.isfinite(second)
    down = np.sqrt((first[both] ** 2).sum() * (second[both] ** 2).sum())
    return float((first[both] * second[both]).sum() / down) if down > 0 else 0.0


@pytest.mark.parametrize("gaps", GAPS)
def test_autocorrelation_is_the_sum_over_the_pairs_present(gaps: bool) -> None:
    x = ar1(np.random.default_rng(1), 0.8, (157,))
    if gaps:
        x = gappy(x)
    rho = autocorrelation(x, 40)
    assert rho == pytest.approx([by_hand(x, k) for k in range(41)], abs=1e-10)
    assert rho[0] == pytest.approx(1.0)


def test_autocorrelation_of_a_constant_and_of_nothing_is_zero() -> None:
    assert autocorrelation(np.full(20, 3.0), 5).tolist() == [0.0] * 6
    assert autocorrelation(np.full(20, np.nan), 5).tolist() == [0.0] * 6


def test_pairs_are_counted() -> None:
    present = np.array([True, False, True, True, False, True])
    # by hand: k=1 only (2,3); k=2 (0,2), (3,5); k=3 (0,3), (2,5)
    assert pair_counts(present, 3).tolist() == [4, 1, 2, 2]


@pytest.mark.parametrize("gaps", GAPS)
def test_effective_number_is_the_sum_form(gaps: bool) -> None:
    rng = np.random.default_rng(2)
    x, y = ar1(rng, 0.7, (2, 240))
    if gaps:
        x, y = gappy(x, seed=1), gappy(y, seed=2)
    both = np.isfinite(x) & np.isfinite(y)
    xb, yb = np.where(both, x, np.nan), np.where(both, y, np.nan)
    m = both.sum()
    total = 1.0
    for k in range(1, 61):
        pairs = (both[: x.size - k] & both[k:]).sum()
        total += 2 * pairs / m * by_hand(xb, k) * by_hand(yb, k)
    found = effective_number(x, y)
    assert found.n_eff == pytest.approx(np.clip(m / total, 2, m), rel=1e-9)
    lag1 = by_hand(xb, 1) * by_hand(yb, 1)
    assert found.n_eff_lag1 == pytest.approx(m * (1 - lag1) / (1 + lag1), rel=1e-9)
    assert (found.n, found.max_lag) == (m, 60)


def test_pair_and_each_is_the_smallest_of_three() -> None:
    rng = np.random.default_rng(17)
    x, y = np.cumsum(rng.standard_normal((2, 800)), axis=1)
    x[100:140], y[300:420] = np.nan, np.nan
    both = np.isfinite(x) & np.isfinite(y)
    a, b = np.where(both, x, np.nan), np.where(both, y, np.nan)
    pair, least = pair_and_each(x, y)
    assert pair == effective_number(x, y)
    assert least == min(effective_number(*v).n_eff for v in ((a, b), (a, a), (b, b)))


@pytest.mark.parametrize("phi", [0.0, 0.5, 0.9])
def test_effective_number_of_ar1_is_that_of_theory(phi: float) -> None:
    """n (1 - phi^2)/(1 + phi^2), the geometric series of Bartlett's formula for two AR(1) of the same phi."""
    x, y = ar1(np.random.default_rng(3), phi, (2, 200, 4000))
    n, n_eff, _ = effective_numbers(x, y)
    assert (n == 4000).all()
    expected = 4000 * (1 - phi**2) / (1 + phi**2)
    assert np.median(n_eff) == pytest.approx(expected, rel=0.08)


@pytest.mark.parametrize("gaps", GAPS)
def test_r_and_rank_r_are_scipys(gaps: bool) -> None:
    rng = np.random.default_rng(4)
    x = rng.standard_normal(300)
    y = np.exp(0.4 * x + rng.standard_normal(300)).round(1)  # with ties
    if gaps:
        x, y = gappy(x, seed=3), gappy(y, seed=4)
    both = np.isfinite(x) & np.isfinite(y)
    found = a.associate(x, y)
    assert found.r == pytest.approx(stats.pearsonr(x[both], y[both])[0], abs=1e-12)
    assert found.rank == pytest.approx(stats.spearmanr(x[both], y[both])[0], abs=1e-12)
    assert found.p_naive == pytest.approx(stats.pearsonr(x[both], y[both])[1], rel=1e-9)
    assert found.n == both.sum()


@pytest.mark.parametrize("held", [1, 2])
def test_partial_r_is_pingouins(held: int) -> None:
    rng = np.random.default_rng(5)
    z = rng.standard_normal((held, 400))
    x = z.sum(0) + rng.standard_normal(400)
    y = 0.5 * x - z.sum(0) + rng.standard_normal(400)
    table = pd.DataFrame({"x": x, "y": y} | {f"z{i}": z[i] for i in range(held)})
    names = [f"z{i}" for i in range(held)]
    found = a.associate(x, y, list(z))
    for method, value in (("pearson", found.r), ("spearman", found.rank)):
        expected = pingouin.partial_corr(table, "x", "y", names, method=method)["r"].iloc[0]
        assert value == pytest.approx(expected, abs=1e-9)
    textbook = pingouin.partial_corr(table, "x", "y", names)
    column = next(name for name in textbook.columns if name.startswith("p"))
    assert found.p_naive == pytest.approx(textbook[column].iloc[0], rel=1e-6)


def test_p_with_every_pair_independent_is_the_textbooks() -> None:
    for r, n in ((0.3, 50), (-0.7, 12), (0.0, 30)):
        t = r * np.sqrt((n - 2) / (1 - r * r))
        assert a.p_value(r, n) == pytest.approx(2 * stats.t.sf(abs(t), n - 2), rel=1e-12)
    assert np.isnan(a.p_value(0.5, 2.5))


def test_adjusted_p_are_statsmodels() -> None:
    p = np.array([0.001, 0.2, np.nan, 0.04, 0.04, 0.9])
    good = np.isfinite(p)
    found = a.benjamini_hochberg(p)
    assert found[good] == pytest.approx(multipletests(p[good], method="fdr_bh")[1], rel=1e-12)
    assert np.isnan(found[~good]).all()


def test_interval_of_r_is_the_jackknife_by_hand() -> None:
    """Six blocks, arctanh, Student's t with five degrees of freedom (2.5706, any table), the factor of memory."""
    rng = np.random.default_rng(6)
    x, y = rng.standard_normal((2, 120))
    y += x
    blocks = np.split(np.arange(120), 6)
    without = [np.arctanh(np.corrcoef(np.delete(x, b), np.delete(y, b))[0, 1]) for b in blocks]
    se = np.sqrt(5 / 6 * ((np.array(without) - np.mean(without)) ** 2).sum())
    centre = np.arctanh(np.corrcoef(x, y)[0, 1])
    se *= memory_factor(min(effective_number(u, v).n_eff for u, v in ((x, x), (y, y), (x, y))))
    found = a.associate(x, y)
    assert found.lower == pytest.approx(np.tanh(centre - 2.570582 * se), abs=1e-6)
    assert found.upper == pytest.approx(np.tanh(centre + 2.570582 * se), abs=1e-6)


@pytest.mark.parametrize(("n_eff", "factor"), [(10, 1.20), (50, 1.03), (1e6, 1.0)])
def test_factor_of_memory_is_what_six_blocks_of_ar1_lack(n_eff: float, factor: float) -> None:
    """Variances of means summed term by term from the covariances of AR(1), against the closed form."""
    theta = 200.0  # slots; fine against 1
    n = round(min(2 * theta * n_eff, 240_000))
    rho = np.exp(-np.arange(n) / theta)

    def variance(length: int) -> float:
        return float((1 + 2 * ((1 - np.arange(1, length) / length) * rho[1:length]).sum()) / length)

    by_terms = np.sqrt(variance(n) * 5 / (variance(n // 6) - variance(n)))
    assert memory_factor(n_eff) == pytest.approx(by_terms, rel=0.01)
    assert memory_factor(n_eff) == pytest.approx(factor, abs=0.005)
    assert memory_factor(np.inf) == 1.0


@pytest.mark.parametrize(
    ("x", "y", "code"),
    [
        (np.arange(20.0), np.arange(20.0), "few_pairs"),
        (np.full(200, 7.0), np.arange(200.0), "constant"),
        (np.full(200, np.nan), np.arange(200.0), "few_pairs"),
        (np.cumsum(np.ones(200)), np.cumsum(np.ones(200)) ** 2, "n_eff"),
    ],
)
def test_what_cannot_be_said_is_withheld_with_its_reason(x: np.ndarray, y: np.ndarray, code: str) -> None:
    found = a.associate(x, y)
    assert found.refusal is not None
    assert found.refusal.code == code
    assert found.refusal.message
    assert translate(found.refusal.message, "zh") != found.refusal.message
    assert np.isnan([found.p, found.lower, found.upper]).all()


def test_a_perfect_line_has_r_one() -> None:
    x = np.random.default_rng(7).standard_normal(300)
    found = a.associate(x, -2 * x + 5)
    assert found.r == pytest.approx(-1, abs=1e-12)
    assert found.rank == pytest.approx(-1, abs=1e-12)


@settings(max_examples=40)
@given(
    gain=st.floats(0.01, 1000),
    shift=st.floats(-1e4, 1e4),
    seed=st.integers(0, 10_000),
    sign=st.sampled_from([1, -1]),
)
def test_units_do_not_matter(gain: float, shift: float, seed: int, sign: int) -> None:
    rng = np.random.default_rng(seed)
    x, y = rng.standard_normal((2, 90))
    one, other = a.associate(x, y), a.associate(sign * gain * x + shift, y)
    assert other.r == pytest.approx(sign * one.r, abs=1e-6)
    assert other.p == pytest.approx(one.p, rel=1e-4)


def test_independent_records_are_found_related_as_often_as_said() -> None:
    """At 5 %: 600 pairs of unrelated AR(1); bounds: binomial, 99.9 %.

    Beside it the textbook's p: r spreads as sqrt((1 + phi^2)/(1 - phi^2)/n), so at phi = 0.95 it calls
    P(|Z| > 1.96/sqrt(19.5)) = 0.66 of them significant.
    """
    rng = np.random.default_rng(8)
    low, high = stats.binom.interval(0.999, 600, 0.05)
    for phi, naive in ((0.0, 0.05), (0.95, 0.66)):
        x, y = ar1(rng, phi, (2, 600, 1000))
        r = a.correlation(x, y)
        n, n_eff, _ = effective_numbers(x, y)
        rejected = int((a.p_value(r, n_eff) < 0.05).sum())
        assert low <= rejected <= high, phi
        wrongly = float((a.p_value(r, n) < 0.05).mean())
        assert wrongly == pytest.approx(naive, abs=0.07 if phi else 0.03)
