"""Samples in the journal: each kept once, in commits with a CRC; what cannot be used is parked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from math import isfinite
from operator import itemgetter
from typing import Any, NamedTuple

from soilco2.quality.records import Sample
from soilco2.quality.runs import Columns
from soilco2.storage.journal.bulk_insert import Insertion
from soilco2.storage.journal.connection import NO_NUMBER, NO_TIME, SAMPLE_WIDTH, checksum, crc
from soilco2.storage.journal.duplicates import already_there
from soilco2.storage.journal.plain_samples import PlainSamples
from soilco2.storage.journal.session import Session

_INSERT_SAMPLES = Insertion(
    "INSERT INTO sample (seq, channel, status, raw, time_us, device_us, arrival_us, mono_us, boot, source)",
    ("?", "?", "?", "?", f"nullif(?, {NO_TIME})", f"nullif(?, {NO_TIME})", "?", "?", "?", "?"),
    "ON CONFLICT (channel, time_us, nth) DO NOTHING",
)
"""`NO_NUMBER` is NULL to SQLite by itself. Where no sample of a commit has `said`, its column costs nothing."""
_INSERT_TOLD = Insertion(
    "INSERT INTO sample (seq, channel, status, raw, time_us, device_us, arrival_us, mono_us, boot, source, said)",
    ("?", "?", "?", "?", f"nullif(?, {NO_TIME})", f"nullif(?, {NO_TIME})", "?", "?", "?", "?", "?"),
    "ON CONFLICT (channel, time_us, nth) DO NOTHING",
)

HEARD = 10_000
"""Messages that are remembered so that their repeat is known."""
_SOURCE = itemgetter(Sample._fields.index("source"))
_INSERT_FURTHER = (
    "INSERT INTO sample"  # noqa: S608 - our own number
    " (seq, channel, status, raw, time_us, device_us, arrival_us, mono_us, boot, source, said, nth)"
    f" VALUES (?, ?, ?, ?, nullif(?, {NO_TIME}), nullif(?, {NO_TIME}), ?, ?, ?, ?, ?, ?)"
)


class Kept(NamedTuple):
    """What became of samples that came.

    Parameters
    ----------
    samples : sequence of Sample
        Those that are kept from now on.
    seqs : sequence of int
        Their numbers.
    again : list of (int, Sample)
        The others: each was there already, under this number.
    """

    samples: Sequence[Sample]
    seqs: Sequence[int]
    again: list[tuple[int, Sample]]


def _beside(values: Sequence[Any], told: Sequence[tuple[int, bytes]]) -> list[Any]:
    """Samples in their canonical form, each with what its probe said behind it."""
    said = dict(told)
    rows: list[Any] = []
    for i in range(0, len(values), SAMPLE_WIDTH):
        rows += values[i : i + SAMPLE_WIDTH]
        rows.append(said.get(values[i]))
    return rows


def _by_source(samples: Sequence[Sample]) -> Counter[str]:
    if isinstance(samples, Columns):
        return Counter({samples.rest[-1]: len(samples)})
    return Counter(map(_SOURCE, samples))


class Samples:
    """Keeps samples.

    Parameters
    ----------
    session : Session

    Attributes
    ----------
    seq, batch : int
        Numbers of the newest sample and of the newest commit.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        session.follow(self._load)

    def _load(self) -> None:
        db = self._session.db
        self.seq: int = db.execute(
            "SELECT max(coalesce((SELECT max(seq) FROM sample), 0),"
            " coalesce((SELECT last_seq FROM batch ORDER BY id DESC LIMIT 1), 0))"
        ).fetchone()[0]
        self.batch: int = db.execute("SELECT coalesce(max(id), 0) FROM batch").fetchone()[0]

    def _values(
        self, samples: Sequence[Sample], totals: dict[tuple[str, str], int]
    ) -> tuple[list[Any], list[tuple[int, bytes]]]:
        """Samples in their canonical form, one after the other, and what probes said, by seq."""
        words, channels, seq = self._session.words, self._session.channels, self.seq
        values: list[Any] = []
        told: list[tuple[int, bytes]] = []
        status_text = boot_text = source_text = None
        s = b = f = 0
        for (
            serial,
            channel,
            time_us,
            raw,
            status,
            device_us,
            arrival_us,
            mono_us,
            boot,
            source,
            said,
        ) in samples:
            seq += 1
            if said is not None:
                told.append((seq, said))
            if raw is None:
                raw = NO_NUMBER
            elif not isfinite(raw):
                status = f"{status} raw={raw}".strip()
                raw = NO_NUMBER
            else:
                raw += 0.0  # -0.0 comes back from SQLite as 0.0
            number = channels.get((serial, channel)) or self._session.channel(serial, channel)
            if status is not status_text or boot is not boot_text or source is not source_text:
                status_text, boot_text, source_text = status, boot, source
                s = words[status] if status in words else self._session.status(status, source, totals)
                b, f = (words[w] if w in words else self._session.word(w) for w in (boot, source))
            values += (
                seq, number, s, raw, NO_TIME if time_us is None else time_us,
                NO_TIME if device_us is None else device_us, arrival_us, mono_us, b, f,
            )  # fmt: skip
        return values, told

    def keep(self, samples: Sequence[Sample], totals: dict[tuple[str, str], int]) -> Kept:
        """Keep samples, within a transaction, and count them into `totals`.

        What says the same as a sample of its channel and time, from the same kind of source, is a duplicate; whatever
        else comes for that channel and time is kept beside it.
        """
        if not samples:
            return Kept((), (), [])
        kept = Kept(samples, range(self.seq + 1, self.seq + len(samples) + 1), [])
        first, last = self.seq + 1, self.seq + len(samples)
        found, values = (
            self._insert_plain(samples) if isinstance(samples, Columns) else self._insert(samples, totals)
        )
        if found is None:
            kept = self._sort_out(first, last, values or self._values(samples, totals)[0], samples)
            rows = self._rows(first, last)
            found = crc(rows)
            first, last = (rows[0][0], rows[-1][0]) if rows else (0, 0)
        came = _by_source(samples)
        stored = came if kept.samples is samples else _by_source(kept.samples)
        again = Counter(_SOURCE(sample) for _, sample in kept.again)
        for name, those in (("in", came), ("stored", stored), ("duplicate", again)):
            for source, amount in those.items():
                totals[source, name] = totals.get((source, name), 0) + amount
        if kept.samples:
            self.batch += 1
            self._session.db.execute(
                "INSERT INTO batch VALUES (?, ?, ?, ?, ?)",
                (self.batch, first, last, found, self._session.now_us()),
            )
            self.seq = last
        return kept

    def _insert(
        self, samples: Sequence[Sample], totals: dict[tuple[str, str], int]
    ) -> tuple[int | None, list[Any]]:
        """Insert samples: their CRC, or None where not all of them came in; and their canonical form."""
        values, told = self._values(samples, totals)
        insert, rows = (_INSERT_TOLD, _beside(values, told)) if told else (_INSERT_SAMPLES, values)
        whole = insert(self._session.db, rows) == len(samples)
        return checksum(values, told) if whole else None, values

    def _insert_plain(self, samples: Columns) -> tuple[int | None, list[Any]]:
        """The same of samples that say nothing but their numbers; these need no canonical form."""
        plain = PlainSamples(self._session, samples, self.seq + 1)
        whole = plain.insert(self._session.db) == len(samples)
        return plain.checksum() if whole else None, []

    def _sort_out(self, first: int, last: int, values: Sequence[Any], samples: Sequence[Sample]) -> Kept:
        """Which samples came in, and what the others are: the table had something of that channel and time already."""
        came_in = {
            seq
            for (seq,) in self._session.db.execute(
                "SELECT seq FROM sample WHERE seq BETWEEN ? AND ?", (first, last)
            )
        }
        kept: list[Sample] = []
        seqs: list[int] = []
        again: list[tuple[int, Sample]] = []
        for sample, i in zip(samples, range(0, len(values), SAMPLE_WIDTH), strict=True):
            row = values[i : i + SAMPLE_WIDTH]
            if row[0] not in came_in:
                seq, nth = already_there(self._session.db, row, sample)
                if seq is not None:
                    again.append((seq, sample))
                    continue
                self._session.db.execute(_INSERT_FURTHER, (*row, sample.said, nth))
            kept.append(sample)
            seqs.append(row[0])
        return Kept(kept, seqs, again)

    def hear(self, messages: Sequence[str]) -> None:
        """Within a transaction: remember messages, and forget the oldest beyond the newest `HEARD`."""
        db = self._session.db
        db.executemany("INSERT OR IGNORE INTO heard (message) VALUES (?)", [(one,) for one in messages])
        db.execute("DELETE FROM heard WHERE id <= (SELECT max(id) FROM heard) - ?", (HEARD,))

    def take_out(self, seqs: Sequence[int]) -> None:
        """Delete samples, and give the commits they came with a CRC of what is left of them."""
        if not seqs:
            return
        self._session.db.executemany("DELETE FROM sample WHERE seq = ?", [(seq,) for seq in seqs])
        for number, first, last in self._batches(min(seqs), max(seqs)):
            rows = self._rows(first, last)
            if rows or number == self.batch:
                self._seal(number, rows)
            else:
                self._session.db.execute("DELETE FROM batch WHERE id = ?", (number,))

    def give_time(self, boot_id: str, offset_us: int) -> tuple[int, int, int] | None:
        """Give the samples held back since a boot their time: monotonic clock plus offset.

        Returns
        -------
        tuple or None
            How many, their first and their last time [µs UTC]; None when none was held back.
        """
        db = self._session.db
        boot = self._session.words.get(boot_id, -1)
        held = db.execute("SELECT seq FROM sample WHERE time_us IS NULL AND boot = ?", (boot,)).fetchall()
        if not held:
            return None
        db.execute(
            "UPDATE OR IGNORE sample SET time_us = mono_us + ? WHERE time_us IS NULL AND boot = ?",
            (offset_us, boot),
        )
        self._give_further(boot, offset_us)
        low, high = held[0][0], held[-1][0]
        for number, first, last in self._batches(low, high):
            self._seal(number, self._rows(first, last))
        first_us, last_us = db.execute(
            "SELECT min(time_us), max(time_us) FROM sample WHERE seq BETWEEN ? AND ? AND boot = ?",
            (low, high, boot),
        ).fetchone()
        return len(held), first_us, last_us

    def _give_further(self, boot: int, offset_us: int) -> None:
        """Those at whose time something else is there already stand beside it; what says the same stays held back."""
        db = self._session.db
        for seq, channel, raw, status, at in db.execute(
            "SELECT seq, channel, raw, status, mono_us + ? FROM sample WHERE time_us IS NULL AND boot = ?",
            (offset_us, boot),
        ).fetchall():
            there = db.execute(
                "SELECT raw, status, nth FROM sample WHERE channel = ? AND time_us = ?", (channel, at)
            ).fetchall()
            if all(row[:2] != (raw, status) for row in there):
                nth = max(row[2] for row in there) + 1
                db.execute("UPDATE sample SET time_us = ?, nth = ? WHERE seq = ?", (at, nth, seq))

    def _batches(self, low: int, high: int) -> list[tuple[int, int, int]]:
        """Commits that hold some of these samples: number, first and last sample."""
        return self._session.db.execute(
            "SELECT id, first_seq, last_seq FROM batch WHERE last_seq >= ? AND first_seq <= ?", (low, high)
        ).fetchall()

    def _rows(self, first: int, last: int) -> list[Any]:
        return self._session.db.execute(
            "SELECT * FROM sample WHERE seq BETWEEN ? AND ? ORDER BY seq", (first, last)
        ).fetchall()

    def _seal(self, number: int, rows: Sequence[Any]) -> None:
        """Give a commit the CRC of what it holds now."""
        self._session.db.execute("UPDATE batch SET crc = ? WHERE id = ?", (crc(rows), number))
