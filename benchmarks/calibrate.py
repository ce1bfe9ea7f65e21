"""Calibration by simulation: do tests reject 5 % of the time when nothing is there, do 95 % intervals cover?

    make calibrate                          everything, about a quarter of an hour on two cores
    python benchmarks/calibrate.py --part tests --repetitions 500

Independent AR(1) pairs with every phi, with and without gaps and a shared daily cycle; then pairs, partial
correlations, Q10 and lags with a known answer. Prints one line a case; exit code 1 when one is out of bounds.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from scipy.signal import lfilter

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from analysis.association import associate, correlation, p_value
from analysis.memory import effective_numbers
from analysis.scales import without_mean_day
from analysis.surrogates import day_shift_test

SLOTS = 24
PHIS = (0.0, 0.5, 0.9, 0.95, 0.98, 0.99)


def ar1(phi: float, n: int, count: int, rng: np.random.Generator) -> np.ndarray:
    """Stationary AR(1) series of unit variance, shape (count, n)."""
    noise = rng.standard_normal((count, n)) * np.sqrt(1 - phi**2)
    start = rng.standard_normal((count, 1))
    return lfilter([1.0], [1.0, -phi], noise, axis=1, zi=phi * start)[0]


def with_gaps(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The series with about 30 % missing: gaps of 1 to 48 slots."""
    x = x.copy()
    for row in x:
        gone = 0
        while gone < 0.3 * row.size:
            first, size = rng.integers(row.size), rng.integers(1, 49)
            gone += int(np.isfinite(row[first : first + size]).sum())
            row[first : first + size] = np.nan
    return x


def rejection_case(
    phi: float, n: int, gaps: bool, cycle: bool, count: int, rng: np.random.Generator
) -> dict[str, float]:
    """Shares of rejections at 5 % [%] among `count` independent pairs."""
    naive = eff = answered = eff_answered = shift = lag1 = 0
    n -= n % SLOTS
    wave = 2.0 * np.cos(2 * np.pi * np.arange(n) / SLOTS)
    for first in range(0, count, 100):
        size = min(100, count - first)
        x, y = ar1(phi, n, size, rng), ar1(phi, n, size, rng)
        if cycle:
            x, y = x + wave, y + 0.7 * wave
        if gaps:
            x, y = with_gaps(x, rng), with_gaps(y, rng)
        shift += sum(day_shift_test(a, b, SLOTS).p <= 0.05 for a, b in zip(x, y, strict=True))
        if cycle:
            x = np.stack([without_mean_day(a, SLOTS) for a in x])
            y = np.stack([without_mean_day(b, SLOTS) for b in y])
        r = correlation(x, y)
        m, n_eff, first_order = effective_numbers(x, y)
        smallest = np.minimum(n_eff, np.minimum(effective_numbers(x, x)[1], effective_numbers(y, y)[1]))
        p = p_value(r, n_eff)
        naive += int((p_value(r, m) <= 0.05).sum())
        lag1 += int((p_value(r, first_order) <= 0.05).sum())
        eff += int((p <= 0.05).sum())
        answered += int((smallest >= 10).sum())
        eff_answered += int(((p <= 0.05) & (smallest >= 10)).sum())
    return {
        "naive": 100 * naive / count,
        "lag-1": 100 * lag1 / count,
        "n_eff": 100 * eff / count,
        "answered": 100 * answered / count,
        "of answered": 100 * eff_answered / max(answered, 1),
        "day shifts": 100 * shift / count,
    }


def tests(count: int, rng: np.random.Generator) -> Iterator[tuple[str, dict[str, float], bool]]:
    """Rejections of independent pairs."""
    for n in (1000, 5000):
        for cycle in (False, True):
            for gaps in (False, True):
                for phi in PHIS:
                    result = rejection_case(phi, n, gaps, cycle, count, rng)
                    good = 4.0 <= result["n_eff"] <= 6.0 and 4.0 <= result["day shifts"] <= 6.0
                    label = f"n={n} phi={phi:.2f}{' gaps' if gaps else ''}{' cycle' if cycle else ''}"
                    yield label, result, good


def correlation_coverage(
    phi: float, n: int, held: bool, gaps: bool, count: int, rng: np.random.Generator
) -> dict[str, float]:
    """Coverage of the interval of r, or of a partial r, with the true value 0.6 or 0.5."""
    inside = answered = 0
    for _ in range(count):
        x, z, e = ar1(phi, n, 3, rng)
        truth = 0.5 if held else 0.6
        if held:
            x = 0.7 * z + np.sqrt(1 - 0.49) * x
            rest = (x - 0.7 * z) / np.sqrt(1 - 0.49)
            y = 0.6 * z + 0.8 * (truth * rest + np.sqrt(1 - truth**2) * e)
        else:
            y = truth * x + np.sqrt(1 - truth**2) * e
        if gaps:
            x = with_gaps(x[None], rng)[0]
        answer = associate(x, y, [z] if held else [])
        if answer.refusal is None:
            answered += 1
            inside += answer.lower <= truth <= answer.upper
    return {"answered": 100 * answered / count, "covered": 100 * inside / max(answered, 1)}


def intervals(count: int, rng: np.random.Generator) -> Iterator[tuple[str, dict[str, float], bool]]:
    """Coverage of the intervals of r and partial r."""
    for n in (1000, 5000):
        for held in (False, True):
            for gaps in (False, True):
                for phi in PHIS:
                    result = correlation_coverage(phi, n, held, gaps, count, rng)
                    good = 93.0 <= result["covered"] <= 97.0 or result["answered"] < 10
                    name = "partial r" if held else "r"
                    yield f"{name} n={n} phi={phi:.2f}{' gaps' if gaps else ''}", result, good


PARTS: dict[str, Callable[[int, np.random.Generator], Iterator[tuple[str, dict[str, float], bool]]]] = {
    "tests": tests,
    "intervals": intervals,
}


def main() -> int:
    """Run the parts asked for; 1 when a case is out of bounds."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--part", choices=PARTS, action="append")
    parser.add_argument("--repetitions", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=20260301)
    options = parser.parse_args()
    bad = 0
    start = time.perf_counter()
    for part in options.part or PARTS:
        for label, result, good in PARTS[part](options.repetitions, np.random.default_rng(options.seed)):
            numbers = "  ".join(f"{name} {value:5.1f} %" for name, value in result.items())
            print(f"{'ok ' if good else 'OUT'} {label:<34} {numbers}", flush=True)
            bad += not good
    print(f"{bad} cases out of bounds, {time.perf_counter() - start:.0f} s, seed {options.seed}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
