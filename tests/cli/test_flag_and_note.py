"""What people do to a station by hand: manual flags and notes."""

from __future__ import annotations

from pathlib import Path

import pytest

from soilco2.cli.main import main
from soilco2.quality.records import Sample
from soilco2.station_config.loader import Station, load_station
from soilco2.storage.journal.writer import Writer

STATION = """
[station]
id = "yulin"
name = "Yulin"
latitude = 38.3
longitude = 109.7
altitude_m = 1150
timezone = "Asia/Shanghai"
[[profile]]
id = "p1"
position = [{ id = "d10", depth_m = 0.10 }, { id = "d30", depth_m = 0.30 }, { id = "d31", depth_m = 0.31 }]
[[profile]]
id = "p2"
position = [{ id = "d31", depth_m = 0.31 }]
"""


@pytest.fixture
def station(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Station:
    monkeypatch.setenv("SOILCO2_STATE", str(tmp_path / "state"))
    path = tmp_path / "yulin.toml"
    path.write_text(STATION, encoding="utf-8")
    station = load_station(path)
    with Writer.open(station) as writer:
        writer.commit(
            [
                Sample(
                    f"import/{place}", variable, 1_772_323_200_000_000, 4.0, "", None, 0, 0, "b", "import:t"
                )
                for variable in ("soil_temperature", "co2")
                for place in ("p2/d31", "p1/d10", "p1/d30", "p1/d31")
            ]
        )
    return station


@pytest.mark.parametrize(
    ("series", "said"),
    [
        ("p1/d32/co2", "of co2 it has p1/d30/co2, p1/d31/co2, p1/d10/co2, p2/d31/co2"),
        ("p1/d10/soil_temp", "did you mean soil_temperature?"),
        ("p1/d10/rain", "it has co2, soil_temperature"),
    ],
)
def test_a_series_that_is_not_there_is_answered_with_the_nearest(
    station: Station, capsys: pytest.CaptureFixture[str], series: str, said: str
) -> None:
    with pytest.raises(SystemExit) as end:
        main(["flag", str(station.path), series, "--from", "2026-03-01", "--to", "2026-03-02", "--who", "w",
              "--why", "y"])  # fmt: skip
    assert end.value.code == 2
    assert capsys.readouterr().err == f"soilco2: {series}: the journal has no such series; {said}\n"


def test_where_nothing_is_expected_completeness_says_so(
    station: Station, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main(["status", str(station.path), "--completeness"])
    assert end.value.code == 0
    assert "nothing is expected in this window" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said", "chinese"),
    [
        (["note", " "], "TEXT is empty; a note says what happened", "TEXT 为空；记录须写明发生了什么"),
        (
            ["flag", "p1/d10/co2", "--from", "2026-03-01", "--to", "2026-03-02", "--who", "L", "--why", ""],
            "--why is empty; a flag keeps who set it and why",
            "--why 为空；质量标识须写明由谁、为何而设",
        ),
    ],
)
def test_an_empty_note_or_reason_is_refused(
    station: Station, capsys: pytest.CaptureFixture[str], words: list[str], said: str, chinese: str
) -> None:
    for lang, sentence in (("en", said), ("zh", chinese)):
        with pytest.raises(SystemExit) as end:
            main([words[0], str(station.path), *words[1:], "--lang", lang])
        assert (end.value.code, capsys.readouterr().err) == (2, f"{sentence}\n")
