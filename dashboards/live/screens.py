"""Screens: which panels, variables and spans, in which order, by a short TOML file or by the station file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, StrictBool, ValidationError, model_validator

from soilco2.station_config.base import Table
from soilco2.station_config.errors import StationFileError
from soilco2.station_config.loader import Station
from soilco2.station_config.message import Message
from soilco2.station_config.parsing.faults import fault_at, from_models, nearest
from soilco2.station_config.parsing.toml_source import read_toml

PANELS = (
    "column", "curve", "heat", "series", "second", "picture", "table", "quality", "instruments", "results", "log",
)  # fmt: skip
"""Every panel there is."""
PICTURES = {".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".svg": "image/svg+xml"}
"""Pictures by the end of their name."""
MOST_SCREEN = 64 * 1024
"""Size of a screen file at most [bytes]."""
MOST_PICTURE = 8 * 2**20
"""Size of a picture at most [bytes]."""

Panel = Literal[
    "column", "curve", "heat", "series", "second", "picture", "table", "quality", "instruments", "results", "log"
]  # fmt: skip


class Title(Table):
    """A title in both languages."""

    en: str = Field(min_length=1, max_length=80)
    zh: str = Field(min_length=1, max_length=80)


class Place(Table):
    """A value on a picture."""

    series: str = Field(pattern=r"^[^/]+/[^/]*/[^/]+$")
    """profile/position/variable"""
    x: float = Field(ge=0, le=100)
    """From the left edge [%]."""
    y: float = Field(ge=0, le=100)
    """From the upper edge [%]."""


class Picture(Table):
    """A photo or drawing of the site with values on it."""

    file: str = Field(pattern=r"^[^/\\]+$")
    """File beside the screen's."""
    place: list[Place] = Field(default_factory=list, max_length=100)


class Screen(Table):
    """One screen."""

    title: Title
    panels: list[Panel] = Field(min_length=1)
    """In the order in which they stand."""
    profile: str | None = None
    variable: str | None = None
    second: str | None = None
    span: Literal["day", "days3", "week", "fortnight", "month", "all"] = "week"
    log: StrictBool = False
    interpolate: StrictBool = False
    """Colours between the probes of column and heat map."""
    picture: Picture | None = None

    @model_validator(mode="after")
    def _whole(self) -> Screen:
        if len(set(self.panels)) < len(self.panels):
            raise ValueError(Message("a panel is named twice"))
        if ("picture" in self.panels) != (self.picture is not None):
            raise ValueError(Message("the panel 'picture' and the table [picture] belong together"))
        if self.interpolate and not {"column", "heat"} & set(self.panels):
            raise ValueError(Message("interpolate = true needs the panel 'column' or 'heat'"))
        return self


def defaults(station: Station) -> dict[str, Screen]:
    """The screens of a station without screen files: its first variables by depth, CO₂ before all."""
    there = {series[3] for series in station.deployments.series()}
    deep = [name for name, known in station.variables.items() if name in there and known.has_depth]
    first = next((name for name in ("co2", *deep) if name in there), None)
    second = next((name for name in ("soil_temperature", *deep) if name in there and name != first), None)
    return {
        "profile": Screen(
            title=Title(en="Profile", zh="剖面"),
            panels=["column", "curve", "heat", "series", *(["second"] if second else []), "table"],
            variable=first,
            second=second,
        ),
        "state": Screen(
            title=Title(en="Station", zh="台站状态"),
            panels=["quality", "instruments", "log"],
        ),
        "results": Screen(
            title=Title(en="Results", zh="结果"),
            panels=["series", "results"],
        ),
        "all": Screen(title=Title(en="Everything", zh="全部"), panels=[p for p in PANELS if p != "picture"]),
    }


def read_screens(station: Station, folder: Path | None) -> tuple[dict[str, Screen], list[Message]]:
    """Screens by name, those of files first, and one sentence for each file that cannot be used."""
    found: dict[str, Screen] = {}
    faults: list[Message] = []
    if folder is not None and not folder.is_dir():
        faults.append(
            Message(
                "the folder of screens {name} is not there; the screens of the station file are shown",
                name=folder.name,
            )
        )
    for path in sorted(folder.glob("*.toml")) if folder is not None and folder.is_dir() else ():
        try:
            found[path.stem] = read_screen(path, station)
        except StationFileError as error:
            faults.append(Message.of(replace(error.faults[0], file=path.name)))
        except ValueError as error:
            faults.append(Message("{path}: {why}", path=path.name, why=error))
    return {**found, **{name: s for name, s in defaults(station).items() if name not in found}}, faults


def read_screen(path: Path, station: Station) -> Screen:
    """One screen file.

    Raises
    ------
    ValueError
        In one sentence: what is wrong, where.
    """
    if path.is_file() and path.stat().st_size > MOST_SCREEN:
        raise ValueError(Message("a screen is a file of at most {most} KiB", most=MOST_SCREEN // 1024))
    data, root = read_toml(path)
    try:
        screen = Screen.model_validate(data)
    except ValidationError as error:
        raise StationFileError(from_models(error.errors(include_url=False), data, root, Screen)) from None
    for key in ("variable", "second"):
        name = getattr(screen, key)
        if name is not None and name not in station.variables:
            why = Message(
                "{name!r} is no variable; {nearest}", name=name, nearest=nearest(name, station.variables)
            )
            raise StationFileError([fault_at(root, (key,), name, why)])
    profiles = [p.id for p in station.file.profile]
    if screen.profile is not None and screen.profile not in profiles:
        raise ValueError(
            Message(
                "profile {profile!r} is not in the station; there are {profiles}",
                profile=screen.profile,
                profiles=", ".join(profiles),
            )
        )
    if screen.picture is not None:
        _look(path.parent / screen.picture.file)
        known = {"/".join(series[1:]) for series in station.deployments.series()}
        for place in screen.picture.place:
            if place.series not in known:
                raise ValueError(
                    Message("picture.place: the station has no series {series!r}", series=place.series)
                )
    return screen


def _look(path: Path) -> None:
    if path.suffix.lower() not in PICTURES:
        raise ValueError(Message("picture.file: {name} is neither PNG, JPEG nor SVG", name=path.name))
    if not path.is_file():
        raise ValueError(Message("picture.file: {name} is not beside the screen's file", name=path.name))
    if path.stat().st_size > MOST_PICTURE:
        raise ValueError(
            Message(
                "picture.file: {name} is larger than {most} MiB", name=path.name, most=MOST_PICTURE // 2**20
            )
        )


def as_dict(name: str, screen: Screen) -> dict[str, Any]:
    """A screen for the page."""
    return {"id": name, **screen.model_dump()}
