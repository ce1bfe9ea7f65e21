"""Errors of the station file.

StationConfigError          anything wrong with what the user wrote
└── StationFileError        one or more faults in a station file, each naming file, line, key and value
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class StationConfigError(ValueError):
    """What the user wrote cannot be used; the message is one clear sentence."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault in a station file.

    Parameters
    ----------
    file : str
        Path as the user gave it.
    line : int or None
        Line in the file, counted from 1; None where it cannot be told.
    key : str
        Table and key, such as ``instrument[2].calibration[1].channel``: elements are counted from 1.
        Empty where the file as a whole is at fault.
    value : str
        The value found, as written; empty where a key is missing. Never a secret.
    expected : str
        What was expected and what to do, one sentence.
    chinese : str
        The same in Chinese where it is not among the sentences of `soilco2.station_config.messages_zh`.
    """

    file: str
    line: int | None
    key: str
    value: str
    expected: str
    chinese: str = ""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line is not None else self.file
        found = f" = {self.value}" if self.value else ""
        key = f"{self.key}{found}: " if self.key else ""
        return f"{place}: {key}{self.expected}"


class StationFileError(StationConfigError):
    """A station file with faults; all of them at once in ``faults``."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(str(fault) for fault in self.faults))
