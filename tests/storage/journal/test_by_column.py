"""What goes into the journal by column is what goes in record by record, to the last bit; made again it is the same."""

from __future__ import annotations

import math
import random
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

from soilco2.quality.records import Sample
from soilco2.quality.runs import Columns, Runs, channels_of, joined, runs_of
from soilco2.station_config.loader import Station, load_station
from soilco2.storage.journal.bulk_insert import COUNTED, SHARED, Insertion
from soilco2.storage.journal.control import _plain
from soilco2.storage.journal.reader import JournalReader
from soilco2.storage.journal.writer import Writer

T0 = 1_700_000_000_000_000
MINUTE = 60_000_000
NAMES = [
    ("import/p1/d1", "co2"),
    ("import/p1/d1", "soil_temperature"),
    ("import/p1/d2", "soil_water"),
    ("N9", "co2"),
]
"""Three channels of tables, and one of no instrument of the station."""
STATION = """
[station]
id = "st"
name = "Test"
latitude = 38.3
longitude = 109.7
altitude_m = 0
timezone = "UTC"
[journal]
path = "journal.sqlite"
[[profile]]
id = "p1"
position = [{ id = "d1", depth_m = 0.1 }, { id = "d2", depth_m = 0.2 }]
[[quality.limits]]
variable = "co2"
upper = 5000
flat_for = "2h"
[[quality.limits]]
variable = "soil_water"
suspect_upper = 0.5
"""
TABLES = (
    "sample",
    "observation",
    "batch",
    "channel",
    "word",
    "series",
    "counter",
    "waiting",
    "parked",
    "delivery",
)
NUMBERS = (None, 0.0, -0.0, 0.3, 12.0, 600.0, 6000.0, -1e9, 1e39)


def make(folder: Path) -> Station:
    path = folder / "st.toml"
    path.write_text(STATION, encoding="utf-8")
    return load_station(path)


def columns(rows: Sequence[tuple[int, int, float | None]], arrival_us: int = T0) -> Columns:
    names, times, raws = ([], [], []) if not rows else map(list, zip(*rows, strict=True))
    rest = (None, arrival_us, 5, "boot", "import:t.csv")
    return Columns([NAMES[n] for n in names], [T0 + MINUTE * at for at in times], raws, rest)


def kept(station: Station) -> dict[str, list[tuple[object, ...]]]:
    with closing(sqlite3.connect(station.journal_path)) as db:
        found = {name: db.execute(f"SELECT * FROM {name} ORDER BY 1, 2").fetchall() for name in TABLES}
    found["batch"] = [row[:4] for row in found["batch"]]  # without the moment of the commit
    return found


@pytest.mark.parametrize("seed", range(4))
def test_by_column_and_by_record_are_the_same_journal(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    rows: list[tuple[int, int, float | None]] = [
        (n, k, 0.1 + k % 29 / 100) for k in range(300) for n in range(4)
    ]
    for _ in range(40):  # some twice, some out of order
        rows[rng.randrange(1200)] = (rng.randrange(4), rng.randrange(400), rng.choice(NUMBERS))
    again = rng.randrange(900)
    parts = [columns(rows[:900]), columns(rows[again:]), columns(rows[:9])]
    journals = []
    for by_column in (True, False):
        station = make(tmp_path)
        with Writer.open(station, now_us=lambda: T0) as writer:
            number = writer.begin_import("t.csv", "0", "import:t.csv")
            for part in parts:
                writer.bring(number, part if by_column else list(part))
        with JournalReader(station.journal_path) as reader:
            assert not reader.integrity.verify_batches()
        journals.append(kept(station))
        for file in tmp_path.iterdir():
            file.unlink()
    assert journals[0] == journals[1]


@pytest.mark.parametrize("channels", [1, 2, 3])
def test_channels_that_come_in_turn_are_the_same_journal_too(tmp_path: Path, channels: int) -> None:
    rows = [(n, k, 0.1 + k % 29 / 100) for k in range(400) for n in range(channels)][:-1]
    part = columns(rows)
    journals = []
    for samples in (part, list(part)):
        station = make(tmp_path)
        with Writer.open(station, now_us=lambda: T0) as writer:
            writer.commit(samples)
        journals.append(kept(station))
        for file in tmp_path.iterdir():
            file.unlink()
    assert journals[0] == journals[1]
    assert [row[:2] for row in part.runs()] == NAMES[:channels]
    for run in part.runs():
        assert list(run.samples()) == [sample for sample in part if sample[:2] == run[:2]]


@pytest.mark.parametrize("count", [0, 1, 9, 73, 256, 700])
def test_what_counts_up_and_what_is_shared_need_no_value_in_each_row(count: int) -> None:
    insert = Insertion("INSERT INTO t (a, b, n)", ("?", SHARED, COUNTED), "ON CONFLICT (n) DO NOTHING")
    with closing(sqlite3.connect(":memory:")) as db:
        db.execute("CREATE TABLE t (a, b, n PRIMARY KEY)")
        assert insert(db, [k * 0.5 for k in range(count)], (41, "all")) == count
        found = db.execute("SELECT a, b, n FROM t ORDER BY n").fetchall()
    assert found == [(k * 0.5, "all", 41 + k) for k in range(count)]


def test_most_observations_bring_three_values_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Time, value and raw: the rest is said once for a series; with one that is flagged, each says all."""
    bound: list[int] = []
    insert = Insertion.__call__

    def counted(
        self: Insertion, db: sqlite3.Connection, values: Sequence[object], *more: Sequence[object]
    ) -> int:
        bound.extend([len(values)] if values else [])
        return insert(self, db, values, *more)

    monkeypatch.setattr(Insertion, "__call__", counted)
    with Writer.open(make(tmp_path)) as writer:
        writer.commit(columns([(2, k, 0.1 + k % 29 / 100) for k in range(300)]))
        writer.commit(columns([(2, 300 + k, 0.1 if k else 0.9) for k in range(300)]))
    assert bound == [3 * 300, 3 * 300, 3 * 300, 9 * 300]


def test_what_was_changed_by_hand_is_made_again_and_nothing_else(tmp_path: Path) -> None:
    station = make(tmp_path)
    rows = [(n, k, 0.1 + k % 29 / 100 + (9e5 if k == 70 else 0)) for k in range(300) for n in range(3)]
    with Writer.open(station) as writer:
        writer.commit(columns(rows))
    before = kept(station)["observation"]
    with closing(sqlite3.connect(station.journal_path)) as db, db:
        db.execute("DELETE FROM observation WHERE series = 1 AND time_us = ?", (T0 + 40 * MINUTE,))
        db.execute("UPDATE observation SET value = 7 WHERE series = 2 AND time_us = ?", (T0 + 41 * MINUTE,))
        db.execute(
            "UPDATE observation SET flag = 1, tests = 1 WHERE series = 2 AND time_us = ?", (T0 + 70 * MINUTE,)
        )
        db.execute(
            "INSERT INTO observation SELECT series, time_us + 1, value, raw, flag, tests, corrections, config, rev"
            " FROM observation WHERE series = 3 AND time_us = ?",
            (T0 + 42 * MINUTE,),
        )
    with Writer.open(station) as writer:
        assert writer.reprocess(T0, T0 + 20 * MINUTE) == 0
        assert writer.reprocess(T0 + 20 * MINUTE, T0 + 300 * MINUTE) == 4
        assert writer.reprocess(T0, T0 + 300 * MINUTE) == 0
    after = {row[:2]: row[2:8] for row in kept(station)["observation"]}
    stray = after.pop((3, T0 + 42 * MINUTE + 1))
    assert stray[:3] == (None, None, 9), "no sample leads to it"
    assert after == {row[:2]: row[2:8] for row in before}


def test_samples_by_column_are_a_sequence_of_records() -> None:
    some = columns([(0, 1, 2.0), (1, 1, None), (0, 2, 3.0)])
    records = [
        Sample(*NAMES[n], T0 + MINUTE * at, raw, "", None, T0, 5, "boot", "import:t.csv")
        for n, at, raw in ((0, 1, 2.0), (1, 1, None), (0, 2, 3.0))
    ]
    assert (len(some), list(some), some[1], some[1:]) == (3, records, records[1], records[1:])
    assert channels_of(some) == channels_of(records) == set(NAMES[:2])
    for these in (some, records):
        runs = runs_of(these)
        assert [(run[:2], list(run.times), list(run.raws), run.plain) for run in runs] == [
            (NAMES[0], [T0 + MINUTE, T0 + 2 * MINUTE], [2.0, 3.0], True),
            (NAMES[1], [T0 + MINUTE], [None], True),
        ]
        assert [list(run.samples()) for run in runs] == [[records[0], records[2]], [records[1]]]
    whole = Runs(runs_of(some))
    assert (len(whole), list(whole)) == (3, [records[0], records[2], records[1]])
    assert _plain(some) == records


@pytest.mark.parametrize("arrival_us", [T0, T0 + 1])
def test_stretches_are_joined(arrival_us: int) -> None:
    some, more = columns([(0, 1, 2.0)]), columns([(1, 1, math.pi)], arrival_us)
    found = joined([some, more])
    assert list(found) == [*some, *more]
    assert isinstance(found, Columns) == (arrival_us == T0), "by column where they share the rest"
    assert joined([some]) is some
