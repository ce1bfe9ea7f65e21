"""The measured records that come with the package, as tidy tables; the README beside each tells its oddities."""

from __future__ import annotations

import functools
from collections.abc import Callable
from importlib.resources import as_file, files
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

    import pandas as pd


def _folder(name: str) -> Traversable:
    return files("soilco2.teaching").joinpath("data", name)


def read(folder: str, name: str, **options: Any) -> pd.DataFrame:
    """A file of the package's data as it was published.

    Parameters
    ----------
    folder, name : str
        Such as ``neon_sjer_2022_06`` and ``soil_co2.csv.gz``; the README beside it tells columns and units.
    **options
        As `pandas.read_csv` takes them.
    """
    import pandas as pd

    with as_file(_folder(folder).joinpath(name)) as path:
        table: pd.DataFrame = pd.read_csv(path, **options)
    return table


def _tidy(frame: pd.DataFrame, **columns: Any) -> pd.DataFrame:
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
    import pandas as pd

    soil = read("agua_amarga_2011_2013", "soil_30min.csv.gz")
    met = read("agua_amarga_2011_2013", "met_30min.csv.gz")
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
    raw = read("neon_sjer_2020_05_06", "profile_30min.csv.gz", dtype={"plot": str})
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
    import pandas as pd

    parts = []
    for file, name, unit in (
        ("soil_co2.csv.gz", "co2", "ppm"),
        ("soil_temperature.csv.gz", "soil_temperature", "degC"),
        ("soil_water_content.csv.gz", "soil_water", "m3/m3"),
        ("barometric_pressure.csv.gz", "air_pressure", "kPa"),
    ):
        raw = read("neon_sjer_2022_06", file, dtype={"plot": str, "level": str})
        raw["flag"] = raw["qf"].map({0: 1, 1: 4})
        site = name == "air_pressure"
        parts.append(
            _tidy(
                raw, station="sjer", profile="site" if site else raw["plot"], position="" if site else raw["level"],
                depth_m=None if site else -raw["depth_m"], variable=name, unit=unit, period_s=1800, stamp="start",
            )
        )  # fmt: skip
    return pd.concat(parts, ignore_index=True)


class Dataset(NamedTuple):
    """A record that comes with the package.

    Parameters
    ----------
    table : callable
        Gives it as a tidy table.
    folder : str
        Where its files and its README lie.
    what : str
        One sentence.
    licence : str
    """

    table: Callable[[], pd.DataFrame]
    folder: str
    what: str
    licence: str

    def readme(self) -> str:
        """Source, licence and oddities, in Markdown."""
        return _folder(self.folder).joinpath("README.md").read_text(encoding="utf-8")


DATASETS: dict[str, Dataset] = {
    "agua-amarga": Dataset(
        agua_amarga, "agua_amarga_2011_2013",
        "Agua Amarga, Spain, 2011 to 2013: CO2 efflux, temperature and water at 5 cm, two positions, rain", "CC BY 4.0",
    ),
    "sjer-2020": Dataset(
        sjer_2020, "neon_sjer_2020_05_06",
        "San Joaquin, California, May and June 2020: a profile through a dry-down, with gaps", "CC0 1.0",
    ),
    "sjer-2022": Dataset(
        sjer_2022, "neon_sjer_2022_06",
        "San Joaquin, California, June 2022: five profiles in a dry month", "CC0 1.0",
    ),
}  # fmt: skip
"""By name."""
