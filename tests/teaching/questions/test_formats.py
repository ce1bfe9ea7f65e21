"""Moodle XML, GIFT and QTI read back by parsers written here from their published structure.

* Moodle XML: https://docs.moodle.org/en/Moodle_XML_format
* GIFT: https://docs.moodle.org/en/GIFT_format
* QTI 2.1: https://www.imsglobal.org/question/qtiv2p1/imsqti_infov2p1.html, Content Packaging 1.1
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import zipfile
from html import unescape
from io import BytesIO
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

import docx
import pytest

from soilco2.cli.main import main
from soilco2.teaching.questions.formats.gift import to_gift
from soilco2.teaching.questions.formats.json import to_json
from soilco2.teaching.questions.formats.moodle import to_moodle
from soilco2.teaching.questions.formats.paper import right_letters, to_paper
from soilco2.teaching.questions.formats.qti import to_qti
from soilco2.teaching.questions.model import BLOCKS, WEIGHTS
from soilco2.teaching.questions.papers import Paper, bank, draw
from tests.paths import ROOT

LANGS = ("en", "zh")


class Read(NamedTuple):
    """A question as a reader of a format finds it: each option with what it is worth, 0 to 100 and below."""

    kind: str
    stem: str
    options: list[tuple[str, float]]
    points: list[str]


@pytest.fixture(
    scope="module",
    params=[(level, lang) for level in (1, 2, 3) for lang in LANGS],
    ids=lambda p: f"{p[0]}-{p[1]}",
)
def whole(request: pytest.FixtureRequest) -> tuple[Paper, str]:
    level, lang = request.param
    return draw(level, len(bank(level)), 5), lang


def _wanted(paper: Paper, lang: str) -> dict[str, Read]:
    found = {}
    for item in paper.items:
        q = item.question
        right = sum(option.right for option in q.options)
        wrong = len(q.options) - right
        lost = -100 / wrong if q.kind == "multiple" else 0.0
        options = [(o.text.at(lang), 100 / right if o.right else lost) for o in q.options]
        points = [f"({p.marks}) {p.text.at(lang)}" for p in q.points]
        found[q.id] = Read(q.kind, q.stem.at(lang), options, points)
    return found


def _same(found: dict[str, Read], wanted: dict[str, Read]) -> None:
    assert found.keys() == wanted.keys()
    for name, read in wanted.items():
        assert found[name].kind == read.kind
        assert found[name].stem == read.stem
        assert [text for text, _ in found[name].options] == [text for text, _ in read.options]
        assert [worth for _, worth in found[name].options] == pytest.approx(
            [w for _, w in read.options], abs=1e-3
        )
        assert found[name].points == read.points


MOODLE_SHARES = {100, 90, 83.33333, 80, 75, 70, 66.66667, 60, 50, 40, 33.33333, 30, 25, 20, 16.66667, 14.28571, 12.5, 11.11111, 10, 5, 0}  # fmt: skip
"""Shares that Moodle accepts, with either sign (question/engine/bank.php of its documentation)."""


def _moodle(data: bytes) -> tuple[dict[str, Read], dict[str, str], dict[str, float]]:
    quiz = ElementTree.fromstring(data)
    assert quiz.tag == "quiz"
    found, categories, grades, where = {}, {}, {}, ""
    for node in quiz:
        assert node.tag == "question"
        kind = node.attrib["type"]
        if kind == "category":
            where = node.findtext("category/text") or ""
            continue
        name = node.findtext("name/text") or ""
        stem = node.find("questiontext")
        assert stem is not None
        assert stem.get("format") == "html"
        options = []
        for answer in node.findall("answer"):
            assert abs(float(answer.attrib["fraction"])) in MOODLE_SHARES
            assert answer.findtext("feedback/text")
            options.append((unescape(answer.findtext("text") or ""), float(answer.attrib["fraction"])))
        if kind == "multichoice":
            kind = {"true": "single", "false": "multiple"}[node.findtext("single") or ""]
            points = []
        else:
            assert kind == "essay"
            kind = "short"
            points = unescape(node.findtext("graderinfo/text") or "").split("<br>")
        found[name] = Read(kind, unescape(stem.findtext("text") or ""), options, points)
        categories[name], grades[name] = where, float(node.findtext("defaultgrade") or "nan")
        assert node.findtext("generalfeedback/text")
    return found, categories, grades


def test_moodle_xml(whole: tuple[Paper, str]) -> None:
    paper, lang = whole
    found, categories, grades = _moodle(to_moodle(paper, lang))
    _same(found, _wanted(paper, lang))
    for item in paper.items:
        name = BLOCKS[item.question.block][1 if lang == "zh" else 0]
        assert categories[item.question.id].startswith("$course$/top/")
        assert categories[item.question.id].endswith(name)
        assert grades[item.question.id] == item.half_points / 2


def _unsafe(text: str) -> str:
    return re.sub(r"\\([\\~=#{}:n])", lambda m: "\n" if m[1] == "n" else m[1], text).strip()


_BARE = r"(?:[^\\~=#{}:]|\\.)"
"""A character of text: an escaped one, or one that means nothing to GIFT."""


def _gift(text: str) -> dict[str, Read]:
    found = {}
    for part in re.split(r"\n\s*\n", text.strip()):
        lines = [line for line in part.split("\n") if not line.startswith("//")]
        if lines[0].startswith("$CATEGORY: "):
            assert len(lines) == 1
            continue
        match = re.fullmatch(rf"::({_BARE}+)::\[plain\]({_BARE}+)\{{(.*)\}}", "\n".join(lines), re.S)
        assert match, part
        body, _, feedback = match[3].partition("####")
        assert re.fullmatch(rf"{_BARE}+", feedback.strip())
        answers = re.findall(rf"([=~])(?:%(-?[\d.]+)%)?({_BARE}+)#({_BARE}+)", body)
        assert "".join(f"{a}{f'%{b}%' if b else ''}{c}#{d}" for a, b, c, d in answers).split() == body.split()
        options = [(_unsafe(c), float(b) if b else 100.0 * (a == "=")) for a, b, c, _ in answers]
        said = _unsafe(feedback).split("\n")
        kind = "short" if not answers else "multiple" if answers[0][1] else "single"
        points = [line for line in said if re.match(r"\(\d\) ", line)] if kind == "short" else []
        found[_unsafe(match[1])] = Read(kind, _unsafe(match[2]), options, points)
    return found


def test_gift(whole: tuple[Paper, str]) -> None:
    paper, lang = whole
    _same(_gift(to_gift(paper, lang)), _wanted(paper, lang))


Q = "{http://www.imsglobal.org/xsd/imsqti_v2p1}"
P = "{http://www.imsglobal.org/xsd/imscp_v1p1}"
RULES = "http://www.imsglobal.org/question/qti_v2p1/rptemplates/"
ORDER = ["responseDeclaration", "outcomeDeclaration", "itemBody", "responseProcessing"]
"""Order of an item's parts in the specification, of those that are used."""


def _qti_item(root: ElementTree.Element) -> Read:
    assert root.tag == Q + "assessmentItem"
    assert {"identifier", "title", "adaptive", "timeDependent"} <= set(root.attrib)
    assert re.fullmatch(r"[A-Za-z_][\w.-]*", root.attrib["identifier"])
    parts = [node.tag.removeprefix(Q) for node in root]
    assert parts == [part for part in ORDER if part in parts]
    response = root.find(Q + "responseDeclaration")
    body = root.find(Q + "itemBody")
    assert response is not None
    assert body is not None
    interaction = body[0]
    assert interaction.attrib["responseIdentifier"] == response.attrib["identifier"] == "RESPONSE"
    stem = interaction.findtext(Q + "prompt") or ""
    rubric = [p.text or "" for p in body.findall(f"{Q}rubricBlock/{Q}p")]
    assert rubric
    if interaction.tag == Q + "extendedTextInteraction":
        assert (response.get("baseType"), response.get("cardinality")) == ("string", "single")
        assert root.find(Q + "responseProcessing") is None
        return Read("short", stem, [], [line for line in rubric if re.match(r"\(\d\) ", line)])
    assert interaction.tag == Q + "choiceInteraction"
    choices = {c.attrib["identifier"]: c.text or "" for c in interaction.findall(Q + "simpleChoice")}
    correct = {v.text or "" for v in response.findall(f"{Q}correctResponse/{Q}value")}
    rule = root.find(Q + "responseProcessing")
    assert rule is not None
    assert correct <= set(choices)
    if response.get("cardinality") == "single":
        assert (interaction.get("maxChoices"), rule.get("template"), len(correct)) == (
            "1",
            RULES + "match_correct",
            1,
        )
        return Read("single", stem, [(text, 100.0 * (name in correct)) for name, text in choices.items()], [])
    assert (interaction.get("maxChoices"), rule.get("template")) == ("0", RULES + "map_response")
    table = response.find(Q + "mapping")
    assert table is not None
    assert (table.get("lowerBound"), table.get("upperBound")) == ("0", "1")
    worth = {e.attrib["mapKey"]: 100 * float(e.attrib["mappedValue"]) for e in table}
    assert {name for name, value in worth.items() if value > 0} == correct
    return Read("multiple", stem, [(text, worth[name]) for name, text in choices.items()], [])


def test_qti(whole: tuple[Paper, str]) -> None:
    paper, lang = whole
    with zipfile.ZipFile(BytesIO(to_qti(paper, lang))) as package:
        files = {name: ElementTree.fromstring(package.read(name)) for name in package.namelist()}
    manifest = files.pop("imsmanifest.xml")
    assert manifest.tag == P + "manifest"
    assert [node.tag for node in manifest] == [P + "metadata", P + "organizations", P + "resources"]
    resources = manifest.findall(f"{P}resources/{P}resource")
    kinds = {r.attrib["href"]: r.attrib["type"] for r in resources}
    assert set(kinds) == set(files)
    assert kinds.pop("test.xml") == "imsqti_test_xmlv2p1"
    assert set(kinds.values()) == {"imsqti_item_xmlv2p1"}
    names = [r.attrib["identifier"] for r in resources]
    assert len(set(names)) == len(names)
    assert {d.attrib["identifierref"] for r in resources for d in r.findall(P + "dependency")} == set(
        names
    ) - {"r-test"}

    test = files.pop("test.xml")
    assert [node.tag.removeprefix(Q) for node in test] == [
        "outcomeDeclaration",
        "testPart",
        "outcomeProcessing",
    ]
    weights = {}
    for entry in test.iter(Q + "assessmentItemRef"):
        weight = entry.find(Q + "weight")
        assert weight is not None
        weights[entry.attrib["href"]] = float(weight.attrib["value"])
    assert set(weights) == set(files)
    assert sum(weights.values()) == pytest.approx(100)
    found = {root.attrib["title"]: _qti_item(root) for root in files.values()}
    _same(found, _wanted(paper, lang))


def test_gift_escapes_what_would_be_read_as_control() -> None:
    from dataclasses import replace

    from soilco2.teaching.questions.model import Both
    from soilco2.teaching.questions.papers import Item

    paper = draw(1, 1, 1)
    hard = "a = {b} ~ c # d: \\n e\nf"
    question = replace(paper.items[0].question, stem=Both(hard, hard))
    changed = replace(paper, items=(Item(question, 2),))
    assert _gift(to_gift(changed, "en"))[question.id].stem == hard
    found, _, _ = _moodle(
        to_moodle(replace(paper, items=(Item(replace(question, stem=Both("a < b & c", "-")), 2),)), "en")
    )
    assert found[question.id].stem == "a < b & c"


def test_json_holds_both_languages_and_the_numbers_given() -> None:
    value = json.loads(to_json(draw(2, 30, 4)))
    assert value["schema"] == "soilco2-questions-1"
    assert value["points"] == 100
    for question in value["questions"]:
        assert question["stem"].keys() == {"en", "zh"}
        assert question["source"].keys() == {"en", "zh"}
        if question["kind"] == "single":
            assert sum(option["right"] for option in question["options"]) == 1


@pytest.mark.parametrize("lang", LANGS)
def test_the_paper_has_questions_sheet_and_key(lang: str) -> None:
    paper = draw(2, 40, 9)
    read = docx.Document(BytesIO(to_paper(paper, lang)))
    text = "\n".join(p.text for p in read.paragraphs)
    for number, item in enumerate(paper.items, 1):
        assert f"{number}. {item.question.stem.at(lang)}" in text
    sheet, key = ("答题卡", "参考答案与评分标准") if lang == "zh" else ("Answer sheet", "Key")
    headings = [
        p.text for p in read.paragraphs if p.style is not None and (p.style.name or "").startswith("Heading")
    ]
    assert headings.index(sheet) < headings.index(key)
    before_key = text[: text.index(key)]
    assert not any(
        o.why.at(lang) in before_key
        for item in paper.items
        for o in item.question.options
        if len(o.why.at(lang)) > 12
    )

    cells = [[cell.text for cell in row.cells] for row in read.tables[-1].rows][1:]
    assert [row[0] for row in cells] == [str(n) for n in range(1, 41)]
    for row, item in zip(cells, paper.items, strict=True):
        if item.question.options:
            right = {o.text.at(lang) for o in item.question.options if o.right}
            assert {
                item.question.options["ABCDEFGH".index(letter)].text.at(lang) for letter in row[1]
            } == right
            assert row[1] == right_letters(item)
        assert item.question.source.at(lang).replace("`", "") in row[4]
    assert sum(float(row[3]) for row in cells) == 100

    by_weight = [[cell.text for cell in row.cells] for row in read.tables[-2].rows][1:]
    assert [row[1] for row in by_weight] == [f"{w} %" for w in WEIGHTS[2].values()]
    assert [float(row[3]) for row in by_weight] == list(WEIGHTS[2].values())
    numbers = [
        cell.text for table in read.tables[:-2] for cell in table.rows[0].cells[1:] if cell.text.strip()
    ]
    assert numbers == [str(n) for n, item in enumerate(paper.items, 1) if item.question.options]


def _run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as stop:
        main(["teach", "questions", *words])
    said = capsys.readouterr()
    return int(str(stop.value.code)), said.out, said.err


def test_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for form, ending in (
        ("moodle", "xml"),
        ("gift", "gift.txt"),
        ("qti", "zip"),
        ("json", "json"),
        ("docx", "docx"),
    ):
        code, out, _ = _run(
            capsys, "--level", "1", "--count", "12", "--seed", "3", "--lang", "zh", "--format", form
        )
        assert (code, out.strip()) == (0, f"questions-1-3.zh.{ending}")
    assert len(json.loads(Path("questions-1-3.zh.json").read_text(encoding="utf-8"))["questions"]) == 12
    for words, said in (
        (("--level", "1", "--count", "12", "--seed", "3", "--lang", "zh"), "已存在"),
        (("--level", "1", "--count", "999", "--out", "x.docx"), "holds"),
        (
            (
                "--level",
                "4",
            ),
            "4",
        ),
        (("--level", "1", "--facts", "no.toml", "--out", "x.docx"), "no.toml"),
        (("--level", "1", "--format", "odt"), "odt"),
    ):
        code, _, err = _run(capsys, *words)
        assert code == 2, words
        assert said in err
        assert "Traceback" not in err
    code, out, err = _run(capsys, "--level", "1", "--count", "90", "--lang", "en", "--out", "big.docx")
    assert code == 0
    assert "fewer than its weight asks for" in err


@pytest.mark.parametrize(
    ("module", "words", "said"),
    [
        (
            "numpy",
            ["teach", "questions", "--level", "1", "--format", "json"],
            "in the folder of soilco2 run pip install -c constraints.txt '.[analysis]'",
        ),
        (
            "docx",
            ["teach", "questions", "--level", "1", "--count", "5"],
            "pip install -c constraints.txt '.[documents]'",
        ),
    ],
)
def test_what_is_not_installed_is_named(module: str, words: list[str], said: str, tmp_path: Path) -> None:
    code = f"import sys; sys.modules[{module!r}] = None; from soilco2.cli.main import main; main({words!r})"
    root = str(ROOT)
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": root},
    )
    assert done.returncode == 2
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
    assert not list(tmp_path.iterdir())
