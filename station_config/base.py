"""What every table of the station file shares: strict models, durations, moments, secrets."""

from __future__ import annotations

import os
import re
import stat
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    PlainSerializer,
    StringConstraints,
    ValidationInfo,
)
from pydantic_core import CoreSchema

from soilco2.station_config.errors import StationConfigError
from soilco2.station_config.message import Message, system
from soilco2.station_config.times import DAY_S

Identifier = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$", strip_whitespace=False)
]
"""A name used in paths, topics and database tags: letters, digits, dot, dash, underscore; 64 at most."""

_UNITS = {"ms": 0.001, "s": 1.0, "min": 60.0, "h": 3600.0, "d": float(DAY_S)}


def parse_duration(value: Any) -> float:
    """Turn ``"60s"``, ``"30min"``, ``"1h"``, ``"14d"`` into seconds; a number alone is refused: no unit."""
    if isinstance(value, str):
        match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(ms|s|min|h|d)\s*", value)
        if match:
            return float(match[1]) * _UNITS[match[2]]
    raise ValueError(Message("a duration with its unit is expected, such as '60s', '30min', '1h' or '14d'"))


def duration_text(seconds: float) -> str:
    """The text that `parse_duration` reads back as exactly these seconds, such as ``"60s"``."""
    text = f"{seconds:.9f}".rstrip("0").rstrip(".")
    return f"{text}s"


Duration = Annotated[
    float, BeforeValidator(parse_duration), PlainSerializer(duration_text, return_type=str, when_used="json")
]
"""Seconds, written with a unit in the file."""


def _moment(value: Any, info: ValidationInfo) -> Any:
    if isinstance(value, str) and info.mode == "json":  # the canonical text, not a station file
        value = date.fromisoformat(value) if len(value) == 10 else datetime.fromisoformat(value)
    if isinstance(value, date) and (not isinstance(value, datetime) or value.tzinfo is not None):
        if not 1900 <= value.year <= 2200:
            raise ValueError(Message("a time between the years 1900 and 2200 is expected"))
        return value
    raise ValueError(
        Message(
            "a date or a time with its zone is expected, without quotes, such as 2026-03-01 or "
            "2026-03-01T00:00:00+08:00"
        )
    )


Moment = Annotated[datetime | date, BeforeValidator(_moment)]
"""A zoned time, or a date that means its midnight in the station's time zone."""


def _not_empty(value: Any) -> Any:
    if value == "":
        raise ValueError(Message("a path is expected; leave the key out where none is meant"))
    return value


FilePath = Annotated[Path, BeforeValidator(_not_empty), AfterValidator(Path.expanduser)]
"""A path; the loader makes a relative one relative to the file it is written in."""


def moment_us(value: datetime | date, zone: ZoneInfo) -> int:
    """Microseconds UTC of a moment [µs]; a plain date is its midnight in `zone`."""
    if not isinstance(value, datetime):
        value = datetime.combine(value, time(0), zone)
    delta = value.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    return (delta.days * DAY_S + delta.seconds) * 1_000_000 + delta.microseconds


def _numbers_unquoted(schema: Any) -> None:
    """Make numbers strict: pydantic would turn ``"11"`` and ``true`` into numbers without a word."""
    if isinstance(schema, dict):
        if schema.get("type") in ("int", "float"):
            schema["strict"] = True
        for part in schema.values():
            _numbers_unquoted(part)
    elif isinstance(schema, list):
        for part in schema:
            _numbers_unquoted(part)


class Table(BaseModel):
    """A table of the station file: unknown keys are refused, nothing changes after loading."""

    model_config = ConfigDict(
        defer_build=True,
        extra="forbid",
        frozen=True,
        str_strip_whitespace=True,
        allow_inf_nan=False,
        serialize_by_alias=True,
    )

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        schema = handler(source)
        _numbers_unquoted(schema)
        return schema


class Secret(Table):
    """Where a secret comes from; it is never written in the station file.

    Exactly one of `env` (name of an environment variable) and `file` (path of a file outside the
    repository whose first line is the secret).
    """

    env: str | None = Field(default=None, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")
    """Name of an environment variable."""
    file: FilePath | None = None
    """File whose first line is the secret."""

    def model_post_init(self, context: Any, /) -> None:
        if (self.env is None) == (self.file is None):
            raise ValueError(
                Message('exactly one of env and file is expected, such as {{ env = "SOILCO2_TOKEN" }}')
            )

    def exposed(self) -> bool:
        """Whether it lies in a file that everybody on this machine can read."""
        try:
            return self.file is not None and bool(self.file.expanduser().stat().st_mode & stat.S_IROTH)
        except OSError:
            return False

    def reveal(self) -> str:
        """The secret itself.

        Raises
        ------
        StationConfigError
            When the variable is not set or the file cannot be read.
        """
        if self.env is not None:
            found = os.environ.get(self.env, "")
            if not found:
                raise StationConfigError(
                    Message("the environment variable {env} is not set; put the secret there", env=self.env)
                )
            return found
        assert self.file is not None
        try:
            lines = self.file.expanduser().read_text(encoding="utf-8").splitlines()
        except OSError as error:
            raise StationConfigError(
                Message("the secret's file {file} cannot be read: {why}", file=self.file, why=system(error))
            ) from error
        if not lines or not lines[0].strip():
            raise StationConfigError(
                Message("the secret's file {file} is empty; its first line is the secret", file=self.file)
            )
        return lines[0].strip()


class Names(Table):
    """A name in both languages; a plain string stands for both."""

    en: str = Field(min_length=1)
    """English."""
    zh: str = Field(min_length=1)
    """Chinese."""


def names(value: Any) -> Any:
    """Accept a plain string where a name in two languages is expected."""
    return {"en": value, "zh": value} if isinstance(value, str) else value


BothNames = Annotated[Names, BeforeValidator(names)]
