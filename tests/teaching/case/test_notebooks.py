"""Every lesson, in both languages: with solutions top to bottom, and empty with one sentence a task."""

from __future__ import annotations

import json
from pathlib import Path

import nbformat
import pytest

from teaching.case.progress import done
from teaching.case.source import LANGS, in_language, lessons, notebook, notebook_text
from tests.teaching.case.running import errors, folder, joined, printed, run

NAMES = [one.name for one in lessons()]


def go_through(path: Path, lang: str, level: int) -> None:
    """All lessons in one kernel: each task empty, then with its solution."""
    work = folder(path / "work", lang, level)
    book = run(joined(NAMES, lang, level), work)
    found = errors(book)
    tasks = [task for one in lessons() for task in one.tasks(level)]
    assert set(found) == {f"{task}-empty" for task in tasks}, found
    for task in tasks:
        said = found[f"{task}-empty"]
        assert task in said
        assert ("还没有答案" if lang == "zh" else "has no answer yet") in said
        assert printed(book, task).startswith("✓"), (task, printed(book, task))
    empty = next(cell for cell in book.cells if cell.id == f"{tasks[0]}-empty")
    assert len(empty.outputs[0]["traceback"]) == 1, "one sentence, no traceback"
    assert all(row.right for row in done(work))


@pytest.mark.timeout(400)
@pytest.mark.parametrize(("lang", "level"), [("zh", 1), ("en", 3)])
def test_every_task_empty_and_solved(tmp_path: Path, lang: str, level: int) -> None:
    go_through(tmp_path, lang, level)


@pytest.mark.parametrize("level", [1, 2, 3])
@pytest.mark.parametrize("lang", LANGS)
def test_a_notebook_is_valid_and_holds_no_solution(lang: str, level: int) -> None:
    for one in lessons():
        text = notebook_text(one, lang, level)
        nbformat.validate(nbformat.from_dict(json.loads(text)))
        assert "«" not in text
        assert "teaching.case.marks" not in text
        for cell in one.cells:
            if cell.kind == "task" and level in cell.levels:
                assert f'desk.check(\\"{cell.name}\\", ...)' in text


def test_both_languages_have_the_same_cells() -> None:
    for one in lessons():
        for level in (1, 2, 3):
            zh, en = (notebook(one, lang, level)["cells"] for lang in LANGS)
            assert [cell["id"] for cell in zh] == [cell["id"] for cell in en]
        for cell in one.cells:
            code = cell.parts.get("code", "")
            compile(in_language(code, "zh"), cell.name, "exec")
            compile(in_language(code, "en"), cell.name, "exec")
            zh_text, en_text = cell.parts.get("zh", ""), cell.parts.get("en", "")
            assert zh_text.count("\n#") == en_text.count("\n#")
            assert zh_text.count("| ---") == en_text.count("| ---")
