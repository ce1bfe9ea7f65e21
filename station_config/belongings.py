"""What a station file needs beside it: the files it includes, catalogues, certificates, screens; and its secrets."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from soilco2.station_config.base import Secret, Table
from soilco2.station_config.loader import Station
from soilco2.station_config.parsing.toml_source import files_read

SETTINGS = frozenset(
    {
        ("catalogue",),
        ("page", "screens"),
        ("platform", "known_hosts"),
        *((table, "ca_file") for table in ("mqtt", "broker", "influxdb", "platform", "connection")),
    }
)
"""Keys whose files and folders are part of the configuration."""
SECRETS = frozenset({("page", "password_file"), ("platform", "key_file")})
"""Keys whose files are secret, beside those of `Secret`."""
OTHERS = frozenset(
    {("connection", "path"), ("connection", "port"), ("journal", "path"), ("journal", "archive_folder"),
     ("platform", "folder")}
)  # fmt: skip
"""Keys that name data, devices and what the station itself writes."""


class NeededSecret(NamedTuple):
    """A secret that the station uses.

    Parameters
    ----------
    key : str
        In the station file, such as ``mqtt.password``.
    env : str
        The environment variable it comes from; empty when it is a file.
    file : Path or None
    """

    key: str
    env: str
    file: Path | None


def settings_of(station: Station) -> list[Path]:
    """Every file but the station file that its configuration is read from, absolute; those that are there."""
    found: dict[Path, None] = {}
    if station.path is not None:
        found |= dict.fromkeys(files_read(station.path)[1:])
    for keys in sorted(SETTINGS):
        for path in _at(station.file, keys):
            pattern = "*.toml" if keys == ("catalogue",) else "**/*"
            files = sorted(path.glob(pattern)) if path.is_dir() else [path]
            found |= dict.fromkeys(file.absolute() for file in files if file.is_file())
    return list(found)


def secrets_of(station: Station) -> list[NeededSecret]:
    """Every secret the station uses."""
    found = dict.fromkeys(_secrets(station.file, ""))
    for keys in sorted(SECRETS):
        found |= dict.fromkeys(NeededSecret(".".join(keys), "", path) for path in _at(station.file, keys))
    return list(found)


def _secrets(table: Table, key: str) -> Iterator[NeededSecret]:
    if isinstance(table, Secret):
        yield NeededSecret(key, table.env or "", table.file)
        return
    for name in type(table).model_fields:
        value = getattr(table, name)
        for row in value if isinstance(value, tuple) else (value,):
            if isinstance(row, Table):
                yield from _secrets(row, f"{key}.{name}".lstrip("."))


def _at(value: object, keys: tuple[str, ...]) -> Iterator[Path]:
    """The paths under a key."""
    if isinstance(value, tuple):
        for row in value:
            yield from _at(row, keys)
    elif isinstance(value, Path) and not keys:
        yield value
    elif isinstance(value, Table) and keys:
        yield from _at(getattr(value, keys[0], None), keys[1:])
