"""One database's own thread: follows `rev` through the journal, writes in batches, moves its cursor.

The cursor moves only after the database has acknowledged, and what it refused is parked in the same
transaction. While a request is on its way the next batch is read. After an outage, and after a start, a tail
is sent again: what a database acknowledged just before it died may not have reached its disk.
"""

from __future__ import annotations

import json
import math
import random
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from time import monotonic
from typing import Any, NamedTuple, Protocol

from soilco2.ingest.forward.bisect import Point, Refused, deliver, points_of
from soilco2.ingest.forward.layout import Layout, LineProtocol
from soilco2.ingest.forward.sink import Sink, SinkTable, open_influx
from soilco2.station_config.errors import StationConfigError
from soilco2.station_config.message import Message
from soilco2.station_config.times import DAY_US
from soilco2.storage.errors import SinkDenied, SinkError, SinkRefused, SinkUnavailable, StorageError
from soilco2.storage.journal.failpoint import failpoint
from soilco2.storage.journal.reader import JournalReader
from soilco2.storage.journal.rows import Derived, NewEvent, Parked
from soilco2.storage.journal.schema import EventKind

DENIED_S = 600.0
"""Between two tries when a person is needed [s]."""
LONGEST_WAIT_S = 30.0
"""Between two tries when the database is not there [s]."""
LONGEST_REQUESTED_S = 3600.0
"""A longer wait than this is not granted to a server that asks for it [s]."""
LINGER_S = 1.0
"""Few observations wait this long for more [s]."""
OFFERS = 512
"""Points about the station itself that are kept for a database that is away."""
_TAIL_REVS = 20_000
_LOOK_S = 5.0


class Move(Protocol):
    """Moves a cursor in the journal, on the writer's thread (`soilco2.storage.journal.writer.Writer.move_cursor`)."""

    def __call__(
        self,
        sink: str,
        rev: int,
        *,
        parked: Sequence[Parked] = (),
        events: Sequence[NewEvent] = (),
        error: str = "",
        sent: int = 0,
    ) -> None: ...


class Resent(Protocol):
    """Tells the journal that a window was sent again; see `soilco2.storage.journal.writer.Writer.resent`."""

    def __call__(self, sink: str, from_us: int, to_us: int, *, parked: Sequence[Parked] = ()) -> None: ...


class _Batch(NamedTuple):
    """Points to be sent, what cannot be written, and the revision they reach to."""

    points: list[Point]
    refused: list[Refused]
    rev: int
    full: bool


class _StopError(Exception):
    """The forwarder was told to stop."""


class Forwarder:
    """Keeps one database up to date.

    Parameters
    ----------
    table : SinkTable
    journal : Path
    move : callable
        Moves the cursor on the writer's thread; may raise `StorageError`.
    now_us : callable
        Wall clock, for what is parked [µs UTC].
    open_sink : callable
        Makes the database's client.
    layout : Layout, optional
        How observations are written; line protocol when left out.
    resent : callable, optional
        Tells the writer that a window was sent again.
    whole : callable, optional
        Opens the journal with its archives; a window that is sent again may lie there.
    denied_s, linger_s : float
        See `DENIED_S` and `LINGER_S`; tests are less patient.
    """

    def __init__(
        self,
        table: SinkTable,
        journal: Path,
        move: Move,
        now_us: Callable[[], int],
        *,
        open_sink: Callable[[Any], Sink] = open_influx,
        layout: Layout | None = None,
        resent: Resent | None = None,
        whole: Callable[[], JournalReader] | None = None,
        denied_s: float = DENIED_S,
        linger_s: float = LINGER_S,
    ) -> None:
        self.table = table
        self.failure: BaseException | None = None
        """What ended the thread, if it did not end by `stop`."""
        self.beat = monotonic()
        """When the thread last went round [s]."""
        self._journal = journal
        self._move = move
        self._now_us = now_us
        self._open_sink = open_sink
        self._layout = layout or LineProtocol()
        self._resent = resent
        self._whole = whole or (lambda: JournalReader(journal))
        self._denied_s = denied_s
        self._linger_s = linger_s
        self._sink: Sink | None = None
        self._offers: deque[bytes] = deque(maxlen=OFFERS)
        self._confirmed: deque[tuple[float, int]] = deque()
        self._cursor = self._position = 0
        self._newest_us: int | None = None
        self._sent = 0
        self._state, self._error = "starting", Message.of("")
        self._outage_from: int | None = None
        self._idle = threading.Event()
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"forwarder {table.id}", daemon=True)

    # from outside

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Stop after the request that is on its way."""
        self._stop.set()
        self._wake.set()

    def join(self, timeout: float | None = None) -> None:
        """Wait for the end of the thread."""
        self._thread.join(timeout)

    @property
    def alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread.is_alive()

    def notify(self) -> None:
        """There may be something new in the journal."""
        self._idle.clear()
        self._wake.set()

    def offer(self, lines: bytes) -> None:
        """Points about the station itself: sent when the database is there, the oldest lost first."""
        if self._layout.health:
            self._offers.append(lines)
            self._wake.set()

    def wait_idle(self, timeout: float) -> bool:
        """Wait until everything in the journal is in the database; False when it is not by then."""
        return self._idle.wait(timeout)

    def status(self) -> dict[str, Any]:
        """How the database is doing."""
        return {
            "state": self._state,
            "error": self._error,
            "rev": self._cursor,
            "newest_us": self._newest_us,
            "sent": self._sent,
        }

    # the thread

    def _run(self) -> None:
        try:
            with JournalReader(self._journal) as reader, ThreadPoolExecutor(1) as ahead:
                self._begin(reader)
                self._open()
                self._follow(reader, ahead)
        except _StopError:
            pass
        except BaseException as error:  # noqa: BLE001 - kept for the supervisor, who starts another one
            self.failure = error
        finally:
            if self._sink is not None:
                self._sink.close()

    def _begin(self, reader: JournalReader) -> None:
        self._cursor = next((row.rev for row in reader.accounting.cursors() if row.sink == self.table.id), 0)
        self._position = _tail(reader, self._cursor, round(self.table.tail * 1e6))
        self._confirmed.append((monotonic(), self._position))
        if self._cursor:
            self._newest_us = next(
                (
                    row.time_us
                    for rev, row in reader.observations_after(self._cursor - 1, 1)
                    if rev <= self._cursor
                ),
                None,
            )

    def _open(self) -> None:
        """Make the client at once: a secret that is not there is said before there is anything to send."""
        try:
            self._client()
        except (SinkDenied, StationConfigError) as error:
            self._out(EventKind.SINK_DENIED, "denied", Message.of(error))

    def _client(self) -> Sink:
        if self._sink is None:
            self._sink = self._open_sink(self.table)
        return self._sink

    def _follow(self, reader: JournalReader, ahead: ThreadPoolExecutor) -> None:
        following: Future[_Batch] | None = None
        sent_at = -math.inf
        while not self._stop.is_set():
            self.beat = monotonic()
            self._wake.clear()
            batch = following.result() if following is not None else self._read(reader, self._position)
            following = None
            if batch.rev == self._position:
                self._send_offers()
                if not self._send_again(reader):
                    self._rest()
                continue
            if not batch.full and (early := sent_at + self._linger_s - monotonic()) > 0:
                self._pause(early)
                batch = self._read(reader, self._position)
            if batch.full:
                following = ahead.submit(self._read, reader, batch.rev)
            sent_at = monotonic()
            outage = self._send(batch)
            if outage is not None:
                if following is not None:
                    following.result()
                    following = None
                self._position = min(outage, batch.rev)
            self._send_offers()

    def _send_again(self, reader: JournalReader) -> bool:
        """Send a window that was asked for again, day by day; whether there was one."""
        window = (
            next(iter(reader.accounting.resend(self.table.id)), None) if self._resent is not None else None
        )
        if window is None or self._resent is None:
            return False
        start_us, end_us = window
        refused: list[Refused] = []
        with self._whole() as whole:
            times = [t for info in whole.series() for t in (info.first_us, info.last_us) if t is not None]
            begin, last = max(start_us, min(times, default=0)), min(end_us, max(times, default=0) + 1)
            while begin < last:
                end = min(begin + DAY_US, last)
                rows = list(whole.revisions(begin, end))
                points, unwritable = points_of(rows, self._layout, whole.journal_id)
                points += self._derived(whole.derived_between(begin, end))
                refused += unwritable
                for first in range(0, len(points), self.table.batch):
                    refused += self._persist(points[first : first + self.table.batch])
                begin = end
        parked = [self._parked(one) for one in refused]
        self._patiently(lambda: self._resent(self.table.id, start_us, end_us, parked=parked))  # type: ignore[misc]
        return True

    def _rest(self) -> None:
        """Nothing to send: wait for the writer to say that there is."""
        if self._state in ("starting", "ok") and not self._wake.is_set():
            self._idle.set()
        if self._wake.wait(_LOOK_S):
            self._idle.clear()

    def _read(self, reader: JournalReader, after: int) -> _Batch:
        """The next points, observations and derived values in the one order of `rev`."""
        limit = self.table.batch
        rows = reader.observations_after(after, limit)
        derived = reader.derived_after(after, limit)
        reach = [found[-1][0] for found in (rows, derived) if len(found) == limit]
        rev = min(reach) if reach else max([after, *(found[-1][0] for found in (rows, derived) if found)])
        if reach:
            rows = [row for row in rows if row[0] <= rev]
            derived = [row for row in derived if row[0] <= rev]
        points, refused = points_of(rows, self._layout, reader.journal_id)
        points += self._derived(derived)
        return _Batch(points, refused, rev, bool(reach))

    def _derived(self, rows: Sequence[Derived]) -> list[Point]:
        lines = ((row, self._layout.derived(row)) for row in rows)
        return [Point(row[0], row[1], row[3], text) for row, text in lines if text is not None]

    # sending

    def _send(self, batch: _Batch) -> int | None:
        """Send until it is confirmed and the cursor is moved; the revision to go back to after an outage."""
        refused = self._persist(batch.points)
        self._note_confirmed(batch.rev)
        outage, self._outage_from = self._outage_from, None
        self._position = batch.rev
        if batch.rev > self._cursor:
            fresh = [*batch.refused, *refused]
            parked = [self._parked(one) for one in fresh if one.points[-1].rev > self._cursor]
            sent = sum(1 for one in batch.points if one.rev > self._cursor)
            sent -= sum(len(one.points) for one in refused)
            failpoint("before-cursor")
            self._moved(batch.rev, parked, max(0, sent))
            if batch.points:
                self._newest_us = max(self._newest_us or 0, *(one.time_us for one in batch.points))
        return outage

    def _persist(self, points: Sequence[Point]) -> list[Refused]:
        """Deliver points, however long it takes."""
        if not points:
            return []
        wait = 1.0
        while True:
            self._check()
            try:
                failpoint("before-send")
                refused = deliver(points, self._write)
                failpoint("after-204")
            except (SinkDenied, StationConfigError) as error:
                self._out(EventKind.SINK_DENIED, "denied", Message.of(error))
                self._pause(self._denied_s)
            except SinkUnavailable as error:
                self._out(EventKind.SINK_GONE, "unavailable", Message.of(error))
                if error.retry_after is not None:
                    self._pause(min(error.retry_after, LONGEST_REQUESTED_S))
                else:
                    self._pause(wait * random.uniform(0.5, 1.0))  # noqa: S311 - jitter
                wait = min(2 * wait, LONGEST_WAIT_S)
            else:
                self._back()
                return refused

    def _write(self, lines: bytes) -> None:
        self._check()
        self.beat = monotonic()
        self._client().write(lines)

    def _send_offers(self) -> None:
        """Points about the station: an attempt each round, no more."""
        while self._offers and not self._stop.is_set():
            lines = self._offers[0]
            try:
                self._write(lines)
            except SinkRefused:
                pass
            except (SinkError, StationConfigError) as error:
                kind = EventKind.SINK_GONE if isinstance(error, SinkUnavailable) else EventKind.SINK_DENIED
                self._out(
                    kind, "denied" if kind is EventKind.SINK_DENIED else "unavailable", Message.of(error)
                )
                return
            if self._offers and self._offers[0] is lines:
                self._offers.popleft()
            self._back()

    def _check(self) -> None:
        if self._stop.is_set():
            raise _StopError

    def _pause(self, seconds: float) -> None:
        end = monotonic() + seconds
        while (left := end - monotonic()) > 0:
            self.beat = monotonic()
            if self._stop.wait(min(left, _LOOK_S)):
                raise _StopError

    # what is known of the database

    def _out(self, kind: EventKind, state: str, words: Message) -> None:
        """It does not take what we send: say so once, and remember where a tail has to begin."""
        if self._state != state or self._error != words:
            told = self._state == state
            self._state, self._error = state, words
            event = NewEvent(kind, self.table.id, words)
            self._record(self._cursor, events=[] if told else [event], error=words)
        if self._outage_from is None and self.table.tail:
            since = monotonic() - self.table.tail
            while len(self._confirmed) > 1 and self._confirmed[1][0] < since:
                self._confirmed.popleft()
            self._outage_from = self._confirmed[0][1]

    def _back(self) -> None:
        """It took what we sent."""
        if self._state in ("denied", "unavailable"):
            event = NewEvent(EventKind.SINK_BACK, self.table.id, Message("it takes what is sent again"))
            self._record(self._cursor, events=[event])
        self._state, self._error = "ok", Message.of("")

    def _note_confirmed(self, rev: int) -> None:
        now = monotonic()
        if now - self._confirmed[-1][0] >= 1.0:
            self._confirmed.append((now, rev))
        while len(self._confirmed) > 1 and self._confirmed[1][0] < now - self.table.tail:
            self._confirmed.popleft()

    def _moved(self, rev: int, parked: Sequence[Parked], sent: int) -> None:
        self._record(rev, parked=parked, sent=sent)
        self._cursor = rev
        self._sent += sent

    def _record(
        self,
        rev: int,
        *,
        parked: Sequence[Parked] = (),
        events: Sequence[NewEvent] = (),
        error: str = "",
        sent: int = 0,
    ) -> None:
        """Have the journal remember; a journal that cannot be written now is tried again."""
        self._patiently(
            lambda: self._move(self.table.id, rev, parked=parked, events=events, error=error, sent=sent)
        )

    def _patiently(self, tell: Callable[[], None]) -> None:
        wait = 1.0
        while True:
            try:
                tell()
            except StorageError:
                self._pause(wait)
                wait = min(2 * wait, LONGEST_WAIT_S)
            else:
                return

    def _parked(self, refused: Refused) -> Parked:
        times = [one.time_us for one in refused.points]
        if len(refused.points) == 1:
            one = refused.points[0]
            payload = one.line.encode() or f"{one.series} at {one.time_us} µs".encode()
            return Parked("point", self.table.id, refused.reason, payload, one.time_us, self._now_us())
        payload = json.dumps(
            {"points": len(times), "from_us": min(times), "to_us": max(times) + 1,
             "series": sorted({str(one.series) for one in refused.points})},
            ensure_ascii=False,
        ).encode()  # fmt: skip
        return Parked("stretch", self.table.id, refused.reason, payload, min(times), self._now_us())


def _tail(reader: JournalReader, cursor: int, tail_us: int) -> int:
    """Where the last `tail_us` before a cursor begins, looking back a bounded number of revisions."""
    if not tail_us or not cursor:
        return cursor
    seen: list[tuple[int, int]] = []
    after = max(0, cursor - _TAIL_REVS)
    while True:
        rows = reader.observations_after(after, 2000)
        seen += [(rev, row.time_us) for rev, row in rows if rev <= cursor]
        if len(rows) < 2000 or rows[-1][0] > cursor:
            break
        after = rows[-1][0]
    since = max((time_us for _, time_us in seen), default=0) - tail_us
    for (before, _), (_, time_us) in pairwise([(max(0, cursor - _TAIL_REVS), 0), *seen]):
        if time_us >= since:
            return before
    return cursor
