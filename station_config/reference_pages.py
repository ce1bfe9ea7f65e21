"""The reference pages of the station file, the variables and the models, written from the models themselves.

``python -m soilco2.station_config.reference_pages`` writes them anew; a test says when they are stale.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
import types
from collections.abc import Iterator, Mapping
from datetime import date
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BeforeValidator, StringConstraints
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from soilco2.station_config.base import Names, Secret, Table, duration_text, parse_duration
from soilco2.station_config.catalogue.probe import ProbeModel
from soilco2.station_config.connections.registry import protocols
from soilco2.station_config.model_page import models_page
from soilco2.station_config.parsing.faults import either, show
from soilco2.station_config.tables.fields import keys, tables
from soilco2.station_config.tables.stationfile import StationFile
from soilco2.station_config.units import units_of
from soilco2.station_config.variables import VARIABLES

DOCS = Path(__file__).resolve().parents[1] / "docs" / "reference"
_VALUES: tuple[type[Table], ...] = (Names, Secret)  # tables that stand in a value

_HEAD = """\
# The station file

One TOML file says everything about a station: what hangs where, since when, how it was calibrated and where
readings go. `soilco2 check STATION` reads it and says what will be read from where, or names every fault at
once with file, line, key, value and what was expected. Unknown keys are refused. In those messages the
elements of a list are counted from 1: `instrument[2].calibration[1].gain`.

* **Durations** carry their unit: `"500ms"`, `"60s"`, `"30min"`, `"1h"`, `"14d"`.
* **Times** are dates, `2026-03-01` (midnight in the station's time zone), or times with their zone,
  `2026-03-01T08:00:00+08:00`; both without quotes.
* **Names for people** are text, or text in both languages: `{ en = "…", zh = "…" }`.
* **Secrets** are never written in the file. A key of the kind *secret* takes `{ env = "NAME" }`, an
  environment variable, or `{ file = "/path" }`, a file whose first line is the secret.
* **Paths** are relative to the file they are written in; `~` is the home folder.

## include: defaults shared between stations

`include = ["common.toml"]` at the top of the file reads other files first, in their order, and lays this file
over them:

* arrays of tables (`[[connection]]`, `[[instrument]]`, …) append: those of the included files come first;
* tables (`[mqtt]`, `[quality]`, …) merge key by key;
* anything else, scalars and plain lists, is replaced by what the including file says.

An included file may include others, never itself. Faults name the file they are in.

## Where readings belong

A reading belongs to its instrument's serial number and channel. `[[instrument.installation]]` says where
that was and since when; from it follows the series. An installation that names a channel places that one; one
that names none places all channels that fit: at a position those with a depth, at `"site"` those that need
none. Air pressure, rain, wind and supply voltage have no depth and belong to `"site"`. The same channel at
two places at once, and two instruments that give the same series at once, are faults. A probe that was
replaced stays in the file with its installations ended by `until`; its address may then be given to the next.

"""

_CATALOGUE = """\
## Catalogue files

A model of probe is one TOML file in `station_config/catalogue/`, or in a folder that the key `catalogue` of
the station file names. [Add a probe](../howto/add_a_probe.md) goes through one. Files of 0.1.0, which have
`block`, `offset`, `type` and `word_order` beside the other keys of a channel instead of in its table `at`, go on
being read.

"""


_COLUMNS = "| key | value | default | meaning |\n| --- | --- | --- | --- |"
_INSIDE = "Nothing; it is the program's own, for tables that are imported."


@cache
def _documents(model: type[Table]) -> dict[str, str]:
    """What is written under each attribute of a model, by attribute."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(model)))
    found: dict[str, str] = {}
    body = tree.body[0].body if isinstance(tree.body[0], ast.ClassDef) else []
    for field, below in pairwise(body):
        if (
            isinstance(field, ast.AnnAssign)
            and isinstance(field.target, ast.Name)
            and isinstance(below, ast.Expr)
            and isinstance(below.value, ast.Constant)
            and isinstance(below.value.value, str)
        ):
            found[field.target.id] = " ".join(below.value.value.split())
    return found


def meaning(model: type[Table], key: str) -> str:
    """What a key means; empty where the model does not say."""
    for name, field in model.model_fields.items():
        if (field.alias or name) == key:
            for owner in model.__mro__:
                if issubclass(owner, Table) and owner is not Table and name in _documents(owner):
                    return _documents(owner)[name]
    return ""


def _is_duration(metadata: Any) -> bool:
    return any(isinstance(how, BeforeValidator) and how.func is parse_duration for how in metadata)


def _kind(annotation: Any, metadata: Any = ()) -> str:
    """What a value of a type looks like, in words."""
    if get_origin(annotation) is Annotated:
        inner, *more = get_args(annotation)
        return _kind(inner, [*metadata, *more])
    if _is_duration(metadata):
        return "duration"
    parts = [part for part in get_args(annotation) if part is not type(None)]
    if get_origin(annotation) in (Union, types.UnionType):
        if any(isinstance(part, type) and issubclass(part, date) for part in parts):
            return "time"
        return " or ".join(dict.fromkeys(_kind(part) for part in parts))
    if get_origin(annotation) is Literal:
        return " or ".join(f"`{show(part)}`" for part in parts)
    if get_origin(annotation) is tuple:
        return f"list of {_kind(parts[0])}"
    if get_origin(annotation) is dict:
        return f"table of {_kind(parts[1])}"
    if annotation is Names:
        return "name for people"
    if annotation is Secret:
        return "secret"
    if isinstance(annotation, type) and issubclass(annotation, Table):
        return "table"
    if annotation is str and any(isinstance(how, StringConstraints) for how in metadata):
        return "name"
    plain = {str: "text", float: "number", int: "whole number", bool: "true or false", Path: "path"}
    return plain.get(annotation, str(annotation))


def _bounds(field: FieldInfo) -> str:
    signs = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}
    found = [
        f"{sign} {getattr(how, key):g}"
        for how in field.metadata
        for key, sign in signs.items()
        if isinstance(getattr(how, key, None), int | float)
    ]
    return f" ({', '.join(found)})" if found else ""


def _default(field: FieldInfo) -> str:
    if field.default is PydanticUndefined:
        return "required" if field.default_factory is None else ""
    if field.default in (None, "", ()):
        return ""
    if _is_duration(field.metadata):
        return f'`"{_round_duration(field.default)}"`'
    return f"`{show(field.default)}`"


def _round_duration(seconds: float) -> str:
    for unit, size in (("d", 86400.0), ("h", 3600.0), ("min", 60.0)):
        if seconds >= size and seconds % size == 0:
            return f"{seconds / size:g}{unit}"
    return duration_text(seconds) if seconds >= 1 or not seconds else f"{seconds * 1000:g}ms"


def _sections(model: type[Table], name: str, many: bool) -> Iterator[str]:
    inner: list[tuple[type[Table], str, bool]] = []
    rows: list[str] = []
    for key, field in keys(model).items():
        children = [] if field.annotation is None else tables(field.annotation)
        below = f"{name}.{key}" if name else key
        several = get_origin(field.annotation) is tuple
        if children and not set(children) & set(_VALUES):
            inner += [(child, below, several) for child in children]
            if name:
                kind = "tables, below" if several else "table, below"
                needed = _default(field) if field.default is PydanticUndefined else ""
                rows.append(f"| `{key}` | {kind} | {needed} | {meaning(model, key)} |")
            continue
        kind = _kind(field.annotation, field.metadata) + _bounds(field)
        cells = (f"`{key}`", kind, _default(field), meaning(model, key))
        rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    if name:
        choice = next((f" (kind = {show(kind)})" for kind in _kinds(model)), "")
        header = f"[[{name}]]" if many else f"[{name}]"
        yield f"## `{header}`{choice}\n\n{_about(model)}\n"
    if rows:
        yield f"{_COLUMNS}\n" + "\n".join(rows) + "\n"
    for child, below, several in inner:
        yield from _sections(child, below, several)


def _kinds(model: type[Table]) -> tuple[str, ...]:
    field = model.model_fields.get("kind")
    return () if field is None else get_args(field.annotation)


def _about(model: type[Table]) -> str:
    text = inspect.cleandoc(model.__doc__ or "")
    return text.replace("``", "`")


def _catalogue() -> str:
    """What every file of the catalogue has, then what each protocol adds."""
    common = "\n".join(_sections(ProbeModel, "", many=False)).replace("\n## `", "\n### `")
    said = {row for section in common.split("\n### `")[1:] for row in _rows(section)}
    parts = [common]
    for protocol, (kinds, model) in protocols().items():
        head = f"### What `protocol = {show(protocol)}` adds\n\n"
        carriers = [f"`{show(kind.name)}`" for kind in kinds if kind.table]
        needs = f"Its instruments need a connection of kind {either(carriers)}." if carriers else _INSIDE
        fresh = []
        for section in "\n".join(_sections(model, "", many=False)).split("\n## `")[1:]:
            if own := [row for title, row in _rows(section) if (title, row) not in said]:
                about, _ = section.split("\n| key |", 1)
                fresh.append(f"\n#### `{about.rstrip()}\n\n{_COLUMNS}\n" + "\n".join(own) + "\n")
        parts.append(f"{head}{needs}\n" + "".join(fresh))
    return "\n".join(parts)


def _rows(section: str) -> list[tuple[str, str]]:
    """The keys of a section, each with the section's title."""
    title, *lines = section.splitlines()
    return [(title, line) for line in lines if line.startswith("| `")]


def station_file_page() -> str:
    """The page docs/reference/station_file.md."""
    top = f"## Keys outside every table\n\n{_COLUMNS}\n"
    include = "| `include` | list of path |  | Files read before this one. |\n"
    first, *rest = list(_sections(StationFile, "", many=False))
    body = top + include + first.split("\n", 2)[2] + "\n" + "\n".join(rest)
    return f"{_HEAD}{body}\n{_CATALOGUE}{_catalogue()}".rstrip() + "\n"


def variables_page() -> str:
    """The page docs/reference/variables.md."""
    lines = [
        "# Variables",
        "",
        "Everything inside is in the unit of this table; others are turned into it where readings come in: from",
        "tables, messages and catalogue files alike. A unit may be spelled in many ways (`uS/cm`, `µS/cm`, `us/cm`,",
        "`uS cm-1`, `µS·cm⁻¹` are one; so are `degC`, `°C`, `℃`, `Deg C`): capital and small letters, `/` and `-1`,",
        "both signs for micro, `²` and `^2` make no difference.",
        "A station adds [variables of its own](../howto/own_variables.md) in its station file; [another one for",
        "everybody](../howto/add_a_variable.md) is one row in `station_config/variables.py`. Which conductivity is",
        "which: [bulk, pore water, saturation extract](../concepts/conductivity.en.md). Matric potential goes down to",
        "that of oven-dry soil, about -1 000 000 kPa (pF 7), and is above 0 under standing water. Redox potential lies",
        "within what water bears, -0.83 to +1.23 V at pH 14 and 0, and 0.21 V either way for the reference electrode.",
        "",
        "| id | symbol | unit | also read | possible | name | 名称 | CF standard name | lives |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for row in VARIABLES.values():
        others = ", ".join(f"`{unit}`" for unit in units_of(row.id)[1:])
        where = "at a depth" if row.has_depth else "at the site"
        if row.has_depth and row.at_site:
            where = "at a height or at the site"
        cells = (
            f"`{row.id}`",
            row.symbol,
            f"`{row.unit}`",
            others,
            f"{row.lower:g} … {row.upper:g}",
            row.name_en,
            row.name_zh,
            f"`{row.cf_standard_name}`" if row.cf_standard_name else "",
            where,
        )
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def pages() -> Mapping[str, str]:
    """File name to text of every generated page."""
    return {
        "models.md": models_page(),
        "station_file.md": station_file_page(),
        "variables.md": variables_page(),
    }


def main() -> None:
    """Write the pages."""
    DOCS.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (DOCS / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
