"""A plan as Markdown."""

from __future__ import annotations

from soilco2.documents.document import Block, Document, Grid, Points


def to_markdown(document: Document) -> str:
    """The whole document; tables as GitHub reads them."""
    lines = [f"# {document.title}", ""]
    lines += [f"* **{key}**: {value}" for key, value in document.facts]
    for section in document.sections:
        lines += ["", f"{'#' * (section.level + 1)} {section.number} {section.title}"]
        for block in section.blocks:
            lines += ["", *_lines(block)]
    lines += ["", f"## {document.annex}", "", document.note, "", "```text", document.machine, "```", ""]
    return "\n".join(lines)


def _lines(block: Block) -> list[str]:
    if isinstance(block, Grid):
        rows = [block.head, ("---",) * len(block.head), *block.rows]
        return [f"**{block.caption}**", "", *("| " + " | ".join(map(_cell, row)) + " |" for row in rows)]
    if isinstance(block, Points):
        return [f"* {item}" for item in block.items]
    return [block.text]


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", "<br>")
