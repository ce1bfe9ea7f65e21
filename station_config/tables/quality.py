"""Table ``[quality]``: limits that belong to the site, beside those of variable and probe."""

from __future__ import annotations

from pydantic import Field

from soilco2.station_config.base import Duration, Table


class Limits(Table):
    """Limits of one variable, for the whole station or for one position (``"profile/position"``).

    Values outside `lower`..`upper` are bad, outside `suspect_lower`..`suspect_upper` suspect; a change faster
    than `rate_per_minute` [unit/min] is suspect; one or two readings further than `spike` [unit] from those before and
    after them are suspect; a value that stays within `flat_tolerance` [unit] for
    `flat_for` is suspect.
    """

    variable: str
    """The variable limited."""
    position: str | None = None
    """`"profile/position"`; left out: the whole station."""
    lower: float | None = None
    """Below is bad [unit of the variable]."""
    upper: float | None = None
    """Above is bad [unit]."""
    suspect_lower: float | None = None
    """Below is suspect [unit]."""
    suspect_upper: float | None = None
    """Above is suspect [unit]."""
    rate_per_minute: float | None = Field(default=None, gt=0)
    """A faster change is suspect [unit/min]."""
    spike: float | None = Field(default=None, gt=0)
    """One or two readings further from those before and after are suspect [unit]."""
    flat_for: Duration | None = None
    """A value that does not move for this long is suspect."""
    flat_tolerance: float = Field(default=0.0, ge=0)
    """What counts as not moving [unit]."""


class QualityTable(Table):
    """Site limits and the temperature coefficient of conductivity.

    `ec_coefficient` is a in ``EC25 = EC / (1 + a (T - 25))`` [1/K].
    """

    limits: tuple[Limits, ...] = ()
    """Limits of the site, beside those of variable and probe."""
    ec_coefficient: float = Field(default=0.0191, ge=0.0, le=0.05)
    """Temperature coefficient a in EC25 = EC / (1 + a (T - 25)) [1/K]."""
    salinity_factor: float | None = Field(default=None, gt=0)
    """Salinity [mg/L] per conductivity [µS/cm]; left out: what the catalogue says of the probe."""
    future_tolerance: Duration = 300.0
    """A stamp further ahead of the station's clock than this is not believed."""
