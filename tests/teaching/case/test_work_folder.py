"""The work folder: nothing is lost, whatever happens to it; the command line around it."""

from __future__ import annotations

import csv
import json
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from soilco2.cli.main import cli
from soilco2.station_config.message import translate
from soilco2.storage.errors import StorageError
from soilco2.teaching.case.check_folder import check
from soilco2.teaching.case.lesson_source import lesson, lessons
from soilco2.teaching.case.notebook import mark, open_notebook
from soilco2.teaching.case.own_data import describe
from soilco2.teaching.case.progress import (
    CLASS_HOURS,
    WEIGHTS,
    active_minutes,
    blocks,
    done,
    lines,
    record_csv,
)
from soilco2.teaching.case.start import start
from soilco2.teaching.case.work_folder import RECORD, Work, open_work, read_notebook
from soilco2.teaching.errors import CaseError, UnansweredError
from tests.teaching.case.running import folder

TIDY = "time_utc,profile,depth_m,variable,value,unit\n"


def read_folder(path: Path, lang: str = "en", case: str = "read") -> Work:
    return folder(path, lang, 1, case)


def test_start_again_completes_and_writes_over_nothing(tmp_path: Path) -> None:
    work = read_folder(tmp_path / "work")
    book = work.path / "01_read.ipynb"
    book.write_text(
        book.read_text(encoding="utf-8").replace("Read a profile", "My own words"), encoding="utf-8"
    )
    before = {p: p.read_bytes() for p in work.path.rglob("*") if p.is_file() and p.name != RECORD}
    (work.path / "data" / "profile.csv").unlink()
    again = start(work.path, "read", "en", 1)
    assert again.said == []
    assert again.work.seed == 5
    assert {p: p.read_bytes() for p in before} == before, "the data that were missing are the same again"


def test_a_folder_that_was_moved_is_found(tmp_path: Path) -> None:
    work = read_folder(tmp_path / "work")
    mark(work, "read-flag", "C")
    shutil.move(work.path, tmp_path / "elsewhere 另一处")
    moved = open_work(tmp_path / "elsewhere 另一处" / "data")
    assert [row.task for row in done(moved) if row.right] == ["read-flag"]
    assert open_notebook("read", moved.path).folder == moved.path


def test_a_notebook_outside_its_folder_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(CaseError, match=r"case\.json is missing") as told:
        open_notebook("read", tmp_path)
    (shown,) = told.value._render_traceback_()
    assert "这里没有作业文件夹（缺 case.json）" in shown, "no folder says in which language: both"
    assert shown.endswith(f" / {told.value}")
    assert translate(str(told.value), "zh") == shown.removesuffix(f" / {told.value}")


@pytest.mark.parametrize(("lang", "word"), [("en", "half saved"), ("zh", "没有存完整")])
def test_a_half_saved_notebook_costs_nothing(tmp_path: Path, lang: str, word: str) -> None:
    work = read_folder(tmp_path / "work", lang)
    mark(work, "read-flag", "C")
    book = work.path / "01_read.ipynb"
    half = book.read_text(encoding="utf-8")[:4000]
    book.write_text(half, encoding="utf-8")
    found = check(work)
    assert [row.task for row in found.rows if row.right] == ["read-flag"]
    assert word in found.remarks[0]
    again = start(work.path, "read", lang, 1)
    assert word in again.said[0]
    assert book.read_text(encoding="utf-8") == half
    assert read_notebook(work.path / "01_read.2.ipynb").revision == lesson("read").revision
    assert check(work).remarks == [], "with a fresh copy there is nothing more to say"
    start(work.path, "read", lang, 1)
    assert not (work.path / "01_read.3.ipynb").exists(), "one fresh copy is enough"


def test_a_notebook_of_an_older_version(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    work = read_folder(tmp_path / "work")
    book = work.path / "01_read.ipynb"
    text = book.read_text(encoding="utf-8").replace(lesson("read").revision, "0000000000")
    book.write_text(
        text.replace('notebook.check(\\"read-flag\\", ...)', 'notebook.check(\\"read-flag\\", \\"c\\")'),
        encoding="utf-8",
    )
    open_notebook("read", work.path)
    assert "older version" in capsys.readouterr().out
    found = check(work)
    assert next(row for row in found.rows if row.task == "read-flag").right, "its answers count"
    assert "older version" in found.remarks[0]
    assert "is kept as it is" in start(work.path, "read", "en", 1).said[0]
    assert check(work).remarks == []


def test_an_answer_that_an_earlier_version_found_right_stays_right(tmp_path: Path) -> None:
    """As progress has it; a file is looked at as it is now."""
    work = read_folder(tmp_path / "work")
    work.note(kind="answer", lesson="read", task="read-depth", answer="19 cm", right=True, idea="")
    work.note(kind="answer", lesson="read", task="read-ratio", answer="99", right=False, idea="")
    rows = {row.task: row for row in check(work).rows}
    assert rows["read-depth"].right
    assert "right when it was given" in rows["read-depth"].words[1]
    assert not rows["read-ratio"].right
    case = folder(tmp_path / "station", "en", 1, "station")
    case.note(
        kind="answer",
        lesson="station",
        task="station-file",
        answer="station/station.toml",
        right=True,
        idea="",
    )
    assert not next(row for row in check(case).rows if row.task == "station-file").right


def test_a_record_cut_short_loses_one_row_at_most(tmp_path: Path) -> None:
    work = read_folder(tmp_path / "work")
    mark(work, "read-flag", "C")
    with (work.path / RECORD).open("ab") as file:
        file.write(b'{"at": 1, "kind": "ans')
    mark(work, "read-depth", "18 cm")
    assert [row.task for row in done(work) if row.right] == ["read-depth", "read-flag"]


def test_settings_that_cannot_be_read(tmp_path: Path) -> None:
    work = read_folder(tmp_path / "work")
    good = json.loads((work.path / "case.json").read_text(encoding="utf-8"))
    spoilt = ({"level": 9}, {"lang": "xx"}, {"lessons": ["nope"]}, {"lessons": None}, {"seed": float("inf")})
    for text in ("{", "[" * 100_000, *(json.dumps(good | one) for one in spoilt)):
        (work.path / "case.json").write_text(text, encoding="utf-8")
        with pytest.raises(CaseError, match="settings of this work folder cannot be read"):
            open_work(work.path)


def test_a_notebook_shows_its_faults_in_its_language(tmp_path: Path) -> None:
    notebook = open_notebook("read", read_folder(tmp_path / "work", "zh").path)
    with pytest.raises(UnansweredError, match="has no answer yet") as told:
        notebook.check("read-flag", ...)
    assert told.value._render_traceback_() == [
        '任务 read-flag 还没有答案：把 ... 换成你的答案，例如 "B"，再运行这一格。'
    ]
    with pytest.raises(CaseError, match="not in the data folder") as missing:
        notebook.table("none.csv")
    assert missing.value._render_traceback_() == [
        "none.csv：数据文件夹里没有它；soilco2 teach start 会把它补上。"
    ]
    with pytest.raises(CaseError, match="There is no such run yet") as unrun:
        notebook.page("a")
    assert unrun.value._render_traceback_() == ['还没有这次运行：先运行 notebook.bench("a")。']


def test_a_fault_in_a_trainee_s_station_file_is_told_in_both_languages(tmp_path: Path) -> None:
    work = folder(tmp_path / "work", "zh", 1, "station")
    zh, en = mark(work, "station-file", "[station]\nid =\n").words
    assert "TOML 语法有误" in zh
    assert "this is not valid TOML" in en
    assert "not valid" not in zh


def test_no_answer_and_no_such_task(tmp_path: Path) -> None:
    work = read_folder(tmp_path / "work")
    with pytest.raises(UnansweredError, match='such as "B"'):
        mark(work, "read-flag", ...)
    with pytest.raises(CaseError, match="not in this version"):
        mark(work, "read-nothing", 1)
    assert done(work)[0].tries == 0


def _within_itself() -> list[Any]:
    found: list[Any] = []
    found.append(found)
    return found


@pytest.mark.parametrize(
    "answer",
    [
        10**400, 10**5000, float("inf"), "1e309", "\ud800 12 cm", "A" * 200_000, np.arange(100_000), _within_itself(), print,
        pd.DataFrame({"A": [1, 2]}), {"a": {1, "b"}}, [["A"], None],
    ],
    ids=lambda answer: type(answer).__name__,
)  # fmt: skip
def test_what_is_no_answer_is_a_wrong_one_and_costs_no_room(tmp_path: Path, answer: object) -> None:
    work = read_folder(tmp_path / "work", case="soil-profile")
    for name in (
        "read-depth",
        "read-flag",
        "read-faults",
        "temperature-depth",
        "station-file",
        "station-drill-a",
    ):
        assert not mark(work, name, answer).right
    assert (work.path / RECORD).stat().st_size < 10_000
    assert not any(row.right for row in check(work).rows)


def test_numbers_of_numpy_and_pandas_are_read(tmp_path: Path) -> None:
    work = read_folder(tmp_path / "work")
    for answer in (0.18, np.float64(0.18), np.array(0.18), np.array([0.18]), pd.Series([0.18])):
        assert mark(work, "read-depth", answer).right


@pytest.mark.parametrize(
    "source",
    [
        "notebook.check('read-flag', {[]: 1})", "a" + ".b" * 50_000, "x = " + "-" * 100_000 + "1", "notebook.check(*x, **y)",
        "notebook.check('read-depth', '\\ud800')", "while True: pass", 5,
    ],
    ids=lambda source: str(source)[:30],
)  # fmt: skip
def test_whatever_stands_in_a_notebook_can_be_marked(tmp_path: Path, source: object) -> None:
    work = read_folder(tmp_path / "work")
    mark(work, "read-flag", "C")
    path = work.path / "01_read.ipynb"
    book = json.loads(path.read_text(encoding="utf-8"))
    book["cells"].append({"cell_type": "code", "source": source, "metadata": {}, "outputs": []})
    path.write_text(json.dumps(book), encoding="utf-8")
    assert [row.task for row in check(work).rows if row.right] == ["read-flag"]


def test_a_folder_is_made_of_whole_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = []
    replace = Path.replace

    def seen(part: Path, target: Path) -> Path:
        whole.append(target)
        return replace(part, target)

    monkeypatch.setattr(Path, "replace", seen)
    work = start(tmp_path / "work", "soil-profile", "en", 1, seed=1).work
    made = {path for path in work.path.rglob("*") if path.is_file() and path.name != RECORD}
    assert made == set(whole)


def test_another_case_does_not_go_into_the_same_folder(tmp_path: Path) -> None:
    work = read_folder(tmp_path / "work")
    with pytest.raises(CaseError, match="is a work folder with --lang en") as told:
        start(work.path, "read", "zh", 1)
    said = translate(str(told.value), "zh")
    assert said.endswith("是另一项作业的文件夹（--lang en）；请用相同的选项继续，或另给 --folder")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years", encoding="utf-8")
    with pytest.raises(CaseError, match="is no work folder"):
        start(tmp_path / "mine", "read", "zh", 1)


def own(path: Path, rows: str) -> Path:
    path.write_text(TIDY + rows, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (
            "2022-06-01T00:00:00Z,p1,0.1,co2,900,ppm\n2022-06-01T00:00:00Z,p1,0.2,co2,950,ppm\n",
            "No water content",
        ),
        (
            "2022-06-01T00:00:00Z,p1,0.1,co2,900,ppm\n2022-06-01T00:00:00Z,p1,0.1,soil_water,0.1,m3/m3\n",
            "One depth only",
        ),
        ("2022-06-01T00:00:00Z,p1,0.1,co2,900,ppm\n", "Only 0.0 days"),
    ],
)
def test_own_data_that_lack_something(tmp_path: Path, rows: str, said: str) -> None:
    work = start(tmp_path / "w", "read", "en", 1, seed=1, own=own(tmp_path / "mine.csv", rows)).work
    assert said in describe(work)
    before = (work.path / "data" / "own.csv").read_bytes()
    with pytest.raises(CaseError, match="own data are there already"):
        start(work.path, "read", "en", 1, own=tmp_path / "mine.csv")
    assert (work.path / "data" / "own.csv").read_bytes() == before


def test_own_data_without_zone_are_told_a_way_out_that_works_here(tmp_path: Path) -> None:
    row = "{},p1,0.1,co2,900,ppm\n"
    with pytest.raises(StorageError, match="write it as 2026-03-01T08:00:00\\+08:00"):
        start(
            tmp_path / "w", "read", "en", 1, own=own(tmp_path / "mine.csv", row.format("2026-03-01 08:00:00"))
        )
    mine = own(tmp_path / "mine.csv", row.format("2026-03-01T08:00:00+08:00"))
    work = start(tmp_path / "w", "read", "en", 1, own=mine).work
    assert "2026-03-01T00:00:00Z" in (work.path / "data" / "own.csv").read_text(encoding="utf-8")


def test_own_data_of_no_use(tmp_path: Path) -> None:
    with pytest.raises(CaseError, match="there is no CO₂ in these data"):
        start(tmp_path / "w", "read", "en", 1,
              own=own(tmp_path / "t.csv", "2022-06-01T00:00:00Z,p1,0.1,soil_temperature,20,degC\n"))  # fmt: skip
    with pytest.raises(CaseError, match="no depth below the surface"):
        start(tmp_path / "w3", "read", "en", 1,
              own=own(tmp_path / "u.csv", "2022-06-01T00:00:00Z,p1,-0.1,co2,900,ppm\n"))  # fmt: skip
    with pytest.raises(CaseError, match="there is no such file"):
        start(tmp_path / "w2", "read", "en", 1, own=tmp_path / "nowhere.csv")


def test_class_hours_are_the_tracks() -> None:
    """36, 40, 48 and the weights stand in the track's description; lessons never claim more than a block has."""
    assert CLASS_HOURS == {1: 36, 2: 40, 3: 48}
    for level in (1, 2, 3):
        assert sum(WEIGHTS[level].values()) == pytest.approx(1)
        supplied: dict[str, float] = {}
        for one in lessons():
            for block, hours in one.hours[level].items():
                supplied[block] = supplied.get(block, 0) + hours
        for block, hours in supplied.items():
            assert hours <= CLASS_HOURS[level] * WEIGHTS[level][block] + 1e-9, (level, block)
        assert supplied["monitoring"] == CLASS_HOURS[level] * WEIGHTS[level]["monitoring"], (
            "the case is the monitoring block"
        )


def test_time_at_work_leaves_pauses_out() -> None:
    """By hand: 60 + 600 s of work, then a pause of an hour, then 30 s: 11.5 minutes."""
    assert active_minutes([0, 60, 660, 4260, 4290]) == pytest.approx(11.5)
    assert active_minutes([]) == 0


def test_progress_by_block_and_the_teachers_record(tmp_path: Path) -> None:
    work = start(tmp_path / "w", "soil-profile", "zh", 1, name="=1+1", seed=5).work
    (work.path / RECORD).write_text(
        "".join(json.dumps({"at": 600.0 * n, "kind": "run", "lesson": "read"}) + "\n" for n in range(10)),
        encoding="utf-8",
    )
    found = {block.name: block for block in blocks(work)}
    assert found["basics"].worked == pytest.approx(2 / 3), (
        "90 minutes are two class hours; the lesson is 1 basics to 2 monitoring"
    )
    assert found["monitoring"].worked == pytest.approx(4 / 3)
    assert found["background"].elsewhere == pytest.approx(3.6)
    assert found["monitoring"].elsewhere == 0
    mark(work, "read-flag", "A")
    mark(work, "read-flag", "C")
    rows = {row["task"]: row for row in csv.DictReader(record_csv([work]).splitlines())}
    assert rows["read-flag"] | {"last_answer_utc": "", "lesson_minutes": "", "class_hours_worked": ""} == {
        "name": "'=1+1", "folder": "w", "case": "soil-profile", "level": "1", "lang": "zh", "seed": "5", "lesson": "read",
        "task": "read-flag", "done": "1", "first_try": "0", "tries": "2", "missed_idea": "", "last_answer_utc": "",
        "lesson_minutes": "", "tasks_done": "1", "tasks": str(len(rows)), "class_hours_worked": "",
    }  # fmt: skip
    assert any("其余 3.6 学时须在别处完成" in line for line in lines(work))


def run(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(cli, ["teach", *words])
    assert done.exception is None or isinstance(done.exception, SystemExit | CaseError), done.exception
    said = done.output + (str(done.exception) if isinstance(done.exception, CaseError) else "")
    return done.exit_code, said


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    code, said = run("list", "--lang", "zh")
    assert code == 0
    assert "从浓度到通量" in said
    monkeypatch.setitem(sys.modules, "jupyterlab", None)
    code, said = run("start", "read", "--lang", "en", "--name", "Li Lei")
    assert code == 0
    assert "JupyterLab is not here" in said
    assert (tmp_path / "read-en-1" / "01_read.ipynb").is_file()
    code, said = run("check", "read-en-1")
    assert code == 1
    assert "no answer yet" in said
    code, said = run("progress", "read-en-1", "--csv", "class.csv")
    assert code == 0
    assert (tmp_path / "class.csv").read_bytes().startswith(b"\xef\xbb\xbfname,")
    assert "there is no case 'sums'" in run("start", "sums")[1]


def test_the_same_name_has_the_same_faults(tmp_path: Path) -> None:
    one = start(tmp_path / "a", "read", "zh", 1, name="张三").work
    two = start(tmp_path / "b", "read", "zh", 1, name=" 张三 ").work
    three = start(tmp_path / "c", "read", "zh", 1, name="李四").work
    texts = [(w.path / "data" / "profile.csv").read_bytes() for w in (one, two, three)]
    assert texts[0] == texts[1]
    assert texts[0] != texts[2]
