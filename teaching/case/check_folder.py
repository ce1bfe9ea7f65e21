"""Mark a whole work folder, offline: what was run, and what only stands in a saved notebook."""

from __future__ import annotations

from typing import Any, NamedTuple

from soilco2.teaching.case.answers import is_empty
from soilco2.teaching.case.lesson_source import lesson
from soilco2.teaching.case.marking import Words
from soilco2.teaching.case.marks import task
from soilco2.teaching.case.notebook import plain
from soilco2.teaching.case.work_folder import RECORD, Work, read_notebook
from soilco2.teaching.errors import CaseError

EARLIER: Words = (
    "作答时是对的；程序换了版本，现在算出的数略有不同。",
    "it was right when it was given; this version computes another number.",
)


class Row(NamedTuple):
    """One task: `idea` is ``"open"`` without an answer."""

    task: str
    right: bool
    idea: str
    words: Words


class Checked(NamedTuple):
    """All tasks of a folder, and what is to be said of its files."""

    rows: list[Row]
    remarks: list[str]


def check(work: Work) -> Checked:
    """Mark every task of a folder from its record and its notebooks."""
    answers: dict[str, Any] = {}
    given: dict[str, bool] = {}  # whether an answer was right when it was given
    for row in work.record():
        if row.get("kind") == "answer":
            answers[str(row["task"])] = row.get("answer")
            given[str(row["task"])] = bool(row.get("right"))
    remarks: list[str] = []
    for name in work.lessons:
        one = lesson(name)
        stem = one.file(work.lang).removesuffix(".ipynb")
        said: list[str] = []  # of copies that cannot be worked in; nothing where one of today is there
        fresh = False
        for path in sorted(work.path.glob(f"{stem}*.ipynb")):
            try:
                found = read_notebook(path)
            except CaseError as error:
                said.append(
                    f"{path.name} 没有存完整，读不了；运行过的答案都在 {RECORD} 里；soilco2 teach start 会放一份新的"
                    if work.lang == "zh"
                    else str(error)
                )
                continue
            fresh = fresh or found.revision == one.revision
            if found.revision != one.revision:
                said.append(
                    f"{path.name} 来自较早的版本；它的答案照样批改，soilco2 teach start 会放一份新的"
                    if work.lang == "zh"
                    else f"{path.name} comes from an older version; its answers are marked all the same, and soilco2 teach "
                    "start adds a new one"
                )
            for key, value in found.written.items():
                kept = plain(value)
                if not is_empty(value) and answers.get(key) != kept and key in one.tasks(work.level):
                    work.note(
                        kind="answer",
                        lesson=name,
                        task=key,
                        answer=kept,
                        right=_right(work, key, kept),
                        idea="",
                    )
                    answers[key] = kept
                    given.pop(key, None)
        remarks += [] if fresh else said
    rows = []
    context = work.context()
    for name in work.lessons:
        for key in lesson(name).tasks(work.level):
            marking = task(key)
            if (reason := marking.away(context)) is not None:
                rows.append(Row(key, True, "", reason))
                continue
            if is_empty(answers.get(key)):
                form = marking.form
                rows.append(
                    Row(
                        key,
                        False,
                        "open",
                        (f"还没有答案；形式如 {form[0]}", f"no answer yet; write it such as {form[1]}"),
                    )
                )
                continue
            verdict = marking.mark(context, answers[key])
            if (
                not verdict.right and given.get(key) and not str(answers[key]).endswith(".toml")
            ):  # a file may change
                rows.append(Row(key, True, "", EARLIER))
                continue
            rows.append(Row(key, verdict.right, verdict.idea, verdict.words))
    return Checked(rows, remarks)


def _right(work: Work, key: str, answer: Any) -> bool:
    return task(key).mark(work.context(), answer).right
