"""The reference page of the models in the catalogue, written from the catalogue itself."""

from __future__ import annotations

from collections.abc import Iterator

from soilco2.station_config.catalogue.load import ProbeModel, load_catalogue

_HEAD = """\
# Models

What the catalogue has: {count} models. *Tried* says whether soilco2 has read one (device) or the file was written from
the manual alone; `soilco2 check` says so for every instrument of a station, with what could not be confirmed. The same
instrument under another name stands once. [Another one](../howto/add_a_probe.md) is a file, no code.

"""
_LINKS = {
    "modbus-rtu": "Modbus RTU, also over the network",
    "sdi12": "SDI-12",
    "ascii": "Lines of text",
    "lorawan": "LoRaWAN",
}
"""Protocols in the order of the page; others follow."""

_INPUTS = "[4 to 20 mA](../howto/analog_4_20ma.en.md)"


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


def _row(model: ProbeModel) -> str:
    also = f"; also {', '.join(model.also_sold_as)}" if model.also_sold_as else ""
    channels = ", ".join(dict.fromkeys(f"`{spec.variable}`" for spec in model.channel))
    cells = (
        f"`{model.id}`",
        f"{model.maker}: {model.name.en}{also}",
        "every variable" if model.every_variable else channels or _INPUTS,
        model.tried,
        model.source,
    )
    return "| " + " | ".join(map(_cell, cells)) + " |"


def _sections() -> Iterator[str]:
    models = load_catalogue()
    by_link: dict[str, list[ProbeModel]] = {name: [] for name in _LINKS}
    for model in models.values():
        by_link.setdefault(model.protocol, []).append(model)
    yield _HEAD.format(count=len(models))
    for link, rows in by_link.items():
        yield f"## {_LINKS.get(link, link)}\n\n| model | instrument | channels | tried | source |\n"
        yield "| --- | --- | --- | --- | --- |\n" + "\n".join(map(_row, rows)) + "\n\n"


def models_page() -> str:
    """The page as text."""
    return "".join(_sections()).rstrip("\n") + "\n"
