"""Every sentence of the commands that speak through `say`, of tables and of the journal has its Chinese."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from soilco2.cli.main import main
from soilco2.cli.messages_zh import COMMANDS, EVENTS, FAULTS, MESSAGES, STORAGE, TABLES, WORDS, in_chinese
from soilco2.ingest.errors import BusError
from soilco2.storage.journal.completeness import CAUSES
from tests.cli.test_flag_and_note import station  # noqa: F401
from tests.paths import ROOT
from tests.station_config.test_messages_zh import HAN, texts

SPOKEN = ("demo", "import_", "parked", "flag", "note", "verify", "archive", "replay", "reprocess", "export",
          "simulate", "analyse/jobs", "analyse/plan", "analyse/flux", "analyse/periodic")  # fmt: skip
SPEAKERS = {"echo", "_echo", "fail", "BadParameter", "DemoError"}
FAULTY = {
    "SinkRefused", "SinkDenied", "SinkTooLarge", "SinkUnavailable", "PortBusy", "PortGone", "NoAnswer", "LocalEcho",
    "ExceptionAnswer", "WrongAnswer", "BadFrame", "DoubleAnswer",
}  # fmt: skip
"""Errors that `soilco2 status` tells."""
TELLING = {"NewEvent", "DriverEvent", "_log_event", "_on_event"}
"""What an event says; the longer texts stand in a variable of these modules."""
EVENTFUL = {"migration.py", "polling.py", "collector.py", "retention.py", "rollup_writer.py", "archiving.py"}
REASONS = {ROOT / "storage" / "tidy" / "rows.py", ROOT / "storage" / "tidy" / "samples.py"}
"""Modules in which a function may return a reason."""


def _name(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def _said(path: Path, node: ast.AST) -> list[ast.expr]:
    if isinstance(node, ast.Call):
        name = _name(node)
        if name in SPEAKERS | FAULTY or (path.is_relative_to(ROOT / "storage") and name.endswith("Error")):
            return node.args
        if name in TELLING:
            return node.args
        if path.name == "soilco2_json_decode.py" and name == "_RefusedError":
            return node.args
    if isinstance(node, ast.Assign) and path.name in EVENTFUL:
        return [node.value] if getattr(node.targets[0], "id", "") in ("text", "words", "why") else []
    if isinstance(node, ast.Return) and node.value is not None and path in REASONS:
        return [node.value]
    return []


def sentences() -> Iterator[tuple[str, str]]:
    """Where, and what is said."""
    paths = [
        ROOT / "cli" / "options.py",
        ROOT / "cli" / "demo" / "run.py",
        *(
            ROOT / "ingest" / f"{name}.py"
            for name in (
                "collector", "drivers/polling", "forward/forwarder", "protocols/modbus",
                "protocols/soilco2_json_decode", "transports/modbus_serial", "transports/mqtt",
            )
        ),
        *sorted((ROOT / "storage").rglob("*.py")),
    ]  # fmt: skip
    for path in [*paths, *(ROOT / "cli" / "commands" / f"{name}.py" for name in SPOKEN)]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            for argument in _said(path, node):
                for text in texts(argument):
                    if re.search(r"[a-z] [a-z]", text.replace("soilco2 ", "")):
                        yield f"{path.name}:{node.lineno}", text  # type: ignore[attr-defined]


FOUND = dict(reversed(pair) for pair in sentences())


def test_the_sentences_are_found() -> None:
    assert len(FOUND) > 130


@pytest.mark.parametrize("text", FOUND, ids=lambda text: text[:40])
def test_a_sentence_has_its_chinese(text: str) -> None:
    chinese = in_chinese(text.replace("{}", "x7"))
    assert HAN.search(chinese), f"{FOUND[text]}: {text}"
    assert chinese.count("x7") == text.count("{}"), f"{FOUND[text]}: what is filled in stays: {chinese}"


def test_each_translation_takes_what_its_sentence_gives() -> None:
    for table in (COMMANDS, TABLES, STORAGE, MESSAGES, FAULTS, EVENTS):
        for english, chinese in table.items():
            assert set(map(int, re.findall(r"\{(\d)\}", chinese))) == set(range(english.count("{}"))), english


def test_causes_kinds_and_states_have_their_chinese() -> None:
    def kinds(error: type[BusError]) -> set[str]:
        return {error.kind}.union(*map(kinds, error.__subclasses__()))

    others = {"message", "conflict", "point", "stretch", "failing", "not reached"}
    assert kinds(BusError) | set(CAUSES) | others <= set(WORDS)
    assert all(HAN.search(chinese) for chinese in WORDS.values())


def test_commands_speak_chinese(station: object, capsys: pytest.CaptureFixture[str]) -> None:  # noqa: F811
    path = str(station.path)  # type: ignore[attr-defined]
    for words, said in (
        (["flag", path, "p1/d32/co2", "--from", "2026-03-01", "--to", "2026-03-02", "--who", "w", "--why", "y"],
         "soilco2: p1/d32/co2：日志库没有这个序列；co2 有 p1/d30/co2"),
        (["flag", path, "p1/d30/co2", "--from", "2026-03-0", "--to", "2026-03-02", "--who", "w", "--why", "y"],
         "'2026-03-0' 不是时间；应如 2026-03-01"),
        (["note", path, "清洁了太阳能板"], "记录 "),
        (["parked", "list", path], "没有搁置的内容"),
        (["archive", path], "还没有归档"),
        (["verify", path], "没有 [influxdb] 表"),
        (["reprocess", path], "0 个观测值改变"),
        (["replay", path], "--from 和 --to 说明重发哪一段"),
        (["export", path, "--variable", "co2", "-o", "x.txt"], "扩展名应为"),
        (["import", path, "no/such.csv"], "无法打开"),
    ):  # fmt: skip
        with pytest.raises(SystemExit):
            main([*words, "--lang", "zh"])
        found = capsys.readouterr()
        assert said in found.out + found.err, words
        assert not re.search(r"[a-z] [a-z]", found.err.replace("soilco2: ", "")), found.err


@pytest.mark.parametrize(
    ("told", "chinese"),
    [
        (
            "influxdb at http://127.0.0.1:1: the token is not accepted (401: unauthorized access); give one that may "
            "write to and read from bucket 'b' of organisation 'o'",
            "influxdb at http://127.0.0.1:1: 令牌不被接受（401：未授权）；请给出可读写组织 'o' 的存储桶 'b' 的令牌",
        ),
        (
            "/dev/u, address 3: function 3, registers 0x0000+2: no answer within 1 s; check supply, wiring, address "
            "and line settings",
            "/dev/u，地址 3：功能码 3，寄存器 0x0000+2：1 s 内无应答；请检查供电、接线、地址和串口参数",
        ),
        ("10.0.0.1:1883: connection refused; trying again", "10.0.0.1:1883: 连接被拒绝；正在重试"),
    ],
)
def test_faults_with_their_place_have_their_chinese(told: str, chinese: str) -> None:
    assert in_chinese(told) == chinese
