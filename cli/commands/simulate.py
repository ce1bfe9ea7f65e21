"""``soilco2 simulate``: simulated probes for a station, on measured data, with faults on command."""

from __future__ import annotations

import signal
import threading
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click

from soilco2.cli.options import (
    echo,
    emit_json,
    fail,
    json_option,
    load,
    parse_time,
    spoken_language,
    station_argument,
    translate,
)
from soilco2.station_config.message import Message

if TYPE_CHECKING:
    from soilco2.ingest.clock.clock import Clock
    from soilco2.ingest.simulate.run import Simulation


class _Command(click.Command):
    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        from soilco2.ingest.simulate.faults import MEANING

        with formatter.section("Faults"):
            formatter.write_dl([(kind.value, text) for kind, text in MEANING.items()])
        with formatter.section("Examples"):
            formatter.write_text("soilco2 simulate station.toml")
            formatter.write_text("soilco2 simulate station.toml --fault silence:co2-03 --fault noise")
            formatter.write_text(
                "soilco2 simulate station.toml --fault unplug:bus1@2022-06-16T06:00Z/2022-06-16T09:00Z"
            )


@click.command("simulate", cls=_Command)
@station_argument
@click.option(
    "--data",
    type=click.Path(path_type=Path, exists=True),
    help="Folder of NEON soil data or a tidy table (CSV); SJER, June 2022, when left out.",
)
@click.option(
    "--fault",
    "faults",
    multiple=True,
    metavar="KIND[:INSTRUMENT][@FROM[/TO]]",
    help="A fault, for an instrument or connection, between two times; may be repeated.",
)
@click.option(
    "--clock-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Follow the replay clock of this file and end with the data; without it the data repeat.",
)
@spoken_language
@json_option
def command(
    station: Path, data: Path | None, faults: tuple[str, ...], clock_file: Path | None, as_json: bool
) -> None:
    """Run simulated probes for STATION on measured data.

    Makes a pseudo-terminal for every serial connection, behind a link where `port` of the station file says, a
    gateway at the host and port of one over TCP, dials in where a modem would, and publishes for every MQTT
    connection. Prints where each channel's numbers come from, then "ready", and
    runs until it is told to stop.
    """
    from soilco2.ingest.clock.replay import ReplayClock
    from soilco2.ingest.clock.system import SystemClock
    from soilco2.ingest.simulate.faults import parse_fault
    from soilco2.ingest.simulate.measured import load_measured
    from soilco2.ingest.simulate.run import Simulation

    loaded = load(station)
    zone = loaded.deployments.zone
    wanted = [parse_fault(text, lambda time: parse_time(time, zone)) for text in faults]
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _number, _frame: stop.set())
    clock: Clock = SystemClock() if clock_file is None else ReplayClock.follow(clock_file, stop=stop)
    simulation = Simulation(
        loaded,
        load_measured(data, loaded.variables),
        clock,
        loaded.journal_path.parent,
        faults=wanted,
        repeat=clock_file is None,
    )
    if not loaded.file.connection:
        fail(
            Message(
                "{station}: the station file has no connection, so there is nothing to simulate",
                station=station,
            )
        )
    simulation.start()
    try:
        _describe(simulation, as_json)
        click.echo("ready", err=as_json)
        simulation.wait(stop)
    finally:
        simulation.stop()


def _describe(simulation: Simulation, as_json: bool) -> None:
    channels = list(simulation.told())
    if as_json:
        emit_json(
            {
                "ports": simulation.places("ports"),
                "topics": simulation.places("topics"),
                "data": simulation.feed.data.name,
                "channels": [row._asdict() for row in channels],
            }
        )
        return
    on_line = Counter(row.connection for row in simulation.station.file.instrument)
    for name, port in simulation.places("ports").items():
        echo(Message("{name}: {on_line} probes at {port}", name=name, on_line=on_line[name], port=port))
    for name, topic in simulation.places("topics").items():
        echo(
            Message(
                "{name}: {on_line} instruments publish on {topic}",
                name=name,
                on_line=on_line[name],
                topic=topic,
            )
        )
    for row in channels:
        source = row.source or Message(
            "no data in {name}: the device says that it has no value", name=simulation.feed.data.name
        )
        click.echo(f"  {row.instrument}/{row.channel}: {translate(source)}")
