"""What the messages of a connection gave, whatever they speak."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from soilco2.quality.records import Sample
from soilco2.station_config.message import Message


class Refusal(NamedTuple):
    """What did not become a sample.

    Parameters
    ----------
    reason : Message
        One sentence.
    payload : bytes
        The message as it came, or one of those of its readings that were refused.
    time_us : int or None
        The stamp it carried [µs UTC], if one could be read.
    arrival_us : int
        [µs UTC]
    readings : int
        How many were refused; 1 for a message that cannot be understood.
    """

    reason: Message
    payload: bytes
    time_us: int | None
    arrival_us: int
    readings: int = 1


class Gap(NamedTuple):
    """Messages of a node that never came: numbers `first` to `last`."""

    node: str
    first: int
    last: int


class Jump(NamedTuple):
    """A node's numbers went from `before` to `after`, further than it can have sent messages: it numbers anew."""

    node: str
    before: int
    after: int


class Decoded(NamedTuple):
    """What a batch of messages gave.

    Parameters
    ----------
    samples : list of Sample
    refusals : list of Refusal
    gaps : list of Gap
    repeats : Counter
        Counts, in its one place, readings that are known already.
    jumps : list of Jump
    further : Counter, optional
        Further counters of the connection, by name.
    notes : list of (str, Message), optional
        What is worth a line in the station's log once for each subject.
    """

    samples: list[Sample]
    refusals: list[Refusal]
    gaps: list[Gap]
    repeats: Counter[str]
    jumps: list[Jump]
    further: Counter[str] | None = None
    notes: list[tuple[str, Message]] | None = None
