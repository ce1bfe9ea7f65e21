"""Questions as JSON, both languages side by side."""

from __future__ import annotations

import json
from typing import Any

from soilco2.teaching.questions.model import WEIGHTS, Both, Question
from soilco2.teaching.questions.papers import PASS, Paper

SCHEMA = "soilco2-questions-1"


def to_json(paper: Paper) -> str:
    """The paper with everything a program may want: texts, key, reasons, marking points, sources, numbers given."""
    value = {
        "schema": SCHEMA,
        "level": paper.level,
        "seed": paper.seed,
        "points": sum(item.half_points for item in paper.items) / 2,
        "pass": PASS,
        "weights": WEIGHTS[paper.level],
        "shortfall": dict(paper.shortfall),
        "questions": [_one(item.question) | {"points": item.half_points / 2} for item in paper.items],
    }
    return json.dumps(value, ensure_ascii=False, allow_nan=False, indent=2) + "\n"


def _one(question: Question) -> dict[str, Any]:
    return {
        "id": question.id,
        "template": question.template,
        "level": question.level,
        "block": question.block,
        "kind": question.kind,
        "stem": _both(question.stem),
        "options": [{"text": _both(o.text), "right": o.right, "why": _both(o.why)} for o in question.options],
        "marking": [{"text": _both(p.text), "marks": p.marks} for p in question.points],
        "explanation": _both(question.explanation),
        "source": _both(question.source),
        "given": dict(question.given),
        "value": question.value,
    }


def _both(text: Both) -> dict[str, str]:
    return {"en": text.en, "zh": text.zh}
