"""What is wrong with a station file, or to be minded in it, is told in Chinese."""

from __future__ import annotations

import json
import pickle
import re
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from soilco2.station_config.catalogue.load import load_catalogue
from soilco2.station_config.connections.registry import broken
from soilco2.station_config.errors import StationFileError
from soilco2.station_config.loader import load_station
from soilco2.station_config.message import Message, from_text, pack, to_text, translate, unpack
from soilco2.teaching.demo import TEMPLATE
from tests.station_config.checks.cases_places import PLACES
from tests.station_config.checks.cases_wiring import WIRES
from tests.station_config.example import YULIN, Case, changed, faults_of, write

HAN = re.compile(r"[\u4e00-\u9fff]")
WORDS = re.compile(r"[a-z]{2,} [a-z]{2,} [a-z]{2,}")
"""Three words of a sentence that was left in English; a name alone is none."""


@pytest.mark.parametrize("case", [*WIRES, *PLACES], ids=lambda case: case.name)
def test_a_real_fault_is_told_in_chinese(tmp_path: Path, case: Case) -> None:
    (fault,) = faults_of(write(tmp_path, case.text))
    said = translate(fault.expected, "zh")
    assert HAN.search(said)
    assert not WORDS.search(said), said


def test_a_whole_fault_keeps_its_place_and_says_the_rest_in_chinese(tmp_path: Path) -> None:
    path = write(tmp_path, changed('port = "', 'bauds = 9600 #<<\nport = "'))
    with pytest.raises(StationFileError) as caught:
        load_station(path)
    (fault,) = caught.value.faults
    assert translate(str(caught.value), "zh") == (
        f"{path}:{fault.line}: connection[1].bauds = 9600: 未知的键；是否为“baudrate”？"
    )


def test_what_is_no_toml_is_told_in_chinese_with_the_parser_s_own_words(tmp_path: Path) -> None:
    (fault,) = faults_of(write(tmp_path, "[station]\nid = \n"))
    assert fault.expected == "this is not valid TOML at column 6: invalid value"
    assert translate(fault.expected, "zh") == "TOML 语法有误（第 6 列）：invalid value"


def test_includes_that_cannot_be_followed_are_told_in_chinese(tmp_path: Path) -> None:
    path = write(tmp_path, f'include = ["yulin.toml", 1]\n{YULIN}')
    said = [translate(fault.expected, "zh") for fault in faults_of(path)]
    assert said == [
        "此文件直接或间接包含了自己；请删去一个 include",
        '应为文件列表，如 include = ["common.toml"]',
    ]


def test_catalogue_and_demo_say_everything_in_chinese() -> None:
    doubts = {name: model.unconfirmed for name, model in load_catalogue().items()}
    assert sum(doubt is not None for doubt in doubts.values()) >= 4
    assert all(HAN.search(doubt.zh) and not HAN.search(doubt.en) for doubt in doubts.values() if doubt)
    demo = load_station(TEMPLATE)
    modelled = [words for row in demo.file.instrument for words in row.modelled.values()]
    assert modelled
    assert all(HAN.search(words.zh) and not HAN.search(words.en) for words in modelled)
    english = "\n".join(str(fault) for fault in demo.advice)
    chinese = "\n".join(translate(str(fault), "zh") for fault in demo.advice)
    assert "not confirmed in the catalogue" in english
    assert "型号库中未证实：量程与精度" in chinese
    assert "not confirmed" not in chinese
    assert not HAN.search(english)


def test_words_that_data_bring_in_both_languages_stay_together() -> None:
    doubt = Message.ready(en="the range {is} open", zh="量程{待}定")
    outer = Message("not confirmed in the catalogue: {doubt}", doubt=doubt)
    for one in (
        outer,
        pickle.loads(pickle.dumps(outer)),
        unpack(json.loads(json.dumps(pack(outer)))),
        from_text(to_text(outer), str(outer)),
    ):
        assert one == "not confirmed in the catalogue: the range {is} open"
        assert translate(one, "en") == one
        assert translate(one, "zh") == "型号库中未证实：量程{待}定"


def test_a_kind_that_cannot_be_used_is_told_in_chinese(monkeypatch: pytest.MonkeyPatch) -> None:
    from soilco2.station_config.connections import registry

    entry = EntryPoint("line-of-text", "soilco2.station_config.message:LOCALE", registry.GROUP)
    monkeypatch.setattr(registry, "entry_points", lambda group: [entry])
    registry._found.cache_clear()
    try:
        said = translate(broken()["line-of-text"], "zh")
    finally:
        registry._found.cache_clear()
    assert said == (
        "连接类型 'line-of-text'（soilco2.station_config.message:LOCALE）不能使用：该处应为同名的 Kind；"
        "请更新或卸载提供它的软件包"
    )
