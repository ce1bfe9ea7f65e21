"""Files in a folder, read as they grow: looked at again and again, each from where the last reading ended.

Nothing is asked of the system that a network drive would not know: a file is told by its name, and by the bytes at its
beginning and before the place where its reading ended. That place is kept in the journal, in the transaction of the
rows before it.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from time import monotonic
from typing import Any, NamedTuple

from soilco2.ingest.drivers.driver import Host
from soilco2.ingest.drivers.file_driver import FileWatch, Rows
from soilco2.ingest.drivers.sample import Arrival
from soilco2.ingest.drivers.watch_thread import WatchThread
from soilco2.ingest.errors import IngestError
from soilco2.ingest.files.importing import seal_of
from soilco2.ingest.files.recognise import sniff
from soilco2.station_config.mapping import Mapping
from soilco2.station_config.message import Message, system
from soilco2.storage.errors import StorageError, TidyFileError
from soilco2.storage.journal.reader import JournalReader
from soilco2.storage.tidy.dry_run import ParkedRows, parked_reason

log = logging.getLogger(__name__)

SETTLED_S = 30.0
"""What cannot be used is told when the file was not touched for so long: it may be on its way still [s]."""
_TOLD = 1000
"""Sentences about files that are told, at most."""
_KNOWN = 256
"""Bytes at the beginning of a file, and before a place, by which it is known again."""
_ENDS = ("stored", "duplicate", "conflict", "rejected", "bad")


class _Look(NamedTuple):
    """A file as it stood when it was looked at."""

    size: int
    changed_ns: int
    inode: int


class Kept(NamedTuple):
    """How far a file has been read, as the journal keeps it.

    Parameters
    ----------
    number : int
        Of the import that its rows belong to.
    mapping : str
        By which mapping it was read.
    end : int
        Byte behind what was read.
    head, tail : str
        The first bytes, and those before `end`, as hexadecimal digits.
    inode : int
    place : dict
        The driver's own.
    """

    number: int
    mapping: str
    end: int
    head: str
    tail: str
    inode: int
    place: dict[str, int]


class FolderWatch(WatchThread, FileWatch):
    """The thread that looks at the files of one connection.

    Parameters
    ----------
    host : Host
    connection : Connection
        With a mapping, a `path` of files and a time between looks (`every`).
    """

    def __init__(self, host: Host, connection: Any) -> None:
        super().__init__(host, connection, f"files {connection.id}")
        self._connection = connection
        self._mapping = Mapping.model_validate(
            {key: getattr(connection, key) for key in Mapping.model_fields}
        )
        self._mark = hashlib.sha256(self._mapping.model_dump_json().encode()).hexdigest()[:16]
        self._seen: dict[str, _Look] = {}
        self._waiting: dict[str, float] = {}
        self._held: set[str] = set()
        self._told: set[tuple[str, str]] = set()
        self._looks = 0
        self._kept: dict[str, Kept] = {}

    def start(self) -> None:
        """Begin; where everything is read once, with the reading itself."""
        self._load()
        if self._host.once:
            self.look()
        self._thread.start()

    def status(self) -> dict[str, Any]:
        """How it is doing."""
        return {
            "connection": self._connection.id,
            "path": str(self._connection.path),
            "files": len(self._seen),
            "looks": self._looks,
            "unfinished": len(self._held),
            "waiting": len(self._waiting),
            "error": self._error,
        }

    def _work(self) -> None:
        while not self._stop.wait(self._connection.every):
            self.look()

    def _load(self) -> None:
        self._kept = {path: Kept(**json.loads(value)) for path, value in self._known_places().items()}

    # one look

    def look(self) -> None:
        """Read what has come since the last look."""
        self._error = self._look()
        self.beat = monotonic()
        self._looks += 1

    def _look(self) -> str:
        """One look; what kept it from being a whole one."""
        folder = self._connection.path.parent
        if not self._host.clock.trusted():
            return Message("the clock is not trusted: nobody can tell which rows lie in the future")
        if not folder.is_dir():
            return Message("{folder}: there is no such folder", folder=folder)
        there = set()
        wrong = ""
        files = list(matching(self._connection.path))
        self._renamed(files)
        for path in files:
            if self._stop.is_set():
                return ""
            there.add(str(path))
            try:
                self._look_at(path)
            except OSError as error:  # the next look tries again
                self._seen.pop(str(path), None)
                wrong = Message("{path}: cannot be looked at: {why}", path=path, why=system(error))
            except (StorageError, IngestError) as error:  # of the journal
                self._seen.pop(str(path), None)
                if not self._stop.is_set():
                    log.warning("%s", error)
                return str(error)
            self.beat = monotonic()
        for gone in set(self._seen) - there:
            del self._seen[gone]
            self._held.discard(gone)
        return wrong

    def _renamed(self, files: Sequence[Path]) -> None:
        """Know files again that were given another name: by their first bytes, and by those before the known place."""
        new = [path for path in files if str(path) not in self._kept and str(path).isprintable()]
        if not new:
            return
        gone = {name: kept for name, kept in self._kept.items() if not _is(Path(name), kept)}
        for path in new:
            for name, kept in gone.items():
                if kept.mapping == self._mark and _is(path, kept):
                    self._kept[str(path)] = gone.pop(name)
                    break

    def _look_at(self, path: Path) -> None:
        name = str(path)
        if not name.isprintable():
            self._park(
                path, Message("a file has a name that is no text: {name!a}; rename it", name=path.name)
            )
            return
        try:
            found = path.stat()
        except FileNotFoundError:
            return
        now = _Look(found.st_size, found.st_mtime_ns, found.st_ino)
        if self._seen.get(name) == now and name not in self._waiting:
            return
        if self._seen.get(name) != now:
            self._waiting.pop(name, None)
        self._seen[name] = now
        try:
            self._read(path, now)
        except TidyFileError as error:
            since = self._waiting.setdefault(name, monotonic())
            if monotonic() - since >= SETTLED_S or self._host.once:
                del self._waiting[name]
                self._park(path, Message.of(error))
        else:
            self._waiting.pop(name, None)

    def _read(self, path: Path, now: _Look) -> None:
        name = str(path)
        kept = self._kept.get(name)
        if kept is None or kept.mapping != self._mark:
            return self._bring(path, None, None)
        head, tail = _edges(path, _KNOWN, kept.end)
        known = bytes.fromhex(kept.head)
        same = head[: len(known)] == known[: len(head)]
        if now.size < kept.end and same:
            if name not in self._waiting:  # copied anew, perhaps: what is known already comes again
                self._waiting[name] = monotonic()
            if monotonic() - self._waiting[name] < SETTLED_S:
                return None
            del self._waiting[name]
            return self._bring(path, None, kept)
        if same and tail.hex() == kept.tail:
            if now.size > kept.end:
                return self._bring(path, kept, kept)
            return None
        if not same:
            self._rest(path, kept)
        return self._bring(path, None, kept if same else None)

    def _rest(self, path: Path, kept: Kept) -> None:
        """What was written to a file that was given another name and replaced, behind what was read of it."""
        for other in path.parent.iterdir():
            try:
                if other.stat().st_ino != kept.inode or other == path or str(other) in self._kept:
                    continue
                with other.open("rb") as file:
                    file.seek(max(0, kept.end - _KNOWN))
                    if file.read(min(_KNOWN, kept.end)).hex() == kept.tail:
                        self._bring(other, kept, kept, path)
            except OSError:
                continue

    # bringing

    def _bring(self, path: Path, start: Kept | None, known: Kept | None, own: Path | None = None) -> None:
        """Rows of a file behind a place, or from its beginning, as those of the import that it is known by."""
        host, source = self._host, self._connection.id
        station, clock = host.station(), host.clock
        layout = sniff(path, self._mapping, whole=False)
        behind = start is not None and layout.grows
        if start is not None and behind:
            layout = layout.behind(start.place)
        arrival = Arrival(clock.now_us(), clock.mono_us(), clock.boot_id, source)
        parked = None if behind else ParkedRows(station.journal_path, source)
        number, counts = 0, dict.fromkeys(_ENDS, 0)
        for piece in layout.rows(station, None, arrival):
            if not number:
                number, before = self._number(path, known)
                counts |= before
            piece = self._without_absent(path, piece)
            faults = piece.faults if parked is None else parked.sort_out(piece.faults)
            again = len(piece.faults) - len(faults)
            counts["rejected"] += len(faults)
            counts["duplicate"] += again
            kept = self._place(path, number, piece, layout.grows)
            done = host.submit(
                "import",
                samples=piece.samples,
                parked=[
                    ("message", source, parked_reason(one, path.name), one.text, None, arrival.arrival_us)
                    for one in faults
                ],
                counts=[
                    (source, "in", len(faults) + again), (source, "rejected", len(faults)), (source, "duplicate", again)
                ],
                number=number,
                place=(f"{source}:{own or path}", json.dumps(kept._asdict())),
            )  # fmt: skip
            for end in ("stored", "duplicate", "conflict", "bad"):
                counts[end] += done[end]
            self._kept[str(own or path)] = kept
            self._tell(path, piece)
            self.beat = monotonic()
            host.beat(f"files {source}")
            if self._stop.is_set():
                return
        if number:
            quiet = known is not None and known.number == number
            host.submit("end_import", number=number, source=source, counts=_with_rows(counts), quiet=quiet)
        there = self._kept.get(str(path))
        self._held.discard(str(path))
        if there is not None and there.end < path.stat().st_size:
            self._held.add(str(path))

    def _number(self, path: Path, known: Kept | None) -> tuple[int, dict[str, int]]:
        """The import that a file's rows belong to, its own unless that was taken back, and what became of them."""
        if known is not None:
            with JournalReader(self._host.station().journal_path) as reader:
                found = {row.id: row for row in reader.accounting.imports()}.get(known.number)
            if found is not None and found.state != "undone":
                return known.number, {name: found.counts.get(name, 0) for name in _ENDS}
        begun = self._host.submit(
            "begin_import", file=path.name, sha256=seal_of(path), source=self._connection.id
        )
        return int(begun), {}

    def _place(self, path: Path, number: int, piece: Rows, grows: bool) -> Kept:
        """How far a file has been read with a piece; all of it where it is read as a whole each time."""
        end = piece.place["offset"] if grows else path.stat().st_size
        head, tail = _edges(path, min(_KNOWN, end), end)
        return Kept(number, self._mark, end, head.hex(), tail.hex(), path.stat().st_ino, dict(piece.place))

    def _without_absent(self, path: Path, piece: Rows) -> Rows:
        """Columns of the mapping that a file lacks are told, not parked: another file of the folder may have them."""
        absent = [one for one in piece.faults if one.column is not None]
        if not absent:
            return piece
        others = [one for one in piece.faults if one.column is None]
        return piece._replace(faults=others, told=(*piece.told, *(one.reason for one in absent)))

    def _tell(self, path: Path, piece: Rows) -> None:
        for said in piece.told:
            if (path.name, said) in self._told or len(self._told) >= _TOLD:
                continue
            self._told.add((path.name, said))
            self._host.happened(
                "other", self._connection.id, Message("{path}: {said}", path=path.name, said=said)
            )

    def _park(self, path: Path, reason: Message) -> None:
        """Keep that a file cannot be read, once."""
        source = self._connection.id
        if (path.name, reason) in self._told:
            return
        self._told.add((path.name, reason))
        with JournalReader(self._host.station().journal_path) as reader:
            if any(row.reason == str(reason) and row.source == source for row in reader.accounting.parked()):
                return
        now = self._host.clock.now_us()
        self._host.submit(
            "import",
            samples=[],
            parked=[("message", source, reason, path.name, None, now)],
            counts=[(source, "in", 1), (source, "rejected", 1)],
        )


def _edges(path: Path, head: int, end: int) -> tuple[bytes, bytes]:
    """The first bytes of a file, so many, and those before a place, by which it is known again."""
    with path.open("rb") as file:
        first = file.read(head)
        file.seek(max(0, end - _KNOWN))
        return first, file.read(min(_KNOWN, end))


def _is(path: Path, kept: Kept) -> bool:
    """Whether a file is there and begins with what was read of it."""
    try:
        head, tail = _edges(path, len(kept.head) // 2, kept.end)
    except OSError:
        return False
    return (head.hex(), tail.hex()) == (kept.head, kept.tail)


def _with_rows(counts: dict[str, int]) -> dict[str, int]:
    return {"rows": sum(counts[name] for name in ("stored", "duplicate", "conflict", "rejected")), **counts}


def matching(path: Path) -> Iterator[Path]:
    """The files that a path or a pattern means; those that are being written under another name are left alone."""
    folder, name = path.parent, path.name
    if not any(sign in name for sign in "*?["):
        if path.is_file():
            yield path
        return
    for found in sorted(folder.glob(name)):
        if not found.name.startswith(".") and not found.name.endswith(UNFINISHED) and found.is_file():
            yield found


UNFINISHED = ("~", ".tmp", ".part", ".partial", ".filepart", ".crdownload", ".swp")
"""How names end that copying programs give to files they have not finished."""
