"""NEON SJER June 2022 as profiles: values whose flag is 0, pressure in hPa, depths positive downward."""

from __future__ import annotations

import functools

import numpy as np
import pandas as pd

from soilco2.analysis.flux.methods.solve import Profile
from soilco2.analysis.flux.physics import soil
from tests.paths import ROOT

FOLDER = ROOT / "teaching" / "data" / "neon_sjer_2022_06"
PLOTS = ("001", "002", "003", "004", "005")


def _table(name: str) -> pd.DataFrame:
    path = next(p for p in (FOLDER / name, FOLDER / f"{name}.gz") if p.exists())
    frame = pd.read_csv(path, dtype={"plot": str, "level": str})
    stamp = pd.to_datetime(frame["time_utc"]).astype("datetime64[us, UTC]").astype("int64")
    return frame.assign(time=stamp, value=frame["value"].where(frame["qf"] == 0), z=-frame["depth_m"])


@functools.cache
def tables() -> tuple[pd.DataFrame, ...]:
    names = ("soil_co2.csv", "soil_temperature.csv", "soil_water_content.csv", "barometric_pressure.csv")
    return tuple(_table(name) for name in names)


@functools.cache
def horizons() -> soil.Horizons:
    return soil.from_table(soil.read_pit_table(FOLDER / "soil_pit.csv"))


@functools.cache
def profile(plot: str, neon_water_sd: bool = False, altitude_m: float | None = 374.0) -> Profile:
    co2, warm, water, air = tables()
    times = np.unique(air["time"].to_numpy())

    def wide(frame: pd.DataFrame, column: str) -> pd.DataFrame:
        mine = frame[frame["plot"] == plot]
        return mine.pivot_table(index="time", columns="z", values=column, dropna=False).reindex(times)

    x, t, w = (wide(frame, "value") for frame in (co2, warm, water))
    x = x.dropna(axis=1, how="all")
    sd = wide(co2, "uncertainty_95")[x.columns] / 2
    w_sd = wide(water, "uncertainty_95").reindex(columns=w.columns) / 2
    pressure = air.set_index("time")["value"].reindex(times).to_numpy() * 10.0
    return Profile(
        times, x.to_numpy(), x.columns.to_numpy(float), t.to_numpy(), t.columns.to_numpy(float),
        w.to_numpy(), w.columns.to_numpy(float), pressure, altitude_m, sd.to_numpy(),
        w_sd.to_numpy() if neon_water_sd else None, name=plot,
    )  # fmt: skip
