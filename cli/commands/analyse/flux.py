"""The command ``soilco2 analyse flux``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import click

from soilco2.cli.options import (
    echo,
    emit_json,
    fail,
    json_option,
    language_option,
    parse_time,
    present_or_fail,
    window_options,
)
from soilco2.station_config.message import Message, translate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from soilco2.analysis.flux.inputs.assemble import Wanted
    from soilco2.analysis.flux.outcome import Outcome
    from soilco2.analysis.flux.settings import Settings
    from soilco2.station_config.loader import Station

METHODS = (
    "two_layers", "top", "line", "layer_regression", "linear_spline", "power_law", "saturating", "exponential",
    "inverse", "de_jong_schappert_1972", "hirano_2003", "tang_2003", "tang_2005",
)  # fmt: skip


@click.command(
    "flux",
    epilog="Example: soilco2 analyse flux june.csv --soil pit.csv --altitude 374 --out results",
    short_help="CO₂ fluxes with intervals from profiles, or the reason why not.",
)
@click.argument("data", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--soil",
    type=click.Path(path_type=Path),
    help="Soil: TOML with [[soil.horizon]] (and [flux]), or a pit table (CSV); a station file has its own.",
)
@click.option("--method", type=click.Choice(METHODS), help="How the efflux is found.")
@click.option("--diffusivity", help="Model of relative diffusivity, or an expression in eps and phi.")
@click.option("--surface", type=click.Choice(["ambient", "measured", "none"]), help="CO₂ at the surface.")
@click.option("--altitude", "altitude_m", type=float, help="Metres above sea level, where no barometer is.")
@click.option("--profile", "profiles", multiple=True, help="Only this profile; may be repeated.")
@click.option(
    "--every",
    "every",
    metavar="DURATION",
    help="Step of the fluxes, such as 30min. With a station file: stay and keep its journal up to date.",
)
@click.option("--once", is_flag=True, help="With --every on a station: one round, then end.")
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("results"), help="Folder of the results."
)
@click.option("--figures/--no-figures", default=True, help="Whether to draw.")
@window_options
@language_option
@json_option
def command(
    data: tuple[Path, ...], soil: Path | None, method: str | None, diffusivity: str | None, surface: str |
    None,
    altitude_m: float | None, profiles: tuple[str, ...], every: str | None, once: bool, out: Path, figures: bool,
    since: str | None, until: str | None, lang: str, as_json: bool,
) -> None:  # fmt: skip
    """CO₂ fluxes with 95 % intervals from concentration profiles, or the reason why there is none.

    DATA is a station file, or one or more tidy tables (CSV, Parquet).
    """
    present_or_fail([*data, *([] if soil is None else [soil])])
    from soilco2 import __version__
    from soilco2.analysis.errors import AnalysisError
    from soilco2.analysis.flux import job
    from soilco2.analysis.flux import settings as settings_of
    from soilco2.analysis.flux.inputs import assemble, corrections_applied
    from soilco2.station_config.base import parse_duration
    from soilco2.station_config.errors import StationConfigError
    from soilco2.storage.errors import StorageError
    from soilco2.storage.open import open_reader

    zone = ZoneInfo("UTC")
    try:
        shifts: dict[str, list[tuple[int, float]]] = {}
        station = None
        if data[0].suffix == ".toml":
            from soilco2.cli.options import load

            station = load(data[0])
            zone = station.deployments.zone
            shifts = _shifts(station, zone)
        found = _settings(soil, station, data[0])
        chosen = settings_of.with_options(found, method=method, diffusivity=diffusivity, surface=surface)
        wanted = assemble.Wanted(
            start_us=parse_time(since, zone) if since else None,
            end_us=parse_time(until, zone) if until else None,
            every_s=parse_duration(every) if every else None,
            altitude_m=chosen.altitude_m if altitude_m is None else altitude_m,
            shifts=shifts,
            included_m={name: moves[-1][1] for name, moves in shifts.items() if moves},
            profiles=profiles or None,
            corrected=corrections_applied.of_sidecars(data)
            if station is None
            else corrections_applied.of_station(station),
        )
        if station is not None and every:
            _beside(station, chosen, wanted, once)
            return
        reader = open_reader(list(data))
        try:
            outcome = job.run(reader, chosen, wanted)
        finally:
            reader.close()
        asked: dict[str, Any] = {
            "data": [str(path) for path in data], "soil": str(soil or data[0]), "from": since or "", "to": until or "",
            "flux": chosen.flux.model_dump(mode="json"),
        }  # fmt: skip
        paths = job.write(out, outcome, chosen, __version__, asked, lang, figures)
    except (AnalysisError, StationConfigError, StorageError) as error:
        fail(Message.of(error))
    except ValueError as error:
        fail(Message("--every {every!r}: {why}", every=every, why=error))
    _show(outcome, chosen, paths, lang, as_json)


def _settings(soil: Path | None, station: Station | None, path: Path) -> Settings:
    """What is said of the soil, in a file of its own or in the station file at `path`."""
    from soilco2.analysis.flux import settings

    if soil is not None:
        return settings.read(soil)
    if station is not None:
        return settings.of_station(station.file, path)
    fail(Message("a flux needs the soil: give --soil with horizons (TOML) or a pit table (CSV)"))


def _shifts(station: Station, zone: ZoneInfo) -> dict[str, list[tuple[int, float]]]:
    """Moves of the surface by profile: (from [µs UTC], soil added up to then in all [m])."""
    from soilco2.station_config.base import moment_us

    shifts = {}
    for profile in station.file.profile:
        total, moves = 0.0, []
        for change in sorted(profile.surface, key=lambda c: moment_us(c.from_, zone)):
            total += change.change_m
            moves.append((moment_us(change.from_, zone), total))
        shifts[profile.id] = moves
    return shifts


def _beside(station: Station, settings: Settings, wanted: Wanted, once: bool) -> None:
    """Keep the journal's derived series up to date until told to stop."""
    from soilco2.analysis.flux import incremental
    from soilco2.cli.periodic import stop_event
    from soilco2.storage.errors import StorageError
    from soilco2.storage.journal.control import submit
    from soilco2.storage.journal.reader import JournalReader

    stop = stop_event(once)
    bookmark = incremental.Bookmark.of(station.journal_path, settings, wanted)
    assert wanted.every_s is not None
    while True:
        try:
            with JournalReader(station.journal_path) as journal:
                done = incremental.update(
                    journal, settings, wanted, bookmark.read(),
                    lambda rows: int(submit(station, "append_derived", rows=list(rows))),
                )  # fmt: skip
        except StorageError as error:
            if once:
                raise
            # the bookmark stays, so nothing is left out: results that were kept are found unchanged
            echo(Message("{why}; the next round tries again", why=error), err=True)
        else:
            bookmark.write(done.rev)
            echo(
                Message(
                    "revision {rev}: {computed} fluxes computed, {changed} new or changed",
                    rev=done.rev,
                    computed=done.computed,
                    changed=done.changed,
                )
            )
        if once or stop.wait(wanted.every_s):
            return


def _show(outcome: Outcome, settings: Settings, paths: list[Path], lang: str, as_json: bool) -> None:
    from soilco2.analysis.flux import job
    from soilco2.storage.results.results import read_results

    found = read_results(paths[0])
    if as_json:
        from dataclasses import asdict

        emit_json({**asdict(found), "files": [str(path) for path in paths]})
        return
    zh = lang == "zh"
    click.echo(f"{job.UNIT}  {job.method_text(settings)}")
    for row in found.rows:
        name = row.target.split("/")[1]
        if row.value is None:
            click.echo(f"{name:>8}  {'拒绝' if zh else 'refused'}: {_why_zh(row.details) if zh else row.why}")
            _say_left_out(row.details, zh)
            continue
        asked = row.details["asked"]
        count = f"{asked} 个时刻中 {row.n} 个" if zh else f"{row.n} of {asked} times"
        why = (
            _why_zh(row.details)
            if zh
            else ", ".join(f"{key} {value}" for key, value in _refused(row.details))
        )
        click.echo(
            f"{name:>8}  {row.value:.2f} ({row.lower:.2f} … {row.upper:.2f})  {count}; {why}".rstrip("; ")
        )
        _say_left_out(row.details, zh)
    for note in job.notes(settings):
        click.echo(translate(note, lang))
    for path in paths:
        click.echo(str(path))


def _of(details: Mapping[str, Any], prefix: str) -> list[tuple[str, Any]]:
    return [(key.removeprefix(prefix), value) for key, value in details.items() if key.startswith(prefix)]


def _refused(details: Mapping[str, Any]) -> list[tuple[str, Any]]:
    return _of(details, "refused_")


def _say_left_out(details: Mapping[str, Any], zh: bool) -> None:
    """What was not used, and what else must be said, of some times, one line each."""
    from soilco2.analysis.flux.refusals import SENTENCES, Reason

    for key, value in _of(details, "left_out_") + _of(details, "noted_"):
        reason = Reason[key.upper()]
        click.echo(
            f"{'':>8}  {translate(SENTENCES[reason], 'zh')}：{value} 次"
            if zh
            else f"{'':>8}  {value} times: {SENTENCES[reason]}"
        )


def _why_zh(details: Mapping[str, Any]) -> str:
    from soilco2.analysis.flux.refusals import SENTENCES, Reason

    return "，".join(
        f"{translate(SENTENCES[Reason[key.upper()]], 'zh')} {value} 次" for key, value in _refused(details)
    )
