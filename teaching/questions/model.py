"""What a question is, and when it is a sound one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from soilco2.station_config.message import Message
from soilco2.teaching.errors import QuestionError

Kind = Literal["single", "multiple", "short"]

BLOCKS: dict[str, tuple[str, str]] = {
    "background": (
        "Background: greenhouse effect, national and international action",
        "背景：温室效应与国内外行动",
    ),
    "basics": ("Basics: terms, principles of quantification and reporting", "基础知识：术语、量化与报告原则"),
    "quantification": ("Quantification and reporting", "量化与报告"),
    "monitoring": ("Monitoring", "监测"),
}
"""Blocks of the syllabus with their names in English and Chinese."""

LEVELS: dict[int, tuple[str, str]] = {
    1: ("elementary", "初级"),
    2: ("intermediate", "中级"),
    3: ("advanced", "高级"),
}
"""Levels of the track."""

WEIGHTS: dict[int, dict[str, int]] = {
    1: {"background": 10, "basics": 25, "quantification": 40, "monitoring": 25},
    2: {"background": 10, "basics": 25, "quantification": 45, "monitoring": 20},
    3: {"background": 10, "basics": 25, "quantification": 40, "monitoring": 25},
}
"""Weight of each block in the examination, by level [%], as the track's syllabus gives it."""

KINDS: dict[str, tuple[str, str]] = {
    "single": ("Single choice", "单项选择题"),
    "multiple": ("Multiple choice", "多项选择题"),
    "short": ("Short answer", "简答题"),
}
"""Kinds of question in the order of a paper."""


class Both(NamedTuple):
    """A text in both languages."""

    en: str
    zh: str

    def at(self, lang: str) -> str:
        """The text in one language."""
        return self.zh if lang == "zh" else self.en


def same(text: str) -> Both:
    """A text that is the same in both languages: numbers, sources."""
    return Both(text, text)


class Option(NamedTuple):
    """A choice: its text, whether it is right, and why; of a wrong one, the mistake that leads to it."""

    text: Both
    right: bool
    why: Both


class Point(NamedTuple):
    """A marking point of a short answer."""

    text: Both
    marks: int


@dataclass(frozen=True, slots=True)
class Question:
    """One question.

    Parameters
    ----------
    id : str
        ``template-number``, the same for ever.
    template : str
        Computed questions of one wording share it; a fact has its own.
    level : int
        1, 2 or 3.
    block : str
        One of `BLOCKS`.
    kind : {"single", "multiple", "short"}
    stem : Both
    options : tuple of Option
        Of a choice, in the order they were written in.
    points : tuple of Point
        Of a short answer.
    explanation : Both
    source : Both
        Where the right answer stands or by which function of the product it is computed.
    given : mapping
        Numbers the answer is computed from.
    value : float, str or None
        The right answer of a computed question.
    """

    id: str
    template: str
    level: int
    block: str
    kind: Kind
    stem: Both
    explanation: Both
    source: Both
    options: tuple[Option, ...] = ()
    points: tuple[Point, ...] = ()
    given: Mapping[str, Any] = field(default_factory=dict)
    value: float | str | None = None


def check(question: Question) -> None:
    """Refuse a question that cannot be asked.

    Raises
    ------
    QuestionError
        Names the question and what is wrong with it.
    """
    if (wrong := what_is_wrong(question)) is not None:
        raise QuestionError(Message("question {question}: {why}", question=question.id, why=wrong))


def what_is_wrong(question: Question) -> Message | None:
    """Why a question cannot be asked; None when it can."""
    return next((why for holds, why in _needs(question) if not holds), None)


def _needs(question: Question) -> Iterator[tuple[bool, Message]]:
    """What must hold, each with what is said when it does not."""
    blocks, kinds = ", ".join(BLOCKS), ", ".join(KINDS)
    level, block, kind = question.level, question.block, question.kind
    yield level in LEVELS, Message("level {level} is none of 1, 2, 3", level=level)
    yield block in BLOCKS, Message("block {block!r} is none of {blocks}", block=block, blocks=blocks)
    yield kind in KINDS, Message("kind {kind!r} is none of {kinds}", kind=kind, kinds=kinds)
    sourced = question.source.en.strip() and question.source.zh.strip()
    yield bool(sourced), Message("it has no source")
    options = question.options
    texts = [question.stem, question.explanation, *(o.text for o in options), *(o.why for o in options)]
    texts += [point.text for point in question.points]
    said = all(text.en.strip() and text.zh.strip() for text in texts)
    yield said, Message("a text is missing in one language")
    if kind == "short":
        enough = not options and len(question.points) >= 2
        yield enough, Message("a short answer needs two or more marking points")
        marked = all(point.marks > 0 for point in question.points)
        yield marked, Message("every marking point needs marks")
    else:
        yield from _choice(question)


def _choice(question: Question) -> Iterator[tuple[bool, Message]]:
    """What must hold for a question with options."""
    options = question.options
    right = sum(option.right for option in options)
    yield len(options) >= 3, Message("a choice needs three or more options")
    if question.kind == "single":
        yield (
            right == 1,
            Message("a single choice needs exactly one right option, and {right} are", right=right),
        )
    else:
        yield (
            right >= 2,
            Message("a multiple choice needs two or more right options, and {right} are", right=right),
        )
        yield right < len(options), Message("a multiple choice needs a wrong option")
    for lang in ("en", "zh"):
        shown = [" ".join(option.text.at(lang).split()).casefold() for option in options]
        yield len(set(shown)) == len(shown), Message("two options say the same")
