"""A frame: series of one station on common times, as arrays."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from soilco2.quality.records import SeriesKey
from soilco2.station_config.times import DAY_S
from soilco2.station_config.variables import VARIABLES, Variables

Array = NDArray[np.float64]
Times = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Site:
    """Where the station stands, as far as it is known.

    Parameters
    ----------
    longitude, latitude : float or None
        [degrees], east and north positive.
    name : str
    """

    longitude: float | None = None
    latitude: float | None = None
    name: str = ""


NOWHERE = Site()
"""A site of which nothing is known."""


@dataclass(frozen=True, slots=True)
class Column:
    """One series on the grid.

    Parameters
    ----------
    key : SeriesKey
    depth_m : float or None
        [m], positive downward.
    values : ndarray, shape (n,)
        In the canonical unit, NaN where missing.
    offset_h : float
        Middle of what a value stands for, after the start of its slot [h].
    resolution : float
        Smallest step between values that occur [`unit`].
    rows : int
        Rows handed in.
    left_out : dict
        Rows left out, by reason.
    stuck : int
        Slots in runs of one repeated value longer than a day.
    note : str
        Remark that must follow the data.
    """

    key: SeriesKey
    depth_m: float | None
    values: Array
    offset_h: float
    resolution: float
    rows: int
    left_out: dict[str, int] = field(default_factory=dict)
    stuck: int = 0
    note: str = ""

    @property
    def variable(self) -> str:
        """Id of the variable."""
        return self.key.variable

    @property
    def other_unit(self) -> str:
        """The unit that all values seem to be in although they say another; empty when they were used."""
        return next((why.removeprefix("unit ") for why in self.left_out if why.startswith("unit ")), "")

    @property
    def present(self) -> int:
        """Slots with a value."""
        return int(np.isfinite(self.values).sum())


@dataclass(frozen=True, slots=True)
class Frame:
    """Aligned columns of one station.

    Parameters
    ----------
    station : str
    start_us : int
        Start of the first slot [µs UTC].
    step_s : int
        Length of a slot [s].
    columns : tuple of Column
    site : Site
    variables : Variables
        The registry that the columns are described by.
    """

    station: str
    start_us: int
    step_s: int
    columns: tuple[Column, ...]
    site: Site = NOWHERE
    variables: Variables = VARIABLES

    @property
    def slots(self) -> int:
        """Slots in a day."""
        return DAY_S // self.step_s

    @property
    def n(self) -> int:
        """Slots in all."""
        return self.columns[0].values.size if self.columns else 0

    @property
    def days(self) -> int:
        """Whole days."""
        return self.n // self.slots

    def solar_hour(self, utc_hour: float) -> float:
        """Hour of mean solar time from hours UTC, 0 to 24; the equation of time is left aside."""
        return (utc_hour + (self.site.longitude or 0.0) / 15.0) % 24

    def utc_hour(self, hour_in_day: float) -> float:
        """Hour UTC from hours since the first slot's day began, 0 to 24."""
        return (self.start_us / 3.6e9 + hour_in_day) % 24

    def only(self, keep: NDArray[np.bool_]) -> Frame:
        """The same frame with NaN wherever `keep` is false."""
        return replace(
            self,
            columns=tuple(replace(c, values=np.where(keep, c.values, np.nan)) for c in self.columns),
        )

    def find(self, variable: str, profile: str | None = None) -> list[Column]:
        """Columns of one variable, shallow to deep, in one profile where given."""
        found = [
            c
            for c in self.columns
            if c.variable == variable and (profile is None or c.key.profile == profile)
        ]
        return sorted(
            found, key=lambda c: (c.key.profile, c.depth_m is None, c.depth_m or 0.0, c.key.position)
        )
