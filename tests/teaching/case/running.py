"""Run lessons as a trainee's Jupyter would, several in one kernel to save time."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

from soilco2.teaching.case.data import sjer
from soilco2.teaching.case.lesson_source import lesson, notebook
from soilco2.teaching.case.start import start
from soilco2.teaching.case.work_folder import Work
from tests.paths import ROOT

SOIL = """altitude_m = 374
[[soil.horizon]]
top_m = 0
bottom_m = 2
porosity = 0.45
porosity_sd = 0.02
"""
"""A soil of one layer; its porosity is near that of SJER's topsoil."""


def folder(
    path: Path, lang: str, level: int, case: str = "soil-profile", seed: int = 5, *, own: bool = False
) -> Work:
    """A fresh work folder; with `own`, SJER's plot 003 as the trainee's own data."""
    mine = soil = None
    if own:
        soil = path.with_suffix(".toml")
        mine = path.with_suffix(".csv")
        mine.parent.mkdir(parents=True, exist_ok=True)
        sjer(profiles=("p003",)).to_csv(mine, index=False)
        soil.write_text(SOIL, encoding="utf-8")
    return start(path, case, lang, level, name="测试", seed=seed, own=mine, soil=soil).work


def joined(names: list[str], lang: str, level: int) -> Any:
    """Lessons as one notebook: before each answer its empty form, named ``ID-empty``; a missing glyph is an error."""
    book = nbformat.v4.new_notebook()
    book.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    book.cells.append(
        nbformat.v4.new_code_cell(
            "import warnings\nwarnings.filterwarnings('error', message='Glyph')\n"
            "warnings.filterwarnings('error', category=RuntimeWarning)\n"
            "%config InlineBackend.figure_formats = ['png']\n"
        )
    )
    for name in names:
        made = nbformat.from_dict(notebook(lesson(name), lang, level, solutions=True))
        nbformat.validate(made)
        for cell in made.cells:
            if cell.metadata.get("task"):
                book.cells.append(
                    nbformat.v4.new_code_cell(f'notebook.check("{cell.id}", ...)', id=f"{cell.id}-empty")
                )
            book.cells.append(cell)
    return book


def run(book: Any, work: Work) -> Any:
    """Run a notebook in a folder with the code under test."""
    client = NotebookClient(
        book, timeout=240, startup_timeout=120, allow_errors=True,
        resources={"metadata": {"path": str(work.path)}},
    )  # fmt: skip
    env = os.environ | {"PYTHONPATH": str(ROOT), "MPLBACKEND": "module://matplotlib_inline.backend_inline"}
    client.execute(env=env)
    return book


def errors(book: Any) -> dict[str, str]:
    """Errors as they are shown, by cell, also those that a figure raised when it was drawn."""
    return {
        one.id: "\n".join(out.traceback)
        for one in book.cells
        if one.cell_type == "code"
        for out in one.outputs
        if out.output_type == "error"
    }


def printed(book: Any, cell: str) -> str:
    """What a cell printed."""
    found = next(one for one in book.cells if one.get("id") == cell)
    return "".join(out.get("text", "") for out in found.outputs if out.output_type == "stream")
