"""Publishing through grafana-api: once and no more, never over what a person saved, every fault in one sentence."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from soilco2.cli import options
from soilco2.cli.main import cli
from tests.dashboards.grafana.grafana_double import TOKEN, Double
from tests.dashboards.grafana.stations import hostile, sjer
from tests.house.tree import tracked
from tests.paths import ROOT

PROFILE = "soilco2-sjer-profile-en"


@pytest.fixture
def grafana() -> Iterator[Double]:
    one = Double()
    yield one
    one.close()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = sjer(tmp_path).path
    assert path is not None
    return path


def publish(file: Path, url: str, *words: str, token: str | None = TOKEN) -> Result:
    environment = {"SOILCO2_GRAFANA_TOKEN": token}
    lang = () if "--lang" in words else ("--lang", "en")
    return CliRunner().invoke(
        cli, ["dashboard", "publish", str(file), "--url", url, *lang, *words], env=environment
    )


def done(result: Result) -> dict[str, str]:
    """What became of each dashboard."""
    return {row["uid"]: row["done"] for row in json.loads(result.stdout)["dashboards"]}


def test_everything_is_created_once_and_then_left_alone(grafana: Double, file: Path) -> None:
    first = publish(file, grafana.url, "--lang", "en", "--lang", "zh")
    assert first.exit_code == 0, first.output
    assert first.stdout.count("created") == 10
    assert len(grafana.boards) == 10
    assert set(grafana.folders.values()) == {"soilco2"}
    assert set(grafana.home.values()) == set(grafana.folders)
    again = publish(file, grafana.url, "--lang", "en", "--lang", "zh")
    assert again.exit_code == 0
    assert again.stdout.count("unchanged") == 10
    assert {len(rows) for rows in grafana.history.values()} == {1}
    assert list(grafana.folders.values()) == ["soilco2"]


def test_a_changed_station_file_updates_what_is_ours(grafana: Double, file: Path) -> None:
    publish(file, grafana.url)
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace('en = "plot 004"', 'en = "plot four"'), encoding="utf-8")
    result = publish(file, grafana.url, "--json")
    assert result.exit_code == 0
    assert done(result) == {
        "soilco2-stations-en": "unchanged",
        **{f"soilco2-sjer-{kind}-en": "updated" for kind in ("station", "profile", "quality", "flux")},
    }
    assert "plot four" in json.dumps(grafana.boards[PROFILE])
    assert len(grafana.history[PROFILE]) == 2


def test_what_a_person_saved_stays_unless_forced(grafana: Double, file: Path) -> None:
    publish(file, grafana.url)
    grafana.saved_by_hand(PROFILE, title="My profile")
    kept = publish(file, grafana.url)
    assert kept.exit_code == 1
    assert "kept" in kept.stdout
    assert "L. Technician saved version 2; --force replaces it" in kept.stdout
    assert grafana.boards[PROFILE]["title"] == "My profile"
    forced = publish(file, grafana.url, "--force", "--json")
    assert forced.exit_code == 0
    assert done(forced)[PROFILE] == "updated"
    assert grafana.boards[PROFILE]["title"].endswith("Profile")
    assert publish(file, grafana.url).stdout.count("unchanged") == 5


def test_a_dashboard_that_was_there_before_is_somebodys(grafana: Double, file: Path) -> None:
    grafana.folders["x"] = "Elsewhere"
    grafana.home[PROFILE] = "x"
    grafana.boards[PROFILE] = {"title": "Mine", "uid": PROFILE}
    grafana.saved_by_hand(PROFILE, who="<b>Bob</b>\n")
    result = publish(file, grafana.url)
    assert result.exit_code == 1
    assert "<b>Bob</b> saved version 1;" in result.stdout


def test_a_save_in_between_is_noticed_by_its_version(grafana: Double, file: Path) -> None:
    publish(file, grafana.url)
    file.write_text(file.read_text(encoding="utf-8").replace('"plot 004"', '"plot 4"'), encoding="utf-8")
    grafana.before_save = lambda uid: grafana.saved_by_hand(uid) if uid == PROFILE else None
    result = publish(file, grafana.url)
    assert result.exit_code == 1
    assert "somebody saved it at this moment" in result.stdout
    assert "plot 4" not in json.dumps(grafana.boards[PROFILE])


def test_a_dashboard_that_was_moved_stays_where_it_is(grafana: Double, file: Path) -> None:
    publish(file, grafana.url)
    grafana.folders["w"] = "On the wall"
    grafana.home[PROFILE] = "w"
    file.write_text(file.read_text(encoding="utf-8").replace('"plot 004"', '"plot 4"'), encoding="utf-8")
    assert publish(file, grafana.url).exit_code == 0
    assert grafana.home[PROFILE] == "w"


def test_below_a_path_and_before_grafana_11(file: Path) -> None:
    grafana = Double("/room/grafana", old=True)
    try:
        assert publish(file, grafana.url + "/").exit_code == 0
        assert publish(file, grafana.url).stdout.count("unchanged") == 5
        grafana.saved_by_hand(PROFILE)
        assert publish(file, grafana.url).exit_code == 1
    finally:
        grafana.close()


def test_hostile_names_travel_as_text(grafana: Double, tmp_path: Path) -> None:
    path = hostile(tmp_path).path
    assert path is not None
    assert publish(path, grafana.url).exit_code == 0
    assert publish(path, grafana.url).stdout.count("unchanged") == 5
    assert all("/../" not in request for request in grafana.requests)
    titles = [board["title"] for board in grafana.boards.values()]
    assert sum("<script>alert(1)</script>" in title for title in titles) == 4


SAVE = ("POST", "/api/dashboards/db")
FAULTS: list[tuple[str, Any, str]] = [
    ("a wrong token", lambda m, p: (401, {"message": "Unauthorized"}), "the token is not accepted"),
    ("a viewer's token", lambda m, p: (403, {"message": "no"}) if (m, p) == SAVE else None, "needs the role Editor"),
    ("a title twice", lambda m, p: (412, {"status": "name-exists", "message": "x"}) if (m, p) == SAVE else None,
     "another dashboard of this folder has the title"),
    ("provisioned", lambda m, p: (400, {"message": "Cannot save provisioned dashboard"}) if (m, p) == SAVE else None,
     "'soilco2 dashboard provision' instead"),
    ("another refusal", lambda m, p: (400, {"message": "bad\ntitle"}) if (m, p) == SAVE else None,
     "was refused (400: bad title)"),
    ("a failing server", lambda m, p: (500, {"message": "database is locked"}) if (m, p) == SAVE else None,
     "it failed with 500"),
    ("a failing proxy", lambda m, p: (502, b"<html>Bad Gateway</html>"), "it failed with 502"),
    ("a proxy with the word message", lambda m, p: (503, b"no message today"), "the answer is not Grafana's"),
    ("a cut connection", lambda m, p: "cut" if (m, p) == SAVE else None, "the connection was cut"),
    ("a cut at the start", lambda m, p: "cut", "cut"),
    ("a login page", lambda m, p: "html", "the answer is not Grafana's"),
    ("a redirection", lambda m, p: "redirect", "redirects to another address"),
    ("a wrong path", lambda m, p: (404, {"message": "no"}) if p == "/api/folders" else None, "is the path right"),
    ("a list that is none", lambda m, p: (200, {"a": 1}) if p == "/api/folders" else None, "cannot be read"),
    ("a board that is none", lambda m, p: (200, [1]) if "uid" in p else None, "has no 'meta'"),
    ("the token in the answer", lambda m, p: (400, {"message": f"{TOKEN} is odd"}), "***"),
]  # fmt: skip


@pytest.mark.parametrize(("fault", "said"), [row[1:] for row in FAULTS], ids=[row[0] for row in FAULTS])
def test_every_fault_is_one_sentence(grafana: Double, file: Path, fault: Any, said: str) -> None:
    grafana.fault = fault
    result = publish(file, grafana.url)
    assert result.exit_code == 2, result.output
    assert [said in line for line in result.stderr.splitlines()] == [True], result.stderr
    assert TOKEN not in result.output
    assert "Traceback" not in result.output


@pytest.mark.parametrize("fault", [row[1] for row in FAULTS], ids=[row[0] for row in FAULTS])
def test_every_fault_has_its_chinese(
    grafana: Double, file: Path, monkeypatch: pytest.MonkeyPatch, fault: Any
) -> None:
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    options.choose(None)
    grafana.fault = fault
    (line,) = publish(file, grafana.url).stderr.splitlines()
    assert re.search("[一-鿿]", line.replace("Grafana（", "").replace("）：", ""))
    assert not re.search("Grafana(?: at|'s)", line)


def test_why_a_dashboard_stays_is_said_in_chinese(
    grafana: Double, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    options.choose(None)
    assert "新建" in publish(file, grafana.url).stdout
    grafana.saved_by_hand(PROFILE)
    assert "L. Technician 保存了第 2 版；用 --force 可替换" in publish(file, grafana.url).stdout


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://127.0.0.1:1", "no connection"),
        ("grafana.example.org", "is no address"),
        ("ftp://grafana.example.org", "is no address"),
        ("http://admin:hunter2@127.0.0.1/", "holds a user name or password"),
        ("http://127.0.0.1:http", "cannot be read"),
        ("http://127.0.0.1:3000/?a=1", "more than an address"),
        ("http://127.0.0.1:3000/a b", "more than an address"),
    ],
)
def test_wrong_addresses(file: Path, url: str, said: str) -> None:
    result = publish(file, url)
    assert result.exit_code == 2
    (line,) = result.stderr.splitlines()
    assert said in line
    assert "hunter2" not in line


@pytest.mark.parametrize(
    ("token", "said"),
    [(None, "is not set"), ("", "is not set"), ("two words", "no token"), ("a\nb", "no token")],
)
def test_wrong_tokens(file: Path, token: str | None, said: str) -> None:
    result = publish(file, "http://127.0.0.1:1", token=token)
    assert result.exit_code == 2
    (line,) = result.stderr.splitlines()
    assert said in line
    assert "SOILCO2_GRAFANA_TOKEN" in line


def test_a_missing_data_source_is_told_and_an_unknown_one_is_not(grafana: Double, file: Path) -> None:
    grafana.sources = []
    result = publish(file, grafana.url)
    assert result.exit_code == 0
    assert "no data source with the uid soilco2" in result.stderr
    grafana.fault = lambda _, p: (403, {"message": "no"}) if p == "/api/datasources" else None
    assert publish(file, grafana.url).stderr == ""


def test_a_token_over_a_network_is_warned_of(monkeypatch: pytest.MonkeyPatch) -> None:
    from soilco2.dashboards.grafana.upload import Grafana

    for url, unsafe in (
        ("http://grafana.example.org", True), ("https://grafana.example.org", False), ("http://localhost:3000", False),
        ("http://[::1]:3000", False),
    ):  # fmt: skip
        one = Grafana(url, TOKEN)
        assert one.unsafe is unsafe
        one.close()


def test_a_file_of_certificates_that_is_not_there(file: Path) -> None:
    result = publish(file, "https://127.0.0.1:1", "--ca-file", "nowhere.pem")
    assert result.exit_code == 2
    assert "nowhere.pem cannot be read" in result.stderr


def test_exactly_one_module_knows_grafana_api() -> None:
    knowing = []
    for path in tracked():
        if path.suffix != ".py" or path.relative_to(ROOT).parts[0] == "tests":
            continue
        text = path.read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(text)) if "grafana_api" in text else ():
            if (
                isinstance(node, ast.Constant)
                and isinstance(node.value, str)
                and node.value.startswith("grafana_api")
            ):
                knowing.append(path.relative_to(ROOT).as_posix())
            names = (
                [a.name for a in node.names]
                if isinstance(node, ast.Import)
                else [getattr(node, "module", None)]
            )
            if any(name and name.startswith("grafana_api") for name in names):
                knowing.append(path.relative_to(ROOT).as_posix())
    assert set(knowing) == {"dashboards/grafana/upload.py"}
