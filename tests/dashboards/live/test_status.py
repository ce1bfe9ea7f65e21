"""Quality, instruments, results, events, tables, ETags: what the page tells beyond values."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import replace
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from soilco2.dashboards.errors import ServeError
from soilco2.dashboards.live import routes
from soilco2.dashboards.live.app import create_app
from soilco2.dashboards.live.queries import PageStation
from soilco2.dashboards.live.stations import pages_of
from soilco2.storage.errors import SinkUnavailable
from soilco2.storage.journal.reader import JournalReader
from soilco2.storage.reader import Reader
from soilco2.storage.results.results import Result, ResultFile, write_results
from tests.dashboards.live.measured import DAY, START

SPAN = {"from": START // 1000, "to": (START + 2 * DAY) // 1000}
CO2 = "p004/d21/co2"


def test_completeness_counts_what_the_journal_holds(
    measured_client: TestClient, measured_page: PageStation
) -> None:
    days = measured_client.get("/api/v1/quality", params=SPAN).json()["days"]
    shown = [day for day in days if day["series"] == CO2]
    assert sum(day["expected"] for day in shown) == 96  # two days at half an hour
    with JournalReader(measured_page.station.journal_path) as reader:
        (piece,) = reader.read([measured_page.key(CO2)], START, START + 2 * DAY)
    assert sum(day["stored"] for day in shown) == sum(v == v for v in piece.values)
    assert sum(day["usable"] for day in shown) == sum(
        v == v and f <= 2 for v, f in zip(piece.values, piece.flags, strict=True)
    )
    for day in days:
        assert sum(day["causes"].values()) >= day["expected"] - day["stored"] - 1


def test_instruments_name_their_newest_value(measured_client: TestClient, measured_page: PageStation) -> None:
    rows = measured_client.get("/api/v1/instruments").json()["instruments"]
    assert [row["id"] for row in rows] == [row.id for row in measured_page.station.file.instrument]
    assert all(row["newest_ms"] is None or row["newest_ms"] <= (START + 2 * DAY) // 1000 for row in rows)
    assert any(row["newest_ms"] == (START + 2 * DAY) // 1000 - 1_800_000 for row in rows)


def test_events_come_newest_first_and_as_they_were_written(measured_client: TestClient) -> None:
    found = measured_client.get("/api/v1/events", params=SPAN).json()["events"]
    assert [e["t"] for e in found] == sorted((e["t"] for e in found), reverse=True)
    (note,) = [e for e in found if e["kind"] == "note"]
    assert note["text"] == "<script>alert(1)</script> lid opened"


def test_a_table_holds_the_stored_values(measured_client: TestClient, measured_page: PageStation) -> None:
    answer = measured_client.get("/api/v1/table", params={**SPAN, "series": CO2})
    assert answer.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    with JournalReader(measured_page.station.journal_path) as reader:
        (piece,) = reader.read([measured_page.key(CO2)], START, START + 2 * DAY)
    assert [float(row["value"] or "nan") for row in rows] == pytest.approx(list(piece.values), nan_ok=True)
    assert {(row["unit"], row["depth_m"], row["variable"]) for row in rows} == {("ppm", "0.21", "co2")}
    assert rows[0]["time_utc"] == "2022-06-01T00:00:00Z"


def test_a_table_that_is_too_long_is_refused(
    measured_client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(routes, "MOST_ROWS", 10)
    answer = measured_client.get("/api/v1/table", params={**SPAN, "series": CO2})
    assert answer.status_code == 400
    assert "more than 10 values" in answer.json()["error"]


def test_an_etag_holds_until_the_question_or_the_journal_changes(measured_client: TestClient) -> None:
    asked = {**SPAN, "series": CO2, "points": 100}
    first = measured_client.get("/api/v1/series", params=asked)
    mark = first.headers["etag"]
    again = measured_client.get("/api/v1/series", params=asked, headers={"if-none-match": mark})
    assert (again.status_code, again.content) == (304, b"")
    assert measured_client.get("/api/v1/series", params=asked).content == first.content
    other = measured_client.get("/api/v1/series", params={**asked, "points": 50})
    assert other.headers["etag"] != mark
    open_end = measured_client.get("/api/v1/series", params={"from": START // 1000, "series": CO2})
    assert "etag" not in open_end.headers


def test_the_newest_results_of_this_station_with_interval_or_refusal(
    measured_page: PageStation, tmp_path: Path
) -> None:
    station = measured_page.station.file.station.id
    value = Result(what="pearson_r", target="a", value=0.4, lower=0.1, upper=0.6, n=40, n_eff=12.0)
    refused = Result(
        what="q10_nls",
        target="a",
        mask="dry",
        refused=True,
        why="the range of temperature is below 5 K",
        details={"water": "much"},
    )
    for created, rows in (("2022-06-01", (value,)), ("2022-06-02", (value, refused))):
        write_results(
            tmp_path,
            ResultFile(
                job="correlation", station=station, created=f"{created}T00:00:00Z", version="0", rows=rows
            ),
        )
    write_results(
        tmp_path, ResultFile(job="other", station="elsewhere", created="2022-06-03T00:00:00Z", version="0")
    )
    (tmp_path / "2022-06-02" / "broken.results.json").write_text("{", encoding="utf-8")
    with TestClient(create_app([measured_page], version="0", results=tmp_path)) as client:
        body = client.get("/api/v1/results").json()
        chinese = client.get("/api/v1/results", headers={"accept-language": "zh"}).json()
    (job,) = body["jobs"]
    assert job["created"] == "2022-06-02T00:00:00Z"
    assert [(r["value"], r["lower"], r["upper"], r["why"]) for r in job["rows"]] == [
        (0.4, 0.1, 0.6, ""),
        (None, None, None, "the range of temperature is below 5 K"),
    ]
    assert job["name"]["zh"] != job["name"]["en"] != ""
    assert [(r["name"]["zh"], r["part"]["en"], r["part"]["zh"]) for r in job["rows"]] == [
        ("相关系数 r", "", ""),
        ("Q10（最小二乘）", "dry", "干"),
    ]
    assert len(body["faults"]) == 1
    assert "broken.results.json" in body["faults"][0]
    assert str(tmp_path) not in body["faults"][0]
    assert re.match("broken.results.json.*[一-鿿]", chinese["faults"][0])
    assert str(tmp_path) not in chinese["faults"][0]


def test_while_the_database_is_down_the_journal_stands_in_and_it_is_said(measured_page: PageStation) -> None:
    def down() -> Reader:
        raise SinkUnavailable("http://127.0.0.1:8086 does not answer")

    asked = {**SPAN, "series": CO2}
    with TestClient(create_app([replace(measured_page, open_data=down)], version="0")) as client:
        body = client.get("/api/v1/series", params=asked).json()
    assert (body["source"], body["notice"]) == ("journal", "http://127.0.0.1:8086 does not answer")
    assert len(body["series"][0]["t"]) == 96


def test_a_station_without_a_database_cannot_be_read_from_one(measured_page: PageStation) -> None:
    with pytest.raises(ServeError, match="no table \\[influxdb\\]"):
        pages_of([measured_page.station], influx=True)


def test_more_listeners_than_allowed_are_told(
    measured_client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(routes, "MOST_LISTENERS", 0)
    answer = measured_client.get("/api/v1/stream")
    assert answer.status_code == 503
    assert "listening already" in answer.json()["error"]
