"""Table ``[quality]``: limits that belong to the site, beside those of variable and probe."""

from __future__ import annotations

from pydantic import Field

from station_config.base import Duration, Table


class Limits(Table):
    """Limits of one variable, for the whole station or for one position (``"profile/position"``).

    Values outside `lower`..`upper` are bad, outside `suspect_lower`..`suspect_upper` suspect; a change faster
    than `rate_per_minute` [unit/min] is suspect; a value that stays within `flat_tolerance` [unit] for
    `flat_for` is suspect.
    """

    variable: str
    position: str | None = None
    lower: float | None = None
    upper: float | None = None
    suspect_lower: float | None = None
    suspect_upper: float | None = None
    rate_per_minute: float | None = Field(default=None, gt=0)
    flat_for: Duration | None = None
    flat_tolerance: float = Field(default=0.0, ge=0)


class QualityTable(Table):
    """Site limits and the temperature coefficient of conductivity.

    `ec_coefficient` is a in ``EC25 = EC / (1 + a (T - 25))`` [1/K].
    """

    limits: tuple[Limits, ...] = ()
    ec_coefficient: float = Field(default=0.0191, ge=0.0, le=0.05)
    salinity_factor: float | None = Field(default=None, gt=0)
    """Salinity [mg/L] per conductivity [µS/cm]; left out: what the catalogue says of the probe."""
    future_tolerance: Duration = 300.0
    """A stamp further ahead of the station's clock than this is not believed."""
