"""From tidy tables to results, tables, figures and the command."""

from __future__ import annotations

import csv
import json
import re
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from soilco2.analysis.flux import job, refusals, settings
from soilco2.analysis.flux.errors import FluxError, SoilTableError
from soilco2.analysis.flux.inputs import assemble
from soilco2.cli.commands.analyse.flux import command
from soilco2.station_config.message import translate
from soilco2.storage.open import open_reader
from soilco2.storage.results.results import read_results
from tests.analysis.flux.sjer import FOLDER, tables

HAN = re.compile(r"[\u4e00-\u9fff]")


@pytest.fixture(scope="module")
def june(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three days of plots 002 and 004 as one tidy table."""
    parts = []
    for frame, name, unit in zip(
        tables(),
        ("co2", "soil_temperature", "soil_water", "air_pressure"),
        ("ppm", "degC", "m3/m3", "hPa"),
        strict=True,
    ):
        mine = frame[frame["plot"].isin(["002", "004", "000"]) & (frame["time_utc"] < "2022-06-04")].dropna(
            subset=["value"]
        )
        site = name == "air_pressure"
        parts.append(
            pd.DataFrame(
                {
                    "time_utc": mine["time_utc"], "station": "sjer",
                    "profile": "site" if site else "p" + mine["plot"],
                    "position": "" if site else "d" + (mine["z"] * 1000).round().astype(int).astype(str),
                    "depth_m": np.nan if site else mine["z"], "variable": name,
                    "value": mine["value"] * (10 if site else 1), "unit": unit, "flag": 1, "period_s": 1800,
                    "stamp": "start",
                }
            )
        )  # fmt: skip
    path = tmp_path_factory.mktemp("june") / "june.csv"
    pd.concat(parts).to_csv(path, index=False)
    return path


def outcome_of(path: Path, **options: object) -> job.Outcome:
    reader = open_reader([path])
    try:
        return job.run(reader, settings.read(FOLDER / "soil_pit.csv"), assemble.Wanted(**options))  # type: ignore[arg-type]
    finally:
        reader.close()


def test_windows_make_no_difference(june: Path) -> None:
    whole = outcome_of(june, altitude_m=374.0)
    parts = outcome_of(june, altitude_m=374.0, window_days=1.0)
    assert len(parts.fluxes) > len(whole.fluxes) == 2
    groups = job.joined(parts)
    for station, name, fluxes in whole.fluxes:
        joined = job.merge(groups[(station, name)])
        np.testing.assert_array_equal(joined.time_us, fluxes.time_us)
        np.testing.assert_array_equal(joined.refused, fluxes.refused)
        np.testing.assert_allclose(joined.efflux, fluxes.efflux, rtol=1e-9)
        np.testing.assert_allclose(joined.layer_flux, fluxes.layer_flux, rtol=1e-9)


def test_averages_over_a_longer_step(june: Path) -> None:
    hours = outcome_of(june, every_s=3600.0, profiles=["p004"])
    halves = outcome_of(june, profiles=["p004"])
    assert hours.every_us == 3_600_000_000
    assert np.nanmean(hours.fluxes[0][2].efflux) == pytest.approx(
        np.nanmean(halves.fluxes[0][2].efflux), rel=0.05
    )


def test_from_and_to(june: Path) -> None:
    day = 86_400_000_000
    start = outcome_of(june).fluxes[0][2].time_us[0] // day * day
    cut = outcome_of(june, start_us=int(start + day), end_us=int(start + 2 * day))
    times = cut.fluxes[0][2].time_us
    assert times[0] >= start + day
    assert times[-1] < start + 2 * day


def test_a_surface_that_moved_splits_the_record(june: Path) -> None:
    start = int(outcome_of(june).fluxes[0][2].time_us[0])
    moved = outcome_of(june, profiles=["p004"], shifts={"p004": [(start + 86_400_000_000, 0.01)]})
    first, second = (f for _, _, f in moved.fluxes)
    np.testing.assert_allclose(second.layer_edges_m[1:] - first.layer_edges_m[1:], 0.01)


def test_command_writes_what_it_says(june: Path, tmp_path: Path) -> None:
    arguments = [
        str(june),
        "--soil",
        str(FOLDER / "soil_pit.csv"),
        "--altitude",
        "374",
        "--out",
        str(tmp_path),
        "--lang",
        "en",
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        done = CliRunner().invoke(command, arguments, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    files = [Path(text) for text in done.output.split() if text.startswith(str(tmp_path))]
    assert {path.name for path in files} == {
        "flux.results.json", "flux.efflux.csv", "flux.layers.csv", "flux.production.csv",
        "flux.p002.png", "flux.p004.png",
    }  # fmt: skip
    assert all(path.stat().st_size > 500 for path in files)
    found = read_results(files[0])
    assert [row.target.split("/")[1] for row in found.rows] == ["p002", "p004"]
    assert all(row.refused or row.lower < row.value < row.upper for row in found.rows)
    assert "temperature and water already" in " ".join(found.notes)
    with (files[0].with_name("flux.efflux.csv")).open(encoding="utf-8") as handle:
        rows = list(csv.DictReader(handle))
    assert all(bool(row["value"]) != bool(row["refused"]) for row in rows)
    assert all(float(r["lower"]) <= float(r["value"]) <= float(r["upper"]) for r in rows if r["value"])
    assert {row["unit"] for row in rows} == {"umol m-2 s-1"}
    # what was written is a tidy table that the one reader takes, intervals included
    reader = open_reader([files[0].with_name("flux.efflux.csv")])
    infos = [info for info in reader.series() if info.key.variable == "co2_flux"]
    assert len(infos) == 2
    piece = next(reader.read([infos[1].key]))
    assert len(piece.lower) == len(piece.values)
    reader.close()


def test_json(june: Path, tmp_path: Path) -> None:
    arguments = [
        str(june),
        "--soil",
        str(FOLDER / "soil_pit.csv"),
        "--out",
        str(tmp_path),
        "--no-figures",
        "--json",
    ]
    done = CliRunner().invoke(
        command, [*arguments, "--method", "inverse", "--profile", "p004"], catch_exceptions=False
    )
    assert done.exit_code == 0, done.output
    document = json.loads(done.output)
    assert document["rows"][0]["method"].startswith("inverse;")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "needs the soil"),
        (["--soil", "nowhere.toml"], "nowhere.toml: there is no such file"),
        (["--soil", "PIT", "--diffusivity", "x*2"], "unknown"),
        (["--soil", "PIT", "--profile", "p9"], "p002, p004"),
        (["--soil", "PIT", "--every", "30"], "duration"),
        (["--soil", "PIT", "--surface", "measured"], "stands at or above"),
        (["--soil", "PIT", "--from", "2030-01-01"], "no CO2 value"),
    ],
)
def test_mistakes_are_answered_in_one_sentence(
    june: Path, tmp_path: Path, arguments: list[str], message: str
) -> None:
    words = [str(FOLDER / "soil_pit.csv") if word == "PIT" else word for word in arguments]
    done = CliRunner().invoke(command, [str(june), "--out", str(tmp_path), *words])
    assert done.exit_code == 2
    assert message in done.output
    assert "Traceback" not in done.output
    assert done.exception is None or isinstance(done.exception, SystemExit)


def test_soil_file_faults_name_file_and_key(tmp_path: Path) -> None:
    path = tmp_path / "soil.toml"
    path.write_text(
        '[[soil.horizon]]\ntop_m = 0.0\nbottom_m = 0.3\nporosity = 45\n[flux]\nmetod = "top"\n',
        encoding="utf-8",
    )
    with pytest.raises(SoilTableError) as caught:
        settings.read(path)
    assert "soil.toml: soil.horizon.0.porosity = 45" in str(caught.value)
    assert "flux.metod" in str(caught.value)
    path.write_text("[soil", encoding="utf-8")
    with pytest.raises(SoilTableError, match="not TOML"):
        settings.read(path)
    with pytest.raises(FluxError, match="method = 'best'"):
        settings.with_options(settings.read(FOLDER / "soil_pit.csv"), method="best")


def test_every_reason_and_fault_is_told_in_chinese(june: Path, tmp_path: Path) -> None:
    for sentence in refusals.SENTENCES.values():
        assert HAN.search(translate(sentence, "zh")), sentence
    assert refusals.SENTENCES.keys() == set(refusals.Reason) - {refusals.Reason.NONE}
    table = pd.read_csv(june)
    table.loc[table["variable"] == "co2", "value"] = -5.0
    table.to_csv(tmp_path / "june.csv", index=False)
    outcome = outcome_of(tmp_path / "june.csv", profiles=["p004"])
    (row,) = job.results(outcome, settings.read(FOLDER / "soil_pit.csv"), "", {}).rows
    asked = row.details["asked"]
    assert row.why.startswith(f"0 of {asked} times answered; {asked} times: fewer usable CO2 levels than")
    assert translate(row.why, "zh") == f"{asked} 个时刻中 0 个有结果; 可用的 CO₂ 层数不足：{asked} 次"
    path = tmp_path / "soil.toml"
    path.write_text("[[soil.horizon]]\ntop_m = 0.3\nbottom_m = 0.1\nporosity = 0.4\n", encoding="utf-8")
    with pytest.raises(SoilTableError, match="must lie below") as caught:
        settings.read(path)
    said = translate(str(caught.value), "zh")
    assert said.startswith(f"{path}: soil.horizon.0: ")
    assert HAN.search(said)
    assert "must lie below" not in said
    path.write_text("[soil", encoding="utf-8")
    with pytest.raises(SoilTableError) as caught:
        settings.read(path)
    assert translate(str(caught.value), "zh").startswith(f"土壤文件 {path} 不是 TOML：")


def test_derived_rows_replace_what_no_longer_holds(june: Path) -> None:
    station, _, fluxes = outcome_of(june, profiles=["p004"]).fluxes[0]
    rows = list(job.derived_rows(station, fluxes, "m"))
    assert len(rows) == len(fluxes.time_us)
    for (key, time_us, value, lower, upper, method, reason), t, f in zip(
        rows, fluxes.time_us, fluxes.efflux, strict=True
    ):
        assert (value is None) == (reason != "")
        assert key == ("sjer", "p004", "", "co2_flux")
        assert time_us == t
        assert (value is None) == bool(np.isnan(f))
        assert method == "m"
        assert value is None or lower <= value <= upper  # type: ignore[operator]


def test_what_was_left_out_is_said_and_an_empty_soil_file_told(june: Path, tmp_path: Path) -> None:
    table = pd.read_csv(june)
    table.loc[(table["variable"] == "co2") & (table["depth_m"] < 0.05), "value"] = -5.0
    table.to_csv(tmp_path / "june.csv", index=False)
    asked = [str(tmp_path / "june.csv"), "--altitude", "374", "--no-figures", "--out", str(tmp_path)]
    done = CliRunner().invoke(
        command, [*asked, "--soil", str(FOLDER / "soil_pit.csv")], catch_exceptions=False
    )
    assert done.exit_code == 0, done.output
    assert "times: a CO2 mole fraction below 0 or above 300 000 ppm was left out" in done.output
    done = CliRunner().invoke(
        command, [*asked, "--soil", str(FOLDER / "soil_pit.csv"), "--lang", "zh"], catch_exceptions=False
    )
    assert re.search(r"CO₂ 值不可能：\d+ 次", done.output)
    assert translate(job.NOTE, "zh") in done.output
    assert job.NOTE not in done.output
    (tmp_path / "soil.toml").write_text("", encoding="utf-8")
    done = CliRunner().invoke(
        command, [*asked, "--soil", str(tmp_path / "soil.toml")], catch_exceptions=False
    )
    assert done.exit_code == 2
    assert "soil.toml: [[soil.horizon]]: is missing; give top_m" in done.output
