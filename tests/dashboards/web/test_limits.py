"""Who asks, and how much is done for one who asks."""

from __future__ import annotations

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.testclient import TestClient

from soilco2.dashboards.errors import QueryError
from soilco2.dashboards.web import limits
from soilco2.dashboards.web.limits import RateLimit, Slots
from soilco2.station_config.message import Message
from tests.dashboards.web.guarded import guarded


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
    assert limits.address_of(scope, trusted) == found


def test_an_address_has_its_burst_and_takes_nothing_from_another() -> None:
    app = Starlette(
        routes=guarded().routes,
        middleware=[Middleware(RateLimit, per_s=1e-6, burst=3, trust_proxy=True)],
    )
    with TestClient(app) as client:
        one, other = ({"x-forwarded-for": address} for address in ("203.0.113.7", "203.0.113.8"))
        assert [client.get("/", headers=one).status_code for _ in range(5)] == [200, 200, 200, 429, 429]
        assert client.get("/", headers=one).headers["retry-after"] == "1"
        assert client.get("/", headers=other).status_code == 200


def test_addresses_that_are_remembered_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MOST_ADDRESSES", 2)
    app = Starlette(
        routes=guarded().routes,
        middleware=[Middleware(RateLimit, per_s=1e-6, burst=1, trust_proxy=True)],
    )
    with TestClient(app) as client:
        # the third makes the first forgotten, which begins anew
        codes = [
            client.get("/", headers={"x-forwarded-for": f"203.0.113.{n}"}).status_code
            for n in (1, 1, 2, 3, 1)
        ]
    assert codes == [200, 429, 200, 200, 200]


def test_more_at_once_than_there_are_slots_is_refused_until_one_is_free() -> None:
    slots = Slots()
    slots.take("a", 1, 1, Message("full"))
    with pytest.raises(QueryError, match="full") as refused:
        slots.take("b", 1, 1, Message("full"))
    assert (str(refused.value), refused.value.status) == ("full", 503)
    slots.free("a")
    slots.take("b", 1, 1, Message("full"))


def test_one_address_cannot_take_the_slots_of_another() -> None:
    slots = Slots()
    slots.take("a", 3, 2, Message("full"))
    slots.take("a", 3, 2, Message("full"))
    with pytest.raises(QueryError, match="full"):
        slots.take("a", 3, 2, Message("full"))
    slots.take("b", 3, 2, Message("full"))
    slots.free("a")
    slots.take("a", 3, 2, Message("full"))
