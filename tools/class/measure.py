"""Measure a class: so many trainees at once behind one JupyterHub; times, memory, ports, pages. Prints one line a step.

    python tools/class/measure.py --trainees 30 [--bench 30] [--steps read,station,drill]

Each trainee logs in, gets a server and a work folder and opens a kernel through the hub. Then, all at once, they
read     run lesson *read*;
station  run a station of their own for a day, healthy, as lesson *station* tells it for terminals: simulate, collect
         and live page. Every page has to answer through the hub while it runs, every journal to hold every reading;
drill    run a drill over MQTT (--bench so many at a time), with a broker of their own, and open its page.
Memory is PSS (shared pages are shared out), summed over all processes of a trainee, from /proc/PID/smaps_rollup; the
most of a step is the largest of readings five seconds apart. Ends itself when less than --spare MiB are left.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
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


DESK = """
from soilco2.teaching.case.notebook import open_desk
from soilco2.teaching.case.answer_keys import task
desk = open_desk('station')
desk.write('station/station.toml', task('station-file').right(desk.work.context()))
"""
STATION = """
import json, os, subprocess, sys, time
own = desk.folder / 'station'
began = time.monotonic()
def terminal(*words):
    log = open(own / (words[0] + '.log'), 'w')
    return subprocess.Popen([sys.executable, '-m', 'soilco2', *words], cwd=own, stdout=log, stderr=log)
simulate = terminal('simulate', 'station.toml', '--clock-file', 'clock')
collect = terminal('collect', 'station.toml', '--clock-file', 'clock', '--replay', '2022-06-02T00:00Z..2022-06-03T00:00Z')
while not (own / 'journal.sqlite').exists() and collect.poll() is None and simulate.poll() is None:
    time.sleep(0.1)
where = desk.page()
print('PAGE', where, time.monotonic() - began)
"""
DAY_OVER = """
from collections import Counter
from soilco2.storage.journal.reader import JournalReader
from soilco2.teaching.case.drills import BEGIN_US, END_US
half_hour = 1_800_000_000
end = time.monotonic() + 600
def clock():
    return int.from_bytes((own / 'clock').read_bytes()[:8], 'little', signed=True)
while clock() < END_US + half_hour and time.monotonic() < end and collect.poll() is None and simulate.poll() is None:
    now = clock()
    time.sleep(0.5)
    if clock() == now >= END_US:
        break
took = time.monotonic() - began
time.sleep(2)
alive = [one.poll() is None for one in (simulate, collect)]
for one in (collect, simulate):
    one.terminate()
    one.wait(120)
with JournalReader(own / 'journal.sqlite') as reader:
    answered = Counter(  # a gap that was measured is an answer too: the probe says that it has no value
        f'{one.series.position}/{one.series.variable}'
        for one in reader.observations(BEGIN_US, END_US)
        if one.value is not None or one.tests == 'missing:nan'
    )
    counters = reader.accounting.counters()
print('DAY', json.dumps({'held': answered, 'took': took, 'alive': alive, 'counters': counters}))
"""
DRILL = """
series = desk.bench('e')
print('PAGE', desk.page('e'), 0)
"""
SERIES, SLOTS = 7, 48
"""Series of the lesson's station, and its half hours in a day."""


def available_mib() -> int:
    return int(re.search(r"^MemAvailable:\s+(\d+)", Path("/proc/meminfo").read_text(), re.M)[1]) // 1024


class Memory:
    """PSS of the trainees and of the hub, said for a moment, or the most of it while a step runs."""

    def __init__(self, hub: int, people: list[Trainee], spare: int) -> None:
        self.hub, self.people, self.spare = hub, people, spare

    def read(self) -> tuple[list[float], float]:
        groups = by_trainee(self.hub)
        return [pss_mib(groups.get(one.name, [])) for one in self.people], pss_mib(groups.get("", []))

    def say(self, what: str, found: tuple[list[float], float] | None = None) -> None:
        each, hub = found or self.read()
        print(
            f"memory, {what}: a trainee median {median(each):.0f} MiB, largest {max(each):.0f}; all {sum(each):.0f}; "
            f"hub and proxy {hub:.0f} MiB; available on the machine {available_mib()} MiB",
            flush=True,
        )

    async def during(self, what: str, work):
        """Do `work`, and say the most memory that was taken meanwhile."""
        most = ([0.0], 0.0)
        task = asyncio.ensure_future(work)
        while not task.done():
            if (left := available_mib()) < self.spare:
                task.cancel()
                raise MemoryError(f"{what}: {left} MiB available, {self.spare} are to be spared; ended")
            most = max(most, self.read(), key=lambda found: sum(found[0]))
            await asyncio.wait([task], timeout=5.0)
        self.say(f"most while {what}", most)
        return task.result()


async def pages_answer(base: str, people: list[Trainee], paths: list[str]) -> tuple[int, int]:
    """How many pages answer through the hub, and how many of them show a reading."""

    async def one(person: Trainee, path: str) -> tuple[bool, bool]:
        if not path:
            return False, False
        async with person.session.get(f"{base}{path}") as answer:
            page = answer.status == 200 and "<html" in await answer.text()
        async with person.session.get(f"{base}{path}api/v1/latest") as answer:
            latest = (await answer.json())["latest"] if answer.status == 200 else []
        return page, bool(latest)

    found = await asyncio.gather(*(one(p, path) for p, path in zip(people, paths, strict=True)))
    return sum(page for page, _ in found), sum(latest for _, latest in found)


def page_of(text: str) -> tuple[str, float]:
    found = re.search(r"PAGE (\S+) (\S+)", text)
    return (found[1], float(found[2])) if found else ("", 0.0)


async def read_lesson(people: list[Trainee], folder: str, notebook: Path) -> bool:
    book = json.loads(notebook.read_text())
    code = ["".join(c["source"]) for c in book["cells"] if c["cell_type"] == "code"]
    cells = [one for one in code if "desk.check" not in one] + ['desk.check("read-depth", "18 cm")']
    began = time.monotonic()
    said = await asyncio.gather(*(one.run(cells, folder) for one in people))
    right = sum("✓" in text[-1] for text in said)
    wrong = {t for text in said for t in text if "ERROR" in t}
    print(
        f"lesson read by all at once: {time.monotonic() - began:.0f} s; {right} marked right; errors: {wrong or 'none'}",
        flush=True,
    )
    return right == len(people) and not wrong


async def own_stations(base: str, people: list[Trainee], folder: str) -> bool:
    began = time.monotonic()
    said = [text[-1] for text in await asyncio.gather(*(one.run([DESK, STATION], folder) for one in people))]
    found = [page_of(text) for text in said]
    paths = [path for path, _ in found]
    starts = [seconds for _, seconds in found]
    print(
        f"{len(people)} stations started at once (simulate, collect, page): all there after {time.monotonic() - began:.0f} s "
        f"(one: first {min(starts):.0f}, median {median(starts):.0f}, last {max(starts):.0f}); "
        f"{len(set(paths) - {''})} pages on ports of their own; "
        f"{[t for t, p in zip(said, paths, strict=True) if not p][:2] or 'no errors'}",
        flush=True,
    )
    await asyncio.sleep(10)
    asked = time.monotonic()
    good, shown = await pages_answer(base, people, paths)
    print(
        f"while they run: {good} pages answer through the hub, {shown} show readings; all asked at once "
        f"{time.monotonic() - asked:.1f} s",
        flush=True,
    )
    said = [text[0] for text in await asyncio.gather(*(one.run([DAY_OVER], folder) for one in people))]
    days = [json.loads(text.partition("DAY ")[2].splitlines()[0]) if "DAY " in text else {} for text in said]
    whole = sum(len(day["held"]) == SERIES and set(day["held"].values()) == {SLOTS} for day in days if day)
    lost = sum(SERIES * SLOTS - sum(day["held"].values()) for day in days if day)
    took = [day["took"] for day in days if day] or [0.0]
    print(
        f"the day is over after {median(took):.0f} s (first {min(took):.0f}, last {max(took):.0f}); {whole} journals of "
        f"{len(people)} hold all {SERIES * SLOTS} readings, {lost} readings lost; programs alive to the end: "
        f"{sum(all(day['alive']) for day in days if day)}; "
        f"{[t[-300:] for t, d in zip(said, days, strict=True) if not d][:2] or 'no errors'}",
        flush=True,
    )
    return good == shown == whole == len(people)


async def drill(base: str, people: list[Trainee], folder: str, at_once: int) -> bool:
    gate, times = asyncio.Semaphore(at_once), []

    async def one(person: Trainee) -> str:
        async with gate:
            began = time.monotonic()
            text = (await person.run([DESK, DRILL], folder))[-1]
            times.append(time.monotonic() - began)
            return text

    began = time.monotonic()
    said = await asyncio.gather(*(one(person) for person in people))
    paths = [page_of(text)[0] for text in said]
    print(
        f"{len(people)} drills over MQTT, {at_once} at a time, each with its own simulate, collect and broker: "
        f"{time.monotonic() - began:.0f} s, one {median(times):.0f} s; {len(set(paths) - {''})} pages on ports of their own; "
        f"{[t[-300:] for t, p in zip(said, paths, strict=True) if not p][:2] or 'no errors'}",
        flush=True,
    )
    good, shown = await pages_answer(base, people, paths)
    async with people[-1].session.get(f"{base}{paths[0]}") as answer:
        other = answer.status if f"/user/{people[0].name}/" in str(answer.url) else 403
    print(
        f"{good} live pages answer through the hub, {shown} show readings; another trainee's page: {other}",
        flush=True,
    )
    return good == shown == len(people)


async def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trainees", type=int, default=30)
    parser.add_argument("--bench", type=int, default=30, help="drills that run at the same time")
    parser.add_argument("--steps", default="read,station,drill", help="what they do, in this order")
    parser.add_argument("--spare", type=int, default=3072, help="memory that is left alone [MiB]")
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

        memory = Memory(hub.pid, people, wanted.spare)
        memory.say("servers, nothing open")
        folder = "soil-profile-zh-1"
        began = time.monotonic()
        hello = await asyncio.gather(*(one.run(["import os; print(os.getcwd())"], folder) for one in people))
        print(
            f"{len(people)} kernels at once: {time.monotonic() - began:.0f} s; "
            f"{len({text[0] for text in hello})} folders",
            flush=True,
        )
        memory.say("a kernel each, nothing run")
        fine = True
        for step in wanted.steps.split(","):
            if step == "read":
                notebook = box / "class" / people[0].name / folder / "01_read.ipynb"
                fine &= await memory.during("lesson read runs", read_lesson(people, folder, notebook))
            elif step == "station":
                fine &= await memory.during("all stations run", own_stations(base, people, folder))
            elif step == "drill":
                fine &= await memory.during("drills run", drill(base, people, folder, wanted.bench))
            memory.say(f"after {step}")
        return 0 if fine else 1
    finally:
        for one in people:
            await one.session.close()
        below = [pid for name, pids in by_trainee(hub.pid).items() if name for pid in pids]
        hub.send_signal(signal.SIGTERM)
        hub.wait(300)
        for pid in below:  # what a trainee's terminals would leave behind
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
