"""The bank: every question of a level, and papers drawn from it by syllabus weight."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from soilco2.station_config.extras import how_to_add
from soilco2.station_config.message import Message
from soilco2.teaching.errors import QuestionError
from soilco2.teaching.questions.bank.facts import facts
from soilco2.teaching.questions.model import BLOCKS, KINDS, WEIGHTS, Question, check

POINTS = 100
"""Points of a paper; 60 pass."""

PASS = 60

SHORT_BLOCKS = ("background",)
"""Blocks that stay short: only what stands in a public document of record is asked."""


@cache
def _computed(level: int) -> tuple[Question, ...]:
    from soilco2.teaching.questions.bank.basics import BASICS
    from soilco2.teaching.questions.bank.monitoring import MONITORING
    from soilco2.teaching.questions.bank.quantification import QUANTIFICATION

    registries = (BASICS, QUANTIFICATION, MONITORING)
    return tuple(q for registry in registries for one in registry.templates for q in one.questions(level))


def bank(level: int, more: Sequence[Path] = ()) -> list[Question]:
    """Every question of a level: facts, then computed ones, block by block.

    Parameters
    ----------
    level : int
        1, 2 or 3.
    more : sequence of Path
        Fact files of the teacher's own.

    Raises
    ------
    QuestionError
        When a fact file has a fault, or numpy is not installed.
    """
    try:
        computed = _computed(level)
    except ImportError as error:
        raise QuestionError(
            Message(
                "the computed questions need {module}: {remedy}",
                module=error.name,
                remedy=how_to_add("analysis"),
            )
        ) from error
    found = [q for q in (*facts(more), *computed) if q.level == level]
    order = list(BLOCKS)
    found.sort(key=lambda q: order.index(q.block))
    for question in found:
        check(question)
    return found


@dataclass(frozen=True, slots=True)
class Item:
    """A question on a paper, its options in the paper's order, and its points in halves."""

    question: Question
    half_points: int

    @property
    def points(self) -> str:
        """Points as printed."""
        whole, half = divmod(self.half_points, 2)
        return f"{whole}.5" if half else str(whole)


@dataclass(frozen=True, slots=True)
class Paper:
    """Questions drawn for an examination.

    Parameters
    ----------
    level, seed : int
    items : tuple of Item
        By kind, then block.
    shortfall : dict
        Questions by block that the syllabus weight asks for and the bank does not hold.
    """

    level: int
    seed: int
    items: tuple[Item, ...]
    shortfall: Mapping[str, int]


def shares(total: int, weights: Mapping[str, int]) -> dict[str, int]:
    """`total` parted by weight in whole numbers: largest remainders, ties in the order given."""
    exact = {name: total * weight / sum(weights.values()) for name, weight in weights.items()}
    found = {name: int(value) for name, value in exact.items()}
    rest = sorted(exact, key=lambda name: found[name] - exact[name])
    for name in rest[: total - sum(found.values())]:
        found[name] += 1
    return found


def draw(level: int, count: int, seed: int, more: Sequence[Path] = (), block: str | None = None) -> Paper:
    """A paper of `count` questions, blocks by their weight in the syllabus; the same seed, the same paper.

    Each block's points are its weight, and go to its questions by kind: 2 for a single choice, 3 for a multiple
    choice, 6 for a short answer, then scaled. What a short block lacks is told in `shortfall` and made up from
    the others, and the weights of the points hold for the blocks that are there.

    Raises
    ------
    QuestionError
        When `count` is less than one or more than the bank holds.
    """
    whole = [q for q in bank(level, more) if block is None or q.block == block]
    if not 1 <= count <= len(whole):
        where = (
            Message("level {level}, block {block}", level=level, block=block)
            if block
            else Message("level {level}", level=level)
        )
        raise QuestionError(
            Message(
                "--count {count}: {where} holds {most} questions; expected 1 to {most}",
                count=count,
                where=where,
                most=len(whole),
            )
        )
    rng = random.Random(f"{level} {seed} {count}")  # noqa: S311 - a paper anybody can draw again
    wanted = shares(count, WEIGHTS[level]) if block is None else {block: count}
    pools = {name: _spread([q for q in whole if q.block == name], rng) for name in wanted}
    shortfall = {
        name: number - len(pools[name]) for name, number in wanted.items() if number > len(pools[name])
    }
    chosen = [q for name, number in wanted.items() for q in pools[name][:number]]
    rest = _spread([q for name, number in wanted.items() for q in pools[name][number:]], rng)
    chosen += rest[: count - len(chosen)]
    order, blocks = list(KINDS), list(BLOCKS)
    chosen.sort(key=lambda q: (order.index(q.kind), blocks.index(q.block)))
    points = _points(chosen, WEIGHTS[level])
    items = [Item(_shuffled(question, rng), points[question.id]) for question in chosen]
    return Paper(level, seed, tuple(items), shortfall)


def _spread(questions: list[Question], rng: random.Random) -> list[Question]:
    """In random order, every wording once before one comes a second time."""
    questions = sorted(questions, key=lambda q: q.id)
    rng.shuffle(questions)
    seen: dict[str, int] = {}
    turn = []
    for question in questions:
        turn.append(seen.get(question.template, 0))
        seen[question.template] = turn[-1] + 1
    return [q for _, q in sorted(zip(turn, questions, strict=True), key=lambda pair: pair[0])]


def _shuffled(question: Question, rng: random.Random) -> Question:
    options = list(question.options)
    rng.shuffle(options)
    return replace(question, options=tuple(options))


_BY_KIND = {"single": 2, "multiple": 3, "short": 6}


def _points(questions: Sequence[Question], weights: Mapping[str, int]) -> dict[str, int]:
    """Half points by question; together twice `POINTS` where there are no more questions than half points."""
    present = {name: weight for name, weight in weights.items() if any(q.block == name for q in questions)}
    found: dict[str, int] = {}
    for name, halves in shares(2 * POINTS, present).items():
        found |= shares(halves, {q.id: _BY_KIND[q.kind] for q in questions if q.block == name})
    return found
