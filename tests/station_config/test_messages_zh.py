"""Every sentence of a fault has its Chinese."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from soilco2.cli.main import main
from soilco2.station_config.messages_zh import SENTENCES, in_chinese
from tests.paths import ROOT
from tests.station_config.checks.cases_places import PLACES
from tests.station_config.checks.cases_wiring import WIRES
from tests.station_config.example import Case, faults_of, write

FOLDER = ROOT / "station_config"
MAKERS = {"fault", "Fault", "fault_at", "StationConfigError", "ValueError", "_refuse", "_warn"}
HAN = re.compile(r"[\u4e00-\u9fff]")


def texts(node: ast.expr) -> list[str]:
    """The sentences an expression can make, ``{}`` for what is filled in."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [node.value]
    if isinstance(node, ast.JoinedStr):
        return ["".join(v.value if isinstance(v, ast.Constant) else "{}" for v in node.values)]  # type: ignore[misc]
    if isinstance(node, ast.IfExp):
        return texts(node.body) + texts(node.orelse)
    if isinstance(node, ast.BinOp):
        return [a + b for a in texts(node.left) or ["{}"] for b in texts(node.right) or ["{}"]]
    return []


def sentences() -> Iterator[tuple[str, str]]:
    """Where, and what is said."""
    for path in sorted(FOLDER.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name in MAKERS:
                for argument in node.args:
                    for text in texts(argument):
                        if re.search(r"[a-z] [a-z]", text):
                            yield f"{path.name}:{node.lineno}", text


FOUND = dict.fromkeys(sentences())


def test_the_sentences_are_found() -> None:
    assert len(FOUND) > 60


@pytest.mark.parametrize(("place", "text"), FOUND, ids=lambda part: part[:40])
def test_a_sentence_has_its_chinese(place: str, text: str) -> None:
    filled = text.replace("{}", "x7")
    chinese = in_chinese(filled)
    assert HAN.search(chinese), f"{place}: {text}"
    endings = text.count("request{}")  # a plural, which Chinese has not
    assert chinese.count("x7") == text.count("{}") - endings, f"{place}: what is filled in stays"


@pytest.mark.parametrize("case", [*WIRES, *PLACES], ids=lambda case: case.name)
def test_a_real_fault_is_told_in_chinese(tmp_path: Path, case: Case) -> None:
    (fault,) = faults_of(write(tmp_path, case.text))
    assert HAN.search(in_chinese(fault.expected)), fault.expected


def test_each_translation_takes_what_its_sentence_gives() -> None:
    for english, chinese in SENTENCES.items():
        given = english.replace("{{", "").replace("}}", "").count("{}")
        taken = set(map(int, re.findall(r"\{(\d)\}", chinese)))
        assert taken <= set(range(given)), english


def test_check_speaks_chinese(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    case = next(case for case in WIRES if case.name == "unknown key")
    with pytest.raises(SystemExit) as end:
        main(["check", str(write(tmp_path, case.text)), "--lang", "zh"])
    assert end.value.code == 1
    assert "未知的键；是否为“baudrate”？" in capsys.readouterr().err


def test_catalogue_and_demo_say_everything_in_chinese(capsys: pytest.CaptureFixture[str]) -> None:
    from soilco2.station_config.catalogue.load import load_catalogue
    from soilco2.station_config.loader import load_station

    doubts = {name: model.unconfirmed for name, model in load_catalogue().items()}
    assert sum(doubt is not None for doubt in doubts.values()) >= 4
    assert all(HAN.search(doubt.zh) and not HAN.search(doubt.en) for doubt in doubts.values() if doubt)
    demo = FOLDER.parent / "teaching" / "demo" / "sjer.toml"
    modelled = [words for row in load_station(demo).file.instrument for words in row.modelled.values()]
    assert modelled
    assert all(HAN.search(words.zh) and not HAN.search(words.en) for words in modelled)
    with pytest.raises(SystemExit):
        main(["check", str(demo), "--lang", "zh"])
    said = capsys.readouterr().out
    assert "型号库中未证实：量程与精度" in said
    assert "not confirmed" not in said
    assert "from measured" not in said
