"""What takes a station down: files removed or written over, floods of names, numbers that read back as others."""

from __future__ import annotations

import json
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from soilco2.storage.errors import JournalGoneError
from soilco2.storage.journal.connection import JournalLock
from soilco2.storage.journal.control import socket_path
from soilco2.storage.journal.reader import JournalReader
from soilco2.storage.journal.rows import Parked
from soilco2.storage.journal.session import OTHER_STATUS, STATUSES
from soilco2.storage.journal.writer import Writer
from tests.paths import ROOT
from tests.storage.journal.test_writer import T0, make, sample
from tests.torture.scale import count


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOILCO2_STATE", str(tmp_path / "state"))


def log_of(journal: Path) -> Path:
    return Path(f"{journal}-wal")


def times(path: Path) -> set[int]:
    with JournalReader(path) as reader:
        return {s.time_us for s in reader.samples(0, 2**62) if s.time_us is not None}


def test_minus_zero_is_no_damage(tmp_path: Path) -> None:
    """SQLite keeps -0.0 as the integer 0, so it is summed as 0.0."""
    with Writer.open(make(tmp_path)) as writer:
        writer.commit([sample(0, -0.0), sample(1, 0.0), sample(2, -1.5)])
        assert writer.commit([sample(0, -0.0)]).duplicate == 1
        with JournalReader(writer.path) as reader:
            assert reader.integrity.verify_batches() == []


@pytest.mark.parametrize("replaced", [False, True], ids=["removed", "replaced"])
def test_a_write_ahead_log_that_was_removed_takes_nothing_more_and_loses_nothing(
    tmp_path: Path, replaced: bool
) -> None:
    station = make(tmp_path)
    journal = station.journal_path
    writer = Writer.open(station)
    for i in range(20):
        writer.commit([sample(i)])
    log_of(journal).unlink()
    if replaced:
        log_of(journal).write_bytes(b"")
    with pytest.raises(JournalGoneError, match="write-ahead log was removed or replaced"):
        writer.commit([sample(20)])
    there = tmp_path / "as a kill leaves it" / journal.name
    there.parent.mkdir()
    shutil.copy(journal, there)
    assert times(there) == {sample(i).time_us for i in range(20)}
    writer.close()
    with Writer.open(station) as again:
        assert again.commit([sample(20)]).stored == 1
        assert len(times(journal)) == 21


@pytest.mark.parametrize("next_step", ["commit", "close"])
def test_an_older_copy_written_over_the_journal_is_noticed_before_anything_more_is_written(
    tmp_path: Path, next_step: str
) -> None:
    """What the copy holds is taken over, though the log does not fit it; what stood only in the file is gone."""
    station = make(tmp_path)
    journal = station.journal_path
    size, commits = 50, count(40, 400)
    with Writer.open(station) as writer:
        for i in range(commits):
            writer.commit([sample(i * size + j) for j in range(size)])
    older = journal.read_bytes()
    writer = Writer.open(station)
    for i in range(commits, 3 * commits):
        writer.commit([sample(i * size + j) for j in range(size)])
        if i == 2 * commits:
            writer.session.checkpoint()
    with journal.open("r+b") as file:  # in place: the same file
        file.write(older)
        file.truncate()
    with pytest.raises(JournalGoneError, match="written over the journal"):
        if next_step == "commit":
            writer.commit([sample(3 * commits * size)])
        else:
            writer.close()
    if next_step == "commit":
        writer.close()
    with Writer.open(station) as again:
        kept = times(journal)
        assert {sample(i).time_us for i in range(commits * size)} <= kept, "all that the copy held"
        with JournalReader(journal) as reader:
            assert [e.kind for e in reader.events(["damage"])] == ["damage"]
            assert reader.integrity.structure() == []
            assert all(s.raw == 10 + (s.time_us - T0) // 60_000_000 % 7 for s in reader.samples(0, 2**62))
        assert again.commit([sample(3 * commits * size)]).stored == 1


def test_nothing_is_read_from_a_file_that_was_written_over(tmp_path: Path) -> None:
    """A page that is not there any more would be an error of the disk, which is tried again for ever."""
    station = make(tmp_path)
    with Writer.open(station) as writer:
        writer.commit([sample(i) for i in range(100)])
    writer = Writer.open(station)
    with station.journal_path.open("r+b") as file:
        file.truncate(8192)
    with pytest.raises(JournalGoneError, match="written over"), writer.session.transaction():
        pytest.fail("the transaction was begun")
    writer.close()


def test_a_checkpoint_by_another_program_and_a_new_time_stamp_are_no_fault(tmp_path: Path) -> None:
    station = make(tmp_path)
    with Writer.open(station) as writer:
        writer.commit([sample(0)])
    with Writer.open(station) as writer:
        writer.commit([sample(1)])
        bare = sqlite3.connect(station.journal_path)
        before = station.journal_path.read_bytes()
        bare.execute("PRAGMA wal_checkpoint(PASSIVE)")
        bare.close()
        assert station.journal_path.read_bytes() != before
        writer.commit([sample(2)])
        os.utime(station.journal_path, (0, 0))
        assert writer.commit([sample(3)]).stored == 1
    assert times(station.journal_path) == {sample(i).time_us for i in range(4)}


def test_a_lock_that_was_removed_is_taken_again(tmp_path: Path) -> None:
    station = make(tmp_path)
    with Writer.open(station) as writer:
        lock = Path(f"{station.journal_path}.lock")
        lock.unlink()
        assert writer.commit([sample(0)]).stored == 1
        assert lock.read_text() == f"{os.getpid()}\n"
        lock.unlink()
        other = JournalLock(station.journal_path)
        with pytest.raises(JournalGoneError, match="the lock's file was removed"):
            writer.commit([sample(1)])
        other.release()


def test_a_source_has_its_share_of_status_texts(tmp_path: Path) -> None:
    more = count(200, 60_000)
    station = make(tmp_path)
    with Writer.open(station) as writer:
        writer.commit([sample(i, status=f"text {i}") for i in range(STATUSES)])
        writer.commit([sample(STATUSES + i, status=f"text {STATUSES + i}") for i in range(more)])
        writer.commit([sample(STATUSES + more, status="of another", source="wire")])
        with JournalReader(writer.path) as reader:
            found = [s.status for s in reader.samples(0, 2**62)]
            assert found[:STATUSES] == [f"text {i}" for i in range(STATUSES)]
            assert set(found[STATUSES:-1]) == {OTHER_STATUS}
            assert found[-1] == "of another"
            assert reader.accounting.counters()["air"]["status_not_kept"] == more
            assert [e.subject for e in reader.events(["limit"])] == ["air"]
    with Writer.open(station) as writer:  # the share outlives a start
        writer.commit([sample(STATUSES + more + 1, status="one more")])
        with JournalReader(writer.path) as reader:
            assert [s.status for s in reader.samples(0, 2**62)][-1] == OTHER_STATUS


def test_new_names_are_appended_to_their_second_copy(tmp_path: Path) -> None:
    station = make(tmp_path)
    names = Path(f"{station.journal_path}.names.json")
    with Writer.open(station) as writer:
        writer.commit([sample(0, status="first")])
        before = names.read_bytes()
        writer.commit([sample(1, status="second")])
        after = names.read_bytes()
        assert after.startswith(before)
        added = json.loads(after[len(before) :])
        assert added["word"][str(writer.session.words["second"])] == ["second"]
        assert ["first"] not in added["word"].values()


def test_a_write_ahead_log_that_one_commit_made_huge_shrinks(tmp_path: Path) -> None:
    """Its usual size is 2000 pages of 4 kB; 16 MiB are let stand."""
    with Writer.open(make(tmp_path)) as writer:
        writer.commit(parked=[Parked("message", "air", "no", bytes(40 * 2**20), None, T0)])
        assert log_of(writer.path).stat().st_size > 40 * 2**20
        for i in range(2):  # the first begins the log anew
            writer.commit([sample(i)])
        assert log_of(writer.path).stat().st_size <= 16 * 2**20


def test_sqlite_makes_no_checkpoint_into_a_file_that_was_moved(tmp_path: Path) -> None:
    """What `Session.abandon` stands on."""
    station = make(tmp_path)
    writer = Writer.open(station)
    writer.commit([sample(0)])
    before, log = station.journal_path.read_bytes(), log_of(station.journal_path).read_bytes()
    writer.session.abandon()
    writer.close()
    assert (station.journal_path.read_bytes(), log_of(station.journal_path).read_bytes()) == (before, log)
    bare = sqlite3.connect(station.journal_path)
    assert bare.execute("SELECT count(*) FROM sample").fetchone() == (1,)
    bare.close()


WITHOUT_DESCRIPTORS = """
import os, resource, sys
from pathlib import Path
from soilco2.storage.journal.control import ControlServer
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
server = ControlServer(Path(sys.argv[1]), lambda op, arguments: op)
held = []
try:
    while True:
        held.append(os.dup(0))
except OSError:
    print("none left", flush=True)
sys.stdin.readline()
os.close(held.pop())
server.close()
"""


def test_a_command_is_answered_while_the_collectors_descriptors_are_used_up(tmp_path: Path) -> None:
    journal = tmp_path / "journal.sqlite"
    with subprocess.Popen(
        [sys.executable, "-c", WITHOUT_DESCRIPTORS, str(journal)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT,
    ) as child:  # fmt: skip
        assert child.stdout is not None
        assert child.stdin is not None
        assert child.stdout.readline() == "none left\n"
        for _ in range(3):  # one after the other, each with the descriptor that was kept
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as peer:
                peer.settimeout(30)
                peer.connect(str(socket_path(journal)))
                peer.sendall(b'{"op": "note", "arguments": {}}\n')
                with peer.makefile() as lines:
                    assert json.loads(lines.readline()) == {"result": "note"}
        child.stdin.write("\n")
        child.stdin.flush()
        assert child.wait(30) == 0
