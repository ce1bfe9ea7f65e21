"""Do the clocks agree with the sun?

Soil at 2 to 10 cm is warmest between 12.5 and 19 h of solar time, and later the deeper; a clock that is hours off
shows there first. Three checks:

* solar hour of the temperature maximum at 2 to 10 cm, where the longitude is known;
* the maximum must not come earlier with depth by more than an hour, which needs no longitude;
* the wave of temperature in each stretch of ten days against the whole; a jump of more than
  three hours that stays is a clock that was set.

The phase of CO2 itself proves nothing (gas leads, follows or opposes temperature in sound records), so CO2 is held
against the clock of the temperature beside it only by the third check.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from soilco2.analysis import rounding
from soilco2.analysis.definitions import MIN_AMPLITUDE_STEPS, MIN_HARMONIC_R2
from soilco2.analysis.frames.frame import Column, Frame
from soilco2.analysis.refusals import Refusal
from soilco2.analysis.soil_response.damping import Layer, layers, smallest_step
from soilco2.analysis.statistics.diel import covered_days, moments, wave, wrap
from soilco2.station_config.times import DAY_S

EARLIEST_H: Final = 12.5
LATEST_H: Final = 19.0
SHALLOW_M: Final = (0.015, 0.105)
"""Depths for which the hours above hold [m]."""
EARLIER_H: Final = 1.0
WINDOW_DAYS: Final = 10
JUMP_H: Final = 3.0


class Clock(NamedTuple):
    """What is known of the clock of one temperature sensor.

    Parameters
    ----------
    layer : Layer
    utc_hour : float
        Hour UTC of the maximum [h].
    solar_hour : float or None
        The same in mean solar time [h]; None where the longitude is not known.
    shallow : bool
        Whether it lies where the hours above hold.
    checked : bool
        Whether its depth and wave allow a verdict.
    wrong : Refusal or None
        What is wrong.
    """

    layer: Layer
    utc_hour: float
    solar_hour: float | None
    shallow: bool
    checked: bool
    wrong: Refusal | None


def clocks(frame: Frame, profile: str) -> list[Clock]:
    """Clock check of the temperature sensors of one profile, shallow to deep.

    Parameters
    ----------
    frame : Frame
    profile : str
    """
    out: list[Clock] = []
    above: Layer | None = None
    for layer in layers(frame.find("soil_temperature", profile), frame.slots):
        utc = frame.utc_hour(layer.hour)
        solar = frame.solar_hour(utc) if frame.site.longitude is not None else None
        depth = layer.column.depth_m or 0.0
        shallow = bool(rounding.within(depth, *SHALLOW_M))
        wrong = None
        if (
            layer.usable
            and shallow
            and solar is not None
            and not rounding.within(solar, EARLIEST_H, LATEST_H)
        ):
            wrong = Refusal("clock_sun", {"depth": depth, "hour": round(solar, 2)})
        elif layer.usable and above is not None:
            later = float(wrap(layer.hour - above.hour))
            if rounding.below(later, -EARLIER_H):
                over = above.column.depth_m or 0.0
                wrong = Refusal("clock_depth", {"depth": depth, "above": over, "hours": round(-later, 2)})
        out.append(Clock(layer, utc, solar, shallow, layer.usable and (shallow or above is not None), wrong))
        if layer.usable:
            above = layer
    return out


def failed(frame: Frame, profile: str) -> Refusal | None:
    """The reason for which lags of a profile are withheld: a temperature clock that is wrong or was set; else None."""
    all_clocks = clocks(frame, profile)
    for found in all_clocks:
        if found.wrong is not None:
            return found.wrong
        if found.layer is not all_clocks[0].layer and not found.shallow:
            continue
        moved = jump(found.layer.column, frame.slots)
        if moved is not None:
            day = np.datetime64(frame.start_us + moved[0] * DAY_S * 1_000_000, "us").astype("datetime64[D]")
            depth = found.layer.column.depth_m or 0.0
            return Refusal("clock_jump", {"day": str(day), "depth": depth, "hours": round(moved[1], 2)})
    return None


def jump(column: Column, slots: int) -> tuple[int, float] | None:
    """The day from which the daily wave stands hours apart from before, and by how many hours; None without a jump.

    Parameters
    ----------
    column : Column
    slots : int
        Values a day.

    Notes
    -----
    Waves of stretches of ten days; of all ways to cut the record in two (two stretches at least on each side)
    the one with the largest difference of the circular means. It counts when it exceeds three hours and four
    times the spread of the stretches about their means.
    """
    days = column.values.size // slots
    starts = np.arange(0, days - WINDOW_DAYS + 1, WINDOW_DAYS)
    hours, first = [], []
    use = covered_days(0.75, slots, column.values)
    whole = moments(column.values, slots, use, column.offset_h)
    for start in starts:
        part = whole.only((whole.days >= start) & (whole.days < start + WINDOW_DAYS))
        if part.days.size < 5:
            continue
        found = wave(part)
        if found.r2 >= MIN_HARMONIC_R2 and found.amplitude >= MIN_AMPLITUDE_STEPS * smallest_step(column):
            hours.append(found.hour)
            first.append(int(start))
    if len(hours) < 4:
        return None
    unit: NDArray[np.complex128] = np.exp(1j * np.pi * np.array(hours) / 12)
    best = (0.0, 0.0, 0)
    for cut in range(2, len(hours) - 1):
        before, after = unit[:cut].mean(), unit[cut:].mean()
        apart = float(np.angle(after * np.conj(before)) * 12 / np.pi)
        left = np.r_[np.angle(unit[:cut] * np.conj(before)), np.angle(unit[cut:] * np.conj(after))]
        spread = float(np.sqrt((left**2).mean()) * 12 / np.pi)
        if rounding.above(abs(apart), abs(best[0]), 24.0):
            best = (apart, spread, cut)
    if rounding.above(abs(best[0]), JUMP_H, 24.0) and abs(best[0]) > 4 * best[1]:
        return first[best[2]], best[0]
    return None
