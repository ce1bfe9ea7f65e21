"""Rules between tables about wires: connections, addresses, models, line settings, time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from soilco2.station_config.catalogue.probe import ProbeModel
from soilco2.station_config.connections.registry import carries, kind_of, kinds_for
from soilco2.station_config.errors import Fault
from soilco2.station_config.message import Message
from soilco2.station_config.parsing.faults import Path, either, nearest
from soilco2.station_config.parsing.salvage import Salvaged
from soilco2.station_config.tables.instrument import Instrument
from soilco2.station_config.tables.platform import MqttPlatform, Platform
from soilco2.station_config.units import between

Models = Mapping[str, ProbeModel]


def twice(salvaged: Salvaged, rows: Iterable[tuple[Path, str]], what: str) -> Iterator[Fault]:
    """A fault for every name that stands a second time."""
    first: dict[str, Path] = {}
    for path, name in rows:
        if name in first:
            line = salvaged.line(first[name])
            yield salvaged.fault(
                path,
                name,
                Message(
                    "this {what} is used already at line {line}; each needs one of its own",
                    what=what,
                    line=line,
                ),
            )
        else:
            first[name] = path


def connections(salvaged: Salvaged, models: Models) -> Iterator[Fault]:
    """Ids, and what only one connection may have, such as a port or a topic; tables that a kind needs."""
    rows = list(enumerate(salvaged.file.connection))
    station = salvaged.file.station.id
    yield from twice(salvaged, [(("connection", n, "id"), row.id) for n, row in rows], "id")
    claims: dict[str, list[tuple[Path, str]]] = {}
    for n, row in rows:
        for claim in kind_of(row).claims(row, station):
            claims.setdefault(claim.what, []).append((("connection", n, claim.key), claim.value))
    for what, claimed in claims.items():
        yield from twice(salvaged, claimed, what)
    for n, row in rows:
        for table, expected in kind_of(row).needs.items():
            if getattr(salvaged.file, table) is None and table not in salvaged.data:
                yield salvaged.fault(("connection", n, "kind"), row.kind, expected)


def brokers(salvaged: Salvaged, models: Models) -> Iterator[Fault]:
    """Ids of brokers, and names of sessions at one broker."""
    rows = [(("broker", n, "id"), row.id) for n, row in enumerate(salvaged.file.broker)]
    yield from twice(salvaged, rows, "id")
    names: dict[tuple[str, int], list[tuple[Path, str]]] = {}
    for n, row in enumerate(salvaged.file.broker):
        if row.client_id is not None:
            names.setdefault((row.host, row.port), []).append((("broker", n, "client_id"), row.client_id))
    if (mqtt := salvaged.file.mqtt) is not None and mqtt.client_id is not None:
        names.setdefault((mqtt.host, mqtt.port), []).insert(0, (("mqtt", "client_id"), mqtt.client_id))
    for one in names.values():
        yield from twice(salvaged, one, "client_id")


def sinks(salvaged: Salvaged, models: Models) -> Iterator[Fault]:
    """Ids of databases and platforms, and what the tables of platforms name."""
    one = isinstance(salvaged.data.get("influxdb"), dict)
    rows = [
        (("influxdb", "id") if one else ("influxdb", n, "id"), row.id)
        for n, row in enumerate(salvaged.file.influxdb)
    ]
    rows += [(("platform", n, "id"), row.id) for n, row in enumerate(salvaged.file.platform)]
    yield from twice(salvaged, [(path, name) for path, name in rows], "id")
    for n, platform in enumerate(salvaged.file.platform):
        yield from _platform(salvaged, ("platform", n), platform)


def _platform(salvaged: Salvaged, path: Path, row: Platform) -> Iterator[Fault]:
    """What a platform's table names: variables, units, a broker, positions."""
    variables = salvaged.file.variables
    named = [("variables", name) for name in row.variables or ()]
    named += [("names", name) for name in row.names] + [("units", name) for name in row.units]
    for key, name in named:
        if name not in variables:
            expected = Message("no such variable; {nearest}", nearest=nearest(name, list(variables)))
            yield salvaged.fault((*path, key), name, expected)
    for name, unit in row.units.items():
        if name in variables and between(variables[name].unit, unit, name, variables) is None:
            expected = Message("{variable} cannot be said in this unit", variable=name)
            yield salvaged.fault((*path, "units", name), unit, expected)
    profiles = salvaged.file.profile
    places = [row.id for row in profiles] + [f"{row.id}/{one.id}" for row in profiles for one in row.position]
    for place in row.positions or ():
        if place not in places and place.partition("/")[0] != "site":
            expected = Message("no such position; {nearest}", nearest=nearest(place, places))
            yield salvaged.fault((*path, "positions"), place, expected)
    if isinstance(row, MqttPlatform) and (row.broker or "") not in salvaged.file.brokers:
        known = [name for name in salvaged.file.brokers if name]
        expected = Message("no such broker; {nearest}", nearest=nearest(row.broker or "mqtt", known))
        yield salvaged.fault((*path, "broker"), row.broker or "", expected)


def instruments(salvaged: Salvaged, models: Models) -> Iterator[Fault]:
    """Ids, serial numbers, models, connections, addresses, and what names a channel."""
    rows = list(enumerate(salvaged.file.instrument))
    yield from twice(salvaged, [(("instrument", n, "id"), row.id) for n, row in rows], "id")
    yield from twice(
        salvaged, [(("instrument", n, "serial"), row.serial) for n, row in rows], Message("serial number")
    )
    known = {row.id: row for row in reversed(salvaged.file.connection)}
    named = salvaged.names("connection")
    for n, row in rows:
        path: Path = ("instrument", n)
        model = models.get(row.model_key)
        if model is None:
            yield salvaged.fault(
                (*path, "model"),
                row.model,
                Message("no such model in the catalogue; {nearest}", nearest=nearest(row.model, models)),
            )
        connection = known.get(row.connection)
        if row.connection not in named:
            yield salvaged.fault(
                (*path, "connection"),
                row.connection,
                Message("no such connection; {nearest}", nearest=nearest(row.connection, named)),
            )
        elif connection is not None and model is not None and not carries(kind_of(connection), model):
            yield salvaged.fault(
                (*path, "connection"), row.connection,
                Message(
                    "{model} speaks {protocol} and needs a connection of kind {needed}; {connection} is of kind "
                    '"{kind}"',
                    model=model.id, protocol=model.protocol,
                    needed=either(f'"{kind.name}"' for kind in kinds_for(model)),
                    connection=connection.id, kind=connection.kind,
                ),
            )  # fmt: skip
        elif connection is not None:
            yield from kind_of(connection).instrument(salvaged, path, row)
        if model is not None:
            yield from _channel_names(salvaged, path, row, model)


def _channel_names(salvaged: Salvaged, path: Path, row: Instrument, model: ProbeModel) -> Iterator[Fault]:
    known = [spec.id for spec in model.channel]

    def wrong(name: str) -> Message:
        return Message("{model} has no such channel; {nearest}", model=model.id, nearest=nearest(name, known))

    for n, name in enumerate(row.channels):
        if name not in known:
            yield salvaged.fault((*path, "channels", n), name, wrong(name))
    for name in row.modelled:
        if name not in known:
            yield salvaged.fault((*path, "modelled", name), row.modelled[name].en, wrong(name))
    for n, calibration in enumerate(row.calibration):
        name = calibration.channel
        if name not in known:
            yield salvaged.fault((*path, "calibration", n, "channel"), name, wrong(name))
    settings = ["ec_coefficient", "salinity_factor", *model.settings()]
    for name, value in row.settings.items():
        if name not in settings:
            yield salvaged.fault(
                (*path, "settings", name), value,
                Message(
                    "{model} has no such setting; {nearest}",
                    model=model.id, nearest=nearest(name, dict.fromkeys(settings)),
                ),
            )  # fmt: skip
    if row.compensation is not None and not any(spec.variable == "co2" for spec in model.channel):
        yield salvaged.fault(
            (*path, "compensation"),
            None,
            Message("compensation is for CO₂ probes; {model} gives no CO₂", model=model.id),
        )


def by_kind(salvaged: Salvaged, models: Models) -> Iterator[Fault]:
    """What each kind of connection that the station has asks of its instruments."""
    for kind in dict.fromkeys(map(kind_of, salvaged.file.connection)):
        yield from kind.rules(salvaged, models)


RULES = (connections, brokers, sinks, instruments, by_kind)
