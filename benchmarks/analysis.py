"""Speed of the statistical analyses: Agua Amarga in full, and many station-years on two workers beside one.

Run: ``python -m benchmarks.analysis`` (all), ``… agua``, ``… loops``, ``… years [N]``. A synthetic station-year is
365 days of half hours of CO2, temperature and water at three depths made from AR(1) noise and a daily wave: the work is
that of a real one, the numbers mean nothing.
"""

from __future__ import annotations

import multiprocessing
import os
import resource
import sys
import time
from concurrent.futures import Executor, ProcessPoolExecutor
from pathlib import Path

os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
from scipy.signal import lfilter

from soilco2.analysis.frames.build import from_table
from soilco2.analysis.frames.frame import Column, Frame, Site
from soilco2.analysis.jobs import present
from soilco2.analysis.jobs.base import Options
from soilco2.analysis.jobs.run import run_jobs
from soilco2.analysis.statistics.correlation import partial_from_moments
from soilco2.analysis.statistics.effective_sample_size import effective_number
from soilco2.analysis.statistics.intervals import block_bootstrap, day_block_sums
from soilco2.analysis.statistics.surrogates import day_shift_test
from soilco2.quality.records import SeriesKey
from tests.analysis.data import agua_amarga

DAYS, SLOTS = 365, 48


def station_year(seed: int) -> Frame:
    """A year of one made-up station."""
    rng = np.random.default_rng(seed)
    n = DAYS * SLOTS
    wave = np.sin(2 * np.pi * np.arange(n) / SLOTS)

    def noise() -> np.ndarray:
        return lfilter([1.0], [1.0, -0.98], rng.standard_normal(n)) * np.sqrt(1 - 0.98**2)

    columns = []
    for depth in (0.05, 0.10, 0.20):
        for variable, level, spread, daily in (
            ("co2", 800.0, 60.0, 40.0),
            ("soil_temperature", 20.0, 4.0, 6.0),
            ("soil_water", 0.12, 0.03, 0.0),
        ):
            values = level + spread * noise() + daily * wave
            key = SeriesKey(f"s{seed}", "p1", f"d{100 * depth:g}", variable)
            columns.append(Column(key, depth, values, 0.25, 0.01, n))
    return Frame(f"s{seed}", 1_767_225_600_000_000, 86_400 // SLOTS, tuple(columns), Site())


def agua() -> None:
    """Every job on Agua Amarga: time of each, and memory."""
    (frame,) = from_table(agua_amarga(), site=Site(longitude=-2.25))
    whole = time.process_time()
    for name in present():
        begin, wall = time.process_time(), time.perf_counter()
        (done,) = run_jobs([frame], [name], Options())
        rows = len(done.outcome.rows) if done.outcome else done.error
        print(f"{name:12s} {time.process_time() - begin:7.2f} s processor {time.perf_counter() - wall:7.2f} s wall, "
              f"{rows} rows")  # fmt: skip
    rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{'all':12s} {time.process_time() - whole:7.2f} s processor; limit 30 s; {rss:.0f} MB; limit 500 MB"
    )


def loops() -> None:
    """Effective number, day shifts and bootstrap beside plain loops over pandas: how much faster, and how far apart."""
    import pandas as pd

    rng = np.random.default_rng(1)
    n = 40 * SLOTS
    x, y = (lfilter([1.0], [1.0, -0.95], rng.standard_normal(n)) for _ in range(2))
    x[rng.random(n) < 0.1] = np.nan
    here = np.isfinite(x)
    a, b = pd.Series(x), pd.Series(np.where(here, y, np.nan))

    def neff_loop() -> float:
        present = pd.Series(here.astype(float))
        za, zb = a - a.mean(), b - b.mean()

        def rho(z: pd.Series, later: pd.Series) -> float:
            return float(
                (z * later).sum() / np.sqrt((z**2 * later.notna()).sum() * (later**2 * z.notna()).sum())
            )

        total = 1.0
        for k in range(1, n // 4 + 1):
            pairs = (present * present.shift(k, fill_value=0.0)).sum()
            total += 2 * pairs / here.sum() * rho(za, za.shift(k)) * rho(zb, zb.shift(k))
        return float(here.sum() / total)

    def shifts_loop() -> float:
        r = [a.corr(pd.Series(np.roll(y, k * SLOTS))) for k in range(n // SLOTS)]
        return float(np.mean(np.abs(r) >= abs(r[0]) - 1e-12))

    days = np.flatnonzero(here) // SLOTS
    columns = np.stack([np.ones(days.size), x[here], y[here]], axis=-1)
    sums = day_block_sums((columns[:, :, None] * columns[:, None, :]).reshape(days.size, -1), days, 5)
    draws, blocks = 400, 8

    def bootstrap_loop() -> float:
        table = pd.DataFrame({"x": x[here], "y": y[here], "block": days // 5})
        parts = [part for _, part in table.groupby("block")]
        draw = np.random.default_rng(2)
        found = []
        for _ in range(draws // 256 + 1):
            size = min(256, draws - len(found))
            for weights in draw.multinomial(blocks, np.full(blocks, 1 / blocks), size=size):
                drawn = pd.concat([p for p, w in zip(parts, weights, strict=True) for _ in range(w)])
                found.append(drawn["x"].corr(drawn["y"]))
        return float(np.mean(found))

    for name, plain, fast in (
        ("effective number", neff_loop, lambda: effective_number(x, np.where(here, y, np.nan)).n_eff),
        ("day shifts", shifts_loop, lambda: day_shift_test(x, y, SLOTS).p),
        ("bootstrap", bootstrap_loop, lambda: float(
            block_bootstrap(sums, partial_from_moments, draws, np.random.default_rng(2)).mean())),
    ):  # fmt: skip
        begin = time.process_time()
        slow_answer = plain()
        slow = time.process_time() - begin
        fast()
        begin = time.process_time()
        for _ in range(20):
            answer = fast()
        quick = (time.process_time() - begin) / 20
        print(f"{name:17s} loop {slow:7.2f} s, vectorised {1000 * quick:7.2f} ms, {slow / quick:6.0f} x; "
              f"{slow_answer:.6f} and {answer:.6f}", flush=True)  # fmt: skip


def answers(count: int, executor: Executor | None) -> tuple[float, list[float | None]]:
    """Wall time of the correlation of `count` station-years [s], and their values; 50 of them in memory at a time."""
    values: list[float | None] = []
    spent = 0.0
    for first in range(0, count, 50):
        frames = [station_year(seed) for seed in range(first, min(first + 50, count))]
        begin = time.perf_counter()
        for done in run_jobs(frames, ["correlation"], Options(), executor):
            values += [r.value for r in done.outcome.rows] if done.outcome else [None]
        spent += time.perf_counter() - begin
    return spent, values


def _warm(_: int) -> int:
    station_year(0)
    return os.getpid()


def years(count: int) -> None:
    """Station-years by a pool and by Dask, two workers beside one."""
    warm = station_year(0)
    expected: list[float | None] = []
    single: dict[str, float] = {}
    for kind in ("process pool", "dask"):
        for workers in (1, 2):
            if kind == "dask":
                from distributed import Client, LocalCluster, config

                # Dask gives every array back to the system at once; asking for it anew takes as long as the work
                config["distributed"]["nanny"]["pre-spawn-environ"]["MALLOC_TRIM_THRESHOLD_"] = 1 << 28
                with (
                    LocalCluster(
                        n_workers=workers, threads_per_worker=1, dashboard_address=None, host="127.0.0.1"
                    ) as cluster,
                    Client(cluster) as client,
                ):
                    executor = client.get_executor()
                    run_jobs([warm] * workers, ["correlation"], Options(), executor)
                    spent, values = answers(count, executor)
            else:
                with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn")) as pool:
                    list(pool.map(_warm, range(workers)))
                    run_jobs([warm] * workers, ["correlation"], Options(), pool)
                    spent, values = answers(count, pool)
            expected = expected or values
            single.setdefault(kind, spent)
            print(f"{kind:13s} {workers} worker{'s' if workers > 1 else ' '} {count} station-years {spent:8.1f} s "
                  f"{single[kind] / spent:5.2f} x; same numbers: {values == expected}", flush=True)  # fmt: skip


if __name__ == "__main__":
    what = sys.argv[1] if len(sys.argv) > 1 else "all"
    if what in ("all", "agua"):
        agua()
    if what in ("all", "loops"):
        loops()
    if what in ("all", "years"):
        years(int(sys.argv[2]) if len(sys.argv) > 2 else 1000)
