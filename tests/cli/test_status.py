"""``soilco2 status`` of a station whose collector does not run: what is in the journal, and what waits."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from soilco2.cli.main import main
from soilco2.quality.records import Sample
from soilco2.station_config.loader import Station, load_station
from soilco2.station_config.message import Message
from soilco2.storage.journal.rows import Parked
from soilco2.storage.journal.writer import Writer

JUNE = 1_654_041_600_000_000  # 2022-06-01T00:00:00Z
HOUR = 3_600_000_000
STATION = """
[station]
id = "old"
name = { en = "An old month", zh = "旧月" }
latitude = 38.3
longitude = 109.7
altitude_m = 1150
timezone = "UTC"
[[profile]]
id = "p1"
position = [{ id = "d10", depth_m = 0.10 }]
[influxdb]
url = "http://127.0.0.1:1"
org = "o"
bucket = "b"
token = { env = "SOILCO2_NO_TOKEN" }
"""


@pytest.fixture
def station(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Station:
    monkeypatch.setenv("SOILCO2_STATE", str(tmp_path / "state"))
    path = tmp_path / "old.toml"
    path.write_text(STATION, encoding="utf-8")
    return load_station(path)


def sample(hour: int, raw: float) -> Sample:
    return Sample("import/p1/d10", "co2", JUNE + hour * HOUR, raw, "", None, JUNE, 0, "boot", "import:t")


def run(*words: str) -> int:
    with pytest.raises(SystemExit) as end:
        main(list(words))
    return int(end.value.code or 0)


def told(station: Station, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    assert run("status", str(station.path), "--json") == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_in_is_stored_and_duplicate_and_rejected(
    station: Station, capsys: pytest.CaptureFixture[str]
) -> None:
    with Writer.open(station) as writer:
        writer.commit([sample(n, 400.0) for n in range(10)])
        writer.commit([sample(0, 400.0), sample(1, 401.0)])
        writer.commit(
            parked=[Parked("message", "import:t", "no JSON", b"{", None, JUNE)],
            counts=[("import:t", "in", 1), ("import:t", "rejected", 1)],
        )
    status = told(station, capsys)
    source = status["sources"]["import:t"]
    assert {name: source[name] for name in ("in", "stored", "duplicate", "rejected")} == {
        "in": 13, "stored": 11, "duplicate": 1, "rejected": 1,
    }  # fmt: skip
    assert status["parked"] == {"conflict": 1, "message": 1}


def test_a_backlog_is_as_long_as_the_data_that_wait(
    station: Station, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ten hours of an old month are ten hours, however long ago that month was."""
    with Writer.open(station) as writer:
        writer.commit([sample(n, 400.0) for n in range(11)])
    sink = told(station, capsys)["sinks"]["influxdb"]
    assert (sink["backlog_samples"], sink["backlog_hours"], sink["oldest_waiting_us"]) == (11, 10.0, JUNE)
    for lang, word in (("en", "11 wait (10.0 h)"), ("zh", "11 条待发送（10.0 小时）")):
        assert run("status", str(station.path), "--lang", lang) == 0
        assert word in capsys.readouterr().out


def test_without_a_journal_it_says_how_to_get_one(
    station: Station, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("status", str(station.path)) == 2
    said = capsys.readouterr().err
    assert "there is no journal yet; 'soilco2 collect' or 'soilco2 import' makes one" in said
    assert "Traceback" not in said


def test_what_is_wrong_with_a_database_is_said_in_the_language(
    station: Station, capsys: pytest.CaptureFixture[str]
) -> None:
    unset = Message("the environment variable {env} is not set; put the secret there", env="SOILCO2_NO_TOKEN")
    with Writer.open(station) as writer:
        writer.move_cursor("influxdb", 0, error=unset)
    for lang, words in (("en", unset), ("zh", "环境变量 SOILCO2_NO_TOKEN 未设置；请把机密放在其中")):
        assert run("status", str(station.path), "--lang", lang) == 0
        assert words in capsys.readouterr().out


@pytest.mark.parametrize("command", [["status", "--completeness"], ["reprocess"], ["export", "-o", "x.csv"]])
def test_a_window_that_ends_before_it_begins_is_refused(
    station: Station, capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    with Writer.open(station) as writer:
        writer.commit([sample(0, 400.0)])
    words = [command[0], str(station.path), *command[1:], "--from", "2022-07-01", "--to", "2022-06-01"]
    assert run(*words) == 2
    assert capsys.readouterr().err == "--to 2022-06-01 is not after --from 2022-07-01\n"


def test_messages_that_are_missing_are_said(station: Station, capsys: pytest.CaptureFixture[str]) -> None:
    with Writer.open(station) as writer:
        writer.commit([sample(0, 400.0)], counts=[("lora", "in", 3), ("lora", "messages_missing", 2)])
    assert run("status", str(station.path), "--lang", "en") == 0
    lines = capsys.readouterr().out.splitlines()
    at = next(n for n, line in enumerate(lines) if line.startswith("  lora: in 3"))
    assert lines[at + 1] == "    2 messages are missing by their numbers"
