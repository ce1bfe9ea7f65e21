"""Every lesson, in both languages: with solutions top to bottom, and empty with one sentence a task."""

from __future__ import annotations

import json
import re
import shutil
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
import pytest

from teaching.case import page
from teaching.case.desk import Desk
from teaching.case.drills import CO2, FILE, SOIL, described, drills
from teaching.case.progress import done
from teaching.case.source import LANGS, in_language, lessons, notebook, notebook_text
from teaching.errors import CaseError
from tests.teaching.case.running import errors, folder, joined, printed, run

NAMES = [one.name for one in lessons()]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The five drills of seed 5, run once on real lines and nodes, five stations at a time as a class would."""
    work = folder(tmp_path_factory.mktemp("bench") / "work", "en", 1, "station")
    desk = Desk(work, "station")
    desk.write(FILE, described(work.context()))
    with ThreadPoolExecutor(5) as threads:
        series = dict(zip("abcde", threads.map(desk.bench, "abcde"), strict=True))
    by_drill = drills(work.context())
    assert {one.kind for one in by_drill.values()} == {
        "address-clash", "stuck", "brown-out", "drift", "clock-reset",
    }  # fmt: skip
    said = {
        name: (work.path / f"station/run-{name}/said.txt").read_text(encoding="utf-8") for name in "abcde"
    }
    assert f"{by_drill['a'].where} (" in said["a"]
    assert "clash" in said["a"]
    assert "clash" not in said["b"] + said["c"]
    assert "device_back" in said["c"]
    assert "pressure_setpoint = 0 hPa but the station file says 964" in said["c"]
    stuck = series["b"]
    depth = next(z for name, _, z in CO2 if name == by_drill["b"].where)
    values = stuck[(stuck["variable"] == "co2") & (stuck["depth_m"] == depth)]["value"].dropna()
    assert values.tail(25).nunique() == 1
    assert "rejected 0" in said["d"]
    assert "error" not in said["d"], "status does not show a drift"
    days = series["d"].groupby([series["d"]["time_utc"].dt.date, "depth_m", "variable"])["value"].mean()
    days = days.unstack([1, 2]).iloc[:-1]
    climbed = days.iloc[-1] / days.iloc[0]
    depth = next(z for name, _, z in (*CO2, *SOIL) if name == by_drill["d"].where)
    assert climbed[depth].max() > 1.15
    assert climbed.drop(index=depth, level=0).max() < 1.15
    assert f"{by_drill['e'].where}: in " in said["e"]
    assert "1970-01-01" in said["e"], "why they were not taken"
    late = series["e"][series["e"]["time_utc"] > "2022-06-02T12:00Z"]
    silent = next(z for name, _, z in SOIL if name == by_drill["e"].also)
    assert silent not in set(late["depth_m"])
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


def test_the_page_of_a_run_behind_a_hubs_prefix(
    runs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two runs, two free ports; the address is the hub's, the page answers on its own port."""
    monkeypatch.setenv("JUPYTERHUB_SERVICE_PREFIX", "/user/li/")
    found = [page.serve(runs.parent, drill, "en") for drill in "ae"]
    assert page.serve(runs.parent, "a", "en") == found[0], "one page for one run"
    ports = [re.fullmatch(r"/user/li/proxy/(\d+)/", where)[1] for where in found]  # type: ignore[index]
    assert len(set(ports)) == 2
    for port in ports:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=60) as answer:
            assert b"<html" in answer.read()
    with pytest.raises(CaseError, match=r'run desk\.bench\("x"\) first'):
        page.serve(runs.parent, "x", "en")
    for child, _ in page._served.values():
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
