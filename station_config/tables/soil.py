"""Table ``[soil]``: horizons with their pores, from the surface downward."""

from __future__ import annotations

import itertools

from pydantic import Field, model_validator

from soilco2.station_config.base import Identifier, Table
from soilco2.station_config.message import Message


class Horizon(Table):
    """One soil horizon.

    Either `porosity`, or `bulk_density_g_cm3` of the fine earth (< 2 mm) with `coarse_mass_fraction`, the
    mass
    of fragments > 2 mm per mass of the whole soil. Without `profile` the horizon holds for every profile.
    """

    name: str = ""
    profile: Identifier | None = None
    top_m: float = Field(ge=0, le=50)
    bottom_m: float = Field(gt=0, le=50)
    porosity: float | None = Field(default=None, gt=0.05, lt=0.98)
    porosity_sd: float = Field(default=0.02, ge=0, le=0.2)
    bulk_density_g_cm3: float | None = Field(default=None, gt=0.05, lt=2.6)
    coarse_mass_fraction: float = Field(default=0.0, ge=0, lt=1)
    particle_density_g_cm3: float = Field(default=2.65, gt=1, lt=5)
    b: float | None = Field(default=None, gt=0, le=30)
    eps100: float | None = Field(default=None, gt=0, lt=1)

    @model_validator(mode="after")
    def _whole(self) -> Horizon:
        if self.bottom_m <= self.top_m:
            raise ValueError(
                Message(
                    "bottom_m = {bottom_m} must lie below top_m = {top_m}",
                    bottom_m=self.bottom_m,
                    top_m=self.top_m,
                )
            )
        if (self.porosity is None) == (self.bulk_density_g_cm3 is None):
            raise ValueError(Message("exactly one of porosity and bulk_density_g_cm3 is expected"))
        if self.bulk_density_g_cm3 is not None and self.bulk_density_g_cm3 >= self.particle_density_g_cm3:
            raise ValueError(Message("bulk_density_g_cm3 must be less than particle_density_g_cm3"))
        return self


class SoilTable(Table):
    """The soil of the station."""

    horizon: tuple[Horizon, ...] = Field(default=(), max_length=500)

    @model_validator(mode="after")
    def _apart(self) -> SoilTable:
        for profile in {horizon.profile for horizon in self.horizon}:
            rows = sorted((h for h in self.horizon if h.profile == profile), key=lambda h: h.top_m)
            for upper, lower in itertools.pairwise(rows):
                if lower.top_m < upper.bottom_m:
                    raise ValueError(
                        Message(
                            "horizons {upper_m}-{upper_end_m} m and {lower_m}-{lower_end_m} m overlap; each depth "
                            "belongs to one horizon",
                            upper_m=upper.top_m,
                            upper_end_m=upper.bottom_m,
                            lower_m=lower.top_m,
                            lower_end_m=lower.bottom_m,
                        )
                    )
        return self
