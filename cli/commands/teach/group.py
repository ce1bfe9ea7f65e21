"""``soilco2 teach``: the teaching case."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import click

from soilco2.cli.options import LazyGroup, echo, emit_json, fail, json_option, language_option, translate
from soilco2.station_config.extras import how_to_add
from soilco2.station_config.message import Message

_ELSEWHERE = {name: f"soilco2.cli.commands.teach.{name}:{name}" for name in ("bench", "data", "questions")}


@click.group(cls=LazyGroup, elsewhere=_ELSEWHERE)
def command() -> None:
    """The teaching case: carbon monitoring on real soil profiles, in notebooks, without internet.

    \b
    Example:
      soilco2 teach start soil-profile --lang zh --level 1 --name 张三
      soilco2 teach progress soil-profile-zh-1
    """


_FOLDER = click.argument("folders", nargs=-1, type=click.Path(path_type=Path))


@command.command("list")
@language_option
@json_option
def list_cases(lang: str, as_json: bool) -> None:
    """List the cases and lessons, with tasks and class hours by level.

    \b
    Example:
      soilco2 teach list --lang en
    """
    from soilco2.teaching.case.lesson_source import lessons
    from soilco2.teaching.case.start import CASES

    place = 0 if lang == "zh" else 1
    if as_json:
        emit_json(
            {
                "cases": {name: words[place] for name, words in CASES.items()},
                "lessons": [
                    {"name": one.name, "title": one.title[lang], "hours": one.hours,
                     "tasks": {level: one.tasks(level) for level in (1, 2, 3)}}
                    for one in lessons()
                ],
            }
        )  # fmt: skip
        return
    for name, words in CASES.items():
        click.echo(f"{name}  {words[place]}")
    for one in lessons():
        parts = []
        for level in (1, 2, 3):
            hours = sum(one.hours[level].values())
            tasks = len(one.tasks(level))
            parts.append(
                f"{'初中高'[level - 1]}级 {tasks} 项 {hours:g} 学时"
                if lang == "zh"
                else f"level {level}: {tasks} tasks, {hours:g} h"
            )
        click.echo(f"  {one.name:12s} {one.title[lang]}  ({'; '.join(parts)})")


@command.command()
@click.argument("case")
@language_option
@click.option("--level", type=click.IntRange(1, 3), default=1, show_default=True, help="初级, 中级, 高级.")
@click.option("--name", default="", help="The trainee's name; decides which faults and numbers are theirs.")
@click.option("--seed", type=click.IntRange(0), help="Personal seed, in place of the name's.")
@click.option(
    "--data", "own", type=click.Path(path_type=Path), help="Own data: a station file or a tidy table."
)
@click.option(
    "--soil",
    type=click.Path(path_type=Path),
    help="Soil of own data, for a flux: horizons (TOML) or a pit table (CSV); a station file has its own.",
)
@click.option(
    "--folder", type=click.Path(path_type=Path), help="Work folder; CASE-LANG-LEVEL here if left out."
)
@click.option("--open/--no-open", "opening", default=True, show_default=True, help="Open JupyterLab.")
@json_option
def start(
    case: str, lang: str, level: int, name: str, seed: int | None, own: Path | None, soil: Path | None,
    folder: Path | None, opening: bool,
    as_json: bool,
) -> None:  # fmt: skip
    """Make a work folder for CASE (or one lesson) with data, notebooks and task sheet, and open it.

    Run again in the same place it completes the folder and writes over nothing.

    \b
    Example:
      soilco2 teach start soil-profile --lang zh --level 1 --name 张三
      soilco2 teach start read --lang en --level 2 --data mine.csv --no-open
    """
    if importlib.util.find_spec("pandas") is None:
        fail(
            Message(
                "the teaching case needs the extra 'notebooks': {how}",
                how=how_to_add("notebooks"),
            )
        )
    from soilco2.teaching.case.start import start as make

    where = folder or Path(f"{case}-{lang}-{level}")
    started = make(where, case, lang, level, name=name, seed=seed, own=own, soil=soil)
    work = started.work
    if as_json:
        emit_json(
            {"folder": str(work.path), "seed": work.seed, "lessons": list(work.lessons), "said": started.said}
        )
    else:
        click.echo(f"{work.path}")
        for line in started.said:
            click.echo(f"  {translate(line)}")
        if own is not None or soil is not None:
            from soilco2.teaching.case.own_data import describe

            click.echo(describe(work))
    if opening and not as_json:
        _open(work.path)


def _open(folder: Path) -> None:
    """JupyterLab on a folder, until it is closed; a sentence when it is not there."""
    if importlib.util.find_spec("jupyterlab") is None:
        echo(
            Message(
                "The folder is ready for any Jupyter. JupyterLab is not here: {how}",
                how=how_to_add("notebooks"),
            )
        )
        return
    echo(Message("JupyterLab opens; Ctrl-C ends it."))
    try:
        done = subprocess.run([sys.executable, "-m", "jupyterlab", str(folder)], check=False)
    except KeyboardInterrupt:
        return
    if done.returncode not in (0, 130, -2):
        fail(Message("JupyterLab did not start; what it said stands above. The folder is ready."))


@command.command()
@_FOLDER
@json_option
def check(folders: tuple[Path, ...], as_json: bool) -> None:
    """Mark the answers of work FOLDERS (this one when left out) and explain each mistake, offline.

    Answers count once their cell was run. Plain values that were saved in a notebook but not run are marked too.
    Exit code 1 when something is wrong or open.

    \b
    Example:
      soilco2 teach check soil-profile-zh-1
    """
    from soilco2.teaching.case.check_folder import check as mark_all
    from soilco2.teaching.case.marking import in_language
    from soilco2.teaching.case.work_folder import open_work

    everything = []
    fine = True
    for folder in folders or (Path(),):
        work = open_work(folder)
        found = mark_all(work)
        fine = fine and all(row.right for row in found.rows)
        everything.append((work, found))
    if as_json:
        emit_json(
            [
                {
                    "folder": str(work.path),
                    "remarks": found.remarks,
                    "tasks": [
                        {"task": row.task, "right": row.right, "idea": row.idea,
                         "said": in_language(row.words, work.lang)}
                        for row in found.rows
                    ],
                }
                for work, found in everything
            ]
        )  # fmt: skip
    else:
        for work, found in everything:
            if len(everything) > 1:
                click.echo(str(work.path))
            for row in found.rows:
                sign = "✓" if row.right else ("…" if row.idea == "open" else "✗")
                click.echo(f"{sign} {row.task}  {in_language(row.words, work.lang)}")
            for remark in found.remarks:
                click.echo(f"! {translate(remark)}")
    if not fine:
        raise click.exceptions.Exit(1)


@command.command()
@_FOLDER
@click.option(
    "--csv", "table", type=click.Path(path_type=Path), help="Write the teacher's record to this file."
)
@json_option
def progress(folders: tuple[Path, ...], table: Path | None, as_json: bool) -> None:
    """Show tasks done and time at work by syllabus block for work FOLDERS, and write a record (CSV).

    With one folder and no --csv the record is progress.csv in it.

    \b
    Examples:
      soilco2 teach progress
      soilco2 teach progress class/* --csv class.csv
    """
    from soilco2.teaching.case.progress import blocks, done, lines, minutes_by_lesson, record_csv
    from soilco2.teaching.case.work_folder import open_work

    works = [open_work(folder) for folder in folders or (Path(),)]
    path = table or (works[0].path / "progress.csv" if len(works) == 1 else None)
    if as_json:
        emit_json(
            [
                {"folder": str(w.path), "name": w.name, "level": w.level, "minutes": minutes_by_lesson(w),
                 "tasks": {row.task: row.right for row in done(w)},
                 "class_hours": {b.name: {"syllabus": b.syllabus, "supplied": b.supplied, "worked": round(b.worked, 3),
                                          "elsewhere": b.elsewhere} for b in blocks(w)}}
                for w in works
            ]
        )  # fmt: skip
    else:
        for work in works:
            for line in lines(work):
                click.echo(line)
    if path is not None:
        path.write_text(record_csv(works), encoding="utf-8-sig")
        if not as_json:
            click.echo(str(path))
