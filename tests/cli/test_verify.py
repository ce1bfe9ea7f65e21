"""``soilco2 verify`` and ``soilco2 replay`` on a real journal and a real InfluxDB."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from soilco2.cli.main import main
from soilco2.quality.records import Flag, Observation, Sample
from soilco2.station_config.loader import Station, load_station
from soilco2.station_config.times import iso
from soilco2.storage.influx.line_protocol import encode, point
from soilco2.storage.influx.sink import InfluxSink
from soilco2.storage.journal.reader import JournalReader
from soilco2.storage.journal.writer import Writer
from tests.servers import ORG, TOKEN_VARIABLE, InfluxBucket

pytestmark = pytest.mark.influx

MARCH = 1_772_323_200_000_000  # 2026-03-01T00:00:00Z
MINUTE = 60_000_000
COUNT = 30


@pytest.fixture
def station(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, influx: InfluxBucket) -> Station:
    monkeypatch.setenv("SOILCO2_STATE", str(tmp_path / "state"))
    path = tmp_path / "yulin.toml"
    path.write_text(
        f"""
[station]
id = "yulin"
name = "Yulin"
latitude = 38.3
longitude = 109.7
altitude_m = 1150
timezone = "Asia/Shanghai"
[[profile]]
id = "p1"
position = [{{ id = "d10", depth_m = 0.10 }}]
[influxdb]
url = "{influx.server.url}"
org = "{ORG}"
bucket = "{influx.name}"
token = {{ env = "{TOKEN_VARIABLE}" }}
""",
        encoding="utf-8",
    )
    station = load_station(path)
    samples = [
        Sample("import/p1/d10", "co2", MARCH + n * MINUTE, 400.0 + n, "", None, MARCH, 0, "boot", "import:t")
        for n in range(COUNT)
    ]
    with Writer.open(station) as writer:
        result = writer.commit(samples)
        writer.move_cursor("influxdb", result.last_rev)
    return station


def stored(station: Station) -> list[Observation]:
    with JournalReader(station.journal_path) as journal:
        return [observation for _, observation in journal.observations_after(0, 10_000)]


def send(station: Station, observations: list[Observation]) -> None:
    sink = InfluxSink(station.file.influxdb[0])
    sink.write(encode(observations))
    sink.close()


def run(*arguments: Any) -> int:
    with pytest.raises(SystemExit) as stop:
        main([str(argument) for argument in arguments])
    assert isinstance(stop.value.code, int)
    return stop.value.code


def test_everything_is_there(station: Station, capsys: pytest.CaptureFixture[str]) -> None:
    send(station, stored(station))
    assert run("verify", station.path) == 0
    assert capsys.readouterr().out == "influxdb: 1 series, 30 values: 0 missing, 0 different, 0 on the way\n"


def test_a_hole_and_another_value_are_named(station: Station, capsys: pytest.CaptureFixture[str]) -> None:
    sent = [o for n, o in enumerate(stored(station)) if n not in (7, 8)]
    sent[3] = sent[3]._replace(value=1.0)
    send(station, sent)
    assert run("verify", station.path) == 1
    out = capsys.readouterr().out
    assert "p1/d10/co2: 30 in the journal, 2 missing, 1 different, 0 only in the database" in out
    assert f"  missing {iso(MARCH + 7 * MINUTE)} … {iso(MARCH + 8 * MINUTE)}: 2" in out
    assert f"  different {iso(MARCH + 3 * MINUTE)} … {iso(MARCH + 3 * MINUTE)}: 1" in out
    assert run("verify", station.path, "--from", "2026-03-01T00:10Z", "--to", "2026-03-01T00:30Z") == 0
    assert run("verify", station.path, "--json") == 1
    assert (
        json.loads(capsys.readouterr().out.split("\n", 1)[1])["sinks"]["influxdb"]["series"][0]["missing"]
        == 2
    )


def test_replayed_values_are_on_the_way_until_they_are_sent(
    station: Station, capsys: pytest.CaptureFixture[str]
) -> None:
    window = ("--from", "2026-03-01T00:00Z", "--to", "2026-03-01T00:05Z")
    assert run("replay", station.path, *window) == 0
    assert capsys.readouterr().out.startswith("5 observations from 2026-03-01T00:00:00Z")
    with JournalReader(station.journal_path) as journal:
        assert journal.accounting.resend("influxdb") == [(MARCH, MARCH + 5 * MINUTE)]
        assert journal.accounting.resend("another") == []
        assert [event.kind for event in journal.events(["replayed"])] == ["replayed"]
    assert run("verify", station.path, *window) == 0
    assert "0 missing, 0 different, 5 on the way" in capsys.readouterr().out
    with Writer.open(station) as writer:
        writer.resent("influxdb", MARCH, MARCH + 5 * MINUTE)
    assert run("verify", station.path, *window) == 1
    send(station, stored(station))
    assert run("verify", station.path, *window) == 0


def test_results_in_time_are_compared_too(station: Station, capsys: pytest.CaptureFixture[str]) -> None:
    send(station, stored(station))
    key = ("yulin", "p1", "", "co2_flux")
    with Writer.open(station) as writer:
        writer.append_derived([(key, MARCH, 1.5, 1.0, 2.0, "gradient", "")])
    assert run("verify", station.path) == 0
    assert "2 series, 31 values: 0 missing, 0 different, 1 on the way" in capsys.readouterr().out
    with Writer.open(station) as writer:
        writer.move_cursor("influxdb", 1_000)
    assert run("verify", station.path) == 1
    sink = InfluxSink(station.file.influxdb[0])
    tags = {"station": "yulin", "profile": "p1", "variable": "co2_flux", "method": "gradient"}
    sink.write(point("soil_derived", tags, {"value": 1.5, "lower": 1.0, "upper": 2.0}, MARCH))
    sink.close()
    capsys.readouterr()
    assert run("verify", station.path) == 0
    assert "2 series, 31 values: 0 missing" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(["verify", "--sink", "other"], "no such database; there are influxdb"),
     (["verify", "--from", "2026-03-02", "--to", "2026-03-01"], "not after"),
     (["replay", "--from", "2026-03-02"], "both are needed")],
)  # fmt: skip
def test_wrong_use_is_one_sentence(
    station: Station, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    assert run(arguments[0], station.path, *arguments[1:]) == 2
    error = capsys.readouterr().err
    assert words in error
    assert len(error.splitlines()) == 1


def test_a_bad_value_is_held_with_its_flag(station: Station) -> None:
    send(station, [o._replace(flag=Flag.BAD) for o in stored(station)])
    assert run("verify", station.path) == 1


def test_the_journals_own_file_is_checked(station: Station, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("verify", station.path, "--journal") == 0
    assert "journal up to commit 1, 0 archives: all as they were written" in capsys.readouterr().out
    with sqlite3.connect(station.journal_path) as db:
        db.execute("UPDATE sample SET raw = raw + 1 WHERE seq = 7")
    db.close()
    assert run("verify", station.path, "--journal") == 1
    assert "batch 1: samples 1 to 30 do not match their CRC" in capsys.readouterr().out


@pytest.mark.parametrize("table", ["sqlite_master", "batch", "sample", "meta", "word"])
def test_a_damaged_page_is_a_finding_and_not_sent_in_a_circle(
    station: Station, capsys: pytest.CaptureFixture[str], table: str
) -> None:
    db = sqlite3.connect(station.journal_path)
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    root = db.execute(
        "SELECT coalesce((SELECT rootpage FROM sqlite_master WHERE name = ?), 1)", (table,)
    ).fetchone()[0]
    db.close()
    data = bytearray(station.journal_path.read_bytes())
    data[(root - 1) * 4096 : root * 4096] = b"\xa5" * 4096
    station.journal_path.write_bytes(data)
    assert run("verify", station.path, "--journal") == 1
    said = "".join(capsys.readouterr())
    assert "--journal" not in said
    assert "fault" in said
    assert run("verify", station.path, "--journal", "--json") == 1
    assert json.loads(capsys.readouterr().out)["whole"] is False
