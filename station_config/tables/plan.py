"""Table ``[plan]``: what a monitoring plan says that no other table knows."""

from __future__ import annotations

from pydantic import Field

from soilco2.station_config.base import BothNames, Duration, Moment, Table


class Revision(Table):
    """One revision of the plan."""

    version: str
    """Version of the plan."""
    date: Moment
    """Its date."""
    change: BothNames
    """What changed."""


class PlanTable(Table):
    """Purpose, boundary and routine of the monitoring."""

    purpose: BothNames | None = None
    """What the monitoring is for."""
    questions: tuple[BothNames, ...] = ()
    """Questions it is to answer."""
    boundary: BothNames | None = None
    """What lies inside and outside."""
    vegetation: BothNames | None = None
    """Plants on the site."""
    climate: BothNames | None = None
    """Climate of the site."""
    visit_every: Duration | None = None
    """Time between visits."""
    backup: BothNames | None = None
    """How data are backed up."""
    safety: BothNames | None = None
    """What visitors must know."""
    completeness_target: float = Field(default=0.9, ge=0, le=1)
    """Share of values that are to be usable."""
    revision: tuple[Revision, ...] = ()
    """Revisions of the plan."""
