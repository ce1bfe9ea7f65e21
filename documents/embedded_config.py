"""The machine part of a plan: the station it was written from, as text that survives any word processor.

Lines of 76 letters between two marks: base64 of the packed canonical text of the station with the kind,
language and date of the plan, and a CRC-32 in front, so that a damaged part is told from a different station.
"""

from __future__ import annotations

import base64
import json
import re
import textwrap
import zipfile
import zlib
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from soilco2.documents.errors import PlanError
from soilco2.station_config.base import Table
from soilco2.station_config.errors import StationConfigError
from soilco2.station_config.loader import Station, parse_station
from soilco2.station_config.message import Message

_BEGIN, _END = "soilco2-plan-1", "soilco2-plan-end"
_PART = re.compile(rf"{_BEGIN}\s+([0-9a-f]{{8}})\s+([A-Za-z0-9+/=\s]+?)\s*{_END}")
_WORD_TEXT = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}t"
_LARGEST = 64 * 2**20


@dataclass(frozen=True, slots=True)
class Embedded:
    """What a plan was written from.

    Parameters
    ----------
    kind, lang : str
    made : str
        Date of writing.
    station : Station
    """

    kind: str
    lang: str
    made: str
    station: Station


@dataclass(frozen=True, slots=True)
class Difference:
    """A key on which plan and station file do not agree; None where one of them has it not."""

    key: str
    plan: Any
    station: Any


def write_embedded_config(station: Station, kind: str, lang: str, made: str) -> str:
    """The machine part of a plan."""
    value = {"kind": kind, "lang": lang, "made": made, "station": station.text}
    packed = zlib.compress(json.dumps(value, ensure_ascii=False).encode(), 9)
    lines = textwrap.wrap(base64.b64encode(packed).decode("ascii"), 76)
    return "\n".join([f"{_BEGIN} {zlib.crc32(packed):08x}", *lines, _END])


def read_plan(path: Path) -> Embedded:
    """What a plan in Markdown, HTML or docx was written from.

    Raises
    ------
    PlanError
        When the file is no plan, or its machine part was changed.
    """
    match = _PART.search(_text_of(path))
    if match is None:
        raise PlanError(
            Message(
                "{path}: there is no machine part of soilco2 in it; expected a plan written by 'soilco2 "
                "plan' with its last annex in place",
                path=path,
            )
        )
    try:
        packed = base64.b64decode("".join(match[2].split()), validate=True)
        value = json.loads(zlib.decompressobj().decompress(packed, _LARGEST))
        kind, lang, made, station = (value[name] for name in ("kind", "lang", "made", "station"))
    except (ValueError, KeyError, TypeError, zlib.error) as error:
        raise _changed(path) from error
    if zlib.crc32(packed) != int(match[1], 16):
        raise _changed(path)
    try:
        return Embedded(kind, lang, made, parse_station(station))
    except StationConfigError as error:
        raise PlanError(
            Message(
                "{path}: the station in its machine part was written by a version of soilco2 that this one does not "
                "understand; write the plan again",
                path=path,
            )
        ) from error


def _changed(path: Path) -> PlanError:
    return PlanError(Message("{path}: the machine part was changed by hand; write the plan again", path=path))


def _text_of(path: Path) -> str:
    try:
        if path.suffix.lower() == ".docx":
            with zipfile.ZipFile(path) as package:
                info = package.getinfo("word/document.xml")
                if info.file_size > _LARGEST:
                    raise PlanError(Message("{path}: it is too large for a plan", path=path))
                root = ElementTree.fromstring(package.read(info))  # noqa: S314 - expat expands no external entities
            return "\n".join(
                "".join(t.text or "" for t in p.iter(_WORD_TEXT)) for p in root.iter(_WORD_TEXT[:-1] + "p")
            )
        text = path.read_text(encoding="utf-8")
    except (zipfile.BadZipFile, KeyError, ElementTree.ParseError) as error:
        raise PlanError(Message("{path}: it is no Word document", path=path)) from error
    except UnicodeDecodeError as error:
        raise PlanError(Message("{path}: a plan as .docx, .html or .md is expected", path=path)) from error
    return unescape(text) if path.suffix.lower() in (".html", ".htm") else text


def compare(plan: Station, station: Station) -> list[Difference]:
    """Every key on which two stations differ, in the order of the file.

    Rows of lists are matched by their name (id, serial number, certificate, …), so that a new probe is one
    difference.
    """
    found: list[Difference] = []
    _differ("", _whole(plan.file), _whole(station.file), found)
    for name in sorted(plan.models.keys() & station.models.keys()):
        _differ(f"catalogue {name}", _whole(plan.models[name]), _whole(station.models[name]), found)
    return found


def _whole(table: Table) -> Any:
    """A table with what holds where a key is left out, so that a default is compared as the value it is."""
    return _once(table.model_dump(mode="json", by_alias=True))


def _once(value: Any) -> Any:
    """The same with a text that holds for both languages as the one text it was."""
    if isinstance(value, list):
        return [_once(one) for one in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {"en", "zh"} and value["en"] == value["zh"]:
        return value["en"]
    return {name: _once(one) for name, one in value.items()}


_NAMED = ("id", "certificate", "from", "variable", "version", "name", "top_m", "position")


def _differ(key: str, plan: Any, station: Any, found: list[Difference]) -> None:
    if plan == station:
        return
    if isinstance(plan, dict) and isinstance(station, dict):
        for name in [*plan, *(name for name in station if name not in plan)]:
            _differ(f"{key}.{name}".lstrip("."), plan.get(name), station.get(name), found)
    elif isinstance(plan, list) and isinstance(station, list) and _tables(plan) and _tables(station):
        ours, theirs = _by_name(plan), _by_name(station)
        for name in [*ours, *(name for name in theirs if name not in ours)]:
            _differ(f"{key}[{name}]", ours.get(name), theirs.get(name), found)
    else:
        found.append(Difference(key, plan, station))


def _tables(rows: list[Any]) -> bool:
    return all(isinstance(row, dict) for row in rows)


def _by_name(rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for row in rows:
        given = [row[name] for name in _NAMED if row.get(name) not in (None, "")]
        words = [value["en"] if isinstance(value, dict) else str(value) for value in given]
        name = words[0] if "id" in row else " ".join(words[:2])
        while name in found:
            name += "'"
        found[name] = row
    return found
