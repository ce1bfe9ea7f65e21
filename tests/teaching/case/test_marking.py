"""Marking: the right answer in any form, and each typical mistake with the idea it misses."""

from __future__ import annotations

import pytest

from soilco2.teaching.case.answer_keys import task, tasks
from soilco2.teaching.case.lesson_source import OWN_LESSON, lesson, lessons
from soilco2.teaching.case.marking import Context

SEEDS = (1, 5, 77)


@pytest.fixture(scope="module", params=[(lang, level, seed) for lang, level, seed in
                                        (("zh", 1, 1), ("en", 2, 5), ("zh", 3, 77))])  # fmt: skip
def context(request: pytest.FixtureRequest) -> Context:
    return Context(*request.param)


def test_every_task_of_a_lesson_has_its_marking_and_the_other_way() -> None:
    every = (*lessons(), lesson(OWN_LESSON))
    named = {name for one in every for level in (1, 2, 3) for name in one.tasks(level)}
    assert named == set(tasks())


def test_right_answers_are_right(context: Context) -> None:
    for one in lessons():
        for name in one.tasks(context.level):
            marking = task(name)
            verdict = marking.mark(context, marking.right(context))
            assert verdict.right, (name, marking.right(context), verdict)


def test_typical_mistakes_are_refused_with_their_own_idea(context: Context) -> None:
    for one in lessons():
        for name in one.tasks(context.level):
            marking = task(name)
            assert marking.wrong, f"{name} lists no typical mistake"
            for wrong in marking.wrong:
                verdict = marking.mark(context, wrong.value(context))
                assert not verdict.right, (name, wrong.idea, wrong.value(context))
                assert verdict.idea == wrong.idea, (name, wrong.idea, verdict)
                assert all(verdict.words)


def test_what_cannot_be_read_is_told_its_form(context: Context) -> None:
    for one in lessons():
        for name in one.tasks(context.level):
            verdict = task(name).mark(context, "??? 不知道")
            assert not verdict.right
            assert verdict.words[0]


@pytest.mark.parametrize(
    ("name", "answers"),
    [
        ("read-depth", ["18 cm", "0.18 m", "0.18", 0.18, "18厘米", "约 18 cm", "180 mm", "０．１８ｍ"]),
        (
            "read-unit",
            [
                0.219,
                "0.2188",
                "百分之0.219",
                "2187.64 ppm",
                "0.219 %",
                "0.22%",
                "2188 ppm",
                "2.19e3 ppm",
                "2187.6 µmol mol⁻¹",
                "百分数：0.2188 %",
            ],
        ),
        ("read-ratio", ["2.83", 2.83, "2.8", "2.83 倍", "x = 2.83"]),
        ("read-complete", ["95 %", "95.2%", 95.2, "95.21 %"]),
        ("read-hour", ["16.8 h", "16.8", 16.77, "16.5 小时", "17 h"]),
        ("read-flag", ["C", "c", "Ｃ", "选C", "C. 保留原值"]),
    ],
)
def test_any_sensible_form(name: str, answers: list[object]) -> None:
    context = Context("en", 1, 5)
    for answer in answers:
        assert task(name).mark(context, answer).right, (name, answer)


def test_faults_in_the_other_language_and_form() -> None:
    context = Context("zh", 1, 5)  # the five of seed 5, as they were planted
    assert (
        task("read-faults")
        .mark(
            context,
            "卡死，CO2，8 cm，6月5日；哨兵值，温度，0.27 m，6月9日；单位，温度，47厘米，June 20；互换，co₂，3 cm，6月25日；时钟，温度，7cm，06-14",
        )
        .right
    )
