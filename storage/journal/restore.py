"""A station brought back from a backup on a new card.

The station that comes back may have gone on after its backup: databases have confirmed, and pages have seen, more than
the backup knows. So the restored journal has an id of its own, and its next revision and sample have numbers `LEAP`
above the last in the backup, more than a station makes between two backups; no number stands for two things.
What a database got in between is sent to it again under the same series and time, which it then holds once.

The journal gets its name last: a restore that was killed is begun again, and one that was through says so.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
import uuid
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from soilco2.station_config.loader import Station
from soilco2.station_config.message import Message, to_text
from soilco2.station_config.times import iso
from soilco2.storage.errors import BackupError
from soilco2.storage.files import sha256, sync
from soilco2.storage.journal.archive import folder_of
from soilco2.storage.journal.backup import (
    ARCHIVE,
    CONTENTS,
    JOURNAL,
    Backup,
    as_sentence,
    read_contents,
)
from soilco2.storage.journal.backup_settings import inside, told
from soilco2.storage.journal.connection import JournalLock, message_column, meta
from soilco2.storage.journal.schema import EventKind

LEAP = 10**9
"""What numbers go on by after a restore: 30 years of a reading a second."""
_RESTORED = "restored"
"""In the table `meta`: the SHA-256 of the contents of the backup that the journal came from."""


class Restored(NamedTuple):
    """What was brought back.

    Parameters
    ----------
    backup : Backup
    already : bool
        The journal had been restored from this very backup before, and stays as it has become.
    """

    backup: Backup
    already: bool


def restore(station: Station, folder: Path, now_us: int) -> Restored:
    """Bring a station's journal and archives back from a backup, where there is none.

    Raises
    ------
    BackupError
        When it is no sound backup of this station, or there is a journal of another origin; then nothing is changed.
    """
    contents = read_contents(folder)
    if contents["station"] != station.file.station.id:
        raise BackupError(
            Message(
                "{folder} is a backup of {found}, the station file is of {station}",
                folder=folder, found=contents["station"], station=station.file.station.id,
            )
        )  # fmt: skip
    with as_sentence(folder):
        for name, sealed in contents["files"].items():
            if sha256(inside(folder, name)) != sealed:
                raise BackupError(
                    Message("{file} is not what was backed up; nothing was changed", file=folder / name)
                )
        mark = sha256(folder / CONTENTS)
        size = sum((folder / name).stat().st_size for name in contents["files"])
    journal = station.journal_path
    lock = JournalLock(journal)
    try:
        already = journal.exists()
        if already and not _is_from(journal, mark):
            raise BackupError(
                Message(
                    "{path}: there is a journal already, and a restore never writes over one; move it away first",
                    path=journal,
                )
            )
        with as_sentence(journal.parent):
            _bring_archives(folder, folder_of(station))
            if not already:
                _bring_journal(folder / JOURNAL, journal, contents["made_us"], mark, now_us)
    finally:
        lock.release()
    return Restored(
        Backup(
            folder,
            contents["station"],
            contents["made_us"],
            contents["samples"],
            sum(name.startswith(f"{ARCHIVE}/") and name.endswith(".sqlite") for name in contents["files"]),
            size,
            contents["wrong"],
            [told(one["key"], one["from"]) for one in contents.get("missing", ())],
        ),
        already,
    )


def _is_from(journal: Path, mark: str) -> bool:
    """Whether a journal was restored from the backup of that mark."""
    try:
        with closing(sqlite3.connect(f"{journal.resolve().as_uri()}?mode=ro", uri=True)) as db:
            return meta(db, _RESTORED) == mark
    except sqlite3.Error:
        return False


def _bring_archives(folder: Path, to: Path) -> None:
    """Put archives where they belong; one that is there already stays as it is."""
    to.mkdir(parents=True, exist_ok=True)
    for file in sorted((folder / ARCHIVE).glob("*")):
        if not (to / file.name).exists():
            part = to / f"{file.name}.part"
            shutil.copyfile(file, part)
            sync(part)
            part.rename(to / file.name)
    sync(to)


def _bring_journal(copy: Path, journal: Path, made_us: int, mark: str, now_us: int) -> None:
    part = journal.with_name(journal.name + ".restoring")
    for gone in (f"{journal.name}-wal", f"{journal.name}-shm", f"{part.name}-journal"):  # of one that is gone
        journal.with_name(gone).unlink(missing_ok=True)
    text = Message(
        "restored from the backup of {made}; what came after it is not in this journal", made=iso(made_us)
    )
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
        db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (_RESTORED, mark))
        data = json.dumps({"what": "restored", "made_us": made_us})
        event = {
            "time_us": now_us,
            "kind": EventKind.OTHER.value,
            "subject": "journal",
            "text": text,
            "data": data,
        }
        if message_column(db, "event") == "message":
            event["message"] = to_text(text)
        db.execute(
            f"INSERT INTO event ({', '.join(event)}) VALUES ({', '.join('?' * len(event))})",  # noqa: S608 - our own names
            tuple(event.values()),
        )
    sync(part)
    part.rename(journal)
    sync(journal.parent)
