"""Measure a class: so many trainees at once behind one JupyterHub; times, memory, ports, pages. Prints one line a step.

    python tools/class/measure.py --trainees 30 [--bench 4]

Each trainee logs in, gets a server and a work folder, opens a kernel through the hub and runs lesson *read* in it. Some
(--bench, so many at a time) run their own station on simulated probes with a fault and open its live page through the hub.
Memory is PSS (shared pages are shared out), summed over all processes of a trainee, from /proc/PID/smaps_rollup.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import aiohttp
from yarl import URL

HERE = Path(__file__).resolve().parent


def pss_mib(pids: list[int]) -> float:
    total = 0
    for pid in pids:
        try:
            text = Path(f"/proc/{pid}/smaps_rollup").read_text()
        except OSError:
            continue
        total += int(re.search(r"^Pss:\s+(\d+)", text, re.M)[1])
    return total / 1024


def children(root: int) -> dict[int, int]:
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
    found = {root: 0}
    while fresh := {p: q for p, q in parents.items() if q in found and p not in found}:
        found |= fresh
    return found


def by_trainee(root: int) -> dict[str, list[int]]:
    """Process ids by trainee: those below a trainee's server; the hub's own under ''."""
    tree = children(root)
    owner: dict[int, str] = {}
    for pid in sorted(tree):
        try:
            env = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        except OSError:
            continue
        user = next((e.partition(b"=")[2].decode() for e in env if e.startswith(b"JUPYTERHUB_USER=")), "")
        owner[pid] = user
    groups: dict[str, list[int]] = {}
    for pid, user in owner.items():
        groups.setdefault(user, []).append(pid)
    return groups


class Trainee:
    def __init__(self, base: str, name: str, password: str) -> None:
        self.base, self.name, self.password = base, name, password
        self.session = aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True))
        self.root = f"{base}/user/{name}"
        self.kernel = ""

    def xsrf(self, path: str) -> dict[str, str]:
        cookies = self.session.cookie_jar.filter_cookies(URL(f"{self.base}{path}"))
        return {"X-XSRFToken": cookies["_xsrf"].value} if "_xsrf" in cookies else {}

    async def enter(self) -> float:
        """Log in and wait for the server and the notebook; seconds it took."""
        began = time.monotonic()
        async with self.session.get(f"{self.base}/hub/login") as answer:
            await answer.text()
        form = {"username": self.name, "password": self.password}
        token = self.session.cookie_jar.filter_cookies(URL(f"{self.base}/hub/"))["_xsrf"].value
        async with self.session.post(
            f"{self.base}/hub/login?next=%2Fhub%2Fhome", data=form | {"_xsrf": token}
        ) as answer:
            assert answer.status == 200, (self.name, answer.status, (await answer.text())[:300])
        end = time.monotonic() + 1200
        while time.monotonic() < end:  # what a browser does: look again until the server is there
            async with self.session.get(f"{self.root}/lab") as answer:
                await answer.read()
                if answer.status == 200 and str(answer.url).startswith(self.root):
                    break
            async with self.session.get(
                f"{self.base}/hub/spawn"
            ) as answer:  # also where the first was not taken
                await answer.read()
            await asyncio.sleep(5.0)
        else:
            raise TimeoutError(f"{self.name}: no server after twenty minutes")
        return time.monotonic() - began

    async def run(self, cells: list[str], folder: str, patience: float = 900) -> list[str]:
        """Run cells one after the other in a kernel of the trainee's own, through the hub; what they printed."""
        if not self.kernel:
            body = {
                "path": f"{folder}/01_read.ipynb",
                "type": "notebook",
                "name": "x",
                "kernel": {"name": "python3"},
            }
            async with self.session.post(
                f"{self.root}/api/sessions", json=body, headers=self.xsrf(f"/user/{self.name}/")
            ) as answer:
                assert answer.status == 201, (answer.status, await answer.text())
                self.kernel = (await answer.json())["kernel"]["id"]
        said = []
        async with self.session.ws_connect(
            f"{self.root}/api/kernels/{self.kernel}/channels", max_msg_size=0
        ) as socket_:
            for cell in cells:
                number = secrets.token_hex(8)
                header = {
                    "msg_id": number,
                    "msg_type": "execute_request",
                    "session": number,
                    "username": "",
                    "version": "5.3",
                }
                await socket_.send_json(
                    {
                        "header": header,
                        "parent_header": {},
                        "metadata": {},
                        "channel": "shell",
                        "buffers": [],
                        "content": {
                            "code": cell,
                            "silent": False,
                            "store_history": True,
                            "allow_stdin": False,
                        },
                    }
                )
                text, end = "", time.monotonic() + patience
                while True:
                    message = await socket_.receive_json(timeout=max(1.0, end - time.monotonic()))
                    if message["parent_header"].get("msg_id") != number:
                        continue
                    content = message["content"]
                    if message["msg_type"] == "stream":
                        text += content["text"]
                    elif message["msg_type"] == "error":
                        text += f"ERROR {content['ename']}: {content['evalue']}"
                    elif message["msg_type"] == "status" and content["execution_state"] == "idle":
                        break
                said.append(text)
        return said


async def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trainees", type=int, default=30)
    parser.add_argument("--bench", type=int, default=4, help="stations that run at the same time")
    wanted = parser.parse_args()
    box = Path(tempfile.mkdtemp(prefix="class-"))
    password = secrets.token_urlsafe(12)
    (box / "password").write_text(password)
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    env = os.environ | {
        "SOILCO2_CLASS": str(box / "class"),
        "SOILCO2_PASSWORD_FILE": str(box / "password"),
        "SOILCO2_PORT": str(port),
        "SOILCO2_LANG": "zh",
        "SOILCO2_AS_ROOT": "1",
        "SOILCO2_STATE": str(box / "state"),
    }
    log = (box / "hub.log").open("wb")
    hub = subprocess.Popen(
        [str(Path(sys.executable).parent / "jupyterhub"), "-f", str(HERE / "jupyterhub_config.py")],
        env=env,
        stdout=log,
        stderr=log,
        cwd=box,
    )
    print(f"log {box / 'hub.log'}", flush=True)
    base = f"http://127.0.0.1:{port}"
    people: list[Trainee] = []
    try:
        async with aiohttp.ClientSession() as session:
            for _ in range(600):
                try:
                    async with session.get(f"{base}/hub/health") as answer:
                        if answer.status == 200:
                            break
                except aiohttp.ClientError:
                    pass
                await asyncio.sleep(0.2)
        people = [Trainee(base, f"t{n:02d}", password) for n in range(1, wanted.trainees + 1)]
        began = time.monotonic()
        took = await asyncio.gather(*(one.enter() for one in people))
        print(
            f"{len(people)} logged in at once: all there after {time.monotonic() - began:.0f} s "
            f"(first {min(took):.0f}, median {median(took):.0f}, last {max(took):.0f})",
            flush=True,
        )

        def memory(what: str) -> None:
            groups = by_trainee(hub.pid)
            each = [pss_mib(groups.get(one.name, [])) for one in people]
            print(
                f"memory, {what}: a trainee median {median(each):.0f} MiB, largest {max(each):.0f}; all {sum(each):.0f}; hub and "
                f"proxy {pss_mib(groups.get('', [])):.0f} MiB",
                flush=True,
            )

        memory("servers, nothing open")
        folder = "soil-profile-zh-1"
        began = time.monotonic()
        hello = await asyncio.gather(*(one.run(["import os; print(os.getcwd())"], folder) for one in people))
        print(
            f"{len(people)} kernels at once: {time.monotonic() - began:.0f} s; "
            f"{len({text[0] for text in hello})} folders",
            flush=True,
        )
        memory("a kernel each, nothing run")
        book = json.loads((box / "class" / people[0].name / folder / "01_read.ipynb").read_text())
        cells = [
            "".join(c["source"])
            for c in book["cells"]
            if c["cell_type"] == "code" and "desk.check" not in "".join(c["source"])
        ]
        cells.append('desk.check("read-depth", "18 cm")')
        began = time.monotonic()
        said = await asyncio.gather(*(one.run(cells, folder) for one in people))
        right = sum("✓" in text[-1] for text in said)
        wrong = {t for text in said for t in text if "ERROR" in t}
        print(
            f"lesson read by all at once: {time.monotonic() - began:.0f} s; {right} marked right; errors: {wrong or 'none'}",
            flush=True,
        )
        memory("lesson read run")
        bench = [
            "from teaching.case.desk import open_desk\nfrom teaching.case.marks import task\ndesk = open_desk('station')\n"
            "desk.write('station/station.toml', task('station-file').right(desk.work.context()))\n",
            "series = desk.bench('e')\nprint(len(series))",
            "where = desk.page('e')\nprint('PAGE', where)",
        ]
        gate = asyncio.Semaphore(wanted.bench)
        times: list[float] = []

        async def station(one: Trainee) -> str:
            async with gate:
                began = time.monotonic()
                text = (await one.run(bench, folder))[-1]
                times.append(time.monotonic() - began)
                return text

        began = time.monotonic()
        pages = await asyncio.gather(*(station(one) for one in people))
        paths = [found[1] if (found := re.search(r"PAGE (\S+)", text)) else "" for text in pages]
        print(
            f"{len(people)} stations, {wanted.bench} at a time, each with its own simulate, collect and broker: "
            f"{time.monotonic() - began:.0f} s, one {median(times):.0f} s; {len(set(paths) - {''})} pages on ports of their own; "
            f"{[t for t, p in zip(pages, paths, strict=True) if not p][:2] or 'no errors'}",
            flush=True,
        )
        good = 0
        for one, path in zip(people, paths, strict=True):
            if path:
                async with one.session.get(f"{base}{path}") as answer:
                    good += answer.status == 200 and "<html" in await answer.text()
        async with people[1].session.get(f"{base}{paths[0]}") as answer:
            other = answer.status if f"/user/{people[0].name}/" in str(answer.url) else 403
        print(f"{good} live pages answer through the hub; another trainee's page: {other}", flush=True)
        memory("a station's page open too")
        return 0 if right == good == len(people) else 1
    finally:
        for one in people:
            await one.session.close()
        hub.send_signal(signal.SIGTERM)
        hub.wait(120)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
