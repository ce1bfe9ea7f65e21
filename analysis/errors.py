"""Errors of the analysis.

AnalysisError               anything that stops an analysis; the message is one clear sentence
├── DataError               the data handed in cannot be read as a station's record
└── OptionError             an option or argument that cannot be used
"""

from __future__ import annotations

from soilco2.station_config.message import Message


class AnalysisError(ValueError):
    """Something stops the analysis; the message says what, where, what was expected and what to do."""

    def __init__(self, message: Message) -> None:
        super().__init__(message)


class DataError(AnalysisError):
    """The data handed in cannot be read as a station's record."""


class OptionError(AnalysisError):
    """An option or argument cannot be used."""
