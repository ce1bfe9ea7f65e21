"""Errors of the station file.

StationConfigError          anything wrong with what the user wrote
└── StationFileError        one or more faults in a station file, each naming file, line, key and value
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from soilco2.station_config.message import Message


class StationConfigError(ValueError):
    """What the user wrote cannot be used; the message is one clear sentence."""

    def __init__(self, message: Message) -> None:
        super().__init__(Message.of(message))  # a driver of another distribution may say it in plain text


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
    expected : Message
        What was expected and what to do, one sentence.
    """

    file: str
    line: int | None
    key: str
    value: str
    expected: Message

    def __str__(self) -> str:
        return Message(
            ("{file}:{line}: " if self.line is not None else "{file}: ")
            + (("{key} = {value}: " if self.value else "{key}: ") if self.key else "")
            + "{expected}",
            file=self.file, line=self.line or 0, key=self.key, value=self.value, expected=self.expected,
        )  # fmt: skip


class StationFileError(StationConfigError):
    """A station file with faults; all of them at once in ``faults``."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__(Message.joined(self.faults, "\n"))
