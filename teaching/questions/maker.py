"""How computed questions are written: numbers as readers see them, options from typical mistakes."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from soilco2.station_config.message import Message
from soilco2.teaching.errors import QuestionError
from soilco2.teaching.questions.model import Both, Kind, Option, Point, Question

APART = 0.03
"""A wrong number that is nearer to the right one than this share of it is no distractor [1]."""

_MOST_OPTIONS = 4
_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


Source = str | tuple[str, str]
"""A source, in English and Chinese where its name differs."""


@dataclass(frozen=True, slots=True)
class Body:
    """A question without its place in the bank."""

    kind: Kind
    stem: Both
    explanation: Both
    source: Source
    options: tuple[Option, ...] = ()
    points: tuple[Point, ...] = ()
    value: float | str | None = None


@dataclass(frozen=True, slots=True)
class Template:
    """A wording and the cases it is asked with.

    Parameters
    ----------
    name, block : str
    names : tuple of str
        Names of the numbers of a case.
    cases : dict
        Cases by level, four at most.
    make : callable
        Writes the question of one case.
    """

    name: str
    block: str
    names: tuple[str, ...]
    cases: Mapping[int, Sequence[tuple[Any, ...]]]
    make: Callable[..., Body]

    def questions(self, level: int) -> list[Question]:
        """The questions of a level."""
        found = []
        for number, case in enumerate(self.cases.get(level, ()), 1):
            body = self.make(*case)
            found.append(
                Question(
                    f"{self.name}-{level}{number}", self.name, level, self.block, body.kind, body.stem, body.explanation,
                    _named(body.source), body.options, body.points, dict(zip(self.names, case, strict=True)), body.value,
                )
            )  # fmt: skip
        return found


@dataclass(slots=True)
class Registry:
    """Templates of one module."""

    templates: list[Template] = field(default_factory=list)

    def add(
        self, block: str, names: str, cases: Mapping[int, Sequence[tuple[Any, ...]]]
    ) -> Callable[[Callable[..., Body]], Callable[..., Body]]:
        """Register the function below under its own name."""

        def put(make: Callable[..., Body]) -> Callable[..., Body]:
            self.templates.append(Template(make.__name__, block, tuple(names.split()), cases, make))
            return make

        return put


def _named(source: Source) -> Both:
    return Both(source, source) if isinstance(source, str) else Both(*source)


def number(value: float, digits: int = 3) -> str:
    """A number with so many significant digits; powers of ten where zeros would be counted."""
    if value == 0 or not math.isfinite(value):
        return "0"
    power = math.floor(math.log10(abs(float(f"{value:.{digits - 1}e}"))))
    if power < -3 or power > 6:
        return f"{value / 10**power:.{digits - 1}f} × 10{str(power).translate(_SUPERSCRIPT)}".replace(
            "-", "−"
        )
    places = max(0, digits - 1 - power)
    rounded = round(value, digits - 1 - power)
    return f"{rounded:.{places}f}".replace("-", "−")


def quantity(value: float, unit: str, digits: int = 3) -> str:
    """A number with its unit."""
    return f"{number(value, digits)} {unit}".rstrip()


Wrong = tuple[float, str, str]
"""A wrong number and the mistake behind it, in English and Chinese."""


def numeric(
    stem: tuple[str, str],
    value: float,
    unit: str,
    wrong: Sequence[Wrong],
    explanation: tuple[str, str],
    source: Source,
    digits: int = 3,
) -> Body:
    """A single choice among numbers: the right one and what typical mistakes give.

    Wrong numbers that would round to the right one, lie within `APART` of it, or repeat another, are left out.

    Raises
    ------
    QuestionError
        When fewer than two wrong numbers are left.
    """
    chosen: list[Option] = [Option(_same(value, unit, digits), True, Both(*explanation))]
    taken = [value]
    for other, en, zh in wrong:
        near = [abs(other - one) <= APART * max(abs(one), abs(other)) for one in taken]
        if math.isfinite(other) and not any(near) and len(chosen) < _MOST_OPTIONS:
            taken.append(other)
            chosen.append(Option(_same(other, unit, digits), False, Both(en, zh)))
    if len(chosen) < 3:
        raise QuestionError(
            Message("{stem!r}: fewer than two mistakes lead to a number of their own", stem=stem[0])
        )
    return Body("single", Both(*stem), Both(*explanation), source, tuple(chosen), value=value)


def _same(value: float, unit: str, digits: int) -> Both:
    text = quantity(value, unit, digits)
    return Both(text, text)


def worded(
    stem: tuple[str, str],
    right: tuple[str, str],
    wrong: Sequence[tuple[tuple[str, str], tuple[str, str]]],
    explanation: tuple[str, str],
    source: Source,
    value: float | str | None = None,
) -> Body:
    """A single choice among words; wrong ones that repeat another are left out."""
    chosen = [Option(Both(*right), True, Both(*explanation))]
    for text, why in wrong:
        if all(Both(*text) != option.text for option in chosen) and len(chosen) < _MOST_OPTIONS:
            chosen.append(Option(Both(*text), False, Both(*why)))
    return Body(
        "single",
        Both(*stem),
        Both(*explanation),
        source,
        tuple(chosen),
        value=right[0] if value is None else value,
    )


def statements(
    stem: tuple[str, str],
    said: Sequence[tuple[tuple[str, str], bool, tuple[str, str]]],
    explanation: tuple[str, str],
    source: Source,
) -> Body:
    """A multiple choice of statements, each true or not, with the reason."""
    options = tuple(Option(Both(*text), right, Both(*why)) for text, right, why in said)
    value = " ".join(str(i) for i, option in enumerate(options) if option.right)
    return Body("multiple", Both(*stem), Both(*explanation), source, options, value=value)


def short(
    stem: tuple[str, str],
    points: Sequence[tuple[str, str, int]],
    explanation: tuple[str, str],
    source: Source,
    value: float | str | None = None,
) -> Body:
    """A short answer with its marking points."""
    marked = tuple(Point(Both(en, zh), marks) for en, zh, marks in points)
    return Body("short", Both(*stem), Both(*explanation), source, points=marked, value=value)
