"""Errors of the soil-gas physics, a branch of the errors of the analysis.

FluxError          anything that keeps a whole call from being answered; the message is one clear sentence
├── UnitQuestionError   numbers that look like another unit; asked about, never converted in silence
└── SoilTableError a soil table, pit table or model expression that cannot be used

What concerns single profiles never raises: it becomes a reason per profile (see ``soilco2.analysis.flux.refusals``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from soilco2.analysis.errors import AnalysisError
from soilco2.station_config.message import Message

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails


class FluxError(AnalysisError):
    """The call cannot be answered as it was made."""


class UnitQuestionError(FluxError):
    """A whole column of numbers looks like another unit."""


class SoilTableError(FluxError):
    """Soil horizons, a pit table or a diffusivity expression cannot be used."""


def expected(error: ErrorDetails) -> Message:
    """What a table's model expected: the sentence of its own rule, else pydantic's."""
    return Message.of(error["ctx"]["error"] if error["type"] == "value_error" else error["msg"])
