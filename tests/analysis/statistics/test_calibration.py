"""A small calibration: a few cases of ``make calibrate``, with bounds wide enough for few repetitions."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from scipy import stats

from benchmarks import calibrate
from benchmarks.calibrate import Case, solve

SEED = 20260301


def bounds(percent: float, count: int) -> tuple[float, float]:
    """99.9 % of binomial shares [%]."""
    low, high = stats.binom.interval(0.999, count, percent / 100)
    return 100 * low / count, 100 * high / count


@pytest.mark.parametrize("cycle", [False, True])
@pytest.mark.parametrize("gaps", [False, True])
def test_pairs_that_have_nothing_to_do_with_each_other_are_rejected_as_often_as_said(
    gaps: bool, cycle: bool
) -> None:
    """Beside it the textbook's p, wrong in about two of three at phi = 0.95 (fewer where gaps thin the record)."""
    shares, _ = solve(Case("tests", 1000, 0.95, gaps, cycle), 300, SEED)
    low, high = bounds(5, 300)
    assert low <= shares["n_eff"] <= high
    assert low <= shares["day shifts"] <= high
    assert shares["as if independent"] > 50


def test_a_short_truncation_rejects_too_often_in_a_long_memory() -> None:
    shares, _ = solve(Case("tests", 1000, 0.99, False, False), 400, SEED)
    assert shares["n_eff, K 2 days"] > shares["n_eff"]
    assert shares["n_eff"] <= bounds(5, 400)[1]


@pytest.mark.parametrize("part", ["r", "partial r"])
@pytest.mark.parametrize("phi", [0.0, 0.98])
def test_intervals_of_r_cover_where_the_textbooks_do_not(part: str, phi: float) -> None:
    shares, _ = solve(Case(part, 1000, phi, False, False), 150, SEED)
    assert shares["jackknife"] >= bounds(95, 150)[0]
    if phi:
        assert shares["textbook"] < 50


def test_intervals_of_q10_cover() -> None:
    shares, _ = solve(Case("q10", 1000, 0.9, False, True), 80, SEED)
    for name in ("log", "values"):
        assert shares[name] >= bounds(95, 80)[0]
        assert shares[f"{name}, class"] >= bounds(95, 240)[0]
        assert shares[f"{name}, ratio"] >= bounds(95, 80)[0]
    assert shares["classes answered"] > 95


def test_the_same_seed_gives_the_same_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(calibrate, "cases", lambda part: iter([Case(part, 1000, 0.5, False, False)]))
    texts = []
    for name in ("a.md", "b.md"):
        arguments = [
            "--part",
            "tests",
            "--repetitions",
            "20",
            "--workers",
            "1",
            "--table",
            str(tmp_path / name),
        ]
        monkeypatch.setattr(sys, "argv", ["calibrate", *arguments])
        assert calibrate.main() in (0, 1)
        texts.append((tmp_path / name).read_text(encoding="utf-8"))
    assert texts[0] == texts[1]
    assert "20 repetitions a case" in texts[0]
    assert "| n 1000, phi 0.50 |" in texts[0]
    assert "tests" in capsys.readouterr().out
