"""What a lesson's notebook works with: the folder's data, figures in the trainee's language, and ``notebook.check``."""

from __future__ import annotations

import datetime
import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from soilco2.station_config.message import Message
from soilco2.storage.files import write_whole
from soilco2.teaching.case.answer_keys import task
from soilco2.teaching.case.answers import is_empty
from soilco2.teaching.case.lesson_source import lesson
from soilco2.teaching.case.marking import Verdict, in_language
from soilco2.teaching.case.work_folder import Work, open_work, read_notebook
from soilco2.teaching.errors import CaseError, UnansweredError

if TYPE_CHECKING:
    import pandas as pd


LONGEST = 100_000
"""Characters of an answer in the record at most."""


def plain(answer: Any) -> Any:
    """An answer as JSON can keep it; of what is no answer (a table, a function, a book) the name of its type."""
    try:
        found = _plain(answer)
        whole = len(json.dumps(found)) <= LONGEST
    except RecursionError:  # a list within itself
        whole = False
    return found if whole else f"<{type(answer).__name__}>"


def _plain(answer: Any) -> Any:
    if answer is Ellipsis or answer is None or isinstance(answer, bool):
        return None if answer is Ellipsis else answer
    if isinstance(answer, str):
        return answer.encode(errors="replace").decode()
    if isinstance(answer, int | float):
        return answer if isinstance(answer, float) or abs(answer) < 10**300 else math.inf
    if isinstance(answer, dict):
        return {str(key): _plain(value) for key, value in answer.items()}
    if isinstance(answer, set | frozenset):
        return [_plain(one) for one in sorted(answer, key=repr)]
    if isinstance(answer, list | tuple):
        return [_plain(one) for one in answer]
    if hasattr(answer, "tolist"):  # of numpy and pandas
        found = answer.tolist()
        return _plain(found[0] if isinstance(found, list) and len(found) == 1 else found)
    if isinstance(answer, Path | datetime.date):
        return str(answer)
    try:
        return float(answer)
    except (TypeError, ValueError):
        return f"<{type(answer).__name__}>"


def mark(work: Work, name: str, answer: Any) -> Verdict:
    """Mark an answer and keep it in the record.

    Raises
    ------
    UnansweredError
        When there is no answer yet.
    CaseError
        When there is no such task.
    """
    one = task(name)
    if (reason := one.away(work.context())) is not None:
        return Verdict(True, "", reason)
    kept = plain(answer)
    if is_empty(kept):
        form = in_language(one.form, work.lang)
        raise UnansweredError(
            Message(
                "Task {task} has no answer yet: put yours in place of ..., such as {form}, and run the cell again.",
                task=name,
                form=form,
            ),
            work.lang,
        )
    verdict = one.mark(work.context(), kept)
    work.note(
        kind="answer", lesson=one.lesson, task=name, answer=kept, right=verdict.right, idea=verdict.idea
    )
    return verdict


class Notebook:
    """The lesson of a notebook: its data, figures, checks.

    Parameters
    ----------
    work : Work
    name : str
        The lesson.
    """

    def __init__(self, work: Work, name: str) -> None:
        self.work = work
        self.lesson = lesson(name)
        self.lang = work.lang
        self.folder = work.path

    def check(self, name: str, answer: Any) -> None:
        """Mark an answer, say what was missed, and keep it.

        Raises
        ------
        UnansweredError, CaseError
            Shown as one sentence.
        """
        verdict = mark(self.work, name, answer)
        print(("✓ " if verdict.right else "✗ ") + in_language(verdict.words, self.lang))

    def table(self, name: str) -> pd.DataFrame:
        """A table of the folder's ``data``, with times.

        Raises
        ------
        CaseError
            When it is not there.
        """
        import pandas as pd

        path = self.folder / "data" / name
        if not path.is_file():
            raise CaseError(
                Message(
                    "{file}: it is not in the data folder; soilco2 teach start puts it back.", file=path.name
                ),
                self.lang,
            )
        found = pd.read_csv(path, dtype={"plot": str, "level": str})
        found["time_utc"] = pd.to_datetime(found["time_utc"], utc=True)
        return found

    def sjer(self) -> pd.DataFrame:
        """SJER, June 2022, as a tidy table: values that passed their publisher's flag."""
        import pandas as pd

        from soilco2.teaching.case.data import sjer

        found = sjer().copy()
        found["time_utc"] = pd.to_datetime(found["time_utc"], utc=True)
        return found

    def choose(self, options: list[Any], what: str = "") -> Any:
        """One of `options`, the same for the same seed; `what` tells several choices of a lesson apart."""
        return self.work.context().dice(self.lesson.name + what).choice(options)

    def description(self) -> None:
        """Show the site that the station file is written for."""
        from IPython.display import Markdown, display

        from soilco2.teaching.case.drills import description

        display(Markdown(description(self.work.context())))  # type: ignore[no-untyped-call]

    def write(self, name: str, text: str) -> str:
        """Write a file of the folder, such as the station file; what was there is kept beside it. Returns `name`."""
        from soilco2.teaching.case.work_folder import kept_copy

        path = self.folder / name
        if path.exists() and path.read_bytes() != text.encode():
            path.replace(kept_copy(path))
        write_whole(path, text)
        return name

    def run(self, *words: str) -> str:
        """Run ``soilco2`` with these words in the folder; returns what it said."""
        import os
        import subprocess
        import sys

        done = subprocess.run(
            [sys.executable, "-m", "soilco2", *words],
            cwd=self.folder,
            env={
                key: value
                for key, value in os.environ.items()
                if key not in ("FORCE_COLOR", "CLICOLOR_FORCE")
            },
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stdout + done.stderr

    def bench(self, drill: str = "", fault: str = "", again: bool = False) -> pd.DataFrame:
        """Run the folder's station for a day on simulated probes; prints its status and returns its series.

        Parameters
        ----------
        drill : str
            ``"a"`` to ``"e"``: one of your own faults. Without it all is well.
        fault : str
            A fault by name, as ``soilco2 simulate --fault`` takes it.
        again : bool
            Run once more instead of showing the last run.

        Raises
        ------
        CaseError
            When the station cannot be run.
        """
        import pandas as pd

        run = self.folder / "station" / f"run-{drill or ('own' if fault else 'healthy')}"
        said = run / "said.txt"
        if again or fault or not said.is_file():
            words = ["--drill", drill] if drill else (["--fault", fault] if fault else [])
            text = self.run("teach", "bench", ".", *words)
            if not (run / "series.csv").is_file():
                last = text.strip().splitlines()[-1:]
                raise CaseError(Message.of(last[0]) if last else Message("the bench said nothing"), self.lang)
            said.write_text(text, encoding="utf-8")
        print(said.read_text(encoding="utf-8"))
        found = pd.read_csv(run / "series.csv")
        found["time_utc"] = pd.to_datetime(found["time_utc"], utc=True)
        return found

    def page(self, drill: str = "") -> str:
        """Serve the live page of a run on a free port until the notebook ends; shows and returns its address.

        Without a drill it is the page of the station that you run in terminals.

        Behind JupyterHub the address is that of its server proxy, such as ``/user/NAME/proxy/41873/``.

        Raises
        ------
        CaseError
            When there was no such run, or the page does not start.
        """
        from soilco2.teaching.case.live_page import serve

        return serve(self.folder, drill, self.lang)

    def own(self) -> None:
        """Say what the trainee's own data allow, when there are any."""
        from soilco2.teaching.case.own_data import describe

        print(describe(self.work))

    def figures(self) -> None:
        """Set matplotlib up for the trainee's language."""
        from soilco2.teaching.case.figures import set_up

        set_up(self.lang)

    def hours(self) -> None:
        """Say how far the folder is."""
        from soilco2.teaching.case.progress import lines

        for line in lines(self.work):
            print(line)


def open_notebook(name: str, start: Path | None = None) -> Notebook:
    """What the notebook of a lesson works with; its first cell calls this.

    Notes each run of a cell in the folder's record, from which the time at work is told.
    """
    work = open_work(start or Path.cwd())
    notebook = Notebook(work, name)
    path = work.path / notebook.lesson.file(work.lang)
    if path.is_file():
        try:
            old = read_notebook(path).revision
        except CaseError:
            old = notebook.lesson.revision  # being written this moment
        if old != notebook.lesson.revision and not list(work.path.glob(f"{path.stem}.*{path.suffix}")):
            print(
                "这份笔记本来自较早的版本；soilco2 teach start 会在旁边放一份新的，你的答案都保留。"
                if work.lang == "zh"
                else "This notebook comes from an older version; soilco2 teach start puts a new one beside it and keeps "
                "your answers."
            )
    work.note(kind="run", lesson=name)
    try:
        from IPython import get_ipython
    except ImportError:
        return notebook
    shell = get_ipython()
    if shell is not None:
        shell.events.register("post_run_cell", lambda _result: work.note(kind="run", lesson=name))
    return notebook


__all__ = ["Notebook", "mark", "open_notebook", "plain"]
