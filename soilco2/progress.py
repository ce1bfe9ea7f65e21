"""A line on the terminal that says how far a long command is; nothing where nobody looks."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def progress(title: str, *, wanted: bool = True) -> Iterator[Callable[[str], None]]:
    """A function that shows words behind `title` on standard error while the block runs."""
    if not (wanted and sys.stderr.isatty()):
        yield lambda words: None
        return
    from rich.console import Console

    with Console(stderr=True).status(title) as status:
        yield lambda words: status.update(f"{title}: {words}")
