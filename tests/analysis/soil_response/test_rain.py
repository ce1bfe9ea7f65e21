"""After rain: exact on made-up pulses, beside scipy, in the order of magnitude of what was published."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import curve_fit
from scipy.stats import binom

from soilco2.analysis.frames.build import from_table
from soilco2.analysis.frames.frame import Frame
from soilco2.analysis.jobs.base import Options
from soilco2.analysis.jobs.rain import run
from soilco2.analysis.soil_response.rain import (
    Event,
    after_rain,
    answers,
    chance_rises,
    decay_time,
    dry_season,
    median_interval,
    rain_events,
    rises,
    wetting_events,
)
from soilco2.storage.results.results import Result
from tests.analysis.data import agua_amarga, sjer_2020

SLOTS, DAYS = 48, 120
N = SLOTS * DAYS
STARTS = [20 * SLOTS + 5, 40 * SLOTS, 55 * SLOTS + 30, 70 * SLOTS, 85 * SLOTS + 11, 95 * SLOTS, 108 * SLOTS]


def made_up(
    tau_h: float = 20.0, rise: float = 6.0, delay_h: float = 2.0, gaps: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Rain [mm] and flux: base 1.0 with a daily sine, each rain a jump after `delay_h` that decays with `tau_h`."""
    hour = np.arange(N) / 2
    rain = np.zeros(N)
    flux = 1.0 + 0.2 * np.sin(2 * np.pi * hour / 24)
    for k, start in enumerate(STARTS):
        rain[start : start + 3] = 1.0 + k
        first = start + round(2 * delay_h)
        flux[first:] += rise * np.exp(-(hour[first:] - hour[first]) / tau_h)
    if gaps:
        rng = np.random.default_rng(4)
        flux[rng.random(N) < 0.15] = np.nan
        peaks = np.array(STARTS) + round(2 * delay_h)
        flux[peaks] = (1.0 + 0.2 * np.sin(2 * np.pi * hour[peaks] / 24)) + rise
    return rain, flux


def frame_of(
    flux: np.ndarray, rain: np.ndarray | None, water: np.ndarray | None = None, variable: str = "co2_flux"
) -> Frame:
    times = pd.date_range("2026-03-01", periods=flux.size, freq="30min", tz="UTC")
    unit = "umol m-2 s-1" if variable == "co2_flux" else "ppm"
    columns: list[tuple[str, str, str, float | None, Any]] = [(variable, unit, "p1", 0.05, flux)]
    if rain is not None:
        columns.append(("rain", "mm", "site", None, rain))
    if water is not None:
        columns.append(("soil_water", "m3/m3", "p1", 0.05, water))
    parts = [
        pd.DataFrame(
            {"time_utc": times, "variable": name, "unit": unit, "profile": where, "depth_m": z, "value": v}
        )
        for name, unit, where, z, v in columns
    ]
    (frame,) = from_table(pd.concat(parts))
    return frame


@pytest.mark.parametrize("gaps", [False, True])
def test_a_made_up_pulse_is_given_back(gaps: bool) -> None:
    """Rise 6, two hours late, tau 20 h; the 48 h before are two whole days, so the sine leaves the base alone."""
    rain, flux = made_up(gaps=gaps)
    events = rain_events(rain, SLOTS)
    assert [e.start for e in events] == STARTS
    assert [e.mm for e in events] == pytest.approx([3.0 * (1 + k) for k in range(7)])
    found = answers(flux, SLOTS, events)
    for a in found[1:]:
        assert a.base == pytest.approx(1.0, abs=0.03)
        assert a.hours_to_peak == pytest.approx(2.0, abs=0.5)
        assert a.rise == pytest.approx(6.0, abs=0.25)
        assert a.tau == pytest.approx(20.0, rel=0.05)
        assert a.chance < 0.01
        # Integral of 6 exp(-t/20 h) over the 70 h left of 72 h: 6 * 20 * (1 - exp(-3.5)) = 116.4
        assert a.excess == pytest.approx(116.4, rel=0.04)


def test_the_decay_is_that_of_scipy() -> None:
    rng = np.random.default_rng(9)
    t = np.arange(100) * 0.5
    y = 4 * np.exp(-t / 13.0) + 0.2 * rng.standard_normal(t.size)
    y[7:15] = np.nan
    good = np.isfinite(y)
    theirs, _ = curve_fit(lambda x, a, tau: a * np.exp(-x / tau), t[good], y[good], p0=(3.0, 10.0))
    tau, r2 = decay_time(t, y)
    assert tau == pytest.approx(theirs[1], rel=1e-4)
    assert 0.9 < r2 < 1
    assert decay_time(t, 4 * np.exp(-t / 13.0))[0] == pytest.approx(13.0, rel=1e-5)


@pytest.mark.parametrize(
    "y", [np.zeros(60), np.ones(60), np.arange(60.0), -np.exp(-np.arange(60) / 9), np.full(60, np.nan)]
)
def test_what_does_not_decay_has_no_decay_time(y: np.ndarray) -> None:
    assert math.isnan(decay_time(np.arange(60.0), y)[0])


def test_the_interval_of_a_median_is_that_of_the_binomial() -> None:
    """n = 10: 1 - 2 P(B < 2) = 0.979 with the 2nd and 9th; n = 6: 0.969 with the ends; n = 5 has none."""
    assert median_interval(np.arange(1.0, 11)) == (5.5, 2.0, 9.0)
    assert 1 - 2 * binom.cdf(1, 10, 0.5) == pytest.approx(0.979, abs=1e-3)
    assert median_interval(np.arange(1.0, 7)) == (3.5, 1.0, 6.0)
    assert math.isnan(median_interval(np.arange(5.0))[1])
    rng = np.random.default_rng(3)
    hits = [(m[1] <= 0 <= m[2]) for m in (median_interval(x) for x in rng.standard_t(2, (1000, 25)))]
    assert 0.93 < np.mean(hits) < 0.985


def test_rises_are_those_of_a_plain_loop() -> None:
    rng = np.random.default_rng(6)
    c = rng.standard_normal(12 * SLOTS)
    c[rng.random(c.size) < 0.2] = np.nan
    fast = rises(c, SLOTS)
    for at in range(96, c.size - 144 + 1, 37):
        assert fast[at] == pytest.approx(np.nanmax(c[at : at + 144]) - np.nanmean(c[at - 96 : at]))
    assert np.isnan(fast[:96]).all()


def test_events_keep_a_dry_day_between_them() -> None:
    rain = np.zeros(10 * SLOTS)
    rain[[10, 57, 200, 300]] = [0.6, 0.6, 0.4, 5.0]
    # 47 slots apart is one event, 143 are two; 0.4 mm is too little
    assert rain_events(rain, SLOTS) == [
        Event(10, 57, pytest.approx(1.2)),
        Event(300, 300, pytest.approx(5.0)),
    ]
    assert rain_events(np.full(96, np.nan), SLOTS) == []
    wet = after_rain(rain.size, [Event(10, 57, 1.2)], SLOTS)
    assert np.flatnonzero(wet).tolist() == list(range(10, 57 + 144 + 1))


def test_without_a_gauge_a_step_of_water_is_an_event() -> None:
    water = np.full(10 * SLOTS, 0.05)
    water[200:] += 0.02
    (event,) = wetting_events(water, SLOTS)
    assert event.start == 200
    assert math.isnan(event.mm)
    assert wetting_events(np.full(10, 0.1), SLOTS) == []


def test_chance_keeps_the_days_after_rain_out() -> None:
    rain, flux = made_up()
    chance = chance_rises(flux, SLOTS, rain_events(rain, SLOTS))
    # Amplitude 0.2 over a mean of whole days; what is left of a pulse falls, so it cannot rise.
    assert chance.size > 1000
    assert chance.max() < 0.25


def test_rain_that_co2_does_not_answer_is_not_taken_for_an_answer() -> None:
    rain, _ = made_up()
    rng = np.random.default_rng(2)
    noise = 1.0 + 0.5 * rng.standard_normal(N)
    rows = run(frame_of(noise, rain), Options()).rows
    (rise,) = (r for r in rows if r.what == "rain_rise" and r.mask == "all")
    assert rise.value is not None
    assert rise.value > 1  # the highest of 144 values of pure noise
    assert rise.p is not None
    assert rise.p > 0.05
    (peak,) = (r for r in rows if r.what == "rain_hours_to_peak" and r.mask == "all")
    assert peak.why_code == "few_events"


def test_the_dry_half_of_a_record_is_found() -> None:
    water = np.r_[np.full(60 * SLOTS, 0.05), np.full(60 * SLOTS, 0.2)]
    dry = dry_season(water, SLOTS)
    assert dry[: 40 * SLOTS].all()
    assert not dry[80 * SLOTS :].any()
    assert not dry_season(np.full(96, np.nan), SLOTS).any()


# refusals


@pytest.mark.parametrize(
    ("code", "parts"),
    [
        ("no_rain", (np.ones(N), None, None)),
        ("few_events", (made_up()[1], np.zeros(N), None)),
        ("few_events", (made_up()[1][:144], made_up()[0][:144], None)),
        ("few_events", (np.ones(1), np.zeros(1), None)),
        ("few_events", (made_up()[1], None, np.full(N, 0.1))),
        ("few_events", (np.where(np.arange(N) == 0, 1.0, np.nan), made_up()[0], None)),
    ],
)
def test_too_little_is_refused_with_its_reason(code: str, parts: tuple[Any, Any, Any]) -> None:
    rows = run(frame_of(*parts), Options()).rows
    found = [r for r in rows if r.what == "rain_rise"]
    assert {r.why_code for r in found} == {code}
    assert all(r.value is None and r.why for r in found)


def test_a_constant_flux_and_a_concentration_give_answers_or_reasons() -> None:
    rain, flux = made_up()
    for frame in (frame_of(np.full(N, 2.0), rain), frame_of(500 + 100 * flux, rain, np.full(N, 0.1), "co2")):
        for r in run(frame, Options()).rows:
            assert r.refused == bool(r.why)
            assert r.refused or r.value is not None
    rows = run(frame_of(500 + 100 * flux, rain, variable="co2"), Options()).rows
    assert not [r for r in rows if r.what == "rain_carbon_share"], (
        "a concentration has no carbon to share out"
    )
    assert {r.unit for r in rows if r.what == "rain_excess"} == {"ppm h"}


# measured


@pytest.fixture(scope="module")
def grassland() -> list[Result]:
    (frame,) = from_table(agua_amarga())
    return run(frame, Options()).rows


@pytest.mark.parametrize("where", ["bare_soil", "under_plant"])
def test_pulses_of_agua_amarga_are_of_the_order_published(where: str, grassland: list[Result]) -> None:
    """Vargas 2018: up to 9 000 % (plants) and 17 000 % (bare); its README: 39 umol three hours after 3 mm."""
    mine = {(r.what, r.mask): r for r in grassland if where in r.target}
    events = mine["rain_events", "all"]
    assert events.value is not None
    assert 30 <= events.value <= 60
    percent = events.details["largest_percent_of_base"]
    assert isinstance(percent, float)
    assert 3_000 < percent < 60_000
    rise = mine["rain_rise", "all"]
    assert rise.p is not None
    assert rise.p < 1e-9
    if where == "bare_soil":
        assert rise.details["largest"] == pytest.approx(39, abs=1)
        assert rise.details["largest_mm"] == pytest.approx(3, abs=0.2)
    # Lopez-Ballesteros 2016: 7 % of the dry season's length gave 40 % of its carbon.
    share = mine["rain_carbon_share", "dry season"]
    assert share.value is not None
    assert share.upper is not None
    assert isinstance(share.details["share_of_time"], float)
    assert 0.05 < share.details["share_of_time"] < 0.09
    assert 0.2 < share.value < 0.45
    assert share.upper > 0.4
    # Birch: dry soil answers more strongly, and sooner on bare soil.
    dry, wet = mine["rain_rise", "dry before"], mine["rain_rise", "wet before"]
    assert dry.value is not None
    assert wet.value is not None
    assert dry.value > wet.value
    ranks = {
        r.driver.rsplit("/", 1)[-1]: r
        for r in grassland
        if where in r.target and r.what == "rain_rise_rank_r"
    }
    assert ranks["rain"].value is not None
    assert ranks["soil_water"].value is not None
    assert ranks["rain"].value > 0.2
    assert ranks["soil_water"].value < -0.3


def test_without_the_hours_after_rain_heat_and_cold_days_differ_less(grassland: list[Result]) -> None:
    """P8: rain comes with cold, so it bends r(C, T) from day to day downward."""
    for where in ("bare_soil", "under_plant"):
        r = {
            x.mask: x.value
            for x in grassland
            if where in x.target and x.what == "pearson_r" and x.scale == "day-to-day"
        }
        whole, without = r["all"], r["without 72 h after rain"]
        assert whole is not None
        assert without is not None
        assert whole < without


def test_a_gappy_dry_down_has_no_event_to_tell() -> None:
    (frame,) = from_table(sjer_2020())
    rows = run(frame, Options()).rows
    assert {r.why_code for r in rows if r.what == "rain_rise"} == {"few_events"}
