"""A plan as a Word document."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape
from io import BytesIO
from itertools import zip_longest
from typing import Any

from soilco2.documents.document import Block, Document, Grid, Points
from soilco2.documents.errors import DocumentError
from soilco2.station_config.extras import how_to_add
from soilco2.station_config.message import Message

_LATIN, _EAST_ASIAN, _MONO = "Calibri", "Microsoft YaHei", "Consolas"
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
"""What XML 1.0 cannot hold; https://www.w3.org/TR/xml/#charsets."""
_PAGE_CM, _MARGIN_CM = (21.0, 29.7), 2.0
_CELL_TWIPS = 45
"""Room above and below the text of a cell [1/1440 inch]."""
_LINE = 1.4
"""Height of a cell's line in sizes of its letters, the same whether it holds Chinese or not."""
_BOLD_EM, _BODY_EM = 0.72, 0.62
"""Mean width of a letter [em] in a wide font, such as stands in where Word's own is not there."""
_SIDE_TWIPS = 108
"""Room left and right of a cell's text [1/1440 inch], as Word has it."""


def new_document(lang: str) -> Any:
    """An empty A4 document whose styles have a Chinese font and no theme font in its way.

    Raises
    ------
    DocumentError
        When python-docx is not installed.
    """
    try:
        import docx
    except ImportError:
        raise DocumentError(
            Message(
                "Word documents need the extra 'documents' (html and md do not): {remedy}",
                remedy=how_to_add("documents"),
            )
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
    """A table whose head repeats on every page, whose rows stay whole and whose lines are of one height.

    It is written as the XML it becomes: a plan has thousands of cells, and python-docx takes a millisecond for each.
    """
    from docx.oxml import parse_xml
    from docx.oxml.ns import nsdecls

    if block.caption:
        caption = document.add_paragraph()
        caption.paragraph_format.keep_with_next = True
        write_runs(caption, block.caption, 9.5, bold=True)
    shares = block.widths or (1.0,) * len(block.head)
    width = (_PAGE_CM[0] - 2 * _MARGIN_CM) / 2.54 * 1440
    widths = _room_for_words(block, [width * share / sum(shares) for share in shares], size)
    room = "".join(f'<w:{side} w:w="{_CELL_TWIPS}" w:type="dxa"/>' for side in ("top", "bottom"))
    columns = "".join(f'<w:gridCol w:w="{wide}"/>' for wide in widths)
    rows = "".join(
        _row(cells, widths, size, head=number == 0) for number, cells in enumerate((block.head, *block.rows))
    )
    table = parse_xml(
        f'<w:tbl {nsdecls("w")}><w:tblPr><w:tblStyle w:val="TableGrid"/><w:tblW w:type="auto" w:w="0"/>'
        f'<w:tblLayout w:type="fixed"/><w:tblCellMar>{room}</w:tblCellMar><w:tblLook w:val="04A0"/></w:tblPr>'
        f"<w:tblGrid>{columns}</w:tblGrid>{rows}</w:tbl>"
    )
    document.element.body.sectPr.addprevious(table)
    document.add_paragraph().paragraph_format.space_after = 0


def _room_for_words(block: Grid, widths: Sequence[float], size: float) -> list[int]:
    """Column widths [1/1440 inch] at which no word of the head is broken; the others give what they can spare."""

    def least(texts: Sequence[str], word: str, em: float) -> float:
        return 20 * size * em * max((len(one) for text in texts for one in re.findall(word, text)), default=0)

    heads = [least([text], r"[!-~]+", _BOLD_EM) + 2 * _SIDE_TWIPS for text in block.head]
    short = sum(max(0.0, need - wide) for need, wide in zip(heads, widths, strict=True))
    if not short:
        return list(map(int, widths))
    columns = zip(*block.rows, strict=True) if block.rows else [()] * len(heads)
    bodies = [least(column, r"[^\W_]+", _BODY_EM) + 2 * _SIDE_TWIPS for column in columns]
    spare = [max(0.0, wide - max(pair)) for wide, *pair in zip(widths, heads, bodies, strict=True)]
    part = min(1.0, short / sum(spare)) if any(spare) else 0.0
    return [int(max(need, wide) - part * over) for need, wide, over in zip(heads, widths, spare, strict=True)]


def _row(cells: Sequence[str], widths: Sequence[int], size: float, *, head: bool) -> str:
    """One row in XML."""
    shade = '<w:shd w:val="clear" w:color="auto" w:fill="EEF3F5"/>' if head else ""
    line = round(size * _LINE * 20)
    form = f'{"<w:keepNext/>" * head}<w:spacing w:before="0" w:after="0" w:line="{line}" w:lineRule="exact"/>'
    made = "".join(
        f'<w:tc><w:tcPr><w:tcW w:type="dxa" w:w="{wide}"/>{shade}</w:tcPr>'
        f"<w:p><w:pPr>{form}</w:pPr>{_runs(text, size, bold=head)}</w:p></w:tc>"
        for text, wide in zip(cells, widths, strict=True)
    )
    return f"<w:tr><w:trPr><w:cantSplit/>{'<w:tblHeader/>' * head}</w:trPr>{made}</w:tr>"


def _runs(text: str, size: float, *, bold: bool) -> str:
    """Text in XML; what stands between backticks in a monospaced font."""
    made = []
    for number, part in enumerate(
        re.split(r"`([^`]+)`", _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", text))
    ):
        if not part:
            continue
        font = f'<w:rFonts w:ascii="{_MONO}" w:hAnsi="{_MONO}"/>' if number % 2 else ""
        lines = "<w:br/>".join(f'<w:t xml:space="preserve">{escape(line)}</w:t>' for line in part.split("\n"))
        made.append(
            f'<w:r><w:rPr>{font}{"<w:b/>" * bold}<w:sz w:val="{round(2 * size)}"/></w:rPr>{lines}</w:r>'
        )
    return "".join(made)


def _block(document: Any, block: Block, *, followed: bool) -> None:
    """One block; a paragraph that is `followed` by a list or table stays on its page."""
    if isinstance(block, Grid):
        write_grid(document, block)
    elif isinstance(block, Points):
        for item in block.items:
            write_runs(document.add_paragraph(style="List Bullet"), item)
    else:
        paragraph = document.add_paragraph()
        paragraph.paragraph_format.keep_with_next = followed
        write_runs(paragraph, block.text)


def to_docx(plan: Document) -> bytes:
    """The whole plan.

    Raises
    ------
    DocumentError
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
        for block, after in zip_longest(section.blocks, section.blocks[1:]):
            _block(document, block, followed=isinstance(after, Points | Grid))
    document.add_heading(plan.annex, 1)
    write_runs(document.add_paragraph(), plan.note)
    for line in plan.machine.split("\n"):
        paragraph = document.add_paragraph()
        paragraph.paragraph_format.space_after = 0
        run = paragraph.add_run(line)
        run.font.name, run.font.size = _MONO, Pt(6.5)
    return to_bytes(document)
