"""A backup of a journal that may be running, with its archives; and a station brought back from one on a new card.

A backup is a folder: ``backup.json`` names every file with its SHA-256, the journal's schema and the program's version.
It is written under another name, read back, synced, and only then gets its own.

The station that comes back may have gone on after its backup: databases have confirmed, and pages have seen, more than
the backup knows. So the restored journal has an id of its own, and its next revision and sample have numbers `LEAP`
above the last in the backup, more than a station makes between two backups; no number stands for two things.
What a database got in between is sent to it again under the same series and time, which it then holds once.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sqlite3
import time
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from soilco2 import __version__
from soilco2.station_config.loader import Station
from soilco2.station_config.message import Message, system
from soilco2.station_config.times import iso
from soilco2.storage.errors import BackupError
from soilco2.storage.files import sync, write_whole
from soilco2.storage.journal.archive import archives_of, check_archive, folder_of
from soilco2.storage.journal.connection import JournalLock, meta
from soilco2.storage.journal.reader import JournalReader
from soilco2.storage.journal.rows import NewEvent
from soilco2.storage.journal.schema import SCHEMA_VERSION, EventKind
from soilco2.storage.journal.writer import Writer

LEAP = 10**9
"""What numbers go on by after a restore: 30 years of a reading a second."""
CONTENTS = "backup.json"
_JOURNAL, _ARCHIVE = "journal.sqlite", "archive"
_FORMAT = 1
_BLOCK = 1 << 20


class Backup(NamedTuple):
    """A backup.

    Parameters
    ----------
    folder : Path
    station : str
    made_us : int
        [µs UTC]
    samples, archives, bytes : int
        Samples in the journal itself, files of archives, room of it all.
    wrong : list of str
        What is damaged in it, and was in the station already.
    """

    folder: Path
    station: str
    made_us: int
    samples: int
    archives: int
    bytes: int
    wrong: list[str]


def make_backup(station: Station, into: Path, now_us: int) -> Backup:
    """Write a backup of a station into a new folder below `into`.

    Parameters
    ----------
    station : Station
        A collector may be writing its journal.
    into : Path
        Made when there is none.
    now_us : int
        [µs UTC]

    Raises
    ------
    BackupError
        When it cannot be written; then nothing is left of it.
    """
    journal = station.journal_path
    if not journal.is_file():
        raise BackupError(Message("there is no journal {path} yet: nothing to back up", path=journal))
    stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime(now_us // 1_000_000))
    folder = into / f"{station.file.station.id}_{stamp}"
    part = into / f".{folder.name}.part"
    with _told(into):
        if folder.exists():
            raise BackupError(Message("{folder} is there already; nothing was written", folder=folder))
        (part / _ARCHIVE).mkdir(parents=True, exist_ok=True)
        try:
            made = _write(station, part, now_us)
            part.rename(folder)
            sync(into)
        except BaseException:
            shutil.rmtree(part, ignore_errors=True)
            raise
    return made._replace(folder=folder)


def _write(station: Station, part: Path, now_us: int) -> Backup:
    copy = part / _JOURNAL
    samples, schema, wrong = _copy_journal(station.journal_path, copy)
    archives = archives_of(
        folder_of(station)
    )  # after the journal: what was pruned since stands in one of them
    for archive in archives:
        for file in (archive.path, archive.path.with_name(archive.path.name + ".sha256")):
            if file.exists():
                shutil.copyfile(file, part / _ARCHIVE / file.name)
                sync(part / _ARCHIVE / file.name)
    wrong += [said for one in archives_of(part / _ARCHIVE) if (said := check_archive(one))]
    if station.path is not None:
        write_whole(part / station.path.name, station.path.read_bytes())
    files = {str(path.relative_to(part)): _sha256(path) for path in sorted(part.rglob("*")) if path.is_file()}
    contents = {
        "format": _FORMAT, "soilco2": __version__, "schema": schema, "station": station.file.station.id,
        "station_file": None if station.path is None else station.path.name, "made_us": now_us, "made": iso(now_us),
        "samples": samples, "wrong": wrong, "files": files,
    }  # fmt: skip
    write_whole(part / CONTENTS, json.dumps(contents, ensure_ascii=False, indent=1))
    sync(part / _ARCHIVE)
    sync(part)
    size = sum(path.stat().st_size for path in part.rglob("*") if path.is_file())
    return Backup(part, station.file.station.id, now_us, samples, len(archives), size, wrong)


def _copy_journal(journal: Path, copy: Path) -> tuple[int, int, list[str]]:
    """A copy of the journal at one moment; its samples, the version of its tables, and what is wrong with it."""
    with (
        closing(sqlite3.connect(f"{journal.resolve().as_uri()}?mode=ro", uri=True)) as source,
        closing(sqlite3.connect(copy)) as target,
    ):
        target.execute("PRAGMA synchronous=OFF")  # synced as a whole before it counts
        source.backup(target)
        target.execute(
            "PRAGMA journal_mode=DELETE"
        )  # a file for itself, that can lie on a medium nobody writes
        samples = target.execute("SELECT count(*) FROM sample").fetchone()[0]
        schema = int(meta(target, "schema"))
    sync(copy)
    with JournalReader(copy) as reader:
        wrong = [*reader.integrity.structure(), *reader.integrity.verify_batches()]
    return samples, schema, [str(one) for one in wrong]


def read_contents(folder: Path) -> dict[str, Any]:
    """What a backup says of itself.

    Raises
    ------
    BackupError
        When it is none, or was made by a newer version of the program.
    """
    try:
        found = json.loads((folder / CONTENTS).read_text(encoding="utf-8"))
        newer = found["format"] > _FORMAT or found["schema"] > SCHEMA_VERSION
        made_by, _ = str(found["soilco2"]), found["files"][_JOURNAL]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BackupError(
            Message(
                "{folder} is no backup: its {contents} is missing or cannot be read; name the folder that 'soilco2 "
                "backup' has written",
                folder=folder, contents=CONTENTS,
            )
        ) from error  # fmt: skip
    if newer:
        raise BackupError(
            Message(
                "{folder} was made by soilco2 {made_by}, whose journal this version ({here}) does not know; install "
                "{made_by} or a newer one, nothing was changed",
                folder=folder, made_by=made_by, here=__version__,
            )
        )  # fmt: skip
    return dict(found)


def restore(station: Station, folder: Path, now_us: int) -> Backup:
    """Bring a station's journal and archives back from a backup, where there is none.

    Raises
    ------
    BackupError
        When it is no sound backup of this station, or there is a journal already; then nothing is changed.
    """
    contents = read_contents(folder)
    if contents["station"] != station.file.station.id:
        raise BackupError(
            Message(
                "{folder} is a backup of {found}, the station file is of {station}",
                folder=folder, found=contents["station"], station=station.file.station.id,
            )
        )  # fmt: skip
    with _told(folder):
        for name, sealed in contents["files"].items():
            if _sha256(_inside(folder, name)) != sealed:
                raise BackupError(
                    Message("{file} is not what was backed up; nothing was changed", file=folder / name)
                )
    journal = station.journal_path
    lock = JournalLock(journal)
    try:
        if journal.exists():
            raise BackupError(
                Message(
                    "{path}: there is a journal already, and a restore never writes over one; move it away first",
                    path=journal,
                )
            )
        with _told(journal.parent):
            _bring_archives(folder, folder_of(station))
            _bring_journal(folder / _JOURNAL, journal, now_us)
    finally:
        lock.release()
    text = Message(
        "restored from the backup of {made}; what came after it is not in this journal",
        made=iso(contents["made_us"]),
    )
    with Writer.open(station, now_us=lambda: now_us) as writer:
        writer.event(
            NewEvent(EventKind.OTHER, "journal", text, {"what": "restored", "made_us": contents["made_us"]})
        )
    archives = sum(name.endswith(".sqlite") for name in contents["files"]) - 1
    size = sum((folder / name).stat().st_size for name in contents["files"])
    return Backup(
        folder,
        contents["station"],
        contents["made_us"],
        contents["samples"],
        archives,
        size,
        contents["wrong"],
    )


def _bring_archives(folder: Path, to: Path) -> None:
    """Put archives where they belong; one that is there already stays as it is."""
    to.mkdir(parents=True, exist_ok=True)
    for file in sorted((folder / _ARCHIVE).glob("*")):
        if not (to / file.name).exists():
            part = to / f"{file.name}.part"
            shutil.copyfile(file, part)
            sync(part)
            part.rename(to / file.name)
    sync(to)


def _bring_journal(copy: Path, journal: Path, now_us: int) -> None:
    part = journal.with_name(journal.name + ".restoring")
    for end in ("-wal", "-shm"):  # of a journal that is gone
        journal.with_name(journal.name + end).unlink(missing_ok=True)
    shutil.copyfile(copy, part)
    with closing(sqlite3.connect(part)) as db, db:
        rev = db.execute(
            "SELECT max(coalesce((SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'rev'), 0),"
            " coalesce((SELECT max(rev) FROM cursor), 0))"
        ).fetchone()[0]
        seq = db.execute(
            "SELECT max(coalesce((SELECT max(seq) FROM sample), 0), coalesce((SELECT max(last_seq) FROM batch), 0))"
        ).fetchone()[0]
        db.execute("INSERT OR REPLACE INTO meta VALUES ('rev', ?)", (str(rev + LEAP),))
        db.execute("INSERT OR REPLACE INTO meta VALUES ('journal', ?)", (uuid.uuid4().hex[:12],))
        db.execute(  # a commit of nothing: numbers of samples go on behind it
            "INSERT INTO batch (first_seq, last_seq, crc, committed_us) VALUES (?, ?, 0, ?)",
            (seq + LEAP, seq + LEAP, now_us),
        )
    sync(part)
    part.rename(journal)
    sync(journal.parent)


def _inside(folder: Path, name: str) -> Path:
    """A file of a backup; what names a place outside of it is not looked at."""
    path = folder / name
    if not path.resolve().is_relative_to(folder.resolve()):
        raise BackupError(Message("{folder} is no sound backup: it names {name}", folder=folder, name=name))
    return path


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


@contextmanager
def _told(place: Path) -> Iterator[None]:
    """What the system or SQLite refuse, as one sentence."""
    try:
        yield
    except OSError as error:
        raise BackupError(
            Message("{place}: {why}", place=error.filename or place, why=system(error))
        ) from error
    except sqlite3.Error as error:
        raise BackupError(Message("{place}: {why}", place=place, why=error)) from error
