"""What commands share: groups, the station argument, languages, times, JSON, and one way to say no."""

from __future__ import annotations

import importlib
import json
import locale
import math
import os
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar, overload

import click

from soilco2.station_config.message import Message
from soilco2.station_config.message import translate as translated
from soilco2.station_config.message import word as word_in

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from soilco2.station_config.loader import Station
    from soilco2.station_config.tables.influxdb import InfluxdbTable

F = TypeVar("F", bound=Callable[..., Any])


class LazyGroup(click.Group):
    """A group that imports a command's module only when that command is asked for.

    Commands stand in the help as they were declared, those with modules of their own last.

    Parameters
    ----------
    elsewhere : mapping of str to str, optional
        ``module:attribute`` of each command that has a module of its own, by its name.
    """

    def __init__(self, *args: Any, elsewhere: Mapping[str, str] | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.elsewhere = dict(elsewhere or {})

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*self.commands, *self.elsewhere]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        place = self.elsewhere.get(cmd_name)
        if place is None:
            return super().get_command(ctx, cmd_name)
        module, _, attribute = place.partition(":")
        found: click.Command = getattr(importlib.import_module(module), attribute)
        return found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0] if args else ""
        if not name.startswith("-") and name not in self.list_commands(ctx):
            import difflib

            close = difflib.get_close_matches(name, self.list_commands(ctx), n=1)
            hint = (
                Message("Did you mean '{close}'?", close=close[0])
                if close
                else Message("'{command} --help' lists them.", command=ctx.command_path)
            )
            ctx.fail(Message("No such command '{name}'. {hint}", name=name, hint=hint))
        return super().resolve_command(ctx, args)


def station_argument(function: F) -> F:
    """The argument STATION: path of a station file."""
    return click.argument("station", type=click.Path(path_type=Path, dir_okay=True))(function)


def json_option(function: F) -> F:
    """The option ``--json``: one JSON object on standard output, for programs."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")(function)


_CHOSEN: ContextVar[str | None] = ContextVar("language", default=None)


def language_option(function: F) -> F:
    """The option ``--lang``: en or zh; the locale decides when it is left out."""
    return click.option(
        "--lang",
        type=click.Choice(["en", "zh"]),
        callback=lambda _c, _p, v: choose(v),
        is_eager=True,
        help="Language.",
    )(function)


def spoken_language(function: F) -> F:
    """The option ``--lang`` of a command that says everything by `say` and `fail`."""
    return click.option(
        "--lang", type=click.Choice(["en", "zh"]), callback=lambda _c, _p, v: choose(v), is_eager=True,
        expose_value=False, help="Language.",
    )(function)  # fmt: skip


def choose(lang: str | None) -> str:
    """Speak a language from now on, the locale's when none is named; which one it is."""
    _CHOSEN.set(lang)
    return language(lang)


def language(chosen: str | None = None) -> str:
    """``"en"`` or ``"zh"``: the one named, else the one chosen, else the locale's."""
    if found := chosen or _CHOSEN.get():
        return found
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if found := os.environ.get(name):
            return "zh" if found.lower().startswith("zh") else "en"
    return "zh" if (locale.getlocale()[0] or "").lower().startswith("zh") else "en"


def translate(text: str) -> str:
    """A message in the language that is spoken; other text as it is."""
    return translated(text, language())


def word(text: str) -> str:
    """A state, kind or cause in the language that is spoken."""
    return word_in(text, language())


def echo(message: Message, *, err: bool = False) -> None:
    """Print a message in the language that is spoken."""
    click.echo(translate(message), err=err)


def load(path: Path) -> Station:
    """The station of a station file, or exit 2 with every fault, a line each."""
    from soilco2.station_config.errors import StationConfigError
    from soilco2.station_config.loader import load_station

    try:
        return load_station(path)
    except StationConfigError as error:
        fail(Message.of(error))


def fail(message: Message, code: int = 2) -> NoReturn:
    """Print one clear sentence on standard error and exit."""
    echo(message, err=True)
    raise click.exceptions.Exit(code)


def present_or_fail(paths: Sequence[Path]) -> None:
    """Exit 2 with one sentence when a file is not there: to be asked before imports that take seconds."""
    for path in paths:
        if not path.is_file():
            fail(Message("{path}: there is no such file", path=path))


def emit_json(value: Any) -> None:
    """Print one JSON object; NaN has no place in it."""
    click.echo(json.dumps(value, ensure_ascii=False, allow_nan=False, indent=2))


def parse_time(text: str, zone: ZoneInfo) -> int:
    """Microseconds UTC [µs] of ``2026-03-01``, ``2026-03-01T08:00`` (both in `zone`) or a zoned time.

    Raises
    ------
    click.BadParameter
        When it is none of these.
    """
    try:
        if len(text) == 10:
            moment = datetime.combine(date.fromisoformat(text), time(0), zone)
        else:
            moment = datetime.fromisoformat(text)
            if moment.tzinfo is None:
                moment = moment.replace(tzinfo=zone)
    except ValueError:
        raise click.BadParameter(
            Message(
                "{text!r} is no time; expected such as 2026-03-01, 2026-03-01T08:00 (station's time) or "
                "2026-03-01T00:00Z",
                text=text,
            )
        ) from None
    delta = moment.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    return delta // timedelta(microseconds=1)


@overload
def parse_window(since: str, until: str, zone: ZoneInfo) -> tuple[int, int]: ...
@overload
def parse_window(since: str | None, until: str | None, zone: ZoneInfo) -> tuple[int | None, int | None]: ...
def parse_window(since: str | None, until: str | None, zone: ZoneInfo) -> tuple[int | None, int | None]:
    """Start and end [µs UTC] of what ``--from`` and ``--to`` say; exit 2 when the end is not after the start."""
    start_us = None if since is None else parse_time(since, zone)
    end_us = None if until is None else parse_time(until, zone)
    if start_us is not None and end_us is not None and end_us <= start_us:
        fail(Message("--to {until} is not after --from {since}", until=until, since=since))
    return start_us, end_us


def window_options(function: F) -> F:
    """The options ``--from`` and ``--to``, as text for `parse_window`."""
    function = click.option("--to", "until", metavar="TIME", help="End, exclusive.")(function)
    return click.option("--from", "since", metavar="TIME", help="Start, inclusive.")(function)


def chosen_outlets(station: Station, sink: str | None) -> list[str]:
    """Ids of whatever a station sends to: all, or the one named; exit 2 when there is none."""
    found = [table.id for table in station.file.sinks]
    if sink in found:
        return [sink]
    if sink is None and found:
        return found
    return [table.id for table in chosen_sinks(station, sink)]


def chosen_sinks(station: Station, sink: str | None) -> list[InfluxdbTable]:
    """The databases of a station file: all, or the one named; exit 2 when there is none."""
    tables = station.file.influxdb
    if not tables:
        fail(Message("{path} has no table [influxdb]: there is no database", path=station.path))
    found = [table for table in tables if sink in (None, table.id)]
    if not found:
        fail(
            Message(
                "--sink {sink}: there is no such database; there are {tables}",
                sink=sink,
                tables=", ".join(table.id for table in tables),
            )
        )
    return found


def parse_speed(text: str) -> float:
    """Seconds of replay in a second: ``30min/1s``, ``1800``, or ``max``.

    Raises
    ------
    click.BadParameter
        When it is none of these.
    """
    from soilco2.station_config.base import parse_duration

    if text == "max":
        return math.inf
    replayed, slash, real = text.partition("/")
    try:
        speed = parse_duration(replayed) / parse_duration(real) if slash else float(text)
    except (ValueError, ZeroDivisionError):
        speed = 0.0
    if not 0 < speed < math.inf:
        raise click.BadParameter(
            Message("{text!r} is no speed; expected such as 30min/1s, 1800 or max", text=text)
        )
    return speed
