"""Lesson "plan": marking."""

from __future__ import annotations

import re
from functools import partial
from typing import Any

from soilco2.station_config.base import Names
from soilco2.teaching.case.answer_keys.station import _station
from soilco2.teaching.case.answers import is_empty
from soilco2.teaching.case.drills import FILE, described
from soilco2.teaching.case.marking import RIGHT, Context, Task, Verdict, Words, Wrong, choice, number, unread

FORM: Words = (f'"{FILE}"', f'"{FILE}"')
PLAN = """
[plan]
purpose = { zh = "不同土层 CO₂ 浓度随温度和水分的变化", en = "How CO2 of the layers goes with temperature and water" }
questions = [{ zh = "日内与日际的符号是否相同？", en = "Is the sign the same within the day and from day to day?" }]
boundary = { zh = "剖面 p004，0.03–0.21 m；植物地上部分不在内", en = "Profile p004, 0.03 to 0.21 m; plants above ground are outside" }
visit_every = "14d"
backup = { zh = "每夜备份", en = "Backed up every night" }
safety = { zh = "两人同行", en = "Two people together" }
completeness_target = 0.9
revision = [{ version = "1.0", date = 2022-06-01, change = { zh = "首版", en = "First version" } }]

[[people]]
name = { zh = "技术室", en = "Technicians" }
role = "technician"

[[people]]
name = { zh = "数据室", en = "Data office" }
role = "data-manager"
"""
"""What only people know, for the practice station."""
_KEYS: tuple[tuple[str, Words], ...] = (
    ("purpose", ("还没有写目的（[plan] purpose）：为什么监测。", "The purpose is missing ([plan] purpose): what the monitoring is for.")),
    ("boundary", ("还没有写边界（[plan] boundary）：什么在内、什么在外。", "The boundary is missing ([plan] boundary): what is inside, what outside.")),
    ("visit_every", ("还没有写巡检间隔（[plan] visit_every）。", "The interval of visits is missing ([plan] visit_every).")),
    ("revision", ("还没有写版本及修订（[plan] revision）。", "Version and revision are missing ([plan] revision).")),
)  # fmt: skip


def right_file(context: Context) -> str:
    """The practice station with its plan."""
    return described(context) + PLAN


def _written(value: Any) -> bool:
    """Whether something was written: the dots of the pattern are nothing yet."""
    if isinstance(value, Names):
        return not is_empty(value.en) or not is_empty(value.zh)
    return bool(value)


def mark_file(context: Context, answer: Any) -> Verdict:
    """The tables of the plan in the station file, one thing at a time."""
    if not isinstance(answer, str):
        return unread(FORM)
    station, fault = _station(context, answer)
    if station is None:
        return Verdict(False, "file", fault)
    plan = station.file.plan
    for key, words in _KEYS:
        if plan is None or not _written(getattr(plan, key)):
            return Verdict(False, key, words)
    roles = {person.role for person in station.file.people if _written(person.name)}
    for role, zh in (("technician", "技术员"), ("data-manager", "数据管理员")):
        if role not in roles:
            return Verdict(False, "people", (f"还没有人负责：缺 {zh}（[[people]] role = \"{role}\"）。",
                                             f"Nobody is responsible: a {role} is missing ([[people]] role = \"{role}\")."))  # fmt: skip
    return RIGHT._replace(
        words=("对：计划里只有人知道的部分都写了。", "Right: what only people know is there.")
    )


def _without(piece: str, context: Context) -> str:
    lines = [line for line in right_file(context).splitlines() if not line.startswith(piece)]
    return "\n".join(lines) + "\n"


def _dots(context: Context) -> str:
    """The pattern of the lesson, not filled in."""
    return re.sub(r"(?m)^purpose = .*$", 'purpose = "……"', right_file(context))


def _nobody(context: Context) -> str:
    return right_file(context).rpartition("[[people]]")[0]


TASKS: tuple[Task, ...] = (
    choice(
        "plan-two",
        "C",
        {
            "A": ("计划先行：没有计划，不知道数据够不够。", "The plan comes first: without it nobody knows whether the data suffice."),
            "B": ("监测计划写测什么、为什么；质量保证方案写怎样保证数据可信：是两份文件。", "The monitoring plan says what and why; the quality plan says how data are kept trustworthy: two documents."),
            "D": ("数据质量控制计划是一种表式；监测数据质量保证方案按它的五个部分来写，两个名称不能互换。",
                  "The data quality control plan is a form; the quality-assurance plan follows its five parts, and the names are not exchanged."),
        },
        ("监测计划引用质量保证方案；后者按数据质量控制计划的五个部分编排。", "The monitoring plan refers to the quality-assurance plan, which follows the five parts of the form."),
    ),
    Task(
        "plan-file",
        mark_file,
        right_file,
        (
            Wrong("purpose", partial(_without, "purpose"), _KEYS[0][1]),
            Wrong("purpose", _dots, _KEYS[0][1]),
            Wrong("boundary", partial(_without, "boundary"), _KEYS[1][1]),
            Wrong("visit_every", partial(_without, "visit_every"), _KEYS[2][1]),
            Wrong("revision", partial(_without, "revision"), _KEYS[3][1]),
            Wrong("people", _nobody, ("缺数据管理员。", "A data manager is missing.")),
        ),
        FORM,
    ),
    number(
        "plan-complete",
        lambda _c: 100 * 43 / 48,
        "%",
        ('"75 %"', '"75 %"'),
        [
            Wrong("received", lambda _c: "93.75 %", ("这是收到的；标识为坏的 2 个不可用。", "Those were received; two of them are flagged bad and cannot be used.")),
            Wrong("of-received", lambda _c: "95.56 %", ("分母应是应有的 48 个，不是收到的 45 个。", "Divide by the 48 there should be, not by the 45 that came.")),
        ],
        ("可用的 ÷ 应有的。", "Usable over expected."),
        relative=0.0,
        absolute=0.5,
        right=("对：低于目标 90 %，计划与实际一章会写明缺在哪里。", "Right: below the target of 90 %, and the chapter planned against achieved says what is missing."),
    ),
    choice(
        "plan-parted",
        "B",
        {
            "A": ("台站按文件运行；只改计划，两者还是不一致。", "The station runs by its file; changing the plan alone leaves them apart."),
            "C": ("计划与台站不一致，数据就说不清是按什么测的。", "With plan and station apart nobody can say how the data were measured."),
            "D": ("改了什么、为什么改，要留下记录。", "What was changed and why must stay on record."),
        },
        ("先定哪个对，再改台站文件，在 revision 里写明改了什么、为什么，重新出一版。",
         "Decide which is right, change the station file, write what and why under revision, and make a new version."),
    ),
    choice(
        "plan-missing",
        "BC",
        {
            "A": ("补上的数不是测到的；即使补，也要标明方法和区间。", "Filled numbers were not measured; if ever, then with method and interval."),
            "B": ("缺测规则要事先写好。", "The rule for missing data is written beforehand."),
            "C": ("原因不同，处理不同。", "Another cause needs another treatment."),
            "D": ("按有值的时刻取平均会偏：缺的往往正是下雨和断电的时候。", "A mean of what is there is biased: what is missing is often rain and power cuts."),
        },
        ("先写规则，再按原因统计缺测。", "First the rule, then missing values by cause."),
        several=True,
    ),
    number(
        "plan-parts",
        lambda _c: 5.0,
        "1",
        ('"3"', '"3"'),
        [
            Wrong("four", lambda _c: 4, ("版本及修订也是一部分。", "Version and revision are a part too.")),
            Wrong("six", lambda _c: 6, ("数据的确定方式对每个参数各写一遍，但仍是一个部分。", "How data are determined is told for each parameter, but is one part.")),
        ],
        ("数一数质量保证方案里的“第…部分”。", "Count the parts named in the quality-assurance plan."),
        relative=0.0,
    ),
)  # fmt: skip
