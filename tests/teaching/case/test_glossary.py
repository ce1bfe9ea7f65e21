"""One word for each meaning, in everything that stations and trainees read in Chinese."""

from __future__ import annotations

from pathlib import Path

import pytest

from soilco2.station_config.variables import VARIABLES
from soilco2.teaching.glossary import TERMS, faults
from tests.paths import ROOT

READ = sorted(
    path
    for pattern in (
        "teaching/notebooks/*.lesson", "teaching/case/**/*.py", "documents/**/*.py", "teaching/questions/**/*.py",
        "dashboards/live/static/i18n.js", "dashboards/grafana/*.py", "station_config/variables.py", "docs/howto/*.zh.md",
        "analysis/**/*.py",
    )
    for path in ROOT.glob(pattern)
)  # fmt: skip


@pytest.mark.parametrize("path", READ, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_text_uses_the_words_of_the_glossary(path: Path) -> None:
    assert faults(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "text",
    [
        "土壤电导率升高",
        "CO₂ 含量随深度增加",
        "有效样本数为 7",
        "体积含水量 0.05",
        "质量标记为坏",
        "数据缺失两天",
        "全盐量 2 g/L",
        "碳监测管理技能",
    ],
)
def test_a_word_that_is_not_the_glossarys_is_found(text: str) -> None:
    assert len(faults(text)) == 1


def test_the_title_of_the_experiment_may_stay() -> None:
    assert faults("实验项目：土壤不同剖面 CO₂ 含量的监测") == []
    assert faults("表观电导率、25 ℃ 电导率、孔隙水电导率、盐分（由电导率换算）") == []


def test_variables_are_named_as_in_the_glossary() -> None:
    zh = {term.zh for term in TERMS}
    for name in ("soil_water", "bulk_ec", "ec25", "pore_ec", "salinity"):
        assert VARIABLES[name].name_zh in zh, name
    assert VARIABLES["co2"].name_zh.endswith("浓度（摩尔分数）")
