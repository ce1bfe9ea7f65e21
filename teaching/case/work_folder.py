"""The work folder: what it holds, how it is found again, and the record that nothing erases.

``case.json`` says what the folder is. ``record.jsonl`` is only ever appended to: each run of a cell, each answer
with its verdict. Notebooks that are there are never written over.
"""

from __future__ import annotations

import ast
import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from soilco2.station_config.message import Message
from soilco2.storage.files import write_whole
from soilco2.teaching.case.lesson_source import Lesson, lesson
from soilco2.teaching.case.marking import Context
from soilco2.teaching.errors import CaseError

SETTINGS = "case.json"
RECORD = "record.jsonl"
FORMAT = 1


@dataclass(frozen=True)
class Work:
    """A work folder.

    Parameters
    ----------
    path : Path
    case, lang, name : str
    level, seed : int
    lessons : tuple of str
    """

    path: Path
    case: str
    lang: str
    level: int
    seed: int
    name: str
    lessons: tuple[str, ...]

    def context(self) -> Context:
        """What marking needs."""
        return Context(self.lang, self.level, self.seed, self.path)

    def save(self) -> None:
        """Write ``case.json`` whole."""
        text = json.dumps(
            {"format": FORMAT, "case": self.case, "lang": self.lang, "level": self.level, "seed": self.seed,
             "name": self.name, "lessons": list(self.lessons)}, ensure_ascii=False, indent=1,
        )  # fmt: skip
        write_whole(self.path / SETTINGS, text + "\n")

    def note(self, **row: Any) -> None:
        """Append one row to the record."""
        line = json.dumps({"at": round(time.time(), 1), **row}, ensure_ascii=False) + "\n"
        with (self.path / RECORD).open("ab") as file:
            if file.tell() and not _ends_whole(self.path / RECORD):
                file.write(b"\n")
            file.write(line.encode())
            file.flush()
            os.fsync(file.fileno())

    def record(self) -> list[dict[str, Any]]:
        """All rows of the record; a row that was cut short is left out."""
        try:
            lines = (self.path / RECORD).read_text(encoding="utf-8", errors="replace").splitlines()
        except FileNotFoundError:
            return []
        rows = []
        for line in lines:
            try:
                row = json.loads(line)
            except ValueError:
                continue
            if isinstance(row, dict) and isinstance(row.get("at"), int | float):
                rows.append(row)
        return rows


def _ends_whole(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"


def open_work(start: Path) -> Work:
    """The work folder that `start` lies in.

    Raises
    ------
    CaseError
        When there is none, or its settings cannot be read.
    """
    start = start.resolve()
    for path in (start, *start.parents):
        if (path / SETTINGS).is_file():
            return _load(path)
    raise CaseError(
        Message(
            "{folder}: there is no work folder here ({file} is missing); put the notebook back into its folder, or "
            "make one with soilco2 teach start",
            folder=start,
            file=SETTINGS,
        )
    )


def _load(path: Path) -> Work:
    place = path / SETTINGS
    try:
        found = json.loads(place.read_text(encoding="utf-8"))
        return Work(
            path, str(found["case"]), {"en": "en", "zh": "zh"}[found["lang"]], {1: 1, 2: 2, 3: 3}[found["level"]],
            int(found["seed"]), str(found.get("name", "")).encode(errors="replace").decode(),
            tuple(lesson(str(one)).name for one in found["lessons"]),
        )  # fmt: skip
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError, FileNotFoundError):
        raise CaseError(
            Message(
                "{path}: the settings of this work folder cannot be read; soilco2 teach start into a new "
                "folder and copy the notebooks and {record} there, nothing in them is lost",
                path=place,
                record=RECORD,
            )
        ) from None


@dataclass(frozen=True)
class Found:
    """A notebook of the folder as it lies there.

    Parameters
    ----------
    path : Path
    revision : str
        Of the lesson that it was made from; empty when it does not say.
    written : dict
        Answers that stand in it as plain values, by task.
    """

    path: Path
    revision: str
    written: dict[str, Any]


def read_notebook(path: Path) -> Found:
    """What a notebook holds.

    Raises
    ------
    CaseError
        When it is not whole.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        cells = found["cells"]
        revision = str(found.get("metadata", {}).get("soilco2", {}).get("revision", ""))
        sources = ["".join(cell["source"]) for cell in cells if cell.get("cell_type") == "code"]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, IsADirectoryError):
        raise CaseError(
            Message(
                "{file}: this notebook was only half saved and cannot be read; the answers that were run are kept in "
                "{record}, and soilco2 teach start puts a fresh copy beside it",
                file=path.name,
                record=RECORD,
            )
        ) from None
    written: dict[str, Any] = {}
    for source in sources:
        written |= dict(_answers(source))
    return Found(path, revision, written)


def _answers(source: str) -> Iterator[tuple[str, Any]]:
    """Plain values given to ``notebook.check`` in a cell; whatever is computed needs its kernel."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr == "check"
            and len(node.args) == 2
        ):
            try:
                yield str(ast.literal_eval(node.args[0])), ast.literal_eval(node.args[1])
            except (ValueError, TypeError):
                continue


def kept_copy(path: Path) -> Path:
    """A free name beside `path` for another version."""
    number = 2
    while True:
        other = path.with_name(f"{path.stem}.{number}{path.suffix}")
        if not other.exists():
            return other
        number += 1


def add_notebook(work: Work, one: Lesson, text: str) -> tuple[str, Path]:
    """Put a lesson's notebook into the folder; what is there stays.

    Returns
    -------
    str, Path
        ``"written"``, ``"kept"``, ``"older"`` or ``"broken"``, and the notebook to work in.
    """
    path = work.path / one.file(work.lang)
    if not path.exists():
        write_whole(path, text)
        return "written", path
    try:
        found = read_notebook(path)
    except CaseError:
        state = "broken"
    else:
        if found.revision == one.revision:
            return "kept", path
        state = "older"
    for other in sorted(work.path.glob(f"{path.stem}.*{path.suffix}")):
        try:
            if read_notebook(other).revision == one.revision:
                return state, other
        except CaseError:
            continue
    fresh = kept_copy(path)
    write_whole(fresh, text)
    return state, fresh
