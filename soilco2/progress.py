"""A line on the terminal that says how far a long command is; nothing where nobody looks."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Progress:
    """Words, and where the steps are known a bar. Called with words, it shows them.

    Parameters
    ----------
    show : callable
        Takes words, steps to go forward and the number of steps; None leaves one as it is.
    """

    def __init__(self, show: Callable[[str | None, int, int | None], None]) -> None:
        self._show = show

    def __call__(self, words: str) -> None:
        self._show(words, 0, None)

    def total(self, steps: int) -> None:
        """There are so many steps."""
        self._show(None, 0, steps)

    def step(self) -> None:
        """One more step is done."""
        self._show(None, 1, None)


@contextmanager
def progress(title: str, *, wanted: bool = True) -> Iterator[Progress]:
    """Show words, a bar and the time gone by behind `title` on standard error while the block runs."""
    if not (wanted and sys.stderr.isatty()):
        yield Progress(lambda words, steps, total: None)
        return
    from rich import progress as rich
    from rich.console import Console

    columns = (
        rich.SpinnerColumn(),
        rich.TextColumn("{task.description}"),
        rich.BarColumn(),
        rich.MofNCompleteColumn(),
        rich.TimeElapsedColumn(),
    )
    with rich.Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(title, total=None)

        def show(words: str | None, steps: int, total: int | None) -> None:
            if total is not None:
                bar.update(task, total=total)
            bar.update(task, description=None if words is None else f"{title}: {words}", advance=steps)

        yield Progress(show)
