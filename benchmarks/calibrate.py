"""Calibration by simulation: do tests reject 5 % of the time when nothing is there, do 95 % intervals cover?

    make calibrate                                                  everything, about 40 minutes of one core
    python -m benchmarks.calibrate --part tests --repetitions 500

Independent AR(1) pairs with every phi, with and without gaps and a shared daily cycle; then pairs, partial
correlations, Q10 and lags with a known answer. Prints one line a case; exit code 1 when one is out of bounds. With
``--table FILE`` the table goes to a file as well, part by part; parts that were not run stay as they are in it.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import product
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.signal import lfilter

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.calibrate_flux import LEAST, MOST, production_coverage
from benchmarks.calibrate_lag import lag_coverage
from soilco2.analysis.frames.scales import without_mean_day
from soilco2.analysis.soil_response.temperature import Q10, q10
from soilco2.analysis.soil_response.water_classes import q10_by_water, ratio_of
from soilco2.analysis.statistics.correlation import associate, correlation, p_value, partial_from_moments
from soilco2.analysis.statistics.effective_sample_size import effective_numbers
from soilco2.analysis.statistics.intervals import block_bootstrap, day_block_sums
from soilco2.analysis.statistics.surrogates import day_shift_test

SLOTS = 24
PHIS = (0.0, 0.5, 0.9, 0.95, 0.98, 0.99)
MANY, FEW, COMPARED = 4000, 1000, 250
"""Repetitions of a case: of tests, of intervals, of the methods shown beside an interval."""


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


class Case(NamedTuple):
    """One simulated situation: hourly records of `n` values."""

    part: str
    n: int
    phi: float
    gaps: bool
    cycle: bool
    noise: float = 0.0

    @property
    def label(self) -> str:
        """In words."""
        if self.part == "production":
            return f"sensors off by {self.noise:g} mm"
        extra = (", gaps" if self.gaps else "") + (", daily cycle" if self.cycle else "")
        extra += f", noise {self.noise:g}" if self.noise else ""
        return f"n {self.n}, phi {self.phi:.2f}{extra}"


Numbers = dict[str, float]


def rejections(case: Case, count: int, rng: np.random.Generator) -> tuple[Numbers, bool]:
    """Shares of rejections at 5 % [%] among independent pairs."""
    n = case.n - case.n % SLOTS
    wave = 2.0 * np.cos(2 * np.pi * np.arange(n) / SLOTS)
    rejected = dict.fromkeys(
        ("as if independent", "lag-1 n_eff", "n_eff, K 2 days", "n_eff", "day shifts"), 0
    )
    answered = 0
    for first in range(0, count, 100):
        size = min(100, count - first)
        x, y = ar1(case.phi, n, size, rng), ar1(case.phi, n, size, rng)
        if case.cycle:
            x, y = x + wave, y + 0.7 * wave
        if case.gaps:
            x, y = with_gaps(x, rng), with_gaps(y, rng)
        rejected["day shifts"] += sum(
            day_shift_test(a, b, SLOTS).p <= 0.05 for a, b in zip(x, y, strict=True)
        )
        if case.cycle:
            x = np.stack([without_mean_day(a, SLOTS) for a in x])
            y = np.stack([without_mean_day(b, SLOTS) for b in y])
        r = correlation(x, y)
        m, n_eff, lag1 = effective_numbers(x, y)
        short = effective_numbers(x, y, 2 * SLOTS)[1] if first < FEW else np.full(size, np.nan)
        smallest = np.minimum(n_eff, np.minimum(effective_numbers(x, x)[1], effective_numbers(y, y)[1]))
        sizes = {"as if independent": m, "lag-1 n_eff": lag1, "n_eff, K 2 days": short, "n_eff": n_eff}
        for name, number in sizes.items():
            rejected[name] += int((p_value(r, number) <= 0.05).sum())
        answered += int((smallest >= 10).sum())
    shares = {name: 100 * k / count for name, k in rejected.items()}
    shares["n_eff, K 2 days"] *= count / min(count, FEW)
    good = 4.0 <= shares["n_eff"] <= 6.0 and 4.0 <= shares["day shifts"] <= 6.0
    return shares | {"n_eff of 10 or more": 100 * answered / count}, good


def r_coverage(case: Case, count: int, rng: np.random.Generator) -> tuple[Numbers, bool]:
    """Coverage of intervals of r (true value 0.6) and partial r (0.5) [%]."""
    inside = dict.fromkeys(("textbook", "bootstrap", "jackknife"), 0)
    answered = compared = 0
    held = case.part == "partial r"
    truth = 0.5 if held else 0.6
    for turn in range(count):
        x, z, e = ar1(case.phi, case.n, 3, rng)
        y = truth * x + np.sqrt(1 - truth**2) * e
        if held:
            x, y = 0.7 * z + np.sqrt(0.51) * x, 0.6 * z + 0.8 * y
        if case.gaps:
            x = with_gaps(x[None], rng)[0]
        answer = associate(x, y, [z] if held else [])
        if answer.refusal is not None:
            continue
        answered += 1
        inside["jackknife"] += answer.lower <= truth <= answer.upper
        if turn >= COMPARED:
            continue
        compared += 1
        reach = 1.96 / np.sqrt(answer.n - 3 - held)
        inside["textbook"] += abs(np.arctanh(answer.r) - np.arctanh(truth)) <= reach
        where = np.flatnonzero(np.isfinite(x))
        columns = np.stack([np.ones(where.size), x[where], y[where], *([z[where]] if held else [])], axis=-1)
        moments = (columns[:, :, None] * columns[:, None, :]).reshape(where.size, -1)
        sums = day_block_sums(moments, where // SLOTS, 5)
        low, high = np.nanquantile(block_bootstrap(sums, partial_from_moments, 400, rng), (0.025, 0.975))
        inside["bootstrap"] += low <= truth <= high
    shares = {
        name: 100 * k / max(answered if name == "jackknife" else compared, 1) for name, k in inside.items()
    }
    good = 93.0 <= shares["jackknife"] <= 97.0 or answered < 0.1 * count
    return shares | {"answered": 100 * answered / count}, good


TRUE_Q10 = (1.5, 2.0, 2.5)
LIMITS = (-0.43, 0.43)


def q10_coverage(case: Case, count: int, rng: np.random.Generator) -> tuple[Numbers, bool]:
    """Coverage of intervals of Q10: both fits, whole (2.0) and by water class (1.5, 2.0, 2.5), and of the ratio [%].

    Temperature with memory of its own, water that falls as it rises, residuals of ln R with memory.
    """
    n = case.n - case.n % SLOTS
    wave = 8.0 * np.cos(2 * np.pi * np.arange(n) / SLOTS) * case.cycle
    rates = np.log(TRUE_Q10) / 10
    inside: dict[str, list[bool]] = {}

    def note(name: str, answer: Q10, truth: float) -> None:
        if answer.refusal is None:
            inside.setdefault(name, []).append(answer.lower <= truth <= answer.upper)

    asked = 0
    for _ in range(count):
        t, w, e = ar1(case.phi, n, 3, rng)
        T, W = 20 + wave + (4.0 if case.cycle else 6.0) * t, -0.5 * t + np.sqrt(0.75) * w
        index = np.searchsorted(LIMITS, W)
        whole = 2.0 * np.exp(rates[1] * (T - 20) + 0.4 * e)
        classed = (1.0 + index) * np.exp(rates[index] * (T - 20) + 0.4 * e)
        if case.gaps:
            T = with_gaps(T[None], rng)[0]
        asked += 3
        for kind in ("log", "values"):
            note(f"{kind}", q10(whole, T, SLOTS, kind=kind), 2.0)
            answers = q10_by_water(classed, T, W, SLOTS, kind=kind, limits=LIMITS)
            for answer, truth in zip(answers, TRUE_Q10, strict=True):
                note(f"{kind}, class", answer, truth)
            _, low, high = ratio_of(answers[0], answers[2])
            if np.isfinite(low):
                inside.setdefault(f"{kind}, ratio", []).append(low <= 2.5 / 1.5 <= high)
    shares = {name: 100 * float(np.mean(found)) for name, found in inside.items()}
    good = all(93.0 <= share <= 97.0 for name, share in shares.items() if "ratio" not in name)
    return shares | {"classes answered": 100 * len(inside.get("values, class", [])) / asked}, good


def lags(case: Case, count: int, rng: np.random.Generator) -> tuple[Numbers, bool]:
    """Coverage of intervals of the lag (:mod:`benchmarks.calibrate_lag`) [%]."""
    found = lag_coverage(case.phi, case.noise, case.n // SLOTS, case.gaps, count, rng)
    shares = {"jackknife": found["covered"], "answered": found["answered"]}
    return shares, 93.0 <= found["covered"] <= 97.0 or found["answered"] < 10


def production(case: Case, count: int, rng: np.random.Generator) -> tuple[Numbers, bool]:
    """Coverage of intervals of production by the inverse (:mod:`benchmarks.calibrate_flux`) [%]."""
    found = production_coverage(case.noise, 2 * count, rng)
    return found, LEAST <= found["production"] <= MOST


PARTS: dict[str, Callable[[Case, int, np.random.Generator], tuple[Numbers, bool]]] = {
    "tests": rejections,
    "r": r_coverage,
    "partial r": r_coverage,
    "q10": q10_coverage,
    "lag": lags,
    "production": production,
}
NOTES = {
    "tests": f"The column with K of 2 days: the first {FEW}. By chance a share of 5 % spreads by 0.34 % with 4000 "
    "repetitions (one standard deviation).",
    "r": "By chance a coverage of 95 % spreads by 0.7 % with 1000 repetitions. Jackknife: what the "
    f"results carry. Beside it, of the first {COMPARED}: textbook, Fisher's z of n pairs; bootstrap, percentiles of "
    "400 draws of 5-day blocks.",
    "partial r": "As above.",
    "lag": "Daily waves that wander from day to day, weather on top, noise with phi and a size in units of the wave; "
    "lags of -2.5, 3.0 and 11.5 h in turn.",
    "production": "Twice as many stations: three sensors at 2, 8 and 20 cm off their depths with the standard "
    "deviation named, production fading over 5 to 50 cm. Production: all layers together; spread: its Monte Carlo "
    "error (one standard deviation; the layers of a station count as one).",
    "q10": "Log: least squares of ln R; values: of R. Ratio: wet class over dry class, true value 1.67.",
}
TITLES = {
    "tests": "Rejections at 5 % of pairs that have nothing to do with each other [%]; asked: 4 to 6",
    "r": "Coverage of 95 % intervals of r, true value 0.6 [%]; asked: 93 to 97",
    "partial r": "Coverage of 95 % intervals of partial r, true value 0.5 [%]; asked: 93 to 97",
    "q10": "Coverage of 95 % intervals of Q10, true values 2.0 and by class 1.5, 2.0, 2.5 [%]; asked: 93 to 97",
    "lag": "Coverage of 95 % intervals of the lag [%]; asked: 93 to 97",
    "production": "Coverage of 95 % intervals of production by the inverse [%]; asked of all layers together: 93 to 97",
}


def cases(part: str) -> Iterator[Case]:
    """All situations of one part."""
    both = (False, True)
    if part == "lag":
        for days, gaps, noise, phi in product((30, 200), both, (0.3, 0.8), (0.0, 0.8, 0.95)):
            yield Case(part, days * SLOTS, phi, gaps, cycle=False, noise=noise)
        return
    if part == "production":
        for off_mm in (0.0, 3.0, 8.0):
            yield Case(part, 0, 0.0, gaps=False, cycle=False, noise=off_mm)
        return
    if part == "q10":
        phis: tuple[float, ...] = (0.0, 0.9, 0.98, 0.99)
        for n, phi in product((1000, 5000), phis):
            yield Case(part, n, phi, gaps=False, cycle=True)
        for n in (1000, 5000):
            yield Case(part, n, 0.98, gaps=True, cycle=True)
            yield Case(part, n, 0.95, gaps=False, cycle=False)
        return
    for n, cycle, gaps, phi in product((1000, 5000), both if part == "tests" else (False,), both, PHIS):
        yield Case(part, n, phi, gaps, cycle)


def solve(case: Case, count: int, seed: int) -> tuple[Numbers, bool]:
    """Run one case; its random numbers depend on the seed and on the case alone."""
    words = [seed, case.n, round(1000 * case.phi), case.gaps, case.cycle, list(PARTS).index(case.part)]
    words += [round(10 * case.noise)] if case.noise else []
    return PARTS[case.part](case, count, np.random.default_rng(words))


def main() -> int:
    """Run the parts asked for; 1 when a case is out of bounds."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--part", choices=PARTS, action="append")
    parser.add_argument("--repetitions", type=int, help=f"a case (tests {MANY}, intervals {FEW})")
    parser.add_argument("--seed", type=int, default=20260301)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--table", type=Path, help="write the table there, as Markdown")
    options = parser.parse_args()
    bad, start, sections = 0, time.perf_counter(), {}
    with ProcessPoolExecutor(options.workers) as pool:
        for part in options.part or PARTS:
            asked = list(cases(part))
            count = options.repetitions or (MANY if part == "tests" else FEW)
            runs = [pool.submit(solve, case, count, options.seed) for case in asked]
            lines = [f"## {TITLES[part]}", "", f"{count} repetitions a case. {NOTES[part]}", ""]
            for number, (case, run) in enumerate(zip(asked, runs, strict=True)):
                numbers, good = run.result()
                bad += not good
                if not number:
                    lines += [
                        f"| case | {' | '.join(numbers)} | |",
                        f"| --- |{' ---: |' * len(numbers)} --- |",
                    ]
                values = " | ".join(f"{value:.1f}" for value in numbers.values())
                lines.append(f"| {case.label} | {values} | {'' if good else 'out of bounds'} |")
                text = "  ".join(f"{name} {value:.1f}" for name, value in numbers.items())
                print(f"{'ok ' if good else 'OUT'} {part:<9} {case.label:<38} {text}", flush=True)
            sections[part] = "\n".join(lines)
            if options.table:
                write_table(options.table, sections, options.seed)
    print(f"{bad} cases out of bounds, {time.perf_counter() - start:.0f} s, seed {options.seed}")
    return 1 if bad else 0


def write_table(path: Path, sections: dict[str, str], seed: int) -> None:
    """Write the parts that were run; the others stay as they stand there."""
    old = path.read_text(encoding="utf-8") if path.exists() else ""
    kept = {text.split("\n", 1)[0]: f"## {text}".strip() for text in old.split("\n## ")[1:]}
    head = (
        "# Calibration\n\n"
        f"Made by `make calibrate`, seed {seed}. Hourly records; AR(1) with coefficient phi for an hour; "
        "gaps take 30 %, in runs of 1 to 48 h.\n"
        "What the columns mean and what to learn from them: "
        "[effective sample size](../concepts/effective_sample_size.en.md)."
    )
    body = [sections.get(part) or kept.get(TITLES[part], "") for part in PARTS]
    path.write_text("\n\n".join([head, *filter(None, body)]) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
