"""Which number speaks: the same whatever the order in which they came (docs/concepts/what_becomes_data.en.md)."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from soilco2.quality.records import Sample
from soilco2.station_config.loader import Station, load_station
from soilco2.storage.errors import StorageError
from soilco2.storage.journal.archive import open_journal, write_archive
from soilco2.storage.journal.failpoint import IMPORT_POINTS
from soilco2.storage.journal.reader import JournalReader
from soilco2.storage.journal.writer import Writer
from tests.paths import ROOT

T0 = 1_772_323_200_000_000
"""2026-03-01T00:00:00Z"""
MINUTE = 60_000_000
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
[mqtt]
[[connection]]
id = "air"
kind = "mqtt"
{rank}
[[profile]]
id = "p1"
position = [{{ id = "d10", depth_m = 0.1 }}]
[[instrument]]
id = "probe"
model = "soilco2-node"
serial = "N1"
connection = "air"
interval = "60s"
channels = ["soil_temperature"]
installation = [{{ position = "p1/d10", from = 2020-01-01 }}]
[[quality.limits]]
variable = "soil_temperature"
rate_per_minute = 2.0
"""


def make(folder: Path, rank: str = "") -> Station:
    path = folder / "station.toml"
    path.write_text(STATION.format(rank=rank and f'rank = "{rank}"'), encoding="utf-8")
    return load_station(path)


@pytest.fixture
def station(tmp_path: Path) -> Station:
    return make(tmp_path)


@pytest.fixture
def writer(station: Station) -> Iterator[Writer]:
    with Writer.open(station) as opened:
        yield opened


def live(minute: int, raw: float | None, status: str = "", came: int = 0) -> Sample:
    at = T0 + minute * MINUTE
    return Sample("N1", "soil_temperature", at, raw, status, at, at + came, came, "boot", "air")


def row(
    minute: int, raw: float | None, source: str = "import:t.csv", status: str = "", came: int = 0
) -> Sample:
    at = T0 + minute * MINUTE
    return Sample(
        "import/p1/d10", "soil_temperature", at, raw, status, None, at + 9 * MINUTE + came, 1, "b", source
    )


def keep(writer: Writer, samples: Sequence[Sample]) -> None:
    """A commit, and all that follows from it."""
    writer.commit(samples)
    while writer.judge():
        pass


def bring(writer: Writer, *samples: Sample, file: str = "t.csv") -> tuple[int, tuple[int, int, int]]:
    """An import of some rows; its number, and how many became data, were known, are in conflict."""
    number = writer.begin_import(file, "0" * 64, f"import:{file}")
    done = writer.bring(number, samples)
    writer.end_import(number, f"import:{file}", {"rows": len(samples)})
    return number, done[:3]


def switch(writer: Writer, number: int, undo: bool, who: str = "w", why: str = "") -> int:
    """Take an import back or give it again; the observations that changed."""
    left, total = writer.switch_import(number, undo, who, why), 0
    while left:
        changed, left = writer.judge_import()
        total += changed
    return total


def observed(station: Station) -> list[tuple[Any, ...]]:
    """Observations with everything but `rev` and configuration, in the order of series and time."""
    with open_journal(station) as reader:
        return sorted(o._replace(config="") for o in reader.observations(0, 2**62))


def at(station: Station, minute: int) -> tuple[float | None, int, str]:
    (found,) = (o for o in observed(station) if o[1] == T0 + minute * MINUTE)
    return found[2], int(found[4]), found[5]


def conflicts(station: Station, state: str = "waiting") -> list[str]:
    with JournalReader(station.journal_path) as reader:
        return sorted(e.reason for e in reader.accounting.parked(state) if e.kind == "conflict")


def whole(station: Station) -> bool:
    with JournalReader(station.journal_path) as reader:
        return reader.integrity.verify_batches() == [] and reader.integrity.structure() == []


# any order


NUMBERS = st.sampled_from([None, 10.0, 10.5, 99.0])
"""99 °C is beyond what a soil can have: bad, and a number all the same."""
STATUSES = st.sampled_from(["", "read failed", "source=0x1"])
INPUTS = st.lists(
    st.one_of(
        st.builds(live, st.integers(0, 3), NUMBERS, STATUSES, st.integers(0, 3)),
        st.builds(
            row, st.integers(0, 3), NUMBERS, st.sampled_from(["import:a", "import:b", "file:c"]), STATUSES,
            st.integers(0, 3),
        ),
    ),
    min_size=1, max_size=8,
)  # fmt: skip


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(inputs=INPUTS, data=st.data())
def test_any_order_of_the_same_inputs_ends_in_the_same_observations(
    tmp_path_factory: pytest.TempPathFactory, inputs: list[Sample], data: st.DataObject
) -> None:
    orders = [inputs, data.draw(st.permutations(inputs)), [*reversed(inputs), *inputs]]
    found = []
    for order in orders:
        station = make(tmp_path_factory.mktemp("order"))
        with Writer.open(station) as writer:
            left = [*order]
            while left:
                size = data.draw(st.integers(1, len(left)))
                keep(writer, left[:size])
                left = left[size:]
            assert writer.reprocess(0, 2**62) == 0, "what was made one by one is made at once"
        assert whole(station)
        found.append(observed(station))
    assert found[0] == found[1] == found[2]


# the rule, case by case


@pytest.mark.parametrize("order", [*itertools.permutations(range(2))])
def test_a_number_goes_before_a_missing_value(station: Station, writer: Writer, order: Sequence[int]) -> None:
    rows = [live(0, None, "read failed"), live(0, 11.0)]
    for n in order:
        keep(writer, [rows[n]])
    assert at(station, 0) == (11.0, 1, "")
    with JournalReader(station.journal_path) as reader:
        assert {s.status for s in reader.samples(0, 2**62)} == {"", "read failed"}, "history"
        assert reader.last_rev() == (2 if order == (0, 1) else 1), "only what differs gets a revision"


@pytest.mark.parametrize("order", [*itertools.permutations(range(3))])
def test_the_best_rank_speaks(station: Station, writer: Writer, order: Sequence[int]) -> None:
    rows = [row(0, 30.0), live(0, 20.0), row(0, 10.0, "file:memory.csv")]
    for n in order:
        keep(writer, [rows[n]])
    assert at(station, 0) == (10.0, 1, "")
    assert conflicts(station) == []


def test_a_connection_may_have_another_rank(tmp_path: Path) -> None:
    """A table's number and a live one: as the station file says, and as it says later."""
    with Writer.open(make(tmp_path)) as writer:
        keep(writer, [live(0, 20.0), row(0, 30.0)])
        assert at(writer.station, 0) == (20.0, 1, "")
        writer.install_config(make(tmp_path, "table"))
        assert writer.reprocess(0, 2**62) == 1
        assert at(writer.station, 0) == (20.0, 3, "conflict")
        assert conflicts(writer.station) == [
            "p1/d10/soil_temperature at 2026-03-01T00:00:00Z: 20 (air) and 30 (import:t.csv); which one holds?"
        ]
        writer.install_config(make(tmp_path))
        writer.reprocess(0, 2**62)
        assert at(writer.station, 0) == (20.0, 1, "")
        assert conflicts(writer.station) == []
        assert len(conflicts(writer.station, "settled")) == 1


def test_the_same_number_of_another_source_is_no_conflict(station: Station, writer: Writer) -> None:
    keep(writer, [live(0, 20.0), row(0, 20.0)])
    assert at(station, 0) == (20.0, 1, "")


# decisions


def waiting(station: Station) -> list[int]:
    """Numbers of what waits for somebody to decide."""
    with open_journal(station) as reader:
        return [entry.id for entry in reader.accounting.parked("waiting")]


def test_a_person_decides_and_takes_it_back(station: Station, writer: Writer) -> None:
    keep(writer, [live(0, 11.0), live(0, 10.0, came=1)])
    assert at(station, 0) == (10.0, 3, "conflict"), "the smallest until then"
    (number,) = waiting(station)
    assert writer.decide(number, "FIRST", "w", "seen") == 1
    assert at(station, 0) == (11.0, 1, "")
    assert conflicts(station) == []
    writer.reprocess(0, 2**62)
    assert at(station, 0) == (11.0, 1, ""), "applied again"
    with pytest.raises(StorageError, match="does not wait"):
        writer.decide(number, "10", "w")
    assert writer.decide(number, "", "w", "no") == 1
    assert at(station, 0) == (10.0, 3, "conflict")
    assert len(conflicts(station)) == 1
    with pytest.raises(StorageError, match="holds 11, 10; expected FIRST, SECOND"):
        writer.decide(number, "12", "w")
    writer.decide(number, "10", "w")
    assert at(station, 0) == (10.0, 1, "")
    with JournalReader(station.journal_path) as reader:
        kinds = [e.kind for e in reader.events(["decided", "decision_revoked"])]
        assert kinds == ["decided", "decision_revoked", "decided"]
        assert [s.raw for s in reader.samples(0, 2**62)] == [11.0, 10.0], "nothing is deleted"


def test_another_number_after_a_decision_is_asked_about_anew(station: Station, writer: Writer) -> None:
    keep(writer, [live(0, 11.0), live(0, 10.0, came=1)])
    (number,) = waiting(station)
    writer.decide(number, "first", "w")
    keep(writer, [live(0, 12.0, came=2)])
    assert at(station, 0) == (11.0, 3, "conflict"), "the smallest of what was not decided against"
    (reason,) = conflicts(station)
    assert "11 (air) and 12 (air)" in reason


def test_a_conflict_is_decided_and_not_dropped(station: Station, writer: Writer) -> None:
    keep(writer, [live(0, 11.0), live(0, 10.0, came=1)])
    (number,) = waiting(station)
    with pytest.raises(StorageError, match="'soilco2 parked decide' says which of its numbers holds"):
        writer.parked_settle(number, "dropped", "known")
    assert writer.drop_parked("known", reason="which one holds") == (0, 1)
    assert at(station, 0) == (10.0, 3, "conflict"), "the question is still open"
    assert writer.decide(number, "FIRST", "w", "seen") == 1
    assert at(station, 0) == (11.0, 1, "")
    with pytest.raises(StorageError, match="there is no parked entry 333"):
        writer.decide(333, "FIRST", "w")


# imports


def test_an_import_is_undone_and_redone_bit_for_bit(station: Station, writer: Writer) -> None:
    keep(writer, [live(n, 10.0 + n) for n in (0, 1, 5)])
    before = observed(station)
    number, ends = bring(writer, *(row(n, 20.0 + n) for n in range(1, 6)), row(6, None), row(7, 99.0))
    assert ends == (5, 0, 2), "of the rows at 1 and 5 the live number stands"
    after = observed(station)
    assert switch(writer, number, True, "w", "wrong zone") == 5
    undone = {o[1]: o for o in observed(station)}
    assert [undone[o[1]] for o in before] == before
    assert [at(station, n) for n in (2, 6, 7)] == [(None, 9, "withdrawn")] * 3
    assert writer.reprocess(0, 2**62) == 0
    with JournalReader(station.journal_path) as reader:
        assert len(list(reader.samples(0, 2**62))) == 10, "nothing is deleted"
        assert [row.state for row in reader.accounting.imports()] == ["undone"]
    with pytest.raises(StorageError, match="undone already"):
        switch(writer, number, True, "w")
    rev = writer.session.rev
    assert switch(writer, number, False, "w", "") == 5
    assert observed(station) == after
    assert writer.session.rev > rev, "databases hear of it"
    with pytest.raises(StorageError, match="is not undone"):
        switch(writer, number, False, "w")
    with pytest.raises(StorageError, match="not among the 1 imports"):
        switch(writer, 2, True, "w")
    assert whole(station)


def test_what_another_import_delivers_too_stays(station: Station, writer: Writer) -> None:
    first, _ = bring(writer, *(row(n, 20.0) for n in range(4)))
    second, ends = bring(writer, *(row(n, 20.0, "import:u.csv") for n in range(2, 6)), file="u.csv")
    assert ends == (2, 2, 0)
    with JournalReader(station.journal_path) as reader:
        assert tuple(reader.accounting.import_effect(first, True)) == (2, 2)
    switch(writer, first, True, "w")
    assert [at(station, n)[2] for n in range(6)] == ["withdrawn"] * 2 + [""] * 4
    switch(writer, second, True, "w")
    assert {at(station, n)[2] for n in range(6)} == {"withdrawn"}
    switch(writer, first, False, "w")
    assert [at(station, n)[2] for n in range(6)] == [""] * 4 + ["withdrawn"] * 2


def test_the_same_file_again_after_an_undo_counts_again(station: Station, writer: Writer) -> None:
    first, _ = bring(writer, row(0, 20.0), row(1, 21.0))
    switch(writer, first, True, "w")
    second, ends = bring(writer, row(0, 20.0), row(1, 21.0))
    assert ends == (2, 0, 0), "they became data"
    assert at(station, 0) == (20.0, 1, "")
    with JournalReader(station.journal_path) as reader:
        assert len(list(reader.samples(0, 2**62))) == 2
    switch(writer, second, True, "w")
    assert at(station, 0) == (None, 9, "withdrawn")


def test_undo_settles_the_conflicts_of_what_it_withdraws(station: Station, writer: Writer) -> None:
    wrong, _ = bring(writer, row(0, 20.0), row(1, 21.0))
    _, ends = bring(writer, row(0, 20.5), row(1, 21.5), file="right.csv")
    assert ends == (0, 0, 2)
    with JournalReader(station.journal_path) as reader:
        (count,) = reader._db.execute("SELECT count(*) FROM parked WHERE import = 2").fetchone()
        assert count == 2, "by which they came"
    assert at(station, 0) == (20.0, 3, "conflict")
    assert len(conflicts(station)) == 2
    (number, *_) = waiting(station)
    writer.decide(number, "FIRST", "w")
    switch(writer, wrong, True, "w")
    assert [at(station, n) for n in range(2)] == [(20.5, 1, ""), (21.5, 1, "")], (
        "what was decided for is gone"
    )
    assert conflicts(station) == []
    switch(writer, wrong, False, "w")
    assert len(conflicts(station)) == 1
    assert sorted(at(station, n)[2] for n in range(2)) == ["", "conflict"], "one is decided again"


def test_undo_holds_for_what_was_archived(station: Station, writer: Writer) -> None:
    number, _ = bring(writer, *(row(n, 20.0 + n) for n in range(4)))
    after = observed(station)
    made = write_archive(station, T0, T0 + 10 * MINUTE)
    assert made is not None
    writer.archived(
        str(made.archive.path), T0, T0 + 10 * MINUTE, made.samples, made.observations, made.sha256
    )
    while writer.prune(str(made.archive.path)):
        pass
    with JournalReader(station.journal_path) as reader:
        assert list(reader.samples(0, 2**62)) == []
    assert switch(writer, number, True, "w") == 4
    assert [at(station, n) for n in range(4)] == [(None, 9, "withdrawn")] * 4
    assert switch(writer, number, False, "w") == 4
    assert observed(station) == after


CHILD = """
import sys
from soilco2.station_config.loader import load_station
from soilco2.storage.journal.writer import Writer
with Writer.open(load_station(sys.argv[1])) as writer:
    left = writer.switch_import(1, sys.argv[2] == "undo", "w", "")
    while left:
        _, left = writer.judge_import()
"""


@pytest.mark.parametrize("what", ["undo", "redo"])
@pytest.mark.parametrize("point", IMPORT_POINTS)
def test_killed_while_an_import_is_taken_back_or_given_again(station: Station, point: str, what: str) -> None:
    """Three days of rows: it is not begun, or the next start ends it."""
    with Writer.open(station) as writer:
        keep(writer, [live(0, 10.0)])
        number, _ = bring(writer, *(row(n * 1440, 20.0 + n) for n in range(3)))
        states = {False: observed(station)}
        assert switch(writer, number, True) == 2
        states[True] = observed(station)
        if what == "undo":
            switch(writer, number, False)
    child = subprocess.run(
        [sys.executable, "-c", CHILD, str(station.path), what], env=os.environ | {"SOILCO2_FAULT": point},
        cwd=ROOT, check=False,
    )  # fmt: skip
    assert child.returncode == -signal.SIGKILL
    undone = (what == "undo") == (point != "import-switching")
    with Writer.open(station) as writer:
        assert observed(station) == states[undone]
        assert writer.reprocess(0, 2**62) == 0
        if undone != (what == "undo"):
            switch(writer, number, what == "undo")
        assert observed(station) == states[what == "undo"]
    assert whole(station)


def test_what_a_command_left_is_judged_by_the_writer_in_its_time(
    station: Station, writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    number, _ = bring(writer, row(0, 20.0), row(1440, 21.0))
    assert writer.switch_import(number, True, "w") == 2, "a day each"
    writer.keep_rollups()
    assert at(station, 0) == (20.0, 1, ""), "the command may be about to"
    monkeypatch.setattr("soilco2.storage.journal.writer._GIVEN_UP_S", -1.0)
    for _ in range(2):
        writer.keep_rollups()
    assert [o[5] for o in observed(station)] == ["withdrawn"] * 2
    assert writer.judge_import() == (0, 0)


def test_parked_entries_are_dropped_by_import_reason_or_time(station: Station, writer: Writer) -> None:
    from soilco2.storage.journal.rows import Parked

    for number in (1, 2):
        writer.begin_import("t", "0", "import:t")
        writer.bring(
            number, [],
            [Parked("message", "import:t", f"line {n}: no unit", b"x", None, T0 + number, number) for n in range(3)],
        )  # fmt: skip
    assert writer.drop_parked("mended", import_=1) == (3, 0)
    assert writer.drop_parked("mended", reason="line 2: no") == (1, 0)
    assert writer.drop_parked("mended", before_us=T0 + 2) == (0, 0)
    assert writer.drop_parked("mended", before_us=T0 + 3) == (2, 0)
    with JournalReader(station.journal_path) as reader:
        assert reader.accounting.parked("waiting") == []
        assert len(reader.accounting.parked("dropped")) == 6
        assert [e.data["entries"] for e in reader.events(["parked_dropped"])] == [3, 1, 2]


def test_what_was_heard_is_kept_with_the_samples_and_bounded(
    station: Station, writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("soilco2.storage.journal.samples.HEARD", 3)
    writer.commit([live(0, 1.0)], heard=["a", "b"])
    writer.commit([live(1, 1.0)], heard=["b", "c", "d"])
    with pytest.raises(RuntimeError), writer.session.transaction():
        writer.samples.hear(["e"])
        raise RuntimeError
    with JournalReader(station.journal_path) as reader:
        assert reader.accounting.heard() == ["b", "c", "d"]


IMPORTS = st.lists(
    st.lists(st.builds(row, st.integers(0, 4), NUMBERS, status=STATUSES), min_size=1, max_size=4),
    min_size=1, max_size=4,
)  # fmt: skip


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(imports=IMPORTS, data=st.data())
def test_what_is_undone_might_never_have_come(
    tmp_path_factory: pytest.TempPathFactory, imports: list[list[Sample]], data: st.DataObject
) -> None:
    lives = [live(n, 10.0) for n in data.draw(st.sets(st.integers(0, 4), max_size=3))]
    undone = data.draw(st.sets(st.integers(1, len(imports))))
    redone = data.draw(st.sets(st.sampled_from(sorted(undone)))) if undone else set()
    station = make(tmp_path_factory.mktemp("undone"))
    with Writer.open(station) as writer:
        keep(writer, lives)
        for rows in imports:
            bring(writer, *rows)
        for number in sorted(undone):
            switch(writer, number, True, "w")
        for number in sorted(redone):
            switch(writer, number, False, "w")
        assert writer.reprocess(0, 2**62) == 0
    other = make(tmp_path_factory.mktemp("never"))
    with Writer.open(other) as writer:
        keep(writer, lives)
        for number, rows in enumerate(imports, start=1):
            if number not in undone - redone:
                bring(writer, *rows)
    assert [o for o in observed(station) if o[5] != "withdrawn"] == observed(other)
    assert conflicts(station) == conflicts(other)
    assert whole(station)
