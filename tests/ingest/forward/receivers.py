"""A platform of an institute on loopback: real HTTP, answers as told, then success."""

from __future__ import annotations

import asyncio
import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

Answer = tuple[int, dict[str, str], bytes]
OK: Answer = (200, {}, b'{"code": 0}')


class Receiver:
    """Keeps every reading of requests that it answered with success; `judge` may answer by the readings."""

    def __init__(self, *answers: Answer, tls: ssl.SSLContext | None = None) -> None:
        self.answers = list(answers)
        self.judge: Callable[[list[dict[str, Any]]], Answer] = lambda readings: OK
        self.kept: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.bodies: list[Any] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                readings = body if isinstance(body, list) else body.get("data", [body])
                outer.headers.append(dict(self.headers))
                outer.bodies.append(body)
                answer = outer.answers.pop(0) if outer.answers else outer.judge(readings)
                if answer == OK:
                    outer.kept += readings
                status, headers, text = answer
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign]
        if tls is not None:
            self._server.socket = tls.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self.url = f"http{'s' if tls else ''}://127.0.0.1:{self._server.server_address[1]}/in"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)


@contextmanager
def sftp_server(folder: Path, password: str, key: str | None = None) -> Iterator[tuple[int, str]]:
    """A real SFTP server on loopback over a folder: its port, and its line of known_hosts."""
    import asyncssh

    connections: list[asyncssh.SSHServerConnection] = []

    class Login(asyncssh.SSHServer):
        def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
            connections.append(conn)

        def begin_auth(self, username: str) -> bool:
            return True

        def password_auth_supported(self) -> bool:
            return True

        def public_key_auth_supported(self) -> bool:
            return key is not None

        def validate_public_key(self, username: str, given: asyncssh.SSHKey) -> bool:
            assert key is not None
            return username == "soil" and given.public_data == asyncssh.import_public_key(key).public_data

        def validate_password(self, username: str, given: str) -> bool:
            return (username, given) == ("soil", password)

    loop = asyncio.new_event_loop()
    own = asyncssh.generate_private_key("ssh-ed25519")
    server = loop.run_until_complete(
        asyncssh.listen(
            "127.0.0.1", 0, server_host_keys=[own], server_factory=Login,
            sftp_factory=lambda channel: asyncssh.SFTPServer(channel, chroot=str(folder).encode()),
        )
    )  # fmt: skip
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    port = server.get_port()
    try:
        yield port, f"[127.0.0.1]:{port} {own.export_public_key().decode()}"
    finally:

        async def end() -> None:
            server.close()
            for one in connections:
                one.abort()
                await one.wait_closed()
            await server.wait_closed()

        asyncio.run_coroutine_threadsafe(end(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
