"""The Chinese of every message: catalogues brought up to date with what the code says, and compiled.

Use: python tools/messages.py [--check]. For each room, ``station_config/locale/zh/LC_MESSAGES/<room>.po`` gets the
templates of its `Message` calls (a new one with an empty translation, one that nobody says is taken out), and a ``.mo``
is compiled of it, which is what runs. ``words.po`` holds single words of states and is kept by hand. Ends with 1 when a
translation is missing, does not take the values of its sentence, or says the same as that of another sentence.
With --check, nothing is written, and a file that would change is named as well.
"""

from __future__ import annotations

import ast
import io
import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from gettext import GNUTranslations
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "station_config" / "locale" / "zh" / "LC_MESSAGES"
ROOMS = (
    "station_config", "quality", "storage", "ingest", "analysis", "documents", "dashboards", "teaching", "cli",
)  # fmt: skip
WORDS = "words"
_FIELD = re.compile(r"\{(\w+)[^{}]*\}")
_NO_DATE = datetime(2000, 1, 1, tzinfo=UTC)  # files differ only where messages do
_HEADER = b"""msgid ""
msgstr ""
"Language: zh\\n"
"Content-Type: text/plain; charset=utf-8\\n"

"""
_LETTERS = re.compile(r"[^\W\d_]{2}")


def templates(room: str) -> dict[str, set[str]]:
    """What a room says, each with the modules that say it."""
    found: dict[str, set[str]] = defaultdict(set)
    for path in sorted((ROOT / room).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.Call(
                    func=ast.Name(id="Message" | "marked"), args=[ast.Constant(value=str() as said), *_]
                ):
                    if _LETTERS.search(_FIELD.sub("", said)):
                        found[said].add(path.relative_to(ROOT).as_posix())
    return found


def load(name: str) -> Catalog:
    """The catalogue of a room; an empty one when there is none yet."""
    path = FOLDER / f"{name}.po"
    if not path.exists():
        return Catalog(locale="zh")
    with path.open("rb") as file:
        return read_po(file, locale="zh", abort_invalid=True)


def updated(room: str) -> Catalog:
    """The catalogue of a room with all that the room says, and nothing else."""
    old, new = load(room), _empty()
    for text, places in sorted(templates(room).items(), key=lambda pair: (min(pair[1]), pair[0])):
        there = old.get(text)
        said = there.string if there is not None else ""
        flags = there.flags if there is not None and there.fuzzy else ()
        new.add(text, said, locations=[(place, 1) for place in sorted(places)], flags=flags)
    return new


def _empty() -> Catalog:
    return Catalog(locale="zh", project="soilco2", charset="utf-8", fuzzy=False, creation_date=_NO_DATE)


def _po(catalog: Catalog) -> bytes:
    buffer = io.BytesIO()
    write_po(buffer, catalog, width=110, omit_header=True, include_lineno=False, ignore_obsolete=True)
    return _HEADER + buffer.getvalue()


def _mo(catalog: Catalog) -> bytes:
    catalog.creation_date = catalog.revision_date = _NO_DATE
    buffer = io.BytesIO()
    write_mo(buffer, catalog)
    return buffer.getvalue()


def _same(path: Path, content: bytes) -> bool:
    """Whether a file says this; a compiled one may have been made by another version of Babel."""
    if not path.exists() or path.suffix == ".po":
        return path.exists() and path.read_bytes() == content
    said = [dict(GNUTranslations(io.BytesIO(one))._catalog) for one in (path.read_bytes(), content)]  # type: ignore[attr-defined]
    return {**said[0], "": ""} == {**said[1], "": ""}


def faults(catalogs: dict[str, Catalog]) -> Iterator[str]:
    """What is missing in the translations, or merges two sentences into one."""
    by_english: dict[str, tuple[str, str]] = {}
    by_chinese: dict[tuple[str, str], str] = {}
    for room, catalog in catalogs.items():
        for message in catalog:
            if not message.id:
                continue
            english, chinese = str(message.id), str(message.string)
            context = message.context or ""
            if not chinese:
                yield f"{room}.po: not translated: {english}"
                continue
            if message.fuzzy:
                yield f"{room}.po: marked as fuzzy: {english}"
            given, taken = set(_FIELD.findall(english)), set(_FIELD.findall(chinese))
            if given != taken:
                yield f"{room}.po: {english}: takes {sorted(taken)}, is given {sorted(given)}"
            if by_english.setdefault(context + english, (room, chinese))[1] != chinese:
                yield f"{room}.po: {by_english[context + english][0]}.po says it otherwise: {english}"
            other = by_chinese.setdefault((context, chinese), english)
            if other.casefold() != english.casefold():
                yield f"{room}.po: two sentences have one translation: {other} | {english}"


def main(check: bool) -> int:
    """Bring the catalogues up to date, or say what is not."""
    catalogs = {room: updated(room) for room in ROOMS} | {WORDS: load(WORDS)}
    wrong = list(faults(catalogs))
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, catalog in catalogs.items():
        files = {f"{name}.mo": _mo(catalog)} | ({} if name == WORDS else {f"{name}.po": _po(catalog)})
        for file, content in files.items():
            path = FOLDER / file
            if _same(path, content):
                continue
            if check:
                wrong.append(f"{file} is not what the code says; run make messages")
            else:
                path.write_bytes(content)
    print("\n".join(wrong) or "every message has its translation")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main("--check" in sys.argv[1:]))
