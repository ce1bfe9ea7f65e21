"""Every lesson in both languages and at all levels, each folder with drills of its own: ``make notebooks``."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from teaching.case.source import lessons
from tests.teaching.case.running import errors, folder, joined, printed, run


def main() -> int:
    """Run them all; 1 when something is wrong."""
    names = [one.name for one in lessons()]
    wrong = 0
    for level in (1, 2, 3):
        for lang in ("zh", "en"):
            began = time.monotonic()
            with tempfile.TemporaryDirectory() as box:
                work = folder(Path(box) / "work", lang, level, seed=level)
                book = run(joined(names, lang, level), work)
            bad = [name for name in errors(book) if not name.endswith("-empty")]
            tasks = [name for one in lessons() for name in one.tasks(level)]
            bad += [name for name in tasks if not printed(book, name).startswith("✓")]
            wrong += len(bad)
            print(
                f"level {level} {lang}: {len(tasks)} tasks, {time.monotonic() - began:.0f} s {bad or 'fine'}",
                flush=True,
            )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
