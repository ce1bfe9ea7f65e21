"""``soilco2 analyse``: whatever is handed in, there is an answer, a refusal or one clear sentence."""

from __future__ import annotations

import csv
import html
import json
import math
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from soilco2.analysis.jobs import JOBS, present
from soilco2.cli.main import main
from tests.analysis.data import sjer_2020


def analyse(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as end:
        main(["analyse", *words])
    said = capsys.readouterr()
    assert isinstance(end.value.code, int)
    return end.value.code, said.out, said.err


def tidy(path: Path, days: float = 20, step: str = "30min", *, gap: float = 0.0, **change: Any) -> Path:
    """A made-up record with a daily course; `change` replaces what a series of this name is made of."""
    times = pd.date_range("2026-03-01", periods=int(days * 86_400 / pd.Timedelta(step).total_seconds()), freq=step,
                          tz="UTC")  # fmt: skip
    rng = np.random.default_rng(5)
    hour = times.hour + times.minute / 60
    wave = np.sin(2 * np.pi * (np.asarray(hour) - 9) / 24)
    slow = np.cumsum(rng.normal(size=times.size)) * 0.05
    made = {
        "co2": (700 + 60 * wave + 40 * slow + rng.normal(0, 5, times.size), "ppm"),
        "soil_temperature": (18 + 7 * wave + slow + rng.normal(0, 0.1, times.size), "degC"),
        "soil_water": (0.12 - 0.01 * slow + rng.normal(0, 0.002, times.size), "m3/m3"),
    }
    parts = []
    for name, (values, unit) in made.items():
        part = pd.DataFrame(
            {"time_utc": times.strftime("%Y-%m-%dT%H:%M:%SZ"), "variable": name, "depth_m": 0.1, "value": values,
             "unit": unit}
        )  # fmt: skip
        if gap:
            part = part[rng.random(len(part)) >= gap]
        if name in change:
            part = change[name](part)
        parts.append(part)
    pd.concat(parts).to_csv(path, index=False)
    return path


def no_number_that_is_none(folder: Path) -> None:
    """Nothing written holds a NaN, an infinity or a library's word."""
    reports = list(folder.rglob("*.html"))
    assert reports
    for path in reports:
        text = re.sub(r"<svg.*?</svg>", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
        assert not re.search(r">[^<]*\b(nan|NaN|inf|None|Traceback|Warning)\b[^<]*<", text), path
    for path in folder.rglob("*.json"):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"\b(NaN|Infinity)\b", text)
        for row in json.loads(text)["rows"]:
            assert row["value"] is not None or row["refused"], row
            assert row["why"] or not row["refused"], row
    for path in folder.rglob("*.csv"):
        with path.open(encoding="utf-8", newline="") as file:
            for cells in csv.reader(file):
                assert not {"nan", "inf", "-inf", "None"} & set(cells), path


@pytest.fixture(scope="module")
def dry_down(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """SJER plot 003 through its dry-down, as a tidy table."""
    path = tmp_path_factory.mktemp("data") / "sjer.csv"
    sjer_2020().to_csv(path, index=False)
    return path


def test_all_writes_results_tables_figures_and_one_report(
    dry_down: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = analyse(
        capsys, "all", str(dry_down), "--longitude", "-119.7", "--out", str(tmp_path), "--lang", "en"
    )
    assert (code, err) == (0, "")
    (day,) = tmp_path.iterdir()
    assert sorted(p.name for p in day.glob("*.results.json")) == sorted(
        f"{job}.results.json" for job in present()
    )
    (report,) = day.glob("*.html")
    assert report.name == "all.report.html"
    text = report.read_text(encoding="utf-8")
    assert text.count("<figure>") == len(list(day.glob("*.svg"))) > 0
    assert "N_eff" in out
    assert str(report) in out
    no_number_that_is_none(tmp_path)
    kept = json.loads((day / "correlation.results.json").read_text(encoding="utf-8"))
    (mark,) = kept["asked"]["sha256"].values()
    assert len(mark) == 64
    assert mark[:16] in text


def test_the_chinese_report_and_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = tidy(tmp_path / "d.csv", 14, "3h")
    code, out, _ = analyse(
        capsys, "all", str(data), "--longitude", "0", "--out", str(tmp_path / "out"), "--lang", "zh"
    )
    assert code == 0
    assert "有效样本量" in out
    (report,) = tmp_path.rglob("*.html")
    text = report.read_text(encoding="utf-8")
    assert 'lang="zh-CN"' in text
    assert "签字" in text
    methods = text.split("<h2>方法</h2>", 1)[1].split("</section>", 1)[0]
    said = re.findall(r"<li>(.*?)</li>", methods.split("<p>", 1)[0])
    assert said
    for item in said:
        assert not re.search(r"(?:\b[a-z]{3,}\b[ ,]+){3}", html.unescape(item)), item
    no_number_that_is_none(tmp_path / "out")


def test_workers_give_the_same_numbers(
    dry_down: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = (str(dry_down), "--seed", "3", "--json")
    one = json.loads(analyse(capsys, "all", *words, "--out", str(tmp_path / "a"))[1])
    two = json.loads(analyse(capsys, "all", *words, "--out", str(tmp_path / "b"), "--workers", "2")[1])
    assert one["rows"] == two["rows"]
    assert not one["failed"]
    assert [Path(f).name for f in one["files"]] == [Path(f).name for f in two["files"]]


def test_a_dask_cluster_gives_the_same_numbers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = tidy(tmp_path / "d.csv", 12, "1h", gap=0.2)
    distributed = pytest.importorskip("distributed", reason="needs the extra 'cluster'")
    with distributed.LocalCluster(
        1, threads_per_worker=1, dashboard_address=None, host="127.0.0.1", processes=False, protocol="tcp://"
    ) as cluster:
        code, out, err = analyse(capsys, "correlation", str(data), "--json", "--out", str(tmp_path / "a"),
                                 "--scheduler", cluster.scheduler_address)  # fmt: skip
    assert code == 0, err
    here = json.loads(analyse(capsys, "correlation", str(data), "--json", "--out", str(tmp_path / "b"))[1])
    assert json.loads(out)["rows"] == here["rows"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("correlation", "no/such.csv"), "no/such.csv"),
        (("correlation", "no/such.toml"), "no/such.toml"),
        (("corelation", "x.csv"), "corelation"),
        (("all", "{data}", "--scheduler", "tcp://127.0.0.1:9", "--workers", "2"), "two places"),
        (("all", "{data}", "--depth", "0.77"), "0.77"),
        (("all", "{data}", "--from", "yesterday"), "yesterday"),
        (("all", "{data}", "--from", "2031-01-01"), "no "),
        (("all", "{data}", "--every", "1d"), "station"),
        (("all", "{data}", "--seed", "x"), "x"),
        (("all", "{data}", "--workers", "0"), "workers"),
    ],
)
def test_wrong_use_gets_one_sentence(
    words: tuple[str, ...], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tidy(tmp_path / "d.csv", 3)
    out = () if words[0] == "corelation" else ("--out", str(tmp_path / "out"))
    code, _, err = analyse(capsys, *(w.format(data=data) for w in words), *out)
    assert code in (1, 2)
    assert said in err
    assert "Traceback" not in err
    assert not (tmp_path / "out").exists(), "nothing half written"


# bad input: refused with one sentence


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"co2": lambda p: p.assign(unit="furlong")}, "furlong"),
        ({"co2": lambda p: p.assign(unit="degC")}, "degC"),
        ({"co2": lambda p: p.assign(time_utc=p["time_utc"].str.rstrip("Z"))}, "zone"),
        ({"co2": lambda p: p.assign(value=np.nan)}, ""),
        ({"co2": lambda p: p.assign(variable="carbon")}, "carbon"),
        ({"co2": lambda p: p.iloc[:0]}, "neither co2 nor co2_flux"),
        ({"soil_temperature": lambda p: p.assign(depth_m=-0.1)}, ""),
        ({"co2": lambda p: _conflicts(p)}, "two different values"),
    ],
    ids=[
        "unit",
        "wrong unit",
        "no zone",
        "all missing",
        "variable",
        "no co2",
        "above ground",
        "two values at a time",
    ],
)
def test_unusable_data_get_one_sentence_or_refusals(
    change: dict[str, Any], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tidy(tmp_path / "d.csv", 12, "1h", **change)
    code, _, err = analyse(capsys, "all", str(data), "--out", str(tmp_path / "out"))
    assert "Traceback" not in err
    assert "Warning" not in err
    if code == 0:
        assert not said
        no_number_that_is_none(tmp_path / "out")
    else:
        assert said in err
        assert len(err.strip().splitlines()) == 1, err


# bad input: answered or refused row by row


def _conflicts(part: pd.DataFrame) -> pd.DataFrame:
    return pd.concat([part, part.iloc[::7].assign(value=part["value"].iloc[::7] + 1)])


ODD: dict[str, dict[str, Any]] = {
    "duplicates": {"co2": lambda p: pd.concat([p, p.iloc[::3]])},
    "unsorted": {"co2": lambda p: p.sample(frac=1, random_state=1)},
    "irregular": {"co2": lambda p: p.sample(frac=0.4, random_state=2).sort_index()},
    "constant": {"soil_temperature": lambda p: p.assign(value=20.0)},
    "constant co2": {"co2": lambda p: p.assign(value=400.0)},
    "one value repeated": {"co2": lambda p: p.assign(value=p["value"].where(p.index < len(p) / 3, 812.0))},
    "driver all missing": {"soil_water": lambda p: p.assign(value=np.nan)},
    "impossible": {"soil_temperature": lambda p: p.assign(value=p["value"].where(p.index % 9 > 0, 9999.0))},
    "t hours apart": {
        "soil_temperature": lambda p: p.assign(
            time_utc=(pd.to_datetime(p["time_utc"]) + pd.Timedelta("9h")).dt.strftime("%Y-%m-%dT%H:%M:%SZ")
        )
    },
    "flagged": {"co2": lambda p: p.assign(flag=4)},
    "two depths swapped": {
        "soil_temperature": lambda p: pd.concat(
            [p.assign(depth_m=0.4), p.assign(depth_m=0.1, value=18 + 0.1 * (p["value"] - 18))]
        )
    },
}


@pytest.mark.parametrize("kind", ODD)
def test_odd_data_are_answered_or_refused(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tidy(tmp_path / "d.csv", 14, "2h", **ODD[kind])
    code, out, err = analyse(capsys, "all", str(data), "--longitude", "0", "--out", str(tmp_path / "out"))
    if kind == "flagged":
        assert code in (0, 1)
    else:
        assert (code, err) == (0, ""), err
    if code == 0:
        assert out
        no_number_that_is_none(tmp_path / "out")


REFUSED = {
    "unknown unit": ({"co2": lambda p: p.assign(unit="furlong")}, "furlong"),
    "local time": ({"soil_water": lambda p: p.assign(time_utc=p["time_utc"].str.rstrip("Z"))}, "zone"),
    "two values at a time": ({"co2": lambda p: _conflicts(p)}, "two different values"),
    "no co2": ({"co2": lambda p: p.iloc[:0]}, "neither co2 nor co2_flux"),
}
SHORT = {"one row": 1 / 48, "three days": 3}


@pytest.mark.parametrize("command", JOBS)
def test_every_analysis_answers_refuses_or_says_what_is_wrong(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bad, short and unusable input through each command; figures are drawn by ``all`` above."""
    monkeypatch.setattr("soilco2.analysis.report.write.figures", lambda *_: [])
    cases: list[tuple[str, float, dict[str, Any], str]] = [
        *((kind, 12, change, "") for kind, change in ODD.items()),
        *((kind, days, {}, "") for kind, days in SHORT.items()),
        *((kind, 12, change, said) for kind, (change, said) in REFUSED.items()),
        ("co2 all missing", 12, {"co2": lambda p: p.assign(value=np.nan)}, ""),
        ("water constant", 12, {"soil_water": lambda p: p.assign(value=0.1)}, ""),
    ]
    for kind, days, change, said in cases:
        folder = tmp_path / kind.replace(" ", "_")
        folder.mkdir()
        data = tidy(folder / "d.csv", days, "30min" if kind == "one row" else "2h", **change)
        code, out, err = analyse(
            capsys, command, str(data), "--longitude", "0", "--out", str(folder / "out"), "--lang", "en"
        )
        if said:
            assert code in (1, 2), kind
            assert said in err, kind
            assert len(err.strip().splitlines()) == 1, err
            assert not (folder / "out").exists(), kind
        else:
            assert (code, err) == (0, ""), (kind, err)
            assert out, kind
            no_number_that_is_none(folder / "out")


@pytest.mark.parametrize("rows", [1, 2, 48, 144])
def test_short_records_are_refused_not_answered(
    rows: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One row, two rows, a day and three days: no response and no lag, every row with its reason."""
    data = tidy(tmp_path / "d.csv", rows / 48)
    code, out, err = analyse(capsys, "all", str(data), "--json", "--out", str(tmp_path / "out"))
    assert (code, err) == (0, "")
    found = json.loads(out)["rows"]
    assert found
    kinds = {"q10_nls", "q10_log", "lag", "loop_area", "water_slope"} | (
        {"pearson_r"} if rows < 144 else set()
    )
    told = [r for r in found if r["what"] in kinds]
    assert told or rows == 144
    assert all(r["refused"] and r["why"] and r["p"] is None and r["lower"] is None for r in told)
    no_number_that_is_none(tmp_path / "out")


def test_a_depth_only(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    two = {"co2": lambda p: pd.concat([p, p.assign(depth_m=0.3)])}
    data = tidy(tmp_path / "d.csv", 12, "1h", **two)
    code, out, _ = analyse(
        capsys, "correlation", str(data), "--depth", "0.3", "--json", "--out", str(tmp_path)
    )
    assert code == 0
    assert {row["target_depth_m"] for row in json.loads(out)["rows"]} == {0.3}


def test_stations_do_not_write_over_each_other(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one = pd.read_csv(tidy(tmp_path / "d.csv", 3))
    both = tmp_path / "both.csv"
    pd.concat([one.assign(station="a"), one.assign(station="b/../c")]).to_csv(both, index=False)
    code, _, err = analyse(capsys, "correlation", str(both), "--out", str(tmp_path / "out"))
    if code == 0:
        assert len(list((tmp_path / "out").rglob("correlation.results.json"))) == 2
        assert all(tmp_path / "out" in p.parents for p in (tmp_path / "out").rglob("*.json"))
    else:
        assert "b/../c" in err


@pytest.mark.parametrize("job", JOBS)
def test_every_analysis_has_help_with_an_example(job: str, capsys: pytest.CaptureFixture[str]) -> None:
    if job not in present():
        return
    code, out, _ = analyse(capsys, job, "--help")
    assert code == 0
    assert f"soilco2 analyse {job} " in out


def test_numbers_are_plain() -> None:
    """What the report writes for a number, by hand."""
    from soilco2.analysis.vocabulary import digits

    assert [digits(v) for v in (0.0, 1234.5, 123.4, 12.34, 1.234, 0.1234, 0.01234, -0.0005, None)] == [
        "0", "1 234", "123", "12.3", "1.23", "0.12", "0.012", "-0.00050", "",
    ]  # fmt: skip
    assert not math.isnan(float(digits(-1e-7)))


@pytest.mark.parametrize("name", ["correlation", "flux"])
@pytest.mark.parametrize("file", ["nowhere.csv", "nowhere.toml"])
def test_a_file_that_is_not_there_is_said_before_anything_is_imported(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, file: str
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)  # importing it would fail
    monkeypatch.setitem(sys.modules, "soilco2.analysis.errors", None)
    for lang, words in (("en", "there is no such file"), ("zh", "没有这个文件")):
        code, _, said = analyse(capsys, name, str(tmp_path / file), "--lang", lang)
        assert (code, said) == (2, f"{tmp_path / file}: {words}\n")
