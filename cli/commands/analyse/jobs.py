"""What ``soilco2 analyse`` does for the statistical analyses: read, run, write, echo_run."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import click

from soilco2.cli.commands.analyse.plan import Asked, Plan, _executor, echo_run, run_once
from soilco2.cli.options import fail, parse_time, present_or_fail
from soilco2.station_config.extras import how_to_add
from soilco2.station_config.message import Message


def main(name: str, asked: Asked) -> None:
    """Run an analysis, or all of them."""
    present_or_fail(asked.data)
    try:
        import matplotlib
        import scipy  # noqa: F401
    except ImportError:
        fail(Message("analyses need the extra 'analysis': {how}", how=how_to_add("analysis")))
    del matplotlib
    from soilco2.analysis.errors import AnalysisError
    from soilco2.analysis.jobs import present

    if asked.workers and asked.scheduler:
        fail(Message("--workers and --scheduler are two places to run; give one"))
    station, zone = None, ZoneInfo("UTC")
    if asked.data[0].suffix == ".toml":
        from soilco2.cli.options import load

        station = load(asked.data[0])
        zone = station.deployments.zone
    plan = Plan(
        name, present() if name == "all" else (name,), asked, station, zone,
        parse_time(asked.since, zone) if asked.since else None,
        parse_time(asked.until, zone) if asked.until else None,
    )  # fmt: skip
    try:
        with _executor(asked) as executor:
            if asked.every:
                from soilco2.cli.commands.analyse import periodic

                periodic.main(plan, executor)
                return
            made = run_once(plan, executor)
    except AnalysisError as error:
        fail(Message.of(error), 1)
    echo_run(plan, made)
    if made.faults:
        raise click.exceptions.Exit(1)
