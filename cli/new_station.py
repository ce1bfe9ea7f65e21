"""A station file for probes that were just unpacked: what is asked, what a list says, and the text that is written."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any, NamedTuple

import click

from soilco2.cli.options import fail, language, translate
from soilco2.station_config.message import Message, system

_LARGEST = 1_000_000
"""Bytes of a list, at most."""
_COLUMNS = ("model", "serial", "address", "profile", "depth_m", "port", "line", "interval", "from", "id")
_NAME = re.compile(r"[^A-Za-z0-9_.-]+")


class Probe(NamedTuple):
    """One probe of a list; empty text where nothing is said."""

    model: str
    serial: str
    address: str
    profile: str = ""
    depth_m: str | None = None
    port: str = ""
    line: str = ""
    interval: str = ""
    since: str = ""
    name: str = ""


class Facts(NamedTuple):
    """What is said of the station."""

    id: str
    name: str
    latitude: float
    longitude: float
    altitude: float
    timezone: str
    port: str
    settings: str
    interval: str

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Facts:
        """What the options say."""
        return cls(
            given["id"], given["name"] or given["id"], given["latitude"], given["longitude"], given["altitude"],
            given["timezone"], given["port"] or "", given["settings"] or "", given["interval"],
        )  # fmt: skip

    @classmethod
    def asked(cls, given: Mapping[str, Any]) -> Facts:
        """What the options say, and what is asked for where they say nothing."""
        words = {
            "id": (Message("name of the station in paths (letters, digits, dashes)"), str),
            "name": (Message("its name for people"), str),
            "latitude": (Message("latitude [degrees north]"), float),
            "longitude": (Message("longitude [degrees east]"), float),
            "altitude": (Message("height above the sea [m]"), float),
            "timezone": (Message("time zone, such as Asia/Shanghai"), str),
            "port": (Message("serial port of the probes, such as /dev/ttyUSB0"), str),
        }
        told = dict(given)
        for key, (text, kind) in words.items():
            if told[key] is None:
                told[key] = click.prompt(translate(text), type=kind)
        return cls.of(told)


def ask_probes(facts: Facts) -> list[Probe]:
    """Probe after probe, until there are no more."""
    from soilco2.station_config.catalogue.load import load_catalogue

    models = sorted(load_catalogue())
    found: list[Probe] = []
    while True:
        echo_models = ", ".join(models)
        model = click.prompt(
            translate(Message("model of the next probe (empty: no more)")), default="", show_default=False
        ).strip()
        if not model:
            return found
        if model not in models:
            close = [name for name in models if model.casefold() in name]
            click.echo(
                translate(Message("there is no such model; {hint}", hint=", ".join(close) or echo_models))
            )
            continue
        serial = click.prompt(translate(Message("its serial number, from the label")))
        address = click.prompt(translate(Message("its address")), default="", show_default=False)
        profile = click.prompt(translate(Message("its profile (empty: at the site)")), default="p1")
        depth = ""
        if profile:
            depth = click.prompt(translate(Message("its depth below the surface [m], such as 0.10")))
        found.append(Probe(model, serial, address, profile, depth))


def probes_of(path: Path, port: str | None, settings: str | None) -> list[Probe]:
    """The probes of a list, or of what a scan found; exit 2 with what is wrong with it."""
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST + 1)
        text = data.decode("utf-8-sig")
    except OSError as error:
        fail(Message("{file}: {why}", file=path, why=system(error)))
    except UnicodeDecodeError:
        fail(Message("{file}: this is no text in UTF-8; save the list as CSV UTF-8", file=path))
    if len(data) > _LARGEST:
        fail(Message("{file}: a list of probes is expected; this is longer than 1 MB", file=path))
    found = _scanned(path, text) if text.lstrip().startswith("{") else _listed(path, text)
    if not found:
        fail(Message("{file}: there is no probe in it", file=path))
    if port is None and any(not row.port for row in found):
        fail(Message("{file} does not say the port of every probe: give --port, or a column port", file=path))
    return [row._replace(port=row.port or port or "", line=row.line or settings or "") for row in found]


def _listed(path: Path, text: str) -> list[Probe]:
    rows = csv.DictReader(io.StringIO(text))
    names = [name.strip() for name in rows.fieldnames or ()]
    unknown = [name for name in names if name not in _COLUMNS]
    if unknown or "model" not in names or "serial" not in names:
        fail(
            Message(
                "{file}: line 1 names the columns model, serial, address, profile, depth_m, and if wanted port, line, "
                "interval, from, id; it has {found}",
                file=path,
                found=", ".join(names) or "-",
            )
        )
    rows.fieldnames = names
    found = []
    for row in rows:
        said = {key: (value or "").strip() for key, value in row.items() if isinstance(key, str)}
        if not any(said.values()):
            continue
        if not said["model"] or not said["serial"]:
            fail(Message("{file}, line {line}: model and serial are needed", file=path, line=rows.line_num))
        found.append(
            Probe(
                said["model"], said["serial"], said.get("address", ""), said.get("profile", ""),
                said.get("depth_m"), said.get("port", ""), said.get("line", ""), said.get("interval", ""),
                said.get("from", ""), said.get("id", ""),
            )
        )  # fmt: skip
    return found


def _scanned(path: Path, text: str) -> list[Probe]:
    try:
        value = json.loads(text)
        port, answers = value["port"], value["answers"]
        return [
            Probe(
                row["models"][0]["model"],
                f"unknown-{number}",
                str(row["address"]),
                port=port,
                line=row["line"],
            )
            for number, row in enumerate(answers, 1)
            if row["models"] and row["address"] is not None
        ]
    except (ValueError, KeyError, TypeError, IndexError):
        fail(Message("{file}: this is not what soilco2 scan --json writes", file=path))


def wrong(text: str, file: Path) -> None:
    """Check a station file before it is written.

    Raises
    ------
    StationFileError
        With every fault.
    """
    import tempfile

    from soilco2.station_config.errors import StationFileError
    from soilco2.station_config.loader import load_station

    folder = file.absolute().parent  # relative paths are those of its folder
    if not folder.is_dir():
        fail(Message("{file}: there is no such folder", file=folder))
    with tempfile.TemporaryDirectory(dir=folder) as where:
        draft = Path(where) / file.name
        draft.write_text(text, encoding="utf-8")
        try:
            load_station(draft)
        except StationFileError as error:
            faults = [replace(one, file=str(file)) if one.file == str(draft) else one for one in error.faults]
            raise StationFileError(faults) from None


def station_text(facts: Facts, probes: Sequence[Probe]) -> str:
    """The station file."""
    from soilco2.station_config.catalogue.load import load_catalogue

    models = load_catalogue()
    zh = language() == "zh"
    lines = _Lines(facts, models)
    rows = [_instrument(facts, row, lines, models, zh) for row in probes]
    head = _HEAD_ZH if zh else _HEAD_EN
    station = [
        head,
        "[station]",
        f"id = {_quoted(facts.id)}",
        f"name = {_quoted(facts.name)}",
        f"latitude = {facts.latitude!r}",
        f"longitude = {facts.longitude!r}",
        f"altitude_m = {facts.altitude!r}",
        f"timezone = {_quoted(facts.timezone)}",
        "",
    ]
    return "\n".join([*station, *lines.text(zh), *_profiles(probes, zh), *rows])


_HEAD_EN = """\
# A station file. soilco2 check says what it means, or what is wrong with it; every key stands in
# docs/reference/station_file.md.
"""
_HEAD_ZH = """\
# 台站文件。soilco2 check 会说明其含义或指出错误；全部键见 docs/reference/station_file.md。
"""


class _Lines:
    """The connections of a new station: one for each port and line settings."""

    def __init__(self, facts: Facts, models: Mapping[str, Any]) -> None:
        self._facts = facts
        self._models = models
        self._made: dict[tuple[str, str, str], tuple[str, Any]] = {}

    def of(self, probe: Probe) -> str:
        """Id of the connection that a probe is on."""
        from soilco2.ingest.commissioning import connections_at
        from soilco2.station_config.catalogue.probe import Line
        from soilco2.station_config.connections.registry import kind_of
        from soilco2.station_config.parsing.faults import nearest

        model = self._models.get(probe.model)
        if model is None:
            hint = nearest(probe.model, self._models)
            fail(Message("model {name}: there is no such model; {hint}", name=probe.model, hint=hint))
        port, said = probe.port or self._facts.port, probe.line or self._facts.settings
        try:
            settings = Line.of(said) if said else model.line
        except ValueError as error:
            fail(Message.of(error))
        fit = [row for row in connections_at(port, settings) if isinstance(model, kind_of(row).models)]
        if not fit:
            fail(
                Message(
                    "{model} ({serial}) cannot be read on {port}: it speaks {protocol}; docs/howto has a page for each "
                    "kind of connection",
                    model=probe.model, serial=probe.serial, port=port or "-", protocol=model.protocol,
                )
            )  # fmt: skip
        key = port, str(settings), fit[0].kind
        for other, line, _ in self._made:
            if other == port and line != str(settings):
                fail(
                    Message(
                        "{port}: {model} talks at {settings} and another probe of this port at {line}; set them to one "
                        "with soilco2 line and give it with --line, or use a port for each",
                        port=port, model=probe.model, settings=str(settings), line=line,
                    )
                )  # fmt: skip
        if key not in self._made:
            name = f"bus{len(self._made) + 1}"
            self._made[key] = name, fit[0].model_copy(update={"id": name})
        return self._made[key][0]

    def text(self, zh: bool) -> Iterable[str]:
        """Their tables."""
        if self._made:
            yield (
                "# 探头所接的线路；串口请用 /dev/serial/by-id/ 下的名称，重启后不变。"
                if zh
                else (
                    "# The lines that probes hang on; a name under /dev/serial/by-id/ stays after a reboot."
                )
            )
        for _, connection in self._made.values():
            yield "[[connection]]"
            for key, value in connection.model_dump(mode="json", exclude_defaults=True).items():
                yield f"{key} = {_toml(value)}"
            yield ""


def _profiles(probes: Sequence[Probe], zh: bool) -> Iterable[str]:
    depths: dict[str, dict[str, str]] = {}
    for row in probes:
        if row.profile and row.depth_m:
            depths.setdefault(row.profile, {})[_position(row.depth_m)] = row.depth_m
    if depths:
        yield (
            "# 剖面与深度（地表以下为正，单位 m）。"
            if zh
            else "# Profiles and depths, positive downward [m]."
        )
    for profile, places in depths.items():
        yield "[[profile]]"
        yield f"id = {_quoted(profile)}"
        for name, depth in sorted(places.items(), key=lambda one: float(one[1])):
            yield "[[profile.position]]"
            yield f"id = {_quoted(name)}"
            yield f"depth_m = {float(depth)!r}"
        yield ""


def _position(depth: str) -> str:
    try:
        centimetres = float(depth) * 100
    except ValueError:
        fail(Message("depth_m {depth!r}: a number in metres is expected, such as 0.10", depth=depth))
    return f"{'d' if centimetres >= 0 else 'h'}{abs(centimetres):g}".replace(".", "-")


def _instrument(facts: Facts, row: Probe, lines: _Lines, models: Mapping[str, Any], zh: bool) -> str:
    connection = lines.of(row)
    place = f"{row.profile}/{_position(row.depth_m)}" if row.profile and row.depth_m else "site"
    name = row.name or _NAME.sub("-", f"{row.model.split('-')[-1]}-{row.serial}")
    text = [
        "[[instrument]]",
        f"id = {_quoted(name)}",
        f"model = {_quoted(row.model)}",
        f"serial = {_quoted(row.serial)}",
        f"connection = {_quoted(connection)}",
    ]
    if row.address:
        text.append(f"address = {row.address if row.address.isdigit() else _quoted(row.address)}")
    text.append(f"interval = {_quoted(row.interval or facts.interval)}")
    placed = ["[[instrument.installation]]", f"position = {_quoted(place)}",
              f"from = {_since(row.since)}"]  # fmt: skip
    if row.depth_m is None and not row.profile:
        text.append(
            "# 尚无点位：去掉注释并填写。" if zh else "# It has no place yet: fill in and take the # away."
        )
        placed = [f"# {line}" for line in ["[[instrument.installation]]", 'position = "p1/d10"', placed[-1]]]
    return "\n".join([*text, *placed, ""])


def _since(text: str) -> str:
    """A date or a time with its zone, as TOML has them; today when nothing is said."""
    if not text:
        return date.today().isoformat()
    try:
        moment = date.fromisoformat(text) if len(text) == 10 else datetime.fromisoformat(text)
    except ValueError:
        fail(Message("from {text!r}: a date is expected, such as 2026-03-01", text=text))
    return moment.isoformat()


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _toml(value: Any) -> str:
    return _quoted(value) if isinstance(value, str) else json.dumps(value)
