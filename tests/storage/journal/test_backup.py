"""A backup of a running journal, and a station that goes on from it on a new card: nothing lost or doubled."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from soilco2.cli.main import main
from soilco2.station_config.base import Table
from soilco2.station_config.belongings import OTHERS, SECRETS, SETTINGS
from soilco2.station_config.catalogue.load import BUILT_IN
from soilco2.station_config.loader import load_station
from soilco2.station_config.tables.fields import holds, is_secret, tables
from soilco2.station_config.tables.fields import keys as keys_of
from soilco2.station_config.tables.stationfile import StationFile
from soilco2.storage.errors import BackupError
from soilco2.storage.journal.archive import folder_of, open_journal, write_archive
from soilco2.storage.journal.backup import make_backup
from soilco2.storage.journal.reader import JournalReader
from soilco2.storage.journal.restore import LEAP, restore
from soilco2.storage.journal.schema import SCHEMA_VERSION
from soilco2.storage.journal.writer import Writer
from tests.storage.journal.test_writer import MINUTE, STATION, T0, make, sample, values

NOW = T0 + 10_000 * MINUTE
WITH_DATABASE = """
[[influxdb]]
id = "db"
url = "http://127.0.0.1:1"
org = "o"
bucket = "b"
token = { env = "SOILCO2_TOKEN" }
"""


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOILCO2_STATE", str(tmp_path / "state"))


def new_card(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setenv("SOILCO2_STATE", str(folder / "new card"))


def test_a_journal_is_backed_up_whole_while_it_is_written(tmp_path: Path) -> None:
    """Whatever moment it is of: whole commits, the first ones, and nothing of it is damaged."""
    station = make(tmp_path)
    with Writer.open(station) as writer:
        writer.commit([sample(j) for j in range(10)])
        stop, count = threading.Event(), [1]

        def go_on() -> None:
            while not stop.is_set():
                writer.commit([sample(10 * count[0] + j) for j in range(10)])
                count[0] += 1

        thread = threading.Thread(target=go_on)
        thread.start()
        try:
            made = [make_backup(station, tmp_path / "stick", NOW + n * 1_000_000) for n in range(3)]
        finally:
            stop.set()
            thread.join()
    for one in made:
        assert one.wrong == []
        with JournalReader(one.folder / "journal.sqlite") as reader:
            found = values(reader)
            assert len(found) == one.samples >= 10
            assert len(found) % 10 == 0
            assert [at for at, _, _ in found] == [T0 + i * MINUTE for i in range(len(found))]
    assert {path.name for path in (tmp_path / "stick").iterdir()} == {one.folder.name for one in made}


def test_a_station_goes_on_from_its_backup_on_a_new_card(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The old card dies an hour after the backup; its nodes send that hour again, and more."""
    station = make(tmp_path, more=WITH_DATABASE)
    with Writer.open(station) as writer:
        writer.commit([sample(i) for i in range(100)])
        made = write_archive(station, T0 // 10**6 * 10**6, T0 // 10**6 * 10**6 + 40 * MINUTE)
        assert made is not None
        while writer.prune(str(made.archive.path)):
            pass
        writer.commit([sample(i) for i in range(100, 120)])
        writer.move_cursor("db", writer.session.rev)
        backup = make_backup(station, tmp_path / "stick", NOW)
        writer.commit([sample(i) for i in range(120, 180)])
        writer.move_cursor("db", writer.session.rev)
        confirmed, last = writer.session.rev, writer.samples.seq
        old = writer.session.meta("journal")
    assert backup.archives == 1
    new_card(monkeypatch, tmp_path)
    fresh = load_station(station.path)
    assert not fresh.journal_path.exists()
    restore(fresh, backup.folder, NOW + MINUTE)
    with Writer.open(fresh) as writer:
        assert writer.session.rev >= LEAP > confirmed
        done = writer.commit([sample(i) for i in range(90, 200)])
        assert (done.stored, done.duplicate) == (80, 30)
        assert done.last_seq > LEAP > last
        assert done.last_rev > confirmed
        with open_journal(fresh) as reader:
            rows = [s.time_us for s in reader.samples(0, 2**62)]
            assert rows == [T0 + i * MINUTE for i in range(200)]
            assert [at for at, _, _ in values(reader)] == rows
            assert reader.integrity.verify_batches() == []
            (cursor,) = reader.accounting.cursors()
            assert cursor.backlog == 80, "what the database has not confirmed to this journal"
            assert writer.session.meta("journal") != old, "whoever follows revisions begins anew"
            assert [e.data["made_us"] for e in reader.events(["other"]) if e.data["what"] == "restored"] == [
                NOW
            ]
        while writer.roll():
            pass


def test_days_left_are_told_of_what_is_kept_not_of_the_numbers_that_were_leapt_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [NOW]
    station = make(tmp_path)
    with Writer.open(station, now_us=lambda: now[0]) as writer:
        for n in range(10):
            now[0] = NOW + n * 10 * MINUTE
            writer.commit([sample(n * 100 + i) for i in range(100)])
    backup = make_backup(station, tmp_path / "stick", now[0])
    new_card(monkeypatch, tmp_path)
    fresh = load_station(station.path)
    restore(fresh, backup.folder, now[0])
    with JournalReader(fresh.journal_path) as reader:
        used, _ = reader.accounting.size()
        # 1000 samples in ninety minutes, of used/1000 bytes each
        assert reader.accounting.days_left(10**9) == pytest.approx((10**9 - used) / (used / 90 * 1440))


def test_onto_older_software_it_is_refused_in_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    station = make(tmp_path)
    with Writer.open(station) as writer:
        writer.commit([sample(0)])
    backup = make_backup(station, tmp_path / "stick", NOW)
    new_card(monkeypatch, tmp_path)
    contents = json.loads((backup.folder / "backup.json").read_text(encoding="utf-8"))
    later = contents | {"schema": SCHEMA_VERSION + 1, "soilco2": "9.1.0"}
    (backup.folder / "backup.json").write_text(json.dumps(later), encoding="utf-8")
    with pytest.raises(SystemExit) as end:
        main(["restore", str(backup.folder), str(station.path)])
    assert end.value.code == 2
    said = capsys.readouterr().err
    assert "was made by soilco2 9.1.0" in said
    assert len(said.splitlines()) == 1
    assert not load_station(station.path).journal_path.exists()


def test_what_is_no_sound_backup_of_this_station_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    station = make(tmp_path)
    with Writer.open(station) as writer:
        writer.commit([sample(0)])
    backup = make_backup(station, tmp_path / "stick", NOW)
    with pytest.raises(BackupError, match="there is a journal already"):
        restore(station, backup.folder, NOW)
    with pytest.raises(BackupError, match="is there already"):
        make_backup(station, tmp_path / "stick", NOW)
    new_card(monkeypatch, tmp_path)
    fresh = load_station(station.path)
    with pytest.raises(BackupError, match="is no backup"):
        restore(fresh, tmp_path, NOW)
    flipped = bytearray((backup.folder / "journal.sqlite").read_bytes())
    flipped[5000] ^= 1
    (backup.folder / "journal.sqlite").write_bytes(flipped)
    with pytest.raises(BackupError, match="is not what was backed up"):
        restore(fresh, backup.folder, NOW)
    contents = json.loads((backup.folder / "backup.json").read_text(encoding="utf-8"))
    contents["files"]["../../station.toml"] = ""
    (backup.folder / "backup.json").write_text(json.dumps(contents), encoding="utf-8")
    with pytest.raises(BackupError, match=r"not what was backed up|names"):
        restore(fresh, backup.folder, NOW)
    assert not fresh.journal_path.exists()
    assert load_station(station.path).text


def test_damage_that_is_in_the_station_is_told_and_the_rest_comes_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    station = make(tmp_path)
    with Writer.open(station) as writer:
        for n in range(3):
            writer.commit([sample(10 * n + j) for j in range(10)])
    bare = sqlite3.connect(station.journal_path)
    with bare:
        bare.execute("UPDATE sample SET raw = raw + 1e-9 WHERE seq = 15")
    bare.close()
    backup = make_backup(station, tmp_path / "stick", NOW)
    assert backup.wrong == ["batch 2: samples 11 to 20 do not match their CRC"]
    new_card(monkeypatch, tmp_path)
    fresh = load_station(station.path)
    assert restore(fresh, backup.folder, NOW).backup.wrong == backup.wrong
    with JournalReader(fresh.journal_path) as reader:
        assert sum(1 for _ in reader.samples(0, 2**62)) == 30


def test_a_medium_without_room_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    station = make(tmp_path)
    with Writer.open(station) as writer:
        writer.commit([sample(0)])

    def full(*_: object) -> None:
        raise OSError(28, os.strerror(28), "x")

    monkeypatch.setattr(shutil, "copyfile", full)
    write_archive(station, T0 // 10**6 * 10**6, T0 // 10**6 * 10**6 + MINUTE)
    assert list(folder_of(station).glob("*.sqlite"))
    with pytest.raises(BackupError, match="No space left on device"):
        make_backup(station, tmp_path / "stick", NOW)
    assert list((tmp_path / "stick").iterdir()) == []


def test_the_commands_bring_back_the_station_file_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    station = make(tmp_path)
    with Writer.open(station) as writer:
        writer.commit([sample(i) for i in range(5)])
    assert station.path is not None
    with pytest.raises(SystemExit) as end:
        main(["backup", str(station.path), str(tmp_path / "stick"), "--json"])
    assert end.value.code == 0
    made = json.loads(capsys.readouterr().out)
    assert (made["samples"], made["archives"], made["wrong"]) == (5, 0, [])
    new_card(monkeypatch, tmp_path)
    elsewhere = tmp_path / "new" / "station.toml"
    with pytest.raises(SystemExit) as end:
        main(["restore", made["folder"], str(elsewhere), "--lang", "zh"])
    assert end.value.code == 0
    assert "5" in capsys.readouterr().out
    assert elsewhere.read_bytes() == station.path.read_bytes()
    with JournalReader(load_station(elsewhere).journal_path) as reader:
        assert sum(1 for _ in reader.samples(0, 2**62)) == 5


def test_a_refused_restore_leaves_no_station_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    station = make(tmp_path)
    with Writer.open(station) as writer:
        writer.commit([sample(0)])
    backup = make_backup(station, tmp_path / "stick", NOW)
    elsewhere = tmp_path / "new" / "card" / "station.toml"
    with pytest.raises(SystemExit) as end:  # the journal is there
        main(["restore", str(backup.folder), str(elsewhere)])
    assert end.value.code == 2
    assert "there is a journal already" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()
    new_card(monkeypatch, tmp_path)
    (backup.folder / "station.toml").write_text("[station]\n", encoding="utf-8")
    with pytest.raises(SystemExit) as end:
        main(["restore", str(backup.folder), str(elsewhere)])
    assert end.value.code == 2
    assert not (tmp_path / "new").exists()


def test_a_refused_restore_says_why_where_the_journal_is_beside_the_station_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    station = make(tmp_path, more='[journal]\npath = "journal.sqlite"\n')
    with Writer.open(station) as writer:
        writer.commit([sample(0)])
    backup = make_backup(station, tmp_path / "stick", NOW)
    new = tmp_path / "new"
    (new / "journal.sqlite").mkdir(parents=True)  # in the way
    with pytest.raises(SystemExit) as end:
        main(["restore", str(backup.folder), str(new / "station.toml")])
    assert end.value.code == 2
    assert "there is a journal already" in capsys.readouterr().err
    assert not list(new.glob("*.toml")) + list(new.glob(".*.toml"))


def test_a_station_file_that_differs_from_the_backups_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    station = make(tmp_path)
    with Writer.open(station) as writer:
        writer.commit([sample(0)])
    backup = make_backup(station, tmp_path / "stick", NOW)
    assert station.path is not None
    for name, more, told in (("first", b"", 0), ("second", b"# mended\n", 1)):
        new_card(monkeypatch, tmp_path / name)
        station.path.write_bytes((backup.folder / station.path.name).read_bytes() + more)
        with pytest.raises(SystemExit) as end:
            main(["restore", str(backup.folder), str(station.path)])
        assert end.value.code == 0
        assert capsys.readouterr().err.count("differs from the backup's station file") == told


@pytest.mark.parametrize(
    ("there", "same_disk", "told"),
    [
        (False, True, "{dest} was not there and was made, on the same disk as the journal: this backup is lost with "
                      "it; if it is the place of another disk, that disk is not mounted\n"),
        (True, True, "{dest} lies on the same disk as the journal: this backup is lost with it\n"),
        (False, False, "{dest} was not there and was made; if it is the place of another disk, that disk is not "
                       "mounted\n"),
        (True, False, ""),
    ],
)  # fmt: skip
def test_a_backup_beside_what_it_protects_is_warned_of(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    there: bool,
    same_disk: bool,
    told: str,
) -> None:
    station = make(tmp_path)
    with Writer.open(station) as writer:
        writer.commit([sample(0)])
    dest = tmp_path / "stick"
    if there:
        dest.mkdir()
    stat = Path.stat

    def another_disk(path: Path, *, follow_symlinks: bool = True) -> os.stat_result:
        found = stat(path, follow_symlinks=follow_symlinks)
        if path != dest:
            return found
        return os.stat_result((*found[:2], found.st_dev + 1, *found[3:]))

    if not same_disk:
        monkeypatch.setattr(Path, "stat", another_disk)
    with pytest.raises(SystemExit) as end:
        main(["backup", str(station.path), str(dest)])
    assert end.value.code == 0
    assert capsys.readouterr().err == told.format(dest=dest)


def rich(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A station file that lives on others: two includes, a catalogue of its own, a certificate, screens, secrets."""
    monkeypatch.setenv("HOME", str(folder / "home"))
    home, etc = folder / "home" / "station", folder / "etc"
    for place in (home / "probes", home / "parts", home / "screens", etc):
        place.mkdir(parents=True)
    (home / "parts" / "common.toml").write_text('include = ["../more.toml"]\n', encoding="utf-8")
    (home / "more.toml").write_text(
        f'[mqtt]\nusername = "u"\npassword = {{ file = "{etc / "mqtt.secret"}" }}\nca_file = "{etc / "ca.pem"}"\n',
        encoding="utf-8",
    )
    (etc / "ca.pem").write_text("a certificate\n", encoding="utf-8")
    for name in ("mqtt.secret", "page.hash"):
        (etc / name).write_text(f"{name} says\n", encoding="utf-8")
        (etc / name).chmod(0o600)
    model = (BUILT_IN / "soilco2-node.toml").read_text(encoding="utf-8")
    (home / "probes" / "own.toml").write_text(model.replace('"soilco2-node"', '"own-node"'), encoding="utf-8")
    (home / "probes" / "notes.txt").write_text("not a model\n", encoding="utf-8")
    (home / "screens" / "hall.toml").write_text("# a screen\n", encoding="utf-8")
    text = STATION.format(
        position="d10",
        more=f'{WITH_DATABASE}\n[page]\npassword_file = "{etc / "page.hash"}"\nscreens = "screens"\n',
    )
    path = home / "st.toml"
    path.write_text(
        'include = ["parts/common.toml"]\ncatalogue = ["probes"]\n'
        + text.replace("[mqtt]\n", "").replace('model = "soilco2-node"', 'model = "own-node"'),
        encoding="utf-8",
    )
    with Writer.open(load_station(path)) as writer:
        writer.commit([sample(0)])
    return path


def done(*words: str) -> int:
    with pytest.raises(SystemExit) as end:
        main(list(words))
    assert isinstance(end.value.code, int)
    return end.value.code


def test_a_restored_card_has_all_that_the_station_file_needs_and_is_told_which_secrets_it_lacks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = rich(tmp_path, monkeypatch)
    assert done("backup", str(path), str(tmp_path / "stick"), "--json") == 0
    said = capsys.readouterr()
    missing = {
        f"mqtt.password, from {tmp_path / 'etc' / 'mqtt.secret'}",
        f"page.password_file, from {tmp_path / 'etc' / 'page.hash'}",
        "influxdb.token, from SOILCO2_TOKEN",
    }
    made = json.loads(said.out)
    assert set(made["missing"]) == missing
    assert all(one in said.err for one in missing)
    kept = b"".join(p.read_bytes() for p in Path(made["folder"]).rglob("*") if p.is_file())
    assert b"secret says" not in kept
    assert b"hash says" not in kept
    was = load_station(path)
    shutil.rmtree(tmp_path / "home" / "station")
    shutil.rmtree(tmp_path / "etc")
    new_card(monkeypatch, tmp_path)
    assert done("restore", made["folder"], str(path)) == 0
    said = capsys.readouterr()
    assert all(f"supply the secret {one}" in said.err for one in missing)
    now = load_station(path)
    assert now.text == was.text, "its own model of a probe, what is included, every path"
    assert (tmp_path / "etc" / "ca.pem").read_text(encoding="utf-8") == "a certificate\n"
    assert (tmp_path / "home" / "station" / "screens" / "hall.toml").exists()
    assert not (tmp_path / "etc" / "mqtt.secret").exists()
    with Writer.open(now) as writer:
        assert writer.commit([sample(0), sample(1)]).duplicate == 1


def test_secrets_are_in_a_backup_only_when_that_is_said_and_readable_by_nobody_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = rich(tmp_path, monkeypatch)
    assert done("backup", str(path), str(tmp_path / "stick"), "--json", "--with-secrets") == 0
    made = json.loads(capsys.readouterr().out)
    assert made["missing"] == ["influxdb.token, from SOILCO2_TOKEN"]
    secret = next(Path(made["folder"]).rglob("*_mqtt.secret"))
    assert secret.stat().st_mode & 0o777 == 0o600
    for name in ("mqtt.secret", "page.hash"):
        (tmp_path / "etc" / name).unlink()
    new_card(monkeypatch, tmp_path)
    (tmp_path / "etc" / "ca.pem").write_text("a newer certificate\n", encoding="utf-8")
    assert done("restore", made["folder"], str(path)) == 0
    assert "ca.pem was there and is used; it differs from the backup's" in capsys.readouterr().err
    assert (tmp_path / "etc" / "ca.pem").read_text(encoding="utf-8") == "a newer certificate\n"
    back = tmp_path / "etc" / "mqtt.secret"
    assert back.read_text(encoding="utf-8") == "mqtt.secret says\n"
    assert back.stat().st_mode & 0o777 == 0o600


def test_a_refused_restore_leaves_none_of_the_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = rich(tmp_path, monkeypatch)
    backup = make_backup(load_station(path), tmp_path / "stick", NOW)
    elsewhere = tmp_path / "new" / "st.toml"
    assert done("restore", str(backup.folder), str(elsewhere)) == 2  # the journal is there
    assert not (tmp_path / "new").exists()
    new_card(monkeypatch, tmp_path)
    one = next(backup.folder.rglob("*_own.toml"))
    one.write_text(one.read_text(encoding="utf-8") + "\n# other\n", encoding="utf-8")
    assert done("restore", str(backup.folder), str(elsewhere)) == 2
    assert "own.toml is not what was backed up" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


def test_restored_again_from_the_same_backup_it_says_so_and_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A restore that was killed after its last step is begun again by whoever did not see it end."""
    station = make(tmp_path)
    with Writer.open(station) as writer:
        writer.commit([sample(0)])
    first, second = (make_backup(station, tmp_path / "stick", NOW + n * 10**6) for n in range(2))
    new_card(monkeypatch, tmp_path)
    fresh = load_station(station.path)
    assert not restore(fresh, first.folder, NOW).already
    with Writer.open(fresh) as writer:
        writer.commit([sample(1)])
    was = fresh.journal_path.read_bytes()
    assert done("restore", str(first.folder), str(station.path)) == 0
    assert "came from this backup before" in capsys.readouterr().out
    assert fresh.journal_path.read_bytes() == was
    with pytest.raises(BackupError, match="there is a journal already"):
        restore(fresh, second.folder, NOW)


def test_what_a_killed_backup_left_is_taken_away_and_one_at_work_is_not(tmp_path: Path) -> None:
    station = make(tmp_path)
    with Writer.open(station) as writer:
        writer.commit([sample(0)])
    stick = tmp_path / "stick"
    for name in (".st_20200101T000000.part", ".st_20200102T000000.part", ".other_20200101T000000.part"):
        (stick / name).mkdir(parents=True)
        (stick / name / "journal.sqlite").write_bytes(b"half")
    at_work = os.open(stick / ".st_20200102T000000.part", os.O_RDONLY)
    try:
        fcntl.flock(at_work, fcntl.LOCK_EX)
        made = make_backup(station, stick, NOW)
    finally:
        os.close(at_work)
    assert {path.name for path in stick.iterdir()} == {
        made.folder.name, ".st_20200102T000000.part", ".other_20200101T000000.part"
    }  # fmt: skip


def path_keys(model: type[Table], before: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The keys of a table, and of those in it, whose values are paths of files."""
    for key, field in keys_of(model).items():
        if holds(field.annotation, Path):
            yield (*before, key)
        for table in tables(field.annotation) if len(before) < 4 else ():
            yield from path_keys(table, (*before, key))


def test_every_key_that_names_a_file_is_known_as_a_setting_a_secret_or_neither() -> None:
    keys = set(path_keys(StationFile))
    named = SETTINGS | SECRETS | OTHERS
    assert named <= keys
    assert all(is_secret(StationFile, key) for key in keys - named)
