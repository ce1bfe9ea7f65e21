"""Errors of documents.

DocumentError               a document cannot be made or read
└── PlanError               a plan that cannot be written, or a file that is no plan of this station
"""

from __future__ import annotations

from soilco2.station_config.message import Message


class DocumentError(Exception):
    """A document cannot be made or read; the message is one clear sentence."""

    def __init__(self, message: Message) -> None:
        super().__init__(message)


class PlanError(DocumentError):
    """A plan cannot be written, or a file is no plan of this station."""
