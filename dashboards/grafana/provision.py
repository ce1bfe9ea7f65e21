"""Files from which Grafana provisions itself: data source, dashboards, alert rules.

No secret stands in them: the token is named by an environment variable of Grafana's. Grafana reads ``$`` in these
files as the beginning of such a variable, ``$$`` as the sign itself.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from soilco2.dashboards.errors import GrafanaError
from soilco2.dashboards.grafana.alerts import group
from soilco2.dashboards.grafana.dashboards import dashboards, stations_dashboard
from soilco2.dashboards.grafana.inventory import Inventory
from soilco2.dashboards.grafana.model import Dashboard
from soilco2.dashboards.grafana.words import LANGUAGES
from soilco2.station_config.extras import how_to_add
from soilco2.station_config.loader import Station
from soilco2.station_config.message import Message, system
from soilco2.station_config.tables.influxdb import InfluxdbTable
from soilco2.storage.files import write_whole

SOURCE = "soilco2"
"""The uid of the data source, unless another is named."""
FOLDER = "soilco2"
TOKEN_VARIABLE = "SOILCO2_INFLUX_READ_TOKEN"  # noqa: S105 - its name
MOUNTED = "/etc/grafana/provisioning"
_HEADING = "Written by 'soilco2 dashboard provision'; written again, changes made here are lost."
_SIGN = "soilco2"
_NUMBER = re.compile(r"[-+]?(0[box][0-9a-fA-F_]+|\.?[0-9][0-9_.]*([eE][-+]?[0-9]+)?)$")
"""Texts that Grafana's reader takes for numbers: 1e3 and 0o7 are words in YAML 1.1, which PyYAML writes."""
_BREAKS = frozenset("\n\r\x85\u2028\u2029")
"""Line breaks of YAML 1.1: a text keeps them as they are when they are escaped, which takes double quotes."""


def literal(text: str) -> str:
    """A text that Grafana does not read variables into."""
    return text.replace("$", "$$")


def database(stations: Sequence[Station], chosen: str | None = None) -> InfluxdbTable:
    """The one database of some stations.

    Parameters
    ----------
    stations : sequence of Station
    chosen : str, optional
        Id of the table ``[[influxdb]]`` where there are several.

    Raises
    ------
    GrafanaError
        When a station has none, has several and none was chosen, or two stations name different ones.
    """
    found: dict[tuple[str, str], tuple[str, InfluxdbTable]] = {}
    for station in stations:
        tables, name = station.file.influxdb, station.file.station.id
        if not tables:
            raise GrafanaError(
                Message(
                    "station {name} has no table [influxdb], and Grafana reads a database; add one to its file",
                    name=name,
                )
            )
        ids = ", ".join(table.id for table in tables)
        fitting = [table for table in tables if chosen in (None, table.id)]
        if not fitting:
            raise GrafanaError(
                Message(
                    "station {name} has no [[influxdb]] with id {chosen!r}; it has {ids}",
                    name=name,
                    chosen=chosen,
                    ids=ids,
                )
            )
        if len(fitting) > 1:
            raise GrafanaError(
                Message(
                    "station {name} has several databases ({ids}); choose one with --influxdb ID",
                    name=name,
                    ids=ids,
                )
            )
        found.setdefault((fitting[0].url.rstrip("/"), fitting[0].bucket), (name, fitting[0]))
    if len(found) > 1:
        (first, _), (second, _) = list(found.values())[:2]
        raise GrafanaError(
            Message(
                "stations {first} and {second} name different databases; provision each database on its own, with "
                "a data source of its own (--datasource)",
                first=first,
                second=second,
            )
        )
    return next(iter(found.values()))[1]


def known_source(source: str) -> str:
    """The uid of a data source, which is also part of file names.

    Raises
    ------
    GrafanaError
        When Grafana would not take it.
    """
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,40}", source):
        raise GrafanaError(
            Message(
                "{source!r} is no uid of a data source; it has 1 to 40 letters, digits, dashes and underscores",
                source=source,
            )
        )
    return source


def data_source(table: InfluxdbTable, source: str, url: str | None = None) -> dict[str, Any]:
    """The data source: InfluxQL through the API that InfluxDB 1.8, 2 and 3 share.

    Parameters
    ----------
    table : InfluxdbTable
    source : str
        Its uid.
    url : str, optional
        The database as Grafana reaches it, where that differs from the station.

    Raises
    ------
    GrafanaError
        When the address holds a password.
    """
    address = (url or table.url).rstrip("/")
    if "@" in urlsplit(address).netloc:
        raise GrafanaError(
            Message(
                "the address of database {name} holds a user name or password, which would stand in the file; "
                "leave out what stands before the @",
                name=table.id,
            )
        )
    plain: dict[str, Any] = {
        "version": "InfluxQL",
        "dbName": literal(table.bucket),
        "httpMode": "GET",
        "httpHeaderName1": "Authorization",
    }
    secure = {"httpHeaderValue1": f"Token ${{{TOKEN_VARIABLE}}}"}
    if table.ca_file is not None:
        plain["tlsAuthWithCACert"] = True
        secure["tlsCACert"] = f"$__file{{{literal(str(table.ca_file))}}}"
    return {
        "name": source,
        "uid": source,
        "type": "influxdb",
        "access": "proxy",
        "url": literal(address),
        "editable": False,
        "jsonData": plain,
        "secureJsonData": secure,
    }


def all_dashboards(
    stations: Iterable[Station], languages: Sequence[str], source: str
) -> list[tuple[str, Dashboard]]:
    """Every dashboard with its language, that of all stations once."""
    surveys = [Inventory(station) for station in stations]
    found = []
    for language in languages:
        found.append((language, stations_dashboard(language, source)))
        for inventory in surveys:
            found += [(language, board) for board in dashboards(inventory, language, source)]
    return found


def files(
    stations: Sequence[Station],
    *,
    languages: Sequence[str] = LANGUAGES,
    source: str = SOURCE,
    url: str | None = None,
    chosen: str | None = None,
    mounted: str = MOUNTED,
    former: Collection[str] = (),
) -> dict[str, str]:
    """Every file by its path in Grafana's provisioning folder; the same stations give the same bytes.

    Parameters
    ----------
    stations : sequence of Station
        At least one.
    languages : sequence of str
    source : str
        The uid of the data source.
    url, chosen
        As in `data_source` and `database`.
    mounted : str
        Where Grafana sees the folder.
    former : collection of str
        The uids of an earlier run's rules: Grafana keeps a rule that is gone until it is told to remove it.

    Raises
    ------
    GrafanaError
        When a station has no database, two stations share an id, or PyYAML is not installed.
    """
    known_source(source)
    ids = [station.file.station.id for station in stations]
    for name in ids:
        if ids.count(name) > 1:
            raise GrafanaError(
                Message("two station files have the id {name!r}; give each station its own", name=name)
            )
    sources = [data_source(database(stations, chosen), source, url)]
    found = {
        f"datasources/{source}.yaml": yaml_text({"apiVersion": 1, "datasources": sources}),
        f"dashboards/{source}.yaml": yaml_text(_provider(source, mounted)),
    }
    for _, board in all_dashboards(stations, languages, source):
        found[f"dashboards/{source}/{board.uid}.json"] = board.text
    rules = _rules(stations, languages[0], source, former)
    found[rules_file(source)] = yaml_text(rules)
    return found


def _provider(source: str, mounted: str) -> dict[str, Any]:
    """Where Grafana finds the dashboards' files."""
    provider = {
        "name": source,
        "orgId": 1,
        "folder": FOLDER,
        "type": "file",
        "disableDeletion": False,
        "allowUiUpdates": False,
        "updateIntervalSeconds": 60,
        "options": {"path": literal(f"{mounted.rstrip('/')}/dashboards/{source}")},
    }
    return {"apiVersion": 1, "providers": [provider]}


def _rules(
    stations: Iterable[Station], language: str, source: str, former: Collection[str]
) -> dict[str, Any]:
    """The alert rules of some stations, and those of `former` that are no more."""
    groups = []
    for station in stations:
        inventory = Inventory(station)
        groups.append(group(inventory, source, FOLDER, dashboards(inventory, language, source)))
    document: dict[str, Any] = {"apiVersion": 1, "groups": groups}
    kept = {rule["uid"] for one in groups for rule in one["rules"]}
    if gone := sorted(set(former) - kept):
        document["deleteRules"] = [{"uid": uid, "orgId": 1} for uid in gone]
    return document


def rules_file(source: str) -> str:
    """The path of the file of rules in the folder."""
    return f"alerting/{known_source(source)}.yaml"


def former_rules(folder: Path, source: str) -> set[str]:
    """The uids of the rules that an earlier run left in the folder, and of those that it told Grafana to remove.

    Raises
    ------
    GrafanaError
        When the file cannot be read.
    """
    path = folder / rules_file(source)
    if not path.is_file():
        return set()
    yaml = _yaml()
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
        rules = [rule for one in document["groups"] for rule in one["rules"]]
        return {str(rule["uid"]) for rule in (*rules, *document.get("deleteRules", ()))}
    except (OSError, UnicodeDecodeError) as error:
        raise GrafanaError(
            Message("{path} cannot be read ({why}); remove it", path=path, why=error)
        ) from None
    except (yaml.YAMLError, AttributeError, KeyError, TypeError):
        raise GrafanaError(
            Message(
                "{path} is no file of alert rules that soilco2 wrote; move it away and run this again",
                path=path,
            )
        ) from None


def _yaml() -> Any:
    """PyYAML, which only these files need."""
    try:
        return importlib.import_module("yaml")
    except ImportError:
        raise GrafanaError(
            Message("Grafana's files need the extra 'dashboard': {how}", how=how_to_add("dashboard"))
        ) from None


def yaml_text(value: Mapping[str, Any]) -> str:
    """A provisioning file: blocks, keys in their order, no line folded, a comment on top.

    Raises
    ------
    GrafanaError
        When PyYAML is not installed.
    """
    yaml = _yaml()

    class Dumper(yaml.SafeDumper):  # type: ignore[misc, name-defined]
        def ignore_aliases(self, data: Any) -> bool:
            return True

        def text(self, data: str) -> Any:
            return self.represent_scalar("tag:yaml.org,2002:str", data, '"' if _BREAKS & set(data) else None)

    Dumper.add_representer(str, Dumper.text)
    Dumper.add_implicit_resolver("tag:yaml.org,2002:float", _NUMBER, list("-+.0123456789"))
    text = yaml.dump(dict(value), Dumper=Dumper, sort_keys=False, allow_unicode=True, width=float("inf"))
    return f"# {_HEADING}\n{text}"


def write(folder: Path, found: dict[str, str]) -> tuple[list[str], list[str]]:
    """Write the files, each whole or not at all, and remove dashboards of ours that are no more.

    Returns
    -------
    written, removed : list of str
        Paths in the folder; what stands there already is not written again.

    Raises
    ------
    GrafanaError
        When the folder cannot be written.
    """
    written, removed = [], []
    try:
        for name, text in found.items():
            path = folder / name
            if path.is_file() and path.read_bytes() == text.encode():
                continue
            write_whole(path, text)
            written.append(name)
        for place in {(folder / name).parent for name in found if name.endswith(".json")}:
            for path in sorted(place.glob(f"{_SIGN}-*.json")):
                name = path.relative_to(folder).as_posix()
                if name not in found:
                    path.unlink()
                    removed.append(name)
    except OSError as error:
        raise GrafanaError(
            Message(
                "{path} cannot be written ({why}); name a folder that you may write",
                path=error.filename or folder,
                why=system(error),
            )
        ) from None
    return written, removed
