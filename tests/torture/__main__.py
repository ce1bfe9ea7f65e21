"""Every proof of reliability with large counts, and one table of what was tried.

    python -m tests.torture [--share 1] [--only TEXT] [--page docs/reference/reliability_table.md]

``--share 0.1`` tries a tenth of the large counts; ``SOILCO2_SEED`` repeats a run. With ``--only`` the table's other
rows stay as they were made; each row tells its date and share.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.paths import ROOT

PAGE = ROOT / "docs" / "reference" / "reliability_table.md"
KILLS = 1000

GROUPS: dict[str, tuple[str, ...]] = {
    "Collector killed at random": (
        "tests/ingest/test_kill.py::test_killed_at_random",
        "tests/storage/journal/test_writer.py::test_killed_at_any_moment_nothing_acknowledged_is_lost_or_doubled",
        "tests/cli/test_demo.py::test_killed_and_started_again_it_loses_and_doubles_nothing",
        "tests/ingest/simulate/test_node.py::test_killed_again_and_again_nothing_is_lost",
    ),
    "Killed under a publisher of another hand": ("tests/torture/test_publisher.py",),
    "Killed at each step of the path": ("tests/ingest/test_kill.py::test_killed_at_each_step",),
    "Database away, killed, restored": (
        "tests/torture/test_database.py",
        "tests/ingest/test_collector.py::test_what_a_database_has_lost_is_sent_again",
    ),
    "Broker killed, full, shared": (
        "tests/torture/test_broker.py",
        "tests/ingest/transports/test_mqtt.py",
    ),
    "Journal on a disk that fails": (
        "tests/torture/test_journal.py",
        "tests/storage/journal/test_writer.py::test_a_full_disk_leaves_what_was_kept_and_the_next_try_works",
        "tests/ingest/test_collector.py::test_a_journal_that_cannot_be_written_acknowledges_nothing",
    ),
    "What takes a station down": (
        "tests/torture/test_rough_hands.py",
        "tests/storage/journal/test_takes_a_station_down.py",
        "tests/storage/journal/test_backup.py",
    ),
    "Commands killed and run again": ("tests/torture/test_commands.py",),
    "Batches accepted in part": ("tests/ingest/forward/test_bisect.py",),
    "Hostile input": (
        "tests/torture/test_hostile.py",
        "tests/torture/test_under_fire.py",
        "tests/ingest/protocols/test_soilco2_json.py",
        "tests/ingest/transports/test_modbus_serial.py",
        "tests/ingest/simulate/test_faults_on_the_line.py",
    ),
    "Clocks": (
        "tests/torture/test_clocks.py",
        "tests/ingest/clock/test_clock.py",
        "tests/ingest/test_writer_thread.py::test_samples_under_an_untrusted_clock_wait_and_get_their_time",
    ),
}


class Row(NamedTuple):
    """One test that ran."""

    node: str
    outcome: str
    seconds: float
    counts: str


class Table:
    """Gathers what pytest reports and writes it as one table."""

    def __init__(self) -> None:
        self.rows: list[Row] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep each test's outcome; a fault while it is made ready or cleared away is one too."""
        if report.when == "call" or report.outcome != "passed":
            counts = str(dict(report.user_properties).get("counts", ""))
            self.rows.append(Row(report.nodeid, report.outcome, report.duration, counts))

    def lines(self, made: str) -> dict[str, str]:
        """A line of Markdown for each group that ran."""
        out = {}
        for group, paths in GROUPS.items():
            rows = [row for row in self.rows if any(_within(row.node, path) for path in paths)]
            if not rows:
                continue
            bad = [row for row in rows if row.outcome != "passed"]
            counts = "; ".join(row.counts for row in rows if row.counts)
            seconds = sum(row.seconds for row in rows)
            said = ", ".join(f"{row.node.split('::')[-1]} {row.outcome}" for row in bad) or "passed"
            out[group] = f"| {group} | {len(rows)} | {counts} | {seconds:.0f} | {said} | {made} |"
        return out


def _within(node: str, path: str) -> bool:
    return node == path or node.startswith((f"{path}::", f"{path}["))


def kept(text: str) -> dict[str, str]:
    """The rows of an earlier table."""
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    return {line.split("|")[1].strip(): line for line in rows if line.split("|")[1].strip() in GROUPS}


def page(lines: dict[str, str]) -> str:
    """The page of the documentation."""
    return "\n".join(
        [
            "# Reliability: what was tried, how often",
            "",
            "Made by `make torture`, a row by `make torture ARGS='--only GROUP --share S'`, with the seed and",
            "share beside it. A share of 1 is the whole count: 1000 kills, 100 000 queued messages, 10⁶ inputs.",
            "What each fault does and why is told in [Reliability](../concepts/reliability.md).",
            "",
            "| group | cases | counts | seconds | outcome | made |",
            "| --- | ---: | --- | ---: | --- | --- |",
            *(lines.get(group, f"| {group} | 0 | | | not run | |") for group in GROUPS),
            "",
            "A power cut is played from a record of every write and sync that SQLite makes: what was synced is there,",
            "of the rest any 512 bytes may be or not. That cannot show a disk that says it synced and did not, or a",
            "directory entry that is lost.",
            "",
        ]
    )


def main() -> int:
    """Run it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--share", type=float, default=1.0)
    parser.add_argument("--only", default="", help="only groups with this text in their name")
    parser.add_argument("--page", type=Path, default=PAGE)
    chosen = parser.parse_args()
    seed = os.environ.setdefault("SOILCO2_SEED", "20261121")
    os.environ["SOILCO2_TORTURE"] = str(chosen.share)
    os.environ.setdefault("SOILCO2_KILLS", str(max(8, round(KILLS * chosen.share))))
    paths = [path for group, rows in GROUPS.items() if chosen.only.lower() in group.lower() for path in rows]
    table = Table()
    code = pytest.main(["-q", "-p", "no:randomly", "-p", "no:cacheprovider", *paths], plugins=[table])
    made = (
        f"{datetime.now(UTC):%Y-%m-%d}, share {chosen.share:g}, seed {seed}; {os.cpu_count()} cores, "
        f"{platform.system()}, Python {platform.python_version()}"
    )
    lines = table.lines(made)
    print("\n".join(lines.values()))
    earlier = kept(chosen.page.read_text(encoding="utf-8")) if chosen.only and chosen.page.exists() else {}
    chosen.page.write_text(page(earlier | lines), encoding="utf-8")
    return int(code)


if __name__ == "__main__":
    sys.exit(main())
