"""Make a work folder, or complete one that is there: settings, data, notebooks, task sheet."""

from __future__ import annotations

import secrets
import zlib
from dataclasses import replace
from importlib.resources import as_file, files
from pathlib import Path
from typing import NamedTuple

from soilco2.station_config.message import Message, marked
from soilco2.storage.files import write_whole
from soilco2.teaching.case import data
from soilco2.teaching.case.drills import FILE, begun, described
from soilco2.teaching.case.lesson_source import LESSONS, OWN_LESSON, Lesson, lesson, lessons, notebook_text
from soilco2.teaching.case.own_data_store import OWN, take_in, take_in_soil
from soilco2.teaching.case.progress import BLOCK_NAMES, CLASS_HOURS, LEVEL_NAMES, blocks
from soilco2.teaching.case.work_folder import SETTINGS, Work, add_notebook, open_work
from soilco2.teaching.errors import CaseError

CASES = {
    "soil-profile": (
        "土壤不同剖面 CO₂ 含量的监测：读剖面、温度与水分、从浓度到通量、建站、计划",
        "CO₂ of soil profiles: read a profile, temperature and water, from concentration to flux, set up a station, plan",
    )
}
"""Cases; the name of a single lesson is a case of one lesson."""
_COPIES = {
    "read": (f"{data.SJER}/soil_water_content.csv.gz",),
    "temperature": (f"{data.AGUA}/soil_30min.csv.gz",),
    "flux": (f"{data.SJER}/soil_pit.csv",),
}


class Started(NamedTuple):
    """What `start` did: the folder, and a sentence for each thing worth saying."""

    work: Work
    said: list[str]


def lessons_of(case: str) -> list[Lesson]:
    """The lessons of a case.

    Raises
    ------
    CaseError
        When there is no such case.
    """
    here = lessons()
    if case in CASES:
        return list(here)
    if case in LESSONS and case in {one.name for one in here}:
        return [lesson(case)]
    known = ", ".join([*CASES, *(one.name for one in here)])
    raise CaseError(Message("there is no case {case!r}; there are {known}", case=case, known=known))


def seed_of(name: str) -> int:
    """The personal seed: of the name where one is given, else random."""
    return zlib.crc32(name.strip().encode()) % 1_000_000 if name.strip() else secrets.randbelow(1_000_000)


def start(
    folder: Path,
    case: str,
    lang: str,
    level: int,
    *,
    name: str = "",
    seed: int | None = None,
    own: Path | None = None,
    soil: Path | None = None,
) -> Started:
    """Make or complete a work folder; nothing that is there is written over.

    Parameters
    ----------
    folder : Path
    case : str
        A case, or the name of one lesson.
    lang : str
        ``zh`` or ``en``.
    level : int
        1 to 3.
    name : str
        The trainee's; decides the seed when none is given.
    seed : int, optional
    own : Path, optional
        A station file or tidy table to take in.
    soil : Path, optional
        Its soil: horizons (TOML) or a pit table (CSV); a station file has its own.

    Raises
    ------
    CaseError
        When the folder belongs to another case, level or language, or own data are of no use.
    """
    chosen = lessons_of(case)
    said: list[str] = []
    if (folder / SETTINGS).is_file():
        work = _opened(folder, case, lang, level)
    else:
        names = tuple(one.name for one in chosen)
        work = _made(folder, case, lang, level, seed_of(name) if seed is None else seed, name.strip(), names)
    (work.path / "data").mkdir(exist_ok=True)
    if soil is not None:
        take_in_soil(soil, work)
    if own is not None:
        take_in(own, work)
        said.append(f"data/{OWN}")
        if OWN_LESSON not in work.lessons:
            work = replace(work, lessons=(*work.lessons, OWN_LESSON))
            work.save()
    if OWN_LESSON in work.lessons:
        chosen = [*chosen, lesson(OWN_LESSON)]
    _put_data(work)
    said += [words for one in chosen if (words := _put_notebook(work, one))]
    sheet = work.path / ("任务单.md" if lang == "zh" else "task_sheet.md")
    if not sheet.exists():
        write_whole(sheet, task_sheet(work))
    return Started(work, said)


def _opened(folder: Path, case: str, lang: str, level: int) -> Work:
    """A work folder that is there, when it is of this case, language and level."""
    work = open_work(folder)
    settings = (
        (marked("case {had}"), work.case, case), ("--lang {had}", work.lang, lang), ("--level {had}", work.level, level)
    )  # fmt: skip
    other = [Message(template, had=had) for template, had, now in settings if had != now]
    if other:
        raise CaseError(
            Message(
                "{folder} is a work folder with {settings}; go on in it with the same, or name another --folder",
                folder=folder,
                settings=Message.joined(other, ", "),
            )
        )
    return work


def _made(
    folder: Path, case: str, lang: str, level: int, seed: int, name: str, names: tuple[str, ...]
) -> Work:
    """A new work folder with these lessons, where nothing is yet."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise CaseError(
            Message(
                "{folder} is there already and is no work folder; name another --folder, nothing was changed",
                folder=folder,
            )
        )
    folder.mkdir(parents=True, exist_ok=True)
    work = Work(folder.resolve(), case, lang, level, seed, name, names)
    work.save()
    work.note(kind="start", lesson="")
    return work


def _put_notebook(work: Work, one: Lesson) -> str:
    """A lesson's notebook, beside one that is there; what is to be said of that one."""
    zh = work.lang == "zh"
    state, path = add_notebook(work, one, notebook_text(one, work.lang, work.level))
    if state == "older":
        return (
            f"{one.file(work.lang)} 来自较早的版本，保留不动；新的是 {path.name}"
            if zh
            else f"{one.file(work.lang)} comes from an older version and is kept as it is; the new one is {path.name}"
        )
    if state == "broken":
        return (
            f"{one.file(work.lang)} 没有存完整，保留不动；新的是 {path.name}，运行过的答案都在记录里"
            if zh
            else f"{one.file(work.lang)} was only half saved and is kept as it is; the new one is {path.name}, and answers "
            "that were run are in the record"
        )
    return ""


def _put_data(work: Work) -> None:
    """The data of the lessons that are not there yet."""
    folder = work.path / "data"
    for name in work.lessons:
        for source in _COPIES.get(name, ()):
            target = folder / source.rpartition("/")[2]
            if not target.exists():
                with as_file(files("soilco2.teaching").joinpath("data", source)) as path:
                    write_whole(target, path.read_bytes())
    profile = folder / "profile.csv"
    if "read" in work.lessons and not profile.exists():
        write_whole(profile, data.planted(work.seed, work.level)[0].to_csv(index=False, lineterminator="\n"))
    station = work.path / FILE
    if {"station", "plan"} & set(work.lessons) and not station.exists():
        context = work.context()
        write_whole(station, begun(context) if "station" in work.lessons else described(context))
    licence = folder / ("来源与许可.md" if work.lang == "zh" else "sources_and_licences.md")
    if not licence.exists():
        texts = [
            files("soilco2.teaching").joinpath(f"data/{name}/README.md").read_text(encoding="utf-8")
            for name in (data.SJER, data.AGUA)
        ]
        head = (
            "# 数据的来源与许可\n\nprofile.csv 是 SJER 数据的副本，植入了故障，不可作科研用途。\n\n"
            if work.lang == "zh"
            else "# Sources and licences of the data\n\nprofile.csv is a copy of SJER's data with faults planted; no use for science.\n\n"
        )
        write_whole(licence, head + "\n\n---\n\n".join(texts))


def task_sheet(work: Work) -> str:
    """The task sheet: lessons, tasks, class hours, and what the case does not supply."""
    zh = work.lang == "zh"
    level = LEVEL_NAMES[work.level][0 if zh else 1]
    out = [
        f"# 任务单：{level}\n\n姓名：{work.name or '________'}　　个人编号：{work.seed}\n"
        if zh
        else f"# Task sheet: {level}\n\nName: {work.name or '________'}　　personal seed: {work.seed}\n",
        "| 笔记本 | 内容 | 任务 | 学时 |\n| --- | --- | --- | --- |"
        if zh
        else "| notebook | content | tasks | class hours |\n| --- | --- | --- | --- |",
    ]
    for name in work.lessons:
        one = lesson(name)
        hours = one.hours[work.level]
        text = ", ".join(f"{BLOCK_NAMES[b][0 if zh else 1]} {amount:g}" for b, amount in hours.items())
        out.append(
            f"| `{one.file(work.lang)}` | {one.title[work.lang]} | {len(one.tasks(work.level))} | {text} |"
        )
    rows = "\n".join(
        f"| {BLOCK_NAMES[b.name][0 if zh else 1]} | {b.syllabus:.1f} | {b.supplied:.1f} | {b.elsewhere:.1f} |"
        for b in blocks(work)
    )
    out.append(
        f"\n## 学时（{level}不少于 {CLASS_HOURS[work.level]} 学时）\n\n| 模块 | 大纲 | 本案例 | 须在别处完成 |\n"
        f"| --- | --- | --- | --- |\n{rows}\n\n"
        "答案在笔记本里用 `notebook.check` 检查，随答随记；`soilco2 teach check` 全部重批一遍，`soilco2 teach progress` 看进度。\n"
        if zh
        else f"\n## Class hours ({level}: {CLASS_HOURS[work.level]} at least)\n\n| block | syllabus | this case | elsewhere |\n"
        f"| --- | --- | --- | --- |\n{rows}\n\n"
        "Answers are checked in the notebook with `notebook.check` and recorded as they are given; `soilco2 teach check` marks them "
        "all again, `soilco2 teach progress` shows how far you are.\n"
    )
    return "\n".join(out)
