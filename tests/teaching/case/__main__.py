"""Every lesson in both languages and at all levels, each folder with drills of its own: ``make notebooks``."""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from pathlib import Path

from soilco2.teaching.case.lesson_source import LANGS, OWN_LESSON, lesson, lessons
from tests.teaching.case.notebook import run_drills
from tests.teaching.case.running import errors, folder, joined, printed, run


def main(levels: tuple[int, ...] = (1, 2, 3)) -> int:
    """Run them all; 1 when something is wrong."""
    wrong = 0
    with tempfile.TemporaryDirectory() as box:
        run_drills(folder(Path(box) / "work", "en", 1, "station"), "abcde")
    names = [*(one.name for one in lessons()), OWN_LESSON]
    for level in levels:
        for lang in LANGS:
            began, before = time.monotonic(), _cpu_s()
            with tempfile.TemporaryDirectory() as box:
                work = folder(Path(box) / "work", lang, level, seed=level, own=True)
                book = run(joined(names, lang, level), work)
            bad = [name for name in errors(book) if not name.endswith("-empty")]
            tasks = [task for name in names for task in lesson(name).tasks(level)]
            bad += [name for name in tasks if not printed(book, name).startswith("✓")]
            wrong += len(bad)
            print(
                f"level {level} {lang}: {len(tasks)} tasks, {time.monotonic() - began:.0f} s, "
                f"{_cpu_s() - before:.0f} s of processor time: {bad or 'fine'}",
                flush=True,
            )
    return 1 if wrong else 0


def _cpu_s() -> float:
    """Processor time of the programs that have ended [s]."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    sys.exit(main(tuple(map(int, sys.argv[1:])) or (1, 2, 3)))
