"""Observations made of samples as they are kept, and made again when something changes behind them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from soilco2.quality.pipeline import Outcome, Pipeline, Stretch
from soilco2.quality.plans import ManualFlag, StationPlan
from soilco2.quality.recompute import recompute
from soilco2.quality.records import Flag, Observation, Sample, SeriesKey
from soilco2.station_config.times import DAY_US
from soilco2.storage.errors import StorageError
from soilco2.storage.journal.archive import (
    Archive,
    among,
    archived_observations,
    archives_of,
    folder_of,
    with_archived,
)
from soilco2.storage.journal.bulk_insert import Insertion
from soilco2.storage.journal.reader import JournalReader
from soilco2.storage.journal.rows import NewEvent
from soilco2.storage.journal.samples import Samples
from soilco2.storage.journal.schema import EventKind
from soilco2.storage.journal.session import Session
from soilco2.storage.journal.settings_told import WHAT, settings_told
from soilco2.storage.reader import nearest

_UPSERT = Insertion(
    "INSERT INTO observation",
    "?" * 9,
    "ON CONFLICT (series, time_us) DO UPDATE SET value = excluded.value, raw = excluded.raw,"
    " flag = excluded.flag, tests = excluded.tests, corrections = excluded.corrections,"
    " config = excluded.config, rev = excluded.rev"
    " WHERE value IS NOT excluded.value OR raw IS NOT excluded.raw OR flag <> excluded.flag"
    " OR tests <> excluded.tests OR corrections <> excluded.corrections",
)


class Judging:
    """Judges what was kept.

    Parameters
    ----------
    session : Session
    samples : Samples
    """

    def __init__(self, session: Session, samples: Samples) -> None:
        self._session, self._kept = session, samples
        self._pipeline: Pipeline | None = None
        self._plans: StationPlan | None = None
        session.follow(self._load, self.forget)

    def _load(self) -> None:
        behind = self._session.meta("judged")
        self._behind = behind != ""
        self._judged: int = int(behind) if behind else self._kept.seq

    def forget(self) -> None:
        """Drop what is remembered of samples, flags and configuration: the next commit primes it anew."""
        self._pipeline = self._plans = None

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
        if self._pipeline is None or self._pipeline.stale:
            pipeline = Pipeline(self._plan())
            newest = self._newest_us()
            if newest is not None:
                since = newest - pipeline.lookback_us
                pipeline.prime(self._samples(since, newest + 1, self._judged), since)
            self._pipeline = pipeline
        return self._pipeline

    def _newest_us(self) -> int | None:
        """The newest time that was judged; a stamp from the future does not count."""
        limit = self._session.now_us() + int(self._session.station.file.quality.future_tolerance * 1e6)
        row = self._session.db.execute(
            "SELECT max((SELECT time_us FROM sample WHERE channel = channel.id AND time_us <= ?1 AND seq <= ?2"
            " ORDER BY time_us DESC LIMIT 1)) FROM channel",
            (limit, self._judged),
        ).fetchone()
        return None if row[0] is None else int(row[0])

    def _samples(self, start_us: int, end_us: int, upto_seq: int = 2**62) -> Iterator[Sample]:
        live = _InTransaction(self._session.db).samples(start_us, end_us, upto_seq)
        archives = self._archives(start_us, end_us)
        return with_archived(live, archives, start_us, end_us) if archives else live

    def _archives(self, start_us: int, end_us: int) -> list[Archive]:
        return among(archives_of(folder_of(self._session.station)), start_us, end_us)

    def observe(self, kept: Sequence[Sample]) -> int:
        """Make observations of new samples; a fault in quality never costs a sample."""
        try:
            timed = any(s.time_us is not None for s in kept)
            given, stretches = self._ready().feed(kept) if timed else Outcome([], [])
            made = self._put_and_remake(given, stretches) if stretches else self._put(given)
        except sqlite3.Error:
            raise
        except Exception as error:  # noqa: BLE001 - a fault in judging must not cost a sample
            self.forget()
            self._judge(False)
            self._session.event(
                NewEvent(EventKind.QUALITY_FAILED, "quality",
                         f"{len(kept)} samples are stored but not judged ({type(error).__name__}: {error}); "
                         "'soilco2 reprocess' judges them")
            )  # fmt: skip
            return 0
        self._judge(True)
        return made

    def _put_and_remake(self, given: Sequence[Observation], stretches: Sequence[Stretch]) -> int:
        """Both or, when a recomputation fails, neither."""
        self._session.db.execute("SAVEPOINT remake")
        rev = self._session.rev
        try:
            return self._put(given) + self._remake(stretches)
        except Exception:
            self._session.db.execute("ROLLBACK TO remake")
            self._session.rev = rev
            raise
        finally:
            self._session.db.execute("RELEASE remake")

    def _put(self, observations: Iterable[Observation]) -> int:
        session = self._session
        words, series, rev = session.words, session.series, session.rev
        values: list[object] = []
        for key, time_us, value, raw, flag, tests, corrections, config in observations:
            rev += 1
            s = series.get(key)
            t, c, f = words.get(tests), words.get(corrections), words.get(config)
            values += (
                session.series_id(key) if s is None else s, time_us, value, raw, int(flag),
                session.word(tests) if t is None else t, session.word(corrections) if c is None else c,
                session.word(config) if f is None else f, rev,
            )  # fmt: skip
        changed = _UPSERT(session.db, values)
        if changed:
            session.rev = rev
        return changed

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

    def make_again(self, from_us: int, until_us: int) -> int:
        """Within a transaction: make again a window and what looks back on it; the observations that changed."""
        self.forget()
        plan = self._plan()
        return self._remake([Stretch(from_us - plan.lookahead_us, until_us + plan.lookback_us)])

    def _remake(self, stretches: Sequence[Stretch]) -> int:
        """Make every observation of some stretches again; only what differs gets a new revision."""
        changed = 0
        plan = self._plan()
        for start, end in stretches:
            samples = self._samples(start - plan.lookback_us, end + plan.lookahead_us)
            made = {(o.series, o.time_us): o for o in recompute(plan, samples, start, end)}
            archived = archived_observations(self._archives(start, end), start, end)
            live = self._times(start, end)
            gone = self._orphans({*archived, *live}, made)
            changed += self._put(
                o
                for place, o in (*made.items(), *gone.items())
                if place in live or place not in archived or o[2:7] != archived[place][2:7]
            )
        return changed

    def _times(self, start: int, end: int) -> set[tuple[SeriesKey, int]]:
        """Series and times of the journal's own observations in a window."""
        return {
            (key, time_us)
            for key, number in self._session.series.items()
            for (time_us,) in self._session.db.execute(
                "SELECT time_us FROM observation WHERE series = ? AND time_us >= ? AND time_us < ?",
                (number, start, end),
            )
        }

    def _orphans(
        self, known: set[tuple[SeriesKey, int]], made: dict[tuple[SeriesKey, int], Observation]
    ) -> dict[tuple[SeriesKey, int], Observation]:
        """Observations that no sample leads to any more: they are overwritten as missing."""
        config = self._session.station.hash
        return {
            (key, at): Observation(key, at, None, None, Flag.MISSING, "moved", "", config)
            for key, at in known - made.keys()
        }

    def reprocess(self, from_us: int, to_us: int) -> int:
        """Judge every sample of a window again with the configuration in force.

        Returns
        -------
        int
            Observations that changed.
        """
        changed = 0
        start = from_us
        with_archives = archives_of(folder_of(self._session.station))
        reader = _InTransaction(self._session.db)
        first, last = reader.first_sample_us(), reader.last_sample_us()
        firsts = [t for t in (first, *(a.start_us for a in with_archives)) if t is not None]
        lasts = [t for t in (last, *(a.end_us for a in with_archives)) if t is not None]
        if not firsts:
            return 0
        start, stop = max(start, min(firsts)), min(to_us, max(lasts) + 1)
        while start < stop:
            end = min(start + 7 * DAY_US, stop)
            with self._session.transaction():
                changed += self._remake([Stretch(start, end)])
            start = end
        with self._session.transaction():
            self.forget()
            self._judge(True)
            self._session.event(
                NewEvent(
                    EventKind.REPROCESSED,
                    "quality",
                    f"{changed} observations changed",
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
                f"{asked}: the journal has no such series; {nearest(key, self._session.series)}"
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
            what = "is no manual flag" if row is None else "was taken back already"
            raise StorageError(
                f"event {event} {what}; flags in force: {', '.join(map(str, force)) or 'none'}"
            )
        f = json.loads(row[0])
        with self._session.transaction():
            self._session.event(NewEvent(EventKind.FLAG_REVOKED, who, why, {"event": event}))
            return self.make_again(f["from_us"], f["until_us"])


class _InTransaction(JournalReader):
    """Reads through the writer's own connection, so that it sees what is not yet committed."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._read_through(connection)
        self.path = Path()
        self.journal_id = ""
