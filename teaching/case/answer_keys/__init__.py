"""How the tasks are marked, a module for each lesson."""

from __future__ import annotations

from functools import cache
from importlib import import_module

from soilco2.station_config.message import Message
from soilco2.teaching.case.lesson_source import LESSONS, OWN_LESSON
from soilco2.teaching.case.marking import Task
from soilco2.teaching.errors import CaseError

_MODULES = {OWN_LESSON: "own_data"}
"""Where a lesson's module has another name than the lesson."""


@cache
def tasks() -> dict[str, Task]:
    """Every task, by id."""
    found: dict[str, Task] = {}
    for name in (*LESSONS, OWN_LESSON):
        module = import_module(f"soilco2.teaching.case.answer_keys.{_MODULES.get(name, name)}")
        found |= {one.id: one for one in module.TASKS}
    return found


def task(name: str) -> Task:
    """The task of an id.

    Raises
    ------
    CaseError
        When this version has none.
    """
    try:
        return tasks()[name]
    except KeyError:
        raise CaseError(
            Message(
                "task {task} is not in this version; soilco2 teach start adds a new notebook and keeps the old one",
                task=name,
            )
        ) from None
