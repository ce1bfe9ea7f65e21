"""A plan as a Word document."""

from __future__ import annotations

import re
from io import BytesIO
from typing import Any

from teaching.errors import TeachingError
from teaching.plan.document import Block, Document, Grid, Points

_LATIN, _EAST_ASIAN, _MONO = "Calibri", "Microsoft YaHei", "Consolas"
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
"""What XML 1.0 cannot hold; https://www.w3.org/TR/xml/#charsets."""
_PAGE_CM, _MARGIN_CM = (21.0, 29.7), 2.0


def new_document(lang: str) -> Any:
    """An empty A4 document whose styles have a Chinese font and no theme font in its way.

    Raises
    ------
    TeachingError
        When python-docx is not installed.
    """
    try:
        import docx
    except ImportError:
        raise TeachingError(
            "Word documents need the extra 'documents': pip install 'soilco2[documents]'; "
            "html and md need nothing more"
        ) from None
    from docx.oxml.ns import qn
    from docx.shared import Cm, Pt

    document = docx.Document()
    page = document.sections[0]
    page.page_width, page.page_height = (Cm(size) for size in _PAGE_CM)
    page.left_margin = page.right_margin = page.top_margin = page.bottom_margin = Cm(_MARGIN_CM)
    for name, size in (
        ("Normal", 10.5),
        ("Title", 20),
        ("Heading 1", 15),
        ("Heading 2", 12.5),
        ("List Bullet", 10.5),
    ):
        style = document.styles[name]
        style.font.name, style.font.size = _LATIN, Pt(size)
        fonts = style.element.get_or_add_rPr().get_or_add_rFonts()
        for theme in ("asciiTheme", "hAnsiTheme", "eastAsiaTheme", "cstheme"):
            fonts.attrib.pop(qn(f"w:{theme}"), None)
        fonts.set(qn("w:eastAsia"), _EAST_ASIAN)
    language = document.styles["Normal"].element.get_or_add_rPr()
    mark = language.makeelement(qn("w:lang"), {qn("w:val"): "en-GB", qn("w:eastAsia"): "zh-CN"})
    language.append(mark)
    document.core_properties.language = "zh-CN" if lang == "zh" else "en"
    document.core_properties.author = "soilco2"
    return document


def to_bytes(document: Any) -> bytes:
    """The file's bytes."""
    out = BytesIO()
    document.save(out)
    return out.getvalue()


def write_runs(paragraph: Any, text: str, size: float | None = None, bold: bool = False) -> None:
    """Text into a paragraph; what stands between backticks in a monospaced font."""
    from docx.shared import Pt

    whole = _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", text)
    for number, part in enumerate(re.split(r"`([^`]+)`", whole)):
        if not part:
            continue
        run = paragraph.add_run(part)
        run.bold = bold or None
        if number % 2:
            run.font.name = _MONO
        if size:
            run.font.size = Pt(size)


def write_grid(document: Any, block: Grid, size: float = 8.5) -> None:
    """A table whose head repeats on every page and whose rows stay whole."""
    from docx.oxml.ns import qn
    from docx.shared import Cm

    if block.caption:
        caption = document.add_paragraph()
        caption.paragraph_format.keep_with_next = True
        write_runs(caption, block.caption, 9.5, bold=True)
    columns = len(block.head)
    shares = block.widths or (1.0,) * columns
    width = _PAGE_CM[0] - 2 * _MARGIN_CM
    widths = [Cm(width * share / sum(shares)) for share in shares]
    table = document.add_table(rows=1 + len(block.rows), cols=columns, style="Table Grid")
    table.autofit = False
    for column, wide in zip(table.columns, widths, strict=True):
        column.width = wide
    for number, (row, cells) in enumerate(zip(table.rows, (block.head, *block.rows), strict=True)):
        properties = row._tr.get_or_add_trPr()
        properties.append(properties.makeelement(qn("w:cantSplit"), {}))
        if number == 0:
            properties.append(properties.makeelement(qn("w:tblHeader"), {}))
        for cell, text, wide in zip(row.cells, cells, widths, strict=True):
            cell.width = wide
            paragraph = cell.paragraphs[0]
            paragraph.paragraph_format.space_after = 0
            write_runs(paragraph, text, size, bold=number == 0)
            if number == 0:
                shade = cell._tc.get_or_add_tcPr()
                shade.append(shade.makeelement(qn("w:shd"), {qn("w:val"): "clear", qn("w:fill"): "EEF3F5"}))
    document.add_paragraph().paragraph_format.space_after = 0


def _block(document: Any, block: Block) -> None:
    if isinstance(block, Grid):
        write_grid(document, block)
    elif isinstance(block, Points):
        for item in block.items:
            write_runs(document.add_paragraph(style="List Bullet"), item)
    else:
        write_runs(document.add_paragraph(), block.text)


def to_docx(plan: Document) -> bytes:
    """The whole plan.

    Raises
    ------
    TeachingError
        When python-docx is not installed.
    """
    document = new_document(plan.lang)
    from docx.shared import Pt

    document.core_properties.title = plan.title
    document.add_paragraph(plan.title, style="Title")
    for key, value in plan.facts:
        paragraph = document.add_paragraph()
        paragraph.paragraph_format.space_after = Pt(2)
        write_runs(paragraph, f"{key}{'：' if plan.lang == 'zh' else ': '}", bold=True)
        write_runs(paragraph, value)
    for section in plan.sections:
        document.add_heading(f"{section.number} {section.title}", section.level)
        for block in section.blocks:
            _block(document, block)
    document.add_heading(plan.annex, 1)
    write_runs(document.add_paragraph(), plan.note)
    for line in plan.machine.split("\n"):
        paragraph = document.add_paragraph()
        paragraph.paragraph_format.space_after = 0
        run = paragraph.add_run(line)
        run.font.name, run.font.size = _MONO, Pt(6.5)
    return to_bytes(document)
