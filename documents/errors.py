"""Errors of documents.

DocumentError               a document cannot be made or read
└── PlanError               a plan that cannot be written, or a file that is no plan of this station
"""

from __future__ import annotations


class DocumentError(Exception):
    """A document cannot be made or read; the message is one clear sentence."""


class PlanError(DocumentError):
    """A plan cannot be written, or a file is no plan of this station."""
