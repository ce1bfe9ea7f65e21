"""The numbers of the teacher's page are those of the program."""

from __future__ import annotations

import pytest

from soilco2.teaching.case.lesson_source import BLOCKS, lessons
from soilco2.teaching.case.progress import BLOCK_NAMES, CLASS_HOUR_MIN, CLASS_HOURS, PAUSE_S, WEIGHTS
from tests.paths import ROOT

HOWTO = ROOT / "docs" / "howto"


@pytest.mark.parametrize(("name", "place"), [("class.zh.md", 0), ("class.md", 1)])
def test_class_hours(name: str, place: int) -> None:
    text = (HOWTO / name).read_text(encoding="utf-8")
    for block in BLOCKS:
        cells = []
        for level in (1, 2, 3):
            all_of = CLASS_HOURS[level] * WEIGHTS[level][block]
            ours = sum(one.hours[level].get(block, 0) for one in lessons())
            cells.append(f"{all_of:g} 中的 {ours:g}" if place == 0 else f"{ours:g} of {all_of:g}")
        assert f"| {BLOCK_NAMES[block][place]} | {' | '.join(cells)} |" in text
    assert f"{CLASS_HOUR_MIN:.0f} " in text
    assert f"{PAUSE_S / 60:.0f} " in text
