"""What the parts tell is told in Chinese too: the place, and the reason in it; a stranger's words stay as they are."""

from __future__ import annotations

import re
import threading
from pathlib import Path

import pytest

from soilco2.ingest.clock.replay import ReplayClock
from soilco2.ingest.collector import Collector
from soilco2.ingest.drivers.driver import Batch
from soilco2.ingest.errors import BusError, PortGone, SimulationError
from soilco2.ingest.events import event_of
from soilco2.ingest.protocols.modbus import Request, answer_frame, clash, diagnose, exception_frame
from soilco2.ingest.protocols.soilco2_json_decode import Decoder
from soilco2.ingest.simulate.faults import parse_fault
from soilco2.ingest.simulate.measured import load_measured
from soilco2.ingest.simulate.run import Simulation
from soilco2.ingest.transports.modbus_serial import RtuMaster
from soilco2.ingest.transports.network import connection_fault
from soilco2.station_config.message import Message, translate, word
from soilco2.storage.journal.control import ask_collector
from tests.ingest.running import until
from tests.ingest.station import make_station
from tests.servers import free_port

HAN = re.compile(r"[\u4e00-\u9fff]")
ENGLISH = re.compile(r"[a-z]{2} [a-z]{2}")
ASK = Request(3, 3, 0, 2)
RIGHT = answer_frame(ASK, (1, 2))


def chinese(text: str) -> str:
    """A sentence in Chinese, which has no English left in it."""
    said = translate(text, "zh")
    assert HAN.search(said), text
    assert not ENGLISH.search(said), said
    return said


@pytest.mark.parametrize(
    ("heard", "told"),
    [
        (b"", "1 s 内无应答；请检查供电、接线、地址和串口参数"),
        (ASK.frame, "1 s 内只收到自己的请求；适配器有回波而仪器无应答：请检查供电、接线和地址"),
        (
            exception_frame(ASK, 2),
            "仪器以异常码 2（非法寄存器地址）拒绝；请检查台站文件中的型号与线上的是否一致",
        ),
        (exception_frame(ASK, 9), "仪器以异常码 9（未知代码）拒绝；请检查台站文件中的型号与线上的是否一致"),
        (answer_frame(ASK._replace(address=4), (1, 2)), "应答来自地址 4；请检查地址和型号"),
        (answer_frame(ASK._replace(function=4), (1, 2)), "应答的功能码为 4；请检查地址和型号"),
        (answer_frame(ASK._replace(registers=1), (1,)), "发来 2 字节，应为 4；请检查地址和型号"),
        (b"\x00" * 60, "60 字节中没有完好的帧；请检查串口参数、偏置、终端电阻，以及是否有两台仪器同一地址"),
    ],
)
def test_a_device_s_place_and_what_is_wrong_with_it(heard: bytes, told: str) -> None:
    error = diagnose(heard, ASK, "/dev/u", 1.0)
    assert str(error).startswith("/dev/u, address 3: function 3, registers 0x0000+2: ")
    assert chinese(str(error)).startswith("/dev/u，地址 3：功能码 3，寄存器 0x0000+2：" + told)


def test_two_at_one_address() -> None:
    said = chinese(str(clash(RIGHT, ASK, "/dev/u")))
    place, why = said.split("0x0000+2：")
    assert place == "/dev/u，地址 3：功能码 3，寄存器 "
    assert why.startswith("一次请求有两个应答；两台仪器同为地址 3：请改其中一台")


def test_a_port_that_is_not_there() -> None:
    with pytest.raises(PortGone) as caught:
        RtuMaster("/dev/no-such-port").open()
    assert chinese(str(caught.value)) == (
        "/dev/no-such-port: 串口无法打开：串口不在；请插好适配器，或改正台站文件中的路径"
    )


def test_every_kind_of_error_on_a_line_has_its_word() -> None:
    def kinds(error: type[BusError]) -> set[str]:
        return {error.kind}.union(*map(kinds, error.__subclasses__()))

    parts = {"wrong_address", "wrong_function", "wrong_count"}  # what WrongAnswer is counted under
    assert all(HAN.search(word(kind, "zh")) for kind in kinds(BusError) | parts)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ConnectionRefusedError(111, "Connection refused"), "连接被拒绝"),
        (OSError(101, "Network is unreachable"), "网络不可达"),
        (TimeoutError("timed out"), "未及时应答"),
        (ConnectionResetError(Message("the connection was cut")), "连接中断"),
        (ValueError("Invalid host."), "Invalid host."),  # the library's own words
    ],
)
def test_why_there_is_no_connection(error: Exception, told: str) -> None:
    assert translate(connection_fault(error), "zh") == told


@pytest.mark.parametrize(
    "payload",
    [
        b"{", b"", b"\xff", b"[" * 5000, b"[]", b"x" * 300_000, b"{}",
        b'{"node": 1, "sequence": 0, "readings": [{}]}',
        b'{"node": "n", "sequence": -1, "readings": [{}]}',
        b'{"node": "n", "sequence": 0, "readings": []}',
        b'{"node": "n", "sequence": 0, "readings": [1]}',
        b'{"node": "n", "sequence": 0, "readings": [{}]}',
        b'{"node": "n", "sequence": 0, "station": "other", "readings": [{}]}',
        *(
            b'{"node": "n", "sequence": 0, "readings": [{"serial": %s, "channel": %s, "time": %s, "value": %s, '
            b'"unit": %s}]}' % row
            for row in (
                (b"1", b"2", b"null", b"1", b'"ppm"'),
                (b'"N9"', b'"co2"', b"null", b"1", b'"ppm"'),
                (b'"N1"', b'"co3"', b"null", b"1", b'"ppm"'),
                (b'"N1"', b'"co2"', b"null", b'"1"', b'"ppm"'),
                (b'"N1"', b'"co2"', b"null", b"1", b'"hPa"'),
                (b'"N1"', b'"co2"', b'"noon"', b"1", b'"ppm"'),
                (b'"N1"', b'"co2"', b'"1970-01-01T00:00:00Z"', b"1", b'"ppm"'),
                (b'"N1"', b'"co2"', b'"2099-01-01T00:00:00Z"', b"1", b'"ppm"'),
            )
        ),
    ],
    ids=lambda payload: payload[-60:],
)  # fmt: skip
def test_why_a_message_is_refused(tmp_path: Path, payload: bytes) -> None:
    decoder = Decoder(make_station(tmp_path).deployments, "field", "boot")
    (refusal,) = decoder.batch([(payload, 1_793_500_000_000_000, 0)], trusted=True).refusals
    said = translate(refusal.reason, "zh")
    assert HAN.search(said), refusal.reason
    assert "is expected" not in said


def test_what_a_driver_of_another_distribution_says_stays_as_it_is() -> None:
    """It may know nothing of messages; its words are kept, those of the project are still translated around them."""
    event = event_of("device-silent", "S1", "the lamp is off")
    assert isinstance(event.text, Message)
    assert translate(event.text, "zh") == "the lamp is off"
    batch = Batch()
    batch.refuse("text1", "no number", b"?", None, 0)
    assert isinstance(batch.parked[0].reason, Message)
    assert translate(batch.parked[0].reason, "zh") == "no number"
    raised = SimulationError("no faults here")  # type: ignore[arg-type]
    assert isinstance(str(raised), Message)


def test_a_fault_that_is_for_other_instruments(tmp_path: Path) -> None:
    station = make_station(tmp_path)
    fault = parse_fault("noise:N1", int)
    with pytest.raises(SimulationError) as caught:
        Simulation(
            station,
            load_measured(),
            ReplayClock.own(tmp_path / "clock", 1, 2, speed=1),
            tmp_path,
            faults=[fault],
        )
    told = r"fault noise is for an instrument on a Modbus line(, .+)? or .+; 'N1' is not one"
    assert re.fullmatch(told, str(caught.value))
    assert re.fullmatch("故障 noise 只用于 Modbus 线路上.+的仪器；'N1' 不是", chinese(str(caught.value)))


def test_a_command_that_asks_a_running_collector_hears_messages(tmp_path: Path) -> None:
    """Over the socket, what a part says is still made of its template and its values."""
    port = free_port()
    station = make_station(tmp_path, port=port)
    collector = Collector(station, fault=Message("the port is not open"))
    thread = threading.Thread(target=collector.run)
    thread.start()
    try:

        def away() -> str:
            return str(((ask_collector(station.journal_path) or {}).get("mqtt") or {}).get("error", ""))

        until(lambda: away() != "")
        assert away() == f"127.0.0.1:{port}: connection refused; trying again"
        assert translate(away(), "zh") == f"127.0.0.1:{port}: 连接被拒绝；正在重试"
        found = ask_collector(station.journal_path)
        assert found is not None
        assert chinese(found["fault"]) == "串口未打开"
    finally:
        collector.stop()
        thread.join()
