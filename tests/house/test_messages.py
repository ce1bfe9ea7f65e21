"""Every sentence for people has its Chinese, and what is filled in stays as it is."""

from __future__ import annotations

import ast
import copy
import json
import pickle
import re
import subprocess
import sys
from pathlib import Path

import pytest

from soilco2.station_config.message import Message, from_text, pack, system, to_text, translate, unpack, word
from tests.house.tree import ROOMS, texts
from tests.paths import ROOT

HAN = re.compile(r"[\u4e00-\u9fff]")
SPEAKERS = {
    "echo",
    "fail",
    "BadParameter",
    "UsageError",
    "ClickException",
    "NewEvent",
    "DriverEvent",
    "event_of",
}
"""Who is handed sentences, beside everything that is called an error."""
GIVE_UP = {"消息服务器": "消息代理", "仪器目录": "型号库", "日志数据库": "日志库"}
"""Words that were in use for one thing, and the one that is kept."""


def _modules() -> list[tuple[Path, str]]:
    return [
        (path.relative_to(ROOT), text)
        for path, text in texts()
        if path.suffix == ".py" and path.relative_to(ROOT).parts[0] in ROOMS
    ]


def test_catalogues_are_what_the_code_says_and_nothing_is_missing_or_merged() -> None:
    done = subprocess.run(
        [sys.executable, "tools/messages.py", "--check"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_one_word_a_thing() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {old}, which is called {new}"
        for path, text in texts()
        if path != Path(__file__)
        for old, new in GIVE_UP.items()
        if old in text
    ]
    assert not found


def _name(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def _bare(node: ast.expr) -> bool:
    """Whether an argument is a sentence that is no message."""
    if isinstance(node, ast.JoinedStr):
        text = "".join(str(v.value) if isinstance(v, ast.Constant) else "{}" for v in node.values)
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        text = node.value
    elif isinstance(node, ast.BinOp | ast.IfExp):
        return any(_bare(one) for one in ast.iter_child_nodes(node) if isinstance(one, ast.expr))
    else:
        return False
    return re.search(r"[a-z]+ [a-z]+", text) is not None


def test_every_error_and_event_carries_a_message() -> None:
    bare = []
    for path, text in _modules():
        for node in ast.walk(ast.parse(text)):
            if not isinstance(node, ast.Call) or (name := _name(node)) in {"AssertionError", "ImportError"}:
                continue
            if name in SPEAKERS or (name.endswith("Error") and name.lstrip("_")[:1].isupper()):
                bare += [f"{path}:{one.lineno}" for one in node.args if _bare(one)]
    assert not bare


def test_templates_are_literals_with_plain_names() -> None:
    """What the catalogues are made of can be read in the code, and a value goes in as it is, by its name."""
    wrong = []
    for path, text in _modules():
        if path == Path("station_config/message.py"):
            continue
        for node in ast.walk(ast.parse(text)):
            if not isinstance(node, ast.Call) or getattr(node.func, "id", "") not in ("Message", "marked"):
                continue
            template = node.args[0]
            if isinstance(template, ast.JoinedStr) or not (
                isinstance(template, ast.Constant) or not _bare(template)
            ):
                wrong.append(f"{path}:{node.lineno}: no literal")
            elif isinstance(template, ast.Constant) and re.search(r"\{\w*[.\[]", template.value):
                wrong.append(f"{path}:{node.lineno}: not a plain name")
    assert not wrong


SAID = Message(
    "{name} has no such channel; {nearest}", name="stopped", nearest=Message("known are {names}", names="ok")
)


def test_a_message_is_its_text_wherever_it_goes() -> None:
    assert SAID == "stopped has no such channel; known are ok"
    error = ValueError(SAID)
    assert isinstance(str(error), Message)
    outer = Message("{path}: {why}", path=Path("a.toml"), why=error)
    for one in (
        pickle.loads(pickle.dumps(outer)), copy.deepcopy(outer),
        unpack(json.loads(json.dumps(pack({"x": [outer]}))))["x"][0],
        from_text(to_text(outer), str(outer)),
    ):  # fmt: skip
        assert one == "a.toml: stopped has no such channel; known are ok"
        assert one.values["why"].template == SAID.template
    assert json.dumps({"reason": outer}) == '{"reason": "a.toml: stopped has no such channel; known are ok"}'


def test_what_was_kept_and_cannot_be_read_leaves_the_text() -> None:
    for kept in ("", "{", "[]", '{"message": "{other}", "values": {}}', '{"message": 1, "values": {}}'):
        assert from_text(kept, "as it was") == "as it was"
    assert to_text("a person's words") == to_text(Message.of("a person's words")) == ""


def test_names_are_never_taken_for_words() -> None:
    """A series named `stopped`, an instrument named `none`: values, whatever words the catalogues know."""
    name = "none is defined"
    assert translate(Message("known are {options}", options=name), "zh") == f"可用的有 {name}"
    assert translate("stopped", "zh") == "stopped"
    assert translate(Message.of("stopped"), "zh") == "stopped"


def test_a_message_in_a_message_is_said_in_the_same_language() -> None:
    inner = Message("known are {options}", options="a, b")
    said = translate(Message.joined([Message("{path}: {why}", path="x", why=inner), "plain"]), "zh")
    assert said == "x: 可用的有 a, b; plain"


def test_words_of_states_and_causes() -> None:
    assert word("ok", "zh") == "正常"
    assert word("ok", "en") == "ok"
    assert word("a name", "zh") == "a name"


@pytest.mark.parametrize(("said", "chinese"), [("Permission denied", "没有权限"), ("Strange", "Strange")])
def test_the_system_s_own_words(said: str, chinese: str) -> None:
    assert translate(system(OSError(13, said)), "zh") == chinese
