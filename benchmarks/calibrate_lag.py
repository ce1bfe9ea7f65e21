"""Cases for the calibration of the lag: does its 95 % interval cover 93 to 97 %?

Temperature and CO2 with a known lag between their daily waves; amplitudes that wander from day to day, weather (red
noise with an e-folding time of four days), AR(1) noise on both, gaps. What is known is put in, so nothing of the
code under test enters the truth.
"""

from __future__ import annotations

import numpy as np
from scipy.signal import lfilter

from soilco2.analysis.statistics.diel import wrap
from soilco2.analysis.statistics.lag import lag

SLOTS = 24
TRUE_LAGS_H = (-2.5, 3.0, 11.5)


def days_of(
    truth_h: float, phi: float, noise: float, days: int, gaps: bool, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Temperature and CO2 with CO2 `truth_h` hours behind; shape (days * 24,).

    Parameters
    ----------
    phi : float
        Hourly AR(1) coefficient of the noise.
    noise : float
        Its standard deviation per amplitude of the wave.
    """
    n = days * SLOTS
    hour = np.arange(n) * 24.0 / SLOTS

    def red(rho: float, size: int) -> np.ndarray:
        start = rng.standard_normal(1)
        drive = rng.standard_normal(size) * np.sqrt(1 - rho**2)
        return lfilter([1.0], [1.0, -rho], drive, zi=rho * start)[0]

    strength = np.repeat(1 + 0.3 * np.clip(red(0.6, days), -2.5, 2.5), SLOTS)
    series = []
    for late, scale in ((0.0, 1.0), (truth_h, 0.8)):
        level = 1.5 * red(np.exp(-1 / 96), n)
        wave = strength * np.cos(2 * np.pi * (hour - 14.0 - late) / 24)
        series.append(scale * (wave + level + noise * red(phi, n)))
    t, c = series
    if gaps:
        for x in (t, c):
            for _ in range(days // 3):
                first = rng.integers(n)
                x[first : first + rng.integers(1, 20)] = np.nan
    return t, c


def lag_coverage(
    phi: float, noise: float, days: int, gaps: bool, count: int, rng: np.random.Generator
) -> dict[str, float]:
    """Share of intervals that hold the true lag [%], of those answered."""
    inside = answered = 0
    for k in range(count):
        truth = TRUE_LAGS_H[k % len(TRUE_LAGS_H)]
        found = lag(*days_of(truth, phi, noise, days, gaps, rng), SLOTS)
        if found.refusal is None:
            answered += 1
            inside += abs(float(wrap(found.hours - truth))) <= (found.upper - found.lower) / 2
    return {"answered": 100 * answered / count, "covered": 100 * inside / max(answered, 1)}
