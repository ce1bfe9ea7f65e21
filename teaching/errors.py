"""Errors of the teaching case.

TeachingError               anything wrong with what a teacher or a trainee handed in
├── PlanError               a plan that cannot be written, or a file that is no plan of this station
└── QuestionError           questions that cannot be made, or a fact file with a fault
"""

from __future__ import annotations


class TeachingError(Exception):
    """Something in the teaching case cannot be used; the message is one clear sentence."""


class PlanError(TeachingError):
    """A plan cannot be written, or a file is no plan of this station."""


class QuestionError(TeachingError):
    """Questions cannot be made, or a fact file has a fault."""
