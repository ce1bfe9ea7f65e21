"""Table ``[[profile]]``: a vertical line of probes, its positions and its surface."""

from __future__ import annotations

from pydantic import Field

from station_config.base import BothNames, Identifier, Moment, Table


class Position(Table):
    """A named place in a profile.

    `depth_m` is positive downward from the surface; above ground it is negative. Two places at one depth
    need a replicate letter each. `depth_m` holds before the first change of the surface, or, with `measured`,
    at that time; later changes of the surface are added to it.
    """

    id: Identifier
    depth_m: float = Field(ge=-50, le=50)
    measured: Moment | None = None
    replicate: str = Field(default="", pattern=r"^[A-Za-z]?$")
    note: str = ""


class SurfaceChange(Table):
    """The surface moved: `change_m` of soil was added (positive) or blown away (negative) at `from`."""

    from_: Moment = Field(alias="from")
    change_m: float = Field(ge=-10, le=10)
    note: str = ""


class Profile(Table):
    """One vertical line of probes."""

    id: Identifier
    name: BothNames | None = None
    position: tuple[Position, ...] = ()
    surface: tuple[SurfaceChange, ...] = ()
    note: str = ""
