"""Raw means raw: what a probe's registers held is kept, on every way a sample takes, and decoded anew."""

from __future__ import annotations

import shutil
import sqlite3
import struct
import subprocess
import sys
import zlib
from contextlib import closing
from pathlib import Path

import pytest

from soilco2.quality.records import Observation, Sample, SeriesKey
from soilco2.station_config.catalogue.load import BUILT_IN
from soilco2.station_config.loader import Station, load_station
from soilco2.storage.errors import JournalDamagedError
from soilco2.storage.journal.archive import archives_of, folder_of, open_journal
from soilco2.storage.journal.archiving import make_room
from soilco2.storage.journal.connection import mark_damaged
from soilco2.storage.journal.control import ControlServer, Submitter, submit
from soilco2.storage.journal.operations import run
from soilco2.storage.journal.reader import JournalReader
from soilco2.storage.journal.writer import Writer

HOUR = 3_600_000_000
DAY = 24 * HOUR
T0 = 1_704_067_200_000_000
"""2024-01-01T00:00Z"""
NOW = T0 + 100 * DAY
STATION = """
catalogue = ["own"]
[station]
id = "st"
name = "Test"
latitude = 38.3
longitude = 109.7
altitude_m = 0
timezone = "UTC"
[journal]
path = "journal.sqlite"
[influxdb]
url = "http://127.0.0.1:1"
org = "o"
bucket = "b"
token = { env = "T" }
[[connection]]
id = "bus"
kind = "modbus-rtu"
port = "/dev/ttyS9"
baudrate = 9600
[[profile]]
id = "p1"
[[profile.position]]
id = "d10"
depth_m = 0.1
[[instrument]]
id = "soil"
model = "cwt-soil-thc-s"
serial = "S1"
connection = "bus"
address = 1
interval = "1h"
[[instrument.installation]]
position = "p1/d10"
from = 2020-01-01
"""
KEY = SeriesKey("st", "p1", "d10", "soil_temperature")
RIGHT = 'offset = 1, type = "int16" }\nsentinels = [32767, -32768]'
WRONG = 'offset = 1, type = "uint16" }\nsentinels = []'


def make(folder: Path, told: str) -> Station:
    """A station whose own catalogue file says this of the thermometer's registers."""
    text = (BUILT_IN / "cwt-soil-thc-s.toml").read_text(encoding="utf-8")
    assert RIGHT in text
    (folder / "own").mkdir(exist_ok=True)
    (folder / "own" / "cwt-soil-thc-s.toml").write_text(text.replace(RIGHT, told), encoding="utf-8")
    path = folder / "st.toml"
    path.write_text(STATION, encoding="utf-8")
    return load_station(path)


def polled(hour: int, tenths: int = -21, wrong: bool = True, **changes: object) -> Sample:
    """What the driver makes of registers (tenths of a degree, signed; then conductivity) by a wrong catalogue."""
    at = T0 + hour * HOUR
    said = struct.pack(">hH", tenths, 500 + hour)
    raw = float(tenths % 0x10000 if wrong else tenths)
    return Sample("S1", "soil_temperature", at, raw, "", None, at, at, "boot", "bus", said)._replace(
        **changes
    )  # type: ignore[arg-type]


def observed(station: Station) -> list[Observation]:
    with open_journal(station) as reader:
        return sorted((o for o in reader.observations(0, 2**62) if o.series == KEY), key=lambda o: o.time_us)


def kept(station: Station) -> list[Sample]:
    with open_journal(station) as reader:
        return list(reader.samples(0, 2**62))


def test_a_mended_catalogue_mends_what_was_kept(tmp_path: Path) -> None:
    # FFEB is -21 as int16, -2.1 degC; read as uint16 it is 65515
    with Writer.open(make(tmp_path, WRONG)) as writer:
        done = writer.commit([polled(0), polled(1, 215), polled(2)])
    wrong = make(tmp_path, WRONG)
    assert [(o.value, int(o.flag)) for o in observed(wrong)] == [(6551.5, 4), (21.5, 1), (6551.5, 4)]
    mended = make(tmp_path, RIGHT)
    with Writer.open(mended) as writer:
        assert writer.reprocess(T0, NOW) == 2, "only what differs"
        assert writer.reprocess(T0, NOW) == 0
        with JournalReader(writer.path) as reader:
            changed = reader.observations_after(done.last_rev, 100)
    assert [(o.time_us, o.value) for _, o in changed] == [(T0, -2.1), (T0 + 2 * HOUR, -2.1)]
    assert [(o.value, o.raw, int(o.flag)) for o in observed(mended)] == [
        (-2.1, -2.1, 1), (21.5, 21.5, 1), (-2.1, -2.1, 1),
    ]  # fmt: skip
    assert [s.raw for s in kept(mended)] == [65515.0, 215.0, 65515.0], "a sample is never changed"


def test_a_mended_catalogue_reaches_what_is_archived(tmp_path: Path) -> None:
    wrong = make(tmp_path, WRONG)
    count = 10 * 24
    with Writer.open(wrong, now_us=lambda: NOW) as writer:
        done = writer.commit([polled(hour, -21 - hour) for hour in range(count)])
        writer.move_cursor("influxdb", done.last_rev)
    before = kept(wrong)
    steps = make_room(wrong, lambda op, **a: submit(wrong, op, **a), NOW, before_us=T0 + 8 * DAY)
    assert sum(step.pruned for step in steps) == 2 * 8 * 24
    assert archives_of(folder_of(wrong))
    with JournalReader(wrong.journal_path) as reader:
        assert len(list(reader.samples(0, 2**62))) == 2 * 24
        assert reader.integrity.verify_batches() == []
    assert kept(wrong) == before == [polled(hour, -21 - hour) for hour in range(count)]
    mended = make(tmp_path, RIGHT)
    with Writer.open(mended, now_us=lambda: NOW) as writer:
        assert writer.reprocess(0, 2**62) == count
        assert writer.reprocess(0, 2**62) == 0
    assert [o.raw for o in observed(mended)] == [pytest.approx((-21 - hour) / 10) for hour in range(count)]


def test_what_an_archive_lacks_is_not_pruned(tmp_path: Path) -> None:
    station = make(tmp_path, RIGHT)
    with Writer.open(station, now_us=lambda: NOW) as writer:
        writer.commit([polled(hour, wrong=False) for hour in range(48)])
    (step,) = make_room(
        station, lambda op, **a: submit(station, op, **a), NOW, before_us=T0 + DAY, prune=False
    )
    path = tmp_path / "spoiled.sqlite"
    shutil.copy(step.archive.path, path)
    with closing(sqlite3.connect(path, isolation_level=None)) as bare:
        bare.execute("UPDATE sample SET said = x'0000' WHERE seq = 3")
        bare.execute("UPDATE sample SET said = NULL WHERE seq = 4")
    with Writer.open(station, now_us=lambda: NOW) as writer:
        while writer.prune(str(path)):
            pass
    with JournalReader(station.journal_path) as reader:
        assert list(reader.samples(T0, T0 + DAY)) == [polled(hour, wrong=False) for hour in (2, 3)]
        assert reader.integrity.verify_batches() == []


def test_the_crc_covers_what_probes_said(tmp_path: Path) -> None:
    station = make(tmp_path, RIGHT)
    with Writer.open(station) as writer:
        writer.commit([polled(0), polled(1, said=None)])
        writer.commit([polled(2, said=b"")])
        writer.commit([polled(3, said=None)])

    def spoiled(change: str) -> list[str]:
        with closing(sqlite3.connect(station.journal_path, isolation_level=None)) as bare:
            old = bare.execute("SELECT seq, said FROM sample").fetchall()
            bare.execute(f"UPDATE sample SET said = {change}")
            with JournalReader(station.journal_path) as reader:
                found = reader.integrity.verify_batches()
            bare.executemany("UPDATE sample SET said = ? WHERE seq = ?", [(said, seq) for seq, said in old])
        return [text.split(":")[0] for text in found]

    assert spoiled("said") == []
    assert spoiled("x'ffec01f4' WHERE seq = 1") == ["batch 1"]
    assert spoiled("NULL WHERE seq = 1") == ["batch 1"]
    assert spoiled("x'00' WHERE seq = 2") == ["batch 1"]
    assert spoiled("NULL WHERE seq = 3") == ["batch 2"]
    assert spoiled("x'' WHERE seq = 4") == ["batch 3"]
    assert spoiled("CAST(said AS TEXT) WHERE seq = 3") == ["batch 2"]


def test_registers_that_are_none_are_damage(tmp_path: Path) -> None:
    station = make(tmp_path, RIGHT)
    with Writer.open(station) as writer:
        writer.commit([polled(0)])
    with closing(sqlite3.connect(station.journal_path, isolation_level=None)) as bare:
        bare.execute("UPDATE sample SET said = 'text'")
    with pytest.raises(JournalDamagedError, match="what the probe said is 'text'"):
        kept(station)


def test_the_crc_of_samples_without_is_what_it_was(tmp_path: Path) -> None:
    """Version 1: seq, channel, status, raw, time, device's time, arrival, monotonic clock, boot, source, packed."""
    station = make(tmp_path, RIGHT)
    with Writer.open(station) as writer:
        writer.commit([polled(0, said=None)])
    with closing(sqlite3.connect(station.journal_path)) as bare:
        word = dict(bare.execute("SELECT text, id FROM word"))
        (found,) = bare.execute("SELECT crc FROM batch").fetchone()
    packed = struct.pack("<qqqdqqqqqq", 1, 1, 0, 65515.0, T0, -(2**63), T0, T0, word["boot"], word["bus"])
    assert found == zlib.crc32(packed)


def test_the_same_registers_are_the_same_reading(tmp_path: Path) -> None:
    """What was read by a wrong catalogue and comes again by the right one has another number, and said the same."""
    station = make(tmp_path, RIGHT)
    with Writer.open(station) as writer:
        writer.commit([polled(0)])
        again = writer.commit([polled(0, wrong=False), polled(0, said=None), polled(1)])
        assert (again.stored, again.duplicate) == (1, 2)
        other = writer.commit([polled(0, -22)])
        assert (other.stored, other.duplicate) == (1, 0)
        assert (
            writer.judge() is False
        )  # what comes for a place that has a number is late, and judged after its commit
        with JournalReader(writer.path) as reader:
            assert [entry.kind for entry in reader.accounting.parked()] == ["conflict"]
            assert reader.integrity.verify_batches() == []
    assert kept(station) == [polled(0), polled(0, -22), polled(1)], "both are kept"


def test_samples_that_wait_for_their_time_keep_what_was_said(tmp_path: Path) -> None:
    station = make(tmp_path, RIGHT)
    with Writer.open(station) as writer:
        writer.commit([polled(0, time_us=None, mono_us=5, boot_id="b2")])
        assert writer.set_time("b2", T0 - 5, "NTP answered") == 1
        with JournalReader(writer.path) as reader:
            assert reader.integrity.verify_batches() == []
    assert [s.said for s in kept(station)] == [polled(0).said]
    assert [o.value for o in observed(station)] == [-2.1]


def test_what_was_said_is_salvaged_from_a_damaged_journal(tmp_path: Path) -> None:
    station = make(tmp_path, RIGHT)
    with Writer.open(station) as writer:
        writer.commit([polled(hour) for hour in range(20)])
    mark_damaged(station.journal_path, "database disk image is malformed")
    with Writer.open(station) as writer, JournalReader(writer.path) as reader:
        assert reader.integrity.verify_batches() == []
    assert kept(station) == [polled(hour) for hour in range(20)]


def test_what_was_said_goes_through_the_running_writer(tmp_path: Path) -> None:
    station = make(tmp_path, RIGHT)
    with Writer.open(station) as writer:
        server = ControlServer(station.journal_path, lambda op, arguments: run(writer, op, arguments))
        try:
            with Submitter(station) as door:
                door.submit("import", samples=[polled(0), polled(1, said=None)], parked=[], counts=[])
        finally:
            server.close()
    submit(station, "import", samples=[polled(2)], parked=[], counts=[])
    assert kept(station) == [polled(0), polled(1, said=None), polled(2)]


def test_what_was_said_survives_the_primed_pipeline_of_a_restart(tmp_path: Path) -> None:
    """Every commit by a new process: each value is judged with what is read back of those before it."""
    station = make(tmp_path, RIGHT)
    for hour in range(4):
        with Writer.open(station, now_us=lambda: NOW) as writer:
            writer.commit([polled(hour, -21)])
    with Writer.open(station, now_us=lambda: NOW) as writer:
        assert writer.reprocess(0, 2**62) == 0
    assert [o.value for o in observed(station)] == [-2.1] * 4


def test_the_command_reprocesses(tmp_path: Path) -> None:
    with Writer.open(make(tmp_path, WRONG)) as writer:
        writer.commit([polled(0)])
    station = make(tmp_path, RIGHT)
    done = subprocess.run(
        [sys.executable, "-m", "soilco2", "reprocess", str(station.path)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "1 observations changed\n"
    assert [o.value for o in observed(station)] == [-2.1]
