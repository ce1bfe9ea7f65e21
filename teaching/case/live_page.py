"""The live page of a trainee's run: on a free port, gone with the notebook, behind a hub's prefix where there is one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from soilco2.station_config.message import Message
from soilco2.teaching.errors import CaseError

_served: dict[Path, tuple[subprocess.Popen[str], str]] = {}


def address(port: int) -> str:
    """Where a browser finds `port` of this machine: through the hub's server proxy when there is a hub."""
    prefix = os.environ.get("JUPYTERHUB_SERVICE_PREFIX", "")
    return f"{prefix.rstrip('/')}/proxy/{port}/" if prefix else f"http://127.0.0.1:{port}/"


def serve(folder: Path, drill: str, lang: str) -> str:
    """Serve the page of a run of ``notebook.bench``, or without a drill that of the station itself; shows its address.

    The station itself is the one that runs, or ran, in terminals; before it ever ran, the run without a fault.

    Raises
    ------
    CaseError
        When there was no such run, or the page does not start.
    """
    own = folder / "station"
    place = own if not drill and (own / "journal.sqlite").is_file() else own / f"run-{drill or 'healthy'}"
    station = place / "station.toml"
    if not station.is_file():
        bench = f'notebook.bench("{drill}")' if drill else "notebook.bench()"
        raise CaseError(Message("There is no such run yet: run {call} first.", call=bench), lang)
    clock = place / "clock"
    follow = ["--clock-file", str(clock)] if place == own and clock.is_file() else []
    child, where = _served.get(station, (None, ""))
    if child is None or child.poll() is not None:
        # its standard input ends with this process, and it ends with its standard input
        child = subprocess.Popen(
            [sys.executable, "-m", "soilco2", "dashboard", "serve", str(station), "--port", "0", "--trust-proxy",
             "--with-parent", *follow],
            cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        assert child.stdout is not None
        said = child.stdout.readline().strip()
        if not said.startswith("http://"):
            child.kill()
            child.wait()
            raise CaseError(Message("The page does not start: {why}", why=said), lang)
        where = address(int(said.rstrip("/").rpartition(":")[2]))
        _served[station] = (child, where)
    _show(where, lang)
    return where


def _show(where: str, lang: str) -> None:
    from IPython.display import Markdown, display

    words = "打开实时页面" if lang == "zh" else "open the live page"
    display(Markdown(f"[{words}]({where})"))  # type: ignore[no-untyped-call]
