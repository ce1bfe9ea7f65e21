"""``soilco2 teach bench``: run a trainee's station on simulated probes for a day, with a fault, and show its status."""

from __future__ import annotations

import csv
import shutil
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import click

from soilco2.cli.demo.reaper import Reaper
from soilco2.cli.options import choose, fail, language, load, translate, word
from soilco2.station_config.extras import how_to_add
from soilco2.station_config.message import Message

PATIENCE_S = 300.0
"""How long the replayed day may take [s]."""


@click.command(hidden=True)
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--drill", type=click.Choice(list("abcde")), help="One of the trainee's own faults.")
@click.option("--fault", help="A fault by name, as soilco2 simulate takes it.")
def bench(folder: Path, drill: str | None, fault: str | None) -> None:
    """Run the station of a work FOLDER through one day of measured data (drill d: two weeks).

    \b
    Example:
      soilco2 teach bench soil-profile-zh-1 --drill a
    """
    from soilco2.teaching.case.drills import FILE, drills, slowly, with_nodes
    from soilco2.teaching.case.work_folder import open_work

    work = open_work(folder)
    choose(work.lang)
    source = work.path / FILE
    if not source.is_file():
        fail(Message("{file} is not there; soilco2 teach start puts it back", file=FILE))
    load(source)
    if drill is not None:
        fault = drills(work.context())[drill].option
    run = work.path / "station" / f"run-{drill or ('own' if fault else 'healthy')}"
    if run.exists():
        shutil.rmtree(run)
    run.mkdir()
    text = source.read_text(encoding="utf-8")
    reaper = Reaper()
    try:
        if drill == "d":
            text = slowly(text)
        elif drill == "e":
            text = with_nodes(work.context(), _broker(run, reaper))
        if "[journal]" not in text:
            text += '\n[journal]\npath = "journal.sqlite"\n'
        (run / "station.toml").write_text(text, encoding="utf-8")
        _run(run, fault, reaper, slow=drill == "d")
    finally:
        reaper.stop("collect", "simulate", "broker")
    _echo_events(run)


def _broker(run: Path, reaper: Reaper) -> int:
    """Start a broker of this run's own, on a free port."""
    from soilco2.cli.demo.broker_and_database import start_broker

    broker = start_broker(run / "broker", reaper, None)
    if broker is None:
        fail(
            Message(
                "this drill is about nodes, which need a broker: install mosquitto, or {how}",
                how=how_to_add("notebooks"),
            )
        )
    return broker.port


def _run(run: Path, fault: str | None, reaper: Reaper, *, slow: bool) -> None:
    """Simulate and collect until the bench's time is over."""
    from soilco2.teaching.case.drills import END_US, FROM, LONG_END_US, LONG_TO, TO

    end_us, until = (LONG_END_US, LONG_TO) if slow else (END_US, TO)
    words = [sys.executable, "-m", "soilco2"]
    path, clock = str(run / "station.toml"), run / "clock"
    with (run / "bench.log").open("wb") as log:
        faults = ["--fault", fault] if fault else []
        reaper.start(
            "simulate",
            [*words, "simulate", path, "--clock-file", str(clock), *faults],
            stdout=log,
            stderr=log,
        )
        reaper.start(
            "collect",
            [*words, "collect", path, "--replay", f"{FROM}..{until}", "--speed", "max", "--clock-file", str(clock)],
            stdout=log, stderr=log,
        )  # fmt: skip
        end = time.monotonic() + PATIENCE_S
        while _now(clock) < end_us:
            fallen = [name for name, child in reaper.children.items() if child.poll() is not None]
            if fallen or time.monotonic() > end:
                words_of = (
                    (run / "bench.log").read_text(encoding="utf-8", errors="replace").strip().splitlines()
                )
                fail(
                    Message(
                        "the bench stopped: {why}",
                        why=words_of[-1]
                        if words_of
                        else Message("no word from {names}", names=", ".join(fallen)),
                    )
                )
            time.sleep(0.05)
        _show_status(run)


def _now(clock: Path) -> int:
    try:
        return int.from_bytes(clock.read_bytes()[:8], "little", signed=True)
    except OSError:
        return 0


def _show_status(run: Path) -> None:
    """What ``soilco2 status`` says while the collector runs, kept as ``status.txt``."""
    from click.testing import CliRunner

    from soilco2.cli.main import cli

    def said(*words: str) -> str:
        return CliRunner().invoke(cli, [*words, str(run / "station.toml"), "--lang", language()]).output

    text = said("status").replace(str(run) + "/", "")
    if "parked list" in text:
        text += "\nsoilco2 parked list\n" + "\n".join(said("parked", "list").splitlines()[:3]) + "\n"
    (run / "status.txt").write_text(text, encoding="utf-8")
    click.echo(text)


def _echo_events(run: Path) -> None:
    """Events, and the series as ``series.csv``."""
    from soilco2.storage.journal.reader import JournalReader
    from soilco2.teaching.case.drills import BEGIN_US, LONG_END_US

    def moment(time_us: int, form: str) -> str:
        return datetime.fromtimestamp(time_us / 1e6, UTC).strftime(form)

    with JournalReader(run / "journal.sqlite") as reader:
        for event in reader.events():
            if BEGIN_US < event.time_us < LONG_END_US and event.kind not in ("config", "start", "stop"):
                when = moment(event.time_us, "%H:%M")
                said = translate(event.text).replace(f"{run}/", "")
                click.echo(f"{when}  {word(event.kind)}  {event.subject}  {said}")
        with (run / "series.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["time_utc", "position", "depth_m", "variable", "value", "flag"])
            for info in reader.series():
                for piece in reader.read([info.key]):
                    for at, value, flag in zip(piece.times, piece.values, piece.flags, strict=True):
                        writer.writerow(
                            [
                                moment(at, "%Y-%m-%dT%H:%M:%SZ"),
                                info.key.position,
                                info.depth_m,
                                info.key.variable,
                                value,
                                flag,
                            ]
                        )
