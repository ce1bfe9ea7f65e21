"""What every request passes, before an application that is no page."""

from __future__ import annotations

from pathlib import Path

import pytest
from starlette.testclient import TestClient

from soilco2.dashboards.web.auth import Password
from tests.dashboards.web.guarded import SECRET, basic, guarded


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:8470", 200), ("localhost:8470", 200), ("[::1]:8470", 200), ("soil.localhost", 200),
        ("rebound.example:8470", 421), ("127.0.0.1.example", 421), ("[::1].example", 421),
    ],
)  # fmt: skip
def test_an_unguarded_page_answers_to_no_foreign_name(host: str, status: int) -> None:
    with TestClient(guarded(own_names=True)) as client:
        answer = client.get("/api/v1/latest", headers={"host": host})
        assert answer.status_code == status
        assert status == 200 or "--trust-proxy" in answer.json()["error"]


@pytest.mark.parametrize(
    ("said", "proxy", "status"),
    [
        ({"sec-fetch-site": "cross-site"}, False, 403),
        ({"sec-fetch-site": "same-site"}, False, 403),  # another host of the same domain is another's page
        ({"sec-fetch-site": "same-origin", "origin": "http://127.0.0.1"}, False, 200),
        ({"sec-fetch-site": "none"}, False, 200),  # typed by the visitor
        ({"origin": "http://evil.example"}, False, 403),
        ({"origin": "null"}, False, 403),
        ({"origin": "http://127.0.0.1"}, False, 200),
        ({"origin": "https://soil.example", "x-forwarded-host": "soil.example"}, True, 200),
        ({"origin": "https://soil.example", "x-forwarded-host": "soil.example"}, False, 403),
        ({}, False, 200),  # a program
    ],
)
def test_a_page_of_another_site_changes_nothing(said: dict[str, str], proxy: bool, status: int) -> None:
    """Sec-Fetch-Site: Fetch Metadata, 2.3; Origin: RFC 6454, 7."""
    with TestClient(guarded(trust_proxy=proxy, per_s=1e6), base_url="http://127.0.0.1") as client:
        answer = client.post("/", headers=said)
        assert answer.status_code == status
        assert status == 200 or "another site" in answer.json()["error"]
        assert client.get("/", headers=said).status_code == 200


def test_a_prefix_is_taken_off_once_and_its_bare_path_leads_inside() -> None:
    with TestClient(guarded(prefix="/soil"), follow_redirects=False) as client:
        bare = client.get("/soil?x=1")
        assert (bare.status_code, bare.headers["location"]) == (308, "/soil/?x=1")
        for asked, inside in (
            ("/soil/a", "/a"),
            ("/a", "/a"),
            ("/soil/soil/a", "/soil/a"),
            ("/soils", "/soils"),
        ):
            assert client.get(asked).json()["path"] == inside


def test_a_refusal_has_the_headers_of_an_answer_and_its_language(stored: Path) -> None:
    app = guarded(password=Password(stored), own_names=True, per_s=1e6)
    with TestClient(app, base_url="http://127.0.0.1") as client:
        answers = [
            client.get("/", headers=basic(SECRET)),
            client.get("/"),
            client.get("/", headers={"host": "rebound.example"}),
        ]
        assert [answer.status_code for answer in answers] == [200, 401, 421]
        for answer in answers:
            assert "frame-ancestors 'self'" in answer.headers["content-security-policy"]
            assert "Accept-Language" in answer.headers.get_list("vary", split_commas=True)
        assert client.get("/", headers={"accept-language": "zh-CN"}).json() == {"error": "需要密码"}
