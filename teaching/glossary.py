"""The words of the training track: one for each meaning; notebooks, plans, page and questions are held to them."""

from __future__ import annotations

import re
from typing import NamedTuple


class Term(NamedTuple):
    """One meaning.

    Parameters
    ----------
    en, zh : str
        The words to use.
    also : tuple of str
        Words that an answer may use as well.
    never : str
        Pattern of Chinese words that must not stand for it in our own texts; empty when there is none.
    note : str
    """

    en: str
    zh: str
    also: tuple[str, ...] = ()
    never: str = ""
    note: str = ""


TERMS: tuple[Term, ...] = (
    Term("profile", "土壤剖面", ("剖面",), "", "not a layer; both are compared"),
    Term("layer", "土层", (), r"剖面层"),
    Term("mole fraction", "浓度（摩尔分数）", ("浓度", "摩尔分数"), r"(?:CO₂|CO2|二氧化碳)\s?含量(?!的监测)",
         "含量 in the title of the experiment only"),
    Term("volumetric water content", "体积含水率", ("体积含水量", "土壤水分", "含水率", "水分"), r"含水量"),
    Term("bulk electrical conductivity", "表观电导率", (), r"(?<!表观)(?<!℃ )(?<!孔隙水)(?<!浸提液)(?<!由)(?<!25℃)电导率", "never 电导率 alone"),
    Term("electrical conductivity at 25 °C", "25 ℃ 电导率"),
    Term("pore-water electrical conductivity", "孔隙水电导率"),
    Term("electrical conductivity of the saturation extract", "饱和浸提液电导率"),
    Term("salinity (from conductivity)", "盐分（由电导率换算）", ("盐分",), r"全盐量", "全盐量 (g/kg) is another thing"),
    Term("missing value", "缺测", (), r"缺失值|数据缺失"),
    Term("flag", "质量标识", ("标识",), r"质量标记|质量标志"),
    Term("effective sample size", "有效样本量", (), r"有效样本数|有效独立样本"),
    Term("carbon monitoring", "碳监测"),
    Term("monitoring plan", "监测计划", (), r"监测方案"),
    Term("data-quality assurance plan", "监测数据质量保证方案", ("质量保证方案",), r"质量保证计划"),
    Term("data quality control plan", "数据质量控制计划", (), r"质量控制方案", "the form; not one for the other"),
    Term("carbon monitoring management technology", "碳监测管理技术", (), r"碳监测管理技能"),
    Term("activity data", "活动数据", (), r"活动水平数据"),
    Term("emission factor", "排放因子", (), r"排放系数"),
)  # fmt: skip
"""Every term, after the track's table."""


def faults(text: str) -> list[str]:
    """Where a Chinese text uses another word than the glossary's: a sentence each.

    Parameters
    ----------
    text : str
        Of our own; what trainees write may use `Term.also`.
    """
    found = []
    for term in TERMS:
        if not term.never:
            continue
        for match in re.finditer(term.never, text):
            around = text[max(0, match.start() - 12) : match.end() + 12].replace("\n", " ")
            found.append(f"“{match[0]}”（…{around}…）：此处应写“{term.zh}”")
    return found
