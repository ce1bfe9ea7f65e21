"""``soilco2 teach data``: the measured records of the package as tidy tables."""

from __future__ import annotations

from pathlib import Path

import click

from soilco2.cli.options import echo, fail
from soilco2.station_config.extras import how_to_add
from soilco2.station_config.message import Message, system

FORMATS = (".csv", ".csv.gz", ".parquet")


@click.command()
@click.argument("name", required=False)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="File: .csv, .csv.gz or .parquet; NAME.csv when left out.",
)
@click.option("--force", is_flag=True, help="Replace a file that is there.")
def data(name: str | None, output: Path | None, force: bool) -> None:
    """Write the measured record NAME as a tidy table with its README; list the records without NAME.

    \b
    Examples:
      soilco2 teach data
      soilco2 teach data agua-amarga
      soilco2 analyse all agua-amarga.csv
    """
    try:
        from soilco2.teaching.datasets import DATASETS
    except ImportError:
        fail(Message("the records need the extra 'analysis': {how}", how=how_to_add("analysis")))
    if name is None:
        for known, one in DATASETS.items():
            click.echo(f"{known}: {one.what} ({one.licence})")
        return
    chosen = DATASETS.get(name)
    if chosen is None:
        fail(Message("there is no record {name!r}; known are {names}", name=name, names=", ".join(DATASETS)))
    path = output or Path(f"{name}.csv")
    if not path.name.endswith(FORMATS):
        fail(
            Message(
                "{path}: a name that ends in {endings} is expected", path=path, endings=", ".join(FORMATS)
            )
        )
    beside = path.with_name(path.name + ".README.md")
    for there in (path, beside):
        if there.exists() and not force:
            fail(Message("{path}: there is such a file already; --force replaces it", path=there))
    table = chosen.table()
    part = path.with_name("." + path.name)
    try:
        if path.suffix == ".parquet":
            table.to_parquet(part, index=False)
        else:
            table.to_csv(part, index=False)
        part.replace(path)
        beside.write_text(chosen.readme(), encoding="utf-8")
    except OSError as error:
        fail(Message("{path}: it cannot be written: {why}", path=path, why=system(error)))
    echo(
        Message(
            "{path}: {count} values; {licence}, source and oddities in {beside}",
            path=path,
            count=len(table),
            licence=chosen.licence,
            beside=beside,
        )
    )
