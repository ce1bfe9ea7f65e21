"""Files of loggers in a folder that is watched: their table, the models of their sensors, rules, words."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from soilco2.station_config.base import Duration, FilePath
from soilco2.station_config.catalogue.probe import ProbeModel
from soilco2.station_config.connections.kind import Claim, Connection, Draft, Key, Kind, Models
from soilco2.station_config.errors import Fault
from soilco2.station_config.mapping import Mapping, wrong_in
from soilco2.station_config.message import Message


class LoggerFileConnection(Connection, Mapping):
    """Files of a logger in a folder of this machine, read as they grow."""

    kind: Literal["logger-file"]
    """`"logger-file"`."""
    rank: Literal["file", "live", "table"] = "file"
    """How far its numbers go before others of the same series and time."""
    path: FilePath
    """The file, or a pattern for several, such as `"/srv/loggernet/Dune2_*.dat"`; patterns are for names of files, not
    of folders."""
    every: Annotated[Duration, Field(ge=0.05)] = 10.0
    """Time between two looks at the folder."""


class FileModel(ProbeModel):
    """A model of sensor whose readings a logger writes into files."""

    protocols: ClassVar[tuple[str, ...]] = ("logger-file",)

    protocol: Literal["logger-file"]
    """How it is read."""


class _LoggerFile(Kind):
    name = "logger-file"
    label = ("logger files", "记录器文件")
    contract = "file"
    table = LoggerFileConnection
    models = (FileModel,)
    driver = "soilco2.ingest.drivers.logger_file:DRIVER"
    open_ended = True
    keys: ClassVar = {
        "id": ("line", "线路"),
        "kind": ("protocol", "协议"),
        "rank": ("rank", "级别"),
        "path": ("files", "文件"),
        "every": ("time between looks", "查看间隔"),
        "format": ("format", "格式"),
        "timezone": ("zone of the logger's clock", "记录器时钟的时区"),
        "summer_time": ("clock changed in summer", "采用夏令时"),
        "period": ("time between rows", "行间隔"),
        "stamp": ("what a time marks", "时间所指"),
        "encoding": ("encoding", "编码"),
        "delimiter": ("delimiter", "分隔符"),
        "header_line": ("line of the names", "列名所在行"),
        "unit_line": ("line of the units", "单位所在行"),
        "first_line": ("line of the first row", "首行数据"),
        "time": ("columns of the time", "时间列"),
        "time_format": ("how times are written", "时间写法"),
        "decimal": ("decimal sign", "小数点符号"),
        "missing": ("cells without a value", "缺测代码"),
        "column": ("columns", "列"),
    }
    left_out: ClassVar = {
        "timezone": ("what the file says", "文件自身所述"),
        "encoding": ("UTF-8 or GB18030", "UTF-8 或 GB18030"),
        "delimiter": ("as in the header", "按表头"),
        "first_line": ("behind header and units", "表头和单位之后"),
        "unit_line": ("none", "无"),
        "time_format": ("year first", "年份在前"),
        "period": ("not said", "未说明"),
        "stamp": ("not said", "未说明"),
    }

    def describe(self, connection: LoggerFileConnection, station: str) -> str:
        return f"{self.label[0]}, {connection.path}"

    def columns(self, connection: LoggerFileConnection) -> list[tuple[str, str, str]]:
        rows = []
        for row in connection.column:
            only = ", ".join(f"{name} = {value}" for name, value in row.where.items())
            target = "/".join(row.target).lstrip("@")
            rows.append((f"{row.column} ({only})" if only else str(row.column), target, row.unit or ""))
        return rows

    def claims(self, connection: LoggerFileConnection, station: str) -> Iterator[Claim]:
        yield Claim("path", Message("path of files"), str(connection.path))

    def rules(self, draft: Draft, models: Models) -> Iterator[Fault]:
        taken: dict[tuple[str, str], list[str]] = defaultdict(list)
        for n, connection in self.connections(draft):
            path: Key = ("connection", n)
            if any(sign in str(connection.path.parent) for sign in "*?["):
                yield draft.fault(
                    (*path, "path"), str(connection.path),
                    Message("a pattern is expected in the name of the file only, such as /srv/logger/soil_*.dat"),
                )  # fmt: skip
            if not connection.column:
                yield draft.fault(
                    (*path, "column"), None,
                    Message(
                        "no column is mapped to a series; 'soilco2 import STATION FILE --draft map.toml' writes a "
                        "first mapping from a file's own header"
                    ),
                )  # fmt: skip
            for wrong in wrong_in(connection.column, draft.file, models):
                yield draft.fault((*path, *wrong.path), wrong.value, wrong.expected)
            for m, row in enumerate(connection.column):
                others = taken[row.target]
                if others and row.serial is not None:
                    yield draft.fault(
                        (*path, "column", m, "serial"), row.serial,
                        Message("connection {other} brings this channel already", other=others[0]),
                    )  # fmt: skip
                others.append(connection.id)

    def advice(self, draft: Draft, models: Models) -> Iterator[Fault]:
        for n, connection in self.connections(draft):
            if connection.timezone is None and connection.format not in ZONED:
                yield draft.fault(
                    ("connection", n), None,
                    Message(
                        "{connection} has no timezone: only files that say their own are read ({formats})",
                        connection=connection.id, formats=", ".join(ZONED),
                    ),
                )  # fmt: skip


ZONED = ("HOBOware", "ISMN")
"""Formats whose files say the zone of their times."""

KIND = _LoggerFile()
