"""``analyse correlation``: on measured records, on wrong ones, and the same from every source."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from soilco2.analysis.frames.build import from_table
from soilco2.analysis.frames.frame import Frame, Site
from soilco2.analysis.frames.scales import within_day
from soilco2.analysis.jobs.base import Options
from soilco2.analysis.jobs.correlation import run
from soilco2.analysis.statistics.correlation import correlation
from soilco2.cli.main import main
from soilco2.ingest.simulate.replay import backfill_samples
from soilco2.station_config.loader import Station, load_station
from soilco2.storage.influx.line_protocol import encode
from soilco2.storage.influx.sink import InfluxSink
from soilco2.storage.journal.reader import JournalReader
from soilco2.storage.journal.writer import Writer
from soilco2.storage.results.results import Result, read_results
from soilco2.teaching.demo import station_text
from tests.analysis.data import agua_amarga, sjer_2022
from tests.servers import ORG, TOKEN_VARIABLE, InfluxBucket

START = 1_654_041_600_000_000
DAYS = 14


def frame_of(table: pd.DataFrame) -> Frame:
    (frame,) = from_table(table)
    return frame


@pytest.fixture(scope="module")
def dry_month() -> list[Result]:
    table = sjer_2022()
    return run(frame_of(table[table["profile"].isin(["004", "site"])]), Options()).rows


def test_within_the_day_concentration_near_the_surface_runs_against_temperature(
    dry_month: list[Result],
) -> None:
    shallow = min({r.target_depth_m for r in dry_month if r.target_depth_m is not None})
    (found,) = (
        r
        for r in dry_month
        if (r.what, r.scale, r.target_depth_m) == ("pearson_r", "within-day", shallow)
        and r.driver.endswith("soil_temperature")
    )
    assert found.value is not None
    assert found.value < -0.2


def test_naive_p_of_a_dry_month_mean_nothing() -> None:
    """Five plots: where the textbook is sure (p < 0.001) of several, memory and their number leave none."""
    rows = run(frame_of(sjer_2022()), Options()).rows
    tested = [r for r in rows if r.what == "pearson_r" and r.p is not None]
    assert len(tested) > 10
    assert sum((r.details["p_as_if_independent"] or 0) < 0.001 for r in tested) >= 4
    assert not [r for r in tested if r.p_adjusted is not None and r.p_adjusted < 0.001]
    assert all(r.n_eff is not None and r.n_eff < r.n / 5 for r in tested)


def test_every_number_has_its_interval_or_its_reason(dry_month: list[Result]) -> None:
    for r in dry_month:
        if r.refused:
            assert r.why
            assert r.p is None
            assert r.lower is None
        else:
            assert r.value is not None
            assert r.p is not None
            assert r.n_eff is not None
            assert r.method
            if "rank" not in r.what:
                assert r.lower is not None
                assert r.upper is not None
                assert -1 <= r.lower <= r.value <= r.upper <= 1


def test_water_within_the_day_is_the_sensors_own_temperature(dry_month: list[Result]) -> None:
    rows = [r for r in dry_month if r.driver.endswith("soil_water") and r.scale.startswith("within-day")]
    assert rows
    assert {r.why_code for r in rows} == {"water_follows_t"}
    assert all(r.value is None for r in rows)


def test_flux_of_a_dry_grassland_goes_with_water_from_day_to_day() -> None:
    """Agua Amarga: water, not temperature, moves the flux through the year (Vargas 2018)."""
    table = agua_amarga()
    profile = sorted(set(table["profile"]) - {"site"})[0]
    rows = run(frame_of(table[table["profile"].isin([profile, "site"])]), Options()).rows
    water = [
        r for r in rows if r.what == "partial_r" and r.scale == "seasonal" and r.driver.endswith("soil_water")
    ]
    assert len(water) == 1
    assert water[0].value is not None
    assert water[0].value > 0.3


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("gaps", [False, True])
def test_what_goes_together_from_day_to_day_is_found_with_its_sign(sign: int, gaps: bool) -> None:
    rng = np.random.default_rng(1)
    times = pd.date_range("2026-03-01", periods=48 * 60, freq="30min", tz="UTC")
    warm = np.repeat(rng.standard_normal(60), 48)
    co2 = 800 + 40 * sign * warm + 5 * rng.standard_normal(times.size)
    if gaps:
        co2[rng.random(times.size) < 0.2] = np.nan
    parts = [
        pd.DataFrame({"time_utc": times, "value": values, "variable": name, "unit": unit, "depth_m": 0.1})
        for values, name, unit in ((co2, "co2", "ppm"), (20 + warm, "soil_temperature", "degC"))
    ]
    rows = run(frame_of(pd.concat(parts)), Options()).rows
    (found,) = (r for r in rows if r.what == "pearson_r" and r.scale == "day-to-day" and r.driver)
    assert found.value == pytest.approx(sign, abs=0.02)
    assert found.p is not None
    assert found.p < 1e-6


# the command


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory) -> Station:
    folder = tmp_path_factory.mktemp("correlation")
    path = folder / "sjer.toml"
    path.write_text(station_text(1883) + '\n[journal]\npath = "journal.sqlite"\n', encoding="utf-8")
    made = load_station(path)
    with Writer.open(made) as writer:
        month = backfill_samples(made, START, START + DAYS * 86_400_000_000)
        writer.commit([sample for batch in month for sample in batch])
    return made


def asked(capsys: pytest.CaptureFixture[str], out: Path, *words: str) -> list[dict[str, Any]]:
    with pytest.raises(SystemExit) as end:
        main(["analyse", "correlation", *words, "--out", str(out), "--json"])
    said = capsys.readouterr()
    assert end.value.code == 0, said.err
    rows: list[dict[str, Any]] = json.loads(said.out)["rows"]
    return rows


@pytest.mark.influx
def test_journal_database_and_tidy_table_give_the_same_answer(
    station: Station, influx: InfluxBucket, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert station.path is not None
    from_journal = asked(capsys, tmp_path / "a", str(station.path), "--depth", "0.21")
    assert len(from_journal) > 10
    assert any(not row["refused"] for row in from_journal)

    table = tmp_path / "june.csv"
    with pytest.raises(SystemExit) as end:
        main(["export", str(station.path), "-o", str(table)])
    assert end.value.code == 0
    capsys.readouterr()
    from_table = asked(capsys, tmp_path / "b", str(table), "--depth", "0.21")

    with_database = tmp_path / "with_database.toml"
    with_database.write_text(
        station.path.read_text(encoding="utf-8").replace('"journal.sqlite"', f'"{station.journal_path}"')
        + f'\n[influxdb]\nurl = "{influx.server.url}"\norg = "{ORG}"\nbucket = "{influx.name}"\n'
        f'token = {{ env = "{TOKEN_VARIABLE}" }}\n',
        encoding="utf-8",
    )
    sink = InfluxSink(load_station(with_database).file.influxdb[0])
    with JournalReader(station.journal_path) as reader:
        rev = 0
        while found := reader.observations_after(rev, 5000):
            sink.write(encode(o for _, o in found))
            rev = found[-1][0]
    sink.close()
    from_influx = asked(capsys, tmp_path / "c", str(with_database), "--source", "influx", "--depth", "0.21")

    for other in (from_table, from_influx):
        assert len(other) == len(from_journal)
        for one, two in zip(from_journal, other, strict=True):
            assert {k: one[k] for k in ("what", "target", "driver", "scale", "n", "refused", "why_code")} == {
                k: two[k] for k in ("what", "target", "driver", "scale", "n", "refused", "why_code")
            }
            for name in ("value", "lower", "upper", "p", "n_eff"):
                same = (
                    one[name] is None
                    if two[name] is None
                    else one[name] == pytest.approx(two[name], rel=1e-6)
                )
                assert same, (one["what"], one["driver"], name, one[name], two[name])


def test_results_are_kept_by_date_with_a_figure(
    station: Station, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert station.path is not None
    out = tmp_path / "results"
    with pytest.raises(SystemExit) as end:
        main(
            [
                "analyse",
                "correlation",
                str(station.path),
                "--depth",
                "0.03",
                "--out",
                str(out),
                "--lang",
                "zh",
            ]
        )
    assert end.value.code == 0
    said = capsys.readouterr().out
    assert "有效样本量" in said
    assert "逐日" in said
    assert "the effective number" not in said, "reasons are told in the language asked for"
    (path,) = out.rglob("*.json")
    kept = read_results(path)
    assert (kept.job, kept.station, kept.seed) == ("correlation", "sjer", 1)
    assert kept.rows
    (figure,) = out.rglob("*.svg")
    assert figure.stat().st_size > 1000


@pytest.mark.parametrize(
    ("text", "said", "code"),
    [
        ("time_utc,variable,value,unit\n", "no ", 1),
        ("time_utc,variable,value\n2026-03-01T00:00:00Z,co2,1\n", "unit", 2),
        ("time_utc,variable,value,unit\n2026-03-01T00:00:00,co2,400,ppm\n", "zone", 2),
        ("time_utc,variable,value,unit\n2026-03-01T00:00:00Z,co2,400,furlong\n", "furlong", 2),
        ("time_utc,variable,value,unit\n2026-03-01T00:00:00Z,rain,1,mm\n", "neither co2 nor co2_flux", 1),
    ],
)
def test_wrong_tables_get_one_sentence(
    text: str, said: str, code: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = tmp_path / "t.csv"
    table.write_text(text, encoding="utf-8")
    with pytest.raises(SystemExit) as end:
        main(["analyse", "correlation", str(table), "--out", str(tmp_path / "out")])
    err = capsys.readouterr().err
    assert end.value.code == code, err
    assert said in err
    assert "Traceback" not in err


def test_three_days_and_one_row_are_refused_not_answered(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for n in (1, 144):
        times = pd.date_range("2026-03-01", periods=n, freq="30min", tz="UTC").strftime("%Y-%m-%dT%H:%M:%SZ")
        rng = np.random.default_rng(n)
        parts = [
            pd.DataFrame(
                {"time_utc": times, "variable": name, "value": level + rng.standard_normal(n), "unit": unit}
            )
            for name, level, unit in (
                ("co2", 800, "ppm"),
                ("soil_temperature", 20, "degC"),
                ("soil_water", 30, "%"),
            )
        ]
        table = tmp_path / f"t{n}.csv"
        pd.concat(parts).assign(depth_m=0.1).to_csv(table, index=False)
        rows = asked(capsys, tmp_path / f"out{n}", str(table))
        daily = [r for r in rows if r["scale"] in ("day-to-day", "seasonal")]
        assert daily
        assert all(r["refused"] and r["why"] and r["p"] is None for r in daily)


def test_bulk_conductivity_is_brought_to_25_degrees() -> None:
    """EC made of temperature alone, 0.5 (1 + 0.0191 (T - 25)): nothing is left to go with CO2."""
    n = 48 * 40
    rng = np.random.default_rng(8)
    heat = 20 + 8 * np.sin(2 * np.pi * np.arange(n) / 48) + np.cumsum(rng.normal(0, 0.05, n))
    salt = 0.5 + 0.01 * np.cumsum(rng.normal(0, 0.05, n))
    times = pd.date_range("2026-05-01", periods=n, freq="30min", tz="UTC").strftime("%Y-%m-%dT%H:%M:%SZ")
    made = {
        "co2": (600 + 20 * heat + rng.normal(0, 5, n), "ppm"),
        "soil_temperature": (heat, "degC"),
        "bulk_ec": (salt * (1 + 0.0191 * (heat - 25)), "dS/m"),
    }
    parts = [
        pd.DataFrame({"time_utc": times, "variable": k, "depth_m": 0.1, "value": v, "unit": u})
        for k, (v, u) in made.items()
    ]
    rows = run(frame_of(pd.concat(parts)), Options()).rows
    salty = [r for r in rows if "ec" in r.driver.rsplit("/", 1)[-1]]
    assert {r.driver.rsplit("/", 1)[-1] for r in salty} == {"ec25"}
    assert all("EC at 25 degC" in r.method for r in salty)
    (within,) = (r for r in salty if r.scale == "within-day" and r.what == "pearson_r")
    raw = correlation(within_day(made["bulk_ec"][0], 48), within_day(made["co2"][0], 48))
    assert float(raw) > 0.9
    assert within.value is not None
    assert abs(within.value) < 0.3


def test_p_and_interval_that_disagree_are_told() -> None:
    """At Agua Amarga a few rains carry r from day to day: p is small, the six stretches are not of one mind."""
    codes = set()
    for r in run(frame_of(agua_amarga()), Options()).rows:
        if r.what in ("pearson_r", "partial_r") and r.p is not None:
            assert r.lower is not None
            assert r.upper is not None
            apart, code = r.lower * r.upper > 0, r.details.get("warning_code")
            if r.p < 0.05 and not apart:
                assert code == "p_without_interval"
            elif r.p >= 0.05 and apart:
                assert code == "interval_without_p"
            else:
                assert code in (None, "t_w_tied")
            codes.add(code)
    assert "p_without_interval" in codes


def test_the_whole_record_stands_beside_the_scales_as_papers_give_it() -> None:
    """r and rank r by scipy, the partial by the textbook's formula, of the values as measured; no test."""
    (frame,) = from_table(agua_amarga().query("profile == 'bare_soil'"), site=Site(longitude=-2.03))
    rows = {
        (r.what, r.driver.rsplit("/", 1)[-1]): r
        for r in run(frame, Options()).rows
        if r.scale == "as measured"
    }
    c, t, w = (frame.find(v)[0].values for v in ("co2_flux", "soil_temperature", "soil_water"))
    both = np.isfinite(c) & np.isfinite(t) & np.isfinite(w)
    c, t, w = c[both], t[both], w[both]
    tw, ct, cw = (float(stats.pearsonr(*pair)[0]) for pair in ((t, w), (c, t), (c, w)))
    partial = (ct - cw * tw) / np.sqrt((1 - cw**2) * (1 - tw**2))
    assert rows["pearson_r", "soil_temperature"].value == pytest.approx(ct, rel=1e-9)
    assert rows["partial_r", "soil_temperature"].value == pytest.approx(partial, rel=1e-9)
    assert rows["rank_r", "soil_water"].value == pytest.approx(float(stats.spearmanr(c, w)[0]), rel=1e-9)
    assert all(r.p_adjusted is None for r in rows.values())
