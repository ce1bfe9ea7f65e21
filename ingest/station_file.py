"""A station file beside its running collector: what may not change in it, and its last valid configuration."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from pathlib import Path

from soilco2.station_config.errors import StationConfigError
from soilco2.station_config.loader import Station, parse_station, state_folder
from soilco2.station_config.message import Message
from soilco2.storage.errors import StorageError
from soilco2.storage.journal.reader import JournalReader


def stamp(file: Path | None) -> tuple[int, int] | None:
    """What tells that a file was changed: its time and size; None when it is not there."""
    if file is None:
        return None
    with suppress(OSError):
        found = file.stat()
        return found.st_mtime_ns, found.st_size
    return None


def _pointer(file: Path) -> Path:
    name = hashlib.sha256(str(file.resolve()).encode()).hexdigest()[:16]
    return state_folder() / "stations" / name


def remember(file: Path | None, station: Station) -> None:
    """Note where the journal of a station file is, for the day when the file cannot be read."""
    if file is None:
        return
    pointer = _pointer(file)
    text = str(station.journal_path.absolute())
    with suppress(OSError):
        if pointer.exists() and pointer.read_text(encoding="utf-8") == text:
            return
        pointer.parent.mkdir(parents=True, exist_ok=True)
        pointer.write_text(text, encoding="utf-8")


def last_valid(file: Path) -> Station | None:
    """The last valid configuration that ran from a station file, from its journal; None when there is none.

    Raises
    ------
    PermissionError
        When this user may not look; there may be one.
    """
    try:
        journal = Path(_pointer(file).read_text(encoding="utf-8"))
        with JournalReader(journal) as reader:
            text = reader.config_text()
        station = parse_station(text) if text else None
    except PermissionError:
        raise
    except (OSError, StorageError, StationConfigError, ValueError):
        return None
    return station if station is not None and station.journal_path.absolute() == journal else None


def check_same(file: Path, old: Station, new: Station) -> None:
    """See that a changed station file is still of the same station and journal.

    Raises
    ------
    StationConfigError
        When the collector has to be restarted for it.
    """
    if new.file.station.id != old.file.station.id:
        raise StationConfigError(
            Message(
                "{file}: this is station {found!r} now, not {expected!r}; restart the collector for another station",
                file=file,
                found=new.file.station.id,
                expected=old.file.station.id,
            )
        )
    if new.journal_path != old.journal_path:
        raise StationConfigError(
            Message("{file}: [journal] path changed; restart the collector for that", file=file)
        )
