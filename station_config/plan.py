"""Table ``[plan]``: what a monitoring plan says that no other table knows."""

from __future__ import annotations

from station_config.base import BothNames, Duration, Moment, Table


class Revision(Table):
    """One revision of the plan."""

    version: str
    date: Moment
    change: BothNames


class PlanTable(Table):
    """Purpose, boundary and routine of the monitoring."""

    purpose: BothNames | None = None
    questions: tuple[BothNames, ...] = ()
    boundary: BothNames | None = None
    vegetation: BothNames | None = None
    climate: BothNames | None = None
    visit_every: Duration | None = None
    backup: BothNames | None = None
    safety: BothNames | None = None
    completeness_target: float = 0.9
    revision: tuple[Revision, ...] = ()
