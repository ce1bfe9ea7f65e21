"""``soilco2 catalogue``: which models of instruments soilco2 knows, and what it knows of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from soilco2.cli.options import echo, emit_json, json_option, language, spoken_language, translate
from soilco2.station_config.message import Message

if TYPE_CHECKING:
    from soilco2.station_config.catalogue.probe import ProbeModel

TRIED = {
    "device": Message("read on a device"),
    "manual": Message("from the manual only"),
}
"""In words what `ProbeModel.tried` says."""


_THREE = {"soil_water", "soil_temperature", "bulk_ec"}
_NPK = {"nitrogen", "phosphorus", "potassium"}
_BOUGHT_AS: tuple[tuple[tuple[str, ...], set[str], bool], ...] = (
    (
        ("三合一", "三参数", "3合1", "three-in-one", "3-in-1", "3in1", "温湿盐", "水温盐", "水温电"),
        _THREE,
        True,
    ),
    (("七合一", "七参数", "7合1", "seven-in-one", "7in1", "7-in-1"), {*_THREE, *_NPK, "soil_ph"}, True),
    (("npk", "氮磷钾"), _NPK, False),
    (("墒情", "土壤墒情", "土壤湿度", "soil moisture"), {"soil_water"}, False),
    (("二氧化碳", "carbon dioxide", "co₂"), {"co2"}, False),
    (("气压", "大气压", "barometer", "barometric"), {"air_pressure"}, False),
    (("雨量", "降雨", "rain gauge"), {"rain"}, False),
    (("酸碱度",), {"soil_ph"}, False),
    (("盐分", "电导率", "conductivity"), {"bulk_ec"}, False),
)
"""Words of buyers, the variables that they want, and whether those alone."""


@click.command("catalogue")
@click.argument("word", required=False)
@click.option(
    "--catalogue",
    "folders",
    multiple=True,
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="Folder with probe models of your own.",
)
@spoken_language
@json_option
def command(word: str | None, folders: tuple[Path, ...], as_json: bool) -> None:
    """List the models of instruments, those with WORD in maker, name, other names or variables, or one in full.

    Words of shops, such as 三合一, 7-in-1, npk, 墒情 or 气压, find the models that give what they stand for.

    Exit code 0: there are some; 1: none has the word.

    \b
    Examples:
      soilco2 catalogue
      soilco2 catalogue vaisala
      soilco2 catalogue vaisala-gmp252
    """
    from soilco2.station_config.catalogue.load import load_catalogue

    models = load_catalogue(*folders)
    found = [models[word]] if word in models else [one for one in models.values() if _has(one, word)]
    if as_json:
        emit_json({"models": [summary(one) for one in found]})
    elif word in models:
        _print_one(found[0])
    else:
        _print(found)
        echo(Message("{count} of {total} models; soilco2 catalogue MODEL shows one in full", count=len(found),
                     total=len(models)))  # fmt: skip
    raise click.exceptions.Exit(0 if found else 1)


def _has(model: ProbeModel, word: str | None) -> bool:
    if word is None:
        return True
    told = (model.id, model.maker, model.name.en, model.name.zh, model.protocol, *model.also_sold_as)
    channels = (text for row in model.channel for text in (row.id, row.variable))
    if any(word.casefold() in text.casefold() for text in (*told, *channels)):
        return True
    given = {row.variable for row in model.channel}
    return any(
        given == wanted if alone else wanted <= given
        for words, wanted, alone in _BOUGHT_AS
        if word.casefold() in words
    )


def _name(model: ProbeModel) -> str:
    return model.name.zh if language() == "zh" else model.name.en


def summary(model: ProbeModel) -> dict[str, Any]:
    """What is shown of a model, as one JSON object."""
    from soilco2.station_config.connections.registry import kinds_for

    return {
        "id": model.id,
        "maker": model.maker,
        "name": model.name.model_dump(),
        "also_sold_as": list(model.also_sold_as),
        "protocol": model.protocol,
        "connections": [kind.name for kind in kinds_for(model)],
        "line": None if model.line is None else str(model.line),
        "speeds": [] if model.line is None else list(model.line.baudrates),
        "address": model.address,
        "warm_up_s": model.warm_up,
        "timeout_s": model.timeout,
        "tried": model.tried,
        "channels": [
            {
                "id": row.id,
                "variable": row.variable,
                "unit": row.unit,
                "lower": row.lower,
                "upper": row.upper,
                "accuracy": None if row.accuracy is None else row.accuracy.model_dump(),
            }
            for row in model.channel
        ],
        "settings": list(model.settings()),
        "source": model.source,
        "unconfirmed": None if model.unconfirmed is None else model.unconfirmed.model_dump(),
    }


def _print(found: list[ProbeModel]) -> None:
    for one in found:
        line = "" if one.line is None else f"{one.line} "
        address = "" if one.address is None else f"@{one.address} "
        about = f"{one.maker}, {_name(one)}"
        click.echo(f"{one.id}: {about} [{one.protocol} {line}{address}· {translate(TRIED[one.tried])}]")
        if one.also_sold_as:
            echo(Message("    also sold as {names}", names=", ".join(one.also_sold_as)))
        click.echo("    " + ", ".join(f"{row.id} [{row.unit}]" for row in one.channel))


def _print_one(one: ProbeModel) -> None:
    row = summary(one)
    click.echo(f"{one.id}: {one.maker}, {_name(one)}")
    if one.also_sold_as:
        echo(Message("    also sold as {names}", names=", ".join(one.also_sold_as)))
    unknown = Message("not known")
    facts = (
        (Message("protocol"), one.protocol),
        (Message("kinds of connection"), ", ".join(row["connections"])),
        (Message("factory line"), row["line"] or unknown),
        (Message("speeds [Bd]"), ", ".join(map(str, row["speeds"])) or unknown),
        (Message("factory address"), unknown if one.address is None else str(one.address)),
        (Message("warm-up"), f"{one.warm_up:g} s"),
        (Message("longest wait for an answer"), f"{one.timeout:g} s"),
        (Message("settings it tells"), ", ".join(row["settings"]) or "-"),
        (Message("tried"), TRIED[one.tried]),
        (Message("written from"), one.source),
    )
    for name, value in facts:
        click.echo(f"  {translate(name)}: {translate(value)}")
    if one.unconfirmed is not None:
        doubt = one.unconfirmed.zh if language() == "zh" else one.unconfirmed.en
        echo(Message("  not confirmed: {doubt}", doubt=doubt))
    for spec in one.channel:
        ends = ["" if end is None else f"{end:g}" for end in (spec.lower, spec.upper)]
        limits = f" {ends[0]} … {ends[1]}" if any(ends) else ""
        accuracy = ""
        if spec.accuracy is not None:
            accuracy = f", {spec.accuracy.zh if language() == 'zh' else spec.accuracy.en}"
        click.echo(f"  {spec.id} [{spec.unit}]{limits}{accuracy}")
