"""Places where numbers of one rank differ: each is parked until a person decides, and the decision is a layer."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Sequence
from typing import Any

from soilco2.quality.records import Sample, SeriesKey
from soilco2.quality.rivals import Rank, Rivals, same
from soilco2.station_config.message import Message, to_text
from soilco2.station_config.times import iso
from soilco2.storage.errors import StorageError
from soilco2.storage.journal.excluded import OVER, decisions, holds
from soilco2.storage.journal.parking import Parking
from soilco2.storage.journal.rows import NewEvent, Parked
from soilco2.storage.journal.schema import EventKind
from soilco2.storage.journal.session import Session

Find = Callable[[str, str, int], list[tuple[int, float | None, str, str]]]
"""Samples of a channel (serial, channel) and time [µs UTC], archives included: number, raw, status, source."""


class Conflicts:
    """Keeps the parked entries of conflicts in step with the observations.

    Parameters
    ----------
    session : Session
    parking : Parking

    Attributes
    ----------
    parked : int
        Conflicts that were parked since it was last set to 0.
    met : dict
        What stands at the places of the samples that are watched.
    """

    def __init__(self, session: Session, parking: Parking) -> None:
        self._session, self._parking = session, parking
        session.follow(self._forget, self._forget)

    def _forget(self) -> None:
        self._found: dict[tuple[SeriesKey, int], Rivals] = {}
        self.parked = 0
        self.watch(())

    def watch(self, samples: Sequence[Sample], number: int | None = None) -> None:
        """Keep from now on what stands at the places of these samples; what is parked came by an import."""
        self._number = number
        self._samples_watched = samples
        self._watched: set[tuple[str, str, int | None]] | None = None  # made when it is asked
        self.met: dict[tuple[str, str, int | None], Rivals] = {}

    def hear(self, rivals: Rivals) -> None:
        """Several samples were met at one place."""
        if rivals.conflict:
            self._found[rivals.series, rivals.time_us] = rivals
        if self._samples_watched:
            if self._watched is None:
                self._watched = {(s.serial, s.channel, s.time_us) for s in self._samples_watched}
            for sample, _, _ in rivals.samples:
                place = sample.serial, sample.channel, sample.time_us
                if place in self._watched:
                    self.met[place] = rivals

    def drop(self) -> None:
        """What was heard does not hold: the judging failed."""
        self._found = {}

    def settle(self, start_us: int, end_us: int, series: Collection[SeriesKey] | None = None) -> None:
        """Within a transaction: park what was heard of a stretch that was judged again, and settle what is over there.

        Parameters
        ----------
        start_us, end_us : int
            The stretch, its end exclusive [µs UTC].
        series : collection of SeriesKey, optional
            Those that were judged again; left out: all.
        """
        found, self._found = self._found, {}
        known: dict[tuple[SeriesKey, int], tuple[int, str, str]] = {}
        for number, reason, payload, state in self._session.db.execute(
            "SELECT id, reason, payload, state FROM parked WHERE kind = 'conflict' AND time_us >= ? AND time_us < ?"
            " ORDER BY id",
            (start_us, end_us),
        ).fetchall():
            if (place := _place(payload)) is not None and (series is None or place[0] in series):
                known[place] = (number, reason, state)
                if place not in found and state == "waiting":
                    self._mark(number, "settled", OVER)
        for place, rivals in found.items():
            reason, payload = _told(rivals)
            number, before, state = known.get(place, (0, "", ""))
            if (before, state) == (reason, "waiting"):
                continue
            self.parked += 1
            if number:
                self._session.db.execute(
                    "UPDATE parked SET reason = ?, message = ?, payload = ?, state = 'waiting', why = '' WHERE id = ?",
                    (reason, to_text(reason), payload, number),
                )
                continue
            newest = max((sample for sample, _, _ in rivals.samples), key=lambda s: s.arrival_us)
            self._parking.park(
                Parked(
                    "conflict",
                    newest.source,
                    reason,
                    payload,
                    rivals.time_us,
                    newest.arrival_us,
                    self._number,
                )
            )

    def _mark(self, number: int, state: str, why: str) -> None:
        self._session.db.execute("UPDATE parked SET state = ?, why = ? WHERE id = ?", (state, why, number))

    def decide(self, number: int, take: str, who: str, why: str, find: Find) -> int:
        """Within a transaction: one of the numbers holds; the time [µs UTC] that is to be judged again.

        Parameters
        ----------
        number : int
            Of the parked entry.
        take : str
            ``first`` or ``second`` of the numbers as they came, or the number itself.
        who, why : str
        find : callable
        """
        entry = self._entry(number, "waiting")
        numbers = entry["numbers"]
        value = _picked(take, [row["value"] for row in numbers], number)
        taken: list[int] = []
        against: list[int] = []
        for row in numbers:
            seqs = [
                seq
                for seq, raw, status, _ in find(row["serial"], row["channel"], entry["time_us"])
                if (raw, status) == (row["raw"], row["status"])
            ]
            (taken if same(row["value"], value) else against).extend(seqs)
        data = {
            "parked": number, "series": entry["series"], "time_us": entry["time_us"], "value": value,
            "taken": taken, "against": against, "who": who, "why": why,
        }  # fmt: skip
        self._session.event(
            NewEvent(EventKind.DECIDED, who, why or Message("{value:g} holds", value=value), data)
        )
        self._mark(number, "decided", holds(data))
        return int(entry["time_us"])

    def take_back(self, number: int, who: str, why: str) -> int:
        """Within a transaction: a decision is open again; the time [µs UTC] that is to be judged again."""
        entry = self._entry(number, "decided")
        for event, data in decisions(self._session.db):
            if data["parked"] == number:
                self._session.event(NewEvent(EventKind.DECISION_REVOKED, who, why, {"event": event}))
        self._mark(number, "waiting", "")
        return int(entry["time_us"])

    def _entry(self, number: int, state: str) -> dict[str, Any]:
        row = self._session.db.execute(
            "SELECT kind, state, payload FROM parked WHERE id = ?", (number,)
        ).fetchone()
        if row is None:
            raise StorageError(
                Message(
                    "there is no parked entry {number}; 'soilco2 parked list --all' shows them", number=number
                )
            )
        if row[0] != "conflict" or _place(row[2]) is None:
            raise StorageError(
                Message(
                    "parked entry {number} is no conflict between numbers; 'soilco2 parked list' shows what is",
                    number=number,
                )
            )
        if row[1] != state and state == "waiting":
            raise StorageError(
                Message(
                    "parked entry {number} does not wait; 'soilco2 parked list' shows those that do",
                    number=number,
                )
            )
        if row[1] != state:
            raise StorageError(
                Message("parked entry {number} was not decided; there is nothing to take back", number=number)
            )
        entry: dict[str, Any] = json.loads(row[2])
        return entry


def _picked(take: str, values: list[float], number: int) -> float:
    """The number that is meant."""
    words = {"first": 0, "second": 1}
    at = words.get(take.lower())
    if at is not None:
        return values[at]
    try:
        wanted = float(take)
    except ValueError:
        wanted = float("nan")
    for value in values:
        if same(value, wanted):
            return value
    raise StorageError(
        Message(
            "--take {take}: entry {number} holds {values}; expected FIRST, SECOND or one of these "
            "('soilco2 flag' says that none of them is right)",
            take=take,
            number=number,
            values=", ".join(f"{value:g}" for value in values),
        )
    )


def _place(payload: bytes) -> tuple[SeriesKey, int] | None:
    """Series and time of an entry; None for one of an earlier version, which holds the sample that was refused."""
    if payload[:1] != b"{":
        return None
    body = json.loads(payload)
    return SeriesKey(*body["series"]), body["time_us"]


def place_name(series: SeriesKey) -> str:
    """A series as commands take it."""
    return "/".join(series[1:])


def _told(rivals: Rivals) -> tuple[Message, bytes]:
    """The sentence and the numbers of a conflict, each number once, in the order in which they came."""
    best = min(rank for _, reading, rank in rivals.samples if reading is not None)
    rows: list[dict[str, Any]] = []
    for sample, reading, rank in sorted(rivals.samples, key=_came):
        if reading is None or rank is not best:
            continue
        rows.append(
            {
                "value": reading, "raw": sample.raw, "status": sample.status, "serial": sample.serial,
                "channel": sample.channel, "source": sample.source, "arrival_us": sample.arrival_us,
            }
        )  # fmt: skip
    told: list[dict[str, Any]] = []
    for row in rows:
        if not any(same(row["value"], other["value"]) for other in told):
            told.append(row)
    rows.sort(key=lambda row: [same(row["value"], other["value"]) for other in told].index(True))
    numbers = told + [row for row in rows if row not in told]
    which = Message("{number} ({source})", number=f"{told[0]['value']:.12g}", source=told[0]["source"])
    for row in told[1:]:
        number = f"{row['value']:.12g}"
        which = Message("{others} and {number} ({source})", others=which, number=number, source=row["source"])
    reason = Message(
        "{series} at {time}: {which}; which one holds?",
        series=place_name(rivals.series),
        time=iso(rivals.time_us),
        which=which,
    )
    body = {"series": list(rivals.series), "time_us": rivals.time_us, "numbers": numbers}
    return reason, json.dumps(body, ensure_ascii=False).encode()


def _came(row: tuple[Sample, float | None, Rank]) -> tuple[int, float]:
    return row[0].arrival_us, row[1] or 0.0
