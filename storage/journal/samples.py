"""Samples in the journal: each kept once, in commits with a CRC; what cannot be used is parked."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from math import isfinite
from operator import itemgetter
from typing import Any

from soilco2.quality.records import Sample
from soilco2.station_config.message import Message, to_text
from soilco2.storage.journal.bulk_insert import Insertion
from soilco2.storage.journal.connection import NO_NUMBER, NO_TIME, SAMPLE_WIDTH, checksum, crc
from soilco2.storage.journal.rows import Parked
from soilco2.storage.journal.session import Session

_INSERT_SAMPLES = Insertion(
    "INSERT INTO sample (seq, channel, status, raw, time_us, device_us, arrival_us, mono_us, boot, source)",
    ("?", "?", "?", "?", f"nullif(?, {NO_TIME})", f"nullif(?, {NO_TIME})", "?", "?", "?", "?"),
    "ON CONFLICT (channel, time_us) DO NOTHING",
)
"""`NO_NUMBER` is NULL to SQLite by itself. Where no sample of a commit has `said`, its column costs nothing."""
_INSERT_TOLD = Insertion(
    "INSERT INTO sample (seq, channel, status, raw, time_us, device_us, arrival_us, mono_us, boot, source, said)",
    ("?", "?", "?", "?", f"nullif(?, {NO_TIME})", f"nullif(?, {NO_TIME})", "?", "?", "?", "?", "?"),
    "ON CONFLICT (channel, time_us) DO NOTHING",
)

REFUSED = ("message", "conflict")
"""Kinds of parked entries that a device or a node can cause."""
_SOURCE = itemgetter(Sample._fields.index("source"))


def same_reading(there: tuple[float | None, object], came: tuple[float | None, object]) -> bool:
    """Whether two readings of one channel and time, (raw, status), are one: a number speaks for itself."""
    return there == came or (there[0] == came[0] and came[0] is not None)


def _beside(values: Sequence[Any], told: Sequence[tuple[int, bytes]]) -> list[Any]:
    """Samples in their canonical form, each with what its probe said behind it."""
    said = dict(told)
    rows: list[Any] = []
    for i in range(0, len(values), SAMPLE_WIDTH):
        rows += values[i : i + SAMPLE_WIDTH]
        rows.append(said.get(values[i]))
    return rows


class Samples:
    """Keeps samples, and what could not be used.

    Parameters
    ----------
    session : Session

    Attributes
    ----------
    seq, batch : int
        Numbers of the newest sample and of the newest commit.
    parked_bytes : int
        Of what was refused on its way in.
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
        self.count_parked()

    def count_parked(self) -> None:
        """Measure what was refused on its way in."""
        rows = self._session.db.execute(
            "SELECT coalesce(sum(length(payload)), 0) FROM parked WHERE kind IN (?, ?)", REFUSED
        )
        self.parked_bytes = int(rows.fetchone()[0])

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

    def keep(
        self, samples: Sequence[Sample], totals: dict[tuple[str, str], int]
    ) -> tuple[Sequence[Sample], int, list[Parked]]:
        """Keep samples, within a transaction, and count them into `totals`.

        Returns
        -------
        kept : sequence of Sample
        duplicate : int
            How many were there already.
        conflicts : list of Parked
            To be parked by the caller: something else was there at their time.
        """
        if not samples:
            return [], 0, []
        values, told = self._values(samples, totals)
        kept = samples
        duplicate = 0
        conflicts: list[Parked] = []
        first, last = self.seq + 1, self.seq + len(samples)
        inserted = (
            _INSERT_TOLD(self._session.db, _beside(values, told))
            if told
            else _INSERT_SAMPLES(self._session.db, values)
        )
        if inserted == len(samples):
            found = checksum(values, told)
        else:
            rows = self._rows(first, last)
            found = crc(rows)
            kept, duplicate, conflicts = self._sort_out({row[0] for row in rows}, values, samples, totals)
            first, last = (rows[0][0], rows[-1][0]) if rows else (0, 0)
        came = Counter(map(_SOURCE, samples))
        for name, those in (
            ("in", came),
            ("stored", came if kept is samples else Counter(map(_SOURCE, kept))),
        ):
            for source, amount in those.items():
                totals[source, name] = totals.get((source, name), 0) + amount
        if kept:
            self.batch += 1
            self._session.db.execute(
                "INSERT INTO batch VALUES (?, ?, ?, ?, ?)",
                (self.batch, first, last, found, self._session.now_us()),
            )
            self.seq = last
        return kept, duplicate, conflicts

    def _sort_out(
        self,
        came_in: set[int],
        values: Sequence[Any],
        samples: Sequence[Sample],
        totals: dict[tuple[str, str], int],
    ) -> tuple[list[Sample], int, list[Parked]]:
        """Which samples came in, and what the others are: the table had something of that channel and time already."""
        kept: list[Sample] = []
        duplicate = 0
        conflicts: list[Parked] = []
        for sample, i in zip(samples, range(0, len(values), SAMPLE_WIDTH), strict=True):
            seq, channel, status, raw, time_us = values[i : i + 5]
            if seq in came_in:
                kept.append(sample)
                continue
            *there, said = self._session.db.execute(
                "SELECT raw, status, said FROM sample WHERE channel = ? AND time_us = ?", (channel, time_us)
            ).fetchone()
            came = (raw if isfinite(raw) else None, status)
            if (said is not None and said == sample.said) or same_reading((there[0], there[1]), came):
                duplicate += 1
                name = "duplicate"
            else:
                name = "rejected"
                reason = Message(
                    "{name} has {there} at that time already, not {raw}",
                    name=f"{sample.serial}/{sample.channel}", there=there[0], raw=sample.raw,
                )  # fmt: skip
                conflicts.append(
                    Parked(
                        "conflict",
                        sample.source,
                        reason,
                        json.dumps(list(sample), default=bytes.hex).encode(),
                        sample.time_us,
                        sample.arrival_us,
                    )
                )
            totals[sample.source, name] = totals.get((sample.source, name), 0) + 1
        return kept, duplicate, conflicts

    def park(self, entry: Parked) -> None:
        """Park an entry, within a transaction."""
        self._session.db.execute(
            "INSERT INTO parked (kind, source, reason, payload, time_us, arrival_us, message) VALUES (?,?,?,?,?,?,?)",
            (*entry, to_text(entry.reason)),
        )
        if entry.kind in REFUSED:
            self.parked_bytes += len(entry.payload)

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
        low, high = held[0][0], held[-1][0]
        for number, first, last in self._batches(low, high):
            self._seal(number, self._rows(first, last))
        first_us, last_us = db.execute(
            "SELECT min(time_us), max(time_us) FROM sample WHERE seq BETWEEN ? AND ? AND boot = ?",
            (low, high, boot),
        ).fetchone()
        return len(held), first_us, last_us

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
