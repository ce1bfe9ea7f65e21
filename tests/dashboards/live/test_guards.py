"""The page stands behind its guards: password, proxy, rate; the command says why it does not serve."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner
from starlette.testclient import TestClient

from soilco2.cli.commands.dashboard.group import command
from soilco2.dashboards.live.app import create_app
from soilco2.dashboards.live.queries import PageStation
from soilco2.dashboards.web.auth import Password
from tests.dashboards.web.guarded import SECRET, basic


def test_nothing_is_answered_without_the_password(measured_page: PageStation, stored: Path) -> None:
    with TestClient(create_app([measured_page], version="0", password=Password(stored))) as client:
        for path in ("/", "/static/app.js", "/api/v1/latest", "/api/v1/stream"):
            answer = client.get(path)
            assert answer.status_code == 401
            assert answer.headers["www-authenticate"].startswith("Basic")
            assert "script-src 'self'" in answer.headers["content-security-policy"]
        for header in ("Basic ???", "Bearer x", "Basic"):
            assert client.get("/", headers={"authorization": header}).status_code == 401
        assert client.get("/api/v1/latest", headers=basic(SECRET)).status_code == 200


def test_behind_a_trusted_proxy_one_visitor_does_not_lock_the_others_out(
    measured_page: PageStation, stored: Path
) -> None:
    app = create_app([measured_page], version="0", password=Password(stored), trust_proxy=True)
    with TestClient(app) as client:
        bad = {**basic("wrong password"), "x-forwarded-for": "203.0.113.7"}
        assert 429 in [client.get("/", headers=bad).status_code for _ in range(8)]
        good = {**basic(SECRET), "x-forwarded-for": "203.0.113.8"}
        assert client.get("/", headers=good).status_code == 200


def test_one_address_cannot_ask_without_bound(measured_page: PageStation) -> None:
    with TestClient(create_app([measured_page], version="0", per_s=0.01)) as client:
        codes = {client.get("/static/icon.svg").status_code for _ in range(5)}
    assert 429 in codes


def test_the_command_says_why_it_does_not_serve(measured_page: PageStation, tmp_path: Path) -> None:
    station = str(measured_page.station.path)
    run = CliRunner().invoke(command, ["serve", station, "--host", "0.0.0.0", "--port", "0"])
    assert run.exit_code == 2
    assert "beyond loopback" in run.output
    run = CliRunner().invoke(command, ["serve", station, "--source", "influx", "--port", "0"])
    assert (run.exit_code, "[influxdb]" in run.output) == (2, True)
    made = tmp_path / "made"
    run = CliRunner().invoke(command, ["password", str(made)], input=f"{SECRET}\n{SECRET}\n")
    assert run.exit_code == 0
    assert Password(made).matches(SECRET)
