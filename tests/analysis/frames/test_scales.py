"""The three scales and the surrogates: exact on made-up courses, brute force beside the fast way."""

from __future__ import annotations

import numpy as np
import pytest

from soilco2.analysis.errors import DataError
from soilco2.analysis.frames.scales import (
    as_days,
    daily_mean,
    day_to_day,
    mean_day,
    running_mean,
    within_day,
    without_mean_day,
)
from soilco2.analysis.statistics.correlation import correlation
from soilco2.analysis.statistics.intervals import block_bootstrap, block_sums, jackknife, jackknife_se
from soilco2.analysis.statistics.surrogates import day_shift_test, phase_test, shifted_correlations

SLOTS = 48


def made_up(days: int = 40) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Level by day, and a sine of the day: (sum, level, sine)."""
    level = np.repeat(5.0 + 0.1 * np.arange(days), SLOTS)
    sine = np.tile(np.sin(2 * np.pi * np.arange(SLOTS) / SLOTS), days)
    return level + sine, level, sine


def test_within_the_day_a_sine_is_left_as_it_is() -> None:
    _, _, sine = made_up()
    inside = slice(SLOTS, -SLOTS)
    assert within_day(7.0 + sine, SLOTS)[inside] == pytest.approx(sine[inside], abs=1e-9)


def test_the_mean_course_of_the_day_is_taken_out_exactly() -> None:
    x, level, sine = made_up()
    assert mean_day(sine, SLOTS) == pytest.approx(sine[:SLOTS], abs=1e-12)
    assert without_mean_day(x, SLOTS) == pytest.approx(level - level.mean(), abs=1e-9)


def test_daily_means_with_and_without_gaps() -> None:
    x, level, _ = made_up()
    assert daily_mean(x, SLOTS) == pytest.approx(level[::SLOTS], abs=1e-9)
    x = x.copy()
    x[3 * SLOTS : 3 * SLOTS + 10] = np.nan  # the warm hours: a plain mean would be too low
    found = daily_mean(x, SLOTS)
    assert found[3] == pytest.approx(level[3 * SLOTS], abs=0.02)
    assert np.nanmean(x[3 * SLOTS : 4 * SLOTS]) < level[3 * SLOTS] - 0.1
    x[5 * SLOTS : 5 * SLOTS + 13] = np.nan  # 35 of 48: below three quarters
    assert np.isnan(daily_mean(x, SLOTS)[5])


def test_from_day_to_day_a_straight_line_is_nothing() -> None:
    x, _, _ = made_up()
    assert day_to_day(x, SLOTS)[7:-7] == pytest.approx(0.0, abs=1e-9)


def test_a_gap_is_never_filled() -> None:
    x, _, _ = made_up()
    x = x.copy()
    x[1000:1010] = np.nan
    assert np.isnan(within_day(x, SLOTS)[1000:1010]).all()
    assert np.isnan(without_mean_day(x, SLOTS)[1000:1010]).all()


def test_running_mean_is_the_weighted_mean_of_what_is_there() -> None:
    x = np.array([1.0, 2.0, np.nan, 4.0, 8.0])
    # by hand, weights 1 2 1: at 1 (1*1 + 2*2)/3, at 3 (2*4 + 1*8)/3
    found = running_mean(x, [1, 2, 1], 0.5)
    assert found[1] == pytest.approx(5 / 3)
    assert found[3] == pytest.approx(16 / 3)
    assert np.isnan(running_mean(x, [1, 2, 1], 0.9)[1])


def test_a_part_of_a_day_is_refused() -> None:
    with pytest.raises(DataError, match="whole number of days"):
        as_days(np.zeros(50), SLOTS)


@pytest.mark.parametrize("gaps", [False, True])
def test_day_shifts_are_rolls_by_whole_days(gaps: bool) -> None:
    rng = np.random.default_rng(1)
    x, y = rng.standard_normal((2, 12 * 6)).cumsum(-1)
    if gaps:
        x[rng.random(72) < 0.2] = np.nan
        y[rng.random(72) < 0.2] = np.nan
    found = shifted_correlations(x, y, 6)
    for k in range(12):
        rolled = np.roll(y.reshape(12, 6), k, axis=0).reshape(-1)
        assert found[k] == pytest.approx(float(correlation(x, rolled)), abs=1e-10)
    test = day_shift_test(x, y, 6)
    assert test.p == pytest.approx(np.mean(np.abs(found) >= abs(found[0]) - 1e-12))
    assert test.shifts == 12


def test_a_shared_day_does_not_count_but_the_very_day_does() -> None:
    rng = np.random.default_rng(2)
    sine = np.tile(np.sin(2 * np.pi * np.arange(24) / 24), 60)
    x, y = sine + 0.3 * rng.standard_normal((2, sine.size))
    assert correlation(x, y) > 0.8
    assert day_shift_test(x, y, 24).p > 0.05
    day = np.repeat(rng.standard_normal(60), 24)
    assert day_shift_test(x + day, y + day, 24).p == pytest.approx(1 / 60)


def test_phase_surrogates() -> None:
    rng = np.random.default_rng(3)
    x = rng.standard_normal(400).cumsum()
    assert phase_test(x, x + 0.1 * rng.standard_normal(400), 499, rng).p <= 0.02
    # unrelated white records: p is spread evenly
    p = [phase_test(*rng.standard_normal((2, 64)), 99, rng).p for _ in range(300)]
    assert 0.4 < np.mean(p) < 0.6
    with pytest.raises(DataError, match="without gaps"):
        phase_test(np.array([1.0, np.nan, 2.0]), np.ones(3), 9, rng)


def test_jackknife_of_a_mean_is_the_spread_of_the_block_means() -> None:
    x = np.random.default_rng(4).standard_normal(60)
    sums = block_sums(np.stack([np.ones(60), x], axis=-1), 6)
    means = x.reshape(6, 10).mean(1)
    found = jackknife(sums, lambda s: s[..., 1] / s[..., 0])
    assert found.value == pytest.approx(x.mean())
    assert found.se == pytest.approx(means.std(ddof=1) / np.sqrt(6))
    assert jackknife_se([1.0, 1.0, 1.0]) == 0.0


def test_bootstrap_draws_whole_blocks() -> None:
    rng = np.random.default_rng(5)
    sums = np.array([[1.0, 0.0], [1.0, 1.0]])  # two blocks: a mean can only be 0, 1/2 or 1
    found = block_bootstrap(sums, lambda s: s[..., 1] / s[..., 0], 400, rng)
    values, counts = np.unique(found, return_counts=True)
    assert values.tolist() == [0.0, 0.5, 1.0]
    assert counts / 400 == pytest.approx([0.25, 0.5, 0.25], abs=0.1)
