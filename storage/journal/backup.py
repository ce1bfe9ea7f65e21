"""A backup of a journal that may be running, with its archives and all that its station file needs.

A backup is a folder: ``backup.json`` names every file with its SHA-256, the journal's schema and the program's version.
It is written under another name, read back, synced, and only then gets its own. What a backup that was killed has
left is taken away by the next one.

Secrets are in it only when they are asked for; it says in any case which ones a new card must be given.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from soilco2 import __version__
from soilco2.station_config.loader import Station
from soilco2.station_config.message import Message, system
from soilco2.station_config.times import iso
from soilco2.storage.errors import BackupError
from soilco2.storage.files import sha256, sync, write_whole
from soilco2.storage.journal.archive import archives_of, check_archive, folder_of
from soilco2.storage.journal.backup_settings import keep, told
from soilco2.storage.journal.connection import meta
from soilco2.storage.journal.reader import JournalReader
from soilco2.storage.journal.schema import SCHEMA_VERSION

CONTENTS = "backup.json"
JOURNAL, ARCHIVE = "journal.sqlite", "archive"
_FORMAT = 1


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
    missing : list of Message
        Secrets that are not in it, which a new card must be given.
    """

    folder: Path
    station: str
    made_us: int
    samples: int
    archives: int
    bytes: int
    wrong: list[str]
    missing: list[Message]


def make_backup(station: Station, into: Path, now_us: int, secrets: bool = False) -> Backup:
    """Write a backup of a station into a new folder below `into`.

    Parameters
    ----------
    station : Station
        A collector may be writing its journal.
    into : Path
        Made when there is none.
    now_us : int
        [µs UTC]
    secrets : bool
        Whether files of secrets go into it, as they are.

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
    with as_sentence(into):
        if folder.exists():
            raise BackupError(Message("{folder} is there already; nothing was written", folder=folder))
        _clear(into, station.file.station.id)
        (part / ARCHIVE).mkdir(parents=True)
        held = _held(part)
        try:
            made = _write(station, part, now_us, secrets)
            part.rename(folder)
            sync(into)
        except BaseException:
            shutil.rmtree(part, ignore_errors=True)
            raise
        finally:
            os.close(held)
    return made._replace(folder=folder)


def _held(part: Path) -> int:
    """A folder that is being written, opened; locked where the medium can, as long as it is open."""
    handle = os.open(part, os.O_RDONLY | os.O_CLOEXEC)
    with suppress(OSError):
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return handle


def _clear(into: Path, station: str) -> None:
    """Take away what killed backups of this station have left; one that is at work holds its own."""
    for left in into.glob(f".{station}_*.part"):
        handle = os.open(left, os.O_RDONLY | os.O_CLOEXEC)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(left)
        except OSError:
            continue
        finally:
            os.close(handle)


def _write(station: Station, part: Path, now_us: int, secrets: bool) -> Backup:
    copy = part / JOURNAL
    samples, schema, wrong = _copy_journal(station.journal_path, copy)
    archives = archives_of(
        folder_of(station)
    )  # after the journal: what was pruned since stands in one of them
    for archive in archives:
        for file in (archive.path, archive.path.with_name(archive.path.name + ".sha256")):
            if file.exists():
                shutil.copyfile(file, part / ARCHIVE / file.name)
                sync(part / ARCHIVE / file.name)
    wrong += [said for one in archives_of(part / ARCHIVE) if (said := check_archive(one))]
    if station.path is not None:
        write_whole(part / station.path.name, station.path.read_bytes())
    beside = keep(station, part, secrets)
    files = {str(path.relative_to(part)): sha256(path) for path in sorted(part.rglob("*")) if path.is_file()}
    contents = {
        "format": _FORMAT, "soilco2": __version__, "schema": schema, "station": station.file.station.id,
        "station_file": None if station.path is None else station.path.name, "made_us": now_us, "made": iso(now_us),
        "samples": samples, "wrong": wrong, "beside": [one._asdict() for one in beside.files],
        "missing": [{"key": one.key, "from": one.env or str(one.file)} for one in beside.missing], "files": files,
    }  # fmt: skip
    write_whole(part / CONTENTS, json.dumps(contents, ensure_ascii=False, indent=1))
    sync(part / ARCHIVE)
    sync(part)
    size = sum(path.stat().st_size for path in part.rglob("*") if path.is_file())
    missing = [told(one.key, one.env or str(one.file)) for one in beside.missing]
    return Backup(part, station.file.station.id, now_us, samples, len(archives), size, wrong, missing)


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
        made_by, _ = str(found["soilco2"]), found["files"][JOURNAL]
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


@contextmanager
def as_sentence(place: Path) -> Iterator[None]:
    """What the system or SQLite refuse, as one sentence."""
    try:
        yield
    except OSError as error:
        raise BackupError(
            Message("{place}: {why}", place=error.filename or place, why=system(error))
        ) from error
    except sqlite3.Error as error:
        raise BackupError(Message("{place}: {why}", place=place, why=error)) from error
