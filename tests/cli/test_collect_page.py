"""``soilco2 collect --page``: the page stands beside the collector and falls with it, never the other way round."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner

from soilco2.cli.commands.collect import command
from soilco2.cli.page_process import CLOCK_NAME, PageProcess
from soilco2.storage.journal.writer import Writer
from tests.dashboards.live.small import small_station

PAGE = '[page]\nport = 0\nprefix = "/soil"\n'


@contextmanager
def collecting(station: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    words = [sys.executable, "-m", "soilco2", "collect", str(station), "--page"]
    child = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert child.stdout is not None
        yield child, child.stdout.readline().strip()
    finally:
        if child.poll() is None:
            child.send_signal(signal.SIGTERM)
            child.wait(60)
        if child.stdout is not None:
            child.stdout.close()


def until_gone(url: str) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        try:
            with urllib.request.urlopen(url, timeout=10):
                pass
        except OSError:
            return
    raise AssertionError(f"{url} still answers")


def children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_the_page_of_a_replay_goes_by_its_clock(tmp_path: Path) -> None:
    station = small_station(tmp_path)
    Writer.open(station).close()
    moment_us = 1_654_041_600_000_000  # 2022-06-01T00:00Z
    (tmp_path / CLOCK_NAME).write_bytes(moment_us.to_bytes(8, "little"))
    assert station.path is not None
    words = [sys.executable, "-m", "soilco2", "dashboard", "serve", str(station.path), "--port", "0"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        try:
            assert child.stdout is not None
            url = child.stdout.readline().strip()
            with urllib.request.urlopen(f"{url}api/v1/latest", timeout=60) as answer:
                assert json.load(answer)["now_ms"] == moment_us // 1000
        finally:
            child.terminate()
            said = child.communicate(timeout=60)[1]
    assert CLOCK_NAME in said


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
def test_the_page_is_served_and_ends_with_the_collector(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: int
) -> None:
    monkeypatch.setenv("SOILCO2_STATE", str(tmp_path / "state"))
    station = small_station(tmp_path, more=PAGE)
    with collecting(station.path) as (child, url):
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/soil/", url)
        with urllib.request.urlopen(f"{url}api/v1/stations", timeout=60) as answer:
            assert json.load(answer)["stations"][0]["id"] == "yulin"
        child.send_signal(end)
        child.wait(60)
        until_gone(url)


def test_a_page_that_is_killed_comes_back_and_the_collector_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOILCO2_STATE", str(tmp_path / "state"))
    station = small_station(tmp_path, more=PAGE)
    with collecting(station.path) as (child, _):
        (page,) = children(child.pid)
        os.kill(page, signal.SIGKILL)
        assert child.stdout is not None
        again = child.stdout.readline().strip()
        assert child.poll() is None
        with urllib.request.urlopen(f"{again}api/v1/events?from=0", timeout=60) as answer:
            texts = [event["text"] for event in json.load(answer)["events"] if event["kind"] == "part_failed"]
    assert any("page ended with code -9" in text for text in texts)


def test_a_page_that_cannot_start_says_so(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    station = small_station(tmp_path, more='[page]\nhost = "0.0.0.0"\n')
    part = PageProcess(station.path)
    part.start()
    assert part._child is not None
    part._child.wait(60)
    assert not part.alive
    assert "code 2" in str(part.failure)
    part.join()
    assert "beyond loopback" in capfd.readouterr().err


def test_page_and_once_do_not_go_together(tmp_path: Path) -> None:
    run = CliRunner().invoke(command, [str(small_station(tmp_path).path), "--page", "--once"])
    assert run.exit_code == 2
    assert "do not go together" in run.output
