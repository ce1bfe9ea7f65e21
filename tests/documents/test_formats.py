"""Word, HTML and Markdown: well formed, complete, tables whole."""

from __future__ import annotations

import re
import zipfile
from datetime import date
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path
from xml.etree import ElementTree

import docx
import pytest

from soilco2.documents.document import Document, Grid
from soilco2.documents.formats.html import to_html
from soilco2.documents.formats.markdown import to_markdown
from soilco2.documents.formats.word import to_docx
from soilco2.documents.monitoring import monitoring_plan
from soilco2.documents.quality import quality_plan
from tests.documents.stations import FULL, station

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
WRITERS = {"monitoring": monitoring_plan, "quality": quality_plan}


@pytest.fixture(params=[(kind, lang) for kind in WRITERS for lang in ("en", "zh")], ids="-".join)
def plan(request: pytest.FixtureRequest, tmp_path: Path) -> Document:
    kind, lang = request.param
    return WRITERS[kind](station(tmp_path), lang, date(2026, 7, 1))


def _grids(plan: Document) -> list[Grid]:
    return [block for section in plan.sections for block in section.blocks if isinstance(block, Grid)]


def test_every_row_of_a_table_has_a_cell_for_each_head(plan: Document) -> None:
    grids = _grids(plan)
    assert len(grids) > 8
    for grid in grids:
        assert grid.rows
        assert {len(row) for row in grid.rows} == {len(grid.head)}
        assert not grid.widths or len(grid.widths) == len(grid.head)
        assert all(cell.strip() for row in (grid.head, *grid.rows) for cell in row)


def test_word_holds_whole_tables_that_fit_the_page(plan: Document) -> None:
    with zipfile.ZipFile(BytesIO(to_docx(plan))) as package:
        assert package.testzip() is None
        body = ElementTree.fromstring(package.read("word/document.xml"))
        styles = ElementTree.fromstring(package.read("word/styles.xml"))
    fonts = [f for f in styles.iter(W + "rFonts") if f.get(W + "eastAsia") == "Microsoft YaHei"]
    assert len(fonts) >= 5  # without an East Asian font of its own Word takes one per machine
    tables = list(body.iter(W + "tbl"))
    grids = _grids(plan)
    assert len(tables) == len(grids)
    for table, grid in zip(tables, grids, strict=True):
        wide = [int(c.get(W + "w", "0")) for c in table.find(W + "tblGrid")]  # type: ignore[union-attr]
        assert len(wide) == len(grid.head)
        assert min(wide) > 500  # twentieths of a point: about 9 mm, three Chinese characters
        assert sum(wide) <= 17 / 2.54 * 1440 + len(wide)
        rows = table.findall(W + "tr")
        assert len(rows) == len(grid.rows) + 1
        assert rows[0].find(f"{W}trPr/{W}tblHeader") is not None
        for row, cells in zip(rows, (grid.head, *grid.rows), strict=True):
            assert row.find(f"{W}trPr/{W}cantSplit") is not None
            found = ["".join(_said(cell)) for cell in row.findall(W + "tc")]
            assert found == [text.replace("`", "") for text in cells]
            for cell, width in zip(row.findall(W + "tc"), wide, strict=True):
                assert abs(int(cell.find(f"{W}tcPr/{W}tcW").get(W + "w", "0")) - width) <= 1  # type: ignore[union-attr]


def _said(cell: ElementTree.Element) -> list[str]:
    return [
        "\n" if part.tag == W + "br" else part.text or ""
        for part in cell.iter()
        if part.tag in (W + "t", W + "br")
    ]


def test_word_is_read_back_with_headings_in_order(plan: Document) -> None:
    read = docx.Document(BytesIO(to_docx(plan)))
    headings = [
        p.text for p in read.paragraphs if p.style is not None and (p.style.name or "").startswith("Heading")
    ]
    assert headings == [*(f"{s.number} {s.title}" for s in plan.sections), plan.annex]
    assert read.core_properties.language == ("zh-CN" if plan.lang == "zh" else "en")


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.faults: list[str] = []
        self.cells: list[str] = []
        self.tables = 0

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tables += tag == "table"
        if tag in ("td", "th"):
            self.cells.append("")
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.faults.append(tag)

    def handle_data(self, data: str) -> None:
        if self.open and ("td" in self.open or "th" in self.open):
            self.cells[-1] += data


def test_html_is_closed_and_complete(plan: Document) -> None:
    text = to_html(plan)
    page = _Tags()
    page.feed(text)
    assert (page.open, page.faults) == ([], [])
    assert page.tables == len(_grids(plan))
    wanted = [cell for grid in _grids(plan) for row in (grid.head, *grid.rows) for cell in row]
    assert page.cells == [cell.replace("`", "").replace("\n", "") for cell in wanted]
    assert "http" not in text.split("</head>")[0]  # nothing is fetched


def test_markdown_rows_have_one_bar_more_than_cells(plan: Document) -> None:
    text = to_markdown(plan)
    for grid in _grids(plan):
        start = text.index(f"**{grid.caption}**\n")
        lines = text[start:].split("\n")[2 : 4 + len(grid.rows)]
        assert {line.replace("\\|", "").count("|") for line in lines} == {len(grid.head) + 1}


def test_no_name_or_number_is_broken_in_its_column(plan: Document) -> None:
    """At 8.5 points a monospaced letter takes 5.1 points, a digit 4.8, and a cell's margins 10.8."""
    for grid in _grids(plan):
        shares = grid.widths or (1.0,) * len(grid.head)
        for title, share in zip(grid.head, shares, strict=True):
            room = 17 / 2.54 * 72 * share / sum(shares) - 10.8
            for name in re.findall(r"[a-z]+", title):  # bold letters take 5 points on the average
                assert len(name) * 5.0 <= room, (grid.caption, name)
        for row in grid.rows:
            for cell, share in zip(row, shares, strict=True):
                room = 17 / 2.54 * 72 * share / sum(shares) - 10.8
                for name in re.findall(r"`([^`]+)`", cell):
                    assert max(map(len, re.split(r"[-/ ]", name))) * 5.1 <= room, (grid.caption, name)
                for digits in re.findall(r"\d+", cell):
                    assert len(digits) * 4.8 <= room, (grid.caption, digits)


def test_no_word_of_a_head_is_broken_in_word_with_a_wide_font(plan: Document) -> None:
    """DejaVu Sans Bold, which LibreOffice takes where there is no Calibri: 0.72 em a letter on the average, so 6.1 points."""
    file = docx.Document(BytesIO(to_docx(plan)))
    assert len(file.tables) == len(_grids(plan))
    for table, grid in zip(file.tables, _grids(plan), strict=True):
        wide = [column.width.pt for column in table.columns]
        assert sum(wide) <= 17 / 2.54 * 72 + 1, grid.caption
        for title, room in zip(grid.head, wide, strict=True):
            for name in re.findall(r"[!-~]+", title):
                assert len(name) * 6.1 <= room - 10.8, (grid.caption, name)


def test_what_a_file_says_is_never_taken_for_markup(tmp_path: Path) -> None:
    text = FULL.replace("Dune between two shrubs.", "a | b <script>alert(1)</script>\\u0007")
    document = monitoring_plan(station(tmp_path, text), "en", date(2026, 7, 1))
    assert "<script>" not in to_html(document)
    assert "a \\| b" in to_markdown(document)
    read = docx.Document(BytesIO(to_docx(document)))
    assert any("<script>" in cell.text for table in read.tables for row in table.rows for cell in row.cells)
