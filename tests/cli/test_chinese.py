"""What commands say in Chinese, whole sentences from the command line to the catalogue."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from soilco2.cli import options
from soilco2.cli.broker import BrokerFilesError, accounts
from soilco2.cli.commands.import_ import ENDS
from soilco2.cli.commands.status import _print_collector, _print_devices
from soilco2.cli.main import main
from soilco2.ingest.errors import BusError
from soilco2.station_config.loader import Station
from soilco2.station_config.message import Message, translate, word
from soilco2.storage.journal.completeness import CAUSES
from soilco2.storage.journal.rows import IMPORT_STATES, PARKED_KINDS, PARKED_STATES
from soilco2.storage.journal.schema import EventKind
from tests.cli.test_flag_and_note import station  # noqa: F401

HAN = re.compile(r"[\u4e00-\u9fff]")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["flag", "STATION", "p1/d32/co2", "--from", "2026-03-01", "--to", "2026-03-02", "--who", "w", "--why", "y"],
         "soilco2: p1/d32/co2：日志库没有这个序列；co2 有 p1/d30/co2"),
        (["flag", "STATION", "p1/d30/co2", "--from", "2026-03-0", "--to", "2026-03-02", "--who", "w", "--why", "y"],
         "'2026-03-0' 不是时间；应如 2026-03-01"),
        (["flag", "STATION", "p1/d30/co2", "--from", "2026-02-28", "--to", "2026-03-02", "--who", "w", "--why", "y"],
         "质量标识 "),
        (["note", "STATION", "清洁了太阳能板"], "记录 "),
        (["parked", "list", "STATION"], "没有搁置的内容"),
        (["archive", "STATION"], "还没有归档"),
        (["verify", "STATION"], "没有 [influxdb] 表"),
        (["reprocess", "STATION"], "0 个观测值改变"),
        (["replay", "STATION"], "--from 和 --to 说明重发哪一段"),
        (["export", "STATION", "--variable", "co2", "-o", "x.txt"], "扩展名应为"),
        (["import", "STATION", "no/such.csv"], "无法打开"),
        (["status", "STATION"], "yulin：采集程序未运行，配置 "),
    ],
)  # fmt: skip
def test_commands_speak_chinese(
    station: Station,  # noqa: F811
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    said: str,
) -> None:
    with pytest.raises(SystemExit):
        main([*(str(station.path) if one == "STATION" else one for one in words), "--lang", "zh"])
    found = capsys.readouterr()
    assert said in found.out + found.err
    assert not re.search(r"[a-z] [a-z]", found.err.replace("soilco2: ", "")), found.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["dashboard", "publish", "STATION", "--url", "http://127.0.0.1:1"], "环境变量 SOILCO2_GRAFANA_TOKEN 未设置"),
        (["dashboard", "provision", "FOLDER", "STATION"], "台站 yulin 没有 [influxdb] 表，而 Grafana 要从数据库读取"),
        (["dashboard", "serve", "STATION", "--host", "0.0.0.0"], "不在 0.0.0.0 上提供服务"),
        (["dashboard", "serve", "STATION", "--prefix", "a b"], "'a b' 不是路径；应如 /soil"),
        (["broker", "FOLDER", "STATION"], "台站 yulin 没有 mqtt 类型的 [[connection]]，用不到消息代理"),
        (["collect", "STATION", "--page", "--once"], "--page 与 --once 不能同时使用"),
        (["collekt"], "没有命令“collekt”。是否为“collect”？"),
        (["zzz"], "没有命令“zzz”。用 soilco2 --help 查看全部。"),
        (["teach", "data", "zzz"], "没有记录 'zzz'；现有 "),
    ],
)  # fmt: skip
def test_commands_without_the_option_speak_the_language_of_the_machine(
    station: Station,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    said: str,
) -> None:
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    monkeypatch.delenv("SOILCO2_GRAFANA_TOKEN", raising=False)
    given = {"STATION": str(station.path), "FOLDER": str(tmp_path / "folder")}
    with pytest.raises(SystemExit) as ended:
        main([given.get(one, one) for one in words])
    assert ended.value.code == 2
    assert said in capsys.readouterr().err


def test_what_a_running_collector_tells_is_said_in_the_language(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Faults of a bus, a probe and the broker; the port in front of a bus's fault stands there already."""
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    options.choose(None)
    unset = Message("the environment variable {env} is not set; put the secret there", env="TOKEN")
    status: dict[str, Any] = {
        "station": "yulin", "collector": "running", "configuration": {"in_force": "a", "file": "b"},
        "fault": unset, "hung": ["bus1"], "clock": {"trusted": False, "held_samples": 2},
        "buses": [
            {"connection": "bus1", "port": "/dev/u", "error": Message("{port}: {why}", port="/dev/u", why=unset),
             "state": "gone"},
            {"connection": "bus2", "port": "/dev/v", "error": "", "state": "ok"},
        ],
        "instruments": {
            "a": {"serial": "7", "state": "ok", "newest_us": None, "errors": {"silence": 3}, "last_error": unset},
            "b": {
                "serial": "8", "state": "", "newest_us": 0, "errors": {}, "last_error": "",
                "link": {"at_us": 0, "gateways": 2, "rssi_dbm": -97, "snr_db": 6.5, "battery_voltage": 3.3},
            },
        },
        "files": [],
        "mqtt": {"broker": "h:1", "state": "connected", "silent": True, "error": unset},
        "brokers": {"far": {"broker": "h:2", "state": "connected", "silent": False, "error": ""}, "new": None},
    }  # fmt: skip
    _print_collector(status)
    _print_devices(status)
    told = "环境变量 TOKEN 未设置；请把机密放在其中"
    assert capsys.readouterr().out.splitlines() == [
        "yulin：采集程序运行中，配置 a",
        "  台站文件为 b：尚未生效",
        "  台站文件有误，仍按上一份有效文件运行：",
        f"  {told}",
        "  无响应：bus1",
        "  时钟不可信：样本等待确定时间；请由授时服务校时，或在确知时钟正确时设置 SOILCO2_CLOCK=trusted",
        "  2 个样本等待确定时间",
        f"bus1 (/dev/u): {told}",
        "bus2 (/dev/v): 正常",
        "仪器",
        "  a（7）：正常，最新 从未；错误：3 无应答",
        f"    {told}",
        "  b（8）：最新 1970-01-01 00:00:00Z",
        "    收到 1970-01-01 00:00:00Z、网关 2 个、-97 dBm、SNR 6.5 dB、电池 3.30 V",
        f"消息代理 h:1：已连接，无消息 {told}",
        "消息代理 h:2：已连接",
    ]


def test_an_error_of_the_broker_files_carries_its_place_in_the_language(station: Station) -> None:  # noqa: F811
    with pytest.raises(BrokerFilesError) as caught:
        accounts([station])
    assert HAN.search(translate(str(caught.value), "zh"))


def test_causes_kinds_and_states_have_their_chinese() -> None:
    def kinds(error: type[BusError]) -> set[str]:
        return {error.kind}.union(*map(kinds, error.__subclasses__()))

    others = {
        "starting",
        "ok",
        "denied",
        "unavailable",
        "open",
        "closed",
        "connected",
        "not connected",
        "failing",
    }
    closed = {*PARKED_KINDS, *PARKED_STATES, *IMPORT_STATES, *ENDS, *EventKind, *CAUSES, "not reached"}
    for one in kinds(BusError) | closed | others:
        assert HAN.search(word(one, "zh")), one
