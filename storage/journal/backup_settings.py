"""What a station file needs beside it, in a backup and put back: included files, catalogues, certificates, secrets."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from soilco2.station_config.belongings import NeededSecret, secrets_of, settings_of
from soilco2.station_config.loader import Station
from soilco2.station_config.message import Message
from soilco2.storage.errors import BackupError
from soilco2.storage.files import sync, write_whole

FOLDER = "beside"
_MOST = 20_000_000
"""Bytes of one such file at most: more is no setting."""


class Kept(NamedTuple):
    """A file of a backup and where the station reads it.

    Parameters
    ----------
    file : str
        In the backup.
    place : str
        Relative to the station file's folder where it lies in it, else absolute, with ``~`` for the home folder.
    secret : bool
    """

    file: str
    place: str
    secret: bool


class Beside(NamedTuple):
    """What of a station's settings is in a backup.

    Parameters
    ----------
    files : list of Kept
    missing : list of NeededSecret
        Secrets that are not.
    """

    files: list[Kept]
    missing: list[NeededSecret]


class PutBack(NamedTuple):
    """What became of a backup's settings.

    Parameters
    ----------
    made : list of Path
    differ : list of Path
        Those that were there, differ from the backup's, and are used.
    """

    made: list[Path]
    differ: list[Path]


def keep(station: Station, part: Path, with_secrets: bool) -> Beside:
    """Copy what a station file needs into a backup that is being written."""
    home = (station.path or Path()).absolute().parent
    needed = secrets_of(station)
    there = {one.file for one in needed if one.file is not None and one.file.is_file() and with_secrets}
    rows = [*((path, False) for path in settings_of(station)), *((path, True) for path in sorted(there))]
    files = []
    for number, (path, secret) in enumerate(rows, start=1):
        if path.stat().st_size > _MOST:
            raise BackupError(
                Message(
                    "{path} belongs to the settings and has more than {most} MB; nothing was written",
                    path=path,
                    most=_MOST // 10**6,
                )
            )
        name = f"{FOLDER}/{number:04}_{path.name}"
        write_whole(part / name, path.read_bytes(), private=secret)
        files.append(Kept(name, _place(path, home), secret))
    if files:
        sync(part / FOLDER)
    return Beside(files, [one for one in needed if one.file not in there])


def told(key: str, source: str) -> Message:
    """What a new card must be given."""
    return Message("{key}, from {source}", key=key, source=source)


def _place(path: Path, home: Path) -> str:
    if path.is_relative_to(home):
        return str(path.relative_to(home))
    user = Path.home()
    return f"~/{path.relative_to(user)}" if path.is_relative_to(user) else str(path)


def inside(folder: Path, name: str) -> Path:
    """A file of a backup; what names a place outside of it is not looked at."""
    path = folder / name
    if not path.resolve().is_relative_to(folder.resolve()):
        raise BackupError(Message("{folder} is no sound backup: it names {name}", folder=folder, name=name))
    return path


def _sound(backup: Path, name: str, sealed: str | None) -> bytes:
    """A file of a backup, when it is what was backed up."""
    content = inside(backup, name).read_bytes()
    if hashlib.sha256(content).hexdigest() != sealed:
        raise BackupError(
            Message("{file} is not what was backed up; nothing was changed", file=backup / name)
        )
    return content


@contextmanager
def put_back(contents: Mapping[str, Any], backup: Path, home: Path) -> Iterator[PutBack]:
    """The settings of a backup, where there are none, for a station file in the folder `home`.

    When the block fails nothing is left of them.
    """
    done = PutBack([], [])
    folders: list[Path] = []
    try:
        for row in contents.get("beside", ()):
            place = home / Path(row["place"]).expanduser()
            content = _sound(backup, row["file"], contents["files"].get(row["file"]))
            if place.exists():
                if place.read_bytes() != content:
                    done.differ.append(place)
                continue
            folders += [one for one in place.absolute().parents if not one.exists() and one not in folders]
            place.parent.mkdir(parents=True, exist_ok=True)
            done.made.append(place)
            write_whole(place, content, private=row["secret"])
        yield done
    except BaseException:
        for place in done.made:
            place.unlink(missing_ok=True)
        for folder in sorted(folders, key=lambda one: -len(one.parts)):
            with suppress(OSError):  # one that holds something by now stays
                folder.rmdir()
        raise
