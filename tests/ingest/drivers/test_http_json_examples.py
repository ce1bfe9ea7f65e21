"""The worked examples of the page on JSON over HTTP, against a server on this machine with a certificate.

Layouts: ZENTRA Cloud after the client ``zentracloud`` 0.1.4 of METER, Home Assistant after
developers.home-assistant.io/docs/api/rest.
"""

from __future__ import annotations

import json
import re
import ssl
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.certificates import authority_and_server
from tests.ingest.drivers.asked import Desk, addresses
from tests.ingest.files.watch import NOW_US
from tests.ingest.protocols.test_json_mapping import HEAD
from tests.paths import ROOT

PAGE = (ROOT / "docs" / "howto" / "http_json.en.md").read_text(encoding="utf-8")
ZENTRA, HOUSE = "ZENTRA Cloud, version 5", "Home Assistant"
AT_US = 1_775_836_860_000_000
"""2026-04-10T16:01Z (``date -u -d 2026-04-10T16:01Z +%s``)."""
KEY = "key-of-the-test"


Tls = tuple[Path, ssl.SSLContext]
"""The file of an authority, and what the server shows."""


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Tls:
    return authority_and_server(tmp_path_factory.mktemp("tls") / "ours")


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as found:
        yield found


def blocks(title: str) -> tuple[Any, str]:
    """The answer and the tables of a section."""
    section = PAGE.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]
    message, table = (re.findall(rf"```{kind}\n(.*?)```", section, re.DOTALL) for kind in ("json", "toml"))
    return json.loads(message[0]), table[0]


def desk_of(title: str, folder: Path, stack: ExitStack, tls: Tls, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """The station of a section, which asks a server on this machine instead."""
    authority, context = tls
    desk = Desk(folder, stack, context=context)
    table = blocks(title)[1]
    monkeypatch.setenv(re.findall(r'env = "(\w+)"', table)[0], KEY)
    here = f'\\1https://127.0.0.1:{desk.server.port}\\2\nca_file = "{authority}"'
    table, changed = re.subn(r'^(url = ")https://[^/]+(.*")$', here, table, flags=re.MULTILINE)
    assert changed == 1
    head = HEAD.replace("[mqtt]\n", '[journal]\npath = "example.sqlite"\n')
    desk.file.write_text(head + table, encoding="utf-8")
    desk.again()
    return desk


def kept(desk: Desk) -> set[tuple[Any, ...]]:
    with desk.reader() as reader:
        return {
            (one.serial, one.channel, one.time_us, one.raw, one.status) for one in reader.samples(0, 2**62)
        }


def test_zentra_cloud_is_read_page_by_page_and_its_faults_by_their_code(
    tmp_path: Path, stack: ExitStack, tls: Tls, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = desk_of(ZENTRA, tmp_path, stack, tls, monkeypatch)
    last = blocks(ZENTRA)[0]
    other = {**last["values"][0], "timestamp": AT_US // 1_000_000 - 900, "value": 12.5}
    foreign = {**last["values"][0], "port_num": 2, "value": 99.0}
    first = {**last, "pagination": {"next_token": "t&2"}, "values": [other, foreign]}
    desk.server.answer = lambda _path, query: (
        200, json.dumps(last if query.get("next_token") == "t&2" else first).encode(), {},
    )  # fmt: skip
    assert desk.watch.round() == 900.0
    assert desk.watch.status()["error"] == ""
    assert kept(desk) == {
        ("Z1", "soil_temperature", AT_US - 900_000_000, 12.5, ""),
        ("Z1", "soil_temperature", AT_US, 12.8, ""),
        ("Z1", "soil_water", AT_US, None, "error_code=134"),
    }
    month_s = 30 * 86_400
    assert addresses(desk.server.asked, "start_timestamp") == [str(NOW_US // 1_000_000 - month_s), ""]
    assert [path.split("?")[0] for path in desk.server.asked] == ["/v5/devices/z6-00001/data"] * 2
    assert {headers["X-API-Key"] for headers in desk.server.headers} == {KEY}
    desk.watch.round()  # from an hour before the newest reading; what comes again is known
    assert addresses(desk.server.asked, "start_timestamp")[2] == str(AT_US // 1_000_000 - 3600)
    assert len(kept(desk)) == 3


def test_zentra_cloud_says_the_key_is_no_good(
    tmp_path: Path, stack: ExitStack, tls: Tls, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = desk_of(ZENTRA, tmp_path, stack, tls, monkeypatch)
    desk.server.answer = lambda _path, _query: (401, json.dumps({"detail": f"no key {KEY}"}).encode(), {})
    desk.watch.round()
    said = str(desk.watch.status()["error"])
    assert "check the url and the token" in said
    assert KEY not in said


def test_home_assistant_is_asked_for_an_entity(
    tmp_path: Path, stack: ExitStack, tls: Tls, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = desk_of(HOUSE, tmp_path, stack, tls, monkeypatch)
    state = blocks(HOUSE)[0]
    said: dict[str, Any] = {}
    desk.server.answer = lambda _path, _query: (200, json.dumps({**state, **said}).encode(), {})
    desk.watch.round()
    desk.watch.round()  # it has not changed: the same reading
    for word in ("unavailable", "unknown"):
        said = {"state": word, "attributes": {}, "last_updated": "2026-04-10T16:06:00.5+00:00"}
        desk.watch.round()
        desk.watch.round()
    assert kept(desk) == {("H1", "soil_temperature", AT_US, 12.8, "")}
    assert set(desk.server.asked) == {"/api/states/sensor.soil_temp_10cm"}
    assert {headers["Authorization"] for headers in desk.server.headers} == {f"Bearer {KEY}"}
    with desk.reader() as reader:
        parked = [str(one.reason) for one in reader.accounting.parked()]
        counters = reader.accounting.counters()["house"]
    words = [re.findall("unavailable|unknown", reason) for reason in parked]
    assert sorted(words) == [["unavailable"], ["unknown"]], parked
    assert (counters["in"], counters["stored"], counters["rejected"], counters["duplicate"]) == (6, 1, 2, 3)
