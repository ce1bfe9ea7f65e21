"""Lag and loop: exact on sines, gaps or not; beside astropy, scipy and a plain loop; on measured records."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from astropy.timeseries import LombScargle

from benchmarks.calibrate_lag import lag_coverage
from soilco2.analysis.frames.build import from_table
from soilco2.analysis.frames.frame import Column, Frame, Site
from soilco2.analysis.frames.scales import within_day
from soilco2.analysis.jobs.base import Options
from soilco2.analysis.jobs.lag import run
from soilco2.analysis.soil_response.clock_check import clocks, failed, jump
from soilco2.analysis.soil_response.damping import damping, layers, misplaced
from soilco2.analysis.statistics.diel import circular_mean, fit_wave, wrap
from soilco2.analysis.statistics.lag import (
    cross_correlation,
    crossings,
    lag,
    loop,
    loop_area,
    rolled_correlations,
)
from soilco2.quality.records import SeriesKey
from soilco2.station_config.message import translate
from soilco2.storage.results.results import Result
from tests.analysis.data import agua_amarga, sjer_2020, sjer_2022

SLOTS, DAYS = 48, 40
HOUR = np.arange(SLOTS * DAYS) * 24 / SLOTS
SITE = Site(longitude=-119.733)
LAGS = [0.0, 3.0, -2.5, 6.0, -5.0, 10.0, -11.5, 12.0]


def sine(peak_h: float, amplitude: float = 5.0, level: float = 20.0, drift: float = 0.0) -> np.ndarray:
    return level + amplitude * np.cos(2 * np.pi * (HOUR - peak_h) / 24) + drift * HOUR / 24


def gappy(x: np.ndarray, share: float = 0.2, seed: int = 3) -> np.ndarray:
    out = x.copy()
    out[np.random.default_rng(seed).random(x.size) < share] = np.nan
    out[5 * SLOTS : 7 * SLOTS + 11] = np.nan
    return out


def frame(*columns: tuple[str, float | None, np.ndarray], site: Site = SITE, profile: str = "p1") -> Frame:
    made = tuple(
        Column(
            SeriesKey("s", "site" if depth is None else profile, f"{name}{depth}", name),
            depth,
            x,
            0.0,
            0.001,
            x.size,
        )
        for name, depth, x in columns
    )
    return Frame("s", 1_772_323_200_000_000, 86_400 // SLOTS, made, site)  # 2026-03-01T00:00Z


# exact


@pytest.mark.parametrize("gaps", [False, True])
@pytest.mark.parametrize("late", LAGS)
def test_a_sine_shifted_by_l_has_lag_l_and_its_loop(late: float, gaps: bool) -> None:
    """Section 7: lag L and (pi/4) sin(2 pi L/24), whatever the trend; values from the formulas by hand."""
    t, c = sine(14.0, drift=0.3), sine(14.0 + late, 30.0, 800.0, drift=-12.0)
    if gaps:
        t, c = gappy(t, 0.1), gappy(c)
    found = lag(t, c, SLOTS)
    assert found.refusal is None
    assert float(wrap(found.hours - late)) == pytest.approx(0.0, abs=1e-6)
    area = loop(t, c, SLOTS)
    assert area.refusal is None
    assert area.area == pytest.approx(math.pi / 4 * math.sin(2 * math.pi * late / 24), abs=1e-6)
    assert area.x.mean() == pytest.approx(20.0 + 0.3 * DAYS / 2, abs=0.5)


@pytest.mark.parametrize("gaps", [False, True])
@pytest.mark.parametrize("late", [0.0, 3.0, -2.5, 6.0, 10.0])
def test_r_at_zero_falls_with_the_cosine_of_the_lag(late: float, gaps: bool) -> None:
    """P4: r(0) = cos(2 pi L/24), and r is largest at L. A 24 h mean of a gappy day is not exact: 0.01 is allowed."""
    t, c = sine(14.0), sine(14.0 + late, 30.0, 800.0)
    if gaps:
        c = gappy(c, 0.1)
    found = cross_correlation(within_day(t, SLOTS), within_day(c, SLOTS), SLOTS)
    assert found.r_zero == pytest.approx(math.cos(2 * math.pi * late / 24), abs=0.01 if gaps else 1e-3)
    assert found.max_h == pytest.approx(late, abs=0.02)
    assert found.r_max == pytest.approx(1.0, abs=0.01)
    assert float(wrap(found.min_h - late - 12)) == pytest.approx(0.0, abs=0.05) or abs(found.min_h) == 12


@pytest.mark.parametrize("gaps", [False, True])
def test_swapping_driver_and_co2_turns_the_sign_of_lag_and_loop(gaps: bool) -> None:
    rng = np.random.default_rng(5)
    t = sine(14.0) + rng.standard_normal(HOUR.size)
    c = sine(18.0, 30.0, 800.0) + 10 * rng.standard_normal(HOUR.size)
    if gaps:
        c = gappy(c)
    one, two = lag(t, c, SLOTS), lag(c, t, SLOTS)
    assert one.hours > 3
    assert two.hours == pytest.approx(-one.hours, abs=1e-9)
    assert (two.lower, two.upper) == (pytest.approx(-one.upper), pytest.approx(-one.lower))
    assert loop(c, t, SLOTS).area == pytest.approx(-loop(t, c, SLOTS).area, abs=1e-9)
    x, y = within_day(t, SLOTS), within_day(c, SLOTS)
    forward, back = cross_correlation(x, y, SLOTS), cross_correlation(y, x, SLOTS)
    assert back.max_h == pytest.approx(-forward.max_h, abs=1e-9)
    assert back.r.tolist() == pytest.approx(forward.r[::-1].tolist(), abs=1e-12)


def test_shifting_all_stamps_by_eight_hours_changes_no_lag() -> None:
    t, c = sine(14.0), gappy(sine(17.0, 30.0, 800.0))
    roll = 8 * SLOTS // 24
    assert lag(np.roll(t, roll), np.roll(c, roll), SLOTS).hours == pytest.approx(
        lag(t, c, SLOTS).hours, abs=1e-6
    )


def test_values_that_stand_for_other_moments_of_their_slot_are_told_apart() -> None:
    """A mean of the half hour stamped at its start stands a quarter of an hour later than an instant."""
    t = sine(14.0)
    assert lag(t, t, SLOTS, offsets_h=(0.0, 0.25)).hours == pytest.approx(0.25, abs=1e-9)
    assert cross_correlation(t - 20, t - 20, SLOTS, 0.25).peak_h == pytest.approx(0.25, abs=0.02)


def test_a_figure_of_eight_is_counted() -> None:
    angle = 2 * np.pi * np.arange(24) / 24
    assert crossings(np.cos(angle), np.sin(2 * angle)) == 1
    assert loop_area(np.cos(angle), np.sin(2 * angle)) == pytest.approx(0.0, abs=1e-12)
    assert crossings(np.cos(angle), np.sin(angle)) == 0
    assert crossings(np.cos(angle), np.cos(angle)) == 0


def test_hours_are_averaged_on_the_circle() -> None:
    assert circular_mean([23.0, 1.0]) % 24 == pytest.approx(0.0, abs=1e-9)
    assert circular_mean([22.0, 23.0, 0.0]) == pytest.approx(23.0)
    assert [float(wrap(h)) for h in (13.0, -13.0, 12.0, -12.0, 24.5)] == [-11.0, 11.0, 12.0, 12.0, 0.5]


# independent


def test_the_wave_is_that_of_lomb_and_scargle() -> None:
    """astropy's LombScargle with two terms, on stamps thinned at random and levelled by hand."""
    rng = np.random.default_rng(11)
    keep = rng.random(HOUR.size) < 0.85
    x = sine(15.3, 3.0) + 0.8 * np.cos(4 * np.pi * (HOUR - 2.0) / 24) + 0.3 * rng.standard_normal(HOUR.size)
    found = fit_wave(np.where(keep, x, np.nan), SLOTS)
    theirs = LombScargle(HOUR[keep], x[keep], nterms=2)
    _, first, second, *_ = (float(v) for v in (0.0, *theirs.model_parameters(1 / 24)[1:3]))
    # y = ... + first sin wt + second cos wt
    assert found.hour == pytest.approx(math.atan2(first, second) * 12 / math.pi % 24, abs=0.02)
    assert found.amplitude == pytest.approx(math.hypot(first, second), rel=0.01)
    assert found.amplitude_12h == pytest.approx(0.8, abs=0.05)
    assert found.hour_12h == pytest.approx(2.0, abs=0.1)


def test_rolled_correlations_are_those_of_a_plain_loop() -> None:
    rng = np.random.default_rng(2)
    x, y = rng.standard_normal((2, 60))
    x[rng.random(60) < 0.2] = np.nan
    y[rng.random(60) < 0.2] = np.nan
    fast, count = rolled_correlations(x, y)
    for k in range(60):
        z = np.roll(y, -k)
        both = np.isfinite(x) & np.isfinite(z)
        assert count[k] == both.sum()
        assert fast[k] == pytest.approx(np.corrcoef(x[both], z[both])[0, 1], abs=1e-10)


def test_the_loop_is_the_shoelace_of_a_fine_curve() -> None:
    """A noisy mean day, smoothed by scipy's own Fourier resampling, beside the shoelace formula."""
    from scipy.signal import resample

    angle = 2 * np.pi * np.arange(24) / 24
    x, y = np.cos(angle) + 0.2 * np.cos(2 * angle), np.sin(angle - 0.7) + 0.1 * np.sin(3 * angle)
    fx, fy = (resample(v, 6000) for v in (x, y))
    fx, fy = (fx - fx.min()) / np.ptp(fx), (fy - fy.min()) / np.ptp(fy)
    shoelace = 0.5 * float((fx * np.roll(fy, -1) - np.roll(fx, -1) * fy).sum())
    assert loop_area(x, y) == pytest.approx(shoelace, abs=1e-3)


@pytest.mark.parametrize(("phi", "gaps"), [(0.0, True), (0.9, False)])
def test_the_interval_of_the_lag_covers(phi: float, gaps: bool) -> None:
    """A small `make calibrate`: 250 records; 90 to 99 % is within four standard errors of 95 %."""
    result = lag_coverage(phi, 0.5, 30, gaps, 250, np.random.default_rng(20))
    assert result["answered"] > 90
    assert 90 <= result["covered"] <= 99


# heat and clocks


def conduction(
    depths: list[float], d: float, peak_h: float = 14.0
) -> list[tuple[str, float | None, np.ndarray]]:
    """Carslaw & Jaeger: exp(-z/d) and z/d later, by hand."""
    return [
        ("soil_temperature", z, sine(peak_h + z / d * 24 / (2 * np.pi), 12 * math.exp(-z / d)))
        for z in depths
    ]


def test_a_uniform_soil_gives_its_damping_depth_by_amplitude_and_by_phase() -> None:
    made = frame(*conduction([0.02, 0.06, 0.16, 0.26], 0.11))
    found = damping(made.find("soil_temperature"), SLOTS)
    assert found is not None
    assert found.by_amplitude[0] == pytest.approx(0.11, rel=1e-6)
    assert found.by_phase[0] == pytest.approx(0.11, rel=1e-6)
    assert found.surface_amplitude == pytest.approx(12.0, rel=1e-6)
    assert found.surface_hour == pytest.approx(14.0, abs=1e-6)
    # alpha = d^2 w/2 = 0.0121 * 7.2722e-5 / 2
    assert found.alpha() == pytest.approx(4.3997e-7, rel=1e-4)


def test_a_clock_nine_hours_off_withholds_the_lag_unless_trusted() -> None:
    solar_noon_utc = 12 + 119.733 / 15
    for shift, wrong in ((0.0, False), (9.0, True), (-8.0, True)):
        made = frame(
            *conduction([0.02, 0.06], 0.1, solar_noon_utc + 2.5 + shift),
            ("co2", 0.05, sine(3.0, 50.0, 900.0)),
        )
        assert (failed(made, "p1") is not None) is wrong
        rows = run(made, Options()).rows
        assert {r.why_code for r in rows if r.what == "lag" and r.mask == "all"} == {
            "clock_sun" if wrong else ""
        }
        trusted = run(made, Options(trust_clock=True)).rows
        assert next(r.value for r in trusted if r.what == "lag" and r.mask == "all") is not None


def test_without_longitude_depth_alone_is_checked() -> None:
    late = conduction([0.02], 0.1, 20.0) + conduction([0.16], 0.1, 10.0)
    assert [c.solar_hour for c in clocks(frame(*late, site=Site()), "p1")] == [None, None]
    found = failed(frame(*late, site=Site()), "p1")
    assert found is not None
    assert found.code == "clock_depth"
    assert failed(frame(*conduction([0.02, 0.16], 0.1, 3.0), site=Site()), "p1") is None


def test_two_swapped_depths_are_named() -> None:
    (_, _, upper), (_, _, lower) = conduction([0.05, 0.20], 0.1)
    made = frame(("soil_temperature", 0.05, lower), ("soil_temperature", 0.20, upper))
    (found,) = misplaced(layers(made.find("soil_temperature"), SLOTS))
    assert (found.upper.column.depth_m, found.lower.column.depth_m) == (0.05, 0.20)
    assert not misplaced(layers(frame(*conduction([0.05, 0.20], 0.1)).find("soil_temperature"), SLOTS))


def test_a_clock_that_was_set_within_the_record_is_found() -> None:
    x = sine(22.0)
    moved = np.r_[x[: 20 * SLOTS], np.roll(x, 9 * SLOTS // 24)[20 * SLOTS :]]
    made = frame(("soil_temperature", 0.05, moved), ("co2", 0.05, sine(3.0, 50.0, 900.0)))
    assert jump(made.columns[0], SLOTS) == (20, pytest.approx(9.0, abs=0.1))
    assert jump(replace(made.columns[0], values=x), SLOTS) is None
    why = failed(made, "p1")
    assert why is not None
    assert why.code == "clock_jump"
    assert "2026-03-21" in why.message
    assert "2026-03-21" in translate(why.message, "zh")


# refusals


def rows_of(made: Frame, what: str = "lag") -> list[Result]:
    return [r for r in run(made, Options()).rows if r.what == what]


def only_code(made: Frame) -> str:
    return rows_of(made)[0].why_code


@pytest.mark.parametrize(
    ("code", "columns"),
    [
        ("amplitude", [("soil_temperature", 0.05, sine(22.0)), ("co2", 0.05, sine(1.0, 0.5, 900.0))]),
        (
            "amplitude",
            [("soil_temperature", 0.05, np.full(HOUR.size, 20.0)), ("co2", 0.05, sine(1.0, 9.0, 900.0))],
        ),
        (
            "days",
            [
                ("soil_temperature", 0.05, sine(22.0)),
                ("co2", 0.05, np.where(HOUR < 72, sine(1.0, 9.0), np.nan)),
            ],
        ),
        (
            "days",
            [("soil_temperature", 0.05, sine(22.0)), ("co2", 0.05, np.where(HOUR < 0.5, 900.0, np.nan))],
        ),
        (
            "days",
            [("soil_temperature", 0.05, np.full(HOUR.size, np.nan)), ("co2", 0.05, sine(1.0, 9.0, 900.0))],
        ),
        (
            "missing_driver",
            [("soil_water", 0.05, sine(22.0, 0.01, 0.1)), ("co2", 0.05, sine(1.0, 9.0, 900.0))],
        ),
    ],
)
def test_what_cannot_carry_a_lag_is_refused(code: str, columns: list[Any]) -> None:
    found = rows_of(frame(*columns, site=Site()))[0]
    assert found.value is None
    assert found.lower is None
    assert found.why_code in ({code, "missing_driver"} if code == "days" else {code})
    assert found.why


def test_noise_has_no_lag_and_electronics_at_depth_has_none() -> None:
    rng = np.random.default_rng(8)
    noise = 900 + 100 * rng.standard_normal(HOUR.size) + 3 * np.cos(2 * np.pi * HOUR / 24)
    assert only_code(frame(("soil_temperature", 0.05, sine(22.0)), ("co2", 0.05, noise))) == "harmonic"
    deep = ("soil_temperature", 0.80, sine(22.0, 0.05))
    made = frame(("soil_temperature", 0.02, sine(22.0, 12.0)), deep, ("co2", 0.80, sine(1.0, 9.0, 900.0)))
    assert only_code(made) == "damped"


def test_days_that_disagree_leave_the_phase_open() -> None:
    """Six pairs of days, by turns 3.7 h early and late: by hand R2 = cos(2 pi 3.7/24)^2 = 0.32, yet +-6.5 h."""
    n = 12 * SLOTS
    peaks = 14 + 3.7 * np.repeat(np.tile([1, -1], 3), 2 * SLOTS)
    found = lag(sine(14.0)[:n], 900 + 30 * np.cos(2 * np.pi * (HOUR[:n] - peaks) / 24), SLOTS)
    assert found.refusal is not None
    assert found.refusal.code == "phase_open"
    assert math.isnan(found.hours)


# measured records


@pytest.fixture(scope="module")
def grassland() -> list[Result]:
    (made,) = from_table(agua_amarga(), site=Site(longitude=-2.033))
    return run(made, Options()).rows


def test_flux_of_a_dry_grassland_comes_before_temperature_more_so_when_dry(grassland: list[Result]) -> None:
    """Section 5: T 3 to 4 h behind the flux, more when dry (Wang 2014); loops wider when dry (Wang 2017)."""
    found = {r.mask: r for r in grassland if "under_plant" in r.target and r.what == "lag"}
    for mask in ("all", "dry", "middling", "wet"):
        r = found[mask]
        assert r.value is not None
        assert r.lower is not None
        assert r.upper is not None
        assert -5 < r.value < -1.5
        assert r.upper < 0
    (change,) = (r for r in grassland if "under_plant" in r.target and r.what == "lag_change")
    assert change.lower is not None
    assert change.lower > 0
    loops = {r.mask: r.value for r in grassland if "under_plant" in r.target and r.what == "loop_area"}
    assert loops["dry"] is not None
    assert loops["wet"] is not None
    assert loops["dry"] < loops["wet"] < 0


def test_bare_soil_after_rain_has_no_daily_wave_and_says_so(grassland: list[Result]) -> None:
    found = {r.mask: r.why_code for r in grassland if "bare_soil" in r.target and r.what == "lag"}
    assert found == {"all": "harmonic", "dry": "", "middling": "harmonic", "wet": "harmonic"}


def test_concentration_near_the_surface_runs_against_temperature_in_a_dry_month() -> None:
    table = sjer_2022()
    (made,) = from_table(table[table["profile"].isin(["001", "005"])], site=SITE)
    rows = run(made, Options()).rows
    shallow = [r for r in rows if r.what == "lag" and r.mask == "all" and (r.target_depth_m or 1) < 0.04]
    assert len(shallow) == 2
    for r in shallow:
        assert r.value is not None
        assert abs(r.value) > 9
        assert r.details["phase"] == "anti-phase"
    classes = {r.why_code for r in rows if r.what == "lag" and r.mask == "wet"}
    assert classes <= {"w_range", "days"}
    few = [r for r in rows if r.what == "cross_correlation_peak" and r.value is not None]
    assert few
    assert all(r.p is None and r.why_code == "n_eff" for r in few)


def test_a_third_of_a_record_is_too_few_days() -> None:
    (made,) = from_table(sjer_2020(), site=SITE)
    rows = run(made, Options()).rows
    assert {r.why_code for r in rows if r.mask == "all"} == {"days"}
    assert all(r.refused and r.why for r in rows)
