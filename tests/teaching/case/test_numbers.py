"""Every number in a lesson's text: computed here from the data, or listed with where it comes from."""

from __future__ import annotations

import re
import tomllib
from importlib.resources import files

import numpy as np
import pytest

from soilco2.analysis.definitions import MIN_DIEL_W, MIN_N_EFF, SYNOPTIC_DAYS
from soilco2.cli.commands.collect import command as collect
from soilco2.cli.commands.collect import parse_speed
from soilco2.ingest.simulate.faults import DRIFT_PER_DAY, POROSITY
from soilco2.teaching.case import data
from soilco2.teaching.case.answer_keys import flux, temperature
from soilco2.teaching.case.drills import BEGIN_US, CO2, LONG_END_US, SOIL, described, slowly
from soilco2.teaching.case.lesson_source import Cell, lesson, lessons
from soilco2.teaching.case.marking import Context
from soilco2.teaching.case.profiles import month
from tests.teaching.case.running import ROOT

NUMBER = re.compile(r"(?<![A-Za-z_\d./`₀-₉^-])\d[\d .]*\d(?:\.\d+)?|(?<![A-Za-z_\d./`^-])\d")

GIVEN: dict[str, dict[str, str]] = {
    "read": {
        "12": "example of a form", "9.5": "example of a form", "0.08": "example of a form", "8": "rounded", "7": "example of a form",
        "0": "flag", "1": "flag", "2022": "the data's year", "6": "the data's month, and kinds in the table", "20": "example",
        "0.21": "depth, tested", "21": "depth in cm", "0.03": "depth, tested", "0.17": "depth, tested", "0.06": "depth, tested",
        "30": "days of June", "48": "half hours of a day", "15": "degrees of longitude an hour", "119.733": "tested", "109.7": "Yulin",
        "7.3": "109.7 / 15", "999": "the sentinel, tested", "32767": "2^15 - 1", "0.0": "licence", "1.0": "licence",
    },
    "temperature": {
        "0.03": "depth", "24": "hours of a day", "15": "tested", "1998": "year of the paper", "10": "tested", "0.005": "tested",
        "0.06": "depth", "1": "r near 1, tested", "5": "cm, of the data", "6": "June", "2": "", "0": "scale of an axis", "37": "tested", "0.10": "given", "4.0": "licence", "0.001": "tested",
    },
    "flux": {
        "0.03": "depth", "0.08": "depth", "38.4": "tested", "5.9": "tested", "10": "power of ten", "6": "power of ten, June", "29": "tested",
        "965": "tested", "2022": "year", "95": "level of the interval", "44.009": "tested", "12.011": "tested", "86 400": "24 h",
        "1": "hectare", "10 000": "m2 of a hectare", "30": "days", "0.84": "given", "43.0": "IPCC 2006 vol. 2 table 1.2",
        "74.1": "IPCC 2006 vol. 2 table 2.2", "2006": "year", "2": "volume", "1.2": "table", "2.2": "table", "5": "given", "3": "given",
        "3.1": "equation", "3.2": "section", "0.2": "setting", "1440": "tested",
    },
    "station": {
        "2": "stop bits, date, drift: tested", "2022": "year", "6": "June", "1": "", "48": "half hours, and seconds of a replayed day: tested", "485": "RS-485", "19200": "tested",
        "9600": "tested", "119.733": "tested", "37.107": "tested", "374": "tested", "30": "minutes", "8": "cm", "0.08": "m", "0.45": "tested",
        "1970": "year", "3": "hours, tested", "16": "cm", "06": "date", "01": "date",
    },
    "plan": {"2022": "year", "06": "date", "01": "date", "1.0": "version", "0.9": "target", "90": "target", "48": "given", "45": "given",
             "2": "given", "5": "parts of the form"},
}  # fmt: skip
"""Numbers that a text may hold, and why."""


def _plain(text: str) -> str:
    text = re.sub(r"```.*?```", " ", text, flags=re.S)
    text = re.sub(r"`[^`]*`", " ", text)
    text = re.sub(r"^#+ [\d.]+", " ", text, flags=re.M)
    text = re.sub(r"doi:\S+|10\.\d{4,}/\S+|µmol m⁻² s⁻¹|m³/m³|\bp\d{3}\b|[⁰¹²³⁴⁵⁶⁷⁸⁹⁻]+", " ", text)
    return re.sub(r"\d{4}-\d\d-\d\d", " ", text)


@pytest.mark.parametrize("name", [one.name for one in lessons()])
def test_every_number_is_known(name: str) -> None:
    def unknown(cell: Cell) -> set[str]:
        return {
            found.strip().rstrip(".")
            for lang in ("zh", "en")
            for found in NUMBER.findall(_plain(cell.parts.get(lang, "")))
        } - set(GIVEN[name])

    assert {number for cell in lesson(name).cells for number in unknown(cell)} == set()


def test_numbers_of_the_reading_lesson() -> None:
    table = data.sjer()
    plot = table[table["profile"] == data.PLOT]
    depths = set(plot[plot["variable"] == "co2"]["depth_m"].round(3))
    assert depths == {0.03, 0.08, 0.21}
    assert {0.03, 0.07, 0.17} <= set(plot[plot["variable"] == "soil_temperature"]["depth_m"].round(3))
    assert 0.06 in set(plot[plot["variable"] == "soil_water"]["depth_m"].round(3))
    assert data.SENTINEL == -999
    assert data.LONGITUDE == -119.733
    assert round(-data.LONGITUDE / 15) == 8
    assert round(109.7 / 15, 1) == 7.3
    assert data.STEPS == 30 * 48


def test_numbers_of_the_temperature_lesson() -> None:
    assert SYNOPTIC_DAYS == 15
    assert MIN_N_EFF == 10
    assert MIN_DIEL_W == 0.003
    table = data.sjer()
    top = table[
        (table["profile"] == "p004")
        & (table["variable"] == "soil_water")
        & (table["depth_m"].round(3) == 0.06)
    ]
    assert round(float(top["value"].median()), 3) == 0.005
    for name in temperature.PROFILES:  # "a thousand-odd pairs", "p below 0.001"
        found = temperature.answer(name, 0.03, "within-day")
        assert 1000 < found.n < 2000
        assert found.p_naive < 0.001
        assert found.refusal is not None
    assert round(100 * np.exp(-1)) == 37


def test_lag_and_loop_by_a_second_path() -> None:
    """Hours of the two daily maxima by the least-squares wave of the mean day, written out; -2.7 h as docs/methods/lag.md has it."""
    T, _, F = (np.nanmean(x.reshape(-1, 48), axis=0) for x in temperature.agua_grid())
    turn = np.exp(2j * np.pi * np.arange(48) / 48)
    late = np.angle(np.vdot(F, turn) / np.vdot(T, turn)) * 24 / (2 * np.pi)
    assert temperature.agua_lag() == pytest.approx(-2.7, abs=0.05)
    assert late == pytest.approx(temperature.agua_lag(), abs=0.15)
    warm, gas = T - T.mean(), F - F.mean()
    assert np.sum(warm * np.roll(gas, -1) - gas * np.roll(warm, -1)) < 0, "clockwise: CO2 before temperature"
    assert temperature.heat_lag() == pytest.approx(1.91, abs=0.005), "by hand: 3.82 h x 0.05 / 0.10"


def test_simpson_as_the_data_sheet_has_it() -> None:
    """Signs by a second path: numpy's own correlation on the published columns."""
    table = data.agua()
    part = table[table["position"] == "under_plant"].dropna()
    low, high = part["vwc_5cm_m3_m3"].quantile([1 / 3, 2 / 3])
    found = [
        np.corrcoef(rows["soil_temp_5cm_degc"], rows["co2_flux_umol_m2_s"])[0, 1]
        for rows in (part, part[part["vwc_5cm_m3_m3"] <= low], part[part["vwc_5cm_m3_m3"] > high])
    ]
    assert [round(r, 2) for r in found] == [round(r, 2) for r in temperature.simpson()]
    assert round(temperature.lost_by_logarithm(), 1) == 10.7, "as the data's own page says"


def test_numbers_of_the_flux_lesson() -> None:
    fluxes, means = month()
    layer = int(np.argmin(np.abs(fluxes.layer_edges_m - 0.03)))
    assert float(np.nanmedian(fluxes.layer_ds_m2_s[:, layer])) == pytest.approx(flux.DS, rel=0.01)
    table = data.sjer()
    pressure = float(table[table["variable"] == "air_pressure"]["value"].median())
    warm = table[
        (table["profile"] == "p004")
        & (table["variable"] == "soil_temperature")
        & (table["depth_m"].round(3) <= 0.07)
    ]
    assert round(pressure) == 965
    assert round(float(warm["value"].median())) == 29
    assert pressure * 100 / (8.314462618 * (273.15 + 29)) == pytest.approx(flux.AIR, rel=0.005)
    assert flux.fick() == pytest.approx(float(np.nanmedian(fluxes.layer_flux[:, layer])), rel=0.05)
    assert pytest.approx(12.011 + 2 * 15.999) == flux.MOLAR_MASS
    page = (ROOT / "docs/howto/flux_on_sjer.md").read_text(encoding="utf-8")
    shown = f"| 004 | {means.value[0]:.2f} ({means.lower[0]:.2f} … {means.upper[0]:.2f}) | {means.answered[0]} of "
    assert shown in page, "lesson and page tell one flux"
    assert means.lower[0] > 0


def test_numbers_of_the_station_lesson() -> None:
    text = tomllib.loads(described(Context("en", 1, 5)))
    assert [row["baudrate"] for row in text["connection"]] == [19200, 9600]
    assert text["connection"][0]["stopbits"] == 2
    assert (text["station"]["latitude"], text["station"]["longitude"], text["station"]["altitude_m"]) == (
        37.107,
        -119.733,
        374,
    )
    assert len(text["instrument"]) == len(CO2) + len(SOIL) == 5
    assert POROSITY == 0.45
    assert DRIFT_PER_DAY == 0.02
    speed = next(option.default for option in collect.params if option.name == "speed")
    assert parse_speed(speed) == 1800, "half an hour passes each second"
    assert slowly('interval = "30min"\n') == 'interval = "3h"\n'
    assert LONG_END_US - BEGIN_US == 14 * 86_400_000_000, "two weeks"
    begun = files("soilco2.teaching").joinpath("notebooks/station.lesson").read_text(encoding="utf-8")
    assert "四个位置" in begun
    assert "four positions" in begun


def test_what_flux_largest_says_of_the_interval() -> None:
    """Three of the five largest parts act through the diffusivity, the first among them; noise and temperature are small."""
    parts = {name: float(np.sqrt(np.nanmean(effect**2))) for name, effect in month()[0].persistent.items()}
    first = sorted(parts, key=parts.__getitem__, reverse=True)[:5]
    assert first[0] == "diffusivity model"
    assert sum(name.startswith(("diffusivity", "water", "porosity")) for name in first) >= 3
    for small in ("temperature", "CO2 0.03 m"):
        assert parts[small] < parts[first[0]] / 5
