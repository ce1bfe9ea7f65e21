"""The page as an application: behind a path, its language, faults told in one sentence, screens."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from starlette.testclient import TestClient

from soilco2.cli.commands.check import command as check
from soilco2.cli.commands.dashboard.group import command
from soilco2.dashboards.live import queries
from soilco2.dashboards.live.app import create_app
from soilco2.dashboards.live.queries import PageStation
from soilco2.dashboards.live.screens import Screen, defaults, read_screens
from soilco2.dashboards.live.server import server
from soilco2.dashboards.live.stations import pages_of
from soilco2.station_config.variables import VARIABLES
from soilco2.storage.errors import SinkUnavailable
from soilco2.storage.journal.writer import Writer
from soilco2.storage.reader import Reader
from tests.dashboards.live.small import reading, small_station

SCREEN = '[title]\nen = "Dune"\nzh = "沙丘"\n'


@contextmanager
def opened(page: PageStation, **more: object) -> Iterator[TestClient]:
    with TestClient(
        create_app([page], version="0", per_s=1e6, **more),  # type: ignore[arg-type]
        raise_server_exceptions=False,
        follow_redirects=False,
    ) as client:
        yield client


def test_behind_a_path_with_and_without_a_proxy_that_takes_it_off(measured_page: PageStation) -> None:
    with opened(measured_page, prefix="/user/ann/soil") as client:
        there = client.get("/user/ann/soil?x=1")
        assert (there.status_code, there.headers["location"]) == (308, "/user/ann/soil/?x=1")
        for front in ("/user/ann/soil", ""):
            assert "<html" in client.get(f"{front}/").text
            assert client.get(f"{front}/static/app.js").status_code == 200
            assert client.get(f"{front}/api/v1/latest").json()["latest"]
        assert client.get("/user/ann/soilx/").status_code == 404
        # no way to an address that the proxy does not know
        assert client.get("/user/ann/soil/api/v1/latest/").status_code == 404


def test_no_address_on_the_page_begins_at_the_root(measured_client: TestClient) -> None:
    for path in ("/", "/static/app.js", "/static/api.js", "/static/panels.js"):
        text = measured_client.get(path).text
        for wrong in ('src="/', 'href="/', 'fetch("/', "fetch(`/", "EventSource(`/", 'from "/'):
            assert wrong not in text


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_language_of_the_station_file_is_the_pages(measured_page: PageStation, language: str) -> None:
    with opened(measured_page, language=language) as client:
        assert f'<html lang="{language}" data-language="{language}"' in client.get("/").text
        assert client.get("/api/v1/stations").json()["language"] == language
    with opened(measured_page) as client:
        assert "data-language" not in client.get("/").text


def test_only_a_page_without_guard_looks_at_the_name(measured_page: PageStation) -> None:
    for trusted, status in ((False, 421), (True, 200)):
        app = server([measured_page], version="0", trust_proxy=trusted).config.app
        with TestClient(app) as client:  # type: ignore[arg-type]
            assert client.get("/", headers={"host": "soil.example"}).status_code == status


def test_what_is_not_there_and_what_is_not_asked_for_is_one_sentence(measured_page: PageStation) -> None:
    with opened(measured_page) as client:
        for answer, status in (
            (client.get("/api/v2/latest"), 404),
            (client.get("/static/../app.py"), 404),
            (client.get("/static/%2e%2e/app.py"), 404),
            (client.post("/api/v1/latest"), 405),
            (client.delete("/api/v1/table"), 405),
        ):
            assert answer.status_code == status
            assert answer.json()["error"].count("\n") == 0


def test_a_fault_of_the_page_itself_is_told_without_its_insides(
    measured_page: PageStation, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_page: PageStation) -> None:
        raise ZeroDivisionError("/secret/place")

    monkeypatch.setattr(queries, "latest", broken)
    with opened(measured_page) as client:
        answer = client.get("/api/v1/latest")
    assert (answer.status_code, "secret" in answer.text) == (500, False)
    assert "server's log" in answer.json()["error"]


def test_the_journal_of_another_station_is_not_shown_as_this_ones(tmp_path: Path) -> None:
    here, other = (small_station(tmp_path, name) for name in ("a", "b"))
    with Writer.open(other) as writer:
        writer.commit([reading(0)])
    here.journal_path.write_bytes(other.journal_path.read_bytes())
    with TestClient(create_app(pages_of([here]), version="0")) as client:
        (station,) = client.get("/api/v1/stations").json()["stations"]
        assert "this is the journal of b, and the station file is of a" in station["fault"]
        assert client.get("/api/v1/latest").status_code == 503


def test_without_a_journal_the_station_is_shown_and_it_is_said(tmp_path: Path) -> None:
    there, gone, spoilt = (pages_of([small_station(tmp_path, name)])[0] for name in ("a", "b", "c"))
    with Writer.open(there.station) as writer:
        writer.commit([reading(0)])
    spoilt.station.journal_path.write_bytes(b"no database at all, " * 400)
    with TestClient(create_app([there, gone, spoilt], version="0")) as client:
        stations = {s["id"]: s for s in client.get("/api/v1/stations").json()["stations"]}
        assert [s["fault"] == "" for s in stations.values()] == [True, False, False]
        assert "no journal yet" in stations["b"]["fault"]
        found = client.get("/api/v1/stations", headers={"accept-language": "zh-CN"}).json()["stations"]
        assert "还没有日志库" in found[1]["fault"]
        for station in stations.values():
            (series,) = station["series"]
            assert (series["series"], series["depth_m"], series["period_s"]) == (
                "p1/d1/soil_temperature", 0.01, 60
            )  # fmt: skip
        asked = "from=0&to=1&series=p1/d1/soil_temperature&profile=p1&variable=soil_temperature"
        for path in ("latest", "series", "raster", "quality", "instruments", "events", "table", "results"):
            for name in "bc":
                answer = client.get(f"/api/v1/{path}?station={name}&{asked}")
                assert answer.status_code == 503
                assert "journal" in answer.json()["error"]
            assert client.get(f"/api/v1/{path}?station=a&{asked}").status_code == 200


def test_a_database_that_is_down_is_left_alone_for_a_while(
    measured_page: PageStation, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def down() -> Reader:
        asked.append(1)
        raise SinkUnavailable("http://127.0.0.1:8086 does not answer")

    page = replace(measured_page, open_data=down, away=queries.Away())
    key = queries.short(page.key("p004/d21/co2"))
    for _ in range(3):
        body = queries.series(page, [key], 0, 2**50, 100)
        assert (body["source"], body["notice"]) == ("journal", "http://127.0.0.1:8086 does not answer")
    assert len(asked) == 1
    page.away.until = 0.0
    queries.series(page, [key], 0, 2**50, 100)
    assert len(asked) == 2


def test_too_many_tables_at_once_are_told(
    measured_page: PageStation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("soilco2.dashboards.live.routes.MOST_TABLES", 0)
    with opened(measured_page) as client:
        answer = client.get("/api/v1/table?from=0&series=p004/d21/co2")
    assert answer.status_code == 503
    assert "tables" in answer.json()["error"]


@pytest.mark.parametrize("prefix", ["soil", "/so il", "/<b>", "/a//b"])
def test_a_prefix_that_is_none_is_told(measured_page: PageStation, prefix: str) -> None:
    run = CliRunner().invoke(command, ["serve", str(measured_page.station.path), "--prefix", prefix])
    assert (run.exit_code, "no path" in run.output) == (2, True)


# screens


def test_a_new_station_has_screens_of_its_variables(tmp_path: Path, measured_page: PageStation) -> None:
    station = small_station(tmp_path, "a")
    screens = defaults(station)
    assert (screens["profile"].variable, screens["profile"].second) == ("soil_temperature", None)
    assert "second" not in screens["profile"].panels
    screens = defaults(measured_page.station)
    assert (screens["profile"].variable, screens["profile"].second) == ("co2", "soil_temperature")
    for screen in screens.values():
        Screen.model_validate(screen.model_dump())
        assert screen.variable is None or screen.variable in VARIABLES


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("panels = [", "dune.toml:1: this is not valid TOML"),
        ('panels = ["heat"]\n', "title: this key is required"),
        (f'panels = ["heat", "heat"]\n{SCREEN}', "a panel is named twice"),
        (f'panels = ["heet"]\n{SCREEN}', 'panels[1] = "heet": expected '),
        (
            f'panels = ["heat"]\nvariabel = "co2"\n{SCREEN}',
            "dune.toml:2: variabel = \"co2\": unknown key; did you mean 'variable'?",
        ),
        (f'panels = ["heat"]\nvariable = "co3"\n{SCREEN}', "'co3' is no variable"),
        (f'panels = ["heat"]\nprofile = "p9"\n{SCREEN}', "profile 'p9' is not in the station; there are p1"),
        (f'panels = ["picture"]\n{SCREEN}', "belong together"),
        (f'panels = ["picture"]\n{SCREEN}[picture]\nfile = "site.svg"\n', "site.svg is not beside"),
        (
            f'panels = ["picture"]\n{SCREEN}[picture]\nfile = "../site.svg"\n',
            'picture.file = "../site.svg": the name of a file beside this one is expected',
        ),
        (
            f'panels = ["heat"]\ninterpolate = "yes"\n{SCREEN}',
            'interpolate = "yes": true or false is expected',
        ),
        (f'panels = ["log"]\ninterpolate = true\n{SCREEN}', "needs the panel 'column' or 'heat'"),
        (f"panels = []\n{SCREEN}", "dune.toml:1: panels = []: a list that is not empty is expected"),
        (f'panels = ["heat"]\nx = {"[" * 20_000}', "nested too deeply"),
        ("#" * 70_000, "at most 64 KiB"),
    ],
)
def test_a_wrong_screen_file_is_one_sentence_on_the_page_and_by_check(
    tmp_path: Path, text: str, said: str
) -> None:
    folder = tmp_path / "screens"
    folder.mkdir()
    (folder / "dune.toml").write_text(text, encoding="utf-8")
    (folder / "good.toml").write_text(f'panels = ["heat"]\n{SCREEN}', encoding="utf-8")
    station = small_station(tmp_path, "a", more='[page]\nscreens = "screens"\n')
    found, (fault,) = read_screens(station, folder)
    assert fault.startswith("dune.toml:")
    assert said in fault
    assert "\n" not in fault
    assert "good" in found
    assert "profile" in found
    run = CliRunner().invoke(check, [str(station.path), "--lang", "en", "--json"], catch_exceptions=False)
    assert run.exit_code == 0
    assert "dune.toml" in run.output
    page = pages_of([station])[0]
    with TestClient(create_app([page], version="0", screen_folder=folder)) as client:
        assert client.get("/api/v1/screens").json()["faults"] == [fault]


def test_a_folder_of_screens_that_is_not_there_is_told(tmp_path: Path) -> None:
    station = small_station(tmp_path, "a", more='[page]\nscreens = "nowhere"\n')
    run = CliRunner().invoke(check, [str(station.path), "--lang", "en"])
    assert "nowhere is not there" in " ".join(run.output.split())


def test_a_picture_is_sent_as_what_it_is_and_runs_nothing(tmp_path: Path) -> None:
    (tmp_path / "site.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg"><script>1</script></svg>')
    place = '[[picture.place]]\nseries = "p1/d1/soil_temperature"\nx = 50\ny = 20\n'
    text = f'panels = ["picture"]\n{SCREEN}[picture]\nfile = "site.svg"\n{place}'
    (tmp_path / "dune.toml").write_text(text, encoding="utf-8")
    station_folder = tmp_path / "station"
    station_folder.mkdir()
    page = pages_of([small_station(station_folder, "a")])[0]
    with TestClient(create_app([page], version="0", screen_folder=tmp_path)) as client:
        (screen,) = [s for s in client.get("/api/v1/screens").json()["screens"] if s["id"] == "dune"]
        assert screen["picture"]["place"][0]["series"] == "p1/d1/soil_temperature"
        answer = client.get("/api/v1/picture?screen=dune")
        assert answer.headers["content-type"].startswith("image/svg+xml")
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert client.get("/api/v1/picture?screen=../dune").status_code == 404
        had = {"if-none-match": answer.headers["etag"]}
        assert client.get("/api/v1/picture?screen=dune", headers=had).status_code == 304
        assert answer.headers["cache-control"] == "no-cache"
        (tmp_path / "site.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg"><!-- another --></svg>')
        assert "another" in client.get("/api/v1/picture?screen=dune", headers=had).text
