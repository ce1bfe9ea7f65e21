"""A plan as one HTML page that needs nothing else and prints well."""

from __future__ import annotations

import re
from html import escape

from soilco2.documents.document import Block, Document, Grid, Points

_STYLE = """
body { font: 15px/1.6 "Noto Sans", "Noto Sans CJK SC", "Microsoft YaHei", "PingFang SC", sans-serif; color: #1d2327;
       max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.8rem; } h2 { margin-top: 2.2rem; border-bottom: 1px solid #c8d0d6; } dt { font-weight: 600; float: left;
       clear: left; min-width: 11rem; } dd { margin-left: 12rem; }
table { border-collapse: collapse; width: 100%; margin: .3rem 0 1.2rem; font-size: .86rem; }
caption { text-align: left; font-weight: 600; padding: .3rem 0; }
th, td { border: 1px solid #b9c3ca; padding: .25rem .45rem; text-align: left; vertical-align: top; overflow-wrap: anywhere; }
th { background: #eef3f5; } pre { font-size: .68rem; white-space: pre-wrap; overflow-wrap: anywhere; }
@media print { thead { display: table-header-group; } tr { break-inside: avoid; } h2, h3 { break-after: avoid; } }
"""


def to_html(document: Document) -> str:
    """The whole document."""
    language = "zh-CN" if document.lang == "zh" else "en"
    parts = [
        f'<!doctype html>\n<html lang="{language}">\n<head>\n<meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width">',
        f"<title>{escape(document.title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>",
        f"<h1>{escape(document.title)}</h1>\n<dl>",
        *(f"<dt>{escape(key)}</dt><dd>{_text(value)}</dd>" for key, value in document.facts),
        "</dl>",
    ]
    for section in document.sections:
        tag = f"h{section.level + 1}"
        parts.append(f"<{tag}>{section.number} {escape(section.title)}</{tag}>")
        parts += [_block(block) for block in section.blocks]
    parts += [
        f"<h2>{escape(document.annex)}</h2>\n<p>{_text(document.note)}</p>",
        f'<pre id="soilco2-plan">\n{escape(document.machine)}\n</pre>\n</body>\n</html>\n',
    ]
    return "\n".join(parts)


def _text(text: str) -> str:
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text)).replace("\n", "<br>")


def _block(block: Block) -> str:
    if isinstance(block, Grid):
        head = "".join(f'<th scope="col">{_text(cell)}</th>' for cell in block.head)
        rows = "\n".join(
            "<tr>" + "".join(f"<td>{_text(cell)}</td>" for cell in row) + "</tr>" for row in block.rows
        )
        return (
            f"<table>\n<caption>{_text(block.caption)}</caption>\n<thead><tr>{head}</tr></thead>\n"
            f"<tbody>\n{rows}\n</tbody>\n</table>"
        )
    if isinstance(block, Points):
        return "<ul>\n" + "\n".join(f"<li>{_text(item)}</li>" for item in block.items) + "\n</ul>"
    return f"<p>{_text(block.text)}</p>"
