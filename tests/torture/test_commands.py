"""SIGKILL at random moments of the commands that change a journal, its archives or a backup; each is then run again.

A command runs in a process that is forked off one with everything imported, so that nearly all of its time is work on
the disk, and a kill in a hundredth of a second means something.
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import random
import re
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from soilco2.cli.main import main
from soilco2.station_config.loader import load_station
from soilco2.storage.journal.archive import archives_of, check_archive, folder_of, open_journal
from soilco2.storage.journal.backup import make_backup
from soilco2.storage.journal.reader import JournalReader
from soilco2.storage.journal.writer import Writer
from tests.ingest.files.watch import HEADER, STATION
from tests.ingest.files.watch import row as logged
from tests.storage.journal.build_before import unpack
from tests.storage.journal.test_backup import WITH_DATABASE
from tests.torture.scale import SEED, count

FORK = multiprocessing.get_context("forkserver")
FORK.set_forkserver_preload(
    ["soilco2.cli.main", "soilco2.storage.journal.control", "soilco2.ingest.files.importing",
     "soilco2.storage.journal.backup", "soilco2.storage.tidy.writer", "tests.torture.test_commands"]
)  # fmt: skip
KEEP = ("--lang", "en")
ROWS = count(3000, 30_000)
"""Of a file that is imported."""


def _run(folder: str, words: list[str], into: str) -> None:
    """In a process of its own: a command, with the folder as its world."""
    os.environ["SOILCO2_STATE"] = f"{folder}/state"
    os.chdir(folder)
    with Path(into).open("ab", buffering=0) as said:
        os.dup2(said.fileno(), 1)
        os.dup2(said.fileno(), 2)
    main([*words, *KEEP])


def run(folder: Path, words: list[str], killed_after_s: float | None = None) -> tuple[int, float]:
    """A command; its exit code, and how long it took [s]."""
    said = folder.with_name(folder.name + ".txt")
    process = FORK.Process(target=_run, args=(str(folder), words, str(said)))
    begun = time.monotonic()
    process.start()
    process.join(killed_after_s)
    if killed_after_s is not None:
        process.kill()
        process.join()
    took = time.monotonic() - begun
    assert process.exitcode is not None
    if killed_after_s is None:
        told = said.read_text(encoding="utf-8")
        # the command before was through, and had only not said so
        through = told.rstrip().endswith(("nothing was changed", "nothing was written"))
        assert process.exitcode in (0, 1) or (process.exitcode == 2 and through), told
    code = process.exitcode
    process.close()
    return code, took


def table(station_file: Path) -> str:
    """SHA-256 of all that a station holds as people get it: the exported table, its samples and its imports."""
    station = load_station(station_file)
    out = station_file.parent / "out.csv"
    run(station_file.parent, ["export", str(station_file), "-o", str(out)])
    digest = hashlib.sha256(out.read_bytes())
    for path in station_file.parent.glob("out.csv*"):
        path.unlink()
    with open_journal(station) as reader:
        samples = [(*s[:6], s[9], s[10]) for s in reader.samples(0, 2**62)]
        imports = [
            (row.id, row.file, row.sha256, row.state, dict(row.counts))
            for row in reader.accounting.imports()
            if row.counts.get("duplicate") != row.counts.get("rows", 0)  # the one before had come to its end
        ]
        parked = sorted((row.reason, row.state) for row in reader.accounting.parked())
        assert reader.integrity.verify_batches() == []
    digest.update(json.dumps([samples, imports, parked], default=str).encode())
    return digest.hexdigest()


def whole(station_file: Path) -> None:
    """No lock is left, and nothing that is half carries a name of something whole."""
    station = load_station(station_file)
    with Writer.open(station) as writer:
        assert writer.reprocess(0, 2**62) == 0, "everything is judged as it would be now"
    with JournalReader(station.journal_path) as reader:
        assert reader.integrity.structure() == []
    for contents in station_file.parent.glob("stick/*/backup.json"):
        for name, sealed in json.loads(contents.read_text(encoding="utf-8"))["files"].items():
            assert hashlib.sha256((contents.parent / name).read_bytes()).hexdigest() == sealed
    for archive in archives_of(folder_of(station)):
        assert check_archive(archive) == ""


def left(folder: Path) -> list[str]:
    """The files there are, with numbers of moments taken out."""
    return sorted(
        {
            re.sub(r"_\d{8}T\d{6}/", "/", str(path.relative_to(folder)))
            for path in folder.rglob("*")
            if path.is_file() and not path.name.endswith(("-wal", "-shm"))
        }
    )


def logger_station(folder: Path, more: str = "") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "st.toml"
    path.write_text(STATION.replace('"logger/', '"nowhere/') + more, encoding="utf-8")
    return path


def tidy(folder: Path, rows: int = ROWS) -> None:
    """Two series in turn, a cell in a hundred that is no number, a value in fifty that is out of range."""
    lines = ["time,site,profile,position,variable,value,unit"]
    for n in range(rows):
        time_ = f"2026-0{4 + n // 40_000}-{1 + n // 2 // 1440 % 28:02}T{n // 2 // 60 % 24:02}:{n // 2 % 60:02}:00Z"
        name, unit = (("co2", "ppm"), ("soil_temperature", "degC"))[n % 2]
        value = "x" if n % 100 == 7 else "99999" if n % 50 == 3 else str(400 + n % 17 if n % 2 == 0 else 14.2)
        lines.append(f"{time_},dune,p1,d10,{name},{value},{unit}")
    (folder / "table.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def import_table(folder: Path) -> list[str]:
    logger_station(folder)
    tidy(folder)
    return ["import", "st.toml", "table.csv", "--yes"]


def import_logger(folder: Path) -> list[str]:
    logger_station(folder)
    (folder / "soil.dat").write_text(HEADER + "".join(map(logged, range(ROWS // 2))), newline="")
    return ["import", "st.toml", "soil.dat", "--mapping", "cr1000", "--yes"]


def undo(folder: Path) -> list[str]:
    run(folder, import_table(folder))
    return ["import", "st.toml", "--undo", "1", "--who", "w"]


def redo(folder: Path) -> list[str]:
    run(folder, undo(folder))
    return ["import", "st.toml", "--redo", "1", "--who", "w"]


def reprocess(folder: Path) -> list[str]:
    run(folder, import_table(folder))
    path = folder / "st.toml"
    limits = '[[quality.limits]]\nvariable = "co2"\nupper = 410\n'
    path.write_text(path.read_text(encoding="utf-8") + limits, encoding="utf-8")
    return ["reprocess", "st.toml"]


def migrate(folder: Path) -> list[str]:
    folder.mkdir(parents=True, exist_ok=True)
    unpack(folder)
    return ["reprocess", "st.toml"]


def with_archive(folder: Path) -> Path:
    """Readings that a database has confirmed, the first day of them archived."""
    path = logger_station(folder, WITH_DATABASE)
    tidy(folder)
    run(folder, ["import", "st.toml", "table.csv", "--yes"])
    station = load_station(path)
    with Writer.open(station) as writer:
        writer.move_cursor("db", writer.session.rev)
    return path


def archive(folder: Path) -> list[str]:
    with_archive(folder)
    return ["archive", "st.toml", "--before", "2026-04-02"]


def backup(folder: Path) -> list[str]:
    run(folder, archive(folder))
    (folder / "stick").mkdir()
    return ["backup", "st.toml", "stick"]


def restore(folder: Path) -> list[str]:
    run(folder, archive(folder))
    (folder / "stick").mkdir()
    made = make_backup(load_station(folder / "st.toml"), folder / "stick", 1_793_491_200_000_000)
    for path in [*folder.glob("journal*"), *(folder / "archive").iterdir(), folder / "st.toml"]:
        path.unlink()
    return ["restore", str(made.folder.relative_to(folder)), "st.toml"]


COMMANDS = (import_table, import_logger, undo, redo, reprocess, migrate, archive, backup, restore)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda one: one.__name__)
@pytest.mark.timeout(3600)
def test_killed_and_run_again_it_ends_as_if_it_had_not_been(
    tmp_path: Path, command: Callable[[Path], list[str]], record_property: Callable[[str, object], None]
) -> None:
    ready = tmp_path / "ready"
    words = command(ready)
    once = tmp_path / "once"
    shutil.copytree(ready, once)
    _, took = run(once, words)
    expected, files = table(once / "st.toml"), left(once)
    whole(once / "st.toml")
    dice = random.Random(f"{SEED} {command.__name__}")
    kills = count(3, 60)
    cut = 0
    for turn in range(kills):
        folder = tmp_path / f"killed{turn}"
        shutil.copytree(ready, folder)
        code, _ = run(folder, words, dice.uniform(0, took))
        cut += code < 0
        run(folder, words)
        assert table(folder / "st.toml") == expected, (command.__name__, turn, SEED)
        assert left(folder) == files, (command.__name__, turn, SEED)
        whole(folder / "st.toml")
        shutil.rmtree(folder)
    record_property("counts", f"{command.__name__}: {cut} of {kills} killed")
