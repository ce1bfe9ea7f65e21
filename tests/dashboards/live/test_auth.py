"""Who may ask: passwords, throttle, rate."""

from __future__ import annotations

import asyncio
import base64
from pathlib import Path

import httpx2
import pytest
from click.testing import CliRunner
from starlette.testclient import TestClient

from soilco2.cli.commands.dashboard.group import command
from soilco2.dashboards.errors import ServeError
from soilco2.dashboards.live import auth
from soilco2.dashboards.live.app import create_app
from soilco2.dashboards.live.auth import LONGEST_WAIT_S, Password, Throttle, write_password
from soilco2.dashboards.live.queries import PageStation
from soilco2.dashboards.live.server import bind

SECRET = "a long 榆林 password"


def basic(password: str) -> dict[str, str]:
    return {"authorization": "Basic " + base64.b64encode(f"any:{password}".encode()).decode()}


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    path = tmp_path / "page.password"
    write_password(path, SECRET)
    return path


def test_the_file_holds_a_hash_and_only_its_owner_reads_it(stored: Path) -> None:
    assert stored.read_text().startswith("scrypt$16384$8$5$")
    assert SECRET not in stored.read_text()
    assert stored.stat().st_mode & 0o777 == 0o600
    assert Password(stored).matches(SECRET)
    assert not Password(stored).matches(SECRET + " ")
    with pytest.raises(ServeError, match="there already"):
        write_password(stored, SECRET)


def test_a_password_file_that_cannot_serve_is_told(tmp_path: Path, stored: Path) -> None:
    with pytest.raises(ServeError, match="cannot be read"):
        Password(tmp_path / "none")
    plain = tmp_path / "plain"
    plain.write_text("secret\n")
    plain.chmod(0o600)
    with pytest.raises(ServeError, match="no scrypt hash"):
        Password(plain)
    stored.chmod(0o644)
    with pytest.raises(ServeError, match="read by others"):
        Password(stored)
    (tmp_path / ".git").mkdir()
    with pytest.raises(ServeError, match="repository"):
        write_password(tmp_path / "inside", SECRET)
    with pytest.raises(ServeError, match="characters"):
        write_password(tmp_path.parent / "short", "short")


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


def test_wrong_passwords_are_throttled_and_the_right_one_waits_too(
    measured_page: PageStation, stored: Path
) -> None:
    with TestClient(create_app([measured_page], version="0", password=Password(stored))) as client:
        codes = [client.get("/", headers=basic("wrong password")).status_code for _ in range(12)]
        assert codes[:5] == [401] * 5
        assert 429 in codes[5:]
        answer = client.get("/", headers=basic("wrong password"))
        if answer.status_code == 429:
            assert int(answer.headers["retry-after"]) >= 1


def test_many_who_come_back_at_once_are_all_let_in(measured_page: PageStation, stored: Path) -> None:
    """A page that was open while the server started again asks for many things at once."""
    app = create_app([measured_page], version="0", password=Password(stored), per_s=1e6)

    async def ask() -> list[int]:
        transport = httpx2.ASGITransport(app=app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            asked = [client.get("/static/icon.svg", headers=basic(SECRET)) for _ in range(20)]
            return [answer.status_code for answer in await asyncio.gather(*asked)]

    assert asyncio.run(ask()) == [200] * 20


def test_two_visitors_do_not_make_each_other_unknown(
    measured_page: PageStation, stored: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = []
    with TestClient(create_app([measured_page], version="0", password=Password(stored))) as client:
        whole = Password.matches
        monkeypatch.setattr(Password, "matches", lambda self, text: tried.append(1) or whole(self, text))
        for _ in range(3):
            for user in ("ann", "bo"):
                header = base64.b64encode(f"{user}:{SECRET}".encode()).decode()
                answer = client.get("/static/icon.svg", headers={"authorization": f"Basic {header}"})
                assert answer.status_code == 200
    assert len(tried) == 2


def test_passwords_that_wait_to_be_tried_are_bounded(
    measured_page: PageStation, stored: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auth, "_TRIED_AT_ONCE", 0)
    with TestClient(create_app([measured_page], version="0", password=Password(stored))) as client:
        answer = client.get("/", headers=basic(SECRET))
    assert answer.status_code == 503
    assert "being tried" in answer.json()["error"]


@pytest.mark.parametrize(
    ("peer", "named", "trusted", "found"),
    [
        ("10.0.0.1", "203.0.113.7", False, "10.0.0.1"),
        ("10.0.0.1", "203.0.113.7", True, "203.0.113.7"),
        ("10.0.0.1", "6.6.6.6, 203.0.113.7", True, "203.0.113.7"),  # what a visitor names himself comes first
        ("10.0.0.1", "", True, "10.0.0.1"),
        ("2001:db8:1:2:3:4:5:6", "", False, "2001:db8:1:2::"),
        ("::ffff:203.0.113.7", "", False, "203.0.113.7"),
    ],
)
def test_who_asks(peer: str, named: str, trusted: bool, found: str) -> None:
    headers = [(b"x-forwarded-for", named.encode())] if named else []
    scope = {"type": "http", "client": (peer, 1), "headers": headers}
    assert auth.address_of(scope, trusted) == found


def test_a_password_known_from_one_address_tells_a_guesser_at_another_nothing(
    measured_page: PageStation, stored: Path
) -> None:
    app = create_app([measured_page], version="0", password=Password(stored), trust_proxy=True)
    with TestClient(app) as client:
        right, home = basic(SECRET), {"x-forwarded-for": "203.0.113.8"}
        guesser = {"x-forwarded-for": "203.0.113.7"}
        assert client.get("/", headers={**right, **home}).status_code == 200
        assert 429 in [client.get("/", headers={**basic("no"), **guesser}).status_code for _ in range(8)]
        assert client.get("/", headers={**right, **guesser}).status_code == 429
        assert client.get("/", headers={**right, **home}).status_code == 200


def test_behind_a_trusted_proxy_one_visitor_does_not_lock_the_others_out(
    measured_page: PageStation, stored: Path
) -> None:
    app = create_app([measured_page], version="0", password=Password(stored), trust_proxy=True)
    with TestClient(app) as client:
        bad = {**basic("wrong password"), "x-forwarded-for": "203.0.113.7"}
        assert 429 in [client.get("/", headers=bad).status_code for _ in range(8)]
        good = {**basic(SECRET), "x-forwarded-for": "203.0.113.8"}
        assert client.get("/", headers=good).status_code == 200


def test_each_failure_doubles_the_wait_up_to_a_bound() -> None:
    now = 0.0
    throttle = Throttle(lambda: now)
    for _ in range(4):
        throttle.failed("a")
        assert throttle.wait_s("a") == 0
    waits = []
    for _ in range(12):
        throttle.failed("a")
        waits.append(throttle.wait_s("a"))
    assert waits[:4] == [1, 2, 4, 8]
    assert waits[-1] == LONGEST_WAIT_S
    assert throttle.wait_s("b") == 0
    now = LONGEST_WAIT_S
    assert throttle.wait_s("a") == 0
    throttle.succeeded("a")
    throttle.failed("a")
    assert throttle.wait_s("a") == 0


def test_one_address_cannot_ask_without_bound(measured_page: PageStation) -> None:
    with TestClient(create_app([measured_page], version="0", per_s=0.01)) as client:
        codes = {client.get("/static/icon.svg").status_code for _ in range(5)}
    assert 429 in codes


def test_beyond_loopback_a_guard_is_needed() -> None:
    with pytest.raises(ServeError, match="--password-file"):
        bind("0.0.0.0", 0)
    bind("0.0.0.0", 0, guarded=True).close()


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
