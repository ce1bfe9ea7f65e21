"""Reading the journal while another process writes it: read-only, short transactions, bounded pieces."""

from __future__ import annotations

import heapq
import json
import sqlite3
import time
from array import array
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from soilco2.quality.records import Flag, Observation, Sample, SeriesKey
from soilco2.station_config.errors import StationConfigError
from soilco2.station_config.loader import Station, parse_station
from soilco2.station_config.message import Message, from_text
from soilco2.station_config.times import DAY_US
from soilco2.station_config.variables import VARIABLES, Variables
from soilco2.storage.errors import StorageError
from soilco2.storage.journal.accounting import Accounting
from soilco2.storage.journal.connection import has_table, message_column, sample_columns, sample_of
from soilco2.storage.journal.excluded import Layers, Span, layers_of
from soilco2.storage.journal.integrity import Integrity
from soilco2.storage.journal.names import Names
from soilco2.storage.journal.own_variables import with_earlier
from soilco2.storage.journal.read_only import open_read_only
from soilco2.storage.journal.row_extras import beside_at, with_beside
from soilco2.storage.journal.rows import Derived, Event
from soilco2.storage.reader import PIECE, Piece, SeriesInfo

_TOLERANCE_US = 300_000_000
_NAN = float("nan")
_FLAGS = {int(flag): flag for flag in Flag}


class JournalReader(Names):
    """A reader on a journal.

    Parameters
    ----------
    path : Path
        The journal's file.

    Raises
    ------
    StorageError
        When there is no journal, or it cannot be read.

    Attributes
    ----------
    accounting : Accounting
        What was counted, what waits, and how much room is left.
    integrity : Integrity
        Whether the file holds what was written.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        if not self.path.exists():
            raise StorageError(
                Message(
                    "{path}: there is no journal yet; 'soilco2 collect' or 'soilco2 import' makes one",
                    path=self.path,
                )
            )
        self._read_through(open_read_only(self.path))
        self.journal_id = self._meta("journal")

    def _read_through(self, db: sqlite3.Connection) -> None:
        Names.__init__(self, db)
        self.accounting, self.integrity = Accounting(db), Integrity(db)
        self._station: tuple[str, Station | None] = ("", None)

    def __enter__(self) -> JournalReader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    # the read interface

    def station(self) -> Station | None:
        """The station by the configuration in force; None when the journal has none."""
        hash_ = self._meta("config")
        if hash_ and self._station[0] != hash_:
            row = self._db.execute("SELECT text FROM config WHERE hash = ?", (hash_,)).fetchone()
            try:
                self._station = (hash_, parse_station(row[0]) if row else None)
            except StationConfigError:
                self._station = (hash_, None)
        return self._station[1]

    @property
    def variables(self) -> Variables:
        """The registry of the station by the configuration in force, and what earlier ones said of what is kept."""
        station = self.station()
        self._load_keys()
        return with_earlier(
            self._db,
            VARIABLES if station is None else station.variables,
            {key.variable for key in self._keys.values()},
        )

    def series(self) -> list[SeriesInfo]:
        """Every series, sorted by profile, depth and variable."""
        self._load_keys()
        station = self.station()
        deployments = station.deployments if station else None
        variables = self.variables
        infos = []
        for number, key in self._keys.items():
            first, last = self._db.execute(
                "SELECT (SELECT time_us FROM observation WHERE series = ? ORDER BY time_us LIMIT 1),"
                " (SELECT time_us FROM observation WHERE series = ? ORDER BY time_us DESC LIMIT 1)",
                (number, number),
            ).fetchone()
            if first is None:
                first, last = self._db.execute(
                    "SELECT min(time_us), max(time_us) FROM derived WHERE series = ?", (number,)
                ).fetchone()
            known = variables.get(key.variable)
            period_s = deployments.period_s(key) if deployments else None
            newest, oldest = (beside_at(self._db, key, end) for end in ("DESC", "ASC"))
            if period_s is None and newest.stamp:
                period_s, stamp = newest.period_s, newest.stamp
            else:
                stamp = "instant"
            infos.append(
                SeriesInfo(
                    key,
                    known.unit if known else "",
                    deployments.depth_at(key.profile, key.position) if deployments else None,
                    first,
                    last,
                    period_s,
                    stamp,
                    deployments.note(key) if deployments else "",
                    newest.method or oldest.method,
                )
            )
        infos.sort(key=lambda i: (i.key.profile, i.depth_m if i.depth_m is not None else -99.0, i.key[2:]))
        return infos

    def read(
        self, keys: Sequence[SeriesKey], start_us: int | None = None, end_us: int | None = None
    ) -> Iterator[Piece]:
        """Pieces of these series with ``start_us <= time < end_us``, series by series, oldest first."""
        low = -(2**62) if start_us is None else start_us
        high = 2**62 if end_us is None else end_us
        for key in keys:
            number = self._id(key)
            if number is None:
                continue
            since, found = low, False
            while True:
                rows = self._db.execute(
                    "SELECT time_us, value, flag, raw FROM observation WHERE series = ? AND time_us >= ?"
                    " AND time_us < ? ORDER BY time_us LIMIT ?",
                    (number, since, high, PIECE),
                ).fetchall()
                if not rows:
                    break
                found = True
                times, values, flags, raws = zip(*rows, strict=True)
                piece = Piece(
                    key,
                    array("q", times),
                    array("d", values if None not in values else [_NAN if v is None else v for v in values]),
                    array("b", flags),
                )
                yield from with_beside(self._db, piece, raws)
                since = times[-1] + 1
                if len(rows) < PIECE:
                    break
            if not found:
                yield from self._read_derived(key, number, low, high)

    def _read_derived(self, key: SeriesKey, number: int, low: int, high: int) -> Iterator[Piece]:
        rows = self._db.execute(
            "SELECT time_us, value, lower, upper FROM derived WHERE series = ? AND method ="
            " (SELECT method FROM derived JOIN word ON word.id = method WHERE series = ?"
            " ORDER BY time_us DESC, text DESC LIMIT 1) AND time_us >= ? AND time_us < ? ORDER BY time_us",
            (number, number, low, high),
        ).fetchall()
        if rows:
            times, *numbers = zip(*rows, strict=True)
            values, lower, upper = (array("d", [_NAN if v is None else v for v in n]) for n in numbers)
            flags = array("b", [9 if v is None else 1 for v in numbers[0]])
            yield Piece(key, array("q", times), values, flags, lower, upper)

    def check_station(self, own: str) -> None:
        """Make sure that the journal is a station's: that it holds a series of it, or none yet.

        Parameters
        ----------
        own : str
            The station's id.

        Raises
        ------
        StorageError
            When its series are another station's.
        """
        held = [name for (name,) in self._db.execute("SELECT DISTINCT station FROM series ORDER BY station")]
        if held and own not in held:
            raise StorageError(
                Message(
                    "{path}: this is the journal of {held}, and the station file is of {own}",
                    path=self.path,
                    held=", ".join(held),
                    own=own,
                )
            )

    # what follows rev

    def last_rev(self) -> int:
        """The newest revision."""
        return int(self._meta("rev") or 0)

    def observations_after(self, rev: int, limit: int) -> list[tuple[int, Observation]]:
        """At most `limit` observations with a greater revision, in the order of revision."""
        rows = self._db.execute(
            "SELECT rev, series, time_us, value, raw, flag, tests, corrections, config FROM observation"
            " WHERE rev > ? ORDER BY rev LIMIT ?",
            (rev, limit),
        ).fetchall()
        keys, words, flags = self._keys, self._words, _FLAGS
        try:
            return [
                (r, Observation(keys[s], at, value, raw, flags[flag], words[tests], words[done], words[conf]))
                for r, s, at, value, raw, flag, tests, done, conf in rows
            ]
        except KeyError:  # a series or word that was not there yet
            return [(row[0], self._observation(row[1:])) for row in rows]

    def waiting(self, key: SeriesKey, start_us: int, end_us: int, rev: int) -> list[int]:
        """Times in a window whose value is newer than a revision: what a database has still to get."""
        number = self._id(key)
        where = "WHERE series = ? AND time_us >= ? AND time_us < ? AND rev > ?"
        rows = self._db.execute(
            f"SELECT time_us FROM observation {where} UNION SELECT time_us FROM derived {where}",  # noqa: S608
            (number, start_us, end_us, rev) * 2,
        )
        return [row[0] for row in rows]

    def derived_after(self, rev: int, limit: int) -> list[Derived]:
        """At most `limit` derived values with a greater revision, in the order of revision."""
        return self._derived("FROM derived d WHERE rev > ? ORDER BY rev LIMIT ?", rev, limit)

    def derived_between(self, start_us: int, end_us: int) -> list[Derived]:
        """Derived values of a window."""
        source = "FROM series k CROSS JOIN derived d ON d.series = k.id AND d.time_us >= ? AND d.time_us < ?"
        return self._derived(source, start_us, end_us)

    def _derived(self, source: str, *parameters: int) -> list[Derived]:
        rows = self._db.execute(
            f"SELECT d.rev, d.series, d.method, d.time_us, d.value, d.lower, d.upper, d.reason {source}",
            parameters,
        ).fetchall()
        return [
            Derived(rev, self._key(key), self._word(method), time_us, value, lower, upper, self._word(reason))
            for rev, key, method, time_us, value, lower, upper, reason in rows
        ]

    def _observation(self, row: Sequence[Any]) -> Observation:
        return Observation(
            self._key(row[0]),
            row[1],
            row[2],
            row[3],
            Flag(row[4]),
            self._word(row[5]),
            self._word(row[6]),
            self._word(row[7]),
        )

    def observations(self, start_us: int, end_us: int) -> Iterator[Observation]:
        """Every observation of a window, series by series."""
        return (row for _, row in self.revisions(start_us, end_us))

    def revisions(self, start_us: int, end_us: int) -> Iterator[tuple[int, Observation]]:
        """Every observation of a window with its revision, series by series."""
        self._load_keys()
        for number in list(self._keys):
            for rev, *row in self._db.execute(
                "SELECT rev, series, time_us, value, raw, flag, tests, corrections, config FROM observation"
                " WHERE series = ? AND time_us >= ? AND time_us < ? ORDER BY time_us",
                (number, start_us, end_us),
            ):
                yield rev, self._observation(row)

    def verdicts(self, start_us: int, end_us: int) -> list[tuple[SeriesKey, int, str, int]]:
        """How often each flag was given for which tests in a window: series, flag, tests, count."""
        self._load_keys()
        self._words = dict(self._db.execute("SELECT id, text FROM word"))
        found = []
        for number, key in self._keys.items():
            where = "FROM observation WHERE series = ? AND time_us >= ? AND time_us < ?"
            window = (number, start_us, end_us)
            usual = self._db.execute(
                f"SELECT flag, tests {where} ORDER BY time_us DESC LIMIT 1", window
            ).fetchone()
            if usual is None:
                continue
            # only what differs from the newest verdict is sorted: of a year of minutes next to nothing
            other = (
                f"SELECT flag, tests, count(*) {where} AND NOT (flag = ? AND tests = ?) GROUP BY flag, tests"
            )
            rows = self._db.execute(other, (*window, *usual)).fetchall()
            (count,) = self._db.execute(f"SELECT count(*) {where}", window).fetchone()
            rows.append((*usual, count - sum(row[2] for row in rows)))
            found += [(key, int(flag), self._words[tests], int(n)) for flag, tests, n in rows]
        return found

    def latest(self, now_us: int | None = None) -> list[Observation]:
        """The newest observation of each series; one from the future hides nothing."""
        limit = (time.time_ns() // 1000 if now_us is None else now_us) + _TOLERANCE_US
        self._load_keys()
        found = []
        for number in self._keys:
            row = self._db.execute(
                "SELECT series, time_us, value, raw, flag, tests, corrections, config FROM observation"
                " WHERE series = ? AND time_us <= ? ORDER BY time_us DESC LIMIT 1",
                (number, limit),
            ).fetchone()
            if row is not None:
                found.append(self._observation(row))
        return found

    # samples and the rest

    def samples(
        self, start_us: int, end_us: int, upto_seq: int = 2**62, layers: Layers | None = None
    ) -> Iterator[Sample]:
        """Samples with a time in a window, in the order of time; none that was kept after `upto_seq`.

        All that were kept; with `layers` as they count now.
        """
        channels = {
            row[0]: (row[1], row[2]) for row in self._db.execute("SELECT id, serial, channel FROM channel")
        }
        self._words = dict(self._db.execute("SELECT id, text FROM word"))
        columns = sample_columns(self._db)  # asked each time: a writer may migrate the file under a reader

        nth = columns.rpartition(" ")[2]
        order = "time_us" if nth == "0" else f"time_us, {nth}"

        def of(channel: int) -> Iterator[Sequence[Any]]:
            since, further = start_us, -1
            while True:
                rows = self._db.execute(
                    f"SELECT {columns} FROM sample WHERE channel = ? AND time_us >= ? AND time_us < ?"  # noqa: S608
                    f" AND (time_us > ? OR {nth} > ?) AND seq <= ? ORDER BY {order} LIMIT 2000",
                    (channel, since, end_us, since, further, upto_seq),
                ).fetchall()
                yield from rows
                if len(rows) < 2000:
                    return
                since, further = rows[-1][2], rows[-1][11]

        for row in heapq.merge(*(of(channel) for channel in channels), key=lambda r: (r[2], r[0])):
            sample = sample_of(row, channels, self._words)
            if layers and (seen := layers.over(row[0], sample)) is not sample:
                if seen is None:
                    continue
                sample = seen
            yield sample

    def samples_at(self, serial: str, channel: str, time_us: int) -> list[tuple[int, float | None, str, str]]:
        """Number, raw, status and source of what a channel has at a time."""
        found = self._of_channel("seq, raw, status, source", serial, channel, time_us, time_us + 1)
        return [(seq, raw, self._word(status), self._word(source)) for seq, raw, status, source in found]

    def channels(self) -> list[tuple[str, str]]:
        """Serial number and channel of everything that ever gave a sample."""
        return self._db.execute("SELECT serial, channel FROM channel ORDER BY id").fetchall()

    def layers(self) -> Layers:
        """What lies over the samples; nothing in a journal of an earlier version."""
        return layers_of(self._db) if has_table(self._db, "import") else Layers()

    def days_of(self, spans: Iterable[Span]) -> list[tuple[int, int]]:
        """First and last time [µs UTC] of each day on which samples of some spans of numbers lie."""
        text = (
            "SELECT min(time_us), max(time_us) FROM sample"  # noqa: S608 - our own number
            " WHERE seq BETWEEN ? AND ? AND time_us IS NOT NULL"
            f" GROUP BY time_us / {DAY_US}"
        )
        return [row for span in spans for row in self._db.execute(text, span).fetchall()]

    def count_samples(self, serial: str, channel: str, start_us: int, end_us: int) -> int:
        """Times at which a channel has samples in a window."""
        return int(self._of_channel("count(DISTINCT time_us)", serial, channel, start_us, end_us)[0][0])

    def sample_times(self, serial: str, channel: str, start_us: int, end_us: int) -> list[int]:
        """Times [µs UTC] of a channel's samples in a window."""
        return [
            time_us for (time_us,) in self._of_channel("DISTINCT time_us", serial, channel, start_us, end_us)
        ]

    def _of_channel(self, what: str, serial: str, channel: str, start_us: int, end_us: int) -> list[Any]:
        return self._db.execute(
            f"SELECT {what} FROM sample WHERE time_us >= ? AND time_us < ?"  # noqa: S608 - our own words
            " AND channel = (SELECT id FROM channel WHERE serial = ? AND channel = ?)",
            (start_us, end_us, serial, channel),
        ).fetchall()

    def count_values(self, key: SeriesKey, start_us: int, end_us: int) -> tuple[int, int, int]:
        """Observations of a series in a window; of these with a number; of these flagged good or not evaluated."""
        text = (
            "SELECT count(*), count(value), coalesce(sum(value IS NOT NULL AND flag <= 2), 0) FROM observation"
            " WHERE series = ? AND time_us >= ? AND time_us < ?"
        )
        rows, stored, usable = self._db.execute(text, (self._id(key), start_us, end_us)).fetchone()
        return rows, stored, usable

    def differences(self, a: SeriesKey, b: SeriesKey, start_us: int, end_us: int) -> tuple[int, float, float]:
        """Usable values of `a` less those of `b` at the same times: how many, their sum, the sum of their squares."""
        text = (
            "SELECT count(*), total(d), total(d * d) FROM (SELECT a.value - b.value AS d FROM observation a"
            " CROSS JOIN observation b ON b.series = ? AND b.time_us = a.time_us"
            " WHERE a.series = ? AND a.time_us >= ? AND a.time_us < ?"
            " AND a.flag <= 2 AND b.flag <= 2 AND a.value IS NOT NULL AND b.value IS NOT NULL)"
        )
        count, total, squares = self._db.execute(
            text, (self._id(b), self._id(a), start_us, end_us)
        ).fetchone()
        return count, total, squares

    def first_sample_us(self, since_us: int = -(2**62)) -> int | None:
        """Time of the oldest sample from a moment on [µs UTC]; None when there is none."""
        found: int | None = self._db.execute(
            "SELECT min((SELECT min(time_us) FROM sample WHERE channel = channel.id AND time_us >= ?)) FROM channel",
            (since_us,),
        ).fetchone()[0]
        return found

    def first_us(self, since_us: int = -(2**62)) -> int | None:
        """Time of the oldest sample or observation from a moment on [µs UTC]; None when there is none."""
        made: int | None = self._db.execute(
            "SELECT min((SELECT min(time_us) FROM observation WHERE series = k.id AND time_us >= ?)) FROM series k",
            (since_us,),
        ).fetchone()[0]
        return min((t for t in (made, self.first_sample_us(since_us)) if t is not None), default=None)

    def last_sample_us(self) -> int | None:
        """Time of the newest sample [µs UTC]; None when there is none with a time."""
        found: int | None = self._db.execute(
            "SELECT max((SELECT max(time_us) FROM sample WHERE channel = channel.id)) FROM channel"
        ).fetchone()[0]
        return found

    def newest_rev(self, start_us: int, end_us: int) -> int:
        """The greatest revision of a window's observations; 0 when there is none."""
        row = self._db.execute(
            "SELECT max(o.rev) FROM series k CROSS JOIN observation o"
            " ON o.series = k.id AND o.time_us >= ? AND o.time_us < ?",
            (start_us, end_us),
        ).fetchone()
        return int(row[0] or 0)

    def events(
        self,
        kinds: Sequence[str] = (),
        start_us: int | None = None,
        end_us: int | None = None,
        limit: int = 100_000,
    ) -> list[Event]:
        """Events of these kinds (all when none is named) in a window, oldest first, the newest `limit`."""
        made_of = message_column(self._db, "event")
        rows = self._db.execute(
            f"SELECT id, time_us, kind, subject, text, data, {made_of} FROM event"  # noqa: S608
            " WHERE time_us >= ? AND time_us < ?"
            " AND (? = 0 OR kind IN (SELECT value FROM json_each(?))) ORDER BY time_us DESC, id DESC LIMIT ?",
            (start_us if start_us is not None else -(2**62), end_us if end_us is not None else 2**62,
             len(kinds), json.dumps(list(kinds)), limit),
        ).fetchall()  # fmt: skip
        return [Event(i, t, k, s, from_text(m, x), json.loads(d)) for i, t, k, s, x, d, m in reversed(rows)]

    def configs(self) -> list[tuple[str, int]]:
        """Every configuration used: (hash, since when [µs UTC])."""
        return self._db.execute("SELECT hash, since_us FROM config ORDER BY id").fetchall()

    def config_text(self, hash_: str | None = None) -> str:
        """The text of a configuration, of the one in force when none is named; empty when there is none."""
        row = self._db.execute(
            "SELECT text FROM config WHERE hash = ?", (hash_ or self._meta("config"),)
        ).fetchone()
        return "" if row is None else str(row[0])

    def config_hash(self) -> str:
        """The hash of the configuration in force."""
        return self._meta("config")
