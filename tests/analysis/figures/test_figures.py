"""Figures and report: every glyph is there, nothing is asked of the net, both languages say the same."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from soilco2.analysis import vocabulary
from soilco2.analysis.figures.draw import MODULES, Drawn, figures
from soilco2.analysis.figures.style import figure, fonts_present, style, svg
from soilco2.analysis.frames.build import from_table
from soilco2.analysis.frames.frame import Frame
from soilco2.analysis.frames.pandas import Series, from_dataframe
from soilco2.analysis.jobs import JOBS, present
from soilco2.analysis.jobs.base import Options, Outcome
from soilco2.analysis.jobs.run import Done, run_jobs
from soilco2.analysis.report.page import Section, page
from soilco2.station_config.message import Message
from tests.analysis.data import sjer_2020

Drawings = dict[str, dict[str, list[Drawn]]]
CHINESE = "土壤 CO₂ 与温度、含水率的关系 [µmol m⁻² s⁻¹] −0.5 ℃ ≥ …"


@pytest.fixture(scope="module")
def frame() -> Frame:
    """SJER plot 003 through its dry-down: CO2 at three depths, temperature, water, pressure."""
    (found,) = from_table(sjer_2020())
    return found


@pytest.fixture(scope="module")
def done(frame: Frame) -> list[Done]:
    ended = run_jobs([frame], present(), Options())
    assert not [one.error for one in ended if one.outcome is None]
    return ended


@pytest.fixture(scope="module")
def drawn(frame: Frame, done: list[Done]) -> Drawings:
    """Figures by language and job."""
    return {
        lang: {one.job: figures(one.job, frame, one.outcome, lang) for one in done if one.outcome is not None}
        for lang in ("en", "zh")
    }


def _has_chinese_font() -> bool:
    return any("CJK" in n or "Hei" in n for n in fonts_present())


def drawn_text(text: str) -> str:
    with style():
        empty = figure(4, 1)
        empty.text(0.1, 0.5, text)
        return svg(empty)


def test_text_becomes_outlines_where_a_font_has_every_glyph() -> None:
    assert "<text" not in drawn_text("soil CO₂ [µmol m⁻² s⁻¹]")
    if _has_chinese_font():
        assert "<text" not in drawn_text(CHINESE)


def test_a_glyph_that_no_font_has_is_noticed_and_stays_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """With one font without Chinese, the text must not turn into empty boxes, and nothing is warned of."""
    monkeypatch.setattr("soilco2.analysis.figures.style.FONTS", ("DejaVu Sans",))
    made = drawn_text(CHINESE)
    assert "".join(ET.fromstring(made).itertext()).strip().endswith(CHINESE)
    assert "font-family" in made or "font:" in made


def test_chinese_figures_lack_no_glyph(drawn: Drawings) -> None:
    every = [d for made in drawn["zh"].values() for d in made]
    assert every
    for each in every:
        if _has_chinese_font():
            assert "<text" not in each.svg, each.name
        ET.fromstring(each.svg)
        assert re.search("[\u4e00-\u9fff]", each.caption), each.name


def test_captions_tell_the_number_behind_the_figure(drawn: Drawings) -> None:
    for job, made in drawn["en"].items():
        assert [d.name for d in made] == [d.name for d in drawn["zh"][job]]
        for each in made:
            assert re.search(r"\d", each.caption), each.name


def test_the_same_results_give_the_same_picture(frame: Frame, done: list[Done]) -> None:
    (one,) = (d for d in done if d.job == "correlation")
    assert one.outcome is not None
    assert figures("correlation", frame, one.outcome) == figures("correlation", frame, one.outcome)


@pytest.mark.parametrize("job", sorted(MODULES))
def test_a_job_without_rows_draws_no_empty_axes(job: str) -> None:
    times = pd.date_range("2026-03-01", periods=3, freq="30min", tz="UTC")
    table = pd.DataFrame({"c": [400.0, 401.0, np.nan]}, index=times)
    small = from_dataframe(table, {"c": Series("co2", "ppm", 0.1)})
    assert figures(job, small, Outcome()) == []


# the report


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def report(frame: Frame, done: list[Done], made: dict[str, list[Drawn]], lang: str) -> tuple[str, _Tags]:
    sections = [
        Section(d.job, d.outcome, d.error, [(f.svg, f.caption) for f in made.get(d.job, [])]) for d in done
    ]
    asked = {"data": ["june.csv"]}
    text = page(frame, sections, asked, Options(seed=7), "2026-06-01T00:00:00Z", {"soilco2": "0"}, lang)
    parsed = _Tags()
    parsed.feed(text)
    return text, parsed


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_report_stands_alone(frame: Frame, done: list[Done], drawn: Drawings, lang: str) -> None:
    text, parsed = report(frame, done, drawn[lang], lang)
    assert not {"script", "link", "iframe", "img", "object"} & {tag for tag, _ in parsed.tags}
    for tag, attributes in parsed.tags:
        for name in ("src", "href", "xlink:href", "action", "data"):
            assert (attributes.get(name) or "#").startswith("#"), (tag, attributes)
        assert not [name for name in attributes if name.startswith("on")]
    assert not re.search(r"@import|url\((?!#)", text)
    ids = [a["id"] for _, a in parsed.tags if "id" in a]
    assert len(ids) == len(set(ids)), "two figures must not share an id"
    assert not re.search(r"\b(nan|inf|None)\b", " ".join(parsed.words)), "no number that is none"
    assert "7" in parsed.words


def test_the_report_says_what_was_asked_found_withheld_and_how(frame: Frame, done: list[Done]) -> None:
    _, parsed = report(frame, done, {}, "en")
    said = " ".join(parsed.words)
    for part in ("What was asked", "What was found", "How sure", "What was withheld", "Methods", "Signature"):
        assert part in said
    rows = [row for d in done if d.outcome is not None for row in d.outcome.rows]
    assert [row for row in rows if row.refused], "a short, gappy record must leave something to withhold"
    for why in {row.why for row in rows if row.refused and row.what in ("pearson_r", "partial_r")}:
        assert why in said
    for method in {row.method for row in rows if row.method}:
        assert method in said


def test_a_failed_job_stands_in_the_report_with_its_reason(frame: Frame, done: list[Done]) -> None:
    why = Message("the job failed: {kind}: {why}", kind="<b>ZeroDivisionError</b>", why="division by zero")
    broken = [*done, Done(frame, "rain", None, why)]
    text, _ = report(frame, broken, {}, "en")
    assert "the job failed: &lt;b&gt;ZeroDivisionError" in text
    assert "the job failed" not in report(frame, broken, {}, "zh")[0]


@pytest.mark.parametrize("job", JOBS)
def test_every_job_has_its_words(job: str) -> None:
    title, question = vocabulary.JOBS[job]
    assert all((*title, *question))


def test_the_chinese_report_is_chinese(frame: Frame, done: list[Done]) -> None:
    """Sentences of reasons, scales and heads in Chinese; English only in names, units and methods."""
    _, parsed = report(frame, done, {}, "zh")
    told = [w for w in parsed.words if re.fullmatch(r"[A-Za-z][a-z]+( [a-z,]+){3,}.*", w.strip())]
    methods = {row.method for d in done if d.outcome is not None for row in d.outcome.rows}
    assert not [w for w in told if w.strip() not in methods]


def test_every_result_and_note_has_words_in_both_languages(done: list[Done]) -> None:
    rows = [row for d in done if d.outcome is not None for row in d.outcome.rows]
    assert not {row.what for row in rows} - set(vocabulary.WHAT)
    assert not {row.scale for row in rows} - set(vocabulary.SCALES)
    assert not {note for d in done if d.outcome is not None for note in d.outcome.notes} - set(
        vocabulary.NOTES
    )


def test_names_that_look_like_markup_stay_names(tmp_path: Path) -> None:
    times = pd.date_range("2026-03-01", periods=96, freq="30min", tz="UTC")
    table = pd.DataFrame({"c": 400.0 + np.arange(96) % 7, "t": 20.0 + np.arange(96) % 5}, index=times)
    odd = '<script>alert("1")</script>'
    frame = from_dataframe(
        table, {"c": Series("co2", "ppm", 0.1, odd), "t": Series("soil_temperature", "degC", 0.1, odd)}
    )
    text, parsed = report(frame, run_jobs([frame], ["correlation"], Options()), {}, "en")
    assert "script" not in {tag for tag, _ in parsed.tags}
    assert "&lt;script&gt;" in text
