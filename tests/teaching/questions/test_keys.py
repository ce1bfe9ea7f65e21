"""Keys by a second path; distractors that are wrong; wordings that do not wear out; sources for all."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from soilco2.station_config.message import translate
from soilco2.teaching.errors import QuestionError
from soilco2.teaching.glossary import faults
from soilco2.teaching.questions.bank.facts import FOLDER, read_facts
from soilco2.teaching.questions.maker import APART, number, numeric
from soilco2.teaching.questions.model import BLOCKS, WEIGHTS, Question, check
from soilco2.teaching.questions.papers import POINTS, bank, draw, shares
from tests.paths import ROOT
from tests.teaching.questions.fact_keys import FACTS
from tests.teaching.questions.second_path import KEYS

LEVELS = (1, 2, 3)


@pytest.fixture(scope="module", params=LEVELS, ids=["level-1", "level-2", "level-3"])
def questions(request: pytest.FixtureRequest) -> list[Question]:
    return bank(request.param)


def _value(text: str) -> float:
    """A number as printed: minus signs and powers of ten as readers see them."""
    match = re.match(r"([−-]?[\d.]+)(?: × 10([⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+))?", text)
    assert match, text
    power = (match[2] or "⁰").translate(str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789"))
    return float(match[1].replace("−", "-")) * 10.0 ** int(power)


def test_every_key_by_a_second_path(questions: list[Question]) -> None:
    computed = [q for q in questions if q.given and q.kind != "multiple"]
    assert len(computed) >= 56
    for question in computed:
        key = KEYS[question.template](*question.given.values())
        if isinstance(question.value, str):
            assert key == question.value, question.id
        else:
            # CO2 per CaCO3 is rounded to five places in its table
            # the standard's exponent 5.25588 is g M/(R L) with constants of 1976
            near = {"desulphurisation": 1e-4, "standard_pressure": 1e-5}.get(question.template, 1e-9)
            assert float(key) == pytest.approx(question.value, rel=near), question.id


def test_every_fact_says_what_its_source_says(questions: list[Question]) -> None:
    """Each trace is in one right option (or marking point, in their order) and in no wrong one, in both languages."""
    facts = [q for q in questions if not q.given and q.template in FACTS]
    assert {q.template for q in questions if not q.given} == {q.template for q in facts}
    for question in facts:
        for lang in ("en", "zh"):
            traces = getattr(FACTS[question.template], lang)
            if question.kind == "short":
                marked = [point.text.at(lang) for point in question.points]
                assert len(marked) == len(traces), question.id
                assert all(map(re.search, traces, marked)), (question.id, lang)
                continue
            right = [o.text.at(lang) for o in question.options if o.right]
            assert len(right) == len(traces), (question.id, lang)
            for trace in traces:
                assert [o.right for o in question.options if re.search(trace, o.text.at(lang))] == [True], (question.id, trace)  # fmt: skip


def test_no_fact_of_the_bank_is_without_its_key() -> None:
    assert {
        fact.template for path in sorted(FOLDER.glob("*.toml")) for fact in read_facts(path, path.stem)
    } == set(FACTS)


def test_the_option_marked_right_shows_the_key(questions: list[Question]) -> None:
    for question in questions:
        if question.kind == "single" and isinstance(question.value, float | int):
            (right,) = [option.text.en for option in question.options if option.right]
            if re.match(r"[−\d]", right):
                assert _value(right) == pytest.approx(float(question.value), rel=0.006), question.id


def _worked(text: str) -> float:
    """The arithmetic of an explanation such as ``x = 900 × 1013.25/880``, worked out; units are passed over."""
    text = re.sub(r"(?<=\d) (?=\d{3}\b)", "", text.rpartition("= ")[2])
    total = 0.0
    for sign, part in re.findall(r"(^| [+−] )((?:(?! [+−] ).)+)", text):
        product = 1.0
        for factor in part.split(" × "):
            over = [_value(one) for one in re.findall(r"[\d.]*\d(?:[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)?", factor.split(" ")[0])]
            if power := re.match(r"10([⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)", factor):
                over = [_value(f"1 × 10{power[1]}")]
            product *= over[0] / (over[1] if len(over) > 1 else 1.0)
        total += -product if sign == " − " else product
    return total


WORKED = (
    "flux_to_mass",
    "coal_by_carbon",
    "to_salinity",
    "pressure_correction",
    "temperature_correction",
    "calibrated",
)


def test_the_arithmetic_of_an_explanation_gives_the_key(questions: list[Question]) -> None:
    worked = [q for q in questions if q.template in WORKED]
    assert worked or questions[0].level == 3, "level 3 works in steps"
    for question in worked:
        for lang in ("en", "zh"):
            said = question.explanation.at(lang)
            assert _worked(said) == pytest.approx(float(question.value or 0), rel=1e-3), (question.id, said)


def test_no_distractor_is_also_right(questions: list[Question]) -> None:
    for question in questions:
        if not question.given or question.kind != "single":
            continue
        key = KEYS[question.template](*question.given.values())
        for option in question.options:
            if option.right or isinstance(key, str):
                assert option.right or not option.text.en.endswith(str(key)), question.id
            elif question.template != "effective_sample_size":
                wrong = _value(option.text.en)
                assert abs(wrong - float(key)) > 0.8 * APART * max(abs(wrong), abs(float(key))), (
                    question.id,
                    option,
                )


def test_what_may_be_said_of_a_correlation_is_said_once(questions: list[Question]) -> None:
    for question in questions:
        if question.template == "effective_sample_size":
            (right,) = [option.text.en for option in question.options if option.right]
            key = KEYS[question.template](*question.given.values())
            assert ("not significant" in right) == (key >= 0.05)
            shown = [
                float(m[1])
                for o in question.options
                if not o.right and (m := re.match(r"p = ([\d.]+)", o.text.en))
            ]
            assert all(abs(one - key) > 0.03 * key for one in shown)


def test_statements_of_a_multiple_choice_on_two_layers() -> None:
    """By the ideal gas law at one mole fraction and pressure, C goes with 1/T: (T_warm/T_cold − 1)."""
    found = [q for q in bank(3) if q.template == "warm_layer"]
    assert len(found) == 4
    for question in found:
        warm, cold = question.given["warm"], question.given["cold"]
        share = 100 * ((warm + 273.15) / (cold + 273.15) - 1)
        assert f"holds {number(share)} % more" in question.options[0].text.en
        assert [option.right for option in question.options] == [True, True, False, False]


def test_eighty_and_more_distinct_questions(questions: list[Question]) -> None:
    for lang in ("en", "zh"):
        stems = {(q.stem.at(lang), tuple(o.text.at(lang) for o in q.options)) for q in questions}
        assert len(stems) == len(questions) >= 80
        assert len({q.stem.at(lang) for q in questions}) == len(questions)


def test_no_wording_more_than_four_times(questions: list[Question]) -> None:
    assert max(Counter(q.template for q in questions).values()) <= 4
    for lang in ("en", "zh"):
        plain = Counter(re.sub(r"[−+-]?\d[\d.,:TZ·⁻⁰-⁹-]*", "#", q.stem.at(lang)) for q in questions)
        assert max(plain.values()) <= 4, plain.most_common(1)


def test_every_question_has_source_reasons_and_both_languages(questions: list[Question]) -> None:
    for question in questions:
        check(question)
        assert re.search(r"[一-鿿]", question.stem.zh), question.id
        assert not re.search(
            r"[一-鿿]",
            re.sub(r"碳\w+|全盐量|土壤\w*|土层|含量", "", question.stem.en + question.explanation.en),
        )
        wrong = [option for option in question.options if not option.right]
        assert all(len(option.why.en) > 8 and re.search(r"[一-鿿]", option.why.zh) for option in wrong), (
            question.id
        )
        assert re.search(r"doi:10\.|soilco2: |ISO|IPCC|GB/T|NEON|Article|Protocol|JCGM|OASIS|QARTOD|IUPAC|MODBUS|handbook|guideline|State Council|Contributions|law", question.source.en), question.id  # fmt: skip


def test_what_a_source_names_in_the_product_is_there(questions: list[Question]) -> None:
    root = ROOT
    for question in questions:
        for page in re.findall(r"docs/[\w/.]+\.md", question.source.en + " " + question.source.zh):
            assert (root / page).is_file(), question.id
        for module in re.findall(
            r"\b((?:quality|analysis|station_config|ingest|storage|teaching)(?:\.[a-z_0-9]+)+)",
            re.sub(r"docs/\S+", "", question.source.en),
        ):
            path = root.joinpath(*module.split("."))
            names = [path.with_suffix(".py"), path, path.parent.with_suffix(".py")]
            assert any(name.exists() for name in names), (question.id, module)


def test_terms_of_the_glossary(questions: list[Question]) -> None:
    for question in questions:
        texts = [
            question.stem,
            question.explanation,
            *(o.text for o in question.options),
            *(o.why for o in question.options),
        ]
        said = [text.zh for text in texts] + [point.text.zh for point in question.points]
        for text in said:
            if question.template == "salt-or-salinity":
                text = text.replace("全盐量", "")  # what the question is about
            assert faults(text) == [], question.id


def test_same_seed_same_paper_and_another_seed_another() -> None:
    assert draw(1, 40, 7) == draw(1, 40, 7)
    assert draw(1, 40, 7) != draw(1, 40, 8)


@pytest.mark.parametrize("level", LEVELS)
def test_a_paper_follows_the_weights(level: int) -> None:
    paper = draw(level, 40, 3)
    halves = Counter[str]()
    for item in paper.items:
        assert item.half_points > 0
        halves[item.question.block] += item.half_points
    # 40 questions by weight, four from the background; each block's points are its weight
    assert halves == {name: 2 * weight for name, weight in WEIGHTS[level].items()}
    assert sum(halves.values()) == 2 * POINTS
    counts = Counter(item.question.block for item in paper.items)
    assert counts == shares(40, WEIGHTS[level])
    assert len({item.question.template for item in paper.items}) >= 30
    assert [item.question.kind for item in paper.items] == sorted(
        (item.question.kind for item in paper.items), key=["single", "multiple", "short"].index
    )


def test_a_short_block_is_told() -> None:
    whole = [q for q in bank(1) if q.block == "background"]
    paper = draw(1, 90, 1)
    assert paper.shortfall == {"background": 9 - len(whole)} | {
        k: v for k, v in paper.shortfall.items() if k != "background"
    }
    assert len(paper.items) == 90


@pytest.mark.parametrize("count", [0, -3, 5000])
def test_a_count_that_cannot_be(count: int) -> None:
    with pytest.raises(QuestionError, match=r"level 1 holds \d+ questions; expected 1 to") as told:
        draw(1, count, 1)
    assert re.search(r"级别 1 共有 \d+ 题；应为 1 至 \d+", translate(str(told.value), "zh"))


GOOD = """\
[[fact]]
id = "mine"
block = "monitoring"
levels = [1]
kind = "single"
source = "our field book"
stem = { en = "Who has the key?", zh = "谁有钥匙？" }
answer = [{ en = "The technician", zh = "技术员" }]
wrong = [
  { en = "Nobody", zh = "没有人", why = { en = "Somebody has it.", zh = "有人有。" } },
  { en = "Everybody", zh = "所有人", why = { en = "There is one key.", zh = "只有一把。" } },
]
explanation = { en = "See the field book.", zh = "见野外记录本。" }
"""


def test_a_teacher_adds_facts(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(GOOD, encoding="utf-8")
    assert "mine-1" in {q.id for q in bank(1, [path])}
    assert "mine-1" not in {q.id for q in bank(2, [path])}


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('source = "our field book"\n', "", "key 'source' is missing"),
        ('source = "our field book"', 'source = " "', "it has no source"),
        ('block = "monitoring"', 'block = "politics"', "expected one of background"),
        ("levels = [1]", "levels = [4]", "expected a list of 1, 2, 3"),
        ('kind = "single"', 'kind = "essay"', "expected one of single"),
        ('kind = "single"', 'kind = "multiple"', "two or more right options"),
        ('zh = "谁有钥匙？"', 'zh = ""', "missing in one language"),
        ('en = "Everybody"', 'en = "nobody"', "two options say the same"),
        ("explanation", "explains", "unknown key 'explains'"),
        ("[[fact]]", "[[facts]]", "only tables"),
        ("stem = {", "stem = [", "no TOML"),
    ],
)
def test_a_fault_in_a_fact_file_is_one_sentence(old: str, new: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(GOOD.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(QuestionError, match=re.escape(said)) as caught:
        read_facts(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value).strip()
    assert re.search(r"：.*[\u4e00-\u9fff]", translate(str(caught.value), "zh"))


def test_a_fact_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(GOOD + GOOD, encoding="utf-8")
    with pytest.raises(QuestionError, match="stands there twice"):
        read_facts(path)
    path.write_text(
        (FOLDER / "monitoring.toml")
        .read_text(encoding="utf-8")
        .replace("[[fact]]", '[[fact]]\nblock = "monitoring"'),
        encoding="utf-8",
    )
    with pytest.raises(QuestionError, match="in two files"):
        bank(1, [path])


def test_wrong_numbers_near_the_right_one_are_left_out() -> None:
    body = numeric(
        ("a", "b"),
        100.0,
        "ppm",
        [(102.0, "x", "x"), (110.0, "y", "y"), (111.0, "z", "z"), (50.0, "w", "w")],
        ("e", "e"),
        "s",
    )
    assert [option.text.en for option in body.options] == ["100 ppm", "110 ppm", "50.0 ppm"]
    with pytest.raises(QuestionError, match="fewer than two mistakes"):
        numeric(("a", "b"), 100.0, "ppm", [(101.0, "x", "x")], ("e", "e"), "s")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1234.0, "1230"),
        (0.01234, "0.0123"),
        (1.5e-5, "1.50 × 10⁻⁵"),
        (9.9996, "10.0"),
        (-2.345, "−2.35"),
        (0.0, "0"),
        (2.5e9, "2.50 × 10⁹"),
    ],
)
def test_numbers_as_readers_see_them(value: float, text: str) -> None:
    assert number(value) == text


def test_blocks_and_weights_belong_together() -> None:
    for weights in WEIGHTS.values():
        assert list(weights) == list(BLOCKS)
        assert sum(weights.values()) == 100


def test_the_page_for_teachers_tells_the_numbers_of_the_bank() -> None:
    counts = [Counter(q.block for q in bank(level)) for level in LEVELS]
    root = ROOT / "docs" / "howto"
    for page in ("questions.md", "questions.zh.md"):
        text = (root / page).read_text(encoding="utf-8")
        for block in BLOCKS:
            assert " / ".join(str(count[block]) for count in counts) in text, (page, block)
