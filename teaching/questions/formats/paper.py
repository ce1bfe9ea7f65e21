"""A printable paper: questions, answer sheet, and key by syllabus weight."""

from __future__ import annotations

from typing import Any

from soilco2.documents.document import grid
from soilco2.documents.formats.word import new_document, to_bytes, write_grid, write_runs
from soilco2.teaching.questions.model import BLOCKS, KINDS, LEVELS, WEIGHTS
from soilco2.teaching.questions.papers import PASS, Item, Paper

LETTERS = "ABCDEFGH"


def to_paper(paper: Paper, lang: str) -> bytes:
    """The paper as a Word document: questions, answer sheet, key, each on a page of its own.

    Raises
    ------
    DocumentError
        When python-docx is not installed.
    """
    document = new_document(lang)
    t = _Words(lang)
    level = LEVELS[paper.level][t.place]
    title = t("Carbon monitoring management technology: ", "碳监测管理技术：") + level
    document.core_properties.title = title
    document.add_paragraph(title, style="Title")
    total = sum(item.half_points for item in paper.items)
    whole = f"{total // 2}.5" if total % 2 else str(total // 2)
    write_runs(
        document.add_paragraph(),
        t(
            f"{len(paper.items)} questions, {whole} points, {PASS} pass, two hours. Paper {paper.level}-{paper.seed}.",
            f"共 {len(paper.items)} 题，满分 {whole} 分，{PASS} 分及格，时间 120 分钟。试卷号 {paper.level}-{paper.seed}。",
        ),
    )
    write_runs(
        document.add_paragraph(),
        t("Name: ______________   Number: ______________", "姓名：______________　　考号：______________"),
    )
    _questions(document, paper, t)
    _page(document)
    _sheet(document, paper, t)
    _page(document)
    _key(document, paper, t)
    return to_bytes(document)


class _Words:
    def __init__(self, lang: str) -> None:
        self.lang = lang
        self.place = 1 if lang == "zh" else 0

    def __call__(self, en: str, zh: str) -> str:
        return zh if self.place else en


def right_letters(item: Item) -> str:
    """Letters of the right options, such as ``"AC"``."""
    return "".join(LETTERS[i] for i, option in enumerate(item.question.options) if option.right)


def _page(document: Any) -> None:
    document.add_page_break()


def _questions(document: Any, paper: Paper, t: _Words) -> None:
    from docx.shared import Cm

    last = ""
    numerals = "一二三"
    shown = 0
    for number, item in enumerate(paper.items, 1):
        question = item.question
        if question.kind != last:
            last = question.kind
            name = KINDS[last][t.place]
            halves = sum(one.half_points for one in paper.items if one.question.kind == last)
            points = f"{halves / 2:g}"
            rule = {
                "single": t("one option is right", "每题只有一个正确选项"),
                "multiple": t("two or more options are right", "每题有两个或以上正确选项"),
                "short": t(
                    "answer in sentences; show the steps of a calculation", "用文字作答；计算题写出步骤"
                ),
            }[last]
            head = t(
                f"{shown + 1}. {name} ({points} points; {rule})",
                f"{numerals[shown]}、{name}（共 {points} 分；{rule}）",
            )
            document.add_heading(head, 1)
            shown += 1
        stem = document.add_paragraph()
        stem.paragraph_format.keep_with_next = bool(question.options)
        points = t(f"({item.points})", f"（{item.points} 分）")
        write_runs(stem, f"{number}. {question.stem.at(t.lang)} {points}")
        for letter, option in zip(LETTERS, question.options, strict=False):
            line = document.add_paragraph()
            line.paragraph_format.left_indent = Cm(0.8)
            line.paragraph_format.space_after = 0
            line.paragraph_format.keep_with_next = option is not question.options[-1]
            write_runs(line, f"{letter}. {option.text.at(t.lang)}")
        document.add_paragraph().paragraph_format.space_after = 0


def _sheet(document: Any, paper: Paper, t: _Words) -> None:
    document.add_heading(t("Answer sheet", "答题卡"), 1)
    write_runs(
        document.add_paragraph(),
        t("Name: ______________   Number: ______________", "姓名：______________　　考号：______________"),
    )
    choices = [number for number, item in enumerate(paper.items, 1) if item.question.options]
    for start in range(0, len(choices), 10):
        row = choices[start : start + 10]
        cells = [str(number) for number in row] + [" "] * (10 - len(row))
        write_grid(
            document,
            grid("", [t("question", "题号"), *cells], [[t("answer", "答案"), *[" "] * 10]], (1.6, *[1] * 10)),
            10,
        )
    for number, item in enumerate(paper.items, 1):
        if not item.question.options:
            write_runs(
                document.add_paragraph(),
                t(f"{number}. ({item.points} points)", f"{number}.（{item.points} 分）"),
                bold=True,
            )
            for _ in range(6):
                document.add_paragraph("＿" * 42 if t.place else "_" * 84).paragraph_format.space_after = 0


def _key(document: Any, paper: Paper, t: _Words) -> None:
    document.add_heading(t("Key", "参考答案与评分标准"), 1)
    document.add_heading(t("By syllabus weight", "按大纲权重"), 2)
    rows = []
    for name, weight in WEIGHTS[paper.level].items():
        items = [item for item in paper.items if item.question.block == name]
        halves = sum(item.half_points for item in items)
        rows.append((BLOCKS[name][t.place], f"{weight} %", str(len(items)), f"{halves / 2:g}"))
    head = (t("block", "模块"), t("weight", "权重"), t("questions", "题数"), t("points", "分值"))
    write_grid(document, grid("", head, rows, (5, 1.2, 1.2, 1.2)))
    for name, count in paper.shortfall.items():
        write_runs(document.add_paragraph(), shortfall(name, count, t.lang))
    document.add_heading(t("Answers", "答案"), 2)
    answers = []
    for number, item in enumerate(paper.items, 1):
        question = item.question
        if question.options:
            said = right_letters(item)
            why = [question.explanation.at(t.lang)]
            why += [
                f"{letter}{t(': ', '：')}{option.why.at(t.lang)}"
                for letter, option in zip(LETTERS, question.options, strict=False)
                if option.why != question.explanation
            ]
        else:
            said = "–"
            why = [f"({point.marks}) {point.text.at(t.lang)}" for point in question.points]
            marks = sum(point.marks for point in question.points)
            why.append(
                t(f"{marks} marks make the {item.points} points.", f"{marks} 个得分点合 {item.points} 分。")
            )
        source = t("Source: ", "出处：") + question.source.at(t.lang)
        answers.append(
            (str(number), said, BLOCKS[question.block][t.place], item.points, "\n".join([*why, source]))
        )
    columns = (
        t("no.", "题号"),
        t("answer", "答案"),
        t("block", "模块"),
        t("points", "分值"),
        t("reasons, marking points, source", "解析、得分点、出处"),
    )
    write_grid(document, grid("", columns, answers, (0.8, 1, 2, 0.9, 8)))


def shortfall(block: str, count: int, lang: str) -> str:
    """What is said of a block that holds too few questions."""
    name = BLOCKS[block][1 if lang == "zh" else 0]
    if lang == "zh":
        return f"“{name}”按权重还缺 {count} 题，由其他模块补足：该模块只收有公开文件为据的题目，教师可用 --facts 增补。"
    return (
        f"{name}: {count} fewer than its weight asks for, made up from other blocks; only what stands in a public "
        "document is asked there, and --facts adds your own."
    )
