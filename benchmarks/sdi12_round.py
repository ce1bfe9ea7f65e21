"""A round of SDI-12 probes on a line paced at 1200 baud, beside the bare bytes of the same commands and answers.

    python -m benchmarks.sdi12_round [--probes 30] [--rounds 3] [--wait 1] [--json]

The simulated line keeps each answer back until command and answer have gone over a wire of 1200 baud, 10 bits a
character. The bare bytes are a program that knows what is coming: it sends the same commands to the same line and reads
the answers, and waits for what each probe announced. The bound is the bytes on the line x 1.15 + the longest announced
wait, once.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median
from time import monotonic, sleep
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import serial

from soilco2.ingest.drivers.driver import DriverEvent
from soilco2.ingest.drivers.polling import PollingThread
from soilco2.ingest.drivers.sdi12 import Sdi12Line
from soilco2.ingest.protocols.sdi12 import ADDRESSES
from soilco2.ingest.simulate.line import Piece, PtyLine
from soilco2.ingest.simulate.sdi12_probes import Sdi12Probe, find_command, paced
from soilco2.quality.records import Sample
from soilco2.station_config.catalogue.load import load_catalogue
from soilco2.station_config.connections.sdi12 import CHARACTER_S, Sdi12Connection
from soilco2.station_config.connections.sdi12_model import Sdi12Model
from soilco2.station_config.tables.instrument import Instrument
from tests.ingest.simulate.hand import START, HandClock

MODEL = "meter-teros-12"
INTERVAL_US = 60_000_000
BOUND = 1.15


class _Probe(Sdi12Probe):
    def raws(self) -> Mapping[str, float | None]:
        return {"soil_water": 1846.16, "soil_temperature": 22.3, "bulk_ec": 87.0}


class PacedLine:
    """Probes on a line of 1200 baud; how many characters went over it, and which commands."""

    def __init__(self, folder: Path, probes: int, wait_s: int) -> None:
        model = load_catalogue()[MODEL]
        assert isinstance(model, Sdi12Model)
        self.model = model
        self.probes = {a: _Probe(a, model, f"T12-{n:08}", wait_s) for n, a in enumerate(ADDRESSES[:probes])}
        self.characters = 0
        self.pty = PtyLine(folder / "bus", self._respond, find_command)

    def _respond(self, request: tuple[str, str], _foreign: int) -> Iterator[Piece]:
        address, body = request
        lines = self.probes[address].answer(body)
        command = f"{address}{body}!"
        self.characters += len(command) + sum(len(line) + 2 for line in lines)
        yield from paced(command, lines)


def soilco2_rounds(line: PacedLine, folder: Path, rounds: int) -> list[float]:
    """Time of each round of the collector's own thread [s]; the first one, with identities, is left out."""
    table = {"id": "bus", "kind": "sdi12", "port": str(folder / "bus"), "mode": "text"}
    rows = [
        (
            Instrument.model_validate(
                {
                    "id": f"p{address}", "model": MODEL, "serial": probe.serial, "connection": "bus",
                    "address": address, "interval": "60s",
                }
            ),
            line.model,
        )
        for address, probe in line.probes.items()
    ]  # fmt: skip
    came: list[int] = []
    ended: list[float] = []
    clock = HandClock(START)

    def deliver(samples: Sequence[Sample], _events: Sequence[DriverEvent]) -> None:
        if samples:
            came.append(len(samples))
            ended.append(monotonic())

    connection = Sdi12Connection.model_validate(table)
    thread = PollingThread("bus", "bus", Sdi12Line(connection), rows, clock, deliver, punctual=False)
    times = []
    thread.start()
    try:
        for number in range(rounds + 1):
            slot = START + number * INTERVAL_US
            began = monotonic()
            clock.set(slot)
            clock.wait_for_members([thread], slot)
            if number:
                times.append(ended[-1] - began)
    finally:
        thread.stop()
        thread.join(60)
    assert came == [3 * len(rows)] * (rounds + 1), came
    return times


def bare_round(line: PacedLine, folder: Path, wait_s: int) -> float:
    """Time of the same commands and answers without anything else [s]."""
    with serial.Serial(str(folder / "bus"), timeout=5) as port:
        began = monotonic()
        ready = {}
        for address in line.probes:
            port.write(f"{address}CC!".encode())
            port.read_until(b"\n")
            ready[address] = monotonic() + wait_s
        for address in line.probes:
            sleep(max(0.0, ready[address] - monotonic()))
            port.write(f"{address}D0!".encode())
            port.read_until(b"\n")
        return monotonic() - began


def measure(probes: int, rounds: int, wait_s: int) -> dict[str, Any]:
    """Rounds of the collector and of the bare bytes, in turn, on one line."""
    with tempfile.TemporaryDirectory(prefix="soilco2-benchmark-") as name:
        folder = Path(name)
        line = PacedLine(folder, probes, wait_s)
        try:
            ours = soilco2_rounds(line, folder, rounds)
            before = line.characters
            bare = [bare_round(line, folder, wait_s) for _ in range(rounds)]
            characters = (line.characters - before) // rounds
        finally:
            line.pty.stop()
    wire = characters * CHARACTER_S
    return {
        "probes": probes,
        "characters": characters,
        "bytes_on_the_line_s": round(wire, 3),
        "longest_wait_s": wait_s,
        "bound_s": round(wire * BOUND + wait_s, 3),
        "round_s": round(median(ours), 3),
        "slowest_round_s": round(max(ours), 3),
        "bare_s": round(median(bare), 3),
        "times_the_bytes": round((median(ours) - wait_s) / wire, 3),
    }


def main() -> None:
    """Run the benchmark and print it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--probes", type=int, default=30)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--wait", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    row = measure(chosen.probes, chosen.rounds, chosen.wait)
    if chosen.json:
        print(json.dumps(row, indent=2))
        return
    print(
        f"{row['probes']} SDI-12 probes of three values: {row['characters']} characters on the line, "
        f"{row['bytes_on_the_line_s']} s; a round {row['round_s']} s (slowest {row['slowest_round_s']} s), bare bytes "
        f"{row['bare_s']} s, bound {row['bound_s']} s"
    )


if __name__ == "__main__":
    main()
