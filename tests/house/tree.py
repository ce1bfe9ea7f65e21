"""The files of the project, as git lists them."""

from __future__ import annotations

import subprocess
from functools import cache
from pathlib import Path

from tests.paths import ROOT

ROOMS = {
    "analysis",
    "cli",
    "dashboards",
    "documents",
    "ingest",
    "quality",
    "station_config",
    "storage",
    "teaching",
}


@cache
def tracked() -> list[Path]:
    """Every file that is in the project or new in the working tree, links as links."""
    out = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, check=True, text=True,
    ).stdout  # fmt: skip
    paths = [ROOT / name for name in out.split("\0") if name]
    return [path for path in paths if path.is_symlink() or path.is_file()]


@cache
def texts() -> list[tuple[Path, str]]:
    """Every file of the project that is text, with its text."""
    found = []
    for path in tracked():
        try:
            found.append((path, "" if path.is_symlink() else path.read_text(encoding="utf-8")))
        except UnicodeDecodeError:
            continue
    return found
