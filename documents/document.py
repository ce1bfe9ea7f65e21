"""What a plan is made of: sections with paragraphs, lists and tables, whatever they are written as."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Plain text."""

    text: str


@dataclass(frozen=True, slots=True)
class Points:
    """A list."""

    items: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Grid:
    """A table; `widths` are shares of the page's width, equal when left out."""

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    widths: tuple[float, ...] = ()


Block = Paragraph | Points | Grid


@dataclass(slots=True)
class Section:
    """A titled part; `number` such as ``"3"`` or ``"3.2"``."""

    number: str
    title: str
    blocks: list[Block] = field(default_factory=list)

    @property
    def level(self) -> int:
        """1 for a chapter, 2 for a part of it."""
        return self.number.count(".") + 1


@dataclass(slots=True)
class Document:
    """A plan.

    Parameters
    ----------
    kind : str
        ``"monitoring"`` or ``"quality"``.
    lang : str
        ``"en"`` or ``"zh"``.
    title : str
    facts : list of (str, str)
        What stands under the title.
    sections : list of Section
    annex, note : str
        Title of the machine part and what it is for.
    machine : str
        The machine part (`soilco2.documents.embedded_config`).
    """

    kind: str
    lang: str
    title: str
    facts: list[tuple[str, str]]
    sections: list[Section] = field(default_factory=list)
    annex: str = ""
    note: str = ""
    machine: str = ""

    def chapter(self, title: str, *blocks: Block) -> Section:
        """Begin a chapter."""
        number = sum(section.level == 1 for section in self.sections) + 1
        return self._add(str(number), title, blocks)

    def part(self, title: str, *blocks: Block) -> Section:
        """Begin a part of the last chapter."""
        chapter = next(s for s in reversed(self.sections) if s.level == 1)
        parts = sum(s.number.startswith(f"{chapter.number}.") for s in self.sections)
        return self._add(f"{chapter.number}.{parts + 1}", title, blocks)

    def add(self, *blocks: Block) -> None:
        """Add to the section begun last."""
        self.sections[-1].blocks += blocks

    def _add(self, number: str, title: str, blocks: Sequence[Block]) -> Section:
        self.sections.append(Section(number, title, list(blocks)))
        return self.sections[-1]


def grid(
    caption: str, head: Sequence[str], rows: Sequence[Sequence[str]], widths: Sequence[float] = ()
) -> Grid:
    """A table from any sequences."""
    return Grid(caption, tuple(head), tuple(tuple(row) for row in rows), tuple(widths))
