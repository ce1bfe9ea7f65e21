"""Mark a whole work folder, offline: what was run, and what only stands in a saved notebook."""

from __future__ import annotations

from typing import Any, NamedTuple

from soilco2.station_config.message import translate
from soilco2.teaching.case.answer_keys import task
from soilco2.teaching.case.answers import is_empty
from soilco2.teaching.case.lesson_source import lesson
from soilco2.teaching.case.marking import Context, Words
from soilco2.teaching.case.notebook import plain
from soilco2.teaching.case.work_folder import Work, read_notebook
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


class _Answers:
    """The last answer to each task, as plain data."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self.of: dict[str, Any] = {}
        self.right: dict[str, bool] = {}  # whether an answer was right when it was given
        for row in work.record():
            if row.get("kind") == "answer":
                self.of[str(row["task"])] = row.get("answer")
                self.right[str(row["task"])] = bool(row.get("right"))

    def take(self, name: str, key: str, value: Any) -> None:
        """Take over and record what stands in a saved notebook of a lesson and was not run."""
        kept = plain(value)
        if not is_empty(value) and self.of.get(key) != kept and key in lesson(name).tasks(self._work.level):
            self._work.note(
                kind="answer",
                lesson=name,
                task=key,
                answer=kept,
                right=_right(self._work, key, kept),
                idea="",
            )
            self.of[key] = kept
            self.right.pop(key, None)


def check(work: Work) -> Checked:
    """Mark every task of a folder from its record and its notebooks."""
    answers = _Answers(work)
    remarks: list[str] = []
    for name in work.lessons:
        remarks += _read_lesson(work, name, answers)
    context = work.context()
    rows = [_marked(context, key, answers) for name in work.lessons for key in lesson(name).tasks(work.level)]
    return Checked(rows, remarks)


def _read_lesson(work: Work, name: str, answers: _Answers) -> list[str]:
    """Read a lesson's notebooks; what is to be said of copies where there is none of today to work in."""
    one = lesson(name)
    stem = one.file(work.lang).removesuffix(".ipynb")
    said: list[str] = []
    fresh = False
    for path in sorted(work.path.glob(f"{stem}*.ipynb")):
        try:
            found = read_notebook(path)
        except CaseError as error:
            said.append(translate(str(error), work.lang))
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
            answers.take(name, key, value)
    return [] if fresh else said


def _marked(context: Context, key: str, answers: _Answers) -> Row:
    """One task, marked."""
    marking = task(key)
    if (reason := marking.away(context)) is not None:
        return Row(key, True, "", reason)
    answer = answers.of.get(key)
    if is_empty(answer):
        form = marking.form
        return Row(
            key,
            False,
            "open",
            (f"还没有答案；形式如 {form[0]}", f"no answer yet; write it such as {form[1]}"),
        )
    verdict = marking.mark(context, answer)
    if (
        not verdict.right and answers.right.get(key) and not str(answer).endswith(".toml")
    ):  # a file may change
        return Row(key, True, "", EARLIER)
    return Row(key, verdict.right, verdict.idea, verdict.words)


def _right(work: Work, key: str, answer: Any) -> bool:
    return task(key).mark(work.context(), answer).right
