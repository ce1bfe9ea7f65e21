"""What the words mean: signs, scales, limits and the reasons for withholding a number. One place, in words.

Lag
    In hours. A lag L > 0 means **CO2 comes after** the driver (temperature, water, pressure); L < 0 means
    CO2 comes before it. Lags are wrapped to -12 to 12 h; beyond 9 h either way the two are called
    *anti-phase*, because a day cannot tell 10 h after from 14 h before.
Loop
    The mean day drawn as a curve with the driver on the x axis and CO2 on the y axis, both scaled 0 to 1.
    The signed area is positive when the curve runs **anticlockwise**, which is CO2 after the driver; two
    sines L hours apart give (pi/4) sin(2 pi L/24).
Scale
    ``within-day``: value minus the centred 24 h mean.
    ``within-day, mean day removed``: the same minus the mean course of the day, so that only what differs
    from day to day is left.
    ``day-to-day``: daily mean minus the centred 15-day mean of daily means.
    ``seasonal``: daily means as they are.
    ``as measured``: the values themselves, all scales mixed.
    ``event``: one number per rain event.
Pair
    CO2 and its driver at the same time, both present and good. Nothing is ever filled in.
Effective number
    How many independent pairs would give r the same spread (:mod:`soilco2.analysis.statistics.effective_sample_size`).
Apparent
    A temperature answer of a *concentration*: it holds production and transport together. Respiration has a
    Q10; a concentration has an apparent Q10.
"""

from __future__ import annotations

from typing import Final

WITHIN_DAY: Final = "within-day"
WITHIN_DAY_REST: Final = "within-day, mean day removed"
DAY_TO_DAY: Final = "day-to-day"
SEASONAL: Final = "seasonal"
AS_MEASURED: Final = "as measured"
EVENT: Final = "event"

SYNOPTIC_DAYS: Final = 15
"""Width of the running mean that the day-to-day scale subtracts [d]."""
DAY_COVERAGE: Final = 0.75
"""Share of a day's slots that must be present for a daily mean or a daily harmonic."""
LEVEL: Final = 0.95
"""Confidence level of every interval."""
BLOCKS: Final = 6
"""Blocks of the block jackknife (:mod:`soilco2.analysis.statistics.intervals`)."""
T_REF: Final = 20.0
"""Reference temperature of Rref [degC]."""

# When a number is withheld.
MIN_N_EFF: Final = 10.0
MIN_T_RANGE: Final = 8.0
"""5 to 95 % range of temperature below which no Q10 is given [K]."""
MIN_DAYS: Final = 10
MAX_DROPPED: Final = 0.20
"""Share of values a logarithm may drop before the log fit is withheld."""
MIN_CLASS_DAYS: Final = 5
MIN_CLASS_PAIRS: Final = 100
MIN_W_RANGE: Final = 0.03
"""5 to 95 % range of water content below which no water model is given [m3/m3]."""
MIN_CLASS_STEP: Final = 0.01
"""Difference of the medians of neighbouring water classes below which they are no classes [m3/m3]: a third of
:data:`MIN_W_RANGE`."""
MIN_HARMONIC_R2: Final = 0.3
MIN_AMPLITUDE_STEPS: Final = 3.0
"""Diel amplitude in units of the sensor's resolution."""
MAX_CLIPPED: Final = 0.005
FROZEN_BELOW: Final = 0.5
"""Soil temperature below which a record is kept apart as frozen [degC]."""
MIN_PORE_WATER: Final = 0.10
MAX_R_SW: Final = 0.9
MAX_R_TW: Final = 0.8
MIN_DIEL_W: Final = 0.003
MAX_DIEL_R_TW: Final = 0.7
MAX_VIF: Final = 10.0
ANTI_PHASE_H: Final = 9.0
