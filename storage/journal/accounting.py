"""What a journal has counted, what waits in it, and how much room it takes."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable

from soilco2.quality.plans import ToldSettings
from soilco2.station_config.message import from_text
from soilco2.storage.journal.connection import has_table, message_column, meta
from soilco2.storage.journal.excluded import count, joined, minus, settled_why, withdrawn_by
from soilco2.storage.journal.rows import PLACE, Cursor, Effect, ImportRow, ParkedRow, imported
from soilco2.storage.journal.settings_told import settings_told

IMPORTS_WAIT = "imports_wait"
"""In the table `meta`: the days that are to be judged again since an import was taken back or given again."""
_SHORTEST_RATE_US = 3_600_000_000


class Accounting:
    """Counters, cursors, parked entries and sizes, as `soilco2 status` tells them.

    Parameters
    ----------
    db : sqlite3.Connection
        Of the journal.
    """

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def counters(self) -> dict[str, dict[str, int]]:
        """Every counter by source and name."""
        found: dict[str, dict[str, int]] = {}
        for source, name, value in self._db.execute(
            "SELECT source, name, value FROM counter ORDER BY source, name"
        ):
            found.setdefault(source, {})[name] = value
        return found

    def settings_told(self) -> list[ToldSettings]:
        """What instruments told of their settings, in the order of time."""
        return settings_told(self._db)

    def places(self, of: str) -> dict[str, str]:
        """How far sources have been read whose keys begin with `of`, by the rest of the key."""
        begin = PLACE + of
        return {
            key[len(begin) :]: value
            for key, value in self._db.execute(
                "SELECT key, value FROM meta WHERE key >= ? AND substr(key, 1, ?) = ?",
                (begin, len(begin), begin),
            )
        }

    def last_arrivals(self, serials: Iterable[str]) -> dict[str, int]:
        """When the newest reading of each of these instruments came [µs UTC], of those that ever gave one."""
        found: dict[str, int] = {}
        for serial in serials:
            (at,) = self._db.execute(
                "SELECT max((SELECT arrival_us FROM sample WHERE channel = k.id ORDER BY time_us DESC LIMIT 1))"
                " FROM channel k WHERE serial = ?",
                (serial,),
            ).fetchone()
            if at is not None:
                found[serial] = at
        return found

    def cursors(self) -> list[Cursor]:
        """How far each database has confirmed, and what waits."""
        out = []
        for sink, rev, moved_us, error, made_of in self._db.execute(
            f"SELECT sink, rev, moved_us, error, {message_column(self._db, 'cursor')} FROM cursor"  # noqa: S608
        ).fetchall():
            backlog = self._db.execute("SELECT count(*) FROM observation WHERE rev > ?", (rev,)).fetchone()[0]
            oldest = self._db.execute(
                "SELECT min(time_us) FROM (SELECT time_us FROM observation WHERE rev > ? ORDER BY rev LIMIT 1000)",
                (rev,),
            ).fetchone()[0]
            out.append(Cursor(sink, rev, moved_us, from_text(made_of, error), backlog, oldest))
        return out

    def resend(self, sink: str) -> list[tuple[int, int]]:
        """Windows [µs UTC] that a database is to get again."""
        return [(low, high) for low, high in json.loads(meta(self._db, f"resend:{sink}") or "[]")]

    def parked(self, state: str | None = None, limit: int = 1000) -> list[ParkedRow]:
        """Parked entries, newest first."""
        made_of = message_column(self._db, "parked")
        rows = self._db.execute(
            f"SELECT {made_of}, id, kind, source, reason, payload, time_us, arrival_us, state, why FROM parked"  # noqa: S608
            " WHERE :state IS NULL OR state = :state ORDER BY id DESC LIMIT :most",
            {"state": state, "most": limit},
        ).fetchall()
        found = ((kept, ParkedRow(*row)) for kept, *row in rows)
        return settled_why(
            self._db, [row._replace(reason=from_text(kept, row.reason)) for kept, row in found]
        )

    def parked_counts(self) -> dict[str, int]:
        """Waiting parked entries by kind."""
        return dict(
            self._db.execute("SELECT kind, count(*) FROM parked WHERE state = 'waiting' GROUP BY kind")
        )

    def last_commit_before(self, time_us: int) -> int | None:
        """When the last commit before a moment was made [µs UTC]."""
        row = self._db.execute(
            "SELECT committed_us FROM batch WHERE committed_us < ? ORDER BY id DESC LIMIT 1", (time_us,)
        ).fetchone()
        return None if row is None else int(row[0])

    def rejected(self, start_us: int, end_us: int) -> list[tuple[str, int]]:
        """Source and time [µs UTC] of what came in a window and could not be used."""
        return self._db.execute(
            "SELECT source, coalesce(time_us, arrival_us) AS at FROM parked"
            " WHERE kind IN ('message', 'conflict') AND at >= ? AND at < ? ORDER BY at",
            (start_us, end_us),
        ).fetchall()

    def held(self) -> int:
        """Samples that wait for their time."""
        return int(self._db.execute("SELECT count(*) FROM sample WHERE time_us IS NULL").fetchone()[0])

    def waiting(self, start_us: int = -(2**62), end_us: int = 2**62) -> int:
        """Readings of a window that wait for judgement, as those do that came late and what looks back on them."""
        if not has_table(self._db, "waiting"):
            return 0  # a journal of an earlier version
        text = (
            "SELECT count(*) FROM waiting w CROSS JOIN sample s ON s.channel = w.channel"
            " AND s.time_us >= max(w.from_us, ?) AND s.time_us < min(w.until_us, ?)"
        )
        return int(self._db.execute(text, (start_us, end_us)).fetchone()[0])

    def waits(self, start_us: int, end_us: int) -> bool:
        """Whether something of a window waits for judgement."""
        text = "SELECT 1 FROM waiting WHERE until_us > ? AND from_us < ? LIMIT 1"
        return self._db.execute(text, (start_us, end_us)).fetchone() is not None

    def size(self) -> tuple[int, int]:
        """Bytes in use and bytes of the file."""
        pages, free, page = (
            self._db.execute(f"PRAGMA {n}").fetchone()[0]
            for n in ("page_count", "freelist_count", "page_size")
        )
        return (pages - free) * page, pages * page

    def days_left(self, limit_bytes: int) -> float | None:
        """Days until the limit at the rate of the last commits; None while that rate is not known.

        Commits before the clock was last set back do not count: a replayed month is no measure for a real one.
        """
        rows = 0
        newest_us = oldest_us = None
        for low, high, committed_us in self._db.execute(
            "SELECT first_seq, last_seq, committed_us FROM batch ORDER BY id DESC LIMIT 20000"
        ):
            if oldest_us is not None and committed_us > oldest_us:
                break
            newest_us = committed_us if newest_us is None else newest_us
            oldest_us = committed_us
            rows += high - low + 1
        if newest_us is None or oldest_us is None or newest_us - oldest_us < _SHORTEST_RATE_US:
            return None
        kept = self._db.execute("SELECT sum(last_seq - first_seq + 1) FROM batch").fetchone()[0]
        used, _ = self.size()
        per_day = used / max(kept, 1) * rows / ((newest_us - oldest_us) / 86_400e6)
        return max(0.0, (limit_bytes - used) / float(per_day))

    def imports(self) -> list[ImportRow]:
        """Every import, oldest first; none in a journal of an earlier version."""
        if not has_table(self._db, "import"):
            return []
        rows = self._db.execute(
            "SELECT id, file, sha256, source, time_us, state, counts FROM import ORDER BY id"
        ).fetchall()
        return [ImportRow(*(*row[:6], json.loads(row[6]))) for row in rows]

    def import_effect(self, number: int, undo: bool) -> Effect:
        """What undoing or redoing an import would do."""
        rows = self.imports()
        if not self.cut_short(number, undo):
            imported(rows, number, undo)
        undone = {one.id for one in rows if one.state == "undone"}
        with_it, without = (
            withdrawn_by(self._db, undone | {number}),
            withdrawn_by(self._db, undone - {number}),
        )
        before, after = (without, with_it) if undo else (with_it, without)
        changed = count(minus(after, before) if undo else minus(before, after))
        mine = self._db.execute("SELECT first_seq, last_seq FROM delivery WHERE import = ?", (number,))
        return Effect(changed, count(joined(mine.fetchall())) - changed)

    def cut_short(self, number: int, undo: bool) -> bool:
        """Whether an import was undone or given again by a command that left some of it to be judged."""
        state = next((row.state for row in self.imports() if row.id == number), None)
        return state == ("undone" if undo else "done") and meta(self._db, IMPORTS_WAIT) not in ("", "[]")

    def heard(self) -> list[str]:
        """Marks of the messages that are remembered, the oldest first; none in a journal of an earlier version."""
        if not has_table(self._db, "heard"):
            return []
        return [mark for (mark,) in self._db.execute("SELECT message FROM heard ORDER BY id").fetchall()]

    def last_batch(self) -> int:
        """Number of the newest commit; 0 when there is none."""
        return int(self._db.execute("SELECT coalesce(max(id), 0) FROM batch").fetchone()[0])
