"""Rollups say what a recount of the observations says: after late data, flags, other calibrations, archives, losses."""

from __future__ import annotations

import sqlite3
from array import array
from bisect import bisect_right
from collections.abc import Iterator
from math import fsum, inf, isfinite, nan
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soilco2.quality.records import Sample, SeriesKey
from soilco2.station_config.loader import Station, load_station
from soilco2.storage.journal import rollups
from soilco2.storage.journal.archive import open_journal
from soilco2.storage.journal.archiving import make_room
from soilco2.storage.journal.control import submit
from soilco2.storage.journal.operations import run
from soilco2.storage.journal.reader import JournalReader
from soilco2.storage.journal.rollup_writer import check_rollups
from soilco2.storage.journal.rollups import HOUR_US, LEVELS, TEN_US, Rolled, buckets_of, fold, stretches
from soilco2.storage.journal.writer import Writer
from soilco2.storage.reader import Piece

DAY = 24 * HOUR_US
T0 = 1_704_067_200_000_000
"""2024-01-01T00:00Z [µs UTC]."""
MINUTE = 60_000_000
STEP = 20 * MINUTE
KEY = SeriesKey("st", "p1", "d1", "soil_temperature")
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
position = [{ id = "d1", depth_m = 0.1 }, { id = "d2", depth_m = 0.2 }]
[[instrument]]
id = "probe1"
model = "soilco2-node"
serial = "N1"
connection = "air"
interval = "20min"
channels = ["soil_temperature"]
calibration = [CALIBRATION]
[[instrument.installation]]
position = "p1/d1"
from = 2020-01-01
[[instrument]]
id = "probe2"
model = "soilco2-node"
serial = "N2"
connection = "air"
interval = "20min"
channels = ["soil_temperature"]
[[instrument.installation]]
position = "p1/d2"
from = 2020-01-01
[journal]
path = "journal.sqlite"
limit_mib = 16
"""
DATABASE = '[influxdb]\nurl = "http://127.0.0.1:1"\norg = "o"\nbucket = "b"\ntoken = { env = "T" }\n'
OTHER = '{ channel = "soil_temperature", valid_from = 2020-01-01, offset = 2.5, certificate = "C-1" }'


def make(folder: Path, *, calibration: str = "", more: str = "") -> Station:
    path = folder / "st.toml"
    path.write_text(STATION.replace("CALIBRATION", calibration) + more, encoding="utf-8")
    return load_station(path)


def sample(k: int, probe: int = 1, raw: float | None = None) -> Sample:
    at = T0 + k * STEP
    value = 12 + probe + k % 31 / 7 - (k // 72) % 9 if raw is None else raw
    return Sample(f"N{probe}", "soil_temperature", at, value, "", None, at, at, "boot", "air")


def rows_of(reader: JournalReader, key: SeriesKey, start: int, end: int) -> list[tuple[int, float, int]]:
    return [
        row
        for piece in reader.read([key], start, end)
        for row in zip(piece.times, piece.values, piece.flags, strict=True)
    ]


def compare(station: Station, *, usable: bool = True) -> None:
    """Every answer of the rollups against a recount, row by row, of what the reader gives."""
    with open_journal(station) as reader, Rolled(reader) as rolled:
        assert rolled.usable == usable
        if not usable:
            return
        for start, end, count in (
            (T0 - DAY, T0 + 40 * DAY, 90),
            (T0 + 5 * HOUR_US + 17, T0 + 9 * DAY + 3 * STEP + 1, 30),
            (T0 + 2 * DAY, T0 + 3 * DAY, 24),
            (T0 + 3 * DAY + STEP, T0 + 30 * DAY - STEP, 3),
        ):
            for position in ("d1", "d2"):
                extremes_agree(reader, rolled, KEY._replace(position=position), start, end, count)
                for level, step in ((HOUR_US, 5), (6 * HOUR_US, 3), (DAY, 2)):
                    first = start // level * level
                    means_agree(reader, rolled, KEY._replace(position=position), first, end, step * level)
    with open_journal(station) as reader:
        assert list(check_rollups(reader)) == []


def extremes_agree(
    reader: JournalReader, rolled: Rolled, key: SeriesKey, start: int, end: int, count: int
) -> None:
    cut = stretches(start, end, count)
    assert cut.level_us in LEVELS
    found = rolled.extremes(key, cut, start, end)
    rows = rows_of(reader, key, start, end)
    assert found is not None
    assert found[0] == len(rows)
    assert found[1] == sorted(found[1])
    for wanted in ((1, 2), (3, 4)):
        counted, answered = (
            {k: [r for r in some if bisect_right(cut.edges, r[0]) - 1 == k] for k in range(count)}
            for some in (
                [row for row in rows if row[2] in wanted and isfinite(row[1])],
                [point for point in found[1] if point[2] in wanted],
            )
        )
        for k, those in counted.items():
            assert set(answered[k]) <= set(those)
            assert len(answered[k]) <= 2
            if those:
                values = [row[1] for row in those]
                assert [f([row[1] for row in answered[k]]) for f in (min, max)] == [min(values), max(values)]


def means_agree(
    reader: JournalReader, rolled: Rolled, key: SeriesKey, start: int, end: int, step: int = 5 * HOUR_US
) -> None:
    found = rolled.means(key, start, step, end)
    assert found is not None
    rows = rows_of(reader, key, start, end)
    for some, wanted in zip(found, ((1, 2), (3, 4)), strict=True):
        counted: dict[int, list[float]] = {}
        for time_us, value, flag in rows:
            if flag in wanted and isfinite(value):
                counted.setdefault((time_us - start) // step, []).append(value)
        totals: dict[int, tuple[float, int]] = {}
        for k, total, n, _ in some:
            totals[k] = (totals.get(k, (0, 0))[0] + total, totals.get(k, (0, 0))[1] + n)
        assert totals.keys() == counted.keys()
        for k, values in counted.items():
            assert totals[k][1] == len(values)
            assert totals[k][0] == pytest.approx(fsum(values), rel=1e-12, abs=1e-9)


def rolled_up(writer: Writer) -> None:
    while writer.roll():
        pass


@pytest.fixture
def filled(tmp_path: Path) -> Iterator[tuple[Station, Writer]]:
    """Twenty days of two series; every 40th reading of the second is impossible."""
    station = make(tmp_path)
    with Writer.open(station, now_us=lambda: T0 + 40 * DAY) as writer:
        for k in range(0, 20 * 72, 72):
            writer.commit([sample(k + i) for i in range(72)])
            writer.commit([sample(k + i, 2, 900.0 if (k + i) % 40 == 7 else None) for i in range(72)])
        rolled_up(writer)
        yield station, writer


def test_they_agree_with_a_recount_when_made_and_while_they_lag(filled: tuple[Station, Writer]) -> None:
    station, writer = filled
    compare(station)
    writer.commit([sample(20 * 72 + i) for i in range(30)])  # newer ones, not rolled yet
    compare(station)
    rolled_up(writer)
    compare(station)


def minutes(first: int, last: int, every: int = 1) -> list[Sample]:
    """Readings of some minutes, every 50th impossible."""
    return [
        sample(0, raw=900.0 if k % 50 == 49 else 12 + k % 31 / 7 - (k // 300) % 9)._replace(
            time_us=T0 + k * MINUTE, arrival_us=T0 + k * MINUTE
        )
        for k in range(first, last, every)
    ]


def test_ten_minutes_of_dense_hours_agree_with_a_recount_too(tmp_path: Path) -> None:
    station = make(tmp_path)
    day = 540  # nine hours

    def agree() -> None:
        with JournalReader(station.journal_path) as reader:
            assert list(check_rollups(reader)) == []
            for start, end, count in (
                (0, 4 * day, 200),
                (day + 7, 2 * day + 3, 50),
                (3 * day - 50, 3 * day + 90, 14),
            ):
                with Rolled(reader) as rolled:
                    span = (T0 + start * MINUTE, T0 + end * MINUTE)
                    cut = stretches(*span, count)
                    assert cut.level_us == TEN_US
                    extremes_agree(reader, rolled, KEY, *span, count)
                    means_agree(reader, rolled, KEY, span[0] // TEN_US * TEN_US, span[1], 3 * TEN_US)

    with Writer.open(station, now_us=lambda: T0 + 5 * DAY) as writer:
        writer.commit(minutes(0, 2 * day))
        writer.commit(minutes(2 * day, 3 * day, 20))  # a day of few readings between dense ones
        writer.commit(minutes(3 * day, 4 * day))
        rolled_up(writer)
        bare = sqlite3.connect(station.journal_path)
        kept = bare.execute(
            "SELECT count(DISTINCT start_us), sum(n) FROM rollup WHERE period_s = 600"
        ).fetchone()
        assert kept == (3 * day // 10, 3 * day)
        agree()
        writer.commit(minutes(2 * day + 5, 2 * day + 200))  # an hour of few becomes dense
        agree()
        rolled_up(writer)
        agree()
        with bare:
            bare.execute(
                "UPDATE rollup SET low = -40 WHERE period_s = 600 AND start_us = ? AND kind = 0",
                (T0 + TEN_US,),
            )
        bare.close()
        with JournalReader(station.journal_path) as reader:
            assert [text.split(";")[0] for text in check_rollups(reader)] == [
                "rollups of p1/d1/soil_temperature: 1 differ from a recount"
            ]
        writer.rollups.audit()
        agree()


def test_few_readings_are_read_and_have_no_ten_minutes(filled: tuple[Station, Writer]) -> None:
    station, _ = filled
    bare = sqlite3.connect(station.journal_path)
    assert bare.execute("SELECT count(*) FROM rollup WHERE period_s = 600").fetchone() == (0,)
    bare.close()
    with JournalReader(station.journal_path) as reader, Rolled(reader) as rolled:
        cut = stretches(T0, T0 + 4 * DAY, 300)
        assert (cut.level_us, rolled.extremes(KEY, cut, T0, T0 + 4 * DAY)) == (TEN_US, None)
        assert rolled.means(KEY, T0, 2 * TEN_US, T0 + DAY) is None


def test_much_that_came_is_counted_before_the_rest_is_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Writer.open(make(tmp_path)) as writer:
        rolled_up(writer)
        writer.keep_rollups()  # nothing is left: it rests
        monkeypatch.setattr("soilco2.storage.journal.rollup_writer._ROWS", 10)
        for count, told in ((1, False), (10, True)):
            done = writer.rollups._rolled
            writer.commit([sample(count + k) for k in range(count)])
            monkeypatch.setattr(writer.rollups, "_roll_at", 0.0)
            writer.keep_rollups()
            assert (writer.rollups._rolled != done) == told


def test_a_step_may_end_where_another_series_begins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    station = make(tmp_path)
    with Writer.open(station, now_us=lambda: T0 + 5 * DAY) as writer:
        writer.commit([sample(0), sample(0, 2)])
        monkeypatch.setattr("soilco2.storage.journal.rollup_writer._HOURS", 1)
        rolled_up(writer)
    with JournalReader(station.journal_path) as reader:
        assert list(check_rollups(reader)) == []
    with sqlite3.connect(station.journal_path) as bare:
        assert bare.execute("SELECT count(DISTINCT series) FROM rollup").fetchone() == (2,)
    bare.close()


def test_late_and_flagged_and_recalibrated_data(filled: tuple[Station, Writer], tmp_path: Path) -> None:
    station, writer = filled
    late = [
        sample(k)._replace(time_us=T0 + k * STEP + 60_000_000, raw=-5.0 + k / 1e3) for k in range(5, 900, 61)
    ]
    writer.commit(late)
    number = writer.flag(KEY, T0 + 4 * DAY + 1, T0 + 6 * DAY, 4, "ann", "lid open")
    compare(station)
    rolled_up(writer)
    compare(station)
    writer.revoke(number, "ann", "it was shut")
    rolled_up(writer)
    compare(station)
    writer.install_config(make(tmp_path, calibration=OTHER))
    assert writer.reprocess(T0, T0 + 10 * DAY) > 0
    compare(station)
    rolled_up(writer)
    compare(station)


def test_a_change_is_seen_in_the_answer_at_once(filled: tuple[Station, Writer]) -> None:
    station, writer = filled
    writer.commit([sample(100)._replace(time_us=T0 + 100 * STEP + 1, raw=55.0)])
    assert writer.judge() is False
    cut = stretches(T0, T0 + 20 * DAY, 20)
    with JournalReader(station.journal_path) as reader, Rolled(reader) as rolled:
        found = rolled.extremes(KEY, cut, T0, T0 + 20 * DAY)
    assert found is not None
    assert 55.0 in [value for _, value, _ in found[1]]


def test_archived_and_pruned_stretches_stay(tmp_path: Path) -> None:
    station = make(tmp_path, more=DATABASE)
    now = T0 + 60 * DAY
    with Writer.open(station, now_us=lambda: now) as writer:
        for k in range(0, 20 * 72, 72):
            done = writer.commit([sample(k + i, probe) for i in range(72) for probe in (1, 2)])
        writer.move_cursor("influxdb", done.last_rev)
        rolled_up(writer)
    before = T0 + 10 * DAY
    steps = list(make_room(station, lambda op, **a: submit(station, op, **a), now, before_us=before))
    assert sum(step.pruned for step in steps) > 0
    compare(station)
    with Writer.open(station, now_us=lambda: now) as writer:
        with JournalReader(station.journal_path) as reader:
            assert rows_of(reader, KEY, T0, before) == []
        # into a stretch that is only in an archive: its other observations must not be forgotten
        writer.commit([sample(3 * 72)._replace(time_us=T0 + 3 * DAY + 60_000_000, raw=-20.0)])
        compare(station)
        rolled_up(writer)
        compare(station)
        writer.forget_rollups()
        rolled_up(writer)
    with open_journal(station) as reader, Rolled(reader) as rolled:
        means_agree(reader, rolled, KEY, T0 + 11 * DAY, T0 + 20 * DAY)


def test_what_was_dropped_at_the_limit_is_in_no_answer(filled: tuple[Station, Writer]) -> None:
    station, writer = filled
    writer.retention._told_full = True
    writer.retention.drop_oldest()
    with JournalReader(station.journal_path) as reader:
        assert rows_of(reader, KEY, T0, T0 + 10 * DAY) == []
    compare(station)
    writer.commit([sample(20 * 72 + i) for i in range(10)])
    compare(station)
    rolled_up(writer)
    compare(station)


def test_a_wrong_rollup_is_named_and_mended(filled: tuple[Station, Writer]) -> None:
    station, writer = filled
    bare = sqlite3.connect(station.journal_path)
    with bare:
        bare.execute(
            "UPDATE rollup SET high = 99 WHERE series = 1 AND start_us = ? AND period_s = 3600",
            (T0 + 5 * HOUR_US,),
        )
        bare.execute("DELETE FROM rollup WHERE series = 2 AND start_us = ?", (T0 + DAY,))
        bare.execute(
            "INSERT INTO rollup SELECT series, period_s, kind, start_us + 400 * ?, n, low, low_us, low_flag, high,"
            " high_us, high_flag, mean, worst FROM rollup WHERE series = 1 AND start_us = ?",
            (DAY, T0),
        )
    bare.close()
    with JournalReader(station.journal_path) as reader:
        wrong = list(check_rollups(reader))
    assert [text.split(":")[0] for text in wrong] == [
        "rollups of p1/d1/soil_temperature", "rollups of p1/d2/soil_temperature"
    ]  # fmt: skip
    for _ in range(45):  # twenty days of two series, one at a time
        writer.rollups.audit()
    with JournalReader(station.journal_path) as reader:
        assert [event.subject for event in reader.events(["damage"])] == ["rollup", "rollup"]
    run(writer, "forget_rollups", {})
    compare(station, usable=True)
    rolled_up(writer)
    compare(station)


def test_a_table_of_an_earlier_version_is_not_read_and_is_made_again(
    filled: tuple[Station, Writer],
) -> None:
    station, writer = filled
    bare = sqlite3.connect(station.journal_path)
    with bare:
        bare.execute("DROP TABLE rollup")
        bare.execute("CREATE TABLE rollup (series INTEGER PRIMARY KEY, mean REAL)")
    bare.close()
    compare(station, usable=False)
    writer.roll()
    rolled_up(writer)
    compare(station)


def test_a_journal_without_rollups_or_far_ahead_of_them_is_read_plainly(
    filled: tuple[Station, Writer], monkeypatch: pytest.MonkeyPatch
) -> None:
    station, writer = filled
    writer.commit([sample(20 * 72 + i) for i in range(30)])
    monkeypatch.setattr(rollups, "MOST_BEHIND", 20)
    compare(station, usable=False)
    monkeypatch.undo()
    bare = sqlite3.connect(station.journal_path)
    with bare:
        bare.execute("DELETE FROM meta WHERE key = 'rolled'")
    bare.close()
    compare(station, usable=False)


def test_damaged_rollups_cost_time_and_no_answer(tmp_path: Path) -> None:
    station = make(tmp_path)
    with Writer.open(station) as writer:
        writer.commit([sample(k) for k in range(20 * 72)])
        rolled_up(writer)
    bare = sqlite3.connect(station.journal_path)
    (page, size) = bare.execute(
        "SELECT rootpage, (SELECT page_size FROM pragma_page_size) FROM sqlite_master WHERE name = 'rollup'"
    ).fetchone()
    bare.close()
    with station.journal_path.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * size)
    with JournalReader(station.journal_path) as reader, Rolled(reader) as rolled:
        assert rolled.usable
        assert rolled.extremes(KEY, stretches(T0, T0 + 20 * DAY, 20), T0, T0 + 20 * DAY) is None
        assert not rolled.usable
        assert rolled.means(KEY, T0, HOUR_US, T0 + DAY) is None
        assert len(rows_of(reader, KEY, T0, T0 + DAY)) == 72


def test_closing_and_opening_goes_on(tmp_path: Path) -> None:
    station = make(tmp_path)
    for k in range(4):
        with Writer.open(station) as writer:
            writer.commit([sample(72 * k + i, probe) for i in range(72) for probe in (1, 2)])
        compare(station)
    with JournalReader(station.journal_path) as reader:
        assert int(reader._meta("rolled")) == reader.last_rev()


def test_a_step_that_is_full_where_another_series_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("soilco2.storage.journal.rollup_writer._HOURS", 2)
    station = make(tmp_path)
    with Writer.open(station) as writer:
        for probe in (1, 2):
            writer.commit([sample(3 * k, probe) for k in range(2)])
        assert writer.rollups.roll()
        rolled_up(writer)
    compare(station)


def test_a_journal_is_closed_without_them_where_they_lag_too_far(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("soilco2.storage.journal.rollup_writer.MOST_BEHIND", 9)
    for count in (9, 10):
        station = make(tmp_path)
        with Writer.open(station) as writer:
            rolled_up(writer)
            done = writer.rollups._rolled
            writer.commit([sample(100 * count + k) for k in range(count)])
        assert (writer.rollups._rolled != done) == (count == 9)


def test_a_fault_in_them_costs_no_sample(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    station = make(tmp_path)
    with Writer.open(station) as writer:
        monkeypatch.setattr("soilco2.storage.journal.rollup_writer.buckets_of", lambda *_: 1 / 0)
        writer.commit([sample(0)])
        writer.keep_rollups()
        assert "cannot be brought up to date" in caplog.text
        assert writer.commit([sample(1)]).stored == 1
    with JournalReader(station.journal_path) as reader:
        assert len(rows_of(reader, KEY, T0, T0 + DAY)) == 2
        assert not reader.events(["damage"])


def test_an_interval_of_more_than_one_piece_is_one_bucket() -> None:
    one = Piece(KEY, array("q", [0, 10]), array("d", [5.0, 1.0]), array("b", [1, 1]))
    two = Piece(KEY, array("q", [20, HOUR_US]), array("d", [1.0, 9.0]), array("b", [2, 1]))
    good, _, _ = buckets_of([one, two], [0, HOUR_US, 2 * HOUR_US])
    first, second = fold(good, HOUR_US)
    assert (first.n, first.low, first.low_us, first.high, first.mean, first.worst) == (
        3,
        1.0,
        10,
        5.0,
        7 / 3,
        2,
    )
    assert second.n == 1


@given(
    st.lists(
        st.tuples(
            st.integers(0, 30 * HOUR_US), st.floats(-1e6, 1e6) | st.just(nan) | st.just(inf), st.integers(1, 4)
        ),
        max_size=120,
        unique_by=lambda row: row[0],
    )
)  # fmt: skip
@settings(max_examples=60)
def test_hours_put_together_to_days_are_the_days(rows: list[tuple[int, float, int]]) -> None:
    rows.sort()
    piece = Piece(
        KEY, array("q", [r[0] for r in rows]), array("d", [r[1] for r in rows]), array("b", [r[2] for r in rows])
    )  # fmt: skip
    hours = buckets_of([piece], range(0, 48 * HOUR_US + 1, HOUR_US))
    days = buckets_of([piece], range(0, 2 * DAY + 1, DAY))
    for fine, wide in zip(hours, days, strict=True):
        for folded, direct in zip(fold(fold(fine, LEVELS[1]), DAY), fold(wide, DAY), strict=True):
            assert folded[:8] == direct[:8]
            assert folded.worst == direct.worst
            if direct.mean is not None:
                assert folded.mean == pytest.approx(direct.mean, rel=1e-9, abs=1e-6)
    assert sum(b.n for kind in hours for b in kind) == len(rows)


@given(st.integers(-(10**15), 10**15), st.integers(1, 10**15), st.integers(1, 2500))
@settings(max_examples=100)
def test_stretches_cover_a_span_without_a_gap(start: int, length: int, count: int) -> None:
    cut = stretches(start, start + length, count)
    assert len(cut.edges) == count + 1
    assert cut.edges[0] <= start
    assert cut.edges[-1] >= start + length
    assert all(a < b for a, b in zip(cut.edges, cut.edges[1:], strict=False))
