"""Jobs: each takes a frame and options and gives rows of results and tables of curves."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from soilco2.analysis.errors import OptionError
from soilco2.station_config.message import Message

if TYPE_CHECKING:
    from soilco2.analysis.frames.frame import Frame
    from soilco2.analysis.jobs.base import Options, Outcome

JOBS: Final = ("audit", "correlation", "response", "lag", "water", "rain", "profile")
"""Every job, in the order in which its answer is read."""


def present() -> tuple[str, ...]:
    """The jobs whose module is there, in the order of :data:`JOBS`; none is imported."""
    return tuple(
        name for name in JOBS if importlib.util.find_spec(f"soilco2.analysis.jobs.{name}") is not None
    )


def job(name: str) -> Callable[[Frame, Options], Outcome]:
    """The function of a job.

    Raises
    ------
    OptionError
        When there is no such job.
    """
    if name not in present():
        raise OptionError(
            Message("there is no analysis {name!r}; known are {names}", name=name, names=", ".join(present()))
        )
    run: Callable[[Frame, Options], Outcome] = importlib.import_module(f"soilco2.analysis.jobs.{name}").run
    return run
