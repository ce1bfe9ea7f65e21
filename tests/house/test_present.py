"""The present that tests use is read in one place, and any day can stand in for it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from tests.paths import ROOT
from tests.present import ODD_DAYS, VARIABLE, moment_us, present_us, system_us

CALLS = r"time|time_ns|gmtime|localtime|ctime|clock_gettime(?:_ns)?"
READS = re.compile(
    rf"\btime\.(?:{CALLS})\b|from time import [^\n]*\b(?:{CALLS})\b|\bimport time as\b"
    r"|\b(?:datetime|date|Timestamp)\.(?:now|utcnow|today)\b"
    r"|\bDate\.now\b|\bnew Date\(\)|\bSystemClock\(\)(?!\.mono_us)"
)
STAMP = "gives product code a clock whose stamps of arrival no test compares"
MAY = {
    "tests/present.py": "the place itself",
    "tests/house/test_present.py": "the patterns and examples of this rule",
    "tests/torture/__main__.py": "the table tells the day it was made",
    "tests/dashboards/grafana/test_broker.py": STAMP,
    "tests/ingest/test_writer_thread.py": STAMP,
    "tests/ingest/transports/test_mqtt.py": STAMP,
}


def test_no_other_file_of_the_tests_reads_the_present() -> None:
    read = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "tests").rglob("*.py")
        if READS.search(path.read_text(encoding="utf-8"))
    }
    assert read == set(MAY)


@pytest.mark.parametrize(
    "line",
    ["t = time.time()", "time.time_ns() // 1000", "from time import monotonic, time", "import time as t",
     "datetime.now(UTC)", "datetime.datetime.utcnow()", "date.today()", "pd.Timestamp.now()", "Date.now()",
     "new Date()", "time.gmtime()", "clock=SystemClock()"],
)  # fmt: skip
def test_the_rule_sees_every_way_to_read_it(line: str) -> None:
    assert READS.search(line)


@pytest.mark.parametrize(
    "line", ["time.monotonic()", "from time import monotonic", "SystemClock().mono_us()", "new Date(start)"]
)
def test_the_rule_lets_durations_and_given_moments_pass(line: str) -> None:
    assert not READS.search(line)


def test_the_environment_gives_the_present(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "2028-02-29T08:00:00+08:00")
    # 58 years from 1970 with 14 leap days before 2028, then 31 days and 28
    assert present_us() == (58 * 365 + 14 + 59) * 86_400_000_000
    monkeypatch.delenv(VARIABLE)
    before = system_us()
    assert before <= present_us() <= system_us()


@pytest.mark.parametrize("text", ["soon", "2026-11-30T00:30:00", "2027-02-29T00:00:00Z"])
def test_a_present_needs_a_day_that_is_and_a_zone(text: str) -> None:
    with pytest.raises(pytest.UsageError, match=f"{VARIABLE} is '{text}', expected ISO 8601 with a zone"):
        moment_us(text)


def test_a_present_that_cannot_be_read_is_one_error() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "-q", __file__],
        env=os.environ | {VARIABLE: "soon"}, cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    (said,) = (done.stdout + done.stderr).strip().splitlines()
    assert VARIABLE in said


def test_odd_days_are_what_they_are_called() -> None:
    days = {
        name: datetime.fromtimestamp(0, UTC) + timedelta(microseconds=moment_us(text))
        for name, text in ODD_DAYS.items()
    }
    monday, california = days["monday"], ZoneInfo("America/Los_Angeles")
    assert (monday.isoweekday(), monday.hour, monday.minute) == (1, 0, 30)
    assert (days["leap-day"].month, days["leap-day"].day) == (2, 29)
    begins = days["summer-time"].astimezone(california)
    assert begins.dst() == timedelta(hours=1)
    assert (days["summer-time"] - timedelta(seconds=1)).astimezone(california).dst() == timedelta(0)


def test_a_test_that_asks_for_the_present_runs_on_the_odd_days(
    now_us: int, request: pytest.FixtureRequest
) -> None:
    day = request.node.callspec.params["now_us"]
    assert day == "present" or now_us == moment_us(ODD_DAYS[day])
