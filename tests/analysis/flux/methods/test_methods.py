"""Gradients and effluxes: closed-form solutions, and the formulas of two R packages in their own form."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from soilco2.analysis.flux.errors import FluxError
from soilco2.analysis.flux.methods import efflux, gradient, storage_term

RNG = np.random.default_rng(7)
K = 1.2e-4  # mol m-1 s-1: c_air 41 mol m-3, Ds 2.9e-6 m2 s-1
SENSORS = ([0.02, 0.08, 0.20], [0.03, 0.10, 0.20], [0.025, 0.085, 0.205])


def exponential(z: np.ndarray, efflux_0: float, length: float, k: float = K) -> np.ndarray:
    """Steady state of the production p0 exp(-z/L) at constant k: x0 + p0 L^2/k (1 - exp(-z/L)), efflux
    p0 L.
    """
    return 420.0 + efflux_0 * length / k * -np.expm1(-z / length)


@pytest.mark.parametrize("sensors", SENSORS)
@pytest.mark.parametrize("length", [0.1, 0.15, 0.3, 1.0])
def test_with_the_surface_the_true_efflux_is_met_within_5_percent(
    sensors: list[float], length: float
) -> None:
    z = np.array([0.0, *sensors])
    x = exponential(z, 3.0, length)
    fluxes = efflux.layer_fluxes(x, z, np.full(3, K))
    assert efflux.two_layers(fluxes, z) == pytest.approx(3.0, rel=0.05)
    assert gradient.saturating_ppm_m(x, z, [0.0])[0] * K == pytest.approx(3.0, rel=1e-9)  # its own curve
    # without the surface the same sensors miss it, as the peers do
    slope = efflux.between(x[1:], z[1:], np.full(3, K), 0, 1)
    assert abs(slope / 3.0 - 1) > (0.05 if length < 0.9 else 0.0)


@pytest.mark.parametrize(
    "sensors", [*SENSORS, [0.02, 0.08], [0.03, 0.2], [0.08, 0.2], [0.02, 0.05, 0.1, 0.3]]
)
@pytest.mark.parametrize("length", [0.05, 0.1, 0.15, 0.3, 1.0, 10.0])
def test_noise_free_truth_lies_within_the_method_error(sensors: list[float], length: float) -> None:
    z = np.array([0.0, *sensors])
    fluxes = efflux.layer_fluxes(exponential(z, 3.0, length), z, np.full(len(sensors), K))
    error = abs(float(efflux.two_layers(fluxes, z)) - 3.0)
    assert error <= 1.96 * float(efflux.method_sd(fluxes, z)) + 1e-12


def test_a_missing_sensor_widens_the_method_error() -> None:
    full = np.array([0.0, 0.02, 0.08, 0.20])
    sizes = []
    for z in (full, full[[0, 1, 3]], full[[0, 3]]):
        fluxes = efflux.layer_fluxes(exponential(z, 3.0, 0.15), z, np.full(len(z) - 1, K))
        sizes.append(float(efflux.method_sd(fluxes, z)))
    assert sizes[0] < sizes[1] < sizes[2]


def test_uniform_production_is_met_exactly() -> None:
    z = np.array([0.0, 0.02, 0.08, 0.2])
    p, depth = 12.0, 0.25  # flux p (depth - z), x quadratic
    x = 420.0 + p / K * (depth * z - z**2 / 2)
    fluxes = efflux.layer_fluxes(x, z, np.full(3, K))
    for value in (efflux.two_layers(fluxes, z), efflux.line(fluxes, z), efflux.three_layers(fluxes, z)):
        assert value == pytest.approx(p * depth, rel=1e-12)


def test_linear_diffusivity_needs_the_harmonic_mean() -> None:
    # constant flux F through k(z) = a + b z: x = x0 + F/b ln(1 + b z/a)
    a, b, f = 1e-4, 4e-4, 2.0
    z = np.array([0.0, 0.1, 0.2])
    x = 420.0 + f / b * np.log1p(b * z / a)
    edges = np.linspace(0, 0.2, 401)
    middle = (edges[1:] + edges[:-1]) / 2
    k = gradient.harmonic_mean((a + b * middle).reshape(2, 200), np.full((2, 200), 0.0005))
    np.testing.assert_allclose(efflux.layer_fluxes(x, z, k), f, rtol=1e-6)
    deeper = efflux.between(x, z, a + b * z, 0, 1)  # the diffusivity at the deeper sensor, as a peer has it
    assert deeper / f > 1.1


def test_temperature_alone_drives_no_flux() -> None:
    # 30 degC at the top, 25 degC at 20 cm, constant mole fraction: the concentration falls by 1.7 %
    from soilco2.analysis.flux.physics import gas

    x, z = np.array([1000.0, 1000.0]), np.array([0.0, 0.2])
    concentration = gas.concentration_umol_m3(x, [30.0, 25.0], 1013.0)
    assert efflux.layer_fluxes(x, z, [K]) == 0.0
    assert (concentration[1] - concentration[0]) / concentration[0] == pytest.approx(0.0168, abs=2e-4)


def random_profiles(n: int = 200) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    z = np.array([0.021, 0.083, 0.205])
    x = 400 + np.cumsum(RNG.uniform(20, 900, (n, 3)), axis=1)
    k = K * np.exp(RNG.normal(0, 0.4, (n, 3)))
    return x, z, k


def test_classic_methods_in_the_form_of_neonsoilflux() -> None:
    """Knowledge of that package: z up, regression by normal equations, one profile at a time."""
    x, z, k = random_profiles()
    up = -z
    for row in range(len(x)):
        c, d = x[row], k[row]
        slope, intercept = np.polyfit(up, c, 1)
        d0 = np.polyfit(up, d, 1)[1]
        flux_000 = -slope * d0
        pairs = {(0, 1): 1, (0, 2): 2, (1, 2): 2}
        for (i, j), deeper in pairs.items():
            form = -d[deeper] * (c[j] - c[i]) / (up[j] - up[i])
            assert efflux.between(x, z, k, i, j)[row] == pytest.approx(form, rel=1e-9)
        assert efflux.tang_2003(x, z, k)[row] == pytest.approx(flux_000, rel=1e-9)
        jong = d[0] * (c[0] - intercept) / z[0]
        assert efflux.de_jong_schappert_1972(x, z, k)[row] == pytest.approx(jong, rel=1e-9)
        low = d[2] * (c[2] - c[1]) / (z[2] - z[1])
        za, zb = z[0] / 2, (z[1] + z[2]) / 2
        assert efflux.hirano_2003(x, z, k)[row] == pytest.approx((zb * jong - za * low) / (zb - za), rel=1e-9)
        t = np.diff(np.concatenate([[0.0], z]))
        d12 = (t[0] + t[1]) / (t[0] / d[0] + t[1] / d[1])
        d23 = (t[1] + t[2]) / (t[1] / d[1] + t[2] / d[2])
        a, b = d12 * (c[1] - c[0]) / t[1], d23 * (c[2] - c[1]) / t[2]
        ma, mb = (z[0] + z[1]) / 2, (z[1] + z[2]) / 2
        assert efflux.tang_2005(x, z, k)[row] == pytest.approx((mb * a - ma * b) / (mb - ma), rel=1e-9)


def test_regressions_and_splines_in_the_form_of_confluxpro() -> None:
    z = np.array([0.0, 0.05, 0.1, 0.2, 0.3, 0.5])
    x = 400 + np.cumsum(RNG.uniform(10, 400, (50, 6)), axis=1)
    slopes = gradient.layer_regression_ppm_m(x, z, [0.0, 0.1, 0.3, 0.5])
    knots = [0.1, 0.3]
    spline = gradient.spline_ppm_m(x, z, knots)
    hinge = np.column_stack([np.ones(6), z, *(np.maximum(z - q, 0) for q in knots)])
    for row in range(50):
        for layer, (a, b) in enumerate([(0, 3), (2, 5), (4, 6)]):
            assert slopes[row, layer] == pytest.approx(np.polyfit(z[a:b], x[row, a:b], 1)[0], rel=1e-9)
        beta = np.linalg.lstsq(hinge, x[row], rcond=None)[0]
        np.testing.assert_allclose(spline[row], np.cumsum(beta[1:]), rtol=1e-9)
    h, k = np.array([0.05, 0.05, 0.1]), np.array([1e-4, 3e-4, 2e-4])
    assert gradient.harmonic_mean(k, h) == pytest.approx(0.2 / sum(h / k), rel=1e-12)
    with pytest.raises(FluxError, match="cannot tell"):
        gradient.spline_ppm_m(x[:, :2], z[:2], [0.02, 0.03])
    assert np.isnan(gradient.layer_regression_ppm_m(x, z, [0.0, 0.01, 0.5])[:, 0]).all()


@pytest.mark.parametrize("exponent", [0.5, 1.7, 3.0])
def test_power_law_is_differentiated_with_its_multiplier(exponent: float) -> None:
    z, at = np.array([0.0, 0.05, 0.12, 0.3]), np.array([0.0, 0.1, 0.2])
    x = 5000 - 3000 * (0.3 - z) ** exponent
    truth = exponent * 3000 * (0.3 - at) ** (exponent - 1)
    np.testing.assert_allclose(gradient.power_law_ppm_m(x, z, at), truth, rtol=1e-7)
    # a peer fits m (A + B h^C) and differentiates B h^C: off by the factor m it found
    multiplier = 0.97
    peer = truth / multiplier
    assert np.all(np.abs(peer / gradient.power_law_ppm_m(x, z, at) - 1) > 0.02)


@pytest.mark.parametrize("length", [0.05, 0.15, 0.6])
def test_saturating_exponential_is_differentiated_with_its_multiplier(length: float) -> None:
    z, at = np.array([0.0, 0.05, 0.12, 0.3]), np.array([0.0, 0.1, 0.2])
    x = exponential(z, 3.0, length)
    np.testing.assert_allclose(gradient.saturating_ppm_m(x, z, at) * K, 3.0 * np.exp(-at / length), rtol=1e-7)


def test_saturating_fit_is_the_least_squares_optimum() -> None:
    from scipy.optimize import curve_fit

    z = np.array([0.0, 0.03, 0.08, 0.15, 0.3])
    x = exponential(z, 3.0, 0.12) + np.array([0.0, 15.0, -20.0, 10.0, -5.0])
    popt, _ = curve_fit(
        lambda d, b, k: x[0] - b * np.expm1(-k * d), z, x, p0=[2000, 8], xtol=1e-15, ftol=1e-15
    )
    assert gradient.saturating_ppm_m(x, z, [0.0])[0] == pytest.approx(popt[0] * popt[1], rel=1e-5)


def test_a_curve_that_bends_the_other_way_is_refused() -> None:
    z = np.array([0.0, 0.05, 0.1, 0.2])
    assert np.isnan(gradient.saturating_ppm_m(420 + 1e5 * z**2, z, [0.0])).all()


@given(st.permutations([0, 1, 2, 3]))
def test_order_of_the_levels_does_not_matter(order: list[int]) -> None:
    z = np.array([0.0, 0.02, 0.08, 0.2])
    x = exponential(z, 3.0, 0.15)
    sorted_z, sorted_x = gradient.sort_by_depth(z[order], x[order])
    np.testing.assert_array_equal(sorted_z, z)
    np.testing.assert_array_equal(sorted_x, x)


@given(st.floats(0.1, 10.0))
def test_flux_is_proportional_to_diffusivity(factor: float) -> None:
    z = np.array([0.0, 0.02, 0.08, 0.2])
    x = exponential(z, 3.0, 0.15)
    base = efflux.two_layers(efflux.layer_fluxes(x, z, np.full(3, K)), z)
    assert efflux.two_layers(efflux.layer_fluxes(x, z, np.full(3, factor * K)), z) == pytest.approx(
        factor * base
    )


def test_storage_closes_the_balance_of_a_wave_without_production() -> None:
    # d(eps C)/dt = Ds d2C/dz2 with C = A exp(-z/d) cos(w t - z/d), d = sqrt(2 Ds / (eps w)); no production
    eps, air, ds, omega = 0.3, 41.0, 3e-6, 2 * np.pi / 86_400
    d = np.sqrt(2 * ds / (eps * omega))
    t = np.arange(0, 2 * 86_400, 600.0)[:, None]
    z = np.linspace(0.0, 0.2, 81)
    x = 1000 + 300 * np.exp(-z / d) * np.cos(omega * t - z / d)
    flux = efflux.layer_fluxes(x, z, np.full(80, air * ds))
    stored = storage_term.storage_change_umol_m3_s(x, eps, air, t[:, 0])[:, 1:-1]
    thickness = np.full(79, z[1])
    production = storage_term.layer_production_umol_m3_s(flux[:, :-1], flux[:, 1:], thickness, stored)
    steady = storage_term.layer_production_umol_m3_s(flux[:, :-1], flux[:, 1:], thickness)
    inner = slice(2, -2)
    assert np.abs(production[inner]).max() < 0.01 * np.abs(steady[inner]).max()
    closed = storage_term.efflux_with_storage_umol_m2_s(flux[:, -1], 0.0 * stored, stored, thickness)
    np.testing.assert_allclose(closed[inner], flux[inner, 0], atol=0.01 * np.abs(flux).max())
    with pytest.raises(FluxError, match="increasing"):
        storage_term.storage_change_umol_m3_s(x[:2], eps, air, [1.0, 1.0])
