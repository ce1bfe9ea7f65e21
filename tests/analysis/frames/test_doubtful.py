"""Numbers for none and wrong units never become part of a mean; what may be a reading stays one."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from soilco2.analysis.frames.build import from_table
from soilco2.analysis.frames.doubtful import sentinels
from soilco2.analysis.jobs import JOBS
from soilco2.analysis.jobs.base import Options
from soilco2.analysis.jobs.run import run_jobs
from soilco2.analysis.refusals import REASONS

N = 48 * 20
DAY = 900 + 60 * np.sin(2 * np.pi * np.arange(N) / 48)


def table(variable: str, unit: str, values: np.ndarray) -> pd.DataFrame:
    times = pd.date_range("2026-05-01T00:00:00Z", periods=N, freq="30min")
    return pd.DataFrame(
        {"time_utc": times, "station": "s", "profile": "p1", "depth_m": 0.1, "variable": variable, "unit": unit,
         "value": values}
    )  # fmt: skip


@pytest.mark.parametrize("number", [65535.0, -9999.0, 32767.0])
def test_a_tenth_of_numbers_for_none_changes_no_mean(number: float) -> None:
    """65535 in 10 % of 720 ppm would make a mean of 7202."""
    values = np.where(np.arange(N) % 10 == 0, number, 720.0 + np.arange(N) % 7)
    (frame,) = from_table(table("co2", "ppm", values))
    column = frame.columns[0]
    assert column.left_out == {"sentinel": N // 10}
    assert np.nanmax(column.values) < 727


def test_a_probe_that_reads_near_a_number_may_read_it() -> None:
    values = np.r_[np.full(5, 9999.0), 9990.0, 10_010.0]
    assert not sentinels(values, 0.0, 300_000.0).any()
    assert sentinels(values[:5], 0.0, 300_000.0).all()
    assert not sentinels(np.array([9999.0, 500.0]), 0.0, 300_000.0).any()


@pytest.mark.parametrize(
    ("variable", "said", "seems", "values"),
    [("co2", "ppm", "%", DAY / 1e4), ("soil_temperature", "degC", "K", DAY / 60 + 278),
     ("soil_water", "m3/m3", "%", DAY / 60), ("air_pressure", "hPa", "kPa", DAY / 10)],
)  # fmt: skip
def test_a_series_in_another_unit_is_refused_by_name_in_every_job(
    variable: str, said: str, seems: str, values: np.ndarray
) -> None:
    other = table("co2", "ppm", DAY).assign(depth_m=0.2)
    (frame,) = from_table(pd.concat([table(variable, said, values), other]))
    done = run_jobs([frame], JOBS, Options())
    for one in done:
        assert one.outcome is not None, one.error
        assert "other_unit" in one.outcome.notes
    audit = next(one.outcome for one in done if one.job == "audit")
    assert audit is not None
    (refused,) = [row for row in audit.rows if row.why_code == "other_unit"]
    assert refused.why_values["unit"] == seems
    assert refused.why_values["expected"] == said
    assert "other_unit" in REASONS
    assert not any(row.value is not None and row.target == refused.target for row in audit.rows)


def test_the_right_unit_is_converted() -> None:
    (frame,) = from_table(table("co2", "%", DAY / 1e4))
    assert np.nanmean(frame.columns[0].values) == pytest.approx(900.0)
