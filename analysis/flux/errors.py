"""Errors of the soil-gas physics, a branch of the errors of the analysis.

FluxError          anything that keeps a whole call from being answered; the message is one clear sentence
├── UnitQuestionError   numbers that look like another unit; asked about, never converted in silence
└── SoilTableError a soil table, pit table or model expression that cannot be used

What concerns single profiles never raises: it becomes a reason per profile (see ``soilco2.analysis.flux.refusals``).
"""

from __future__ import annotations

from soilco2.analysis.errors import AnalysisError


class FluxError(AnalysisError):
    """The call cannot be answered as it was made."""


class UnitQuestionError(FluxError):
    """A whole column of numbers looks like another unit."""


class SoilTableError(FluxError):
    """Soil horizons, a pit table or a diffusivity expression cannot be used."""
