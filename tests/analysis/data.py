"""The measured records that tests use, as tidy tables; see the README beside each of them."""

from __future__ import annotations

import functools
import os
from pathlib import Path

import pandas as pd

HERE = Path(__file__).resolve().parents[2]


def folder(name: str) -> Path:
    """Folder of a data set: in the project, else where SOILCO2_DATA says, else beside the checkout."""
    places = [
        HERE / "teaching" / "data",
        Path(os.environ.get("SOILCO2_DATA", "/nowhere")),
        HERE.parent / "shared" / "data",
    ]
    for place in places:
        if (place / name).is_dir():
            return place / name
    raise FileNotFoundError(f"data set {name} is in none of {', '.join(map(str, places))}")


def _tidy(frame: pd.DataFrame, **columns: object) -> pd.DataFrame:
    return frame.assign(**columns)[
        [
            "time_utc",
            "station",
            "profile",
            "position",
            "depth_m",
            "variable",
            "value",
            "unit",
            "flag",
            "period_s",
            "stamp",
        ]
    ]


@functools.cache
def agua_amarga() -> pd.DataFrame:
    """Agua Amarga 2011 to 2013: flux, temperature and water at 5 cm of two positions, rain and wind."""
    path = folder("agua_amarga_2011_2013")
    soil = pd.read_csv(path / "soil_30min.csv.gz")
    met = pd.read_csv(path / "met_30min.csv.gz")
    common = {"station": "agua_amarga", "flag": 1, "period_s": 1800, "stamp": "start"}
    parts = []
    for column, name, unit, depth in (
        ("co2_flux_umol_m2_s", "co2_flux", "umol m-2 s-1", 0.0),
        ("soil_temp_5cm_degc", "soil_temperature", "degC", 0.05),
        ("vwc_5cm_m3_m3", "soil_water", "m3/m3", 0.05),
    ):
        part = soil[["time_utc", "position", column]].rename(columns={column: "value", "position": "profile"})
        parts.append(_tidy(part, **common, position="", depth_m=depth, variable=name, unit=unit))
    for column, name, unit in (("rain_mm", "rain", "mm"), ("wind_m_s", "wind_speed", "m/s")):
        part = met[["time_utc", column]].rename(columns={column: "value"})
        parts.append(
            _tidy(part, **common, profile="site", position="", depth_m=None, variable=name, unit=unit)
        )
    return pd.concat(parts, ignore_index=True)


@functools.cache
def sjer_2020() -> pd.DataFrame:
    """SJER plot 003, May and June 2020: CO2 at three depths through a dry-down, two thirds missing."""
    raw = pd.read_csv(folder("neon_sjer_2020_05_06") / "profile_30min.csv.gz", dtype={"plot": str})
    names = {
        "co2_ppm": "co2",
        "soil_temp": "soil_temperature",
        "vwc": "soil_water",
        "air_pressure": "air_pressure",
    }
    return _tidy(
        raw.assign(variable=raw["variable"].map(names)), station="sjer",
        profile=raw["plot"].where(raw["variable"] != "air_pressure", "site"), position="",
        depth_m=-raw["depth_m"], flag=1, period_s=1800, stamp="start",
    )  # fmt: skip


@functools.cache
def sjer_2022() -> pd.DataFrame:
    """SJER, five plots, June 2022: a dry month."""
    path = folder("neon_sjer_2022_06")
    parts = []
    for file, name, unit in (
        ("soil_co2.csv.gz", "co2", "ppm"),
        ("soil_temperature.csv.gz", "soil_temperature", "degC"),
        ("soil_water_content.csv.gz", "soil_water", "m3/m3"),
        ("barometric_pressure.csv.gz", "air_pressure", "kPa"),
    ):
        raw = pd.read_csv(path / file, dtype={"plot": str, "level": str})
        raw["flag"] = raw["qf"].map({0: 1, 1: 4})
        site = name == "air_pressure"
        parts.append(
            _tidy(
                raw, station="sjer", profile="site" if site else raw["plot"], position="" if site else raw["level"],
                depth_m=None if site else -raw["depth_m"], variable=name, unit=unit, period_s=1800, stamp="start",
            )
        )  # fmt: skip
    return pd.concat(parts, ignore_index=True)
