"""Accounts and rights of an MQTT broker (mosquitto): each station sees its own topics and no others.

A station's collector may read the topics of its connections; each connection has an account for its node, which may
write that connection's topic. Passwords are random (192 bits) and lie in files of their own; the broker gets hashes.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import re
import secrets
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from soilco2.station_config.connections.over_mqtt import meet
from soilco2.station_config.connections.registry import kind_of
from soilco2.station_config.loader import Station
from soilco2.station_config.message import Message, system

ITERATIONS = 101
"""Rounds of PBKDF2, mosquitto's own number; the passwords are random, so more would add nothing."""


class BrokerFilesError(Exception):
    """The files cannot be made; the message is one clear sentence."""

    def __init__(self, message: Message) -> None:
        super().__init__(message)


class Account(NamedTuple):
    """One user of the broker.

    Parameters
    ----------
    user : str
    station : str
    rights : tuple of (str, str)
        ``read`` or ``write``, and the topic.
    """

    user: str
    station: str
    rights: tuple[tuple[str, str], ...]


def accounts(stations: Sequence[Station]) -> list[Account]:
    """The accounts of some stations.

    Raises
    ------
    BrokerFilesError
        When a topic or user name cannot be written, or would let one station into another.
    """
    found: list[Account] = []
    topics: list[tuple[str, str, str]] = []
    for station in stations:
        name = station.file.station.id
        lines = [
            (row, kind_of(row).topics(row, name))
            for row in station.file.connection
            if kind_of(row).broker(row) == ""
        ]
        if not lines:
            raise BrokerFilesError(
                Message(
                    "station {name} has no [[connection]] of kind 'mqtt', so the broker has no use for it",
                    name=name,
                )
            )
        mine: list[str] = []
        for line, listened in lines:
            for topic in listened:
                _check_topic(topic, Message("station {name}, connection {line}", name=name, line=line.id))
                topics.append((name, line.id, topic))
            mine += listened
            found.append(Account(f"{name}.{line.id}", name, tuple(("write", topic) for topic in listened)))
        table = station.file.mqtt
        collector = (table.username if table is not None else None) or f"soilco2-{name}"
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.@-]{0,63}", collector):
            raise BrokerFilesError(
                Message(
                    "station {name}: [mqtt] username = {collector!r} cannot be an account of the broker; 1 to 64 "
                    "letters, digits, dots, dashes, underscores and @ are expected",
                    name=name,
                    collector=collector,
                )
            )
        found.append(Account(collector, name, tuple(("read", topic) for topic in dict.fromkeys(mine))))
    _check_apart(found, topics)
    return found


def _check_topic(topic: str, where: Message) -> None:
    levels = topic.split("/")
    fits = (
        all(level in ("+", "#") or not re.search(r"[+#]", level) for level in levels)
        and "#" not in levels[:-1]
    )
    if not topic or not topic.isprintable() or topic != topic.strip() or not fits:
        raise BrokerFilesError(
            Message(
                "{where}: topic = {topic!r} is no topic of MQTT; expected is such as 'soilco2/yulin/data'",
                where=where,
                topic=topic,
            )
        )
    if levels[0] in ("+", "#") or topic.startswith("$"):
        raise BrokerFilesError(
            Message(
                "{where}: topic = {topic!r} reaches into other stations or the broker; begin it with a word of "
                "your own",
                where=where,
                topic=topic,
            )
        )


def _check_apart(found: Sequence[Account], topics: Sequence[tuple[str, str, str]]) -> None:
    users: dict[str, str] = {}
    for account in found:
        if account.user in users:
            raise BrokerFilesError(
                Message(
                    "stations {first} and {second} would share the account {user!r}; give each an id, and in "
                    "[mqtt] a username, of its own",
                    first=users[account.user],
                    second=account.station,
                    user=account.user,
                )
            )
        users[account.user] = account.station
    for number, (station, connection, topic) in enumerate(topics):
        for other, line, theirs in topics[:number]:
            if other != station and meet(topic, theirs):
                raise BrokerFilesError(
                    Message(
                        "topic {topic!r} of station {station}, connection {connection}, meets {theirs!r} of "
                        "station {other}, connection {line}; each would read the other's data",
                        topic=topic,
                        station=station,
                        connection=connection,
                        theirs=theirs,
                        other=other,
                        line=line,
                    )
                )


def acl_text(found: Iterable[Account]) -> str:
    """The broker's access file."""
    lines = ["# Written by 'soilco2 broker'; written again, changes made here are lost."]
    for account in found:
        lines += ["", f"user {account.user}", *(f"topic {right} {topic}" for right, topic in account.rights)]
    return "\n".join(lines) + "\n"


def hashed(password: str, salt: bytes | None = None, iterations: int = ITERATIONS) -> str:
    """A password as mosquitto keeps it: PBKDF2 with SHA-512."""
    salt = secrets.token_bytes(12) if salt is None else salt
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, iterations)
    return f"$7${iterations}${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}"


def fits(password: str, line: str) -> bool:
    """Whether a kept hash is of this password."""
    parts = line.split("$")
    try:
        kind, rounds, salt = parts[1], int(parts[2]), base64.b64decode(parts[3], validate=True)
    except (IndexError, ValueError):
        return False
    return kind == "7" and 0 < rounds < 10**6 and hmac.compare_digest(hashed(password, salt, rounds), line)


def write(folder: Path, found: Sequence[Account]) -> list[str]:
    """Write ``config/passwords``, ``config/acl``, ``secrets/<user>`` and the folder ``data``.

    A password that is there stays; remove its file for a new one.

    Parameters
    ----------
    folder : Path
        Outside of any repository.
    found : sequence of Account

    Returns
    -------
    list of str
        Users with a new password.

    Raises
    ------
    BrokerFilesError
        When the folder lies in a repository, or cannot be written.
    """
    whole = folder.absolute().resolve()
    repository = next((place for place in (whole, *whole.parents) if (place / ".git").exists()), None)
    if repository is not None:
        raise BrokerFilesError(
            Message(
                "{folder} lies in the repository {repository}; keep passwords outside of repositories",
                folder=folder,
                repository=repository,
            )
        )
    try:
        for name in ("config", "secrets", "data"):
            (folder / name).mkdir(mode=0o700, parents=True, exist_ok=True)
        kept = _kept(folder / "config" / "passwords")
        fresh, lines = [], []
        for account in found:
            path = folder / "secrets" / account.user
            password = path.read_text(encoding="utf-8").strip() if path.exists() else ""
            if not password:
                password = secrets.token_urlsafe(24)
                _replace(path, password + "\n")
                fresh.append(account.user)
            line = kept.get(account.user, "")
            lines.append(f"{account.user}:{line if fits(password, line) else hashed(password)}")
        _replace(folder / "config" / "passwords", "\n".join(lines) + "\n")
        _replace(folder / "config" / "acl", acl_text(found))
    except OSError as error:
        raise BrokerFilesError(
            Message(
                "{path} cannot be read or written ({why}); name a folder that is yours",
                path=error.filename or folder,
                why=system(error),
            )
        ) from None
    return fresh


def _kept(path: Path) -> dict[str, str]:
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return dict(line.split(":", 1) for line in lines if ":" in line)


def _replace(path: Path, text: str) -> None:
    """A file that only its owner reads, whole or not at all."""
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return
    part = path.with_name(path.name + ".part")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    part.replace(path)
