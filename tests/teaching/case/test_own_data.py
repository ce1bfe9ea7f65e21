"""A trainee's own data: marked by what they hold, and what they do not hold falls away with its reason."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from soilco2.analysis.flux.errors import SoilTableError
from soilco2.analysis.flux.methods.solve import solve
from soilco2.analysis.flux.physics.soil import uniform
from soilco2.analysis.flux.results.summary import means
from soilco2.analysis.flux.settings import read
from soilco2.quality.records import Sample
from soilco2.station_config.loader import load_station
from soilco2.storage.journal.writer import Writer
from soilco2.teaching.case import data
from soilco2.teaching.case.answer_keys.own_data import TASKS
from soilco2.teaching.case.check_folder import check
from soilco2.teaching.case.drills import END_US, described
from soilco2.teaching.case.lesson_source import OWN_LESSON
from soilco2.teaching.case.marking import Context
from soilco2.teaching.case.notebook import mark
from soilco2.teaching.case.own_data import describe
from soilco2.teaching.case.profiles import MONTH_US, profile_of
from soilco2.teaching.case.progress import done
from soilco2.teaching.case.start import start
from soilco2.teaching.case.work_folder import Work
from soilco2.teaching.errors import CaseError
from tests.teaching.case.running import SOIL

BY_NAME = {one.id: one for one in TASKS}


def taken(path: Path, lang: str, soil: str = "", **leave_out: float) -> Work:
    """A folder with SJER's plot 003 as own data, less some of it."""
    table = data.sjer(profiles=("p003",))
    if "water" in leave_out:
        table = table[table["variable"] != "soil_water"]
    if "below_m" in leave_out:
        table = table[(table["variable"] != "co2") | (table["depth_m"] < leave_out["below_m"])]
    path.mkdir(parents=True, exist_ok=True)
    table.to_csv(path / "mine.csv", index=False)
    (path / "soil.toml").write_text(soil, encoding="utf-8")
    return start(
        path / "work",
        "soil-profile",
        lang,
        1,
        seed=1,
        own=path / "mine.csv",
        soil=path / "soil.toml" if soil else None,
    ).work


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Work:
    return taken(tmp_path_factory.mktemp("own"), "en", SOIL)


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
    # the flux at half hours, straight from the solver; own data are taken at full hours
    plot = profile_of(data.sjer(), "p003")
    fluxes = solve(plot, uniform(0.45, 0.02))
    assert BY_NAME["own-flux"].right(context) == pytest.approx(means(fluxes, MONTH_US).value[0], rel=0.05)


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
        ("zh", ("只有一个深度的 CO₂", "没有与 CO₂ 同一剖面的含水率", "只有一个深度的 CO₂")),
        ("en", ("CO₂ at one depth only", "no water content in the profile", "CO₂ at one depth only")),
    ],
)
def test_without_water_and_with_one_depth(tmp_path: Path, lang: str, words: tuple[str, ...]) -> None:
    work = taken(tmp_path, lang, water=0, below_m=0.05)
    said = describe(work).splitlines()
    for name, reason in zip(("own-ratio", "own-water", "own-flux"), words, strict=True):
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


@pytest.mark.parametrize(
    ("soil", "leave_out", "word"),
    [
        ("", {}, "there is no soil"),
        (SOIL, {"water": 0}, "no water content"),
        (SOIL.replace("altitude_m = 374\n", ""), {}, "neither air pressure nor altitude"),
        (SOIL.replace("top_m = 0", "top_m = 1"), {}, "no soil horizon"),
    ],
)
def test_a_flux_falls_away_with_its_reason(
    tmp_path: Path, soil: str, leave_out: dict[str, float], word: str
) -> None:
    work = taken(tmp_path, "en", soil, **leave_out)
    (line,) = [line for line in describe(work).splitlines() if "own-flux" in line]
    assert word in line
    assert mark(work, "own-flux", ...).right


def test_a_soil_that_is_no_soil(tmp_path: Path) -> None:
    with pytest.raises(SoilTableError, match="porosity"):
        taken(tmp_path, "en", SOIL.replace("porosity = 0.45", "porosity = 45"))
    (tmp_path / "soil.toml").write_text(SOIL, encoding="utf-8")
    work = start(tmp_path / "work", "soil-profile", "en", 1, soil=tmp_path / "soil.toml").work
    with pytest.raises(CaseError, match="a soil is there already"):
        start(work.path, "soil-profile", "en", 1, soil=tmp_path / "soil.toml")


def test_a_station_file_brings_its_soil(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    text = described(Context("en", 1, 1)).replace(
        '[[profile]]\nid = "p004"', SOIL.partition("\n")[2] + '\n[[profile]]\nid = "p004"'
    )
    path.write_text(text, encoding="utf-8")
    station = load_station(path)
    with Writer.open(station) as writer:
        writer.commit([Sample("G-co2-03", "co2", END_US, 900.0, "", None, END_US, END_US, "boot", "bus1")])
    work = start(tmp_path / "w", "read", "en", 1, own=path).work
    found = read(work.path / "data" / "own_soil.toml")
    assert (found.altitude_m, found.soil.horizon[0].porosity, found.soil.horizon[0].bottom_m) == (
        374,
        0.45,
        2,
    )
