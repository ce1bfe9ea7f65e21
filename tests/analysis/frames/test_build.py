"""From tidy tables and readers to the aligned grid: units, gaps, stamps, doubles, and what is refused."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd
import pytest

from soilco2.analysis.errors import DataError
from soilco2.analysis.frames.build import from_table
from soilco2.analysis.frames.frame import Site
from soilco2.analysis.frames.targets import targets
from soilco2.station_config.message import translate
from soilco2.station_config.variables import VARIABLES, Variable

DAY = pd.Timestamp("2026-03-01T00:00:00Z")


def table(n: int = 96, **columns: Any) -> pd.DataFrame:
    """Two days of half hours of one variable."""
    times = [(DAY + pd.Timedelta(minutes=30 * k)).strftime("%Y-%m-%dT%H:%M:%SZ") for k in range(n)]
    rest = {"variable": "co2", "value": 400.0 + np.arange(n), "unit": "ppm", "profile": "p1", "depth_m": 0.1}
    return pd.DataFrame({"time_utc": times} | rest | columns)


def only(frame: pd.DataFrame, **options: Any) -> Any:
    (found,) = from_table(frame, **options)
    return found


def test_a_regular_table_is_its_own_grid() -> None:
    frame = only(table())
    assert (frame.step_s, frame.slots, frame.days, frame.n) == (1800, 48, 2, 96)
    assert frame.start_us == DAY.value // 1000
    (column,) = frame.columns
    assert column.values.tolist() == [400.0 + k for k in range(96)]
    assert (column.depth_m, column.rows, column.left_out, column.offset_h) == (0.1, 96, {}, 0.0)


def test_finer_data_are_averaged_and_rain_is_summed() -> None:
    ten = pd.date_range(DAY, periods=6, freq="10min")
    rows = pd.DataFrame({"time_utc": ten, "value": [1.0, 2, 3, 5, 5, 5], "unit": "ppm", "variable": "co2"})
    rain = rows.assign(variable="rain", unit="mm")
    frame = only(pd.concat([rows, rain]))
    co2, water = frame.find("co2")[0].values, frame.find("rain")[0].values
    assert co2[:2].tolist() == [2.0, 5.0]
    assert water[:2].tolist() == [6.0, 15.0]
    assert np.isnan(co2[2:]).all()


@pytest.mark.parametrize(
    ("variable", "unit", "given", "canonical"),
    [
        ("co2", "%", 0.08, 800.0),  # 1 % = 10 000 ppm
        ("soil_temperature", "K", 293.15, 20.0),
        ("soil_water", "%", 12.0, 0.12),
        ("air_pressure", "kPa", 88.3, 883.0),
        ("bulk_ec", "uS/cm", 250.0, 0.25),  # 1 dS/m = 1000 uS/cm
    ],
)
def test_units_become_canonical(variable: str, unit: str, given: float, canonical: float) -> None:
    frame = only(table(variable=variable, unit=unit, value=given))
    assert frame.columns[0].values[0] == pytest.approx(canonical)


def test_a_stamp_at_start_or_end_means_the_middle() -> None:
    at_start = only(table(stamp="start", period_s=1800)).columns[0]
    assert at_start.offset_h == pytest.approx(0.25)
    at_end = only(table(stamp="end", period_s=1800)).columns[0]
    assert at_end.offset_h == pytest.approx(0.25)
    assert at_end.values[47] == 400.0, "what ends at midnight belongs to the last slot of the day before"


def test_days_are_days_of_the_sun() -> None:
    """At 109.7 E the sun is 7.31 h ahead of UTC: to the half hour, the day begins at 16:30 UTC."""
    frame = only(table(), site=Site(longitude=109.7))
    assert frame.start_us % 86_400_000_000 == round(16.5 * 3600e6)
    assert frame.solar_hour(0.0) == pytest.approx(109.7 / 15)


def test_what_is_left_out_is_counted() -> None:
    rows = table()
    rows.loc[3, "value"] = np.nan
    rows["flag"] = 1
    rows.loc[4, "flag"] = 4
    rows.loc[5, "value"] = -700.0
    rows.loc[6, "time_utc"] = "1970-01-01T00:00:00Z"
    again = rows.iloc[[10]]  # the same again, and another value at the same time
    other = rows.iloc[[11]].assign(value=1.0)
    shuffled = pd.concat([rows, again, other]).sample(frac=1.0, random_state=1)
    (column,) = only(shuffled).columns
    assert column.left_out == {
        "missing": 1, "flagged": 1, "impossible": 1, "clock": 1, "one time, two values": 2, "repeated": 1,
    }  # fmt: skip
    assert column.rows == 98
    assert np.flatnonzero(np.isnan(column.values)).tolist() == [3, 4, 5, 6, 11]


def test_a_stuck_sensor_is_seen() -> None:
    rows = table(n=192)
    rows.loc[20:100, "value"] = 555.0
    assert only(rows).columns[0].stuck == 81


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda t: t.drop(columns="unit"), "no column unit"),
        (lambda t: t.iloc[:0], "no rows"),
        (lambda t: t.assign(variable="co3"), "'co3' is unknown"),
        (lambda t: t.assign(unit="furlong"), "furlong"),
        (lambda t: t.assign(time_utc="2026-03-01T00:00:00"), "no time zone"),
        (lambda t: t.assign(time_utc="tomorrowZ"), "is not a time"),
        (lambda t: t.assign(time_utc=np.arange(len(t))), "holds numbers"),
        (
            lambda t: t.assign(time_utc=pd.date_range("2026-03-01", periods=len(t), freq="30min")),
            "no time zone",
        ),
        (lambda t: t.assign(variable="soil_water", unit="m3/m3", depth_m=-0.1), "above ground"),
        (lambda t: t.assign(value=np.nan), "no good value"),
    ],
)
def test_wrong_tables_get_one_sentence(change: Any, said: str) -> None:
    with pytest.raises(DataError, match=said) as caught:
        from_table(change(table()))
    assert "\n" not in str(caught.value)
    assert re.search(r"[\u4e00-\u9fff]", translate(str(caught.value), "zh"))


def test_drivers_are_the_nearest_in_the_same_profile() -> None:
    warm = {"variable": "soil_temperature", "unit": "degC"}
    parts = [table(), *(table(**warm, value=10 + 100 * z, depth_m=z) for z in (0.02, 0.08, 0.30))]
    parts.append(table(variable="soil_temperature", unit="degC", value=99.0, profile="p2", depth_m=0.10))
    sparse = table(variable="soil_water", unit="m3/m3", value=0.1, depth_m=0.10)
    sparse.loc[10:, "value"] = np.nan
    parts += [sparse, table(variable="soil_water", unit="m3/m3", value=0.2, depth_m=0.50)]
    (target,) = targets(only(pd.concat(parts)))
    assert target.temperature is not None
    assert target.temperature.depth_m == 0.08
    assert target.water is not None
    assert target.water.depth_m == 0.50, "the nearer one has a tenth of the pairs"
    assert target.salinity is None
    with pytest.raises(DataError, match=r"no CO2 at 0\.5 m; depths with CO2 are 0\.1 m"):
        targets(only(table()), (0.5,))
    with pytest.raises(DataError, match="neither co2 nor co2_flux"):
        targets(only(table(variable="rain", unit="mm")))


def test_a_direction_is_averaged_as_one() -> None:
    # 350 and 20 degrees blow from 5 together: half the angle between them, not 185
    times = pd.date_range("2026-03-01T00:00Z", periods=96, freq="15min")
    rows = pd.DataFrame(
        {"time_utc": times, "value": [350.0, 20.0] * 48, "unit": "°", "variable": "wind_direction"}
    )
    (column,) = only(rows).columns
    np.testing.assert_allclose(column.values, 5.0, rtol=1e-9)


def test_a_variable_of_a_station_s_own_is_known_by_its_registry() -> None:
    nitrate = Variable(
        id="nitrate", symbol="NO3", unit="mg/kg", unit_text="mg/kg", cf_standard_name="", name_en="nitrate",
        name_zh="硝态氮", lower=0.0, upper=500.0, resolution=0.1,
    )  # fmt: skip
    rows = table(n=96).assign(variable="nitrate", unit="g/kg", value=0.12)
    rows.loc[:9, "value"] = 0.6  # 600 mg/kg is above what is possible
    (frame,) = from_table(rows, variables=VARIABLES.with_own([nitrate]))
    (column,) = frame.columns
    assert column.left_out == {"impossible": 10}
    np.testing.assert_allclose(column.values[np.isfinite(column.values)], 120.0)
