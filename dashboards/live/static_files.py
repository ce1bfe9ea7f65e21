"""The page's own files: its document, modules, style and icon."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from soilco2.dashboards.web.responses import etag

STATIC = Path(__file__).parent / "static"
_FILES = {path.name: path for path in sorted(STATIC.iterdir())}
_TYPES = {".css": "text/css", ".html": "text/html", ".js": "text/javascript", ".svg": "image/svg+xml"}


class StaticFile(NamedTuple):
    """A file as it is sent."""

    body: bytes
    media_type: str
    mark: str
    """Its ETag."""


def static_file(name: str) -> StaticFile | None:
    """A file of the page; None when there is no such file."""
    path = _FILES.get(name)
    return None if path is None else _read(path, path.stat().st_mtime_ns)


@lru_cache
def _read(path: Path, _changed_ns: int) -> StaticFile:
    body = path.read_bytes()
    return StaticFile(body, _TYPES[path.suffix], etag(body))


def document(language: str) -> str:
    """The page's HTML.

    Parameters
    ----------
    language : {"auto", "en", "zh"}
        Language the page opens in; ``auto`` follows the browser.
    """
    text = (STATIC / "index.html").read_text(encoding="utf-8")
    # all modules at once: a module names others only when it is there, over three rounds of questions
    modules = [name for name in _FILES if name.endswith(".js")]
    links = "".join(f'<link rel="modulepreload" href="static/{name}">\n' for name in modules)
    text = text.replace('<script type="module"', f'{links}<script type="module"', 1)
    if language != "auto":
        text = text.replace('<html lang="en"', f'<html lang="{language}" data-language="{language}"', 1)
    return text
