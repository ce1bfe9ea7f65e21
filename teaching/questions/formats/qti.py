"""QTI 2.1: a content package with one item a question and a test, by the specification of 1EdTech.

https://www.imsglobal.org/question/qtiv2p1/imsqti_infov2p1.html and the content packaging 1.1 of the same body.
"""

from __future__ import annotations

import zipfile
from io import BytesIO
from xml.etree import ElementTree

from soilco2.teaching.questions.model import KINDS, LEVELS, Question
from soilco2.teaching.questions.papers import Paper

QTI = "http://www.imsglobal.org/xsd/imsqti_v2p1"
PACKAGE = "http://www.imsglobal.org/xsd/imscp_v1p1"
_TEMPLATES = "http://www.imsglobal.org/question/qti_v2p1/rptemplates/"
_LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"
_STAMP = (2026, 1, 1, 0, 0, 0)
"""Time of every file in the package, so that the same paper is the same file."""


def to_qti(paper: Paper, lang: str) -> bytes:
    """The package as a zip file."""
    files = {f"items/{name(item.question)}.xml": _item(item.question, lang) for item in paper.items}
    files["test.xml"] = _test(paper, lang)
    files["imsmanifest.xml"] = _manifest(paper)
    out = BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as package:
        for path, root in sorted(files.items()):
            ElementTree.indent(root)
            text = b'<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, "utf-8") + b"\n"
            package.writestr(zipfile.ZipInfo(path, _STAMP), text, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def name(question: Question) -> str:
    """Identifier of a question's item: letters, digits, dash and underscore, no digit first."""
    return f"q-{question.id}"


def _put(
    parent: ElementTree.Element, tag: str, text: str | None = None, **attributes: str
) -> ElementTree.Element:
    node = ElementTree.SubElement(parent, tag, attributes)
    node.text = text
    return node


def _item(question: Question, lang: str) -> ElementTree.Element:
    root = ElementTree.Element(
        "assessmentItem",
        {"xmlns": QTI, "identifier": name(question), "title": question.id, "adaptive": "false", "timeDependent": "false",
         _LANGUAGE: "zh-CN" if lang == "zh" else "en"},
    )  # fmt: skip
    if question.kind == "short":
        _put(root, "responseDeclaration", identifier="RESPONSE", cardinality="single", baseType="string")
    else:
        _declare(root, question)
    score = _put(root, "outcomeDeclaration", identifier="SCORE", cardinality="single", baseType="float")
    _put(_put(score, "defaultValue"), "value", "0")
    body = _put(root, "itemBody")
    if question.kind == "short":
        field = _put(body, "extendedTextInteraction", responseIdentifier="RESPONSE", expectedLines="15")
        _put(field, "prompt", question.stem.at(lang))
    else:
        most = "1" if question.kind == "single" else "0"
        field = _put(
            body, "choiceInteraction", responseIdentifier="RESPONSE", shuffle="true", maxChoices=most
        )
        _put(field, "prompt", question.stem.at(lang))
        for number, option in enumerate(question.options):
            _put(field, "simpleChoice", option.text.at(lang), identifier=f"C{number}")
    said = [f"({point.marks}) {point.text.at(lang)}" for point in question.points]
    said += [f"C{number}: {option.why.at(lang)}" for number, option in enumerate(question.options)]
    rubric = _put(body, "rubricBlock", view="scorer tutor")
    for line in (*said, question.explanation.at(lang), question.source.at(lang)):
        _put(rubric, "p", line)
    if question.kind != "short":
        rule = "match_correct" if question.kind == "single" else "map_response"
        _put(root, "responseProcessing", template=_TEMPLATES + rule)
    return root


def _declare(root: ElementTree.Element, question: Question) -> None:
    cardinality = "single" if question.kind == "single" else "multiple"
    response = _put(
        root, "responseDeclaration", identifier="RESPONSE", cardinality=cardinality, baseType="identifier"
    )
    correct = _put(response, "correctResponse")
    for number, option in enumerate(question.options):
        if option.right:
            _put(correct, "value", f"C{number}")
    if question.kind == "multiple":
        right = sum(option.right for option in question.options)
        wrong = len(question.options) - right
        table = _put(response, "mapping", lowerBound="0", upperBound="1", defaultValue="0")
        for number, option in enumerate(question.options):
            worth = 1 / right if option.right else -1 / wrong
            _put(table, "mapEntry", mapKey=f"C{number}", mappedValue=f"{worth:.6f}")


def _test(paper: Paper, lang: str) -> ElementTree.Element:
    place = 1 if lang == "zh" else 0
    title = f"{LEVELS[paper.level][place]} {paper.seed}"
    root = ElementTree.Element("assessmentTest", {"xmlns": QTI, "identifier": "test", "title": title})
    score = _put(root, "outcomeDeclaration", identifier="SCORE", cardinality="single", baseType="float")
    _put(_put(score, "defaultValue"), "value", "0")
    part = _put(
        root, "testPart", identifier="part", navigationMode="nonlinear", submissionMode="simultaneous"
    )
    for kind, title_of in KINDS.items():
        items = [item for item in paper.items if item.question.kind == kind]
        if not items:
            continue
        section = _put(
            part, "assessmentSection", identifier=f"section-{kind}", title=title_of[place], visible="true"
        )
        for item in items:
            where = f"items/{name(item.question)}.xml"
            entry = _put(section, "assessmentItemRef", identifier=name(item.question), href=where)
            _put(entry, "weight", identifier="POINTS", value=str(item.half_points / 2))
    set_score = _put(_put(root, "outcomeProcessing"), "setOutcomeValue", identifier="SCORE")
    _put(_put(set_score, "sum"), "testVariables", variableIdentifier="SCORE", weightIdentifier="POINTS")
    return root


def _manifest(paper: Paper) -> ElementTree.Element:
    root = ElementTree.Element("manifest", {"xmlns": PACKAGE, "identifier": "manifest"})
    about = _put(root, "metadata")
    _put(about, "schema", "QTIv2.1 Package")
    _put(about, "schemaversion", "1.0.0")
    _put(root, "organizations")
    resources = _put(root, "resources")
    test = _put(resources, "resource", identifier="r-test", type="imsqti_test_xmlv2p1", href="test.xml")
    _put(test, "file", href="test.xml")
    for item in paper.items:
        _put(test, "dependency", identifierref=f"r-{name(item.question)}")
    for item in paper.items:
        path = f"items/{name(item.question)}.xml"
        one = _put(
            resources,
            "resource",
            identifier=f"r-{name(item.question)}",
            type="imsqti_item_xmlv2p1",
            href=path,
        )
        _put(one, "file", href=path)
    return root
