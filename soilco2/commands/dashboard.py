"""``soilco2 dashboard``: serve the built-in page."""

from __future__ import annotations

from pathlib import Path

import click

from soilco2.cli import fail, load


@click.group()
def command() -> None:
    """The live page and Grafana's dashboards.

    \b
    Example:
      soilco2 dashboard serve yulin.toml
    """


@command.command()
@click.argument("stations", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--host", help="Loopback address to listen on; the station file's [page] table by default.")
@click.option("--port", type=click.IntRange(0, 65535), help="Port to listen on; 0 takes a free one.")
@click.option("--clock-file", type=click.Path(path_type=Path), hidden=True)
def serve(stations: tuple[Path, ...], host: str | None, port: int | None, clock_file: Path | None) -> None:
    """Serve the live page of one or more STATIONS; Ctrl-C stops it.

    \b
    Example:
      soilco2 dashboard serve yulin.toml --port 8470
    """
    try:
        import uvicorn  # noqa: F401
    except ImportError:
        fail("the page needs the extra 'dashboard': pip install 'soilco2[dashboard]'")
    from dashboards.live.pages import pages_of
    from dashboards.live.server import bind, server
    from soilco2 import __version__

    loaded = [load(path) for path in stations]
    pages = pages_of(loaded, clock_file=clock_file)
    table = loaded[0].file.page
    listener = bind(host or table.host, table.port if port is None else port)
    address, bound = listener.getsockname()[:2]
    click.echo(f"http://{address}:{bound}/")
    server(pages, version=__version__).run(sockets=[listener])
