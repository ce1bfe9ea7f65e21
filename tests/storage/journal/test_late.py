"""What comes late is kept with a mark in one transaction, and judged afterwards: bounded, once, and as if in time."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterable
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from soilco2.cli.main import main
from soilco2.quality.records import Observation, Sample, SeriesKey
from soilco2.station_config.loader import Station, load_station
from soilco2.storage.journal import archiving, judging
from soilco2.storage.journal.reader import JournalReader
from soilco2.storage.journal.sample_lists import AT_ONCE
from soilco2.storage.journal.writer import Writer
from tests.ingest.station import write_station
from tests.paths import ROOT
from tests.quality.stations import HEAD, HOUR, MINUTE, T0, barometer, co2, sample, soil

LIMITS = """
[journal]
path = "{path}"
[quality]
[[quality.limits]]
variable = "soil_water"
flat_for = "40min"
[[quality.limits]]
variable = "soil_temperature"
rate_per_minute = 1
[[quality.limits]]
variable = "air_pressure"
rate_per_minute = 0.5
[[quality.limits]]
variable = "co2"
spike = 300
"""
OLD = T0 - 200 * 24 * HOUR


def make(folder: Path) -> Station:
    """An uncompensated probe and a soil probe at one depth, another soil probe, a barometer."""
    parts = (
        co2("C1", "p/d2", more='compensation = { pressure = "none", temperature = "none" }'),
        soil("S1", "p/d2"),
        soil("S2", "p/d8"),
        barometer(),
    )
    path = folder / "station.toml"
    path.write_text(
        "\n".join((HEAD, LIMITS.format(path=folder / "journal.sqlite"), *parts)), encoding="utf-8"
    )
    return load_station(path)


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOILCO2_STATE", str(tmp_path / "state"))


def record(count: int, seed: int, step_us: int = 10 * MINUTE) -> list[Sample]:
    """Slots of every channel with plateaus, spikes and missing numbers, in the order of time."""
    rng = random.Random(seed)
    rows = []
    for i in range(count):
        at = T0 + i * step_us
        spike = 700.0 if rng.random() < 0.05 else 0.0
        for serial, channel, raw in (
            ("B1", "air_pressure", 8800.0 + 10 * rng.randrange(5)),
            ("S1", "soil_temperature", 150.0 + rng.randrange(4) + spike / 10),
            ("S1", "soil_water", float(200 + i // 8)),
            ("S1", "bulk_ec", 100.0 + rng.randrange(9)),
            ("S2", "soil_water", 300.0 + rng.randrange(2)),
            ("C1", "co2", 1000.0 + rng.randrange(50) + spike),
        ):
            rows.append(sample(serial, channel, at, None if rng.random() < 0.03 else raw))
    return rows


def observations(journal: Path) -> dict[tuple[SeriesKey, int], Observation]:
    with JournalReader(journal) as reader:
        return {(o.series, o.time_us): o._replace(config="") for o in reader.observations(OLD, 2**62)}


def in_order(folder: Path, rows: Iterable[Sample]) -> dict[tuple[SeriesKey, int], Observation]:
    """What a journal makes of samples that come in time."""
    folder.mkdir()
    with Writer.open(make(folder)) as writer:
        writer.commit(list(rows))
        assert not writer.judging.waiting
    return observations(folder / "journal.sqlite")


@settings(max_examples=25, suppress_health_check=list(HealthCheck), deadline=None)
@given(seed=st.integers(0, 10**6), data=st.data())
def test_any_order_any_pieces_any_restart_gives_what_came_in_time(
    tmp_path_factory: pytest.TempPathFactory, seed: int, data: st.DataObject
) -> None:
    tmp_path = tmp_path_factory.mktemp("order")
    rows = record(40, seed)
    expected = in_order(tmp_path / "ordered", rows)
    rng = random.Random(seed)
    late = {
        serial: data.draw(st.sampled_from([0, 0, 30, 120]), label=serial)
        for serial in ("B1", "C1", "S1", "S2")
    }
    order = sorted(range(len(rows)), key=lambda i: (i + rng.randint(0, late[rows[i].serial]) * 2, i))
    station = make(tmp_path)
    writer = Writer.open(station)
    at = 0
    try:
        while at < len(order):
            size = data.draw(st.integers(1, 60), label="commit")
            writer.commit([rows[i] for i in order[at : at + size]])
            at += size
            for _ in range(data.draw(st.integers(0, 2), label="judged")):
                writer.judge()
            if data.draw(st.booleans(), label="restart"):  # as if it was killed: nothing is finished
                writer.session.db.close()
                writer._lock.release()
                writer = Writer.open(station)
        while writer.judge():
            pass
    finally:  # also where the drawing of an example ends in its middle
        writer.close()
    assert observations(station.journal_path) == expected


def test_a_row_budget_of_one_list_gives_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judging, "ROWS", 1)
    monkeypatch.setattr("soilco2.storage.journal.sample_lists.AT_ONCE", 1)
    rows = record(1500, 3, MINUTE)
    expected = in_order(tmp_path / "ordered", rows)
    with Writer.open(make(tmp_path)) as writer:
        writer.commit([row for row in rows if row.serial != "S1"])
        writer.commit([row for row in rows if row.serial == "S1"][::-1])
        pieces = 1
        while writer.judge():
            pieces += 1
        assert pieces > 5
    assert observations(tmp_path / "journal.sqlite") == expected


class Commits:
    """Rows that each transaction of a writer changed, and what it added to the write-ahead log [kB]."""

    def __init__(self, writer: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
        self.rows: list[int] = []
        self.kilobytes: list[float] = []
        session, plain = writer.session, writer.session.transaction
        log = writer.path.with_name(writer.path.name + "-wal")

        @contextmanager
        def counted():  # type: ignore[no-untyped-def]
            session.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            before = session.db.total_changes
            with plain():
                yield
            self.rows.append(session.db.total_changes - before)
            self.kilobytes.append(log.stat().st_size / 1000)

        monkeypatch.setattr(session, "transaction", counted)


def test_no_commit_of_an_outages_replay_is_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three weeks of a soil probe at a minute come after the rest, 500 at a time."""
    rows = [
        sample("S1", channel, T0 + i * MINUTE, 150.0 + i % 7)
        for i in range(10_000)
        for channel in ("soil_temperature", "soil_water", "bulk_ec")
    ]
    others = [sample("C1", "co2", T0 + i * MINUTE, 1000.0 + i % 9) for i in range(10_000)]
    newest = [
        sample("S1", channel, T0 + 10_001 * MINUTE, 150.0)
        for channel in ("soil_temperature", "soil_water", "bulk_ec")
    ]
    with Writer.open(make(tmp_path)) as writer:
        writer.commit([*others, *newest])
        commits = Commits(writer, monkeypatch)
        for at in range(0, len(rows), 500):
            writer.commit(rows[at : at + 500])
        while writer.judge():
            pass
        # a list beyond the budget, three series of bulk conductivity and CO2 made of it, and some rows of books
        assert max(commits.rows) < 2 * (judging.ROWS + AT_ONCE)
        assert max(commits.kilobytes) < 3000
        assert len(commits.rows) > 65
    assert len(observations(tmp_path / "journal.sqlite")) == 10_000 * 6 + 5


def test_only_what_can_change_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Writer.open(make(tmp_path)) as writer:
        writer.commit(record(40, 1))
        read: list[set[tuple[str, str]]] = []
        plain = writer.judging._lists.read

        def told(start_us, end_us, channels, layers):  # type: ignore[no-untyped-def]
            read.append(set(channels))
            return plain(start_us, end_us, channels, layers)

        monkeypatch.setattr(writer.judging._lists, "read", told)
        probe = {
            ("S1", name) for name in ("soil_temperature", "soil_water", "bulk_ec")
        }  # one answer, judged as one
        for late, needed in (
            (("S2", "soil_water"), {("S2", "soil_water")}),
            (("B1", "air_pressure"), {("C1", "co2"), ("B1", "air_pressure"), *probe}),
            (("S1", "soil_water"), {("C1", "co2"), ("B1", "air_pressure"), *probe}),
        ):
            read.clear()
            writer.commit([sample(*late, T0 + 5 * MINUTE, 160.0)])
            while writer.judge():
                pass
            assert read == [needed]


CHILD = """
import sys
from soilco2.station_config.loader import load_station
from soilco2.storage.journal.writer import Writer
sys.path.insert(0, {tests!r})
from tests.storage.journal.test_late import record
rows = record(60, 5)
with Writer.open(load_station({path!r})) as writer:
    writer.commit([row for row in rows if row.serial != "S1"] + [row for row in rows if row.serial == "S1"][-3:])
    writer.commit([row for row in rows if row.serial == "S1"][:-3])
    print("kept", flush=True)
    while writer.judge():
        pass
"""


@pytest.mark.parametrize("point", ["late-waits:1", "late-judged:1"])
def test_a_kill_between_keeping_and_judging_loses_no_mark(
    tmp_path: Path, point: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    expected = in_order(tmp_path / "ordered", record(60, 5))
    station = make(tmp_path)
    code = CHILD.format(tests=str(ROOT), path=str(station.path))
    child = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"SOILCO2_FAULT": point},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert (child.returncode, child.stdout) == (-signal.SIGKILL, "kept\n")
    if point == "late-waits:1":
        with JournalReader(station.journal_path) as reader:
            waiting = reader.accounting.waiting()
        assert waiting >= 57 * 3
        assert (
            main_says(capsys, "status", str(station.path)).count(f"{waiting} readings that came late wait")
            == 1
        )
        out = tmp_path / "out.csv"
        assert f"{waiting} readings that came late wait" in main_says(
            capsys, "export", str(station.path), "-o", str(out)
        )
        assert f'"waiting_for_judgement": {waiting}' in out.with_name("out.csv.json").read_text(
            encoding="utf-8"
        )
    with Writer.open(station) as writer:  # the next start goes on with it
        while writer.judge():
            pass
    assert observations(station.journal_path) == expected
    with JournalReader(station.journal_path) as reader:
        assert reader.accounting.waiting() == 0


def main_says(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    with pytest.raises(SystemExit):
        main([*words])
    return "".join(capsys.readouterr())


def test_what_waits_is_not_pruned(tmp_path: Path) -> None:
    sink = {"url": "http://127.0.0.1:1", "org": "o", "bucket": "b", "token": "SOILCO2_NONE"}
    station = load_station(write_station(tmp_path, sinks=(sink,)))
    late = Sample("N1", "co2", OLD + HOUR, 500.0, "", None, OLD, 0, "boot", "field")
    with Writer.open(station) as writer:
        writer.commit([late._replace(time_us=OLD), late._replace(time_us=OLD + 2 * HOUR)])
        writer.move_cursor("influxdb", 1000)
        assert archiving._may_go(station, OLD, OLD + 3 * HOUR, T0)
        writer.commit([late])
        assert not archiving._may_go(station, OLD, OLD + 3 * HOUR, T0)
        assert writer.judge() is False
        assert archiving._may_go(station, OLD, OLD + 3 * HOUR, T0)


def test_a_fault_in_quality_leaves_the_mark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = record(10, 2)
    with Writer.open(make(tmp_path)) as writer:
        writer.commit(rows[12:])
        writer.commit(rows[:12])
        with monkeypatch.context() as broken:
            broken.setattr("soilco2.quality.tracks.Track.judge", lambda *_: 1 / 0)
            assert writer.judge() is False
        with JournalReader(writer.path) as reader:
            (event,) = reader.events(["quality_failed"])
            assert "they wait" in event.text
            assert reader.accounting.waiting() > 0
        assert writer.judging.keep() > 500  # it is tried again later, not at once
        assert writer.judge() is False
        assert not writer.judging.waiting
