"""--check reads a plan back and names every key on which plan and station have parted."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import date
from io import BytesIO
from pathlib import Path

import docx
import pytest

from soilco2.cli.main import main
from soilco2.documents.embedded_config import compare, read_plan
from soilco2.documents.errors import PlanError
from soilco2.documents.formats.html import to_html
from soilco2.documents.formats.markdown import to_markdown
from soilco2.documents.formats.word import to_docx
from soilco2.documents.monitoring import monitoring_plan
from soilco2.station_config.loader import Station
from soilco2.station_config.message import translate
from tests.documents.stations import FULL, station

FORMS: dict[str, Callable[..., bytes]] = {
    "docx": to_docx,
    "html": lambda plan: to_html(plan).encode(),
    "md": lambda plan: to_markdown(plan).encode(),
}


def _written(folder: Path, form: str, text: str = FULL) -> tuple[Path, Station]:
    one = station(folder, text)
    path = folder / f"plan.{form}"
    path.write_bytes(FORMS[form](monitoring_plan(one, "zh", date(2026, 7, 1))))
    return path, one


@pytest.mark.parametrize("form", FORMS)
def test_the_machine_part_gives_the_station_back(form: str, tmp_path: Path) -> None:
    path, one = _written(tmp_path, form)
    kept = read_plan(path)
    assert (kept.kind, kept.lang, kept.made) == ("monitoring", "zh", "2026-07-01")
    assert kept.station.text == one.text
    assert compare(kept.station, one) == []


def test_it_survives_an_office_program_that_saves_it_anew(tmp_path: Path) -> None:
    path, one = _written(tmp_path, "docx")
    document = docx.Document(str(path))
    document.paragraphs[3].insert_paragraph_before("批注")
    for paragraph in document.paragraphs:
        if len(paragraph.text) > 60 and " " not in paragraph.text:  # runs are cut in two by revision marks
            text = paragraph.text
            paragraph.runs[0].text = text[:30]
            paragraph.add_run(text[30:])
    document.save(str(path))
    assert read_plan(path).station.text == one.text


def test_it_survives_another_line_ending(tmp_path: Path) -> None:
    path, one = _written(tmp_path, "md")
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert read_plan(path).station.text == one.text


CHANGES = [
    ("gain = 1.012", "gain = 1.020", ("instrument[co2-10].calibration[NIM-2026-0415].gain", 1.012, 1.020)),
    ("depth_m = 0.10", "depth_m = 0.12", ("profile[p1].position[d10].depth_m", 0.10, 0.12)),
    ('interval = "10min"', 'interval = "15min"', ("instrument[node-30].interval", "600s", "900s")),
    ("completeness_target = 0.85", "completeness_target = 0.9", ("plan.completeness_target", 0.85, 0.9)),
    ('serial = "N30"', 'serial = "N31"', ("instrument[node-30].serial", "N30", "N31")),
    (
        '\nnote = "Dune between two shrubs."', "", ("station.note", "Dune between two shrubs.", None),
    ),
    ("Dune between two shrubs.", "A flat.", ("station.note", "Dune between two shrubs.", "A flat.")),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "difference"), CHANGES)
def test_a_change_is_named_with_both_values(
    old: str, new: str, difference: tuple[str, object, object], tmp_path: Path
) -> None:
    path, _ = _written(tmp_path, "html")
    assert FULL.count(old) == 1
    now = station(tmp_path, FULL.replace(old, new))
    (found,) = compare(read_plan(path).station, now)
    assert (found.key, found.plan, found.station) == difference


def test_a_new_instrument_is_one_difference_and_order_is_none(tmp_path: Path) -> None:
    path, _ = _written(tmp_path, "md")
    start = FULL.index('[[instrument]]\nid = "node-30"')
    end = FULL.index("[[instrument]]", start + 1)
    moved = FULL[:start] + FULL[end:] + "\n" + FULL[start:end]
    assert compare(read_plan(path).station, station(tmp_path, moved)) == []
    gone = station(tmp_path, FULL[:start] + FULL[end:])
    keys = [row.key for row in compare(read_plan(path).station, gone)]
    assert "instrument[node-30]" in keys
    assert all(key.startswith(("instrument[node-30]", "catalogue soilco2-node")) for key in keys)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda text: text.replace("soilco2-plan-1", "soilco2-plan"), "there is no machine part"),
        (lambda text: text[: text.index("soilco2-plan-1") + 400], "there is no machine part"),
        (lambda text: text.replace("soilco2-plan-1 ", "soilco2-plan-1 0000"), "there is no machine part"),
        (
            lambda text: (
                text[: text.index("soilco2-plan-1") + 60] + "AAAA" + text[text.index("soilco2-plan-1") + 64 :]
            ),
            "was changed by hand",
        ),
    ],
)
def test_a_damaged_machine_part_is_refused(spoil: Callable[[str], str], said: str, tmp_path: Path) -> None:
    path, _ = _written(tmp_path, "md")
    path.write_text(spoil(path.read_text(encoding="utf-8")), encoding="utf-8")
    with pytest.raises(PlanError, match=said) as caught:
        read_plan(path)
    assert re.search(r"：[一-鿿]", translate(str(caught.value), "zh"))


def test_files_that_are_no_plans_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.docx").write_bytes(b"no zip")
    (tmp_path / "b.md").write_bytes(b"\xff\xfe\x00\x01")
    for name, said in (("a.docx", "no Word document"), ("b.md", "is expected")):
        with pytest.raises(PlanError, match=said) as caught:
            read_plan(tmp_path / name)
        assert re.search(r"：[一-鿿]", translate(str(caught.value), "zh"))
    buffer = BytesIO()
    docx.Document().save(buffer)
    (tmp_path / "c.docx").write_bytes(buffer.getvalue())
    with pytest.raises(PlanError, match="no machine part"):
        read_plan(tmp_path / "c.docx")


@pytest.fixture
def soilco2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SOILCO2_STATE", str(tmp_path))

    def run(*words: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as stop:
            main(words)
        said = capsys.readouterr()
        return int(str(stop.value.code)), said.out, said.err

    return run


def test_the_command_from_writing_to_checking(
    tmp_path: Path, soilco2: Callable[..., tuple[int, str, str]]
) -> None:
    text = FULL.replace('path = "/var/lib/dune/journal.sqlite"\n', "")
    station(tmp_path, text)
    name = "yulin-monitoring-plan.zh.docx"
    assert soilco2("plan", "monitoring", "yulin.toml", "--lang", "zh") == (0, f"{name}\n", "")
    code, out, _ = soilco2("plan", "monitoring", "yulin.toml", "--lang", "zh", "--check", name)
    assert code == 0
    assert "一致" in out
    station(tmp_path, text.replace("gain = 1.012", "gain = 1.1"))
    code, out, _ = soilco2("plan", "monitoring", "yulin.toml", "--lang", "en", "--check", name)
    assert code == 1
    assert out == "instrument[co2-10].calibration[NIM-2026-0415].gain: plan 1.012, station 1.1\n"
    code, out, _ = soilco2("plan", "monitoring", "yulin.toml", "--check", name, "--json")
    assert code == 1
    assert json.loads(out)["differences"][0]["station"] == 1.1

    for words, said in (
        (("monitoring", "yulin.toml", "--lang", "zh"), "已存在"),
        (("quality", "yulin.toml", "--check", name), "this is a monitoring plan"),
        (("quality", "yulin.toml", "--out", "plan.odt"), ".docx, .html or .md is expected"),
        (("quality", "yulin.toml", "--no-data", "--from", "2026-01-01"), "one or the other"),
        (("quality", "yulin.toml", "--from", "2026-01-01"), "is not there yet"),
        (("quality", "none.toml"), "none.toml"),
        (("monitoring", "yulin.toml", "--check", "none.docx"), "none.docx"),
    ):
        code, _, err = soilco2("plan", *words)
        assert code == 2, words
        assert said in err
        assert err.count("\n") == 1

    station(tmp_path, text.replace('id = "yulin"', 'id = "other"', 1))
    code, _, err = soilco2("plan", "monitoring", "yulin.toml", "--check", name)
    assert code == 2
    assert "this is the plan of station yulin" in err
