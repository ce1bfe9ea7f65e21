"""Every key of the station file shows in the plans: change one, and what is written changes."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from soilco2.documents import vocabulary
from soilco2.documents.document import Document
from soilco2.documents.errors import PlanError
from soilco2.documents.formats.markdown import to_markdown
from soilco2.documents.language import Language
from soilco2.documents.monitoring import monitoring_plan
from soilco2.documents.quality import quality_plan
from soilco2.quality.checks import CHECKS
from soilco2.quality.corrections import CORRECTIONS
from soilco2.station_config.errors import StationConfigError
from soilco2.station_config.loader import Station, parse_station
from soilco2.station_config.tables import fields
from soilco2.station_config.tables.stationfile import StationFile
from soilco2.storage.journal.completeness import CAUSES
from soilco2.teaching.glossary import faults
from tests.documents.stations import FULL, station

DAY = date(2026, 7, 1)
NAMES = {
    ("station", "id"), ("connection", "id"), ("profile", "id"), ("position", "id"), ("instrument", "id"),
    ("instrument", "connection"), ("instrument", "model"), ("instrument", "serial"), ("installation", "position"), ("broker", "id"), ("platform", "id"),
}  # fmt: skip
"""Names that other keys point to: changed alone they make no station; each is looked for in the text."""


def _text(station: Station, lang: str = "en") -> str:
    plans = [write(station, lang, DAY) for write in (monitoring_plan, quality_plan)]
    return "\n".join(_without_machine(plan) for plan in plans)


def _without_machine(plan: Document) -> str:
    plan.machine = ""
    plan.facts = [(key, value) for key, value in plan.facts if "onfiguration" not in key]
    return to_markdown(plan)


def _leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    if isinstance(value, dict):
        for key, part in value.items():
            yield from _leaves(part, (*path, key))
    elif isinstance(value, list):
        for number, part in enumerate(value):
            yield from _leaves(part, (*path, number))
    elif value is not None:
        yield path, value


OTHERS: dict[str, list[Any]] = {
    "kind": [], "parity": ["N"], "version": ["3.1.1", "1.2"], "at_limit": ["stop"], "language": ["en"],
    "role": ["analyst"], "pressure": ["device"], "temperature": ["none"], "method": ["top"],
    "free_air": ["massman_1998"], "surface": ["ambient"], "co2_probes": ["compensated"], "bottom_flux": ["free"],
    "timezone": ["Asia/Tokyo"], "zone": ["Asia/Tokyo"], "flags": ["bad", "missing"], "sftp": ["dune@other.example"],
    "variables": ["soil_water"], "positions": ["p1/d30a"], "variable": ["soil_water"], "replicate": ["c"], "channel": ["air_pressure"],
    "rank": ["table"], "server": ["chirpstack"], "adapter": ["envirodiy"], "mode": ["transparent"],
    "break_by": ["port"], "bytesize": [8], "framing": ["tcp"], "heartbeat": ["ping"], "format": ["TOA5"],
    "stamp": ["start"], "encoding": ["utf-8"], "delimiter": ["|"], "decimal": ["."], "time_format": ["iso", "%d.%m.%y %H:%M"], "each": ["rows[*]"], "since_format": ["s"],
}  # fmt: skip


def _others(key: str, value: Any) -> list[Any]:
    if key in OTHERS:
        return OTHERS[key]
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int):
        return [value + 1, value - 1]
    if isinstance(value, float):
        return [value * 1.01 + 0.001, value * 0.99]
    if re.fullmatch(r"[0-9.]+s", value):
        return [f"{float(value[:-1]) + 1}s"]
    if re.match(r"\d{4}-\d\d-\d\d", value):
        return [value.replace("2026", "2025"), value.replace("-0", "-1", 1)]
    return [value + "x"]


def test_a_changed_key_changes_the_text(tmp_path: Path) -> None:
    full = station(tmp_path)
    before = _text(full)
    value = json.loads(full.text)
    silent = []
    for path, old in _leaves(value["station_file"]):
        names = [part for part in path if isinstance(part, str)]
        pair = (names[-2], names[-1]) if len(names) > 1 else ("", names[0])
        if pair in NAMES or path[-1] == "zh":
            assert path[-1] == "zh" or str(old) in before, path
            continue
        if (pair, old) == (("platform", "batch"), 1):
            continue  # bound to 1 by its key single
        for other in _others(names[-1], old):
            tried = copy.deepcopy(value)
            place = tried["station_file"]
            for part in path[:-1]:
                place = place[part]
            place[path[-1]] = other
            try:
                changed = _text(parse_station(json.dumps(tried)))
            except StationConfigError:
                continue
            if changed != before:
                break
        else:
            silent.append(".".join(map(str, path)))
    # a line says its kind as a protocol; only two are known and they share no keys
    assert [name for name in silent if not name.endswith(".kind")] == []


def test_the_file_used_here_holds_every_key(tmp_path: Path) -> None:
    given: set[str] = set()

    def collect(value: Any) -> None:
        for key, part in value.items() if isinstance(value, dict) else ():
            given.add(key) if part not in (None, "", [], {}) else None
            collect(part)
        for part in value if isinstance(value, list) else ():
            collect(part)

    collect(json.loads(station(tmp_path).text)["station_file"])
    known: set[str] = set()

    def learn(model: Any) -> None:
        for key, field in fields.keys(model).items():
            known.add(key)
            for inside in fields.tables(field.annotation):
                learn(inside)

    learn(StationFile)
    assert known - given <= {"catalogue", "file", "bytesize"}


def test_chinese_words_of_the_file_show_in_chinese(tmp_path: Path) -> None:
    text = _text(station(tmp_path), "zh")
    for words_zh in re.findall(r'zh = "([^"]+)"', FULL):
        assert words_zh in text


def test_every_key_of_a_technical_table_has_words_in_both_languages() -> None:
    tables = {}

    def walk(model: Any) -> None:
        tables[model.__name__] = model
        for field in model.model_fields.values():
            for one in fields.tables(field.annotation):
                walk(one)

    walk(StationFile)
    for name, labels in vocabulary.KEYS.items():
        assert set(labels) == set(tables[name].model_fields) - vocabulary.ELSEWHERE, name


def test_words_for_every_test_correction_and_cause() -> None:
    assert set(vocabulary.TESTS) == {check.name for check in CHECKS} | {"manual"}
    assert set(vocabulary.CORRECTIONS) == set(CORRECTIONS)
    assert set(vocabulary.CAUSES) == set(CAUSES)


def test_no_plan_of_a_station_that_measures_nothing(tmp_path: Path) -> None:
    bare = FULL[: FULL.index("[[connection]]")]
    with pytest.raises(PlanError, match="no instrument is installed anywhere"):
        monitoring_plan(station(tmp_path, bare), "en", DAY)


def test_a_silent_file_gives_open_points_and_no_invented_words(tmp_path: Path) -> None:
    text = FULL[: FULL.index("[[people]]")]
    plan = monitoring_plan(station(tmp_path, text), "zh", DAY)
    (last,) = [section for section in plan.sections if section.title == "待补内容"]
    said = to_markdown(plan)
    for key in ("[plan] purpose", "[plan] boundary", "[plan] backup", "[plan] safety", "[[people]]"):
        assert any(f"`{key}`" in item for item in last.blocks[1].items)  # type: ignore[union-attr]
        assert f"台站文件未写明（`{key}`）。" in said


def test_terms_of_the_glossary(tmp_path: Path) -> None:
    full = station(tmp_path)
    text = _text(full, "zh")
    for model in full.models.values():
        text = text.replace(model.name.zh, "")  # what a maker calls a probe
    for term in (
        "监测计划",
        "监测数据质量保证方案",
        "数据质量控制计划",
        "土壤剖面",
        "体积含水率",
        "表观电导率",
        "25 ℃ 电导率",
        "盐分（由电导率换算）",
        "缺测",
        "质量标识",
    ):
        assert term in text
    assert faults(text) == []


def test_a_share_that_is_not_whole_never_reads_as_whole() -> None:
    t = Language("en", ZoneInfo("UTC"))
    # 17566 of 17568 half hours: 99.98862 %
    assert t.percent(17566 / 17568) == "99.99 %"
    assert (t.percent(1.0), t.percent(0.0), t.percent(0.875)) == ("100.0 %", "0.0 %", "87.5 %")
    assert t.percent(1 / 17568) == "0.01 %"
