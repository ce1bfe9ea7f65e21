"""What the messages of a connection gave, whatever they speak."""

from __future__ import annotations

from collections import Counter
from typing import Any, NamedTuple

from soilco2.quality.records import Sample
from soilco2.station_config.deployments import Deployments
from soilco2.station_config.message import Message
from soilco2.station_config.times import DAY_US

FOREIGN = 100
"""Devices of others that are remembered by name, and whose first message is parked."""
OLDEST_US = 1_420_070_400_000_000
"""2015-01-01: an earlier stamp comes from a clock that was never set [µs UTC]."""


def oldest_us(deployments: Deployments) -> int:
    """The earliest time that a stamp can be: a day before the station was there [µs UTC]."""
    starts = [span.start_us for span in deployments.spans]
    return max([OLDEST_US, *([min(starts) - DAY_US] if starts else [])])


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


class Foreign:
    """Counts messages of devices that are not the station's."""

    def __init__(self) -> None:
        self._named: Counter[str] = Counter()
        self._unnamed = 0

    def status(self) -> dict[str, Any]:
        """Whose messages came, and how many; those of devices beyond `FOREIGN` in one sum."""
        found: dict[str, Any] = {"foreign": dict(self._named)} if self._named else {}
        return {**found, "foreign_unnamed": self._unnamed} if self._unnamed else found

    def worth_keeping(self, device: str, out: Decoded, *, each: bool = False) -> bool:
        """Count a message; whether it is one to park: the first of its device, or each one of it."""
        assert out.further is not None
        out.further["foreign"] += 1
        if device in self._named or len(self._named) < FOREIGN:
            self._named[device] += 1
            if self._named[device] == 1 or each:
                return True
        else:
            self._unnamed += 1
        for name in ("in", "rejected"):  # what is parked is counted there
            out.further[name] += 1
        return False
