"""The one thread that writes: takes what the sources have, commits it in groups, then lets them acknowledge.

A group is what came while the group before was being written, or within ``[journal] commit_every``. A journal
that cannot be written now is tried again with the same group, and the sources wait: nothing is dropped.
"""

from __future__ import annotations

import json
import logging
import threading
from collections import Counter, deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from time import monotonic
from typing import Any, NamedTuple, TypeVar

from soilco2.ingest.clock.clock import Clock
from soilco2.ingest.drivers.driver import Batch, Pushed
from soilco2.ingest.errors import CollectorError
from soilco2.quality.records import Sample
from soilco2.quality.runs import Bulk
from soilco2.station_config.loader import Station
from soilco2.station_config.message import Message
from soilco2.storage.errors import JournalDamagedError, JournalGoneError, StorageError
from soilco2.storage.journal.failpoint import failpoint
from soilco2.storage.journal.operations import run
from soilco2.storage.journal.rows import NewEvent
from soilco2.storage.journal.writer import Writer

log = logging.getLogger(__name__)

_T = TypeVar("_T")

ROWS = 20_000
"""Samples of polled probes that wait at most; then the rounds wait."""
LONGEST_WAIT_S = 30.0
"""Between two attempts to write a journal that cannot be written [s]."""
_BURST = 10
_STALLED_S = 0.005


class _Group(NamedTuple):
    """What one commit keeps."""

    batch: Batch
    events: list[NewEvent]
    taken: list[tuple[Pushed, Batch]]
    rounds: int


class WriterThread:
    """The writer's thread.

    Parameters
    ----------
    writer : Writer
    clock : Clock
    commit_every_s, commit_rows : float, int
        How long a group is gathered at most [s], and how large it may become.
    on_commit : callable
        Called in the writer's thread after a commit.
    """

    def __init__(
        self,
        writer: Writer,
        clock: Clock,
        *,
        commit_every_s: float,
        commit_rows: int,
        on_commit: Callable[[], None],
    ) -> None:
        self.failure: BaseException | None = None
        """What ended the thread, if it did not end by `close`."""
        self.beat = monotonic()
        """When the thread last got something done, or had nothing to do [s]."""
        self.error = Message.of("")
        """Why the journal cannot be written now; empty when it can."""
        self.answered: dict[str, int] = {}
        """When each instrument was last heard, by serial number [µs UTC]."""
        self.commits = 0
        self.sources: dict[str, Pushed] = {}
        """What is taken from, by kind of connection."""
        self._writer = writer
        self._clock = clock
        self._every_s, self._rows = commit_every_s, commit_rows
        self._on_commit = on_commit
        self._some = threading.Condition()
        self._calls: deque[tuple[Callable[[Writer], Any], Future[Any], bool]] = deque()
        self._samples: list[Sample] = []
        self._events: list[NewEvent] = []
        self._counts: Counter[tuple[str, str]] = Counter()
        self._delivered = self._committed = 0
        self._messages = False
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)

    # from outside

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread.is_alive()

    @property
    def settled(self) -> bool:
        """Whether everything delivered is on disk."""
        return self._committed == self._delivered

    def deliver(self, samples: Sequence[Sample], events: Sequence[NewEvent] = ()) -> None:
        """Hand over samples and events of a round; waits while too many wait already.

        Raises
        ------
        CollectorError
            When the collector is closing or its writer has failed.
        """
        with self._some:
            while len(self._samples) >= ROWS and not self._closing and self.alive:
                self._some.wait(1.0)
            if self._closing or not self.alive:
                raise CollectorError(Message("the collector is closing"))
            self._samples += samples
            self._events += events
            self._delivered += 1
            self._some.notify_all()

    def note(self, event: NewEvent) -> None:
        """Hand over an event; never waits."""
        with self._some:
            self._events.append(event)
            self._some.notify_all()

    def count(self, source: str, name: str, amount: int) -> None:
        """Add to a counter, with the next commit."""
        with self._some:
            self._counts[source, name] += amount

    def messages_wait(self) -> None:
        """A source has something to take."""
        with self._some:
            self._messages = True
            self._some.notify_all()

    def call(self, operation: Callable[[Writer], _T], *, quiet: bool = False) -> _T:
        """Have an operation carried out on the writer's thread, and wait for its result.

        A `quiet` one changes nothing that a database would have to be told.
        """
        answer: Future[_T] = Future()
        with self._some:
            if not self.alive:
                raise StorageError(Message("the journal's writer does not run"))
            self._calls.append((operation, answer, quiet))
            self._some.notify_all()
        while True:
            try:
                return answer.result(1.0)
            except TimeoutError:
                if answer.done():
                    raise
                if not self.alive:
                    raise StorageError(Message("the journal's writer has ended")) from None

    def carry_out(self, op: str, arguments: dict[str, Any]) -> Any:
        """Have an operation of `soilco2.storage.journal.operations` carried out, and wait for its result."""
        done = self.call(lambda writer: run(writer, op, arguments))
        samples = arguments.get("samples", ())
        serials = (
            {run.serial for run in samples.runs()}
            if isinstance(samples, Bulk)
            else {row[0] for row in samples}
        )
        self.answered.update(dict.fromkeys(serials, self._clock.now_us()))
        return done

    def attach(self, source: Pushed) -> None:
        """Take from this source from now on, instead of one of its kind before it."""
        # another dict, since the writer's thread may be going through this one
        self.sources = {**self.sources, source.kind: source}

    def use(self, station: Station, *, commit_every_s: float, commit_rows: int) -> None:
        """Go on with another configuration; call it on the writer's thread."""
        for source in self.sources.values():
            source.use(station)
        self._every_s, self._rows = commit_every_s, commit_rows

    def close(self) -> None:
        """Write what was handed over, and end the thread; the writer stays open."""
        with self._some:
            self._closing = True
            self._some.notify_all()
        self._thread.join()

    # the thread

    def _run(self) -> None:
        late_in_s: float | None = None
        try:
            while True:
                with self._some:
                    if not self._waiting() and not self._closing:
                        self._some.wait(min(1.0, 1.0 if late_in_s is None else late_in_s))
                    closing = self._closing
                self.beat = monotonic()
                self._carry_out()
                if self._has_rows():
                    if not closing:
                        self._gather()
                    self._keep(self._group())
                elif closing and not self._waiting():
                    return
                if not closing:
                    rev = self._writer.session.rev
                    late_in_s = self._writer.keep_up()
                    if self._writer.session.rev != rev:
                        self._on_commit()
        except BaseException as error:  # noqa: BLE001 - kept for the supervisor
            self.failure = error
        finally:
            for _, answer, _ in self._calls:
                answer.set_exception(StorageError(Message("the journal's writer has ended")))

    def _has_rows(self) -> bool:
        return bool(self._samples or self._events or self._messages)

    def _waiting(self) -> bool:
        return bool(self._calls) or self._has_rows()

    def _carry_out(self) -> None:
        while self._calls:
            operation, answer, quiet = self._calls.popleft()
            try:
                answer.set_result(operation(self._writer))
            except Exception as error:  # noqa: BLE001 - it is the caller's
                answer.set_exception(error)
            if not quiet:
                self._on_commit()

    def _gather(self) -> None:
        """Wait for more, but not for what cannot come before something is acknowledged."""
        end = monotonic() + self._every_s
        count = self._count_waiting()
        while count < self._rows and (left := end - monotonic()) > 0:
            with self._some:
                if self._calls or self._closing:
                    return
                self._some.wait(min(left, _STALLED_S) if count >= _BURST else left)
            before, count = count, self._count_waiting()
            if count == before and count >= _BURST:
                return

    def _count_waiting(self) -> int:
        return len(self._samples) + sum(source.waiting for source in self.sources.values())

    def _group(self) -> _Group:
        with self._some:
            samples, self._samples = self._samples, []
            events, self._events = self._events, []
            counts, self._counts = self._counts, Counter()
            rounds = self._delivered
            self._messages = False
            self._some.notify_all()
        batch = Batch(samples, [], counts)
        taken = []
        for source in list(self.sources.values()):
            if (found := source.take()) is not None:
                taken.append((source, found))
                batch.samples.extend(found.samples)
                batch.parked.extend(found.parked)
                batch.counts.update(found.counts)
                batch.heard.extend(found.heard)
        return _Group(batch, events, taken, rounds)

    def _keep(self, group: _Group) -> None:
        """Commit a group, however long it takes."""
        wait = 1.0
        while True:
            self.beat = monotonic()
            try:
                self._commit(group)
            except (JournalDamagedError, JournalGoneError):
                raise  # the next start takes over what can be read
            except StorageError as error:
                if str(error) != self.error:
                    self.error = Message.of(error)
                    log.warning("%s; trying again", error)
                with self._some:
                    if self._closing:
                        raise
                    self._some.wait(wait)
                self._carry_out()
                wait = min(2 * wait, LONGEST_WAIT_S)
            else:
                break
        if self.error:
            log.warning("the journal can be written again")
            self.error = Message.of("")
        self.commits += 1
        for sample in group.batch.samples:
            self.answered[sample[0]] = sample[6]
        for source, batch in group.taken:
            source.acknowledge(batch)
        failpoint("after-ack")
        self._committed = group.rounds
        self.beat = monotonic()
        self._on_commit()

    def _commit(self, group: _Group) -> None:
        failpoint("before-commit")
        rest = {
            "parked": group.batch.parked,
            "events": group.events,
            "counts": [(*key, n) for key, n in group.batch.counts.items()],
        }
        try:
            self._writer.commit(group.batch.samples, heard=group.batch.heard, **rest)  # type: ignore[arg-type]
        except StorageError:
            raise
        except Exception:  # one sample must not keep the others out
            log.exception("a group of %d samples cannot be kept as it is", len(group.batch.samples))
            self._writer.commit((), **rest)  # type: ignore[arg-type]
            self._one_by_one(group.batch.samples)
            self._writer.commit((), heard=group.batch.heard)
        failpoint("after-commit")

    def _one_by_one(self, samples: Sequence[Sample]) -> None:
        for sample in samples:
            try:
                self._writer.commit([sample])
            except StorageError:
                raise
            except Exception as error:  # noqa: BLE001 - kept with its reason
                reason = Message("it cannot be kept: {kind}: {why}", kind=type(error).__name__, why=error)
                refused = Batch()
                payload = json.dumps(list(sample), default=str).encode()
                refused.refuse(sample.source, reason, payload, None, sample.arrival_us)
                counts = [(*key, n) for key, n in refused.counts.items()]
                self._writer.commit(parked=refused.parked, counts=counts)
