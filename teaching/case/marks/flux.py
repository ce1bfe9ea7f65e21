"""Lesson "flux": marking."""

from __future__ import annotations

from teaching.case.tasks import Task

TASKS: tuple[Task, ...] = ()
