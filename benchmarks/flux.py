"""Speed of the flux calculation, on the work that two R packages were timed with.

Run: ``OPENBLAS_NUM_THREADS=1 python benchmarks/flux.py`` from the checkout. The peers' times were measured on
two shared cores of the same kind of machine: neonSoilFlux 4.0.1 69 ms per plot and half hour of SJER June
2022; ConFluxPro 1.3.1 4.2 to 14 ms per profile forward, 3.0 ms inverse (docs/methods/flux/speed.md).
"""

from __future__ import annotations

import os
import resource
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
HERE = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(HERE))

import numpy as np  # noqa: E402

from soilco2.analysis.flux.methods import efflux, inverse  # noqa: E402
from soilco2.analysis.flux.methods.solve import Profile, solve  # noqa: E402
from soilco2.analysis.flux.physics import soil  # noqa: E402
from soilco2.station_config.tables.flux import FluxTable  # noqa: E402
from tests.analysis.flux.sjer import PLOTS, horizons, profile  # noqa: E402


def median_s(work: Callable[[], object], runs: int = 5) -> float:
    """Median processor time of some runs after one to warm up [s]; others may use the machine meanwhile."""
    work()
    times = []
    for _ in range(runs):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return statistics.median(times)


def line(what: str, seconds: float, profiles: int, peer_ms: float | None, limit_ms: float | None) -> None:
    each = 1e3 * seconds / profiles
    peer = f"{peer_ms / each:8.0f} x" if peer_ms else " " * 10
    limit = f"limit {limit_ms} ms" if limit_ms else ""
    print(f"{what:58s} {profiles:8d} profiles {seconds:8.3f} s {each:9.5f} ms each {peer} {limit}")


def sjer() -> None:
    plots = [profile(plot) for plot in PLOTS]
    for method, peer in (
        ("two_layers", 69.0),
        ("hirano_2003", 69.0),
        ("saturating", None),
        ("inverse", None),
    ):
        settings = FluxTable(method=method)
        seconds = median_s(lambda s=settings: [solve(p, horizons(), s) for p in plots], 3)
        line(f"SJER, {method}, with interval", seconds, 7200, peer, 0.05 if method == "two_layers" else None)
    neon = [profile(plot, True) for plot in PLOTS]
    seconds = median_s(lambda: [solve(p, horizons(), FluxTable()) for p in neon], 3)
    line("SJER, two_layers, NEON's water error: all sampled", seconds, 7200, 69.0, None)


def batched_inverse() -> None:
    rng = np.random.default_rng(1)
    n = 24_000
    z = np.array([0.0, 0.02, 0.08, 0.2])
    x = 420 + np.cumsum(rng.normal(300, 150, (n, 4)) * [0, 1, 1, 1], axis=1)
    k = 1.2e-4 * np.exp(rng.normal(0, 0.3, (n, 3)))
    scale = inverse.prior_scale(efflux.layer_fluxes(x, z, k), 0.2)
    seconds = median_s(lambda: inverse.invert(x, z, z, k, z, 5.0, scale))
    line("exact inverse, 3 layers, bottom flux free", seconds, n, 3.0, 0.005)
    seconds = median_s(lambda: inverse.invert(x, z, z, k, z, 5.0, scale, posterior=True))
    line("the same with posterior", seconds, n, 3.0, 0.05)
    found = inverse.invert(x, z, z, k, z, 5.0, scale, check=True)
    print(f"{'':58s} largest KKT residual {found.kkt.max():.1e}, solved {found.solved.all()}")


def year() -> None:
    times, profiles = 17_520, 20
    z, probes = np.array([0.05, 0.1, 0.2]), np.array([0.05, 0.2])
    rng = np.random.default_rng(2)
    t = np.arange(times, dtype=np.int64) * 1_800_000_000
    x = 420 + 3.0 * 0.15 / 1.2e-4 * -np.expm1(-z / 0.15) * (1 + 0.1 * rng.normal(size=(times, 1)))
    one = Profile(
        t, x, z, np.full((times, 2), 15.0), probes, np.full((times, 2), 0.12), probes, np.full(times, 900.0)
    )
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.process_time()
    for _ in range(profiles):
        for first in range(0, times, 2880):
            p = slice(first, first + 2880)
            part = Profile(
                t[p], x[p], z, one.temperature_degc[p], probes, one.water[p], probes, one.pressure_hpa[p]
            )
            solve(part, soil.uniform(0.45, 0.02), FluxTable(model_spread=False))
    seconds = time.process_time() - start
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    line("a year of half hours at 20 profiles, by pieces", seconds, times * profiles, None, None)
    print(f"{'':58s} largest resident memory {after / 1024:.0f} MB, {(after - before) / 1024:.0f} MB by this")


if __name__ == "__main__":
    sjer()
    batched_inverse()
    year()
