"""Cases for the calibration of the inverse model: do its 95 % intervals of production cover 93 to 97 %?

Stations with a production drawn anew, every error that the settings name drawn once a station, sensors off their
depths among them; each station is seen once. The truth is the closed form of a production ``p0 exp(-z/L)``, averaged
over each production layer: x = x0 + F0 L (1 - exp(-z/L)) / k and mean p = F0 (exp(-a/L) - exp(-b/L)) / (b - a).
"""

from __future__ import annotations

import numpy as np

from soilco2.analysis.flux.methods.solve import Profile, solve
from soilco2.analysis.flux.physics import soil
from soilco2.analysis.flux.physics.column import conductivity_mol_m_s
from soilco2.station_config.tables.flux import FluxTable

PHI, THETA, WARM, PRESSURE_HPA = 0.45, 0.12, 20.0, 900.0
SENSORS = np.array([0.02, 0.08, 0.20])
BIAS_PPM, BIAS, NOISE_PPM, AIR_PPM = 2.5, 0.01, 3.0, 15.0
LEAST, MOST = 93.0, 97.0


def production_coverage(depth_sd_mm: float, count: int, rng: np.random.Generator) -> dict[str, float]:
    """Coverage of production, all layers together and each, and of the efflux [%].

    Parameters
    ----------
    depth_sd_mm : float
        How far sensors are off their depths, one standard deviation [mm].
    """
    one = np.ones((count, 1))
    # production that reaches from a few centimetres to half a metre
    length = np.exp(rng.uniform(np.log(0.05), np.log(0.5), (count, 1)))
    f0 = np.exp(rng.normal(np.log(2.5), 0.4, (count, 1)))
    k = conductivity_mol_m_s(
        THETA * one, PHI * one, WARM * one, PRESSURE_HPA * one, "millington_quirk_1961", "massman_1998"
    )
    k = k * np.exp(0.03 * rng.normal(size=(count, 1)))
    z = SENSORS + 1e-3 * depth_sd_mm * rng.normal(size=(count, 3))
    z = np.sort(np.maximum(z, 1e-3), axis=1)
    air = 420.0 + AIR_PPM * rng.normal(size=(count, 1))
    x = air + f0 * length / k * -np.expm1(-z / length)
    x = x + NOISE_PPM * rng.normal(size=x.shape) + rng.normal(size=x.shape) * np.hypot(BIAS_PPM, BIAS * x)
    profile = Profile(
        np.arange(count, dtype=np.int64) * 1_800_000_000, x, SENSORS, np.full((count, 2), WARM),
        SENSORS[[0, 2]], np.full((count, 3), THETA), SENSORS, np.full(count, PRESSURE_HPA),
    )  # fmt: skip
    settings = FluxTable(
        method="inverse", co2_noise_sd_ppm=NOISE_PPM, co2_bias_sd_ppm=BIAS_PPM, co2_bias_sd_fraction=BIAS,
        ambient_ppm=420.0, ambient_sd_ppm=AIR_PPM, water_sd=0.0, water_sd_at_10cm=0.0, temperature_sd=0.0,
        temperature_sd_at_10cm=0.0, depth_sd_m=1e-3 * depth_sd_mm, model_spread=False,
    )  # fmt: skip
    found = solve(profile, soil.uniform(PHI, 0.0), settings)
    edges = found.production_edges_m
    truth = -f0 * np.diff(np.exp(-edges / length), axis=1) / np.diff(edges)
    good = found.refused == 0
    inside = ((found.production_lower <= truth) & (truth <= found.production_upper))[good]
    efflux = ((found.lower <= f0[:, 0]) & (f0[:, 0] <= found.upper))[good]
    return {
        "production": 100 * float(inside.mean()),
        **{f"layer {n + 1}": 100 * float(share) for n, share in enumerate(inside.mean(axis=0))},
        "efflux": 100 * float(efflux.mean()),
        "answered": 100 * float(good.mean()),
        "spread": 100 * float(inside.mean(axis=1).std() / np.sqrt(good.sum())),
    }
