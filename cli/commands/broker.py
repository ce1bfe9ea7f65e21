"""``soilco2 broker``: password file and rights for a shared mosquitto."""

from __future__ import annotations

from pathlib import Path

import click

from soilco2.cli.options import echo, emit_json, fail, json_option, load, translate
from soilco2.station_config.message import Message, marked

_RIGHTS = {"read": marked("reads {topic}"), "write": marked("writes {topic}")}
_NEW = Message("new password")


@click.command("broker")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.argument("stations", nargs=-1, required=True, type=click.Path(path_type=Path))
@json_option
def command(folder: Path, stations: tuple[Path, ...], as_json: bool) -> None:
    """Write the password file and the access file of a mosquitto that STATIONS share.

    Each station has an account for its collector, which reads the station's topics, and one for each
    connection's node, which writes that topic. FOLDER gets config/passwords (hashes) and config/acl for
    the broker, and secrets/USER with the password of each. It must lie outside of any repository. What is
    there stays: remove a file in secrets for a new password, and run this again.

    \b
    Example:
      soilco2 broker /srv/soilco2/broker yulin.toml
    """
    from soilco2.cli.broker import BrokerFilesError, accounts, write

    loaded = [load(path) for path in stations]
    try:
        found = accounts(loaded)
        fresh = write(folder, found)
    except BrokerFilesError as error:
        fail(Message.of(error))
    if as_json:
        rows = [{"user": a.user, "station": a.station, "rights": [list(r) for r in a.rights]} for a in found]
        emit_json({"folder": str(folder), "accounts": rows, "new": fresh})
        return
    for account in found:
        rights = ", ".join(translate(Message(_RIGHTS[right], topic=topic)) for right, topic in account.rights)
        click.echo(
            f"{account.user:<32} {rights}" + (f"  ({translate(_NEW)})" if account.user in fresh else "")
        )
    for station in loaded:
        table, name = station.file.mqtt, station.file.station.id
        if table is not None and (table.username is None or table.password is None or not table.tls):
            collector = next(a.user for a in found if a.station == name and a.rights[0][0] == "read")
            echo(
                Message(
                    'station {name}: its table [mqtt] needs username = "{collector}", password = {{ file = '
                    '"{where}/secrets/{collector}" }} and tls = true',
                    name=name,
                    collector=collector,
                    where=folder.absolute(),
                ),
                err=True,
            )
    echo(
        Message(
            "passwords: {folder}/secrets/USER; a running mosquitto reads {folder}/config again on SIGHUP",
            folder=folder,
        )
    )
