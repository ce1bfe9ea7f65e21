"""GIFT, as Moodle's documentation gives it (https://docs.moodle.org/en/GIFT_format)."""

from __future__ import annotations

import re

from soilco2.teaching.questions.formats.moodle import category, fractions
from soilco2.teaching.questions.model import BLOCKS, Question
from soilco2.teaching.questions.papers import Paper


def to_gift(paper: Paper, lang: str) -> str:
    """Questions for import, one to a paragraph; a short answer is an essay whose marking points are feedback."""
    parts = []
    last = ""
    for item in sorted(paper.items, key=lambda one: list(BLOCKS).index(one.question.block)):
        where = category(item.question, lang)
        if where != last:
            parts.append(f"$CATEGORY: {where}")
            last = where
        parts.append(_one(item.question, item.points, lang))
    return "\n\n".join(parts) + "\n"


def _one(question: Question, points: str, lang: str) -> str:
    lines = [
        f"// {question.id}: {points}",
        f"::{_safe(question.id)}::[plain]{_safe(question.stem.at(lang))} {{",
    ]
    for option, worth in zip(question.options, fractions(question), strict=True) if question.options else ():
        if question.kind == "single":
            mark = "=" if option.right else "~"
        else:
            mark = f"~%{worth:g}%" if worth == int(worth) else f"~%{worth:.5f}%"
        lines.append(f"\t{mark}{_safe(option.text.at(lang))}#{_safe(option.why.at(lang))}")
    said = [f"({point.marks}) {point.text.at(lang)}" for point in question.points]
    said += [question.explanation.at(lang), question.source.at(lang)]
    lines += [f"\t####{_safe(chr(10).join(said))}", "}"]
    return "\n".join(lines)


def _safe(text: str) -> str:
    """Text with GIFT's control characters escaped and line ends written out."""
    return re.sub(r"([\\~=#{}:])", r"\\\1", text).replace("\n", r"\n")
