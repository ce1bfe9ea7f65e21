"""The documents tell what the code does."""

from __future__ import annotations

import re

from soilco2.quality.checks import CHECKS, MANUAL
from soilco2.quality.corrections import CORRECTIONS
from tests.paths import ROOT

DOCS = ROOT / "docs"


def rows(text: str, heading: str) -> list[list[str]]:
    """Cells of the first table under a heading."""
    part = text.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
    lines = [line for line in part.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_the_reference_lists_exactly_the_tests_of_the_code_with_their_flags() -> None:
    text = (DOCS / "reference" / "quality_tests.md").read_text(encoding="utf-8")
    listed = [(row[0].strip("`"), row[1]) for row in rows(text, "Tests")]
    assert listed == [(check.name, str(int(check.flag))) for check in CHECKS] + [(MANUAL, "any")]


def test_the_reference_lists_exactly_the_corrections_of_the_code() -> None:
    text = (DOCS / "reference" / "quality_tests.md").read_text(encoding="utf-8")
    assert tuple(row[0].strip("`") for row in rows(text, "Corrections")) == CORRECTIONS


def test_both_languages_have_the_same_parts() -> None:
    shapes = []
    for name in ("quality.md", "quality.zh.md"):
        text = (DOCS / "concepts" / name).read_text(encoding="utf-8")
        shapes.append([match[1] for match in re.finditer(r"^(#+|\*|\d\.) ", text, re.MULTILINE)])
    assert shapes[0] == shapes[1]
    assert len(shapes[0]) > 15
