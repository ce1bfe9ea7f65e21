"""Bounds of the journal: how full it is, and taking out what stands in an archive or must give way.

Nothing is taken out unless every configured database has confirmed it and it stands in an archive that was read
back. Without a database nothing is pruned. At the limit with nothing to prune the station file
decides: no more is taken in, loudly, until there is room; or the oldest give way, counted.

Messages and readings that were refused have a share of the limit; a device that sends nothing else fills that and no
more, since the oldest of them give way, counted.
"""

from __future__ import annotations

import json
from pathlib import Path

from soilco2.station_config.message import Message
from soilco2.storage.errors import JournalFullError
from soilco2.storage.journal.accounting import Accounting
from soilco2.storage.journal.connection import keeps_said
from soilco2.storage.journal.failpoint import failpoint
from soilco2.storage.journal.parking import REFUSED, Parking
from soilco2.storage.journal.rollups import LEVELS
from soilco2.storage.journal.rows import NewEvent
from soilco2.storage.journal.samples import Samples
from soilco2.storage.journal.schema import EventKind
from soilco2.storage.journal.session import Session

_AT_ONCE = 20_000
_MEASURE = 1000
"""Samples after which the journal is measured again; 0.2 MiB or so."""
_MIB = 2**20
_PARKED_SHARE = 0.1
"""Of the limit, for what was refused on its way in."""


class Retention:
    """Keeps a journal within its bounds.

    Parameters
    ----------
    session : Session
    samples : Samples
    parking : Parking
    """

    def __init__(self, session: Session, samples: Samples, parking: Parking) -> None:
        self._session, self._samples, self._parking = session, samples, parking
        self._accounting = Accounting(session.db)
        session.follow(self._load)

    def _load(self) -> None:
        self._told_full = False
        self._unmeasured = 1 << 30  # the first commit measures

    def bytes_in_use(self) -> int:
        """Room the journal's pages take, those that are free again left out [bytes]."""
        return self._accounting.size()[0]

    def keep_within_limit(self, coming: int) -> None:
        """Before a commit of so many samples: refuse it, or make room for it.

        Raises
        ------
        JournalFullError
            At the limit, where the station file says ``stop``.
        """
        self._unmeasured += coming
        if self._unmeasured < _MEASURE and not self._told_full:
            return
        self._unmeasured = 0
        table = self._session.station.file.journal
        if self.bytes_in_use() < table.limit_mib * _MIB:
            self._told_full = False
            return
        if table.at_limit == "stop":
            text = Message(
                "the journal has reached its limit of {limit} MiB and nothing may be pruned; nothing "
                "more is taken in: raise [journal] limit_mib, or see to the database that has not confirmed",
                limit=table.limit_mib,
            )
            if not self._told_full:
                self._told_full = True
                with self._session.transaction():
                    self._session.event(NewEvent(EventKind.LIMIT, "journal", text))
            raise JournalFullError(Message("{path}: {why}", path=self._session.path, why=text))
        self.drop_oldest()

    def drop_oldest(self) -> None:
        """Let the oldest samples and what was made of them go, counted."""
        with self._session.transaction():
            rows = self._session.db.execute(
                "SELECT seq, source, time_us, channel FROM sample ORDER BY seq LIMIT ?", (_AT_ONCE // 4,)
            ).fetchall()
            if not rows:
                return
            words = {number: word for word, number in self._session.words.items()}
            totals: dict[tuple[str, str], int] = {}
            for _, source, _, _ in rows:
                totals[words[source], "dropped"] = totals.get((words[source], "dropped"), 0) + 1
            self._samples.take_out([row[0] for row in rows])
            until = max((row[2] for row in rows if row[2] is not None), default=None)
            if until is not None:
                oldest = self._session.db.execute(
                    "SELECT min((SELECT min(time_us) FROM sample WHERE channel = channel.id)) FROM channel"
                ).fetchone()[0]
                gone_us = until + 1 if oldest is None else min(oldest, until + 1)
                self._session.db.execute(
                    "DELETE FROM observation WHERE (series, time_us) IN (SELECT o.series, o.time_us FROM series k"
                    " CROSS JOIN observation o ON o.series = k.id AND o.time_us < ?)",
                    (gone_us,),
                )
                self._end_rollups(gone_us)
            self._session.count(totals)
            if not self._told_full:
                self._told_full = True
                limit = self._session.station.file.journal.limit_mib
                text = Message(
                    "the limit of {limit} MiB is reached and nothing may be pruned: the oldest samples give way",
                    limit=limit,
                )
                self._session.event(NewEvent(EventKind.LIMIT, "journal", text))

    def bound_parked(self, totals: dict[tuple[str, str], int]) -> None:
        """Within a transaction: let the oldest of what was refused go when its share is used up."""
        share = round(_PARKED_SHARE * self._session.station.file.journal.limit_mib * _MIB)
        if self._parking.refused_bytes <= share:
            return
        gone, before = [], self._parking.refused_bytes
        for number, source, size in self._session.db.execute(
            "SELECT id, source, length(payload) FROM parked WHERE kind IN (?, ?) ORDER BY id", REFUSED
        ):
            if self._parking.refused_bytes <= 0.9 * share:
                break
            gone.append((number,))
            self._parking.refused_bytes -= size
            totals[source, "parked_dropped"] = totals.get((source, "parked_dropped"), 0) + 1
        self._session.db.executemany("DELETE FROM parked WHERE id = ?", gone)
        text = Message(
            "what was refused takes {size:.1f} MiB, more than its share of [journal] limit_mib: the "
            "oldest {count} gave way",
            size=before / _MIB,
            count=len(gone),
        )
        self._session.event(NewEvent(EventKind.LIMIT, "parked", text))

    def _end_rollups(self, before_us: int) -> None:
        """Rollups of what was dropped go as well; they count from there on."""
        self._session.meta(
            "rolled_from", str(max(before_us, int(self._session.meta("rolled_from") or -(2**62))))
        )
        self._session.db.execute(
            "DELETE FROM rollup WHERE (series, period_s, kind, start_us) IN (SELECT r.series, r.period_s, r.kind,"
            " r.start_us FROM series k CROSS JOIN (SELECT value AS s FROM json_each(?))"
            " CROSS JOIN (SELECT 0 AS c UNION SELECT 1 UNION SELECT 2)"
            " CROSS JOIN rollup r ON r.series = k.id AND r.period_s = s AND r.kind = c AND r.start_us < ?)",
            (json.dumps([level // 1_000_000 for level in LEVELS]), before_us),
        )

    def archived(
        self, path: str, start_us: int, end_us: int, samples: int, observations: int, sha256: str
    ) -> None:
        """Write into the log that a stretch stands in an archive."""
        data = {
            "file": path, "from_us": start_us, "to_us": end_us, "samples": samples, "observations": observations,
            "sha256": sha256,
        }  # fmt: skip
        with self._session.transaction():
            self._session.event(
                NewEvent(
                    EventKind.ARCHIVED,
                    Path(path).name,
                    Message("{count} samples archived", count=samples),
                    data,
                )
            )
        failpoint("archive-told")

    def prune(self, path: str) -> int:
        """Take out some of what stands in an archive, unchanged since; 0 when nothing is left to take out.

        Returns
        -------
        int
            Rows taken out; call it again while it is not 0, so that others get their turn.
        """
        self._session.db.execute("ATTACH ? AS kept", (path,))
        try:
            said = "k.said" if keeps_said(self._session.db, "kept") else "NULL"
            with self._session.transaction():
                seqs = [
                    row[0]
                    for row in self._session.db.execute(
                        "SELECT k.seq FROM kept.sample k JOIN main.sample s"  # noqa: S608 - our own words
                        " ON s.seq = k.seq AND s.channel = k.channel"
                        " AND s.time_us = k.time_us AND s.raw IS k.raw"
                        f" AND s.said IS {said} ORDER BY k.seq LIMIT ?",
                        (_AT_ONCE,),
                    )
                ]
                self._samples.take_out(seqs)
                gone = self._session.db.execute(
                    "DELETE FROM main.observation WHERE (series, time_us) IN (SELECT k.series, k.time_us"
                    " FROM kept.observation k JOIN main.observation o ON o.series = k.series AND o.time_us = k.time_us"
                    " AND o.rev = k.rev LIMIT ?)",
                    (_AT_ONCE,),
                ).rowcount
            failpoint("pruned-some")
        finally:
            self._session.db.execute("DETACH kept")
        return len(seqs) + gone
