"""How the daily wave of temperature fades and comes later with depth: conduction in a uniform half space.

    T(z, t) = mean + A0 exp(-z/d) cos(w (t - t0) - z/d),   d = sqrt(2 alpha/w),   w = 2 pi/24 h

(Carslaw & Jaeger 1959, *Conduction of Heat in Solids*, 2nd ed., section 2.6). ln amplitude and phase are straight
lines in depth with one and the same d; one damping depth costs 24/(2 pi) = 3.82 h. Where the two lines disagree the
soil is not uniform (dry sand over a moister layer fades the wave faster and delays it less), a depth is written
down wrongly, two sensors are swapped, or a clock is off.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from soilco2.analysis import rounding
from soilco2.analysis.definitions import BLOCKS, MIN_AMPLITUDE_STEPS, MIN_DAYS, MIN_HARMONIC_R2
from soilco2.analysis.frames.frame import Column
from soilco2.analysis.statistics.diel import Moments, covered_days, moments, phasors, wave, wrap
from soilco2.analysis.statistics.intervals import jackknife_se, t_quantile
from soilco2.station_config.times import DAY_S
from soilco2.station_config.variables import VARIABLES

Array = NDArray[np.float64]

OMEGA: Final = 2 * np.pi / DAY_S
"""Angular frequency of a day [1/s]."""
HOURS_PER_DAMPING_DEPTH: Final = 24 / (2 * np.pi)
LEAST_SHARE: Final = 0.02
"""Share of the shallowest amplitude below which a deep wave is not believed [1]."""
USUAL_D: Final = (0.07, 0.15)
"""Damping depths of soils, alpha 0.2e-6 to 0.8e-6 m2/s [m]."""


class Layer(NamedTuple):
    """Daily wave of one temperature sensor.

    Parameters
    ----------
    column : Column
    amplitude : float
        [K]
    hour : float
        Hour of the maximum after the start of the grid's day [h].
    r2 : float
        [1]
    days : int
    usable : bool
        Whether it is a wave of the soil: r2 and amplitude large enough, at least 2 % of the shallowest.
    amplitude_se, hour_se : float
    """

    column: Column
    amplitude: float
    hour: float
    r2: float
    days: int
    usable: bool
    amplitude_se: float
    hour_se: float


class Damping(NamedTuple):
    """Damping depth of a profile, from amplitudes and from phases.

    Parameters
    ----------
    by_amplitude, by_phase : tuple of float
        d with the ends of its 95 % interval [m]; NaN when it cannot be had.
    surface_amplitude : float
        A0 of the line [K].
    surface_hour : float
        Hour of the maximum at the surface by the line [h].
    depths : int
        Sensors used.
    days : int
    """

    by_amplitude: tuple[float, float, float]
    by_phase: tuple[float, float, float]
    surface_amplitude: float
    surface_hour: float
    depths: int
    days: int

    def alpha(self) -> float:
        """Thermal diffusivity from the phases [m2/s]."""
        return self.by_phase[0] ** 2 * OMEGA / 2


def smallest_step(column: Column) -> float:
    """Resolution of a series: the larger of the smallest step seen and what the variable is good for [unit].

    A mean of many readings shows finer steps than the instrument resolves.
    """
    return max(column.resolution, VARIABLES[column.variable].resolution)


def layers(columns: Sequence[Column], slots: int) -> list[Layer]:
    """Daily waves of the temperature sensors of one profile, shallow to deep; those without ten days are left out."""
    found = []
    for column in columns:
        if column.depth_m is None:
            continue
        use = covered_days(0.75, slots, column.values)
        if use.sum() < MIN_DAYS:
            continue
        found.append((column, wave(moments(column.values, slots, use, column.offset_h))))
    found.sort(key=lambda pair: pair[0].depth_m or 0.0)
    largest = max((w.amplitude for _, w in found), default=0.0)
    return [
        Layer(
            column=c, amplitude=w.amplitude, hour=w.hour, r2=w.r2, days=w.days,
            usable=bool(
                w.r2 >= MIN_HARMONIC_R2
                and w.amplitude >= MIN_AMPLITUDE_STEPS * smallest_step(c)
                and w.amplitude >= LEAST_SHARE * largest
            ),
            amplitude_se=w.amplitude_se, hour_se=w.hour_se,
        )
        for c, w in found
    ]  # fmt: skip


def damping(columns: Sequence[Column], slots: int) -> Damping | None:
    """Damping depth of a profile, or None below two usable sensors with ten days in common.

    Parameters
    ----------
    columns : sequence of Column
        Soil temperature of one profile.
    slots : int
        Values a day.
    """
    usable = [layer.column for layer in layers(columns, slots) if layer.usable]
    depths = {round(c.depth_m or 0.0, 4) for c in usable}
    if len(depths) < 2:
        return None
    use = covered_days(0.75, slots, *(c.values for c in usable))
    if use.sum() < MIN_DAYS:
        return None
    parts = [moments(c.values, slots, use, c.offset_h) for c in usable]
    return fit_damping(np.array([c.depth_m for c in usable], float), parts)


def fit_damping(depth_m: Array, parts: Sequence[Moments]) -> Damping:
    """Straight lines through ln amplitude and phase, whole and without each block of days.

    Parameters
    ----------
    depth_m : ndarray, shape (k,)
        Shallow to deep [m].
    parts : sequence of Moments
        Of each depth, the same days.
    """
    z = np.stack([phasors(m) for m in parts], axis=-1)  # (1 + blocks, k)
    late = np.concatenate(
        [np.zeros((z.shape[0], 1)), np.cumsum(np.angle(z[:, 1:] * np.conj(z[:, :-1])), axis=-1)], axis=-1
    )
    centred = depth_m - depth_m.mean()
    weight = centred / (centred**2).sum()
    log = np.log(np.abs(z))
    fall, delay = -(log @ weight), late @ weight
    first = np.angle(z[0, 0]) + late[0].mean() - delay[0] * depth_m.mean()
    return Damping(
        by_amplitude=_inverse(fall),
        by_phase=_inverse(delay),
        surface_amplitude=float(np.exp(log[0].mean() + fall[0] * depth_m.mean())),
        surface_hour=float(first * 12 / np.pi % 24),
        depths=depth_m.size,
        days=int(parts[0].days.size),
    )


def _inverse(slope: Array) -> tuple[float, float, float]:
    """1/slope with its interval by the block jackknife; NaN where the slope is not surely above zero."""
    nan = float("nan")
    if not rounding.above(slope[0], 0.0, 1.0):
        return nan, nan, nan
    if slope.size <= BLOCKS:
        return float(1 / slope[0]), nan, nan
    reach = t_quantile(BLOCKS - 1) * float(jackknife_se(slope[1:]))
    if not rounding.above(slope[0] - reach, 0.0, 1.0):
        return float(1 / slope[0]), nan, nan
    return float(1 / slope[0]), float(1 / (slope[0] + reach)), float(1 / (slope[0] - reach))


class Misplaced(NamedTuple):
    """Two neighbours whose waves stand in the wrong order of depth."""

    upper: Layer
    lower: Layer
    ratio: float
    later_h: float


def misplaced(found: Sequence[Layer]) -> list[Misplaced]:
    """Neighbours of which the deeper has the larger daily wave and the earlier maximum.

    Both must be wrong by more than two standard errors: a shaded or stony place can spoil one, only swapped or
    mislabelled sensors spoil both.
    """
    out = []
    usable = [layer for layer in found if layer.usable]
    for upper, lower in itertools.pairwise(usable):
        if rounding.below((lower.column.depth_m or 0.0) - (upper.column.depth_m or 0.0), 0.005, 1.0):
            continue
        later = float(wrap(lower.hour - upper.hour))
        margin = 2 * float(np.hypot(np.nan_to_num(upper.hour_se), np.nan_to_num(lower.hour_se)))
        spread = 2 * float(np.hypot(np.nan_to_num(upper.amplitude_se), np.nan_to_num(lower.amplitude_se)))
        if lower.amplitude - upper.amplitude > spread and later < -margin:
            out.append(Misplaced(upper, lower, lower.amplitude / upper.amplitude, later))
    return out
