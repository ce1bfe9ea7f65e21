"""Observations made of samples as they are kept, and made again when something changes behind them."""

from __future__ import annotations

import json
import logging
import sqlite3
from collections.abc import Iterator, Sequence
from time import monotonic

from soilco2.quality.dependence import Dependence, Scope
from soilco2.quality.pipeline import Made, Pipeline
from soilco2.quality.plans import ManualFlag, StationPlan
from soilco2.quality.records import Flag, Sample, SeriesKey
from soilco2.quality.runs import Bulk, channels_of
from soilco2.station_config.message import Message
from soilco2.station_config.times import DAY_US
from soilco2.storage.errors import JournalDamagedError, JournalGoneError, StorageError
from soilco2.storage.journal.archive import Archive, among, archives_of, folder_of, opened, with_archived
from soilco2.storage.journal.conflicts import Conflicts
from soilco2.storage.journal.failpoint import failpoint
from soilco2.storage.journal.imports import Imports
from soilco2.storage.journal.observed import Observed
from soilco2.storage.journal.remaking import Remaking, in_lists
from soilco2.storage.journal.rows import NewEvent
from soilco2.storage.journal.sample_lists import SampleLists
from soilco2.storage.journal.samples import Samples
from soilco2.storage.journal.schema import EventKind
from soilco2.storage.journal.session import Session
from soilco2.storage.journal.settings_told import WHAT, settings_told
from soilco2.storage.journal.uncommitted import InTransaction
from soilco2.storage.journal.waiting import Mark, Waiting
from soilco2.storage.reader import nearest

log = logging.getLogger(__name__)

ROWS = 5000
"""Samples judged again in one transaction, about."""
_GATHER_S = 0.5
"""Between two times that late readings are judged [s]: those that come meanwhile are judged together."""
_REPROCESSED = 50_000
"""Samples of a window judged again in one transaction, about."""
_ALL = 1 << 62
_AFTER_FAULT_S = 600.0
_CLOSING_S = 5.0


class Judging:
    """Judges what was kept.

    Parameters
    ----------
    session : Session
    samples : Samples
    imports : Imports
    conflicts : Conflicts

    Attributes
    ----------
    waiting : Waiting
        What is late and not yet judged.
    observed : Observed
    """

    def __init__(self, session: Session, samples: Samples, imports: Imports, conflicts: Conflicts) -> None:
        self._session, self._kept = session, samples
        self._imports, self._conflicts = imports, conflicts
        self.observed = Observed(session)
        self.waiting = Waiting(session)
        self._at = 0.0  # when what waits is judged next, on the monotonic clock [s]
        self._pipeline: Pipeline | None = None
        self._plans: StationPlan | None = None
        self._hangs: tuple[int, Dependence] | None = None
        self._going: tuple[Scope, Remaking] | None = None  # a pass that is not through
        session.follow(self._load, self.forget)

    def _load(self) -> None:
        behind = self._session.meta("judged")
        self._behind = behind != ""
        self._judged: int = int(behind) if behind else self._kept.seq
        self._reader = InTransaction(self._session.db)
        self._lists = SampleLists(self._session.db)

    def forget(self) -> None:
        """Drop what is remembered of samples, flags and configuration: the next commit primes it anew."""
        self._pipeline = self._plans = self._hangs = self._going = None

    def _judge(self, done: bool) -> None:
        """Remember how far quality has come; it is only written while it lags behind."""
        if done:
            self._judged = self._kept.seq
            if self._behind:
                self._session.db.execute("DELETE FROM meta WHERE key = 'judged'")
        elif not self._behind:
            self._session.meta("judged", str(self._judged))
        self._behind = not done

    def _manual(self) -> list[ManualFlag]:
        revoked = {
            json.loads(row[0])["event"]
            for row in self._session.db.execute("SELECT data FROM event WHERE kind = 'flag_revoked'")
        }
        flags = []
        for number, data in self._session.db.execute("SELECT id, data FROM event WHERE kind = 'flag'"):
            if number not in revoked:
                f = json.loads(data)
                flags.append(
                    ManualFlag(
                        SeriesKey(*f["series"]),
                        f["from_us"],
                        f["until_us"],
                        Flag(f["flag"]),
                        f["who"],
                        f["why"],
                        number,
                    )
                )
        return flags

    def _plan(self) -> StationPlan:
        """How channels are judged by the configuration and the manual flags in force."""
        if self._plans is None:
            station = self._session.station
            told = settings_told(self._session.db)
            self._plans = StationPlan(station.deployments, station.hash, self._manual(), told)
        return self._plans

    def _ready(self) -> Pipeline:
        """The pipeline, primed with what was judged before; what is being kept just now is not among it."""
        if self._pipeline is None:
            pipeline = Pipeline(self._plan())
            newest = self._newest_us()
            if newest is not None:
                since = newest - pipeline.lookback_us
                pipeline.prime(self._samples(since, newest + 1, self._judged), since)
                pipeline.rivals.clear()
            self._pipeline = pipeline
        return self._pipeline

    def _newest_us(self) -> int | None:
        """The newest time that was judged; a stamp from the future does not count."""
        limit = self._session.now_us() + int(self._session.station.file.quality.future_tolerance * 1e6)
        row = self._session.db.execute(
            "SELECT max((SELECT time_us FROM sample WHERE channel = channel.id AND time_us <= ? AND seq <= ?"
            " ORDER BY time_us DESC LIMIT 1)) FROM channel",
            (limit, self._judged),
        ).fetchone()
        return None if row[0] is None else int(row[0])

    def _samples(self, start_us: int, end_us: int, upto_seq: int = 2**62) -> Iterator[Sample]:
        layers = self._imports.layers
        live = self._reader.samples(start_us, end_us, upto_seq, layers)
        archives = self._archives(start_us, end_us)
        return with_archived(live, archives, start_us, end_us, layers) if archives else live

    def _archives(self, start_us: int, end_us: int) -> list[Archive]:
        return among(archives_of(folder_of(self._session.station)), start_us, end_us)

    def observe(self, kept: Sequence[Sample]) -> int:
        """Make observations of new samples, and mark those that wait; a fault in quality never costs a sample."""
        try:
            timed = isinstance(kept, Bulk) or any(s.time_us is not None for s in kept)
            made = self._ready().make(kept) if timed else Made([], [], [])
        except sqlite3.Error:
            raise
        except Exception as error:  # noqa: BLE001 - a fault in judging must not cost a sample
            self.forget()
            self._conflicts.drop()
            self._judge(False)
            self._session.event(
                NewEvent(
                    EventKind.QUALITY_FAILED,
                    "quality",
                    Message(
                        "{count} samples are stored but not judged ({kind}: {why}); 'soilco2 reprocess' judges them",
                        count=len(kept),
                        kind=type(error).__name__,
                        why=error,
                    ),
                )
            )
            return 0
        if made.late:
            self._going = None
        channel = self._session.channel
        self.waiting.add(
            Mark(channel(row.serial, row.channel), row.from_us, row.until_us) for row in made.late
        )
        self._judge(True)
        return sum(map(self.observed.put_run, made.runs)) + self.observed.put(made.singles)

    # what is late

    def keep(self) -> float | None:
        """Judge some of what waits, if it is time; a fault is logged and tried again later.

        Returns
        -------
        float or None
            In how many seconds to come again; None when nothing waits.
        """
        now = monotonic()
        if self.waiting and now >= self._at:
            try:
                self._at = 0.0 if self.go_on() else monotonic() + _GATHER_S
            except (JournalDamagedError, JournalGoneError):
                raise
            except StorageError as error:
                log.warning("%s; late readings wait", error)
                self._at = now + _CLOSING_S
        return max(0.0, self._at - now) if self.waiting else None

    def finish(self) -> None:
        """Judge what waits before the journal is closed, but not for long: the next writer goes on."""
        end = monotonic() + _CLOSING_S
        try:
            while monotonic() < end and self.go_on():
                pass
        except StorageError as error:
            log.warning("%s; late readings wait for the next start", error)

    def go_on(self) -> bool:
        """Judge some of what waits, in a transaction of its own; whether more waits.

        Raises
        ------
        StorageError
            When it could not be kept; then nothing of it is.
        """
        if not self.waiting:
            return False
        failpoint("late-waits")
        try:
            with self._session.transaction():
                rows = ROWS
                for marks in self._lying_together():
                    rows -= self._judge_late(marks, rows)
                    if rows <= 0:
                        break
        except StorageError:
            raise
        except Exception as error:  # noqa: BLE001 - a fault in judging must not cost a sample
            self._at = monotonic() + _AFTER_FAULT_S
            text = Message(
                "late readings could not be judged ({kind}: {why}); they wait, the next try is in {minutes:.0f} "
                "minutes",
                kind=type(error).__name__,
                why=error,
                minutes=_AFTER_FAULT_S / 60,
            )
            with self._session.transaction():
                self._session.event(NewEvent(EventKind.QUALITY_FAILED, "quality", text))
            return False
        failpoint("late-judged")
        return bool(self.waiting)

    def _lying_together(self) -> Iterator[list[Mark]]:
        """What waits, in lists to be judged in one pass each; what is judged meanwhile does not matter."""
        hangs, numbers = self._dependence(), self._session.channels
        names = {number: name for name, number in numbers.items()}
        for group in hangs.groups(names[number] for number in self.waiting.channels):
            reach_us = hangs.scope(group).lookback_us
            yield from list(self.waiting.clusters([numbers[name] for name in group], reach_us))

    def _judge_late(self, marks: Sequence[Mark], rows: int) -> int:
        """Within a transaction: judge some marks that lie together, as far as about so many samples; those read."""
        start_us, hangs, pipeline = marks[0].from_us, self._dependence(), self._ready()
        end_us = min(max(mark.until_us for mark in marks), start_us + DAY_US)
        names = {number: name for name, number in self._session.channels.items()}
        channels = {mark.channel for mark in marks if mark.from_us < end_us}
        scope = hangs.scope([names[channel] for channel in channels])
        going, self._going = self._going, None
        if going is not None and going[0] is scope and going[1].at_us == start_us < going[1].end_us:
            again = going[1]  # what it looks back on need not be read again
        else:
            again = self._remaking(start_us, end_us, scope)
        read, _ = again.run(rows)
        if again.at_us < again.end_us:
            self._going = (scope, again)
        self.waiting.settle(channels, start_us, again.at_us)
        level = pipeline.level(again.pipeline, scope.series)
        waits = self.waiting.of
        numbers = self._session.channels
        known = [key for key in level if not waits(numbers[name] for name in hangs.needed(key))]
        if known:
            pipeline.take_over(again.pipeline, known, start_us)
        return max(read, 1)

    def catch_up(self, samples: Sequence[Sample]) -> None:
        """Judge on until nothing of the channels of these samples waits."""
        channels = {self._session.channel(*name) for name in channels_of(samples)}
        while self.waiting.of(channels) and self.go_on():
            pass

    def _dependence(self) -> Dependence:
        channels = self._session.channels
        if self._hangs is None or self._hangs[0] != len(channels):
            self._hangs = (len(channels), Dependence(self._plan(), channels))
        return self._hangs[1]

    def hear_settings(self, events: Sequence[NewEvent]) -> None:
        """Within a transaction, after events were kept: make again what instruments' settings change."""
        told = [e for e in events if e.data.get("what") == WHAT and e.data.get("values")]
        before = settings_told(self._session.db) if told else []
        for event in told:
            since_us = self._session.now_us() if event.time_us is None else event.time_us
            last = [row.values for row in before if row.serial == event.subject and row.from_us < since_us]
            newest = self._newest_us()
            if (not last or last[-1] != event.data["values"]) and newest is not None:
                self.make_again(since_us, max(since_us, newest) + 1)

    def _remaking(self, start_us: int, end_us: int, scope: Scope | None = None) -> Remaking:
        """A pass over a window: of what a scope names, or of all series."""
        plan, layers = self._plan(), self._imports.layers
        channels = self._session.channels
        if scope is not None:
            channels = {name: channels[name] for name in scope.channels if name in channels}
        looks = plan if scope is None else scope
        since_us, until_us = start_us - looks.lookback_us, end_us + looks.lookahead_us
        archives = self._archives(since_us, until_us)
        lists: Iterator[tuple[Sequence[Sample], int]]
        if archives:
            whole = self._samples(since_us, until_us)
            lists = in_lists((s for s in whole if s[:2] in channels), until_us)
        else:
            lists = self._lists.read(since_us, until_us, channels, layers)
        return Remaking(
            self._session, self.observed, self._conflicts, plan, lists, archives, start_us, end_us, scope
        )  # fmt: skip

    def make_again(self, from_us: int, until_us: int) -> int:
        """Within a transaction: make again a window and what looks back on it; the observations that changed."""
        self.forget()
        plan = self._plan()
        return self._remaking(from_us - plan.lookahead_us, until_us + plan.lookback_us).run(_ALL)[1]

    def samples_at(self, serial: str, channel: str, time_us: int) -> list[tuple[int, float | None, str, str]]:
        """Number, raw, status and source of what a channel has at a time, archives included."""
        found = self._reader.samples_at(serial, channel, time_us)
        with opened(self._archives(time_us, time_us + 1)) as readers:
            return found + [row for reader in readers for row in reader.samples_at(serial, channel, time_us)]

    def reprocess(self, from_us: int, to_us: int) -> int:
        """Judge every sample of a window again with the configuration in force.

        Returns
        -------
        int
            Observations that changed.
        """
        changed = 0
        with_archives = archives_of(folder_of(self._session.station))
        first, last = self._reader.first_sample_us(), self._reader.last_sample_us()
        firsts = [t for t in (first, *(a.start_us for a in with_archives)) if t is not None]
        lasts = [t for t in (last, *(a.end_us for a in with_archives)) if t is not None]
        if not firsts:
            return 0
        start, stop = max(from_us, min(firsts)), min(to_us, max(lasts) + 1)
        again = self._remaking(start, stop)
        while again.at_us < stop:
            with self._session.transaction():
                changed += again.run(_REPROCESSED)[1]
        with self._session.transaction():
            self.forget()
            self._judge(True)
            self._session.event(
                NewEvent(
                    EventKind.REPROCESSED,
                    "quality",
                    Message("{count} observations changed", count=changed),
                    {"from_us": from_us, "to_us": to_us, "changed": changed},
                )
            )
        return changed

    def flag(self, series: Sequence[str], from_us: int, until_us: int, flag: int, who: str, why: str) -> int:
        """Flag a stretch of a series by hand; the number of the event takes it back."""
        key = SeriesKey(*series)
        if key not in self._session.series:
            asked = "/".join(key[1:])
            raise StorageError(
                Message(
                    "{series}: the journal has no such series; {nearest}",
                    series=asked,
                    nearest=nearest(key, self._session.series),
                )
            )
        data = {
            "series": list(key),
            "from_us": from_us,
            "until_us": until_us,
            "flag": int(Flag(flag)),
            "who": who,
            "why": why,
        }
        with self._session.transaction():
            number = self._session.event(NewEvent(EventKind.FLAG, who, why, data))
            self.make_again(from_us, until_us)
        return number

    def revoke(self, event: int, who: str, why: str) -> int:
        """Take a manual flag back.

        Returns
        -------
        int
            Observations that changed.
        """
        row = self._session.db.execute(
            "SELECT data FROM event WHERE id = ? AND kind = 'flag'", (event,)
        ).fetchone()
        force = [f.event_id for f in self._manual()]
        if row is None or event not in force:
            numbers = ", ".join(map(str, force)) or Message("none")
            raise StorageError(
                Message(
                    "event {event} is no manual flag; flags in force: {numbers}", event=event, numbers=numbers
                )
                if row is None
                else Message(
                    "event {event} was taken back already; flags in force: {numbers}",
                    event=event,
                    numbers=numbers,
                )
            )
        f = json.loads(row[0])
        with self._session.transaction():
            self._session.event(NewEvent(EventKind.FLAG_REVOKED, who, why, {"event": event}))
            return self.make_again(f["from_us"], f["until_us"])
