"""Faults on command: what real stations do, one name each.

``KIND[:INSTRUMENT][@FROM[/TO]]``: the instrument by id, serial number or connection (all that can have the
fault when left out), the times on the schedule clock (from the start and for good when left out).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import StrEnum
from typing import NamedTuple

from soilco2.ingest.errors import SimulationError
from soilco2.station_config.message import Message


class Kind(StrEnum):
    """What can go wrong."""

    UNPLUG = "unplug"
    DRIFT = "drift"
    FLOOD = "flood"
    CLOCK_RESET = "clock-reset"
    ADDRESS_CLASH = "address-clash"
    BROWN_OUT = "brown-out"
    STUCK = "stuck"
    SILENCE = "silence"
    NOISE = "noise"


MEANING = {
    Kind.UNPLUG: "the adapter of the line is pulled (Modbus, SDI-12), the node loses the network (MQTT)",
    Kind.DRIFT: "the reading grows by 2 % of itself a day",
    Kind.FLOOD: "water at 0.45 m³/m³, CO₂ stays at its last value and the probe says it is unreliable",
    Kind.CLOCK_RESET: "the node's clock starts again at 1970-01-01 (MQTT only)",
    Kind.ADDRESS_CLASH: "a second probe answers at the same address (Modbus, SDI-12)",
    Kind.BROWN_OUT: "no answer for one interval, then not ready while warming up, settings of the factory",
    Kind.STUCK: "the reading stays what it was",
    Kind.SILENCE: "no answer, no message",
    Kind.NOISE: "stray bytes around each answer, every third answer damaged (Modbus, SDI-12)",
}
"""What each fault does."""

DRIFT_PER_DAY = 0.02
POROSITY = 0.45
"""1 - 1.45/2.65 [m³/m³]: bulk density of horizon A2 of the SJER pit (NEON DP1.00096.001) and of quartz."""


class Fault(NamedTuple):
    """One fault.

    Parameters
    ----------
    kind : Kind
    target : str
        Id or serial number of an instrument, id of a connection; empty for all.
    start_us, end_us : int or None
        On the schedule clock [µs UTC], end exclusive; None for the start and for good.
    """

    kind: Kind
    target: str = ""
    start_us: int | None = None
    end_us: int | None = None

    def active(self, time_us: int) -> bool:
        """Whether the fault holds at `time_us` [µs UTC]."""
        return (self.start_us is None or time_us >= self.start_us) and (
            self.end_us is None or time_us < self.end_us
        )


def parse_fault(text: str, parse_time: Callable[[str], int]) -> Fault:
    """The fault of ``KIND[:INSTRUMENT][@FROM[/TO]]``.

    Parameters
    ----------
    parse_time : callable
        From a time's text to µs UTC; what it raises goes through.

    Raises
    ------
    SimulationError
        When it is not of that form or there is no such fault.
    """
    match = re.fullmatch(r"([a-z-]+)(?::([^@]+))?(?:@([^/]+)(?:/(.+))?)?", text.strip())
    if match is None or match[1] not in set(Kind):
        raise SimulationError(
            Message(
                "fault {fault!r} is not understood; expected KIND[:INSTRUMENT][@FROM[/TO]] with KIND one of {kinds}",
                fault=text,
                kinds=", ".join(Kind),
            )
        )
    start, end = (None if part is None else parse_time(part) for part in (match[3], match[4]))
    if start is not None and end is not None and end <= start:
        raise SimulationError(Message("fault {fault!r} ends before it begins", fault=text))
    return Fault(Kind(match[1]), match[2] or "", start, end)
