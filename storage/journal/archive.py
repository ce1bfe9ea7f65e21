"""Archives: past stretches of a journal in files of their own, from which nothing is ever lost.

An archive is a small journal (same tables, same numbers of channels, words and series) with the samples and
observations of ``[start, end)`` and its SHA-256 beside it (``sha256sum -c`` reads it). It is written
under another name, synced, read back and compared with the journal, and only then gets its name, so a file
with an archive's name is whole. Readers open the journal and its archives as one (`open_journal`).
"""

from __future__ import annotations

import contextlib
import heapq
import re
import sqlite3
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from soilco2.quality.records import Flag, Observation, Sample, SeriesKey
from soilco2.station_config.loader import Station
from soilco2.station_config.message import Message, system
from soilco2.storage.errors import ArchiveError, StorageError
from soilco2.storage.files import sha256, sync
from soilco2.storage.journal.excluded import Layers
from soilco2.storage.journal.failpoint import failpoint
from soilco2.storage.journal.reader import JournalReader
from soilco2.storage.journal.schema import INDEXES
from soilco2.storage.reader import Piece, SeriesInfo

_NAME = re.compile(
    r"(?P<station>.+)_(?P<start>\d{8}T\d{6})_(?P<end>\d{8}T\d{6})(?:_(?P<number>\d+))?\.sqlite"
)
_STAMP = "%Y%m%dT%H%M%S"
_WHOLE = ("meta", "channel", "word", "series", "config")


class Archive(NamedTuple):
    """An archive's file.

    Parameters
    ----------
    path : Path
    start_us, end_us : int
        ``start_us <= time < end_us`` [µs UTC].
    """

    path: Path
    start_us: int
    end_us: int


class Made(NamedTuple):
    """An archive that was just written: what is in it, and its SHA-256."""

    archive: Archive
    samples: int
    observations: int
    sha256: str


def folder_of(station: Station) -> Path:
    """Where a station's archives lie: ``[journal] archive_folder``, else beside the journal."""
    return station.file.journal.archive_folder or station.journal_path.parent / "archive"


def archives_of(folder: Path) -> list[Archive]:
    """The archives in a folder, oldest first, of one stretch in the order in which they were made.

    What was left half written has another name and is passed over.
    """
    named = ((path, _NAME.fullmatch(path.name)) for path in folder.glob("*.sqlite"))
    found = [
        (Archive(path, _moment(m["start"]), _moment(m["end"])), int(m["number"] or 1))
        for path, m in named
        if m
    ]
    found.sort(key=lambda one: (one[0].start_us, one[0].end_us, one[1]))
    return [archive for archive, _ in found]


def write_archive(station: Station, start_us: int, end_us: int) -> Made | None:
    """Write the samples and observations of a stretch into an archive and prove that it holds them.

    Parameters
    ----------
    station : Station
    start_us, end_us : int
        Whole seconds [µs UTC].

    Returns
    -------
    Made or None
        None when the journal has nothing there.

    Raises
    ------
    ArchiveError
        When it cannot be written, or what is read back differs.
    """
    folder = folder_of(station)
    path = _free_name(folder, station.file.station.id, start_us, end_us)
    fresh = path.with_suffix(".new")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for left in folder.glob("*.new*"):
            left.unlink()
        counts = _copy(station.journal_path, fresh, start_us, end_us)
        if not any(counts):
            fresh.unlink()
            return None
        failpoint("archive-written")
        sync(fresh)
        made = Made(Archive(path, start_us, end_us), *counts, sha256(fresh))
        _prove(station.journal_path, fresh, counts, start_us, end_us)
        _seal(path).write_text(f"{made.sha256}  {path.name}\n", encoding="ascii")
        sync(_seal(path))
        failpoint("archive-sealed")
        fresh.rename(path)
        sync(folder)
        failpoint("archive-named")
    except OSError as error:
        raise ArchiveError(
            Message("{path}: the archive cannot be written: {why}", path=path, why=system(error))
        ) from error
    except sqlite3.Error as error:
        raise ArchiveError(
            Message("{path}: the archive cannot be written: {why}", path=path, why=error)
        ) from error
    return made


def check_archive(archive: Archive) -> str:
    """What is wrong with an archive, one sentence; empty when it is as it was sealed."""
    try:
        sealed = _seal(archive.path).read_text(encoding="ascii").split()[0]
        now = sha256(archive.path)
    except (OSError, UnicodeDecodeError, IndexError) as error:
        return Message("{path}: it cannot be checked: {why}", path=archive.path, why=error)
    if now == sealed:
        return ""
    return Message(
        "{path}: its SHA-256 is {now}…, sealed was {sealed}…",
        path=archive.path,
        now=now[:12],
        sealed=sealed[:12],
    )


def _copy(journal: Path, fresh: Path, start_us: int, end_us: int) -> tuple[int, int]:
    db = sqlite3.connect(fresh, isolation_level=None, uri=True)
    try:
        db.execute("PRAGMA journal_mode=OFF")
        db.execute("PRAGMA synchronous=OFF")  # synced as a whole before it counts
        db.execute("ATTACH ? AS live", (f"{journal.resolve().as_uri()}?mode=ro",))
        db.execute("BEGIN")
        for table in (*_WHOLE, "sample", "observation", "derived"):  # derived series stay in the journal
            db.execute(*db.execute("SELECT sql FROM live.sqlite_master WHERE name = ?", (table,)).fetchone())
        for table in _WHOLE:
            db.execute(f"INSERT INTO main.{table} SELECT * FROM live.{table}")  # noqa: S608 - our own names
        samples = db.execute(
            "INSERT INTO main.sample SELECT s.* FROM live.channel c CROSS JOIN live.sample s"
            " ON s.channel = c.id AND s.time_us >= ? AND s.time_us < ?",
            (start_us, end_us),
        ).rowcount
        observations = db.execute(
            "INSERT INTO main.observation SELECT o.* FROM live.series k CROSS JOIN live.observation o"
            " ON o.series = k.id AND o.time_us >= ? AND o.time_us < ?",
            (start_us, end_us),
        ).rowcount
        db.execute(INDEXES["sample_time"])
        db.execute("COMMIT")
    finally:
        db.close()
    return samples, observations


def _prove(journal: Path, fresh: Path, counts: tuple[int, int], start_us: int, end_us: int) -> None:
    """Read the file back: whole, and every row equal to the journal's."""
    db = sqlite3.connect(f"{fresh.resolve().as_uri()}?mode=ro", uri=True)
    try:
        if db.execute("PRAGMA integrity_check").fetchone()[0] != "ok":
            raise ArchiveError(Message("{path}: what was written is not what is read back", path=fresh))
        db.execute("ATTACH ? AS live", (f"{journal.resolve().as_uri()}?mode=ro",))
        there = db.execute(
            "SELECT (SELECT count(*) FROM main.sample), (SELECT count(*) FROM main.observation)"
        ).fetchone()
        odd = db.execute(
            "SELECT count(*) FROM (SELECT * FROM main.sample EXCEPT SELECT s.* FROM live.channel c CROSS JOIN"
            " live.sample s ON s.channel = c.id AND s.time_us >= ? AND s.time_us < ?)",
            (start_us, end_us),
        ).fetchone()[0]
        if there != counts or odd:
            raise ArchiveError(
                Message(
                    "{path}: it holds {found} rows of {expected}, {odd} of them not the journal's",
                    path=fresh,
                    found=there,
                    expected=counts,
                    odd=odd,
                )
            )
    finally:
        db.close()


def _free_name(folder: Path, station: str, start_us: int, end_us: int) -> Path:
    base = f"{station}_{_text(start_us)}_{_text(end_us)}"
    for number in range(1, 10_000):
        path = folder / (f"{base}.sqlite" if number == 1 else f"{base}_{number}.sqlite")
        if not path.exists():
            return path
    raise ArchiveError(
        Message("{folder}: there are 10 000 archives of {name} already", folder=folder, name=base)
    )


def _seal(path: Path) -> Path:
    return path.with_name(path.name + ".sha256")


def _text(time_us: int) -> str:
    return datetime.fromtimestamp(time_us // 1_000_000, UTC).strftime(_STAMP)


def _moment(text: str) -> int:
    return int(datetime.strptime(text, _STAMP).replace(tzinfo=UTC).timestamp()) * 1_000_000


# reading journal and archives as one


def among(archives: Iterable[Archive], start_us: int, end_us: int) -> list[Archive]:
    """Those that hold something of a window."""
    return [a for a in archives if a.start_us < end_us and start_us < a.end_us]


@contextlib.contextmanager
def opened(archives: Iterable[Archive]) -> Iterator[list[JournalReader]]:
    """Archives, for reading."""
    with contextlib.ExitStack() as stack:
        found = []
        for archive in archives:
            try:
                found.append(stack.enter_context(JournalReader(archive.path)))
            except StorageError as error:
                raise ArchiveError(
                    Message("{path}: the archive cannot be read: {why}", path=archive.path, why=error)
                ) from error
        yield found


def with_archived(
    live: Iterable[Sample],
    archives: Iterable[Archive],
    start_us: int,
    end_us: int,
    layers: Layers | None = None,
) -> Iterator[Sample]:
    """A journal's samples of a window together with those in archives, in the order of time; of doubles one."""
    with opened(among(archives, start_us, end_us)) as readers:
        now_us: int | None = None
        seen: set[Sample] = set()
        every = [*(reader.samples(start_us, end_us, layers=layers) for reader in readers), live]
        for sample in heapq.merge(*every, key=_time):
            if sample.time_us != now_us:
                now_us = sample.time_us
                seen.clear()
            elif sample in seen:
                continue
            seen.add(sample)
            yield sample


def _time(sample: Sample) -> int:
    assert sample.time_us is not None
    return sample.time_us


def archived_observations(
    archives: Iterable[Archive], start_us: int, end_us: int
) -> dict[tuple[SeriesKey, int], tuple[int, Observation]]:
    """What archives hold of a window with its revision, by series and time."""
    with opened(among(archives, start_us, end_us)) as readers:
        return {
            (row.series, row.time_us): (rev, row)
            for reader in readers
            for rev, row in reader.revisions(start_us, end_us)
        }


def open_journal(station: Station) -> JournalReader:
    """The station's journal with its archives."""
    archives = archives_of(folder_of(station))
    if not archives:
        return JournalReader(station.journal_path)
    return WholeJournal(station.journal_path, archives)


class WholeJournal(JournalReader):
    """A journal and its archives: what the journal holds overrides, what is only in an archive is there as well."""

    def __init__(self, path: Path, archives: Sequence[Archive]) -> None:
        super().__init__(path)
        self._archives = archives

    def _among(self, start_us: int, end_us: int) -> list[Archive]:
        return among(self._archives, start_us, end_us)

    def series(self) -> list[SeriesInfo]:
        """Every series; its first and its last time may lie in an archive."""
        spans: dict[SeriesKey, list[int]] = {}
        for archive in self._archives:
            with opened([archive]) as (reader,):
                for info in reader.series():
                    spans.setdefault(info.key, []).extend(_ends(info))
        found = []
        for info in super().series():
            ends = [*_ends(info), *spans.get(info.key, ())]
            found.append(replace(info, first_us=min(ends), last_us=max(ends)) if ends else info)
        return found

    def read(
        self, keys: Sequence[SeriesKey], start_us: int | None = None, end_us: int | None = None
    ) -> Iterator[Piece]:
        """Pieces of these series, those in archives first."""
        low = -(2**62) if start_us is None else start_us
        high = 2**62 if end_us is None else end_us
        spans = _disjoint(self._among(low, high))
        for key in keys:
            since = low
            for begin, end, archives in spans:
                begin, end = max(begin, since), min(end, high)
                yield from super().read([key], since, begin) if since < begin else ()
                yield from self._merged(key, archives, begin, end)
                since = end
            if since < high:
                yield from super().read([key], since, high)

    def _merged(self, key: SeriesKey, archives: list[Archive], start_us: int, end_us: int) -> Iterator[Piece]:
        with opened(archives) as readers:
            sources = [list(reader.read([key], start_us, end_us)) for reader in readers]
        sources.append(list(super().read([key], start_us, end_us)))
        filled = [pieces for pieces in sources if pieces]
        if len(filled) <= 1:
            yield from filled[0] if filled else ()
            return
        rows: dict[int, tuple[float, int]] = {}
        for pieces in filled:
            for piece in pieces:
                rows.update(zip(piece.times, zip(piece.values, piece.flags, strict=True), strict=True))
        times = sorted(rows)
        values = array("d", [rows[t][0] for t in times])
        yield Piece(key, array("q", times), values, array("b", [rows[t][1] for t in times]))

    def samples(
        self, start_us: int, end_us: int, upto_seq: int = 2**62, layers: Layers | None = None
    ) -> Iterator[Sample]:
        """Samples of journal and archives, in the order of time; of doubles one."""
        live = super().samples(start_us, end_us, upto_seq, layers)
        return with_archived(live, self._archives, start_us, end_us, layers)

    def revisions(self, start_us: int, end_us: int) -> Iterator[tuple[int, Observation]]:
        """Every observation of a window with its revision; the journal's override."""
        newer = {(o.series, o.time_us): (rev, o) for rev, o in super().revisions(start_us, end_us)}
        yield from (archived_observations(self._archives, start_us, end_us) | newer).values()

    def count_samples(self, serial: str, channel: str, start_us: int, end_us: int) -> int:
        """Samples of a channel in a window, in journal and archives together; of doubles one."""
        if not self._among(start_us, end_us):
            return super().count_samples(serial, channel, start_us, end_us)
        return len(self.sample_times(serial, channel, start_us, end_us))

    def sample_times(self, serial: str, channel: str, start_us: int, end_us: int) -> list[int]:
        """Times of a channel's samples in a window [µs UTC], in journal and archives together; of doubles one."""
        found = set(super().sample_times(serial, channel, start_us, end_us))
        with opened(self._among(start_us, end_us)) as readers:
            for reader in readers:
                found.update(reader.sample_times(serial, channel, start_us, end_us))
        return sorted(found)

    def count_values(self, key: SeriesKey, start_us: int, end_us: int) -> tuple[int, int, int]:
        """Observations of a series, with a number, and usable, in journal and archives together."""
        if not self._among(start_us, end_us):
            return super().count_values(key, start_us, end_us)
        rows = stored = usable = 0
        for piece in self.read([key], start_us, end_us):
            there = [flag for value, flag in zip(piece.values, piece.flags, strict=True) if value == value]
            rows, stored = rows + len(piece.times), stored + len(there)
            usable += sum(flag <= Flag.NOT_EVALUATED for flag in there)
        return rows, stored, usable

    def differences(self, a: SeriesKey, b: SeriesKey, start_us: int, end_us: int) -> tuple[int, float, float]:
        """Usable values of `a` less those of `b`, in journal and archives together: number, sum, sum of squares."""
        if not self._among(start_us, end_us):
            return super().differences(a, b, start_us, end_us)
        first, second = (
            {
                at: value
                for piece in self.read([key], start_us, end_us)
                for at, value, flag in zip(piece.times, piece.values, piece.flags, strict=True)
                if flag <= Flag.NOT_EVALUATED and value == value
            }
            for key in (a, b)
        )
        found = [first[at] - second[at] for at in first.keys() & second.keys()]
        return len(found), sum(found), sum(d * d for d in found)

    def verdicts(self, start_us: int, end_us: int) -> list[tuple[SeriesKey, int, str, int]]:
        """How often each flag was given for which tests, in journal and archives together."""
        if not self._among(start_us, end_us):
            return super().verdicts(start_us, end_us)
        found = Counter((o.series, int(o.flag), o.tests) for o in self.observations(start_us, end_us))
        return [(*key, count) for key, count in found.items()]


def _ends(info: SeriesInfo) -> list[int]:
    return [time_us for time_us in (info.first_us, info.last_us) if time_us is not None]


def _disjoint(archives: Sequence[Archive]) -> list[tuple[int, int, list[Archive]]]:
    """Archives whose stretches touch or overlap, put together."""
    spans: list[tuple[int, int, list[Archive]]] = []
    for archive in sorted(archives, key=lambda a: a.start_us):
        if spans and archive.start_us < spans[-1][1]:
            start, end, those = spans.pop()
            spans.append((start, max(end, archive.end_us), [*those, archive]))
        else:
            spans.append((archive.start_us, archive.end_us, [archive]))
    return spans
