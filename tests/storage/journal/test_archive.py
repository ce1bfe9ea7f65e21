"""Archives and bounds: nothing leaves the journal that is not proven elsewhere, whatever kills it."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from soilco2.cli.main import main
from soilco2.quality.records import Flag, Sample, SeriesKey
from soilco2.station_config.loader import Station, load_station
from soilco2.storage.errors import ArchiveError, JournalFullError
from soilco2.storage.journal.archive import (
    WholeJournal,
    archives_of,
    check_archive,
    folder_of,
    open_journal,
    write_archive,
)
from soilco2.storage.journal.archiving import make_room
from soilco2.storage.journal.control import submit
from soilco2.storage.journal.failpoint import ARCHIVE_POINTS
from soilco2.storage.journal.operations import run
from soilco2.storage.journal.reader import JournalReader
from soilco2.storage.journal.rows import Parked
from soilco2.storage.journal.writer import Writer
from tests.paths import ROOT

T0 = 1_704_067_200_000_000  # 2024-01-01T00:00Z
HOUR = 3_600_000_000
DAY = 24 * HOUR
DAYS = 60
NOW = T0 + DAYS * DAY
KEY = SeriesKey("st", "p1", "d10", "soil_temperature")
STATION = """
[station]
id = "st"
name = "Test"
latitude = 38.3
longitude = 109.7
altitude_m = 0
timezone = "UTC"
[mqtt]
[[connection]]
id = "air"
kind = "mqtt"
[[profile]]
id = "p1"
position = [{{ id = "d10", depth_m = 0.1 }}]
[[instrument]]
id = "probe"
model = "soilco2-node"
serial = "N1"
connection = "air"
interval = "1h"
channels = ["soil_temperature"]
[[instrument.installation]]
position = "p1/d10"
from = 2020-01-01
{calibration}
[journal]
path = "journal.sqlite"
limit_mib = 16
at_limit = "{policy}"
{database}
"""
DATABASE = '[influxdb]\nurl = "http://127.0.0.1:1"\norg = "o"\nbucket = "b"\ntoken = {{ env = "T" }}\n'
OFFSET = """[[instrument.calibration]]
channel = 'soil_temperature'
valid_from = 2020-01-01
offset = 1.0
certificate = 'C-1'
"""


def make(folder: Path, *, database: bool = True, policy: str = "stop", calibration: str = "") -> Station:
    path = folder / "st.toml"
    text = STATION.format(policy=policy, calibration=calibration, database=DATABASE if database else "")
    path.write_text(text.replace("{{", "{").replace("}}", "}"), encoding="utf-8")
    return load_station(path)


def sample(hour: int, **changes: Any) -> Sample:
    at = T0 + hour * HOUR
    return Sample("N1", "soil_temperature", at, 5 + hour % 24 / 2, "", None, at, at, "boot", "air")._replace(
        **changes
    )


def fill(station: Station, *, confirmed: bool = True) -> None:
    with Writer.open(station, now_us=lambda: NOW) as writer:
        for day in range(DAYS):
            done = writer.commit([sample(24 * day + hour) for hour in range(24)])
        if confirmed:
            writer.move_cursor("influxdb", done.last_rev)


def everything(reader: JournalReader) -> list[tuple[Any, ...]]:
    """Every observation without its revision, and every sample."""
    observed = sorted((tuple(o[:7]) for o in reader.observations(0, 2**62)), key=lambda row: (row[0], row[1]))
    return [*observed, *(tuple(s) for s in reader.samples(0, 2**62))]


def on(station: Station) -> Callable[..., Any]:
    return lambda op, **arguments: submit(station, op, **arguments)


def work(station: Station, before_us: int) -> int:
    return sum(step.pruned for step in make_room(station, on(station), NOW, before_us=before_us))


def test_what_was_archived_and_pruned_is_read_as_before(tmp_path: Path) -> None:
    station = make(tmp_path)
    fill(station)
    with open_journal(station) as reader:
        before = everything(reader)
        series, piece = reader.series(), list(reader.read([KEY]))
    assert work(station, T0 + 20 * DAY) == 2 * 20 * 24
    with JournalReader(station.journal_path) as reader:
        assert reader.first_sample_us() == T0 + 20 * DAY
        assert reader.integrity.verify_batches() == []
    assert all(check_archive(a) == "" for a in archives_of(folder_of(station)))
    with open_journal(station) as reader:
        assert isinstance(reader, WholeJournal)
        assert everything(reader) == before
        assert reader.series() == series
        assert reader.count_samples("N1", "soil_temperature", T0 + 5 * DAY, T0 + 30 * DAY) == 25 * 24
        after = list(reader.read([KEY], T0 + 5 * DAY, T0 + 40 * DAY))
    times = [t for p in after for t in p.times]
    assert times == [t for p in piece for t in p.times if T0 + 5 * DAY <= t < T0 + 40 * DAY]
    assert work(station, T0 + 20 * DAY) == 0
    subprocess.run(["sha256sum", "-c", "--quiet", *(p.name for p in folder_of(station).glob("*.sha256"))],
                   cwd=folder_of(station), check=True)  # fmt: skip


def test_a_series_that_begins_after_an_archive_is_read(tmp_path: Path) -> None:
    station = make(tmp_path)
    fill(station)
    assert work(station, T0 + 20 * DAY)
    late = SeriesKey("st", "p1", "d10", "co2_flux")
    with Writer.open(station, now_us=lambda: NOW) as writer:
        writer.append_derived(
            [(late, T0 + 3 * DAY, 1.0, 0.5, 1.5, "gradient", ""), (late, NOW, 2.0, 1.5, 2.5, "gradient", "")]
        )
    with open_journal(station) as reader:
        info = next(i for i in reader.series() if i.key == late)
        assert (info.first_us, info.last_us) == (T0 + 3 * DAY, NOW)
        assert [v for piece in reader.read([late]) for v in piece.values] == [1.0, 2.0]


def test_a_series_that_lies_in_archives_alone_keeps_its_span(tmp_path: Path) -> None:
    station = make(tmp_path)
    fill(station)
    end = T0 + DAYS * DAY
    for _ in make_room(station, on(station), end + 60 * DAY, before_us=end):
        pass
    with JournalReader(station.journal_path) as reader:
        assert reader.first_sample_us() is None
    with open_journal(station) as reader:
        assert [(i.first_us, i.last_us) for i in reader.series()] == [(T0, end - HOUR)]


@pytest.mark.parametrize(
    ("database", "confirmed", "why"),
    [(False, False, "no database"), (True, False, "the database has not confirmed")],
)
def test_nothing_is_pruned_that_is_not_confirmed(
    database: bool, confirmed: bool, why: str, tmp_path: Path
) -> None:
    station = make(tmp_path, database=database)
    fill(station, confirmed=confirmed)
    assert work(station, T0 + 20 * DAY) == 0, why
    assert archives_of(folder_of(station))
    with JournalReader(station.journal_path) as reader:
        assert reader.first_sample_us() == T0
    if database:  # once it has confirmed, the same archives serve
        names = [a.path for a in archives_of(folder_of(station))]
        with Writer.open(station) as writer, JournalReader(station.journal_path) as reader:
            writer.move_cursor("influxdb", reader.last_rev())
        assert work(station, T0 + 20 * DAY) == 2 * 20 * 24
        assert [a.path for a in archives_of(folder_of(station))] == names


def test_what_is_young_stays(tmp_path: Path) -> None:
    station = make(tmp_path)
    fill(station)
    work(station, NOW)
    with JournalReader(station.journal_path) as reader:
        first = reader.first_sample_us()
    assert first is not None
    assert NOW - 31 * DAY <= first <= NOW - 29 * DAY, "[journal] keep is 30 days"


def test_what_changed_after_it_was_archived_stays(tmp_path: Path) -> None:
    station = make(tmp_path)
    fill(station)
    made = write_archive(station, T0, T0 + 10 * DAY)
    assert made is not None
    with Writer.open(station, now_us=lambda: NOW) as writer:
        writer.flag(KEY, T0 + DAY, T0 + 2 * DAY, 4, "somebody", "tube flooded")
        writer.commit([sample(30, serial="N1", time_us=T0 + 30 * HOUR + 1)])
        while writer.prune(str(made.archive.path)):
            pass
    with JournalReader(station.journal_path) as reader:
        kept = list(reader.observations(T0, T0 + 10 * DAY))
        assert len(kept) == 25
        assert all(o.flag == Flag.BAD for o in kept)
        assert [s.time_us for s in reader.samples(T0, T0 + 10 * DAY)] == [T0 + 30 * HOUR + 1]
        assert reader.integrity.verify_batches() == []
    with open_journal(station) as reader:
        flags = {o.time_us: o.flag for o in reader.observations(T0, T0 + 10 * DAY)}
        assert flags[T0 + DAY] == Flag.BAD
        assert flags[T0] == Flag.GOOD


def test_a_damaged_archive_is_named_and_nothing_is_pruned(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    station = make(tmp_path)
    fill(station, confirmed=False)
    work(station, T0 + 10 * DAY)
    (archive,) = archives_of(folder_of(station))
    data = bytearray(archive.path.read_bytes())
    data[len(data) // 2] ^= 1
    archive.path.write_bytes(data)
    with Writer.open(station) as writer, JournalReader(station.journal_path) as reader:
        writer.move_cursor("influxdb", reader.last_rev())
    with pytest.raises(ArchiveError, match="SHA-256"):
        work(station, T0 + 10 * DAY)
    with JournalReader(station.journal_path) as reader:
        assert reader.first_sample_us() == T0
    with pytest.raises(SystemExit) as end:
        main(["archive", str(station.path), "--check"])
    assert end.value.code == 1
    assert "its SHA-256 is" in capsys.readouterr().out


def test_a_new_calibration_reaches_what_is_archived(tmp_path: Path) -> None:
    fill(make(tmp_path))
    station = make(tmp_path)
    work(station, T0 + 20 * DAY)
    mended = make(tmp_path, calibration=OFFSET)
    with Writer.open(mended, now_us=lambda: NOW) as writer:
        rev = writer.commit([]).last_rev
        assert writer.reprocess(T0, T0 + 5 * DAY) == 5 * 24
        assert writer.reprocess(T0, T0 + 5 * DAY) == 0, "only what changes"
    with open_journal(mended) as reader:
        changed = reader.observations_after(rev, 1000)
        assert len(changed) == 5 * 24
        assert {o.time_us for _, o in changed} == {T0 + h * HOUR for h in range(5 * 24)}
        values = {o.time_us: o.value for o in reader.observations(T0, T0 + 6 * DAY)}
    assert values[T0] == pytest.approx(6.0)  # 5 degC and the offset of 1
    assert values[T0 + 5 * DAY] == pytest.approx(5.0)
    fill_back = make(tmp_path)
    with Writer.open(fill_back, now_us=lambda: NOW) as writer:
        assert writer.reprocess(T0, T0 + 5 * DAY) == 5 * 24, "and back again"


def test_what_comes_late_or_is_made_anew_is_archived_again(tmp_path: Path) -> None:
    fill(make(tmp_path))
    station = make(tmp_path)
    work(station, T0 + 20 * DAY)
    first = archives_of(folder_of(station))
    mended = make(tmp_path, calibration=OFFSET)
    with Writer.open(mended, now_us=lambda: NOW) as writer:
        writer.commit([sample(30, time_us=T0 + 30 * HOUR + 1, raw=3.0)])
        writer.reprocess(T0, T0 + 5 * DAY)
        writer.move_cursor("influxdb", writer.commit([]).last_rev)
    with open_journal(mended) as reader:
        before = everything(reader)
    assert (
        work(mended, T0 + 20 * DAY) == 1 + 5 * 24 + 1
    )  # the late sample, and every observation of five days
    assert work(mended, T0 + 20 * DAY) == 0
    again = archives_of(folder_of(mended))
    assert set(first) < set(again)
    assert {a[1:] for a in again} == {a[1:] for a in first}, "the same stretches"
    with JournalReader(mended.journal_path) as reader:
        assert reader.first_us() == T0 + 20 * DAY
    with open_journal(mended) as reader:
        assert everything(reader) == before
        (piece,) = reader.read([KEY], T0, T0 + DAY)
    assert piece.values[0] == pytest.approx(6.0)  # 5 degC and the offset of 1: the newer archive counts


CHILD = """
import sys
from tests.storage.journal.test_archive import NOW, T0, DAY, work
from soilco2.station_config.loader import load_station
work(load_station(sys.argv[1]), T0 + 20 * DAY)
"""


@pytest.mark.parametrize("point", ARCHIVE_POINTS)
def test_killed_at_each_step_nothing_is_lost_or_doubled(point: str, tmp_path: Path) -> None:
    station = make(tmp_path)
    fill(station)
    with open_journal(station) as reader:
        before = everything(reader)
    environment = {**os.environ, "SOILCO2_FAULT": point}
    root = str(ROOT)
    child = subprocess.run(
        [sys.executable, "-c", CHILD, str(station.path)], env=environment, cwd=root, check=False
    )
    assert child.returncode == -signal.SIGKILL
    for _ in range(2):
        with open_journal(station) as reader:
            assert everything(reader) == before
        work(station, T0 + 20 * DAY)
    with JournalReader(station.journal_path) as reader:
        assert reader.first_sample_us() == T0 + 20 * DAY
        assert reader.integrity.verify_batches() == []
    assert not list(folder_of(station).glob("*.new*"))


def flood(writer: Writer, count: int = 400_000) -> int:
    """Fill a journal of 16 MiB; how many samples it took."""
    stored = 0
    for n in range(0, count, 5000):
        stored += writer.commit([sample(n + i, channel="other") for i in range(5000)]).stored
    return stored


def test_at_the_limit_reading_stops_loudly_and_goes_on_when_there_is_room(tmp_path: Path) -> None:
    station = make(tmp_path)
    with Writer.open(station) as writer:
        with pytest.raises(JournalFullError, match=r"limit of 16 MiB .* nothing may be pruned"):
            flood(writer)
        with pytest.raises(JournalFullError):
            writer.commit([sample(0)])
        with JournalReader(station.journal_path) as reader:
            assert [e.kind for e in reader.events(["limit"])] == ["limit"]
            assert reader.accounting.counters()["air"]["in"] == reader.accounting.counters()["air"]["stored"]
            assert reader.accounting.size()[0] < 18 * 2**20
            writer.move_cursor("influxdb", reader.last_rev())
            now = (reader.last_sample_us() or 0) + 40 * DAY
        for _ in make_room(station, lambda op, **a: run(writer, op, a), now):
            pass
        assert writer.bytes_in_use() < 0.6 * 16 * 2**20
        assert writer.commit([sample(10**6)]).stored == 1


def test_at_the_limit_the_oldest_give_way_when_asked_to(tmp_path: Path) -> None:
    station = make(tmp_path, database=False, policy="drop-oldest")
    with Writer.open(station) as writer:
        assert flood(writer) == 400_000
        assert writer.bytes_in_use() < 18 * 2**20
        with JournalReader(station.journal_path) as reader:
            counters = reader.accounting.counters()["air"]
            assert counters["in"] == counters["stored"] == 400_000
            left = sum(1 for _ in reader.samples(0, 2**62))
            assert counters["dropped"] == 400_000 - left > 0
            assert (reader.first_sample_us() or 0) > T0
            assert reader.integrity.verify_batches() == []
            assert len(reader.events(["limit"])) == 1


def test_a_flood_of_refused_messages_takes_its_share_and_no_more(tmp_path: Path) -> None:
    station = make(tmp_path)
    with Writer.open(station) as writer:
        assert writer.commit([sample(0)]).stored == 1
        for number in range(60):
            text = bytes([number]) * 100_000
            writer.commit(parked=[Parked("message", "air", "no JSON", text, None, T0)])
        with JournalReader(station.journal_path) as reader:
            kept = reader.accounting.parked()
            assert sum(len(row.payload) for row in kept) <= 1.6 * 2**20
            assert kept[0].payload[0] == 59
            assert reader.accounting.counters()["air"]["parked_dropped"] == 60 - len(kept) > 0
            assert "gave way" in reader.events(["limit"])[0].text
            assert sum(1 for _ in reader.samples(0, 2**62)) == 1
        writer.parked_settle(kept[0].id, "dropped", "seen")
        with JournalReader(station.journal_path) as reader:
            assert reader.accounting.parked("dropped")[0].payload == b""


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    station = make(tmp_path)

    def said(code: int, *words: str) -> str:
        with pytest.raises(SystemExit) as end:
            main(["archive", str(station.path), *words])
        out = capsys.readouterr()
        assert end.value.code == code, out.err
        return out.out + out.err

    assert "there is no archive yet" in said(0)
    assert "there is no journal" in said(2, "--before", "2024-02-01")
    fill(station)
    assert "480 samples archived, 960 rows pruned" in said(0, "--before", "2024-01-21")
    assert "nothing before 2024-01-21" in said(0, "--before", "2024-01-21")
    assert "as it was sealed" in said(0, "--check")
    with sqlite3.connect(archives_of(folder_of(station))[0].path) as db:
        assert db.execute("SELECT count(*) FROM sample").fetchone()[0] == 480
    db.close()
