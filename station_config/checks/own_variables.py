"""Rules on ``[[variable]]``: names that are free, limits in order, a unit that is what readers see."""

from __future__ import annotations

from collections.abc import Iterator

from soilco2.station_config.checks.wiring import Models
from soilco2.station_config.errors import Fault
from soilco2.station_config.message import Message
from soilco2.station_config.parsing.faults import Path
from soilco2.station_config.parsing.salvage import Salvaged
from soilco2.station_config.units import same_kind
from soilco2.station_config.variables import VARIABLES

_ENDINGS = ("_flag", "_raw")
"""Fields of InfluxDB beside a variable's own end so."""
_TAGS = ("time", "station", "profile", "position", "source")
"""What else a row is told apart by there, in tables and in messages."""


def own_variables(salvaged: Salvaged, models: Models) -> Iterator[Fault]:
    """Each one by itself, and two with one id."""
    seen: dict[str, int] = {}
    for n, row in enumerate(salvaged.file.variable):
        path: Path = ("variable", n)
        if why := _taken(salvaged, row.id, seen):
            yield salvaged.fault((*path, "id"), row.id, why)
        seen.setdefault(row.id, n)
        if row.lower >= row.upper:
            why = Message("a number above {key} = {limit:g} is expected", key="lower", limit=row.lower)
            yield salvaged.fault((*path, "upper"), row.upper, why)
        if row.unit_text is not None and same_kind(row.unit, row.unit_text) not in (None, (1.0, 0.0)):
            yield salvaged.fault(
                (*path, "unit_text"),
                row.unit_text,
                Message("this is another unit than unit = {unit!r}, in which values are kept", unit=row.unit),
            )
        if row.also_at_site and not row.has_depth:
            why = Message("a variable without depth is at the site anyway; leave also_at_site out")
            yield salvaged.fault((*path, "also_at_site"), True, why)


def _taken(salvaged: Salvaged, name: str, seen: dict[str, int]) -> Message | None:
    """Why an id cannot be used; None when it can."""
    if name in VARIABLES:
        known = VARIABLES[name]
        return Message(
            "soilco2 has this variable ({name_en}, in {unit}); use it as it is, or choose another id",
            name_en=known.name_en,
            unit=known.unit,
        )
    if name in seen:
        line = salvaged.line(("variable", seen[name], "id"))
        return Message("the variable at line {line} has this id", line=line)
    if name in _TAGS:
        return Message("another id is expected; tables and databases call something else {name}", name=name)
    ending = next((end for end in _ENDINGS if name.endswith(end)), None)
    if ending is not None:
        return Message(
            "an id that does not end in {ending} is expected; databases keep something else under such names",
            ending=ending,
        )
    return None


RULES = (own_variables,)
