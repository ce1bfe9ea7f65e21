"""Rules between tables about places and time: positions, installations, calibrations, limits."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from itertools import pairwise
from typing import NamedTuple

from soilco2.station_config.base import moment_us
from soilco2.station_config.catalogue.probe import ProbeModel
from soilco2.station_config.checks.wiring import Models, twice
from soilco2.station_config.deployments import SITE, covers, place
from soilco2.station_config.errors import Fault
from soilco2.station_config.message import Message
from soilco2.station_config.parsing.faults import Path, nearest
from soilco2.station_config.parsing.salvage import Salvaged
from soilco2.station_config.tables.instrument import Installation, Instrument


def profiles(salvaged: Salvaged, models: Models) -> Iterator[Fault]:
    """Ids, and one depth twice without a replicate letter."""
    rows = list(enumerate(salvaged.file.profile))
    yield from twice(salvaged, [(("profile", n, "id"), row.id) for n, row in rows], "id")
    for n, profile in rows:
        if profile.id == SITE:
            yield salvaged.fault(
                ("profile", n, "id"),
                SITE,
                Message("this name is kept for variables without depth; choose another"),
            )
        path: Path = ("profile", n, "position")
        ids = [((*path, m, "id"), row.id) for m, row in enumerate(profile.position)]
        yield from twice(salvaged, ids, "id")
        seen: dict[int, list[tuple[int, str]]] = defaultdict(list)
        for m, row in enumerate(profile.position):
            same = seen[round(row.depth_m * 1000)]
            for other, letter in same:
                if not letter or not row.replicate or letter == row.replicate:
                    line = salvaged.line((*path, other, "depth_m"))
                    yield salvaged.fault(
                        (*path, m, "depth_m"), row.depth_m,
                        Message(
                            "position {position} (line {line}) has this depth as well; give both a letter of their "
                            'own, such as replicate = "A" and replicate = "B"',
                            position=profile.position[other].id, line=line,
                        ),
                    )  # fmt: skip
                    break
            same.append((m, row.replicate))


def known_places(salvaged: Salvaged) -> list[str]:
    """Everything an installation may name, of faulty tables as well."""
    found = [SITE]
    for profile in salvaged.rows("profile"):
        positions = profile.get("position", [])
        rows = positions if isinstance(positions, list) else [positions]
        ids = [(profile.get("id"), row.get("id")) for row in rows if isinstance(row, dict)]
        found += [f"{one}/{two}" for one, two in ids if isinstance(one, str) and isinstance(two, str)]
    return found


def installations(salvaged: Salvaged, models: Models) -> Iterator[Fault]:
    """Each one by itself: its place, its channel, its time."""
    places = known_places(salvaged)
    for n, row in enumerate(salvaged.file.instrument):
        model = models.get(row.model_key)
        for m, one in enumerate(row.installation):
            path: Path = ("instrument", n, "installation", m)
            if one.position not in places:
                yield salvaged.fault(
                    (*path, "position"),
                    one.position,
                    Message("no such position; {nearest}", nearest=nearest(one.position, places)),
                )
            elif model is not None:
                yield from _channel_fits(salvaged, path, row, one, model)
            yield from _ends_after(salvaged, path, "until", one.until, one.from_)


def _channel_fits(
    salvaged: Salvaged, path: Path, row: Instrument, one: Installation, model: ProbeModel
) -> Iterator[Fault]:
    variables = salvaged.variables
    used = model.used(row.channels)
    if one.channel is None:
        if used and not any(covers(one, spec, variables) for spec in used):
            names = ", ".join(spec.id for spec in used)
            where = (
                Message("at a position with a depth")
                if one.position == SITE
                else Message('at "{site}"', site=SITE)
            )
            yield salvaged.fault(
                (*path, "position"),
                one.position,
                Message(
                    "no channel of {instrument} belongs here; {names} belong {where}",
                    instrument=row.id,
                    names=names,
                    where=where,
                ),
            )
        return
    spec = model.spec(one.channel)
    if spec is None or spec not in used:
        near = nearest(one.channel, [s.id for s in used])
        wrong = (
            Message("{model} has no such channel; {nearest}", model=model.id, nearest=near)
            if spec is None
            else Message(
                "{instrument} does not list this channel under channels; {nearest}",
                instrument=row.id, nearest=near,
            )
        )  # fmt: skip
        yield salvaged.fault((*path, "channel"), one.channel, wrong)
        return
    known = variables[spec.variable]
    if one.position == SITE and not known.at_site:
        yield salvaged.fault(
            (*path, "position"),
            one.position,
            Message("{variable} needs a position with a depth, such as 'p1/d10'", variable=known.id),
        )
    if one.position != SITE and not known.has_depth:
        yield salvaged.fault(
            (*path, "position"),
            one.position,
            Message('{variable} has no depth; write position = "{site}"', variable=known.id, site=SITE),
        )


def _ends_after(
    salvaged: Salvaged, path: Path, key: str, end: datetime | date | None, start: datetime | date
) -> Iterator[Fault]:
    zone = salvaged.file.station.zone
    if end is not None and moment_us(end, zone) <= moment_us(start, zone):
        yield salvaged.fault(
            (*path, key),
            end,
            Message("a time after its beginning, {start}, is expected", start=start.isoformat()),
        )


class _Stay(NamedTuple):
    start: float
    end: float
    path: Path
    row: Instrument
    channel: str
    place: str


def _stays(salvaged: Salvaged, models: Models) -> Iterator[tuple[_Stay, str]]:
    zone = salvaged.file.station.zone
    places = known_places(salvaged)
    for n, row in enumerate(salvaged.file.instrument):
        model = models.get(row.model_key)
        for m, one in enumerate(row.installation if model is not None else ()):
            start = moment_us(one.from_, zone)
            end = float("inf") if one.until is None else moment_us(one.until, zone)
            if one.position not in places or end <= start:
                continue
            assert model is not None
            for spec in model.used(row.channels):
                if covers(one, spec, salvaged.variables):
                    path: Path = ("instrument", n, "installation", m)
                    yield _Stay(start, end, path, row, spec.id, one.position), spec.variable


def overlaps(salvaged: Salvaged, models: Models) -> Iterator[Fault]:
    """The same channel at two places at once, or two channels giving the same series at once."""
    by_channel: dict[tuple[str, str], list[_Stay]] = defaultdict(list)
    by_series: dict[tuple[str, str], list[_Stay]] = defaultdict(list)
    for stay, variable in _stays(salvaged, models):
        by_channel[stay.row.serial, stay.channel].append(stay)
        by_series[stay.place, variable].append(stay)
    said: set[tuple[Path, Path]] = set()
    for stays in by_channel.values():
        for first, second in _overlapping(stays):
            if (first.path, second.path) in said:
                continue
            said.add((first.path, second.path))
            line = salvaged.line((*first.path, "position"))
            where = (
                Message("there")
                if first.place == second.place
                else Message("at {position}", position=first.place)
            )
            yield salvaged.fault(
                (*second.path, "from"), second.row.installation[int(second.path[3])].from_,
                Message(
                    "channel {channel} of {instrument} is {where} at this time already (line {line}); end that "
                    "installation with until, or name the channel each one places",
                    channel=second.channel, instrument=second.row.id, where=where, line=line,
                ),
            )  # fmt: skip
    for (at, variable), stays in by_series.items():
        for first, second in _overlapping(stays):
            same = (first.row.serial, first.channel) == (second.row.serial, second.channel)
            if same or (first.path, second.path) in said:
                continue
            said.add((first.path, second.path))
            line = salvaged.line((*first.path, "position"))
            profile, position = place(at)
            name = f"{profile}/{position}/{variable}" if position else f"{profile}/{variable}"
            yield salvaged.fault(
                (*second.path, "position"), at,
                Message(
                    "{instrument}.{channel} gives the series {series} at this time already (line {line}); end that "
                    "installation with until, use another position, or name the channel each one places",
                    instrument=first.row.id, channel=first.channel, series=name, line=line,
                ),
            )  # fmt: skip


def _overlapping(stays: Iterable[_Stay]) -> Iterator[tuple[_Stay, _Stay]]:
    """Each stay that begins before an earlier one has ended, with that one."""
    open_: _Stay | None = None
    for stay in sorted(stays, key=lambda one: (one.start, one.path[1], one.path[3])):
        if open_ is not None and stay.start < open_.end:
            yield open_, stay
        if open_ is None or stay.end > open_.end:
            open_ = stay


def calibrations(salvaged: Salvaged, models: Models) -> Iterator[Fault]:
    """Times, and two calibrations of a channel from the same moment."""
    zone = salvaged.file.station.zone
    for n, row in enumerate(salvaged.file.instrument):
        seen: dict[tuple[str, int], int] = {}
        for m, one in enumerate(row.calibration):
            path: Path = ("instrument", n, "calibration", m)
            yield from _ends_after(salvaged, path, "valid_until", one.valid_until, one.valid_from)
            yield from _ends_after(salvaged, path, "due", one.due, one.valid_from)
            key = (one.channel, moment_us(one.valid_from, zone))
            if key in seen:
                line = salvaged.line(("instrument", n, "calibration", seen[key], "valid_from"))
                yield salvaged.fault(
                    (*path, "valid_from"), one.valid_from,
                    Message(
                        "{channel} has another calibration from this moment (line {line}); keep one of them",
                        channel=one.channel, line=line,
                    ),
                )  # fmt: skip
            seen.setdefault(key, m)


def limits(salvaged: Salvaged, models: Models) -> Iterator[Fault]:
    """Site limits name what exists and are in order."""
    places = known_places(salvaged)
    known = salvaged.variables
    seen: dict[tuple[str, str | None], int] = {}
    for n, row in enumerate(salvaged.file.quality.limits):
        path: Path = ("quality", "limits", n)
        if row.variable not in known:
            yield salvaged.fault(
                (*path, "variable"),
                row.variable,
                Message("no such variable; {nearest}", nearest=nearest(row.variable, known)),
            )
        if row.position is not None and row.position not in places:
            yield salvaged.fault(
                (*path, "position"),
                row.position,
                Message("no such position; {nearest}", nearest=nearest(row.position, places)),
            )
        order = [
            (key, getattr(row, key))
            for key in ("lower", "suspect_lower", "suspect_upper", "upper")
            if getattr(row, key) is not None
        ]
        for (low, small), (high, large) in pairwise(order):
            if small > large or (small == large and {low, high} == {"lower", "upper"}):
                yield salvaged.fault(
                    (*path, high),
                    large,
                    Message("a number above {key} = {limit:g} is expected", key=low, limit=small),
                )
        if (row.variable, row.position) in seen:
            line = salvaged.line(("quality", "limits", seen[row.variable, row.position]))
            yield salvaged.fault(
                path,
                None,
                Message(
                    "limits of {variable} stand at line {line} already; join them",
                    variable=row.variable,
                    line=line,
                ),
            )
        seen.setdefault((row.variable, row.position), n)


def horizons(salvaged: Salvaged, models: Models) -> Iterator[Fault]:
    """Soil horizons name profiles that exist."""
    known = salvaged.names("profile")
    for n, row in enumerate(salvaged.file.soil.horizon if salvaged.file.soil is not None else ()):
        if row.profile is not None and row.profile not in known:
            yield salvaged.fault(
                ("soil", "horizon", n, "profile"),
                row.profile,
                Message("no such profile; {nearest}", nearest=nearest(row.profile, known)),
            )


RULES = (profiles, installations, overlaps, calibrations, limits, horizons)
