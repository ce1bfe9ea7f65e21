"""The journal keeps its promises: nothing acknowledged is lost, nothing doubled, everything counted."""

from __future__ import annotations

import os
import random
import resource
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from soilco2.cli.main import main
from soilco2.quality.records import Flag, Sample, SeriesKey
from soilco2.station_config.loader import Station, load_station
from soilco2.storage.errors import (
    ControlError,
    DiskFullError,
    JournalBusyError,
    JournalGoneError,
    StorageError,
)
from soilco2.storage.journal.connection import mark_damaged
from soilco2.storage.journal.control import ControlServer, Submitter, submit
from soilco2.storage.journal.operations import run
from soilco2.storage.journal.reader import JournalReader
from soilco2.storage.journal.rows import NewEvent, Parked
from soilco2.storage.journal.schema import EventKind
from soilco2.storage.journal.writer import Writer
from tests.paths import ROOT

KILLS = int(os.environ.get("SOILCO2_KILLS", "8"))
T0 = 1_700_000_000_000_000
MINUTE = 60_000_000
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
[[profile.position]]
id = "d10"
depth_m = 0.1
[[profile.position]]
id = "d20"
depth_m = 0.2
[[instrument]]
id = "probe"
model = "soilco2-node"
serial = "N1"
connection = "air"
interval = "60s"
channels = ["soil_temperature"]
[[instrument.installation]]
position = "p1/{position}"
from = 2020-01-01
{more}
"""


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOILCO2_STATE", str(tmp_path / "state"))


def make(tmp_path: Path, position: str = "d10", more: str = "") -> Station:
    path = tmp_path / "station.toml"
    path.write_text(STATION.format(position=position, more=more), encoding="utf-8")
    return load_station(path)


def sample(i: int, raw: float | None = None, **changes: object) -> Sample:
    base = Sample("N1", "soil_temperature", T0 + i * MINUTE, 10 + i % 7 if raw is None else raw, "", None,
                  T0 + i * MINUTE, i * MINUTE, "boot", "air")  # fmt: skip
    return base._replace(**changes)


KEY = SeriesKey("st", "p1", "d10", "soil_temperature")


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[Writer]:
    with Writer.open(make(tmp_path)) as opened:
        yield opened


def values(reader: JournalReader, key: SeriesKey = KEY) -> list[tuple[int, float, int]]:
    return [row for p in reader.read([key]) for row in zip(p.times, p.values, p.flags, strict=True)]


def test_what_was_committed_is_read_back_with_its_flag(writer: Writer) -> None:
    done = writer.commit([sample(i) for i in range(10)])
    assert (done.stored, done.duplicate, done.observations) == (10, 0, 10)
    with JournalReader(writer.path) as reader:
        assert values(reader) == [(T0 + i * MINUTE, 10.0 + i % 7, 1) for i in range(10)]
        assert reader.latest(T0 + 3 * MINUTE - 300_000_000)[0].time_us == T0 + 3 * MINUTE
        assert [rev for rev, _ in reader.observations_after(4, 3)] == [5, 6, 7]
        assert reader.integrity.verify_batches() == []
        assert reader.series()[0].depth_m == 0.1


def test_the_same_again_is_a_duplicate_and_another_number_is_kept_beside_it(writer: Writer) -> None:
    writer.commit([sample(i) for i in range(5)])
    done = writer.commit([sample(3), sample(4, 99.5), sample(5), sample(5)])
    assert (done.stored, done.duplicate) == (2, 2)
    assert (
        writer.judge() is False
    )  # what comes for a place that has a number is late, and judged after its commit
    with JournalReader(writer.path) as reader:
        counts = reader.accounting.counters()["air"]
        assert counts == {"in": 9, "stored": 7, "duplicate": 2}
        (entry,) = reader.accounting.parked()
        assert (entry.kind, entry.state, entry.source) == ("conflict", "waiting", "air")
        assert entry.reason == (
            "p1/d10/soil_temperature at 2023-11-14T22:17:20Z: 14 (air) and 99.5 (air); which one holds?"
        )
        assert values(reader)[4] == (T0 + 4 * MINUTE, 14.0, 3)
        assert [o.tests for o in reader.observations(T0 + 4 * MINUTE, T0 + 4 * MINUTE + 1)] == ["conflict"]
        assert [s.raw for s in reader.samples(T0 + 4 * MINUTE, T0 + 4 * MINUTE + 1)] == [14.0, 99.5]
        assert reader.integrity.verify_batches() == []


def test_late_samples_are_judged_as_if_they_had_come_in_time(tmp_path: Path) -> None:
    numbers = list(range(60))
    random.Random(7).shuffle(numbers)
    station = make(tmp_path)
    with Writer.open(station) as writer:
        for i in numbers:
            writer.commit([sample(i)])
    with JournalReader(station.journal_path) as reader:
        assert values(reader) == [(T0 + i * MINUTE, 10.0 + i % 7, 1) for i in range(60)]


@pytest.mark.parametrize("seed", range(4))
def test_late_samples_after_a_restart_are_judged_as_if_they_had_come_in_time(
    tmp_path: Path, seed: int
) -> None:
    more = """
[[quality.limits]]
variable = "soil_temperature"
flat_for = "8min"
rate_per_minute = 2.0
"""
    rng = random.Random(seed)
    numbers = sorted(range(80), key=lambda i: i + rng.choice([0, 0, 0, 25]))
    station = make(tmp_path, more=more)
    raw = {i: 10.0 if i % 30 < 15 else 10.0 + i % 7 for i in numbers}
    for k in range(0, 80, 8):
        with Writer.open(station, now_us=lambda: T0 + 1000 * MINUTE) as writer:
            writer.commit([sample(i, raw[i]) for i in numbers[k : k + 4]])
            writer.commit([sample(i, raw[i]) for i in numbers[k + 4 : k + 8]])
    with Writer.open(station) as writer, JournalReader(writer.path) as reader:
        assert {f for _, _, f in values(reader)} == {1, 3}
        assert writer.reprocess(T0, T0 + 100 * MINUTE) == 0


def test_not_a_number_is_kept_as_missing_with_its_reason(writer: Writer) -> None:
    writer.commit([sample(0, float("nan")), sample(1, float("inf"))])
    with JournalReader(writer.path) as reader:
        kept = list(reader.samples(T0, T0 + 2 * MINUTE))
        assert [s.raw for s in kept] == [None, None]
        assert ["nan" in kept[0].status, "inf" in kept[1].status] == [True, True]
        assert [f for _, _, f in values(reader)] == [9, 9]


def test_a_fault_in_quality_costs_no_sample(writer: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("soilco2.storage.journal.judging.Pipeline.make", lambda *_: 1 / 0)
        done = writer.commit([sample(i) for i in range(5)])
    assert (done.stored, done.observations) == (5, 0)
    with JournalReader(writer.path) as reader:
        assert reader.events(["quality_failed"])
    assert writer.reprocess(T0, T0 + 5 * MINUTE) == 5


def test_a_mended_installation_moves_the_series_and_marks_the_old_one_missing(tmp_path: Path) -> None:
    with Writer.open(make(tmp_path)) as writer:
        last = writer.commit([sample(i) for i in range(5)]).last_rev
    moved = make(tmp_path, "d20")
    with Writer.open(moved) as writer:
        assert writer.reprocess(T0, T0 + 5 * MINUTE) == 10
        assert writer.reprocess(T0, T0 + 5 * MINUTE) == 0
    with JournalReader(moved.journal_path) as reader:
        assert [f for _, _, f in values(reader)] == [9] * 5
        assert [f for _, _, f in values(reader, KEY._replace(position="d20"))] == [1] * 5
        assert len(reader.observations_after(last, 100)) == 10
        assert len(reader.configs()) == 2


def test_a_new_calibration_changes_only_what_it_covers(tmp_path: Path) -> None:
    with Writer.open(make(tmp_path)) as writer:
        writer.commit([sample(i) for i in range(10)])
    more = """
[[instrument.calibration]]
channel = "soil_temperature"
valid_from = 2023-11-14T22:18:20Z
offset = 1.5
certificate = "c"
"""  # T0 is 22:13:20, so five minutes are before it
    with Writer.open(make(tmp_path, more=more)) as writer:
        assert writer.reprocess(T0, T0 + 10 * MINUTE) == 5
        with JournalReader(writer.path) as reader:
            assert [v - 10 - i % 7 for i, (_, v, _) in enumerate(values(reader))] == [0.0] * 5 + [1.5] * 5


def test_a_manual_flag_reaches_every_follower_and_can_be_taken_back(writer: Writer) -> None:
    last = writer.commit([sample(i) for i in range(10)]).last_rev
    number = writer.flag(KEY, T0 + 2 * MINUTE, T0 + 4 * MINUTE, 4, "somebody", "flooded")
    with JournalReader(writer.path) as reader:
        changed = reader.observations_after(last, 100)
        assert [(o.time_us, o.flag, o.value) for _, o in changed] == [
            (T0 + i * MINUTE, Flag.BAD, 10.0 + i) for i in (2, 3)
        ]
        assert "manual" in changed[0][1].tests
        assert writer.revoke(number, "somebody", "not flooded") == 2
        with pytest.raises(StorageError, match="was taken back already"):
            writer.revoke(number, "somebody", "again")
        assert [f for _, _, f in values(reader)] == [1] * 10


def test_samples_without_a_trusted_clock_wait_for_their_time(writer: Writer) -> None:
    writer.commit([sample(i, time_us=None, boot_id="b2") for i in range(3)])
    with JournalReader(writer.path) as reader:
        assert reader.accounting.held() == 3
        assert values(reader) == []
        assert writer.set_time("b2", T0, "NTP answered") == 3
        assert reader.accounting.held() == 0
        assert [t for t, _, _ in values(reader)] == [T0 + i * MINUTE for i in range(3)]
        assert reader.integrity.verify_batches() == []
        assert reader.events(["clock_set"])[0].data["offset_us"] == T0


def test_only_one_process_writes_and_the_other_is_told_who(tmp_path: Path, writer: Writer) -> None:
    with pytest.raises(JournalBusyError, match=str(os.getpid())):
        Writer.open(make(tmp_path))


def test_commands_go_through_the_running_writer_or_become_it(tmp_path: Path) -> None:
    station = make(tmp_path)
    assert submit(station, "note", who="w", text="alone") > 0
    with Writer.open(station) as writer:
        server = ControlServer(station.journal_path, lambda op, arguments: run(writer, op, arguments))
        try:
            assert oct(server.path.stat().st_mode & 0o777) == "0o600"
            with Submitter(station) as door:
                assert door.submit("note", who="w", text="through") > 0
                with pytest.raises(ControlError, match="unknown"):
                    door.submit("nonsense")
                with pytest.raises(ControlError, match="no such series"):
                    door.submit(
                        "flag", series=["st", "a", "b", "c"], from_us=0, until_us=1, flag=4, who="w", why="y"
                    )
        finally:
            server.close()
    with JournalReader(station.journal_path) as reader:
        assert [e.text for e in reader.events(["note"])] == ["alone", "through"]


def test_cursor_and_parking_move_together(writer: Writer) -> None:
    done = writer.commit([sample(i) for i in range(5)])
    entry = Parked("point", "db", "partial write", b"line", T0, T0)
    writer.move_cursor("db", done.last_rev, parked=[entry], sent=4)
    writer.commit([sample(9)], events=[NewEvent(EventKind.OTHER, "x", "y")])
    with JournalReader(writer.path) as reader:
        (cursor,) = reader.accounting.cursors()
        assert (cursor.rev, cursor.backlog, cursor.oldest_us) == (5, 1, T0 + 9 * MINUTE)
        assert reader.accounting.parked_counts() == {"point": 1}


def test_derived_results_get_a_revision_only_when_they_change(writer: Writer) -> None:
    key = ("st", "p1", "", "co2_flux")
    assert writer.append_derived([(key, T0, 1.0, 0.5, 1.5, "m", "")]) == 1
    assert (
        writer.append_derived([(key, T0, 1.0, 0.5, 1.5, "m", ""), (key, T0 + 1, 2.0, None, None, "m", "")])
        == 1
    )
    with JournalReader(writer.path) as reader:
        (piece,) = reader.read([SeriesKey(*key)])
        assert list(piece.values) == [1.0, 2.0]
        assert list(piece.lower)[0] == 0.5
    assert writer.append_derived([(key, T0 + 1, None, None, None, "m", "frozen")]) == 1
    assert writer.append_derived([(key, T0 + 1, None, None, None, "m", "frozen")]) == 0
    assert writer.append_derived([(key, T0 + 1, None, None, None, "m", "no_water")]) == 1
    with JournalReader(writer.path) as reader:
        assert [(row.value, row.reason) for row in reader.derived_after(0, 9)] == [
            (1.0, ""),
            (None, "no_water"),
        ]
    writer.append_derived(
        [(key, T0 + 5, 9.0, 8.0, 10.0, "a newer way", ""), (key, T0, 7.0, 6.0, 8.0, "a newer way", "")]
    )
    with JournalReader(writer.path) as reader:
        (piece,) = reader.read([SeriesKey(*key)])
        assert list(piece.values) == [7.0, 9.0], (
            "the method with the newest value, whole, and nothing of the other"
        )


def test_a_journal_from_before_reasons_were_kept_goes_on(tmp_path: Path) -> None:
    station = make(tmp_path)
    with Writer.open(station) as writer:
        writer.commit([sample(0)])
    db = sqlite3.connect(station.journal_path)
    db.execute("ALTER TABLE derived DROP COLUMN reason")
    db.commit()
    db.close()
    with Writer.open(station) as writer:
        assert (
            writer.append_derived([(("st", "p1", "", "co2_flux"), T0, None, None, None, "m", "frozen")]) == 1
        )
        with JournalReader(writer.path) as reader:
            assert [row.reason for row in reader.derived_after(0, 9)] == ["frozen"]
            assert sum(1 for _ in reader.samples(0, 2**62)) == 1


def test_past_damaged_pages_everything_is_taken_over(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every twentieth page is garbage: what stands on the others is kept, and readers say so in one sentence."""
    station = make(tmp_path)
    count = 20_000
    with Writer.open(station) as writer:
        for first in range(0, count, 1000):
            writer.commit([sample(first + n, 20.0 + n % 7) for n in range(1000)])
    data = bytearray(station.journal_path.read_bytes())
    page = 4096
    bad = range(
        40 * page, len(data) - page, 20 * page
    )  # the first pages hold what a journal cannot do without
    for at in bad:
        data[at : at + 200] = random.Random(at).randbytes(200)
    station.journal_path.write_bytes(data)
    assert station.path is not None
    for words in (
        ["export", str(station.path), "-o", str(tmp_path / "x.csv")],
        ["verify", str(station.path), "--journal"],
    ):
        with pytest.raises(SystemExit) as end:
            main(words)
        assert end.value.code in (1, 2)
        said = "".join(capsys.readouterr())
        assert "damaged" in said or "do not match their CRC" in said
    with Writer.open(station) as writer, pytest.raises(StorageError):
        writer.reprocess(0, 2**62)
    with Writer.open(station) as writer:
        with JournalReader(writer.path) as reader:
            kept = {s.time_us: s.raw for s in reader.samples(0, 2**62)}
            assert [e.kind for e in reader.events(["damage"])] == ["damage"]
        assert len(kept) >= count - len(bad) * 120  # a row has 34 bytes or more
        assert all(raw == 20.0 + (at - T0) // MINUTE % 1000 % 7 for at, raw in kept.items())
        assert writer.commit([sample(count)]).stored == 1


def spoil(station: Station, tables: set[str]) -> None:
    """Make every page of some tables garbage, as one worn-out block of a card does."""
    db = sqlite3.connect(station.journal_path)
    roots = [row[0] for row in db.execute("SELECT rootpage FROM sqlite_master WHERE tbl_name IN"
                                          f" ({','.join('?' * len(tables))})", sorted(tables))]  # fmt: skip
    db.close()
    data = bytearray(station.journal_path.read_bytes())
    for page in roots:
        data[(page - 1) * 4096 : page * 4096] = random.Random(page).randbytes(4096)
    station.journal_path.write_bytes(data)


@pytest.mark.parametrize("copy", [True, False], ids=["with the second copy of the names", "without"])
def test_readings_never_get_another_probes_name(tmp_path: Path, copy: bool) -> None:
    """The small tables that say what the numbers in a row mean are lost; new channels come, all is judged again."""
    station = make(tmp_path)
    with Writer.open(station) as writer:
        writer.commit([sample(n, 10.0 + n) for n in range(50)])
    spoil(station, {"channel", "series", "word"})
    if not copy:
        station.journal_path.with_name(station.journal_path.name + ".names.json").unlink()
    with Writer.open(station) as writer:
        writer.commit([sample(n, 400.0 + n, serial="ANOTHER", channel="co2") for n in range(3)])
        writer.reprocess(0, 2**62)
        with JournalReader(writer.path) as reader:
            found = {(s.serial, s.channel): s.raw for s in reader.samples(0, 2**62)}
            assert found["ANOTHER", "co2"] == 402.0
            kept = {name: raw for name, raw in found.items() if name[0] != "ANOTHER"}
            assert list(kept.values()) == [59.0]
            seen = [o.value for o in reader.observations(0, 2**62) if o.flag != Flag.MISSING]
            if copy:
                assert set(kept) == {tuple(sample(0)[:2])}
                assert seen == [10.0 + n for n in range(50)]
            else:
                assert [name[0].split("-")[0] for name in kept] == ["lost"]
                assert seen == [], "what nobody can name is nobody's value"
            assert reader.integrity.verify_batches() == []


def test_a_journal_that_was_removed_takes_nothing_more(tmp_path: Path) -> None:
    station = make(tmp_path)
    with Writer.open(station) as writer:
        assert writer.commit([sample(0)]).stored == 1
        for path in station.journal_path.parent.glob(f"{station.journal_path.name}*"):
            if not path.name.endswith(".lock"):
                path.unlink()
        with pytest.raises(JournalGoneError, match="removed or replaced while it was open"):
            writer.commit([sample(1)])


def test_a_flipped_bit_is_named_by_the_crc(tmp_path: Path) -> None:
    station = make(tmp_path)
    with Writer.open(station) as writer:
        for i in range(3):
            writer.commit([sample(10 * i + j) for j in range(10)])
    bare = sqlite3.connect(station.journal_path)
    with bare:
        bare.execute("UPDATE sample SET raw = raw + 1e-9 WHERE seq = 15")
    bare.close()
    with JournalReader(station.journal_path) as reader:
        assert reader.integrity.verify_batches() == ["batch 2: samples 11 to 20 do not match their CRC"]


@pytest.mark.parametrize("wreck", [b"", b"this is no database at all" * 400])
def test_a_wrecked_journal_is_set_aside_and_the_station_goes_on(tmp_path: Path, wreck: bytes) -> None:
    station = make(tmp_path)
    with Writer.open(station) as writer:
        writer.commit([sample(0)])
    station.journal_path.write_bytes(wreck)
    for end in ("-wal", "-shm"):
        Path(f"{station.journal_path}{end}").unlink(missing_ok=True)
    with Writer.open(station) as writer:
        assert writer.commit([sample(1)]).stored == 1
        with JournalReader(writer.path) as reader:
            assert bool(reader.events(["damage"])) == bool(wreck)
    assert len(list(station.journal_path.parent.glob("*.damaged-*"))) == bool(wreck)


def test_a_journal_that_refused_to_be_written_is_set_aside_at_the_next_start(tmp_path: Path) -> None:
    station = make(tmp_path)
    with Writer.open(station) as writer:
        writer.commit([sample(i) for i in range(50)])
    mark_damaged(station.journal_path, "database disk image is malformed")
    for _ in range(2):  # once, not at every start
        with Writer.open(station) as writer, JournalReader(writer.path) as reader:
            assert len(values(reader)) >= 50
            (event,) = reader.events(["damage"])
            assert "malformed" in event.text
            writer.commit([sample(50)])
            assert len(values(reader)) == 51
    assert len(list(station.journal_path.parent.glob("*.damaged-*.sqlite"))) == 1


def test_a_torn_write_ahead_log_starts_and_keeps_whole_commits(tmp_path: Path) -> None:
    station = make(tmp_path)
    writer = Writer.open(station)
    for i in range(20):
        writer.commit([sample(i)])
    copy = tmp_path / "copy"
    copy.mkdir()
    main, wal = station.journal_path.read_bytes(), Path(f"{station.journal_path}-wal").read_bytes()
    writer.close()
    for cut in range(len(wal), max(0, len(wal) - 40_000), -512 * 5):
        for old in station.journal_path.parent.iterdir():
            if not old.name.endswith(".lock"):
                old.unlink()
        station.journal_path.write_bytes(main)
        Path(f"{station.journal_path}-wal").write_bytes(wal[:cut])
        with Writer.open(station) as again, JournalReader(again.path) as reader:
            n = len(values(reader))
            assert [t for t, _, _ in values(reader)] == [T0 + i * MINUTE for i in range(n)]
            assert reader.integrity.verify_batches() == []
            assert again.commit([sample(i) for i in range(21)]).stored == 21 - n


def test_a_full_disk_leaves_what_was_kept_and_the_next_try_works(tmp_path: Path) -> None:
    station = make(tmp_path)
    with Writer.open(station) as writer:
        writer.commit([sample(i) for i in range(100)])
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        old = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        try:
            resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, hard))
            with pytest.raises(DiskFullError, match="nothing was lost"):
                for k in range(1, 200):
                    writer.commit([sample(100 * k + i) for i in range(100)])
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
            signal.signal(signal.SIGXFSZ, old)
        with JournalReader(writer.path) as reader:
            before = len(values(reader))
            assert before % 100 == 0
            assert reader.integrity.verify_batches() == []
            assert writer.commit([sample(before + i) for i in range(100)]).stored == 100
            assert len(values(reader)) == before + 100


CHILD = """
import sys
from soilco2.station_config.loader import load_station
from soilco2.storage.journal.writer import Writer
sys.path.insert(0, {tests!r})
from tests.storage.journal.test_writer import sample
station = load_station({path!r})
with Writer.open(station) as writer:
    i = int(sys.argv[1])
    while True:
        writer.commit([sample(i + j) for j in range(7)])
        i += 7
        print(i, flush=True)
"""


@pytest.mark.timeout(120 + 5 * KILLS)
def test_killed_at_any_moment_nothing_acknowledged_is_lost_or_doubled(tmp_path: Path) -> None:
    station = make(tmp_path)
    code = CHILD.format(tests=str(ROOT), path=str(station.path))
    rng = random.Random(20)
    acknowledged = 0
    for _ in range(KILLS):
        child = subprocess.Popen(
            [sys.executable, "-c", code, str(acknowledged)], stdout=subprocess.PIPE, text=True
        )
        assert child.stdout is not None
        for _ in range(rng.randrange(1, 12)):
            acknowledged = int(child.stdout.readline())
        child.send_signal(signal.SIGKILL)
        rest = child.stdout.read().split()
        child.wait()
        child.stdout.close()
        if rest:
            acknowledged = int(rest[-1])
        with JournalReader(station.journal_path) as reader:
            times = [t for t, _, _ in values(reader)]
            assert times == [T0 + i * MINUTE for i in range(len(times))]
            assert len(times) >= acknowledged
            assert reader.integrity.verify_batches() == []
            counts = reader.accounting.counters()["air"]
            assert counts["in"] == counts["stored"] + counts.get("duplicate", 0) + counts.get("rejected", 0)


def test_days_left_is_told_at_the_rate_of_the_last_commits(tmp_path: Path) -> None:
    now = [T0 + 10**15]
    with Writer.open(make(tmp_path), now_us=lambda: now[0]) as writer:
        writer.commit([sample(i) for i in range(1000)])  # a month brought in at once, by another clock
        with JournalReader(writer.path) as reader:
            assert reader.accounting.days_left(10**9) is None
        for n in range(10):
            now[0] = T0 + n * 10 * MINUTE
            writer.commit([sample(1000 + n * 100 + i) for i in range(100)])
            if n == 5:  # fifty minutes are no hour of record
                with JournalReader(writer.path) as reader:
                    assert reader.accounting.days_left(10**9) is None
        with JournalReader(writer.path) as reader:
            used, _ = reader.accounting.size()
            # 1000 samples in ninety minutes, of used/2000 bytes each
            assert reader.accounting.days_left(10**9) == pytest.approx(
                (10**9 - used) / (used / 2000 * 1000 / 90 * 1440)
            )
