"""The first look: what is wrong with a record is named, a sound record passes, nothing ends in a traceback."""

from __future__ import annotations

import re
from string import Formatter
from typing import Any

import numpy as np
import pandas as pd
import pytest

from soilco2.analysis.errors import DataError
from soilco2.analysis.frames.build import from_table
from soilco2.analysis.frames.frame import Site
from soilco2.analysis.jobs.audit import run
from soilco2.analysis.jobs.base import Options
from soilco2.analysis.jobs.lag import run as run_lag
from soilco2.analysis.refusals import REASONS, WARNINGS, Refusal, warning_text
from soilco2.analysis.soil_response.audit import at_limit, gaps, hourly_coverage, longest_run, spikes
from soilco2.station_config.message import Message, translate
from soilco2.storage.results.results import Result
from tests.analysis.data import agua_amarga, sjer_2022

HAN = re.compile(r"[\u4e00-\u9fff]")
START = pd.Timestamp("2026-05-01T00:00:00Z")
SITE = Site(longitude=109.7)  # solar noon at 4.69 h UTC
DAYS, SLOTS = 30, 48
HOUR = np.arange(DAYS * SLOTS) / 2
PEAK_UTC = 12 + 3 - 109.7 / 15


def wave(peak_h: float, amplitude: float, level: float) -> np.ndarray:
    rng = np.random.default_rng(int(level * 1000) % 97)
    x = level + amplitude * np.cos(2 * np.pi * (HOUR - peak_h) / 24)
    return np.asarray(x + 0.02 * amplitude * rng.standard_normal(HOUR.size))


def part(name: str, unit: str, depth: float | None, values: Any, flag: int = 1) -> pd.DataFrame:
    times = pd.date_range(START, periods=len(values), freq="30min")
    return pd.DataFrame(
        {"time_utc": times, "station": "s", "profile": "site" if depth is None else "p1", "variable": name,
         "unit": unit, "depth_m": depth, "value": values, "flag": flag}
    )  # fmt: skip


def sound(**other: Any) -> dict[str, pd.DataFrame]:
    rng = np.random.default_rng(1)
    water = 0.05 + 0.09 * np.repeat(rng.random(DAYS), SLOTS) + 0.001 * rng.standard_normal(HOUR.size)
    return {
        "t05": part("soil_temperature", "degC", 0.05, wave(PEAK_UTC, 9.0, 24.0)),
        "t20": part("soil_temperature", "degC", 0.20, wave(PEAK_UTC + 5, 2.5, 23.0)),
        "w05": part("soil_water", "m3/m3", 0.05, water),
        "co2": part("co2", "ppm", 0.10, wave(PEAK_UTC + 2, 60.0, 900.0)),
    } | other


def audit(parts: dict[str, pd.DataFrame], site: Site = SITE) -> list[Result]:
    (frame,) = from_table(pd.concat(parts.values()), site=site)
    return run(frame, Options()).rows


def warned(rows: list[Result]) -> set[str]:
    return {str(r.details["warning_code"]) for r in rows if "warning_code" in r.details}


def test_a_sound_record_passes_without_a_warning() -> None:
    rows = audit(sound())
    assert not warned(rows)
    assert not [r for r in rows if r.refused]
    hours = {r.target_depth_m: r.value for r in rows if r.what == "hour_of_maximum"}
    assert hours == {0.05: pytest.approx(15.0, abs=0.1), 0.20: pytest.approx(20.0, abs=0.1)}
    coverage = [r for r in rows if r.what == "coverage"]
    assert [r.value for r in coverage] == [1.0] * 4


def repeated() -> np.ndarray:
    x = wave(PEAK_UTC + 2, 60.0, 900.0)
    x[300:500] = x[300]
    return x


def clipped() -> np.ndarray:
    return np.minimum(wave(PEAK_UTC + 2, 800.0, 4500.0), 5000.0)


def spiky() -> np.ndarray:
    x = wave(PEAK_UTC + 2, 60.0, 900.0)
    x[[200, 700]] += 3000
    return x


def half_gone() -> np.ndarray:
    x = wave(PEAK_UTC + 2, 60.0, 900.0)
    x[200:1000] = np.nan
    return x


def nights_only() -> np.ndarray:
    x = wave(PEAK_UTC + 2, 60.0, 900.0)
    x[(HOUR % 24 > 2) & (HOUR % 24 < 7) & (HOUR > 480)] = np.nan
    return x


@pytest.mark.parametrize(
    ("code", "parts"),
    [
        ("stuck", {"co2": part("co2", "ppm", 0.10, repeated())}),
        ("clipped", {"co2": part("co2", "ppm", 0.10, clipped())}),
        ("spiky", {"co2": part("co2", "ppm", 0.10, spiky())}),
        ("gappy", {"co2": part("co2", "ppm", 0.10, half_gone())}),
        ("uneven_hours", {"co2": part("co2", "ppm", 0.10, nights_only())}),
        ("below_air", {"co2": part("co2", "ppm", 0.10, wave(PEAK_UTC, 60.0, 350.0))}),
        ("left_out", {"co2": part("co2", "ppm", 0.10, half_gone())}),
        ("frozen", {"t05": part("soil_temperature", "degC", 0.05, wave(PEAK_UTC, 9.0, 5.0))}),
        ("too_wet", {"w05": part("soil_water", "m3/m3", 0.05, wave(PEAK_UTC, 0.01, 0.7))}),
        ("negative_flux", {"co2": part("co2_flux", "umol m-2 s-1", 0.0, wave(PEAK_UTC, 1.0, 0.3))}),
        ("t_w_tied", {"w05": part("soil_water", "m3/m3", 0.05, 0.3 - wave(PEAK_UTC, 9.0, 24.0) / 200)}),
        ("co2_apart", {"co2": part("co2", "ppm", 0.10, wave(PEAK_UTC + 12, 60.0, 900.0))}),
        ("co2_jump", {"co2": part("co2", "ppm", 0.10, np.r_[wave(4.0, 60.0, 900.0), wave(11.0, 60.0, 900.0)]),
                      "t05": part("soil_temperature", "degC", 0.05, np.tile(wave(PEAK_UTC, 9.0, 24.0), 2))}),
        ("pressure_tide", {"p": part("air_pressure", "hPa", None,
                                     900 + np.cos(2 * np.pi * (HOUR - 4.0 + 109.7 / 15) / 12))}),
    ],
)  # fmt: skip
def test_each_fault_is_named(code: str, parts: dict[str, pd.DataFrame]) -> None:
    rows = audit(sound(**parts))
    found = [r for r in rows if r.details.get("warning_code") == code]
    assert found, warned(rows)
    for r in found:
        assert r.value is not None
        assert r.details["warning"] == warning_text(code, r.details)
        assert HAN.search(translate(str(r.details["warning"]), "zh"))


def test_the_tide_of_pressure_at_its_hour_is_no_fault() -> None:
    """9.7 h solar time, Chapman & Lindzen (1970)."""
    tide = 900 + np.cos(2 * np.pi * (HOUR - 9.7 + 109.7 / 15) / 12)
    rows = audit(sound(p=part("air_pressure", "hPa", None, tide)))
    (found,) = (r for r in rows if r.what == "pressure_tide_hour")
    assert found.value == pytest.approx(9.7, abs=0.01)
    assert not warned(rows)


def test_swapped_depths_are_named_and_withhold_the_lag() -> None:
    parts = sound(
        t05=part("soil_temperature", "degC", 0.05, wave(PEAK_UTC + 5, 2.5, 23.0)),
        t20=part("soil_temperature", "degC", 0.20, wave(PEAK_UTC, 9.0, 24.0)),
    )
    rows = audit(parts)
    (found,) = (r for r in rows if r.what == "depth_order")
    assert (found.details["upper_m"], found.details["lower_m"]) == (0.05, 0.20)
    assert found.value == pytest.approx(3.6, abs=0.1)
    assert found.details["earlier_h"] == pytest.approx(5.0, abs=0.1)
    (frame,) = from_table(pd.concat(parts.values()), site=SITE)
    assert {r.why_code for r in run_lag(frame, Options()).rows if r.mask == "all"} <= {
        "clock_sun",
        "clock_depth",
    }


@pytest.mark.parametrize("shift", [-9, 8, 10])
def test_a_temperature_clock_hours_off_is_named_in_both_languages(shift: int) -> None:
    parts = sound(
        t05=part("soil_temperature", "degC", 0.05, wave(PEAK_UTC + shift, 9.0, 24.0)),
        t20=part("soil_temperature", "degC", 0.20, wave(PEAK_UTC + 5 + shift, 2.5, 23.0)),
    )
    (frame,) = from_table(pd.concat(parts.values()), site=SITE)
    out = run(frame, Options())
    assert out.notes == ["clock_failed"]
    found = [r for r in out.rows if r.why_code == "clock_sun"]
    assert found
    for r in found:
        assert "clock" in r.why
        assert "时钟" in translate(Refusal(r.why_code, dict(r.why_values)).message, "zh")
        assert translate(r.why, "zh") == translate(Refusal(r.why_code, dict(r.why_values)).message, "zh")


def test_without_longitude_the_hour_is_told_in_utc_and_not_judged() -> None:
    rows = audit(sound(), Site())
    found = [r for r in rows if r.what == "hour_of_maximum"]
    assert {r.why_code for r in found} == {"no_longitude"}
    assert {r.details["time"] for r in found} == {"UTC"}
    assert found[0].value == pytest.approx(PEAK_UTC, abs=0.1)


def test_one_probe_under_two_names_is_named() -> None:
    rows = audit(sound(copy=part("co2", "ppm", 0.30, wave(PEAK_UTC + 2, 60.0, 900.0))))
    (found,) = (r for r in rows if r.what == "same_values")
    assert "0.10 m" in str(found.details["warning"])


# what a station may send


@pytest.mark.parametrize(
    ("what", "parts"),
    [
        ("one row", {k: v.iloc[:1] for k, v in sound().items()}),
        ("three days", {k: v.iloc[: 3 * SLOTS] for k, v in sound().items()}),
        ("constant", sound(co2=part("co2", "ppm", 0.10, np.full(HOUR.size, 700.0)))),
        ("constant water", sound(w05=part("soil_water", "m3/m3", 0.05, np.full(HOUR.size, 0.1)))),
        ("all missing", sound(t05=part("soil_temperature", "degC", 0.05, np.full(HOUR.size, np.nan)))),
        ("co2 missing", sound(co2=part("co2", "ppm", 0.10, np.full(HOUR.size, np.nan)))),
        ("all flagged", sound(w05=part("soil_water", "m3/m3", 0.05, wave(1.0, 0.01, 0.2), flag=4))),
        ("co2 alone", {"co2": sound()["co2"]}),
        ("daily", {k: v.iloc[::SLOTS] for k, v in sound().items()}),
        ("six-hourly", {k: v.iloc[::12] for k, v in sound().items()}),
    ],
)
def test_poor_records_get_answers_or_reasons(what: str, parts: dict[str, pd.DataFrame]) -> None:
    for site in (SITE, Site()):
        rows = audit(parts, site)
        assert rows, what
        for r in rows:
            assert r.refused == bool(r.why)
            assert r.refused or r.value is not None, r
    if what.startswith("constant"):
        assert [r for r in rows if r.what == "constant" and r.why_code == "constant"]
    if "missing" in what or "flagged" in what:
        assert [r for r in rows if r.why_code == "empty"]


def test_without_any_good_value_there_is_one_clear_error() -> None:
    with pytest.raises(DataError, match="no good value"):
        audit({"co2": part("co2", "ppm", 0.10, np.full(HOUR.size, np.nan))})


def test_the_dry_month_of_five_profiles() -> None:
    """What its README says: stuck water sensors, flagged rows, water that is temperature, sound clocks."""
    (frame,) = from_table(sjer_2022(), site=Site(longitude=-119.733))
    out = run(frame, Options())
    assert not out.notes
    assert {"stuck", "left_out", "t_w_tied", "co2_apart"} <= warned(out.rows)
    assert {r.why_code for r in out.rows if r.refused} <= {
        "empty", "w_range", "t_range", "missing_driver", "few_pairs",
    }  # fmt: skip
    tide = next(r.value for r in out.rows if r.what == "pressure_tide_hour")
    assert tide == pytest.approx(9.7, abs=1.0)
    hours = [r for r in out.rows if r.what == "hour_of_maximum"]
    assert len(hours) >= 15
    assert set(out.tables) == {"coverage_by_hour"}


def test_negative_fluxes_of_the_dry_grassland_are_counted() -> None:
    """10.7 % under the plant, 7.5 % on bare soil (README of the data set)."""
    (frame,) = from_table(agua_amarga(), site=Site(longitude=-2.033))
    found = {r.target.split("/")[1]: r.value for r in run(frame, Options()).rows if r.what == "negative_flux"}
    assert found == {
        "bare_soil": pytest.approx(0.075, abs=5e-4),
        "under_plant": pytest.approx(0.107, abs=5e-4),
    }


# pieces


def test_gaps_and_coverage_by_hand() -> None:
    nan = np.nan
    assert gaps([nan, 1, nan, nan, 2, 3, nan]) == (1, 5, 3, 0.6, 1, 2)
    assert gaps([nan, nan]) == (-1, -1, 0, 0.0, 0, 0)
    assert hourly_coverage([1, nan, 1, 1, nan, nan], 2).tolist() == [1.0, 0.5]
    assert longest_run([1, 1, nan, 2, 2, 2, 3]) == 3
    assert longest_run([nan]) == 0


def test_a_flat_top_counts_only_at_an_end_of_range() -> None:
    assert at_limit([1, 2, 5000, 5000, 5000.0])[0] == 3
    assert at_limit([1, 2, 4000, 4000, 4000.0])[0] == 0
    assert at_limit([5000.0] * 9)[0] == 0
    assert at_limit([1, 2, 3, 4999.0])[0] == 0


def test_a_step_is_no_spike() -> None:
    x = np.sin(np.arange(100.0))
    x[50:] += 100
    assert spikes(x) == 0
    x[70] += 100
    assert spikes(x) == 1


def test_every_reason_and_warning_stands_in_both_languages() -> None:
    for table in (REASONS, WARNINGS):
        for code, template in table.items():
            values = {name: 777.0 for _, name, _, _ in Formatter().parse(template) if name}
            english, chinese = (translate(Message(template, **values), lang) for lang in ("en", "zh"))
            assert HAN.search(chinese), code
            assert not HAN.search(english), code
            assert chinese.count("777") == english.count("777") == len(values), code
