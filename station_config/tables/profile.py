"""Table ``[[profile]]``: a vertical line of probes, its positions and its surface."""

from __future__ import annotations

from pydantic import Field

from soilco2.station_config.base import BothNames, Identifier, Moment, Table


class Position(Table):
    """A named place in a profile.

    `depth_m` is positive downward from the surface; above ground it is negative. Two places at one depth
    need a replicate letter each. `depth_m` holds before the first change of the surface, or, with `measured`,
    at that time; later changes of the surface are added to it.
    """

    id: Identifier
    """Name of the place within its profile."""
    depth_m: float = Field(ge=-50, le=50)
    """Depth below the surface, positive downward, negative above ground [m]."""
    measured: Moment | None = None
    """When `depth_m` was measured: changes of the surface before it are in it already. Left out: before
    all of them."""
    replicate: str = Field(default="", pattern=r"^[A-Za-z]?$")
    """A letter for each of two places at one depth."""
    note: BothNames | None = None
    """Anything worth knowing: text, or `{ en = "…", zh = "…" }`."""


class SurfaceChange(Table):
    """The surface moved: `change_m` of soil was added (positive) or blown away (negative) at `from`."""

    from_: Moment = Field(alias="from")
    """When the surface moved."""
    change_m: float = Field(ge=-10, le=10)
    """Soil added (positive) or blown away (negative) [m]."""
    note: BothNames | None = None
    """Anything worth knowing: text, or `{ en = "…", zh = "…" }`."""


class Profile(Table):
    """One vertical line of probes."""

    id: Identifier
    """Name of the profile; `site` is kept for variables without depth."""
    name: BothNames | None = None
    """Name for people."""
    position: tuple[Position, ...] = ()
    """Its places."""
    surface: tuple[SurfaceChange, ...] = ()
    """Its dated changes of level."""
    note: BothNames | None = None
    """Anything worth knowing: text, or `{ en = "…", zh = "…" }`."""
