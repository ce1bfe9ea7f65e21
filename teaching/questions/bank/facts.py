"""Facts that questions are made of: TOML files with a source for each, which teachers can extend."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from soilco2.station_config.message import Message, system
from soilco2.teaching.errors import QuestionError
from soilco2.teaching.questions.model import (
    BLOCKS,
    KINDS,
    LEVELS,
    Both,
    Option,
    Point,
    Question,
    what_is_wrong,
)

FOLDER = Path(__file__).parent / "facts"
"""The files that come with the product, one a block."""

_KEYS = {
    "id",
    "block",
    "levels",
    "kind",
    "source",
    "stem",
    "answer",
    "wrong",
    "points",
    "explanation",
    "opened",
}
UNOPENED = Both(
    "not opened when this was written: look it up before an examination",
    "编题时未查阅原文，用于考试前请核对",
)
"""Stands behind a source whose document was not opened (`opened = false`)."""


def read_facts(path: Path, block: str | None = None) -> list[Question]:
    """The questions of a file, one for each level a fact is asked at.

    Parameters
    ----------
    path : Path
    block : str, optional
        The block of every fact that names none.

    Raises
    ------
    QuestionError
        Names file, fact, and what is wrong.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise QuestionError(
            Message("{path}: the facts cannot be read: {why}", path=path, why=system(error))
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise QuestionError(Message("{path}: this is no TOML: {why}", path=path, why=error)) from error
    rows = table.get("fact")
    if not isinstance(rows, list) or not rows or set(table) != {"fact"}:
        raise QuestionError(Message("{path}: only tables [[fact]] are expected, one or more", path=path))
    found: list[Question] = []
    for number, row in enumerate(rows, 1):
        name = row.get("id") if isinstance(row, dict) else None
        where = Message(
            "{path}: fact {name}", path=path, name=name or Message("number {number}", number=number)
        )
        try:
            found += _questions(row, block, where)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            why = Message("key {key} is missing", key=error) if isinstance(error, KeyError) else error
            raise QuestionError(Message("{where}: {why}", where=where, why=why)) from error
    names = [question.id for question in found]
    for name in names:
        if names.count(name) > 1:
            raise QuestionError(
                Message(
                    "{path}: fact {name} stands there twice; give each its own id",
                    path=path,
                    name=name.rsplit("-", 1)[0],
                )
            )
    return found


def _questions(row: dict[str, Any], block: str | None, where: Message) -> list[Question]:
    unknown = set(row) - _KEYS
    if unknown:
        raise QuestionError(
            Message(
                "{where}: unknown key {key!r}; expected {keys}",
                where=where,
                key=min(unknown),
                keys=", ".join(sorted(_KEYS)),
            )
        )
    place, kind, levels = row.get("block", block), row["kind"], row["levels"]
    if place not in BLOCKS:
        raise QuestionError(
            Message(
                "{where}: block {block}; expected one of {blocks}",
                where=where, block=repr(place), blocks=", ".join(BLOCKS),
            )
        )  # fmt: skip
    if kind not in KINDS:
        raise QuestionError(
            Message(
                "{where}: kind {kind}; expected one of {kinds}",
                where=where,
                kind=repr(kind),
                kinds=", ".join(KINDS),
            )
        )
    if not isinstance(levels, list) or not levels or not set(levels) <= set(LEVELS):
        raise QuestionError(
            Message("{where}: levels {levels}; expected a list of 1, 2, 3", where=where, levels=repr(levels))
        )
    reason = _both(row["explanation"])
    options = [Option(_both(one), True, reason) for one in row.get("answer", [])]
    options += [Option(_both(one), False, _both(one["why"])) for one in row.get("wrong", [])]
    points = tuple(Point(_both(one), int(one["marks"])) for one in row.get("points", []))
    source, opened = _both(row["source"]), row.get("opened", True)
    if not isinstance(opened, bool):
        raise QuestionError(
            Message("{where}: opened = {value}; true or false is expected", where=where, value=repr(opened))
        )
    if not opened:
        source = Both(f"{source.en} ({UNOPENED.en})", f"{source.zh}（{UNOPENED.zh}）")
    found = [
        Question(
            f"{row['id']}-{level}", row["id"], level, place, kind, _both(row["stem"]), reason, source,
            tuple(options), points,
        )
        for level in levels
    ]  # fmt: skip
    for question in found:
        if (wrong := what_is_wrong(question)) is not None:
            raise QuestionError(Message("{where}: {why}", where=where, why=wrong))
    return found


def _both(value: Any) -> Both:
    if isinstance(value, str):
        return Both(value, value)
    return Both(str(value["en"]), str(value["zh"]))


def facts(more: Sequence[Path] = ()) -> list[Question]:
    """The questions of every fact that comes with the product, and of further files."""
    found = [q for name in BLOCKS for q in read_facts(FOLDER / f"{name}.toml", name)]
    for path in more:
        found += read_facts(path)
    names = [question.id for question in found]
    for name in names:
        if names.count(name) > 1:
            raise QuestionError(
                Message("the fact {name} is in two files; give one another id", name=name.rsplit("-", 1)[0])
            )
    return found
