"""``soilco2 dashboard provision`` and ``publish``: Grafana's dashboards and alert rules from station files."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, TypeVar

import click

from soilco2.cli.options import echo, emit_json, fail, load, translate
from soilco2.station_config.message import Message

TOKEN = "SOILCO2_GRAFANA_TOKEN"  # noqa: S105 - its name
F = TypeVar("F", bound=Callable[..., Any])

_DONE = {
    "created": Message("created"),
    "updated": Message("updated"),
    "unchanged": Message("unchanged"),
    "kept": Message("kept"),
}
"""What became of a dashboard."""


def _common(function: F) -> F:
    for option in (
        click.option(
            "--influxdb", "chosen", metavar="ID", help="The [[influxdb]] to read, where there are several."
        ),
        click.option(
            "--datasource", default="soilco2", show_default=True, help="Uid of the data source in Grafana."
        ),
        click.option(
            "--lang", "languages", type=click.Choice(["en", "zh"]), multiple=True, help="Only this language."
        ),
        click.option("--json", "as_json", is_flag=True, help="Print one JSON object."),
    ):
        function = option(function)
    return function


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.argument("stations", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--influx-url", metavar="URL", help="The database as Grafana reaches it, such as http://influxdb:8086."
)
@click.option("--mounted", default="/etc/grafana/provisioning", show_default=True,
              help="Where Grafana sees FOLDER.")  # fmt: skip
@_common
def provision(
    folder: Path, stations: tuple[Path, ...], influx_url: str | None, mounted: str, chosen: str | None,
    datasource: str, languages: tuple[str, ...], as_json: bool,
) -> None:  # fmt: skip
    """Write data source, dashboards and alert rules of STATIONS into FOLDER, for Grafana's provisioning.

    FOLDER holds no secret: Grafana reads the database's token from its own environment,
    SOILCO2_INFLUX_READ_TOKEN. Dashboards of stations that are not named any more are removed.

    \b
    Example:
      soilco2 dashboard provision /etc/grafana/provisioning yulin.toml
    """
    from soilco2.dashboards.errors import GrafanaError
    from soilco2.dashboards.grafana.provision import TOKEN_VARIABLE, files, former_rules, write

    loaded = [load(path) for path in stations]
    try:
        found = files(
            loaded,
            languages=languages or ("en", "zh"),
            source=datasource,
            url=influx_url,
            chosen=chosen,
            mounted=mounted,
            former=former_rules(folder, datasource),
        )
        written, removed = write(folder, found)
    except GrafanaError as error:
        fail(Message.of(error))
    if as_json:
        emit_json({"folder": str(folder), "files": sorted(found), "written": written, "removed": removed})
        return
    echo(
        Message(
            "{folder}: {written} of {count} files written, {removed} removed",
            folder=folder,
            written=len(written),
            count=len(found),
            removed=len(removed),
        )
    )
    echo(
        Message(
            "Grafana needs {name} in its environment: a token that may read the bucket.", name=TOKEN_VARIABLE
        )
    )


@click.command()
@click.argument("stations", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--url", required=True, help="Address of Grafana.")
@click.option("--folder", default="soilco2", show_default=True, help="Folder in Grafana; made when missing.")
@click.option("--force", is_flag=True, help="Replace dashboards that a person changed, too.")
@click.option("--ca-file", type=click.Path(path_type=Path), help="Certificates to trust, for https.")
@_common
def publish(
    stations: tuple[Path, ...], url: str, folder: str, force: bool, ca_file: Path | None, chosen: str | None,
    datasource: str, languages: tuple[str, ...], as_json: bool,
) -> None:  # fmt: skip
    """Bring the dashboards of STATIONS into a running Grafana.

    The token of a service account with the role Editor is read from SOILCO2_GRAFANA_TOKEN. What a person
    saved last stays as it is, and the exit code is 1. Alert rules and the data source come with 'provision'.

    \b
    Example:
      SOILCO2_GRAFANA_TOKEN=… soilco2 dashboard publish yulin.toml --url https://grafana.example.org
    """
    from soilco2.dashboards.errors import GrafanaError
    from soilco2.dashboards.grafana.provision import all_dashboards, database, known_source
    from soilco2.dashboards.grafana.upload import Done, Grafana

    loaded = [load(path) for path in stations]
    token = os.environ.get(TOKEN, "")
    if not token:
        fail(
            Message(
                "the environment variable {name} is not set; put the token of a service account of Grafana there",
                name=TOKEN,
            )
        )
    outcomes = []
    try:
        database(loaded, chosen)
        boards = all_dashboards(loaded, languages or ("en", "zh"), known_source(datasource))
        with closing(Grafana(url, token, ca_file)) as grafana:
            if grafana.unsafe:
                echo(Message("the token goes over the network unencrypted: use https"), err=True)
            if grafana.has_source(datasource) is False:
                echo(
                    Message(
                        "Grafana has no data source with the uid {datasource}; until it has, the dashboards stay "
                        "empty: 'soilco2 dashboard provision' writes one, --datasource names another",
                        datasource=datasource,
                    ),
                    err=True,
                )
            place = grafana.folder(folder)
            for _, board in boards:
                outcomes.append(grafana.publish(board, place, force=force))
                if not as_json:
                    done = outcomes[-1]
                    why = f" ({translate(done.why)})" if done.why else ""
                    click.echo(f"{translate(_DONE[done.done]):<9} {done.title}{why}")
    except GrafanaError as error:
        fail(Message.of(error))
    if as_json:
        emit_json({"folder": folder, "dashboards": [one._asdict() for one in outcomes]})
    if any(one.done is Done.KEPT for one in outcomes):
        raise click.exceptions.Exit(1)
