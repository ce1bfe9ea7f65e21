"""From and to pandas, for notebooks: a wide table in, rows of results out.

    frame = from_dataframe(table, {"co2_10cm": Series("co2", "ppm", 0.10),
                                   "t_10cm": Series("soil_temperature", "degC", 0.10)}, longitude=109.7)
    found = correlation.run(frame, Options())
    to_dataframe(found.rows)

A long (tidy) table goes through :func:`soilco2.analysis.frames.build.from_table`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, NamedTuple

from soilco2.analysis.errors import DataError
from soilco2.analysis.frames.build import from_table
from soilco2.analysis.frames.frame import Frame, Site
from soilco2.station_config.message import Message
from soilco2.storage.results.results import Result

if TYPE_CHECKING:
    import pandas as pd


class Series(NamedTuple):
    """What a column of a wide table holds.

    Parameters
    ----------
    variable : str
        Id in the registry, such as ``co2`` or ``soil_water``.
    unit : str
        Of the column's values; turned into the variable's own.
    depth_m : float or None
        [m], positive downward; None for what has no depth.
    profile : str
        Vertical line of probes; what has no depth belongs to all.
    """

    variable: str
    unit: str
    depth_m: float | None = None
    profile: str = "p1"


def from_dataframe(
    table: pd.DataFrame,
    columns: Mapping[str, Series],
    *,
    longitude: float | None = None,
    station: str = "station",
    stamp: str = "instant",
    period_s: float | None = None,
) -> Frame:
    """A frame from a wide table: one row a time, one column a series.

    Parameters
    ----------
    table : pandas.DataFrame
        Its index are times with a time zone.
    columns : mapping of str to Series
        What each column to be used holds.
    longitude : float, optional
        East positive [degrees]; days are then solar.
    station : str
    stamp : {"instant", "start", "end"}
        What a time marks, of `period_s`.
    period_s : float, optional
        What a value is the mean of [s].

    Returns
    -------
    Frame

    Raises
    ------
    DataError
        The index are no times or have no zone, a column is missing, a variable or unit is unknown.
    """
    import pandas as pd

    if not isinstance(table.index, pd.DatetimeIndex):
        raise DataError(
            Message("the index of the table are no times; use table.set_index(pd.to_datetime(...))")
        )
    if table.index.tz is None:
        raise DataError(
            Message("the times of the index have no zone; use table.tz_localize('Asia/Shanghai') or 'UTC'")
        )
    missing = [name for name in columns if name not in table.columns]
    if missing:
        raise DataError(
            Message(
                "the table has no column {name!r}; it has {names}",
                name=missing[0],
                names=", ".join(map(str, table.columns)),
            )
        )
    if not columns:
        raise DataError(Message("no column was named; say what each column to be used holds"))
    parts = [
        pd.DataFrame(
            {
                "time_utc": table.index, "value": table[name].to_numpy(), "variable": what.variable, "unit": what.unit,
                "depth_m": what.depth_m, "station": station, "stamp": stamp, "period_s": period_s,
                "profile": "site" if what.depth_m is None else what.profile,
            }
        ).astype({"depth_m": float, "period_s": float})
        for name, what in columns.items()
    ]  # fmt: skip
    (frame,) = from_table(pd.concat(parts, ignore_index=True), site=Site(longitude=longitude))
    return frame


def to_dataframe(rows: Iterable[Result]) -> pd.DataFrame:
    """Rows of results as a table, one line each, in the words of the results files."""
    import pandas as pd

    return pd.DataFrame([asdict(row) for row in rows])
