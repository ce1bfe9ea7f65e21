"""Dashboards into a running Grafana: the only place that knows grafana-api.

What is there and was last saved by this program is brought up to date; what a person saved last is left alone unless
forced. Grafana's own history of versions says which: each save carries the digest of what was saved as its message.
"""

from __future__ import annotations

import hashlib
import importlib
import re
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from soilco2.dashboards.errors import PublishError
from soilco2.dashboards.grafana.inventory import shown
from soilco2.dashboards.grafana.model import Dashboard
from soilco2.station_config.extras import how_to_add
from soilco2.station_config.message import Message

TIMEOUT_S = 30.0
_MARK = "soilco2 "
_WORDS = 300


class Done(StrEnum):
    """What became of a dashboard."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    KEPT = "kept"


class Outcome(NamedTuple):
    """What became of a dashboard, and for one that was left alone, why."""

    uid: str
    title: str
    done: Done
    why: str = ""


class _Refusal(Exception):  # noqa: N818 - an answer, not a fault
    """Grafana's answer is no."""

    def __init__(self, status: int, kind: str, words: str) -> None:
        super().__init__(words)
        self.status, self.kind, self.words = status, kind, words


class Grafana:
    """A running Grafana.

    Parameters
    ----------
    url : str
        Its address, with the path it is served under.
    token : str
        Of a service account that may edit dashboards.
    ca_file : Path, optional
        Certificates to trust.

    Raises
    ------
    PublishError
        When address or token cannot be used, or grafana-api is not installed.
    """

    def __init__(self, url: str, token: str, ca_file: Path | None = None) -> None:
        parts = _parts(url)
        if not re.fullmatch(r"[\x21-\x7e]+", token):
            raise PublishError(
                Message(
                    "SOILCO2_GRAFANA_TOKEN holds no token of Grafana's: one word without spaces is expected"
                )
            )
        if ca_file is not None and not ca_file.is_file():
            raise PublishError(Message("the file of certificates {ca_file} cannot be read", ca_file=ca_file))
        try:
            library: Any = importlib.import_module("grafana_api.grafana_face")
        except ImportError:
            raise PublishError(
                Message("publishing needs the extra 'dashboard': {how}", how=how_to_add("dashboard"))
            ) from None
        host = parts.hostname or ""
        path = parts.path.strip("/")
        self._token = token
        self._where = f"{parts.scheme}://{parts.netloc}{'/' + path if path else ''}"
        self._face = library.GrafanaFace(
            auth=token,
            host=f"[{host}]" if ":" in host else host,
            port=parts.port,
            protocol=parts.scheme,
            url_path_prefix=f"{path}/" if path else "",
            verify=True if ca_file is None else str(ca_file),
            timeout=TIMEOUT_S,
        )
        self._face.api.s.max_redirects = 0  # a redirection would turn a save into a question

    @property
    def unsafe(self) -> bool:
        """Whether the token goes over a network unencrypted."""
        parts = urlsplit(self._where)
        return parts.scheme == "http" and parts.hostname not in ("localhost", "127.0.0.1", "::1")

    def close(self) -> None:
        """Let go of the connection."""
        self._face.api.s.close()

    def folder(self, title: str) -> str:
        """The uid of the folder with this title, made when there is none.

        Raises
        ------
        PublishError
        """
        try:
            for row in _rows(self._ask(self._face.folder.get_all_folders), Message("folders")):
                if row.get("title") == title:
                    return str(row["uid"])
            made = self._ask(lambda: self._face.folder.create_folder(title))
        except _Refusal as no:
            raise self._error(no, Message("the folder {title!r}", title=title)) from None
        return str(_field(made, "uid"))

    def has_source(self, uid: str) -> bool | None:
        """Whether there is a data source with this uid; None when the token may not know."""
        try:
            found = self._ask(self._face.datasource.list_datasources)
        except _Refusal as no:
            if no.status == 403:
                return None
            raise self._error(no, Message("the data sources")) from None
        return any(row.get("uid") == uid for row in _rows(found, Message("data sources")))

    def publish(self, board: Dashboard, folder: str, *, force: bool = False) -> Outcome:
        """Bring a dashboard up to date, unless a person saved it last.

        Parameters
        ----------
        board : Dashboard
        folder : str
            The uid of the folder of a new one; one that is there stays where it is.
        force : bool
            Replace it whoever saved it.

        Raises
        ------
        PublishError
            When Grafana cannot be reached or refuses it.
        """
        mark = _MARK + hashlib.sha256(board.text.encode()).hexdigest()[:16]
        try:
            there = self._there(board.uid)
            if there is None:
                self._save(board, mark, folder, 0, overwrite=False)
                return Outcome(board.uid, board.title, Done.CREATED)
            number, home = there
            newest = self._newest(board.uid)
            message = str(newest.get("message", ""))
            ours = newest.get("version") == number and message.startswith(_MARK)
            if ours and message == mark:
                return Outcome(board.uid, board.title, Done.UNCHANGED)
            if not ours and not force:
                return Outcome(board.uid, board.title, Done.KEPT, _whose(newest, number))
            try:
                self._save(board, mark, home if home is not None else folder, number, overwrite=force)
            except _Refusal as no:
                if no.status == 412 and no.kind == "version-mismatch":
                    return Outcome(
                        board.uid, board.title, Done.KEPT, Message("somebody saved it at this moment")
                    )
                raise
        except _Refusal as no:
            raise self._error(no, Message("the dashboard {title!r}", title=board.title)) from None
        return Outcome(board.uid, board.title, Done.UPDATED)

    def _there(self, uid: str) -> tuple[int, str | None] | None:
        """Version and folder of a dashboard."""
        try:
            found = self._ask(lambda: self._face.dashboard.get_dashboard(uid))
        except _Refusal as no:
            if no.status == 404:
                return None
            raise
        meta = _field(found, "meta")
        number = _field(_field(found, "dashboard"), "version")
        return int(number), meta.get("folderUid") if isinstance(meta, dict) else None

    def _newest(self, uid: str) -> dict[str, Any]:
        """The newest entry of a dashboard's history."""
        try:
            found = self._ask(lambda: self._face.api.GET(f"/dashboards/uid/{uid}/versions?limit=10"))
        except _Refusal as no:
            if no.status != 404:
                raise
            return {}
        if isinstance(found, dict):  # since Grafana 11
            found = found.get("versions", [])
        return max(_rows(found, Message("versions")), key=lambda row: int(row.get("version", 0)), default={})

    def _save(self, board: Dashboard, mark: str, folder: str, version: int, *, overwrite: bool) -> None:
        body = {
            "dashboard": {"id": None, **board.json(), "version": version},
            "folderUid": folder,
            "message": mark,
            "overwrite": overwrite,
        }
        self._ask(lambda: self._face.dashboard.update_dashboard(body))

    def _ask(self, call: Callable[[], Any]) -> Any:
        """One request, with everything that can go wrong told apart."""
        try:
            return call()
        except OSError as error:  # requests' errors are
            raise PublishError(
                Message("Grafana at {where}: {why}", where=self._where, why=_plain(error))
            ) from None
        except (TypeError, ValueError):  # grafana-api expects JSON everywhere
            raise PublishError(
                Message("Grafana at {where}: {why}", where=self._where, why=_NOT_GRAFANA)
            ) from None
        except Exception as error:
            status = getattr(error, "status_code", None)
            if not isinstance(status, int):
                raise
            response = getattr(error, "response", None)
            kind, words = "", str(error)
            if isinstance(response, dict):
                kind, words = str(response.get("status", "")), str(response.get("message", words))
            raise _Refusal(status, kind, self._clean(words)) from None

    def _clean(self, words: str) -> str:
        line = " ".join(words.split()).replace(self._token, "***")
        return line if len(line) <= _WORDS else line[: _WORDS - 1] + "…"

    def _error(self, no: _Refusal, what: Message) -> PublishError:
        return PublishError(Message("Grafana at {where}: {why}", where=self._where, why=_why(no, what)))


def _why(no: _Refusal, what: Message) -> Message:
    if no.status == 401:
        return Message("the token is not accepted; put a valid one into SOILCO2_GRAFANA_TOKEN")
    if no.status == 403:
        return Message("the token may not write {what}; its account needs the role Editor", what=what)
    if no.status == 412 and no.kind == "name-exists":
        return Message(
            "another dashboard of this folder has the title of {what}; rename or remove that one", what=what
        )
    if no.status == 400 and "provisioned" in no.words:
        return Message(
            "{what} was provisioned from a file and can only be changed there; run 'soilco2 dashboard provision' "
            "instead",
            what=what,
        )
    if no.status == 404:
        return Message("it knows no such address (404); is this Grafana, and is the path right?")
    if no.status >= 500:
        return Message(
            "it failed with {status} at {what} ({said}); try again later",
            status=no.status,
            what=what,
            said=no.words,
        )
    return Message("{what} was refused ({status}: {said})", what=what, status=no.status, said=no.words)


def _parts(url: str) -> Any:
    expected = Message(
        "an address such as https://grafana.example.org or http://127.0.0.1:3000/grafana is expected"
    )
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise PublishError(Message("--url cannot be read; {expected}", expected=expected)) from None
    if "@" in parts.netloc:
        raise PublishError(
            Message(
                "--url holds a user name or password; the token alone says who asks: {expected}",
                expected=expected,
            )
        )
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        raise PublishError(
            Message("--url {url!r} is no address of a Grafana; {expected}", url=url, expected=expected)
        )
    if parts.query or parts.fragment or re.search(r"[\x00-\x20]", url):
        raise PublishError(
            Message("--url {url!r} is more than an address; {expected}", url=url, expected=expected)
        )
    return parts


def _rows(found: Any, what: Message) -> list[dict[str, Any]]:
    if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
        raise PublishError(
            Message(
                "Grafana's list of {what} cannot be read; is this a Grafana of version 9 or newer?", what=what
            )
        )
    return found


def _field(found: Any, name: str) -> Any:
    if not isinstance(found, dict) or name not in found:
        raise PublishError(
            Message("Grafana's answer has no {name!r}; is this a Grafana of version 9 or newer?", name=name)
        )
    return found[name]


def _whose(newest: dict[str, Any], number: int) -> Message:
    who = shown(str(newest.get("createdBy") or "")) or Message("somebody")
    return Message("{who} saved version {number}; --force replaces it", who=who, number=number)


_NOT_GRAFANA = Message(
    "the answer is not Grafana's; something else answers there, perhaps a login page of the network"
)
_KNOWN = {
    "ConnectTimeout": Message("time-out while connecting"),
    "ReadTimeout": Message("time-out while waiting for the answer"),
    "SSLError": Message(
        "its certificate cannot be verified; name the authority's file with --ca-file, and check this machine's clock"
    ),
    "TooManyRedirects": Message(
        "it redirects to another address, and the token is not sent there; write the final address as --url"
    ),
    "ConnectionError": Message("no connection, or it was cut"),
    "ChunkedEncodingError": Message("the connection was cut"),
    "JSONDecodeError": _NOT_GRAFANA,
}


def _plain(error: BaseException) -> Message:
    name = type(error).__name__
    return _KNOWN.get(name) or Message.of(name)
