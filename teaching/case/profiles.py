"""A profile of the tidy table as the flux calculation takes it, and the month's answer."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from soilco2.station_config.message import translate
from soilco2.station_config.times import DAY_US
from soilco2.teaching.case import data

if TYPE_CHECKING:
    import pandas as pd

    from soilco2.analysis.flux.physics.soil import Horizons
    from soilco2.analysis.flux.records import Fluxes, Profile
    from soilco2.analysis.flux.results.summary import Means

MONTH_US = 400 * DAY_US
"""A period that holds the whole month [µs]."""


def profile_of(table: pd.DataFrame, name: str) -> Profile:
    """One profile with the site's pressure.

    Parameters
    ----------
    table : DataFrame
        Tidy, as `soilco2.teaching.case.data.sjer`.
    name : str
        Such as ``p004``.
    """
    import numpy as np
    import pandas as pd

    from soilco2.analysis.flux.records import Profile

    when = pd.to_datetime(table["time_utc"], utc=True)
    stamps = when.dt.as_unit("us").astype("int64")
    times = np.asarray(np.unique(stamps[table["variable"] == "air_pressure"].to_numpy()), dtype=np.int64)

    def wide(variable: str, place: str) -> Any:
        part = table[(table["variable"] == variable) & (table["profile"] == place)]
        part = part.assign(at=stamps[part.index], depth_m=part["depth_m"].fillna(0.0))
        return part.pivot_table(index="at", columns="depth_m", values="value").reindex(times)

    gas, warm, water = (wide(v, name) for v in ("co2", "soil_temperature", "soil_water"))
    pressure = wide("air_pressure", "site")
    return Profile(
        times, gas.to_numpy(), gas.columns.to_numpy(float), warm.to_numpy(), warm.columns.to_numpy(float),
        water.to_numpy(), water.columns.to_numpy(float), pressure.to_numpy()[:, 0], 374.0, name=name,
    )  # fmt: skip


def horizons() -> Horizons:
    """The horizons of SJER's pit."""
    from importlib.resources import as_file, files

    from soilco2.analysis.flux.physics.soil import from_table, read_pit_table

    with as_file(files("soilco2.teaching").joinpath(f"data/{data.SJER}/soil_pit.csv")) as path:
        return from_table(read_pit_table(path))


def refused_of(fluxes: Fluxes, lang: str) -> str:
    """How many half hours got no flux, by reason, in words."""
    from soilco2.analysis.flux.refusals import SENTENCES, Reason, counts

    return ("；" if lang == "zh" else "; ").join(
        f"{translate(SENTENCES[Reason[name.upper()]], lang)} {number}"
        for name, number in counts(fluxes.refused).items()
    )


@cache
def month() -> tuple[Fluxes, Means]:
    """Fluxes of p004 in June 2022 with the default settings, and their mean over the month."""
    from soilco2.analysis.flux.methods.solve import solve
    from soilco2.analysis.flux.results.summary import means

    fluxes = solve(profile_of(data.sjer(), data.PLOT), horizons())
    return fluxes, means(fluxes, MONTH_US)
