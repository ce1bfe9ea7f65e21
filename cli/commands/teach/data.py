"""``soilco2 teach data``: the measured records of the package as tidy tables."""

from __future__ import annotations

from pathlib import Path

import click

from soilco2.cli.options import fail
from soilco2.station_config.extras import how_to_add
from soilco2.station_config.message import Message

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
        fail(
            Message("the records need the extra 'analysis': {how_to_add}", how_to_add=how_to_add("analysis"))
        )
    if name is None:
        for known, one in DATASETS.items():
            click.echo(f"{known}: {one.what} ({one.licence})")
        return
    chosen = DATASETS.get(name)
    if chosen is None:
        fail(f"there is no record {name!r}; known are {', '.join(DATASETS)}")
    path = output or Path(f"{name}.csv")
    if not path.name.endswith(FORMATS):
        fail(f"{path}: a name that ends in {', '.join(FORMATS)} is expected")
    beside = path.with_name(path.name + ".README.md")
    for there in (path, beside):
        if there.exists() and not force:
            fail(f"{there}: there is such a file already; --force replaces it")
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
        fail(f"{path}: it cannot be written: {error.strerror or error}")
    click.echo(f"{path}: {len(table)} values; {chosen.licence}, source and oddities in {beside}")
