"""How far a trainee is: tasks done, time at work by syllabus block against class hours, and a record for the teacher."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from soilco2.station_config.times import iso
from soilco2.teaching.case.lesson_source import BLOCKS, lesson
from soilco2.teaching.case.work_folder import Work

CLASS_HOURS = {1: 36, 2: 40, 3: 48}
"""Class hours of the track's levels, at least."""
WEIGHTS = {
    1: {"background": 0.10, "basics": 0.25, "quantification": 0.40, "monitoring": 0.25},
    2: {"background": 0.10, "basics": 0.25, "quantification": 0.45, "monitoring": 0.20},
    3: {"background": 0.10, "basics": 0.25, "quantification": 0.40, "monitoring": 0.25},
}
"""Weight of each syllabus block in a level's examination; its class hours are counted by the same weight."""
BLOCK_NAMES = {
    "background": ("背景", "background"),
    "basics": ("基础", "basics"),
    "quantification": ("量化与报告", "quantification and reporting"),
    "monitoring": ("监测", "monitoring"),
}
LEVEL_NAMES = {1: ("初级", "level 1"), 2: ("中级", "level 2"), 3: ("高级", "level 3")}
CLASS_HOUR_MIN = 45.0
"""Minutes of a class hour."""
PAUSE_S = 15 * 60.0
"""A gap between two actions longer than this is a pause and does not count [s]."""


@dataclass(frozen=True)
class Block:
    """One syllabus block of a folder: class hours of the syllabus, of the case, and those worked."""

    name: str
    syllabus: float
    supplied: float
    worked: float

    @property
    def elsewhere(self) -> float:
        """Class hours that the case does not supply."""
        return max(0.0, self.syllabus - self.supplied)


def active_minutes(times: Iterable[float]) -> float:
    """Minutes at work from the moments of actions [s]: gaps up to `PAUSE_S` count, longer ones do not."""
    ordered = sorted(times)
    gaps = (later - earlier for earlier, later in pairwise(ordered))
    return sum(gap for gap in gaps if gap <= PAUSE_S) / 60.0


def minutes_by_lesson(work: Work) -> dict[str, float]:
    """Active minutes of each lesson of a folder."""
    times: dict[str, list[float]] = {}
    for row in work.record():
        times.setdefault(str(row.get("lesson", "")), []).append(float(row["at"]))
    return {name: active_minutes(times.get(name, [])) for name in work.lessons}


def blocks(work: Work) -> list[Block]:
    """Class hours by syllabus block; a lesson's time is shared out as its planned hours are."""
    minutes = minutes_by_lesson(work)
    supplied = dict.fromkeys(BLOCKS, 0.0)
    worked = dict.fromkeys(BLOCKS, 0.0)
    for name in work.lessons:
        hours = lesson(name).hours[work.level]
        total = sum(hours.values()) or 1.0
        for block, amount in hours.items():
            supplied[block] += amount
            worked[block] += minutes[name] / CLASS_HOUR_MIN * amount / total
    weights = WEIGHTS[work.level]
    return [Block(b, CLASS_HOURS[work.level] * weights[b], supplied[b], worked[b]) for b in BLOCKS]


@dataclass(frozen=True)
class Done:
    """What became of one task."""

    lesson: str
    task: str
    tries: int
    right: bool
    first_right: bool
    last_idea: str
    last_at: float


def done(work: Work) -> list[Done]:
    """Every task of the folder's level that stands on its data. Once right stays right."""
    from soilco2.teaching.case.answer_keys import task as task_of
    from soilco2.teaching.case.lesson_source import OWN_LESSON

    context = work.context()
    answers: dict[str, list[dict[str, Any]]] = {}
    for row in work.record():
        if row.get("kind") == "answer":
            answers.setdefault(str(row.get("task", "")), []).append(row)
    found = []
    for name in work.lessons:
        for task in lesson(name).tasks(work.level):
            rows = answers.get(task, [])
            if name == OWN_LESSON and task_of(task).away(context) is not None:
                continue
            found.append(
                Done(
                    name, task, len(rows), any(row.get("right") for row in rows),
                    bool(rows and rows[0].get("right")), str(rows[-1].get("idea", "")) if rows else "",
                    float(rows[-1]["at"]) if rows else 0.0,
                )
            )  # fmt: skip
    return found


def lines(work: Work) -> list[str]:
    """Progress in sentences."""
    zh = work.lang == "zh"
    minutes = minutes_by_lesson(work)
    rows = done(work)
    level = LEVEL_NAMES[work.level][0 if zh else 1]
    total, right = len(rows), sum(row.right for row in rows)
    out = [
        f"{work.name or work.path.name}，{level}：{total} 项任务完成 {right} 项"
        if zh
        else f"{work.name or work.path.name}, {level}: {right} of {total} tasks done"
    ]
    for name in work.lessons:
        mine = [row for row in rows if row.lesson == name]
        open_ones = [row.task for row in mine if not row.right]
        count = f"{sum(row.right for row in mine)}/{len(mine)}"
        title = lesson(name).title[work.lang]
        left = ("；未完成：" if zh else "; open: ") + ", ".join(open_ones) if open_ones else ""
        unit = "分钟" if zh else "min"
        out.append(f"  {count}  {title}  {minutes[name]:.0f} {unit}{left}")
    out.append(
        f"学时（1 学时按 {CLASS_HOUR_MIN:.0f} 分钟）："
        if zh
        else f"class hours (of {CLASS_HOUR_MIN:.0f} minutes):"
    )
    for block in blocks(work):
        name = BLOCK_NAMES[block.name][0 if zh else 1]
        out.append(
            f"  {name}：大纲 {block.syllabus:.1f}，本案例提供 {block.supplied:.1f}，已学 {block.worked:.1f}；"
            f"其余 {block.elsewhere:.1f} 学时须在别处完成"
            if zh
            else f"  {name}: syllabus {block.syllabus:.1f}, this case supplies {block.supplied:.1f}, worked "
            f"{block.worked:.1f}; the other {block.elsewhere:.1f} have to be had elsewhere"
        )
    return out


COLUMNS = (
    "name", "folder", "case", "level", "lang", "seed", "lesson", "task", "done", "first_try", "tries", "missed_idea",
    "last_answer_utc", "lesson_minutes", "tasks_done", "tasks", "class_hours_worked",
)  # fmt: skip


def _safe(text: str) -> str:
    """Text that a spreadsheet does not take for a formula."""
    return "'" + text if text[:1] in "=+-@\t\r" else text


def record_csv(works: Sequence[Work]) -> str:
    """The teacher's record: one row for each task of each trainee, as CSV that spreadsheets read."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for work in works:
        minutes = minutes_by_lesson(work)
        rows = done(work)
        hours = sum(block.worked for block in blocks(work))
        for row in rows:
            last = iso(int(row.last_at) * 1_000_000) if row.last_at else ""
            writer.writerow(
                [_safe(work.name), _safe(work.path.name), work.case, work.level, work.lang, work.seed, row.lesson, row.task,
                 int(row.right), int(row.first_right), row.tries, "" if row.right else row.last_idea, last,
                 f"{minutes[row.lesson]:.1f}", sum(one.right for one in rows), len(rows), f"{hours:.2f}"]
            )  # fmt: skip
    return out.getvalue()
