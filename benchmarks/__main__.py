"""Run every benchmark: ``python -m benchmarks``."""

from __future__ import annotations

import runpy
import sys

NAMES = (
    "journal",
    "journal_growth",
    "quality",
    "flux",
    "analysis",
    "mqtt_throughput",
    "lorawan",
    "sdi12_round",
    "backfill",
    "logger_files",
    "catch_up",
    "late",
    "page",
    "page_browser",
)


def main() -> None:
    """Run the benchmarks one after the other, each as a program of its own."""
    for name in NAMES:
        print(f"\n== {name}", flush=True)
        sys.argv = [f"benchmarks.{name}"]
        try:
            runpy.run_module(f"benchmarks.{name}", run_name="__main__")
        except SystemExit as stop:
            if stop.code:
                print(f"{name} ended with {stop.code}", file=sys.stderr)


if __name__ == "__main__":
    main()
