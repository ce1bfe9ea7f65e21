"""``soilco2 dashboard serve | password``: the live page, and who may see it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from soilco2.cli.options import echo, fail, load, translate
from soilco2.station_config.extras import how_to_add
from soilco2.station_config.message import Message

if TYPE_CHECKING:
    from soilco2.station_config.loader import Station


def _prefix(text: str | None) -> str | None:
    from pydantic import ValidationError

    from soilco2.station_config.tables.page import PageTable

    if text is None:
        return None
    try:
        return PageTable(prefix=text.rstrip("/")).prefix
    except ValidationError:
        raise click.BadParameter(
            Message("{text!r} is no path; expected such as /soil or /user/ann/soil", text=text)
        ) from None


def _valid(path: Path) -> Station:
    """The station of a file, or while it has faults the last valid one, as the collector does it."""
    from soilco2.ingest.station_file import last_valid
    from soilco2.station_config.errors import StationConfigError
    from soilco2.station_config.loader import load_station

    try:
        return load_station(path)
    except StationConfigError:
        return last_valid(path) or load(path)


@click.command()
@click.argument("stations", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--host", help="Address to listen on; the station file's [page] table by default.")
@click.option("--port", type=click.IntRange(0, 65535), help="Port to listen on; 0 takes a free one.")
@click.option(
    "--password-file", type=click.Path(path_type=Path), help="Ask for the password hashed in this file."
)
@click.option("--trust-proxy", is_flag=True, help="Beyond loopback a proxy in front asks who it is.")
@click.option("--screens", type=click.Path(path_type=Path), help="Folder of screen files.")
@click.option("--results", type=click.Path(path_type=Path), default=Path("results"), show_default=True,
              help="Folder of the analyses' results.")  # fmt: skip
@click.option("--source", type=click.Choice(["journal", "influx"]), default="journal", show_default=True,
              help="Where series are read.")  # fmt: skip
@click.option("--prefix", callback=lambda _c, _p, v: _prefix(v),
              help="Path in front of every address, such as /soil, behind a proxy.")  # fmt: skip
@click.option("--clock-file", type=click.Path(path_type=Path), hidden=True)
@click.option("--with-parent", is_flag=True, hidden=True)
def serve(
    stations: tuple[Path, ...], host: str | None, port: int | None, password_file: Path | None, trust_proxy: bool,
    screens: Path | None, results: Path, source: str, prefix: str | None, clock_file: Path | None,
    with_parent: bool,
) -> None:  # fmt: skip
    """Serve the live page of one or more STATIONS; Ctrl-C stops it.

    Beyond loopback it needs --password-file or --trust-proxy.

    \b
    Example:
      soilco2 dashboard serve yulin.toml --port 8470
    """
    try:
        import uvicorn  # noqa: F401
    except ImportError:
        fail(Message("the page needs the extra 'dashboard': {how}", how=how_to_add("dashboard")))
    from soilco2 import __version__
    from soilco2.cli.page_process import CLOCK_NAME, end_with_parent
    from soilco2.dashboards.errors import ServeError
    from soilco2.dashboards.live.server import server
    from soilco2.dashboards.live.stations import pages_of
    from soilco2.dashboards.web.auth import Password
    from soilco2.dashboards.web.bind import bind

    if with_parent:
        end_with_parent()
    beside = stations[0].parent / CLOCK_NAME
    if clock_file is None and len(stations) == 1 and beside.is_file():
        echo(Message("this station is a replay; its time is that of {beside}", beside=beside), err=True)
        clock_file = beside
    loaded = [_valid(path) if with_parent else load(path) for path in stations]
    table = loaded[0].file.page
    stored = password_file or table.password_file
    try:
        pages = pages_of(loaded, clock_file=clock_file, influx=source == "influx")
        password = Password(stored) if stored is not None else None
        listener = bind(
            host or table.host,
            table.port if port is None else port,
            guarded=password is not None or trust_proxy,
        )
    except ServeError as error:
        fail(Message.of(error))
    address, bound = listener.getsockname()[:2]
    path = table.prefix if prefix is None else prefix
    click.echo(f"http://{f'[{address}]' if ':' in address else address}:{bound}{path}/")
    server(
        pages, version=__version__, password=password, results=results, screen_folder=screens or table.screens,
        prefix=path, language=table.language, trust_proxy=trust_proxy,
    ).run(sockets=[listener])  # fmt: skip


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
def password(file: Path) -> None:
    """Ask for a password and write its hash (scrypt) to FILE, outside of any repository.

    \b
    Example:
      soilco2 dashboard password ~/.config/soilco2/page.password
    """
    from soilco2.dashboards.errors import ServeError
    from soilco2.dashboards.web.auth import write_password

    given = click.prompt(
        translate(Message("Password of the page")), hide_input=True, confirmation_prompt=True
    )
    try:
        write_password(file, given)
    except ServeError as error:
        fail(Message.of(error))
    echo(
        Message(
            "{file}: written; soilco2 dashboard serve STATION --host 0.0.0.0 --password-file {file}",
            file=file,
        )
    )
