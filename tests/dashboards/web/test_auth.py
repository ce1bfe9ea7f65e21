"""Who may ask: the file of a password, what is said to wrong ones, how long they wait."""

from __future__ import annotations

import asyncio
import base64
from pathlib import Path

import httpx2
import pytest
from starlette.testclient import TestClient

from soilco2.dashboards.errors import ServeError
from soilco2.dashboards.web import auth
from soilco2.dashboards.web.auth import LONGEST_WAIT_S, Password, Throttle, write_password
from tests.dashboards.web.guarded import SECRET, basic, guarded


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


def test_wrong_passwords_are_throttled_and_the_right_one_waits_too(stored: Path) -> None:
    with TestClient(guarded(password=Password(stored))) as client:
        codes = [client.get("/", headers=basic("wrong password")).status_code for _ in range(12)]
        assert codes[:5] == [401] * 5
        assert 429 in codes[5:]
        answer = client.get("/", headers=basic("wrong password"))
        if answer.status_code == 429:
            assert int(answer.headers["retry-after"]) >= 1


def test_many_who_come_back_at_once_are_all_let_in(stored: Path) -> None:
    """A page that was open while the server started again asks for many things at once."""
    app = guarded(password=Password(stored), per_s=1e6)

    async def ask() -> list[int]:
        transport = httpx2.ASGITransport(app=app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            asked = [client.get("/static/icon.svg", headers=basic(SECRET)) for _ in range(20)]
            return [answer.status_code for answer in await asyncio.gather(*asked)]

    assert asyncio.run(ask()) == [200] * 20


def test_two_visitors_do_not_make_each_other_unknown(stored: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tried = []
    with TestClient(guarded(password=Password(stored))) as client:
        whole = Password.matches
        monkeypatch.setattr(Password, "matches", lambda self, text: tried.append(1) or whole(self, text))
        for _ in range(3):
            for user in ("ann", "bo"):
                header = base64.b64encode(f"{user}:{SECRET}".encode()).decode()
                answer = client.get("/static/icon.svg", headers={"authorization": f"Basic {header}"})
                assert answer.status_code == 200
    assert len(tried) == 2


def test_passwords_that_wait_to_be_tried_are_bounded(stored: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auth, "_TRIED_AT_ONCE", 0)
    with TestClient(guarded(password=Password(stored))) as client:
        answer = client.get("/", headers=basic(SECRET))
    assert answer.status_code == 503
    assert "being tried" in answer.json()["error"]


def test_one_address_cannot_take_the_turn_of_another(stored: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auth, "_TRIED_BY_ONE", 2)
    app = guarded(password=Password(stored), trust_proxy=True, per_s=1e6)

    async def ask() -> tuple[list[int], int]:
        transport = httpx2.ASGITransport(app=app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            asked = [
                client.get("/", headers={**basic(SECRET), "x-forwarded-for": "203.0.113.7"}) for _ in range(5)
            ]
            other = client.get("/", headers={**basic(SECRET), "x-forwarded-for": "203.0.113.8"})
            answers = await asyncio.gather(*asked, other)
            return [answer.status_code for answer in answers[:-1]], answers[-1].status_code

    assert asyncio.run(ask()) == ([200, 200, 503, 503, 503], 200)


def test_a_password_known_from_one_address_tells_a_guesser_at_another_nothing(stored: Path) -> None:
    app = guarded(password=Password(stored), trust_proxy=True)
    with TestClient(app) as client:
        right, home = basic(SECRET), {"x-forwarded-for": "203.0.113.8"}
        guesser = {"x-forwarded-for": "203.0.113.7"}
        assert client.get("/", headers={**right, **home}).status_code == 200
        assert 429 in [client.get("/", headers={**basic("no"), **guesser}).status_code for _ in range(8)]
        assert client.get("/", headers={**right, **guesser}).status_code == 429
        assert client.get("/", headers={**right, **home}).status_code == 200


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
