"""Every lesson, in both languages: with solutions top to bottom, and empty with one sentence a task."""

from __future__ import annotations

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
import pytest

from teaching.case.desk import Desk
from teaching.case.drills import CO2, FILE, described, drills
from teaching.case.progress import done
from teaching.case.source import LANGS, in_language, lessons, notebook, notebook_text
from tests.teaching.case.running import errors, folder, joined, printed, run

NAMES = [one.name for one in lessons()]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The three drills of seed 5, run once on real lines, three stations at a time as a class would."""
    work = folder(tmp_path_factory.mktemp("bench") / "work", "en", 1, "station")
    desk = Desk(work, "station")
    desk.write(FILE, described(work.context()))
    with ThreadPoolExecutor(3) as threads:
        series = dict(zip("abc", threads.map(desk.bench, "abc"), strict=True))
    by_drill = drills(work.context())
    assert {one.kind for one in by_drill.values()} == {"address-clash", "stuck", "brown-out"}
    said = {name: (work.path / f"station/run-{name}/said.txt").read_text(encoding="utf-8") for name in "abc"}
    assert f"{by_drill['a'].where} (" in said["a"]
    assert "clash" in said["a"]
    assert "clash" not in said["b"] + said["c"]
    assert "device_back" in said["c"]
    assert "pressure_setpoint = 0 hPa but the station file says 964" in said["c"]
    stuck = series["b"]
    depth = next(z for name, _, z in CO2 if name == by_drill["b"].where)
    values = stuck[(stuck["variable"] == "co2") & (stuck["depth_m"] == depth)]["value"].dropna()
    assert values.tail(25).nunique() == 1
    return work.path / "station"


def go_through(path: Path, lang: str, level: int, runs: Path) -> None:
    """All lessons in one kernel: each task empty, then with its solution."""
    work = folder(path / "work", lang, level)
    for run_of in runs.glob("run-*"):
        shutil.copytree(run_of, work.path / "station" / run_of.name, symlinks=True)
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
def test_every_task_empty_and_solved(tmp_path: Path, lang: str, level: int, runs: Path) -> None:
    go_through(tmp_path, lang, level, runs)


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
