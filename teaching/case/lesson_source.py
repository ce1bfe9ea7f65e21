"""Lessons: one source for both languages, turned into notebooks.

A source is text. A head of ``key: value`` lines, then cells that begin with ``=== KIND [NAME] [@LEVELS]``:

* ``=== text``: ``--- zh`` and ``--- en``, Markdown.
* ``=== code``: Python for both; ``«中文|English»`` gives each language its words.
* ``=== task NAME``: ``--- zh``, ``--- en``, and ``--- solution``: the Python expression of a right answer, or ``@``
  for the one that the marking computes. The trainee's notebook holds ``notebook.check("NAME", ...)`` in its place.

``@2-3`` keeps a cell for those levels; without it a cell is for all.
"""

from __future__ import annotations

import hashlib
import json
import re
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

from soilco2.station_config.message import Message
from soilco2.teaching.errors import CaseError

LESSONS = ("read", "temperature", "flux", "station", "plan")
"""Lessons in the order in which they are taken."""
OWN_LESSON = "own"
"""The lesson that a folder with own data has besides."""
BLOCKS = ("background", "basics", "quantification", "monitoring")
LANGS = ("zh", "en")


class Cell(NamedTuple):
    """One cell of a source: `parts` by ``zh``, ``en``, ``code``, ``solution``."""

    kind: str
    name: str
    levels: frozenset[int]
    parts: dict[str, str]


class Lesson(NamedTuple):
    """One lesson.

    Parameters
    ----------
    name : str
    title : dict
        By language.
    hours : dict
        Class hours by level and block.
    cells : tuple of Cell
    revision : str
        Changes whenever the source does.
    """

    name: str
    title: dict[str, str]
    hours: dict[int, dict[str, float]]
    cells: tuple[Cell, ...]
    revision: str

    def tasks(self, level: int) -> list[str]:
        """Ids of the tasks of a level."""
        return [cell.name for cell in self.cells if cell.kind == "task" and level in cell.levels]

    def file(self, lang: str) -> str:
        """Name of the notebook."""
        del lang
        return f"{(*LESSONS, OWN_LESSON).index(self.name) + 1:02d}_{self.name}.ipynb"


def _fault(head: dict[str, str], number: int, why: Message) -> CaseError:
    lesson = head.get("lesson")
    return CaseError(Message("lesson {lesson}, line {number}: {why}", lesson=lesson, number=number, why=why))


def parse(text: str) -> Lesson:
    """The lesson of a source.

    Raises
    ------
    CaseError
        When the source is not of the form above, with its line.
    """
    head: dict[str, str] = {}
    cells: list[Cell] = []
    part = ""
    lines: dict[str, list[str]] = {}
    kind = name = ""
    levels: frozenset[int] = frozenset((1, 2, 3))

    def close() -> None:
        if kind:
            parts = {key: "\n".join(rows).strip("\n") for key, rows in lines.items()}
            wanted = {"text": {"zh", "en"}, "code": {"code"}, "task": {"zh", "en", "solution"}}[kind]
            if set(parts) != wanted:
                raise CaseError(
                    Message(
                        "lesson {lesson}: a {kind} {name} has {found}, not {wanted}",
                        lesson=head.get("lesson"), kind=kind, name=name, found=sorted(parts), wanted=sorted(wanted),
                    )
                )  # fmt: skip
            cells.append(Cell(kind, name, levels, parts))

    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("=== "):
            match = re.fullmatch(r"=== (text|code|task)(?: ([a-z0-9-]+))?(?: @([123])(?:-([123]))?)?", line)
            if match is None:
                raise _fault(head, number, Message("{line!r} is no cell", line=line))
            close()
            kind, name = match[1], match[2] or ""
            first = int(match[3] or 1)
            last = int(match[4] or (3 if match[3] is None else first))
            levels = frozenset(range(first, last + 1))
            part, lines = ("code", {"code": []}) if kind == "code" else ("", {})
        elif line.startswith("--- ") and kind != "code":
            part = line[4:].strip()
            lines[part] = []
        elif not kind:
            key, colon, value = line.partition(":")
            if colon:
                head[key.strip()] = value.strip()
        elif part:
            lines[part].append(line)
        elif line.strip():
            raise _fault(head, number, Message("text before '--- zh'"))
    close()
    zh, _, en = head["title"].partition("|")
    hours: dict[int, dict[str, float]] = {}
    for piece in head["hours"].split(";"):
        level, _, rest = piece.partition(":")
        rows = [one.split() for one in rest.split(",")]
        hours[int(level)] = {block: float(amount) for block, amount in rows}
    revision = hashlib.sha256(text.encode()).hexdigest()[:10]
    return Lesson(head["lesson"], {"zh": zh.strip(), "en": en.strip()}, hours, tuple(cells), revision)


@cache
def lesson(name: str) -> Lesson:
    """A lesson of the package."""
    return parse(files("soilco2.teaching").joinpath(f"notebooks/{name}.lesson").read_text(encoding="utf-8"))


@cache
def lessons() -> tuple[Lesson, ...]:
    """All lessons that are there, in order."""
    folder = files("soilco2.teaching").joinpath("notebooks")
    return tuple(lesson(name) for name in LESSONS if folder.joinpath(f"{name}.lesson").is_file())


def in_language(code: str, lang: str) -> str:
    """Code with the words of one language."""
    return re.sub(r"«([^|»]*)\|([^»]*)»", lambda match: match[1 if lang == "zh" else 2], code)


def notebook(one: Lesson, lang: str, level: int, *, solutions: bool = False) -> dict[str, Any]:
    """A lesson as a notebook (nbformat 4.5).

    Parameters
    ----------
    solutions : bool
        Put the right answers in, for tests and teachers; a trainee's copy never holds them.
    """
    cells: list[dict[str, Any]] = []

    def add(kind: str, name: str, text: str, **metadata: Any) -> None:
        cell: dict[str, Any] = {"cell_type": kind, "id": name, "metadata": metadata, "source": text}
        if kind == "code":
            cell |= {"execution_count": None, "outputs": []}
        cells.append(cell)

    first_code = next((n for n, cell in enumerate(one.cells) if cell.kind == "code"), -1)
    for number, cell in enumerate(one.cells):
        if level not in cell.levels:
            continue
        if cell.kind == "text":
            add("markdown", f"{one.name}-text-{number}", cell.parts[lang])
        elif cell.kind == "code":
            code = in_language(cell.parts["code"], lang)
            if solutions and number == first_code:
                code += "\nfrom soilco2.teaching.case.answer_keys import task"
            add("code", f"{one.name}-code-{number}", code)
        else:
            add("markdown", f"{cell.name}-task", cell.parts[lang])
            answer = in_language(cell.parts["solution"], lang) if solutions else "..."
            if answer == "@":
                answer = f'task("{cell.name}").right(notebook.work.context())'
            add("code", cell.name, f'notebook.check("{cell.name}", {answer})', task=cell.name)
    return {
        "cells": cells,
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
            "soilco2": {"lesson": one.name, "lang": lang, "level": level, "revision": one.revision},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def notebook_text(one: Lesson, lang: str, level: int, *, solutions: bool = False) -> str:
    """The notebook as JSON, as Jupyter writes it."""
    return json.dumps(notebook(one, lang, level, solutions=solutions), ensure_ascii=False, indent=1) + "\n"
