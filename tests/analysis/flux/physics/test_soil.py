"""Soil: porosity, horizons, pit tables, models of the station file, relative diffusivity."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from soilco2.analysis.flux.errors import SoilTableError
from soilco2.analysis.flux.physics import soil
from soilco2.analysis.flux.physics.diffusivity import (
    MODELS,
    SPREAD_MODELS,
    compile_expression,
    model_spread_ln,
    relative_diffusivity,
    require_possible,
)
from soilco2.station_config.message import translate
from soilco2.station_config.tables.soil import SoilTable
from tests.analysis.flux.sjer import FOLDER


def test_consistent_volume_form_of_coarse_fragments() -> None:
    # hand calculation for the A1 horizon of SJER: 35 + 9 g/kg, bulk density 1.4125
    stones, fine = 0.044 / 2.65, 0.956 / 1.4125
    assert soil.coarse_volume_fraction(0.044, 1.4125) == pytest.approx(stones / (stones + fine), rel=1e-12)
    assert soil.coarse_volume_fraction(0.044, 1.4125) == pytest.approx(0.0239, abs=5e-5)
    assert soil.porosity(1.4125, 0.044) == pytest.approx(0.4558, abs=5e-5)
    # a peer takes mass over particle density for a volume fraction: 0.0166, porosity 0.4592
    peer = (1 - 1.4125 / 2.65) * (1 - 0.044 / 2.65)
    assert peer == pytest.approx(0.4592, abs=5e-5)
    assert peer > soil.porosity(1.4125, 0.044)


def test_water_above_porosity_is_not_zero_air() -> None:
    assert np.isnan(soil.air_filled_porosity(0.4, 0.41))
    assert soil.air_filled_porosity(0.4, 0.4) == 0.0


def test_pit_table_of_sjer() -> None:
    table = soil.read_pit_table(FOLDER / "soil_pit.csv")
    h = soil.from_table(table)
    assert [row.name for row in table.horizon] == ["A1", "A2", "BA", "Bw", "C", "Cr"]  # R has no sample
    assert h.porosity[0] == pytest.approx(0.4558, abs=5e-5)
    np.testing.assert_array_equal(h.index([0.0, 0.08, 0.0799, 1.70, 1.71, -0.01]), [0, 1, 0, 5, -1, -1])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("top_m,bottom_m,porosity\n0,x,0.4\n", r"bottom_m = 'x': a number"),
        ("top_m,bottom_m,porosity\n0.2,0.1,0.4\n", "must lie below"),
        ("top_m,bottom_m,porosity\n0,0.1,40\n", "porosity"),
        ("a,b\n1,2\n", "no horizon"),
        ("top_m,bottom_m,porosity\n0,0.2,0.4\n0.1,0.3,0.4\n", "overlap"),
    ],
)
def test_bad_pit_tables_name_the_place(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "pit.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SoilTableError, match=message) as caught:
        soil.read_pit_table(path)
    assert "pit.csv" in str(caught.value)


def test_a_bad_pit_table_is_told_in_chinese(tmp_path: Path) -> None:
    path = tmp_path / "pit.csv"
    path.write_text("top_m,bottom_m,porosity\n0.2,0.1,0.4\n", encoding="utf-8")
    with pytest.raises(SoilTableError) as caught:
        soil.read_pit_table(path)
    said = translate(str(caught.value), "zh")
    assert said.startswith(f"剖面表 {path}：第 2 行，horizon：")
    assert "must lie below" not in said  # the table's own rule, in its own words


def test_soil_table_of_the_station_file() -> None:
    rows = [
        {"top_m": 0.0, "bottom_m": 0.2, "porosity": 0.45, "b": 4.0},
        {"top_m": 0.0, "bottom_m": 0.2, "bulk_density_g_cm3": 1.5, "profile": "p2"},
    ]
    table = SoilTable.model_validate({"horizon": rows})
    assert soil.from_table(table, "p1").porosity[0] == 0.45
    assert soil.from_table(table, "p2").porosity[0] == pytest.approx(1 - 1.5 / 2.65)
    with pytest.raises(SoilTableError, match="no horizon"):
        soil.from_table(SoilTable(), "p1")
    with pytest.raises(ValidationError, match="exactly one"):
        SoilTable.model_validate({"horizon": [{"top_m": 0.0, "bottom_m": 0.2}]})
    with pytest.raises(ValidationError, match="porosty"):
        SoilTable.model_validate({"horizon": [{"top_m": 0.0, "bottom_m": 0.2, "porosty": 0.4}]})


# Values by hand (a pocket calculator) at eps = 0.2, phi = 0.5 and the default parameters.
BY_HAND = {
    "buckingham_1904": 0.04,
    "penman_1940": 0.132,
    "marshall_1959": 0.0894427,
    "millington_1959": 0.1169607,
    "millington_quirk_1960": 0.0634960,
    "millington_quirk_1961": 0.0187137,
    "currie_1960": 1.9 * 0.2**1.4,
    "troeh_1982": (0.1 / 0.9) ** 1.35,
    "moldrup_1997": 0.66 * 0.5 * 0.4**3,
    "moldrup_1999": 0.25 * 0.4 ** (2 + 3 / 4.05),
    "moldrup_2000": (2 * 0.027 + 0.012) * (2 / 3) ** (2 + 3 / 4.05),
    "moldrup_2000_wlr": 0.2**2.5 / 0.5,
    "deepagoda_2011": 0.1 * (2 * 0.064 + 0.04 * 0.4),
}


@pytest.mark.parametrize("name", list(MODELS))
def test_models_by_hand(name: str) -> None:
    value = relative_diffusivity(np.array([0.2]), np.array([0.5]), name)
    assert value[0] == pytest.approx(BY_HAND[name], rel=2e-6)


@pytest.mark.parametrize("name", list(MODELS))
@given(phi=st.floats(0.2, 0.8), share=st.floats(0.02, 0.98))
def test_model_limits_and_monotony(name: str, phi: float, share: float) -> None:
    eps = np.array([0.0, share * phi, min(share * 1.02, 1.0) * phi, phi])
    value = relative_diffusivity(eps, np.array(phi), name)
    assert value[0] == 0.0
    assert np.all(np.diff(value) >= 0.0)
    if name not in ("currie_1960",):  # its factor 1.9 was never meant for dry coarse media
        assert value[-1] < 1.0


def test_millington_quirk_has_no_power_too_many() -> None:
    # a peer writes eps^(13/3)/phi^2: too small by 1/eps
    eps, phi = 0.1, 0.5
    ours = relative_diffusivity(np.array([eps]), np.array([phi]))[0]
    assert ours / (eps ** (13 / 3) / phi**2) == pytest.approx(10.0, rel=1e-12)


def test_water_above_porosity_gives_no_diffusivity() -> None:
    assert np.isnan(relative_diffusivity(np.array([-0.01]), np.array([0.5]))[0])


def test_own_expression() -> None:
    eps = np.array([0.1, 0.3])
    ours = relative_diffusivity(eps, np.array(0.5), "eps^(10/3) / phi^2")
    np.testing.assert_allclose(
        ours, relative_diffusivity(eps, np.array(0.5), "millington_quirk_1961"), rtol=1e-12
    )
    constant = relative_diffusivity(eps, np.array(0.5), "0.3")
    assert constant.tolist() == [0.3, 0.3]


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os')",
        "eps.real",
        "eps[0]",
        "lambda: 1",
        "x + 1",
        "eps +",
        "'a'",
        "True",
        "sqrt(eps, 2)",
        "1" * 300,
    ],
)
def test_hostile_expressions_are_refused_in_one_sentence(text: str) -> None:
    with pytest.raises(SoilTableError) as caught:
        compile_expression(text)
    assert "\n" not in str(caught.value)


def test_model_spread() -> None:
    eps, phi = np.array([0.05, 0.2, 0.45]), np.array(0.46)
    spread = model_spread_ln(eps, phi)
    by_hand = np.std([np.log(relative_diffusivity(eps, phi, m)) for m in SPREAD_MODELS], axis=0, ddof=1)
    np.testing.assert_allclose(spread, by_hand, rtol=1e-12)
    assert spread[0] > spread[1] > spread[2]  # wetter soil, less agreement


@pytest.mark.parametrize(
    "text",
    [
        "eps / 0",
        "9^9^9^9^9",
        "eps^-500",
        "1e308 * 1e308 * eps",
        "-eps",
        "log(eps)",
        "5 * eps",
        "0 * eps",
        "eps - 0.1",
    ],
)
def test_expressions_with_impossible_values_are_refused_in_one_sentence(text: str) -> None:
    with warnings.catch_warnings(), pytest.raises(SoilTableError, match="between 0 and 1") as caught:
        warnings.simplefilter("error")
        require_possible(text)
    assert "\n" not in str(caught.value)
    for possible in ("1.1 * eps^1.6", "max(eps - 0.1, 0)", "eps^(10/3) / phi^2"):
        require_possible(possible)
