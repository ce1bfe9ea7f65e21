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
    """Site limits, and what is made of conductivity.

    `ec_coefficient` is a in ``EC25 = EC / (1 + a (T - 25))`` [1/K]. Below 0.10 m³/m³ bulk conductivity goes with how
    the last films of water hang together, and the model of Hilhorst (2000), doi:10.2136/sssaj2000.6461922x, which leads
    from it to the water's own, loses its denominator. 0.01 dS/m are ten steps of a probe that counts in µS/cm.
    """

    limits: tuple[Limits, ...] = ()
    """Limits of the site, beside those of variable and probe."""
    ec_coefficient: float = Field(default=0.0191, ge=0.0, le=0.05)
    """Temperature coefficient a in EC25 = EC / (1 + a (T - 25)) [1/K]."""
    salinity_factor: float | None = Field(default=None, gt=0)
    """Salinity [mg/L] per conductivity [µS/cm]; left out: what the catalogue says of the probe."""
    salinity_least_water: float = Field(default=0.10, ge=0.0, le=1.0)
    """In soil with less water than this no salinity is made of conductivity [m³/m³]."""
    salinity_least_ec25: float = Field(default=0.01, ge=0.0, le=10.0)
    """Of a smaller conductivity at 25 °C no salinity is made [dS/m]."""
    future_tolerance: Duration = 300.0
    """A stamp further ahead of the station's clock than this is not believed."""
