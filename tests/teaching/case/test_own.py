"""A trainee's own data: marked by what they hold, and what they do not hold falls away with its reason."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from teaching.case import data
from teaching.case.check import check
from teaching.case.desk import mark
from teaching.case.folder import Work
from teaching.case.marks.own import TASKS
from teaching.case.own import describe
from teaching.case.progress import done
from teaching.case.source import OWN_LESSON
from teaching.case.start import start
from teaching.case.tasks import Context

BY_NAME = {one.id: one for one in TASKS}


def taken(path: Path, lang: str, **leave_out: float) -> Work:
    """A folder with SJER's plot 003 as own data, less some of it."""
    table = data.sjer(profiles=("p003",))
    if "water" in leave_out:
        table = table[table["variable"] != "soil_water"]
    if "below_m" in leave_out:
        table = table[(table["variable"] != "co2") | (table["depth_m"] < leave_out["below_m"])]
    path.mkdir(parents=True, exist_ok=True)
    table.to_csv(path / "mine.csv", index=False)
    return start(path / "work", "soil-profile", lang, 1, seed=1, own=path / "mine.csv").work


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Work:
    return taken(tmp_path_factory.mktemp("own"), "en")


def test_truths_by_a_second_path(whole: Work) -> None:
    """numpy on the published columns, without frames or pandas' group-by."""
    context = whole.context()
    table = data.sjer(profiles=("p003",))
    gas = table[table["variable"] == "co2"]
    depths = sorted(set(gas["depth_m"]))
    deep, shallow = (gas[gas["depth_m"] == z]["value"].to_numpy() for z in (depths[-1], depths[0]))
    assert BY_NAME["own-ratio"].right(context) == pytest.approx(np.median(deep) / np.median(shallow))
    slots = [
        int(t[8:10]) * 48 + int(t[11:13]) * 2 + int(t[14:16]) // 30
        for t in gas[gas["depth_m"] == depths[0]]["time_utc"]
    ]
    present = 100 * len(slots) / (max(slots) - min(slots) + 1)
    assert BY_NAME["own-complete"].right(context) == pytest.approx(present)


def test_right_and_typically_wrong(whole: Work) -> None:
    context = whole.context()
    for one in TASKS:
        if one.away(context) is not None:
            continue
        assert one.mark(context, one.right(context)).right, one.id
        for wrong in one.wrong:
            verdict = one.mark(context, wrong.value(context))
            assert not verdict.right
            assert verdict.idea == wrong.idea, one.id


@pytest.mark.parametrize(
    ("lang", "words"),
    [
        ("zh", ("只有一个深度的 CO₂", "没有与 CO₂ 同一剖面的含水率")),
        ("en", ("CO₂ at one depth only", "no water content in the profile")),
    ],
)
def test_without_water_and_with_one_depth(tmp_path: Path, lang: str, words: tuple[str, str]) -> None:
    work = taken(tmp_path, lang, water=0, below_m=0.05)
    said = describe(work).splitlines()
    for name, reason in zip(("own-ratio", "own-water"), words, strict=True):
        assert [line for line in said if name in line and reason in line], "one sentence each"
        assert mark(work, name, ...).right, "nothing is asked for"
    rows = {row.task: row for row in check(work).rows}
    assert rows["own-ratio"].right
    assert not rows["own-complete"].right, "what can be answered is still asked"
    assert {row.task for row in done(work) if row.lesson == OWN_LESSON} == {
        "own-complete",
        "own-sign",
        "own-neff",
        "own-lag",
    }


def test_no_own_data_no_own_lesson(tmp_path: Path) -> None:
    work = start(tmp_path / "w", "read", "en", 1, seed=1).work
    assert OWN_LESSON not in work.lessons
    assert all(one.away(Context("en", 1, 1, work.path)) is not None for one in TASKS)
    (tmp_path / "mine.csv").write_text(
        "time_utc,profile,depth_m,variable,value,unit\n2022-06-01T00:00:00Z,p1,0.1,co2,900,ppm\n",
        encoding="utf-8",
    )
    again = start(tmp_path / "w", "read", "en", 1, own=tmp_path / "mine.csv").work
    assert again.lessons == ("read", OWN_LESSON), "taken in later all the same"
    assert (again.path / "06_own.ipynb").is_file()
