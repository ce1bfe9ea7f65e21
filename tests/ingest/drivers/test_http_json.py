"""Addresses that are asked: what is asked, what is kept, and what is done when the server does not want."""

from __future__ import annotations

import gzip
import json
import re
import ssl
import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from soilco2.ingest.drivers import http_json
from soilco2.ingest.drivers.driver import Bench
from soilco2.ingest.drivers.http_json import DRIVER
from soilco2.ingest.errors import SimulationError
from soilco2.ingest.simulate.http_devices import SimulatedServer
from soilco2.station_config.errors import StationConfigError
from soilco2.station_config.loader import load_station
from soilco2.storage.journal.operations import run
from tests.certificates import authority_and_server
from tests.ingest.drivers.asked import (
    DEVICE,
    FIRST_US,
    KEYS,
    MINUTE_US,
    Desk,
    addresses,
    measured,
    row,
)
from tests.ingest.files.watch import NOW_US

TOKEN = "s3cret-of-the-test"
Tls = tuple[Path, ssl.SSLContext]
"""The file of an authority, and what the server shows."""
Answer = tuple[int, bytes, dict[str, str]]


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as found:
        yield found


def keys(more: str) -> str:
    return KEYS + 'first_look_back = "500d"\n' + more


def data(*rows: Any, **more: Any) -> bytes:
    return json.dumps({"data": rows, **more}).encode()


def only(desk: Desk, answers: list[Answer]) -> None:
    """N1 gets these answers, one after the other; N2 nothing new."""

    def answer(path: str, _query: dict[str, str]) -> Answer:
        return answers.pop(0) if "/N1/" in path else (200, data(), {})

    desk.server.answer = answer


def of_n1(desk: Desk) -> list[str]:
    return [path for path in desk.server.asked if "/N1/" in path]


# from when on


def test_the_first_round_goes_back_as_far_as_it_is_told_and_each_other_from_the_newest_reading(
    tmp_path: Path, stack: ExitStack
) -> None:
    desk = Desk(tmp_path, stack, keys=KEYS.replace('look_back = "0s"', 'look_back = "5min"'))
    desk.rows["N1"] = [{"at": NOW_US - MINUTE_US, "co2": 400.0}]
    desk.watch.round()
    desk.watch.round()
    day_us = 86_400_000_000
    assert addresses(of_n1(desk), "from") == [
        str((NOW_US - day_us) // 1000),
        str((NOW_US - 6 * MINUTE_US) // 1000),
    ]


@pytest.mark.parametrize(
    ("form", "text"),
    [("s", "1775836860"), ("ms", "1775836860000"), ("iso", "2026-04-10T16:01:00Z")],
    # of FIRST_US and a minute: date -u -d 2026-04-10T16:01Z +%s
)
def test_how_the_time_is_written(tmp_path: Path, stack: ExitStack, form: str, text: str) -> None:
    desk = Desk(tmp_path, stack, keys=keys("").replace('since_format = "ms"', f'since_format = "{form}"'))
    only(desk, [(200, data(row(1)), {}), (200, data(), {})])
    desk.watch.round()
    desk.watch.round()
    assert addresses(of_n1(desk), "from")[1] == text


def test_nothing_is_asked_while_the_clock_is_not_trusted(tmp_path: Path, stack: ExitStack) -> None:
    desk = Desk(tmp_path, stack)
    desk.clock.right = False
    assert desk.watch.round() == http_json.FIRST_PAUSE_S
    assert desk.server.asked == []
    assert "clock is not trusted" in str(desk.watch.status()["error"])


def test_an_address_without_a_time_is_asked_for_what_it_is_now(tmp_path: Path, stack: ExitStack) -> None:
    desk = Desk(tmp_path, stack, keys="", url="http://127.0.0.1:{port}/devices/{{address}}/now")
    desk.server.answer = lambda _path, _query: (200, b'{"co2": 415.5}', {})
    desk.watch.round()
    assert {(one.serial, one.time_us, one.raw) for one in desk.samples()} == {
        ("N1", NOW_US, 415.5),
        ("N2", NOW_US, 415.5),
    }


# pages

PAGES = 'next = "next"\nnext_query = "page"\n'


def test_pages_are_followed_and_the_place_moves_when_all_are_through(
    tmp_path: Path, stack: ExitStack
) -> None:
    desk = Desk(tmp_path, stack, keys=keys(PAGES))
    # newest first: were the place moved with the first page, a cut would lose the others
    only(desk, [(200, data(row(3), next="b"), {}), (200, data(row(2), next="c"), {}), (503, b"", {})])
    assert desk.watch.round() == http_json.FIRST_PAUSE_S
    assert desk.watch._places["N1"].newest_us is None
    desk.again()  # a restart in the middle
    only(desk, [(200, data(row(1)), {}), (200, data(), {})])
    assert desk.watch.round() == 600.0
    desk.watch.round()
    asked = of_n1(desk)
    assert addresses(asked, "page") == ["", "b", "c", "c", ""]
    assert set(addresses(asked, "from")[:4]) == {str((NOW_US - 500 * 86_400_000_000) // 1000)}
    assert addresses(asked, "from")[4] == str((FIRST_US + 3 * MINUTE_US) // 1000)
    assert set(desk.samples()) == {measured(1), measured(2), measured(3)}


def test_a_page_that_is_gone_is_begun_anew(tmp_path: Path, stack: ExitStack) -> None:
    desk = Desk(tmp_path, stack, keys=keys(PAGES))
    only(desk, [(200, data(row(2), next="b"), {}), (503, b"", {})])
    desk.watch.round()
    only(desk, [(400, b'{"error": "token expired"}', {}), (200, data(row(2), row(1)), {})])
    desk.watch.round()
    assert addresses(of_n1(desk), "page") == ["", "b", "b", ""]
    assert set(desk.samples()) == {measured(1), measured(2)}
    assert desk.counters()["duplicate"] == 1


def test_the_next_page_alone(tmp_path: Path, stack: ExitStack) -> None:
    desk = Desk(tmp_path, stack, keys=keys(PAGES + "next_alone = true\n"))
    only(desk, [(200, data(row(1), next="b"), {}), (200, data(), {})])
    desk.watch.round()
    assert of_n1(desk)[1].endswith("/devices/N1/data?page=b")


def test_an_address_of_the_next_page(tmp_path: Path, stack: ExitStack) -> None:
    desk = Desk(tmp_path, stack, keys=keys('next = "next"\n'))
    only(desk, [(200, data(row(1), next="/devices/N1/data?p=2"), {}), (200, data(row(2)), {})])
    desk.watch.round()
    assert of_n1(desk)[1] == "/devices/N1/data?p=2"
    assert set(desk.samples()) == {measured(1), measured(2)}


@pytest.mark.parametrize(
    "following", ["http://127.0.0.2:1/x", "https://127.0.0.1/x", "//elsewhere.example/x"]
)
def test_a_next_page_on_another_server_is_not_asked(tmp_path: Path, stack: ExitStack, following: str) -> None:
    desk = Desk(tmp_path, stack, keys=keys('next = "next"\n'))
    only(desk, [(200, data(row(1), next=following), {})])
    desk.watch.round()
    assert "on another server" in str(desk.watch.status()["error"])
    assert desk.samples() == [measured(1)]  # what came is kept


def test_a_page_that_names_itself_ends_the_round(tmp_path: Path, stack: ExitStack) -> None:
    desk = Desk(tmp_path, stack, keys=keys(PAGES))
    only(desk, [(200, data(row(1), next="b"), {}), (200, data(row(2), next="b"), {})])
    desk.watch.round()
    assert "names itself" in str(desk.watch.status()["error"])
    assert len(of_n1(desk)) == 2


# how the body comes


def chunked(body: bytes, size: int = 7) -> bytes:
    parts = [body[at : at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in [*parts, b""])


@pytest.mark.parametrize(
    ("name", "packed"), [("gzip", gzip.compress), ("deflate", zlib.compress), ("identity", bytes)]
)
@pytest.mark.parametrize("in_chunks", [False, True])
def test_a_body_is_read_however_it_comes(
    tmp_path: Path, stack: ExitStack, name: str, packed: Any, in_chunks: bool
) -> None:
    desk = Desk(tmp_path, stack, keys=keys(""))
    body = packed(data(row(1)))
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: {name}\r\n".encode()
    if in_chunks:
        whole = head + b"Transfer-Encoding: chunked\r\n\r\n" + chunked(body)
    else:
        whole = head + b"Content-Length: %d\r\n\r\n" % len(body) + body
    only(desk, [(-1, whole, {})])
    desk.watch.round()
    assert desk.watch.status()["error"] == ""
    assert desk.samples() == [measured(1)]
    assert desk.server.headers[0]["Accept-Encoding"] == "identity"


@pytest.mark.parametrize(
    ("name", "body", "words"),
    [
        ("br", b"x", "compressed as 'br'"),
        ("gzip", gzip.compress(data(row(1)))[:-9], "damaged or not whole"),
        ("gzip", data(row(1)), "damaged or not whole"),
        ("gzip", gzip.compress(data(row(1))) + b"more", "damaged or not whole"),
        ("gzip", gzip.compress(b" " * (http_json.MOST_BYTES + 1)), "larger than"),  # 8 kB on the line
    ],
)
def test_a_compressed_body_of_no_use_is_told(
    tmp_path: Path, stack: ExitStack, name: str, body: bytes, words: str
) -> None:
    desk = Desk(tmp_path, stack, keys=keys(""))
    only(desk, [(200, body, {"Content-Encoding": name}), (200, data(row(1)), {})])
    desk.watch.round()
    assert words in str(desk.watch.status()["error"])
    desk.watch.round()
    assert desk.samples() == [measured(1)]


def test_chunks_that_end_too_soon_are_asked_for_again(tmp_path: Path, stack: ExitStack) -> None:
    desk = Desk(tmp_path, stack, keys=keys(""))
    cut = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(data(row(1)))[:-12]
    only(desk, [(-1, cut, {}), (200, data(row(1)), {})])
    desk.watch.round()
    assert "the connection was cut" in str(desk.watch.status()["error"])
    assert desk.samples() == []
    desk.watch.round()
    assert desk.samples() == [measured(1)]


# many devices


def test_of_500_devices_the_stop_is_heard_between_two(tmp_path: Path, stack: ExitStack) -> None:
    names = [f"D{n}" for n in range(500)]
    devices = "".join(DEVICE.format(serial=name, depth=0.1 + n / 1000) for n, name in enumerate(names))
    desk = Desk(tmp_path, stack, keys=keys(""), devices=devices)

    def answer(path: str, _query: dict[str, str]) -> Answer:
        if len(desk.server.asked) == 20:
            desk.watch.stop()
        return 200, data(row(1), row(2)), {}

    desk.server.answer = answer
    desk.watch.round()
    assert len(desk.server.asked) == 20
    assert len(desk.watch._places) == 20
    assert max(desk.sizes) == 2  # no more than one answer is held


# a server that does not want


def test_who_says_when_to_come_again_is_left_alone_so_long(tmp_path: Path, stack: ExitStack) -> None:
    desk = Desk(tmp_path, stack)
    answers: list[Answer] = [(429, b"too many", {"Retry-After": "1234"}), (429, b"too many", {})]
    only(desk, answers)
    assert desk.watch.round() == 1234.0
    assert desk.watch.round() == 2 * http_json.FIRST_PAUSE_S
    assert "429 too many" in str(desk.watch.status()["error"])


def test_pauses_grow_to_an_hour_and_end_with_an_answer(tmp_path: Path, stack: ExitStack) -> None:
    desk = Desk(tmp_path, stack)
    desk.server.answer = lambda _path, _query: (500, b"", {})
    pauses = [desk.watch.round() for _ in range(11)]
    assert pauses == [10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600, 3600]
    assert len(desk.said) == 1  # told once
    desk.server.answer = lambda _path, _query: (200, data(), {})
    assert desk.watch.round() == 600.0
    assert desk.watch.status()["error"] == ""
    assert desk.said[1:] == ["answers again"]


@pytest.mark.parametrize(
    "bad",
    [
        (404, b"no such device", {}),
        (500, b"", {}),
        (200, b" " * (http_json.MOST_BYTES + 1), {}),
        (200, data(next="http://127.0.0.2:1/x"), {}),
    ],
)
def test_the_others_are_asked_where_one_device_is_refused(
    tmp_path: Path, stack: ExitStack, bad: Answer
) -> None:
    desk = Desk(tmp_path, stack, keys=keys('next = "next"\n'))
    desk.server.answer = lambda path, _query: bad if "/N1/" in path else (200, data(row(1)), {})
    pauses = [desk.watch.round() for _ in range(8)]
    assert desk.samples() == [measured(1, "N2")]
    assert pauses[0] == http_json.FIRST_PAUSE_S
    assert pauses[-1] == 600.0  # never longer than the others have between two rounds
    assert len(desk.said) == 1
    assert desk.said[0].startswith("N1: ")
    assert desk.watch.status()["error"] == desk.said[0]


def test_a_server_that_does_not_answer_is_not_asked_for_each_device(tmp_path: Path, stack: ExitStack) -> None:
    desk = Desk(tmp_path, stack)
    desk.server.answer = lambda _path, _query: (429, b"", {})
    desk.watch.round()
    assert len(desk.server.asked) == 1


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((302, b"", {"Location": "http://127.0.0.1:1/"}), "redirects to another address (302)"),
        ((401, b"bad key", {}), "check the url and the token"),
        ((404, b"no such device", {}), "404 no such device"),
        ((200, b" " * (http_json.MOST_BYTES + 1), {}), "larger than"),
    ],
)
def test_an_answer_of_no_use_is_told(tmp_path: Path, stack: ExitStack, answer: Answer, words: str) -> None:
    desk = Desk(tmp_path, stack)
    only(desk, [answer])
    desk.watch.round()
    assert words in str(desk.watch.status()["error"])
    assert len(of_n1(desk)) == 1


def test_the_same_refused_reading_is_parked_once(tmp_path: Path, stack: ExitStack) -> None:
    desk = Desk(tmp_path, stack, keys=keys("").replace('since = "from"\nsince_format = "ms"\n', ""))
    desk.server.answer = lambda _path, _query: (200, data(row(1, "unavailable")), {})
    for _ in range(4):
        desk.watch.round()
    counters = desk.counters()
    with desk.reader() as reader:
        parked = list(reader.accounting.parked())
    assert len(parked) == 2  # of two devices
    assert (counters["in"], counters["rejected"], counters["duplicate"]) == (8, 2, 6)


def test_what_was_parked_can_be_tried_again_with_the_device_it_was_of(
    tmp_path: Path, stack: ExitStack
) -> None:
    desk = Desk(tmp_path, stack, keys=keys(""))
    only(desk, [(200, data(row(1, "415.5")), {})])
    desk.watch.round()
    with desk.reader() as reader:
        (parked,) = reader.accounting.parked()
    desk.file.write_text(
        desk.file.read_text(encoding="utf-8").replace(KEYS, KEYS + "numbers_as_text = true\n"),
        encoding="utf-8",
    )
    batch = DRIVER.retry(load_station(desk.file), "web", parked.payload, parked.arrival_us)
    assert [(one.serial, one.raw) for one in batch.samples] == [("N1", 415.5)]


def test_readings_and_place_are_kept_together(tmp_path: Path, stack: ExitStack) -> None:
    desk = Desk(tmp_path, stack, keys=keys(""))
    only(desk, [(200, data(row(1)), {}), (200, data(row(1)), {})])

    def dies(op: str, **arguments: Any) -> Any:
        run(desk.writer, op, {**arguments, "place": None})  # the readings came in, the place did not
        raise StationConfigError("the process ended")

    desk.watch._host = desk.watch._host._replace(submit=dies)
    desk.watch.round()
    desk.again()
    assert desk.watch._places == {}
    desk.watch.round()  # so it is asked for again, and known
    assert desk.samples() == [measured(1)]
    assert desk.counters()["duplicate"] == 1


# secrets and certificates


def test_the_token_is_sent_in_its_header_and_nowhere_else(
    tmp_path: Path, stack: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WEB_TOKEN", TOKEN)
    more = 'token = { env = "WEB_TOKEN" }\ntoken_header = "X-API-Key"\ntoken_prefix = ""\n'
    desk = Desk(tmp_path, stack, keys=keys(more))
    only(desk, [(403, f"{TOKEN} is no good".encode(), {})])
    desk.watch.round()
    assert desk.server.headers[0]["X-API-Key"] == TOKEN
    assert TOKEN not in json.dumps(desk.watch.status()) + str(desk.said)
    assert "*** is no good" in str(desk.watch.status()["error"])


def test_a_token_that_is_not_there_is_told(tmp_path: Path, stack: ExitStack) -> None:
    desk = Desk(tmp_path, stack, keys=keys('token = { env = "SOILCO2_NOT_SET" }\n'))
    desk.watch.round()
    assert "SOILCO2_NOT_SET is not set" in str(desk.watch.status()["error"])
    assert desk.server.asked == []


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Tls:
    return authority_and_server(tmp_path_factory.mktemp("tls") / "ours")


@pytest.mark.parametrize("known", [True, False])
def test_a_certificate_is_verified(tmp_path: Path, stack: ExitStack, tls: Tls, known: bool) -> None:
    authority, context = tls
    more = f'ca_file = "{authority}"\n' if known else ""
    url = "https://127.0.0.1:{port}/devices/{{address}}/data"
    desk = Desk(tmp_path, stack, keys=keys(more), url=url, context=context)
    only(desk, [(200, data(row(1)), {})])
    desk.watch.round()
    assert desk.samples() == ([measured(1)] if known else [])
    assert ("certificate cannot be verified" in str(desk.watch.status()["error"])) is not known


# the station file


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('address = "N1"\n', 'address = "N/1"\n', "a name without / is expected"),
        ("/{address}/", "/all/", "a serial number is expected"),
        ('since = "from"', 'next_query = "p"', "next is expected beside it"),
        ('time = "at"\n', "", "time is expected beside it"),
        ("http://", "ftp://", "text of the form"),
    ],
)
def test_a_fault_of_the_station_file(
    tmp_path: Path, stack: ExitStack, old: str, new: str, words: str
) -> None:
    desk = Desk(tmp_path, stack)
    text = desk.file.read_text(encoding="utf-8")
    assert old in text
    desk.file.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(StationConfigError, match=re.escape(words)):
        load_station(desk.file)


def test_a_token_in_the_clear_is_advised_against(tmp_path: Path, stack: ExitStack) -> None:
    desk = Desk(tmp_path, stack, keys=keys('token = { env = "X" }\n'))
    assert load_station(desk.file).advice == ()
    text = desk.file.read_text(encoding="utf-8").replace("http://127.0.0.1", "http://192.0.2.1")
    desk.file.write_text(text, encoding="utf-8")
    (one,) = load_station(desk.file).advice
    assert "unencrypted" in str(one.expected)


class _Feed:
    def raw(self, serial: str, channel: str, time_us: int) -> float | None:
        return {"N1": 812.0, "N2": 640.0}[serial] + time_us // MINUTE_US % 60


def test_the_simulated_server_says_what_is_read(tmp_path: Path, stack: ExitStack) -> None:
    desk = Desk(tmp_path, stack)
    desk.server.stop()
    connection = desk.station.file.connection[0]
    rows = list(desk.station.file.instrument)
    far_end = SimulatedServer(Bench(desk.station, connection, rows, _Feed(), desk.clock, tmp_path, []))
    far_end.start()
    try:
        far_end.tick()
        far_end._slots["N1"].appendleft((NOW_US // MINUTE_US * MINUTE_US - MINUTE_US, []))
        assert far_end.place == ("urls", connection.url)  # type: ignore[attr-defined]
        desk.watch.round()
        found = {(one.serial, one.raw) for one in desk.samples()}
        number = NOW_US // MINUTE_US % 60
        assert found == {("N1", 812.0 + number), ("N2", 640.0 + number)}
    finally:
        far_end.stop()
        desk.server.start()


def test_a_server_elsewhere_is_not_simulated(tmp_path: Path, stack: ExitStack) -> None:
    desk = Desk(tmp_path, stack)
    connection = desk.station.file.connection[0].model_copy(update={"url": "https://web.example/{address}"})
    with pytest.raises(SimulationError, match=r"on this machine alone"):
        SimulatedServer(Bench(desk.station, connection, [], _Feed(), desk.clock, tmp_path, []))
