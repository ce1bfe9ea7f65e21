"""JSON of any layout that is asked for over HTTP or HTTPS, with a mapping in the station file: table, rules, words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import Field

from soilco2.station_config.base import Duration, FilePath, Secret
from soilco2.station_config.connections.kind import Connection, Draft, Key, Kind, Models
from soilco2.station_config.connections.mqtt import NodeModel
from soilco2.station_config.errors import Fault
from soilco2.station_config.json_mapping import (
    KEYS,
    LEFT_OUT,
    JsonMapping,
    OnePlace,
    by_address,
    mapping_faults,
)
from soilco2.station_config.message import Message
from soilco2.station_config.tables.instrument import Instrument

ADDRESS = "{address}"
"""Stands in a URL for the address of an instrument: each is asked for by itself."""
_HERE = ("localhost", "127.0.0.1", "::1")


class HttpJsonConnection(Connection, JsonMapping):
    """JSON of any layout that is asked for over HTTP or HTTPS; `reading` says where in it each value stands."""

    kind: Literal["http-json"]
    """`"http-json"`."""
    url: str = Field(max_length=2000, pattern=r"^https?://[^\s/@]+(/\S*)?$")
    """Address that is asked; never a place for a secret. `{address}` in it stands for the address of each
    instrument."""
    every: Duration = Field(default=600.0, ge=1)
    """Time between two rounds."""
    timeout: Duration = Field(default=30.0, ge=0.1, le=600)
    """Longest wait for an answer as a whole; a large one has a second more for each 32 KiB that came."""
    token: Secret | None = None
    """Where the token comes from."""
    token_header: str = Field(default="Authorization", max_length=64, pattern=r"^[A-Za-z0-9-]+$")
    """Header that carries the token."""
    token_prefix: str = Field(default="Bearer ", max_length=64, pattern=r"^[ -~]*$")
    """Stands before the token in its header; may be empty."""
    ca_file: FilePath | None = None
    """Certificates to trust, for `https` with an authority of your own."""
    since: str | None = Field(default=None, max_length=64, pattern=r"^[A-Za-z0-9_.\[\]$-]+$")
    """Parameter of the query that says from when on readings are wanted, such as `"start_timestamp"`; left out: always
    all that the address has."""
    since_format: Literal["iso", "s", "ms"] = "s"
    """How that time is written: ISO 8601, or seconds or milliseconds since 1970 in UTC."""
    look_back: Duration = Field(default=3600.0, ge=0)
    """How far before the newest reading it is asked again: readings may come late."""
    first_look_back: Duration = Field(default=86_400.0, ge=0)
    """How far back the first round goes."""
    next: OnePlace | None = None
    """Where an answer says how its next page is asked for: an address, or what `next_query` is to be."""
    next_query: str | None = Field(default=None, max_length=64, pattern=r"^[A-Za-z0-9_.\[\]$-]+$")
    """Parameter of the query for the next page; left out: `next` is an address."""

    next_alone: bool = False
    """Whether the next page is asked for by `next_query` alone, without `since`."""

    @property
    def device_level(self) -> int | None:
        """Where each instrument is asked for by itself its address names the device, as a level of a topic would."""
        return 1 if ADDRESS in self.url and self.device is None else None


class _HttpJson(Kind):
    name = "http-json"
    label = ("JSON over HTTP", "HTTP 上的 JSON")
    contract = "pushed"
    table = HttpJsonConnection
    models = (NodeModel,)
    driver = "soilco2.ingest.drivers.http_json:DRIVER"
    open_ended = True
    keys: ClassVar = {
        "id": ("line", "线路"),
        "kind": ("protocol", "协议"),
        "rank": ("rank", "级别"),
        "url": ("address", "网址"),
        "every": ("time between rounds", "轮次间隔"),
        "timeout": ("time-out", "超时"),
        "token": ("token", "令牌"),
        "token_header": ("header of the token", "令牌的请求头"),
        "token_prefix": ("before the token", "令牌前缀"),
        "ca_file": ("certificates", "证书"),
        "since": ("parameter of the time", "时间参数"),
        "since_format": ("how that time is written", "时间参数写法"),
        "look_back": ("asked again", "回看时长"),
        "first_look_back": ("first round goes back", "首轮回看时长"),
        "next": ("next page", "下一页"),
        "next_query": ("parameter of the next page", "下一页的参数"),
        "next_alone": ("by it alone", "仅用该参数"),
        **KEYS,
    }
    left_out: ClassVar = {
        "token": ("none", "无"),
        "ca_file": ("those of the system", "系统的证书"),
        "since": ("everything, always", "每次取全部"),
        "next": ("one page", "只有一页"),
        "next_query": ("an address", "为网址"),
        **LEFT_OUT,
        "time": ("when it was asked", "询问时间"),
    }

    def describe(self, connection: HttpJsonConnection, station: str) -> str:
        return f"{self.label[0]}, {self.place(connection)}"

    def place(self, connection: HttpJsonConnection) -> str:
        parts = urlsplit(connection.url)
        return f"{parts.scheme}://{parts.netloc}{parts.path}"

    def instrument(self, draft: Draft, path: Key, row: Instrument) -> Iterator[Fault]:
        yield from by_address(draft, path, row)
        if isinstance(row.address, str) and "/" in row.address:
            yield draft.fault((*path, "address"), row.address, Message("a name without / is expected"))

    def rules(self, draft: Draft, models: Models) -> Iterator[Fault]:
        for n, row in self.connections(draft):
            path: Key = ("connection", n)
            mine = [one for one in draft.file.instrument if one.connection == row.id]
            if ADDRESS in row.url and not any(one.address for one in mine):
                yield draft.fault(
                    (*path, "url"), row.url,
                    Message("no instrument on this connection has an address, which {place} stands for", place=ADDRESS),
                )  # fmt: skip
            if row.next_query is not None and row.next is None:
                yield draft.fault(
                    (*path, "next_query"), row.next_query,
                    Message("next is expected beside it: where an answer says what it is to be"),
                )  # fmt: skip
            if row.since is not None and row.time is None:
                yield draft.fault(
                    (*path, "since"), row.since,
                    Message("time is expected beside it: where each reading says when it was measured"),
                )  # fmt: skip
            yield from mapping_faults(draft, path, row, models)

    def advice(self, draft: Draft, models: Models) -> Iterator[Fault]:
        for n, row in self.connections(draft):
            parts = urlsplit(row.url)
            if row.token is not None and parts.scheme == "http" and parts.hostname not in _HERE:
                yield draft.fault(
                    ("connection", n, "url"), row.url,
                    Message("the token goes over the network unencrypted; take https where the server has it"),
                )  # fmt: skip


KIND = _HttpJson()
