"""The profile: waves against depth, gradients, pressure, salinity, several profiles; exact, beside others, measured."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import signal
from scipy.signal import lfilter
from scipy.stats import t as student
from statsmodels.stats.meta_analysis import combine_effects

from soilco2.analysis.frames.build import from_table
from soilco2.analysis.frames.frame import Frame, Site
from soilco2.analysis.jobs.base import Options
from soilco2.analysis.jobs.profile import run
from soilco2.analysis.salinity import ec25, permittivity, pore_ec
from soilco2.analysis.soil_response.profile import (
    diffusion_hours,
    mean_level,
    rate_of_change,
    reversals,
    share_of_time,
)
from soilco2.analysis.statistics.coherence import coherences
from soilco2.analysis.statistics.random_effects import combine
from soilco2.quality.corrections import ec25 as ec25_of_quality
from soilco2.storage.results.results import Result
from tests.analysis.data import sjer_2020, sjer_2022

SLOTS, DAYS = 48, 60
HOUR = np.arange(SLOTS * DAYS) / 2
Part = tuple[str, str, str, float | None, np.ndarray]


def red(phi: float, n: int, rng: np.random.Generator) -> np.ndarray:
    return np.asarray(lfilter([1.0], [1.0, -phi], rng.standard_normal(n) * math.sqrt(1 - phi * phi)))


def sine(peak_h: float, amplitude: float, level: float) -> np.ndarray:
    return level + amplitude * np.cos(2 * np.pi * (HOUR - peak_h) / 24)


def frame_of(*parts: Part) -> Frame:
    tables = []
    for name, unit, profile, depth, values in parts:
        times = pd.date_range("2026-03-01", periods=values.size, freq="30min", tz="UTC")
        tables.append(
            pd.DataFrame({"time_utc": times, "variable": name, "unit": unit, "profile": profile, "depth_m": depth,
                          "value": values})
        )  # fmt: skip
    (frame,) = from_table(pd.concat(tables))
    return frame


def rows_of(*parts: Part) -> list[Result]:
    return run(frame_of(*parts), Options()).rows


def one(rows: list[Result], what: str, **fields: Any) -> Result:
    (found,) = (r for r in rows if r.what == what and all(getattr(r, k) == v for k, v in fields.items()))
    return found


# exact


@pytest.mark.parametrize("gaps", [False, True])
def test_a_uniform_soil_and_a_slow_gas_are_given_back(gaps: bool) -> None:
    """d = 0.10 m put in: 3.82 h later each 10 cm; CO2 4 h later 10 cm down, where diffusion needs 0.46 to 4.6 h."""
    rng = np.random.default_rng(1)
    parts: list[Part] = [
        (
            "soil_temperature",
            "degC",
            "p1",
            z,
            sine(14 + z / 0.1 * 24 / (2 * math.pi), 10 * math.exp(-z / 0.1), 20.0),
        )
        for z in (0.02, 0.10, 0.20)
    ]
    parts += [
        ("co2", "ppm", "p1", z, sine(2.0 + 40 * (z - 0.05), 80.0, 900.0 + 4000 * z)) for z in (0.05, 0.15)
    ]
    if gaps:
        for *_, x in parts:
            x[rng.random(x.size) < 0.15] = np.nan
    rows = rows_of(*parts)
    for mask in ("from amplitude", "from phase"):
        found = one(rows, "damping_depth", mask=mask)
        assert found.value == pytest.approx(0.10, rel=1e-4)
        # alpha = d^2 w/2 = 0.01 * 7.2722e-5 / 2
        assert found.details["thermal_diffusivity_m2_s"] == pytest.approx(3.636e-7, rel=1e-3)
        assert found.details["hours_per_10_cm"] == pytest.approx(3.82, abs=0.01)
        assert "warning_code" not in found.details
    step = one(rows, "co2_depth_lag")
    assert step.value == pytest.approx(4.0, abs=1e-4)
    assert step.details["diffusion_dry_h"] == pytest.approx(0.463, abs=1e-3)
    assert step.details["diffusion_wet_h"] == pytest.approx(4.63, abs=1e-2)
    assert step.details["amplitude_ratio"] == pytest.approx(1.0, abs=1e-4)
    assert "warning_code" not in step.details
    assert one(rows, "gradient_reversed").value == 0.0
    assert one(rows, "gradient_reversed").why_code == "never_varies"


def test_a_lag_that_no_diffusion_gives_and_a_soil_that_is_not_uniform_are_named() -> None:
    rows = rows_of(
        ("soil_temperature", "degC", "p1", 0.02, sine(14.0, 10.0, 20.0)),
        ("soil_temperature", "degC", "p1", 0.20, sine(16.0, 1.0, 20.0)),
        ("co2", "ppm", "p1", 0.05, sine(2.0, 80.0, 900.0)),
        ("co2", "ppm", "p1", 0.10, sine(11.0, 80.0, 950.0)),
    )
    assert one(rows, "co2_depth_lag").details["warning_code"] == "not_diffusion"
    assert {r.details["warning_code"] for r in rows if r.what == "damping_depth"} == {"not_uniform"}


def test_times_of_diffusion_are_those_of_the_formula() -> None:
    """0.10^2/(2 * 3e-6) s = 1667 s; 0.30^2/(2 * 3e-6) s = 15 000 s."""
    assert diffusion_hours(0.10, 3e-6) == pytest.approx(1666.667 / 3600, rel=1e-6)
    assert diffusion_hours(0.30, 3e-6) == pytest.approx(15_000 / 3600)


def test_the_interval_of_a_mean_covers() -> None:
    """AR(1) of phi 0.9: 95 % intervals of the mean hold 0 in 93 to 97 of 100; four standard errors allowed."""
    rng = np.random.default_rng(7)
    found = [mean_level(red(0.9, 1500, rng)[100:]) for _ in range(400)]
    inside = np.mean([f.lower <= 0 <= f.upper for f in found])
    assert 0.91 < inside < 0.99


def test_shares_and_rates_by_hand() -> None:
    nan = np.nan
    assert reversals([1, 2, 3, nan], [2, 1, 3, 1]).tolist()[:3] == [0.0, 1.0, 0.0]
    share = share_of_time(np.random.default_rng(1).permutation(np.tile([0.0, 0, 0, 1], 200)))
    assert share.value == 0.25
    assert 0.18 < share.lower < 0.25 < share.upper < 0.32
    assert math.isnan(share_of_time(np.zeros(50)).lower)
    rate = rate_of_change([1.0, 2, 4, nan, 8], 0.5)
    assert rate[1] == pytest.approx(3.0)
    assert np.isnan(rate[[0, 2, 4]]).all()


# pressure


def test_pressure_that_moves_gas_is_told_from_temperature() -> None:
    """CO2 made of the change of pressure alone; temperature shares the day with it and keeps nothing."""
    rng = np.random.default_rng(3)
    pressure = 900 + np.cumsum(red(0.97, HOUR.size, rng)) * 0.1 + 0.6 * np.cos(2 * np.pi * (HOUR - 9.7) / 12)
    change = rate_of_change(pressure, 0.5)
    co2 = np.nan_to_num(900 - 60 * change, nan=900.0) + 1 * rng.standard_normal(HOUR.size)
    rows = rows_of(
        ("co2", "ppm", "p1", 0.1, co2),
        ("air_pressure", "hPa", "site", None, pressure),
        ("soil_temperature", "degC", "p1", 0.1, sine(16.0, 5.0, 20.0) + red(0.99, HOUR.size, rng)),
    )
    r = one(rows, "pressure_change_r", scale="within-day, mean day removed")
    assert r.value is not None
    assert r.value < -0.9
    assert r.p is not None
    assert r.p < 1e-6
    held = [x for x in rows if x.what == "partial_r" and "air_pressure" in x.given[0]]
    assert len(held) == 1
    assert held[0].value == pytest.approx(0.0, abs=0.15)
    half = one(rows, "half_day_amplitude")
    # dP/dt of 0.6 cos: amplitude 0.6 * 2 pi/12 = 0.314 hPa/h, times 60; a quarter wave (3 h) from the pressure.
    assert half.value == pytest.approx(60 * 0.6 * 2 * math.pi / 12, rel=0.1)
    after = half.details["after_pressure_h"]
    assert isinstance(after, float)
    assert abs(after) == pytest.approx(3.0, abs=0.4)


def test_coherence_is_scipys_where_nothing_is_missing() -> None:
    rng = np.random.default_rng(11)
    x = red(0.97, 48 * 60, rng)
    y = np.roll(x, 6) + 0.3 * red(0.9, x.size, rng)
    f, expected = signal.coherence(x, y, fs=48, nperseg=192, noverlap=96, window="hann", detrend="linear")
    (slow, day, half) = coherences(x, y, 48)
    for found, (first, last) in ((slow, (1, 2)), (day, (3, 5)), (half, (7, 9))):
        near = expected[first : last + 1]
        assert near.min() - 0.02 <= found.value <= near.max() + 0.02
        assert found.lower < found.value < found.upper
        assert found.hours == pytest.approx(3.0, abs=0.8)
        assert found.p < 1e-6
    assert f[4] == pytest.approx(1.0)


def test_coherence_of_a_gappy_record_is_that_of_its_whole_stretches() -> None:
    rng = np.random.default_rng(12)
    x = red(0.97, 48 * 90, rng)
    y = x + 0.5 * red(0.97, x.size, rng)
    whole = coherences(x, y, 48)
    gappy = y.copy()
    gappy[48 * 40 : 48 * 41] = np.nan
    for one_of, other in zip(whole, coherences(x, gappy, 48), strict=True):
        assert other.segments < one_of.segments
        assert other.value == pytest.approx(one_of.value, abs=0.05)
    gappy[::100] = np.nan
    assert {f.refusal.code for f in coherences(x, gappy, 48) if f.refusal} == {"few_stretches"}


def test_unrelated_records_are_coherent_as_often_as_said() -> None:
    """Five of a hundred; four standard errors of 200 x 3 are 3.6."""
    rng = np.random.default_rng(13)
    p = [f.p for _ in range(200) for f in coherences(red(0.9, 48 * 40, rng), red(0.9, 48 * 40, rng), 48)]
    assert 0.014 <= np.mean(np.array(p) <= 0.05) <= 0.086


# salinity


def test_conductivity_at_25_degrees_is_that_of_the_quality_room() -> None:
    for ec, t in ((0.5, 25.0), (0.31, 7.5), (1.2, 41.0)):
        assert float(ec25(ec, t)) == pytest.approx(ec25_of_quality(ec, t, 0.0191), rel=1e-12)
    assert np.isnan(ec25([1.0, 1.0, np.nan], [-1.0, np.nan, 20.0])).all()


def test_pore_water_conductivity_by_hand() -> None:
    """Topp 1980: eps = 20 gives -0.053 + 0.584 - 0.22 + 0.0344 = 0.3454; Hilhorst: 80.3 * 0.5/(20 - 4.1) at 20 degC."""
    assert float(permittivity(0.3454)) == pytest.approx(20.0, abs=0.01)
    at_20 = 80.3 * 0.5 / (20 - 4.1)
    assert float(pore_ec(0.5, 20.0, 0.3454)) == pytest.approx(at_20 / (1 - 0.0191 * 5), rel=1e-3)
    assert np.isnan(pore_ec(0.5, 20.0, 0.09))


def salty(repeats_water: bool, dry: bool = False) -> list[Part]:
    rng = np.random.default_rng(5)
    water = (0.05 if dry else 0.2) + 0.02 * red(0.995, HOUR.size, rng)
    salt = 1.0 + 0.2 * (
        red(0.995, HOUR.size, rng) if not repeats_water else (water - water.mean()) / water.std()
    )
    heat = sine(16.0, 5.0, 20.0) + 2 * red(0.995, HOUR.size, rng)
    co2 = 900 + 1500 * (water - water.mean()) - 100 * (salt - 1) + 3 * rng.standard_normal(HOUR.size)
    bulk = salt * (1 + 0.0191 * (heat - 25))
    return [
        ("co2", "ppm", "p1", 0.1, co2), ("soil_temperature", "degC", "p1", 0.1, heat),
        ("soil_water", "m3/m3", "p1", 0.1, water), ("bulk_ec", "dS/m", "p1", 0.1, bulk),
    ]  # fmt: skip


def partials(rows: list[Result], variable: str) -> list[Result]:
    return [
        r
        for r in rows
        if r.what == "partial_r" and r.driver.endswith("/" + variable) and r.scale == "day-to-day"
    ]


def test_salt_that_lowers_co2_is_found_with_temperature_and_water_held_fixed() -> None:
    rows = rows_of(*salty(False))
    (found,) = partials(rows, "ec25")
    assert found.value is not None
    assert found.value < -0.8
    assert found.p is not None
    assert found.p < 1e-4
    assert len(found.given) == 2


def test_salt_that_is_water_or_has_no_temperature_or_too_dry_a_soil_is_refused() -> None:
    assert {r.why_code for r in partials(rows_of(*salty(True)), "ec25")} == {"salinity_water"}
    parts = [p for p in salty(False) if p[0] != "soil_temperature"]
    assert {r.why_code for r in rows_of(*parts) if "ec" in r.driver.rsplit("/", 1)[-1]} == {"salinity_raw"}
    assert {r.why_code for r in partials(rows_of(*salty(False, dry=True)), "pore_ec")} == {"pore_dry"}


# several profiles


def test_the_mean_of_profiles_is_that_of_statsmodels() -> None:
    """Random effects of DerSimonian & Laird with the interval of Hartung & Knapp, as statsmodels gives them."""
    y, s = np.array([0.3, 0.9, 0.5, 1.4, 0.7]), np.array([0.1, 0.2, 0.15, 0.3, 0.12])
    mine = combine(y, s)
    theirs = combine_effects(y, s**2, method_re="dl", use_t=False)
    reach = student.ppf(0.975, 4) * theirs.sd_eff_w_re_hksj
    assert mine.mean == pytest.approx(theirs.mean_effect_re, rel=1e-9)
    assert mine.between == pytest.approx(math.sqrt(theirs.tau2), rel=1e-9)
    assert mine.lower == pytest.approx(theirs.mean_effect_re - reach, rel=1e-6)
    assert mine.upper == pytest.approx(theirs.mean_effect_re + reach, rel=1e-6)


def test_without_errors_of_their_own_profiles_weigh_the_same() -> None:
    """By hand: mean 2, sd 1, n 3: 2 +- 4.303/sqrt(3)."""
    found = combine([1.0, 2.0, 3.0])
    assert (found.mean, found.between) == (2.0, 1.0)
    assert found.upper == pytest.approx(2 + 4.302653 / math.sqrt(3), rel=1e-6)
    assert math.isnan(combine([1.0, 2.0]).mean)


# measured


@pytest.fixture(scope="module")
def dry_month() -> list[Result]:
    (frame,) = from_table(sjer_2022(), site=Site(longitude=-119.733))
    return run(frame, Options()).rows


def test_reversed_gradients_are_as_many_as_the_readme_counts(dry_month: list[Result]) -> None:
    """The middle probe reads less than the top one for 338 half hours in plot 003, 38 in 004, 24 in 001."""
    found = {
        r.target.split("/")[1]: round((r.value or 0.0) * r.n)
        for r in dry_month
        if r.what == "gradient_reversed" and (r.target_depth_m or 1) < 0.1
    }
    assert found == {"001": 24, "003": 338, "004": 38, "005": 0}


def test_the_sign_of_temperature_differs_by_scale_over_five_profiles(dry_month: list[Result]) -> None:
    """P2 and the README: within the day CO2 runs against temperature; from day to day it goes with it."""
    shallow = {
        r.scale: r for r in dry_month if r.what == "mean_r_of_profiles" and (r.target_depth_m or 1) < 0.04
    }
    inside, between = shallow["within-day"], shallow["day-to-day"]
    assert inside.n == between.n == 5
    assert inside.value is not None
    assert between.value is not None
    assert inside.upper is not None
    assert inside.value < -0.4
    assert inside.upper < 0
    assert between.value > 0.2


def test_a_dry_topsoil_over_a_moister_layer_fades_heat_faster_than_it_delays_it(
    dry_month: list[Result],
) -> None:
    """Damping depths of soils lie between 0.07 and 0.15 m; the phases of all five plots run ahead of the amplitudes."""
    for profile in ("001", "002", "003", "004", "005"):
        d = {r.mask: r for r in dry_month if r.what == "damping_depth" and f"/{profile}/" in r.target}
        by_amplitude, by_phase = d["from amplitude"].value, d["from phase"].value
        assert by_amplitude is not None
        assert by_phase is not None
        assert 0.07 < by_amplitude < 0.15
        assert by_phase > by_amplitude
        assert d["from phase"].details["warning_code"] == "not_uniform"


def test_every_number_of_the_dry_month_has_its_interval_or_its_reason(dry_month: list[Result]) -> None:
    for r in dry_month:
        assert r.refused == bool(r.why)
        if not r.refused:
            assert r.value is not None
            assert r.method
            assert r.what == "half_day_amplitude" or (r.lower is not None and r.upper is not None), r


def test_co2_in_the_middle_exceeds_that_below_outside_the_wet_spell() -> None:
    """README of the 2020 record: at 9 cm more than at 20 cm most of the time."""
    (frame,) = from_table(sjer_2020(), site=Site(longitude=-119.733))
    found = [r for r in run(frame, Options()).rows if r.what == "gradient_reversed"]
    assert found[0].value == 0.0
    assert found[1].value is not None
    assert 0.6 < found[1].value < 0.95


@pytest.mark.parametrize("n", [1, 3 * SLOTS, 9 * SLOTS])
@pytest.mark.parametrize("kind", ["as it is", "constant", "missing"])
def test_poor_records_get_answers_or_reasons(n: int, kind: str) -> None:
    parts = [*salty(False), ("co2", "ppm", "p1", 0.3, sine(3.0, 40.0, 1500.0)),
             ("air_pressure", "hPa", "site", None, sine(10.0, 1.0, 900.0))]  # fmt: skip
    cut = [(a, b, c, d, x[:n].copy()) for a, b, c, d, x in parts]
    if kind == "constant":
        cut[0] = (*cut[0][:4], np.full(n, 700.0))
    elif kind == "missing":
        for k in (1, 4):
            cut[k] = (*cut[k][:4], np.full(n, np.nan))
    for r in rows_of(*cut):
        assert r.refused == bool(r.why)
        assert r.refused or r.value is not None
