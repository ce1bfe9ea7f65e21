"""Archive and prune, oldest first, as far as it is safe: for a full journal by itself, or because somebody asks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from soilco2.station_config.loader import Station
from soilco2.station_config.message import Message
from soilco2.station_config.times import DAY_US
from soilco2.storage.errors import ArchiveError
from soilco2.storage.journal.archive import (
    Archive,
    Made,
    archives_of,
    check_archive,
    folder_of,
    write_archive,
)
from soilco2.storage.journal.reader import JournalReader
from soilco2.storage.journal.schema import EventKind

HIGH, LOW = 0.8, 0.6
"""Share of the limit at which pruning begins, and where it ends."""
_PIECE = 1 / 40
"""Share of the limit that one archive holds, about; whole days."""

Submit = Callable[..., Any]


class Step(NamedTuple):
    """One archive made, or an earlier one worked off: what was archived and what was taken out of the journal."""

    archive: Archive
    made: Made | None
    pruned: int


def make_room(
    station: Station, submit: Submit, now_us: int, *, before_us: int | None = None, prune: bool = True
) -> Iterator[Step]:
    """Archive what is old and confirmed, and take it out of the journal.

    Parameters
    ----------
    station : Station
    submit : callable
        ``submit(op, **arguments)`` on the journal's writer.
    now_us : int
        [µs UTC]
    before_us : int, optional
        Archive everything before this moment; left out: only while the journal is fuller than four fifths of its
        limit, down to three fifths.
    prune : bool
        Whether to take out what was archived, as far as every database has confirmed it.

    Yields
    ------
    Step
    """
    limit = station.file.journal.limit_mib * 2**20
    asked = before_us is not None

    def full(share: float) -> bool:
        with JournalReader(station.journal_path) as reader:
            return reader.accounting.size()[0] >= share * limit

    if not asked and not full(HIGH):
        return
    horizon = now_us - round(station.file.journal.keep * 1e6)
    for archive in _unfinished(station):
        if prune and _may_go(station, archive.start_us, archive.end_us, horizon):
            yield Step(archive, None, _prune(archive, submit))
            if not asked and not full(LOW):
                return
        elif not asked:
            return  # the oldest goes first
    since = -(2**62)
    end_us = horizon if before_us is None else min(before_us, now_us)
    while window := _oldest(station, since, end_us, horizon, limit):
        since = window[1]
        may_go = _may_go(station, *window, horizon)
        if not asked and not may_go:
            return
        made = write_archive(station, *window)
        if made is None:
            continue
        archive = made.archive
        submit(
            "archived", path=str(archive.path), start_us=archive.start_us, end_us=archive.end_us,
            samples=made.samples, observations=made.observations, sha256=made.sha256,
        )  # fmt: skip
        yield Step(archive, made, _prune(archive, submit) if prune and may_go else 0)
        if not asked and not full(LOW):
            return


def _prune(archive: Archive, submit: Submit) -> int:
    if wrong := check_archive(archive):
        raise ArchiveError(Message("{wrong}; nothing of it was pruned", wrong=wrong))
    pruned = 0
    while count := submit("prune", path=str(archive.path)):
        pruned += count
    words = Message("{count} rows pruned", count=pruned)
    data = {"file": str(archive.path), "rows": pruned}
    submit("event", event=[EventKind.PRUNED.value, archive.path.name, words, data, None])
    return pruned


def _unfinished(station: Station) -> list[Archive]:
    """Archives whose pruning was not begun or was cut short."""
    with JournalReader(station.journal_path) as reader:
        done = {e.data["file"] for e in reader.events([EventKind.PRUNED.value]) if "file" in e.data}
        told = {e.data["file"] for e in reader.events([EventKind.ARCHIVED.value]) if "file" in e.data}
    here = archives_of(folder_of(station))
    # one that was named and never told is whole as well: it holds what the journal holds
    return [a for a in here if str(a.path) not in done and (str(a.path) in told or not check_archive(a))]


def _oldest(
    station: Station, since_us: int, end_us: int, horizon_us: int, limit: int
) -> tuple[int, int] | None:
    """The oldest stretch that waits in no archive: whole days, as many as make about a fortieth of the limit.

    What came late, or was made anew, into a stretch that was archived and pruned goes into a further archive of it.
    """
    archives, waiting = archives_of(folder_of(station)), set(_unfinished(station))
    with JournalReader(station.journal_path) as reader:
        while True:
            first = reader.first_us(since_us)
            if first is None or first >= end_us:
                return None
            inside = [a for a in archives if a.start_us <= first < a.end_us]
            if not waiting.intersection(inside):
                break
            since_us = max(a.end_us for a in inside)
        if inside:
            return inside[0].start_us, inside[0].end_us
        used, _ = reader.accounting.size()
        oldest, newest = reader.first_us(), reader.last_sample_us()
    start = max([first // DAY_US * DAY_US, *(a.end_us for a in archives if a.end_us <= first)])
    span = max((newest or first) - (oldest or first), 1)
    days = max(1, min(31, int(limit * _PIECE / max(used, 1) * span / DAY_US)))
    later = min((a.start_us for a in archives if a.start_us > first), default=end_us)
    end = min(start + days * DAY_US, end_us // 1_000_000 * 1_000_000, later)
    young = horizon_us // DAY_US * DAY_US  # what may go and what may not are not put together
    return start, min(end, young) if start < young else end


def _may_go(station: Station, start_us: int, end_us: int, horizon_us: int) -> bool:
    """Whether every database has confirmed a stretch, and nothing younger nor what waits for judgement needs it."""
    sinks = {table.id for table in station.file.sinks}
    if not sinks or end_us > horizon_us:
        return False
    with JournalReader(station.journal_path) as reader:
        confirmed = {cursor.sink: cursor.rev for cursor in reader.accounting.cursors()}
        newest = reader.newest_rev(start_us, end_us)
        if reader.accounting.waits(start_us - DAY_US, end_us + DAY_US):
            return False  # what waits is judged with what lies about it
        return all(confirmed.get(sink, 0) >= newest for sink in sinks)
