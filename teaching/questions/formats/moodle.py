"""Moodle XML, as Moodle's documentation gives it (https://docs.moodle.org/en/Moodle_XML_format)."""

from __future__ import annotations

from html import escape
from xml.etree import ElementTree

from soilco2.teaching.questions.model import BLOCKS, LEVELS, Question
from soilco2.teaching.questions.papers import Paper


def category(question: Question, lang: str) -> str:
    """Where a question goes in Moodle's question bank; a slash in a name is doubled."""
    place = 1 if lang == "zh" else 0
    names = ("soilco2", LEVELS[question.level][place], BLOCKS[question.block][place])
    return "$course$/top/" + "/".join(name.replace("/", "//") for name in names)


def fractions(question: Question) -> list[float]:
    """What each option is worth [%]: right ones share 100, wrong ones of a multiple choice take as much off.

    Moodle knows shares of 100 to five places.
    """
    right = sum(option.right for option in question.options)
    wrong = len(question.options) - right
    lost = -100 / wrong if question.kind == "multiple" else 0.0
    return [round(100 / right if option.right else lost, 5) for option in question.options]


def to_moodle(paper: Paper, lang: str) -> bytes:
    """A quiz for import, the questions sorted into categories by level and block."""
    quiz = ElementTree.Element("quiz")
    last = ""
    for item in sorted(paper.items, key=lambda one: list(BLOCKS).index(one.question.block)):
        question = item.question
        where = category(question, lang)
        if where != last:
            _text(ElementTree.SubElement(quiz, "question", type="category"), "category", where)
            last = where
        kind = "essay" if question.kind == "short" else "multichoice"
        node = ElementTree.SubElement(quiz, "question", type=kind)
        _text(node, "name", question.id)
        _html(node, "questiontext", question.stem.at(lang))
        _html(node, "generalfeedback", f"{question.explanation.at(lang)}\n{question.source.at(lang)}")
        _plain(node, "defaultgrade", item.points)
        _plain(node, "penalty", "0")
        _plain(node, "hidden", "0")
        _plain(node, "idnumber", question.id)
        if kind == "essay":
            _essay(node, question, lang)
        else:
            _choices(node, question, lang)
    ElementTree.indent(quiz)
    text: bytes = ElementTree.tostring(quiz, "utf-8", xml_declaration=True)
    return text + b"\n"


def _choices(node: ElementTree.Element, question: Question, lang: str) -> None:
    _plain(node, "single", "true" if question.kind == "single" else "false")
    _plain(node, "shuffleanswers", "true")
    _plain(node, "answernumbering", "ABCD")
    for option, worth in zip(question.options, fractions(question), strict=True):
        answer = ElementTree.SubElement(
            node, "answer", fraction=f"{worth:g}" if worth == int(worth) else f"{worth:.5f}"
        )
        answer.set("format", "html")
        _plain(answer, "text", _as_html(option.text.at(lang)))
        _html(answer, "feedback", option.why.at(lang))


def _essay(node: ElementTree.Element, question: Question, lang: str) -> None:
    for name, value in (
        ("responseformat", "editor"), ("responserequired", "1"), ("responsefieldlines", "15"),
        ("attachments", "0"), ("attachmentsrequired", "0"),
    ):  # fmt: skip
        _plain(node, name, value)
    points = [f"({point.marks}) {point.text.at(lang)}" for point in question.points]
    _html(node, "graderinfo", "\n".join(points))
    _html(node, "responsetemplate", "")


def _plain(parent: ElementTree.Element, name: str, text: str) -> None:
    ElementTree.SubElement(parent, name).text = text


def _text(parent: ElementTree.Element, name: str, text: str) -> None:
    _plain(ElementTree.SubElement(parent, name), "text", text)


def _html(parent: ElementTree.Element, name: str, text: str) -> None:
    node = ElementTree.SubElement(parent, name, format="html")
    _plain(node, "text", _as_html(text))


def _as_html(text: str) -> str:
    return "<br>".join(escape(line, quote=False) for line in text.split("\n"))
