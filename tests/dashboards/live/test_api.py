"""The page's API on a real journal of measured data: right answers, one sentence for wrong questions, resume."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from starlette.routing import Route
from starlette.testclient import TestClient

from soilco2.dashboards.live.app import create_app
from soilco2.dashboards.live.queries import MOST_POINTS, PageStation
from soilco2.dashboards.live.stations import pages_of
from soilco2.ingest.simulate.replay import backfill_samples
from soilco2.station_config.loader import load_station
from soilco2.storage.journal.reader import JournalReader
from soilco2.storage.journal.writer import Writer
from soilco2.teaching.demo import station_text
from tests.paths import ROOT

START = 1_654_041_600_000_000
DAY = 86_400_000_000


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> PageStation:
    folder = tmp_path_factory.mktemp("page")
    path = folder / "sjer.toml"
    path.write_text(station_text(1883) + '\n[journal]\npath = "journal.sqlite"\n', encoding="utf-8")
    station = load_station(path)
    with Writer.open(station) as writer:
        writer.commit([s for batch in backfill_samples(station, START, START + 2 * DAY) for s in batch])
    clock = folder / "clock"
    clock.write_bytes((START + 2 * DAY).to_bytes(8, "little"))
    return pages_of([station], clock_file=clock)[0]


@pytest.fixture
def client(page: PageStation) -> Iterator[TestClient]:
    with TestClient(create_app([page], version="0")) as opened:
        yield opened


def test_the_station_names_its_series_and_what_is_modelled(client: TestClient) -> None:
    body = client.get("/api/v1/stations").json()
    (station,) = body["stations"]
    by_name = {s["series"]: s for s in station["series"]}
    assert by_name["p004/d03/co2"]["depth_m"] == 0.03
    assert by_name["p004/d06/bulk_ec"]["note"]["en"].startswith("modelled")
    assert re.search("[\u4e00-\u9fff]", by_name["p004/d06/bulk_ec"]["note"]["zh"])
    assert by_name["p004/d03/co2"]["note"] is None
    assert body["variables"]["co2"]["name"]["zh"].startswith("CO₂")


def test_newest_values_are_those_of_the_journal(client: TestClient, page: PageStation) -> None:
    body = client.get("/api/v1/latest").json()
    assert body["now_ms"] == (START + 2 * DAY) // 1000
    shown = {row["series"]: row for row in body["latest"]}
    with JournalReader(page.station.journal_path) as reader:
        for observation in reader.latest(START + 2 * DAY):
            row = shown["/".join(observation.series[1:])]
            assert (row["t"], row["value"]) == (observation.time_us // 1000, observation.value)


def test_a_series_and_its_raster_hold_the_same_values(client: TestClient) -> None:
    asked = {"from": START // 1000, "to": (START + DAY) // 1000}
    (series,) = client.get(
        "/api/v1/series", params={**asked, "series": "p004/d21/co2", "points": 2000}
    ).json()["series"]
    assert len(series["t"]) == 48
    raster = client.get(
        "/api/v1/raster", params={**asked, "profile": "p004", "variable": "co2", "columns": 48}
    ).json()
    (row,) = [r for r in raster["rows"] if r["series"] == "p004/d21/co2"]
    assert row["v"] == pytest.approx(series["v"])
    assert [raster["t0"] + k * raster["step"] for k in range(48)] == series["t"]


@pytest.mark.parametrize(
    ("url", "status", "said"),
    [
        ("latest?station=<b>", 404, "not shown here"),
        ("series?series=a/b/c", 400, "from is missing"),
        ("series?from=0&to=1", 400, "between 1 and"),
        ("series?from=0&to=1&series=a", 400, "profile/position/variable"),
        ("series?from=5&to=1&series=a/b/c", 400, "later than from"),
        ("series?from=x&series=a/b/c", 400, "whole number"),
        ("series?from=1e400&series=a/b/c", 400, "whole number"),
        ("series?from=0&to=1&series=a/b/c&points=9999999", 400, "between 2 and"),
        ("raster?from=0&to=1&profile=p&variable=co2&columns=0", 400, "between 1 and"),
    ],
)
def test_a_wrong_question_gets_one_sentence(client: TestClient, url: str, status: int, said: str) -> None:
    answer = client.get(f"/api/v1/{url}")
    assert answer.status_code == status
    assert said in answer.json()["error"]


def test_an_unknown_series_is_empty_and_names_with_quotes_do_no_harm(client: TestClient) -> None:
    name = "p004/'; DROP TABLE sample; --/co2"
    (series,) = client.get("/api/v1/series", params={"from": 0, "series": name}).json()["series"]
    assert series["t"] == []


def test_every_answer_forbids_scripts_from_outside(client: TestClient) -> None:
    for url in ("/", "/static/app.js", "/api/v1/stations"):
        answer = client.get(url)
        assert answer.status_code == 200
        assert "script-src 'self'" in answer.headers["content-security-policy"]


def test_every_module_is_asked_for_at_once(client: TestClient) -> None:
    named = set(re.findall(r'<link rel="modulepreload" href="([^"]+)">', client.get("/").text))
    known, new = set(), {"static/app.js"}
    while new:
        known |= new
        texts = [client.get("/" + name).text for name in new]
        new = {
            f"static/{found}" for text in texts for found in re.findall(r' from "\./(\w+\.js)"', text)
        } - known
    assert named == known
    assert len(known) > 10


def test_a_file_that_the_browser_has_is_not_sent_again(client: TestClient) -> None:
    first = client.get("/static/app.js")
    assert first.headers["content-type"].startswith("text/javascript")
    again = client.get("/static/app.js", headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert client.get("/static/app.js", headers={"if-none-match": "*"}).status_code == 304
    other = client.get("/static/style.css", headers={"if-none-match": first.headers["etag"]})
    assert other.status_code == 200


def test_answers_come_packed_where_the_reader_can_unpack_them(client: TestClient) -> None:
    question = "/api/v1/stations"
    packed = client.get(question, headers={"accept-encoding": "gzip"})
    plain = client.get(question, headers={"accept-encoding": "identity"})
    assert packed.headers["content-encoding"] == "gzip"
    assert int(packed.headers["content-length"]) < int(plain.headers["content-length"]) / 2
    assert "content-encoding" not in plain.headers
    assert packed.json() == plain.json()
    for told in ("gzip;q=0", "br, gzip; q=0.0, identity", "notgzip", "*;q=0", ""):
        assert "content-encoding" not in client.get(question, headers={"accept-encoding": told}).headers
    for told in ("GZIP", "br, gzip;q=0.5", "x-gzip"):
        assert client.get(question, headers={"accept-encoding": told}).headers["content-encoding"] == "gzip"


def test_who_keeps_an_answer_is_told_what_it_depends_on(client: TestClient) -> None:
    for path in ("/api/v1/screens", "/api/v1/latest?station=none", "/api/v1/nothing"):
        told = client.get(path).headers.get_list("vary", split_commas=True)
        assert "Accept-Language" in told


def test_the_reference_names_every_route_and_limit(page: PageStation) -> None:
    text = (ROOT / "docs" / "reference" / "http_api.md").read_text(encoding="utf-8")
    paths = [route.path for route in create_app([page], version="0").routes if isinstance(route, Route)]
    assert {path for path in paths if path not in ("/", "/static/{name}")} == {
        f"/api/v1/{n}" for n in re.findall(r"GET /api/v1/(\w+)", text)
    }
    assert f"(2 to {MOST_POINTS}, default 2000)" in text
