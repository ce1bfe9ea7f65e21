"""A named place where a test makes the process die: ``SOILCO2_FAULT=after-commit:3`` kills it the third time.

Unset, the hook is an empty function.
"""

from __future__ import annotations

import os
import signal

POINTS = ("before-commit", "after-commit", "after-ack", "before-send", "after-204", "before-cursor")
"""The steps of a sample's path, in order."""
LATE_POINTS = ("late-waits", "late-judged")
"""Before and after some of the readings that came late are judged."""
ARCHIVE_POINTS = ("archive-written", "archive-sealed", "archive-named", "archive-told", "pruned-some")
"""The steps of archiving and pruning, in order."""
MIGRATION_POINTS = ("copy-written", "copy-named", "migrating", "migrated")
"""The steps of bringing an older journal to the tables of this version, in order."""

IMPORT_POINTS = ("import-switching", "import-switched", "import-judged")
"""The steps of taking an import back or giving it again, in order."""


def _nothing(_point: str) -> None:
    """Go on."""


def _armed(wanted: str, count: int) -> None:
    left = {wanted: count}

    def reached(point: str) -> None:
        if point in left:
            left[point] -= 1
            if left[point] <= 0:
                os.kill(os.getpid(), signal.SIGKILL)

    globals()["failpoint"] = reached


failpoint = _nothing
if "SOILCO2_FAULT" in os.environ:
    _name, _, _number = os.environ["SOILCO2_FAULT"].partition(":")
    _armed(_name, int(_number or 1))
