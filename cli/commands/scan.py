"""``soilco2 scan``: who answers on a line, and what it may be."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from soilco2.cli.options import echo, emit_json, fail, json_option, spoken_language, translate
from soilco2.cli.targets import (
    Target,
    held_by_nobody,
    line_options,
    parts,
    settings_of,
    target_argument,
    target_of,
)
from soilco2.station_config.message import Message

if TYPE_CHECKING:
    from soilco2.ingest.drivers.search import Answer
    from soilco2.station_config.catalogue.probe import ProbeModel

_MOST = 1000
"""Answers that are kept, at most."""


@click.command("scan")
@target_argument
@click.option(
    "--all", "everything", is_flag=True, help="Every address at every speed and parity; takes long."
)
@click.option("--addresses", metavar="LIST", help="Only these addresses, such as 1-16,240.")
@click.option("--kind", metavar="KIND", help="Only this kind of connection, where a PORT may be of several.")
@line_options
@spoken_language
@json_option
def command(
    target: str,
    everything: bool,
    addresses: str | None,
    kind: str | None,
    connection: str | None,
    settings: str | None,
    catalogue: tuple[Path, ...],
    as_json: bool,
) -> None:
    """Look for instruments on a port, or on a line of a station.

    Asks at the line settings and addresses that the models of the catalogue leave the factory with, then at addresses 1
    to 16; --all asks everywhere. It names the models that an answer may be of, and what silence or garbled bytes tell.
    It only reads. While the collector runs, give the station file: its line pauses, is looked at, and goes on.

    Exit code 0: somebody answered; 1: nobody did; 2: wrong use, or the port cannot be opened.

    \b
    Examples:
      soilco2 scan /dev/ttyUSB0
      soilco2 scan /dev/ttyUSB0 --line '4800 8N1' --addresses 1-247
      soilco2 scan yulin.toml --connection bus1
      soilco2 scan /dev/ttyUSB0 --json > found.json
    """
    line = settings_of(settings)
    where = target_of(target, connection, line, catalogue)
    if where.station is not None and len(where.connections) != 1:
        fail(
            Message(
                "{text} has the lines {lines}: name one with --connection",
                text=target,
                lines=", ".join(row.id for row in where.connections) or "-",
            )
        )
    if kind is not None:
        where = _only(where, kind)
    wanted = _addresses(addresses)
    found, remarks = _follow(_look(where, line, wanted, everything), as_json)
    if as_json:
        emit_json({"port": target, "answers": [_json(one) for one in found], "remarks": remarks})
    else:
        _print(found, remarks, where, target)
    raise click.exceptions.Exit(0 if found else 1)


def _only(where: Target, kind: str) -> Target:
    rows = [row for row in where.connections if row.kind == kind]
    if not rows:
        known = ", ".join(row.kind for row in where.connections)
        fail(Message("--kind {kind}: {text} may be {known}", kind=kind, text=where.text, known=known))
    return where._replace(connections=rows)


def _addresses(text: str | None) -> list[int | str]:
    """``1-16,240`` as a list; anything else is an address by itself."""
    found: list[int | str] = []
    for part in (text or "").split(","):
        first, dash, last = part.strip().partition("-")
        if not part.strip():
            continue
        if first.isdigit() and (not dash or last.isdigit()):
            found += range(int(first), min(int(last or first), 9999) + 1)
        elif len(part.strip()) == 1:
            found.append(part.strip())
        else:
            fail(Message("--addresses {text}: expected such as 1-16,240", text=text))
    if text is not None and not found:
        fail(Message("--addresses {text}: expected such as 1-16,240", text=text))
    return found


def _look(where: Target, line: Any, addresses: list[int | str], everything: bool) -> Iterator[dict[str, Any]]:
    if where.station is not None:
        row = where.connections[0]
        yield from parts(where, row, "scan", lines=[], addresses=addresses, everything=everything)
        return
    from soilco2.ingest.commissioning import models_for, plain, scan
    from soilco2.ingest.drivers.search import Search

    for row in where.connections:
        models = models_for(row, where.catalogue)
        search = Search(models, () if line is None else (line,), tuple(addresses), everything)
        yield from map(plain, held_by_nobody(scan(row, search)))


def _follow(found: Iterator[dict[str, Any]], quiet: bool) -> tuple[list[Answer], list[Message]]:
    """Take in what comes, and show how far it is."""
    from soilco2.cli.progress import progress
    from soilco2.ingest.commissioning import answer_of

    answers: list[Answer] = []
    remarks: list[Message] = []
    told = quiet
    with progress(translate(Message("scanning")), wanted=not quiet) as bar:
        bar.total(100)
        for part in found:
            if "step" in part:
                step = part["step"]
                if not told:
                    told = True
                    echo(
                        Message("about {seconds:.0f} s when nobody answers", seconds=step["left_s"]), err=True
                    )
                left = Message("{text}, {seconds:.0f} s left", text=step["text"], seconds=step["left_s"])
                bar.within(left, 100 * step["done"])
            elif "answer" in part and len(answers) < _MOST:
                answers.append(answer_of(part))
            elif "remark" in part and len(remarks) < _MOST:
                remarks.append(part["remark"])
    return answers, remarks


def _json(one: Answer) -> dict[str, Any]:
    return {
        "kind": one.kind,
        "line": one.line,
        "address": one.address,
        "models": [guess._asdict() for guess in one.models],
        "heard": one.heard.hex(" "),
        "doubts": list(one.doubts),
    }


def _print(found: list[Answer], remarks: list[Message], where: Target, target: str) -> None:
    from soilco2.station_config.catalogue.load import load_catalogue

    models = load_catalogue(*where.catalogue)
    for one in found:
        _print_answer(one, models)
    for text in remarks:
        click.echo(translate(text))
    if not found and not remarks:
        echo(Message("nobody answered"))
    if found:
        echo(Message("{count} found", count=len(found)))
        _next(found, target, where)


def _print_answer(one: Answer, models: dict[str, ProbeModel]) -> None:
    from soilco2.station_config.connections.registry import kinds

    label = kinds()[one.kind].label[0]
    address = "-" if one.address is None else one.address
    echo(Message("{kind}, {line}, address {address}", kind=label, line=one.line or "-", address=address))
    for guess in one.models:
        model = models.get(guess.model)
        sold = model.also_sold_as if model is not None else ()
        also = translate(Message(" (also sold as {names})", names=", ".join(sold))) if sold else ""
        click.echo(f"  {guess.model}{also}: {guess.says}")
    shown = one.heard.hex(" ").upper()
    text = one.heard.decode("ascii", "replace")
    echo(
        Message(
            "  heard: {bytes}", bytes=repr(text) if text.strip().isprintable() and text.strip() else shown
        )
    )
    for doubt in one.doubts:
        click.echo(f"  ! {translate(doubt)}")


def _next(found: list[Answer], target: str, where: Target) -> None:
    """What to do next with the first one that is known."""
    for one in found:
        if one.models and one.address is not None and where.station is None:
            line = f" --line '{one.line}'" if one.line else ""
            words = f"soilco2 read {target} --model {one.models[0].model} --address {one.address}{line}"
            echo(Message("next, for example: {words}", words=words))
            return
