"""The documents tell what the code does."""

from __future__ import annotations

import re

import pytest

from soilco2.quality.checks import CHECKS, DEVICE, MANUAL
from soilco2.quality.corrections import CORRECTIONS
from soilco2.quality.frames import NAME as FRAME
from tests.paths import ROOT

DOCS = ROOT / "docs"


def rows(text: str, heading: str) -> list[list[str]]:
    """Cells of the first table under a heading."""
    part = text.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
    lines = [line for line in part.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


PAGES = [("quality_tests.md", "Tests", "any", "Corrections"), ("quality_tests.zh.md", "检验", "任意", "订正")]


@pytest.mark.parametrize(("page", "heading", "any_flag", "_"), PAGES)
def test_the_reference_lists_exactly_the_tests_of_the_code_with_their_flags(
    page: str, heading: str, any_flag: str, _: str
) -> None:
    text = (DOCS / "reference" / page).read_text(encoding="utf-8")
    listed = [(row[0].strip("`"), row[1]) for row in rows(text, heading)]
    assert listed == [(check.name, str(int(check.flag))) for check in CHECKS] + [(MANUAL, any_flag)]


@pytest.mark.parametrize(("page", "_", "__", "heading"), PAGES)
def test_the_reference_lists_exactly_the_corrections_of_the_code(
    page: str, _: str, __: str, heading: str
) -> None:
    text = (DOCS / "reference" / page).read_text(encoding="utf-8")
    assert tuple(row[0].strip("`") for row in rows(text, heading)) == CORRECTIONS


def test_the_page_has_words_for_every_test() -> None:
    words = (ROOT / "dashboards" / "live" / "static" / "words.js").read_text(encoding="utf-8")
    codes = set(re.findall(r"(\w+): \[", words.split("export const CODES", 1)[1]))
    assert {check.name for check in CHECKS} | {MANUAL, DEVICE, FRAME} <= codes


def test_both_languages_have_the_same_parts() -> None:
    shapes = []
    for name in ("quality.md", "quality.zh.md"):
        text = (DOCS / "concepts" / name).read_text(encoding="utf-8")
        shapes.append([match[1] for match in re.finditer(r"^(#+|\*|\d\.) ", text, re.MULTILINE)])
    assert shapes[0] == shapes[1]
    assert len(shapes[0]) > 15
