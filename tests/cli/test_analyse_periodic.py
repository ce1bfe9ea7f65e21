"""``soilco2 analyse … --every`` beside a station: by date, from where it ended, tried again, never half written."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from soilco2.analysis.errors import DataError
from soilco2.analysis.jobs import correlation
from soilco2.cli.main import main
from soilco2.ingest.simulate.replay import backfill_samples
from soilco2.station_config.loader import load_station
from soilco2.storage.journal.writer import Writer
from soilco2.storage.results.results import list_results, read_results
from soilco2.teaching.demo import station_text

START = 1_654_041_600_000_000
"""2022-06-01T00:00:00Z."""
DAY_US = 86_400_000_000
DAYS = 5
NOW_US = START + DAYS * DAY_US + DAY_US // 2


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demonstration's station after five days."""
    path = tmp_path_factory.mktemp("beside") / "sjer.toml"
    path.write_text(station_text(1883) + '\n[journal]\npath = "journal.sqlite"\n', encoding="utf-8")
    made = load_station(path)
    with Writer.open(made) as writer:
        month = backfill_samples(made, START, START + DAYS * DAY_US)
        writer.commit([sample for batch in month for sample in batch])
    return path


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The time of the schedule clock [µs UTC], to be moved by the test."""
    now = [NOW_US]
    monkeypatch.setattr("soilco2.cli.commands.analyse.periodic.now_us", lambda: now[0])
    return now


def once(station: Path, out: Path, *words: str) -> int:
    with pytest.raises(SystemExit) as end:
        main(["analyse", "correlation", str(station), "--depth", "0.03", "--every", "1d", "--once", "--out", str(out),
              *words])  # fmt: skip
    assert isinstance(end.value.code, int)
    return end.value.code


def days(out: Path) -> list[str]:
    return [path.parent.name for path in list_results(out, "correlation")]


def test_the_first_start_answers_for_the_last_day_that_ended(
    station: Path, tmp_path: Path, at: list[int]
) -> None:
    assert once(station, tmp_path) == 0
    (path,) = list_results(tmp_path, "correlation")
    found = read_results(path)
    end = datetime.fromisoformat(found.data_to)
    zone = load_station(station).deployments.zone
    assert end.astimezone(zone).strftime("%H:%M") == "00:00", "periods end at the station's midnight"
    assert end <= datetime.fromtimestamp(NOW_US / 1e6, UTC)
    assert all(row.end < found.data_to for row in found.rows if row.end), "nothing after the period was used"


def test_it_goes_on_where_it_ended_and_makes_up_what_was_missed(
    station: Path, tmp_path: Path, at: list[int], capsys: pytest.CaptureFixture[str]
) -> None:
    at[0] = NOW_US - 3 * DAY_US
    assert once(station, tmp_path) == 0
    first = days(tmp_path)
    assert len(first) == 1
    at[0] = NOW_US
    assert once(station, tmp_path) == 0
    assert len(days(tmp_path)) == 4, "one for each day since"
    assert days(tmp_path)[0] == first[0]
    sizes = [sum(row.n for row in read_results(p).rows) for p in list_results(tmp_path, "correlation")]
    assert sizes == sorted(sizes), "each answer rests on the record so far"
    kept = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    capsys.readouterr()
    assert once(station, tmp_path) == 0
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == kept, (
        "nothing was due"
    )


def test_a_failed_job_is_reported_leaves_nothing_half_written_and_is_tried_again(
    station: Path,
    tmp_path: Path,
    at: list[int],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    real = correlation.run

    def fails(*_: object) -> None:
        raise DataError("the gauge is on fire")

    monkeypatch.setattr(correlation, "run", fails)
    assert once(station, tmp_path) == 1
    assert "the gauge is on fire" in capsys.readouterr().err
    assert days(tmp_path) == []
    assert not [p for p in tmp_path.rglob("*") if p.suffix in (".svg", ".csv", ".part")]
    (report,) = tmp_path.rglob("*.html")
    assert "the gauge is on fire" in report.read_text(encoding="utf-8")
    monkeypatch.setattr(correlation, "run", real)
    assert once(station, tmp_path) == 0
    assert len(days(tmp_path)) == 1
    assert "the gauge is on fire" not in report.read_text(encoding="utf-8")


def test_a_fault_of_the_program_is_reported_too(
    station: Path,
    tmp_path: Path,
    at: list[int],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(correlation, "run", lambda *_: 1 / 0)
    assert once(station, tmp_path) == 1
    err = capsys.readouterr().err
    assert "ZeroDivisionError" in err
    assert "Traceback" not in err


def test_an_empty_journal_is_no_end(
    station: Path, tmp_path: Path, at: list[int], capsys: pytest.CaptureFixture[str]
) -> None:
    at[0] = START - DAY_US
    assert once(station, tmp_path) == 1
    assert "no good value" in capsys.readouterr().err
    at[0] = NOW_US
    assert once(station, tmp_path) == 0


def test_a_results_file_that_was_damaged_is_made_again(
    station: Path, tmp_path: Path, at: list[int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert once(station, tmp_path) == 0
    (path,) = list_results(tmp_path, "correlation")
    path.write_text(path.read_text(encoding="utf-8")[:100], encoding="utf-8")
    assert once(station, tmp_path) == 0
    assert read_results(path).rows
    assert path.name in capsys.readouterr().err


@pytest.mark.parametrize(("every", "said"), [("soon", "soon"), ("10min", "1h"), ("1d", "--to")])
def test_wrong_use(
    every: str, said: str, station: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    extra = ["--to", "2022-06-03"] if said == "--to" else []
    with pytest.raises(SystemExit) as end:
        main(["analyse", "all", str(station), "--every", every, "--out", str(tmp_path), *extra])
    assert end.value.code == 2
    assert said in capsys.readouterr().err


def test_it_stays_until_it_is_told_to_stop(station: Path, tmp_path: Path) -> None:
    """The real command as a process: its first round, then SIGTERM while it waits for the next."""
    child = subprocess.Popen(
        [sys.executable, "-m", "soilco2", "analyse", "correlation", str(station), "--depth", "0.03", "--every", "1d",
         "--out", str(tmp_path)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, "LC_ALL": "C.UTF-8"},
    )  # fmt: skip
    assert child.stdout is not None
    try:
        line = child.stdout.readline()
        assert "correlation" in line, child.stderr.read() if child.stderr else ""
        assert child.poll() is None
        child.send_signal(signal.SIGTERM)
        begin = time.monotonic()
        assert child.wait(60) == 0
        assert time.monotonic() - begin < 60
    finally:
        child.kill()
        child.communicate()
    (path,) = list_results(tmp_path, "correlation")
    assert json.loads(path.read_text(encoding="utf-8"))["job"] == "correlation"
