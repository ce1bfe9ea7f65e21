"""Water response and models against exact records, scipy, hand calculation, and what was measured."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import curve_fit

from soilco2.analysis.frames.build import from_table
from soilco2.analysis.frames.frame import Frame
from soilco2.analysis.frames.scales import daily_mean
from soilco2.analysis.frames.targets import targets
from soilco2.analysis.soil_response import water as w
from soilco2.analysis.statistics import regression as m
from soilco2.station_config.message import translate
from tests.analysis.data import agua_amarga

GAPS = [False, True]


def drivers(n: int = 400, seed: int = 1) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A year of daily temperature, water that falls as it warms, and unit noise."""
    rng = np.random.default_rng(seed)
    T = 18 + 9 * np.sin(2 * np.pi * np.arange(n) / 365) + 2 * rng.standard_normal(n)
    W = np.clip(0.16 - 0.005 * (T - 18) + 0.04 * rng.standard_normal(n), 0.01, None)
    return T, W, rng.standard_normal(n)


def made(R: np.ndarray, T: np.ndarray, W: np.ndarray, gaps: bool) -> w.Days:
    out = R.copy()
    if gaps:
        out[np.random.default_rng(3).random(R.size) < 0.3] = np.nan
    return w.complete(out, T, W)


TRUE = {
    "constant": lambda T, W: 3.0 + 0 * T,
    "exponential": lambda T, W: 2.0 * np.exp(0.06 * (T - 20)),
    "arrhenius": lambda T, W: 2.0 * np.exp(50 / 8.314462618e-3 * (1 / 293.15 - 1 / (T + 273.15))),
    "lloyd_taylor_fixed": lambda T, W: 1.5 * np.exp(308.56 * (1 / 56.02 - 1 / (T + 46.02))),
    "lloyd_taylor": lambda T, W: 1.5 * np.exp(200 * (1 / 56.02 - 1 / (T + 46.02))),
    "gamma": lambda T, W: 1e-9 * (T + 40) ** 9 * np.exp(-0.15 * (T + 40)),
    "linear": lambda T, W: 0.4 + 12 * W,
    "quadratic": lambda T, W: 0.4 + 30 * W - 80 * W**2,
    "saturating": lambda T, W: 5 * W / (0.08 + W),
    "gaussian": lambda T, W: 4 * np.exp(-(((W - 0.18) / 0.09) ** 2)),
    "hinge": lambda T, W: 0.4 + 20 * W - 18 * np.maximum(W - 0.13, 0),
}


def all_models(days: w.Days) -> dict[str, m.Model]:
    both = [*m.temperature_models(), *m.water_models(days.low, days.high)]
    return {model.name: model for model in both}


@pytest.mark.parametrize("gaps", GAPS)
@pytest.mark.parametrize("name", TRUE)
def test_each_model_finds_the_record_made_with_it(name: str, gaps: bool) -> None:
    T, W, _ = drivers()
    R = TRUE[name](T, W)
    days = made(R, T, W, gaps)
    model = all_models(days)[name]
    found = m.fit(model, days.R, days.T, days.W)
    assert model.predict(found, T, W) == pytest.approx(R, rel=1e-4)
    assert not found.at_limit


@pytest.mark.parametrize("name", ["linear", "quadratic", "saturating", "gaussian", "hinge"])
def test_each_water_model_with_temperature_finds_q10(name: str) -> None:
    """exp(10 0.0693147) = 2."""
    T, W, _ = drivers()
    R = TRUE[name](T, W) * np.exp(0.06931472 * (T - 20))
    days = made(R, T, W, True)
    model = all_models(days)[f"{name}, exponential"]
    found = m.fit(model, days.R, days.T, days.W)
    assert found.theta[-1] == pytest.approx(0.06931472, rel=1e-4)


def test_fits_with_noise_are_scipys() -> None:
    T, W, e = drivers()
    R = TRUE["gaussian"](T, W) * np.exp(0.05 * (T - 20)) + 0.3 * e
    days = made(R, T, W, False)
    models = all_models(days)

    def gaussian(_: np.ndarray, c: float, w0: float, s: float, b: float) -> np.ndarray:
        return c * np.exp(-(((W - w0) / s) ** 2)) * np.exp(b * (T - 20))

    best, _ = curve_fit(gaussian, T, R, (4, 0.18, 0.09, 0.05), ftol=1e-13, xtol=1e-13)
    found = m.fit(models["gaussian, exponential"], R, T, W)
    assert found.coefficients[0] == pytest.approx(best[0], rel=1e-4)
    assert found.theta == pytest.approx([best[1], np.log(abs(best[2])), best[3]], abs=1e-4)
    assert found.rss == pytest.approx(((R - gaussian(T, *best)) ** 2).sum(), rel=1e-9)

    def by_water(_: np.ndarray, a: float, b: float, c: float, b0: float, b1: float) -> np.ndarray:
        return (a + b * W + c * W**2) * np.exp((b0 + b1 * W) * (T - 20))

    best, _ = curve_fit(by_water, T, R, (1, 10, -10, 0.05, 0), ftol=1e-13, xtol=1e-13, maxfev=20_000)
    found = m.fit(models["quadratic, exponential by water"], R, T, W)
    assert found.rss == pytest.approx(((R - by_water(T, *best)) ** 2).sum(), rel=1e-8)


def test_aicc_and_r2_by_hand() -> None:
    """Two parameters and the variance: k = 3."""
    T, W, e = drivers(60)
    R = 1 + 10 * W + 0.2 * e
    found = m.compare(m.water_models(0.05, 0.25)[:3], R, T, W, np.arange(60))
    line = np.polyfit(W, R, 1)
    rss = float(((R - np.polyval(line, W)) ** 2).sum())
    linear, constant = found.scores[2], found.scores[0]
    assert linear.aicc == pytest.approx(60 * np.log(rss / 60) + 2 * 3 + 2 * 3 * 4 / (60 - 3 - 1), rel=1e-9)
    assert linear.r2 == pytest.approx(np.corrcoef(W, R)[0, 1] ** 2, rel=1e-9)
    tss = 60 * R.var()
    assert constant.aicc == pytest.approx(60 * np.log(tss / 60) + 2 * 2 + 2 * 2 * 3 / (60 - 2 - 1), rel=1e-9)
    assert constant.behind_aicc == pytest.approx(constant.aicc - linear.aicc)


def test_skill_on_days_left_out_by_hand() -> None:
    """Sixty days, white residuals: stretches of five days dealt to five folds in turn."""
    T, W, e = drivers(60)
    R = 1 + 10 * W + 0.2 * e
    found = m.compare(m.water_models(0.05, 0.25)[:3], R, T, W, np.arange(60))
    assert (found.block_days, found.blocks) == (5, 12)
    fold = np.arange(60) // 5 % 5
    error, against = 0.0, 0.0
    for k in range(5):
        kept = fold != k
        line = np.polyfit(W[kept], R[kept], 1)
        error += float(((R[~kept] - np.polyval(line, W[~kept])) ** 2).sum())
        against += float(((R[~kept] - R[kept].mean()) ** 2).sum())
    linear, constant = found.scores[2], found.scores[0]
    assert linear.skill == pytest.approx(1 - error / against, rel=1e-9)
    assert linear.rmse == pytest.approx(np.sqrt(error / 60), rel=1e-9)
    assert constant.skill == pytest.approx(0.0, abs=1e-12)
    assert found.scores[found.best].model.name == "linear"


def test_stretches_left_out_are_as_long_as_the_memory() -> None:
    rng = np.random.default_rng(5)
    white = rng.standard_normal(600)
    assert m.block_length(white, np.arange(600)) == 5
    slow = np.convolve(rng.standard_normal(700), np.ones(60), "valid")[:600]
    assert m.block_length(slow, np.arange(600)) == 30
    middling = np.convolve(rng.standard_normal(700), np.ones(15), "valid")[:600]
    assert 8 <= m.block_length(middling, np.arange(600)) <= 16  # 1 - k/15 falls below 0.2 at k = 12
    assert m.block_length(white[:12], np.arange(12)) == 2


def test_a_needless_parameter_seldom_wins() -> None:
    """What water does is a line and temperature does nothing."""
    needed = 0
    for seed in range(5):
        T, W, e = drivers(300, seed)
        found = m.compare(m.water_models(0.05, 0.25), 1 + 10 * W + 0.2 * e, T, W, np.arange(300))
        chosen = found.scores[found.choice]
        assert chosen.tie
        assert chosen.model.parameters <= 3
        needed += chosen.model.name in ("linear", "saturating")
    assert needed >= 4


def test_days_close_together_do_not_count_as_unseen() -> None:
    """A slow drift that a wiggly model follows is no skill in stretches it has not seen."""
    n = 200
    T = 10 + 10 * np.arange(n) / n
    drift = np.cumsum(np.random.default_rng(8).standard_normal(n))
    found = m.compare(m.temperature_models(), 50 + drift, T, np.zeros(n), np.arange(n))
    assert all(s.skill < s.r2 for s in found.scores if s.model.parameters > 1)


def test_too_short_for_stretches_has_no_skill_and_goes_by_aicc() -> None:
    T, W, e = drivers(30)
    rows = np.repeat([0, 1], 15)
    found = m.compare(m.water_models(0.05, 0.25)[:3], 1 + 10 * W + 0.1 * e, T, W, rows)
    assert np.isnan([s.skill for s in found.scores]).all()
    assert found.scores[found.choice].model.name == "linear"


@pytest.mark.parametrize("gaps", GAPS)
def test_q10_with_water_in_the_model_is_the_true_one(gaps: bool) -> None:
    """Water falls as it warms: alone, temperature seems to slow CO2 down; at a given water it doubles it."""
    T, _, e = drivers()
    W = np.clip(0.30 - 0.011 * (T - 10) + 0.01 * e, 0.01, None)
    R = (0.1 + 60 * W**2) * 2.0 ** ((T - 20) / 10)
    days = made(R, T, W, gaps)
    alone = m.fit(all_models(days)["exponential"], days.R, days.T, days.W)
    assert np.exp(10 * alone.theta[0]) < 1
    found = w.q10_given_water(days)
    assert found.value == pytest.approx(2.0, rel=1e-4)


@pytest.mark.parametrize("gaps", GAPS)
def test_slope_optimum_threshold_and_q10_by_water_are_found(gaps: bool) -> None:
    T, W, _ = drivers()
    rise = np.exp(0.05 * (T - 20))
    assert w.slope(made((0.4 + 12 * W) * rise, T, W, gaps)).value == pytest.approx(12, rel=1e-4)
    found = w.optimum(made((0.4 + 40 * W - 125 * W**2) * rise, T, W, gaps))
    assert found.value == pytest.approx(0.16, rel=1e-4)
    found = w.threshold(made(TRUE["hinge"](T, W) * rise, T, W, gaps))
    assert found.value == pytest.approx(0.13, rel=1e-3)
    by_water = made((0.4 + 12 * W) * np.exp((0.02 + 0.3 * W) * (T - 20)), T, W, gaps)
    assert w.q10_at(by_water, 0.1).value == pytest.approx(np.exp(0.5), rel=1e-4)
    assert w.q10_change(by_water, 0.1, 0.2).value == pytest.approx(np.exp(0.3), rel=1e-4)


def test_interval_of_the_slope_is_the_jackknife_by_hand() -> None:
    T, W, e = drivers(240)
    R = (0.4 + 12 * W) * np.exp(0.05 * (T - 20)) + 0.2 * e

    def slope(keep: np.ndarray) -> float:
        def line(_: np.ndarray, a: float, b: float, c: float) -> np.ndarray:
            return (a + b * W[keep]) * np.exp(c * (T[keep] - 20))

        return float(curve_fit(line, T[keep], R[keep], (0.4, 12, 0.05), ftol=1e-12)[0][1])

    without = np.array([slope(np.setdiff1d(np.arange(240), b)) for b in np.split(np.arange(240), 6)])
    se = np.sqrt(5 / 6 * ((without - without.mean()) ** 2).sum())
    found = w.slope(made(R, T, W, False))
    reach = 2.570582 * se * w.memory_factor(found.n_eff)
    assert found.upper - found.value == pytest.approx(reach, rel=1e-3)
    assert found.value - found.lower == pytest.approx(reach, rel=1e-3)


def test_profile_interval_of_the_threshold_by_hand() -> None:
    """At its ends the sum of squares is RSS (1 + F/(n_eff - k)); scipy fits with the threshold held."""
    from scipy import stats

    T, W, e = drivers(300)
    R = TRUE["hinge"](T, W) + 0.3 * e
    days = made(R, T, W, False)
    found = w.threshold(days)
    assert not found.open_below
    assert not found.open_above
    step = (days.high - days.low) / (w.PROFILE - 1)

    def rss(at: float) -> float:
        def f(_: np.ndarray, a: float, b: float, c: float, d: float) -> np.ndarray:
            return (a + b * W + c * np.maximum(W - at, 0)) * np.exp(d * (T - 20))

        best, _ = curve_fit(f, T, R, (0.4, 20, -18, 0.0), ftol=1e-12)
        return float(((R - f(T, *best)) ** 2).sum())

    limit = rss(found.value) * (1 + stats.f.ppf(0.95, 1, found.n_eff - 5) / (found.n_eff - 5))
    assert rss(found.lower) <= limit * (1 + 1e-6)
    assert rss(found.upper) <= limit * (1 + 1e-6)
    assert rss(found.lower - 1.01 * step) > limit * (1 - 1e-6)
    assert rss(found.upper + 1.01 * step) > limit * (1 - 1e-6)


def test_an_optimum_outside_the_data_is_withheld() -> None:
    T, W, e = drivers()
    found = w.optimum(made(0.4 + 12 * W + 0.05 * e, T, W, False))
    assert found.refusal is not None
    assert found.refusal.code in ("optimum_outside", "n_eff")
    rising = w.optimum(made(W**2 * 10, T, W, False))
    assert rising.refusal is not None
    assert rising.refusal.code == "optimum_outside"
    assert np.isnan(rising.value)


@pytest.mark.parametrize(
    ("T", "W", "code"),
    [
        (np.linspace(5, 30, 200), np.linspace(0.10, 0.12, 200), "w_range"),
        (np.linspace(5, 30, 20), np.linspace(0.05, 0.3, 20), "days"),
        (np.full(200, np.nan), np.linspace(0.05, 0.3, 200), "days"),
        (np.linspace(20, 25, 200), np.linspace(0.05, 0.3, 200), "t_range"),
    ],
)
def test_what_cannot_be_said_is_withheld_with_its_reason(T: np.ndarray, W: np.ndarray, code: str) -> None:
    days = w.complete(1 + 10 * W, T, W)
    numbers = [w.q10_given_water(days), w.q10_at(days, 0.1), w.q10_change(days, 0.1, 0.2)]
    if code != "t_range":
        numbers += [w.slope(days), w.optimum(days), w.threshold(days)]
    for found in numbers:
        assert found.refusal is not None
        assert found.refusal.code == code
        assert translate(found.refusal.message, "zh") != found.refusal.message
        assert np.isnan([found.value, found.lower, found.upper]).all()


def test_bins_hold_equally_many_days_and_their_quartiles() -> None:
    W = np.arange(100) / 500
    found = w.binned(w.complete(np.arange(100.0), np.full(100, 20.0), W))
    assert list(found.n) == [10] * 10
    assert found.median[0] == 4.5
    assert found.lower_quartile[-1] == pytest.approx(92.25)
    assert found.low[1] == pytest.approx(0.02)
    assert found.high[1] == pytest.approx(0.038)


@pytest.fixture(scope="module")
def grassland() -> dict[str, tuple[Frame, w.Days]]:
    (frame,) = from_table(agua_amarga())
    out = {}
    for t in targets(frame):
        assert t.temperature is not None
        assert t.water is not None
        columns = (t.co2.values, t.temperature.values, t.water.values)
        out[t.co2.key.profile] = frame, w.complete(*(daily_mean(v, frame.slots) for v in columns))
    return out


def test_at_agua_amarga_water_and_not_temperature_tells_the_year(
    grassland: dict[str, tuple[Frame, w.Days]],
) -> None:
    """Vargas et al. (2018), https://doi.org/10.3390/soilsystems2030047: water moves the flux of this grassland."""
    for _, days in grassland.values():
        found = m.compare(m.water_models(days.low, days.high), days.R, days.T, days.W, days.day)
        skill = {s.model.name: s.skill for s in found.scores}
        assert skill["linear"] > skill["exponential"] + 0.1
        assert found.scores[found.choice].model.name not in ("constant", "exponential")
        assert skill[found.scores[found.best].model.name] < 1


def test_at_agua_amarga_plants_make_co2_rise_with_water_up_to_a_threshold(
    grassland: dict[str, tuple[Frame, w.Days]],
) -> None:
    _, days = grassland["under_plant"]
    found = w.threshold(days)
    assert found.refusal is None
    assert 0.05 < found.lower < found.value < found.upper
    slope = w.slope(days)
    assert slope.lower > 0
    q10 = w.q10_given_water(days)
    assert q10.value > 1  # alone it is 0.64: dry soil is hot soil
