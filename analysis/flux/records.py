"""What goes in and what comes out: a profile over time, and its fluxes."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from soilco2.analysis.flux.refusals import ReasonArray, no_reasons

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Profile:
    """Measurements of one profile on common times.

    Parameters
    ----------
    time_us : ndarray of int64 (n,)
        [µs UTC], increasing.
    co2_ppm : ndarray (n, c), co2_depth_m : ndarray (c,)
        NaN where missing or flagged; depth [m] positive downward, in any order. A probe at or above the
        surface
        is air and serves as the boundary when the settings say that it is measured.
    temperature_degc : ndarray (n, t), temperature_depth_m : ndarray (t,)
    water : ndarray (n, w), water_depth_m : ndarray (w,)
        [m3 m-3]
    pressure_hpa : ndarray (n,) or None
        Station pressure; None without barometer.
    altitude_m : float or None
        Serves for the standard pressure where `pressure_hpa` is missing.
    co2_sd_ppm, water_sd, temperature_sd : ndarray or None
        One standard deviation (calibration) of each value, shapes of the values; None: from the settings.
    surface_shift_m : float
        Soil added since installation (negative: blown away) [m].
    name : str
    """

    time_us: NDArray[np.int64]
    co2_ppm: Array
    co2_depth_m: Array
    temperature_degc: Array
    temperature_depth_m: Array
    water: Array
    water_depth_m: Array
    pressure_hpa: Array | None = None
    altitude_m: float | None = None
    co2_sd_ppm: Array | None = None
    water_sd: Array | None = None
    temperature_sd: Array | None = None
    surface_shift_m: float = 0.0
    name: str = ""


EFFLUX_FIELDS = (
    "efflux", "lower", "upper", "sd", "skew_below", "skew_above", "method_below", "method_above",
    "random_sd", "model_spread_ln",
)  # fmt: skip
"""Fields of `Fluxes` with one number for each time."""


@dataclass
class Fluxes:
    """What was found for one profile, by time.

    Parameters
    ----------
    efflux, lower, upper, sd : ndarray (n,)
        At the surface [umol m-2 s-1], positive upward; 95 % interval; NaN where refused.
    refused : ndarray of uint32 (n,)
        Bits of `Reason`; 0 where there is an efflux.
    notes : ndarray of uint32 (n,)
        Bits of `Reason` for values that were left out although the profile could be answered.
    sampled : ndarray of bool (n,)
        Whether the interval was sampled (else linear-Gaussian).
    extrapolated : ndarray of bool (n,)
        Whether water or temperature was carried beyond the outermost probe.
    levels : ndarray of int (n,)
        CO2 levels used, the surface among them.
    layer_edges_m : ndarray (l + 1,)
        Nodes of the full profile: surface and sensors.
    layer_flux, layer_lower, layer_upper : ndarray (n, l)
    layer_ds_m2_s : ndarray (n, l)
        Soil diffusivity of each layer [m2 s-1].
    production_edges_m : ndarray (m + 1,)
    production, production_lower, production_upper : ndarray (n, m)
        [umol m-3 s-1]; only where all sensors worked.
    persistent : dict of str to ndarray (n,)
        Signed effect of one standard deviation of each lasting error of the inputs on the efflux.
    skew_below, skew_above : ndarray (n,)
        Factors on `persistent` and `random_sd` on either side of the efflux: an interval may be skewed.
    method_below, method_above : ndarray (n,)
        Error of the method itself, one standard deviation downward and upward; it lasts as well.
    random_sd : ndarray (n,)
        Noise part of the efflux error, independent between times.
    model_spread_ln : ndarray (n,)
        Disagreement of the diffusivity models in the top layer, sd of ln Ds.
    pressure_assumed : ndarray of bool (n,)
        Whether the standard pressure of the altitude stood in.
    """

    name: str
    time_us: NDArray[np.int64]
    layer_edges_m: Array
    production_edges_m: Array
    efflux: Array = field(init=False)
    lower: Array = field(init=False)
    upper: Array = field(init=False)
    sd: Array = field(init=False)
    skew_below: Array = field(init=False)
    skew_above: Array = field(init=False)
    method_below: Array = field(init=False)
    method_above: Array = field(init=False)
    random_sd: Array = field(init=False)
    model_spread_ln: Array = field(init=False)
    refused: ReasonArray = field(init=False)
    notes: ReasonArray = field(init=False)
    sampled: NDArray[np.bool_] = field(init=False)
    extrapolated: NDArray[np.bool_] = field(init=False)
    pressure_assumed: NDArray[np.bool_] = field(init=False)
    levels: NDArray[np.intp] = field(init=False)
    layer_flux: Array = field(init=False)
    layer_lower: Array = field(init=False)
    layer_upper: Array = field(init=False)
    layer_ds_m2_s: Array = field(init=False)
    production: Array = field(init=False)
    production_lower: Array = field(init=False)
    production_upper: Array = field(init=False)
    persistent: dict[str, Array] = field(default_factory=dict)

    def __post_init__(self) -> None:
        n, layers, parts = len(self.time_us), len(self.layer_edges_m) - 1, len(self.production_edges_m) - 1
        for name in EFFLUX_FIELDS:
            setattr(self, name, np.full(n, np.nan))
        for name in ("layer_flux", "layer_lower", "layer_upper", "layer_ds_m2_s"):
            setattr(self, name, np.full((n, layers), np.nan))
        for name in ("production", "production_lower", "production_upper"):
            setattr(self, name, np.full((n, parts), np.nan))
        self.refused, self.notes = no_reasons((n,)), no_reasons((n,))
        self.sampled, self.extrapolated, self.pressure_assumed = (np.zeros(n, dtype=bool) for _ in range(3))
        self.levels = np.zeros(n, dtype=np.intp)
