"""The build before this one, 0.1.0, at work: a journal and an archive that it really wrote.

``python -m tests.storage.journal.build_before`` writes them into the folder ``written_by_0.1.0`` beside this file.
"""

from __future__ import annotations

import contextlib
import gzip
import os
import re
import subprocess
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

from soilco2.storage.errors import StorageError
from soilco2.storage.journal.reader import JournalReader
from tests.ingest.running import until
from tests.paths import ROOT
from tests.servers import HOST, missing

WRITTEN = Path(__file__).parent / "written_by_0.1.0"
"""What 0.1.0 wrote, compressed."""
WINDOW = "2022-06-15T00:00Z..2022-06-16T06:00Z"
LAST_US = 1_655_359_200_000_000
"""2022-06-16T06:00Z, its last slot."""
STATION = """
[station]
id = "st"
name = "Test"
latitude = 37.1
longitude = -119.7
altitude_m = 374
timezone = "UTC"
[journal]
path = "journal.sqlite"
[[influxdb]]
id = "db"
url = "{url}"
org = "o"
bucket = "b"
token = {{ env = "SOILCO2_TEST_TOKEN" }}
[[connection]]
id = "bus1"
kind = "modbus-rtu"
port = "bus1"
baudrate = 19200
[[connection]]
id = "bus2"
kind = "modbus-rtu"
port = "bus2"
baudrate = 9600
[[profile]]
id = "sjer-004"
[[profile.position]]
id = "502"
depth_m = 0.06
[[profile.position]]
id = "503"
depth_m = 0.08
[[instrument]]
id = "co2"
model = "vaisala-gmp252"
serial = "V1"
connection = "bus1"
address = 240
interval = "30min"
[[instrument.installation]]
position = "sjer-004/503"
from = 2022-06-01
# where nothing was measured the simulated probe says NaN
[[instrument]]
id = "co2-nan"
model = "vaisala-gmp252"
serial = "V2"
connection = "bus1"
address = 241
interval = "30min"
channels = ["co2"]
[[instrument.installation]]
position = "sjer-004/502"
from = 2022-06-01
[[instrument]]
id = "soil"
model = "cwt-soil-thc-s"
serial = "S1"
connection = "bus2"
address = 1
interval = "30min"
[[instrument.installation]]
position = "sjer-004/502"
from = 2022-06-01
"""


class _Yes(BaseHTTPRequestHandler):
    """A database that confirms whatever it is sent."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def write_station(folder: Path, url: str = "http://127.0.0.1:1") -> Path:
    """The station file of the journal that 0.1.0 wrote."""
    path = folder / "st.toml"
    path.write_text(STATION.format(url=url), encoding="utf-8")
    return path


def unpack(folder: Path) -> Path:
    """Journal, archive and station file in a folder, as 0.1.0 left them; the station file."""
    for packed in WRITTEN.rglob("*.gz"):
        path = folder / packed.relative_to(WRITTEN).with_suffix("")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.decompress(packed.read_bytes()))
    return write_station(folder)


def command() -> str:
    """The command of 0.1.0, or the end of the test."""
    script = ROOT / "benchmarks" / "before.sh"
    found = re.search(r"COMMIT:-(\w+)", script.read_text(encoding="utf-8"))
    assert found
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "soilco2" / f"before-{found[1]}"
    if not (folder / "ready").exists():
        missing("the build before, 0.1.0,", "sh benchmarks/before.sh makes it")
    return str(folder / "bin" / "soilco2")


def own_environment() -> dict[str, str]:
    """The environment without what leads another build's imports to this tree."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}


def _over(journal: Path) -> bool:
    """Whether all of the window is in the journal and confirmed: a replay that is over goes on like a station."""
    if not journal.exists():
        return False
    with contextlib.suppress(StorageError), JournalReader(journal) as reader:
        return reader.last_sample_us() == LAST_US and all(row.backlog == 0 for row in reader.cursors())
    return False


def collect(folder: Path, soilco2: str) -> Path:
    """Have a build replay simulated probes into a journal and archive its first day; the station file."""
    server = HTTPServer((HOST, 0), _Yes)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    station = str(write_station(folder, f"http://{HOST}:{server.server_port}"))
    clock = str(folder / "clock")
    environment = own_environment() | {"SOILCO2_STATE": str(folder / "state"), "SOILCO2_TEST_TOKEN": "t"}
    try:
        probes = subprocess.Popen(
            [soilco2, "simulate", station, "--clock-file", clock], cwd=folder, env=environment
        )
        try:
            run = [soilco2, "collect", station, "--replay", WINDOW, "--speed", "max", "--clock-file", clock]
            collector = subprocess.Popen(run, cwd=folder, env=environment)
            try:
                until(lambda: collector.poll() is not None or _over(folder / "journal.sqlite"))
                assert collector.poll() is None, "the collector of 0.1.0 has ended"
            finally:
                collector.terminate()
                collector.wait()
        finally:
            probes.terminate()
            probes.wait()
        subprocess.run([soilco2, "archive", station, "--before", "2022-06-16"], env=environment, check=True)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    return write_station(folder)


def main() -> None:
    """Write the data."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        collect(folder, command())
        for path in sorted([folder / "journal.sqlite", *(folder / "archive").iterdir()]):
            packed = WRITTEN / path.relative_to(folder).with_name(path.name + ".gz")
            packed.parent.mkdir(parents=True, exist_ok=True)
            packed.write_bytes(gzip.compress(path.read_bytes(), mtime=0))


if __name__ == "__main__":
    main()
