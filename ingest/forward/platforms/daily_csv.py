"""Daily files: written whole under another name, then renamed, and made anew when something of their day changes."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from soilco2.ingest.forward.platforms.template import Template
from soilco2.quality.records import Observation
from soilco2.station_config.extras import how_to_add
from soilco2.station_config.loader import Station
from soilco2.station_config.message import Message, system
from soilco2.station_config.tables.platform import CsvPlatform
from soilco2.storage.errors import SinkDenied, SinkError, SinkUnavailable
from soilco2.storage.journal.reader import JournalReader

UNFINISHED = ".part"
"""Ends the name of a file that is not whole yet."""

Put = Callable[[str, bytes], None]
"""Puts a file of this name and content there, whole or not at all."""


class DailyTemplate(Template):
    """A line says which day of the receiver's zone an observation belongs to."""

    def observed(self, journal: str, rev: int, row: Observation) -> str | None:
        if self.reading(journal, rev, row) is None:
            return None
        return f"{self.when(row.time_us).date().isoformat()} {row.series} {journal}:{rev}"


class CsvSink:
    """Files of days.

    Parameters
    ----------
    table : CsvPlatform
    station : Station
    whole : callable
        Opens the journal with its archives: a file is made of all that is known of its day.
    """

    def __init__(self, table: CsvPlatform, station: Station, whole: Callable[[], JournalReader]) -> None:
        self.table = table
        self._template = DailyTemplate(table, station)
        self._station = station.file.station.id
        self._whole = whole
        self._password = table.password.reveal() if table.password is not None else None

    def write(self, lines: bytes) -> None:
        """Make the files of these lines' days anew; when this returns, they are there."""
        days = sorted({line[:10] for line in lines.decode().split("\n")})
        with self._whole() as reader, self._door() as put:
            for day in days:
                name = self.table.name.replace("{station}", self._station).replace("{date}", day)
                put(name, self._content(reader, date.fromisoformat(day)))

    def close(self) -> None:
        """Nothing is held."""

    def _content(self, reader: JournalReader, day: date) -> bytes:
        start, end = self._midnight(day), self._midnight(day + timedelta(days=1))
        rows = sorted(reader.revisions(start, end), key=lambda found: (found[1].time_us, found[1].series))
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(self.table.fields)
        for rev, row in rows:
            reading = self._template.reading(reader.journal_id, rev, row)
            if reading is not None:
                writer.writerow(reading.values())
        return text.getvalue().encode()

    def _midnight(self, day: date) -> int:
        at = datetime(day.year, day.month, day.day, tzinfo=self._template.zone)
        return round(at.timestamp()) * 1_000_000

    @contextmanager
    def _door(self) -> Iterator[Put]:
        if self.table.folder is not None:
            yield self._in_folder
            return
        with _sftp(self.table, self._password) as put:
            yield put

    def _in_folder(self, name: str, content: bytes) -> None:
        assert self.table.folder is not None
        path = self.table.folder / name
        part = path.with_name(name + UNFINISHED)
        try:
            with part.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
        except OSError as error:
            raise SinkUnavailable(
                Message(
                    "{platform}: {path} cannot be written: {why}",
                    platform=self.table.id, path=path, why=system(error),
                )
            ) from error  # fmt: skip


@contextmanager
def _sftp(table: CsvPlatform, password: str | None) -> Iterator[Put]:
    """A session with the SFTP server; its key has to be known beforehand."""
    try:
        import paramiko
    except ImportError:
        raise SinkDenied(
            Message("{platform}: SFTP needs paramiko; {how}", platform=table.id, how=how_to_add("sftp"))
        ) from None
    assert table.sftp is not None
    user, _, place = table.sftp.partition("@")
    host, _, port = place.partition(":")
    client = paramiko.SSHClient()
    try:
        client.load_host_keys(str(table.known_hosts or Path("~/.ssh/known_hosts").expanduser()))
        client.set_missing_host_key_policy(paramiko.RejectPolicy())
        client.connect(
            host, int(port or 22), user, password=password,
            key_filename=None if table.key_file is None else str(table.key_file),
            allow_agent=False, look_for_keys=False,
            timeout=table.timeout, banner_timeout=table.timeout, auth_timeout=table.timeout,
        )  # fmt: skip
        with client.open_sftp() as door:
            channel = door.get_channel()
            assert channel is not None
            channel.settimeout(table.timeout)
            folder = table.remote_folder.rstrip("/") or "/"

            def put(name: str, content: bytes) -> None:
                path = f"{folder}/{name}"
                door.putfo(io.BytesIO(content), path + UNFINISHED, len(content))
                door.posix_rename(path + UNFINISHED, path)

            yield put
    except (paramiko.SSHException, OSError, EOFError) as error:
        raise _sftp_fault(table, error, paramiko) from None
    finally:
        client.close()


def _sftp_fault(table: CsvPlatform, error: BaseException, paramiko: Any) -> SinkError:
    place = f"{table.id} at {table.sftp}"
    if isinstance(error, paramiko.AuthenticationException):
        return SinkDenied(Message("{place}: the server does not accept user, password or key", place=place))
    if isinstance(error, paramiko.BadHostKeyException) or "not found in known_hosts" in str(error):
        return SinkDenied(
            Message(
                "{place}: the server's key is not the one in known_hosts; when you know that it is right, put it "
                "there with ssh-keyscan",
                place=place,
            )
        )
    return SinkUnavailable(Message("{place}: {why}", place=place, why=str(error) or type(error).__name__))
