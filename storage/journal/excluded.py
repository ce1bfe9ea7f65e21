"""What lies over the samples and changes none: imports that were taken back, and decisions between numbers."""

from __future__ import annotations

import json
import sqlite3
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from soilco2.quality.records import WITHDRAWN, Sample
from soilco2.station_config.message import Message, marked
from soilco2.storage.journal.rows import ParkedRow

Span = tuple[int, int]
"""First and last sample."""

OVER = marked("the numbers do not differ any more")
"""Why a conflict was settled without a decision."""


class Layers:
    """Which samples do not count, and why.

    Parameters
    ----------
    withdrawn : sequence of Span
        Samples that no standing import delivers any more; in order, without overlap.
    outvoted : iterable of int
        Samples that a person decided against.
    """

    def __init__(self, withdrawn: Sequence[Span] = (), outvoted: Iterable[int] = ()) -> None:
        self.withdrawn = list(withdrawn)
        self._firsts = [first for first, _ in withdrawn]
        self._outvoted = frozenset(outvoted)

    def __bool__(self) -> bool:
        return bool(self.withdrawn or self._outvoted)

    def takes_back(self, seq: int) -> bool:
        """Whether a sample is withdrawn."""
        at = bisect_right(self._firsts, seq)
        return at > 0 and seq <= self.withdrawn[at - 1][1]

    def over(self, seq: int, sample: Sample) -> Sample | None:
        """A sample as it counts: itself, an empty place where withdrawn, None where it was decided against."""
        if seq in self._outvoted:
            return None
        if self.takes_back(seq):
            return sample._replace(raw=None, status=WITHDRAWN, said=None)
        return sample


def layers_of(db: sqlite3.Connection) -> Layers:
    """The layers in force in a journal of this version."""
    undone = {number for (number,) in db.execute("SELECT id FROM import WHERE state = 'undone'")}
    withdrawn = withdrawn_by(db, undone) if undone else []
    found = Layers(withdrawn)
    outvoted: list[int] = []
    for _, data in decisions(db):
        if not all(found.takes_back(seq) for seq in data["taken"]):  # what it took must stand
            outvoted += data["against"]
    return Layers(withdrawn, outvoted)


def decisions(db: sqlite3.Connection) -> list[tuple[int, dict[str, Any]]]:
    """Decisions in force: event and its data."""
    revoked = {
        json.loads(row[0])["event"]
        for row in db.execute("SELECT data FROM event WHERE kind = 'decision_revoked'")
    }
    rows = db.execute("SELECT id, data FROM event WHERE kind = 'decided'").fetchall()
    return [(number, json.loads(data)) for number, data in rows if number not in revoked]


def holds(data: Mapping[str, Any]) -> Message:
    """What a decision says, of its data."""
    value, who, why = data["value"], data["who"], data["why"]
    if why:
        return Message("{value:g} holds, by {who}: {why}", value=value, who=who, why=why)
    return Message("{value:g} holds, by {who}", value=value, who=who)


def settled_why(db: sqlite3.Connection, rows: Sequence[ParkedRow]) -> list[ParkedRow]:
    """Parked entries, with messages where the journal itself said why they are settled; a person's words stay."""
    said: dict[int, Message] = {}
    if any(row.state == "decided" for row in rows):
        said = {data["parked"]: holds(data) for _, data in decisions(db)}
    return [
        row._replace(why=said.get(row.id, row.why))
        if row.state == "decided"
        else row._replace(why=Message(OVER))
        if (row.state, row.why) == ("settled", OVER)
        else row
        for row in rows
    ]


def withdrawn_by(db: sqlite3.Connection, undone: set[int]) -> list[Span]:
    """Samples that imports of this set brought and no other import delivers."""
    brought: list[Span] = []
    standing: list[Span] = []
    for number, first, last, again in db.execute("SELECT import, first_seq, last_seq, again FROM delivery"):
        if number not in undone:
            standing.append((first, last))
        elif not again:
            brought.append((first, last))
    return minus(joined(brought), joined(standing))


def joined(spans: Iterable[Span]) -> list[Span]:
    """In order, those that touch or overlap put together."""
    found: list[Span] = []
    for first, last in sorted(spans):
        if found and first <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(last, found[-1][1]))
        else:
            found.append((first, last))
    return found


def minus(spans: Sequence[Span], others: Sequence[Span]) -> list[Span]:
    """What of some spans is in none of the others; both in order, without overlap."""
    found: list[Span] = []
    at = 0
    for first, last in spans:
        while at < len(others) and others[at][1] < first:
            at += 1
        here = at
        while here < len(others) and others[here][0] <= last:
            if first < others[here][0]:
                found.append((first, others[here][0] - 1))
            first = max(first, others[here][1] + 1)
            here += 1
        if first <= last:
            found.append((first, last))
    return found


def count(spans: Iterable[Span]) -> int:
    """Samples in some spans."""
    return sum(last - first + 1 for first, last in spans)


def spans_of(numbers: Sequence[int]) -> list[Span]:
    """Numbers as spans."""
    if isinstance(numbers, range) and numbers.step == 1:
        return [(numbers[0], numbers[-1])] if numbers else []
    if numbers:
        low, high = min(numbers), max(numbers)
        if high - low + 1 == len(numbers) == len(set(numbers)):
            return [(low, high)]
    return joined((number, number) for number in numbers)
