"""``soilco2 parked``: what could not be used is worked off, with the reason kept."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from soilco2.cli.main import main
from soilco2.ingest.protocols.soilco2_json import Reading, encode_message
from soilco2.quality.records import Sample
from soilco2.station_config.loader import Station
from soilco2.storage.journal.reader import JournalReader
from soilco2.storage.journal.rows import Parked
from soilco2.storage.journal.writer import Writer
from tests.ingest.running import START_US
from tests.ingest.station import STATION, make_station

SECOND = 1_000_000


def parked(station: Station, *entries: Parked) -> None:
    with Writer.open(station) as writer:
        writer.commit(
            (), parked=entries, counts=[("field", "in", len(entries)), ("field", "rejected", len(entries))]
        )


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    with pytest.raises(SystemExit) as end:
        main(["parked", *words])
    said = capsys.readouterr()
    assert isinstance(end.value.code, int)
    return end.value.code, said.out + said.err


def message(serial: str) -> bytes:
    return encode_message(STATION, "node", 1, [Reading(serial, "co2", START_US, 612.0, "ppm")])


def test_a_message_is_decoded_anew(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    station = make_station(tmp_path)
    path = str(station.path)
    parked(
        station,
        Parked("message", "field", "unknown instrument", message("N1"), None, START_US + SECOND),
        Parked("message", "field", "unknown instrument", message("X9"), None, START_US + SECOND),
        Parked("message", "import:t.csv", "line 3: no number", b"a,b", None, START_US),
        Parked("conflict", "field", "another number", b"[]", START_US, START_US),
    )
    assert run(capsys, "retry", path, "1", "--why", "it is known now") == (
        0, "entry 1: 1 stored, 0 duplicate, 0 conflicts\n"
    )  # fmt: skip
    code, said = run(capsys, "retry", path, "2")
    assert code == 1
    assert "still cannot be used" in said
    assert "X9" in said
    code, said = run(capsys, "retry", path, "3")
    assert (code, "import it again" in said) == (2, True)
    code, said = run(capsys, "retry", path, "4")
    assert (code, "'soilco2 parked decide' says which holds" in said) == (2, True)
    code, said = run(capsys, "retry", path, "1")
    assert (code, "does not wait" in said) == (2, True)
    with JournalReader(station.journal_path) as reader:
        (observation,) = reader.observations(0, 2**62)
        assert (observation.time_us, observation.value) == (START_US, 612.0)
        counted = reader.accounting.counters()["field"]
        assert counted["in"] == counted["stored"] + counted.get("duplicate", 0) + counted["rejected"]
        (first,) = (row for row in reader.accounting.parked() if row.id == 1)
        assert (first.state, first.why) == ("retried", "it is known now")
        assert [e.kind for e in reader.events(["parked_retried"])] == ["parked_retried"]
        assert len(reader.accounting.parked("waiting")) == 3


def test_a_point_and_a_stretch_go_to_their_database_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    station = make_station(tmp_path)
    stretch = {"points": 9, "from_us": START_US, "to_us": START_US + 9 * SECOND, "series": ["a"]}
    parked(
        station,
        Parked("point", "influxdb", "type conflict", b"soil co2=1", START_US, START_US),
        Parked("stretch", "second", "beyond retention", json.dumps(stretch).encode(), START_US, START_US),
    )
    assert run(capsys, "retry", str(station.path), "1")[0] == 0
    assert run(capsys, "retry", str(station.path), "2")[0] == 0
    with JournalReader(station.journal_path) as reader:
        assert reader.accounting.resend("influxdb") == [(START_US, START_US + 1)]
        assert reader.accounting.resend("second") == [(START_US, START_US + 9 * SECOND)]
        assert reader.accounting.parked("waiting") == []


def test_listed_shown_and_dropped(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    station = make_station(tmp_path)
    path = str(station.path)
    parked(station, Parked("message", "field", "no JSON", b"\xff{", None, START_US))
    assert "1  message  field  waiting  no JSON" in run(capsys, "list", path)[1]
    assert "\\xff{" in run(capsys, "show", path, "1")[1]
    assert run(capsys, "drop", path, "1", "--why", "a test of the installer")[0] == 0
    assert "nothing is parked" in run(capsys, "list", path)[1]
    assert "dropped" in run(capsys, "list", path, "--all")[1]
    assert run(capsys, "drop", path, "1", "--why", "again")[0] == 2


def test_a_number_that_an_earlier_version_kept_out_comes_in(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """0.1.0 parked the second number of a channel and time whole, and kept the first alone."""
    station = make_station(tmp_path)
    first = Sample("N1", "co2", START_US, 612.0, "", START_US, START_US, 0, "boot", "field")
    with Writer.open(station) as writer:
        writer.commit([first])
    payload = json.dumps(list(first._replace(raw=613.0, arrival_us=START_US + SECOND))).encode()
    reason = "N1/co2 has 612.0 at that time already, not 613.0"
    parked(station, Parked("conflict", "field", reason, payload, START_US, START_US))
    assert run(capsys, "retry", str(station.path), "1") == (
        0,
        "entry 1: 1 stored, 0 duplicate, 1 conflicts\n",
    )
    with JournalReader(station.journal_path) as reader:
        (entry,) = reader.accounting.parked("waiting")
        assert entry.reason.endswith("612 (field) and 613 (field); which one holds?")
    code, said = run(capsys, "decide", str(station.path), "2", "--take", "613", "--who", "L. Technician")
    assert (code, said) == (0, "entry 2 is decided; 1 observations changed\n")
    code, said = run(capsys, "decide", str(station.path), "2", "--take-back", "--who", "L. Technician")
    assert (code, said) == (0, "entry 2 is open again; 1 observations changed\n")
    assert run(capsys, "decide", str(station.path), "2", "--who", "w")[0] == 2
    assert run(capsys, "drop", str(station.path), "--why", "w")[0] == 2
    assert (
        run(capsys, "drop", str(station.path), "--before", "2030-01-01", "--why", "w")[1]
        == "0 entries dropped\n1 conflicts wait and were not dropped; 'soilco2 parked decide' settles each\n"
    )


def test_a_decided_entry_is_shown_in_chinese(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    station = make_station(tmp_path)
    path = str(station.path)
    first = Sample("N1", "co2", START_US, 612.0, "", START_US, START_US, 0, "boot", "field")
    with Writer.open(station) as writer:
        writer.commit([first, first._replace(raw=613.0, arrival_us=START_US + SECOND)])
    assert run(capsys, "decide", path, "1", "--take", "613", "--who", "L. Li", "--why", "a test")[0] == 0
    said = run(capsys, "show", path, "1", "--lang", "en")[1]
    assert said.splitlines()[0] == "conflict from field, decided: 613 holds, by L. Li: a test"
    said = run(capsys, "show", path, "1", "--lang", "zh")[1]
    assert said.splitlines()[0] == "冲突，来自 field，已决定：L. Li 决定以 613 为准：a test"
    listed = json.loads(run(capsys, "list", path, "--all", "--json")[1])
    assert listed["parked"][0]["why"] == "613 holds, by L. Li: a test"
    code, said = run(capsys, "decide", path, "333", "--take", "613", "--who", "L. Li")
    assert (code, "there is no parked entry 333" in said) == (2, True)
