"""Errors of the teaching case.

TeachingError               anything wrong with what a teacher or a trainee handed in
├── QuestionError           questions that cannot be made, or a fact file with a fault
└── CaseError               a work folder, notebook or data file of the case that cannot be used
    └── UnansweredError     a task without an answer yet
"""

from __future__ import annotations

from soilco2.station_config.message import Message, translate


class TeachingError(Exception):
    """Something in the teaching case cannot be used; the message is one clear sentence."""

    def __init__(self, message: Message) -> None:
        super().__init__(message)


class QuestionError(TeachingError):
    """Questions cannot be made, or a fact file has a fault."""


class CaseError(TeachingError):
    """A work folder, a notebook or a data file of the case cannot be used.

    Parameters
    ----------
    message : Message
    lang : str
        Language of the notebook that shows it; where it is not known, both are shown.
    """

    def __init__(self, message: Message, lang: str = "") -> None:
        super().__init__(message)
        self.lang = lang

    def _render_traceback_(self) -> list[str]:
        """What a notebook shows in place of a traceback: the sentence."""
        shown = [translate(str(self), lang) for lang in ([self.lang] if self.lang else ["zh", "en"])]
        return [" / ".join(dict.fromkeys(shown))]


class UnansweredError(CaseError):
    """A task has no answer yet."""
