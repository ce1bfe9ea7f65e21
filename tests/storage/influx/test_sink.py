"""Line protocol and the sink, against a real InfluxDB and against answers that it cannot be made to give."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from soilco2.quality.records import Flag, Observation, SeriesKey
from soilco2.station_config.message import translate
from soilco2.station_config.tables.influxdb import InfluxdbTable
from soilco2.station_config.times import TIME_MAX_US, TIME_MIN_US
from soilco2.storage.errors import (
    LineError,
    SinkDenied,
    SinkError,
    SinkRefused,
    SinkTooLarge,
    SinkUnavailable,
)
from soilco2.storage.influx.line_protocol import encode, line, point
from soilco2.storage.influx.reader import InfluxReader
from soilco2.storage.influx.sink import InfluxSink
from tests.certificates import authority_and_server
from tests.servers import TOKEN, TOKEN_VARIABLE, InfluxBucket, InfluxServer, free_port

KEY = SeriesKey("yulin", "p1", "d10", "co2")
MARCH = 1_772_323_200_000_000  # 2026-03-01T00:00:00Z


def seen(key: SeriesKey = KEY, time_us: int = MARCH, value: float | None = 400.0, flag: Flag = Flag.GOOD,
         raw: float | None = None) -> Observation:  # fmt: skip
    return Observation(key, time_us, value, raw, flag, "", "", "0123456789ab")


def test_layout_of_a_line() -> None:
    # the layout of the reference page: measurement, tags, fields, microseconds
    assert line(seen(raw=395.5)) == (
        "soil,station=yulin,profile=p1,position=d10 co2=400.0,co2_flag=1,co2_raw=395.5 1772323200000000"
    )


def test_a_missing_value_writes_its_flag_and_no_number() -> None:
    assert line(seen(value=None, flag=Flag.MISSING)).split(" ")[1] == "co2_flag=9"


def test_a_series_without_position_has_no_position_tag() -> None:
    text = line(seen(SeriesKey("yulin", "site", "", "air_pressure")))
    assert text.startswith("soil,station=yulin,profile=site air_pressure=")


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_numbers_that_are_none_are_refused(number: float) -> None:
    with pytest.raises(LineError, match=r"yulin/p1/d10/co2.*finite"):
        line(seen(value=number))
    with pytest.raises(LineError, match="raw value") as raw:
        line(seen(raw=number))
    assert translate(str(raw.value), "zh") == (
        f"yulin/p1/d10/co2（{MARCH} µs）：原始值 为 {number}；数据库只存有限数"
    )
    with pytest.raises(LineError, match="clock_offset_s"):
        point("soil_health", {"station": "a"}, {"clock_offset_s": number}, 0)


@pytest.mark.parametrize("name", ["a\nb", "a\\", "a\rb", "a\x00b", "\ud800", "", "a\u2028b"])
def test_names_without_an_escape_are_refused(name: str) -> None:
    with pytest.raises(LineError):
        line(seen(SeriesKey(name, "p1", "d10", "co2")))


@pytest.mark.parametrize("time_us", [TIME_MIN_US - 1, TIME_MAX_US + 1])
def test_times_beyond_the_database_are_refused(time_us: int) -> None:
    with pytest.raises(LineError, match="beyond"):
        line(seen(time_us=time_us))


names = st.text(
    st.characters(min_codepoint=32, exclude_characters="\\\x7f\u2028\u2029", exclude_categories=["Cs", "Cc"]),
    min_size=1, max_size=12,
)  # fmt: skip
numbers = st.floats(allow_nan=False, allow_infinity=False)


@pytest.mark.influx
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    names, names, names | st.just(""), numbers, st.none() | numbers,
    st.sampled_from([TIME_MIN_US, -1, 0, MARCH, TIME_MAX_US]), st.sampled_from(list(Flag)),
)  # fmt: skip
def test_what_is_written_is_what_the_server_holds(
    sink: InfluxSink, influx: InfluxBucket, station: str, profile: str, position: str,
    value: float, raw: float | None, time_us: int, flag: Flag,
) -> None:  # fmt: skip
    key = SeriesKey(station, profile, position, "co2")
    sink.write(encode([seen(key, time_us, value, flag, raw)]))
    found = influx.query('SELECT * FROM "soil" GROUP BY *')
    expected = {"station": station, "profile": profile, "position": position}
    rows = [s for s in found if {"position": ""} | s["tags"] == expected]
    assert len(rows) == 1
    row = dict(zip(rows[0]["columns"], next(v for v in rows[0]["values"] if v[0] == time_us), strict=True))
    assert float(row["co2"]) == value  # JSON writes large ones without exponent
    assert row["co2_flag"] == flag
    if raw is not None:
        assert float(row["co2_raw"]) == raw


@pytest.fixture
def sink(influx: InfluxBucket) -> Iterator[InfluxSink]:
    made = InfluxSink(influx.table())
    yield made
    made.close()


@pytest.mark.influx
def test_a_point_written_twice_is_there_once_with_the_newer_value(
    influx: InfluxBucket, sink: InfluxSink
) -> None:
    sink.write(encode([seen()]))
    sink.write(encode([seen(value=401.0, flag=Flag.BAD)]))
    (found,) = influx.query('SELECT "co2", "co2_flag" FROM "soil"')
    assert found["values"] == [[MARCH, 401.0, 4]]


@pytest.mark.influx
def test_the_database_s_own_client_reads_what_was_written(influx: InfluxBucket, sink: InfluxSink) -> None:
    from influxdb_client.client.influxdb_client import InfluxDBClient

    sink.write(encode([seen(), seen(time_us=MARCH + 60_000_000, value=412.5, flag=Flag.SUSPECT)]))
    asked = (
        f'from(bucket: "{influx.table().bucket}") |> range(start: 2026-03-01T00:00:00Z, stop: 2026-03-01T01:00:00Z) '
        '|> filter(fn: (r) => r._measurement == "soil" and r.station == "yulin" and r.position == "d10")'
    )
    with InfluxDBClient(url=influx.table().url, token=TOKEN, org=influx.table().org) as client:
        rows = [row for table in client.query_api().query(asked) for row in table.records]
    times = {
        MARCH: datetime(2026, 3, 1, tzinfo=UTC),
        MARCH + 60_000_000: datetime(2026, 3, 1, 0, 1, tzinfo=UTC),
    }
    assert {(row.get_field(), row.get_time(), row.get_value()) for row in rows} == {
        ("co2", times[MARCH], 400.0), ("co2_flag", times[MARCH], 1),
        ("co2", times[MARCH + 60_000_000], 412.5), ("co2_flag", times[MARCH + 60_000_000], 3),
    }  # fmt: skip


@pytest.mark.influx
def test_words_in_health_points_come_back_as_written(influx: InfluxBucket, sink: InfluxSink) -> None:
    words = 'a "quoted" word, a \\ and 土'
    sink.write(point("soil_health", {"station": "a", "instrument": ""}, {"version": words, "n": 3}, MARCH))
    (found,) = influx.query('SELECT "n", "version" FROM "soil_health"')
    assert found["values"] == [[MARCH, 3, words]]


@pytest.mark.influx
def test_a_batch_with_an_unparsable_line_is_refused_whole(influx: InfluxBucket, sink: InfluxSink) -> None:
    with pytest.raises(SinkRefused, match="unable to parse") as caught:
        sink.write(encode([seen()]) + b"\nnot a line\n" + encode([seen(time_us=MARCH + 1)]))
    assert caught.value.status == 400
    assert influx.query('SELECT * FROM "soil"') == []


@pytest.mark.influx
def test_a_type_conflict_is_refused_and_the_rest_is_stored(influx: InfluxBucket, sink: InfluxSink) -> None:
    sink.write(encode([seen()]))
    later = encode([seen(time_us=MARCH + 7)])
    with pytest.raises(SinkRefused, match="type conflict") as caught:
        sink.write(b'soil,station=yulin,profile=p1,position=d10 co2="word" %d\n' % (MARCH + 5) + later)
    assert caught.value.status == 422
    assert [v[0] for v in influx.query('SELECT "co2" FROM "soil"')[0]["values"]] == [MARCH, MARCH + 7]


@pytest.mark.influx
def test_points_beyond_the_retention_are_refused(
    influxd: InfluxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(TOKEN_VARIABLE, TOKEN)
    sink = InfluxSink(influxd.bucket(retention_s=3600).table())
    with pytest.raises(SinkRefused, match="retention") as caught:
        sink.write(encode([seen(time_us=MARCH - 10 * 365 * 86_400_000_000)]))
    sink.close()
    assert caught.value.status == 422


@pytest.mark.influx
@pytest.mark.parametrize("change", [{"bucket": "nowhere"}, {"org": "nobody"}])
def test_an_unknown_bucket_or_organisation_needs_a_person(
    influx: InfluxBucket, change: dict[str, str]
) -> None:
    sink = InfluxSink(influx.table(**change))
    with pytest.raises(SinkDenied, match=next(iter(change.values()))):
        sink.write(encode([seen()]))
    sink.close()


@pytest.mark.influx
def test_a_wrong_token_needs_a_person_and_is_not_repeated_in_the_message(
    influx: InfluxBucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(TOKEN_VARIABLE, "a-wrong-token")
    sink = InfluxSink(influx.table())
    with pytest.raises(SinkDenied, match="token") as caught:
        sink.write(encode([seen()]))
    sink.close()
    assert "a-wrong-token" not in str(caught.value)


class Faulty(ThreadingHTTPServer):
    """Answers what it is told to; keeps what it was asked."""

    def __init__(self) -> None:
        self.status, self.body, self.extra, self.asked = 204, b"", {}, []  # type: ignore[var-annotated]
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                outer.asked.append(dict(self.headers))
                if outer.status == 0:
                    self.wfile.write(b"HTTP/1.1 2")
                    self.close_connection = True
                    return
                self.send_response(outer.status)
                for key, value in outer.extra.items():
                    self.send_header(key, value)
                self.send_header("Content-Length", str(len(outer.body)))
                self.end_headers()
                self.wfile.write(outer.body)

            do_GET = do_POST

            def log_message(self, *_: Any) -> None:
                pass

        super().__init__(("127.0.0.1", 0), Handler)

    def table(self, **changes: Any) -> InfluxdbTable:
        keys = {"url": f"http://127.0.0.1:{self.server_port}", "org": "o", "bucket": "b",
                "token": {"env": TOKEN_VARIABLE}}  # fmt: skip
        return InfluxdbTable.model_validate(keys | changes)


@pytest.fixture
def faulty(monkeypatch: pytest.MonkeyPatch) -> Iterator[Faulty]:
    monkeypatch.setenv(TOKEN_VARIABLE, TOKEN)
    server = Faulty()
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def outcome(table: InfluxdbTable) -> SinkError | None:
    sink = InfluxSink(table)
    try:
        sink.write(encode([seen()]))
    except SinkError as error:
        return error
    finally:
        sink.close()
    return None


@pytest.mark.parametrize(
    ("status", "kind"),
    [(204, None), (400, SinkRefused), (401, SinkDenied), (403, SinkDenied), (404, SinkDenied),
     (405, SinkDenied), (408, SinkUnavailable), (413, SinkTooLarge), (422, SinkRefused),
     (429, SinkUnavailable), (500, SinkUnavailable), (502, SinkUnavailable), (503, SinkUnavailable),
     (504, SinkUnavailable), (507, SinkUnavailable), (200, SinkUnavailable), (0, SinkUnavailable)],
)  # fmt: skip
def test_every_answer_has_its_error(faulty: Faulty, status: int, kind: type[SinkError] | None) -> None:
    faulty.status = status
    assert type(outcome(faulty.table())) is (kind or type(None))


@pytest.mark.parametrize(
    ("status", "body", "english", "chinese"),
    [
        (400, "", "refused without a word", "被拒绝，未说明原因"),
        (422, '{"message": "the server\'s words"}', "the server's words", "the server's words"),
        (413, "", "the request is too large (no more was said)", "请求过大（未说明原因）"),
        (401, '{"message": "unauthorized access"}',
         "the token is not accepted (401: unauthorized access); give one that may write to and read from bucket 'b' of "
         "organisation 'o'", "令牌不被接受（401：未授权）；请给出可读写组织 'o' 的存储桶 'b' 的令牌"),
        (404, '{"message": "no b"}', "bucket 'b' of organisation 'o' is not there (404: no b)",
         "组织 'o' 没有存储桶 'b'（404：no b）"),
        (302, "", "redirects to another address (302); the token is not sent there: write the final address as url",
         "被转到另一地址（302）；令牌不会发往那里：请把最终地址写为 url"),
        (405, "no", "answered 405 (no); is this an InfluxDB 2?", "应答 405（no）；这是 InfluxDB 2 吗？"),
        (200, "", "answered 200 where InfluxDB answers 204; something else answers there, perhaps a login page of the "
         "network", "应答 200，而 InfluxDB 应答 204；那里应答的是别的程序，也许是网络的登录页"),
    ],
)  # fmt: skip
def test_every_answer_is_told_in_english_and_in_chinese(
    faulty: Faulty, status: int, body: str, english: str, chinese: str
) -> None:
    faulty.status, faulty.body = status, body.encode()
    error = outcome(faulty.table())
    address = f"http://127.0.0.1:{faulty.server_port}"
    assert str(error) == f"influxdb at {address}: {english}"
    said = translate(str(error), "zh")
    assert said.replace(": ", "：") == f"influxdb（{address}）：{chinese}"


@pytest.mark.parametrize(
    ("status", "body", "english"), [(503, "busy", "503 busy"), (429, "", "429"), (500, "", "500")]
)
def test_a_server_s_own_words_stay(faulty: Faulty, status: int, body: str, english: str) -> None:
    faulty.status, faulty.body = status, body.encode()
    assert str(outcome(faulty.table())).endswith(f":{faulty.server_port}: {english}")


def test_only_204_means_stored_a_login_page_does_not(faulty: Faulty) -> None:
    faulty.status, faulty.body = 200, b"<html>please log in</html>"
    error = outcome(faulty.table())
    assert isinstance(error, SinkUnavailable)
    assert "login page" in str(error)


def test_retry_after_in_seconds_and_as_a_date(
    faulty: Faulty, monkeypatch: pytest.MonkeyPatch, now_us: int
) -> None:
    faulty.status, faulty.extra = 429, {"Retry-After": "17"}
    error = outcome(faulty.table())
    assert isinstance(error, SinkUnavailable)
    assert error.retry_after == 17.0
    now = datetime.fromtimestamp(now_us // 1_000_000, UTC)  # such a date has whole seconds
    monkeypatch.setattr("soilco2.storage.http.time", SimpleNamespace(time=now.timestamp))
    faulty.extra = {"Retry-After": format_datetime(now + timedelta(seconds=90), usegmt=True)}
    error = outcome(faulty.table())
    assert isinstance(error, SinkUnavailable)
    assert error.retry_after == 90.0
    faulty.extra = {"Retry-After": "soon"}
    error = outcome(faulty.table())
    assert isinstance(error, SinkUnavailable)
    assert error.retry_after is None


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_the_token_does_not_follow_a_redirection(faulty: Faulty, status: int) -> None:
    faulty.status = status
    faulty.extra = {"Location": f"http://localhost:{faulty.server_port}/elsewhere"}
    assert isinstance(outcome(faulty.table()), SinkDenied)
    assert len(faulty.asked) == 1


def test_a_server_that_repeats_the_token_does_not_put_it_into_the_message(faulty: Faulty) -> None:
    faulty.status, faulty.body = 400, b'{"message": "bad header Token ' + TOKEN.encode() + b'"}'
    assert TOKEN not in str(outcome(faulty.table()))


def test_an_answer_that_is_no_text(faulty: Faulty) -> None:
    faulty.status, faulty.body = 502, b"\xff\xfe\x80"
    assert isinstance(outcome(faulty.table()), SinkUnavailable)


def test_refused_connection_and_timeout_are_passing_faults(faulty: Faulty) -> None:
    error = outcome(faulty.table(url=f"http://127.0.0.1:{free_port()}"))
    assert isinstance(error, SinkUnavailable)
    assert "connection refused" in str(error)
    import socket

    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        error = outcome(faulty.table(url=f"http://127.0.0.1:{silent.getsockname()[1]}", timeout="200ms"))
    assert isinstance(error, SinkUnavailable)
    assert "time-out" in str(error)
    assert "无应答（等待应答超时）" in translate(str(error), "zh")


def test_a_password_in_the_address_is_not_repeated(faulty: Faulty) -> None:
    error = outcome(faulty.table(url=f"http://me:hidden@127.0.0.1:{free_port()}"))
    assert "hidden" not in str(error)


@pytest.fixture
def certified(faulty: Faulty, tmp_path: Path) -> tuple[Faulty, Path]:
    """The faulty server behind TLS, and the file of its own authority."""
    authority, context = authority_and_server(tmp_path / "ours")
    faulty.socket = context.wrap_socket(faulty.socket, server_side=True)
    return faulty, authority


def test_a_certificate_is_verified_and_an_authority_of_ones_own_is_possible(
    certified: tuple[Faulty, Path],
) -> None:
    server, authority = certified
    url = f"https://127.0.0.1:{server.server_port}"
    error = outcome(server.table(url=url))
    assert isinstance(error, SinkDenied)
    assert "ca_file" in str(error)
    assert "请把证书机构的文件写为 ca_file" in translate(str(error), "zh")
    assert server.asked == []
    assert outcome(server.table(url=url, ca_file=authority)) is None
    assert len(server.asked) == 1
    with pytest.raises(SinkDenied, match="ca_file"):
        InfluxReader(server.table(url=url)).series()
    server.status, server.body = 200, b'{"results": [{}]}'
    reader = InfluxReader(server.table(url=url, ca_file=authority))
    assert reader.query("SHOW MEASUREMENTS") == [[]]
    reader.close()


def test_an_authority_that_is_not_there_needs_a_person(faulty: Faulty, tmp_path: Path) -> None:
    table = faulty.table(url=f"https://127.0.0.1:{faulty.server_port}", ca_file=tmp_path / "nowhere.pem")
    for attempt in (outcome, lambda table: InfluxReader(table).series()):
        try:
            error = attempt(table)
        except SinkError as raised:
            error = raised
        assert isinstance(error, SinkDenied)
        assert "nowhere.pem cannot be read" in str(error)
        assert "nowhere.pem 无法读取" in translate(str(error), "zh")
