"""How much is done for whom: requests by address, how many of something at the same time."""

from __future__ import annotations

from collections import Counter, OrderedDict
from ipaddress import IPv6Address, ip_address
from time import monotonic

from starlette.types import ASGIApp, Receive, Scope, Send

from soilco2.dashboards.errors import QueryError
from soilco2.dashboards.web.responses import refusal
from soilco2.station_config.message import Message

MOST_ADDRESSES = 4096
"""Addresses that are remembered at most; the one that asked longest ago gives way."""


def address_of(scope: Scope, trust_proxy: bool) -> str:
    """Who asks: the peer's address, behind a trusted proxy the last one it names; of IPv6 the network (/64)."""
    text = str(scope["client"][0]) if scope.get("client") else ""
    if trust_proxy:
        named = dict(scope["headers"]).get(b"x-forwarded-for", b"").decode("latin-1")
        text = named.rpartition(",")[2].strip() or text
    return network_of(text)


def network_of(text: str) -> str:
    """What counts as one address: of IPv6 the network (/64)."""
    try:
        found = ip_address(text)
    except ValueError:
        return text[:64]
    if isinstance(found, IPv6Address):
        return str(found.ipv4_mapped or IPv6Address(int(found) >> 64 << 64))
    return text


class RateLimit:
    """Requests by address: a bucket of `burst` that fills with `per_s` a second.

    What comes behind it finds the address with `asker`.
    """

    def __init__(
        self, app: ASGIApp, per_s: float = 50.0, burst: float = 400.0, trust_proxy: bool = False
    ) -> None:
        self.app = app
        self._trust_proxy = trust_proxy
        self._per_s, self._burst = per_s, burst
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        address = address_of(scope, self._trust_proxy)
        now = monotonic()
        left, at = self._left.pop(address, (self._burst, now))
        left = min(self._burst, left + (now - at) * self._per_s)
        self._left[address] = (max(0.0, left - 1), now)
        while len(self._left) > MOST_ADDRESSES:
            self._left.popitem(last=False)
        if left < 1:
            message = Message("too many requests; try again in a second")
            await refusal(scope, 429, message, {"retry-after": "1"})(scope, receive, send)
            return
        await self.app({**scope, _ASKER: address}, receive, send)


_ASKER = "soilco2.asker"


def asker(scope: Scope) -> str:
    """The address that `RateLimit` counted a request for."""
    return str(scope[_ASKER])


class Slots:
    """How many of something are going on now, in all and for one address."""

    def __init__(self) -> None:
        self._taken: Counter[str] = Counter()

    def take(self, address: str, most: int, each: int, message: Message) -> None:
        """Begin one more.

        Parameters
        ----------
        address : str
            Who asks.
        most, each : int
            How many may go on in all, and for one address.
        message : Message
            The refusal.

        Raises
        ------
        QueryError
            With this message, when so many are going on already.
        """
        if self._taken.total() >= most or self._taken[address] >= each:
            raise QueryError(message, 503)
        self._taken[address] += 1

    def free(self, address: str) -> None:
        """One is over."""
        self._taken[address] -= 1
        if self._taken[address] <= 0:
            del self._taken[address]
