"""The two records that flow through the house: sample and observation.

A sample is what the hardware said and is never changed. An observation is what we make of it today.
Both are named tuples: a year of samples passes through here and attribute access must stay cheap.
"""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

WITHDRAWN = "\x18withdrawn"
"""Status of a sample that was taken back; no instrument can say it, since a status is printable."""


class Flag(IntEnum):
    """QARTOD flags; the worst one wins, in the order good, not evaluated, suspect, bad, missing."""

    GOOD = 1
    NOT_EVALUATED = 2
    SUSPECT = 3
    BAD = 4
    MISSING = 9


class SeriesKey(NamedTuple):
    """A series in time; variables without depth live in the profile ``site``, position ``""``."""

    station: str
    profile: str
    position: str
    variable: str

    def __str__(self) -> str:
        return "/".join(self)


class Sample(NamedTuple):
    """What the hardware said.

    Parameters
    ----------
    serial, channel : str
        The instrument's serial number and its channel.
    time_us : int or None
        Time of the measurement [µs UTC]: the scheduled slot of a polled probe, the device's stamp of a
        pushed message. None while the clock that should give it is not trusted.
    raw : float or None
        Number in the device's own unit, before any sentinel test or scaling; None when the device gave none.
    status : str
        Why `raw` is absent, or status bits the device sent along (``"status=0x40"``); empty when all is well.
    device_us : int or None
        The device's own time stamp [µs UTC] where it sent one.
    arrival_us : int
        Wall clock at arrival [µs UTC].
    mono_us : int
        Monotonic clock at arrival [µs].
    boot_id : str
        The boot (or run, where the system has none) that `mono_us` belongs to.
    source : str
        Where it came from: the connection's id, or ``import:<file name>``.
    said : bytes or None
        What a polled probe's registers held for this channel, as on the wire: 16-bit registers, high byte first, in
        their order, from the channel's first one on, two of them where the block has two, so that a catalogue that
        names the wrong type or word order can be mended later; of a LoRaWAN payload the name of the record, a colon and
        its bytes. None where the message carries the number itself.
    """

    serial: str
    channel: str
    time_us: int | None
    raw: float | None
    status: str
    device_us: int | None
    arrival_us: int
    mono_us: int
    boot_id: str
    source: str
    said: bytes | None = None


class Observation(NamedTuple):
    """What we make of a sample today.

    Parameters
    ----------
    series : SeriesKey
    time_us : int
        [µs UTC]
    value : float or None
        In the variable's canonical unit, corrected and calibrated; None when missing. A bad value keeps
        its number: flag, never erase.
    raw : float or None
        In the canonical unit, before corrections and calibration.
    flag : Flag
    tests : str
        Names of the tests that did not pass, joined by commas, in the order of their severity.
    corrections : str
        Names of the corrections applied, joined by commas, in the order of application.
    config : str
        Hash of the station configuration used.
    """

    series: SeriesKey
    time_us: int
    value: float | None
    raw: float | None
    flag: Flag
    tests: str
    corrections: str
    config: str


_RANK = {Flag.GOOD: 0, Flag.NOT_EVALUATED: 1, Flag.SUSPECT: 2, Flag.BAD: 3, Flag.MISSING: 4}


def worst(first: Flag, second: Flag) -> Flag:
    """The worse of two flags."""
    return first if _RANK[first] >= _RANK[second] else second
