"""Every lesson, in both languages: with solutions top to bottom, and empty with one sentence a task."""

from __future__ import annotations

import json
import re
import shutil
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import nbformat
import pytest

from soilco2.teaching.case import live_page
from soilco2.teaching.case.answer_keys import task
from soilco2.teaching.case.drills import FILE, described
from soilco2.teaching.case.lesson_source import (
    LANGS,
    OWN_LESSON,
    Lesson,
    in_language,
    lesson,
    lessons,
    notebook,
    notebook_text,
)
from soilco2.teaching.case.progress import done
from soilco2.teaching.case.work_folder import Work
from soilco2.teaching.errors import CaseError
from tests.teaching.case.notebook import run_drills
from tests.teaching.case.running import errors, folder, joined, printed, run

NAMES = [one.name for one in lessons()]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The drills of level 1 of seed 5, run once; ``make notebooks`` runs all, and those of other seeds."""
    work = folder(tmp_path_factory.mktemp("bench") / "work", "en", 1, "station")
    run_drills(work, "abc")
    return work.path / "station"


def go_through(work: Work, names: list[str]) -> None:
    """Lessons in one kernel: each task empty, then with its solution."""
    lang, level = work.lang, work.level
    book = run(joined(names, lang, level), work)
    found = errors(book)
    tasks = [name for one in names for name in lesson(one).tasks(level)]
    for name in tasks:
        assert printed(book, name).startswith("✓"), (name, printed(book, name))
    asked = [name for name in tasks if task(name).away(work.context()) is None]
    assert set(tasks) - set(asked) <= {"own-water"}, "plot 003 has too few days of water"
    assert set(found) == {f"{name}-empty" for name in asked}, found
    for name in asked:
        said = found[f"{name}-empty"]
        assert name in said
        assert ("还没有答案" if lang == "zh" else "has no answer yet") in said
    empty = next(cell for cell in book.cells if cell.id == f"{tasks[0]}-empty")
    assert len(empty.outputs[0]["traceback"]) == 1, "one sentence, no traceback"
    assert all(row.right for row in done(work) if row.lesson in names)


@pytest.mark.timeout(400)
def test_every_task_empty_and_solved(tmp_path: Path, runs: Path) -> None:
    """Level 1 in Chinese, own data and the bench's drills too."""
    work = folder(tmp_path / "work", "zh", 1, own=True)
    for run_of in runs.glob("run-*"):
        shutil.copytree(run_of, work.path / "station" / run_of.name, symlinks=True)
    go_through(work, [*NAMES, OWN_LESSON])


@pytest.mark.timeout(400)
def test_every_task_of_the_highest_level(tmp_path: Path) -> None:
    """Level 3 in English; the bench's two weeks and its nodes run in ``make notebooks``."""
    work = folder(tmp_path / "work", "en", 3, own=True)
    (work.path / FILE).write_text(described(work.context()), encoding="utf-8")
    go_through(work, [*(name for name in NAMES if name != "station"), OWN_LESSON])


def test_the_page_of_a_run_behind_a_hubs_prefix(
    runs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two runs, two free ports; the address is the hub's, the page answers on its own port."""
    monkeypatch.setenv("JUPYTERHUB_SERVICE_PREFIX", "/user/li/")
    with ThreadPoolExecutor(2) as threads:
        found = list(threads.map(lambda drill: live_page.serve(runs.parent, drill, "en"), "ac"))
    assert live_page.serve(runs.parent, "a", "en") == found[0], "one page for one run"
    ports = [re.fullmatch(r"/user/li/proxy/(\d+)/", where)[1] for where in found]  # type: ignore[index]
    assert len(set(ports)) == 2
    for port in ports:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=60) as answer:
            assert b"<html" in answer.read()
    with pytest.raises(CaseError, match=r'run notebook\.bench\("x"\) first'):
        live_page.serve(runs.parent, "x", "en")
    _end_pages()


def test_the_page_of_the_station_that_runs_in_terminals(
    runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a drill it is the trainee's own station, on its own clock, as soon as that has a journal."""
    with pytest.raises(CaseError, match=r"run notebook\.bench\(\) first"):
        live_page.serve(tmp_path, "", "en")
    own = tmp_path / "station"
    shutil.copytree(runs / "run-a", own, symlinks=True)
    where = live_page.serve(tmp_path, "", "en")
    with urllib.request.urlopen(f"{where}api/v1/latest", timeout=60) as answer:
        told = json.loads(answer.read())
    assert len(told["latest"]) == 7, "three probes of CO₂, two of temperature and water"
    assert told["now_ms"] < 1e3 * datetime(2022, 6, 4, tzinfo=UTC).timestamp(), "the replayed clock"
    _end_pages()


def _end_pages() -> None:
    for child, _ in live_page._served.values():
        child.stdin.close()  # type: ignore[union-attr] # as when the notebook's kernel ends
        assert child.wait(60) is not None
        child.stdout.close()  # type: ignore[union-attr]


@pytest.mark.parametrize("level", [1, 2, 3])
@pytest.mark.parametrize("lang", LANGS)
def test_a_notebook_is_valid_and_holds_no_solution(lang: str, level: int) -> None:
    for one in lessons():
        text = notebook_text(one, lang, level)
        nbformat.validate(nbformat.from_dict(json.loads(text)))
        assert "«" not in text
        assert "soilco2.teaching.case.answer_keys" not in text
        for cell in one.cells:
            if cell.kind == "task" and level in cell.levels:
                assert f'notebook.check(\\"{cell.name}\\", ...)' in text


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


@pytest.mark.parametrize("one", [*lessons(), lesson(OWN_LESSON)], ids=lambda one: one.name)
def test_the_desk_is_there_before_the_first_task(one: Lesson) -> None:
    """A trainee opens each notebook in a kernel of its own."""
    for level in (1, 2, 3):
        cells = [cell for cell in notebook(one, "en", level)["cells"] if cell["cell_type"] == "code"]
        assert f'notebook = open_notebook("{one.name}")' in cells[0]["source"]
