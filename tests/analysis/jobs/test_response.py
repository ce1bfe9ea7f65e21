"""Jobs ``response`` and ``water`` on measured records and on wrong ones."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from soilco2.analysis.frames.build import from_table
from soilco2.analysis.frames.frame import Frame
from soilco2.analysis.jobs import response, water
from soilco2.analysis.jobs.base import Options, Outcome
from soilco2.storage.results.results import Result, ResultFile, read_results, write_results, write_table
from tests.analysis.data import agua_amarga, sjer_2020, sjer_2022

JOBS = {"response": response.run, "water": water.run}


def frame_of(table: pd.DataFrame) -> Frame:
    (frame,) = from_table(table)
    return frame


@pytest.fixture(scope="module")
def grassland() -> dict[str, Outcome]:
    table = agua_amarga()
    frame = frame_of(table[table["profile"].isin(["under_plant", "site"])])
    return {name: run(frame, Options()) for name, run in JOBS.items()}


@pytest.fixture(scope="module")
def wet_spell() -> dict[str, Outcome]:
    frame = frame_of(sjer_2020())
    return {name: run(frame, Options()) for name, run in JOBS.items()}


def one(rows: list[Result], what: str, **wanted: object) -> Result:
    (found,) = (r for r in rows if r.what == what and all(getattr(r, k) == v for k, v in wanted.items()))
    return found


def test_q10_whole_and_by_class_and_the_dropped_values_are_told(grassland: dict[str, Outcome]) -> None:
    rows = grassland["response"].rows
    whole = one(rows, "q10_nls", mask="all", scale="as measured")
    dry, wet = (one(rows, "q10_nls", mask=name) for name in ("dry", "wet"))
    assert whole.value is not None
    assert dry.value is not None
    assert wet.value is not None
    assert whole.value < 1 < wet.value < dry.value
    assert dry.lower is not None
    assert dry.lower > 1
    assert dry.details["water_to"] == pytest.approx(0.034, abs=0.002)
    log = one(rows, "q10_log", mask="all", scale="as measured")
    assert log.details["dropped_percent"] == pytest.approx(
        10.7, abs=0.1
    )  # of 41 529 values, counted in the table
    driest = one(rows, "q10_log", mask="dry")
    assert driest.refused
    assert driest.value is None
    assert driest.why_code == "dropped"
    assert driest.details["dropped"] == 3719
    assert whole.details["called"] == "Q10 of the flux"


def test_windows_are_free_of_the_season(grassland: dict[str, Outcome]) -> None:
    """Within 15 days most Q10 lie above one, over the year it is below: the season hides it (Mahecha et al. 2010,
    https://doi.org/10.1126/science.1189587, on ecosystem respiration)."""
    out = grassland["response"]
    found = one(out.rows, "q10_window_median")
    assert found.value is not None
    assert 1 < found.value < 2.5
    windows = out.tables["windows"]
    assert len(windows["q10"]) == found.details["windows"]
    middle = pd.to_datetime(pd.Series(windows["middle_utc"]))
    assert (middle.diff().dropna() == pd.Timedelta(days=5)).all()
    withheld = np.array(windows["withheld"]) != ""
    assert np.isnan(np.array(windows["lower"], float)[withheld]).all()


def test_rain_is_left_out_where_there_is_a_gauge(grassland: dict[str, Outcome]) -> None:
    rows = grassland["response"].rows
    dry = one(rows, "q10_nls", mask="72 h after rain left out")
    assert dry.n < one(rows, "q10_nls", mask="all", scale="as measured").n


def test_hours_after_rain_are_counted_from_its_end() -> None:
    rain = np.zeros(20)
    rain[[3, 5]] = 1.0
    rain[4] = np.nan
    found = response.after_rain(rain, slots=24, hours=3)
    assert list(np.flatnonzero(found)) == [3, 4, 5, 6, 7]
    assert not response.after_rain(np.full(5, np.nan), 24).any()


def test_what_water_hides_is_told_and_no_paradox_claimed(grassland: dict[str, Outcome]) -> None:
    rows = [r for r in grassland["water"].rows if r.details.get("fit") == "q10_nls"]
    within = one(rows, "q10_within_classes")
    ratio = one(rows, "q10_within_over_pooled")
    assert within.details["reversed"] == 0
    assert within.lower is not None
    assert within.upper is not None
    assert within.lower < 1 < within.upper
    assert ratio.lower is not None
    assert ratio.lower > 1
    assert (
        -0.9 < float(one(grassland["water"].rows, "water_slope").details["r_temperature_water"] or 0) < -0.5
    )


def test_models_are_told_with_skill_ties_and_choice(grassland: dict[str, Outcome]) -> None:
    for job, what, count in (("water", "water_model", 13), ("response", "temperature_model", 6)):
        rows = [r for r in grassland[job].rows if r.what == what]
        assert len(rows) == count
        assert sum(r.details["best"] == 1 for r in rows) == 1
        (chosen,) = (r for r in rows if r.details["chosen"] == 1)
        assert chosen.details["ties_with_best"] == 1
        assert chosen.value is not None
        assert chosen.value > 0
        assert len({r.n for r in rows}) == 1
        assert all(5 <= int(r.details["stretch_days"] or 0) <= 30 for r in rows)


def test_curves_and_bins_are_tidy(grassland: dict[str, Outcome]) -> None:
    curves = pd.DataFrame(grassland["response"].tables["curves"])
    assert set(curves["mask"]) >= {"all", "dry", "middling", "wet"}
    assert (curves["lower"].dropna() <= curves["fitted"][curves["lower"].notna()]).all()
    bins = pd.DataFrame(grassland["water"].tables["bins"])
    assert list(bins["water_from"]) == sorted(bins["water_from"])
    assert bins["median"].iloc[-1] > 3 * bins["median"].iloc[0]  # wet days breathe more than dry ones


def test_a_concentrations_q10_is_called_apparent_and_runs_against_temperature(
    wet_spell: dict[str, Outcome],
) -> None:
    """SJER: CO2 near the surface falls while the day warms, so its apparent Q10 is below one."""
    rows = wet_spell["response"].rows
    shallow = [r for r in rows if r.what == "q10_nls" and r.mask == "all" and r.scale == "as measured"]
    assert len(shallow) == 3
    for r in shallow:
        assert r.details["called"] == "apparent Q10 of the concentration"
        assert r.upper is not None
        assert r.upper < 1
    depths = pd.DataFrame(wet_spell["response"].tables["depths"])
    assert set(depths["driver_depth_m"].round(2)) == {0.02, 0.06, 0.16}
    assert depths.groupby("target")["nearest"].sum().eq(1).all()


def test_lags_of_temperature_depths_grow_with_depth(wet_spell: dict[str, Outcome]) -> None:
    """The wave comes later the deeper the sensor, so CO2 comes after it by less (modulo a day)."""
    depths = pd.DataFrame(wet_spell["response"].tables["depths"])
    for _, part in depths.sort_values("driver_depth_m").groupby("target"):
        step = np.diff(part["lag_h"].to_numpy())
        assert ((12 - (12 - step) % 24) < 0).all()


def test_two_thirds_missing_leave_too_few_days(wet_spell: dict[str, Outcome]) -> None:
    models = [r for r in wet_spell["water"].rows if r.what == "water_model"]
    assert {r.why_code for r in models} == {"days"}


def test_a_dry_month_refuses_or_tells_with_its_reason() -> None:
    frame = frame_of(sjer_2022())
    for run in JOBS.values():
        rows = run(frame, Options()).rows
        check(rows)
        assert "t_range" in {r.why_code for r in rows}  # at 16 cm the month spans 5.8 K


def check(rows: list[Result]) -> None:
    """Every number has its interval, or its reason, or a method that says why it has none."""
    without = {"temperature_model", "water_model", "q10_window_median"}
    for r in rows:
        assert r.method
        if r.refused:
            assert r.why
            assert r.lower is None
        elif r.what not in without:
            assert r.value is not None
            assert r.lower is not None
            assert r.upper is not None
            assert r.lower <= r.value <= r.upper
            assert r.n_eff is not None


@pytest.mark.parametrize("job", JOBS)
def test_every_number_has_its_interval_or_its_reason(job: str, grassland: dict[str, Outcome]) -> None:
    check(grassland[job].rows)


@pytest.mark.parametrize("job", JOBS)
def test_rows_and_tables_can_be_written_and_read(
    job: str, grassland: dict[str, Outcome], tmp_path: Path
) -> None:
    out = grassland[job]
    created = "2026-03-01T00:00:00Z"
    results = ResultFile(job=job, station="s", created=created, version="0", rows=tuple(out.rows))
    again = read_results(write_results(tmp_path, results))
    assert len(again.rows) == len(out.rows)
    json.dumps([asdict(r) for r in again.rows], allow_nan=False)
    for name, columns in out.tables.items():
        path = write_table(tmp_path, "2026-03-01", job, name, columns)
        assert len(pd.read_csv(path)) == len(next(iter(columns.values())))


def made(days: int = 40, **series: np.ndarray) -> Frame:
    """A record at 0.1 m, every 30 minutes."""
    times = pd.date_range("2026-03-01", periods=48 * days, freq="30min", tz="UTC")
    units = {"co2": "ppm", "co2_flux": "umol m-2 s-1", "soil_temperature": "degC", "soil_water": "m3/m3"}
    parts = [
        pd.DataFrame(
            {"time_utc": times, "value": values, "variable": name, "unit": units[name], "depth_m": 0.1}
        )
        for name, values in series.items()
    ]
    return frame_of(pd.concat(parts))


def waves(days: int = 40) -> dict[str, np.ndarray]:
    hours = np.arange(48 * days) / 2
    T = 18 + 6 * np.sin(2 * np.pi * hours / 24) + 6 * np.sin(2 * np.pi * hours / 480)
    W = 0.15 + 0.05 * np.cos(2 * np.pi * hours / 300)
    return {"co2_flux": (0.2 + 10 * W) * 2.0 ** ((T - 20) / 10), "soil_temperature": T, "soil_water": W}


def test_the_same_record_with_gaps_gives_the_same_answer() -> None:
    whole = waves()
    gappy = {k: v.copy() for k, v in whole.items()}
    rng = np.random.default_rng(4)
    gappy["co2_flux"][rng.random(gappy["co2_flux"].size) < 0.1] = np.nan
    for series in (whole, gappy):
        frame = made(**series)
        rows = water.run(frame, Options()).rows
        assert one(rows, "q10_given_water").value == pytest.approx(2.0, rel=0.02)
        assert one(rows, "water_slope").value == pytest.approx(10, rel=0.06)


@pytest.mark.parametrize("job", JOBS)
@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"soil_temperature": None}, "missing_driver"),
        ({"soil_water": None}, "missing_driver"),
        ({"soil_temperature": np.full(48 * 40, 20.0)}, "t_range"),
        ({"co2_flux": np.full(48 * 40, 1.0)}, "constant"),
        ({"soil_water": np.full(48 * 40, 0.1)}, None),
        ({"soil_temperature": np.full(48 * 40, -3.0)}, "few_pairs"),
    ],
)
def test_bad_records_give_reasons_and_no_warning(
    job: str, change: dict[str, np.ndarray | None], code: str | None
) -> None:
    series = {k: v for k, v in (waves() | change).items() if v is not None}
    rows = JOBS[job](made(**series), Options()).rows
    check(rows)
    assert rows
    if code and not (job == "water" and code == "few_pairs"):
        assert code in {r.why_code for r in rows}


@pytest.mark.parametrize("job", JOBS)
@pytest.mark.parametrize("days", [1, 3])
def test_three_days_and_one_are_refused(job: str, days: int) -> None:
    rows = JOBS[job](made(days, **waves(days)), Options()).rows
    check(rows)
    assert all(r.refused for r in rows)


def test_one_row_is_refused() -> None:
    table = pd.DataFrame(
        {
            "time_utc": ["2026-03-01T00:00:00Z"] * 3,
            "variable": ["co2", "soil_temperature", "soil_water"],
            "value": [800.0, 20.0, 0.1],
            "unit": ["ppm", "degC", "m3/m3"],
            "depth_m": [0.1] * 3,
        }
    )
    for run in JOBS.values():
        rows = run(frame_of(table), Options()).rows
        assert all(r.refused for r in rows)
