"""The journal under a disk that does not behave: it starts every time and keeps what is whole."""

from __future__ import annotations

import contextlib
import os
import random
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from soilco2.station_config.loader import Station
from soilco2.storage.errors import JournalDamagedError, StorageError
from soilco2.storage.journal.reader import JournalReader
from soilco2.storage.journal.writer import Writer
from tests.paths import ROOT
from tests.storage.journal.test_writer import MINUTE, T0, make, sample, values
from tests.torture.recorder import recording
from tests.torture.scale import SEED, count

Record = Callable[[str, object], None]


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOILCO2_STATE", str(tmp_path / "state"))


def lay(station: Station, files: dict[str, bytes]) -> None:
    """Make the journal's folder hold these files and no other."""
    folder = station.journal_path.parent
    for old in folder.iterdir():
        if old.is_file():
            old.unlink()
    for name, data in files.items():
        (folder / name).write_bytes(data)


def whole_prefix(path: Path) -> int:
    """Samples in the journal, which must be the first ones, each with the number it came with."""
    with JournalReader(path) as reader:
        found = values(reader)
        assert [(at, value) for at, value, _ in found] == [
            (T0 + i * MINUTE, 10.0 + i % 7) for i in range(len(found))
        ]
        assert reader.integrity.verify_batches() == []
        return len(found)


def filled(station: Station, commits: int, size: int) -> dict[str, bytes]:
    """The files of a journal that was left in the middle of its work."""
    journal = station.journal_path
    writer = Writer.open(station)
    writer.session.db.execute("PRAGMA wal_autocheckpoint=0")
    for i in range(commits):
        writer.commit([sample(size * i + j) for j in range(size)])
    files = {path.name: path.read_bytes() for path in (journal, Path(f"{journal}-wal"))}
    writer.close()
    return files


@pytest.mark.timeout(3600)
def test_the_write_ahead_log_cut_anywhere_in_its_last_megabyte(
    tmp_path: Path, record_property: Record
) -> None:
    station = make(tmp_path)
    files = filled(station, 200, 5)
    name = f"{station.journal_path.name}-wal"
    log = files[name]
    assert len(log) > 2**20
    cuts = list(range(len(log) - 2**20, len(log), 512))
    cuts = cuts if count(0, 2048) >= 2048 else random.Random(SEED).sample(cuts, count(12, 2048))
    last = -1
    for cut in sorted(cuts):
        lay(station, files | {name: log[:cut]})
        with Writer.open(station) as again:
            kept = whole_prefix(again.path)
            assert kept % 5 == 0
            assert kept >= last, "a longer log keeps no less"
            last = kept
            assert again.commit([sample(i) for i in range(1001)]).stored == 1001 - kept
    record_property("counts", f"{len(cuts)} cuts")


def sound_structure(path: Path) -> bool:
    """SQLite's own check: a flipped bit in an index is no sample's, so no CRC has it."""
    with contextlib.closing(sqlite3.connect(path)) as bare:
        return bool(bare.execute("PRAGMA integrity_check").fetchall() == [("ok",)])


def judged(station: Station, wound: str) -> str:
    """What is known of the damage; without any word of it, all numbers must be right."""
    with JournalReader(station.journal_path) as reader:
        try:
            if reader.events(["damage"]):
                return "set aside"
            if reader.integrity.verify_batches() or not sound_structure(station.journal_path):
                return "named"
            found = [(row.time_us, row.raw) for row in reader.samples(T0, T0 + 300 * MINUTE)]
        except (JournalDamagedError, sqlite3.DatabaseError):
            return "named"
    right = [(T0 + i * MINUTE, 10.0 + i % 7) for i in range(300)]
    assert found == right or (not found and wound == "zero length"), "damage that nobody tells"
    return "whole"


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("wound", ["torn page", "flipped bits", "zero length", "cut short"])
def test_a_damaged_file_is_named_and_the_station_goes_on(
    tmp_path: Path, record_property: Record, wound: str
) -> None:
    """Numbers that are read are right, or the damage is named, or the file was set aside with an event.

    Damage deep inside may let the journal open and refuse to be written: told, not mended.
    """
    station = make(tmp_path)
    dice = random.Random(f"{SEED}{wound}")
    writer = Writer.open(station)
    for i in range(60):
        writer.commit([sample(5 * i + j) for j in range(5)])
    writer.close()
    whole = station.journal_path.read_bytes()
    told = aside = refused = 0
    cases = 1 if wound == "zero length" else count(8, 500)
    for _ in range(cases):
        data = bytearray(whole)
        if wound == "torn page":
            data[-dice.randrange(1, 4096) :] = b""
            data.extend(bytes(len(whole) - len(data)))
        elif wound == "cut short":
            del data[dice.randrange(1, len(data)) :]
        elif wound == "zero length":
            data.clear()
        else:
            for _ in range(dice.randrange(1, 9)):
                data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
        lay(station, {station.journal_path.name: bytes(data)})
        try:
            with Writer.open(station) as again:
                stored = sum(again.commit([sample(10_000 + i)]).stored for i in range(2))
            assert stored == 2
        except StorageError:
            refused += 1
        told += (how := judged(station, wound)) == "named"
        aside += how == "set aside"
    record_property("counts", f"{cases} {wound}: {told} named, {aside} set aside, {refused} not written on")


@pytest.mark.timeout(3600)
def test_a_power_cut_leaves_all_that_was_acknowledged(tmp_path: Path, record_property: Record) -> None:
    """Only what was synced is sure to be there; of the rest any sector may be or not.

    The rollback journal of the making is deleted before the first commit, and deletions are not recorded.
    """
    station = make(tmp_path)
    folder, name = station.journal_path.parent, station.journal_path.name
    commits = count(40, 400)
    with recording(folder) as record:
        writer = Writer.open(station)
        record.mark(0)
        for i in range(commits):
            writer.commit([sample(5 * i + j) for j in range(5)])
            record.mark(5 * (i + 1))
            if i % 15 == 14:
                writer.session.checkpoint()
        writer.close()
    assert any(step.kind == "sync" and step.file == name for step in record.steps)
    first = next(n for n, step in enumerate(record.steps) if step.kind == "mark")
    dice = random.Random(SEED)
    cuts = count(40, 2000)
    for _ in range(cuts):
        moment = dice.randrange(first, len(record.steps) + 1)
        files, acknowledged = record.after_a_cut(moment, dice)
        lay(station, {n: files[n] for n in (name, f"{name}-wal") if n in files})
        with Writer.open(station) as again:
            kept = whole_prefix(again.path)
            assert acknowledged <= kept <= acknowledged + 5, (SEED, moment)
            with JournalReader(again.path) as reader:
                assert reader.events(["damage"]) == []
    record_property("counts", f"{cuts} power cuts in {commits} commits")


def test_a_sync_that_fails_acknowledges_nothing_and_the_next_one_is_kept(
    tmp_path: Path, record_property: Record
) -> None:
    station = make(tmp_path)
    failures = count(10, 500)
    with recording(station.journal_path.parent) as record, Writer.open(station) as writer:
        for i in range(failures):
            record.failing = True
            with pytest.raises(StorageError):
                writer.commit([sample(5 * i + j) for j in range(5)])
            record.failing = False
            writer.commit([sample(5 * i + j) for j in range(5)])
            assert whole_prefix(writer.path) == 5 * (i + 1)
    record_property("counts", f"{failures} failed syncs")


READ_ONLY = """
import os, sys
from soilco2.station_config.loader import load_station
from soilco2.storage.errors import StorageError
from soilco2.storage.journal.writer import Writer
station = load_station(sys.argv[1])
if os.geteuid() == 0:
    os.setgid(65534), os.setuid(65534)
try:
    Writer.open(station)
except StorageError as error:
    print(error)
else:
    sys.exit("it was opened")
"""


def test_a_read_only_folder_is_one_sentence_and_does_no_harm(tmp_path: Path) -> None:
    station = make(tmp_path)
    with Writer.open(station) as writer:
        writer.commit([sample(i) for i in range(5)])
    folder = station.journal_path.parent
    up = [folder, *folder.parents]
    modes = {path: path.stat().st_mode for path in up if path != Path("/") and path.is_relative_to("/tmp")}
    try:
        for path in modes:
            path.chmod(0o755 if path != Path("/tmp") else modes[path])
        folder.chmod(0o555)
        station.journal_path.chmod(0o444)
        done = subprocess.run(
            [sys.executable, "-c", READ_ONLY, str(station.path)],
            capture_output=True, text=True, cwd=ROOT, env={**os.environ}, check=False,
        )  # fmt: skip
    finally:
        for path, mode in modes.items():
            path.chmod(mode)
        station.journal_path.chmod(0o644)
    assert done.returncode == 0, done.stderr
    assert str(folder) in done.stdout
    assert len(done.stdout.splitlines()) == 1
    assert whole_prefix(station.journal_path) == 5
