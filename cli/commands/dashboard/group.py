"""``soilco2 dashboard``: the live page and Grafana's dashboards."""

from __future__ import annotations

from typing import Final

import click

from soilco2.cli.options import LazyGroup

_PLACES: Final = {"serve": "serve", "password": "serve", "provision": "grafana", "publish": "grafana"}


@click.group(
    cls=LazyGroup,
    elsewhere={name: f"soilco2.cli.commands.dashboard.{module}:{name}" for name, module in _PLACES.items()},
)
def command() -> None:
    """The live page and Grafana's dashboards.

    \b
    Example:
      soilco2 dashboard serve yulin.toml
    """
