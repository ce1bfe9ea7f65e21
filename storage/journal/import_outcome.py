"""What became of the rows that an import brought."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from soilco2.quality.records import Sample, SeriesKey
from soilco2.quality.rivals import Rank, Rivals, outcome
from soilco2.station_config.deployments import import_channel
from soilco2.station_config.message import Message
from soilco2.station_config.times import iso
from soilco2.storage.journal.samples import Kept

SHOWN = 5
"""Conflicts of a stretch that are named."""

Named = tuple[int, str]
"""Place of a row among those that came, and a sentence about it."""


class Brought(NamedTuple):
    """A stretch of rows, each of them one of three.

    Parameters
    ----------
    stored, duplicate, conflict : int
        Those that became data, those that say nothing new, and those whose number is not taken.
    bad : int
        Of those that became data, the ones that were judged bad.
    named : list of (int, str)
        The first conflicts: place of the row and a sentence.
    """

    stored: int
    duplicate: int
    conflict: int
    bad: int
    named: list[Named]


def brought(
    samples: Sequence[Sample],
    kept: Kept,
    back: Sequence[Sample],
    met: Mapping[tuple[str, str, int | None], Rivals],
    bad: Sequence[tuple[SeriesKey, int]],
) -> Brought:
    """The account of a stretch.

    Parameters
    ----------
    samples : sequence of Sample
        As they came.
    kept : Kept
    back : sequence of Sample
        Those that came again and are no duplicates: of samples that had been withdrawn and count again, and what the
        same import had brought before it was cut short.
    met : dict
        Where several samples are at one place.
    bad : sequence of (SeriesKey, int)
        Observations made in the commit that were judged bad.
    """
    conflict = duplicate = 0
    named: list[Named] = []
    repeats = {id(sample) for _, sample in kept.again} - {id(sample) for sample in back}
    passed: set[Sample] = set()
    if not met:
        duplicate = len(repeats)
    else:
        ours = set(samples)
        for at, sample in enumerate(samples):
            if id(sample) in repeats:
                duplicate += 1
            elif rivals := met.get((sample.serial, sample.channel, sample.time_us)):
                before = [row for row in rivals.samples if row[0] not in ours or row[0] in passed]
                reading, rank = next(
                    (row[1:] for row in rivals.samples if row[0] == sample), (None, Rank.TABLE)
                )
                found = outcome(reading, rank, [row[1:] for row in before])
                duplicate += found == "duplicate"
                conflict += found == "conflict"
                if found == "conflict" and len(named) < SHOWN:
                    named.append((at, told(rivals.series, rivals.time_us, reading, rank, before)))
            passed.add(sample)
    places = {(s.serial, s.channel, s.time_us) for s in samples} if bad else set()
    judged_bad = sum((*import_channel(key), at) in places for key, at in set(bad))
    return Brought(len(samples) - duplicate - conflict, duplicate, conflict, judged_bad, named)


def told(
    series: SeriesKey,
    time_us: int,
    reading: float | None,
    rank: Rank,
    before: Sequence[tuple[Sample, float | None, Rank]],
) -> Message:
    """A sentence about a number that is not taken."""
    best = min(its for _, number, its in before if number is not None)
    other, number, _ = next(row for row in before if row[1] is not None and row[2] is best)
    mine = "nothing" if reading is None else f"{reading:.12g}"
    values = {
        "series": "/".join(series[1:]), "time": iso(time_us), "mine": mine, "number": number, "source": other.source,
    }  # fmt: skip
    if best < rank:
        return Message(
            "{series} at {time}: {mine} differs from {number:.12g} ({source}), which has the better rank and stands",
            **values,
        )
    return Message(
        "{series} at {time}: {mine} differs from {number:.12g} ({source}), and both are kept until somebody decides "
        "('soilco2 parked decide')",
        **values,
    )
