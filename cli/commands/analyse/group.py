"""``soilco2 analyse``: answers with their uncertainty, or the reason why not."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import click

from soilco2.cli.options import LazyGroup, json_option, language_option, window_options

HELP: Final = {
    "all": "Every analysis below, and one report.",
    "audit": "Are the data fit to be analysed: coverage, ranges, clocks, sensors.",
    "correlation": "CO₂ with its nearest temperature, water and salinity, at each scale.",
    "response": "Temperature response (Q10), whole and by water class.",
    "lag": "Whether CO₂ comes before or after temperature; the loop of the day.",
    "water": "Water response, and models of temperature and water together.",
    "rain": "What CO₂ does after rain.",
    "profile": "CO₂ by depth and time; pressure; several profiles.",
}
"""One line for each analysis."""


@click.group(cls=LazyGroup, elsewhere={"flux": "soilco2.cli.commands.analyse.flux:command"})
def command() -> None:
    """How CO₂ goes with temperature, water and salinity, and what flows.

    Each analysis prints a short table and writes into a folder of the day: results (JSON), curves (CSV), figures
    (SVG) and one report (HTML). What the data cannot tell is withheld with its reason.

    \b
    Example:
      soilco2 analyse all yulin.toml
      soilco2 analyse correlation june.csv --depth 0.10 --lang zh
      soilco2 analyse all yulin.toml --every 1d
      soilco2 analyse flux yulin.toml
    """


def _options(function: Any) -> Any:
    for decorate in reversed(
        (
            click.argument("data", nargs=-1, required=True, type=click.Path(path_type=Path)),
            window_options,
            click.option(
                "--depth", "depths", type=float, multiple=True, metavar="M",
                help="Only CO₂ at this depth [m]; may be repeated.",
            ),
            click.option(
                "--source", type=click.Choice(["auto", "journal", "influx"]), default="auto", show_default=True,
                help="For a station file: where its data are read.",
            ),
            click.option(
                "--longitude", type=click.FloatRange(-180, 180), metavar="DEGREES",
                help="East positive; a station file has its own. Days and hours are then solar.",
            ),
            click.option("--trust-clock", is_flag=True, help="Go on though the clock check failed."),
            click.option("--seed", type=int, default=1, show_default=True, help="Of every random draw."),
            click.option("--workers", type=click.IntRange(1), metavar="N", help="Use N processes."),
            click.option("--scheduler", metavar="ADDRESS", help="Use a Dask cluster, such as tcp://host:8786."),
            click.option(
                "--every", metavar="DURATION",
                help="Beside a running station: again for every such time that has ended, such as 1d.",
            ),
            click.option("--once", is_flag=True, help="With --every: what is due now, then end."),
            click.option(
                "--out", type=click.Path(path_type=Path), default=Path("results"), show_default=True,
                help="Folder of the results.",
            ),
            language_option,
            json_option,
        )
    ):  # fmt: skip
        function = decorate(function)
    return function


def _job_command(name: str) -> click.Command:
    @click.command(
        name,
        help=f"{HELP[name]}\n\nDATA is a station file, or one or more tidy tables (CSV, Parquet).",
        short_help=HELP[name],
        epilog=f"Example: soilco2 analyse {name} yulin.toml --from 2026-05-01 --to 2026-06-01",
    )
    @_options
    def run(**asked: Any) -> None:
        from soilco2.cli.commands.analyse.jobs import main
        from soilco2.cli.commands.analyse.plan import Asked

        main(name, Asked(**asked))

    return run


for _name in HELP:
    command.add_command(_job_command(_name))
