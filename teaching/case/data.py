"""The case's data: SJER as one tidy table, Agua Amarga as it is, and a copy of one profile with five faults."""

from __future__ import annotations

from functools import cache
from random import Random
from typing import TYPE_CHECKING, NamedTuple, cast

from soilco2.teaching.case.marking import Words
from soilco2.teaching.datasets import read

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

SJER = "neon_sjer_2022_06"
AGUA = "agua_amarga_2011_2013"
STEPS = 1440
"""Half hours of June 2022."""
LONGITUDE = -119.733
PLOT = "p004"
"""The profile that is read in the first lesson."""
SENTINEL = -999.0
DRIFT_PER_DAY = 0.03
"""Growth of the reading in the planted drift, as a share of the true value a day."""
_FILES = (
    ("soil_co2", "co2", "ppm", 1.0),
    ("soil_temperature", "soil_temperature", "degC", 1.0),
    ("soil_water_content", "soil_water", "m3/m3", 1.0),
    ("barometric_pressure", "air_pressure", "hPa", 10.0),
)


def _read_sjer(name: str) -> pd.DataFrame:
    """A table of SJER, without the columns that are told nowhere in the case."""
    wanted = {"time_utc", "plot", "depth_m", "value", "qf"}
    return read(SJER, f"{name}.csv.gz", dtype={"plot": str}, usecols=lambda column: column in wanted)


@cache
def sjer(profiles: tuple[str, ...] = ()) -> pd.DataFrame:
    """SJER, June 2022: a tidy table of all values that passed their publisher's flag, depth positive downward.

    Parameters
    ----------
    profiles : tuple of str
        Only these, such as ``p004``; all and the barometer when empty.
    """
    import pandas as pd

    parts = []
    for name, variable, unit, factor in _FILES:
        if profiles and variable == "air_pressure":
            continue
        raw = _read_sjer(name)
        raw = raw[(raw["qf"] == 0) & raw["value"].notna()]
        if profiles:
            raw = raw[("p" + raw["plot"]).isin(profiles)]
        site = variable == "air_pressure"
        parts.append(
            pd.DataFrame(
                {
                    "time_utc": raw["time_utc"],
                    "station": "sjer",
                    "profile": "site" if site else "p" + raw["plot"],
                    "depth_m": float("nan") if site else -raw["depth_m"],
                    "variable": variable,
                    "value": (raw["value"] * factor).round(6),
                    "unit": unit,
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


@cache
def agua() -> pd.DataFrame:
    """Agua Amarga: efflux, temperature and water at 5 cm, half-hourly."""
    return read(AGUA, "soil_30min.csv.gz")


def raw_water() -> pd.DataFrame:
    """Water content of SJER as published, flags and all."""
    return _read_sjer("soil_water_content")


class Planted(NamedTuple):
    """A fault that was put into the copy.

    Parameters
    ----------
    kind : str
        ``stuck``, ``sentinel``, ``unit``, ``swap``, ``clock`` or ``drift``.
    variable : str
    depths_m : tuple of float
        The series hit [m].
    first, last : tuple of int
        Month and day on which it begins and ends (UTC).
    """

    kind: str
    variable: str
    depths_m: tuple[float, ...]
    first: tuple[int, int]
    last: tuple[int, int]


KINDS: dict[str, tuple[Words, Words]] = {
    "stuck": (("卡死", "stuck"), ("看相邻两个读数之差：一个活着的探头总在变，长时间差为零就是卡死。",
              "Look at the difference of neighbouring readings: a living probe moves; zero for hours is a stuck one.")),
    "sentinel": (("哨兵值", "sentinel"), ("有的仪器用一个特殊的数表示“没有值”。看每条序列的最小值：自然界里可能吗？",
                 "Some devices write a special number for 'no value'. Look at each series' minimum: can nature do that?")),
    "unit": (("单位错误", "unit"), ("把同一变量各深度画在一起：有一段与上下邻居都合不上，换一个单位就合上了。",
             "Draw all depths of one variable together: one stretch fits no neighbour, and fits once its unit is changed.")),
    "swap": (("深度互换", "swap"), ("CO₂ 平时随深度增加。有一段时间浅的比深的还高，而且两条线同时跳变、同时跳回。",
             "CO₂ usually grows with depth. For a while the shallow one is above the deep one; both jump together and back.")),
    "clock": (("时钟错误", "clock"), ("比较各深度每天最高温度的钟点：热量向下传，越深越晚。有一个探头几天里晚得不合理。",
              "Compare the hour of the daily maximum by depth: heat goes down, deeper is later. One probe is late beyond reason.")),
    "drift": (("漂移", "drift"), ("取日均值，与同剖面别的深度比：一条线每天按比例往上走，别的没有，这是漂移。",
              "Take daily means and compare with the other depths: one line climbs by a share each day, the others do not.")),
}  # fmt: skip
"""Name of each kind of fault, and how it is seen."""


def kinds(level: int) -> tuple[str, ...]:
    """The five kinds of a level: an obvious sentinel for the first, a slow drift for the others."""
    return ("stuck", "sentinel" if level == 1 else "drift", "unit", "swap", "clock")


def planted(seed: int, level: int) -> tuple[pd.DataFrame, list[Planted]]:
    """Plot 004 with five faults, and what they are.

    Parameters
    ----------
    seed : int
        Decides series, days and lengths.
    level : int
        Decides the kinds.

    Returns
    -------
    DataFrame, list of Planted
        A tidy table, and the faults in no particular order.
    """
    dice = Random(f"{seed}/read/{level}")  # noqa: S311 - an exercise, no secret
    series = _series(0.5)
    # five stretches that do not meet, each beginning in its own part of the month
    parts = [3, 8, 13, 18, 23]
    dice.shuffle(parts)
    while level > 1 and parts[3] > 13:  # what is swapped must not lie in what drifts
        dice.shuffle(parts)
    begin = [48 * (part + dice.randrange(2)) + dice.randrange(0, 40) for part in parts]
    found = [_plant(kind, start, series, dice) for kind, start in zip(kinds(level), begin, strict=True)]
    return _tidy(series), found


def _plant(
    kind: str, start: int, series: dict[tuple[str, float], NDArray[np.float64]], dice: Random
) -> Planted:
    """Put one fault into the series, from a half hour of the month on."""
    import numpy as np

    def hit(variable: str, depths: tuple[float, ...], start: int, end: int) -> Planted:
        first, last = ((6, slot // 48 + 1) for slot in (start, end - 1))
        return Planted(kind, variable, depths, first, last)

    if kind == "stuck":
        depth = dice.choice((0.03, 0.08))
        values = series["co2", depth]
        start += int(np.argmax(np.isfinite(values[start:])))
        end = start + dice.randrange(60, 84)
        values[start:end] = values[start]
        return hit("co2", (depth,), start, end)
    if kind == "sentinel":
        depth = dice.choice((0.03, 0.17, 0.27))
        end = start + dice.randrange(8, 16)
        series["soil_temperature", depth][start:end] = SENTINEL
        return hit("soil_temperature", (depth,), start, end)
    if kind == "unit":
        depth = dice.choice((0.17, 0.27, 0.47))
        end = start + dice.randrange(96, 144)
        values = series["soil_temperature", depth]
        values[start:end] = np.round(values[start:end] * 1.8 + 32, 3)
        return hit("soil_temperature", (depth,), start, end)
    if kind == "swap":
        end = start + dice.randrange(60, 100)
        one, two = series["co2", 0.03], series["co2", 0.21]
        one[start:end], two[start:end] = two[start:end].copy(), one[start:end].copy()
        return hit("co2", (0.03, 0.21), start, end)
    if kind == "clock":
        late = dice.choice((12, 14, 16))
        end = start + 144
        values = series["soil_temperature", 0.07]
        values[start:end] = values[start - late : end - late].copy()
        return hit("soil_temperature", (0.07,), start, end)
    start = 48 * dice.randrange(17, 20)
    growth = 1 + DRIFT_PER_DAY * np.maximum(np.arange(STEPS) - start, 0) / 48
    series["co2", 0.21] = np.round(series["co2", 0.21] * growth, 2)
    return hit("co2", (0.21,), start, STEPS)


def _tidy(series: dict[tuple[str, float], NDArray[np.float64]]) -> pd.DataFrame:
    """Series of `PLOT` as a tidy table."""
    import pandas as pd

    times = pd.date_range("2022-06-01", periods=STEPS, freq="30min", tz="UTC").strftime("%Y-%m-%dT%H:%M:%SZ")
    units = {variable: unit for _, variable, unit, _ in _FILES}
    rows = [
        pd.DataFrame(
            {"time_utc": times, "station": "sjer", "profile": PLOT, "depth_m": depth, "variable": variable,
             "value": values, "unit": units[variable]}
        )
        for (variable, depth), values in sorted(series.items())
    ]  # fmt: skip
    return pd.concat(rows, ignore_index=True).dropna(subset=["value"]).reset_index(drop=True)


def _series(below_m: float) -> dict[tuple[str, float], NDArray[np.float64]]:
    """The series of `PLOT` above a depth [m] on the month's half hours, NaN where missing."""
    import numpy as np

    table = sjer(profiles=(PLOT,))
    table = table[table["depth_m"] < below_m]
    slots = (table["time_utc"].str[8:10].astype(int) - 1) * 48 + table["time_utc"].str[11:13].astype(int) * 2
    slots += table["time_utc"].str[14:16].astype(int) // 30
    found: dict[tuple[str, float], NDArray[np.float64]] = {}
    for key, rows in table.groupby(["variable", "depth_m"]):
        variable, depth = cast("tuple[str, float]", key)
        values = np.full(STEPS, np.nan)
        values[slots[rows.index].to_numpy()] = rows["value"].to_numpy()
        found[variable, round(depth, 4)] = values
    return found
