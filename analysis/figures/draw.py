"""Figures of the jobs as vector graphics with captions; each job's are in a module of its own."""

from __future__ import annotations

import importlib
from typing import Final, NamedTuple

from soilco2.analysis.figures.style import style, svg
from soilco2.analysis.frames.frame import Frame
from soilco2.analysis.jobs.base import Outcome

MODULES: Final = {
    "correlation": "soilco2.analysis.figures.correlation",
    "response": "soilco2.analysis.figures.response",
    "lag": "soilco2.analysis.figures.lag",
    "rain": "soilco2.analysis.figures.rain",
    "profile": "soilco2.analysis.figures.profile",
}
"""Jobs with figures. Each module has ``draw(frame, outcome, lang)`` that gives (name, figure, caption)."""


class Drawn(NamedTuple):
    """A figure: a short name for its file, its SVG text, its caption."""

    name: str
    svg: str
    caption: str


def figures(job: str, frame: Frame, outcome: Outcome, lang: str = "en") -> list[Drawn]:
    """The figures of a job.

    Parameters
    ----------
    job : str
    frame : Frame
        The data that the job saw.
    outcome : Outcome
        What the job found.
    lang : {"en", "zh"}

    Returns
    -------
    list of Drawn
        Empty when the job has none, or found nothing that could be drawn.
    """
    if job not in MODULES:
        return []
    module = importlib.import_module(MODULES[job])
    with style():
        return [
            Drawn(name, svg(drawn), caption) for name, drawn, caption in module.draw(frame, outcome, lang)
        ]
