"""A small Grafana: folders, dashboards and their history as its HTTP API documents them, and faults on command.

Only what the real one cannot be made to do here stands in it: there is no Grafana on this machine.
"""

from __future__ import annotations

import json
import re
import socket
import sys
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOKEN = "glsa_a-token-for-tests-only"
Answer = tuple[int, Any]


class _Server(ThreadingHTTPServer):
    daemon_threads = (
        False  # closing waits for them: a connection that a client never closes is a fault of the client
    )
    faults: list[BaseException | None]

    def handle_error(self, _request: Any, _client_address: Any) -> None:
        self.faults.append(sys.exception())


class Double:
    """The state of a Grafana.

    Parameters
    ----------
    prefix : str
        Path it is served under.
    old : bool
        History as a bare list, as before Grafana 11.
    """

    def __init__(self, prefix: str = "", *, old: bool = False) -> None:
        self.prefix, self.old = prefix, old
        self.folders: dict[str, str] = {}
        self.boards: dict[str, dict[str, Any]] = {}
        self.home: dict[str, str] = {}
        self.history: dict[str, list[dict[str, Any]]] = {}
        self.sources = [{"uid": "soilco2", "type": "influxdb"}]
        self.provisioned: set[str] = set()
        self.requests: list[str] = []
        self.fault: Callable[[str, str], Answer | str | None] = lambda _method, _path: None
        """From method and path to an answer, ``"cut"``, ``"html"`` or ``"redirect"``; None: as usual."""
        self.before_save: Callable[[str], None] = lambda _uid: None
        self.faults: list[BaseException | None] = []
        """What went wrong in a thread of its own: on the terminal it would stand among the words of a command."""
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        self._server.faults = self.faults
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}{self.prefix}"

    def close(self) -> None:
        """Stop when every connection has been let go, and tell what went wrong on one."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)
        assert self.faults == []

    def saved_by_hand(self, uid: str, title: str = "", who: str = "L. Technician") -> None:
        """A person saves a dashboard in the browser, without a message."""
        board = {**self.boards[uid], **({"title": title} if title else {})}
        self._keep(uid, board, who, "")

    def _keep(self, uid: str, board: dict[str, Any], who: str, message: str) -> int:
        version = len(self.history.get(uid, [])) + 1
        self.boards[uid] = {**board, "uid": uid, "id": 1, "version": version}
        self.history.setdefault(uid, []).append(
            {"id": version, "version": version, "createdBy": who, "message": message}
        )
        return version

    def answer(self, method: str, path: str, body: Any) -> Answer:
        """What the API answers."""
        if (method, path) == ("GET", "/api/folders"):
            return 200, [{"uid": uid, "title": title} for uid, title in self.folders.items()]
        if (method, path) == ("POST", "/api/folders"):
            uid = body.get("uid") or f"f{len(self.folders)}"
            self.folders[uid] = body["title"]
            return 200, {"uid": uid, "title": body["title"], "version": 1}
        if (method, path) == ("GET", "/api/datasources"):
            return 200, self.sources
        if (method, path) == ("POST", "/api/dashboards/db"):
            return self._save(body)
        if found := re.fullmatch(r"/api/dashboards/uid/([A-Za-z0-9_-]{1,40})(/versions)?", path):
            uid = found[1]
            if uid not in self.boards:
                return 404, {"message": "Dashboard not found", "status": "not-found"}
            if found[2]:
                rows = list(reversed(self.history[uid]))
                return 200, rows if self.old else {"continueToken": "", "versions": rows}
            return 200, {"dashboard": self.boards[uid], "meta": {"folderUid": self.home[uid]}}
        return 404, {"message": "Not found"}

    def _save(self, body: dict[str, Any]) -> Answer:
        board = body["dashboard"]
        self.before_save(board["uid"])
        uid, there = board["uid"], self.boards.get(board["uid"])
        if body["folderUid"] not in self.folders:
            return 400, {"message": "folder not found", "status": "error"}
        if uid in self.provisioned:
            return 400, {"message": "Cannot save provisioned dashboard"}
        twin = [u for u, b in self.boards.items() if b["title"] == board["title"] and u != uid
                and self.home[u] == body["folderUid"]]  # fmt: skip
        if twin and not body["overwrite"]:
            words = "A dashboard with the same name in the folder already exists"
            return 412, {"status": "name-exists", "message": words}
        if there is not None and not body["overwrite"] and board["version"] != there["version"]:
            return 412, {
                "status": "version-mismatch",
                "message": "The dashboard has been changed by someone else",
            }
        self.home[uid] = body["folderUid"]
        version = self._keep(uid, board, "sa-soilco2", body["message"])
        return 200, {"id": 1, "uid": uid, "status": "success", "version": version, "url": f"/d/{uid}/x"}


def _handler(double: Double) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 60

        def log_message(self, *_: Any) -> None:
            pass

        def _do(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            path = self.path.partition("?")[0]
            double.requests.append(f"{self.command} {path}")
            assert path.startswith(double.prefix), path
            path = path.removeprefix(double.prefix)
            found = double.fault(self.command, path)
            if found == "cut":
                self.wfile.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{")
                self.wfile.flush()
                self.connection.shutdown(socket.SHUT_RDWR)
                self.close_connection = True
                return
            if found == "redirect":
                self.send_response(302)
                self.send_header("location", "http://127.0.0.1:9/login")
                self.send_header("content-length", "0")
                self.end_headers()
                return
            if found == "html":
                self._send(200, b"<html>message: please log in</html>")
                return
            if found is None:
                if self.headers.get("authorization") != f"Bearer {TOKEN}":
                    found = 401, {"message": "Invalid API key"}
                else:
                    found = double.answer(self.command, path, body)
            status, answer = found
            self._send(status, answer if isinstance(answer, bytes) else json.dumps(answer).encode())

        def _send(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PUT = do_DELETE = _do

    return Handler
