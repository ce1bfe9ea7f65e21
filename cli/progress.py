"""A line on the terminal that says how far a long command is; nothing where nobody looks."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

from soilco2.cli.options import translate


class Progress:
    """Words, and where the steps are known a bar. Called with words, it shows them.

    Parameters
    ----------
    show : callable
        Takes words, steps done and the number of steps; None leaves one as it is.
    hidden : callable, optional
        Gives a context in which nothing is shown, so that something can be asked.
    """

    def __init__(
        self,
        show: Callable[[str | None, float | None, int | None], None],
        hidden: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        self._show = show
        self.hidden = hidden
        self._done = 0

    def __call__(self, words: str) -> None:
        self._show(words, None, None)

    def total(self, steps: int) -> None:
        """There are so many steps."""
        self._show(None, None, steps)

    def step(self) -> None:
        """One more step is done."""
        self._done += 1
        self._show(None, self._done, None)

    def within(self, words: str, share: float) -> None:
        """This share of the step at hand is done."""
        self._show(words, self._done + share, None)


@contextmanager
def progress(title: str, *, wanted: bool = True) -> Iterator[Progress]:
    """Show words, a bar and the time gone by behind `title` on standard error while the block runs."""
    if not (wanted and sys.stderr.isatty()):
        yield Progress(lambda words, done, total: None)
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

        def show(words: str | None, done: float | None, total: int | None) -> None:
            if total is not None:
                bar.update(task, total=total)
            bar.update(task, description=words and f"{title}: {translate(words)}", completed=done)

        @contextmanager
        def hidden() -> Iterator[None]:
            bar.stop()
            try:
                yield
            finally:
                bar.start()

        yield Progress(show, hidden)
