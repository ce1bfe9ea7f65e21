"""Tables ``[[platform]]``: platforms of an institute that readings are sent on to, in the receiver's own words."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, field_validator, model_validator

from soilco2.station_config.base import Duration, FilePath, Identifier, Moment, Secret, Table
from soilco2.station_config.message import Message

Simple = str | int | float | bool | None
FlagName = Literal["good", "not_evaluated", "suspect", "bad"]

NAMES = (
    "id", "station", "profile", "position", "variable", "name", "value", "unit", "flag", "tests",
    "time", "time_s", "time_ms", "rev",
)  # fmt: skip
"""What may stand in braces in a template."""
PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_DEFAULT: dict[str, Simple] = {
    "id": "{id}", "station": "{station}", "profile": "{profile}", "position": "{position}",
    "variable": "{name}", "time": "{time}", "value": "{value}", "unit": "{unit}", "flag": "{flag}",
}  # fmt: skip


class PlatformTable(Table):
    """A platform that readings are sent on to, late corrections again with a new `id`."""

    id: Identifier
    """Name of this platform in status and counters."""
    fields: dict[str, Simple] = Field(default_factory=lambda: dict(_DEFAULT), min_length=1)
    """From the receiver's field to a constant, or to text with {names} of what the station knows."""
    names: dict[str, str] = Field(default_factory=dict)
    """From a variable to the receiver's name of it, for {name}."""
    units: dict[str, str] = Field(default_factory=dict)
    """From a variable to the unit the receiver wants; left out: the station's own."""
    zone: str | None = None
    """Time zone of the receiver, of the IANA list; left out: the station's."""
    time_format: str | None = Field(default=None, min_length=1)
    """How {time} is written, as of `strftime`; left out: ISO 8601 with the zone's offset."""
    variables: tuple[str, ...] | None = Field(default=None, min_length=1)
    """The variables that go out; left out: all."""
    positions: tuple[str, ...] | None = Field(default=None, min_length=1)
    """The positions that go out, as `profile/position`, or a profile as a whole; left out: all."""
    flags: tuple[FlagName, ...] = Field(default=("good", "not_evaluated", "suspect"), min_length=1)
    """Flags whose values go out; a reading with another flag goes out without its value."""
    since: Moment | None = None
    """Readings before this do not go out; left out: all that the journal holds."""
    batch: int = Field(default=500, ge=1, le=50_000)
    """Readings sent at once, at most."""
    interval: Duration = Field(default=10.0, ge=0, le=86_400)
    """Fewer readings than `batch` wait this long for more."""
    timeout: Duration = Field(default=20.0, gt=0, le=600)
    """Longest wait for the receiver, for an answer as a whole."""
    tail: Duration = 0.0
    """Stretch sent again after an outage, for a receiver that may lose what it acknowledged."""

    @field_validator("zone")
    @classmethod
    def _known_zone(cls, value: str | None) -> str | None:
        try:
            ZoneInfo(value or "UTC")
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ValueError(
                Message("a time zone of the IANA list is expected, such as 'Asia/Shanghai'")
            ) from error
        return value

    @field_validator("fields")
    @classmethod
    def _known_names(cls, value: dict[str, Simple]) -> dict[str, Simple]:
        for text in value.values():
            if not isinstance(text, str):
                continue
            rest = PLACEHOLDER.sub("", text)
            for name in PLACEHOLDER.findall(text):
                if name not in NAMES:
                    raise ValueError(
                        Message(
                            "{text!r}: nothing is called {name!r}; there are {names}",
                            text=text, name=name, names=", ".join(NAMES),
                        )
                    )  # fmt: skip
            if "{" in rest or "}" in rest:
                raise ValueError(Message("{text!r}: a brace that is not closed or not opened", text=text))
        return value


class _JsonPlatform(PlatformTable):
    """What a message is made of."""

    under: str | None = Field(default=None, min_length=1)
    """The key that holds the list of readings; left out: the list is the whole message."""
    beside: dict[str, Simple] = Field(default_factory=dict)
    """Constants beside the list of readings, where it has a key."""
    single: bool = False
    """One reading in a message, without a list."""

    @model_validator(mode="after")
    def _one_shape(self) -> Any:
        if self.single and (self.batch != 1 or self.under is not None):
            raise ValueError(Message("single = true needs batch = 1 and no key under"))
        if self.beside and self.under is None:
            raise ValueError(Message("beside needs the key under, which holds the list of readings"))
        if self.under is not None and self.under in self.beside:
            raise ValueError(Message("under and beside name the same key"))
        return self


class HttpPlatform(_JsonPlatform):
    """JSON by HTTP POST.

    With `ok_path` an answer counts only when it is JSON that holds `ok_value` there. A value of `refused_values` there
    is said of the readings: the ones to blame are looked for and parked. Anything else keeps all readings waiting.
    """

    kind: Literal["http"]
    """How it is reached."""
    url: str = Field(pattern=r"^https?://[^\s/@]+(/\S*)?$")
    """Address that takes the readings; never a place for a secret."""
    token: Secret | None = None
    """Where the token comes from."""
    token_header: str = Field(default="Authorization", pattern=r"^[A-Za-z0-9-]{1,64}$")
    """Header that carries the token."""
    token_prefix: str = Field(default="Bearer ", pattern=r"^[ -~]{0,64}$")
    """Stands before the token in its header; may be empty."""
    ca_file: FilePath | None = None
    """Certificates to trust, for `https` with an authority of your own."""
    ok_path: str | None = Field(default=None, min_length=1)
    """Where the answer says whether it was well: keys joined by dots."""
    ok_value: Simple = None
    """What stands there when it was; nothing else counts."""
    refused_values: tuple[str | int | float | bool, ...] = ()
    """What stands there when a reading is not acceptable."""

    @model_validator(mode="after")
    def _both(self) -> Any:
        given = self.model_fields_set
        if ("ok_path" in given) != ("ok_value" in given) or (self.refused_values and self.ok_path is None):
            raise ValueError(
                Message('ok_path and ok_value belong together, such as ok_path = "code" and ok_value = 0')
            )
        return self


class MqttPlatform(_JsonPlatform):
    """JSON to a topic of a broker, QoS 1: confirmed by the broker, not by who listens there."""

    kind: Literal["mqtt"]
    """How it is reached."""
    broker: Identifier | None = None
    """The broker, by the id of its table `[[broker]]`; left out: that of `[mqtt]`."""
    topic: str = Field(max_length=1000, pattern=r"^[^+#\x00]+$")
    """Topic that is published to."""


class CsvPlatform(PlatformTable):
    """A file a day of the receiver's zone, in a folder or by SFTP; made anew whenever something of its day changes."""

    kind: Literal["csv"]
    """How it is reached."""
    folder: FilePath | None = None
    """Folder of the files; it has to be there."""
    sftp: str | None = Field(default=None, pattern=r"^[^\s/@:]+@[^\s/@:]+(:\d{1,5})?$")
    """`user@host` or `user@host:port` of an SFTP server, in place of `folder`."""
    remote_folder: str = Field(default=".", min_length=1)
    """Folder on the SFTP server; it has to be there."""
    password: Secret | None = None
    """Where the password of the SFTP server comes from."""
    key_file: FilePath | None = None
    """Private key for the SFTP server, in place of a password."""
    known_hosts: FilePath | None = None
    """File with the SFTP server's key, as of `ssh-keyscan`; left out: `~/.ssh/known_hosts`."""
    name: str = Field(default="{station}_{date}.csv", pattern=r"^[^/\\\x00]*\{date\}[^/\\\x00]*$")
    """Name of a file, with {date} and perhaps {station}."""
    batch: int = Field(default=20_000, ge=1, le=50_000)
    """Readings looked at at once, at most."""
    interval: Duration = Field(default=900.0, ge=0, le=86_400)
    """A file is made anew this often, at most."""

    @model_validator(mode="after")
    def _one_place(self) -> Any:
        if (self.folder is None) == (self.sftp is None):
            raise ValueError(Message("exactly one of folder and sftp is expected"))
        if self.sftp is not None and self.password is None and self.key_file is None:
            raise ValueError(Message("sftp needs a password or a key_file"))
        if PLACEHOLDER.sub("", self.name) != re.sub(r"\{(date|station)\}", "", self.name):
            raise ValueError(Message("only {{date}} and {{station}} may stand in braces in a file's name"))
        return self


Platform = Annotated[HttpPlatform | MqttPlatform | CsvPlatform, Field(discriminator="kind")]
