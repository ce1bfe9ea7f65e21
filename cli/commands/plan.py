"""``soilco2 plan``: the monitoring plan and the data-quality plan of a station."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from soilco2.cli.options import (
    echo,
    emit_json,
    fail,
    json_option,
    language_option,
    load,
    parse_time,
    station_argument,
    window_options,
)
from soilco2.station_config.message import Message

if TYPE_CHECKING:
    from soilco2.documents.achieved import Achieved
    from soilco2.documents.document import Document
    from soilco2.station_config.loader import Station
    from soilco2.storage.journal.reader import JournalReader


@click.command()
@click.argument("kind", type=click.Choice(["monitoring", "quality"]))
@station_argument
@click.option(
    "--format",
    "form",
    type=click.Choice(["docx", "html", "md"]),
    help="As the ending of --out says, else docx.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="STATION-KIND-plan.LANG.FORMAT if left out.",
)
@click.option("--force", is_flag=True, help="Write over a file that is there.")
@window_options
@click.option("--no-data", is_flag=True, help="Leave the second part, planned against achieved, out.")
@click.option(
    "--check",
    "checked",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Compare this plan with STATION.",
)
@language_option
@json_option
def command(
    kind: str, station: Path, form: str | None, out: Path | None, force: bool, since: str | None, until: str | None,
    no_data: bool, checked: Path | None, lang: str, as_json: bool,
) -> None:  # fmt: skip
    """Write the monitoring plan (监测计划) or the data-quality assurance plan (监测数据质量保证方案) of STATION.

    Everything in it comes from the station file. When there are data, a second part sets what was achieved against what
    was planned: completeness with causes, flags, calibrations overdue, clock, uncertainty.

    With --check, an older plan is compared with STATION instead; the exit code is 1 when they have parted.

    \b
    Examples:
      soilco2 plan monitoring yulin.toml --lang zh
      soilco2 plan quality yulin.toml --from 2026-03-01 --to 2026-04-01 --format html
      soilco2 plan monitoring yulin.toml --check yulin-monitoring-plan.zh.docx
    """
    loaded = load(station)
    if checked is not None:
        _check(loaded, kind, checked, as_json)
        return
    name = loaded.file.station.id
    form = form or (out.suffix.lstrip(".").lower() if out is not None else "docx")
    if form not in ("docx", "html", "md"):
        fail(
            Message("--out {out}: a name that ends in .docx, .html or .md is expected, or --format", out=out)
        )
    path = out or Path(f"{name}-{kind}-plan.{lang}.{form}")
    if path.exists() and not force:
        fail(
            Message(
                "{path} is there already and may hold somebody's work; give another --out, or --force",
                path=path,
            )
        )
    written = _write(loaded, kind, lang, form, since, until, no_data)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(written)
    if as_json:
        emit_json({"file": str(path), "kind": kind, "lang": lang, "configuration": loaded.hash})
    else:
        click.echo(str(path))


def _write(
    station: Station, kind: str, lang: str, form: str, since: str | None, until: str | None, no_data: bool
) -> bytes:
    from soilco2.storage.journal.archive import open_journal

    if no_data and (since or until):
        fail(Message("--from and --to choose data, and --no-data leaves them out; give one or the other"))
    if not no_data and (since or until) and not station.journal_path.is_file():
        fail(
            Message(
                "the journal {path} is not there yet, so there is nothing between --from and --to",
                path=station.journal_path,
            )
        )
    if no_data or not station.journal_path.is_file():
        return _render(_plan(station, kind, lang, None), form)
    with open_journal(station) as reader:
        return _render(_plan(station, kind, lang, _achieved(station, reader, since, until)), form)


def _achieved(
    station: Station, reader: JournalReader, since: str | None, until: str | None
) -> Achieved | None:
    from soilco2.documents.achieved import Achieved, default_window
    from soilco2.storage.journal.control import ask_collector

    live = ask_collector(station.journal_path)
    now_us = live["now_us"] if live else time.time_ns() // 1000
    zone = station.deployments.zone
    if since is None and until is None and not any(info.last_us for info in reader.series()):
        return None
    start_us, end_us = default_window(reader, now_us)
    if until is not None:
        end_us = parse_time(until, zone)
    if since is not None:
        start_us = parse_time(since, zone)
    if start_us >= end_us:
        fail(Message("--from must lie before --to"))
    return Achieved(station, reader, start_us, end_us, now_us)


def _plan(station: Station, kind: str, lang: str, achieved: Achieved | None) -> Document:
    from soilco2.documents.monitoring import monitoring_plan
    from soilco2.documents.quality import quality_plan

    write = monitoring_plan if kind == "monitoring" else quality_plan
    made = datetime.now(UTC).astimezone(station.deployments.zone).date()
    return write(station, lang, made, None if achieved is None else achieved.write)


def _render(document: Document, form: str) -> bytes:
    if form == "docx":
        from soilco2.documents.formats.word import to_docx

        return to_docx(document)
    if form == "html":
        from soilco2.documents.formats.html import to_html

        return to_html(document).encode()
    from soilco2.documents.formats.markdown import to_markdown

    return to_markdown(document).encode()


def _check(station: Station, kind: str, path: Path, as_json: bool) -> None:
    from soilco2.documents.embedded_config import compare, read_plan

    kept = read_plan(path)
    name, other = station.file.station.id, kept.station.file.station.id
    if kept.kind != kind:
        fail(
            Message(
                "{path}: this is a {kind} plan, and {asked} was asked for",
                path=path,
                kind=kept.kind,
                asked=kind,
            )
        )
    if other != name:
        fail(
            Message(
                "{path}: this is the plan of station {other}, and {file} is station {name}",
                path=path,
                other=other,
                file=station.path,
                name=name,
            )
        )
    parted = compare(kept.station, station)
    if as_json:
        rows = [{"key": row.key, "plan": row.plan, "station": row.station} for row in parted]
        emit_json({"file": str(path), "made": kept.made, "agree": not parted, "differences": rows})
    elif not parted:
        echo(Message("The plan of {made} and the station agree.", made=kept.made))
    for row in () if as_json else parted:
        plan, now = _shown(row.plan), _shown(row.station)
        echo(Message("{key}: plan {plan}, station {now}", key=row.key, plan=plan, now=now))
    if parted:
        raise click.exceptions.Exit(1)


def _shown(value: Any) -> str:
    if value in (None, ""):
        return Message("not there")
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 200 else text[:199] + "…"
