"""A task: how an answer is marked, and which idea a wrong one has missed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any, NamedTuple

from soilco2.teaching.case.answers import close, in_unit, read_letters, read_number, read_sign

Words = tuple[str, str]
"""Chinese, English."""


def in_language(words: Words, lang: str) -> str:
    """The words of a language."""
    return words[0] if lang == "zh" else words[1]


class Verdict(NamedTuple):
    """What became of an answer.

    Parameters
    ----------
    right : bool
    idea : str
        Name of the idea that was missed; ``"form"`` when the answer could not be read; empty when right.
    words : Words
        What is said to the trainee.
    """

    right: bool
    idea: str
    words: Words


@dataclass
class Context:
    """What marking needs: the settings of a work folder; facts are computed from the package's own data.

    Parameters
    ----------
    lang : str
    level : int
    seed : int
    folder : Path or None
        The work folder, for tasks about files in it.
    """

    lang: str = "en"
    level: int = 1
    seed: int = 1
    folder: Path | None = None
    kept: dict[str, Any] = field(default_factory=dict)

    def fact(self, name: str, make: Callable[[Context], Any]) -> Any:
        """A fact, computed once."""
        if name not in self.kept:
            self.kept[name] = make(self)
        return self.kept[name]

    @cached_property
    def dice(self) -> Callable[[str], Any]:
        """A random generator by name: the same for the same seed."""
        import random

        return lambda name: random.Random(f"{self.seed}/{name}")  # noqa: S311 - exercises, not secrets


class Wrong(NamedTuple):
    """A typical mistake.

    Parameters
    ----------
    idea : str
        Name of the idea that was missed.
    value : callable
        From context to the wrong answer.
    words : Words
        The explanation.
    """

    idea: str
    value: Callable[[Context], Any]
    words: Words


Mark = Callable[[Context, Any], Verdict]


@dataclass(frozen=True)
class Task:
    """One task.

    Parameters
    ----------
    id : str
        ``lesson-name``.
    mark : callable
        From context and answer to the verdict.
    right : callable
        From context to a right answer.
    wrong : tuple of Wrong
        Typical mistakes; each is refused with its own idea.
    form : Words
        An example of an answer's form.
    away : callable
        From context to why the task falls away; None when it stands.
    """

    id: str
    mark: Mark
    right: Callable[[Context], Any]
    wrong: tuple[Wrong, ...]
    form: Words
    away: Callable[[Context], Words | None] = field(default=lambda _context: None)

    @property
    def lesson(self) -> str:
        """The lesson it belongs to."""
        return self.id.partition("-")[0]


RIGHT = Verdict(True, "", ("对。", "Right."))


def unread(form: Words) -> Verdict:
    """The verdict on an answer that could not be read."""
    return Verdict(
        False,
        "form",
        (
            f"看不懂这个答案；请写成这样的形式：{form[0]}。",
            f"This answer cannot be read; write it such as {form[1]}.",
        ),
    )


def number(
    name: str,
    truth: Callable[[Context], float],
    unit: str,
    form: Words,
    wrong: Sequence[Wrong],
    otherwise: Words,
    *,
    relative: float = 0.02,
    absolute: float = 0.0,
    bare: Sequence[str] = (),
    right: Words = RIGHT.words,
) -> Task:
    """A task whose answer is a number with a unit.

    Parameters
    ----------
    truth : callable
        From context to the right value [`unit`].
    otherwise : Words
        Said of a wrong number that is no known mistake.
    relative, absolute : float
        Tolerance [1], [`unit`].
    bare : sequence of str
        Other units in which a number without a unit may be meant.
    """

    def mark(context: Context, answer: Any) -> Verdict:
        found = read_number(answer)
        if found is None:
            return unread(form)
        values = in_unit(found, unit, bare)
        if not values:
            said = found.unit
            return Verdict(False, "unit", (f"单位“{said}”在这里不合适；需要 {unit}。",
                                           f"The unit {said!r} does not fit here; {unit} is expected."))  # fmt: skip
        true = truth(context)
        scale = abs(values[0] / found.value) if found.value else 1.0
        if any(close(v, true, relative, absolute, found.step * scale) for v in values):
            return RIGHT._replace(words=right)
        for one in wrong:
            mistaken = read_number(one.value(context))
            if mistaken is None:
                continue
            for meant in in_unit(mistaken, unit, bare):
                if any(close(v, meant, relative, absolute, found.step * scale) for v in values):
                    return Verdict(False, one.idea, one.words)
        return Verdict(False, "value", otherwise)

    return Task(name, mark, truth, tuple(wrong), form)


def choice(name: str, right: str, why: dict[str, Words], because: Words, several: bool = False) -> Task:
    """A task with letters to choose from.

    Parameters
    ----------
    right : str
        The right letter, or all the right letters.
    why : dict
        For each wrong letter (and, with `several`, each right one left out) what was missed.
    because : Words
        Said when it is right.
    several : bool
        Whether more than one letter is asked for.
    """
    form: Words = ('"A、C"', '"A, C"') if several else ('"B"', '"B"')

    def mark(context: Context, answer: Any) -> Verdict:
        del context
        chosen = read_letters(answer)
        known = set(why) | set(right)
        if not chosen or not chosen <= known or (not several and len(chosen) != 1):
            return unread(form)
        if chosen == set(right):
            return RIGHT._replace(words=("对。" + because[0], "Right. " + because[1]))
        letter = min((chosen - set(right)) or (set(right) - chosen))
        return Verdict(False, letter, (f"{letter}：{why[letter][0]}", f"{letter}: {why[letter][1]}"))

    wrong = []
    for letter in sorted(why) if several else sorted(set(why) - set(right)):
        answer: Any = sorted(set(right) ^ {letter}) if several else letter
        wrong.append(Wrong(letter, partial(_always, answer), why[letter]))
    return Task(name, mark, partial(_always, sorted(right) if several else right), tuple(wrong), form)


def _always(answer: Any, context: Context) -> Any:
    del context
    return answer


def signs(
    name: str,
    truth: Callable[[Context], Sequence[int]],
    form: Words,
    wrong: Sequence[Wrong],
    otherwise: Words,
    because: Words,
) -> Task:
    """A task whose answer is a list of signs, one for each thing asked."""

    def mark(context: Context, answer: Any) -> Verdict:
        parts = answer
        if isinstance(answer, str):
            import re

            parts = [p for p in re.split(r"[\s,，、;；]+", answer.strip()) if p]
        if not isinstance(parts, list | tuple):
            parts = [parts]
        found = [read_sign(part) for part in parts]
        true = list(truth(context))
        if None in found or len(found) != len(true):
            return unread(form)
        if found == true:
            return RIGHT._replace(words=("对。" + because[0], "Right. " + because[1]))
        for one in wrong:
            if found == list(one.value(context)):
                return Verdict(False, one.idea, one.words)
        return Verdict(False, "value", otherwise)

    return Task(name, mark, lambda c: list(truth(c)), tuple(wrong), form)
