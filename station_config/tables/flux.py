"""Table ``[flux]``: how CO2 profiles become fluxes, and how good the inputs are.

Every ``..._sd`` is one standard deviation in the unit of its name.
"""

from __future__ import annotations

import itertools
from typing import Literal

from pydantic import Field, model_validator

from soilco2.station_config.base import Table
from soilco2.station_config.message import Message

EffluxMethod = Literal[
    "two_layers", "top", "line", "layer_regression", "linear_spline", "power_law", "saturating", "exponential",
    "inverse", "de_jong_schappert_1972", "hirano_2003", "tang_2003", "tang_2005",
]  # fmt: skip
"""How the efflux at the surface is found (docs/methods/flux)."""


class FluxTable(Table):
    """Settings of the flux calculation; every one has a default."""

    method: EffluxMethod = "two_layers"
    diffusivity: str = Field(default="millington_quirk_1961", min_length=1, max_length=200)
    free_air: Literal["massman_1998", "jones_1992"] = "massman_1998"
    layers_m: tuple[float, ...] = Field(default=(), max_length=20)
    """Limits of the layers of `layer_regression` and `linear_spline` [m]; without, the CO2 levels."""
    surface: Literal["ambient", "measured", "none"] = "ambient"
    ambient_ppm: float = Field(default=420.0, ge=300, le=1000)
    ambient_sd_ppm: float = Field(default=15.0, gt=0, le=500)
    co2_probes: Literal["compensated", "uncompensated"] = "compensated"
    wet_to_dry: bool = False
    storage_term: bool = False

    co2_noise_sd_ppm: float = Field(default=3.0, gt=0, le=10_000)
    co2_bias_sd_ppm: float = Field(default=2.5, ge=0, le=10_000)
    co2_bias_sd_fraction: float = Field(default=0.01, ge=0, le=1)
    water_sd: float = Field(default=0.02, ge=0, le=0.5)
    temperature_sd: float = Field(default=0.2, ge=0, le=20)
    pressure_sd_hpa: float = Field(default=0.5, ge=0, le=200)
    depth_sd_m: float = Field(default=0.003, ge=0, le=0.5)
    water_reach_m: float = Field(default=0.15, gt=0, le=10)
    temperature_reach_m: float = Field(default=0.30, gt=0, le=10)
    water_sd_at_10cm: float = Field(default=0.02, ge=0, le=0.5)
    temperature_sd_at_10cm: float = Field(default=3.0, ge=0, le=50)
    model_spread: bool = True
    ds_factor_max: float = Field(default=4.0, gt=1, le=1000)

    bottom_flux: Literal["free", "zero"] = "free"
    smoothness: float | None = Field(default=None, gt=0, le=1000)
    """Of the inverse; without, each profile chooses it."""
    draws: int = Field(default=256, ge=64, le=100_000)
    seed: int = Field(default=1, ge=0)

    @model_validator(mode="after")
    def _downward(self) -> FluxTable:
        if any(a >= b for a, b in itertools.pairwise(self.layers_m)) or any(z < 0 for z in self.layers_m):
            raise ValueError(
                Message(
                    "layers_m = {depths} must be depths in m that increase from 0 downward",
                    depths=list(self.layers_m),
                )
            )
        return self
