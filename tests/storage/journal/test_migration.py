"""A journal that 0.1.0 wrote goes on: copied first, changed in one transaction, read and judged as before."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from soilco2.cli.main import main
from soilco2.ingest.collector import Collector
from soilco2.ingest.systemd import Notifier
from soilco2.quality.records import Sample, SeriesKey
from soilco2.station_config.loader import Station, load_station
from soilco2.storage.errors import StorageError
from soilco2.storage.journal.archive import archives_of, check_archive, folder_of, open_journal
from soilco2.storage.journal.connection import mark_damaged
from soilco2.storage.journal.failpoint import MIGRATION_POINTS
from soilco2.storage.journal.reader import JournalReader
from soilco2.storage.journal.schema import SCHEMA_VERSION
from soilco2.storage.journal.writer import Writer
from tests.paths import ROOT
from tests.storage.journal.build_before import LAST_US, collect, command, own_environment, unpack

HALF_HOUR = 1_800_000_000
SLOTS = 61
"""From 00:00 to 06:00 of the day after, each half hour."""
CHANNELS = 5
"""CO2 of two probes; water, temperature and conductivity of one."""


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOILCO2_STATE", str(tmp_path / "state"))


@pytest.fixture
def station(tmp_path: Path) -> Station:
    """As 0.1.0 left it."""
    return load_station(unpack(tmp_path))


def rows(journal: Path, table: str) -> list[tuple[Any, ...]]:
    """A table of a file, read here and by nothing under test; of a copy, nothing but that file is read."""
    alone = "" if journal.suffix == ".sqlite" else "&immutable=1"
    with closing(sqlite3.connect(f"{journal.as_uri()}?mode=ro{alone}", uri=True)) as bare:
        return bare.execute(f"SELECT * FROM {table} ORDER BY 1, 2").fetchall()


def version(journal: Path) -> str:
    return dict(rows(journal, "meta"))["schema"]


def everything(station: Station) -> list[tuple[Any, ...]]:
    with open_journal(station) as reader:
        return [
            *(tuple(s) for s in reader.samples(0, 2**62)),
            *(tuple(o) for o in reader.observations(0, 2**62)),
        ]


def copies(station: Station) -> list[Path]:
    return sorted(station.journal_path.parent.glob("journal.sqlite.v[12]"))


def copy_of(station: Station) -> Path:
    """The journal as it was, in its version."""
    found = copies(station)
    return (
        found[0]
        if found
        else station.journal_path.with_name(f"journal.sqlite.v{version(station.journal_path)}")
    )


@pytest.fixture(params=["1", "2"])
def earlier(request: pytest.FixtureRequest, station: Station) -> Station:
    """As it was left in version 1, or in version 2: that added one column to version 1, and nothing else."""
    if request.param == "2":
        with closing(sqlite3.connect(station.journal_path)) as bare, bare:
            bare.execute("ALTER TABLE sample ADD COLUMN said BLOB")
            bare.execute("UPDATE meta SET value = '2' WHERE key = 'schema'")
    return station


def salinity_of_dry_soil(rows: list[tuple[Any, ...]]) -> int:
    """How many salinities the version before made that this one withholds (docs/reference/quality_tests.md)."""
    values = {
        (row[0].position, row[0].variable, row[1]): row[2] for row in rows if isinstance(row[0], SeriesKey)
    }
    return sum(
        value is not None and (values[place, "soil_water", at] < 0.10 or values[place, "ec25", at] < 0.01)
        for (place, name, at), value in values.items()
        if name == "salinity"
    )


def polled(slot: int = 1, said: bytes = b"\xff\xeb\x01\x64") -> Sample:
    at = LAST_US + slot * HALF_HOUR
    return Sample("S1", "soil_temperature", at, -21.0, "", None, at, at, "boot", "bus2", said)


def goes_on(station: Station, before: list[tuple[Any, ...]]) -> None:
    """The journal is of this version, with all it held, and takes in what probes say."""
    from_version = copy_of(station).name[-1] if any(copies(station)) else version(station.journal_path)
    old = [row[:10] for row in rows(station.journal_path, "sample")]
    with Writer.open(station) as writer, JournalReader(station.journal_path) as reader:
        assert version(station.journal_path) == str(SCHEMA_VERSION)
        assert everything(station) == before
        assert rows(station.journal_path, "sample") == [(*row, None, 0) for row in old]
        assert [row[:10] for row in rows(copy_of(station), "sample")] == old
        assert reader.integrity.verify_batches() == []
        told = [e for e in reader.events(["other"]) if e.data.get("what") == "migrated"]
        assert [e.text for e in told] == [
            f"the journal was brought from version {from_version} to 3; as it was it is kept in {copy_of(station).name}"
        ]
        dry = salinity_of_dry_soil(before)
        assert writer.reprocess(0, 2**62) == dry, (
            "what was made of it is made of it now, but for salinity of dry soil"
        )
        assert writer.commit([polled()]).stored == 1
        assert reader.integrity.verify_batches() == []
        assert [s.said for s in reader.samples(LAST_US + 1, 2**62)] == [polled().said]
    assert not list(station.journal_path.parent.glob("*.part"))


def test_a_journal_of_a_version_before_goes_on(earlier: Station) -> None:
    station, was = earlier, version(earlier.journal_path)
    before = everything(station)
    assert sum(isinstance(row[0], str) for row in before) == SLOTS * CHANNELS
    kept = {table: rows(station.journal_path, table) for table in ("meta", "sample", "observation", "event")}
    goes_on(station, before)
    copy = copy_of(station)
    assert {table: rows(copy, table) for table in kept} == kept, "the copy is the journal as it was"
    assert version(copy) == was
    goes_on_once = rows(station.journal_path, "event")
    with Writer.open(station):
        pass
    assert [e for e in rows(station.journal_path, "event") if e not in goes_on_once] == []
    assert [p.name for p in copy.parent.glob("*.v[0-9]*")] == [f"journal.sqlite.v{was}"], "once"


def test_a_long_copy_is_not_taken_for_a_hung_start(
    station: Station, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """EXTEND_TIMEOUT_USEC, sd_notify(3): each sign of life is worth three minutes more."""
    monkeypatch.setattr("soilco2.storage.journal.migration._PAGES", 4)
    monkeypatch.setattr("soilco2.storage.journal.migration._INSTRUCTIONS", 100)
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    with closing(sqlite3.connect(station.journal_path)) as bare:
        pages = bare.execute("PRAGMA page_count").fetchone()[0]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.setblocking(False)
        told: list[str] = []

        def starting(notifier: Notifier) -> None:
            extend(notifier)
            told.append(manager.recv(4096).decode())

        extend = Notifier.starting
        monkeypatch.setattr(Notifier, "starting", starting)
        Collector(station)._writer.close()
    assert set(told) == {"EXTEND_TIMEOUT_USEC=180000000"}
    assert len(told) > pages // 4, "while it is copied, and while its tables are changed"


def test_what_is_in_the_log_alone_is_in_the_copy(station: Station) -> None:
    """The journal was left in the middle of its work: its newest rows stand in the write-ahead log."""
    left = station.path.parent / "left"  # type: ignore[union-attr]
    left.mkdir()
    with closing(sqlite3.connect(station.journal_path, isolation_level=None)) as bare:
        bare.execute("PRAGMA journal_mode=WAL")
        bare.execute("PRAGMA wal_autocheckpoint=0")
        bare.execute("INSERT INTO event VALUES (NULL, 1, 'note', 'somebody', 'in the log', '{}')")
        for path in station.journal_path.parent.glob("journal.sqlite*"):
            shutil.copy(path, left)
    for path in left.iterdir():
        shutil.copy(path, station.journal_path.parent)
    assert (station.journal_path.parent / "journal.sqlite-wal").stat().st_size > 0
    with Writer.open(station):
        pass
    assert rows(copy_of(station), "event")[-1][4] == "in the log"


CHILD = """
import sys
from soilco2.station_config.loader import load_station
from soilco2.storage.journal.writer import Writer
with Writer.open(load_station(sys.argv[1])):
    pass
"""


@pytest.mark.parametrize("point", MIGRATION_POINTS)
def test_killed_at_each_step_it_goes_on(earlier: Station, point: str) -> None:
    station, was = earlier, version(earlier.journal_path)
    before = everything(station)
    child = subprocess.run(
        [sys.executable, "-c", CHILD, str(station.path)], env=os.environ | {"SOILCO2_FAULT": point}, cwd=ROOT,
        check=False,
    )  # fmt: skip
    assert child.returncode == -signal.SIGKILL
    assert version(station.journal_path) == ("3" if point == "migrated" else was)
    assert everything(station) == before, "readers go on"
    goes_on(station, before)
    assert [p.name for p in copy_of(station).parent.glob("*.v[0-9]*")] == [f"journal.sqlite.v{was}"]


def test_another_copy_is_left_alone(station: Station) -> None:
    """A journal of version 1 was put back and went on; the copy of what was there is nobody's to overwrite."""
    copy_of(station).write_bytes(b"something of somebody's")
    with Writer.open(station):
        pass
    assert copy_of(station).read_bytes() == b"something of somebody's"
    assert version(station.journal_path.with_name("journal.sqlite.v1-2")) == "1"


def test_without_room_for_the_copy_nothing_is_changed(
    station: Station, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before, data = everything(station), station.journal_path.read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr("shutil.disk_usage", lambda _path: shutil._ntuple_diskusage(2**30, 2**30, 0))
        with pytest.raises(
            StorageError, match=r"No space left on device.*nothing was changed: make room for"
        ):
            Writer.open(station)
        with pytest.raises(SystemExit) as end:
            main(["note", str(station.path), "seen", "--who", "somebody"])
        assert end.value.code != 0
        assert "Traceback" not in capsys.readouterr().err
    with monkeypatch.context() as patch:
        patch.setattr("soilco2.storage.journal.migration.sync", _broken)
        with pytest.raises(StorageError, match="Input/output error"):
            Writer.open(station)
    assert station.journal_path.read_bytes() == data
    assert not list(station.journal_path.parent.glob("*.v1*"))
    goes_on(station, before)


def _broken(_path: Path) -> None:
    raise OSError(5, "Input/output error")


def test_a_reader_migrates_nothing(station: Station, capsys: pytest.CaptureFixture[str]) -> None:
    data = station.journal_path.read_bytes()
    with open_journal(station) as reader:
        samples = list(reader.samples(0, 2**62))
        assert len(samples) == SLOTS * CHANNELS
        assert {s.said for s in samples} == {None}
        assert reader.integrity.verify_batches() == []
    for words in (
        ["verify", "--journal"],
        ["status"],
        ["export", "-o", str(station.journal_path.parent / "x.csv")],
    ):
        with pytest.raises(SystemExit) as end:
            main([words[0], str(station.path), *words[1:]])
        assert end.value.code == 0, capsys.readouterr().err
    assert station.journal_path.read_bytes() == data
    assert version(station.journal_path) == "1"


def test_a_reader_follows_a_migration(station: Station) -> None:
    """The page holds its reader for weeks; the collector is renewed beneath it."""
    with JournalReader(station.journal_path) as reader:
        old = list(reader.samples(0, 2**62))
        with Writer.open(station) as writer:
            writer.commit([polled()])
            assert list(reader.samples(0, 2**62)) == [*old, polled()]
            assert reader.integrity.verify_batches() == []


def test_archives_of_the_version_before_are_read_and_judged(station: Station) -> None:
    (archive,) = archives_of(folder_of(station))
    assert check_archive(archive) == ""
    with Writer.open(station) as writer:
        writer.flag(
            ("st", "sjer-004", "502", "soil_temperature"), archive.start_us, archive.end_us, 4, "w", "y"
        )
        with open_journal(station) as reader:
            flags = [o.flag for o in reader.observations(archive.start_us, archive.end_us)
                     if o.series.variable == "soil_temperature"]  # fmt: skip
        assert flags == [4] * 48
    assert check_archive(archive) == ""


def test_a_damaged_journal_of_the_version_before_is_taken_over(station: Station) -> None:
    old = rows(station.journal_path, "sample")
    mark_damaged(station.journal_path, "database disk image is malformed")
    with Writer.open(station) as writer:
        assert rows(station.journal_path, "sample") == [(*row[:10], None, 0) for row in old]
        assert writer.commit([polled()]).stored == 1
        with JournalReader(station.journal_path) as reader:
            assert reader.integrity.verify_batches() == []


# with the build before on this machine


def run(soilco2: str, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [soilco2, *words], env=own_environment(), capture_output=True, text=True, check=False
    )


def test_what_the_build_before_writes_goes_on_and_it_refuses_what_this_one_wrote(tmp_path: Path) -> None:
    soilco2 = command()
    station = load_station(collect(tmp_path, soilco2))
    before = everything(station)
    assert sum(isinstance(row[0], str) for row in before) == SLOTS * CHANNELS
    goes_on(station, before)
    data = station.journal_path.read_bytes()
    done = run(soilco2, "note", str(station.path), "seen", "--who", "somebody")
    assert done.returncode != 0
    (said,) = done.stderr.splitlines()
    assert "the journal has schema version 3, this program knows 1; use" in said
    assert station.journal_path.read_bytes() == data
